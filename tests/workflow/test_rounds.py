"""Seeds in rounds, run for real: open claims get further seeds, others none; kills and restarts change nothing."""

import copy
import json
import os
import random
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest
import yaml

from tests.workflow.conftest import TINY, Workflow, jobs

TABLES = ("results/tiny/tables/claims.csv",)
KILLS = 5
_CELL = {"source": "ours", "task": "in-domain", "protocol": "linear", "modality": "audio", "expect": "greater"}
# With so few test clips the first can be decided by no number of seeds, but promises to be; the second cannot be as
# large as the effect of interest.
CLAIMS = {"open": [("soft-positive", 1), ("untrained", -1)], "small": [("random", 0.01), ("untrained", -0.01)]}


def sequential(folder: Path, data: Path) -> Workflow:
    """Return an experiment in rounds of two and one seeds; its dataset is there already."""
    for part in ("data", ".snakemake/metadata"):
        shutil.copytree(data / part, folder / part)
    claims = []
    for name, weights in CLAIMS.items():
        terms = [{"method": method, "subset": "smallest", "weight": weight} for method, weight in weights]
        claims.append({"id": name, "text": f"It is {name}.", **_CELL, "terms": terms})
    (folder / "claims.yaml").write_text(yaml.safe_dump({"claims": claims}), encoding="utf-8")
    config = copy.deepcopy(TINY) | {"claims": str(folder / "claims.yaml")}
    config["seeds"] = {"first": 2, "most": 3, "until": "decided", "effect": 55}
    config["methods"] = {"random": "preset", "soft-positive": "preset"}
    config["evaluation"] = {"linear": config["evaluation"]["linear"]}
    return Workflow(folder, config)


@pytest.fixture(scope="module")
def undisturbed(finished, tmp_path_factory) -> Workflow:
    """The experiment up to its tables, and what was planned at the start and at the end of it."""
    workflow = sequential(tmp_path_factory.mktemp("rounds"), finished.folder)
    workflow.planned = jobs(workflow.run("--dry-run"))
    workflow.printed = workflow.run(*TABLES)
    return workflow


def test_runs_of_open_claims_get_the_next_round_and_others_do_not(undisturbed):
    assert undisturbed.planned["decide"] == 1  # what follows is not known before
    assert undisturbed.planned["pretrain"] == 2
    first, second = (json.loads(undisturbed.pages("rounds", f"{look}.json").read_text()) for look in (2, 3))
    assert {claim["claim"]: claim["state"] for claim in first["claims"]} == {"open": "open", "small": "too small"}
    runs = "results/tiny/runs/toys/few"
    assert first["further"] == [f"{runs}/none/untrained/all", f"{runs}/true/soft-positive/default"]
    assert second["further"] == []
    for name, seeds in {"random": 2, "soft-positive": 3}.items():
        assert len(list(undisturbed.pages("runs").glob(f"**/{name}/*/seed-*"))) == seeds
    claims = undisturbed.pages("tables", "claims_by_budget.csv").read_text().splitlines()
    columns = [line.split(",") for line in claims]
    seeds, stopped = (columns[0].index(name) for name in ("seeds", "stopped"))
    assert [(row[0], row[seeds], row[stopped]) for row in columns[1:]] == [
        ("open", "3", second["claims"][0]["state"]),
        ("small", "2", "too small"),
    ]


def test_what_is_decided_is_said_once(undisturbed):
    told = [line for line in undisturbed.printed.splitlines() if line.startswith("claim ")]
    second = json.loads(undisturbed.pages("rounds", "3.json").read_text())["claims"][0]
    assert [line.partition(" seeds")[0] for line in told] == [
        "claim small: too small after 2",
        *([f"claim open: {second['state']} after 3"] if second["state"] != "open" else []),
    ]


def test_a_second_run_repeats_nothing(undisturbed):
    again = undisturbed.run(*TABLES)
    assert "Nothing to be done" in again
    assert "claim " not in again


@pytest.mark.slow
def test_kills_between_and_within_rounds_change_nothing(undisturbed, finished, tmp_path):
    workflow, draw = sequential(tmp_path / "killed", finished.folder), random.Random(0)
    for _ in range(KILLS):
        process = workflow.start(*TABLES)
        try:
            process.wait(timeout=draw.uniform(8, 25))
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        time.sleep(0.1)
        workflow.run("--unlock")
    workflow.run(*TABLES)
    assert workflow.tables() == undisturbed.tables()
    for look in (2, 3):
        name = f"rounds/{look}.json"
        assert workflow.pages(name).read_bytes() == undisturbed.pages(name).read_bytes()
