"""A wire between programs that can be cut, frozen and led elsewhere."""

import select
import socket
import struct
import threading


class Wire:
    """A port of its own that hands everything on to another one.

    target     the port behind it; connections made later go there
    on_chunk   None, or on_chunk(number, is_reply), called before bytes are handed on: "cut" drops
               the connection in place of that, a number hands on so many bytes first
    """

    def __init__(self, target):
        self.target = target
        self.on_chunk = None
        self.count = 0  # pieces that came through
        self.cuts = 0
        self._flows = threading.Event()
        self._flows.set()
        self._lock = threading.Lock()
        self._pairs = set()
        self._socket = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port = self._socket.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                near = self._socket.accept()[0]
            except OSError:
                return
            threading.Thread(target=self._carry, args=(near,), daemon=True).start()

    def _carry(self, near):
        try:
            far = socket.create_connection(("127.0.0.1", self.target))
        except OSError:
            reset(near)
            return
        for end in (near, far):
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        pair = (near, far)
        with self._lock:
            self._pairs.add(pair)
        try:
            self._pump(near, far)
        except (OSError, ValueError):
            pass
        with self._lock:
            self._pairs.discard(pair)
        for end in pair:
            reset(end)

    def _pump(self, near, far):
        poll = select.poll()
        for end in (near, far):
            poll.register(end, select.POLLIN)
        while True:
            for number, _ in poll.poll():
                source, sink = (near, far) if number == near.fileno() else (far, near)
                data = source.recv(1 << 16)
                if not data:
                    return
                self._flows.wait()
                with self._lock:
                    self.count += 1
                    count = self.count
                verdict = self.on_chunk and self.on_chunk(count, source is far)
                if verdict is not None:
                    self.cuts += 1
                    if verdict != "cut":
                        sink.sendall(data[:verdict])
                    return
                sink.sendall(data)

    def freeze(self):
        """What comes from now on is held, in both directions."""
        self._flows.clear()

    def thaw(self):
        self._flows.set()

    def drop(self):
        """Breaks all connections; what was held is lost. Gives how many."""
        with self._lock:
            pairs, self._pairs = self._pairs, set()
        for pair in pairs:
            for end in pair:
                shut(end)
        return len(pairs)

    def close(self):
        self._socket.close()
        self.drop()
        self.thaw()


def shut(end):
    """Wakes who waits for it; the thread that carries it closes it."""
    try:
        end.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass


def reset(end):
    try:
        end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    except OSError:
        pass
    end.close()
