"""Archives of the Hub: whole, interrupted, slowed down, damaged, gated, cached. A process each, as the library reads
the environment once.
"""

import json
import random
import subprocess
import time
from pathlib import Path

import pytest

from avbench.data.download.hub_client import HubFile
from tests.data.download.test_archives import write_tar
from tests.support.hub_server import COMMIT, HubServer, command, environment, run

REPO = "Some/Clips"
CLIPS = {f"id{i:02d}_{i:06d}.mp4": random.Random(i).randbytes(30_000) for i in range(12)}


def archives(folder, parts=3):
    made = {}
    for part in range(parts):
        name = f"clips_{part}.tar.gz"
        chosen = {f"deep/in/it/{clip}": data for clip, data in list(CLIPS.items())[part::parts]}
        made[name] = write_tar(folder / name, chosen).read_bytes()
    return made | {"README.md": b"# Clips\n"}


def unpacked(folder):
    return {path.name: path.read_bytes() for path in (folder / "clips").glob("*.mp4")}


@pytest.fixture
def hub(tmp_path):
    with HubServer() as server:
        (tmp_path / "archives").mkdir()
        server.add(REPO, archives(tmp_path / "archives"))
        yield server


def test_all_archives_of_a_pattern_are_unpacked_and_deleted(hub, tmp_path):
    status, said = run(tmp_path / "a", hub)
    assert status == 0, said
    assert unpacked(tmp_path / "a") == CLIPS
    told = json.loads((tmp_path / "a.json").read_text())
    assert (told["repo"], told["revision"], told["commit"]) == (REPO, "main", COMMIT)
    assert [archive["clips"] for archive in told["archives"]] == [4, 4, 4]
    assert not list((tmp_path / "a" / "archives").glob("*.tar.gz"))
    assert not hub.leaked
    # Nothing is asked for again.
    before = len(hub.requests)
    assert run(tmp_path / "a", hub)[0] == 0
    assert len(hub.requests) == before


BLOCK = 10 << 20  # that the library hands on at a time


@pytest.fixture
def large(hub, tmp_path):
    """An archive of two such blocks and more, between two small ones."""
    files = archives(tmp_path / "archives")
    clip = {"large_000000.mp4": random.Random(99).randbytes(5 * BLOCK // 2)}
    files["clips_1.tar.gz"] = write_tar(tmp_path / "large.tar", clip, "w").read_bytes()
    hub.add(REPO, files)
    expected = {name: data for number, (name, data) in enumerate(CLIPS.items()) if number % 3 != 1} | clip
    return hub.file("clips_1.tar.gz"), expected


def test_a_download_that_breaks_goes_on_where_it_broke(hub, tmp_path, large):
    path, clips = large
    hub.behave(path, "broken", "503", "broken")
    status, said = run(tmp_path / "a", hub)
    assert status == 0, said
    assert unpacked(tmp_path / "a") == clips
    ranges = [wanted for place, wanted in hub.requests if place == path]
    assert ranges == [None, *[f"bytes={BLOCK}-"] * 3]


def test_a_job_that_is_killed_goes_on_where_it_was(hub, tmp_path, large):
    path, clips = large
    hub.behave(path, "stalled")
    job = subprocess.Popen(command(tmp_path / "a"), env=environment(hub, tmp_path / "home"))
    part = tmp_path / "a" / "archives" / "clips_1.tar.gz.part"
    limit = time.monotonic() + 60
    while not (part.exists() and part.stat().st_size) and time.monotonic() < limit:
        time.sleep(0.05)
    job.kill()
    job.wait()
    assert part.stat().st_size == BLOCK
    hub.requests.clear()
    status, said = run(tmp_path / "a", hub)
    assert status == 0, said
    assert unpacked(tmp_path / "a") == clips
    assert [place for place, _ in hub.requests if place.startswith("/api/datasets")] == []
    asked = [(place, wanted) for place, wanted in hub.requests if place.startswith("/cdn")]
    assert asked == [(path, f"bytes={BLOCK}-"), (hub.file("clips_2.tar.gz"), None)]


def test_a_hub_that_slows_one_down_is_waited_for(hub, tmp_path):
    hub.behave("/api/datasets/Some/Clips/revision/main", "429 after 1")
    hub.behave(hub.file("clips_0.tar.gz"), "429 after 1", "429 after 1")
    begun = time.monotonic()
    status, said = run(tmp_path / "a", hub)
    assert status == 0, said
    assert time.monotonic() - begun > 3
    assert "the Hub answers 429; trying again in" in said
    assert unpacked(tmp_path / "a") == CLIPS


def test_without_a_token_it_is_said_what_to_do(hub, tmp_path):
    hub.token = "hf_right"
    status, said = run(tmp_path / "a", hub)
    assert status == 2
    page = f"{hub.url}/datasets/Some/Clips"
    assert "clips_0.tar.gz of Some/Clips: the Hub answers 401; it is gated" in said
    assert f"no token is set. Accept its conditions at {page}" in said
    assert "HF_TOKEN" in said
    status, said = run(tmp_path / "a", hub, HF_TOKEN="hf_wrong")
    assert status == 2
    assert "the token that is set does not open it" in said
    assert "hf_wrong" not in said
    status, said = run(tmp_path / "a", hub, HF_TOKEN="hf_right")
    assert status == 0, said
    assert unpacked(tmp_path / "a") == CLIPS
    assert not hub.leaked


def test_what_is_not_there_is_named(hub, tmp_path):
    status, said = run(tmp_path / "a", hub, settings={"pattern": "*.zip"})
    assert status == 2
    assert "no file of Some/Clips" in said
    assert "'*.zip'" in said
    assert "clips_0.tar.gz" in said
    status, said = run(tmp_path / "b", hub, settings={"revision": "v9"})
    assert status == 2
    assert "revision v9: the Hub answers 404" in said


def test_of_a_damaged_archive_every_intact_clip_is_taken(hub, tmp_path):
    files = archives(tmp_path / "archives")
    files["clips_1.tar.gz"] = files["clips_1.tar.gz"][:70_000]
    hub.add(REPO, files)
    status, said = run(tmp_path / "a", hub)
    assert status == 0, said
    assert set(CLIPS) - set(unpacked(tmp_path / "a")) == {"id07_000007.mp4", "id10_000010.mp4"}
    assert "clips_1.tar.gz is damaged: " in said
    assert "2 clips are taken from it, at least" in said
    (told,) = (archive for archive in json.loads((tmp_path / "a.json").read_text())["archives"] if "damage" in archive)
    assert (told["name"], told["clips"], told["more_lost"]) == ("clips_1.tar.gz", 2, True)


def test_a_file_that_is_changed_on_its_way_is_not_taken(hub, tmp_path):
    content = bytearray(hub.files[hub.file("clips_1.tar.gz")])
    content[5000] ^= 1
    hub.files[hub.file("clips_1.tar.gz")] = bytes(content)
    status, said = run(tmp_path / "a", hub)
    assert status == 2
    assert "clips_1.tar.gz of Some/Clips was downloaded twice and is not what the repository says" in said
    assert sorted(unpacked(tmp_path / "a")) == sorted(list(CLIPS)[0::3])
    assert not list((tmp_path / "a" / "archives").glob("clips_1*"))


def test_small_files_are_verified_as_git_does(tmp_path):
    # Digests of: printf 'hello\\n' | git hash-object --stdin, and | sha256sum
    git, sha = (
        "ce013625030ba8dba906f756967f9e9ca394464a",
        "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03",
    )
    path = tmp_path / "a"
    for digest in (git, sha):
        path.write_bytes(b"hello\n")
        assert HubFile("a", 6, digest).is_it(path)
        path.write_bytes(b"hellO\n")
        assert not HubFile("a", 6, digest).is_it(path)
        assert not HubFile("a", 7, digest).is_it(path)


FILL = """
from huggingface_hub import snapshot_download
snapshot_download("Some/Clips", repo_type="dataset", allow_patterns="*.tar.gz")
"""


def test_what_is_in_the_librarys_cache_is_read_there_and_without_a_network_too(hub, tmp_path):
    status, said = run(tmp_path / "a", hub, HF_HUB_OFFLINE="1")
    assert status == 2
    assert "HF_HUB_OFFLINE is set" in said
    assert "hf download Some/Clips --repo-type dataset" in said
    filled = ["python", "-c", FILL]
    subprocess.run(filled, env=environment(hub, tmp_path / "home"), check=True, capture_output=True, timeout=120)
    hub.requests.clear()
    status, said = run(tmp_path / "a", hub, HF_HUB_OFFLINE="1")
    assert status == 0, said
    assert unpacked(tmp_path / "a") == CLIPS
    assert hub.requests == []
    status, said = run(tmp_path / "b", hub)
    assert status == 0, said
    assert unpacked(tmp_path / "b") == CLIPS
    assert [path for path in hub.paths() if path.startswith("/cdn")] == []
    cached = list(Path(tmp_path / "home").rglob("clips_?.tar.gz"))
    assert len(cached) == 3
