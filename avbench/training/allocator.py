"""Keeping freed memory, for processes that compute in PyTorch on a CPU."""

import ctypes
import sys

_M_MXFAST, _M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = 1, -1, -3  # malloc.h of glibc


def keep_freed_memory() -> None:
    """Have malloc keep large blocks that are freed, up to 512 MB, instead of giving them back to the system.

    Every step of training frees and allocates the same blocks; by default glibc returns each to the system, which has
    to map and clear its pages anew: 8 % of a step of the small preset. Does nothing without glibc.
    """
    if sys.platform != "linux":
        return
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):
        return
    mallopt(_M_MXFAST, 0)  # no lists of small blocks, which glibc searches whenever a large one is freed
    mallopt(_M_MMAP_THRESHOLD, 32 * 2**20)  # the most that glibc takes
    mallopt(_M_TRIM_THRESHOLD, 512 * 2**20)
