"""Accuracy against the size of the pretraining set, a line per method, or of many methods a row each."""

import math
from collections.abc import Mapping
from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure

from avbench.figures import accuracy_panels, accuracy_rows, style
from avbench.figures.names import subset_names, words, wrap
from avbench.figures.reading import COMPARING, Settings, guesses, most_balanced, own, roles, trained_scores
from avbench.results import tables


def draw_accuracy(settings: Settings, stem: Path) -> None:
    """Accuracy by size, a line per method."""
    made = draw(trained_scores(settings), most_balanced(settings), guesses(settings), roles(settings))
    style.save(made, stem)


def draw_neighbours(settings: Settings, stem: Path) -> None:
    """Accuracy of nearest neighbours and cross-modal retrieval by size."""
    summary = own(tables.read(settings["summary"]), settings)
    shown = summary[summary["protocol"].isin(COMPARING)]
    style.save(draw(shown, most_balanced(settings), guesses(settings), roles(settings)), stem)


_LINES = 10  # more methods than this would hide one another


def draw(
    summary: pd.DataFrame,
    sizes: Mapping[str, float],
    guesses: Mapping[tuple[str, str], Mapping[str, float]] | None = None,
    roles: Mapping[str, str] | None = None,
) -> Figure:
    """Draw what :func:`avbench.figures.accuracy_panels.draw` draws, along the logarithm of the size.

    More than ten methods are drawn by :func:`avbench.figures.accuracy_rows.draw`.

    Args:
        summary, guesses, roles: see there.
        sizes: clips a class of each subset that is to be shown. Where they all differ, lines join a method's
            scores; where some coincide (other balances), subsets stand side by side.
    """
    methods = summary["method"].nunique()
    if methods > _LINES:
        return accuracy_rows.draw(summary, sizes, guesses, roles)
    return accuracy_panels.draw(summary, _axis(sizes, methods), guesses, roles)


def _axis(sizes: Mapping[str, float], methods: int) -> accuracy_panels.Axis:
    """Place subsets by the logarithm of their size, or side by side where sizes coincide."""
    ordered = list(subset_names(sizes))
    numbers = [f"{sizes[subset]:,.0f}" for subset in ordered]
    if len(set(numbers)) == len(numbers):
        places = {subset: math.log(sizes[subset]) for subset in ordered}
        span = max(places.values()) - min(places.values()) or 1.0
        apart = min(0.022, 0.25 / methods) * span  # all methods of a size, however many, within the margin
        return accuracy_panels.Axis(places, numbers, "Pretraining clips per class", [ordered], apart, 0.15 * span)
    names = [wrap(words(subset), 12) for subset in ordered]
    places = {subset: float(place) for place, subset in enumerate(ordered)}
    return accuracy_panels.Axis(places, names, "Pretraining subset", [], 0.7 / methods, 0.5)
