"""Embedding: whole clips through the frozen encoders, once per run."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from avbench.config.features import FeatureSettings
from avbench.config.models import settings_of
from avbench.config.paper_switches import PaperSwitches
from avbench.config.tasks import TaskSettings
from avbench.core.errors import UserError
from avbench.core.files import atomic, read_csv, remove_leftovers
from avbench.data.store import Store, open_store
from avbench.evaluation.scoring_jobs import EmbedJob
from avbench.evaluation.tasks import own_bands, task_clips, task_features
from avbench.features.given_features import GivenFeatures, given_features
from avbench.features.statistics import subset_statistics
from avbench.models.embedder import Embedder, load_embedder
from avbench.models.encoders import Encoder
from avbench.models.feature_layer import FeatureLayer
from avbench.training import checkpoint
from avbench.training.allocator import keep_freed_memory
from avbench.training.devices import pick

BATCH_SECONDS = 400.0
GIVEN_CLIPS = 4096  # of given features, encoded at a time
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
    embedders: Sequence[Embedder], store: Store, clip_ids: Sequence[str], modality: str, device: torch.device
) -> list[np.ndarray]:
    """Return each embedder's pooled features of whole clips, float32 (clips, width), in the order of ``clip_ids``.

    A clip is read, decoded and transformed once, whatever the number of embedders.

    Raises:
        UserError: they were trained on other features than one another.
    """
    if len({embedder.log_mel.settings for embedder in embedders}) > 1:
        raise UserError("the checkpoints were trained on different features; embed them apart.")
    shared = embedders[0]
    rows = store.rows(clip_ids)
    encoders = [getattr(embedder.model, modality) for embedder in embedders]
    if encoders[0].input == "features":
        given = given_features(shared.model.settings, store.dataset)[modality]
        return [encode_given(encoder, given, clip_ids, device) for encoder in encoders]
    features = [np.empty((len(rows), encoder.features), np.float32) for encoder in encoders]
    if modality == "audio":
        spread = SPREAD if isinstance(encoders[0], Encoder) else 1.0
        together = whole_clip_batches(store.duration_s[rows], BATCH_SECONDS, spread)
    else:
        frames = np.array([store.frame_count(row) for row in rows])
        together = whole_clip_batches(frames, BATCH_SECONDS * store.settings.frame_rate, 1.0)
    for members in together:
        inputs: Any
        if modality == "audio":
            waves = [store.audio(row) for row in rows[members]]
            inputs = spectrograms(shared, waves, device) if encoders[0].input == "log-mel" else same_length(waves)
        else:
            frames = np.stack([store.frames(row) for row in rows[members]])
            inputs = shared.video_input(torch.from_numpy(frames).to(device))
        for embedder, encoder, found in zip(embedders, encoders, features, strict=True):
            if modality == "video":
                out = encoder(inputs)
            elif encoder.input == "wave":
                out = encoder(embedder.audio_input(inputs.to(device)))
            elif len({len(spectrogram) for spectrogram in inputs}) == 1:
                out = encoder(embedder.standardise(torch.stack(inputs)).unsqueeze(1))
            else:
                out = encode_padded(encoder, [embedder.standardise(spectrogram) for spectrogram in inputs])
            found[members] = out.float().cpu().numpy()
    return features


def same_length(waves: Sequence[np.ndarray]) -> torch.Tensor:
    """Return clips of one duration as int16 (clips, samples); where rounding took a sample, the last is repeated."""
    length = max(map(len, waves))
    return torch.from_numpy(np.stack([np.pad(wave, (0, length - len(wave)), "edge") for wave in waves]))


def encode_given(
    layer: FeatureLayer, given: GivenFeatures, clip_ids: Sequence[str], device: torch.device
) -> np.ndarray:
    """Return what a layer makes of given features, the mean of each clip's windows: float32 (clips, width)."""
    places, found = given.places(clip_ids), []
    for begin in range(0, len(places), GIVEN_CLIPS):
        values, count = given.windows(places[begin : begin + GIVEN_CLIPS])
        out = layer(torch.from_numpy(values).to(device)).float().cpu().numpy()
        found.append(np.add.reduceat(out, np.cumsum(count) - count, axis=0) / count[:, None].astype(np.float32))
    return np.concatenate([np.empty((0, layer.features), np.float32), *found])


def spectrograms(embedder: Embedder, waves: Sequence[np.ndarray], device: torch.device) -> list[torch.Tensor]:
    """Return the log-mel of whole clips, int16 (samples,) each → float32 (frames, mels); equal lengths at once."""
    if len({len(wave) for wave in waves}) == 1:
        return list(embedder.log_mel(torch.from_numpy(np.stack(waves)).to(device)))
    return [embedder.log_mel(torch.from_numpy(wave.copy()).to(device).unsqueeze(0))[0] for wave in waves]


def load_for_task(
    states: Sequence[Mapping[str, Any]],
    task: TaskSettings,
    switches: PaperSwitches,
    store: Store,
    training_ids: Sequence[str],
) -> list[Embedder]:
    """Rebuild runs' models so that they hear a task's clips as the switches say.

    Encoders take any number of mel bands. If a task has a number of its own, they are standardised by the statistics
    of its training clips; otherwise by those of the pretraining subset, as in pretraining.
    """
    if own_bands(task, switches) is None:
        return [load_embedder(state) for state in states]
    models = []
    statistics: dict[str, Any] = {}
    for state in states:
        features = task_features(task, FeatureSettings(**state["settings"]["features"]), switches)
        networks = settings_of(state["settings"]["pretraining"]["model"])
        statistics = statistics or subset_statistics(store, training_ids, features, networks)
        settings = state["settings"] | {"features": asdict(features)}
        bands = statistics | {key: value for key, value in state["statistics"].items() if key == "given"}
        models.append(load_embedder({**state, "settings": settings, "statistics": bands}))
    return models


@torch.inference_mode()
def project(embedder: Embedder, modality: str, features: np.ndarray) -> np.ndarray:
    """Return features in the space of both modalities: float32 (n, width) → (n, dimension), of length one."""
    head = getattr(embedder.model, f"{modality}_head").cpu()
    return F.normalize(head(torch.from_numpy(features))).numpy()


def embed(job: EmbedJob, device_name: str = "auto") -> None:
    """Embed the clips of every task with every checkpoint; one ``.npz`` a checkpoint.

    An output holds for each task ``{task}/clip_id``, ``{task}/label`` and ``{task}/split`` (text, (n,)) and for each
    of its modalities ``{task}/{modality}``, float32 (n, width): the encoder's pooled features. Where a task has both,
    there are also ``{task}/{modality}-head``, float32 (n, dimension): their projections into the common space.

    Args:
        job: what to embed, and where to.
        device_name: where to compute, see :func:`avbench.training.devices.pick`.

    Raises:
        UserError: a file is missing or damaged, or a task's clips do not fit together.
    """
    keep_freed_memory()
    torch.set_num_threads(job.cpu_threads)
    device, subset = pick(device_name), read_csv(job.subset, ("clip_id", "label"))
    states = [checkpoint.load(path) for path in job.checkpoints]
    arrays: list[dict[str, np.ndarray]] = [{} for _ in states]
    for task in job.tasks:
        clips, store = task_clips(task, job.data, subset, job.switches), open_store(job.data, task.dataset)
        training = list(clips["clip_id"][clips["split"] == "train"])
        embedders = [embedder.to(device) for embedder in load_for_task(states, task, job.switches, store, training)]
        for found in arrays:
            for column in ("clip_id", "label", "split"):
                found[f"{task.name}/{column}"] = clips[column].to_numpy(dtype=str)
        for modality in task.encoders:
            encoded = encode(embedders, store, list(clips["clip_id"]), modality, device)
            for embedder, found, features in zip(embedders, arrays, encoded, strict=True):
                found[f"{task.name}/{modality}"] = features
                if task.paired:
                    found[f"{task.name}/{modality}-head"] = project(embedder, modality, features)
    for found, output in zip(arrays, job.outputs, strict=True):
        remove_leftovers(output)
        with atomic(output) as part, part.open("wb") as stream:
            np.savez(stream, **found)
