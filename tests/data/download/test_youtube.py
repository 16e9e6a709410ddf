"""What YouTube says, through yt-dlp's own extractor, asked of a server on this machine: refusals are no losses."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from yt_dlp import YoutubeDL

from avbench.core.errors import UserError
from avbench.data.download import Downloader, DownloadSettings, FetchError, downloader
from avbench.data.download.session import BlockedError, Session

VIDEO = "dQw4w9WgXcQ"
URL = f"https://www.youtube.com/watch?v={VIDEO}"


NEXT = {"contents": {"twoColumnWatchNextResults": {}}, "currentVideoEndpoint": {}, "engagementPanels": []}


class Host:
    """Answers the watch page and the player as it is told to, each with a status.

    Attributes:
        playability: what the player says of every video.
        statuses: of ``watch`` and ``player``; 200 unless given.
        asked: the paths so far.
    """

    def __init__(self) -> None:
        self.playability, self.statuses, self.asked = {}, {}, []
        handler = type("Handler", (_Handler,), {"host": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.address = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def answer(self, path):
        """Return status, content type and body."""
        kind = "player" if "/youtubei/v1/player" in path else "watch" if path.startswith("/watch") else "other"
        status = self.statuses.get(kind, 200)
        said = {"playabilityStatus": self.playability, "videoDetails": {"videoId": VIDEO, "title": "t"}}
        if kind == "player":
            return status, "application/json", json.dumps(said)
        if kind == "watch":
            script = f"var ytInitialPlayerResponse = {json.dumps(said)};</script><script>"
            script += f"var ytInitialData = {json.dumps(NEXT)};"
            return status, "text/html", f"<html><script>{script}</script></html>"
        if "/youtubei/" in path:
            return 200, "application/json", json.dumps(NEXT)
        return 404, "text/plain", ""


class _Handler(BaseHTTPRequestHandler):
    host: Host

    def do_GET(self):
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.host.asked.append(self.path)
        status, kind, text = self.host.answer(self.path)
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self):
        self.do_GET()

    def log_message(self, *args):
        pass


@pytest.fixture
def host(monkeypatch):
    """A host that all requests for YouTube go to; others go nowhere."""
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setattr(downloader, "_BACKOFF_S", 0.01)
    real = YoutubeDL.urlopen
    with Host() as made:

        def urlopen(self, req):
            request = req if not isinstance(req, str) else None
            url = req if request is None else request.url
            scheme, _, rest = url.partition("://")
            name, _, path = rest.partition("/")
            assert scheme in ("http", "https")
            assert name.endswith(("youtube.com", "googleapis.com", "ytimg.com"))
            target = f"{made.address}/{path}"
            if request is None:
                return real(self, target)
            copied = request.copy()
            copied.url = target
            return real(self, copied)

        monkeypatch.setattr(YoutubeDL, "urlopen", urlopen)
        yield made


@pytest.fixture
def save(tmp_path):
    """Ask for the video once."""
    session = Session(DownloadSettings(timeout_s=20), None, lambda: None)
    yield lambda: session.save(URL, tmp_path)
    session.close()


BOT = "Sign in to confirm you{}re not a bot. This helps protect our community. Learn more"
REFUSALS = [
    ("LOGIN_REQUIRED", BOT.format("'")),
    ("LOGIN_REQUIRED", BOT.format("’")),
    ("UNPLAYABLE", BOT.format("’")),
    ("ERROR", BOT.format("'")),
    ("ERROR", "This content isn't available, try again later."),
    ("ERROR", "This content isn’t available, try again later."),
    ("UNPLAYABLE", "This content isn’t available, try again later."),
    ("ERROR", "An error occurred. Please try again later."),
    ("UNPLAYABLE", "An error occurred. Please try again later. (Playback ID: q1W2)"),
    ("UNPLAYABLE", "The page needs to be reloaded."),
]


@pytest.mark.parametrize(("status", "reason"), REFUSALS)
def test_what_youtube_says_to_a_machine_that_it_refuses_is_a_block(host, save, status, reason):
    host.playability = {"status": status, "reason": reason}
    with pytest.raises(BlockedError):
        save()
    assert any("/youtubei/v1/player" in path for path in host.asked)


@pytest.mark.parametrize("status", [402, 403, 429])
@pytest.mark.parametrize("page", ["player", "watch"])
def test_statuses_of_player_and_page_are_blocks(host, save, status, page):
    host.playability = {"status": "ERROR", "reason": "Video unavailable"}
    host.statuses[page] = status
    with pytest.raises(BlockedError, match=f"HTTP error {status}"):
        save()


@pytest.mark.parametrize(
    ("status", "said", "reason"),
    [
        ("ERROR", "Video unavailable", "unavailable"),
        ("ERROR", "This video has been removed by the uploader", "removed"),
        ("LOGIN_REQUIRED", "Private video", "private"),
        ("UNPLAYABLE", "This video is not available in your country", "geo-blocked"),
    ],
)
def test_what_is_gone_stays_gone(host, save, status, said, reason):
    host.playability = {"status": status, "reason": said}
    with pytest.raises(FetchError) as error:
        save()
    assert error.value.reason == reason


def test_a_refusal_pauses_reports_and_never_counts_a_clip_as_gone(host, tmp_path, capsys):
    host.playability = {"status": "UNPLAYABLE", "reason": "The page needs to be reloaded."}
    patient = DownloadSettings(timeout_s=20, pause_s=0.02, max_pause_s=0.05)
    refused = pytest.raises(UserError, match="the host blocks downloads .*needs to be reloaded.*run again later")
    with Downloader(patient) as made, refused:
        made.fetch(URL, tmp_path)
    assert "pausing" in capsys.readouterr().err


def test_a_clip_that_alone_is_refused_is_a_row_that_says_so(host, tmp_path, monkeypatch):
    host.playability = {"status": "ERROR", "reason": "An error occurred. Please try again later."}
    with Downloader(DownloadSettings(timeout_s=20, pause_s=0.01, max_pause_s=50)) as made:
        blocked = made._gate.blocked

        def others_succeed(ticket, why, retry_after_s=0.0):
            blocked(ticket, why, retry_after_s)
            made._gate.succeeded(made._gate.enter())

        monkeypatch.setattr(made._gate, "blocked", others_succeed)
        with pytest.raises(FetchError, match="serves other clips and refuses this one: An error occurred") as error:
            made.fetch(URL, tmp_path)
    assert error.value.reason == "blocked"
