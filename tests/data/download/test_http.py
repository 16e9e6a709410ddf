"""Downloads from a server on this machine that answers badly: whole files, continued ones, or an error."""

import random
import re
import socket
import threading
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from avbench.core.errors import UserError
from avbench.data.download.http import Limits, download
from tests.support.file_server import FileServer

FILE = random.Random(0).randbytes(300_000)
SIZE = len(FILE)
QUICK = Limits(timeout_s=2, attempts=3, pause_s=0.01)
REMEDY = "Correct the address."


@pytest.fixture(autouse=True)
def _no_proxies(monkeypatch):
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.fixture
def server():
    with FileServer() as made:
        made.files["/file"] = FILE
        yield made


def fetch(server, path, size=SIZE, limits=QUICK, name="/file"):
    download(server.url + name, path, REMEDY, limits, size)
    return path.read_bytes()


def refused(server, path, message, size=SIZE, limits=QUICK, name="/file"):
    with pytest.raises(UserError, match=message) as error:
        fetch(server, path, size, limits, name)
    assert server.url in str(error.value)
    assert REMEDY in str(error.value)


@pytest.mark.parametrize("size", [None, SIZE])
@pytest.mark.parametrize("etags", [True, False])
@pytest.mark.parametrize("ranges", [True, False])
@pytest.mark.parametrize(
    "behaviours",
    [[], ["unsized"], ["broken"], ["broken", "503", "broken", "broken"], ["to /file"], ["500", "429"]],
    ids=lambda names: "-".join(names) or "well",
)
def test_a_file_arrives_whole(tmp_path, size, etags, ranges, behaviours):
    with FileServer(ranges, etags) as server:
        server.files["/file"] = FILE
        server.behave("/file", *behaviours)
        assert fetch(server, tmp_path / "x", size, Limits(timeout_s=2, attempts=5, pause_s=0.01)) == FILE


def test_a_file_of_nothing_arrives(server, tmp_path):
    server.files["/empty"] = b""
    assert fetch(server, tmp_path / "a", 0, name="/empty") == fetch(server, tmp_path / "b", None, name="/empty") == b""


def test_a_broken_download_asks_for_the_rest_only(server, tmp_path):
    server.behave("/file", "broken", "broken")
    assert fetch(server, tmp_path / "x") == FILE
    assert [wanted for _, wanted in server.requests] == [None, "bytes=150000-", "bytes=225000-"]
    assert server.sent == [("/file", 200, 150_000), ("/file", 206, 75_000), ("/file", 206, 75_000)]


def test_attempts_that_bring_something_are_not_counted(server, tmp_path):
    server.behave("/file", *["broken"] * 8)
    assert fetch(server, tmp_path / "x") == FILE


def test_what_an_earlier_process_received_is_kept_where_the_size_is_known(server, tmp_path):
    (tmp_path / "x").write_bytes(FILE[:299_990])
    assert fetch(server, tmp_path / "x") == FILE
    assert server.sent == [("/file", 206, 10)]
    assert fetch(server, tmp_path / "x") == FILE
    assert len(server.requests) == 1
    (tmp_path / "x").write_bytes(FILE[:10])
    assert fetch(server, tmp_path / "x", None) == FILE
    assert server.requests[1:] == [("/file", None)]


def test_a_part_that_is_too_long_is_begun_again(server, tmp_path):
    (tmp_path / "x").write_bytes(FILE + b"more")
    assert fetch(server, tmp_path / "x") == FILE
    assert server.sent == [("/file", 200, SIZE)]


def test_a_part_longer_than_the_servers_file_is_begun_again(server, tmp_path):
    server.files["/file"] = FILE[:1000]
    (tmp_path / "x").write_bytes(FILE[:2000])
    refused(server, tmp_path / "x", "announces 1000 bytes instead of 300000")
    assert [wanted for _, wanted in server.requests] == ["bytes=2000-", None, None]


def test_a_server_without_ranges_sends_all_again(tmp_path):
    with FileServer(ranges=False) as server:
        server.files["/file"] = FILE
        (tmp_path / "x").write_bytes(b"?" * 1000)
        assert fetch(server, tmp_path / "x") == FILE
        assert server.requests == [("/file", "bytes=1000-")]
        assert server.sent == [("/file", 200, SIZE)]


def test_another_range_than_asked_for_is_not_taken(server, tmp_path):
    (tmp_path / "x").write_bytes(FILE[:1000])
    server.behave("/file", "shifted")
    assert fetch(server, tmp_path / "x") == FILE
    assert server.requests == [("/file", "bytes=1000-"), ("/file", None)]


def test_a_file_that_changed_meanwhile_is_begun_again(server, tmp_path, monkeypatch):
    server.behave("/file", "broken")

    def change(_):
        server.files["/file"] = FILE[::-1]

    monkeypatch.setattr("avbench.data.download.http.time.sleep", change)
    assert fetch(server, tmp_path / "x") == FILE[::-1]
    assert [status for _, status, _ in server.sent] == [200, 200]


def test_a_weak_etag_names_no_bytes(tmp_path):
    with FileServer(etags="weak") as server:
        server.files["/file"] = FILE
        server.behave("/file", "broken")
        assert fetch(server, tmp_path / "x", None) == FILE
        assert server.requests == [("/file", None), ("/file", None)]


@pytest.mark.parametrize(
    "after", ["1", format_datetime(datetime.now(UTC) + timedelta(days=300), usegmt=True)], ids=["seconds", "date"]
)
def test_the_server_says_how_long_to_wait(server, tmp_path, after, monkeypatch, capsys):
    pauses = []
    monkeypatch.setattr("avbench.data.download.http.time.sleep", pauses.append)
    server.behave("/file", f"429 after {after}")
    assert fetch(server, tmp_path / "x", limits=Limits(pause_s=0.01, total_s=1e9)) == FILE
    expected = 1 if after == "1" else 300 * 86_400
    assert pauses == [pytest.approx(expected, rel=0.01)]
    assert re.search(r"answers 429.*; trying again in [1-9]", capsys.readouterr().out)


@pytest.mark.parametrize("after", ["-5", "soon", "1e9", "nan", "Wed, 99 Foo 2030 00:00:00 GMT"])
def test_what_is_no_time_to_wait_is_passed_over(server, tmp_path, after):
    server.behave("/file", f"503 after {after}")
    assert fetch(server, tmp_path / "x") == FILE


def test_a_server_that_asks_for_too_long_a_wait_is_given_up(server, tmp_path):
    server.behave("/file", "429 after 3600")
    refused(server, tmp_path / "x", "in 1 attempts: the server answers 429.*asks to wait 3600 s")


@pytest.mark.parametrize("code", [400, 403, 404, 410])
def test_lasting_errors_are_reported_at_once(server, tmp_path, code):
    server.behave("/file", f"{code}!")
    refused(server, tmp_path / "x", f"the server answers {code}")
    assert len(server.requests) == 1


def test_passing_errors_are_given_up_at_last(server, tmp_path):
    server.behave("/file", "503!")
    refused(server, tmp_path / "x", "in 3 attempts: the server answers 503")
    assert len(server.requests) == 3


def test_an_answer_without_content_is_no_file(server, tmp_path):
    server.behave("/file", "204")
    refused(server, tmp_path / "x", "the server answers 204")


@pytest.mark.parametrize("size", [None, 1000])
def test_a_truncated_file_is_no_file(tmp_path, size):
    with FileServer(ranges=False) as server:
        server.files["/file"] = FILE[:1000]
        server.behave("/file", "broken!")
        refused(server, tmp_path / "x", "in 3 attempts: the connection broke after 500 of 1000 bytes", size)
        assert len(server.requests) == 3


@pytest.mark.parametrize(
    ("target", "scheme"),
    [("file:///etc/passwd", "file"), ("ftp://127.0.0.1/x", "ftp"), ("http://[x/", "IPv6"), ("data:,x", "data")],
)
def test_redirects_to_other_protocols_are_refused(server, tmp_path, target, scheme):
    server.behave("/file", f"to {target}")
    refused(server, tmp_path / "x", scheme)
    assert len(server.requests) == 1
    assert not (tmp_path / "x").exists()


def test_redirects_end(server, tmp_path):
    server.behave("/file", "to /file!")
    refused(server, tmp_path / "x", "the server answers 302")


@pytest.mark.parametrize("behaviour", ["well", "unsized", "endless"])
def test_a_file_that_is_too_large_is_refused(server, tmp_path, behaviour):
    server.behave("/file", behaviour)
    refused(server, tmp_path / "x", "is larger than 100000 bytes", None, Limits(max_bytes=100_000))
    assert not (tmp_path / "x").exists() or (tmp_path / "x").stat().st_size <= 100_000


def test_a_body_longer_than_the_known_size_is_cut_there(server, tmp_path):
    server.behave("/file", "endless")
    assert fetch(server, tmp_path / "x", 70_000) == bytes(70_000)
    refused(server, tmp_path / "y", "announces 300000 bytes instead of 70000", 70_000)


def test_a_server_that_does_not_answer_is_given_up(server, tmp_path):
    server.behave("/file", "silent!")
    limits = Limits(timeout_s=0.1, attempts=2, pause_s=0)
    refused(server, tmp_path / "x", "in 2 attempts: .*timed out", limits=limits)


def test_a_server_that_is_not_there_is_given_up(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with pytest.raises(UserError, match="in 3 attempts: .*refused"):
        download(f"http://127.0.0.1:{port}/file", tmp_path / "x", REMEDY, QUICK)


def test_a_trickle_is_given_up_when_the_time_is_over(tmp_path):
    stop = threading.Event()

    def trickle():
        connection, _ = listener.accept()
        with connection:
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
            while not stop.wait(0.01):
                try:
                    connection.sendall(b"x")
                except OSError:
                    break

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=trickle)
        thread.start()
        try:
            url = f"http://127.0.0.1:{listener.getsockname()[1]}/file"
            with pytest.raises(UserError, match="in 1 attempts: it took longer than 0.2 s"):
                download(url, tmp_path / "x", REMEDY, Limits(total_s=0.2))
        finally:
            stop.set()
            thread.join()


@pytest.mark.parametrize("answer", [b"", b"nonsense\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n12345"])
def test_an_answer_that_is_none_is_given_up(tmp_path, answer):
    def reply():
        for _ in range(2):
            connection, _ = listener.accept()
            with connection:
                connection.recv(4096)
                connection.sendall(answer)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=reply)
        thread.start()
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/file"
        with pytest.raises(UserError, match="in 2 attempts"):
            download(url, tmp_path / "x", REMEDY, Limits(attempts=2, pause_s=0))
        thread.join()


@pytest.mark.parametrize("url", ["file:///etc/passwd", "ftp://x/y", "list.csv", "http://", "data:,x", "http://[x/"])
def test_only_http_is_spoken(tmp_path, url):
    with pytest.raises(UserError, match="no http:// or https:// address. Correct"):
        download(url, tmp_path / "x", REMEDY, QUICK)


@pytest.mark.parametrize("name", ["/a b", "/é", ":x/"])
def test_an_address_that_is_none_is_refused(server, tmp_path, name):
    refused(server, tmp_path / "x", "is no valid address", name=name)
    assert not (tmp_path / "x").exists()


def test_a_folder_that_cannot_be_written_to_is_reported(server, tmp_path):
    with pytest.raises(UserError, match="cannot write .*absent"):
        fetch(server, tmp_path / "absent" / "x")
