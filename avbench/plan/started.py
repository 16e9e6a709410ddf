"""What is checked once, where a workflow is started: its jobs may run on machines that see other files."""

import sys
from collections.abc import Sequence
from pathlib import Path

from avbench.config.evaluation import PROTOCOLS
from avbench.config.experiment import Experiment
from avbench.plan.consistency import check_claims
from avbench.plan.counted import check_counted
from avbench.plan.jobs import Plan
from avbench.plan.places import check_places
from avbench.plan.repeated import warn_of_dynamics


def check_started(experiment: Plan, data: Path) -> None:
    """Check the files that an experiment names, and those that are there of its datasets; say what is trained again.

    Raises:
        UserError: of the first that is missing, damaged, or about what the experiment does not have.
    """
    check_places(experiment)
    check_claims(experiment)
    check_counted(experiment, data)
    warn_of_dynamics(experiment)
    tell_of_sets(experiment)


def tell_of_sets(experiment: Experiment) -> None:
    """Say on stderr what does not apply to tasks whose clips have several labels, where there are any."""
    several = [name for name in experiment.tasks if name not in experiment.classified()]
    if not several:
        return
    asked = [name for name, protocol in PROTOCOLS.items() if protocol.display and name in experiment.evaluation]
    left_out = [name for name in asked if not PROTOCOLS[name].sets]
    print(
        f"Note: clips of {', '.join(several)} have several labels. They are scored by mean average precision and macro "
        f"AUC, not by accuracy{_and_not(left_out)}; figures and measures of single classes leave them out.",
        file=sys.stderr,
    )


def _and_not(protocols: Sequence[str]) -> str:
    return f", and {' and '.join(protocols)} do{'es' * (len(protocols) == 1)} not score them" if protocols else ""
