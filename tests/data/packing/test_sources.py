import json
import os

import pytest

from avbench.core.errors import UserError
from avbench.data import ledger
from avbench.data.packing.sources import Candidate, Sources
from tests.support.packing import run, write_rows


@pytest.fixture
def clips(tmp_path):
    folder = tmp_path / "clips"
    folder.mkdir()
    (folder / "abc_30000_40000.mp4").write_bytes(b"clip")
    return folder


def test_sources_are_tried_in_the_order_given(tmp_path, clips):
    url = "https://example.org/watch?v=abc"
    local = Candidate(str(clips / "abc_30000_40000.mp4"), 0.0, trimmed=True)
    remote = Candidate(url, 30.0, remote=True)
    folder = {"directory": str(clips)}
    assert Sources([folder, "download"], tmp_path).candidates("abc_000030", url, 30.0) == [local, remote]
    assert Sources(["download", folder], tmp_path).candidates("abc_000030", url, 30.0) == [remote, local]
    assert Sources([folder, "download"], tmp_path).candidates("xyz_000030", url, 30.0) == [remote]


def test_paths_count_from_the_manifest(tmp_path):
    (candidate,) = Sources(["files"], tmp_path).candidates("a", "b/c.wav", 1.0)
    assert candidate == Candidate(str(tmp_path / "b" / "c.wav"), 1.0)
    (candidate,) = Sources(["files"], tmp_path).candidates("a", "/b/c.wav", 1.0)
    assert candidate.path == "/b/c.wav"


@pytest.mark.parametrize("url", ["http://h/a", "HTTPS://h/a", "file:///etc/passwd", "concat://a"])
def test_nothing_is_downloaded_unless_the_config_says_so(tmp_path, url):
    sources = Sources(["files"], tmp_path)
    assert sources.candidates("a", url, 0.0) == []
    assert sources.nowhere("a", url) == (
        "unavailable",
        "the source is a URL, and the dataset's sources do not include download",
    )


def test_a_clip_that_no_source_has_says_where_it_was_looked_for(tmp_path, clips):
    sources = Sources([{"directory": str(clips)}], tmp_path)
    assert sources.nowhere("a", "https://h/a") == (
        "missing",
        f"no file of the clip in {clips}; the source is a URL, and the dataset's sources do not include download",
    )
    assert sources.nowhere("a", "a.mp4") == ("missing", f"no file of the clip in {clips}")
    reason, detail = Sources(["download"], tmp_path).nowhere("a", "a.mp4")
    assert reason == "missing"
    assert "do not include files" in detail


def test_a_clip_that_a_damaged_archive_has_cost_says_so(tmp_path, clips):
    loss = {"archive": "x_08.tar.gz", "reason": "it ends too early", "files": ["b_000001.mp4"], "unnamed": False}
    (clips / ".damaged-1.json").write_text(json.dumps(loss), encoding="utf-8")
    other = tmp_path / "other"
    other.mkdir()
    sources = Sources([{"directory": str(clips)}, {"directory": str(other)}], tmp_path)
    reason, detail = sources.nowhere("b_000001", "https://h/b")
    assert reason == "archive-damaged"
    assert detail.startswith(f"no file of the clip in {clips}: x_08.tar.gz is damaged (it ends too early)")
    assert sources.nowhere("c_000001", "https://h/c")[0] == "missing"
    (other / "b_000001.mp4").touch()
    sources = Sources([{"directory": str(clips)}, {"directory": str(other)}], tmp_path)
    assert sources.cost("b_000001") == ""
    (clips / ".damaged-1.json").write_text("{", encoding="utf-8")
    with pytest.raises(UserError, match=r"damaged-1.json cannot be read: .*unpack"):
        Sources([{"directory": str(clips)}], tmp_path).cost("b_000001")


def test_a_version_changes_with_the_file(tmp_path):
    path = tmp_path / "a"
    candidate = Candidate(str(path), 0.0)
    assert candidate.version() == ""
    path.write_bytes(b"1")
    first = candidate.version()
    path.write_bytes(b"22")
    assert len({"", first, candidate.version()}) == 3
    assert Candidate("https://h/a", 0.0, remote=True).version() == ""


@pytest.mark.parametrize("source", ["youtube", {"folder": "x"}, {"directory": "x", "more": 1}])
def test_unknown_sources_are_named(tmp_path, source):
    with pytest.raises(UserError, match="sources: .* is unknown. Allowed are files, download and directory"):
        Sources([source], tmp_path)


def test_a_folder_that_is_not_there_is_named(tmp_path):
    with pytest.raises(UserError, match="nowhere"):
        Sources([{"directory": str(tmp_path / "nowhere")}], tmp_path)


def test_a_folder_whose_name_is_no_utf_8_costs_nothing(tmp_path):
    folder = os.path.join(os.fsencode(tmp_path), b"trimmed", b"caf\xe9")
    os.makedirs(folder)
    with open(os.path.join(folder, b"abc_000001.mp4"), "wb") as stream:
        stream.write(b"broken")
    write_rows(tmp_path, [("abc_000001", "https://h/abc", 1.0, 10.0, "x", "train")])
    _, states = run(tmp_path, sources=[{"directory": str(tmp_path / "trimmed")}])
    assert states == {"abc_000001": ("rejected", "corrupt")}
    (origin,) = ledger.read(tmp_path / "out/0.parquet").origin
    assert origin == f"{tmp_path}/trimmed/caf\\udce9/abc_000001.mp4"
