"""Embedding: whole clips through the frozen encoders, once a run."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import torch

from avbench import checkpoint
from avbench.errors import UserError
from avbench.fileio import atomic
from avbench.pretrain import Task, load_task, pick_device
from avbench.store import Store
from avbench.tasks import TaskSettings, open_store, task_clips

BATCH_SECONDS = 400.0


def whole_clip_batches(duration_s: np.ndarray) -> Iterator[np.ndarray]:
    """Group clips of equal length into batches of about ``BATCH_SECONDS`` seconds; padding would change features."""
    for length in np.unique(duration_s):
        members = np.flatnonzero(duration_s == length)
        size = max(1, int(BATCH_SECONDS / length))
        yield from (members[i : i + size] for i in range(0, len(members), size))


def read_whole(store: Store, rows: Sequence[int], modality: str) -> torch.Tensor:
    """Read whole clips of one length: int16 (n, samples), or uint8 (n, frames, height, width, 3)."""
    read = store.audio if modality == "audio" else store.frames
    parts = [read(int(row)) for row in rows]
    length = min(map(len, parts))
    return torch.from_numpy(np.stack([part[:length] for part in parts]))


@torch.inference_mode()
def encode(
    models: Sequence[Task], store: Store, clip_ids: Sequence[str], modality: str, device: torch.device
) -> list[np.ndarray]:
    """Return each model's pooled features of whole clips, float32 (clips, width), in the order of ``clip_ids``.

    A clip is read, decoded and transformed once, whatever the number of models.

    Raises:
        UserError: the models were trained on other features than one another.
    """
    if len({task.log_mel.settings for task in models}) > 1:
        raise UserError("the checkpoints were trained on different features; embed them apart.")
    shared = models[0]
    rows = store.rows(clip_ids)
    features: list[np.ndarray] = []
    for members in whole_clip_batches(store.duration_s[rows]):
        raw = read_whole(store, rows[members], modality).to(device)
        inputs = shared.log_mel(raw) if modality == "audio" else shared.video_input(raw)
        for place, task in enumerate(models):
            if modality == "audio":
                out = task.model.audio(task.standardise(inputs).unsqueeze(1))
            else:
                out = task.model.video(inputs)
            if place == len(features):
                features.append(np.empty((len(rows), out.shape[1]), np.float32))
            features[place][members] = out.float().cpu().numpy()
    return features


def embed(
    checkpoints: Sequence[Path],
    outputs: Sequence[Path],
    tasks: Sequence[TaskSettings],
    data: Path,
    subset: Mapping[str, Sequence[str]],
    device_name: str,
    cpu_threads: int,
) -> None:
    """Embed the clips of every task with every checkpoint; one ``.npz`` a checkpoint.

    An output holds for each task ``{task}/clip_id``, ``{task}/label`` and ``{task}/split`` (text, (n,)) and for each
    of its modalities ``{task}/{modality}``, float32 (n, width).
    """
    torch.set_num_threads(cpu_threads)
    device = pick_device(device_name)
    models = [load_task(checkpoint.load(path)).to(device) for path in checkpoints]
    arrays: list[dict[str, np.ndarray]] = [{} for _ in models]
    for task in tasks:
        clips, store = task_clips(task, data, subset), open_store(data, task.dataset)
        for found in arrays:
            for column in ("clip_id", "label", "split"):
                found[f"{task.name}/{column}"] = clips[column].to_numpy(dtype=str)
        for modality in task.modalities:
            encoded = encode(models, store, list(clips["clip_id"]), modality, device)
            for found, features in zip(arrays, encoded, strict=True):
                found[f"{task.name}/{modality}"] = features
    for found, output in zip(arrays, outputs, strict=True):
        with atomic(output) as part, part.open("wb") as stream:
            np.savez(stream, **found)
