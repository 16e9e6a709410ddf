"""Getting a list from a server on this machine that answers badly, and from disk."""

import hashlib
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from avbench.datasets.download import Limits, get_list
from avbench.errors import UserError

LIST = b'-abc,30,"bird chirping, tweeting",train\n' * 5000
SHA256 = hashlib.sha256(LIST).hexdigest()
QUICK = Limits(timeout_s=2, attempts=3, pause_s=0.01)


class Handler(BaseHTTPRequestHandler):
    """Answers by path; counts the requests."""

    def do_GET(self):
        self.server.paths.append(self.path)
        kind = self.path.strip("/")
        if kind == "flaky" and len(self.server.paths) < 3:
            kind = "503"
        if kind.isdigit():
            self.send_error(int(kind))
        elif kind == "to-file":
            self.redirect(f"file://{self.server.secret}")
        elif kind == "to-ftp":
            self.redirect("ftp://127.0.0.1/list.csv")
        elif kind == "to-list":
            self.redirect("/list")
        elif kind == "loop":
            self.redirect("/loop")
        elif kind == "silent":
            self.server.stop.wait(10)
        else:
            self.send_response(200)
            if kind != "unsized":
                self.send_header("Content-Length", str(len(LIST)))
            self.end_headers()
            self.wfile.write(LIST[: len(LIST) // 2] if kind == "truncated" else LIST)

    def redirect(self, target):
        self.send_response(302)
        self.send_header("Location", target)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *args):
        pass


@pytest.fixture
def server(tmp_path, monkeypatch):
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    made = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    made.paths, made.stop, made.secret = [], threading.Event(), tmp_path / "secret"
    made.secret.write_text("secret")
    made.url = f"http://127.0.0.1:{made.server_port}"
    thread = threading.Thread(target=made.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield made
    made.stop.set()
    made.shutdown()
    thread.join()
    made.server_close()


def refused(server, target, kind, message, limits=QUICK, **settings):
    """Check that nothing is written and the message names the address."""
    with pytest.raises(UserError, match=message) as error:
        get_list({"url": f"{server.url}/{kind}"} | settings, target, limits)
    assert f"{server.url}/" in str(error.value)
    assert not target.exists()
    assert not list(target.parent.glob("*.part"))
    assert not list(target.parent.glob(".*.part"))


@pytest.mark.parametrize("kind", ["list", "unsized", "to-list", "flaky"])
@pytest.mark.parametrize("sha256", ["", SHA256, SHA256.upper()])
def test_the_list_arrives_whole(server, tmp_path, kind, sha256, capsys):
    get_list({"url": f"{server.url}/{kind}", "sha256": sha256}, tmp_path / "list.csv", QUICK)
    assert (tmp_path / "list.csv").read_bytes() == LIST
    assert f"SHA-256 {SHA256}, {'as expected' if sha256 else 'not verified'}" in capsys.readouterr().out


@pytest.mark.parametrize("code", [403, 404, 410])
def test_lasting_errors_are_reported_at_once(server, tmp_path, code):
    refused(server, tmp_path / "list.csv", str(code), f"the server answers {code}.*options.list.path")
    assert len(server.paths) == 1


def test_passing_errors_are_tried_again(server, tmp_path):
    refused(server, tmp_path / "list.csv", "503", "in 3 attempts: the server answers 503")
    assert len(server.paths) == 3


def test_a_truncated_file_is_no_file(server, tmp_path):
    half = len(LIST) // 2
    refused(server, tmp_path / "list.csv", "truncated", f"the connection broke after {half} of {len(LIST)} bytes")
    assert len(server.paths) == 3


def test_a_wrong_checksum_is_refused_and_an_older_list_kept(server, tmp_path):
    refused(server, tmp_path / "list.csv", "list", f"SHA-256 {SHA256}, and options.list.sha256 is 00", sha256="0" * 64)
    (tmp_path / "list.csv").write_text("old")
    with pytest.raises(UserError):
        get_list({"url": f"{server.url}/list", "sha256": "0" * 64}, tmp_path / "list.csv", QUICK)
    assert (tmp_path / "list.csv").read_text() == "old"


@pytest.mark.parametrize(("kind", "scheme"), [("to-file", "file"), ("to-ftp", "ftp")])
def test_redirects_to_other_protocols_are_refused(server, tmp_path, kind, scheme):
    refused(server, tmp_path / "list.csv", kind, f"(?i)redirect.*'{scheme}://")
    assert len(server.paths) == 1


def test_redirects_end(server, tmp_path):
    refused(server, tmp_path / "list.csv", "loop", "the server answers 302")


@pytest.mark.parametrize("kind", ["list", "unsized"])
def test_a_file_that_is_too_large_is_refused(server, tmp_path, kind):
    refused(server, tmp_path / "list.csv", kind, "is larger than 100000 bytes", Limits(max_bytes=100_000))


def test_a_server_that_does_not_answer_is_given_up(server, tmp_path):
    refused(
        server,
        tmp_path / "list.csv",
        "silent",
        "in 2 attempts: .*timed out",
        Limits(timeout_s=0.1, attempts=2, pause_s=0),
    )


def test_a_server_that_is_not_there_is_given_up(server, tmp_path):
    server.shutdown()
    server.server_close()
    refused(server, tmp_path / "list.csv", "list", "in 3 attempts: .*refused")


@pytest.mark.parametrize("url", ["file:///etc/passwd", "ftp://x/y", "list.csv", "http://", "data:,x", "http://[x/"])
def test_only_http_is_spoken(tmp_path, url):
    with pytest.raises(UserError, match="no http:// or https:// address"):
        get_list({"url": url}, tmp_path / "list.csv", QUICK)


def test_an_address_with_blanks_is_refused(server, tmp_path):
    with pytest.raises(UserError, match="is no valid address"):
        get_list({"url": f"{server.url}/a b"}, tmp_path / "list.csv", QUICK)


def test_a_list_on_disk_is_copied_and_checked(tmp_path):
    (tmp_path / "mine.csv").write_bytes(LIST)
    get_list({"path": str(tmp_path / "mine.csv"), "sha256": SHA256}, tmp_path / "list.csv")
    assert (tmp_path / "list.csv").read_bytes() == LIST
    with pytest.raises(UserError, match=r"mine.csv has the SHA-256"):
        get_list({"path": str(tmp_path / "mine.csv"), "sha256": "1" * 64}, tmp_path / "other.csv")
    with pytest.raises(UserError, match=r"absent.csv is no file"):
        get_list({"path": str(tmp_path / "absent.csv")}, tmp_path / "other.csv")
    assert not (tmp_path / "other.csv").exists()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({}, "exactly one of url and path"),
        ({"url": "http://x/y", "path": "z"}, "exactly one of url and path"),
        ({"path": "z", "sha256": "abc"}, "no SHA-256"),
        ({"path": "z", "md5": "abc"}, "unknown key 'md5'"),
    ],
)
def test_bad_options_are_refused(tmp_path, settings, message):
    with pytest.raises(UserError, match=message):
        get_list(settings, tmp_path / "list.csv")
