"""What jobs inherit from the process that plans them: which Python they start, and where the checkout is."""

import os
import sys
from pathlib import Path


def share(checkout: str | Path) -> None:
    """Set the environment of all jobs of this process.

    Jobs start ``python``: that of Snakemake, also where its environment is not activated. Activated conda environments
    come before it.

    Args:
        checkout: the folder of the Snakefile, from which ``envs/post-deploy.sh`` installs the package.
    """
    os.environ["PATH"] = os.pathsep.join([os.path.dirname(sys.executable), os.environ.get("PATH", os.defpath)])
    os.environ["AVBENCH_CHECKOUT"] = str(checkout)
