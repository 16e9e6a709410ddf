from dataclasses import replace

import numpy as np
import pytest
import torch

from avbench.config.features import FeatureSettings
from avbench.config.methods import PRESETS
from avbench.config.pretraining import PretrainSettings
from avbench.features.windows import Clips
from avbench.models.embedder import Embedder
from avbench.pretraining.window_batches import Batches
from tests.support import training
from tests.support.training import (
    FEATURES,
    SETTINGS,
    pairing_labels,
    write_store,
)


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return write_store(tmp_path_factory.mktemp("store"))


def test_each_gpus_part_of_a_batch_is_normalised_on_its_own(store):
    clips = Clips(store, store.clip_ids, FEATURES)
    numbers = np.unique(pairing_labels(store), return_inverse=True)[1]
    settings = replace(SETTINGS, batch_norm_groups=4)
    batch = Batches(clips, numbers, PRESETS["random"], settings, 1).read(0, 0, np.arange(8))
    embedder = Embedder(settings, FEATURES, training.statistics(store), 0).train()
    embedded = embedder(batch.audio, batch.frames, batch.flips)
    embedder.batch_norm_groups = 1
    for begin in range(0, 8, 2):
        part = slice(begin, begin + 2)
        alone = embedder(batch.audio[part], batch.frames[part], batch.flips[part])
        torch.testing.assert_close([z[part] for z in embedded], list(alone), rtol=1e-4, atol=1e-5)


def test_the_papers_windows_enter_its_encoders_in_the_published_shapes():
    embedder = Embedder(PretrainSettings(), FeatureSettings(), {"mean": [0.0] * 128, "std": [1.0] * 128}, 0)
    assert embedder.audio_input(torch.zeros(2, 16000, dtype=torch.int16)).shape == (2, 1, 100, 128)
    frames = torch.zeros(2, 8, 112, 112, 3, dtype=torch.uint8)
    assert embedder.video_input(frames, torch.ones(2, 8, dtype=torch.bool)).shape == (2, 3, 8, 112, 112)
    paper = {"model": "paper", "epochs": 100, "batch_size": 309, "learning_rate": 1e-4, "weight_decay": 1e-5}
    assert PretrainSettings() == PretrainSettings(**paper, schedule="constant", temperature=0.07, precision="float32")
