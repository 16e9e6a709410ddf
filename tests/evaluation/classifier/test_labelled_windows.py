import numpy as np

from avbench.data.store import open_store
from avbench.evaluation.classifier.labelled_windows import Windows
from avbench.features.windows import Clips
from tests.support.classifier import SETTINGS, write_toys
from tests.support.downstream import FEATURES


def test_windows_are_flipped_like_those_of_pretraining(tmp_path):
    clips = Clips(open_store(write_toys(tmp_path), "toys"), [f"-clip {clip:03d}" for clip in range(12)], FEATURES)
    anchors = np.arange(12)
    for flip, shape in (("clip", (12,)), ("frame", (12, FEATURES.video_frames)), ("none", (12,))):
        batch = Windows(clips, "video", flip, SETTINGS, 0).read(3, 1, anchors)
        assert batch.windows.shape == (12, FEATURES.video_frames, 32, 32, 3)
        assert batch.flips.shape == shape
    assert Windows(clips, "audio", "clip", SETTINGS, 0).read(3, 1, anchors).flips is None
