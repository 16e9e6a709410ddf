"""Embedding: whole clips through the frozen encoders, once a run."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from avbench.config.features import FeatureSettings
from avbench.config.paper_switches import Protocol
from avbench.config.tasks import TaskSettings
from avbench.core.errors import UserError
from avbench.core.files import atomic, remove_leftovers
from avbench.data.store import Store, open_store
from avbench.evaluation.tasks import own_bands, task_clips, task_features
from avbench.features.statistics import subset_statistics
from avbench.models.embedder import Task, load_task
from avbench.models.encoders import Encoder
from avbench.training import checkpoint
from avbench.training.allocator import keep_freed_memory
from avbench.training.devices import pick

BATCH_SECONDS = 400.0
SPREAD = 1.25  # longest over shortest of the sounds in a batch: what padding may cost at most


def whole_clip_batches(length: np.ndarray, limit: float, spread: float) -> Iterator[np.ndarray]:
    """Cut clips, shortest first, into batches that are no longer than a limit when all are padded to the longest.

    Args:
        length: of each clip, any unit.
        limit: of a batch, in the same unit; a longer clip is a batch of its own.
        spread: how many times as long as the shortest the longest clip of a batch may be; 1 for equal lengths.

    Yields:
        Places in ``length``.
    """
    order = np.argsort(length, kind="stable")
    begin = 0
    for end in range(1, len(order) + 1):
        if end < len(order):
            longest = length[order[end]]
            if (end + 1 - begin) * longest <= limit and longest <= spread * length[order[begin]]:
                continue
        yield order[begin:end]
        begin = end


def encode_padded(encoder: Encoder, spectrograms: Sequence[torch.Tensor]) -> torch.Tensor:
    """Return the audio encoder's features of clips of unequal length: those that each gives alone, up to rounding.

    A convolution pads a clip with zeros. So whatever lies behind a clip's end is set to zero before each of them; and
    before the global max pool, where zeros never exceed what is rectified.

    Args:
        encoder: in evaluation mode, as batch statistics would count the padding.
        spectrograms: float32 (frames, mels) each.

    Returns:
        float32, (clips, width).
    """
    frames = torch.tensor([len(spectrogram) for spectrogram in spectrograms])
    x = nn.utils.rnn.pad_sequence(list(spectrograms), batch_first=True).unsqueeze(1)
    x = x.contiguous(memory_format=encoder.memory_format)
    for layer in (*encoder.stem, *(layer for block in encoder.stages for layer in block)):
        x = layer(x)
        if isinstance(layer, nn.Conv2d):
            frames = (frames + 2 * layer.padding[0] - layer.kernel_size[0]) // layer.stride[0] + 1
            behind = (torch.arange(x.shape[2]) >= frames[:, None]).to(x.device)
        elif isinstance(layer, nn.ReLU):
            x = x.masked_fill(behind[:, None, :, None], 0)
    return x.amax((2, 3))


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
    encoders = [getattr(task.model, modality) for task in models]
    features = [np.empty((len(rows), encoder.features), np.float32) for encoder in encoders]
    if modality == "audio":
        together = whole_clip_batches(store.duration_s[rows], BATCH_SECONDS, SPREAD)
    else:
        frames = np.array([store.frame_count(row) for row in rows])
        together = whole_clip_batches(frames, BATCH_SECONDS * store.settings.frame_rate, 1.0)
    for members in together:
        if modality == "audio":
            inputs = spectrograms(shared, [store.audio(row) for row in rows[members]], device)
        else:
            frames = np.stack([store.frames(row) for row in rows[members]])
            inputs = shared.video_input(torch.from_numpy(frames).to(device))
        for task, encoder, found in zip(models, encoders, features, strict=True):
            if modality == "video":
                out = encoder(inputs)
            elif len({len(spectrogram) for spectrogram in inputs}) == 1:
                out = encoder(task.standardise(torch.stack(inputs)).unsqueeze(1))
            else:
                out = encode_padded(encoder, [task.standardise(spectrogram) for spectrogram in inputs])
            found[members] = out.float().cpu().numpy()
    return features


def spectrograms(task: Task, waves: Sequence[np.ndarray], device: torch.device) -> list[torch.Tensor]:
    """Return the log-mel of whole clips, int16 (samples,) each → float32 (frames, mels); equal lengths at once."""
    if len({len(wave) for wave in waves}) == 1:
        return list(task.log_mel(torch.from_numpy(np.stack(waves)).to(device)))
    return [task.log_mel(torch.from_numpy(wave.copy()).to(device).unsqueeze(0))[0] for wave in waves]


def load_for_task(
    states: Sequence[Mapping[str, Any]],
    task: TaskSettings,
    protocol: Protocol,
    store: Store,
    training_ids: Sequence[str],
) -> list[Task]:
    """Rebuild runs' models so that they hear a task's clips as the protocol says.

    Encoders take any number of mel bands. If a task has a number of its own, they are standardised by the statistics
    of its training clips; otherwise by those of the pretraining subset, as in pretraining.
    """
    if own_bands(task, protocol) is None:
        return [load_task(state) for state in states]
    models = []
    statistics: dict[str, Any] = {}
    for state in states:
        features = task_features(task, FeatureSettings(**state["settings"]["features"]), protocol)
        statistics = statistics or subset_statistics(store, training_ids, features)
        settings = state["settings"] | {"features": asdict(features)}
        models.append(load_task({**state, "settings": settings, "statistics": statistics}))
    return models


@torch.inference_mode()
def project(model: Task, modality: str, features: np.ndarray) -> np.ndarray:
    """Return features in the space of both modalities: float32 (n, width) → (n, dimension), of length one."""
    head = getattr(model.model, f"{modality}_head").cpu()
    return F.normalize(head(torch.from_numpy(features))).numpy()


def embed(
    checkpoints: Sequence[Path],
    outputs: Sequence[Path],
    tasks: Sequence[TaskSettings],
    data: Path,
    subset: Mapping[str, Sequence[str]],
    protocol: Protocol,
    device_name: str,
    cpu_threads: int,
) -> None:
    """Embed the clips of every task with every checkpoint; one ``.npz`` a checkpoint.

    An output holds for each task ``{task}/clip_id``, ``{task}/label`` and ``{task}/split`` (text, (n,)) and for each
    of its modalities ``{task}/{modality}``, float32 (n, width): the encoder's pooled features. Where a task has both,
    there are also ``{task}/{modality}-head``, float32 (n, dimension): their projections into the common space.
    """
    keep_freed_memory()
    torch.set_num_threads(cpu_threads)
    device = pick(device_name)
    states = [checkpoint.load(path) for path in checkpoints]
    arrays: list[dict[str, np.ndarray]] = [{} for _ in states]
    for task in tasks:
        clips, store = task_clips(task, data, subset, protocol), open_store(data, task.dataset)
        training = list(clips["clip_id"][clips["split"] == "train"])
        models = [model.to(device) for model in load_for_task(states, task, protocol, store, training)]
        for found in arrays:
            for column in ("clip_id", "label", "split"):
                found[f"{task.name}/{column}"] = clips[column].to_numpy(dtype=str)
        for modality in task.modalities:
            encoded = encode(models, store, list(clips["clip_id"]), modality, device)
            for model, found, features in zip(models, arrays, encoded, strict=True):
                found[f"{task.name}/{modality}"] = features
                if len(task.modalities) == 2:
                    found[f"{task.name}/{modality}-head"] = project(model, modality, features)
    for found, output in zip(arrays, outputs, strict=True):
        remove_leftovers(output)
        with atomic(output) as part, part.open("wb") as stream:
            np.savez(stream, **found)
