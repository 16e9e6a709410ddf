"""Claims about sampling methods: linear contrasts of accuracies that are paired over seeds and clips."""

import itertools
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import yaml

from avbench.config.budgets import ALL_BUDGETS
from avbench.config.evaluation import OF_SETS
from avbench.core.errors import UserError
from avbench.results.outcomes import Cell, Outcomes, contrast
from avbench.results.tables import ALL_SUBSETS, OwnLabels

SCHEMA = Path(__file__).parents[2] / "workflow" / "schemas" / "claims.schema.json"
SOURCES = ("paper", "ours")


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
        source: who claims it, of ``SOURCES``: the paper that is replicated, or we.
    """

    id: str
    text: str
    task: str
    protocol: str
    modality: str
    terms: tuple[Term, ...]
    expect: str = "greater"
    budget: str | None = None
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


def contrast_of(
    outcomes: Mapping[Cell, Outcomes],
    claim: Claim,
    weights: Mapping[str, float],
    tasks: Mapping[str, str],
    subset_order: Sequence[str],
    own_labels: OwnLabels,
) -> dict[str, np.ndarray] | None:
    """Return a claim's contrast by task, over the seeds and clips that all of its terms have.

    Returns:
        float64 (seeds, clips) of each task, seeds ascending; None as :func:`cells_of`, or if no seed or clip is common
        to all terms.

    Args:
        outcomes, claim, weights, tasks, subset_order, own_labels: as :func:`cells_of`.

    Raises:
        UserError: as :func:`cells_of`.
    """
    found = cells_of(outcomes, claim, weights, tasks, subset_order, own_labels)
    if not found:
        return None
    terms = {name: [(outcomes[cell], weight) for cell, weight in cells] for name, cells in found.items()}
    seeds = set.intersection(*({*cell.seeds} for part in terms.values() for cell, _ in part))
    parts = {name: contrast(part, seeds) for name, part in terms.items()}
    return parts if seeds and all(part.size for part in parts.values()) else None


def cells_of(
    outcomes: Mapping[Cell, Outcomes],
    claim: Claim,
    weights: Mapping[str, float],
    tasks: Mapping[str, str],
    subset_order: Sequence[str],
    own_labels: OwnLabels,
) -> dict[str, list[tuple[Cell, float]]] | None:
    """Return the cells whose weighted sum a claim's contrast is, by task.

    Args:
        outcomes: of :func:`avbench.results.outcomes.collect`. A cell whose subset or budget is ``all`` counts for
            every one.
        claim: whose contrast. About a role, it is about those of its tasks that its protocol scores: by accuracy, or
            where clips have several labels.
        weights: of budgets: the sum of the contrasts at each with these weights is taken.
        tasks: each task's role, ``in-domain`` or ``out-of-domain``.
        subset_order: the subsets' names, smallest first.
        own_labels: the labels of a method where a term names none.

    Returns:
        Of each task, cells and their weights; None if a method, protocol, subset, task, budget or labels are not in the
        experiment, or if the largest subset is asked for where there is but one.

    Raises:
        UserError: a term has two cells, which differ in labels only, and nothing says which is meant.
    """
    several = {cell[1] for cell in outcomes if cell[2] in OF_SETS}
    fits = claim.protocol.startswith("retrieval")  # which asks for no labels
    names = [
        name
        for name, role in tasks.items()
        if claim.task == name or (claim.task == role and (fits or (name in several) == (claim.protocol in OF_SETS)))
    ]
    places = {"smallest": subset_order[0], "largest": subset_order[-1] if len(subset_order) > 1 else None}
    terms: dict[str, list[tuple[Cell, float]]] = {name: [] for name in names}
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
            terms[name].append((cells[0], sign * term.weight / len(names)))
    return terms or None
