"""A further seed trains and scores that seed alone, run for real."""

import copy
import os
import shutil
import signal
import time
from pathlib import Path

from tests.workflow.conftest import TINY, Workflow, jobs

# What is made of all seeds.
TOGETHER = {"plan", "tables", "figures_results", "figures_training", "figures_robustness", "report_page"}
TOGETHER |= {"page", "all", "total"}
ROUND = "results/tiny/labels/toys/few/clusters/seed-{}.csv"
RUN = "results/tiny/runs/toys/few/{}/default/seed-{}/checkpoint.pt"


def two_rounds(seeds, **pretraining) -> dict:
    """Return the tiny experiment with a second round, which pairs by labels of each seed."""
    config = copy.deepcopy(TINY) | {"seeds": seeds}
    config["pretraining"] |= pretraining
    config["labels"] = {"clusters": {"kind": "clusters", "k": 4, "method": "random"}}
    config["methods"]["clustered"] = {"positive": "same-class", "batch": "shuffled", "labels": "clusters"}
    return config


def of_seeds(workflow: Workflow, seeds) -> dict[Path, tuple[int, bytes]]:
    """Return the time and the bytes of every file of some seeds: of runs, labels and baselines."""
    names = [f"{part}/**/seed-{seed}/**/*" for part in ("runs", "supervised") for seed in seeds]
    names += [f"labels/**/seed-{seed}.*" for seed in seeds]
    found = {path for name in names for path in workflow.pages().glob(name) if path.is_file()}
    return {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in found}


def test_a_further_seed_is_served_alone_and_one_less_repeats_nothing(finished, tmp_path):
    shutil.copytree(finished.folder, tmp_path, dirs_exist_ok=True)
    # Another test may have run a further method in the folder that they share.
    shutil.rmtree(tmp_path / "results/tiny/runs/toys/few/true", ignore_errors=True)
    workflow = Workflow(tmp_path, finished.config | {"seeds": [0, 1, 2]})
    before = of_seeds(workflow, (0, 1))
    names = {"checkpoint.pt", "run.json", "embeddings.npz", "scores.csv"}
    assert names <= {path.name for path in before}
    # A method and the untrained baseline, each with frozen features and two protocols that train; supervised.
    own = {"pretrain": 1, "untrained": 1, "embed": 2, "frozen": 2, "trained": 4, "supervised": 1}
    planned = jobs(workflow.run("--dry-run"))
    assert {verb: count for verb, count in planned.items() if verb not in TOGETHER} == own
    assert set(planned) >= TOGETHER
    table = "results/tiny/tables/accuracy.csv"
    workflow.run(table)
    assert of_seeds(workflow, (0, 1)) == before
    assert len(of_seeds(workflow, (2,))) == len(before) / 2
    rows, more = (set(path.read_bytes().splitlines()) for path in (finished.folder / table, tmp_path / table))
    assert rows < more
    assert len(more) - 1 == (len(rows) - 1) * 3 / 2
    everything = of_seeds(workflow, (0, 1, 2))
    workflow.write(finished.config)
    assert set(jobs(workflow.run("--dry-run"))) <= TOGETHER
    workflow.run(table)
    assert workflow.tables() == finished.tables()
    assert of_seeds(workflow, (0, 1, 2)) == everything


def test_labels_of_a_first_round_are_made_for_a_further_seed_alone(finished, tmp_path):
    for part in ("data", ".snakemake/metadata"):  # datasets are there already
        shutil.copytree(finished.folder / part, tmp_path / part)
    workflow = Workflow(tmp_path, two_rounds([0, 1]))
    workflow.run(*(RUN.format("clusters/clustered", seed) for seed in (0, 1)))
    before = of_seeds(workflow, (0, 1))
    assert {tmp_path / ROUND.format(seed) for seed in (0, 1)} < set(before)
    workflow.write(two_rounds([0, 1, 2]))
    targets = [RUN.format("clusters/clustered", seed) for seed in (0, 1, 2)]
    assert jobs(workflow.run("--dry-run", *targets)) == {"pretrain": 2, "derived_labels": 1, "total": 3}
    workflow.run(*targets)
    assert of_seeds(workflow, (0, 1)) == before
    assert len(of_seeds(workflow, (2,))) == len(before) / 2


def test_a_killed_job_of_several_seeds_keeps_those_that_it_had_finished(finished, tmp_path):
    for folder in ("killed", "alone"):
        for part in ("data", ".snakemake/metadata"):
            shutil.copytree(finished.folder / part, tmp_path / folder / part)
    targets = [RUN.format("none/random", seed) for seed in (0, 1)]
    workflow = Workflow(tmp_path / "killed", two_rounds([0, 1], epochs=60))
    process = workflow.start(*targets, cores=1)
    deadline = time.monotonic() + 300
    while not list(workflow.pages("runs").glob("**/seed-1/unfinished/*/checkpoint.pt")):
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert not (workflow.folder / targets[0]).exists()
    workflow.run("--unlock")
    workflow.run(*targets)
    log = workflow.pages("logs/pretrain/toys/few/none/random/default/seeds-0-to-1.log").read_text()
    assert "seed 0 was finished before" in log
    assert "going on at step" in log
    assert list(workflow.pages().rglob("unfinished")) == []
    # Each is as it is alone, in a process of its own.
    alone = Workflow(tmp_path / "alone", two_rounds([0, 1], epochs=60, seeds_together=1))
    assert jobs(alone.run("--dry-run", *targets))["pretrain"] == 2
    alone.run(*targets)
    for target in targets:
        assert (alone.folder / target).read_bytes() == (workflow.folder / target).read_bytes()
