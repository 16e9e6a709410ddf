"""Labels for pairing made from a first round of pretraining: clusters, neighbours, and noise as it confuses classes."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import torch

from avbench.config.labels import ClusterSettings, NeighbourSettings
from avbench.core.errors import UserError
from avbench.core.files import read_csv, write_csv, write_json
from avbench.core.hashing import hash64
from avbench.core.vectors import unit
from avbench.data.store import Store, open_store
from avbench.evaluation.embedding import encode
from avbench.labels import clusters, confusion_noise, label_noise, neighbours
from avbench.labels.label_jobs import DerivedLabelJob, DerivedSettings
from avbench.models.embedder import Embedder, load_embedder
from avbench.training import checkpoint
from avbench.training.allocator import keep_freed_memory
from avbench.training.devices import pick


def features(
    embedders: Sequence[Embedder],
    store: Store,
    clip_ids: Sequence[str],
    modalities: Sequence[str],
    device: torch.device,
) -> list[dict[str, np.ndarray]]:
    """Return each embedder's pooled features of whole clips, by modality: float32 (n, width), rows of length one.

    Raises:
        UserError: one gives no finite numbers.
    """
    found: list[dict[str, np.ndarray]] = [{} for _ in embedders]
    for modality in modalities:
        for views, rows in zip(found, encode(embedders, store, clip_ids, modality, device), strict=True):
            if not np.isfinite(rows).all():
                raise UserError("a checkpoint gives features that are no finite numbers. Train its run again.")
            views[modality] = unit(rows)
    return found


def derive(
    views: Mapping[str, np.ndarray], subset: Mapping[str, Sequence[str]], settings: DerivedSettings, seed: int
) -> tuple[pd.DataFrame, dict[str, Any], confusion_noise.Confusion | None]:
    """Make labels of features.

    With both modalities their features stand side by side, so that an inner product is the sum of both cosine
    similarities.

    Args:
        views: modality → features of the subset's clips, as :func:`features` returns them: those of the settings, or
            both where the number of clusters is to be chosen.
        subset: columns clip_id and label (true). Clusters and neighbours are made without the labels, which only
            describe them; confusion is one of true labels.
        settings: which labels.
        seed: of the first round; also of the draw, where the settings fix none.

    Returns:
        The label file; its summary; for confusion noise, the confusion.

    Raises:
        UserError: the subset has too few clips or classes.
    """
    clip_ids, true = subset["clip_id"], subset["label"]
    agreeing = settings.modality == "agreement"
    shown = ("audio",) if agreeing else _modalities(settings.modality)
    rows = np.concatenate([views[modality] for modality in shown], axis=1)
    if isinstance(settings, ClusterSettings):
        seed, agreement = hash64(settings.seed, "clusters", seed), {}
        if isinstance(settings.k, int):
            k = settings.k
        else:
            k, agreement["agreement"] = clusters.choose(views["audio"], views["video"], clip_ids, seed)
        made, fitted = clusters.cluster(rows, clip_ids, k, seed)
        return made, fitted | agreement | clusters.summarise(made["label"], true), None
    if isinstance(settings, NeighbourSettings):
        found = neighbours.nearest(rows, settings.k, views["video"] if agreeing else None)
        return neighbours.table(clip_ids, found), {"k": settings.k, **neighbours.summarise(found, true)}, None
    draw = seed if settings.seed is None else settings.seed
    confused, described = confusion_noise.measure(rows, clip_ids, true, draw)
    settings = replace(settings, seed=draw)
    made = label_noise.make(pd.DataFrame({"clip_id": clip_ids, "label": true}), settings, confused)
    summary = described | {
        "never_confused": confused.never_confused(),
        "clips": len(made),
        "wrong": int((made["label"] != list(true)).sum()),
    }
    return made, summary, confused


def _modalities(modality: str) -> tuple[str, ...]:
    return ("audio", "video") if modality in ("both", "agreement") else (modality,)


def derived_labels(job: DerivedLabelJob, device_name: str = "auto") -> None:
    """Make the labels of a subset from each checkpoint of a first round.

    For confusion noise ``X.matrix.csv`` lies beside each label file ``X.csv``; ``matrix: FILE`` takes it. No clip
    outside the subset is read.

    Args:
        job: which runs make which labels, and where to.
        device_name: where to compute, see :func:`avbench.training.devices.pick`.

    Raises:
        UserError: the settings do not fit the subset, or a checkpoint is damaged.
    """
    keep_freed_memory()
    torch.set_num_threads(job.cpu_threads)
    settings, device, subset = job.settings, pick(device_name), read_csv(job.subset, ("clip_id", "label"))
    embedders = [load_embedder(checkpoint.load(path)).to(device) for path in job.checkpoints]
    chosen = "both" if getattr(settings, "k", None) == "auto" else settings.modality
    encoded = features(embedders, open_store(job.data, job.dataset), subset["clip_id"], _modalities(chosen), device)
    for seed, views, output, summary_file in zip(job.seeds, encoded, job.outputs, job.summaries, strict=True):
        made, described, confused = derive(views, subset, settings, seed)
        summary = {"kind": settings.kind, "method": settings.method, "modality": settings.modality, "seed": seed}
        summary |= described
        print(", ".join(f"{key.replace('_', ' ')} {value}" for key, value in summary.items()))
        write_json(summary_file, summary)
        if confused is not None:
            confused.write(output.with_suffix(".matrix.csv"))
        write_csv(output, made, sealed=True)
