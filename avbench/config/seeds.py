"""At how many seeds a sequential experiment is looked at."""

import math


def looks(first: int, most: int) -> tuple[int, ...]:
    """Return the numbers of seeds after which it is decided who gets more: each about half as many again."""
    found = [first]
    while found[-1] < most:
        found.append(min(math.ceil(1.5 * found[-1]), most))
    return tuple(found)
