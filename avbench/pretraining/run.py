"""Pretraining by audio-visual correspondence: one method, one subset, a run per seed.

Reads top to bottom: settings, set-up, the training loop, the outcome. Nothing is drawn from a stateful generator, so
a run that was interrupted goes on from its last checkpoint and ends, on a CPU, in the same bytes as an undisturbed one.
"""

import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from avbench.config.features import FeatureSettings
from avbench.config.methods import Method
from avbench.config.pretraining import MachineSettings, PretrainSettings
from avbench.core.errors import UserError
from avbench.core.files import atomic, read_csv, read_json, write_json, write_text
from avbench.core.hashing import file_digest
from avbench.data.store import open_store
from avbench.features.given_features import given_features
from avbench.features.mismatched_clips import draw_of, mismatched
from avbench.features.windows import Clips
from avbench.methods.pairing_labels import numbered, read_pairing
from avbench.models.embedder import Embedder
from avbench.pretraining.dynamics_recorder import DynamicsRecorder
from avbench.pretraining.loop import DivergedError, TrainingState, train
from avbench.pretraining.pretrain_job import PretrainJob, SeedRun, UntrainedJob
from avbench.pretraining.trial_runs import same_trial, take_over, with_choice
from avbench.pretraining.window_batches import Batches
from avbench.provenance.record import begin, digests, recorded_name, stamp
from avbench.training import checkpoint
from avbench.training.allocator import keep_freed_memory
from avbench.training.devices import pick
from avbench.training.distributed import World, join
from avbench.training.resume import UnfinishedRun
from avbench.training.signals import stop_requests


def pretrain(
    job: PretrainJob, machine: MachineSettings = MachineSettings(), log: Callable[[str], None] = print
) -> None:
    """Train a run per seed and write ``checkpoint.pt``, ``metrics.jsonl``, ``timings.jsonl`` and ``run.json`` of each.

    With dynamics clips there is also ``dynamics.npz``, see `avbench.pretraining.dynamics_recorder`; training itself is
    the same.

    Runs follow one another and share the decoded clips, which changes no byte of them. Nothing is written to their
    folders before the last has ended: the workflow deletes what a job that was interrupted has written. Until then a
    finished run waits in its ``unfinished`` folder, where the same call finds it.

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
    job = with_choice(job)
    keep_freed_memory()
    torch.set_num_threads(job.pretraining.cpu_threads)
    device = pick(machine.device)
    if device.type == "cuda":  # PyTorch's own default differs between convolutions and matrix products
        torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = job.pretraining.tf32

    # ---------------------------------------------------------------------------------------------------------- data
    store = open_store(job.data, job.identity["dataset"])
    # The true labels stay in the file: a method sees those it is given, or none.
    clip_ids = read_csv(job.subset, ("clip_id",))["clip_id"]
    statistics = read_json(job.statistics)
    dynamics_ids = read_csv(job.dynamics_clips, ("clip_id",))["clip_id"] if job.dynamics_clips else []

    # ------------------------------------------------------------------------------------------------------ the runs
    with stop_requests() as requests, join(device) as world:
        log = log if world.leads else (lambda line: None)
        given = given_features(job.pretraining.networks, store.dataset)
        clips = Clips(store, clip_ids, job.features, machine.cache_mb, given=given)
        session = Session(job, clips, clip_ids, statistics, dynamics_ids, machine, device, world, requests, log)
        finished = []
        for place, run in enumerate(job.runs):
            if place:
                begin(further=True)
            finished.append((run, train_run(session, run)))
        world.any(False, device)  # wait: a process that is behind has yet to see what was finished before
        if world.leads:
            for run, unfinished in finished:
                publish(unfinished.outcome, run.output)
            for _, unfinished in finished:  # only now: a job that starts again finds no file of its own
                unfinished.remove()


@dataclass(frozen=True)
class Session:
    """What the runs of a job share."""

    job: PretrainJob
    clips: Clips
    clip_ids: Sequence[str]
    statistics: Mapping[str, Any]
    dynamics_ids: Sequence[str]
    machine: MachineSettings
    device: torch.device
    world: World
    requests: Sequence[str]
    log: Callable[[str], None]


def train_run(session: Session, run: SeedRun) -> UnfinishedRun:
    """Train the run of a seed, unless it has been; return where its outcome waits for those of the others."""
    job, world, machine, log = session.job, session.world, session.machine, session.log
    pairing_labels = read_pairing(run.labels, session.clip_ids) if run.labels else [""] * len(session.clip_ids)
    pairing_codes = numbered(session.clip_ids, pairing_labels, job.method)
    fingerprint_inputs = decided_by(session, run, pairing_codes)
    clips = mismatched(session.clips, session.clip_ids, job.mismatch, run.seed) if job.mismatch else session.clips
    batches = Batches(clips, pairing_codes, job.method, job.pretraining, run.seed, world)
    log(summary(batches, pairing_codes, session.device, world))
    # Outside the declared outputs, which the workflow deletes before it starts a job.
    file = run.output / "unfinished" / checkpoint.fingerprint(fingerprint_inputs) / "checkpoint.pt"
    unfinished = UnfinishedRun(
        file, machine.checkpoint_every_s, batches.steps, session.requests, log, fingerprint_inputs
    )
    if (unfinished.outcome / "run.json").exists():
        log(f"seed {run.seed} was finished before")
        return unfinished
    if trial := same_trial(job.trials, fingerprint_inputs):
        log(f"seed {run.seed} was trained as a trial, {trial}")
        if world.leads:
            take_over(trial, unfinished.outcome, run.output, job.inputs(run))
        return unfinished
    dynamics = None
    if session.dynamics_ids and world.leads:
        dynamics = DynamicsRecorder(session.clips.store, session.dynamics_ids, job.features, batches, file.parent)
    if world.leads:
        unfinished.report_others()
    embedder = Embedder(job.pretraining, job.features, session.statistics, run.seed)
    described: dict[str, Any] = {"settings": fingerprint_inputs, "machine": asdict(machine)}
    try:
        state, described["speed"] = train(embedder, batches, machine, session.device, unfinished, run.output, dynamics)
    except DivergedError as error:
        if not job.trial:
            raise
        log(str(error))
        state, described["speed"], described["diverged_at_step"] = TrainingState(), {}, error.step
    if world.leads:
        write_checkpoint(unfinished.outcome / "checkpoint.pt", embedder.eval(), fingerprint_inputs, session.statistics)
        if dynamics and "diverged_at_step" not in described:
            dynamics.write(unfinished.outcome / "dynamics.npz")
        write_outcome(unfinished.outcome, run.output, batches, state, described, job.inputs(run))
    return unfinished


def decided_by(session: Session, run: SeedRun, pairing_codes: np.ndarray) -> dict[str, Any]:
    """Return all that decides the outcome, so that a checkpoint of other settings shows. The keys are hashed too."""
    job, clip_ids = session.job, session.clip_ids
    given = {
        **job.identity,
        "seed": run.seed,
        "method": job.method.recorded() | files_read(job.method),
        "pretraining": job.pretraining.recorded(),
        "features": asdict(job.features),
        "clips": len(clip_ids),
        "input": checkpoint.fingerprint({"ids": clip_ids, "known": pairing_codes.tolist(), **session.statistics}),
    }
    if job.encoder_files:
        if missing := [str(path) for path in job.encoder_files if not path.is_file()]:
            raise UserError(f"pretraining.model: the file {missing[0]} does not exist.")
        given["encoder_files"] = digests(job.encoder_files)
    if job.mismatch:
        given["mismatch"] = asdict(replace(job.mismatch, seed=draw_of(job.mismatch, run.seed)))
    if session.dynamics_ids:
        given["dynamics_clips"] = checkpoint.fingerprint({"ids": session.dynamics_ids})
    return given


def files_read(method: Method) -> dict[str, Any]:
    """Return what decides about the files that declare a method's choices: their bytes, wherever they lie."""
    return {"plugins": [digest for _, digest in method.plugins]} if method.plugins else {}


def publish(outcome: Path, output: Path) -> None:
    """Copy what a finished run has made to its folder, each file whole or not at all, ``run.json`` last.

    Raises:
        UserError: the disk is full, or the folder cannot be written to.
    """
    for path in sorted(outcome.iterdir(), key=lambda path: (path.name == "run.json", path.name)):
        with atomic(output / path.name) as part:
            shutil.copyfile(path, part)


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
    folder: Path,
    output: Path,
    batches: Batches,
    state: TrainingState,
    described: Mapping[str, Any],
    inputs: Sequence[Path],
) -> None:
    """Write ``metrics.jsonl``, ``timings.jsonl`` and ``run.json`` of a finished run.

    Args:
        folder: where they are written to, and the checkpoint lies.
        output: where they will lie in the end.
        batches, state: of the run.
        described: settings, machine and speed.
        inputs: the files that decided the outcome.
    """
    for name, lines in (("metrics", state.history), ("timings", state.timings)):
        write_text(folder / f"{name}.jsonl", "".join(json.dumps(line) + "\n" for line in lines))
    history, settings = state.history, described["settings"]
    last = history[-1] if history else {"loss": None, "batch_accuracy": None}
    outcome = {
        **{key: settings[key] for key in ("dataset", "subset", "labels", "budget", "seed")},
        "method": batches.method.name,
        "steps": batches.steps,
        "epochs": batches.epochs,
        "batch_size": max(map(len, batches.epoch(0))),
        "final_loss": last["loss"],
        "final_batch_accuracy": last["batch_accuracy"],
    }
    outputs = {recorded_name(output / "checkpoint.pt"): file_digest(folder / "checkpoint.pt")}
    write_json(folder / "run.json", outcome | {"outputs": outputs} | dict(described) | {"provenance": stamp(inputs)})


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
    described = {"pretraining": settings.recorded(), "features": asdict(features), "seed": seed}
    write_checkpoint(output, Embedder(settings, features, statistics, seed), described, statistics)
