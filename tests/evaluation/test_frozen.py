import csv
import json

import numpy as np
import pytest
from sklearn.metrics import average_precision_score

from avbench.config.evaluation import KnnSettings, LinearSettings
from avbench.config.tasks import read_tasks
from avbench.core.errors import UserError
from avbench.core.vectors import unit
from avbench.evaluation import geometry
from avbench.evaluation import scores as predictions
from avbench.evaluation.frozen import frozen, side_by_side
from avbench.evaluation.knn import knn
from avbench.evaluation.linear_probe import linear_probe
from avbench.evaluation.retrieval import retrieval
from avbench.evaluation.scoring_jobs import FrozenJob

IDENTITY = {"method": "random", "subset": "few", "labels": "none", "budget": "default"}
PROTOCOLS = {"linear": {"strengths": [0.1, 1.0]}, "knn": {"neighbours": 5, "temperature": 0.1}, "retrieval": {}}
TASKS = read_tasks(
    {
        "both": {"dataset": "toys", "role": "in-domain", "train": "subset", "modalities": ["audio", "video"]},
        "sound": {"dataset": "toys", "role": "out-of-domain", "train": "all", "modalities": ["audio"]},
    }
)


@pytest.fixture
def arrays(tmp_path):
    """Features of two tasks in the layout of an embedding, and the coverage of their dataset."""
    rng = np.random.default_rng(0)
    found = {}
    for task in TASKS:
        codes = np.arange(90) % 3
        found[f"{task.name}/clip_id"] = np.array([f"-clip {i:02d}" for i in range(90)])
        found[f"{task.name}/label"] = np.array([f"class, {code}" for code in codes])
        found[f"{task.name}/split"] = np.repeat(["test", "train", "validation"], 30)
        shared = rng.normal(size=(90, 4))
        for modality in task.modalities:
            features = rng.normal(size=(3, 8))[codes] + rng.normal(size=(90, 8))
            found[f"{task.name}/{modality}"] = features.astype(np.float32)
            if len(task.modalities) == 2:
                found[f"{task.name}/{modality}-head"] = unit(
                    (shared + 0.5 * rng.normal(size=(90, 4))).astype(np.float32)
                )
    (tmp_path / "toys").mkdir()
    (tmp_path / "toys" / "stored.json").write_text(json.dumps({"splits": {"test": {"share": 0.75}}}))
    np.savez(tmp_path / "run.npz", **found)
    return found


def evaluate(data, protocols, seeds=(4,)):
    outputs = [data / f"seed-{seed}" / "scores.csv" for seed in seeds]
    frozen(FrozenJob([data / "run.npz"] * len(seeds), seeds, outputs, TASKS, protocols, IDENTITY, data=data))
    rows = []
    for output in outputs:
        with output.open(newline="") as stream:
            rows += csv.DictReader(stream)
    return rows, [predictions.read(output.with_name("predictions.parquet")) for output in outputs]


def test_every_protocol_scores_what_it_can(tmp_path, arrays):
    rows, _ = evaluate(tmp_path, PROTOCOLS, seeds=(4, 5))
    scored = [(row["task"], row["protocol"], row["modality"]) for row in rows if row["seed"] == "4"]
    both = [("both", protocol, modality) for modality in ("audio", "video") for protocol in ("linear", "knn")]
    ways = [("both", f"retrieval-{k}", way) for way in ("audio-to-video", "video-to-audio") for k in (1, 5, 10)]
    assert scored == [*both, *ways, ("sound", "linear", "audio"), ("sound", "knn", "audio")]
    assert scored == [(row["task"], row["protocol"], row["modality"]) for row in rows if row["seed"] == "5"]
    assert {(row["n_train"], row["n_test"], row["coverage"]) for row in rows} == {("30", "30", "0.750000")}
    assert {(row["method"], row["subset"], row["labels"]) for row in rows} == {("random", "few", "none")}


def test_predictions_are_those_of_the_protocols_on_the_test_clips(tmp_path, arrays):
    _, (table,) = evaluate(tmp_path, PROTOCOLS)
    labels, split = arrays["both/label"], arrays["both/split"]
    train, test = split == "train", split == "test"

    def said(protocol, modality):
        part = table[(table["task"] == "both") & (table["protocol"] == protocol) & (table["modality"] == modality)]
        assert part["clip_id"].tolist() == arrays["both/clip_id"][test].tolist()
        assert part["label"].tolist() == labels[test].tolist()
        return part

    for modality in ("audio", "video"):
        features = arrays[f"both/{modality}"]
        linear = linear_probe(features, labels, split, LinearSettings(strengths=(0.1, 1.0)))
        assert said("linear", modality)["prediction"].tolist() == linear.predictions.tolist()
        votes = knn(features[train], labels[train], features[test], KnnSettings(5, 0.1))
        assert said("knn", modality)["prediction"].tolist() == votes.predictions.tolist()
        part = said("knn", modality)
        assert part["correct"].tolist() == (part["label"] == part["prediction"]).astype(float).tolist()
    nearest, hits = retrieval(arrays["both/video-head"][test], arrays["both/audio-head"][test])
    for k, hit in hits.items():
        part = said(f"retrieval-{k}", "video-to-audio")
        assert part["correct"].tolist() == hit.tolist()
        assert part["prediction"].tolist() == arrays["both/clip_id"][test][nearest].tolist()


def test_accuracies_are_the_means_of_the_predictions(tmp_path, arrays):
    rows, (table,) = evaluate(tmp_path, PROTOCOLS)
    means = table.groupby(["task", "protocol", "modality"])["correct"].mean()
    for row in rows:
        assert float(row["accuracy"]) == pytest.approx(means[row["task"], row["protocol"], row["modality"]], abs=1e-6)


def test_each_linear_probes_strength_is_told_and_a_warning_at_the_edge_names_the_key(tmp_path, arrays, capsys):
    for strengths, edges in (((0.01, 0.1), {"lowest", "highest"}), ((0.1,), {""}), (LinearSettings().strengths, {""})):
        rows, _ = evaluate(tmp_path, {"linear": {"strengths": strengths}, "knn": {"neighbours": 5}})
        told = {(row["protocol"], row["edge"]) for row in rows}
        assert told == {("knn", "")} | {("linear", edge) for edge in edges}
        for row in rows:
            if row["protocol"] == "knn":
                assert row["strength"] == ""
                continue
            own = (arrays[f"{row['task']}/{name}"] for name in (row["modality"], "label", "split"))
            found = linear_probe(*own, LinearSettings(strengths=strengths))
            assert (float(row["strength"]), row["edge"]) == (pytest.approx(found.strength), found.edge)
        warning = "Warning: evaluation.linear.strengths: {}, the {}, is the best; add {} ones"
        said = capsys.readouterr().out
        assert (warning.format(0.1, "highest", "higher") in said) == ("highest" in edges)
        assert (warning.format(0.01, "lowest", "lower") in said) == ("lowest" in edges)


def test_mean_average_precision_is_that_of_the_class_scores_and_retrieval_has_none(tmp_path, arrays):
    rows, _ = evaluate(tmp_path, PROTOCOLS)
    labels, split = arrays["both/label"], arrays["both/split"]
    train, test = split == "train", split == "test"
    truth = labels[test][:, None] == np.unique(labels)
    for row in rows:
        if row["protocol"].startswith("retrieval"):
            assert row["mean_average_precision"] == ""
        elif row["task"] == "both":
            features = arrays[f"both/{row['modality']}"]
            if row["protocol"] == "linear":
                scores = linear_probe(features, labels, split, LinearSettings(strengths=(0.1, 1.0))).scores
            else:
                scores = knn(features[train], labels[train], features[test], KnnSettings(5, 0.1)).shares
            expected = average_precision_score(truth, scores)
            assert float(row["mean_average_precision"]) == pytest.approx(expected, abs=1e-6)


def test_the_geometry_of_tasks_with_both_modalities_lies_beside_the_scores(tmp_path, arrays):
    evaluate(tmp_path, {"knn": {"neighbours": 5}}, seeds=(4, 5))
    test = arrays["both/split"] == "test"
    spaces = [arrays[f"both/{name}"][test] for name in ("audio-head", "video-head", "audio", "video")]
    expected = geometry.describe(*spaces, arrays["both/label"][test])
    for seed in (4, 5):
        with (tmp_path / f"seed-{seed}" / "geometry.csv").open(newline="") as stream:
            (row,) = csv.DictReader(stream)
        assert list(row) == ["method", "subset", "labels", "budget", "seed", "task", *expected]
        assert list(row.values())[:6] == ["random", "few", "none", "default", str(seed), "both"]
        assert {name: float(row[name]) for name in expected} == pytest.approx(expected, abs=1e-6)


def test_without_such_a_task_the_geometry_is_its_header(tmp_path, arrays):
    output = tmp_path / "scores.csv"
    protocols = {"knn": {"neighbours": 5}}
    frozen(FrozenJob([tmp_path / "run.npz"], [0], [output], TASKS[1:], protocols, IDENTITY, data=tmp_path))
    assert (tmp_path / "geometry.csv").read_text().startswith("method,subset,labels,budget,seed,task,alignment,")
    assert (tmp_path / "geometry.csv").read_text().count("\n") == 1


def test_only_what_is_asked_for_is_run_and_chance_is_told(tmp_path, arrays, capsys):
    rows, _ = evaluate(tmp_path, {"retrieval": {}})
    assert {row["protocol"] for row in rows} == {"retrieval-1", "retrieval-5", "retrieval-10"}
    told = capsys.readouterr().out
    assert "random seed 4 both retrieval-5 audio-to-video: test 0." in told
    assert "chance 0.1667" in told


def test_a_protocol_that_trains_is_refused(tmp_path, arrays):
    with pytest.raises(UserError, match="'finetune' needs no frozen features"):
        evaluate(tmp_path, {"linear": {}, "finetune": {}})


def test_too_few_training_clips_for_the_neighbours_are_told_with_the_task(tmp_path, arrays):
    with pytest.raises(UserError, match=r"evaluation\.knn\.neighbours: 31 .* 30 training clips of task 'both'"):
        evaluate(tmp_path, {"knn": {"neighbours": 31}})


def test_sound_and_picture_together_are_probed_side_by_side(arrays, tmp_path):
    rng = np.random.default_rng(1)
    arrays = {name: value for name, value in arrays.items() if name.startswith("both/")}
    # Each modality tells some of the classes apart; together they tell all.
    codes, told = np.arange(90) % 3, {"audio": [0, 1, 1], "video": [0, 0, 1]}
    for name, groups in told.items():
        features = 100 * np.eye(2)[np.array(groups)[codes]] + 10 * rng.normal(size=(90, 2))
        arrays[f"both/{name}"] = (features * (1 if name == "audio" else 1e-3)).astype(np.float32)
    np.savez(tmp_path / "run.npz", **arrays)
    fields = {"dataset": "toys", "role": "in-domain", "train": "subset", "modalities": ["audio", "both"]}
    output = tmp_path / "out/scores.csv"
    frozen(
        FrozenJob(
            [tmp_path / "run.npz"], [4], [output], read_tasks({"both": fields}), PROTOCOLS, IDENTITY, data=tmp_path
        )
    )
    with output.open(newline="") as stream:
        rows = {(row["protocol"], row["modality"]): float(row["accuracy"]) for row in csv.DictReader(stream)}
    assert {key for key in rows if "retrieval" not in key[0]} == {
        (protocol, modality) for protocol in ("linear", "knn") for modality in ("audio", "both")
    }
    assert ("retrieval-1", "audio-to-video") in rows
    for protocol in ("linear", "knn"):
        assert rows[protocol, "both"] > 0.9
        assert rows[protocol, "audio"] < 0.8
    train = arrays["both/split"] == "train"
    joined = side_by_side({name: arrays[f"both/{name}"] for name in told}, train)
    np.testing.assert_allclose(joined[train].mean(0), 0, atol=1e-5)
    np.testing.assert_allclose(joined[train].std(0), 1, atol=1e-4)


def test_both_needs_both_encoders_and_no_other_name_is_known():
    fields = {"dataset": "toys", "role": "in-domain", "train": "all", "modalities": ["both"]}
    (task,) = read_tasks({"t": fields})
    assert (task.encoders, task.paired) == (("audio", "video"), True)
    with pytest.raises(UserError, match="tasks.t.modalities"):
        read_tasks({"t": fields | {"modalities": ["smell"]}})
