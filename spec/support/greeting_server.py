"""A server over TLS 1.2 that speaks right after the handshake, before anybody has asked.

    python3 spec/support/greeting_server.py CERT KEY GREETING FILE

It writes GREETING in the same segment as its end of the handshake, so that both are there when the
client's end is. What a client sends then is written into FILE, which stays empty where nothing
comes. Its first line is its port. It ends when its stdin ends.
"""

import socket
import ssl
import sys
import threading


def shake_hands(sock, certificate, key):
    # One for each connection: where a session is resumed, the client's end comes last.
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = context.wrap_bio(incoming, outgoing, server_side=True)
    while True:
        try:
            tls.do_handshake()
            return tls, incoming, outgoing
        except ssl.SSLWantReadError:
            sock.sendall(outgoing.read())
            incoming.write(sock.recv(65536))


def serve(sock, certificate, key, greeting, path):
    tls, incoming, outgoing = shake_hands(sock, certificate, key)
    tls.write(greeting)
    sock.sendall(outgoing.read())
    while data := sock.recv(65536):
        incoming.write(data)
        try:
            request = tls.read(65536)
        except ssl.SSLError:
            continue
        if request:
            with open(path, "ab") as file:
                file.write(request)
            sock.close()
            return


def main():
    certificate, key, greeting, path = sys.argv[1:]
    listener = socket.create_server(("127.0.0.1", 0))
    print(listener.getsockname()[1], flush=True)

    def accept():
        while True:
            threading.Thread(target=serve, daemon=True,
                             args=(listener.accept()[0], certificate, key, greeting.encode(),
                                   path)).start()

    threading.Thread(target=accept, daemon=True).start()
    sys.stdin.read()


if __name__ == "__main__":
    main()
