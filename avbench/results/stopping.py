"""Which claims are given further seeds, and which have been decided, are too small or futile."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from avbench.results.crossed import Components
from avbench.results.estimates import Estimate, moderated
from avbench.results.multiplicity import holm
from avbench.results.sequential import FUTILE_POWER, conditional_power, nominal_level, sequential_p

LEVEL = 0.05
LISTED = "listed"
OPEN, DECIDED, TOO_SMALL, FUTILE, OUT_OF_SEEDS = "open", "decided", "too small", "futile", "out of seeds"


@dataclass(frozen=True)
class Looks:
    """When the claims of a sequential experiment are looked at.

    Attributes:
        planned: numbers of seeds of all looks.
        had: how many looks there have been, at least one.
        effect: the smallest interesting one, a share.
    """

    planned: tuple[int, ...]
    had: int
    effect: float


@dataclass(frozen=True)
class Course:
    """How a claim has fared so far.

    Attributes:
        state: ``open``; or why it is given no further seeds: ``decided``, ``too small``, ``futile``, ``out of seeds``;
            or ``listed``, where all seeds are given.
        estimate: of the last look that it had, with an interval that is valid for all looks.
        p: valid for all looks, too.
        p_holm: the same, adjusted for the number of claims.
    """

    state: str
    estimate: Estimate
    p: float
    p_holm: float


def at_once(contrasts: Mapping[str, Components]) -> dict[str, Course]:
    """Return the courses of claims whose seeds are all given: they are looked at once."""
    found = moderated(list(contrasts.values()))
    adjusted = holm([one.p for one in found]).tolist()
    pairs = zip(contrasts, found, adjusted, strict=True)
    return {name: Course(LISTED, estimate, estimate.p, p_holm) for name, estimate, p_holm in pairs}


def follow(
    contrasts: Mapping[str, Callable[[int], Components]],
    looks: Looks,
    adjust: Callable[[float, Sequence[int]], float] = sequential_p,
) -> dict[str, Course]:
    """Go through the looks that an experiment has had, as they were when they were had, and return each claim's course.

    At each look the open claims have so many seeds, and the others those with which they were stopped, even if their
    runs have more for another claim's sake. A claim is decided if its sequential p value, adjusted for the number of
    claims, is below 0.05 (:func:`avbench.results.sequential.sequential_p`); too small if its interval lies within
    ± the effect of interest; and futile if it is unlikely to be decided at the last look
    (:func:`avbench.results.sequential.conditional_power`). That a claim is given up changes no other's error rate.

    Args:
        contrasts: for each claim, its components with the first so many seeds.
        looks: those that are planned, and those that there have been.
        adjust: gives the sequential p value of the smallest p value so far.
    """
    planned, most = looks.planned, looks.planned[-1]
    level = nominal_level(LEVEL, planned)
    names = list(contrasts)
    state = dict.fromkeys(names, OPEN)
    parts: dict[str, Components] = {}
    estimates: dict[str, Estimate] = {}
    smallest = dict.fromkeys(names, 1.0)
    p, adjusted = dict.fromkeys(names, 1.0), dict.fromkeys(names, 1.0)
    for seeds in planned[: looks.had]:
        looked_at = [name for name in names if state[name] == OPEN]
        if not looked_at:
            break
        parts |= {name: contrasts[name](seeds) for name in looked_at}
        found = dict(zip(names, moderated([parts[name] for name in names], 1 - level), strict=True))
        for name in looked_at:
            estimates[name] = found[name]
            if found[name].p < smallest[name]:
                smallest[name] = found[name].p
                p[name] = adjust(found[name].p, planned)
        adjusted = dict(zip(names, holm([p[name] for name in names]).tolist(), strict=True))
        undecided = sum(value >= LEVEL for value in adjusted.values())
        last = nominal_level(LEVEL / max(undecided, 1), planned)
        for name in names:
            if adjusted[name] < LEVEL:
                state[name] = DECIDED
            elif state[name] == OPEN:
                state[name] = _given_up(estimates[name], most, looks.effect, last)
    return {name: Course(state[name], estimates[name], p[name], adjusted[name]) for name in names}


def _given_up(estimate: Estimate, most: int, effect: float, level: float) -> str:
    """Return why a claim that is not decided is given no further seeds, or that it is open."""
    if estimate.low > -effect and estimate.high < effect:
        return TOO_SMALL
    if estimate.seeds >= most:
        return OUT_OF_SEEDS
    # Not with NaN, of a single test clip: such a claim is never decided.
    return OPEN if conditional_power(estimate, most, effect, level) >= FUTILE_POWER else FUTILE
