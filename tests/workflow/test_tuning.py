"""An experiment whose methods are tuned: chosen on validation clips, and trained with what was chosen."""

import copy
import csv
import json

import pytest

from tests.workflow.conftest import TINY, Workflow, jobs

CELLS = {"random": "none", "soft-positive": "true"}


def config(*more):
    """The tiny experiment with tuning, and a single protocol."""
    made = copy.deepcopy(TINY)
    made["methods"] |= dict.fromkeys(("soft-positive", *more), "preset")
    made["tuning"] = {"learning_rate": [0.0001, 0.002, 0.02], "temperature": [0.07, 0.5], "trials": 3}
    made["evaluation"] = {"linear": made["evaluation"]["linear"]}
    return made


@pytest.fixture(scope="module")
def tuned(tmp_path_factory) -> Workflow:
    """Choices, and then all of the experiment but figures and report."""
    workflow = Workflow(tmp_path_factory.mktemp("tuned"), config())
    workflow.planned = jobs(workflow.run("--dry-run", "results/tiny/tables/accuracy.csv"))
    choices = [
        f"results/tiny/tuning/toys/few/{labels}/{method}/default/choice.json" for method, labels in CELLS.items()
    ]
    workflow.run(*choices)
    workflow.after_choosing = {path.name for path in workflow.pages().rglob("*") if path.is_file()}
    workflow.run("results/tiny/tables/accuracy.csv")
    return workflow


def read(path):
    return json.loads(path.read_text(encoding="utf-8"))


def of(tuned, method):
    return tuned.pages("tuning", "toys", "few", CELLS[method], method, "default")


def run(tuned, method, seed):
    return read(tuned.pages("runs", "toys", "few", CELLS[method], method, "default", f"seed-{seed}", "run.json"))


def test_every_method_has_the_same_trials_and_one_choice(tuned):
    assert {name: tuned.planned[name] for name in ("trial", "tune")} == {"trial": 6, "tune": 2}
    points = [[(t["learning_rate"], t["temperature"]) for t in read(of(tuned, m) / "trials.json")] for m in CELLS]
    assert points[0] == points[1]
    assert points[0][0] == (0.002, 0.07)
    assert len(points[0]) == 3


def test_choices_are_made_before_anything_is_said_of_a_test_clip(tuned):
    assert "choice.json" in tuned.after_choosing
    assert not {"predictions.parquet", "scores.csv", "embeddings.npz"} & tuned.after_choosing


@pytest.mark.parametrize("method", CELLS)
def test_runs_of_all_seeds_are_trained_with_the_choice_and_the_trial_is_not_trained_twice(tuned, method):
    chosen = read(of(tuned, method) / "choice.json")
    trials = read(of(tuned, method) / "trials.json")
    best = max(trials, key=lambda trial: trial["validation_accuracy"])
    assert {key: best[key] for key in chosen} == chosen
    assert [trial["chosen"] for trial in trials] == [trial is best for trial in trials]
    for seed in (0, 1):
        settings = run(tuned, method, seed)["settings"]["pretraining"]
        assert {key: settings[key] for key in chosen} == chosen
    folder = f"learning-rate-{chosen['learning_rate']!r}-temperature-{chosen['temperature']!r}/seed-0"
    assert run(tuned, method, 0)["trained_as"].endswith(folder)
    assert "trained_as" not in run(tuned, method, 1)
    trial = of(tuned, method) / folder / "checkpoint.pt"
    taken = tuned.pages("runs", "toys", "few", CELLS[method], method, "default", "seed-0", "checkpoint.pt")
    assert taken.read_bytes() == trial.read_bytes()


def test_the_table_has_every_trial(tuned):
    with tuned.pages("tables", "tuning.csv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [row["method"] for row in rows] == ["random"] * 3 + ["soft-positive"] * 3
    for method, labels in CELLS.items():
        own = [row for row in rows if row["method"] == method]
        assert {(row["labels"], row["subset"], row["budget"]) for row in own} == {(labels, "few", "default")}
        assert [row["chosen"] for row in own].count("yes") == 1
        for row, trial in zip(own, read(of(tuned, method) / "trials.json"), strict=True):
            assert float(row["validation_accuracy"]) == pytest.approx(trial["validation_accuracy"], abs=1e-6)


def test_all_is_recorded_and_nothing_is_done_twice(tuned, capsys):
    from avbench.cli.main import main

    assert main(["verify", str(tuned.pages())]) == 0, capsys.readouterr().out
    assert "Nothing to be done" in tuned.run("--dry-run", "results/tiny/tables/accuracy.csv")
    record = read(tuned.pages("provenance", "tuning", "toys", "few", "none", "random", "default.json"))
    assert len(record["provenance"]["inputs"]) == 3 + 2
    before = (of(tuned, "random") / "choice.json").read_text()
    (of(tuned, "random") / "choice.json").write_text(before.replace("}", " }"))
    with pytest.raises(SystemExit):
        main(["verify", str(tuned.pages())])
    (of(tuned, "random") / "choice.json").write_text(before)
    assert "random/default/choice.json" in capsys.readouterr().out


def test_a_further_method_repeats_no_trial_of_the_others(tuned):
    before = tuned.config
    tuned.write(config("easy-negative"))
    try:
        planned = jobs(tuned.run("--dry-run", "results/tiny/tables/accuracy.csv"))
    finally:
        tuned.write(before)
    assert {name: planned[name] for name in ("trial", "tune")} == {"trial": 3, "tune": 1}
    assert not {"pack", "subset", "statistics"} & set(planned)
    assert planned["pretrain"] == 1


def test_a_space_with_one_point_stops_before_any_job(tmp_path):
    made = config()
    made["tuning"] = {"learning_rate": [0.002]}
    text = Workflow(tmp_path, made).run(check=False)
    assert "'tuning.learning_rate': [0.002] is not allowed; it must be a list of at least 2" in text
    assert "Traceback" not in text
    assert not (tmp_path / "data").exists()
