"""What is checked once, where a workflow is started: its jobs may run on machines that see other files."""

from pathlib import Path

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
