"""Commands that make a file again, and it alone."""

from pathlib import Path

from avbench.audit.remedies import changed, command, is_ours, named
from avbench.core.files import write_json

RESULTS = Path("/project/results/tiny")


def test_a_file_of_the_experiment_is_asked_for_by_name():
    path = RESULTS / "runs/toys/few/none/random/default/seed-0/scores.csv"
    assert command(path, RESULTS) == (
        "Make it again: snakemake --cores all --configfile YOUR CONFIGURATION "
        "results/tiny/runs/toys/few/none/random/default/seed-0/scores.csv, then run the workflow."
    )


def test_the_configuration_is_the_one_that_was_kept(tmp_path):
    results = tmp_path / "results/tiny"
    write_json(results / "config.json", {})
    assert "--configfile results/tiny/config.json results/tiny/a.csv," in command(results / "a.csv", results)


def test_of_a_dataset_what_is_counted_is_asked_for_too():
    data = Path("/project/data/toys")
    assert "data/toys/store/000.arrow data/toys/coverage.json," in command(data / "store/000.arrow", RESULTS)
    assert command(data / "coverage.json", RESULTS).count("coverage.json") == 1


def test_what_the_workflow_cannot_make_is_to_be_brought_back():
    path = Path("/project/config/claims.yaml")
    assert not is_ours(path, RESULTS)
    assert named(path, RESULTS) == "config/claims.yaml"
    assert changed(path, RESULTS) == "It was edited or replaced. Bring the old one back."
    assert "or delete it. Make it again" in changed(RESULTS / "tables/accuracy.csv", RESULTS)
