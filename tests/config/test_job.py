"""Jobs: what is read of their JSON, what is refused, and what help and records say of them."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from avbench.config.job import describe_job, read_job, without_paths
from avbench.config.settings import build
from avbench.core.errors import UserError
from avbench.pretraining.pretrain_job import PretrainJob


@dataclass(frozen=True)
class Size:
    """A nested section."""

    width: int
    height: int = 3


@dataclass(frozen=True)
class Job:
    """A job.

    Attributes:
        name: what it is called
        size: how large
        seeds: one each
        files: what to read
        identity: names
        other: a section of another name
        output: what to write; none for nothing
    """

    name: str
    size: Size
    seeds: tuple[int, ...]
    files: tuple[Path, ...]
    identity: Mapping[str, str]
    other: Size
    output: Path | None = None


GIVEN = {
    "name": "n",
    "size": {"width": 2},
    "seeds": [0, 1],
    "files": ["a.csv", "b.csv"],
    "identity": {"method": "random"},
    "other": {"width": 5},
}


def read(**changed):
    return read_job(Job, GIVEN | changed, other=lambda values: build(Size, values, "sections.other"))


def test_fields_are_read_by_their_types():
    files, identity = (Path("a.csv"), Path("b.csv")), {"method": "random"}
    assert read() == Job("n", Size(2), (0, 1), files, identity, Size(5))
    assert read(output="c.csv").output == Path("c.csv")
    assert read(output=None).output is None


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"sise": 3}, r"job: unknown key 'sise'. Allowed are files, identity, name, other, output, seeds, size\."),
        ({"size": {"width": 2, "depth": 1}}, r"size: unknown key 'depth'. Allowed are height, width\."),
        ({"other": {}}, r"sections\.other: the key 'width' is missing\."),
        ({"other": 3}, r"job: other: 3 is not allowed; it must be an object\."),
        ({"size": [2]}, r"job: size: \[2\] is not allowed; it must be an object\."),
        ({"seeds": 0}, r"job: seeds: 0 is not allowed; it must be a list, each entry a whole number\."),
        ({"seeds": [True]}, r"job: seeds: True is not allowed; it must be a whole number\."),
        ({"files": [1]}, r"job: files: 1 is not allowed; it must be a path, as text\."),
        ({"name": 1}, r"job: name: 1 is not allowed; it must be text\."),
        ({"output": 1}, r"job: output: 1 is not allowed; it must be a path, as text\."),
        ({"identity": None}, r"job: identity: None is not allowed; it must be an object\."),
    ],
)
def test_what_does_not_fit_is_refused_with_its_key(changed, message):
    with pytest.raises(UserError, match=message):
        read(**changed)


def test_a_missing_key_is_named():
    with pytest.raises(UserError, match=r"job: the key 'size' is missing\."):
        read_job(Job, {key: value for key, value in GIVEN.items() if key != "size"})


def test_the_description_names_every_key_those_of_sections_and_what_may_be_left_out():
    lines = describe_job(Job).splitlines()
    assert [line.strip().partition(":")[0] for line in lines[:-1]] == list(Job.__dataclass_fields__)
    assert lines[1].endswith("size: how large (width, height)")
    assert lines[-1] == "These may be left out: output."
    assert "learning_rate" in describe_job(PretrainJob)


def test_records_hold_no_files():
    given = GIVEN | {"output": "/home/somebody/c.csv"}
    assert set(without_paths(Job, given)) == {"name", "size", "seeds", "identity", "other"}
