"""What training may not see: the true labels, unless they are what a method is given to pair by."""

import json
from dataclasses import asdict

import numpy as np
import pytest

from avbench.cli import main
from avbench.config.methods import PRESETS, Method
from avbench.pretraining import run
from tests.support.training import FEATURES, IDENTITY, MACHINE, SETTINGS, same, weights, write_store

METHODS = {
    "near": Method("near", "neighbour", 0.8, labels="near"),
    "soft-positive": PRESETS["soft-positive"],
    "hard-negative": PRESETS["hard-negative"],
    "mixed-supcon": Method("mixed-supcon", "same-class", [0.2, 0.8], "mixed", "guessed", "supcon", clips_per_class=2),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A dataset, its mel statistics, two subset files that differ in their true labels, and labels to pair by."""
    folder = tmp_path_factory.mktemp("leaks")
    store = write_store(folder / "data")
    numbers = np.arange(len(store.clip_ids))
    others = np.random.default_rng(0).permutation(numbers)
    for name, labels in {
        "subset": [f"TRUE-{number % 4}" for number in numbers],
        "scrambled": [f"TRUE-{number % 4}" for number in others],
        "guessed": [f"guess-{number // 6}" for number in numbers],
        "guessed-otherwise": [f"guess-{number % 3}" for number in numbers],
    }.items():
        rows = [f"{clip},{label}" for clip, label in zip(store.clip_ids, labels, strict=True)]
        (folder / f"{name}.csv").write_text("\n".join(["clip_id,label", *rows]) + "\n")
    for name, distances in {"near": (1, 2, 3), "near-otherwise": (4, 5, 6)}.items():
        rows = [f"{clip},{store.clip_ids[(i + k) % 24]}" for i, clip in enumerate(store.clip_ids) for k in distances]
        (folder / f"{name}.csv").write_text("\n".join(["clip_id,neighbour", *rows]) + "\n")
    return folder


def pretrain(folder, output, method, subset="subset", labels=None):
    """Run the verb as the workflow does."""
    job = {
        "method": asdict(method),
        "pretraining": asdict(SETTINGS),
        "features": asdict(FEATURES),
        "seeds": [0],
        "identity": IDENTITY,
        "subset": str(folder / f"{subset}.csv"),
        "labels": [str(folder / f"{labels}.csv")] if labels else [],
        "statistics": str(folder / "data/statistics.json"),
        "outputs": [str(output)],
        "data": str(folder / "data"),
    }
    assert main.main(["pretrain", "--job", json.dumps(job), "--machine", json.dumps(asdict(MACHINE))]) == 0


def outcome(output):
    """Return the bytes of what was learnt, and what was learnt when."""
    return [(output / name).read_bytes() for name in ("checkpoint.pt", "metrics.jsonl")]


@pytest.mark.parametrize("name", METHODS)
def test_with_other_labels_to_pair_by_the_true_ones_do_not_matter(folder, tmp_path, name):
    labels = "near" if name == "near" else "guessed"
    for subset in ("subset", "scrambled"):
        pretrain(folder, tmp_path / subset, METHODS[name], subset, labels)
    assert outcome(tmp_path / "subset") == outcome(tmp_path / "scrambled")
    # Whereas the labels that it is given do: had it looked at others, nothing would have changed.
    pretrain(folder, tmp_path / "otherwise", METHODS[name], "subset", f"{labels}-otherwise")
    assert not same(weights(tmp_path / "subset"), weights(tmp_path / "otherwise"))


def test_a_method_without_labels_gets_none(folder, tmp_path):
    method = Method("hard", loss="hard")
    pretrain(folder, tmp_path / "subset", method)
    pretrain(folder, tmp_path / "scrambled", method, "scrambled")
    pretrain(folder, tmp_path / "given", method, "subset", "guessed")  # and would not use them
    assert outcome(tmp_path / "subset") == outcome(tmp_path / "scrambled") == outcome(tmp_path / "given")


@pytest.mark.parametrize(("method", "labels"), [("random", None), ("soft-positive", "guessed")])
def test_no_true_label_reaches_training(folder, tmp_path, monkeypatch, method, labels):
    """Of what a run reads, all that is text: subset, labels and statistics."""
    read = []
    for name in ("read_csv", "read_pairing", "read_json"):
        function = getattr(run, name)

        def recorded(*given, function=function):
            read.append(repr(found := function(*given)))
            return found

        monkeypatch.setattr(run, name, recorded)
    pretrain(folder, tmp_path / "a", PRESETS[method], labels=labels)
    assert len(read) == (2 if labels is None else 3)
    assert "clip-00" in read[0]
    assert any("guess-0" in text for text in read) == (labels == "guessed")
    assert not any("TRUE" in text for text in read)
    # Where they are what it pairs by, they do.
    pretrain(folder, tmp_path / "b", PRESETS["soft-positive"], labels="subset")
    assert any("TRUE" in text for text in read)
