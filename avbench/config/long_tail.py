"""The exponential long-tailed profile of class sizes.

Also used while the Snakefile is parsed, so it needs nothing but the standard library.
"""

from bisect import bisect_right


def class_sizes(largest: int, imbalance: float, classes: int) -> list[int]:
    """Return the clips of each class, largest first.

    Class c of C has ``largest · imbalance^(−c / (C − 1))`` clips, rounded, at least one (Cui et al. 2019,
    "Class-balanced loss based on effective number of samples", section 5.1).
    """
    last = max(classes - 1, 1)
    return [max(round(largest * imbalance ** (-place / last)), 1) for place in range(classes)]


def largest_class(clips: int, imbalance: float, classes: int) -> int:
    """Return the clips of the largest class of the largest profile of at most ``clips`` clips; 0 if there is none."""
    return bisect_right(range(1, clips + 1), clips, key=lambda largest: sum(class_sizes(largest, imbalance, classes)))
