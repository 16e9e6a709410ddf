"""How much wrong labels, or pairs that do not match, cost a method, and at which rate of them it ceases to pay."""

import itertools
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from avbench.config.labels import NOISES
from avbench.config.methods import BASELINE
from avbench.config.mismatches import MISMATCHES, apart, beside
from avbench.evaluation.scores import CELL
from avbench.results.bootstrap import resampled_curve
from avbench.results.outcomes import Cell, Outcomes, contrast
from avbench.results.verdicts import UNDECIDED

COLUMNS = [
    "method",
    "task",
    "protocol",
    "modality",
    "subset",
    "clips",
    "imbalance",
    "labels",
    "budget",
    "noise",
    "rate",
]
COLUMNS += ["draws", "seeds", "mean", "ci_low", "ci_high", "gain", "gain_low", "gain_high", "p", "p_holm"]
BREAK_EVEN_COLUMNS = ["method", "noise", "task", "protocol", "modality", "subset", "budget", "clips", "imbalance"]
BREAK_EVEN_COLUMNS += ["highest_rate", "rate", "ci_low", "ci_high", "verdict"]
PAYS, PAYS_UP_TO, NEVER_PAYS = "pays throughout", "pays up to the rate", "never pays"
LEVEL = 0.95
Gain = tuple[Outcomes, Outcomes]  # a method's, and the baseline's of the same pairs
_PLACE = [name for name in CELL if name != "labels"]
_GAIN, _P = {"difference": "gain", "ci_low": "gain_low", "ci_high": "gain_high"}, ["p", "p_holm"]


@dataclass(frozen=True)
class Size:
    """How large a pretraining subset is: its clips, and its largest class over its smallest."""

    clips: int
    imbalance: float


class Noise(NamedTuple):
    """What is wrong about labels or pairs: the kind of noise, its rate, and whether one draw serves all runs."""

    kind: str
    rate: float
    one_draw: bool = False


def noises(
    label_variants: Mapping[str, Mapping[str, Any]], mismatches: Mapping[str, Mapping[str, Any]] | None = None
) -> dict[str, Noise]:
    """Return the noise of labels that are wrong on purpose, by name, and of pairs that do not match, by ``+name``."""
    wrong = {name: variant for name, variant in label_variants.items() if variant["kind"] == "noise"}
    found = {
        name: Noise(variant.get("noise", "uniform"), variant.get("rate", 0.0), "seed" in variant)
        for name, variant in wrong.items()
    }
    return found | {
        beside("", name): Noise(variant["kind"], variant["rate"], "seed" in variant)
        for name, variant in (mismatches or {}).items()
    }


def table(
    summary: pd.DataFrame,
    comparisons: pd.DataFrame,
    noise: Mapping[str, Noise],
    sizes: Mapping[str, Size],
) -> pd.DataFrame:
    """Set every method's accuracies and gains over random pairing beside the share of wrong labels.

    A method's run on true labels is its row of rate 0, once for each kind of noise that the method has; of pairs that
    do not match, its run on the same labels and pairs that do. Gains are then over random pairing of the same clips.

    Args:
        summary, comparisons: of :func:`avbench.results.outcomes.summary` and
            :func:`avbench.results.outcomes.comparisons`, whose p values stay adjusted for all methods and labels that
            are compared there.
        noise: of :func:`noises`.
        sizes: of the subsets.

    Returns:
        ``COLUMNS``: accuracies and gains as shares; rate is what was asked for, whatever rounding made of it; draws of
        the wrong labels, one per seed or one in all. Rows of methods that have a noise, in the order of ``summary``,
        then of budget, noise and rate.
    """
    compared = comparisons[comparisons["baseline"] == BASELINE].rename(columns=_GAIN)[[*CELL, *_GAIN.values(), *_P]]
    scored = summary.merge(compared, on=CELL, how="left").to_dict("records")
    cells: dict[Cell, dict[str, Any]] = {}
    for row in scored:
        cells.setdefault(tuple(row[name] for name in _PLACE), {})[row["labels"]] = row
    rows = []
    for by_labels in cells.values():
        for kind, rate, labels in _rates(by_labels, noise):
            row = by_labels[labels]
            size = sizes[row["subset"]]
            found = _noise(labels, noise)
            draws = 0 if found is None else 1 if found.one_draw else row["seeds"]
            row = row | {"clips": size.clips, "imbalance": size.imbalance, "noise": kind, "rate": rate, "draws": draws}
            rows.append(row)
    return pd.DataFrame(rows, columns=COLUMNS)


def break_even(
    outcomes: Mapping[Cell, Outcomes], noise: Mapping[str, Noise], sizes: Mapping[str, Size]
) -> pd.DataFrame:
    """Find the rate of wrong labels at which a method's gain over random pairing becomes zero.

    Gains at the rates of a kind of noise, joined by straight lines from that of true labels on, make a curve; its
    break-even is where it first falls to zero. Seeds and clips are resampled, the same for all rates and for random
    pairing (:func:`avbench.results.bootstrap.resampled_curve`), and of each resampled curve the break-even is taken.
    The interval holds 95 % of these; it is of one curve, not adjusted for their number. Variants of one rate count as
    their mean.

    ==================== ==============================================================================================
    verdict
    ==================== ==============================================================================================
    pays throughout      the whole interval lies beyond the highest rate: a gain at every rate
    pays up to the rate  the interval lies between the lowest rate and the highest
    never pays           the whole interval lies below the lowest rate: no gain even there
    undecided            anything else, or there is one seed only
    ==================== ==============================================================================================

    Args:
        outcomes: of :func:`avbench.results.outcomes.collect`.
        noise: of :func:`noises`.
        sizes: of the subsets.

    Returns:
        ``BREAK_EVEN_COLUMNS``, in the order of ``outcomes``; methods with a single rate are left out. ``rate`` is
        missing where the curve stays above zero or is not above it at the lowest rate. ``ci_low`` is at most the
        highest rate, and ``ci_high`` is missing where it lies beyond that; neither is below the lowest.
    """
    cells: dict[Cell, list[str]] = {}
    for cell in outcomes:
        cells.setdefault((*cell[:5], cell[6]), []).append(cell[5])
    rows = []
    for (method, *place), labels in cells.items():
        baseline = (BASELINE, *place)
        if baseline not in cells or method == BASELINE:
            continue
        *at, budget = baseline
        others = {apart(name)[1]: outcomes[*at, name, budget] for name in reversed(cells[baseline])}
        for kind, found in itertools.groupby(_rates(labels, noise), key=lambda item: item[0]):
            by_rate: dict[float, list[Gain]] = {}
            for _, rate, name in found:
                if (other := others.get(apart(name)[1])) is not None:
                    by_rate.setdefault(rate, []).append((outcomes[method, *place[:4], name, budget], other))
            if len(by_rate) > 1 and (curve := _gains([*by_rate.values()])) is not None:
                size = sizes[place[3]]
                where = (method, kind, *place, size.clips, size.imbalance, max(by_rate))
                rows.append((*where, *_verdict(place[0], np.array([*by_rate]), curve)))
    return pd.DataFrame(rows, columns=BREAK_EVEN_COLUMNS)


def crossings(rates: np.ndarray, curves: np.ndarray) -> np.ndarray:
    """Return where curves that begin above zero first fall to it, joined by straight lines.

    Args:
        rates: float64 (points,), ascending.
        curves: float64 (curves, points).

    Returns:
        float64 (curves,): −inf where a curve is not above zero at the first rate, inf where it is so at every rate.
    """
    above = curves > 0
    right = np.where(above.all(1), 0, above.argmin(1))
    row, left = np.arange(len(curves)), np.maximum(right - 1, 0)
    high, low = curves[row, left], curves[row, right]
    share = np.divide(high, high - low, out=np.zeros(len(curves)), where=high > low)
    found = rates[left] + share * (rates[right] - rates[left])
    return np.where(above.all(1), math.inf, np.where(above[:, 0], found, -math.inf))


def _noise(labels: str, noise: Mapping[str, Noise]) -> Noise | None:
    """Return what is wrong about a run's labels, or about its pairs where these do not match."""
    own, mismatches = apart(labels)
    return noise.get(beside("", mismatches) if mismatches else own)


def _rates(labels: Iterable[str], noise: Mapping[str, Noise]) -> list[tuple[str, float, str]]:
    """Return the kind and rate of noise of a method's labels: sorted, with what is right at rate 0 of each kind."""
    listed, found = list(labels), list[tuple[str, float, str]]()
    for name in listed:
        if wrong := _noise(name, noise):
            found.append((wrong.kind, wrong.rate, name))
            own, mismatches = apart(name)
            right = (wrong.kind, 0.0, own if mismatches else "true")
            if right[2] in listed and right not in found:
                found.append(right)
    kinds = [*NOISES, *MISMATCHES]
    return sorted(found, key=lambda item: (kinds.index(item[0]), item[1], listed.index(item[2])))


def _gains(points: list[list[Gain]]) -> np.ndarray | None:
    """Return the gains of all points, float64 (points, seeds, clips), over the seeds that all cells have."""
    cells = [cell for gains in points for gain in gains for cell in gain]
    seeds = set(cells[0].seeds).intersection(*(cell.seeds for cell in cells))
    if not seeds:
        return None
    terms = (
        [term for own, other in gains for term in ((own, 1 / len(gains)), (other, -1 / len(gains)))] for gains in points
    )
    return np.stack([contrast(each, seeds) for each in terms])


def _verdict(task: str, rates: np.ndarray, gains: np.ndarray) -> tuple[float, float, float, str]:
    """Return the break-even, the bounds of its interval, and the verdict."""
    mean, resampled = resampled_curve(task, gains)
    (rate,) = crossings(rates, mean[None])
    rate = rate if math.isfinite(rate) else math.nan
    if np.isnan(resampled).any():
        return rate, math.nan, math.nan, UNDECIDED
    found, ends = crossings(rates, resampled), [(1 - LEVEL) / 2, (1 + LEVEL) / 2]
    low, high = (np.quantile(found, end, method=how) for end, how in zip(ends, ("lower", "higher"), strict=True))
    verdict = UNDECIDED
    if gains.shape[1] > 1:
        if low == math.inf:
            verdict = PAYS
        elif high == -math.inf:
            verdict = NEVER_PAYS
        elif low > -math.inf and high < math.inf:
            verdict = PAYS_UP_TO
    low, high = float(np.clip(low, rates[0], rates[-1])), float(max(high, rates[0]))
    return float(rate), low, high if math.isfinite(high) else math.nan, verdict
