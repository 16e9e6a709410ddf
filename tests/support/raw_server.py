"""A server on 127.0.0.1 that says what a test tells it to, byte by byte, and stops with the test."""

import contextlib
import socket
import threading
from collections.abc import Callable

Script = Callable[[socket.socket, bytes, threading.Event], None]


class RawServer:
    """Hands each connection to a script, with the head of the request and an event that is set at the end.

    Attributes:
        url: its address, without a path.
        requests: the heads of the requests, in their order.
    """

    def __init__(self, script: Script) -> None:
        self.script, self.stop, self.requests = script, threading.Event(), []
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._socket.settimeout(0.05)
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        self._threads = [threading.Thread(target=self._accept)]

    def __enter__(self) -> "RawServer":
        self._threads[0].start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop.set()
        for thread in self._threads:
            thread.join()
        self._socket.close()

    def _accept(self) -> None:
        while not self.stop.is_set():
            with contextlib.suppress(TimeoutError):
                connection, _ = self._socket.accept()
                thread = threading.Thread(target=self._serve, args=(connection,))
                self._threads.append(thread)
                thread.start()

    def _serve(self, connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            connection.settimeout(5)
            head = b""
            while b"\r\n\r\n" not in head:
                if not (received := connection.recv(4096)):
                    return
                head += received
            self.requests.append(head)
            self.script(connection, head, self.stop)


def drip(text: bytes, every_s: float = 0.02) -> Script:
    """Send a text a byte at a time."""

    def script(connection: socket.socket, _: bytes, stop: threading.Event) -> None:
        for place in range(len(text)):
            connection.sendall(text[place : place + 1])
            if stop.wait(every_s):
                return

    return script


def for_ever(begin: bytes, piece: bytes, every_s: float = 0.01) -> Script:
    """Send a beginning, and then a piece again and again."""

    def script(connection: socket.socket, _: bytes, stop: threading.Event) -> None:
        connection.sendall(begin)
        while not stop.wait(every_s):
            connection.sendall(piece)

    return script


def once(text: bytes) -> Script:
    """Send a text and hang up."""
    return lambda connection, _, __: connection.sendall(text)


# Ways to keep a client waiting although no single read takes long.
ENDLESS = {
    "interim answers": for_ever(b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    "interim answers with headers": for_ever(b"", b"HTTP/1.1 100 Continue\r\nX-Wait: more\r\n\r\n"),
    "a header a byte at a time": for_ever(b"HTTP/1.1 200 OK\r\nX-Wait: ", b"a"),
    "a status a byte at a time": drip(b"HTTP/1.1 200 OK" + b" " * 60000),
}
SLOW_BODIES = {
    "a body a byte at a time": for_ever(
        b"HTTP/1.1 200 OK\r\nContent-Type: video/mp4\r\nContent-Length: 90000\r\n\r\n", b"a"
    ),
    "the size of a chunk a byte at a time": for_ever(
        b"HTTP/1.1 200 OK\r\nContent-Type: video/mp4\r\nTransfer-Encoding: chunked\r\n\r\n", b"0"
    ),
    "trailers without end": for_ever(
        b"HTTP/1.1 200 OK\r\nContent-Type: video/mp4\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n", b"X: a\r\n"
    ),
}
