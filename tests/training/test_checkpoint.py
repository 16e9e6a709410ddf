import zipfile

import pytest
import torch

from avbench.core.errors import UserError
from avbench.training import checkpoint


def test_what_was_saved_is_loaded(tmp_path):
    state = {"model": {"weight": torch.arange(6.0).reshape(2, 3)}, "reached": {"step": 3, "history": [{"loss": 0.5}]}}
    checkpoint.save(tmp_path / "new/checkpoint.pt", state)
    found = checkpoint.load(tmp_path / "new/checkpoint.pt")
    assert torch.equal(found["model"]["weight"], state["model"]["weight"])
    assert found["reached"] == state["reached"]


def test_the_same_state_gives_the_same_file(tmp_path):
    for name in ("a.pt", "b.pt"):
        checkpoint.save(tmp_path / name, {"model": {"weight": torch.ones(3)}})
    assert (tmp_path / "a.pt").read_bytes() == (tmp_path / "b.pt").read_bytes()


def test_a_checkpoint_that_cannot_be_saved_leaves_the_one_before(tmp_path):
    checkpoint.save(tmp_path / "checkpoint.pt", {"step": 1})
    with pytest.raises(Exception, match="pickle"):
        checkpoint.save(tmp_path / "checkpoint.pt", {"step": lambda: 2})
    assert checkpoint.load(tmp_path / "checkpoint.pt") == {"step": 1}
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoint.pt"]


def test_nothing_in_a_checkpoint_is_executed(tmp_path):
    torch.save({"step": pytest.raises}, tmp_path / "checkpoint.pt")
    with pytest.raises(UserError, match="checkpoint.pt is not a readable checkpoint"):
        checkpoint.load(tmp_path / "checkpoint.pt")


def test_a_missing_checkpoint_is_named(tmp_path):
    with pytest.raises(UserError, match="absent.pt does not exist"):
        checkpoint.load(tmp_path / "absent.pt")


def test_any_setting_changes_the_fingerprint():
    settings = {"a": {"b": 1, "c": None}, "d": [1, 2]}
    assert checkpoint.fingerprint(settings) == checkpoint.fingerprint({"d": [1, 2], "a": {"c": None, "b": 1}})
    others = [{"a": {"b": 2, "c": None}, "d": [1, 2]}, {"a": {"b": 1, "c": None}, "d": [2, 1]}, {}]
    assert len({checkpoint.fingerprint(other) for other in [settings, *others]}) == 4


def test_a_broken_checkpoint_is_named(tmp_path):
    (tmp_path / "checkpoint.pt").write_bytes(b"PK\x03\x04 half a checkpoint")
    with pytest.raises(UserError, match="checkpoint.pt is not a readable checkpoint"):
        checkpoint.load(tmp_path / "checkpoint.pt")


@pytest.fixture
def saved(tmp_path):
    checkpoint.save(tmp_path / "checkpoint.pt", {"model": {"weight": torch.arange(500.0)}, "reached": {"step": 3}})
    return tmp_path / "checkpoint.pt"


def test_other_readers_of_checkpoints_see_no_difference(saved):
    assert torch.load(saved, weights_only=True)["reached"] == {"step": 3}
    with zipfile.ZipFile(saved) as archive:
        assert archive.testzip() is None
        assert archive.comment.startswith(b"SHA-256 ")


@pytest.mark.parametrize("place", [*range(-75, 0, 7), 5, 40, 500, 1000, 2000])
def test_a_flipped_bit_is_found_wherever_it_is(saved, place):
    data = bytearray(saved.read_bytes())
    data[place] ^= 1
    saved.write_bytes(data)
    with pytest.raises(
        UserError, match=r"checkpoint\.pt is (damaged|not a readable checkpoint).*make it again: snakemake"
    ):
        checkpoint.load(saved)


@pytest.mark.parametrize("share", [0, 0.01, 0.5, 0.99])
def test_a_truncated_checkpoint_is_found(saved, share):
    data = saved.read_bytes()
    saved.write_bytes(data[: int(share * len(data))])
    with pytest.raises(UserError, match=r"checkpoint\.pt is .*Begin anew\."):
        checkpoint.load(saved, "Begin anew.")


def test_a_checkpoint_of_an_earlier_version_is_read(tmp_path):
    torch.save({"reached": {"step": 3}}, tmp_path / "checkpoint.pt")
    assert checkpoint.load(tmp_path / "checkpoint.pt") == {"reached": {"step": 3}}
