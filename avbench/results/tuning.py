"""What every method was tuned over, and what was chosen for it."""

from collections.abc import Iterable, Mapping

import pandas as pd

from avbench.config.tuning import KEYS, Point, at_edge
from avbench.core.errors import UserError
from avbench.core.files import read_json

CHOICE = ["method", "labels", "subset", "budget"]
COLUMNS = [*CHOICE, *KEYS, "validation_accuracy", "chosen", "at_edge"]
OFTEN = 0.25  # share of choices at an edge beyond which a warning says so


def table(choices: Iterable[Mapping[str, str]]) -> pd.DataFrame:
    """Collect the trials of every choice.

    Args:
        choices: method, labels, subset and budget of each, and the path of what `avbench.evaluation.trial_scores.tune`
            wrote of its trials.

    Returns:
        ``COLUMNS``, in the order of the choices and their trials: learning_rate and temperature as text, in the digits
        that they have; validation_accuracy as a share, NaN for a trial that failed; chosen, ``yes`` or ``no``; at_edge,
        of the trial chosen: which of the two is the lowest or the highest that was tried, joined by ``and``; or none.

    Raises:
        UserError: a file is missing or lacks a key.
    """
    rows = []
    for choice in choices:
        trials = read_json(choice["path"])
        keys = (*KEYS, "validation_accuracy", "chosen")
        if missing := [key for trial in trials for key in keys if key not in trial]:
            raise UserError(f"{choice['path']} has no key {missing[0]!r}; delete it to have it made again.")
        points = [Point(*(trial[key] for key in KEYS)) for trial in trials]
        for point, trial in zip(points, trials, strict=True):
            edges = at_edge(point, points) if trial["chosen"] else []
            shown = [f"{value:g}" for value in point]
            told = (trial["validation_accuracy"], "yes" if trial["chosen"] else "no", " and ".join(edges))
            rows.append([*(choice[key] for key in CHOICE), *shown, *told])
    made = pd.DataFrame(rows, columns=COLUMNS)
    return made.astype({"validation_accuracy": float})


def told(tuning: pd.DataFrame) -> str:
    """Say how many trials each method had, how many of them failed, and whether choices often lie at an edge.

    Args:
        tuning: of :func:`table`.
    """
    if tuning.empty:
        return "One setting of learning rate and temperature served all methods: none was tuned."
    sizes = tuning.groupby(CHOICE, sort=False).size()
    lengths = " at each budget" if tuning["budget"].nunique() > 1 else ""
    said = (
        f"Each method had {sizes.max()} trials of learning rate and temperature{lengths}, chosen from on validation "
        "clips: tables/tuning.csv."
    )
    if failed := int(tuning["validation_accuracy"].isna().sum()):
        said += f" {failed} of all {len(tuning)} trials ended with a loss that was not finite."
    chosen = tuning[tuning["chosen"] == "yes"]
    if (edges := int((chosen["at_edge"] != "").sum())) > OFTEN * len(chosen):
        named = [key for key in KEYS if chosen["at_edge"].str.contains(key, regex=False).any()]
        keys = " and ".join(f"tuning.{key}" for key in named)
        said += f" Warning: {edges} of {len(chosen)} choices lie at an edge of what was tried: widen {keys}."
    return said
