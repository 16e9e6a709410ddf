"""What a changed configuration trains again though its outcome will be the same: said before it does."""

import sys
from pathlib import Path

from avbench.plan import paths
from avbench.plan.jobs import Plan


def warn_of_dynamics(plan: Plan) -> None:
    """Say on stderr which finished runs are trained again because they were not followed along training."""
    if "dynamics" not in plan.evaluation:
        return
    folders = [Path(path) for run in plan.pretrained() for path in plan.seed_paths(paths.SEED_RUN, run)]
    checkpoint, dynamics = (Path(path).name for path in (paths.CHECKPOINT, paths.DYNAMICS))
    again = [folder for folder in folders if (folder / checkpoint).exists() and not (folder / dynamics).exists()]
    if again:
        print(
            f"Warning: config: evaluation.dynamics: embeddings can be recorded only while a run is trained, so that "
            f"{len(again)} finished runs are trained again, to the same weights; {again[0]} is the first. To keep what "
            "is there, leave dynamics out, or ask for it under another name of `experiment`.",
            file=sys.stderr,
        )
