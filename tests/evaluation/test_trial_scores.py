"""Trials are scored on validation clips alone, as a probe of one's own would score them."""

import json

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from avbench.config.evaluation import LinearSettings
from avbench.config.paper_switches import PRESETS
from avbench.config.pretraining import PretrainSettings
from avbench.config.tasks import read_tasks
from avbench.core.errors import UserError
from avbench.core.files import read_json
from avbench.data.store import Store, open_store
from avbench.evaluation import trial_scores
from avbench.evaluation.embedding import encode
from avbench.evaluation.scoring_jobs import TuneJob
from avbench.models.embedder import load_embedder
from avbench.pretraining.run import write_untrained
from avbench.training import checkpoint
from tests.support.downstream import FEATURES, write_dataset, write_subset

STATISTICS = {"mean": [-20.0] * 32, "std": [10.0] * 32}
TASK = {"toys": {"dataset": "toys", "role": "in-domain", "train": "subset", "modalities": ["audio", "video"]}}
POINTS = [[0.002, 0.07], [0.0005, 0.07], [0.008, 0.07]]
PROBE = LinearSettings(strengths=(0.001, 0.1), max_iterations=50)


@pytest.fixture
def listed(tmp_path):
    return write_dataset(tmp_path)


@pytest.fixture
def job(tmp_path, listed):
    """A job of three trials: initial weights of three seeds stand for them."""
    checkpoints = [tmp_path / str(seed) / "checkpoint.pt" for seed in range(3)]
    for seed, path in enumerate(checkpoints):
        write_untrained(PretrainSettings(model="small"), FEATURES, STATISTICS, seed, path)
        path.with_name("run.json").write_text("{}")
    subset = write_subset(tmp_path / "subset.csv", listed[listed["split"] == "train"].iloc[:9])
    return TuneJob(
        points=POINTS,
        checkpoints=checkpoints,
        trials=tmp_path / "trials.json",
        choice=tmp_path / "choice.json",
        task=read_tasks(TASK)[0],
        probe=PROBE,
        subset=subset,
        switches=PRESETS["corrected"],
        data=tmp_path,
    )


def alone(job, listed, path):
    """Return the validation accuracy of a checkpoint, computed from its features step by step."""
    training = listed[listed["split"] == "train"].iloc[:9]
    validation = listed[listed["split"] == "validation"]
    store, embedder, reached = open_store(job.data, "toys"), load_embedder(checkpoint.load(path)), []
    for modality in ("audio", "video"):
        fit, asked = (
            encode([embedder], store, list(part["clip_id"]), modality, "cpu")[0] for part in (training, validation)
        )
        scaler, scores = StandardScaler().fit(fit), []
        for strength in PROBE.strengths:
            model = LogisticRegression(C=strength, max_iter=1000).fit(scaler.transform(fit), training["label"])
            scores.append(np.mean(model.predict(scaler.transform(asked)) == validation["label"].to_numpy()))
        reached.append(max(scores))
    return np.mean(reached)


def test_scores_are_those_of_a_probe_of_ones_own_and_the_best_is_chosen(job, listed):
    trial_scores.tune(job, "cpu")
    trials, choice = read_json(job.trials), read_json(job.choice)
    assert [[trial["learning_rate"], trial["temperature"]] for trial in trials] == POINTS
    found = [trial["validation_accuracy"] for trial in trials]
    assert found == pytest.approx([alone(job, listed, path) for path in job.checkpoints])
    assert [trial["chosen"] for trial in trials].index(True) == int(np.argmax(found))
    assert choice == dict(zip(("learning_rate", "temperature"), POINTS[int(np.argmax(found))], strict=True))


def test_no_test_clip_is_read(job, listed, monkeypatch):
    read, rows = set(), Store.rows
    monkeypatch.setattr(Store, "rows", lambda store, ids: read.update(ids) or rows(store, ids))
    trial_scores.tune(job, "cpu")
    splits = listed.set_index("clip_id").loc[sorted(read), "split"].value_counts()
    assert dict(splits) == {"validation": (listed["split"] == "validation").sum(), "train": 9}


def test_a_failed_trial_is_not_chosen_and_nothing_is_where_all_have_failed(job):
    failed = json.dumps({"diverged_at_step": 3})
    (job.checkpoints[0].with_name("run.json")).write_text(failed)
    trial_scores.tune(job, "cpu")
    first, *others = read_json(job.trials)
    assert (first["validation_accuracy"], first["chosen"]) == (None, False)
    assert [trial["chosen"] for trial in others].count(True) == 1
    for path in job.checkpoints:
        path.with_name("run.json").write_text(failed)
    with pytest.raises(UserError, match="none of 3 trials ended with a finite loss"):
        trial_scores.tune(job, "cpu")


def test_of_equal_trials_the_first_is_chosen(job, monkeypatch):
    monkeypatch.setattr(trial_scores, "validation_accuracies", lambda *given: [0.25, 0.5, 0.5])
    trial_scores.tune(job, "cpu")
    assert read_json(job.choice) == {"learning_rate": 0.0005, "temperature": 0.07}
