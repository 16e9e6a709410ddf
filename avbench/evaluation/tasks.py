"""Downstream tasks: which clips train, validate and test, under which true labels, and what is seen of them."""

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from avbench.config.paper_switches import PRESETS, PaperSwitches
from avbench.config.tasks import TaskSettings
from avbench.core.errors import UserError
from avbench.core.hashing import keyed_ranks

if TYPE_CHECKING:
    import pandas as pd

    from avbench.config.features import FeatureSettings


VALIDATION_SHARE = 0.2  # of the pretraining subset, where its clips also validate: as the paper splits it


def own_bands(task: TaskSettings, switches: PaperSwitches) -> int | None:
    """Return the mel bands that a task is evaluated with, or None for pretraining's."""
    return task.published_mel_bands if switches.task_mel_bands else None


def task_features(task: TaskSettings, features: "FeatureSettings", switches: PaperSwitches) -> "FeatureSettings":
    """Return the windows and mel bands of a task: pretraining's, where the task or the switches name no others.

    Only the sound's window changes its length; the picture's stays.
    """
    bands = own_bands(task, switches) or features.n_mels
    return dataclasses.replace(features, audio_s=task.window_s or features.audio_s, n_mels=bands)


def task_clips(
    task: TaskSettings,
    data: Path,
    subset: Mapping[str, Sequence[str]] | None,
    switches: PaperSwitches = PRESETS["corrected"],
) -> "pd.DataFrame":
    """Return the stored clips of a task with columns clip_id, label, split, sorted by split and clip id.

    Args:
        task: which task.
        data: the folder that holds the datasets.
        subset: columns clip_id and label (true) of the pretraining subset, for tasks that train on it.
        switches: with ``probe_on_pretraining_clips``, a fifth of the subset validates instead of training; which
            clips, a keyed hash says, whatever the method and the seed.

    Raises:
        UserError: as of :func:`require_clips`.
    """
    import pandas as pd  # here, since training imports this module too and does without pandas

    from avbench.data import ledger

    accounted = ledger.read(data / task.dataset / "ledger.parquet")
    training = ledger.stored(accounted, "train")
    if task.train == "subset":
        if subset is None:
            raise UserError(f"task {task.name}: train is 'subset', and no pretraining subset is given.")
        training = pd.DataFrame({name: list(subset[name]) for name in ("clip_id", "label")})
    validation = ledger.stored(accounted, "validation")
    if task.train == "subset" and switches.probe_on_pretraining_clips:
        order = keyed_ranks(0, "validation", training["clip_id"]).argsort(kind="stable")
        held_out = round(VALIDATION_SHARE * len(training))
        training, validation = training.iloc[order[held_out:]], training.iloc[order[:held_out]]
    parts = {
        "train": training,
        "validation": validation,
        "test": ledger.stored(accounted, "test"),
    }
    require_clips(task, parts)
    clips = pd.concat([part.assign(split=split) for split, part in parts.items()], ignore_index=True)
    return clips.sort_values(["split", "clip_id"], ignore_index=True)


def require_clips(task: TaskSettings, parts: "Mapping[str, pd.DataFrame]") -> None:
    """Check the clips of a task: its splits, each with columns clip_id and label.

    Raises:
        UserError: a split is empty, training has a single class, or another split a label that training lacks.
    """
    from avbench.data.label_sets import every_label

    labels = {split: every_label(of["label"]) if task.multi_label else of["label"] for split, of in parts.items()}
    known = set(labels["train"])
    for split, part in parts.items():
        if part.empty:
            raise UserError(
                f"task {task.name}: dataset {task.dataset} has no stored {split} clips. Its ledger says what became of "
                f"those that are listed; where none is, list some as {split}, or raise options.{split}_share."
            )
        if unseen := sorted(set(labels[split]) - known):
            shown = ", ".join(map(repr, unseen[:5])) + (", …" if len(unseen) > 5 else "")
            of = "of the pretraining subset" if task.train == "subset" else f"of {task.dataset}"
            raise UserError(
                f"task {task.name}: {len(unseen)} classes of the {split} clips of {task.dataset} have no training clip "
                f"{of}: {shown}. Bring training clips of every class, or take these classes off the dataset's list."
            )
    if len(known) < 2:
        raise UserError(
            f"task {task.name}: all training clips of {task.dataset} are of one class, {min(known)!r}; there is "
            "nothing to tell apart. Add clips of other classes, or leave the task out."
        )
