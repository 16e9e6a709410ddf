"""Rounds of seeds: what each run has follows from what was decided, and nothing is asked before it has to be known."""

import json

import pytest
import yaml

from avbench.plan import paths
from avbench.plan.inputs import Inputs
from avbench.plan.jobs import Plan
from avbench.plan.report import Report
from avbench.plan.rounds import Rounds


class StillToComeError(Exception):
    """Like Snakemake's, of a checkpoint whose job has not ended."""


def rounds(further, seeds=8, looks=(3, 5, 8)):
    """Return rounds of which these looks, with the runs that got further seeds, have been."""

    def read(look):
        if look not in further:
            raise StillToComeError(look)
        return {"further": further[look]}

    made = Rounds(range(seeds), looks)
    made.read_by(read)
    return made


def test_a_run_goes_on_while_it_is_named():
    made = rounds({3: ["a", "b"], 5: ["a"], 8: []})
    assert [made.of(name) for name in "abc"] == [list(range(count)) for count in (8, 5, 3)]
    assert made.had() == [3, 5, 8]
    assert rounds({3: []}).had() == [3]


def test_at_a_look_nothing_later_counts():
    made = rounds({3: ["a"]})
    assert made.of("a", 3) == [0, 1, 2]
    assert made.of("a", 5) == [0, 1, 2, 3, 4]
    assert made.of("b", 5) == [0, 1, 2]


def test_what_is_not_decided_yet_is_asked_for():
    made = rounds({3: ["a"]})
    assert made.of("b") == [0, 1, 2]  # whatever comes
    for question in (lambda: made.of("a"), made.had, lambda: made.of("a", 8)):
        with pytest.raises(StillToComeError, match="5"):
            question()


def test_listed_seeds_need_no_decision():
    made = Rounds([7, 1], ())
    assert made.of("a") == [7, 1]
    assert made.had() == []
    assert made.late(lambda: ["file"]) == ["file"]
    assert rounds({}).late(lambda: ["file"])(None) == ["file"]


@pytest.fixture
def plan(root, monkeypatch):
    """The reference study, in which seeds are given until claims are decided; its second round is had."""
    monkeypatch.chdir(root)
    config = yaml.safe_load((root / "config/robustness-controlled.yaml").read_text(encoding="utf-8"))
    made = Plan(config | {"seeds": {"first": 2, "most": 5, "until": "decided", "effect": 1.5}}, root)
    assert made.looks == (2, 3, 5)
    run = made.run("cluster-positive", "small")
    further = [made.path(paths.RUN, **vars(each)) for each in (run, *made.first_rounds(run))]
    further.append(made.path(paths.SUPERVISED_RUN, task="outdoors", subset="all"))
    contents = {2: further, 3: []}
    made.rounds.read_by(lambda look: {"further": contents[look]})
    return made


def test_parts_of_the_plan_rest_on_the_looks_before_them(plan):
    def files(part):
        return [path.rpartition("/")[2] for path in Inputs(plan).rounds(part)]

    assert (files("round-2"), files("round-3"), files("tables")) == ([], ["2.json"], ["2.json", "3.json"])


def test_tables_are_made_of_the_seeds_that_each_run_has(plan):
    report = Report(plan)
    tables = json.loads(report.part("tables"))
    assert tables["looks"] == {"planned": [2, 3, 5], "had": 2, "effect": 0.015}
    more = [path for path in tables["scores"] if "/seed-2/" in path]
    named = {plan.path(paths.RUN, **vars(plan.run(method, "small"))) for method in ("cluster-positive", "random")}
    named.add(plan.path(paths.SUPERVISED_RUN, task="outdoors", subset="all"))
    assert {path.partition("/seed-")[0] for path in more} == named
    assert len([path for path in tables["scores"] if "/seed-1/" in path]) == len(plan.runs()) + len(plan.supervised())
    assert not [path for path in tables["scores"] if "/seed-3/" in path]
    assert {run["seed"] for run in tables["sampling"]} == {0, 1, 2}
    assert len(report.scored("scores.csv", 2)) == len(tables["scores"]) - len(more)
    assert report.scored("scores.csv", 3) == tables["scores"]


def test_the_plan_of_a_look_names_runs_and_their_first_rounds(plan):
    made = json.loads(Report(plan).part("round-3"))
    assert made["looks"] == {"planned": [2, 3, 5], "had": 2, "effect": 0.015}
    by_folder = {run["folder"]: run for run in made["runs"]}
    assert len(by_folder) == len(plan.runs())
    second = by_folder[plan.path(paths.RUN, **vars(plan.run("cluster-positive-2", "small")))]
    first = [plan.path(paths.RUN, **vars(plan.run(name, "small"))) for name in ("cluster-positive", "random")]
    assert second["first_round"] == first
    assert len(made["baselines"]) == len(plan.supervised())


def test_nothing_is_asked_of_rounds_to_know_what_the_report_has(root, monkeypatch):
    monkeypatch.chdir(root)
    config = yaml.safe_load((root / "config/robustness-controlled.yaml").read_text(encoding="utf-8"))
    listed = Report(Plan(config, root))
    report = Report(Plan(config | {"seeds": {"first": 2, "most": 5, "until": "decided", "effect": 1}}, root))
    assert report.figure_files() == listed.figure_files()
    assert report.parts() == listed.parts()
    with pytest.raises(ValueError, match="nobody has said"):
        report.part("tables")
