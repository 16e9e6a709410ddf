import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from avbench.core.errors import UserError
from avbench.data.manifest import COLUMNS, RECORDING, SPLITS, read_manifest, write_manifest

HEADER = ",".join(COLUMNS)
GOOD = 'a,a.mp4,0,10,"bird chirping, tweeting",train\n'

text = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1).filter(str.strip)
seconds = st.floats(0, 1e9, allow_nan=False)
row = st.tuples(text, text, seconds, seconds.filter(bool), text, st.sampled_from(SPLITS))


def table(*rows):
    return pd.DataFrame(list(rows), columns=list(COLUMNS))


@given(st.lists(row, max_size=5, unique_by=lambda values: values[0]))
def test_reads_back_what_was_written(tmp_path_factory, rows):
    path = tmp_path_factory.mktemp("manifest") / "clips.csv"
    write_manifest(path, table(*rows))
    assert list(read_manifest(path).itertuples(index=False, name=None)) == rows


@given(st.lists(st.tuples(row, st.just("") | text), min_size=1, max_size=5, unique_by=lambda values: values[0][0]))
def test_recordings_may_be_given(tmp_path_factory, rows):
    path = tmp_path_factory.mktemp("manifest") / "clips.csv"
    rows = [(*values, recording) for values, recording in rows]
    write_manifest(path, pd.DataFrame(rows, columns=[*COLUMNS, RECORDING]))
    assert list(read_manifest(path).itertuples(index=False, name=None)) == rows


def test_text_is_verbatim(tmp_path):
    path = tmp_path / "clips.csv"
    path.write_bytes(
        b"\xef\xbb\xbflabel,clip_id,source,start_s,duration_s,split\r\n"  # as Excel writes it, in another order
        b'NA,-x,"--x.mp4",1.25,10,train\r\n'
        b'" a ""b""\nc",001,$(touch x).mp4,0,1e1,test\r\n'
    )
    read = read_manifest(path)
    assert list(read.columns) == list(COLUMNS)
    assert read.label.tolist() == ["NA", ' a "b"\nc']
    assert read.clip_id.tolist() == ["-x", "001"]
    assert read.source.tolist() == ["--x.mp4", "$(touch x).mp4"]
    assert read.start_s.tolist() == [1.25, 0.0]
    assert read.duration_s.dtype == float


def test_empty_manifest_has_typed_columns(tmp_path):
    path = tmp_path / "clips.csv"
    write_manifest(path, table())
    assert path.read_text() == HEADER + "\n"
    assert read_manifest(path).empty


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "has the columns none"),
        ("clip_id,source\n", "a manifest has exactly"),
        (HEADER + ",extra\n", "a manifest has exactly"),
        (HEADER + "\n" + GOOD + "b,b.mp4,0\n", "row 3 has 3 fields instead of 6"),
        (HEADER + "\n" + GOOD + GOOD, "row 3: clip_id 'a' is already in row 2"),
        (HEADER + "\na,a.mp4,0,10,x,val\n", "row 2: split is 'val'; it must be one of train, validation, test"),
        (HEADER + "\na,a.mp4,-1,10,x,test\n", "row 2: start_s is '-1'"),
        (HEADER + "\na,a.mp4,nan,10,x,test\n", "row 2: start_s is 'nan'"),
        (HEADER + "\na,a.mp4,0,0,x,test\n", "row 2: duration_s is '0'"),
        (HEADER + "\na,a.mp4,0,inf,x,test\n", "row 2: duration_s is 'inf'"),
        (HEADER + "\na,a.mp4,0,,x,test\n", "row 2: duration_s is ''"),
        (HEADER + "\na,a.mp4,0,10,,test\n", "row 2: label is ''"),
        (HEADER + '\na,a.mp4,0,10," ",test\n', "row 2: label is ' '"),
        (HEADER + "\n,a.mp4,0,10,x,test\n", "row 2: clip_id is ''"),
        (HEADER + "\na,,0,10,x,test\n", "row 2: source is ''"),
        (HEADER + "\na\0,b,0,10,x,test\n", "without null characters"),
        (HEADER + ",recording\na,b,0,10,x,test,r\0\n", "row 2: recording is"),
        (HEADER + '\n"a,b,0,10,x,test\n', "is not a CSV file in UTF-8"),
    ],
)
def test_faults_name_file_and_row(tmp_path, content, message):
    path = tmp_path / "clips.csv"
    path.write_text(content)
    with pytest.raises(UserError, match="clips.csv") as caught:
        read_manifest(path)
    assert message in str(caught.value)


def test_other_encodings_and_missing_files_are_refused(tmp_path):
    path = tmp_path / "clips.csv"
    path.write_bytes(HEADER.encode() + "\na,a.mp4,0,10,é,test\n".encode("latin-1"))
    with pytest.raises(UserError, match="UTF-8"):
        read_manifest(path)
    with pytest.raises(UserError, match="does not exist"):
        read_manifest(tmp_path / "none.csv")


def test_writing_validates_and_leaves_the_old_file(tmp_path):
    path = tmp_path / "clips.csv"
    good = ("a", "a.mp4", 0.0, 10.0, "x", "train")
    write_manifest(path, table(good))
    before = path.read_bytes()
    with pytest.raises(UserError, match="row 3: label is nan"):
        write_manifest(path, table(good, ("b", "b.mp4", 0.0, 10.0, float("nan"), "train")))
    with pytest.raises(UserError, match="exactly the columns"):
        write_manifest(path, table(good).drop(columns="split"))
    assert path.read_bytes() == before
    assert {entry.name for entry in tmp_path.iterdir()} == {"clips.csv", "clips.csv.sha256"}


def test_rows_of_chosen_clips_are_read_with_their_numbers(tmp_path):
    path = tmp_path / "clips.csv"
    path.write_text(
        "clip_id,source,start_s,duration_s,label,split\n"
        "a,a.mp4,0,10,dog,train\n"
        "b,b.mp4,0,none,dog,train\n"
        "c,c.mp4,0,10,dog,test\n",
        encoding="utf-8",
    )
    assert list(read_manifest(path, lambda clip_id: clip_id != "b")["clip_id"]) == ["a", "c"]
    assert read_manifest(path, lambda clip_id: False).empty
    with pytest.raises(UserError, match="row 3: duration_s is 'none'"):
        read_manifest(path, lambda clip_id: clip_id == "b")
