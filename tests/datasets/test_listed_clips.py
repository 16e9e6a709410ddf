"""Datasets without media: a list, of whose clips features were computed before."""

import pytest

from avbench.config.checks import CheckSettings
from avbench.config.store import StoreSettings
from avbench.core.errors import UserError
from avbench.data import ledger
from avbench.data.manifest import read_manifest
from avbench.data.store import Store
from avbench.datasets.listed_clips import ListedFiles, write_listed

SETTINGS = StoreSettings(frame_rate=4.0, width=32, height=32)
ROWS = ["b,dog,train", "a,cat,train", "c,dog,validation", "d,dog,test"]


def write(folder, rows, known, header="clip_id,label,split", recordings="list"):
    listing = folder / "clips.csv"
    listing.write_text("\n".join([header, *rows]) + "\n")
    names = ("clips.csv", "store/000.arrow", "ledger.parquet", "duplicates.csv", "recordings.csv")
    files = ListedFiles(*(folder / "d" / name for name in names))
    write_listed(listing, known, SETTINGS, CheckSettings(1.0, recordings=recordings), files)
    return files


def test_clips_with_features_are_stored_and_others_have_a_reason(tmp_path):
    files = write(tmp_path, ROWS, {"a.npz": set("abcd"), "v.npz": set("abd")})
    table = ledger.read(files.ledger)
    assert table["state"].tolist() == ["stored", "stored", "unavailable", "stored"]
    assert table["detail"].tolist()[2] == "not in v.npz"
    assert len(read_manifest(files.manifest)) == 4
    store = Store([files.store])
    assert (store.clip_ids, store.dataset, store.frame_count(0), len(store.audio(0))) == (["a", "b", "d"], "d", 0, 0)
    assert files.duplicates.read_text().startswith("clip_id,split,duplicate_of")
    assert files.recordings.read_text() == "clip_id,split,shared_with,shared_split,recording\n"


@pytest.mark.parametrize(("recordings", "reasons"), [("list", ["", "", ""]), ("exclude", ["recording", "", ""])])
def test_recordings_of_a_list_are_audited(tmp_path, recordings, reasons):
    rows = ["a,cat,train,one", "b,cat,train,", "c,cat,test,one"]
    files = write(tmp_path, rows, {"a.npz": set("abc")}, "clip_id,label,split,recording", recordings)
    assert files.recordings.read_text().splitlines()[1:] == ["a,train,c,test,one"]
    assert ledger.read(files.ledger)["reason"].tolist() == reasons


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        (["a,cat,training"], "row 2: split is 'training'; it must be one of train, validation, test"),
        (["a,cat,train", "a,dog,test"], "Give each clip its own clip_id"),
        ([], "lists no clips"),
    ],
)
def test_lists_that_break_a_rule_are_refused(tmp_path, rows, told):
    with pytest.raises(UserError, match=told):
        write(tmp_path, rows, {})
