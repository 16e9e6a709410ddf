"""What a process of Snakemake needs before it plans: the one that is started, and that of every job."""

import gc
import signal


def prepare() -> None:
    """Set up this process."""
    # All jobs of an experiment stay in memory. Looking for garbage among them again and again took a fifth of a dry
    # run.
    gc.set_threshold(100_000, 20, 100)
    # Schedulers send SIGUSR1 to every process of a job. It would end Snakemake, and the job with it, before that has
    # saved.
    signal.signal(signal.SIGUSR1, lambda *_: None)
