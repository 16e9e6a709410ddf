import os

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from avbench.core import files
from avbench.core.errors import UserError


def test_a_failed_block_leaves_the_old_file_and_no_litter(tmp_path):
    path = tmp_path / "file.txt"
    files.write_text(path, "old")
    with pytest.raises(RuntimeError), files.atomic(path) as part:
        part.write_text("half of the n")
        raise RuntimeError
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["file.txt"]


def test_a_file_has_usual_permissions(tmp_path):
    files.write_text(tmp_path / "file", "")
    (tmp_path / "usual").write_text("")
    assert (tmp_path / "file").stat().st_mode == (tmp_path / "usual").stat().st_mode


def test_unwritable_place_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="cannot write .*inside"):
        files.write_text(tmp_path / "file" / "inside", "")


@given(
    st.lists(
        st.tuples(st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1), st.text(max_size=3)),
        min_size=1,
    )
)
def test_any_text_comes_back_from_csv(tmp_path_factory, rows):
    path = tmp_path_factory.mktemp("csv") / "table.csv"
    table = pd.DataFrame(rows, columns=["clip_id", "label"])
    files.write_csv(path, table)
    assert files.read_csv(path, ("clip_id", "label")) == table.to_dict("list")


def test_csv_is_never_guessed(tmp_path):
    files.write_csv(tmp_path / "t.csv", pd.DataFrame({"clip_id": ["007", "NA"], "label": ["true", "None"]}))
    assert files.read_csv(tmp_path / "t.csv", ("label", "clip_id")) == {
        "label": ["true", "None"],
        "clip_id": ["007", "NA"],
    }


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "does not exist"),
        ("a,b\n1,2\n", "no column 'clip_id'"),
        ("clip_id,label\n1,2\n3\n", "line 3: 1 fields instead of 2"),
    ],
)
def test_bad_csv_is_named(tmp_path, text, message):
    path = tmp_path / "t.csv"
    if text is not None:
        path.write_text(text)
    with pytest.raises(UserError, match=message):
        files.read_csv(path, ("clip_id",))


def test_json_errors_are_named(tmp_path):
    with pytest.raises(UserError, match="does not exist"):
        files.read_json(tmp_path / "no.json")
    (tmp_path / "bad.json").write_text("{")
    with pytest.raises(UserError, match="is not JSON"):
        files.read_json(tmp_path / "bad.json")


def test_bytes_of_names_that_are_no_utf_8_are_escaped():
    assert files.as_utf8("café") == "café"
    assert files.as_utf8(b"caf\xe9".decode("utf-8", "surrogateescape")) == "caf\\udce9"
