"""Accuracy and gain of single classes, and how they go with class size."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from avbench.core.rng import generator
from avbench.evaluation.metrics import thirds
from avbench.results.crossed import components
from avbench.results.estimates import moderated

_DEALS = 1000


def differences(method: pd.DataFrame, baseline: pd.DataFrame) -> tuple[pd.DataFrame, pd.Series]:
    """Subtract what the baseline got right of the same seeds and test clips.

    Args:
        method, baseline: columns seed, clip_id, label and correct (1.0 or 0.0).

    Returns:
        The differences, a row per clip and a column per seed, and each clip's label.
    """
    own, other = (table.pivot(index="clip_id", columns="seed", values="correct") for table in (method, baseline))
    clips, seeds = own.index.intersection(other.index), own.columns.intersection(other.columns)
    labels = method.drop_duplicates("clip_id").set_index("clip_id")["label"].loc[clips]
    return own.loc[clips, seeds] - other.loc[clips, seeds], labels


def gains(method: pd.DataFrame, baseline: pd.DataFrame) -> pd.DataFrame:
    """Subtract the baseline's accuracy of the same seeds and test clips, class by class.

    Args:
        method, baseline: as for :func:`differences`.

    Returns:
        A row per class, from the largest gain to the smallest, in shares: label, clips, gain, ci_low, ci_high (95 %
        interval over seeds and clips, :func:`avbench.results.estimates.moderated`, within −1 and 1), and dealt_low and
        dealt_high: 95 % of all gains of this rank lie between these if the test clips are dealt to classes of the same
        sizes at random.
    """
    difference, labels = differences(method, baseline)
    classes = labels.groupby(labels).groups
    family = moderated([components({"class": difference.loc[members].to_numpy().T}) for members in classes.values()])
    # An interval from a few clips may reach beyond what is possible.
    rows = [
        (label, len(members), found.mean, max(found.low, -1.0), min(found.high, 1.0))
        for (label, members), found in zip(classes.items(), family, strict=True)
    ]
    table = pd.DataFrame(rows, columns=["label", "clips", "gain", "ci_low", "ci_high"])
    low, high = _dealt(difference.mean(axis=1).to_numpy(), table["clips"].to_numpy())
    table = table.sort_values(["gain", "label"], ascending=[False, True], ignore_index=True)
    return table.assign(dealt_low=low, dealt_high=high)


def together(gained: pd.DataFrame) -> float:
    """Return the gain over the clips of all classes, a share.

    Args:
        gained: what :func:`gains` returns.
    """
    return float(np.average(gained["gain"], weights=gained["clips"]))


def _dealt(values: np.ndarray, sizes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the bounds of each rank's mean, largest first, when values are dealt to groups at random."""
    rng, starts = generator(0, "class-gains"), np.concatenate([[0], np.cumsum(sizes)[:-1]])
    dealt = np.stack([np.add.reduceat(rng.permutation(values), starts) / sizes for _ in range(_DEALS)])
    low, high = np.quantile(-np.sort(-dealt, axis=1), [0.025, 0.975], axis=0)
    return low, high


_NORMAL = 1.959964  # of a 95 % interval


@dataclass(frozen=True)
class Sizes:
    """Gains by the size of the classes.

    Attributes:
        classes: a row per class: label, clips (of pretraining) and gain (share).
        parts: a row for each third of the classes by size (``head``, ``middle``, ``tail``): part, smallest, largest
            (clips per class), gain, ci_low and ci_high (shares; :func:`avbench.results.estimates.moderated`).
        correlation, low, high: Spearman's rank correlation of gain with size, and its 95 % interval.
    """

    classes: pd.DataFrame
    parts: pd.DataFrame
    correlation: float
    low: float
    high: float


def by_size(method: pd.DataFrame, baseline: pd.DataFrame, clips: Mapping[str, int]) -> Sizes:
    """Compare the gains of classes with their sizes.

    The interval of the rank correlation is that of Bonett and Wright 2000, "Sample size requirements for estimating
    Pearson, Kendall and Spearman correlations": normal in Fisher's z with variance (1 + r²/2)/(n − 3); classes are the
    sample. NaN with fewer than five classes, or where all gains are equal.

    Args:
        method, baseline: predictions of the same test clips: columns seed, clip_id, label and correct (1.0 or 0.0).
        clips: how many pretraining clips each class has; test clips of classes without any are left out.
    """
    difference, labels = differences(method, baseline)
    labels = labels[labels.isin(list(clips))]
    difference = difference.loc[labels.index]
    values = difference.to_numpy().T
    gains = difference.mean(axis=1).groupby(labels).mean()
    classes = pd.DataFrame(
        {"label": gains.index, "clips": [clips[name] for name in gains.index], "gain": gains.to_numpy()}
    )
    members = thirds({name: clips[name] for name in gains.index})
    sizes = {part: [clips[name] for name in names] for part, names in members.items()}
    within = [values[:, labels.isin(names).to_numpy()] for names in members.values()]
    family = moderated([components({"part": part}) for part in within])
    rows = [
        (part, min(sizes[part]), max(sizes[part]), found.mean, max(found.low, -1.0), min(found.high, 1.0))
        for part, found in zip(members, family, strict=True)
    ]
    parts = pd.DataFrame(rows, columns=["part", "smallest", "largest", "gain", "ci_low", "ci_high"])
    return Sizes(classes.sort_values(["clips", "label"], ignore_index=True), parts, *_spearman(classes))


def _spearman(classes: pd.DataFrame) -> tuple[float, float, float]:
    # Rounded, since equal gains may differ in their last digits.
    r = float(classes["clips"].rank().corr(classes["gain"].round(9).rank()))
    if len(classes) < 5 or math.isnan(r):
        return r, math.nan, math.nan
    if abs(r) > 1 - 1e-12:
        return round(r), round(r), round(r)
    half = _NORMAL * math.sqrt((1 + r**2 / 2) / (len(classes) - 3))
    return r, math.tanh(math.atanh(r) - half), math.tanh(math.atanh(r) + half)
