"""What runs owe to trials: the setting that was chosen, and at times the whole run, trained already as one of them."""

import json
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from avbench.config.tuning import KEYS
from avbench.core.errors import UserError
from avbench.core.files import atomic, read_json, write_json
from avbench.core.hashing import file_digest
from avbench.pretraining.pretrain_job import PretrainJob
from avbench.provenance.record import recorded_name, stamp


def with_choice(job: PretrainJob) -> PretrainJob:
    """Return a job whose learning rate and temperature are those that were chosen, if a file says so.

    Raises:
        UserError: the file is missing, or holds something else.
    """
    if job.chosen is None:
        return job
    chosen = read_json(job.chosen)
    if not isinstance(chosen, dict) or set(chosen) != set(KEYS):
        raise UserError(f"{job.chosen} does not give {' and '.join(KEYS)}. Delete it to have it made again.")
    return replace(job, pretraining=replace(job.pretraining, **chosen))


def same_trial(checkpoints: Iterable[Path], settings: Mapping[str, Any]) -> Path | None:
    """Return the folder of the finished trial that all is equal of that decides a run; None if there is none.

    Args:
        checkpoints: of finished trials, each with its ``run.json`` beside it.
        settings: of the run, as its record will have them.
    """
    recorded = json.loads(json.dumps(settings))  # as a file holds them, with lists for tuples
    for checkpoint in checkpoints:
        trial = read_json(checkpoint.with_name("run.json"))
        if trial["settings"] == recorded and "diverged_at_step" not in trial:
            return checkpoint.parent
    return None


def take_over(trial: Path, folder: Path, output: Path, inputs: Iterable[Path]) -> None:
    """Copy what a trial has made; ``run.json`` says in ``trained_as`` where it was trained, and how long that took.

    A copy and not a link: the workflow compares the times of files, and a link has its trial's.

    Args:
        trial: its folder.
        folder: where to.
        output: where the files will lie in the end.
        inputs: the files that decided the run.
    """
    for path in sorted(trial.iterdir()):
        if path.is_file() and path.name != "run.json":
            with atomic(folder / path.name) as part:
                shutil.copyfile(path, part)
    outputs = {recorded_name(output / "checkpoint.pt"): file_digest(folder / "checkpoint.pt")}
    told = {"outputs": outputs, "trained_as": recorded_name(trial), "provenance": stamp(inputs)}
    write_json(folder / "run.json", read_json(trial / "run.json") | told)
