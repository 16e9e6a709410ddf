"""The tables and the plan of an experiment with a page: numbers made up, but in step with one another."""

import itertools
import json

import pandas as pd

from avbench.evaluation.scores import ACCURACY_COLUMNS, CELL
from avbench.pages.page import make_page
from avbench.results import tables
from avbench.results.published_claims import COLUMNS
from tests.support.paths import CONFIG

SEEDS, SUBSETS, BUDGETS = (0, 1, 2), ("small", "large"), ("short", "long")
METHODS = {"untrained": "none", "random": "none", "soft-positive": "true"}
# verdict, effect, published of the claims that the experiment can test
CLAIMS = {
    "soft-positive-small": ("holds", 0.08, 0.067),
    "gap-shrinks": ("undecided", 0.02, float("nan")),
    "soft-positive-large": ("does not hold", -0.06, float("nan")),
}
BASE = {"untrained": 0.2, "random": 0.4, "soft-positive": 0.48}


def accuracy():
    """Every score: of each method, the supervised baseline, and soft positives of wrong labels."""
    rows = []
    runs = [*METHODS.items(), ("soft-positive", "wrong")]
    for method, labels in runs:
        for task, protocol, subset in itertools.product(("home", "afar"), ("linear", "knn"), SUBSETS):
            for budget in ["all"] if method == "untrained" else BUDGETS:
                mean = BASE[method] - 0.1 * (labels == "wrong") - 0.05 * (task == "afar") + 0.01 * (budget == "long")
                mean -= (0.14 if method == "soft-positive" else 0) * (subset == "large") - 0.1 * (subset == "large")
                about = (0.5, 24, 100, 0.95 if task == "afar" else 1.0)
                fitted = (0.01, "lowest" if method == "random" and subset == "small" else "")
                cell = (method, task, protocol, "audio", subset, labels, budget)
                rows += [(*cell, seed, mean + (seed - 1) / 100, *about, *fitted) for seed in SEEDS]
    supervised = ("supervised", "home", "supervised", "audio", "small", "true", "all")
    rows += [(*supervised, seed, 0.55, 0.5, 24, 100, 1.0, float("nan"), "") for seed in SEEDS]
    return pd.DataFrame(rows, columns=ACCURACY_COLUMNS)


def summary(scores):
    mean = scores.groupby(CELL, sort=False)["accuracy"].mean().reset_index(name="mean")
    return mean.assign(seeds=3, clips=100, ci_low=mean["mean"] - 0.03, ci_high=mean["mean"] + 0.03)[
        tables.SUMMARY_COLUMNS
    ]


def claims():
    rows = []
    for claim, (verdict, effect, published) in CLAIMS.items():
        numbers = (effect, effect - 0.03, effect + 0.03, 0.001, 0.01, 3, 100, 2)
        change = (float("nan"),) * 5
        rows.append((claim, f"The claim {claim}.", verdict, *numbers, *change, "paper", published))
    nothing = (float("nan"),) * 5
    rows.append(("finetuned", 'With <b> & "quotes".', "not tested", *nothing, 0, 0, 2, *nothing, "ours", float("nan")))
    return pd.DataFrame(rows, columns=[*COLUMNS])


def write_tables(folder):
    """Write all tables that the page reads."""
    scores = accuracy()
    made = {"accuracy": scores, "summary": summary(scores), "claims": claims()}
    numbers = ["effect", "ci_low", "ci_high", "p", "p_holm", "seeds", "clips"]
    each = [claims()[["claim", "verdict", *numbers]].assign(budget=budget, stopped="listed") for budget in BUDGETS]
    made["claims_by_budget"] = pd.concat(each)
    budgets = {"shorter": ["short"], "longer": ["long"], "verdict": ["gains"], "method": ["random"]}
    made["budgets"] = pd.DataFrame(budgets)
    pairs = {"subset": "small", "budget": "long", "seed": 0, "negatives_of_class": 0.04}
    shares = {("random", "none"): (0.0, 1.0), ("soft-positive", "true"): (0.9, 1.0)}
    shares[("soft-positive", "wrong")] = (0.9, 0.2)
    made["sampling"] = pd.DataFrame(
        [
            {"method": method, "labels": labels, "foreign_positives": foreign, "positives_of_class": same, **pairs}
            for (method, labels), (foreign, same) in shares.items()
        ]
    )
    states = [("test", "stored", "", 95), ("test", "rejected", "silent", 3), ("test", "unavailable", "private", 2)]
    made["coverage"] = pd.DataFrame(
        [("toys", split, "dog", state, reason, clips) for split, state, reason, clips in states],
        columns=["dataset", "split", "label", "state", "reason", "clips"],
    )
    shared = {"subset": ["small"], "task": ["home"], "dataset": ["toys"], "shared_clips": [0]}
    made["leaks"] = pd.DataFrame(shared | {"shared_recordings": [0], "example": [""]})
    for name, table in made.items():
        tables.write(folder / "tables" / f"{name}.csv", table)
    return made


def plan():
    """The fields of a page's plan."""
    return {
        "experiment": "paged",
        "dataset": "toys",
        "seeds": [*SEEDS],
        "tasks": {"home": "in-domain", "afar": "out-of-domain"},
        "subsets": [*SUBSETS],
        "budgets": [*BUDGETS],
        "own_labels": METHODS,
        "methods": {
            "random": {"name": "random", "positive": "self", "batch": "shuffled", "labels": "none"},
            "soft-positive": {"name": "sp", "positive": "same-class", "batch": "shuffled", "labels": "true"},
        },
        "label_variants": {"wrong": {"kind": "noise", "noise": "uniform", "rate": 0.3}},
        "claims": str(CONFIG / "claims.yaml"),
        "figures": {"pairs": "What each method pairs", "samples": "Stored samples"},
        "tables": {"accuracy": "Every score"},
    }


def write_page(folder):
    """Write tables, record and page; return the page."""
    write_tables(folder)
    make_page(plan(), folder / "tables", write_record(folder), folder / "index.html")
    return folder / "index.html"


def write_record(folder):
    """Write a record of the tables; return it."""
    made = {"avbench": "0.1.0", "commit": "abc", "python": "3.11", "packages": {"torch": "2"}, "gpus": []}
    made |= {"system": "Linux", "processor": "any", "cores": 2, "memory_gb": 4.0, "ended": "2026-01-01T00:00:00+00:00"}
    (folder / "record.json").write_text(json.dumps({"provenance": made}), encoding="utf-8")
    return folder / "record.json"
