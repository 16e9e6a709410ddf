"""What a method really pairs: counted over its batches, by the true classes that it may not have seen."""

import math
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd

from avbench.config.methods import LOSSES, Method
from avbench.config.mismatches import MismatchSettings
from avbench.config.settings import build
from avbench.core.files import read_csv
from avbench.features.mismatched_clips import draw_of, sounds
from avbench.methods.pairing import Pairing
from avbench.methods.pairing_labels import numbered, read_pairing

EPOCHS = 5
COLUMNS = [
    "method",
    "subset",
    "labels",
    "budget",
    "seed",
    "foreign_positives",
    "positives_of_class",
    "negatives_of_class",
]
COLUMNS += ["batch_classes", "epochs"]


def table(
    runs: Iterable[Mapping[str, Any]],
    subset_files: Mapping[str, str],
    batch_size: int,
    batch_order: str,
    lengths: Mapping[str, Mapping[str, Mapping[str, Any]]],
) -> pd.DataFrame:
    """Count what every run pairs, drawn as training draws it.

    Args:
        runs: each with ``method`` (its fields), ``labels``, ``label_file`` (None where the method uses no labels),
            ``subset``, ``budget`` and ``seed``, and ``mismatch`` where its pairs do not match.
        subset_files: of each subset, with the true labels.
        batch_size, batch_order: of pretraining.
        lengths: of the runs on each subset by budget: ``epochs``, and ``steps`` where they count instead.

    Returns:
        ``COLUMNS``, a row per run, in the order of ``runs``: see :func:`count`.
    """

    @lru_cache(maxsize=len(subset_files))
    def clips(subset: str) -> tuple[list[str], np.ndarray]:
        read = read_csv(subset_files[subset], ("clip_id", "label"))
        return read["clip_id"], np.unique(read["label"], return_inverse=True)[1]

    @lru_cache(maxsize=1)  # runs of the same labels come one after the other
    def pairing_labels(path: str | None, subset: str) -> Sequence[Any]:
        return [""] * len(clips(subset)[0]) if path is None else read_pairing(path, clips(subset)[0])

    rows = []
    for run in runs:
        method, subset = build(Method, run["method"], "method"), run["subset"]
        ids, true = clips(subset)
        known = numbered(ids, pairing_labels(run["label_file"], subset), method)
        length = lengths[subset][run["budget"]]
        pairing = Pairing(method, known, batch_size, length["epochs"], run["seed"], batch_order).lasting(
            length["steps"]
        )
        identity = {"method": method.name} | {key: run[key] for key in ("subset", "labels", "budget", "seed")}
        heard = None
        if "mismatch" in run:
            mismatch = build(MismatchSettings, run["mismatch"], "mismatch")
            heard = sounds(ids, mismatch, draw_of(mismatch, run["seed"]))
        rows.append(identity | count(pairing, true, heard))
    return pd.DataFrame(rows, columns=COLUMNS)


def counted_epochs(epochs: int) -> list[int]:
    """Return the epochs that are looked at: all, or ``EPOCHS`` of them from the first to the last, evenly spread.

    The share of foreign positives may change in the course of a run.
    """
    return np.unique(np.linspace(0, epochs - 1, min(EPOCHS, epochs)).round().astype(int)).tolist()


def count(pairing: Pairing, true: np.ndarray, heard: np.ndarray | None = None) -> dict[str, float]:
    """Count positives and negatives of the audio of every anchor, in :func:`counted_epochs`.

    A positive is a video that the loss draws towards the anchor, a negative one that it pushes away: with ``supcon``
    all videos of a batch whose anchors are of the anchor's pairing class are positives, with ``masked`` those but the
    anchor's own are neither, and with losses whose `Choice.classmates` are ``negatives`` all videos of a batch but one
    are.

    Args:
        pairing: of a run.
        true: int64 (n,), the true class of each clip of its subset.
        heard: int64 (n,), whose sound each clip has; its own unless given. What counts is whom the sound is of.

    Returns:
        - ``foreign_positives``: the share of an anchor's positives that are another clip's video,
        - ``positives_of_class``: and the share of the anchor's true class,
        - ``negatives_of_class``: the share of an anchor's negatives that are of its true class, each as the mean over
          all anchors; NaN where none has a negative,
        - ``batch_classes``: the mean number of true classes among the anchors of a batch,
        - ``epochs``: how many were counted.
    """
    epochs, parts, classes = counted_epochs(pairing.epochs), [], []
    for epoch in epochs:
        batches = pairing.batches(epoch)
        anchors = np.concatenate(batches)
        batch = np.repeat(np.arange(len(batches)), [len(clips) for clips in batches])
        videos = pairing.videos(anchors, epoch)
        parts.append(_shares(pairing, true, batch, anchors, videos, anchors if heard is None else heard[anchors]))
        classes.append(len(np.unique(batch * len(true) + true[anchors])) / len(batches))
    names = ("foreign_positives", "positives_of_class", "negatives_of_class")
    shares = (np.concatenate(found) for found in zip(*parts, strict=True))
    means = {name: float(found.mean()) if len(found) else math.nan for name, found in zip(names, shares, strict=True)}
    return means | {"batch_classes": float(np.mean(classes)), "epochs": len(epochs)}


def beside_gains(counted: pd.DataFrame, comparisons: pd.DataFrame) -> pd.DataFrame:
    """Set the pairs of each method and labels beside the gain; means over seeds.

    Args:
        counted: of one subset: columns method, labels, seed, foreign_positives, positives_of_class and
            negatives_of_class (shares).
        comparisons: with random pairing, of the same subset and one task, protocol and modality: columns method,
            labels, difference, ci_low, ci_high, p_holm.

    Returns:
        Columns method, labels, own, same, other (shares of the positives, which add up to one), negatives (share of
        the negatives that are of the anchor's class), difference, ci_low, ci_high and p_holm (NaN where there is
        none).
    """
    shares = ["foreign_positives", "positives_of_class", "negatives_of_class"]
    found = counted.groupby(["method", "labels"], sort=False)[shares].mean().reset_index()
    own = 1 - found["foreign_positives"]
    found = found.assign(
        own=own,
        # Rounded shares may add up to a little more than one.
        same=(found["positives_of_class"] - own).clip(lower=0),
        other=1 - found["positives_of_class"],
        negatives=found["negatives_of_class"],
    ).drop(columns=shares)
    gained = comparisons[["method", "labels", "difference", "ci_low", "ci_high", "p_holm"]]
    return found.merge(gained, "left", ["method", "labels"])


def _shares(
    pairing: Pairing,
    true: np.ndarray,
    batch: np.ndarray,
    anchors: np.ndarray,
    videos: np.ndarray,
    heard: np.ndarray,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the three shares of an epoch's anchors; the last of those anchors alone that have negatives.

    Args:
        pairing, true: as of :func:`count`.
        batch, anchors, videos, heard: int64 (anchors in the epoch,), the number of its batch, its clip, its positive's
            clip, and the clip whose sound it has.
    """

    def agreeing(*keys: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
        """Count the videos of each anchor's batch whose keys, the first of each pair, are the anchor's, the second."""
        of_videos, of_anchors = batch, batch
        for video, anchor in keys:
            of_videos, of_anchors = of_videos * len(true) + video, of_anchors * len(true) + anchor
        values, counts = np.unique(of_videos, return_counts=True)
        place = np.minimum(np.searchsorted(values, of_anchors), len(values) - 1)
        return np.where(values[place] == of_anchors, counts[place], 0)

    of_class, method = (true[videos], true[heard]), pairing.method
    positives, right, own = np.ones(len(anchors)), true[videos] == true[heard], videos == heard
    left_out, right_left_out = positives, right
    if (classmates := LOSSES[method.loss].classmates) != "negatives":
        paired = (pairing.classes[anchors], pairing.classes[anchors])
        left_out, right_left_out = agreeing(paired), agreeing(paired, of_class)
        if classmates == "positives":
            positives, right, own = left_out, right_left_out, agreeing(paired, (videos, heard))
    negatives, wrong = agreeing() - left_out, agreeing(of_class) - right_left_out
    has = negatives > 0
    return 1 - own / positives, right / positives, wrong[has] / negatives[has]
