"""Eight real clips of VGGSound through the same rules, to stored samples and a finished toy run."""

import csv
import json

import pytest

from tests.support.paths import ROOT
from tests.workflow.conftest import Workflow

CLIPS = ROOT.parent / "shared" / "real-clips"


@pytest.mark.skipif(not (CLIPS / "vggsound").is_dir(), reason="the real clips are not here")
def test_real_clips_are_stored_and_trained_on(tiny, tmp_path):
    # All eight are test clips of as many classes by their list; as six clips of two classes they can be trained on.
    listed = list(csv.reader((CLIPS / "vggsound.csv").open(encoding="utf-8")))
    with (tmp_path / "list.csv").open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerows(
            [*row[:2], "ab"[place % 2], "train" if place < 6 else "test"] for place, row in enumerate(listed)
        )
    tiny["store"] = {"frame_rate": 16, "width": 112, "height": 112, "sample_rate": 16000, "jpeg_quality": 90}
    tiny["checks"] = {"min_duration_s": 9.0}
    tiny["datasets"]["toys"] = {
        "rules": "workflow/datasets/vggsound.smk",
        "shards": 2,
        "min_coverage": 1.0,
        "sources": [{"directory": str(CLIPS / "vggsound")}],
        "options": {
            "list": {"path": str(tmp_path / "list.csv")},
            "validation_share": 0.0,
        },
    }
    tiny["pretraining"] |= {
        "features": {"audio_s": 1.0, "video_s": 0.5, "n_fft": 512, "hop": 160, "n_mels": 128},
        "batch_size": 4,
        "epochs": 3,
    }
    tiny["subsets"] = {"few": {"clips_per_class": 3}}
    tiny["protocol"] = {"probe_on_pretraining_clips": True}  # no clip is left for validation
    workflow = Workflow(tmp_path, tiny)
    run = "results/tiny/runs/toys/few/none/random/default/seed-0/run.json"
    workflow.run(run, "results/tiny/figures/samples.png", "results/tiny/figures/pairs.png")

    import pandas as pd

    from avbench.data.store import Store

    ledger = pd.read_parquet(tmp_path / "data/toys/ledger.parquet")
    assert len(ledger) == len(listed) == 8
    assert set(ledger["state"]) == {"stored"}
    assert sorted(ledger["clip_id"]) == sorted(f"{row[0]}_{int(row[1]):06d}" for row in listed)
    store = Store(sorted((tmp_path / "data/toys/store").glob("*.arrow")))
    for row in range(len(store)):
        assert store.frames(row).shape[1:] == (112, 112, 3)
        assert 155 <= store.frame_count(row) <= 161
        assert abs(len(store.audio(row)) - 160_000) < 3_200
        assert store.audio(row).std() > 10
    outcome = json.loads((tmp_path / run).read_text())
    assert outcome["steps"] == 3 * 1
    assert 0 < outcome["final_loss"] < 3
