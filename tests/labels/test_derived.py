"""Labels made from a first round: of the subset's clips alone, for each seed, round after round."""

import json
from collections import Counter
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch

from avbench.config.labels import ClusterSettings, LabelSettings, NeighbourSettings
from avbench.config.methods import Method
from avbench.core.errors import UserError
from avbench.core.files import read_csv
from avbench.data.store import Store
from avbench.labels.derived import derive, derived_labels, features
from avbench.labels.label_jobs import DerivedLabelJob, read_settings
from avbench.labels.label_noise import make
from avbench.methods.pairing_labels import read_pairing
from avbench.models.embedder import load_embedder
from avbench.pretraining.run import pretrain, write_untrained
from avbench.training import checkpoint
from tests.support import training

LABELS = ("clip_id", "label")


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """A dataset in the layout that the workflow gives it."""
    folder = tmp_path_factory.mktemp("data")
    training.write_store(folder)
    return folder


@pytest.fixture(scope="module")
def store(data):
    return training.DatasetStore(data)


@pytest.fixture(scope="module")
def subset(store):
    """Half the clips, and not in the store's order."""
    chosen = range(11, -1, -1)
    true = training.pairing_labels(store)
    return {"clip_id": [store.clip_ids[i] for i in chosen], "label": [true[i] for i in chosen]}


def first_round(data, store, subset, folder, method="random", labels=None, seed=0):
    """Pretrain on the subset; return the checkpoint."""
    clip_ids, settings = subset["clip_id"], replace(training.SETTINGS, batch_size=6, epochs=4)
    files = {
        "subset": training.write_labels(folder / "subset.csv", clip_ids, subset["label"]),
        "labels": training.write_labels(folder / "labels.csv", clip_ids, labels or [""] * len(clip_ids)),
    }
    pretrain(**training.arguments(store, folder, method, settings, seed, **files))
    return folder / "checkpoint.pt"


@pytest.fixture(scope="module")
def checkpoints(data, store, subset, tmp_path_factory):
    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("runs")
    return [first_round(data, store, subset, folder / str(seed), seed=seed) for seed in (0, 1)]


def make_files(data, subset, folder, checkpoints, **values):
    """Make labels; return the columns of each file, and each summary."""
    outputs = [folder / f"seed-{seed}.csv" for seed in range(len(checkpoints))]
    summaries = [path.with_suffix(".json") for path in outputs]
    job = {
        "dataset": "d",
        "subset": str(training.write_labels(folder.parent / f"{folder.name}.csv", subset["clip_id"], subset["label"])),
        "settings": values,
        "checkpoints": list(map(str, checkpoints)),
        "seeds": list(range(len(checkpoints))),
        "outputs": list(map(str, outputs)),
        "summaries": list(map(str, summaries)),
        "data": str(data),
    }
    derived_labels(DerivedLabelJob.from_mapping(job), "cpu")
    columns = ("clip_id", "neighbour") if values["kind"] == "neighbours" else LABELS
    return [read_csv(path, columns) for path in outputs], [json.loads(path.read_text()) for path in summaries]


VARIANTS = {
    "clusters": {"kind": "clusters", "k": 4},
    "chosen": {"kind": "clusters", "k": "auto", "modality": "audio"},
    "neighbours": {"kind": "neighbours", "k": 2, "modality": "video"},
    "confusion": {"kind": "noise", "noise": "confusion", "rate": 0.4, "method": "random"},
}


@pytest.mark.parametrize("values", VARIANTS.values(), ids=VARIANTS)
def test_no_clip_outside_the_subset_is_read_and_the_same_run_gives_the_same_bytes(
    values, data, subset, store, checkpoints, tmp_path, monkeypatch
):
    read = set()
    for name in ("audio", "frames"):
        method = getattr(Store, name)

        def recorded(store, row, *window, method=method):
            read.add(store.clip_ids[row])
            return method(store, row, *window)

        monkeypatch.setattr(Store, name, recorded)
    made, summaries = make_files(data, subset, tmp_path / "a", checkpoints, **values)
    assert read == set(subset["clip_id"])
    assert len(store) > len(read)
    for columns, summary in zip(made, summaries, strict=True):
        assert list(dict.fromkeys(columns["clip_id"])) == subset["clip_id"]
        assert {key: summary[key] for key in ("kind", "method")} == {"kind": values["kind"], "method": "random"}
        assert summary["modality"] == values.get("modality", "both")
    assert [summary["seed"] for summary in summaries] == [0, 1]
    make_files(data, subset, tmp_path / "b", checkpoints, **values)
    written = sorted(path.name for path in (tmp_path / "a").iterdir() if path.suffix != ".sha256")
    assert len(written) == (6 if values["kind"] == "noise" else 4)
    for name in written:
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_other_true_labels_change_no_cluster_and_no_neighbour(data, subset, checkpoints, tmp_path):
    scrambled = subset | {"label": sorted(subset["label"])}
    for kind, k in (("clusters", 4), ("neighbours", 3)):
        (made, described), (again, others) = (
            make_files(data, labelled, tmp_path, checkpoints, kind=kind, k=k) for labelled in (subset, scrambled)
        )
        assert made == again
        assert described != others


def test_features_are_those_of_each_modality_of_length_one(store, subset, checkpoints):
    embedder = load_embedder(checkpoint.load(checkpoints[0]))
    ids = subset["clip_id"][:3]
    (views,) = features([embedder], store, ids, ("audio", "video"), torch.device("cpu"))
    with torch.inference_mode():
        for place, clip in enumerate(store.rows(ids)):
            wave = torch.from_numpy(store.audio(clip).copy())[None]
            sound = embedder.model.audio(embedder.audio_input(wave))[0].numpy()
            picture = embedder.model.video(embedder.video_input(torch.from_numpy(store.frames(clip))[None]))[0].numpy()
            for modality, plain in (("audio", sound), ("video", picture)):
                expected = plain / np.linalg.norm(plain)
                np.testing.assert_allclose(views[modality][place], expected, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize(("modality", "nearest"), [("audio", "badc"), ("video", "cdab"), ("both", "badc")])
def test_the_modality_says_which_features_are_compared(modality, nearest):
    angles = {"audio": [0.0, 0.1, 2.0, 2.2], "video": [0.0, 0.9, 0.3, 1.1]}
    views = {name: np.stack([np.cos(found), np.sin(found)], axis=1) for name, found in angles.items()}
    subset = {"clip_id": list("abcd"), "label": list("xxyy")}
    made, _, _ = derive(views, subset, NeighbourSettings(k=1, modality=modality), 0)
    assert "".join(made["neighbour"]) == nearest


def test_a_method_that_pairs_by_clusters_makes_the_clusters_of_the_next_round(
    data, store, subset, checkpoints, tmp_path
):
    first, _ = make_files(data, subset, tmp_path / "first", checkpoints, kind="clusters", k=5)
    second_round = [
        first_round(data, store, subset, tmp_path / f"run-{seed}", "soft-positive", labels["label"], seed)
        for seed, labels in enumerate(first)
    ]
    second, summaries = make_files(
        data, subset, tmp_path / "second", second_round, kind="clusters", k=5, method="soft-clusters"
    )
    for seed, (path, labels, summary) in enumerate(zip(second_round, second, summaries, strict=True)):
        embedder = load_embedder(checkpoint.load(path))
        (views,) = features([embedder], store, subset["clip_id"], ("audio", "video"), torch.device("cpu"))
        expected, _, _ = derive(views, subset, ClusterSettings(k=5), seed)
        assert labels == expected.to_dict("list")
        assert summary["method"] == "soft-clusters"
        assert not training.same(training.weights(path.parent), training.weights(checkpoints[seed].parent))


def test_neighbours_pretrain_a_method_that_takes_them_for_positives(data, store, subset, checkpoints, tmp_path):
    make_files(data, subset, tmp_path, checkpoints, kind="neighbours", k=3)
    known = read_pairing(tmp_path / "seed-0.csv", subset["clip_id"])
    assert [len(names) for names in known] == [3] * len(subset["clip_id"])
    method = Method("near", positive="neighbour", labels="near")
    path = first_round(data, store, subset, tmp_path / "run", method, known)
    assert not training.same(training.weights(path.parent), training.weights(checkpoints[0].parent))


def test_each_checkpoint_makes_its_own_labels_with_its_own_seed(data, subset, checkpoints, tmp_path, monkeypatch):
    given = []

    def recorded(views, subset, settings, seed):
        given.append((views["audio"], seed))
        return derive(views, subset, settings, seed)

    monkeypatch.setattr("avbench.labels.derived.derive", recorded)
    make_files(data, subset, tmp_path, checkpoints, kind="clusters", k=3)
    (first, zero), (second, one) = given
    assert (zero, one) == (0, 1)
    assert not np.allclose(first, second)


def test_untrained_encoders_make_labels_too(data, store, subset, tmp_path):
    write_untrained(training.SETTINGS, training.FEATURES, training.statistics(store), 0, tmp_path / "untrained.pt")
    (made,), (summary,) = make_files(
        data, subset, tmp_path, [tmp_path / "untrained.pt"], kind="clusters", k=3, method="untrained"
    )
    assert set(made["label"]) == {"cluster 0", "cluster 1", "cluster 2"}
    sizes = Counter(made["label"]).values()
    assert (summary["smallest"], summary["largest"]) == (min(sizes), max(sizes))


def test_confusion_noise_is_what_its_matrix_gives(data, subset, checkpoints, tmp_path):
    made, summaries = make_files(data, subset, tmp_path, checkpoints, **VARIANTS["confusion"])
    true = pd.DataFrame(subset)
    for seed, (labels, summary) in enumerate(zip(made, summaries, strict=True)):
        matrix = str(tmp_path / f"seed-{seed}.matrix.csv")
        again = make(true, LabelSettings(kind="noise", noise="confusion", rate=0.4, matrix=matrix, seed=seed))
        assert labels["label"] == again["label"].tolist()
        wrong = [a for a, b in zip(labels["label"], subset["label"], strict=True) if a != b]
        counts = Counter(subset["label"]).values()
        assert summary["wrong"] == len(wrong) == sum(round(0.4 * count) for count in counts)
        assert summary["clips"] == len(subset["clip_id"])
        assert summary["classes_below_folds"] == len(counts)
        assert set(summary["never_confused"]) <= set(subset["label"])
        assert 0 <= summary["accuracy"] <= 1
        confusion = pd.read_csv(matrix, index_col=0)
        assert confusion.to_numpy().sum() == len(subset["clip_id"])


def test_a_seed_of_confusion_noise_fixes_which_clips_are_wrong_in_every_run(data, subset, checkpoints, tmp_path):
    def wrong(**values):
        made, _ = make_files(data, subset, tmp_path, checkpoints, **VARIANTS["confusion"] | values)
        return [
            {clip for clip, a, b in zip(*labels.values(), subset["label"], strict=True) if a != b} for labels in made
        ]

    own, fixed = wrong(), wrong(seed=3)
    assert own[0] != own[1]
    assert fixed[0] == fixed[1]


def test_too_many_clusters_or_neighbours_are_refused_and_nothing_is_written(data, subset, checkpoints, tmp_path):
    for kind, message in (("clusters", "at most .* 12"), ("neighbours", "below .* 12")):
        with pytest.raises(UserError, match=f"k: 13 must be {message}"):
            make_files(data, subset, tmp_path, checkpoints, kind=kind, k=13)
    assert list(tmp_path.iterdir()) == []


def test_damaged_weights_make_no_labels(data, subset, checkpoints, tmp_path):
    state = checkpoint.load(checkpoints[0])
    for tensor in state["model"].values():
        if tensor.is_floating_point():
            tensor.fill_(float("nan"))
    checkpoint.save(tmp_path / "checkpoint.pt", state)
    with pytest.raises(UserError, match="no finite numbers"):
        make_files(data, subset, tmp_path, [tmp_path / "checkpoint.pt"], kind="clusters", k=3)


def test_without_a_method_the_first_round_is_randoms():
    for values in (VARIANTS["clusters"], VARIANTS["neighbours"], {"kind": "noise", "noise": "confusion", "rate": 0.1}):
        assert read_settings(values).method == "random"


@pytest.mark.parametrize(
    "values",
    [
        {"kind": "pseudo"},
        {"kind": "noise", "noise": "uniform", "rate": 0.1},
        {"kind": "noise", "noise": "confusion", "rate": 0.1, "matrix": "m.csv"},
        {},
    ],
)
def test_other_labels_need_no_first_round(values):
    with pytest.raises(UserError, match="Other labels are made by the verbs labels and pseudo-labels"):
        read_settings(values)
