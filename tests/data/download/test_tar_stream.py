"""A small archive takes little memory, whatever it is said to hold; what is in honest ones is read."""

import bz2
import gzip
import io
import lzma
import subprocess
import sys
import tarfile

import pytest

from avbench.core.errors import UserError
from avbench.data.download import tar_stream
from avbench.data.download.archives import extract, extract_clips

MEMORY_MB = 150  # more than an archive of one small file takes
COMPRESS = {"gz": gzip.compress, "bz2": bz2.compress, "xz": lzma.compress}
MEASURE = """
import resource, sys
from pathlib import Path
from avbench.core.errors import UserError
from avbench.data.download.archives import extract
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
try:
    extract(Path(sys.argv[1]), Path(sys.argv[2]))
except UserError as error:
    print(error)
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024)
"""


def header(kind, size, name="x", **more):
    info = tarfile.TarInfo(name)
    info.type, info.size = kind, size
    for key, value in more.items():
        setattr(info, key, value)
    return info.tobuf(tarfile.GNU_FORMAT)


def member(name, content):
    return header(tarfile.REGTYPE, len(content), name) + content + bytes(-len(content) % 512)


def pax(text):
    return header(tarfile.XHDTYPE, len(text)) + text + bytes(-len(text) % 512)


def record(key, value):
    size = len(key) + len(value) + 3
    size += len(str(size + len(str(size))))
    return f"{size} {key}={value}\n".encode()


END = bytes(1024)
ZEROS = bytes(300_000_000)
BOMBS = {
    "attributes": lambda: header(tarfile.XHDTYPE, len(ZEROS)) + ZEROS,
    "attributes of all": lambda: header(tarfile.XGLTYPE, len(ZEROS)) + ZEROS,
    "a long name": lambda: header(tarfile.GNUTYPE_LONGNAME, len(ZEROS)) + ZEROS,
    "a long link": lambda: header(tarfile.GNUTYPE_LONGLINK, len(ZEROS)) + ZEROS,
    "a map of a sparse file": lambda: (
        pax(record("GNU.sparse.major", "1") + record("GNU.sparse.minor", "0"))
        + header(tarfile.REGTYPE, 200_000_000)
        + b"99999999\n"
        + b"1\n" * 100_000_000
    ),
    "many attributes": lambda: b"".join(
        header(tarfile.XGLTYPE, len(text := record(f"key{number}", "v" * 900_000))) + text + bytes(-len(text) % 512)
        for number in range(300)
    ),
}


@pytest.mark.parametrize("way", BOMBS)
def test_headers_take_no_more_memory_than_they_may(tmp_path, way):
    (tmp_path / "x.tar.gz").write_bytes(gzip.compress(BOMBS[way](), 1))
    made = subprocess.run(
        [sys.executable, "-c", MEASURE, str(tmp_path / "x.tar.gz"), str(tmp_path / "out")],
        capture_output=True,
        text=True,
        check=True,
    )
    *said, grown = made.stdout.splitlines()
    assert any("x.tar.gz is damaged" in line or "holds" in line for line in said), made.stdout
    assert float(grown) < MEMORY_MB


def test_members_are_not_remembered(tmp_path):
    one = member("folder/", b"")[:512]
    (tmp_path / "x.tar.gz").write_bytes(gzip.compress(one * 200_000 + member("a", b"1") + END, 1))
    with tar_stream.open_tar(tmp_path / "x.tar.gz") as members:
        seen = sum(len(tar.members) <= 1 for tar, _ in members)
    assert seen == 200_001


def test_xz_is_decompressed_in_bounded_memory(tmp_path, monkeypatch):
    filters = [{"id": lzma.FILTER_LZMA2, "dict_size": 1 << 26}]
    (tmp_path / "x.tar.xz").write_bytes(lzma.compress(member("a", b"1") + END, filters=filters))
    assert extract(tmp_path / "x.tar.xz", tmp_path / "fine") == 1
    monkeypatch.setattr(tar_stream, "_XZ_MEMORY", 1 << 24)
    with pytest.raises(UserError, match=r"x\.tar\.xz is damaged.*[Mm]emory"):
        extract(tmp_path / "x.tar.xz", tmp_path / "out")


@pytest.mark.parametrize("end", COMPRESS)
def test_streams_that_follow_one_another_are_one(tmp_path, end):
    data = member("a", b"1" * 700) + member("b", b"2") + END
    path = tmp_path / f"x.tar.{end}"
    path.write_bytes(COMPRESS[end](data[:900]) + COMPRESS[end](data[900:]))
    assert extract(path, tmp_path / "out") == 2
    assert (tmp_path / "out/a").read_bytes() == b"1" * 700


@pytest.mark.parametrize("end", COMPRESS)
@pytest.mark.parametrize("share", [0.3, 0.9, 0.999])
def test_a_truncated_archive_is_damaged(tmp_path, end, share):
    data = COMPRESS[end](member("a", bytes(range(256)) * 40) + member("b", b"2") + END)
    path = tmp_path / f"x.tar.{end}"
    path.write_bytes(data[: int(share * len(data))])
    with pytest.raises(UserError, match="is damaged"):
        extract(path, tmp_path / "out")


def test_long_names_and_attributes_of_honest_archives_are_read(tmp_path):
    name = "d" * 120 + "/" + "é" * 100
    for kind in (tarfile.PAX_FORMAT, tarfile.GNU_FORMAT):
        with tarfile.open(tmp_path / "x.tar", "w", format=kind, pax_headers={"comment": "c"}) as made:
            info = tarfile.TarInfo(name)
            info.size = 3
            made.addfile(info, io.BytesIO(b"abc"))
        assert extract(tmp_path / "x.tar", tmp_path / f"out{kind}") == 1
        assert (tmp_path / f"out{kind}" / name).read_bytes() == b"abc"


@pytest.mark.parametrize("files", [{}, {"a.txt": b"1"}, {"a/": b"", "b.mp3": b"2"}])
def test_an_archive_without_a_clip_is_an_error(tmp_path, files):
    (tmp_path / "x.tar").write_bytes(b"".join(member(name, content) for name, content in files.items()) + END)
    with pytest.raises(UserError, match=r"x\.tar holds no clip"):
        extract_clips(tmp_path / "x.tar", tmp_path / "out", lambda name: name if name.endswith(".mp4") else None)
