"""A proxy for specs that knows CONNECT alone, on a port of 127.0.0.1 that the kernel chooses.

    python3 spec/support/connect_proxy.py [STATUS]

With a status it answers so, and connects to nobody. Its first line is its port, and each CONNECT is
a line more. It ends when its stdin ends.
"""

import socket
import sys
import threading


def pour(source, to):
    try:
        while data := source.recv(65536):
            to.sendall(data)
        to.shutdown(socket.SHUT_WR)
    except OSError:
        pass


def serve(client, status):
    head = b""
    while b"\r\n\r\n" not in head:
        data = client.recv(4096)
        if not data:
            return
        head += data
    line = head.split(b"\r\n")[0].decode()
    print(line, flush=True)
    if status:
        client.sendall(f"HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n".encode())
        client.close()
        return
    host, port = line.split()[1].rsplit(":", 1)
    server = socket.create_connection((host, int(port)))
    client.sendall(b"HTTP/1.1 200 Connected\r\n\r\n")
    threading.Thread(target=pour, args=(client, server), daemon=True).start()
    pour(server, client)


def accept(listener, status):
    while True:
        threading.Thread(target=serve, args=(listener.accept()[0], status), daemon=True).start()


def main():
    listener = socket.create_server(("127.0.0.1", 0))
    print(listener.getsockname()[1], flush=True)
    status = " ".join(sys.argv[1:])
    threading.Thread(target=accept, args=(listener, status), daemon=True).start()
    sys.stdin.read()


if __name__ == "__main__":
    main()
