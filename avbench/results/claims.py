"""Claims about sampling methods, tested as linear contrasts of accuracies that are paired over seeds and clips."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pandas as pd
import yaml

from avbench.core.errors import UserError
from avbench.results import bootstrap
from avbench.results.outcomes import Cell, Outcomes, contrast
from avbench.results.tables import ALL_SUBSETS, OwnLabels

SCHEMA = Path(__file__).parents[2] / "workflow" / "schemas" / "claims.schema.json"
COLUMNS = ("claim", "text", "verdict", "effect", "ci_low", "ci_high", "p", "p_holm", "seeds", "clips")
LEVEL = 0.05
SOURCES = ("paper", "ours")
HOLDS, FAILS, UNDECIDED, NOT_TESTED = "holds", "does not hold", "undecided", "not tested"


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
        source: who claims it, of ``SOURCES``: the paper that is replicated, or we.
    """

    id: str
    text: str
    task: str
    protocol: str
    modality: str
    terms: tuple[Term, ...]
    expect: str = "greater"
    source: str = "ours"


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
) -> pd.DataFrame:
    """Test claims against what an experiment's models got right.

    The contrast is taken for every seed and test clip that its terms have; its mean has a 95 % interval and a two-sided
    p value over seeds and clips (:func:`avbench.results.bootstrap.bootstrap`), and p values are adjusted for the number
    of claims that could be tested (Holm). A claim ``holds`` if its interval lies above zero and the adjusted p is below
    0.05; it ``does not hold`` if its interval lies below zero with such a p; else it is ``undecided``, as it always is
    with a single seed, which has no p. A claim is ``not tested``, and its effect NaN, if a method, protocol, subset,
    task or labels are not in the experiment, or if it asks for the largest subset where there is but one.

    Args:
        outcomes: of :func:`avbench.results.outcomes.collect`. A cell whose subset is ``all`` counts for every subset.
        claims: what to test.
        tasks: each task's role, ``in-domain`` or ``out-of-domain``.
        subset_order: the subsets' names, smallest first.
        own_labels: the labels of a method where a term names none; by default the only ones.

    Returns:
        One row per claim, ``COLUMNS``: effect and bounds in the unit of accuracy; seeds and clips are their numbers.

    Raises:
        UserError: a term has two cells, which differ in labels only, and nothing says which is meant.
    """
    rows = []
    for claim in claims:
        parts = _contrasts(outcomes, claim, tasks, subset_order, own_labels or {})
        if parts is None:
            rows.append((claim.id, claim.text, NOT_TESTED, *[math.nan] * 5, 0, 0))
            continue
        found = bootstrap.bootstrap(parts)
        rows.append((claim.id, claim.text, "", found.mean, found.low, found.high, found.p, math.nan))
        rows[-1] += (found.seeds, found.clips)
    table = pd.DataFrame(rows, columns=list(COLUMNS))
    table["p_holm"] = bootstrap.holm(table["p"])
    certain = table["p_holm"] < LEVEL
    table.loc[table["verdict"] == "", "verdict"] = UNDECIDED
    table.loc[certain & (table["ci_low"] > 0), "verdict"] = HOLDS
    table.loc[certain & (table["ci_high"] < 0), "verdict"] = FAILS
    return table


def _contrasts(
    outcomes: Mapping[Cell, Outcomes],
    claim: Claim,
    tasks: Mapping[str, str],
    subset_order: Sequence[str],
    own_labels: OwnLabels,
) -> dict[str, np.ndarray] | None:
    """Return the contrast by task, over the seeds and clips that all terms have; None if something is lacking."""
    names = [name for name, role in tasks.items() if claim.task in (name, role)]
    places = {"smallest": subset_order[0], "largest": subset_order[-1] if len(subset_order) > 1 else None}
    terms: dict[str, list[tuple[Outcomes, float]]] = {name: [] for name in names}
    for term in claim.terms:
        subset = places.get(term.subset, term.subset)
        labels = term.labels or own_labels.get(term.method)
        for name in names:
            place = (term.method, name, term.protocol or claim.protocol, claim.modality)
            cells = [cell for cell in outcomes if cell[:4] == place and cell[4] in (subset, ALL_SUBSETS)]
            cells = [cell for cell in cells if labels in (None, cell[5])]
            if subset is None or not cells:
                return None
            if len(cells) > 1:
                found = " and ".join(cell[5] for cell in cells)
                raise UserError(
                    f"claim {claim.id}: method {term.method!r} has {len(cells)} accuracies on task {name!r}, subset "
                    f"{subset!r}, with the labels {found}. Name the term's labels."
                )
            terms[name].append((outcomes[cells[0]], term.weight / len(names)))
    seeds = set.intersection(*({*cell.seeds} for part in terms.values() for cell, _ in part)) if names else set()
    parts = {name: contrast(part, seeds) for name, part in terms.items()}
    return parts if seeds and all(part.size for part in parts.values()) else None
