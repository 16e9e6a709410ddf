"""Captions that say what is seen and how sure it is: plain text, escaped for reStructuredText and Jinja."""

import re
from collections.abc import Iterable
from pathlib import Path

from avbench.core.files import write_text

LONGEST = """
{% if snakemake.config["pretraining"].get("budgets") %}
Of several training budgets, the longest is shown.
{% endif %}
"""
"""The end of a caption of what shows one budget, for Jinja; captions that are files end with it too."""

_SPECIAL = re.compile(r"([^\w\s,;.()/±−+-]|_)")


def escape(text: str) -> str:
    """Keep text from being read as markup, by reStructuredText or by Jinja, through which captions go first."""
    # An escaped blank at the start is not shown; what comes after it begins no list.
    return "\\ " + _SPECIAL.sub(r"\\\1", " ".join(text.split()))


def write(stem: str | Path, text: str, every_budget: bool = False) -> None:
    """Write plain text as the caption ``{stem}.rst``, one paragraph, atomically.

    Unless the figure shows every budget, the caption says which one it shows where there are several.
    """
    write_text(f"{stem}.rst", escape(text) + "\n" + ("" if every_budget else LONGEST))


def points(share: float) -> str:
    """Write a gain, given as a share, in percentage points with its sign."""
    rounded = round(100 * share, 1)
    return f"{rounded:+.1f}".replace("-", "−") if rounded else "0.0"


def gain(mean: float, low: float, high: float) -> str:
    """Write a gain with its 95 % interval, all given as shares."""
    if low != low:
        return f"{points(mean)} points (no interval)"
    return f"{points(mean)} points ({points(low)} to {points(high)})"


def draws(counts: Iterable[int]) -> str:
    """Say how often wrong labels were drawn, by the draws of each row of a table of robustness; true labels have 0."""
    drawn = {int(number) for number in counts} - {0}
    if drawn == {1}:
        return "one draw for all runs"
    return f"{max(drawn)} draws, one per seed" if len(drawn) == 1 else f"{min(drawn)} to {max(drawn)} draws"


def joined(parts: Iterable[str]) -> str:
    """Join parts of a sentence: a, b and c."""
    parts = list(parts)
    return " and ".join([", ".join(parts[:-1]), parts[-1]] if len(parts) > 1 else parts)


def count(number: int, what: str, several: str | None = None) -> str:
    """Write a number with its noun: 1 clip, 1,200 clips."""
    return f"{number:,} {what if number == 1 else several or what + 's'}"
