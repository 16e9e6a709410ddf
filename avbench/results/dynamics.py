"""How embeddings of the same clips change in the course of pretraining."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from avbench.config.evaluation import KnnSettings
from avbench.core.arrays import open_arrays
from avbench.core.errors import UserError
from avbench.data import ledger
from avbench.evaluation.geometry import describe
from avbench.evaluation.knn import leave_one_out

ARRAYS = ("clip_id", "epochs", "steps", "audio", "video", "audio-head", "video-head")
IDENTITY = ["method", "subset", "labels", "budget", "seed"]
COLUMNS = [*IDENTITY, "epoch", "step", "alignment", "uniformity_audio", "uniformity_video"]
COLUMNS += ["effective_rank_audio", "effective_rank_video", "knn_audio", "knn_video"]


def table(runs: Iterable[Mapping[str, Any]], data: str | Path, dataset: str) -> pd.DataFrame:
    """Measure the dynamics clips of each run, at every epoch that was recorded.

    Args:
        runs: each with ``method``, ``subset``, ``labels``, ``budget``, ``seed`` and ``path``, the file that pretraining
            wrote.
        data, dataset: where the true labels of the dynamics clips are: in the ledger. Pretraining is not told them.

    Returns:
        ``COLUMNS``, a row per run and epoch (0: before the first step): alignment, uniformity and effective rank as in
        :func:`avbench.evaluation.geometry.describe`; ``knn_audio`` and ``knn_video``: the share of clips whose true
        label is what their nearest neighbours among the other dynamics clips vote for (20, or all where there are
        fewer).

    Raises:
        UserError: a file is missing or damaged, or follows a clip that the dataset lacks.
    """
    runs, rows = list(runs), []
    if runs:
        listed = ledger.read(Path(data, dataset, "ledger.parquet"))
        labels = dict(zip(listed["clip_id"], listed["label"], strict=True))
    for run in runs:
        arrays = _read(run["path"])
        ids = arrays["clip_id"].tolist()
        if unknown := [name for name in ids if name not in labels]:
            raise UserError(f"{run['path']} follows {unknown[0]!r}, which is no clip of {dataset}. Delete its folder.")
        true = [labels[name] for name in ids]
        settings = KnnSettings(neighbours=min(KnnSettings.neighbours, len(ids) - 1))
        for place, (epoch, step) in enumerate(zip(arrays["epochs"], arrays["steps"], strict=True)):
            audio, video, audio_head, video_head = (arrays[name][place].astype(np.float32) for name in ARRAYS[3:])
            found = describe(audio_head, video_head, audio, video, true)
            near = {"knn_audio": audio, "knn_video": video}
            found |= {name: leave_one_out(features, true, settings) for name, features in near.items()}
            rows.append({name: run[name] for name in IDENTITY} | {"epoch": int(epoch), "step": int(step)} | found)
    return pd.DataFrame(rows, columns=COLUMNS)


def _read(path: str | Path) -> dict[str, np.ndarray]:
    with open_arrays(path) as arrays:
        return {name: arrays[name] for name in ARRAYS}
