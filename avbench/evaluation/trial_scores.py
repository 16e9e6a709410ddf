"""Trials, scored on validation clips alone, and the choice among them. Test clips are neither read nor embedded."""

import math

import numpy as np
import torch

from avbench.config.evaluation import LinearSettings
from avbench.config.tuning import Point, best
from avbench.core.errors import UserError
from avbench.core.files import read_csv, read_json, write_json
from avbench.data.store import open_store
from avbench.evaluation.embedding import encode, load_for_task
from avbench.evaluation.linear_probe import linear_probe
from avbench.evaluation.scoring_jobs import TuneJob
from avbench.evaluation.tasks import task_clips
from avbench.training import checkpoint
from avbench.training.allocator import keep_freed_memory
from avbench.training.devices import pick


def tune(job: TuneJob, device_name: str = "auto") -> None:
    """Write what each trial reached, ``trials``, and the setting that is chosen by it, ``choice``.

    ``trials`` is a list in the order of the points: learning_rate, temperature, validation_accuracy (a share, the mean
    over the task's modalities; null for a trial whose loss was no longer finite) and chosen. ``choice`` holds the
    learning_rate and the temperature of the highest accuracy, of equals the first.

    Args:
        job: which trials, and by which task's clips.
        device_name: where to compute, see :func:`avbench.training.devices.pick`.

    Raises:
        UserError: a file is missing or damaged, the task's clips do not fit together, or every trial has failed.
    """
    keep_freed_memory()
    torch.set_num_threads(job.cpu_threads)
    grid = [Point(*point) for point in job.points]
    runs = dict(zip(grid, job.checkpoints, strict=True))
    ended = [point for point in grid if "diverged_at_step" not in read_json(runs[point].with_name("run.json"))]
    accuracies = dict.fromkeys(grid, math.nan)
    if ended:
        found = validation_accuracies(job, [checkpoint.load(runs[point]) for point in ended], device_name)
        accuracies |= dict(zip(ended, found, strict=True))
    chosen = best(accuracies, grid)
    if chosen is None:
        raise UserError(
            f"{job.choice}: none of {len(grid)} trials ended with a finite loss. Give a lower tuning.learning_rate."
        )
    described = []
    for point, accuracy in accuracies.items():
        reached = None if math.isnan(accuracy) else accuracy
        described.append({**point._asdict(), "validation_accuracy": reached, "chosen": point == chosen})
        told = "failed" if reached is None else f"validation {reached:.4f}"
        print(f"learning rate {point.learning_rate:g}, temperature {point.temperature:g}: {told}")
    write_json(job.trials, described)
    write_json(job.choice, chosen._asdict(), sealed=True)


@torch.inference_mode()
def validation_accuracies(job: TuneJob, states: list[dict], device_name: str) -> list[float]:
    """Return the accuracy on validation clips of linear probes on each checkpoint's features, the mean over modalities.

    Args:
        job: the task, and the probe's settings.
        states: what `avbench.pretraining.run.write_checkpoint` wrote, of each trial.
        device_name: as of :func:`tune`.
    """
    task, device = job.task, pick(device_name)
    clips = task_clips(task, job.data, read_csv(job.subset, ("clip_id", "label")), job.switches)
    clips = clips[clips["split"] != "test"]
    labels, split = clips["label"].to_numpy(dtype=str), clips["split"].to_numpy(dtype=str)
    store = open_store(job.data, task.dataset)
    training = list(clips["clip_id"][clips["split"] == "train"])
    embedders = [embedder.to(device) for embedder in load_for_task(states, task, job.switches, store, training)]
    reached = []
    for modality in task.encoders:
        encoded = encode(embedders, store, list(clips["clip_id"]), modality, device)
        reached.append([validation_accuracy(features, labels, split, job.probe) for features in encoded])
    # Means that are equal must not differ in their last digit: the first of them is chosen.
    return [round(float(mean), 12) for mean in np.mean(reached, axis=0)]


def validation_accuracy(features: np.ndarray, labels: np.ndarray, split: np.ndarray, probe: LinearSettings) -> float:
    """Return the accuracy of a linear probe on the clips by which its strength is chosen.

    Args:
        features: float32 (n, width).
        labels: text (n,).
        split: text (n,), ``train`` or ``validation``.
        probe: its strengths and iterations.
    """
    # A probe wants clips to be asked about: the same ones.
    again = np.concatenate([np.arange(len(split)), np.flatnonzero(split == "validation")])
    asked = np.concatenate([split, np.full(len(again) - len(split), "test")])
    return linear_probe(features[again], labels[again], asked, probe).validation_accuracy
