"""Which classes are confused with which: from a file, or measured on the features of a first round."""

import csv
import math
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from avbench.core.errors import UserError
from avbench.core.files import write_csv
from avbench.core.hashing import keyed_ranks

FOLDS = 5
STRENGTH = 0.01  # inverse, of the penalty: scikit-learn's C


@dataclass(frozen=True)
class Confusion:
    """How often each class is taken for each.

    Attributes:
        classes: their names.
        counts: int64, or float64 for shares, (classes, classes), at least 0; the true class says the row, the
            predicted one the column.
    """

    classes: tuple[str, ...]
    counts: np.ndarray

    def never_confused(self) -> list[str]:
        """Return the classes that are taken for no other: any other is then as likely."""
        return [name for name, row in zip(self.classes, self._wrong, strict=True) if not row.any()]

    def among(self, classes: Iterable[str]) -> "Confusion":
        """Return the same, classes sorted by name, and say which classes are never confused.

        Raises:
            UserError: ``classes`` are others than those here.
        """
        missing, foreign = sorted(set(classes) - set(self.classes)), sorted(set(self.classes) - set(classes))
        if missing or foreign:
            listed = [
                f"{len(names)} {what} ({', '.join(map(repr, names[:5]))}{', …' if len(names) > 5 else ''})"
                for names, what in ((missing, "are missing from it"), (foreign, "are not in the subset"))
                if names
            ]
            raise UserError(f"matrix: its classes must be those of the subset, and of them {' and '.join(listed)}.")
        if unconfused := self.never_confused():
            print(
                f"{len(unconfused)} of {len(self.classes)} classes are never confused with another, such as "
                f"{unconfused[0]!r}: their wrong labels are drawn uniformly from the others."
            )
        order = np.argsort(self.classes)
        return Confusion(tuple(self.classes[place] for place in order), self.counts[np.ix_(order, order)])

    def wrong_label(self, name: str, bits: int) -> str:
        """Return another class than ``name``, as often as ``name`` is taken for it.

        Args:
            name: the true class.
            bits: 64 random ones, which decide.
        """
        total = self._totals[self.classes.index(name)]
        chosen = np.searchsorted(total, (bits >> 11) * 2.0**-53 * total[-1], side="right")
        return self.classes[min(chosen, np.searchsorted(total, total[-1]))]  # rounding must not lead past the last

    @cached_property
    def _wrong(self) -> np.ndarray:
        return np.where(np.eye(len(self.classes), dtype=bool), 0, self.counts)

    @cached_property
    def _totals(self) -> np.ndarray:
        """Running totals of each row, float64, without the diagonal."""
        anything = ~np.eye(len(self.classes), dtype=bool)
        return np.cumsum(np.where(self._wrong.any(axis=1, keepdims=True), self._wrong, anything), axis=1)

    def write(self, path: Path) -> None:
        """Write what :func:`read_confusion` reads."""
        import pandas as pd

        table = pd.DataFrame(self.counts, columns=list(self.classes))
        table.insert(0, "label", list(self.classes), allow_duplicates=True)  # a class may be called so, too
        write_csv(path, table, sealed=True)


def read_confusion(path: str | Path) -> Confusion:
    """Read a confusion matrix: CSV, a row per true class with its name first, and a column a predicted class.

    The first row names the columns: ``label``, and the classes, in any order. Entries are counts or shares; what
    stands on the diagonal does not matter.

    Raises:
        UserError: the file is missing or no such table, rows and columns are of other classes, a class is there twice,
            or an entry is no number of at least 0.
    """
    try:
        with Path(path).open(encoding="utf-8-sig", newline="") as stream:
            header, *rows = list(csv.reader(stream, strict=True)) or [[]]
    except FileNotFoundError:
        raise UserError(f"matrix: {path} does not exist.") from None
    except (csv.Error, UnicodeDecodeError, OSError) as error:
        raise UserError(f"matrix: {path} is not a CSV file in UTF-8: {error}.") from error
    if header[:1] != ["label"]:
        raise UserError(f"matrix: the first column of {path} must be 'label', the true class.")
    columns, names = header[1:], [row[0] if row else "" for row in rows]
    for found, what in ((columns, "column"), (names, "row")):
        if twice := [name for place, name in enumerate(found) if name in found[:place]]:
            raise UserError(f"matrix: {path} has more than one {what} {twice[0]!r}.")
    if lone := sorted(set(columns) ^ set(names)):
        side = "column" if lone[0] in names else "row"
        raise UserError(f"matrix: {path} has no {side} of class {lone[0]!r}; rows and columns are the same classes.")
    counts = np.zeros((len(names), len(names)))
    place_of = {name: place for place, name in enumerate(names)}
    for line, row in enumerate(rows, start=2):
        if len(row) != len(header):
            raise UserError(f"matrix: {path}, row {line} has {len(row)} fields instead of {len(header)}.")
        for column, text in zip(columns, row[1:], strict=True):
            counts[line - 2, place_of[column]] = _entry(f"{path}, row {line}, column {column!r}", text)
    return Confusion(tuple(names), counts)


def _entry(where: str, text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 <= value < math.inf:
        raise UserError(f"matrix: {where} is {text!r}; it must be a number of at least 0.")
    return value


def measure(
    features: np.ndarray, clip_ids: Sequence[str], labels: Sequence[str], seed: int
) -> tuple[Confusion, dict[str, Any]]:
    """Count what a linear classifier of these features confuses, by cross-validation within these clips.

    The clips of each class are dealt to ``FOLDS`` folds in the order of a keyed hash. A multinomial logistic regression
    on standardised features, fitted to four folds, classifies the fifth, so that each clip is classified once, by what
    has not seen it. The single clip of a class is always taken for another class.

    Args:
        features: float32, (n, width).
        clip_ids: n of them.
        labels: the true ones.
        seed: of the folds.

    Returns:
        The confusion, in counts, classes sorted by name; and a description: ``folds``, ``accuracy`` of the classifier,
        ``classes_below_folds``: how many classes have fewer clips than there are folds, and ``converged``: whether all
        fits did.

    Raises:
        UserError: there is a single class.
    """
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    classes, codes = np.unique(np.asarray(labels, dtype=str), return_inverse=True)
    if len(classes) < 2:
        raise UserError("noise: confusion needs two classes or more, and the subset has a single one.")
    fold = folds(clip_ids, codes, seed)
    predicted = np.empty_like(codes)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", ConvergenceWarning)
        for held_out in (fold == number for number in np.unique(fold)):
            training = codes[~held_out]
            if len(np.unique(training)) < 2:
                predicted[held_out] = training[0]
                continue
            classifier = make_pipeline(StandardScaler(), LogisticRegression(C=STRENGTH, max_iter=300))
            predicted[held_out] = classifier.fit(features[~held_out], training).predict(features[held_out])
    counts = np.zeros((len(classes), len(classes)), np.int64)
    np.add.at(counts, (codes, predicted), 1)
    described = {
        "folds": FOLDS,
        "accuracy": float((predicted == codes).mean()),
        "classes_below_folds": int((np.bincount(codes) < FOLDS).sum()),
        "converged": not any(issubclass(warning.category, ConvergenceWarning) for warning in caught),
    }
    return Confusion(tuple(classes.tolist()), counts), described


def folds(clip_ids: Sequence[str], codes: np.ndarray, seed: int) -> np.ndarray:
    """Deal the clips of each class to folds: int64, (n,), whose shares of a class differ by one clip at most.

    Each class begins with the next fold, so that classes of few clips do not all fill the first.
    """
    ranks = keyed_ranks(seed, "fold", clip_ids)
    fold = np.empty(len(codes), np.int64)
    for code in np.unique(codes):
        members = np.flatnonzero(codes == code)
        ranked = members[np.argsort(ranks[members], kind="stable")]
        fold[ranked] = (np.arange(len(ranked)) + code) % FOLDS
    return fold
