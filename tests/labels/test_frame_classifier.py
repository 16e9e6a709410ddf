"""The image classifier that is trained here on another dataset's frames."""

import numpy as np
import pytest
import torch

from avbench.core.errors import UserError
from avbench.data import ledger
from avbench.data.store import open_store
from avbench.labels.frame_classifier import train
from avbench.labels.pseudo import make
from tests.support.downstream import write_dataset
from tests.support.pictures import CPU, write_data


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return write_data(tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="module")
def store(data):
    return open_store(data, "toys")


def test_a_classifier_learns_another_datasets_classes(data, store):
    torch.set_num_threads(1)
    classifier = train(data, "colours", 20, 0, CPU)
    assert classifier.validation_accuracy > 0.9
    test = ledger.stored(ledger.read(data / "toys/ledger.parquet"), "test")
    made = make(store, test["clip_id"].tolist(), classifier, CPU)
    assert (made["label"] == test["label"]).mean() > 0.9  # three colours; chance is 0.33
    assert made["confidence"].between(1 / 3, 1).all()


def test_another_seed_trains_another_classifier(data, store):
    made = [make(store, store.clip_ids, train(data, "colours", 1, seed, CPU), CPU)["confidence"] for seed in (0, 1)]
    assert not np.allclose(*made)


def test_datasets_that_cannot_train_a_classifier_are_refused(data, tmp_path):
    listed = write_dataset(tmp_path, "odd")

    def attempt(change):
        changed = listed.copy()
        changed.loc[change(changed), "state"] = "rejected"
        ledger.write(tmp_path / "odd/ledger.parquet", changed[list(ledger.COLUMNS)])
        train(tmp_path, "odd", 1, 0, CPU)

    with pytest.raises(UserError, match="odd has 3 classes .* and 0 stored validation clips"):
        attempt(lambda table: table["split"] == "validation")
    with pytest.raises(UserError, match="odd has 1 classes"):
        attempt(lambda table: table["label"] != "class, 0")
    with pytest.raises(UserError, match="odd has no training clip of 'class, 2'"):
        attempt(lambda table: (table["split"] == "train") & (table["label"] == "class, 2"))
    with pytest.raises(UserError, match="sounds has no pictures"):
        train(data, "sounds", 1, 0, CPU)
