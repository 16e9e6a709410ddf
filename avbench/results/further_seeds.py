"""Which runs get further seeds after a look: those that an open claim names."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from avbench.config.methods import SUPERVISED
from avbench.config.settings import build
from avbench.results import collect, outcomes
from avbench.results.claims import cells_of, read_claims
from avbench.results.outcomes import Cell
from avbench.results.stopping import OPEN, Looks
from avbench.results.verdicts import NOT_TESTED, judge


@dataclass(frozen=True)
class RoundPlan:
    """What it is decided by, and about.

    Attributes:
        scores: score files of all seeds so far, each with the predictions beside it.
        claims: the file of claims.
        tasks: each task's role.
        subsets, budgets: their names, smallest and shortest first.
        own_labels: of each method.
        looks: the fields of :class:`avbench.results.stopping.Looks`.
        runs: folder, method, subset, labels and budget of each run, and the folders of its first rounds.
        baselines: folder, task and subset of each supervised baseline.
    """

    scores: tuple[str, ...]
    claims: str
    tasks: Mapping[str, str]
    subsets: tuple[str, ...]
    own_labels: Mapping[str, str]
    budgets: tuple[str, ...]
    looks: Mapping[str, Any]
    runs: tuple[Mapping[str, Any], ...]
    baselines: tuple[Mapping[str, str], ...]


def decide(plan: Mapping[str, Any]) -> dict[str, Any]:
    """Say how each claim has fared so far, and which runs get the next round of seeds.

    Args:
        plan: the fields of :class:`RoundPlan`.

    Returns:
        ``seeds``, of this look; ``claims``: claim, budget and state of each, ``open``, why it gets no further seeds, or
        ``not tested``, with its ``effect`` in points; ``further``: the folders of the runs that get further seeds, in
        the order of the plan: those that a term of an open claim names, with the first rounds that made their labels.

    Raises:
        UserError: a file is missing or damaged, or a claim names two things at once.
    """
    told = build(RoundPlan, plan, "plan")
    looks = build(Looks, told.looks, "plan: looks")
    found = outcomes.collect(collect.accuracy(told.scores), told.scores)
    claims, names = read_claims(told.claims), (told.tasks, told.subsets, told.own_labels)
    judged = judge(found, claims, *names, told.budgets, looks)
    states, cells = [], set()
    for claim in claims:
        for budget in judged.budgets[claim.id]:
            course = judged.courses.get((claim.id, budget))
            fared: dict[str, Any] = {"state": course.state if course else NOT_TESTED}
            fared["effect"] = round(100 * course.estimate.mean, 2) if course else None
            states.append({"claim": claim.id, "budget": budget, **fared})
            if course and course.state == OPEN:
                terms = cells_of(found, claim, {budget: 1.0}, *names) or {}
                cells |= {cell for part in terms.values() for cell, _ in part}
    folders = set(_folders(told, cells))
    listed = [run["folder"] for run in (*told.runs, *told.baselines)]
    return {
        "seeds": looks.planned[looks.had - 1],
        "claims": states,
        "further": [folder for folder in listed if folder in folders],
    }


def _folders(told: RoundPlan, cells: set[Cell]) -> Iterator[str]:
    """Yield the folders of the runs of cells, and of their first rounds."""
    runs = {(run["method"], run["subset"], run["labels"], run["budget"]): run for run in told.runs}
    baselines = {(run["task"], run["subset"]): run["folder"] for run in told.baselines}
    for method, task, _, _, subset, labels, budget in cells:
        if method == SUPERVISED:
            yield baselines[task, subset]
        else:
            run = runs[method, subset, labels, budget]
            yield run["folder"]
            yield from run["first_round"]
