"""Claims about sampling methods, tested as linear contrasts of accuracies that are paired over seeds."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import jsonschema
import pandas as pd
import yaml

from avbench import stats
from avbench.errors import UserError

SCHEMA = Path(__file__).parents[1] / "workflow" / "schemas" / "claims.schema.json"
COLUMNS = ("claim", "text", "verdict", "effect", "ci_low", "ci_high", "seeds")
ALL_SUBSETS = "all"
HOLDS, FAILS, UNDECIDED, NOT_TESTED = "holds", "does not hold", "undecided", "not tested"


@dataclass(frozen=True)
class Term:
    """One accuracy in a contrast: of a method on the ``smallest``, the ``largest`` or a named subset."""

    method: str
    subset: str
    weight: float


@dataclass(frozen=True)
class Claim:
    """The claim that a weighted sum of accuracies is greater than zero.

    Attributes:
        id: a short name.
        text: one sentence for readers.
        task: a role, ``in-domain`` or ``out-of-domain``, for the mean over its tasks; or a task's name.
        protocol: as in the accuracy table.
        modality: as in the accuracy table.
        terms: the contrast.
        expect: ``greater``: the claim is that the contrast is above zero.
    """

    id: str
    text: str
    task: str
    protocol: str
    modality: str
    terms: tuple[Term, ...]
    expect: str = "greater"


def read_claims(path: str | Path) -> list[Claim]:
    """Read a YAML file of claims.

    Raises:
        UserError: it is missing, no YAML, or breaks the schema.
    """
    try:
        content = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise UserError(f"cannot read the claims in {path}: {error}.") from error
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    error = jsonschema.exceptions.best_match(jsonschema.Draft202012Validator(schema).iter_errors(content))
    if error is not None:
        raise UserError(f"{path}: {error.json_path.removeprefix('$').lstrip('.') or 'the file'}: {error.message}.")
    claims = [Claim(**{**item, "terms": tuple(Term(**term) for term in item["terms"])}) for item in content["claims"]]
    ids = [claim.id for claim in claims]
    if twice := sorted({name for name in ids if ids.count(name) > 1}):
        raise UserError(f"{path}: the claim {twice[0]!r} is there twice; ids must be unique.")
    return claims


def evaluate(
    accuracy: pd.DataFrame,
    claims: Sequence[Claim],
    tasks: Mapping[str, str],
    subset_order: Sequence[str],
    level: float = 0.95,
) -> pd.DataFrame:
    """Test claims against an experiment's accuracies.

    The contrast is taken for every seed that all its terms have; its mean and t interval over those seeds
    give the verdict: ``holds`` if the interval lies above zero, ``does not hold`` if it lies below, else
    ``undecided`` (as with a single seed). A claim is ``not tested``, and its effect NaN, if a method, subset
    or task is not in the experiment, or if it asks for the largest subset where there is but one. Each
    interval stands for itself: there is no correction for the number of claims.

    Args:
        accuracy: the table of :func:`avbench.tables.accuracy`. A row whose subset is ``all`` counts for
            every subset.
        claims: what to test.
        tasks: each task's role, ``in-domain`` or ``out-of-domain``.
        subset_order: the subsets' names, smallest first.
        level: of the interval.

    Returns:
        One row a claim: claim, text, verdict, effect, ci_low, ci_high (in the unit of accuracy), seeds (their
        number).

    Raises:
        UserError: a method has two accuracies for one seed.
    """
    rows = []
    for claim in claims:
        effects = _contrast(accuracy, claim, tasks, subset_order)
        if effects is None or effects.empty:
            rows.append((claim.id, claim.text, NOT_TESTED, math.nan, math.nan, math.nan, 0))
            continue
        mean, low, high = stats.interval(effects.to_numpy(), level)
        verdict = HOLDS if low > 0 else FAILS if high < 0 else UNDECIDED
        rows.append((claim.id, claim.text, verdict, mean, low, high, len(effects)))
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _contrast(
    accuracy: pd.DataFrame, claim: Claim, tasks: Mapping[str, str], subset_order: Sequence[str]
) -> pd.Series | None:
    """Return the contrast by seed, over the seeds that all terms have; None if a name is unknown."""
    names = [name for name, role in tasks.items() if claim.task in (name, role)]
    places = {"smallest": subset_order[0], "largest": subset_order[-1] if len(subset_order) > 1 else None}
    if not names:
        return None
    parts = []
    for term in claim.terms:
        subset = places.get(term.subset, term.subset)
        for name in names:
            rows = accuracy[
                (accuracy["method"] == term.method)
                & (accuracy["task"] == name)
                & (accuracy["protocol"] == claim.protocol)
                & (accuracy["modality"] == claim.modality)
                & accuracy["subset"].isin([subset, ALL_SUBSETS])
            ]
            if subset is None or rows.empty:
                return None
            if rows["seed"].duplicated().any():
                raise UserError(
                    f"claim {claim.id}: method {term.method!r} has two accuracies for one seed on task "
                    f"{name!r}, subset {subset!r}. Give methods that differ different names."
                )
            parts.append(rows.set_index("seed")["accuracy"] * term.weight / len(names))
    # Rounded, so that equal accuracies cancel to zero and not to a tiny number that looks like an effect.
    return pd.concat(parts, axis=1, join="inner").sum(axis=1).round(9)
