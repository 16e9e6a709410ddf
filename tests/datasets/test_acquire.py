"""Getting a list from a server on this machine and from disk: whole, verified, or not at all."""

import hashlib
import json

import pytest

from avbench.core.errors import UserError
from avbench.data.download.http import Limits
from avbench.datasets.acquire import download_dataset, get_archive, get_list
from tests.data.download.test_archives import write_zip
from tests.support.file_server import FileServer

LIST = b'-abc,30,"bird chirping, tweeting",train\n' * 5000
SHA256 = hashlib.sha256(LIST).hexdigest()
QUICK = Limits(timeout_s=2, attempts=3, pause_s=0.01)


@pytest.fixture
def server(monkeypatch):
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    with FileServer() as made:
        made.files["/list"] = LIST
        yield made


def refused(server, target, message, limits=QUICK, **settings):
    """Check that nothing is written and the message names the address."""
    with pytest.raises(UserError, match=message) as error:
        get_list({"url": f"{server.url}/list"} | settings, target, limits)
    assert f"{server.url}/" in str(error.value)
    assert not list(target.parent.iterdir())


@pytest.mark.parametrize("behaviours", [[], ["unsized"], ["to /list"], ["503", "broken"]])
@pytest.mark.parametrize("sha256", ["", SHA256, SHA256.upper()])
def test_the_list_arrives_whole(server, tmp_path, behaviours, sha256, capsys):
    server.behave("/list", *behaviours)
    get_list({"url": f"{server.url}/list", "sha256": sha256}, tmp_path / "list.csv", QUICK)
    assert (tmp_path / "list.csv").read_bytes() == LIST
    assert f"SHA-256 {SHA256}, {'as expected' if sha256 else 'not verified'}" in capsys.readouterr().out


@pytest.mark.parametrize("behaviour", ["404!", "503!", "to file:///etc/passwd"])
def test_a_list_that_cannot_be_had_names_the_options(server, tmp_path, behaviour):
    server.behave("/list", behaviour)
    refused(server, tmp_path / "list.csv", "options.list.url.*options.list.path")


@pytest.mark.parametrize("behaviour", ["well", "unsized"])
def test_a_list_that_is_too_large_is_refused(server, tmp_path, behaviour):
    server.behave("/list", behaviour)
    refused(server, tmp_path / "list.csv", "is larger than 100000 bytes", Limits(max_bytes=100_000))


def test_a_truncated_list_is_no_list(tmp_path, server):
    server.ranges = False
    server.behave("/list", "broken!")
    half = len(LIST) // 2
    refused(server, tmp_path / "list.csv", f"the connection broke after {half} of {len(LIST)} bytes")


def test_a_wrong_checksum_is_refused_and_an_older_list_kept(server, tmp_path):
    refused(server, tmp_path / "list.csv", f"SHA-256 {SHA256}, and options.list.sha256 is 00", sha256="0" * 64)
    (tmp_path / "list.csv").write_text("old")
    with pytest.raises(UserError):
        get_list({"url": f"{server.url}/list", "sha256": "0" * 64}, tmp_path / "list.csv", QUICK)
    assert (tmp_path / "list.csv").read_text() == "old"


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
        ({"url": "file:///etc/passwd"}, "no http:// or https:// address"),
        ({"path": "z", "sha256": "abc"}, "no SHA-256"),
        ({"path": "z", "md5": "abc"}, "unknown key 'md5'"),
    ],
)
def test_bad_options_are_refused(tmp_path, settings, message):
    with pytest.raises(UserError, match=message):
        get_list(settings, tmp_path / "list.csv")


def test_an_archive_is_downloaded_verified_unpacked_and_deleted(tmp_path):
    content = write_zip(tmp_path / "x.zip", {"Set/meta.csv": b"a,b\n"}).read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    with FileServer() as server:
        server.files["/x.zip"] = content
        settings = {"url": f"{server.url}/x.zip", "sha256": digest}
        with pytest.raises(UserError, match=r"x.zip has the SHA-256 .*options.archive.sha256 is 0000"):
            get_archive(settings | {"sha256": "0" * 64}, tmp_path / "set", tmp_path / "set.json")
        assert not (tmp_path / "set.json").exists()
        get_archive(settings, tmp_path / "set", tmp_path / "set.json")
    assert [path.name for path in (tmp_path / "set").iterdir()] == ["Set"]
    assert (tmp_path / "set" / "Set" / "meta.csv").read_bytes() == b"a,b\n"
    assert json.loads((tmp_path / "set.json").read_text()) == settings | {"size": len(content)}
    with pytest.raises(UserError, match=r"options.archive.sha256: 'abc' is no SHA-256"):
        get_archive(settings | {"sha256": "abc"}, tmp_path / "set", tmp_path / "set.json")


def test_a_setting_that_archives_do_not_take_is_named(tmp_path):
    with pytest.raises(UserError, match="settings of tau_av: unknown key 'medium'. Allowed are record, media"):
        download_dataset("tau_av", {"medium": "audio"}, {}, tmp_path, tmp_path / "x.json")
