"""How many seeds, test clips and hours it would take to decide a claim."""

import math
from collections.abc import Callable
from dataclasses import dataclass

from avbench.results.estimates import PRIOR_FREEDOM, Estimate

POWER = 0.8
MOST_SEEDS = 1000
MOST_CLIPS = 10_000_000


@dataclass(frozen=True)
class Spread:
    """What the variance of a claim's effect is made of: deviations in the unit of accuracy.

    Attributes:
        seed: between seeds, of the effect over endless test clips.
        clip: between test clips, of the effect over endless seeds.
        rest: of a single seed on a single clip.
        prior: degrees of freedom that the variance of other claims adds (:func:`avbench.results.estimates.moderated`).
    """

    seed: float
    clip: float
    rest: float
    prior: float = PRIOR_FREEDOM

    @classmethod
    def of(cls, estimate: Estimate, prior: float) -> "Spread":
        """Return what an estimate found."""
        rest = max(estimate.variance - estimate.own - estimate.fixed, 0.0)
        seeds, clips = estimate.seeds, estimate.clips
        seed, clip = math.sqrt(estimate.own * seeds), math.sqrt(estimate.fixed * clips)
        return cls(seed, clip, math.sqrt(rest * seeds * clips), prior)

    def variance(self, seeds: int, clips: int) -> float:
        """Return the variance of the effect's estimate."""
        return self.seed**2 / seeds + self.clip**2 / clips + self.rest**2 / (seeds * clips)


def power(spread: Spread, seeds: int, clips: int, effect: float, level: float) -> float:
    """Return the probability that a claim of this effect is decided, either way.

    That of Student's t with the estimate's degrees of freedom, not centred on zero but on the effect over its standard
    error (Lehmann & Romano 2005, "Testing statistical hypotheses", 5.2).

    Args:
        spread: of the claim.
        seeds, clips: how many.
        effect: the true one, in the unit of accuracy.
        level: two-sided, of the claim: that of the family over the number of claims still to decide.
    """
    from scipy.special import stdtrit  # here, since planning imports what imports this
    from scipy.stats import nct

    variance = spread.variance(seeds, clips)
    if not variance > 0:
        return float(effect != 0)
    by_seed = (spread.seed**2 + spread.rest**2 / clips) / seeds
    freedom = spread.prior + seeds - 1
    if freedom <= 0:
        return 0.0
    uncertain = by_seed**2 / freedom + (spread.clip**2 / clips) ** 2 / max(clips - 1, 1)
    freedom = max(variance**2 / uncertain, freedom)
    edge = float(stdtrit(freedom, 1 - level / 2))
    return float(nct.sf(edge, freedom, abs(effect) / math.sqrt(variance)))


def seeds_needed(spread: Spread, clips: int, effect: float, level: float, wanted: float = POWER) -> int | None:
    """Return the fewest seeds, two at least, that decide the claim with this power; None if 1,000 do not."""
    return _fewest(lambda seeds: power(spread, seeds, clips, effect, level) >= wanted, 2, MOST_SEEDS)


def clips_needed(spread: Spread, seeds: int, effect: float, level: float, wanted: float = POWER) -> int | None:
    """Return the fewest test clips that decide the claim with this power; None if ten million do not."""
    return _fewest(lambda clips: power(spread, seeds, clips, effect, level) >= wanted, 2, MOST_CLIPS)


def _fewest(enough: Callable[[int], bool], low: int, most: int) -> int | None:
    """Return the smallest number from ``low`` to ``most`` that is enough, if all above it are, too."""
    if not enough(most):
        return None
    while low < most:
        middle = (low + most) // 2
        low, most = (low, middle) if enough(middle) else (middle + 1, most)
    return low
