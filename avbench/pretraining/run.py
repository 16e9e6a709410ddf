"""Pretraining by audio-visual correspondence: one method, one subset, one seed.

Reads top to bottom: settings, set-up, the training loop, the outcome. Nothing is drawn from a stateful generator, so
a run that was interrupted goes on from its last checkpoint and ends, on a CPU, in the same bytes as an undisturbed one.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch

from avbench.config.features import FeatureSettings
from avbench.config.pretraining import MachineSettings, PretrainSettings
from avbench.core.files import read_csv, read_json, write_json, write_text
from avbench.data.store import open_store
from avbench.features.windows import Clips
from avbench.methods.pairing_labels import numbered, read_pairing
from avbench.models.embedder import Embedder
from avbench.pretraining.dynamics_recorder import DynamicsRecorder
from avbench.pretraining.loop import TrainingState, train
from avbench.pretraining.pretrain_job import PretrainJob, UntrainedJob
from avbench.pretraining.window_batches import Batches
from avbench.provenance.record import digests, stamp
from avbench.training import checkpoint
from avbench.training.allocator import keep_freed_memory
from avbench.training.devices import pick
from avbench.training.distributed import World, join
from avbench.training.resume import UnfinishedRun
from avbench.training.signals import stop_requests


def pretrain(
    job: PretrainJob, machine: MachineSettings = MachineSettings(), log: Callable[[str], None] = print
) -> None:
    """Train one run and write ``checkpoint.pt``, ``metrics.jsonl``, ``timings.jsonl`` and ``run.json``.

    With dynamics clips there is also ``dynamics.npz``, see `avbench.pretraining.dynamics_recorder`; training itself is
    the same.

    Started by ``python -m torch.distributed.run``, the processes share every batch; the first of them writes.

    Args:
        job: what to train, on what, and where to.
        machine: where and how fast to train.
        log: receives one line at a time.

    Raises:
        UserError: a file is missing or does not fit, the loss is no longer finite, the subset cannot serve the method,
            the device is missing or out of memory, or the disk is full.
        Stopped: SIGTERM or SIGUSR1 came; the run is saved, and the same call goes on with it.
    """
    # ------------------------------------------------------------------------------------------------------- machine
    keep_freed_memory()
    settings = job.pretraining
    torch.set_num_threads(settings.cpu_threads)
    device = pick(machine.device)
    if device.type == "cuda":  # PyTorch's own default differs between convolutions and matrix products
        torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = settings.tf32

    # ---------------------------------------------------------------------------------------------------------- data
    store = open_store(job.data, job.identity["dataset"])
    # The true labels stay in the file: a method sees those it is given, or none.
    clip_ids = read_csv(job.subset, ("clip_id",))["clip_id"]
    pairing_labels = read_pairing(job.labels, clip_ids) if job.labels else [""] * len(clip_ids)
    pairing_codes = numbered(clip_ids, pairing_labels, job.method)
    statistics = read_json(job.statistics)
    dynamics_ids = read_csv(job.dynamics_clips, ("clip_id",))["clip_id"] if job.dynamics_clips else []

    # All that decides the outcome, so that a checkpoint of other settings shows. The keys are part of the hashes.
    fingerprint_inputs = {
        **job.identity,
        "seed": job.seed,
        "method": asdict(job.method),
        "pretraining": asdict(settings),
        "features": asdict(job.features),
        "clips": len(clip_ids),
        "input": checkpoint.fingerprint({"ids": clip_ids, "known": pairing_codes.tolist(), **statistics}),
    }
    if dynamics_ids:
        fingerprint_inputs["dynamics_clips"] = checkpoint.fingerprint({"ids": dynamics_ids})

    # ------------------------------------------------------------------------------------------------------- the run
    with stop_requests() as requests, join(device) as world:
        log = log if world.leads else (lambda line: None)
        clips = Clips(store, clip_ids, job.features, machine.cache_mb)
        batches = Batches(clips, pairing_codes, job.method, settings, job.seed, world)
        log(summary(batches, pairing_codes, device, world))
        # Outside the declared outputs, which the workflow deletes before it starts a job.
        file = job.output / "unfinished" / checkpoint.fingerprint(fingerprint_inputs) / "checkpoint.pt"
        unfinished = UnfinishedRun(file, machine.checkpoint_every_s, batches.steps, requests, log, fingerprint_inputs)
        dynamics = None
        if dynamics_ids and world.leads:
            dynamics = DynamicsRecorder(store, dynamics_ids, job.features, batches, file.parent)
        if world.leads:
            unfinished.report_others()
        embedder = Embedder(settings, job.features, statistics, job.seed)
        state, speed = train(embedder, batches, machine, device, unfinished, job.output, dynamics)
        if world.leads:
            write_checkpoint(job.output / "checkpoint.pt", embedder.eval(), fingerprint_inputs, statistics)
            if dynamics:
                dynamics.write(job.output / "dynamics.npz")
            write_outcome(job, batches, state, fingerprint_inputs, machine, speed)
            unfinished.remove()


def summary(batches: Batches, pairing_codes: np.ndarray, device: torch.device, world: World) -> str:
    """Return the first line of a run's log: what it is trained on, for how long, and where."""
    pairing = {
        "none": "",
        "classes": f" of {pairing_codes.max() + 1} pairing labels",
        "neighbours": f" with {pairing_codes.shape[-1]} neighbours each",
    }[batches.method.needs]
    return (
        f"{batches.method.name}: {len(pairing_codes)} clips{pairing}, {batches.steps_per_epoch} batches an epoch, "
        f"{batches.epochs} epochs, on {device}" + (f" and {world.size - 1} more" if world.size > 1 else "")
    )


def write_checkpoint(
    path: Path, embedder: Embedder, settings: Mapping[str, Any], statistics: Mapping[str, Any]
) -> None:
    """Write what `load_embedder` reads."""
    state = {"model": embedder.model.state_dict(), "settings": dict(settings), "statistics": dict(statistics)}
    checkpoint.save(path, state)


def write_outcome(
    job: PretrainJob,
    batches: Batches,
    state: TrainingState,
    fingerprint_inputs: Mapping[str, Any],
    machine: MachineSettings,
    speed: Mapping[str, Any],
) -> None:
    """Write ``metrics.jsonl``, ``timings.jsonl`` and ``run.json`` of a finished run."""
    for name, lines in (("metrics", state.history), ("timings", state.timings)):
        write_text(job.output / f"{name}.jsonl", "".join(json.dumps(line) + "\n" for line in lines))
    history = state.history
    last = history[-1] if history else {"loss": None, "batch_accuracy": None}
    outcome = {
        **{key: fingerprint_inputs[key] for key in ("dataset", "subset", "labels", "budget", "seed")},
        "method": batches.method.name,
        "steps": batches.steps,
        "epochs": batches.epochs,
        "batch_size": max(map(len, batches.epoch(0))),
        "final_loss": last["loss"],
        "final_batch_accuracy": last["batch_accuracy"],
    }
    outputs = digests([job.output / "checkpoint.pt"])
    described = {"settings": fingerprint_inputs, "machine": asdict(machine), "speed": speed}
    provenance = {"provenance": stamp(job.inputs)}
    write_json(job.output / "run.json", outcome | {"outputs": outputs} | described | provenance)


def untrained(job: UntrainedJob) -> None:
    """Write the checkpoint of a model with its initial weights for each seed: a run's before its first step.

    Raises:
        UserError: the statistics are missing, or the disk is full.
    """
    statistics = read_json(job.statistics)
    for seed, output in zip(job.seeds, job.outputs, strict=True):
        write_untrained(job.pretraining, job.features, statistics, seed, output)


def write_untrained(
    settings: PretrainSettings, features: FeatureSettings, statistics: Mapping[str, Any], seed: int, output: Path
) -> None:
    """Write one checkpoint of `untrained`."""
    described = {"pretraining": asdict(settings), "features": asdict(features), "seed": seed}
    write_checkpoint(output, Embedder(settings, features, statistics, seed), described, statistics)
