"""A server of files on 127.0.0.1 that can answer badly, for tests of downloads."""

import contextlib
import hashlib
import json
import threading
from collections import deque
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class FileServer:
    """Serves ``files`` (path → bytes) with ranges and ETags, and writes down what it was asked for and what it sent.

    ``behaviours`` (path → names) say how the next requests for a path are answered; once they are used up, well:
    a number is an error of that status; ``429 after N`` has a Retry-After; ``broken`` hangs up after half of what
    it announced, and ``stalled`` does not; ``to URL`` redirects; ``endless`` sends without end or length;
    ``unsized`` has no length; ``silent`` does not answer; ``shifted`` answers a range with another one. What ends
    in ``!`` is done each time. ``handler`` answers, if a subclass has its own.
    """

    handler: "type[Handler] | None" = None

    def __init__(self, ranges=True, etags=True):
        self.ranges, self.etags = ranges, etags
        self.files: dict[str, bytes] = {}
        self.behaviours: dict[str, deque[str]] = {}
        self.requests: list[tuple[str, str | None]] = []  # path, Range
        self.sent: list[tuple[str, int, int]] = []  # path, status, bytes of the body
        self.stop = threading.Event()

    def __enter__(self):
        handler = type("Handler", (self.handler or Handler,), {"owner": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()
        return self

    def __exit__(self, *error):
        self.stop.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()  # waits for the threads of requests

    def behave(self, path, *names):
        self.behaviours[path] = deque(names)

    def paths(self):
        return [path for path, _ in self.requests]

    def add_record(self, number, files, link="/api/records/{number}/files/{name}/content", **wrong):
        """Serve a record as Zenodo's API describes it: files by name; ``wrong`` replaces fields of each entry."""
        entries = []
        for name, content in files.items():
            path = link.format(number=number, name=name)
            self.files[path] = content
            checksum = f"md5:{hashlib.md5(content).hexdigest()}"
            links = {"self": f"{self.url}{path}"}
            entry = {"id": "x", "key": name, "size": len(content), "checksum": checksum, "links": links}
            entries.append(entry | wrong)
        record = {"id": number, "metadata": {"title": "A record"}, "files": entries}
        self.files[f"/api/records/{number}"] = json.dumps(record).encode()


class Handler(BaseHTTPRequestHandler):
    owner: FileServer

    def do_GET(self):
        path, wanted = self.path, self.headers.get("Range")
        self.owner.requests.append((path, wanted))
        queue = self.owner.behaviours.get(path)
        kind = (queue[0] if queue[0].endswith("!") else queue.popleft()) if queue else "well"
        with contextlib.suppress(ConnectionError):
            self.answer(kind.rstrip("!"), self.owner.files.get(path), wanted)

    def answer(self, kind, content, wanted):
        if kind == "silent":
            self.owner.stop.wait(10)
        elif kind == "endless":
            self.start(200)
            while not self.owner.stop.is_set():
                self.wfile.write(bytes(1 << 16))
        elif kind.startswith("to "):
            self.start(302, 0, Location=kind[3:])
        elif kind[0].isdigit():
            status, _, after = kind.partition(" after ")
            self.start(int(status), 0, **({"Retry-After": after} if after else {}))
        elif content is None:
            self.start(404, 0)
        else:
            self.send_file(kind, content, wanted)

    def send_file(self, kind, content, wanted):
        weak = "W/" if self.owner.etags == "weak" else ""
        etag = f'{weak}"{hashlib.sha256(content).hexdigest()[:16]}"'
        headers = {"ETag": etag} if self.owner.etags else {}
        condition = self.headers.get("If-Range")
        begin = 0
        if self.owner.ranges and wanted and condition in (None, etag):
            begin = int(wanted.removeprefix("bytes=").removesuffix("-"))
            if begin >= len(content):
                return self.start(416, 0, **{"Content-Range": f"bytes */{len(content)}"})
            begin -= 1 if kind == "shifted" else 0
            headers["Content-Range"] = f"bytes {begin}-{len(content) - 1}/{len(content)}"
        status = 206 if "Content-Range" in headers else 200
        body = content[begin:]
        self.start(status, None if kind == "unsized" else len(body), **headers)
        body = body[: len(body) // 2] if kind in ("broken", "stalled") else body
        self.owner.sent.append((self.path, status, len(body)))
        self.wfile.write(body)
        if kind == "stalled":
            self.owner.stop.wait(20)

    def start(self, status, length=None, **headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if length is not None:
            self.send_header("Content-Length", str(length))
        self.end_headers()

    def log_message(self, *args):
        pass
