"""A small training run and processes to train it in, for the tests that interrupt it or share it."""

import json
import multiprocessing
import os
import socket
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from avbench.config.features import FeatureSettings
from avbench.config.methods import PRESETS
from avbench.config.pretraining import MachineSettings, PretrainSettings
from avbench.config.store import StoreSettings
from avbench.data.store import Row, Store, encode_frames, write_shard
from avbench.features.statistics import subset_statistics
from avbench.pretraining import loop
from avbench.pretraining.pretrain_job import PretrainJob
from avbench.pretraining.run import pretrain
from avbench.training import checkpoint

CLASSES, CLIPS = 4, 6
FEATURES = FeatureSettings(sample_rate=8000, n_fft=256, hop=200, n_mels=40, frame_rate=4.0, audio_s=1.0, video_s=1.0)
SETTINGS = PretrainSettings(model="small", epochs=3, batch_size=8, learning_rate=2e-3)
MACHINE = MachineSettings(device="cpu", checkpoint_every_s=0)
IDENTITY = {"dataset": "d", "subset": "s", "labels": "true", "budget": "default"}

# Each process is a copy of one that has imported all of this, which takes seconds, and has started no thread.
_context = multiprocessing.get_context("forkserver")
_context.set_forkserver_preload(["avbench.pretraining.run", "avbench.features.statistics", "torch._dynamo"])


class DatasetStore(Store):
    """The clips of dataset ``d`` in a folder of datasets, which has a run's other inputs beside it."""

    def __init__(self, data: Path) -> None:
        super().__init__([data / "d/store/000.arrow"])
        self.data = data


def write_store(data: Path) -> DatasetStore:
    """Write clips of coloured noise and tones, enough to learn from, cheap to make; and what a run reads of them."""
    rng = np.random.default_rng(0)
    settings = StoreSettings(frame_rate=4.0, width=32, height=32, sample_rate=8000, jpeg_quality=90)
    rows = []
    for clip in range(CLASSES * CLIPS):
        label = clip % CLASSES
        frames = rng.integers(0, 60, (8, 32, 32, 3)) + np.array([40 * label, 20 * label, 120])
        tone = np.sin(2 * np.pi * (200 + 300 * label) * np.arange(16000) / 8000)
        audio = 8000 * tone + rng.normal(0, 800, 16000)
        images = encode_frames(frames.astype(np.uint8), settings)
        rows.append(Row(f"clip-{clip:02d}", images, audio.astype("<i2").tobytes(), 2.0))
    write_shard(data / "d/store/000.arrow", rows, settings)
    store = DatasetStore(data)
    write_labels(data / "subset.csv", store.clip_ids, pairing_labels(store))
    (data / "statistics.json").write_text(json.dumps(subset_statistics(store, store.clip_ids, FEATURES)))
    return store


def write_labels(path: Path, clip_ids, labels) -> Path:
    """Write a subset or labels for pairing: a label for each clip, or a list of neighbours."""
    rows = [
        f"{clip},{value}"
        for clip, own in zip(clip_ids, labels, strict=True)
        for value in (own if isinstance(own, list) else [own])
    ]
    column = "neighbour" if isinstance(labels[0], list) else "label"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join([f"clip_id,{column}", *rows]) + "\n")
    return path


def statistics(store: DatasetStore) -> dict:
    """Return the mel statistics of all clips."""
    return json.loads((store.data / "statistics.json").read_text())


def pairing_labels(store: Store) -> list[str]:
    return [f"class {int(name[-2:]) % CLASSES}" for name in store.clip_ids]


def arguments(store, output, method="soft-positive", settings=SETTINGS, seed=0, machine=MACHINE, **fields):
    """Return what `pretrain` takes for one seed, fields of the job among it; it can be sent to another process."""
    job = PretrainJob(
        method=PRESETS[method] if isinstance(method, str) else method,
        pretraining=settings,
        features=FEATURES,
        seeds=(seed,),
        identity=IDENTITY,
        subset=store.data / "subset.csv",
        labels=(store.data / "subset.csv",),
        statistics=store.data / "statistics.json",
        outputs=(output,),
        data=store.data,
    )
    return changed({"job": job, "machine": machine, "log": len}, **fields)


def changed(run: dict, **fields) -> dict:
    """Return what `pretrain` takes with fields of the job changed; ``output`` and ``labels``: those of one seed."""
    if "output" in fields:
        fields["outputs"] = (fields.pop("output"),)
    if isinstance(fields.get("labels"), Path):
        fields["labels"] = (fields["labels"],)
    return run | {"job": replace(run["job"], **fields)}


def weights(output: Path) -> dict[str, torch.Tensor]:
    """Return the weights of a finished run."""
    return checkpoint.load(output / "checkpoint.pt")["model"]


def trained_weights(
    store, output, method="soft-positive", settings=SETTINGS, seed=0, machine=MACHINE, log=len, **fields
) -> dict[str, torch.Tensor]:
    """Train a run to its end, and return its weights; ``fields``: others of the job."""
    pretrain(**arguments(store, output, method, settings, seed, machine, **fields) | {"log": log})
    return weights(output)


def same(a, b):
    return all(torch.equal(a[name], b[name]) for name in a) and a.keys() == b.keys()


def unfinished(output: Path) -> Path:
    """Return the checkpoint of a run under way."""
    (found,) = output.glob("unfinished/*/checkpoint.pt")
    return found


# ------------------------------------------------------------------------------------------------------- processes


def start(target, *given, **environment: object) -> multiprocessing.Process:
    """Call a function in a process of its own; ``environment``: variables that are set there."""
    process = _context.Process(target=_call, args=(target, given, environment), daemon=True)
    process.start()
    return process


def _call(target, given, environment):
    os.environ.update({name: str(value) for name, value in environment.items()})
    torch.set_num_threads(1)
    target(*given)


def status(process: multiprocessing.Process) -> int:
    """Wait for the end of a process, and return its exit status; minus the number of a signal that killed it."""
    process.join(60)
    if process.is_alive():
        process.kill()
        raise AssertionError("a process did not end")
    return process.exitcode


def start_together(count: int, target, *given) -> list[multiprocessing.Process]:
    """Call a function in several processes that meet as ``torch.distributed.run`` has them meet."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    shared = {"WORLD_SIZE": count, "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
    return [start(target, *given, RANK=rank, LOCAL_RANK=rank, **shared) for rank in range(count)]


def train(run: dict) -> None:
    """Train, in whatever process."""
    pretrain(**run)


def train_and_record(run: dict, folder: Path) -> None:
    """Train, and write what each step's batch, loss and gradient were, one file per process."""
    steps, read, contrast, update = [], loop.Batches.read, loop.contrast, loop.Adam.step

    def recorded_read(batches, step, epoch, anchors):
        batch = read(batches, step, epoch, anchors)
        steps.append({"step": step, "clips": anchors[batch.part].tolist(), "first": batch.frames[:, 0, 0, 0].tolist()})
        return batch

    def recorded_loss(*given):
        loss, accuracy = contrast(*given)
        steps[-1] |= {"loss": float(loss.detach()), "accuracy": float(accuracy)}
        return loss, accuracy

    def recorded_update(optimizer):
        gradients = [parameter.grad for parameter in optimizer.parameters]
        steps[-1]["gradient"] = float(torch.nn.utils.get_total_norm(gradients))  # Adam itself hides its scale
        update(optimizer)

    loop.Batches.read, loop.contrast, loop.Adam.step = recorded_read, recorded_loss, recorded_update
    try:
        train(run)
    finally:
        loop.Batches.read, loop.contrast, loop.Adam.step = read, contrast, update
        rank = os.environ.get("RANK", "0")
        folder.mkdir(exist_ok=True)
        (folder / f"{rank}.json").write_text(json.dumps(steps))


def at_step(number: int, act) -> None:
    """Have ``act()`` called in this process when the batch of a step is read."""
    read = loop.Batches.read

    def read_and_act(batches, step, epoch, anchors):
        if step == number:
            act()
        return read(batches, step, epoch, anchors)

    loop.Batches.read = read_and_act
