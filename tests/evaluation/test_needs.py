"""What tasks need of the clips that are stored, found before training where clips are counted and drawn."""

import json

import pandas as pd
import pytest

from avbench.cli.main import main
from avbench.core.errors import UserError
from avbench.data import ledger
from avbench.evaluation.needs import Needs, require_of_dataset, require_of_subset

TASK = {"dataset": "toys", "role": "in-domain", "train": "subset", "modalities": ["audio"]}
CLIPS = [(label, split) for label in "xy" for split in ("train", "train", "validation", "test")]


def accounted(clips, lost=()):
    rows = [
        (f"{number}", label, split, "rejected" if (label, split) in lost else "stored", "", "")
        for number, (label, split) in enumerate(clips)
    ]
    return pd.DataFrame(rows, columns=list(ledger.COLUMNS))


def needs(task=TASK, neighbours=None, **switches):
    return Needs.from_mapping({"tasks": {"t": task}, "switches": switches, "neighbours": neighbours})


@pytest.mark.parametrize("train", ["subset", "all"])
def test_clips_of_every_split_and_class_are_enough(train, capsys):
    require_of_dataset(accounted(CLIPS), needs(TASK | {"train": train}, 4))
    assert "task t: 2 test clips are stored. Recall at a rank" in capsys.readouterr().out
    require_of_dataset(accounted(CLIPS * 5), needs(TASK | {"train": train}, 4))
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("lost", "said"),
    [
        ([("x", "validation"), ("y", "validation")], "task t: dataset toys has no stored validation clips"),
        ([("x", "test"), ("y", "test")], "has no stored test clips"),
        ([("x", "train"), ("y", "train")], "has no stored train clips"),
        ([("x", "train")], "1 classes of the validation clips of toys have no training clip .*: 'x'"),
        ([("x", split) for split in ("train", "validation", "test")], "are of one class, 'y'"),
    ],
)
def test_what_is_missing_is_named(lost, said):
    with pytest.raises(UserError, match=said):
        require_of_dataset(accounted(CLIPS, lost), needs())


def test_the_published_protocol_validates_on_pretraining_clips():
    lost = [("x", "validation"), ("y", "validation")]
    require_of_dataset(accounted(CLIPS, lost), needs(probe_on_pretraining_clips=True))
    with pytest.raises(UserError, match="no stored validation clips"):
        require_of_dataset(accounted(CLIPS, lost), needs(TASK | {"train": "all"}, probe_on_pretraining_clips=True))


def test_more_neighbours_than_training_clips_are_refused():
    with pytest.raises(UserError, match=r"evaluation.knn.neighbours: 5 is more than the 4 training clips of task 't'"):
        require_of_dataset(accounted(CLIPS), needs(neighbours=5))


def test_a_subset_must_hold_every_class_and_enough_voters(tmp_path):
    table = accounted(CLIPS)
    ledger.write(tmp_path / "toys/ledger.parquet", table)
    training = ledger.stored(table, "train")
    require_of_subset(tmp_path, training, needs(neighbours=4))
    with pytest.raises(UserError, match="neighbours: 4 is more than the 2"):
        require_of_subset(tmp_path, training[::2], needs(neighbours=4))
    with pytest.raises(UserError, match=r"no training clip of the pretraining subset: 'y'"):
        require_of_subset(tmp_path, training[training["label"] == "x"], needs())
    require_of_subset(tmp_path, training[:1], needs(TASK | {"train": "all"}))  # does not train on it


def test_coverage_says_it_and_subset_stops_before_anything_is_trained(tmp_path, capsys):
    path, asked = tmp_path / "toys/ledger.parquet", json.dumps({"tasks": {"t": TASK}, "switches": {}})
    ledger.write(path, accounted([("x", split) for split in ("train", "validation", "test")]))
    output = tmp_path / "toys/coverage.json"
    arguments = ["coverage", "--ledger", str(path), "--dataset", "toys", "--minimum", "0.5", "--output", str(output)]
    arguments += ["--stored", str(tmp_path / "toys/stored.json")]
    assert main([*arguments, "--needs", asked]) == 0  # the dataset may be made all the same
    assert "Nothing can be evaluated: task t: all training clips" in capsys.readouterr().out
    output = tmp_path / "few.csv"
    arguments = ["subset", "--ledger", str(path), "--settings", '{"clips_per_class": 1}', "--output", str(output)]
    assert main([*arguments, "--needs", asked]) == 2
    assert "are of one class, 'x'" in capsys.readouterr().err
    assert not output.exists()
    assert main(arguments) == 0  # nobody asks for more
