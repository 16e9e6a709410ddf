"""Unpacking archives: what is in them, what may not leave the folder, what is damaged, what is there already."""

import io
import os
import random
import stat
import tarfile
import zipfile
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from avbench.core.errors import UserError
from avbench.data.download.archives import extract, extract_clips

FILES = {
    "Set/meta.csv": b"a\tb\n",
    "Set/audio/x-1 é.wav": random.Random(1).randbytes(1_500_000),
    "Set/audio/-y $(id).wav": bytes(100_000),
    "Set/empty": b"",
}


def write_zip(path, files, compression=zipfile.ZIP_DEFLATED):
    with zipfile.ZipFile(path, "w", compression) as made:
        for name, content in files.items():
            info = zipfile.ZipInfo("_")
            info.filename = name  # as it is
            info.compress_type = compression
            made.writestr(info, content)
    return path


def write_tar(path, files, mode="w:gz"):
    with tarfile.open(path, mode) as made:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            made.addfile(info, io.BytesIO(content))
    return path


WRITERS = {
    "x.zip": write_zip,
    "stored.zip": lambda path, files: write_zip(path, files, zipfile.ZIP_STORED),
    "x.tar": lambda path, files: write_tar(path, files, "w"),
    "x.tar.gz": write_tar,
    "x.tar.xz": lambda path, files: write_tar(path, files, "w:xz"),
}


def tree(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if not path.is_dir()}


@pytest.mark.parametrize("name", WRITERS)
def test_an_archive_becomes_its_files(tmp_path, name):
    archive = WRITERS[name](tmp_path / name, FILES)
    assert extract(archive, tmp_path / "out") == len(FILES)
    assert tree(tmp_path / "out") == FILES


def test_a_tar_that_ends_with_a_zip_is_a_tar(tmp_path):
    inner = write_zip(tmp_path / "inner.zip", {"a": b"1"}).read_bytes()
    extract(write_tar(tmp_path / "x.tar", {"inner.zip": inner}, "w"), tmp_path / "out")
    assert tree(tmp_path / "out") == {"inner.zip": inner}


def test_folders_are_made_as_files_need_them(tmp_path):
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as made:
        made.mkdir("Set")
        made.writestr("./Set//sub/a", b"1")
    extract(tmp_path / "x.zip", tmp_path / "out")
    assert tree(tmp_path / "out") == {"Set/sub/a": b"1"}


HOSTILE = {
    "../out-of-it": "lead out",
    "a/../../out-of-it": "lead out",
    "/tmp/avbench-absolute": "absolute",
    "..\\out-of-it": "lead out",
    "..": "lead out",
    "a" * 300: "no file can have",
}


@pytest.mark.parametrize("writer", [write_zip, write_tar])
def test_hostile_members_are_left_out_aloud(tmp_path, writer, capsys):
    files = {"good": b"1"} | dict.fromkeys(HOSTILE, b"2") | {"./good": b"another"}
    assert extract(writer(tmp_path / "x", files), tmp_path / "in" / "out") == 1
    assert tree(tmp_path) == {"x": (tmp_path / "x").read_bytes(), "in/out/good": b"1"}
    assert not os.path.exists("/tmp/avbench-absolute")
    said = capsys.readouterr().out
    for name, reason in HOSTILE.items():
        (line,) = [line for line in said.splitlines() if repr(name) + ": " in line]
        assert reason in line
    assert "'./good': a file of this name came before" in said


@settings(max_examples=40)
@given(names=st.lists(st.text("ab./\\ \n\x01:é", min_size=1, max_size=8), min_size=1, max_size=6, unique=True))
def test_no_name_leads_out_of_the_folder(tmp_path_factory, names):
    root = tmp_path_factory.mktemp("x")
    archive = write_zip(root / "x", {name: name.encode() for name in names})
    try:
        placed = extract(archive, root / "deep" / "out")
    except UserError:
        placed = None  # a file where another one needs a folder
    inside = tree(root / "deep" / "out")
    assert {f"deep/out/{name}" for name in inside} | {"x"} == set(tree(root))
    assert placed in (len(inside), None)
    assert placed is not None or any("/" in name for name in names)


def test_links_and_devices_are_left_out_aloud(tmp_path, capsys):
    with tarfile.open(tmp_path / "x.tar", "w") as made:
        for kind, name in (
            (tarfile.SYMTYPE, "link"),
            (tarfile.LNKTYPE, "hard"),
            (tarfile.FIFOTYPE, "fifo"),
            (tarfile.CHRTYPE, "null"),
        ):
            info = tarfile.TarInfo(name)
            info.type, info.linkname = kind, "/etc/passwd"
            made.addfile(info)
        info = tarfile.TarInfo("link/inside")
        info.size = 1
        made.addfile(info, io.BytesIO(b"1"))
    link = zipfile.ZipInfo("link")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as made:
        made.writestr(link, "/etc/passwd")
    assert extract(tmp_path / "x.tar", tmp_path / "a") == 1
    assert tree(tmp_path / "a") == {"link/inside": b"1"}
    assert extract(tmp_path / "x.zip", tmp_path / "b") == 0
    said = capsys.readouterr().out
    assert all(f"'{name}': a link or a device" in said for name in ("link", "hard", "fifo", "null"))


def test_many_members_left_out_are_counted(tmp_path, capsys):
    extract(write_zip(tmp_path / "x.zip", {f"../{i}": b"" for i in range(50)}), tmp_path / "out")
    said = capsys.readouterr().out.splitlines()
    assert len(said) == 12
    assert "left out 40 more such members" in said[-2]


@pytest.mark.parametrize("name", WRITERS)
def test_a_bomb_is_refused(tmp_path, name):
    archive = WRITERS[name](tmp_path / name, {"small": b"1", "zeros": bytes(5_000_000)})
    with pytest.raises(UserError, match=f"{name} holds at least 5000001 bytes, and 1000000 are allowed"):
        extract(archive, tmp_path / "out", max_bytes=1_000_000)
    assert "zeros" not in tree(tmp_path / "out")


def test_a_zip_whose_members_are_the_same_bytes_is_no_way_round_the_bound(tmp_path):
    write_zip(tmp_path / "x.zip", {f"{i:03d}": bytes(100_000) for i in range(50)})
    with pytest.raises(UserError, match="holds at least 5000000 bytes"):
        extract(tmp_path / "x.zip", tmp_path / "out", max_bytes=1_000_000)
    assert tree(tmp_path / "out") == {}


def test_what_does_not_fit_on_the_disk_is_refused_before_it_is_written(tmp_path, monkeypatch):
    archive = write_zip(tmp_path / "x.zip", FILES)
    usage = SimpleNamespace(free=1_000_000)
    monkeypatch.setattr("avbench.data.download.archives.shutil.disk_usage", lambda _: usage)
    with pytest.raises(UserError, match=r"x.zip needs 0.0 GB more .*Make room"):
        extract(archive, tmp_path / "out")
    assert tree(tmp_path / "out") == {}
    usage.free = 4_000_000
    extract(archive, tmp_path / "out")
    usage.free = 0  # nothing more is needed
    assert extract(archive, tmp_path / "out") == len(FILES)


def test_a_member_that_gives_more_than_it_says_is_stopped(tmp_path):
    archive = write_zip(tmp_path / "x.zip", {"a": bytes(5_000_000)})
    data = bytearray(archive.read_bytes())
    at = data.rindex(b"PK\x01\x02") + 24  # the uncompressed size in the central directory
    data[at : at + 4] = (1000).to_bytes(4, "little")
    archive.write_bytes(data)
    with pytest.raises(UserError, match="x.zip is damaged.*'a'"):
        extract(archive, tmp_path / "out")
    assert tree(tmp_path / "out") == {}


@pytest.mark.parametrize("name", WRITERS)
@pytest.mark.parametrize("share", [0.0, 0.01, 0.5, 0.9, 0.999])
def test_a_truncated_archive_is_damaged(tmp_path, name, share):
    archive = WRITERS[name](tmp_path / name, {f"{i}": random.Random(i).randbytes(20_000) for i in range(20)})
    data = archive.read_bytes()
    # A tar ends with blocks of zeros that nobody misses: it is cut before them.
    end = 20 * (512 + 20_480) if name == "x.tar" else len(data)
    archive.write_bytes(data[: int(share * end)])
    with pytest.raises(UserError, match=f"{name} is damaged.*get it again"):
        extract(archive, tmp_path / "out")
    for path, content in tree(tmp_path / "out").items():
        assert content == random.Random(int(path)).randbytes(20_000)


def test_a_tar_that_is_cut_between_two_members_is_damaged(tmp_path):
    archive = write_tar(tmp_path / "x.tar", {"a": bytes(512), "b": bytes(512)}, "w")
    archive.write_bytes(archive.read_bytes()[:1024])
    with pytest.raises(UserError, match="its end is missing"):
        extract(archive, tmp_path / "out")


@pytest.mark.parametrize("name", ["x.zip", "x.tar.gz", "x.tar.xz"])
def test_flipped_bits_are_noticed(tmp_path, name):
    archive = WRITERS[name](tmp_path / name, FILES)
    data = bytearray(archive.read_bytes())
    data[len(data) // 2] ^= 0x10
    archive.write_bytes(data)
    with pytest.raises(UserError, match=f"{name} is damaged"):
        extract(archive, tmp_path / "out")


@pytest.mark.parametrize("content", [b"", b"<html>503</html>" * 100, b"PK\x03\x04" + b"x" * 1000])
def test_what_is_no_archive_is_refused(tmp_path, content):
    (tmp_path / "x.zip").write_bytes(content)
    with pytest.raises(UserError, match="x.zip is damaged, encrypted or no archive"):
        extract(tmp_path / "x.zip", tmp_path / "out")
    with pytest.raises(UserError, match="absent.zip is no file"):
        extract(tmp_path / "absent.zip", tmp_path / "out")


def test_an_encrypted_zip_is_refused(tmp_path):
    archive = write_zip(tmp_path / "x.zip", {"a": b"1"})
    data = bytearray(archive.read_bytes())
    for magic, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.rindex(magic) + offset] |= 1
    archive.write_bytes(data)
    with pytest.raises(UserError, match="encrypted"):
        extract(archive, tmp_path / "out")


@pytest.mark.parametrize("name", WRITERS)
def test_files_that_are_there_are_kept_and_others_replaced(tmp_path, name):
    archive = WRITERS[name](tmp_path / name, FILES)
    out = tmp_path / "out"
    extract(archive, out)
    old = out / "Set" / "meta.csv"
    os.utime(old, (1, 1))
    (out / "Set" / "empty").unlink()
    (out / "Set" / "audio" / "-y $(id).wav").write_bytes(bytes(99_999))
    (out / f".{name}.part").write_bytes(b"left by a killed job")
    assert extract(archive, out) == len(FILES)
    assert tree(out) == FILES
    assert old.stat().st_mtime == 1


def test_a_file_of_the_same_size_with_other_bytes_is_replaced(tmp_path):
    archive = write_zip(tmp_path / "x.zip", FILES)
    (tmp_path / "out" / "Set").mkdir(parents=True)
    (tmp_path / "out" / "Set" / "meta.csv").write_bytes(b"b\ta\n")
    extract(archive, tmp_path / "out")
    assert tree(tmp_path / "out") == FILES


def accept(name):
    return name.lower() if name.endswith((".mp4", ".MP4")) else None


@pytest.mark.parametrize("writer", [write_zip, write_tar])
def test_clips_are_taken_out_of_deep_paths(tmp_path, writer, capsys):
    files = {
        "scratch/me/vggsound/video/-a_000001.mp4": b"1",
        "scratch/me/vggsound/video/b_000002.MP4": b"22",
        "scratch/me/vggsound/list.csv": b"no clip",
        "other/-a_000001.mp4": b"a second one",
        "../../c_000003.mp4": b"333",
    }
    archive = writer(tmp_path / "vggsound_00", files)
    for _ in range(2):
        assert extract_clips(archive, tmp_path / "clips", accept) == 3
        expected = {"-a_000001.mp4": b"1", "b_000002.mp4": b"22", "c_000003.mp4": b"333"}
        assert tree(tmp_path / "clips") == expected
    assert "'other/-a_000001.mp4': a file of this name came before" in capsys.readouterr().out


def test_the_bound_counts_accepted_members_only(tmp_path):
    archive = write_tar(tmp_path / "x.tar.gz", {"notes": bytes(100_000), "a.mp4": b"1"})
    assert extract_clips(archive, tmp_path / "clips", accept, max_bytes=10) == 1
