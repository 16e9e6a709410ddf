"""What an experiment's models got right, clip by clip, and the means and differences that follow from it."""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from avbench.config.budgets import ALL_BUDGETS
from avbench.config.methods import BASELINE, SUPERVISED
from avbench.config.mismatches import apart
from avbench.core.errors import UserError
from avbench.evaluation import scores
from avbench.evaluation.scores import CELL
from avbench.provenance.record import require_recorded
from avbench.results import tables
from avbench.results.crossed import components
from avbench.results.estimates import moderated_by_family
from avbench.results.multiplicity import holm

FINETUNE = "finetune"

Cell = tuple[str, ...]  # the values of tables.CELL
_TOLERANCE = 1e-6  # score files have six decimals


@dataclass(frozen=True)
class Outcomes:
    """What was right in one cell.

    Attributes:
        correct: (seeds, clips), 1 where a clip is classified rightly, else 0: uint8, since thousands of runs are held
            at a time, or float32 where there are values between (retrieval with ties).
        seeds: of the rows, ascending.
        clips: ids of the columns, in the same order in all cells of a task, protocol and modality.
    """

    correct: np.ndarray
    seeds: tuple[int, ...]
    clips: pd.Index


def collect(
    accuracy: pd.DataFrame,
    score_files: Iterable[str | Path],
    visit: Callable[[Any, pd.DataFrame], None] = lambda row, part: None,
) -> dict[Cell, Outcomes]:
    """Read the predictions that lie beside score files, one file at a time.

    Args:
        accuracy: of :func:`avbench.results.collect.accuracy`, of the same files.
        score_files: the files.
        visit: is called with each score, a named tuple, and its predictions while they are in memory.

    Returns:
        For each cell (the values of ``tables.CELL``), in the order of ``accuracy``, what was right.

    Raises:
        UserError: a score is not the mean of its predictions, has none, or is of other test clips than the other
            scores of its task, protocol and modality.
    """
    found: dict[Cell, dict[int, np.ndarray]] = {tuple(cell): {} for cell in accuracy[CELL].to_numpy().tolist()}
    clips: dict[Cell, pd.Index] = {}
    for path in score_files:
        beside = Path(path).with_name(scores.FILE)
        require_recorded(beside)
        told = dict(iter(scores.read(beside).groupby(scores.SCORED, sort=False)))
        for row in tables.read(path).itertuples():
            key = (row.task, row.protocol, row.modality)
            name = ", ".join(key)
            if key not in told:
                raise UserError(f"{beside} has no predictions of {name}; delete it and {path} to have them made again.")
            ids, correct = pd.Index(told[key]["clip_id"]), told[key]["correct"].to_numpy(np.float32)
            if abs(correct.mean(dtype=np.float64) - row.accuracy) > _TOLERANCE:
                raise UserError(
                    f"{path}: the accuracy of {name} is {row.accuracy:.6f}, and that of the predictions in {beside} "
                    f"{correct.mean(dtype=np.float64):.6f}. Delete both to have them made again."
                )
            known = clips.setdefault(key, ids)
            if not ids.equals(known):
                order = ids.get_indexer(known)
                if len(ids) != len(known) or (order < 0).any():
                    raise UserError(
                        f"{beside}: the test clips of {name} are not those of the other runs, which cannot be "
                        f"compared then. Delete it and {path} to have them made again."
                    )
                correct = correct[order]
            found[tuple(getattr(row, column) for column in CELL)][row.seed] = _compact(correct)
            visit(row, told[key])
    collected = {}
    for cell in list(found):
        rows = found.pop(cell)  # so that no more than one cell is held twice
        collected[cell] = Outcomes(
            np.stack([rows[seed] for seed in sorted(rows)]), tuple(sorted(rows)), clips[cell[1:4]]
        )
    return collected


def contrast(terms: Sequence[tuple[Outcomes, float]], seeds: Iterable[int] | None = None) -> np.ndarray:
    """Return the weighted sum of cells of one task, over the clips that all of them have.

    Args:
        terms: cells and their weights.
        seeds: which to take; by default those that all cells have.

    Returns:
        float64, shape (seeds, clips), seeds ascending.
    """
    if seeds is None:
        seeds = set.intersection(*({*cell.seeds} for cell, _ in terms))
    clips = terms[0][0].clips
    for cell, _ in terms[1:]:
        clips = clips if cell.clips.equals(clips) else clips.intersection(cell.clips, sort=False)
    total = np.zeros((len(ordered := sorted(seeds)), len(clips)))
    for cell, weight in terms:
        rows = cell.correct[[cell.seeds.index(seed) for seed in ordered]].astype(np.float64)  # float32 rounds weights
        total += weight * (rows if cell.clips.equals(clips) else rows[:, cell.clips.get_indexer(clips)])
    return total


def summary(outcomes: Mapping[Cell, Outcomes]) -> pd.DataFrame:
    """Summarise every cell: mean accuracy and 95 % interval over seeds and test clips.

    Variances of seeds are shrunk over all cells of a protocol, modality and budget
    (:func:`avbench.results.estimates.moderated`).

    Args:
        outcomes: of :func:`collect`.

    Returns:
        Columns ``tables.SUMMARY_COLUMNS``, in the order of ``outcomes``. With one seed the interval is over
        clips alone.
    """
    estimates = moderated_by_family(
        (_family(cell), components({cell[1]: outcome.correct})) for cell, outcome in outcomes.items()
    )
    rows = [
        (*cell, found.seeds, found.clips, found.mean, max(found.low, 0.0), min(found.high, 1.0))
        for cell, found in zip(outcomes, estimates, strict=True)
    ]
    return pd.DataFrame(rows, columns=tables.SUMMARY_COLUMNS)


def comparisons(outcomes: Mapping[Cell, Outcomes]) -> pd.DataFrame:
    """Compare every method with random pairing at its budget, and every finetuned one with the supervised baseline.

    What depends on no budget is compared at each, and its row names the budget of what it is compared with. Where pairs
    do not match, the baseline is the one whose pairs do not match either, the same clips of them. Differences
    are taken seed by seed and clip by clip, and variances of seeds are shrunk over all differences of a protocol,
    modality and budget (:func:`avbench.results.estimates.moderated`). p values are two-sided; ``p_holm`` is adjusted
    for the methods that are compared with the same baseline under the same task, protocol, modality, subset and budget
    (Holm), and for no more than these. With one seed both are missing.

    Args:
        outcomes: of :func:`collect`.

    Returns:
        Columns ``tables.COMPARISON_COLUMNS`` (differences as shares), in the order of ``outcomes``.
    """
    pairs = list(_pairs(outcomes))
    keys = [(cell[0], baseline[0], *cell[1:6], _budget(cell, baseline)) for cell, baseline in pairs]
    differences = (
        (_family(cell), components({cell[1]: contrast([(outcomes[cell], 1), (outcomes[other], -1)])}, weight=2))
        for cell, other in pairs
    )
    rows = [
        # Bounds within what a difference can be.
        (*key, found.seeds, found.clips, found.mean, max(found.low, -1.0), min(found.high, 1.0), found.p, math.nan)
        for key, found in zip(keys, moderated_by_family(differences), strict=True)
    ]
    table = pd.DataFrame(rows, columns=tables.COMPARISON_COLUMNS)
    family = ["baseline", "task", "protocol", "modality", "subset", "budget"]
    mismatches = table["labels"].map(lambda labels: apart(labels)[1])
    table["p_holm"] = table.groupby([*(table[name] for name in family), mismatches], sort=False)["p"].transform(holm)
    return table


def _family(cell: Cell) -> Cell:
    """Return protocol, modality and budget, whose cells are a family."""
    return (cell[2], cell[3], cell[6])


def _pairs(outcomes: Mapping[Cell, Outcomes]) -> Iterator[tuple[Cell, Cell]]:
    """Yield each cell with that of every baseline that it is compared with, if they have seeds and clips in common."""
    baselines: dict[Cell, list[Cell]] = {}
    for cell in outcomes:
        if cell[0] in (BASELINE, SUPERVISED):
            baselines.setdefault(cell[:5], []).append(cell)
    for cell in outcomes:
        method, task, protocol, modality, subset, labels, budget = cell
        candidates = [(BASELINE, protocol)] if method != BASELINE else []
        if protocol == FINETUNE:
            candidates.append((SUPERVISED, SUPERVISED))
        for name, under in candidates:
            places = [(name, task, under, modality, place) for place in (subset, tables.ALL_SUBSETS)]
            for other in next((baselines[place] for place in places if place in baselines), []):
                same = other[6] == budget or ALL_BUDGETS in (other[6], budget)
                same &= apart(other[5])[1] == apart(labels)[1]
                if same and _shared(outcomes[cell], outcomes[other]):
                    yield cell, other


def _budget(cell: Cell, baseline: Cell) -> str:
    """Return the budget at which two cells are compared: of the one that depends on it."""
    return baseline[6] if cell[6] == ALL_BUDGETS else cell[6]


def _shared(one: Outcomes, other: Outcomes) -> bool:
    clips = one.clips is other.clips or not one.clips.intersection(other.clips).empty
    return clips and not set(one.seeds).isdisjoint(other.seeds)


def _compact(correct: np.ndarray) -> np.ndarray:
    small = correct.astype(np.uint8)
    return small if (small == correct).all() else correct
