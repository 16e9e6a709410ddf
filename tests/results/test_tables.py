"""Which of a method's labels are its own, and the supervised baseline beside the probes."""

import pandas as pd

from avbench.evaluation.scores import CELL
from avbench.results import collect, tables
from tests.support.score_files import METHODS, SUBSETS, TASKS


def test_a_methods_own_labels_come_first_and_the_others_as_listed(scores, tmp_path):
    files, table = scores
    noisy = [table[table["method"] == "random"].assign(labels=labels) for labels in ("flip-10", "flip-5", "true")]
    pd.concat(noisy).to_csv(tmp_path / "noisy.csv", index=False)
    orders = {"method": METHODS, "task": TASKS, "subset": SUBSETS, "labels": ["none", "true", "flip-5", "flip-10"]}
    found = collect.accuracy([*files, tmp_path / "noisy.csv"], orders, {"random": "true"})
    of_random = found[found["method"] == "random"]
    for _, cell in of_random.groupby(CELL[1:5]):
        assert list(dict.fromkeys(cell["labels"])) == ["true", "none", "flip-5", "flip-10"]
    assert tables.first_labels(found) == dict.fromkeys(METHODS, "none") | {"random": "true"}
    own = tables.own(found, {"random": "true"})
    assert set(own.loc[own["method"] == "random", "labels"]) == {"true"}
    assert len(own) == len(found) - 3 * len(noisy[0])
    assert tables.own(found, None).equals(found)


def test_the_supervised_baseline_stands_beside_the_probes_of_its_task():
    columns = tables.SUMMARY_COLUMNS
    rows = [
        ("random", "t", "linear", "audio", "small", "none", "default", 3, 50, 0.3, 0.2, 0.4),
        ("random", "t", "linear", "video", "small", "none", "default", 3, 50, 0.5, 0.4, 0.6),
        ("supervised", "t", "supervised", "audio", "small", "true", "all", 3, 50, 0.6, 0.5, 0.7),
        ("supervised", "other", "supervised", "audio", "all", "true", "all", 3, 50, 0.7, 0.6, 0.8),
    ]
    noisy = ("random", "t", "linear", "audio", "small", "flip-30", "default", 3, 50, 0.1, 0.0, 0.2)
    placed = tables.beside_probes(pd.DataFrame([*rows, noisy], columns=columns), {"random": "none"})
    assert "flip-30" not in set(placed["labels"])
    found = set(zip(placed["method"], placed["task"], placed["protocol"], placed["modality"], strict=True))
    assert found == {
        ("random", "t", "linear", "audio"),
        ("random", "t", "linear", "video"),
        ("supervised", "t", "linear", "audio"),
        ("supervised", "other", "supervised", "audio"),
    }
