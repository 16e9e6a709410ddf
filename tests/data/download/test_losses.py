"""Damaged archives: every intact clip is taken, and of the others it is said that, and by what, they are lost."""

import io
import random
import tarfile
import time
import zipfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from avbench.core.errors import UserError
from avbench.data.download.losses import read_loss, unpack_clips
from avbench.data.packing.trimmed import Collection, accept
from tests.data.download.test_archives import write_tar, write_zip

CLIPS = {f"id{i:02d}_{i:06d}.mp4": random.Random(i).randbytes(20_000 + 13 * i) for i in range(20)}
FILES = {f"deep/in/it/{name}": data for name, data in CLIPS.items()}


class _OneWay(io.RawIOBase):
    """A stream that cannot go back: a zip that is written to it says sizes behind the data."""

    def __init__(self, stream):
        self._stream = stream

    def writable(self):
        return True

    def write(self, data):
        return self._stream.write(data)


def write_streamed_zip(path, files, compression=zipfile.ZIP_DEFLATED):
    with path.open("wb") as stream, zipfile.ZipFile(_OneWay(stream), "w", compression) as made:
        for name, data in files.items():
            made.writestr(name, data)
    return path


WRITERS = {
    "x.tar": lambda path, files: write_tar(path, files, "w"),
    "x.tar.gz": write_tar,
    "x.tar.xz": lambda path, files: write_tar(path, files, "w:xz"),
    "x.zip": write_zip,
    "stored.zip": lambda path, files: write_zip(path, files, zipfile.ZIP_STORED),
    "streamed.zip": write_streamed_zip,
    "streamed-stored.zip": lambda path, files: write_streamed_zip(path, files, zipfile.ZIP_STORED),
}


def unpacked(folder):
    return {path.name: path.read_bytes() for path in folder.glob("*.mp4")}


def loss(folder):
    (path,) = folder.glob(".damaged-*")
    return read_loss(path)


@pytest.mark.parametrize("name", WRITERS)
@pytest.mark.parametrize("share", [0.3, 0.7, 0.95])
def test_of_an_archive_that_is_cut_off_the_clips_before_the_cut_are_taken(tmp_path, name, share):
    archive = WRITERS[name](tmp_path / name, FILES)
    data = archive.read_bytes()
    archive.write_bytes(data[: int(share * len(data))])
    told = unpack_clips(archive, tmp_path / "clips", accept)
    taken = unpacked(tmp_path / "clips")
    assert taken == dict(list(CLIPS.items())[: len(taken)])
    # xz is decompressed in blocks.
    assert len(taken) in (int(20 * share), int(20 * share) - 1) or name == "x.tar.xz"
    assert (told["clips"], told["more_lost"]) == (len(taken), True)
    found = Collection(tmp_path / "clips")
    last = list(CLIPS)[-1].removesuffix(".mp4")
    assert found.find(last) is None
    assert f"{archive.name} is damaged (" in found.cost(last)


@pytest.mark.parametrize("name", ["x.zip", "stored.zip", "streamed.zip", "streamed-stored.zip"])
@pytest.mark.parametrize("whole", [True, False])
def test_a_damaged_member_of_a_zip_costs_itself_alone(tmp_path, name, whole):
    archive = WRITERS[name](tmp_path / name, FILES)
    data = bytearray(archive.read_bytes())
    at = data.index(CLIPS["id07_000007.mp4"][100:200])
    data[at] ^= 1
    if not whole:
        del data[data.rindex(b"PK\x05\x06") - 300 :]  # its directory, too
    archive.write_bytes(data)
    unpack_clips(archive, tmp_path / "clips", accept)
    assert unpacked(tmp_path / "clips") == {n: c for n, c in CLIPS.items() if n != "id07_000007.mp4"}
    assert (loss(tmp_path / "clips").files, loss(tmp_path / "clips").unnamed) == (("id07_000007.mp4",), not whole)
    cost = Collection(tmp_path / "clips").cost("id07_000007")
    assert f"{name} is damaged" in cost
    assert "is one of those that this has cost" in cost
    assert bool(Collection(tmp_path / "clips").cost("other_000001")) is not whole


def test_behind_a_damaged_header_a_tar_is_read_on(tmp_path):
    archive = WRITERS["x.tar"](tmp_path / "x.tar", FILES)
    data = bytearray(archive.read_bytes())
    at = data.index(b"deep/in/it/id07")
    data[at : at + 700] = random.Random(0).randbytes(700)
    at = data.index(b"deep/in/it/id15")
    data[at + 150] ^= 1  # of the checksum
    archive.write_bytes(data)
    told = unpack_clips(archive, tmp_path / "clips", accept)
    lost = {"id07_000007.mp4", "id15_000015.mp4"}
    assert unpacked(tmp_path / "clips") == {name: clip for name, clip in CLIPS.items() if name not in lost}
    assert told == {"clips": 18, "damage": "its end is missing", "lost": 0, "more_lost": True}


def test_in_a_compressed_tar_too_if_the_stream_is_whole(tmp_path):
    plain = WRITERS["x.tar"](tmp_path / "x.tar", FILES)
    data = bytearray(plain.read_bytes())
    data[data.index(b"deep/in/it/id07") + 150] ^= 1
    import gzip

    archive = tmp_path / "x.tar.gz"
    archive.write_bytes(gzip.compress(bytes(data)))
    unpack_clips(archive, tmp_path / "clips", accept)
    assert set(CLIPS) - set(unpacked(tmp_path / "clips")) == {"id07_000007.mp4"}


def test_where_only_the_checksum_of_the_stream_is_wrong_no_clip_is_lost(tmp_path, capsys):
    archive = write_tar(tmp_path / "x.tar.gz", FILES)
    data = bytearray(archive.read_bytes())
    data[-6] ^= 1
    archive.write_bytes(data)
    told = unpack_clips(archive, tmp_path / "clips", accept)
    assert unpacked(tmp_path / "clips") == CLIPS
    assert (told["clips"], told["lost"], told["more_lost"]) == (20, 0, False)
    assert "CRC check failed" in capsys.readouterr().out
    assert Collection(tmp_path / "clips").cost("other_000001") == ""


def test_a_whole_archive_in_its_place_takes_the_loss_back(tmp_path):
    archive = write_tar(tmp_path / "x.tar.gz", FILES)
    data = archive.read_bytes()
    archive.write_bytes(data[: len(data) // 2])
    unpack_clips(archive, tmp_path / "clips", accept)
    assert loss(tmp_path / "clips").archive == "x.tar.gz"
    archive.write_bytes(data)
    assert unpack_clips(archive, tmp_path / "clips", accept) == {"clips": 20}
    assert unpacked(tmp_path / "clips") == CLIPS
    assert not list((tmp_path / "clips").glob(".damaged-*"))


@pytest.mark.parametrize("content", [b"", b"<html>503</html>" * 100, b"PK\x05\x06" + bytes(100)])
def test_what_is_no_archive_is_an_error(tmp_path, content):
    (tmp_path / "x.tar.gz").write_bytes(content)
    with pytest.raises(UserError, match=r"x.tar.gz (is damaged, encrypted or no archive|holds no clip)"):
        unpack_clips(tmp_path / "x.tar.gz", tmp_path / "clips", accept)


def test_an_encrypted_zip_is_not_taken_for_a_damaged_one(tmp_path):
    archive = write_zip(tmp_path / "x.zip", FILES)
    data = bytearray(archive.read_bytes())
    for magic, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.index(magic) + offset] |= 1
    archive.write_bytes(data)
    with pytest.raises(UserError, match="encrypted"):
        unpack_clips(archive, tmp_path / "clips", accept)


@settings(max_examples=60, deadline=None)
@given(
    name=st.sampled_from(sorted(WRITERS)),
    spots=st.lists(st.tuples(st.floats(0, 1), st.binary(min_size=1, max_size=600)), min_size=1, max_size=3),
)
def test_whatever_is_damaged_no_checked_clip_is_wrong_and_it_ends(tmp_path_factory, name, spots):
    folder = tmp_path_factory.mktemp("x")
    few = dict(list(FILES.items())[:6])
    archive = WRITERS[name](folder / name, few)
    data = bytearray(archive.read_bytes())
    for share, noise in spots:
        at = int(share * (len(data) - 1))
        data[at : at + len(noise)] = noise
    archive.write_bytes(data)
    begun = time.monotonic()
    try:
        unpack_clips(archive, folder / "clips", accept)
    except UserError:
        return
    assert time.monotonic() - begun < 20
    if name.endswith(".zip"):  # a tar has no checksums of its members
        taken = unpacked(folder / "clips")
        assert all(CLIPS[name] == clip for name, clip in taken.items() if name in CLIPS)


def test_a_tar_of_nothing_but_headers_that_lead_nowhere_ends(tmp_path):
    info = tarfile.TarInfo("x" * 90)
    info.type, info.size = tarfile.GNUTYPE_LONGNAME, 10
    block = info.tobuf()
    (tmp_path / "x.tar").write_bytes((block + bytes(512)) * 2000)
    begun = time.monotonic()
    told = unpack_clips(tmp_path / "x.tar", tmp_path / "clips", accept)
    assert (told["clips"], told["more_lost"]) == (0, True)
    assert time.monotonic() - begun < 30


def test_a_lost_file_whose_name_is_no_utf_8_is_noted(tmp_path):
    name = b"caf\xe9_000001.mp4".decode("utf-8", "surrogateescape")
    write_tar(tmp_path / "x.tar", {name: b"sound" * 1000}, "w")
    whole = (tmp_path / "x.tar").read_bytes()
    (tmp_path / "x.tar").write_bytes(whole[:2000])
    assert unpack_clips(tmp_path / "x.tar", tmp_path / "clips", accept)["lost"] == 1
    assert loss(tmp_path / "clips").files == ("caf\\udce9_000001.mp4",)
