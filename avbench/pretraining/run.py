"""Pretraining by audio-visual correspondence: one method, one subset, one seed.

Reads top to bottom: settings, set-up, the training loop, the outcome. Nothing is drawn from a stateful generator, so
a run that was interrupted goes on from its last checkpoint and ends, on a CPU, in the same bytes as an undisturbed one.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch

from avbench.config.features import FeatureSettings
from avbench.config.methods import Method
from avbench.config.pretraining import MachineSettings, PretrainSettings
from avbench.core.files import write_json, write_text
from avbench.data.store import Store
from avbench.features.windows import Clips
from avbench.methods.pairing_labels import numbered
from avbench.models.embedder import Task
from avbench.pretraining.dynamics_recorder import Following
from avbench.pretraining.loop import TrainingState, train
from avbench.pretraining.window_batches import Batches
from avbench.provenance.record import digests, stamp
from avbench.training import checkpoint
from avbench.training.allocator import keep_freed_memory
from avbench.training.convergence import still_improving
from avbench.training.devices import pick
from avbench.training.distributed import join
from avbench.training.resume import UnfinishedRun
from avbench.training.signals import stop_requests


def pretrain(
    store: Store,
    clip_ids: Sequence[str],
    pairing_labels: Sequence[str] | Sequence[Sequence[str]],
    statistics: Mapping[str, Any],
    method: Method,
    settings: PretrainSettings,
    features: FeatureSettings,
    seed: int,
    output: Path,
    identity: Mapping[str, str],
    machine: MachineSettings = MachineSettings(),
    inputs: Sequence[Path] = (),
    log: Callable[[str], None] = print,
    follow: Sequence[str] = (),
) -> None:
    """Train one run and write ``checkpoint.pt``, ``metrics.jsonl``, ``timings.jsonl`` and ``run.json`` into ``output``.

    With clips to follow there is also ``dynamics.npz``, see `avbench.pretraining.dynamics_recorder`; training itself is
    the same.

    Started by ``python -m torch.distributed.run``, the processes share every batch; the first of them writes.

    Args:
        store: where the clips are.
        clip_ids: the pretraining subset.
        pairing_labels: a label, or k neighbours, for each of them, as the method may see it (see `read_pairing`);
            ignored by methods without labels.
        statistics: ``mean`` and ``std`` of each mel band over the subset, lists of floats.
        method: how pairs are drawn.
        settings, features: how to train, and on what windows.
        seed: of everything: initial weights, batches, windows, flips, positives.
        output: the run's folder.
        identity: dataset, subset and labels of the run, kept with its outcome.
        machine: where and how fast to train.
        inputs: files whose digests go into the provenance stamp.
        log: receives one line at a time.
        follow: clips of the same store to embed while the run goes on.

    Raises:
        UserError: the loss is no longer finite, the subset cannot serve the method, the device is missing or out of
            memory, or the disk is full.
        Stopped: SIGTERM or SIGUSR1 came; the run is saved, and the same call goes on with it.
    """
    keep_freed_memory()
    torch.set_num_threads(settings.cpu_threads)
    device = pick(machine.device)
    if device.type == "cuda":  # PyTorch's own default differs between convolutions and matrix products
        torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = settings.tf32
    known = numbered(clip_ids, pairing_labels, method)
    # Everything that decides the outcome, so that a checkpoint of other settings shows.
    everything = {
        **identity,
        "seed": seed,
        "method": asdict(method),
        "pretraining": asdict(settings),
        "features": asdict(features),
        "clips": len(clip_ids),
        "input": checkpoint.fingerprint({"ids": list(clip_ids), "known": known.tolist(), **statistics}),
    }
    if follow:
        everything["follow"] = checkpoint.fingerprint({"ids": list(follow)})
    clips = Clips(store, clip_ids, features, machine.cache_mb)
    with stop_requests() as requests, join(device) as world:
        log = log if world.leads else (lambda line: None)
        schedule = Batches(clips, known, method, settings, seed, world)
        told = {
            "none": "",
            "classes": f" of {known.max() + 1} pairing labels",
            "neighbours": f" with {known.shape[-1]} neighbours each",
        }
        log(
            f"{method.name}: {len(clip_ids)} clips{told[method.needs]}, {schedule.steps_per_epoch} batches an epoch, "
            f"{settings.epochs} epochs, on {device}" + (f" and {world.size - 1} more" if world.size > 1 else "")
        )
        # Outside the declared outputs, which the workflow deletes before it starts a job.
        file = output / "unfinished" / checkpoint.fingerprint(everything) / "checkpoint.pt"
        unfinished = UnfinishedRun(file, machine.checkpoint_every_s, schedule.steps, requests, log, everything)
        following = None
        if follow and world.leads:
            following = Following(store, follow, features, settings.epochs, schedule.steps_per_epoch, file.parent)
        if world.leads:
            unfinished.report_others()
        task = Task(settings, features, statistics, seed)
        reached, speed = train(task, schedule, machine, device, unfinished, output, following)
        if world.leads:
            state = {"model": task.eval().model.state_dict(), "settings": everything, "statistics": dict(statistics)}
            checkpoint.save(output / "checkpoint.pt", state)
            if following:
                following.write(output / "dynamics.npz")
            write_outcome(output, schedule, reached, everything, machine, speed, inputs)
            unfinished.remove()


def write_outcome(
    output: Path,
    schedule: Batches,
    reached: TrainingState,
    everything: Mapping[str, Any],
    machine: MachineSettings,
    speed: Mapping[str, Any],
    inputs: Sequence[Path],
) -> None:
    """Write ``metrics.jsonl``, ``timings.jsonl`` and ``run.json`` of a finished run."""
    for name, lines in (("metrics", reached.history), ("timings", reached.timings)):
        write_text(output / f"{name}.jsonl", "".join(json.dumps(line) + "\n" for line in lines))
    history = reached.history
    last = history[-1] if history else {"loss": None, "batch_accuracy": None}
    outcome = {
        **{key: everything[key] for key in ("dataset", "subset", "labels", "seed")},
        "method": schedule.method.name,
        "steps": schedule.steps,
        "epochs": schedule.settings.epochs,
        "batch_size": max(map(len, schedule.epoch(0))),
        "final_loss": last["loss"],
        "final_batch_accuracy": last["batch_accuracy"],
        "still_improving": bool(still_improving(np.array([line["loss"] for line in history]))) if history else False,
    }
    described = {"settings": everything, "machine": asdict(machine), "speed": speed, "provenance": stamp(inputs)}
    made = {"outputs": digests([output / "checkpoint.pt"])}
    write_json(output / "run.json", outcome | made | described)


def write_untrained(
    settings: PretrainSettings,
    features: FeatureSettings,
    statistics: Mapping[str, Any],
    seed: int,
    output: Path,
) -> None:
    """Write the checkpoint of a model with its initial weights: the same as a run's before its first step."""
    described = {"pretraining": asdict(settings), "features": asdict(features), "seed": seed}
    task = Task(settings, features, statistics, seed)
    checkpoint.save(output, {"model": task.model.state_dict(), "settings": described, "statistics": dict(statistics)})
