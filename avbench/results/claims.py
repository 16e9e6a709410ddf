"""Claims about sampling methods, tested as linear contrasts of accuracies that are paired over seeds and clips."""

import itertools
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pandas as pd
import yaml

from avbench.config.budgets import ALL_BUDGETS, DEFAULT
from avbench.core.errors import UserError
from avbench.results import bootstrap
from avbench.results.outcomes import Cell, Outcomes, contrast
from avbench.results.tables import ALL_SUBSETS, OwnLabels

SCHEMA = Path(__file__).parents[2] / "workflow" / "schemas" / "claims.schema.json"
COLUMNS: tuple[str, ...] = (
    "claim",
    "text",
    "verdict",
    "effect",
    "ci_low",
    "ci_high",
    "p",
    "p_holm",
    "seeds",
    "clips",
    "budgets",
)
COLUMNS += ("change", "change_low", "change_high", "change_p", "change_p_holm")
BUDGET_COLUMNS = ("claim", "budget", "verdict", "effect", "ci_low", "ci_high", "p", "p_holm", "seeds", "clips")
LEVEL = 0.05
HOLDS, FAILS, DEPENDS = "holds", "does not hold", "depends on the budget"
UNDECIDED, NOT_TESTED = "undecided", "not tested"


@dataclass(frozen=True)
class Term:
    """One accuracy in a contrast: of a method on the ``smallest``, the ``largest`` or a named subset.

    Its protocol is the claim's unless it has its own, and its labels are the method's own unless it names others.
    """

    method: str
    subset: str
    weight: float
    protocol: str | None = None
    labels: str | None = None


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
        budget: the name of the only budget that it is about; none for every one.
    """

    id: str
    text: str
    task: str
    protocol: str
    modality: str
    terms: tuple[Term, ...]
    expect: str = "greater"
    budget: str | None = None


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
    fault = jsonschema.exceptions.best_match(jsonschema.Draft202012Validator(schema).iter_errors(content))
    if fault is not None:
        raise UserError(f"{path}: {fault.json_path.removeprefix('$').lstrip('.') or 'the file'}: {fault.message}.")
    claims = [Claim(**{**item, "terms": tuple(map(_term, item["terms"]))}) for item in content["claims"]]
    ids = [claim.id for claim in claims]
    if twice := sorted({name for name in ids if ids.count(name) > 1}):
        raise UserError(f"{path}: the claim {twice[0]!r} is there twice; ids must be unique.")
    return claims


def _term(fields: Mapping[str, Any]) -> Term:
    """Read a term; YAML takes a bare ``true`` for a boolean."""
    return Term(**{**fields, "labels": "true" if fields.get("labels") is True else fields.get("labels")})


def evaluate(
    outcomes: Mapping[Cell, Outcomes],
    claims: Sequence[Claim],
    tasks: Mapping[str, str],
    subset_order: Sequence[str],
    own_labels: OwnLabels | None = None,
    budgets: Sequence[str] = (DEFAULT,),
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Test claims against what an experiment's models got right, at each budget and over all of them.

    At each budget the contrast is taken for every seed and test clip that its terms have; its mean has a 95 % interval
    and a two-sided p value over seeds and clips (:func:`avbench.results.bootstrap.bootstrap`), adjusted for the number
    of claims that could be tested (Holm). A claim ``holds`` there if its interval lies above zero and the adjusted p is
    below 0.05; it ``does not hold`` if its interval lies below zero with such a p; else it is ``undecided``, as it
    always is with a single seed, which has no p. A claim is ``not tested``, and its effect NaN, if a method, protocol,
    subset, task or labels are not in the experiment, or if it asks for the largest subset where there is but one.

    Over all budgets it ``holds`` or ``does not hold`` only if that is so at each: its p value is the largest over the
    budgets, and 1 where signs differ (intersection–union test: Berger 1982, "Multiparameter hypothesis testing and
    acceptance sampling"), adjusted over the claims. Else it ``depends on the budget`` if the contrast at the longest
    minus that at the shortest has a p below 0.05, adjusted over these differences, which are a family of their own.

    Args:
        outcomes: of :func:`avbench.results.outcomes.collect`. A cell whose subset or budget is ``all`` counts for
            every one.
        claims: what to test; one that names a budget, at that alone.
        tasks: each task's role, ``in-domain`` or ``out-of-domain``.
        subset_order: the subsets' names, smallest first.
        own_labels: the labels of a method where a term names none; by default the only ones.
        budgets: their names, shortest first.

    Returns:
        One row per claim, ``COLUMNS``, of the longest budget but for the verdict and the p values: effect, change and
        bounds in the unit of accuracy; seeds, clips and budgets are their numbers, ``change`` is the effect at the
        longest minus that at the shortest budget. And one row per claim and budget, ``BUDGET_COLUMNS``.

    Raises:
        UserError: a term has two cells, which differ in labels only, and nothing says which is meant.
    """
    find = partial(_contrasts, outcomes, tasks=tasks, subset_order=subset_order, own_labels=own_labels or {})
    tested = {claim.id: [claim.budget] if claim.budget else list(budgets) for claim in claims}
    at_each = [(claim.id, budget, find(claim, {budget: 1.0})) for claim in claims for budget in tested[claim.id]]
    by_budget = pd.DataFrame([(*key, "", *_estimated(parts)) for *key, parts in at_each], columns=[*BUDGET_COLUMNS])
    by_budget["p_holm"] = by_budget.groupby("budget")["p"].transform(bootstrap.holm)
    by_budget["verdict"] = _verdicts(by_budget, by_budget)
    several = {claim.id: {ends[-1]: 1.0, ends[0]: -1.0} for claim in claims if len(ends := tested[claim.id]) > 1}
    changes = [_estimated(find(claim, several[claim.id]) if claim.id in several else None) for claim in claims]
    return _overall(claims, by_budget, changes), by_budget


def _estimated(parts: Mapping[str, np.ndarray] | None) -> tuple[float, ...]:
    """Return effect, bounds, p, a place for the adjusted p, seeds and clips of a contrast; of none, that it is none."""
    if parts is None:
        return (*[math.nan] * 5, 0, 0)
    found = bootstrap.bootstrap(parts)
    return (found.mean, found.low, found.high, found.p, math.nan, found.seeds, found.clips)


def _overall(claims: Sequence[Claim], by_budget: pd.DataFrame, changes: Sequence[tuple[float, ...]]) -> pd.DataFrame:
    """Return the table of claims, of what was found at each budget and of the changes between the ends."""
    rows, ends = [], []
    for claim, (change, low, high, p, *_) in zip(claims, changes, strict=True):
        own = by_budget[by_budget["claim"] == claim.id]
        longest = own.iloc[-1]
        found = [longest[name] for name in ("effect", "ci_low", "ci_high")]
        one_sign = (own["effect"] > 0).all() or (own["effect"] < 0).all()
        largest = own["p"].max(skipna=False) if one_sign or own["p"].isna().any() else 1.0
        counted = [longest["seeds"], longest["clips"], len(own)]
        rows.append((claim.id, claim.text, "", *found, largest, math.nan, *counted, change, low, high, p, math.nan))
        ends.append((own["ci_low"].min(skipna=False), own["ci_high"].max(skipna=False)))
    table = pd.DataFrame(rows, columns=[*COLUMNS])
    for name in ("p", "change_p"):
        table[f"{name}_holm"] = bootstrap.holm(table[name])
    table["verdict"] = _verdicts(table, pd.DataFrame(ends, columns=["ci_low", "ci_high"]))
    open_ones = table["verdict"] == UNDECIDED
    table.loc[open_ones & (table["change_p_holm"] < LEVEL), "verdict"] = DEPENDS
    return table


def _verdicts(table: pd.DataFrame, bounds: pd.DataFrame) -> pd.Series:
    """Return what adjusted p values and intervals decide; ``bounds`` has the lowest and the highest end of each row."""
    certain = table["p_holm"] < LEVEL
    verdicts = pd.Series(UNDECIDED, table.index)
    verdicts[table["effect"].isna()] = NOT_TESTED
    verdicts[certain & (bounds["ci_low"] > 0)] = HOLDS
    verdicts[certain & (bounds["ci_high"] < 0)] = FAILS
    return verdicts


def _contrasts(
    outcomes: Mapping[Cell, Outcomes],
    claim: Claim,
    weights: Mapping[str, float],
    tasks: Mapping[str, str],
    subset_order: Sequence[str],
    own_labels: OwnLabels,
) -> dict[str, np.ndarray] | None:
    """Return the contrast by task, over the seeds and clips that all terms have; None if something is lacking.

    Over several budgets it is the sum of the contrasts at each with these weights.
    """
    names = [name for name, role in tasks.items() if claim.task in (name, role)]
    places = {"smallest": subset_order[0], "largest": subset_order[-1] if len(subset_order) > 1 else None}
    terms: dict[str, list[tuple[Outcomes, float]]] = {name: [] for name in names}
    for term, (budget, sign) in itertools.product(claim.terms, weights.items()):
        subset = places.get(term.subset, term.subset)
        labels = term.labels or own_labels.get(term.method)
        for name in names:
            place = (term.method, name, term.protocol or claim.protocol, claim.modality)
            cells = [cell for cell in outcomes if cell[:4] == place and cell[4] in (subset, ALL_SUBSETS)]
            cells = [cell for cell in cells if labels in (None, cell[5]) and cell[6] in (budget, ALL_BUDGETS)]
            if subset is None or not cells:
                return None
            if len(cells) > 1:
                found = " and ".join(cell[5] for cell in cells)
                raise UserError(
                    f"claim {claim.id}: method {term.method!r} has {len(cells)} accuracies on task {name!r}, subset "
                    f"{subset!r}, with the labels {found}. Name the term's labels."
                )
            terms[name].append((outcomes[cells[0]], sign * term.weight / len(names)))
    seeds = set.intersection(*({*cell.seeds} for part in terms.values() for cell, _ in part)) if names else set()
    parts = {name: contrast(part, seeds) for name, part in terms.items()}
    return parts if seeds and all(part.size for part in parts.values()) else None
