"""Studies of networks of torchvision, and of features that were computed before: from one file, and after a kill."""

import os
import signal
import time

import numpy as np
import pandas as pd
import pytest

from tests.workflow.conftest import Workflow

RUN = "runs/{}/few/none/random/default/seed-0"


def kill_in_training(workflow, dataset, *asked):
    """Start the workflow, and kill it with all its jobs once a run has saved something."""
    process = workflow.start(*asked)
    folder = workflow.pages(*RUN.format(dataset).split("/"))
    until = time.monotonic() + 900
    while not list(folder.glob("unfinished/*/checkpoint.pt")):
        assert process.poll() is None, "the workflow ended before it was killed"
        assert time.monotonic() < until
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert not (folder / "checkpoint.pt").exists()


def resumed(workflow, dataset):
    log = workflow.pages("logs", "pretrain", dataset, "few", "none", "random", "default", "seed-0.log")
    return "going on at step" in log.read_text(encoding="utf-8")


@pytest.fixture
def short(tiny):
    tiny["seeds"] = [0]
    tiny["pretraining"]["seeds_together"] = 1
    tiny["evaluation"] = {"linear": {"max_iterations": 50}, "retrieval": {}}
    return tiny


@pytest.mark.slow
def test_a_study_of_torchvisions_networks(short, tmp_path):
    short["pretraining"]["features"]["video_s"] = 0.5
    short["pretraining"]["batch_size"] = 12  # a step saves 0.4 GB
    short["pretraining"]["model"] = {
        "audio": {"builder": "torchvision.models.resnet18", "freeze": 1},
        "video": {"builder": "torchvision.models.video.r2plus1d_18"},
    }
    workflow = Workflow(tmp_path, short)
    table = "results/tiny/tables/accuracy.csv"  # figures are drawn as ever
    kill_in_training(workflow, "toys", table)
    workflow.run("--rerun-incomplete", "--nolock", table)
    assert resumed(workflow, "toys")
    accuracy = pd.read_csv(workflow.pages("tables", "accuracy.csv"))
    assert set(accuracy["method"]) >= {"random", "untrained"}
    with np.load(workflow.pages(*RUN.format("toys").split("/"), "embeddings.npz")) as arrays:
        assert {arrays["toys/audio"].shape[1], arrays["toys/video"].shape[1]} == {512}
    short["pretraining"]["model"]["video"]["builder"] = "torchvision.models.video.r2plus1d_81"
    workflow.write(short)
    assert "there is no function 'r2plus1d_81'" in workflow.run("--dry-run", check=False)


def test_a_study_of_features_without_media(short, tmp_path):
    rng = np.random.default_rng(0)
    splits = ["train"] * 6 + ["validation"] * 3 + ["test"] * 4
    rows = [(f"{label}-{place}", label, split) for label in "abcd" for place, split in enumerate(splits)]
    lines = "".join(",".join(row) + "\n" for row in rows)
    (tmp_path / "clips.csv").write_text(f"clip_id,label,split\n{lines}", encoding="utf-8")
    label = np.array(["abcd".index(row[1]) for row in rows])
    own = rng.normal(size=(len(rows), 4))
    for modality in ("audio", "video"):
        values = rng.normal(size=(4, 16))[label] + own @ rng.normal(size=(4, 16))
        windows = values[:, None] + 0.3 * rng.normal(size=(len(rows), 2, 16))
        np.savez(tmp_path / f"given-{modality}.npz", clip_id=np.array([row[0] for row in rows]), features=windows)
    rules = {"rules": "workflow/datasets/features.smk", "options": {"list": "clips.csv"}}
    short["datasets"] = {"given": {"shards": 1, "min_coverage": 1, **rules}}
    short["pretraining"] |= {
        "dataset": "given",
        "epochs": 40,
        "model": {m: {"features": f"{{dataset}}-{m}.npz", "width": 24} for m in ("audio", "video")},
    }
    short["tasks"] = {"given": {**short["tasks"]["toys"], "dataset": "given"}}
    short["evaluation"]["dynamics"] = {"clips": 8}
    workflow = Workflow(tmp_path, short)
    kill_in_training(workflow, "given")
    workflow.run("--rerun-incomplete", "--nolock")
    assert resumed(workflow, "given")
    accuracy = pd.read_csv(workflow.pages("tables", "accuracy.csv"))
    linear = accuracy[(accuracy["protocol"] == "linear") & (accuracy["method"] == "random")]
    assert len(linear) == 2
    assert not list(workflow.pages("figures").glob("samples.*"))
    # Other features are other runs.
    rows = np.load(tmp_path / "given-audio.npz")
    np.savez(tmp_path / "given-audio.npz", clip_id=rows["clip_id"], features=rows["features"] * 2)
    assert "pretrain" in workflow.run("--dry-run")
