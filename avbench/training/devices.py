"""Which GPU a process computes on: jobs that run side by side on one machine take different ones.

PyTorch is imported on use, so that a lock costs nothing but itself.
"""

import fcntl
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from avbench.core.errors import UserError

if TYPE_CHECKING:
    import torch


# The GPU of this process and its open lock file; the system takes the lock back when the process ends, however it ends.
_taken: list[tuple[int, int]] = []


def pick(name: str) -> "torch.device":
    """Return the device asked for, and make it the current one if it is a GPU.

    Args:
        name: ``auto``, a free GPU or else the CPU; ``cuda``, a free GPU; ``cuda:1`` and the like, or ``cpu``.

    Raises:
        UserError: a GPU is asked for that this machine does not have, none is free for one of several processes that
            train together, or one was named for all of them.
    """
    import torch

    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    device = torch.device("cpu" if name == "auto" and not count else name.replace("auto", "cuda"))
    if device.type != "cuda":
        return device
    together = int(os.environ.get("WORLD_SIZE", 1)) > 1
    if (device.index or 0) >= count:
        raise UserError(
            f"device {name!r} was asked for, and this machine has {count} usable GPUs. Set device to auto or cpu."
        )
    if together and device.index is not None:
        raise UserError(f"device {name!r} was named for several processes, which take a GPU each: set device to auto.")
    if device.index is None:
        device = torch.device("cuda", take(count, share=not together))
    torch.cuda.set_device(device)
    return device


def take(count: int, share: bool = True, environment: Mapping[str, str] = os.environ) -> int:
    """Take one of the GPUs until the process ends: one that no other process has, or that the fewest have.

    Asked again, a process gets the one that it has.

    A GPU is taken by a lock on a file. The files belong to the user, and to a job of SLURM where that gave out the
    GPUs: it may call them by the same number in every job.

    Args:
        count: GPUs that the process can see: those of ``CUDA_VISIBLE_DEVICES``, if it is set.
        share: whether one may be taken that another process has.
        environment: where ``CUDA_VISIBLE_DEVICES`` and ``SLURM_JOB_ID`` are looked up.

    Returns:
        Its index among those that can be seen.

    Raises:
        UserError: all are taken, and must not be shared.
    """
    if _taken:
        return _taken[0][0]
    # A GPU that two processes see under different indices is still one GPU.
    names = [name.strip() for name in environment.get("CUDA_VISIBLE_DEVICES", "").split(",")][:count]
    if len(names) < count or not all(names):
        names = [str(index) for index in range(count)]
    folder = Path(tempfile.gettempdir(), f"avbench-gpus-{os.getuid()}", environment.get("SLURM_JOB_ID", "local"))
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    turn = 0
    while True:
        for index, name in enumerate(names):
            if (lock := _lock(folder / f"{name.replace('/', '-')}.{turn}.lock")) is not None:
                _taken.append((index, lock))
                return index
        if not share:
            raise UserError(
                f"all {count} usable GPUs are taken by other processes, and those that train together need one each. "
                "Tell Snakemake how many there are: --resources gpu=N."
            )
        turn += 1


def _lock(path: Path) -> int | None:
    """Lock a file for as long as it is open, and return its descriptor; nothing if another process has it."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor
