"""No host keeps a client waiting without end, neither by headers nor by bodies, in either way of downloading."""

import time
import urllib.request

import pytest

from avbench.core.errors import UserError
from avbench.data.download import Downloader, DownloadSettings, FetchError
from avbench.data.download.http import Limits, download
from avbench.data.download.patience import checked
from tests.support.raw_server import ENDLESS, SLOW_BODIES, RawServer, drip, once

REMEDY = "Get it in another way."
FINE = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc"


pytestmark = pytest.mark.usefixtures("impatient")


def within(seconds, begun):
    return time.monotonic() - begun < seconds


@pytest.mark.parametrize("way", ENDLESS)
def test_headers_without_end_are_given_up_by_a_download(tmp_path, way):
    begun = time.monotonic()
    limits = Limits(timeout_s=0.4, total_s=20, attempts=2, pause_s=0.01)
    with RawServer(ENDLESS[way]) as server, pytest.raises(UserError, match="no whole headers after 0.4 s"):
        download(f"{server.url}/a", tmp_path / "a", REMEDY, limits)
    assert len(server.requests) == 2
    assert within(10, begun)


@pytest.mark.parametrize("way", ENDLESS)
@pytest.mark.parametrize("handler", ["urllib", "requests"])
def test_headers_without_end_are_given_up_by_yt_dlp(tmp_path, way, handler):
    begun, options = time.monotonic(), {}
    if handler == "urllib":
        options = {"impersonate": None}
    with RawServer(ENDLESS[way]) as server:
        settings = DownloadSettings(timeout_s=0.4, retries=1, pause_s=0.02, max_pause_s=5, options=options)
        with Downloader(settings) as made, pytest.raises(FetchError) as error:
            made.fetch(f"{server.url}/a.mp4", tmp_path)
    assert error.value.reason == "timeout"
    assert within(20, begun)


@pytest.mark.parametrize("way", SLOW_BODIES)
def test_the_limit_covers_bodies(tmp_path, way, monkeypatch):
    monkeypatch.setattr("avbench.data.download.session._LIMIT_S", 0.6)
    begun = time.monotonic()
    with RawServer(SLOW_BODIES[way]) as server:
        with pytest.raises(UserError, match=r"it took longer than 0\.6 s"):
            download(f"{server.url}/a", tmp_path / "a", REMEDY, Limits(timeout_s=5, total_s=0.6, attempts=9))
        with Downloader(DownloadSettings(timeout_s=5, retries=0)) as made, pytest.raises(FetchError) as error:
            made.fetch(f"{server.url}/a.mp4", tmp_path)
    assert error.value.reason == "too-slow"
    assert within(15, begun)


def test_an_answer_that_is_slow_and_whole_is_taken(tmp_path):
    with RawServer(drip(FINE, 0.005)) as server:
        download(f"{server.url}/a", tmp_path / "a", REMEDY, Limits(timeout_s=5))
    assert (tmp_path / "a").read_bytes() == b"abc"


def test_interim_answers_before_a_good_one_are_skipped(tmp_path):
    with RawServer(once(b"HTTP/1.1 100 Continue\r\n\r\n" * 3 + FINE)) as server:
        download(f"{server.url}/a", tmp_path / "a", REMEDY, Limits(timeout_s=5))
    assert (tmp_path / "a").read_bytes() == b"abc"


def test_a_check_ends_with_its_block():
    def over():
        raise UserError("no more time")

    with RawServer(once(FINE)) as server:
        with checked(over), pytest.raises(UserError, match="no more time"):
            urllib.request.urlopen(f"{server.url}/a", timeout=5)
        with urllib.request.urlopen(f"{server.url}/a", timeout=5) as answer:
            assert answer.read() == b"abc"


LYING = {
    "two lengths": b"HTTP/1.1 200 OK\r\nContent-Type: video/mp4\r\nContent-Length: 3\r\nContent-Length: 2\r\n\r\nabc",
    "another part": b"HTTP/1.1 206 Partial\r\nContent-Type: video/mp4\r\nContent-Length: 3\r\n"
    b"Content-Range: bytes 5-7/8\r\n\r\nabc",
    "some part": b"HTTP/1.1 206 Partial\r\nContent-Type: video/mp4\r\nContent-Length: 3\r\n\r\nabc",
}


@pytest.mark.parametrize("way", LYING)
def test_an_answer_to_another_question_is_named(tmp_path, way):
    said = "two lengths, 2 and 3 bytes" if way == "two lengths" else "another part"
    with RawServer(once(LYING[way])) as server:
        limits = Limits(timeout_s=5, attempts=2, pause_s=0.01)
        with pytest.raises(UserError, match=said):
            download(f"{server.url}/a", tmp_path / "a", REMEDY, limits)
        with Downloader(DownloadSettings(timeout_s=5, retries=1)) as made, pytest.raises(FetchError) as error:
            made.fetch(f"{server.url}/a.mp4", tmp_path)
    assert error.value.reason == "network"
    assert said in error.value.detail or "Content-Length contained multiple" in error.value.detail
    assert not [path for path in tmp_path.iterdir() if path.name.startswith("media")]
