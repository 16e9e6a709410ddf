"""Archives from a stand-in of Zenodo's API: downloaded once, verified, unpacked, or refused."""

import hashlib
import io
import json
import random
import shutil
import subprocess
import sys
import time
import zipfile

import pytest

from avbench.core.errors import UserError
from avbench.data.download.http import Limits
from avbench.data.download.zenodo import RemoteFile, ZenodoSettings, fetch
from avbench.datasets.acquire import download_dataset
from tests.support.file_server import FileServer

QUICK = Limits(timeout_s=2, attempts=3, pause_s=0.01)
RECORD = 2529934
PATTERNS = ["*.audio_train.zip", "*.meta.zip"]


def zipped(**files):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as made:
        for name, content in files.items():
            made.writestr(name, content)
    return stream.getvalue()


AUDIO = zipped(**{f"FSD.audio_train/{i}.wav": random.Random(i).randbytes(50_000) for i in range(5)})
META = zipped(**{"FSD.meta/train.csv": b"fname,label\n"})
ARCHIVES = {"FSD.audio_train.zip": AUDIO, "FSD.meta.zip": META, "FSD.doc.zip": zipped(doc=b"not needed")}
AUDIO_PATH = f"/api/records/{RECORD}/files/FSD.audio_train.zip/content"
META_PATH = f"/api/records/{RECORD}/files/FSD.meta.zip/content"


@pytest.fixture
def server(monkeypatch):
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    with FileServer() as made:
        made.add_record(RECORD, ARCHIVES)
        yield made


def get(server, folder, patterns=PATTERNS, limits=QUICK, **options):
    settings = ZenodoSettings(RECORD, f"{server.url}/api", **options)
    return fetch(settings, patterns, folder, limits, limits)


def refused(server, folder, message, patterns=PATTERNS, **options):
    with pytest.raises(UserError, match=message) as error:
        get(server, folder, patterns, **options)
    return str(error.value)


def unpacked(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.glob("FSD.*/*"))


CONTENT = [*(f"FSD.audio_train/{i}.wav" for i in range(5)), "FSD.meta/train.csv"]


def test_matching_archives_are_downloaded_and_unpacked(server, tmp_path):
    files = get(server, tmp_path / "d")
    assert [file.name for file in files] == ["FSD.audio_train.zip", "FSD.meta.zip"]
    assert unpacked(tmp_path / "d") == CONTENT
    assert (tmp_path / "d" / "FSD.audio_train.zip").read_bytes() == AUDIO
    marker = json.loads((tmp_path / "d" / "FSD.meta.zip.json").read_text())
    assert marker == {"name": "FSD.meta.zip", "size": len(META), "md5": hashlib.md5(META).hexdigest()}
    assert sorted(server.paths()) == sorted([f"/api/records/{RECORD}", AUDIO_PATH, META_PATH])
    assert not list((tmp_path / "d").glob("*.part"))


def test_the_older_form_of_links_is_followed(server, tmp_path):
    server.add_record(RECORD, ARCHIVES, link="/api/files/0a1b-bucket/{name}")
    get(server, tmp_path / "d")
    assert unpacked(tmp_path / "d") == CONTENT


def test_a_link_to_the_content_goes_before_one_to_its_description(server, tmp_path):
    described = json.loads(server.files[f"/api/records/{RECORD}"])
    for entry in described["files"]:
        content = entry["links"]["self"]
        entry["links"] = {"self": content.removesuffix("/content"), "content": content}
    server.files[f"/api/records/{RECORD}"] = json.dumps(described).encode()
    get(server, tmp_path / "d")
    assert unpacked(tmp_path / "d") == CONTENT


def test_nothing_is_done_twice(server, tmp_path):
    get(server, tmp_path / "d")
    for path in (tmp_path / "d").glob("*.zip"):
        path.unlink()
    (tmp_path / "d" / "FSD.meta" / "train.csv").unlink()
    server.requests.clear()
    get(server, tmp_path / "d")
    assert server.paths() == [f"/api/records/{RECORD}"]
    assert "FSD.meta/train.csv" not in unpacked(tmp_path / "d")


def test_archives_go_when_they_are_not_to_be_kept(server, tmp_path):
    get(server, tmp_path / "d", keep_archives=False)
    assert unpacked(tmp_path / "d") == CONTENT
    assert not list((tmp_path / "d").glob("*.zip"))
    server.requests.clear()
    get(server, tmp_path / "d", keep_archives=False)
    get(server, tmp_path / "d", keep_archives=True)
    assert server.paths() == [f"/api/records/{RECORD}"] * 2


def test_archives_that_were_kept_go_when_they_are_no_longer_to_be_kept(server, tmp_path):
    get(server, tmp_path / "d")
    get(server, tmp_path / "d", keep_archives=False)
    assert not list((tmp_path / "d").glob("*.zip"))


def test_a_killed_download_goes_on_where_it_stopped(server, tmp_path):
    (tmp_path / "FSD.audio_train.zip.part").write_bytes(AUDIO[:-100])
    get(server, tmp_path)
    assert unpacked(tmp_path) == CONTENT
    assert (AUDIO_PATH, f"bytes={len(AUDIO) - 100}-") in server.requests
    assert (AUDIO_PATH, 206, 100) in server.sent


def test_a_job_that_is_killed_while_it_downloads_goes_on(server, tmp_path):
    server.add_record(RECORD, ARCHIVES | {"FSD.audio_test.zip": META})
    server.behave(AUDIO_PATH, "stalled")
    part = tmp_path / "d" / "FSD.audio_train.zip.part"
    access = json.dumps({"api": f"{server.url}/api"})
    command = [*(sys.executable, "-m", "avbench", "zenodo", "--kind", "fsdnoisy18k"), *("--settings", "{}")]
    command += ["--access", access, "--directory", str(part.parent), "--output", str(tmp_path / "download.json")]
    job = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        for _ in range(1000):
            if part.exists() and part.stat().st_size > 50_000:
                break
            time.sleep(0.02)
    finally:
        job.kill()
        job.wait()
    held = part.stat().st_size
    assert 50_000 < held < len(AUDIO)
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    assert unpacked(part.parent) == CONTENT
    assert (AUDIO_PATH, 206, len(AUDIO) - held) in server.sent
    assert server.paths().count(META_PATH) == 1


def test_a_killed_extraction_goes_on_without_the_network(server, tmp_path):
    get(server, tmp_path)
    (tmp_path / "FSD.audio_train.zip.json").unlink()
    shutil.rmtree(tmp_path / "FSD.audio_train")
    server.requests.clear()
    get(server, tmp_path)
    assert unpacked(tmp_path) == CONTENT
    assert server.paths() == [f"/api/records/{RECORD}"]


def test_an_archive_that_was_put_there_by_hand_counts_if_it_is_right(server, tmp_path):
    (tmp_path / "FSD.audio_train.zip").write_bytes(AUDIO)
    (tmp_path / "FSD.meta.zip").write_bytes(META[:-1] + b"?")
    get(server, tmp_path)
    assert sorted(server.paths()) == sorted([f"/api/records/{RECORD}", META_PATH])
    assert unpacked(tmp_path) == CONTENT


def test_a_new_version_of_an_archive_is_unpacked_over_the_old_one(server, tmp_path):
    get(server, tmp_path)
    newer = zipped(**{"FSD.meta/train.csv": b"label,fname\n"})
    server.add_record(RECORD, ARCHIVES | {"FSD.meta.zip": newer})
    get(server, tmp_path)
    assert (tmp_path / "FSD.meta" / "train.csv").read_bytes() == b"label,fname\n"
    assert server.paths().count(AUDIO_PATH) == 1


def test_a_server_without_ranges_sends_it_again(tmp_path, server):
    server.ranges = False
    (tmp_path / "FSD.audio_train.zip.part").write_bytes(b"?" * 100)
    get(server, tmp_path)
    assert unpacked(tmp_path) == CONTENT


def test_a_damaged_part_is_downloaded_once_more_from_its_beginning(server, tmp_path, capsys):
    (tmp_path / "FSD.audio_train.zip.part").write_bytes(b"?" * 100)
    get(server, tmp_path)
    assert unpacked(tmp_path) == CONTENT
    assert [wanted for path, wanted in server.requests if path == AUDIO_PATH] == ["bytes=100-", None]
    assert "FSD.audio_train.zip: the MD5 is" in capsys.readouterr().out


def test_a_wrong_checksum_ends_with_both_values(server, tmp_path):
    server.files[AUDIO_PATH] = AUDIO[::-1]
    expected, found = (hashlib.md5(data).hexdigest() for data in (AUDIO, AUDIO[::-1]))
    message = refused(server, tmp_path, f"twice and has the MD5 {found}; the record says {expected}")
    assert AUDIO_PATH in message
    assert server.paths().count(AUDIO_PATH) == 2
    assert not list(tmp_path.iterdir())


def test_a_truncated_archive_is_refused(server, tmp_path):
    server.add_record(RECORD, ARCHIVES | {"FSD.audio_train.zip": AUDIO[:-1000]})
    refused(server, tmp_path, "FSD.audio_train.zip is damaged.*get it again")
    assert not (tmp_path / "FSD.audio_train.zip.json").exists()
    server.add_record(RECORD, ARCHIVES)
    get(server, tmp_path)
    assert unpacked(tmp_path) == CONTENT


def test_a_file_shorter_than_the_record_says_is_refused(server, tmp_path):
    server.files[AUDIO_PATH] = AUDIO[:-1000]
    refused(server, tmp_path, f"announces {len(AUDIO) - 1000} bytes instead of {len(AUDIO)}")


def test_a_connection_that_breaks_for_good_keeps_what_arrived(server, tmp_path):
    server.behave(AUDIO_PATH, "broken", "503", "503", "503")
    message = refused(server, tmp_path, "in 3 attempts.*503")
    assert "Files that arrived are kept" in message
    assert (tmp_path / "FSD.audio_train.zip.part").read_bytes() == AUDIO[: len(AUDIO) // 2]
    get(server, tmp_path)
    assert unpacked(tmp_path) == CONTENT


def test_a_busy_server_is_asked_again_when_it_says_so(server, tmp_path, capsys, monkeypatch):
    pauses = []
    monkeypatch.setattr("avbench.data.download.http.time.sleep", pauses.append)
    server.behave(f"/api/records/{RECORD}", "429 after 7")
    server.behave(AUDIO_PATH, "429 after 9")
    get(server, tmp_path)
    assert pauses == [7, 9]
    assert "trying again in 9 s" in capsys.readouterr().out


def test_an_endless_body_is_cut(server, tmp_path):
    server.behave(AUDIO_PATH, "endless!")
    refused(server, tmp_path, "was downloaded twice and has the MD5")
    server.behave(f"/api/records/{RECORD}", "endless!")
    with pytest.raises(UserError, match="is larger than 1000000 bytes"):
        get(server, tmp_path, limits=Limits(max_bytes=1_000_000))


@pytest.mark.parametrize("path", [f"/api/records/{RECORD}", AUDIO_PATH])
def test_a_redirect_to_a_file_is_refused(server, tmp_path, path):
    server.behave(path, "to file:///etc/passwd!")
    refused(server, tmp_path, "file:///etc/passwd")
    assert not [file for file in tmp_path.iterdir() if not file.name.startswith("FSD.meta")]


def test_a_pattern_that_matches_nothing_lists_what_is_there(server, tmp_path):
    refused(server, tmp_path, "no file that matches 'x.zip'. It has FSD.audio_train.zip, FSD.doc.zip", ["x.zip"])
    server.add_record(RECORD, {})
    refused(server, tmp_path, "It has no file")
    assert server.paths() == [f"/api/records/{RECORD}"] * 2


@pytest.mark.parametrize(
    "answer",
    [
        b"<!DOCTYPE html><html>We are down</html>",
        b"",
        b"\xff\xfe",
        b"[" * 100_000,
        b"[]",
        b"null",
        b'{"message": "not found"}',
        b'{"files": {"entries": {}}}1',
        b'{"files": [1]}',
        b'{"files": [{"key": "x.zip"}]}',
        b'{"files": [{"key": "x.zip", "size": 1, "checksum": 5, "links": {"self": "http://x/y"}}]}',
        b'{"files": [{"key": "x.zip", "size": 1, "checksum": "md5:", "links": []}]}',
    ],
)
def test_an_answer_that_describes_no_record_is_refused(server, tmp_path, answer):
    server.files[f"/api/records/{RECORD}"] = answer
    message = refused(server, tmp_path, "no description of a record|are needed to verify it")
    assert f"/api/records/{RECORD}" in message


@pytest.mark.parametrize(
    "name", ["", ".", "..", "../x.meta.zip", "/x.meta.zip", "a/x.meta.zip", "a\\x.meta.zip", "x\0.meta.zip", ".x.zip"]
)
def test_hostile_names_are_refused(server, tmp_path, name):
    record = json.loads(server.files[f"/api/records/{RECORD}"])
    record["files"][2]["key"] = name
    server.files[f"/api/records/{RECORD}"] = json.dumps(record).encode()
    assert repr(name) in refused(server, tmp_path / "d", "lists a file with the name .* which is refused")
    assert not (tmp_path / "d").exists()


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"checksum": "sha1:abc"}, "'FSD.audio_train.zip' with size .* and checksum 'sha1:abc'"),
        ({"size": -1}, "with size -1"),
        ({"size": "12"}, "with size '12'"),
        ({"links": {"self": "file:///etc/passwd"}}, "the address of .* is 'file:///etc/passwd', which is no http"),
        ({"key": "same.zip"}, "lists two files of one name"),
    ],
)
def test_files_that_cannot_be_verified_are_refused(server, tmp_path, wrong, message):
    server.add_record(RECORD, ARCHIVES, **wrong)
    refused(server, tmp_path / "d", message)
    assert server.paths() == [f"/api/records/{RECORD}"]


def test_an_address_that_gives_up_encryption_is_refused(monkeypatch, tmp_path):
    entry = {"key": "x.zip", "size": 1, "checksum": "md5:" + "0" * 32, "links": {"self": "http://example.org/x.zip"}}

    def answer(url, path, *_):
        path.write_text(json.dumps({"files": [entry]}))

    monkeypatch.setattr("avbench.data.download.zenodo.download", answer)
    with pytest.raises(UserError, match="which is not encrypted"):
        fetch(ZenodoSettings(1, "https://example.org/api"), ["*"], tmp_path)


def test_a_full_disk_is_reported_before_the_download(server, tmp_path, monkeypatch):
    usage = shutil.disk_usage(tmp_path)._replace(free=100)
    monkeypatch.setattr("avbench.data.download.zenodo.shutil.disk_usage", lambda _: usage)
    refused(server, tmp_path, "2 archives of 0.0 GB are to be downloaded.*Make room")
    assert server.paths() == [f"/api/records/{RECORD}"]


def test_a_record_that_is_not_there_names_the_options(server, tmp_path):
    server.behave(f"/api/records/{RECORD}", "404")
    refused(server, tmp_path, "answers 404.*options.zenodo.record")


def test_the_dataset_says_which_record_and_archives(server, tmp_path):
    archives = {f"FSDnoisy18k.{part}.zip": META for part in ("audio_train", "audio_test", "meta", "doc")}
    server.add_record(RECORD, archives)
    access = {"api": f"{server.url}/api/"}
    download_dataset("fsdnoisy18k", {}, access, tmp_path / "d", tmp_path / "download.json")
    made = json.loads((tmp_path / "download.json").read_text())
    assert made["record"] == RECORD
    names = ["FSDnoisy18k.audio_test.zip", "FSDnoisy18k.audio_train.zip", "FSDnoisy18k.meta.zip"]
    assert made["files"] == [RemoteFile(n, len(META), hashlib.md5(META).hexdigest(), "").facts() for n in names]

    server.add_record(7, archives)
    download_dataset("fsdnoisy18k", {"record": 7}, access, tmp_path / "7", tmp_path / "download.json")
    assert json.loads((tmp_path / "download.json").read_text())["record"] == 7

    top = "TAU-urban-audio-visual-scenes-2021-development"
    parts = ("doc", "meta", "examples", "audio.1", "audio.2", "audio.10", "video.1")
    server.add_record(4477542, {f"{top}.{part}.zip": META for part in parts})
    for media, expected in (("audio", ["audio.1", "audio.10", "audio.2", "meta"]), ("video", ["meta", "video.1"])):
        download_dataset("tau_av", {"media": media}, access, tmp_path / media, tmp_path / "download.json")
        made = json.loads((tmp_path / "download.json").read_text())
        assert [file["name"] for file in made["files"]] == [f"{top}.{part}.zip" for part in expected]


def test_other_kinds_and_keys_are_refused(tmp_path):
    with pytest.raises(UserError, match="'vggsound' is not on Zenodo"):
        download_dataset("vggsound", {}, {}, tmp_path, tmp_path / "x")
    with pytest.raises(UserError, match="'birds' is not on Zenodo"):
        download_dataset("birds", {}, {}, tmp_path, tmp_path / "x")
    with pytest.raises(UserError, match="options.zenodo: unknown key 'url'"):
        download_dataset("tau_av", {}, {"url": "x"}, tmp_path, tmp_path / "x")
