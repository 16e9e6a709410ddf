"""Pseudo-labels: what a classifier says of middle frames, how sure it must be, and what is said about both."""

import json

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from avbench.config.labels import PseudoLabelSettings
from avbench.core.errors import UserError
from avbench.core.files import read_csv
from avbench.data import ledger
from avbench.data.store import open_store
from avbench.labels.image_classifier import Classifier, load
from avbench.labels.label_jobs import PseudoLabelJob
from avbench.labels.pseudo import make, pairing, pseudo_labels, summarise
from tests.support.downstream import write_subset
from tests.support.pictures import CPU, MODEL, middle, write_data, write_weights


def run(data, dataset, subset, folder, **settings):
    """Make the pseudo-labels of a subset's file; return the files of labels, confidence and summary."""
    outputs = [folder / name for name in ("labels.csv", "confidence.csv", "summary.json")]
    job = PseudoLabelJob(dataset, subset, PseudoLabelSettings(**settings), *outputs, data=data)
    pseudo_labels(job, "cpu")
    return outputs


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return write_data(tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="module")
def store(data):
    return open_store(data, "toys")


@pytest.fixture(scope="module")
def few(store, tmp_path_factory):
    return write_weights(tmp_path_factory.mktemp("few"), store)


def test_a_clip_gets_the_class_that_is_most_probable_for_its_middle_frame(store, few):
    model, path = few
    made = make(store, store.clip_ids, load(MODEL, str(path)), CPU)
    assert made["clip_id"].tolist() == store.clip_ids
    with torch.inference_mode():
        for clip, label, confidence in made.itertuples(index=False):
            probable = model(middle(store, clip)[None])[0].softmax(0)
            assert label == str(int(probable.argmax()))
            assert confidence == pytest.approx(float(probable.max()), abs=1e-5)
    assert made["label"].nunique() > 2


def test_neither_batches_nor_the_order_of_clips_change_a_label(store, few):
    classifier = load(MODEL, str(few[1]))
    clips = store.clip_ids[29::-1]
    together, alone = (make(store, clips, classifier, CPU, size) for size in (len(clips), 1))
    uneven = make(store, clips[::-1], classifier, CPU, 7)[::-1].reset_index(drop=True)
    for other in (alone, uneven):
        pd.testing.assert_frame_equal(together, other, rtol=1e-4)


def test_memory_holds_a_batch_of_pictures_at_most(store):
    seen = []

    def prepare(pictures):
        seen.append(tuple(pictures.shape))
        return pictures.flatten(1).float()

    classifier = Classifier("linear", ["a", "b"], prepare, torch.nn.Linear(32 * 32 * 3, 2))
    make(store, store.clip_ids[:20], classifier, CPU, 8)
    assert seen == [(8, 32, 32, 3), (8, 32, 32, 3), (4, 32, 32, 3)]


def test_weights_that_are_no_numbers_give_no_labels(few, store, tmp_path):
    state = dict(few[0].state_dict())
    torch.save(state | {"fc.bias": state["fc.bias"] * torch.nan}, tmp_path / "spoilt.pt")
    with pytest.raises(UserError, match=r"spoilt\.pt returns no finite numbers"):
        make(store, store.clip_ids[:2], load(MODEL, str(tmp_path / "spoilt.pt")), CPU)


def test_the_outcome_repeats_itself_and_says_what_it_is(data, tmp_path):
    subset = ledger.stored(ledger.read(data / "toys/ledger.parquet"), "train").to_dict("list")
    file = write_subset(tmp_path / "subset.csv", subset)
    settings = {"classifier_dataset": "colours", "epochs": 3}
    first, second = (run(data, "toys", file, tmp_path / folder, **settings) for folder in ("a", "b"))
    for one, other in zip(first, second, strict=True):
        assert one.read_bytes() == other.read_bytes()
    labels = read_csv(tmp_path / "a/labels.csv", ["clip_id", "label"])
    sure = read_csv(tmp_path / "a/confidence.csv", ["clip_id", "label", "confidence"])
    assert labels["clip_id"] == subset["clip_id"] == sure["clip_id"]
    assert labels["label"] == sure["label"]
    summary = json.loads((tmp_path / "a/summary.json").read_text())
    assert summary["classifier"] == "trained on colours"
    assert (summary["clips"], summary["true_classes"]) == (len(subset["clip_id"]), 3)
    assert summary["classes"] == len(set(labels["label"]))
    assert summary["mean_confidence"] == pytest.approx(np.mean([float(text) for text in sure["confidence"]]), abs=1e-5)
    assert 0 < summary["validation_accuracy"] <= 1


def test_a_dataset_does_not_label_itself_and_sounds_are_not_looked_at(data, tmp_path):
    subset = write_subset(tmp_path / "subset.csv", {"clip_id": [], "label": []})
    with pytest.raises(UserError, match="toys is the dataset to label"):
        run(data, "toys", subset, tmp_path, classifier_dataset="toys")
    with pytest.raises(UserError, match="sounds has no pictures"):
        run(data, "sounds", subset, tmp_path, classifier_dataset="toys")
    assert list(tmp_path.iterdir()) == [subset]


def entropy(counts):
    share = np.asarray(counts, float) / np.sum(counts)
    return -sum(p * np.log(p) for p in share if p)


def test_the_summary_compares_with_the_true_labels():
    true = ["dog"] * 4 + ["sea"] * 3 + ["bells"]
    made = pd.DataFrame({"clip_id": list("abcdefgh"), "label": list("xxxyyyzy"), "confidence": [0.5] * 4 + [1.0] * 4})
    joint = entropy(pd.Series(zip(true, made["label"], strict=True)).value_counts())
    own, given = entropy([4, 3, 1]), entropy([3, 4, 1])
    summary = summarise(made, true)
    assert summary.pop("normalised_mutual_information") == pytest.approx((own + given - joint) / ((own + given) / 2))
    assert summary == {
        "clips": 8,
        "unsure": 0,
        "classes": 3,
        "true_classes": 3,
        "singletons": pytest.approx(1 / 3),
        "mean_confidence": 0.75,
    }


def test_what_is_said_of_classes_is_said_of_clips_that_are_sure():
    made = pd.DataFrame(
        {"clip_id": list("abcdef"), "label": list("xxyyzz"), "confidence": [0.9, 0.8, 0.9, 0.7, 0.2, 0.7]}
    )
    summary = summarise(made, list("ppqqpq"), 0.7)
    sure = summarise(made.drop(4), list("ppqqq"))
    assert (summary["clips"], summary["unsure"]) == (6, 1)
    for key in ("classes", "singletons", "normalised_mutual_information"):
        assert summary[key] == sure[key], key
    assert summary["mean_confidence"] == pytest.approx(4.2 / 6)


@given(
    rows=st.lists(st.tuples(st.sampled_from(["x", "y", "unsure: c0", "ununsure: c1"]), st.floats(0.1, 1)), min_size=1),
    least=st.floats(0, 0.999),
)
def test_a_clip_that_is_unsure_pairs_with_itself_alone(rows, least):
    labels, confidence = zip(*rows, strict=True)
    clips = [f"c{i}" for i in range(len(rows))]
    made = pd.DataFrame({"clip_id": clips, "label": labels, "confidence": confidence})
    if max(confidence) < least:
        with pytest.raises(UserError, match="leaves no clip with a class: the highest confidence is"):
            pairing(made, least)
        return
    chosen = pairing(made, least)
    assert chosen["clip_id"].tolist() == clips
    assert list(chosen.columns) == ["clip_id", "label"]
    for place, (label, sure) in enumerate(rows):
        if sure >= least:
            assert chosen["label"][place] == label
        else:
            assert chosen["label"].tolist().count(chosen["label"][place]) == 1
            assert chosen["label"][place] not in labels


def test_without_a_least_confidence_every_clip_has_its_class():
    made = pd.DataFrame({"clip_id": ["a", "b"], "label": ["x", "y"], "confidence": [0.0, 1.0]})
    assert pairing(made, 0.0)["label"].tolist() == ["x", "y"]


def test_clips_of_whose_class_the_classifier_is_not_sure_are_counted(data, few, tmp_path):
    subset = ledger.stored(ledger.read(data / "toys/ledger.parquet"), "train").to_dict("list")
    file = write_subset(tmp_path / "subset.csv", subset)
    settings = {"classifier": MODEL, "weights": str(few[1])}
    outputs = run(data, "toys", file, tmp_path, **settings)
    every = pd.read_csv(outputs[1], dtype={"label": str})
    least = float(every["confidence"].median())
    run(data, "toys", file, tmp_path, **settings, min_confidence=least)
    pd.testing.assert_frame_equal(pd.read_csv(outputs[1], dtype={"label": str}), every)
    chosen = pd.read_csv(outputs[0], dtype=str)
    summary = json.loads(outputs[2].read_text())
    unsure = chosen["label"] != every["label"]
    assert summary["unsure"] == unsure.sum() > 0
    assert set(chosen["label"][unsure]) == {f"unsure: {clip}" for clip in chosen["clip_id"][unsure]}
    assert summary["classes"] == chosen["label"][~unsure].nunique()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"kind": "noise"}, "kind: 'noise' is not allowed"),
        ({"min_confidence": 1}, "min_confidence: 1 is not allowed; it must be a number from 0 to below 1"),
        ({"min_confidence": -0.1}, "min_confidence: -0.1 is not allowed"),
        ({"min_confidence": True}, "min_confidence: True is not allowed"),
        ({"min_confidence": "0.5"}, "min_confidence: '0.5' is not allowed"),
        ({"min_confidence": float("nan")}, "min_confidence: nan is not allowed"),
        ({"classifier_dataset": "a", "classifier": "resnet18"}, "'resnet18' .* would go unused"),
        ({"classifier_dataset": "a", "weights": "w.pt"}, "'w.pt' would go unused"),
        ({"classifier_dataset": "a", "epochs": 0}, "epochs: 0 is not allowed"),
        ({"classifier_dataset": "a", "epochs": True}, "epochs: True is not allowed"),
        ({"seed": 1}, "without it nothing is trained"),
        ({"epochs": 3}, "without it nothing is trained"),
    ],
)
def test_settings_that_do_not_go_together_are_refused(settings, message):
    with pytest.raises(UserError, match=message):
        PseudoLabelSettings(**settings)
