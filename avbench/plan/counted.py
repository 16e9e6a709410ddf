"""What is stored already of an experiment's datasets, as far as it says before any job what will become of them."""

import sys
from pathlib import Path

from avbench.config.capacity import Held
from avbench.config.experiment import Experiment
from avbench.core.errors import UserError
from avbench.core.files import read_json
from avbench.core.seals import again
from avbench.plan.consistency import check_sizes


def check_stored(experiment: Experiment, data: Path) -> None:
    """Check subsets, labels and neighbours against the datasets that are packed already.

    Raises:
        UserError: as `check_sizes`.
    """
    for dataset in experiment.datasets:
        path = data / dataset / "coverage.json"
        if path.exists() and (training := read_json(path).get("training")):
            check_sizes(experiment, Held(dataset, **training))


def check_counted(experiment: Experiment, data: Path) -> None:
    """Check that what was counted of each dataset is as it was counted, since everything downstream rests on it.

    Raises:
        UserError: a file was damaged or edited.
    """
    for path in (data / name / file for name in experiment.datasets for file in ("coverage.json", "stored.json")):
        if path.exists() and not isinstance(read_json(path), dict):
            raise UserError(f"{path} does not say what is stored. {again(path)}")


def warn_of_stored(experiment: Experiment, data: Path) -> None:
    """Say on stderr what `check_stored` finds, which is no reason to stop: this very run may bring more clips."""
    try:
        check_stored(experiment, data)
    except UserError as error:
        print(f"Warning: {error} Unless this run adds clips, it will stop at that.", file=sys.stderr)


def enough_stored(experiment: Experiment, data: Path, dataset: str) -> bool:
    """Return whether of each split of a dataset, where it is packed, as much is stored as the experiment asks for."""
    path = data / dataset / "coverage.json"
    if not path.exists():
        return True
    least = experiment.datasets[dataset]["min_coverage"]
    return all(split["stored"] / split["listed"] >= least for split in read_json(path).get("splits", {}).values())
