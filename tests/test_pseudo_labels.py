"""Pseudo-labels: what a classifier says of middle frames, where its weights come from, and what is said about both."""

import hashlib
import io
import json
import os

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from torchvision import models as zoo

from avbench import ledger
from avbench.errors import UserError
from avbench.fileio import read_csv
from avbench.pseudo_labels import (
    Classifier,
    PseudoLabelSettings,
    load,
    make,
    pairing,
    pseudo_labels,
    summarise,
    train,
)
from avbench.store import StoreSettings, write_shard
from avbench.tasks import open_store
from tests.downstream import write_dataset
from tests.file_server import FileServer

MODEL = "shufflenet_v2_x0_5"
PUBLISHED = zoo.ShuffleNet_V2_X0_5_Weights.IMAGENET1K_V1
CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Two datasets whose classes are colours, and one that only sounds."""
    folder = tmp_path_factory.mktemp("data")
    write_dataset(folder, "toys")
    listed = write_dataset(folder, "colours")
    write_shard(folder / "sounds/store/000.arrow", [], StoreSettings(4.0, 32, 32, video=False))
    ledger.write(folder / "sounds/ledger.parquet", listed[list(ledger.COLUMNS)])
    return folder


@pytest.fixture(scope="module")
def store(data):
    return open_store(data, "toys")


def network(classes, store):
    """A network of random weights whose answers differ from clip to clip."""
    torch.manual_seed(3)
    model = zoo.get_model(MODEL, weights=None, num_classes=classes).eval()
    with torch.inference_mode():
        logits = torch.cat([model(middle(store, clip)[None]) for clip in store.clip_ids])
        model.fc.weight /= logits.std(0, keepdim=True).T
        model.fc.bias.copy_((model.fc.bias - logits.mean(0)) / logits.std(0))
    return model


def middle(store, clip):
    """The middle frame of a clip as the published weights want it, the plain way."""
    (row,) = store.rows([clip]).tolist()
    frames = store.frames(row)
    return PUBLISHED.transforms()(torch.from_numpy(frames[len(frames) // 2]).permute(2, 0, 1))


def saved(state):
    stream = io.BytesIO()
    torch.save(state, stream)
    return stream.getvalue()


@pytest.fixture(scope="module")
def few(store, tmp_path_factory):
    """A network of five classes, and the file with its weights."""
    path = tmp_path_factory.mktemp("few") / "weights.pt"
    model = network(5, store)
    torch.save(model.state_dict(), path)
    return model, path


@pytest.fixture(scope="module")
def many(store):
    """The bytes of weights for the thousand classes of ImageNet."""
    return saved(network(1000, store).state_dict())


@pytest.fixture
def published(many, tmp_path, monkeypatch):
    """A server that publishes these weights, and a fresh folder for what is downloaded."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("http_proxy", raising=False)
    name = f"shuffle-{hashlib.sha256(many).hexdigest()[:8]}.pth"
    with FileServer() as server:
        server.files["/" + name] = many
        server.path, server.kept = "/" + name, tmp_path / "home/hub/checkpoints" / name
        monkeypatch.setattr(PUBLISHED.value, "url", f"{server.url}/{name}")
        yield server


# ---------------------------------------------------------------------------------------------------------- classifying


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


def test_pictures_are_prepared_as_an_image_file_would_be(store, few):
    classifier = load(MODEL, str(few[1]))
    for clip in store.clip_ids[:6]:
        (row,) = store.rows([clip]).tolist()
        frame = store.frames(row)[store.frame_count(row) // 2]
        ours = classifier.prepare(torch.from_numpy(frame[None]))[0]
        assert ours.shape == (3, 224, 224)
        # Pillow rounds the enlarged picture's colours elsewhere: by a level of 255, over a deviation of about 0.225.
        torch.testing.assert_close(ours, PUBLISHED.transforms()(Image.fromarray(frame)), atol=2 / 255 / 0.224, rtol=0)


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


# ----------------------------------------------------------------------------------------------------- weights in files


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda state: state.pop("conv1.0.weight"), r"1 missing, such as conv1\.0\.weight\.$"),
        (lambda state: state.update({"head.0": torch.ones(2), **state}), r"1 foreign, such as head\.0\.$"),
        (
            lambda state: state.update({"conv1.0.weight": torch.ones(2, 2)}),
            r"does not fit .* size mismatch for conv1\.0",
        ),
        (lambda state: state.update(epoch=3), "holds no state dict, .* but conv1.0.weight"),
        (lambda state: state.clear(), "holds no state dict"),
    ],
)
def test_a_file_that_does_not_fit_is_refused_with_the_entries_at_fault(change, message, few, tmp_path):
    state = dict(few[0].state_dict())
    change(state)
    last = state.pop("fc.bias", None)
    if last is not None:
        state["fc.bias"] = last
    torch.save(state, tmp_path / "other.pt")
    with pytest.raises(UserError, match=message):
        load(MODEL, str(tmp_path / "other.pt"))


def test_weights_of_another_model_are_refused(few):
    with pytest.raises(UserError, match=r"is no state dict of squeezenet1_1; of its entries \d+ missing, .* foreign"):
        load("squeezenet1_1", str(few[1]))


class Trap:
    def __reduce__(self):
        return os.mkdir, ("sprung",)


def test_nothing_in_a_file_is_executed(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    torch.save({"fc.bias": Trap()}, "trap.pt")
    with pytest.raises(UserError, match="trap.pt cannot be read as a state dict"):
        load(MODEL, "trap.pt")
    assert not (tmp_path / "sprung").exists()


def test_weights_that_are_no_numbers_give_no_labels(few, store, tmp_path):
    state = dict(few[0].state_dict())
    torch.save(state | {"fc.bias": state["fc.bias"] * torch.nan}, tmp_path / "spoilt.pt")
    with pytest.raises(UserError, match=r"spoilt\.pt returns no finite numbers"):
        make(store, store.clip_ids[:2], load(MODEL, str(tmp_path / "spoilt.pt")), CPU)


def test_a_file_that_is_no_checkpoint_is_refused(tmp_path):
    (tmp_path / "page.pt").write_text("<html>not found</html>")
    with pytest.raises(UserError, match=r"page\.pt cannot be read as a state dict .* torch\.save"):
        load(MODEL, str(tmp_path / "page.pt"))


def test_names_that_torchvision_does_not_know_are_answered_with_those_it_knows():
    with pytest.raises(UserError, match="no classification model 'efficientnetb0', but .*efficientnet_b0"):
        load("efficientnetb0", "IMAGENET1K_V1")
    with pytest.raises(UserError, match="no classification model 'fasterrcnn_resnet50_fpn'"):
        load("fasterrcnn_resnet50_fpn", "DEFAULT")
    with pytest.raises(UserError, match=r"'IMAGENET2' is no file, nor .* torchvision has IMAGENET1K_V1"):
        load(MODEL, "IMAGENET2")
    with pytest.raises(UserError, match=r"'IMAGENET1K_FEATURES' .* torchvision has IMAGENET1K_V1"):
        load("vgg16", "IMAGENET1K_FEATURES")  # these hold no classifier


# ---------------------------------------------------------------------------------------------------- published weights


def test_published_weights_are_downloaded_once_and_name_their_classes(store, published, many):
    first = load(MODEL, "IMAGENET1K_V1")
    assert published.kept.read_bytes() == many
    again = load(MODEL, "IMAGENET1K_V1")
    assert published.paths() == [published.path]
    assert first.classes == again.classes == PUBLISHED.meta["categories"]
    assert len(set(first.classes)) == 1000
    clips = store.clip_ids[:20]
    expected = make(store, clips, first, CPU)
    pd.testing.assert_frame_equal(make(store, clips, again, CPU), expected)
    # The same file given by its path is known by its name; under another name its classes are numbers.
    pd.testing.assert_frame_equal(make(store, clips, load(MODEL, str(published.kept)), CPU), expected)
    other = published.kept.with_name("renamed.pth")
    published.kept.rename(other)
    numbered = make(store, clips, load(MODEL, str(other)), CPU)["label"]
    assert [first.classes[int(number)] for number in numbered] == expected["label"].tolist()


@pytest.mark.parametrize("fault", ["404", "500", "broken", "another file"])
def test_a_download_that_fails_says_how_to_supply_the_weights_and_leaves_nothing(fault, published):
    if fault == "another file":
        published.files[published.path] += b"!"
    else:
        published.behave(published.path, fault)
    with pytest.raises(UserError) as caught:
        load(MODEL, "IMAGENET1K_V1")
    message = str(caught.value)
    assert f"IMAGENET1K_V1 of {MODEL} cannot be had" in message
    assert PUBLISHED.url in message
    assert str(published.kept) in message
    assert "weights: PATH" in message
    assert list(published.kept.parent.iterdir()) == []


def test_without_network_the_message_is_the_same(published, monkeypatch):
    published._server.server_close()
    with pytest.raises(UserError, match=r"cannot be had: .*\. Download http://127.* yourself .* or give a file"):
        load(MODEL, "IMAGENET1K_V1")


def test_a_damaged_file_among_the_downloads_is_not_used(published, many):
    published.kept.parent.mkdir(parents=True)
    published.kept.write_bytes(many[:-1000])
    with pytest.raises(UserError, match=r"is damaged or another file: its SHA-256 begins with [0-9a-f]{8}\. Delete it"):
        load(MODEL, "IMAGENET1K_V1")
    assert published.paths() == []


def test_published_classifiers_carry_a_hash_in_their_file_name_and_have_distinct_names_of_classes():
    for name in zoo.list_models(module=zoo):
        members = [member for member in zoo.get_model_weights(name) if member.meta["categories"]]
        assert members
        for member in members:
            digest = member.url.rpartition("/")[2].removesuffix(".pth").rpartition("-")[2]
            assert len(digest) >= 8
            assert int(digest, 16) >= 0
            assert len(set(member.meta["categories"])) == len(member.meta["categories"]) == 1000


# ------------------------------------------------------------------------------------------- classifiers trained here


def test_a_classifier_learns_another_datasets_classes(data, store):
    torch.set_num_threads(1)
    classifier = train(data, PseudoLabelSettings(classifier_dataset="colours", epochs=20), CPU)
    assert classifier.validation_accuracy > 0.9
    test = ledger.stored(ledger.read(data / "toys/ledger.parquet"), "test")
    made = make(store, test["clip_id"].tolist(), classifier, CPU)
    assert (made["label"] == test["label"]).mean() > 0.9  # three colours; chance is 0.33
    assert made["confidence"].between(1 / 3, 1).all()


def test_the_outcome_repeats_itself_and_says_what_it_is(data, tmp_path):
    subset = ledger.stored(ledger.read(data / "toys/ledger.parquet"), "train").to_dict("list")
    settings = PseudoLabelSettings(classifier_dataset="colours", epochs=3)
    names = ("labels.csv", "confidence.csv", "summary.json")
    for folder in ("a", "b"):
        pseudo_labels(data, "toys", subset, settings, *(tmp_path / folder / name for name in names), "cpu")
    for name in names:
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
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


def test_another_seed_trains_another_classifier(data, store):
    made = [
        make(store, store.clip_ids, train(data, settings, CPU), CPU)["confidence"]
        for settings in (PseudoLabelSettings(classifier_dataset="colours", epochs=1, seed=seed) for seed in (0, 1))
    ]
    assert not np.allclose(*made)


def test_datasets_that_cannot_train_a_classifier_are_refused(data, tmp_path):
    listed = write_dataset(tmp_path, "odd")

    def attempt(change):
        changed = listed.copy()
        changed.loc[change(changed), "state"] = "rejected"
        ledger.write(tmp_path / "odd/ledger.parquet", changed[list(ledger.COLUMNS)])
        train(tmp_path, PseudoLabelSettings(classifier_dataset="odd"), CPU)

    with pytest.raises(UserError, match="odd has 3 classes .* and 0 stored validation clips"):
        attempt(lambda table: table["split"] == "validation")
    with pytest.raises(UserError, match="odd has 1 classes"):
        attempt(lambda table: table["label"] != "class, 0")
    with pytest.raises(UserError, match="odd has no training clip of 'class, 2'"):
        attempt(lambda table: (table["split"] == "train") & (table["label"] == "class, 2"))
    with pytest.raises(UserError, match="sounds has no pictures"):
        train(data, PseudoLabelSettings(classifier_dataset="sounds"), CPU)


def test_a_dataset_does_not_label_itself_and_sounds_are_not_looked_at(data, tmp_path):
    outputs = [tmp_path / name for name in ("labels.csv", "confidence.csv", "summary.json")]
    subset = {"clip_id": [], "label": []}
    with pytest.raises(UserError, match="toys is the dataset to label"):
        pseudo_labels(data, "toys", subset, PseudoLabelSettings(classifier_dataset="toys"), *outputs, "cpu")
    with pytest.raises(UserError, match="sounds has no pictures"):
        pseudo_labels(data, "sounds", subset, PseudoLabelSettings(classifier_dataset="toys"), *outputs, "cpu")
    assert list(tmp_path.iterdir()) == []


# -------------------------------------------------------------------------------------------------------- the summary


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


# ---------------------------------------------------------------------------------------------- clips that are unsure


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
    outputs = [tmp_path / name for name in ("labels.csv", "confidence.csv", "summary.json")]
    settings = {"classifier": MODEL, "weights": str(few[1])}
    pseudo_labels(data, "toys", subset, PseudoLabelSettings(**settings), *outputs, "cpu")
    every = pd.read_csv(outputs[1], dtype={"label": str})
    least = float(every["confidence"].median())
    pseudo_labels(data, "toys", subset, PseudoLabelSettings(**settings, min_confidence=least), *outputs, "cpu")
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
