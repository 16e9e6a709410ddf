"""Which runs get further seeds: those that open claims name, their first rounds among them, and no others."""

import json

import numpy as np
import pandas as pd
import pytest

from avbench.evaluation import scores as predictions
from avbench.results.further_seeds import decide

CLIPS = [f"clip-{number}" for number in range(400)]


def write_scores(folder, method, labels, subset, chance, seeds, task="home", protocol="linear", budget="default"):
    """Write what models got right with a certain chance that differs over seeds; return the score files."""
    files = []
    for seed in range(seeds):
        rng = np.random.default_rng([seed, len(method), len(labels)])
        correct = (rng.random(len(CLIPS)) < chance + 0.05 * rng.standard_normal()).astype(float)
        table = {"task": task, "protocol": protocol, "modality": "audio", "clip_id": CLIPS, "label": "a"}
        identity = {"method": method, "subset": subset, "labels": labels, "budget": budget, "seed": seed}
        files.append(folder / method / labels / f"seed-{seed}" / "scores.csv")
        said = pd.DataFrame(table | {"prediction": "a", "correct": correct})
        predictions.write_scores(files[-1], said, identity, {task: 10}, {task: 1.0})
    return [str(file) for file in files]


def write_claims(folder, **pairs):
    """Write a claim for each two methods: the first is better than the second."""
    lines = ["claims:"]
    for name, (better, worse) in pairs.items():
        lines += [f"  - id: {name}", f"    text: {name}", "    task: in-domain", "    protocol: linear"]
        lines += ["    source: ours", "    modality: audio", "    expect: greater", "    terms:"]
        lines += [f"      - {{method: {better}, subset: smallest, weight: 1}}"]
        lines += [f"      - {{method: {worse}, subset: smallest, weight: -1}}"]
    (folder / "claims.yaml").write_text("\n".join(lines) + "\n")
    return str(folder / "claims.yaml")


RUNS = [("random", "none", 0.4), ("great", "true", 0.9), ("second", "clusters", 0.47), ("other", "true", 0.47)]


@pytest.fixture
def plan(tmp_path):
    """Three seeds of four methods, of which `second` pairs by labels that runs of `other` made."""
    files = [path for method, labels, chance in RUNS for path in write_scores(tmp_path, method, labels, "s", chance, 3)]
    runs = [
        {"folder": name, "method": name, "subset": "s", "labels": labels, "budget": "default", "first_round": []}
        for name, labels, _ in RUNS
    ]
    runs[2]["first_round"] = ["other"]
    return {
        "scores": files,
        "claims": write_claims(
            tmp_path, clear=("great", "random"), unclear=("second", "random"), absent=("missing", "random")
        ),
        "tasks": {"home": "in-domain"},
        "subsets": ["s"],
        "own_labels": {name: labels for name, labels, _ in RUNS},
        "budgets": ["default"],
        "looks": {"planned": [3, 5, 8], "had": 1, "effect": 0.01},
        "runs": runs,
        "baselines": [],
    }


def states(made):
    return {claim["claim"]: claim["state"] for claim in made["claims"]}


def test_runs_of_open_claims_and_their_first_rounds_go_on(plan):
    made = decide(json.loads(json.dumps(plan)))
    assert made["seeds"] == 3
    assert states(made) == {"clear": "decided", "unclear": "open", "absent": "not tested"}
    assert {claim["claim"]: (claim["effect"] or 0) > 20 for claim in made["claims"]} == {
        "clear": True,
        "unclear": False,
        "absent": False,
    }
    assert made["further"] == ["random", "second", "other"]  # in the order of the plan, and `great` does not


def test_where_all_is_decided_nothing_goes_on(plan, tmp_path):
    made = decide(plan | {"claims": write_claims(tmp_path, clear=("great", "random"))})
    assert states(made) == {"clear": "decided"}
    assert made["further"] == []


def test_at_the_last_look_nothing_goes_on(plan):
    made = decide(plan | {"looks": {"planned": [2, 3], "had": 2, "effect": 0.01}})
    assert states(made)["unclear"] == "out of seeds"
    assert made["further"] == []


def test_a_baseline_that_an_open_claim_names_goes_on(plan, tmp_path):
    more = write_scores(tmp_path, "supervised", "true", "s", 0.47, 3, protocol="supervised", budget="all")
    claims = write_claims(tmp_path, baseline=("supervised", "random"))
    text = (tmp_path / "claims.yaml").read_text()
    (tmp_path / "claims.yaml").write_text(text.replace("weight: 1}", "weight: 1, protocol: supervised}"))
    baselines = [
        {"folder": "home/s", "task": "home", "subset": "s"},
        {"folder": "afar/s", "task": "afar", "subset": "s"},
    ]
    made = decide(plan | {"scores": [*plan["scores"], *more], "claims": claims, "baselines": baselines})
    assert states(made) == {"baseline": "open"}
    assert made["further"] == ["random", "home/s"]
