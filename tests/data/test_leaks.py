"""Leaks: clips and recordings that pretraining shares with test sets."""

import numpy as np
import pandas as pd
import pytest

from avbench.config.tasks import read_tasks
from avbench.core.errors import UserError
from avbench.core.files import write_csv
from avbench.data import ledger
from avbench.data.leaks import COLUMNS, HeldOut, audit, leaks, require_none
from avbench.data.manifest import COLUMNS as MANIFEST
from avbench.data.manifest import RECORDING, write_manifest


def test_clips_and_recordings_are_counted_for_each_subset_and_task():
    subsets = {"few": ["a", "b"], "many": ["a", "b", "c", "d"]}
    tests = {
        "own": HeldOut("home", ["d", "x", "y"], [("c", "x"), ("c", "y"), ("b", "gone"), ("d", "x")]),
        "other": HeldOut("away", ["a", "z"], [("b", "z")]),
        "clean": HeldOut("home", ["q"]),
    }
    found = audit("home", subsets, tests)
    assert list(found.columns) == list(COLUMNS)
    assert found.values.tolist() == [
        ["few", "own", "home", 0, 0, ""],
        ["few", "other", "away", 0, 1, "clip 'b' and test clip 'z'"],  # another dataset's 'a' is another clip
        ["few", "clean", "home", 0, 0, ""],
        ["many", "own", "home", 1, 1, "clip 'd'"],
        ["many", "other", "away", 0, 1, "clip 'b' and test clip 'z'"],
        ["many", "clean", "home", 0, 0, ""],
    ]
    with pytest.raises(UserError, match=r"subset 'many' holds 1 test clips of task 'own', such as clip 'd'"):
        require_none(found)
    require_none(found[found["subset"] == "few"])


# ------------------------------------------------------------------------------------------------------ from the files


class Dataset:
    """A dataset's manifest, ledger and list of duplicates, as its rules write them."""

    def __init__(self, folder, clips):
        self.folder, self.clips = folder, clips
        folder.mkdir(parents=True)
        self.write()

    def write(self, duplicates=()):
        rows = [
            (c["id"], c["source"], c.get("start", 0.0), 10.0, "x", c["split"], c.get("recording", ""))
            for c in self.clips
        ]
        write_manifest(self.folder / "clips.csv", pd.DataFrame(rows, columns=[*MANIFEST, RECORDING]))
        accounted = [
            {
                "clip_id": c["id"],
                "label": "x",
                "split": c["split"],
                "state": c.get("state", "stored"),
                "frame_hash": c.get("frames", ""),
                "audio_hash": c.get("audio", ""),
            }
            for c in self.clips
        ]
        table = pd.DataFrame(accounted).assign(reason="", detail="", **dict.fromkeys(ledger.NUMBERS, np.nan))
        ledger.write(self.folder / "ledger.parquet", table[[*ledger.COLUMNS, *ledger.MEASURED]])
        write_csv(
            self.folder / "duplicates.csv",
            pd.DataFrame(duplicates, columns=["clip_id", "split", "duplicate_of", "duplicate_split"]),
        )


def some_hash(seed):
    return np.random.default_rng(seed).bytes(32).hex()


TASKS = {"own": {"dataset": "home", "role": "in-domain", "train": "subset", "modalities": ["audio"]}}


@pytest.fixture
def home(tmp_path):
    clips = [
        {"id": "-a_000010", "source": "https://host/watch?v=-a", "split": "train", "audio": some_hash(0)},
        {"id": "b_000000", "source": "https://host/watch?v=b", "split": "train", "audio": some_hash(1)},
        {"id": "c_000000", "source": "media/c.mp4", "split": "train"},
        {"id": "t_000000", "source": "https://host/watch?v=t", "split": "test"},
        {"id": "u_000000", "source": "media/u.mp4", "split": "test"},
    ]
    return Dataset(tmp_path / "home", clips)


def run(home, subset, tasks=TASKS):
    output = home.folder.parent / "leaks.csv"
    leaks(home.folder.parent, "home", {"few": subset}, read_tasks(tasks), output)
    return pd.read_csv(output, keep_default_na=False).set_index("task")


ALL = ["-a_000010", "b_000000", "c_000000"]


def test_a_clean_subset_shares_nothing(home, capsys):
    assert run(home, ALL).loc["own", ["shared_clips", "shared_recordings", "example"]].tolist() == [0, 0, ""]
    assert capsys.readouterr().out == ""


def test_a_test_clip_in_a_subset_stops_the_run_with_the_table_written(home):
    with pytest.raises(UserError, match=r"subset 'few' holds 1 test clips of task 'own', such as clip 't_000000'"):
        run(home, [*ALL, "t_000000"])
    assert pd.read_csv(home.folder.parent / "leaks.csv")["shared_clips"].tolist() == [1]


def test_a_clip_that_the_dataset_does_not_list_is_refused(home):
    with pytest.raises(UserError, match=r"clip 'z_000000' of a subset is not a clip of home"):
        run(home, [*ALL, "z_000000"])


@pytest.mark.parametrize("state", ["stored", "rejected"])
def test_another_second_of_the_same_video_is_the_same_recording(home, state, capsys):
    home.clips.append(
        {"id": "-a_000300", "source": "https://host/watch?v=-a", "start": 300.0, "split": "test", "state": state}
    )
    home.write()
    row = run(home, ALL).loc["own"]
    said = capsys.readouterr().out
    if state == "stored":
        assert (row.shared_clips, row.shared_recordings) == (0, 1)
        assert row.example == "clip '-a_000010' and test clip '-a_000300'"
        assert "1 clips are from recordings of test clips of task 'own'" in said
    else:
        assert (row.shared_recordings, said) == (0, "")


def test_recordings_are_known_by_name_and_in_another_dataset_by_youtube_id(home):
    for clip, name in zip(home.clips, ("dawn", "-bcdefghijk", "dusk", "dawn", "x"), strict=True):
        clip["recording"] = name
    home.write()
    away = [("n1", "a.mp4", "-bcdefghijk"), ("n2", "b.mp4", "dusk")]
    clips = [{"id": i, "source": source, "recording": name, "split": "test"} for i, source, name in away]
    Dataset(home.folder.parent / "away", clips)
    other = {"dataset": "away", "role": "out-of-domain", "train": "all", "modalities": ["audio"]}
    table = run(home, ALL, TASKS | {"other": other})
    assert table.loc["own", "example"] == "clip '-a_000010' and test clip 't_000000'"
    assert table.loc["other", ["shared_recordings", "example"]].tolist() == [1, "clip 'b_000000' and test clip 'n1'"]


def test_listed_duplicates_count_where_one_is_in_the_subset_and_the_other_a_test_clip(home):
    home.write([("b_000000", "train", "t_000000", "test"), ("c_000000", "train", "v", "validation")])
    assert run(home, ALL).loc["own", "shared_recordings"] == 1
    assert run(home, ALL[::2]).loc["own", "shared_recordings"] == 0


def test_other_datasets_are_compared_by_address_path_and_hash(home):
    tested = [
        {"id": "b_000000", "source": "media/c.mp4", "split": "test"},  # neither the clip nor the file of this name
        {"id": "n1", "source": "../home/media/c.mp4", "split": "test"},
        {"id": "n2", "source": "https://host/watch?v=-a", "split": "test"},
        {"id": "n3", "source": "n3.wav", "split": "test", "audio": some_hash(1)},
        {"id": "n4", "source": "https://host/watch?v=b", "split": "train"},
    ]
    Dataset(home.folder.parent / "away", tested)
    tasks = TASKS | {"far": TASKS["own"] | {"dataset": "away", "train": "all", "role": "out-of-domain"}}
    found = run(home, ALL, tasks)
    assert found["dataset"].to_dict() == {"own": "home", "far": "away"}
    assert found["shared_clips"].to_dict() == {"own": 0, "far": 0}
    assert found["shared_recordings"].to_dict() == {"own": 0, "far": 3}
    assert run(home, ["c_000000"], tasks).loc["far", "example"] == "clip 'c_000000' and test clip 'n1'"
