"""What a process of Snakemake needs before it plans, and what its jobs inherit from it."""

import gc
import os
import signal
import sys
from pathlib import Path


def prepare(checkout: str | Path) -> None:
    """Set up this process: the one that is started, and that of every job of a cluster.

    Args:
        checkout: the folder of the Snakefile, from which ``envs/post-deploy.sh`` installs the package.
    """
    # All jobs of an experiment stay in memory. Looking for garbage among them again and again took a fifth of a dry
    # run.
    gc.set_threshold(100_000, 20, 100)
    # Schedulers send SIGUSR1 to every process of a job. It would end Snakemake, and the job with it, before that has
    # saved.
    signal.signal(signal.SIGUSR1, lambda *_: None)
    # Jobs start `python`: that of Snakemake, also where its environment is not activated. Activated conda environments
    # come before it.
    os.environ["PATH"] = os.pathsep.join([os.path.dirname(sys.executable), os.environ.get("PATH", os.defpath)])
    os.environ["AVBENCH_CHECKOUT"] = str(checkout)
