"""Every mean accuracy with what the page filters it by, and the names that it shows."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from avbench.config.budgets import ALL_BUDGETS
from avbench.config.evaluation import OF_SETS
from avbench.evaluation.scores import CELL
from avbench.figures import names, style
from avbench.pages.page_plan import PagePlan
from avbench.results.tables import ALL_SUBSETS, is_own

FILTERS = ("task", "protocol", "modality", "subset", "labels", "budget")
ANY = "*"  # of a filter that lets everything through
OWN = "~own"  # of the filter of labels: each method's own
BASELINE = "supervised"  # a protocol that is shown beside every other: it probes nothing


def content(read: Mapping[str, pd.DataFrame], plan: PagePlan) -> dict[str, Any]:
    """Return what the page's explorer shows, as JSON can hold it.

    Args:
        read: the tables ``summary`` and ``accuracy``.
        plan: names tasks, subsets, budgets, own labels and label variants.

    Returns:
        ``rows``: those of ``summary.csv``, in its order, numbers as they stand there, with ``own`` (whether the labels
        are the method's own), ``values`` (accuracy by seed), ``edges`` (probes at an edge of their grid) and
        ``coverage`` (the lowest share of test clips that are stored). ``filters``: the values of each, and which is
        chosen at first. ``names``: what each value is called. ``measures``: what scores are that are
        no accuracy, by protocol. ``methods``: name and colour of each.
    """
    summary = read["summary"]
    scores = dict(list(read["accuracy"].groupby(CELL, sort=False)))
    own = is_own(summary, plan.own_labels)
    rows = []
    for row, is_theirs in zip(summary.to_dict("records"), own, strict=True):
        part = scores[tuple(row[name] for name in CELL)]
        numbers = {name: None if row[name] != row[name] else row[name] for name in ("mean", "ci_low", "ci_high")}
        values = {str(int(seed)): value for seed, value in zip(part["seed"], part["accuracy"], strict=True)}
        about = {"own": bool(is_theirs), "values": values, "edges": int((part["edge"] != "").sum())}
        rows.append({**row, **numbers, **about, "coverage": float(part["coverage"].min())})
    return {
        "rows": rows,
        "filters": _filters(summary, plan),
        "names": _names(summary, plan),
        # black is the colour of the text, also where that is light
        "methods": {
            name: {"name": style.method_name(name), "colour": look.colour.replace(style.BLACK, "currentColor")}
            for name, look in style.looks(summary["method"]).items()
        },
        "measures": {
            name: names.sentence(words) for name, words in OF_SETS.items() if name in set(summary["protocol"])
        },
        "any": ANY,
        "own": OWN,
        "baseline": BASELINE,
        "everywhere": {"subset": ALL_SUBSETS, "budget": ALL_BUDGETS, "protocol": BASELINE},
    }


def _filters(summary: pd.DataFrame, plan: PagePlan) -> dict[str, dict[str, Any]]:
    """Return the values of each filter in their order, and the first choice: what figures of the report show too."""
    left_out = {"subset": ALL_SUBSETS, "budget": ALL_BUDGETS}
    found = {}
    for name in FILTERS:
        values = [value for value in dict.fromkeys(summary[name]) if value != left_out.get(name)]
        if name == "protocol" and len(values) > 1:
            values = [value for value in values if value != BASELINE]
        found[name] = {"values": values, "first": values[0] if values else ANY}
    wanted = {"protocol": "linear", "modality": "audio", "budget": plan.budgets[-1]}
    in_domain = [task for task, role in plan.tasks.items() if role == "in-domain"]
    wanted |= {"task": in_domain[0]} if in_domain else {}
    for name, value in wanted.items():
        if value in found[name]["values"]:
            found[name]["first"] = value
    found["subset"]["first"] = ANY
    found["labels"]["first"] = OWN
    return found


def _names(summary: pd.DataFrame, plan: PagePlan) -> dict[str, dict[str, str]]:
    """Return what the values of each filter are called."""
    called: dict[str, Any] = {
        "task": lambda task: names.task_name(task) + (f" ({plan.tasks[task]})" if task in plan.tasks else ""),
        "protocol": names.protocol_name,
        "labels": lambda labels: names.labels_name(labels, plan.label_variants) or "no labels",
    }
    return {
        name: {value: called.get(name, names.words)(value) for value in dict.fromkeys(summary[name])}
        for name in FILTERS
    }
