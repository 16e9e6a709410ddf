"""A study of clips with several labels, some of whose pairs do not match: from one file to its figures."""

import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from tests.workflow.conftest import Workflow

SETS = ("bark", "bark;rain", "rain;siren", "siren")


def write_features(folder, count=12):
    """Write a list of clips with several labels, and features that their labels move."""
    rng = np.random.default_rng(0)
    splits = (["train"] * 2 + ["validation", "test"]) * (count // 4)
    rows = [
        (f"{number}-{place}", labels, split) for number, labels in enumerate(SETS) for place, split in enumerate(splits)
    ]
    lines = "".join(",".join(row) + "\n" for row in rows)
    (folder / "clips.csv").write_text(f"clip_id,label,split\n{lines}", encoding="utf-8")
    truth = np.array([[name in labels for name in ("bark", "rain", "siren")] for _, labels, _ in rows])
    own = rng.normal(size=(len(rows), 4))
    for modality in ("audio", "video"):
        values = truth @ rng.normal(size=(3, 16)) + own @ rng.normal(size=(4, 16))
        np.savez(folder / f"given-{modality}.npz", clip_id=np.array([row[0] for row in rows]), features=values)


@pytest.fixture
def study(tiny, tmp_path):
    write_features(tmp_path)
    rules = {"rules": "workflow/datasets/features.smk", "options": {"list": "clips.csv"}}
    tiny["datasets"] = {"given": {"shards": 1, "min_coverage": 1, "multi_label": True, **rules}}
    tiny["pretraining"] |= {
        "dataset": "given",
        "epochs": 20,
        "model": {m: {"features": f"{{dataset}}-{m}.npz", "width": 24} for m in ("audio", "video")},
    }
    tiny["methods"] = {"random": "preset", "soft-positive": "preset"}
    tiny["pairs"] = {"swapped": {"kind": "swapped", "rate": [0, 1]}}
    tiny["tasks"] = {"given": {**tiny["tasks"]["toys"], "dataset": "given", "modalities": ["audio", "both"]}}
    tiny["evaluation"] = {"linear": {"max_iterations": 50}, "knn": {"neighbours": 5}, "retrieval": {}, "finetune": {}}
    return Workflow(tmp_path, tiny)


@pytest.mark.slow
def test_a_study_of_sets_of_labels_and_pairs_that_do_not_match(study):
    said = study.run()
    assert "clips of given have several labels" in said
    assert "and finetune does not score them" in said
    summary, robustness, crossed, metrics = (
        pd.read_csv(study.pages("tables", f"{name}.csv")) for name in ("summary", "robustness", "break_even", "metrics")
    )
    scores = {"linear-map", "linear-auc", "knn-map", "knn-auc", "retrieval-1", "retrieval-5", "retrieval-10"}
    assert set(summary["protocol"]) == scores
    areas = summary[(summary["protocol"] == "linear-auc") & (summary["method"] == "random")]
    assert areas["mean"].min() > 0.6
    assert metrics.loc[metrics["protocol"] == "linear-map", "macro_f1"].isna().all()
    assert (metrics["mean_average_precision"].dropna() > 0.2).all()
    assert {"none+swapped-100", "true+swapped-100"} < set(summary["labels"])
    swapped = robustness[(robustness["noise"] == "swapped") & (robustness["protocol"] == "linear-map")]
    assert set(zip(swapped["method"], swapped["rate"], swapped["labels"], strict=True)) == {
        ("random", 0, "none"),
        ("random", 1, "none+swapped-100"),
        ("soft-positive", 0, "true"),
        ("soft-positive", 1, "true+swapped-100"),
    }
    gains = swapped[swapped["method"] == "soft-positive"]
    means = swapped.set_index(["method", "rate", "modality"])["mean"]
    for row in gains.itertuples():  # over random pairing of the same clips
        assert row.gain == pytest.approx(row.mean - means["random", row.rate, row.modality], abs=2e-6)
    assert set(crossed["noise"]) == {"swapped"}
    found = summary[(summary["protocol"] == "retrieval-5") & (summary["method"] == "random")].groupby("labels")["mean"]
    assert found.mean()["none"] > found.mean()["none+swapped-100"] + 0.1  # partners that never meet are not found
    figures = {path.stem for path in study.pages("figures").iterdir()}
    assert {"accuracy", "neighbours", "mismatched_pairs"} < figures
    assert not {"confusion", "class_gains", "noise"} & figures
    verified = [sys.executable, "-m", "avbench", "verify", str(study.pages())]
    told = subprocess.run(verified, capture_output=True, text=True, cwd=study.folder, check=False)
    assert told.returncode == 0, told.stdout + told.stderr
