"""A tiny packed dataset in the layout that downstream stages read."""

import json

import numpy as np
import pandas as pd

from avbench.config.features import FeatureSettings
from avbench.config.store import StoreSettings
from avbench.data import ledger
from avbench.data.store import Row, encode_frames, write_shard

FEATURES = FeatureSettings(sample_rate=8000, n_fft=256, hop=250, n_mels=32, frame_rate=4.0, audio_s=1.0, video_s=1.0)
SPLITS = ("train", "train", "train", "validation", "test")


def write_dataset(data, name="toys", classes=3, per_split=4):
    """Write store, ledger and coverage; clips of a class share a tone and a colour. Durations are 2 s and 3 s."""
    rng = np.random.default_rng(0)
    settings = StoreSettings(frame_rate=4.0, width=32, height=32, sample_rate=8000, jpeg_quality=90)
    rows, table = [], []
    for clip in range(classes * per_split * len(SPLITS)):
        label, split, seconds = clip % classes, SPLITS[clip // classes % len(SPLITS)], 2.0 + (clip % 2)
        tone = np.sin(2 * np.pi * (300 + 500 * label) * np.arange(int(8000 * seconds)) / 8000)
        audio = (6000 * tone + rng.normal(0, 500, len(tone))).astype("<i2")
        shape = (int(4 * seconds), 32, 32, 3)
        frames = (rng.integers(0, 50, shape) + np.array([60 * label, 100, 200 - 60 * label])).astype(np.uint8)
        rows.append(Row(f"-clip {clip:03d}", encode_frames(frames, settings), audio.tobytes(), seconds))
        table.append({"clip_id": f"-clip {clip:03d}", "label": f"class, {label}", "split": split, "state": "stored"})
    write_shard(data / name / "store" / "000.arrow", rows, settings)
    listed = pd.DataFrame(table)
    for column in ledger.COLUMNS:
        if column not in listed:
            listed[column] = ""
    ledger.write(data / name / "ledger.parquet", listed[list(ledger.COLUMNS)])
    (data / name / "coverage.json").write_text(json.dumps(ledger.coverage(listed)))
    (data / name / "stored.json").write_text(json.dumps(ledger.stored_state(listed, "")))
    return listed


def write_subset(path, subset):
    """Write a subset, clip_id and label, and return its file."""
    pd.DataFrame(subset)[["clip_id", "label"]].to_csv(path, index=False)
    return path
