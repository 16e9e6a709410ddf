"""A server on this machine that serves media files well or badly, by path."""

import contextlib
import socket
import struct
import sys
import threading
import time
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple


class Seen(NamedTuple):
    """A request that arrived."""

    path: str
    range: str | None
    cookie: str | None
    at: float


class MediaServer:
    """Serves one media file under every path; the first part of a path says how, as ``/404/any.mp4``.

    - ``fine``, ``slow``: the file, or the part of it that is asked for.
    - a number: that status. ``429-date``: with a Retry-After far away.
    - ``500-once``, ``429-once``, ``429-wait-once`` (Retry-After: 1): the first request of a path is refused, later ones
      are not. ``429-together``: the same, once as many such requests have arrived as the barrier ``together`` asks for.
    - ``truncated``, ``reset``: breaks off half-way. ``stalled``: stops half-way and holds the connection; ``silent``:
      from the beginning; ``drip``: a byte at a time. ``truncated-once``, ``stalled-once``: serve who asks for the rest.
    - ``endless``, ``endless-html``: no length, and no end.
    - ``empty``, ``html``, ``page``, ``two``: no byte, a page without a video, with one, with two.
    - ``to-fine``, ``to-file``, ``to-ftp``, ``loop``: a redirect.

    Attributes:
        routes: the ways of single paths, which win over their first part; may be changed at any time.
        bodies: what is served under paths of no known way, as (body, content type).
        seen: the requests so far.
        block: while set, every request is answered by 429.
        together: a barrier for ``429-together``.
    """

    def __init__(self, media: bytes, routes: Mapping[str, str] | None = None) -> None:
        self.media, self.routes = media, dict(routes or {})
        self.bodies: dict[str, tuple[bytes, str]] = {}
        self.seen: list[Seen] = []
        self.block, self.stop = threading.Event(), threading.Event()
        self.together = threading.Barrier(1)
        self._lock = threading.Lock()
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.owner = self
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self.stop.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def url(self, path):
        """Return the address of a path, which begins with a stroke."""
        return f"http://127.0.0.1:{self._server.server_port}{path}"

    def hits(self, path):
        """Return the requests for a path, in their order."""
        with self._lock:
            return [seen for seen in self.seen if seen.path == path]

    def note(self, seen):
        """Log a request; return how many there have been for its path."""
        with self._lock:
            self.seen.append(seen)
            return sum(earlier.path == seen.path for earlier in self.seen)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64
    owner: MediaServer

    def handle_error(self, request, client_address):
        if not isinstance(sys.exc_info()[1], ConnectionError):  # a client that has heard enough is no error
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        owner = self.server.owner
        seen = Seen(self.path, self.headers.get("Range"), self.headers.get("Cookie"), time.monotonic())
        count = owner.note(seen)
        kind = owner.routes.get(self.path, self.path.split("/")[1])
        with contextlib.suppress(ConnectionError):
            self.answer("429" if owner.block.is_set() else kind, count == 1, owner)

    def do_HEAD(self):
        self.send_error(405)

    def answer(self, kind, first, owner):
        half = len(owner.media) // 2
        if kind == "429-together":
            if first:
                owner.together.wait()
                self.status(429)
            else:
                self.serve(owner.media)
        elif kind.endswith("-once") and kind[:3].isdigit():
            if first:
                self.status(int(kind[:3]), {"Retry-After": "1"} if "wait" in kind else {})
            else:
                self.serve(owner.media)
        elif kind == "429-date":
            self.status(429, {"Retry-After": "Fri, 31 Dec 2999 23:59:59 GMT"})
        elif kind.isdigit():
            self.status(int(kind))
        elif kind == "fine" or (kind in ("truncated-once", "stalled-once") and self.headers.get("Range")):
            self.serve(owner.media)
        elif kind in ("truncated", "truncated-once"):
            self.begin(len(owner.media))
            self.wfile.write(owner.media[:half])
            self.close_connection = True
        elif kind == "reset":
            self.begin(len(owner.media))
            self.wfile.write(owner.media[:half])
            self.wfile.flush()
            # Closing with a linger of no time resets the connection.
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.close_connection = True
        elif kind in ("stalled", "stalled-once"):
            self.begin(len(owner.media))
            self.wfile.write(owner.media[:half])
            owner.stop.wait()
        elif kind == "silent":
            owner.stop.wait()
        elif kind in ("slow", "drip"):
            self.begin(len(owner.media))
            size = len(owner.media) // 4 if kind == "slow" else 1
            for start in range(0, len(owner.media), size):
                self.wfile.write(owner.media[start : start + size])
                if owner.stop.wait(0.05):
                    return
        elif kind == "endless":
            self.flood("video/mp4", owner.media, owner.stop)
        elif kind == "endless-html":
            self.flood("text/html", b"<html>" + b"<p>more</p>" * 10_000, owner.stop)
        elif kind == "empty":
            self.begin(0)
        elif kind == "html":
            self.serve(
                b"<!doctype html><html><head><title>Not found</title></head><body>gone</body></html>", "text/html"
            )
        elif kind == "page":
            self.serve(b'<!doctype html><html><body><video src="/fine/a.mp4"></video></body></html>', "text/html")
        elif kind == "two":
            videos = b'<video src="/fine/a.mp4"></video><video src="/fine/b.mp4"></video>'
            self.serve(b"<!doctype html><html><body>" + videos + b"</body></html>", "text/html")
        elif kind.startswith("to-"):
            targets = {"to-fine": "/fine/a.mp4", "to-file": "file:///etc/passwd", "to-ftp": "ftp://127.0.0.1/a.mp4"}
            self.status(302, {"Location": targets[kind]})
        elif kind == "loop":
            self.status(302, {"Location": self.path})
        elif self.path in owner.bodies:
            self.serve(*owner.bodies[self.path])
        else:
            self.status(404)

    def begin(self, length, content_type="video/mp4", status=200, headers=None):
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(length))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()

    def status(self, code, headers=None):
        self.begin(0, "text/plain", code, headers)

    def serve(self, body, content_type="video/mp4"):
        wanted = self.headers.get("Range")
        if wanted is None:
            self.begin(len(body), content_type)
            self.wfile.write(body)
            return
        start = int(wanted.removeprefix("bytes=").split("-")[0])
        if start >= len(body):
            self.status(416, {"Content-Range": f"bytes */{len(body)}"})
            return
        part = {"Content-Range": f"bytes {start}-{len(body) - 1}/{len(body)}"}
        self.begin(len(body) - start, content_type, 206, part)
        self.wfile.write(body[start:])

    def flood(self, content_type, piece, stop):
        self.send_response(200)
        self.send_header("Content-Type", content_type)
        self.send_header("Connection", "close")
        self.end_headers()
        while not stop.is_set():
            self.wfile.write(piece)

    def log_message(self, *args):
        pass
