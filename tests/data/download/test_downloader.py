"""Real downloads by yt-dlp from a server on this machine that answers badly."""

import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import ClassVar

import av
import pytest
from yt_dlp.extractor.common import InfoExtractor
from yt_dlp.utils import GeoRestrictedError

from avbench.core.errors import UserError
from avbench.data.download import Downloader, DownloadSettings, Fetched, FetchError
from avbench.data.download.session import BlockedError, Session
from tests.support import media_files as files
from tests.support.media_server import MediaServer

HLS_HEAD = "#EXTM3U\n#EXT-X-TARGETDURATION:1\n"
QUICK = {"timeout_s": 20, "retries": 2, "pause_s": 0.02, "max_pause_s": 60}


pytestmark = pytest.mark.usefixtures("impatient")


@pytest.fixture(scope="module")
def media(tmp_path_factory):
    return files.ordinary(tmp_path_factory.mktemp("media") / "a.mp4", 8).read_bytes()


@pytest.fixture
def server(media):
    with MediaServer(media) as made:
        yield made


@pytest.fixture
def fetch(server, tmp_path):
    """Fetch a path of the server into a folder, with other settings where they are given."""

    def run(path, folder="clip", **settings):
        (tmp_path / folder).mkdir(exist_ok=True)
        with Downloader(DownloadSettings(**QUICK | settings)) as made:
            return made.fetch(server.url(path), tmp_path / folder)

    return run


def failure(fetch, path, **settings):
    """Return reason and detail of a clip that cannot be had."""
    with pytest.raises(FetchError) as error:
        fetch(path, **settings)
    assert error.value.detail.isprintable()
    assert 0 < len(error.value.detail) <= 200
    return error.value.reason, error.value.detail


@pytest.mark.parametrize(
    "path",
    [
        "/fine/a.mp4",
        "/fine/no-extension",
        "/fine/a.exe",
        "/fine/-rf.mp4?x=$(touch%20pwned)&y=`id`;--exec=id#../../x",
        "/fine/%2e%2e%2f%2e%2e%2fetc%2fpasswd",
        "/slow/a.mp4",
        "/500-once/a.mp4",
        "/to-fine/a.mp4",
        "/page/a.html",
    ],
)
def test_a_file_arrives_whole_and_silently(server, fetch, media, tmp_path, path, capfd, monkeypatch):
    monkeypatch.chdir(tmp_path)
    fetched = fetch(path)
    assert fetched.video == fetched.audio
    assert fetched.video.read_bytes() == media
    assert list(tmp_path.rglob("*")) == [tmp_path / "clip", fetched.video]
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("path", "reason", "requests"),
    [
        ("/401/a.mp4", "http-401", 1),
        ("/403/a.mp4", "http-403", 1),
        ("/404/a.mp4", "http-404", 1),
        ("/410/a.mp4", "http-410", 1),
        ("/451/a.mp4", "http-451", 1),
        ("/500/a.mp4", "http-500", 3),
        ("/503/a.mp4", "http-503", 3),
        ("/truncated/a.mp4", "network", 6),
        ("/reset/a.mp4", "network", 6),
        ("/empty/a.mp4", "not-media", 2),
        ("/html/a.mp4", "not-media", 1),
        ("/two/a.html", "not-media", 1),
        ("/to-file/a.mp4", "unavailable", 1),
        ("/to-ftp/a.mp4", "unavailable", 1),
        ("/loop/a.mp4", "http-302", None),
        ("/endless/a.mp4", "too-large", 2),
        ("/endless-html/a.html", "too-large", 1),
    ],
)
def test_failures_have_their_reason(server, fetch, tmp_path, path, reason, requests, capfd):
    assert failure(fetch, path, max_mb=1)[0] == reason
    assert requests in (None, len(server.hits(path)))
    assert all(name.endswith(".part") for name in os.listdir(tmp_path / "clip"))
    assert "root:" not in "".join(p.read_bytes().decode("latin1") for p in (tmp_path / "clip").iterdir())
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("path", ["/stalled/a.mp4", "/silent/a.mp4"])
def test_a_host_that_stalls_is_given_up(server, fetch, path):
    assert failure(fetch, path, timeout_s=0.2, retries=1)[0] == "timeout"
    assert len(server.hits(path)) == (4 if "stalled" in path else 2)


def test_a_drip_is_given_up_although_it_never_stalls(fetch, monkeypatch):
    monkeypatch.setattr("avbench.data.download.session._LIMIT_S", 0.3)
    reason, detail = failure(fetch, "/drip/a.mp4")
    assert reason == "too-slow"
    assert "not complete after 0 s" in detail


def test_a_host_that_is_not_there_is_given_up(tmp_path, media):
    with MediaServer(media) as server:
        address = server.url("/fine/a.mp4")
    with Downloader(DownloadSettings(**QUICK)) as made, pytest.raises(FetchError) as error:
        made.fetch(address, tmp_path)
    assert error.value.reason == "network"


def continued(hits, media):
    """Return whether the last request asks for what has not arrived; of the last read nothing is kept."""
    return len(media) // 4 < int(hits[-1].range.removeprefix("bytes=").removesuffix("-")) <= len(media) // 2


@pytest.mark.parametrize("path", ["/truncated-once/a.mp4", "/stalled-once/a.mp4"])
def test_what_has_arrived_is_not_downloaded_again(server, fetch, media, path):
    assert fetch(path, timeout_s=0.2 if "stalled" in path else 20).video.read_bytes() == media
    assert [seen.range for seen in server.hits(path)[:3]] == [None] * 3
    assert continued(server.hits(path), media)


def test_an_earlier_run_is_continued(server, fetch, media):
    path = "/truncated-once/a.mp4"
    failure(fetch, path, retries=0)
    assert fetch(path).video.read_bytes() == media
    assert continued(server.hits(path), media)
    # Another address never continues it.
    assert fetch("/fine/a.mp4").video.read_bytes() == media
    assert server.hits("/fine/a.mp4")[-1].range is None


@pytest.mark.parametrize(
    "url",
    ["file:///etc/passwd", "/etc/passwd", "ytsearch:cat", "ftp://x/y", "--exec=id", "", "http://", "data:,x", "x.mp4"],
)
def test_only_http_is_spoken(tmp_path, url):
    with Downloader(DownloadSettings(**QUICK)) as made, pytest.raises(FetchError, match="only http:// and https://"):
        made.fetch(url, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_playlists_refer_to_no_file_of_this_machine(server, fetch, tmp_path):
    (tmp_path / "secret.ts").write_bytes(b"secret")
    address = (tmp_path / "secret.ts").as_uri()
    server.bodies["/list/a.m3u8"] = f"{HLS_HEAD}#EXTINF:1,\n{address}\n#EXT-X-ENDLIST\n".encode(), "audio/mpegurl"
    server.bodies["/list/a.mpd"] = manifest(address, address), "application/dash+xml"
    for path in ("/list/a.m3u8", "/list/a.mpd"):
        failure(fetch, path, retries=0)
    assert all(b"secret" not in path.read_bytes() for path in (tmp_path / "clip").iterdir())


def manifest(video, audio):
    """Return a DASH manifest with three sizes of a video and two bitrates of its sound, each a file of its own."""
    sizes = ((144, 1, "/404/144"), (240, 2, video), (240, 4, "/404/big"), (360, 3, "/404/360"))
    pictures = "".join(
        f'<Representation id="../v{height}-{rate}" bandwidth="{rate}00000" codecs="avc1.4d4015" width="{height}" '
        f'height="{height}"><BaseURL>{url}</BaseURL></Representation>'
        for height, rate, url in sizes
    )
    sounds = "".join(
        f'<Representation id="a{rate}" bandwidth="{rate}000" codecs="mp4a.40.2">'
        f"<BaseURL>{url}</BaseURL></Representation>"
        for rate, url in ((48, "/404/48"), (128, audio))
    )
    return (
        '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static"><Period>'
        f'<AdaptationSet mimeType="video/mp4">{pictures}</AdaptationSet>'
        f'<AdaptationSet mimeType="audio/mp4">{sounds}</AdaptationSet></Period></MPD>'
    ).encode()


def test_picture_and_sound_apart_become_two_files_and_are_not_merged(server, fetch, tmp_path):
    video = files.write_media(tmp_path / "v.mp4", files.moving(8)).read_bytes()
    audio = files.write_media(tmp_path / "a.mp4", audio=files.noise(1)).read_bytes()
    server.bodies["/list/a.mpd"] = manifest("/list/v", "/list/a"), "application/dash+xml"
    server.bodies["/list/v"], server.bodies["/list/a"] = (video, "video/mp4"), (audio, "audio/mp4")
    fetched = fetch("/list/a.mpd")
    assert (fetched.video.read_bytes(), fetched.audio.read_bytes()) == (video, audio)
    assert sorted(os.listdir(tmp_path / "clip")) == sorted([fetched.video.name, fetched.audio.name])
    assert [seen.path for seen in server.seen] == ["/list/a.mpd", "/list/v", "/list/a"]


def test_only_sound_is_both(server, fetch, tmp_path):
    audio = files.write_media(tmp_path / "a.wav", audio=files.noise(1), audio_codec="pcm_s16le").read_bytes()
    server.bodies["/list/a.wav"] = audio, "audio/wav"
    fetched = fetch("/list/a.wav")
    assert fetched == Fetched(fetched.audio, fetched.audio)
    assert fetched.audio.read_bytes() == audio


def test_fragments_are_joined_and_none_may_be_missing(server, fetch, tmp_path):
    path = files.ordinary(tmp_path / "a.ts", container_format="mpegts")
    fragments = [path.read_bytes()[start : start + 188 * 50] for start in range(0, path.stat().st_size, 188 * 50)]
    for number, fragment in enumerate(fragments):
        server.bodies[f"/list/{number}.ts"] = fragment, "video/mp2t"
    lines = "".join(f"#EXTINF:1,\n/list/{number}.ts\n" for number in range(len(fragments)))
    server.bodies["/list/a.m3u8"] = f"{HLS_HEAD}{lines}#EXT-X-ENDLIST\n".encode(), "application/x-mpegurl"
    assert fetch("/list/a.m3u8").video.read_bytes() == path.read_bytes()
    assert len(fragments) > 1
    server.routes["/list/1.ts"] = "404"
    assert failure(fetch, "/list/a.m3u8", folder="other")[0] == "http-404"


class Site(InfoExtractor):
    """A site whose pages are what a test says."""

    _VALID_URL = r"https?://site\.example/(?P<id>.*)"
    pages: ClassVar = {}

    def _real_extract(self, url):
        page = self.pages[self._match_id(url)]
        if isinstance(page, Exception):
            raise page
        if isinstance(page, str):
            self.raise_no_formats(page, expected=True)
        return {"id": "captcha challenge", "title": "t", **page}


@pytest.fixture(scope="module")
def session():
    """A session that knows the site."""
    made = Session(DownloadSettings(**QUICK), None, lambda: None)
    made._ies = {"Site": Site, **made._ies}
    made._ies_instances["Site"] = Site(made)
    yield made
    made.close()


@pytest.fixture
def site(session, tmp_path, monkeypatch):
    """Return a function that downloads a page from the site."""

    def run(page):
        monkeypatch.setitem(Site.pages, "x", page)
        return session.save("https://site.example/x", tmp_path)

    return run


@pytest.mark.parametrize(
    ("page", "reason"),
    [
        ("Private video. Sign in if you've been granted access to this video", "private"),
        ("Video unavailable. This video has been removed by the uploader", "removed"),
        ("Premieres in 3 hours", "live"),
        ("Nothing that is known", "unavailable"),
        (GeoRestrictedError("Not here", countries=["FR"]), "geo-blocked"),
        (KeyError("streamingData"), "unavailable"),
        (RecursionError("much too deep"), "unavailable"),
        ({"formats": []}, "no-format"),
        ({"formats": [{"url": "http://x/y", "vcodec": "none", "acodec": "none", "ext": "mhtml"}]}, "no-format"),
        ({"formats": [{"url": "http://x/y.mp4", "has_drm": True}]}, "no-format"),
        ({"formats": [{"url": "rtmp://x/y --dump", "ext": "flv"}]}, "no-format"),
        ({"formats": [{"url": "http://x/y.mp4"}], "live_status": "is_live"}, "live"),
        ({"formats": [{"url": "http://x/y.mp4"}], "live_status": "post_live"}, "live"),
        ({"_type": "playlist", "entries": [{"_type": "url", "url": "http://x/y.mp4"}]}, "not-media"),
        ({"formats": [{"url": "file:///etc/passwd", "ext": "mp4"}]}, "no-format"),
        ({"formats": [{"url": "file:///etc/passwd", "protocol": "http", "ext": "mp4"}]}, "unavailable"),
    ],
)
def test_what_a_site_says_is_a_reason(site, tmp_path, page, reason):
    with pytest.raises(FetchError) as error:
        site(page)
    assert error.value.reason == reason
    assert "report" not in error.value.detail
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("apostrophe", ["'", "’"])
def test_a_check_for_robots_is_no_fault_of_the_clip(site, apostrophe):
    with pytest.raises(BlockedError, match="not a bot"):
        site(f"Sign in to confirm you{apostrophe}re not a bot. This helps protect our community. Learn more")


def test_hostile_names_of_formats_name_no_file(site, server, tmp_path, media):
    inner = {"url": server.url("/fine/a.mp4"), "format_id": "../../../x$(id)\0\n" * 200, "ext": "/../../etc/cron.d/x"}
    video, _ = site({"formats": [inner], "id": "../../x", "title": "--exec rm"})
    assert video.read_bytes() == media
    assert list(tmp_path.iterdir()) == [video]


def picture(identity, height, rate, **more):
    return {"format_id": identity, "url": f"https://x/{identity}", "height": height, "vbr": rate, "vcodec": "avc1",
            "acodec": "none", "ext": "mp4"} | more  # fmt: skip


def sound(identity, rate, **more):
    return {"format_id": identity, "url": f"https://x/{identity}", "abr": rate, "acodec": "opus", "vcodec": "none",
            "ext": "webm"} | more  # fmt: skip


def both(identity, height, rate, **more):
    return {"format_id": identity, "url": f"https://x/{identity}", "height": height, "tbr": rate, "acodec": "mp4a",
            "vcodec": "avc1", "ext": "mp4"} | more  # fmt: skip


HLS = {"protocol": "m3u8_native"}


@pytest.mark.parametrize(
    ("formats", "chosen"),
    [
        # One file with both, of at least 240 lines, the lowest of these, the smallest of these.
        ([both("144", 144, 100), both("240", 240, 300), both("240-", 240, 200), both("360", 360, 100)], ["240-"]),
        ([both("1080", 1080, 4000), picture("240", 240, 100), sound("128", 128)], ["1080"]),
        # Else two files: the smallest such picture, and the best sound.
        ([picture("144", 144, 50), picture("240", 240, 90), picture("360", 360, 80), sound("4", 48), sound("128", 128)],
         ["240", "128"]),
        ([both("144", 144, 100), picture("360", 360, 100), sound("128", 128)], ["360", "128"]),
        ([both("240", 240, 100, **HLS), picture("360", 360, 100), sound("128", 128)], ["360", "128"]),
        ([picture("240", 240, 90, **HLS), picture("240-", 240, 95), sound("128", 128)], ["240-", "128"]),
        # The language that was spoken, and not a dubbed one.
        ([both("fr", 240, 90, language_preference=-1), both("en", 240, 100, language_preference=10)], ["en"]),
        ([picture("240", 240, 90), sound("fr", 160, language_preference=-1), sound("en", 128, language_preference=10)],
         ["240", "en"]),
        # Else the highest below 240, or what there is.
        ([both("96", 96, 300), both("144", 144, 200)], ["144"]),
        ([picture("96", 96, 300), picture("144", 144, 200), sound("128", 128)], ["144", "128"]),
        ([both("240", 240, 100, **HLS), both("144", 144, 100, **HLS)], ["240"]),
        ([both("?", None, None)], ["?"]),
        ([sound("48", 48), sound("128", 128)], ["128"]),
        ([picture("240", 240, 90), picture("360", 360, 90)], ["240"]),
    ],
)  # fmt: skip
def test_the_least_that_is_enough_is_downloaded(site, monkeypatch, formats, chosen):
    taken = []
    monkeypatch.setattr(
        Session, "dl", lambda self, name, info: (taken.append(info["format_id"]), True) and (True, True)
    )
    for listed in (formats, formats[::-1]):
        taken.clear()
        video, audio = site({"formats": [dict(item) for item in listed]})
        assert taken == chosen
        assert (video == audio) == (len(chosen) == 1)


@pytest.mark.parametrize(("path", "pause"), [("/429-once/a.mp4", "0.02"), ("/429-wait-once/a.mp4", "1")])
def test_a_block_pauses_and_is_no_failure(server, fetch, media, path, pause, capsys):
    assert fetch(path, retries=0).video.read_bytes() == media
    assert capsys.readouterr().err == (f"blocked by the host (HTTP error 429, too many requests): pausing {pause} s\n")
    assert len(server.hits(path)) == 3


def test_a_block_in_the_middle_pauses_all_threads_once(server, media, tmp_path, capsys):
    server.together = threading.Barrier(8)
    paths = [f"/{kind}/{number}.mp4" for kind in ("fine", "429-together", "slow") for number in range(8)]
    with Downloader(DownloadSettings(**QUICK | {"concurrent": 8, "pause_s": 0.5})) as made:

        def one(path):
            folder = tmp_path / path.replace("/", "_")
            folder.mkdir()
            return made.fetch(server.url(path), folder).video.read_bytes()

        with ThreadPoolExecutor(8) as executor:
            assert set(executor.map(one, paths)) == {media}
    lines = capsys.readouterr().err.splitlines()
    assert lines == ["blocked by the host (HTTP error 429, too many requests): pausing 0.5 s"]
    assert {len(server.hits(path)) for path in paths if "together" in path} == {3}
    last_refused = max(server.hits(path)[0].at for path in paths if "together" in path)
    assert all(server.hits(path)[1].at > last_refused for path in paths if "together" in path)


def test_a_lasting_block_ends_the_downloads_of_all_threads(server, tmp_path, capsys):
    server.block.set()
    with Downloader(DownloadSettings(**QUICK | {"max_pause_s": 0.1, "concurrent": 4})) as made:
        with ThreadPoolExecutor(8) as executor:
            futures = [executor.submit(made.fetch, server.url(f"/fine/{number}"), tmp_path) for number in range(8)]
        assert all(isinstance(future.exception(), UserError) for future in futures)
        requests = len(server.seen)
        with pytest.raises(UserError, match="blocks downloads .HTTP error 429.*run again later.*download.cookies"):
            made.fetch(server.url("/fine/a.mp4"), tmp_path)
        assert len(server.seen) == requests
    assert [line.split()[-2] for line in capsys.readouterr().err.splitlines()] == ["0.02", "0.04", "0.04"]


def test_an_unreasonable_request_to_wait_ends_the_downloads(fetch):
    with pytest.raises(UserError, match="asks for another .* s; download.max_pause_s is 60"):
        fetch("/429-date/a.mp4")


def test_closing_wakes_who_waits(server, tmp_path):
    server.block.set()
    made = Downloader(DownloadSettings(**QUICK | {"pause_s": 1000, "max_pause_s": 5000}))
    with ThreadPoolExecutor(4) as executor:
        futures = [executor.submit(made.fetch, server.url("/fine/a.mp4"), tmp_path) for _ in range(4)]
        while not server.seen:
            server.stop.wait(0.01)
        made.close()
        assert all(isinstance(future.exception(timeout=60), UserError) for future in futures)
    made.close()
    with pytest.raises(UserError, match="stopped"):
        made.fetch(server.url("/fine/a.mp4"), tmp_path)


def test_no_more_downloads_at_a_time_than_allowed(server, media, tmp_path):
    current, most, lock = [0], [0], threading.Lock()
    with Downloader(DownloadSettings(**QUICK | {"concurrent": 2})) as made:
        save = Session.save

        def counted(self, url, folder):
            with lock:
                current[0] += 1
                most[0] = max(most[0], current[0])
            try:
                return save(self, url, folder)
            finally:
                with lock:
                    current[0] -= 1

        with pytest.MonkeyPatch.context() as patch, ThreadPoolExecutor(8) as executor:
            patch.setattr(Session, "save", counted)
            urls = [server.url(f"/slow/{number}") for number in range(8)]
            assert {f.video.read_bytes() for f in executor.map(made.fetch, urls, [tmp_path] * 8)} == {media}
    assert most == [2]


def test_cookies_are_sent_and_their_file_is_left_alone(server, fetch, tmp_path):
    text = "# Netscape HTTP Cookie File\n127.0.0.1\tFALSE\t/\tFALSE\t0\tsession\tabc\n"
    (tmp_path / "cookies.txt").write_text(text)
    fetch("/fine/a.mp4", cookies=str(tmp_path / "cookies.txt"))
    assert {seen.cookie for seen in server.seen} == {"session=abc"}
    assert (tmp_path / "cookies.txt").read_text() == text


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"cookies": "absent.txt"}, "download.cookies: cannot read absent.txt"),
        ({"cookies": "no-cookies.txt"}, "yt-dlp refuses the section download.*cookies"),
        ({"format": "b[height"}, "yt-dlp refuses the section download.*Invalid format"),
        ({"options": {"js_runtimes": "node"}}, "yt-dlp refuses the section download.*js_runtimes"),
    ],
)
def test_bad_settings_are_refused_at_once(tmp_path, settings, message, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "no-cookies.txt").write_text('[{"name": "json"}]')
    with pytest.raises(UserError, match=message):
        Downloader(DownloadSettings(**settings))


def test_options_of_the_user_win(server, fetch):
    assert failure(fetch, "/stalled/a.mp4", retries=0, options={"socket_timeout": 0.2})[0] == "timeout"


def test_a_folder_that_cannot_be_written_to_is_no_fault_of_the_clip(server, tmp_path):
    with Downloader(DownloadSettings(**QUICK)) as made, pytest.raises(UserError, match="cannot write to .*absent"):
        made.fetch(server.url("/fine/a.mp4"), tmp_path / "absent")


def test_no_trace_is_left_in_the_home_folder(server, tmp_path):
    code = (
        "import sys; from pathlib import Path; from avbench.data.download import *\n"
        "assert 'yt_dlp' not in sys.modules\n"
        "with Downloader(DownloadSettings()) as made: made.fetch(sys.argv[1], Path(sys.argv[2]))\n"
        "assert 'torch' not in sys.modules\n"
    )
    home = tmp_path / "home"
    (home / ".config" / "yt-dlp").mkdir(parents=True)
    (home / ".config" / "yt-dlp" / "config").write_text("--exec 'touch pwned'\n--write-info-json\n")
    (tmp_path / "clip").mkdir()
    before = sorted(home.rglob("*"))
    environment = {**os.environ, "HOME": str(home), "XDG_CONFIG_HOME": str(home / ".config")}
    command = [sys.executable, "-B", "-c", code, server.url("/fine/a.mp4"), str(tmp_path / "clip")]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert sorted(home.rglob("*")) == before
    assert len(os.listdir(tmp_path / "clip")) == 1


def test_what_is_fetched_can_be_decoded(server, fetch):
    fetched = fetch("/fine/a")
    with av.open(str(fetched.video)) as container:
        assert {stream.type for stream in container.streams} == {"video", "audio"}
