"""A file that is not what its job wrote is seen when it is read."""

import subprocess

import pandas as pd
import pytest

from avbench.core import seals
from avbench.core.errors import UserError
from avbench.core.files import read_csv, read_json, write_csv, write_json, write_text

DAMAGES = {
    "truncated": lambda data: data[: len(data) // 2],
    "emptied": lambda data: b"",
    "flipped": lambda data: data[:-3] + bytes([data[-3] ^ 1]) + data[-2:],
}


@pytest.fixture
def sealed(tmp_path):
    write_csv(tmp_path / "few.csv", pd.DataFrame({"clip_id": ["a", "b"], "label": ["1", "2"]}), sealed=True)
    return tmp_path / "few.csv"


def test_a_seal_is_what_sha256sum_reads(sealed):
    assert seals.is_whole(sealed)
    checked = subprocess.run(["sha256sum", "-c", "few.csv.sha256"], cwd=sealed.parent, capture_output=True, check=True)
    assert checked.stdout == b"few.csv: OK\n"
    assert read_csv(sealed, ["label"]) == {"label": ["1", "2"]}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_file_is_named_with_the_command_that_makes_it_again(sealed, damage):
    sealed.write_bytes(DAMAGES[damage](sealed.read_bytes()))
    with pytest.raises(UserError, match=r"few\.csv is not what its job wrote.*snakemake .* \S*few\.csv$"):
        read_csv(sealed, ["label"])


def test_json_is_sealed_too(tmp_path):
    write_json(tmp_path / "a.json", {"stored": 1}, sealed=True)
    assert read_json(tmp_path / "a.json") == {"stored": 1}
    (tmp_path / "a.json").write_text('{"stored": 2}')
    with pytest.raises(UserError, match="damaged or edited"):
        read_json(tmp_path / "a.json")


@pytest.mark.parametrize("text", ["", "0" * 64 + "  few.csv", "\udcff"])
def test_a_damaged_seal_fits_no_file(sealed, text):
    seals.seal_of(sealed).write_bytes(text.encode("utf-8", "surrogatepass"))
    assert not seals.is_whole(sealed)


def test_what_is_written_anew_has_no_seal_of_another_time(sealed):
    write_text(sealed, "clip_id,label\nc,3\n")
    assert not seals.seal_of(sealed).exists()
    assert read_csv(sealed, ["label"]) == {"label": ["3"]}


def test_a_file_without_a_seal_is_read_and_a_missing_one_is_missing(tmp_path, sealed):
    (tmp_path / "own.csv").write_text("label\nx\n")
    assert read_csv(tmp_path / "own.csv", ["label"]) == {"label": ["x"]}
    sealed.unlink()
    assert not seals.is_whole(sealed)
    with pytest.raises(UserError, match="does not exist"):
        read_csv(sealed, ["label"])
