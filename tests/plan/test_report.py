"""Which tables and figures each configuration has, what they are made of, and how a new figure comes to the report."""

import copy
import hashlib
import json
from pathlib import Path

import pytest
import yaml

from avbench.config.settings import build
from avbench.figures import reading
from avbench.figures.draw import draw_figures
from avbench.figures.figure import Figure
from avbench.figures.registry import FIGURES
from avbench.pages.page_plan import PagePlan
from avbench.plan import paths
from avbench.plan.jobs import Plan
from avbench.plan.report import Report
from avbench.results.catalogue import TABLES
from avbench.results.material import TablesPlan

RESULTS = "accuracy gains claims neighbours power confusion embedding_map"
COMPARED = "accuracy gains claims neighbours power confusion class_gains embedding_map"
PUBLISHED = "accuracy gains claims neighbours power paper confusion class_gains embedding_map"
DATA = "pairs samples coverage"
HAS = {
    "tiny": [RESULTS, "losses timing published_losses", DATA, "geometry"],
    "demo": [COMPARED, "losses timing published_losses", DATA, "combinations sampling geometry"],
    "study": [PUBLISHED, "losses timing published_losses", DATA, "combinations sampling geometry"],
    "robustness-controlled": [
        "accuracy gains claims neighbours balance power confusion class_gains embedding_map",
        *("losses timing published_losses dynamics", DATA),
        "noise noise_by_imbalance class_size combinations sampling geometry",
    ],
    "robustness": [
        "accuracy gains claims neighbours balance power paper confusion class_gains embedding_map",
        *("losses timing published_losses dynamics", DATA),
        "noise noise_by_imbalance class_size combinations sampling geometry",
    ],
    "config": [PUBLISHED, "losses timing published_losses", DATA, "combinations sampling geometry"],
}
# A changed plan repeats all tables, or all figures of a category: a digest is brought up to date knowingly.
SHA256 = {
    "tiny": "a1a5a95e679e2fa8 f448a5bbf27f9b23 b764f340effa56c9 b3039e6494b28697 bf414f905c6c8a7a",
    "demo": "91112da2a5494cb2 55ec7d0e37f58660 3e0590ce03983e50 e9d3031989a20067 ec4b1436ca2ab8d3",
    "study": "678c087ff3870d4f 1095ff6f21cf9fa3 078665750cff7ca2 89732a0182ac5920 b8128f9cdd8ed8a0",
    "robustness-controlled": "2e94b26d684674d9 d243cb690d82a0cf 1d8fa62f96097fe3 c3b5a4f4881ccb25 44965845a27112c7",
    "robustness": "55f02e22b45de7b9 31914c18c390564c 03ae68ddfe18391f 2637c8c96d6f7a54 2c4defb74bf0a653",
    "config": "fa92a1a8cee485af dcd1150c4e3d0861 ca140fd6a5fe1e92 f98d92a408d35d32 82c005e472e4b8e1",
}
CATEGORIES = ["Results", "Training", "Data", "Robustness"]


def read(root, name):
    return yaml.safe_load((root / f"config/{name}.yaml").read_text(encoding="utf-8"))


@pytest.fixture
def tiny(root):
    return read(root, "tiny")


@pytest.fixture(autouse=True)
def _in_the_project(root, monkeypatch):
    monkeypatch.chdir(root)


@pytest.mark.parametrize("name", HAS)
def test_each_configuration_has_its_figures(root, name):
    report = Report(Plan(read(root, name), root))
    shown = {category: " ".join(figure.name for figure in drawn) for category, drawn in report.categories.items()}
    assert shown == dict(zip(CATEGORIES, HAS[name], strict=True))


@pytest.mark.parametrize("name", HAS)
def test_plans_are_what_they_were(root, name):
    report = Report(Plan(read(root, name), root))
    assert report.parts() == ["tables", *(f"figures_{category.lower()}" for category in CATEGORIES)]
    found = [hashlib.sha256(report.part(part).encode()).hexdigest()[:16] for part in report.parts()]
    assert " ".join(found) == SHA256[name]


def figures(config, root):
    return {figure.name for figure in Report(Plan(config, root)).figures}


NOISE = {"wrong": {"kind": "noise", "noise": "uniform", "rate": [0.2, 0.4]}}
SOFT = {"positive": "same-class", "batch": "shuffled", "labels": ["true", "wrong"]}
TAIL = {"clips": 12, "balance": "long-tailed", "imbalance": 4}
# Protocols that train the sound alone.
NO_SOUND = dict.fromkeys(("evaluation.linear-sgd", "evaluation.finetune", "evaluation.supervised"))


@pytest.mark.parametrize(
    ("change", "appear", "vanish"),
    [
        ({"tasks.toys.role": "out-of-domain", "tasks.toys.train": "all"}, "", "confusion embedding_map geometry"),
        ({"tasks.toys.modalities": ["audio"]}, "", "geometry"),
        ({"tasks.toys.modalities": ["video"], **NO_SOUND}, "", "confusion embedding_map geometry"),
        ({"tasks.toys.published_task": "vggsound"}, "paper", ""),
        ({"evaluation.knn": None}, "", ""),
        ({"evaluation.knn": None, "evaluation.retrieval": None}, "", "neighbours"),
        ({"evaluation.dynamics": {"clips": 4}}, "dynamics", ""),
        ({"pretraining.epochs": None, "pretraining.budgets": {"steps": [6, 24]}}, "budgets", ""),
        ({"methods": {"mine": {"positive": "self", "batch": "shuffled"}}}, "", "published_losses"),
        ({"subsets.tail": TAIL}, "balance", ""),
        ({"labels": NOISE, "methods.soft-positive": SOFT}, "class_gains noise", ""),
        ({"labels": NOISE, "methods": {"soft-positive": SOFT}}, "", ""),  # nothing to compare with
        (
            {"labels": NOISE, "methods.soft-positive": SOFT, "subsets.tail": TAIL},
            "balance class_gains class_size noise noise_by_imbalance",
            "",
        ),
        (
            {"methods.soft-positive": "preset", "methods.easy-negative": "preset"},
            "class_gains combinations sampling",
            "",
        ),
    ],
)
def test_a_figure_appears_with_what_it_needs(tiny, root, change, appear, vanish):
    config = copy.deepcopy(tiny)
    for path, value in change.items():
        *parents, last = path.split(".")
        place = config
        for key in parents:
            place = place[key]
        if value is None:
            del place[last]
        else:
            place[last] = value
    before, after = figures(tiny, root), figures(config, root)
    assert after - before == set(appear.split())
    assert before - after == set(vanish.split())


def test_scores_are_of_frozen_features_of_what_was_trained_and_supervised(tiny, root):
    report = Report(Plan(tiny, root))
    scores = report.scored(paths.SCORES_FILE)
    assert len(scores) == len(set(scores)) == 4 + 8 + 2
    assert "results/tiny/runs/toys/few/none/untrained/all/seed-1/scores.csv" in scores
    assert "results/tiny/runs/toys/few/none/random/default/seed-0/finetune/scores.csv" in scores
    assert "results/tiny/supervised/toys/few/seed-1/scores.csv" in scores
    assert report.facts.run_records == [
        f"results/tiny/runs/toys/few/none/random/default/seed-{seed}/run.json" for seed in (0, 1)
    ]
    assert len(report.geometry) == 4


@pytest.mark.parametrize("name", ["tiny", "robustness-controlled"])
def test_the_plan_of_tables_has_the_fields_that_are_read(root, name):
    plan = json.loads(Report(Plan(read(root, name), root)).part("tables"))
    assert set(plan) == set(TablesPlan.__dataclass_fields__) - {"mismatches"}
    labelled = [run for run in plan["sampling"] if run["labels"] != "none"]
    assert all(run["label_file"] for run in labelled)
    assert len(plan["dynamics"]) == (len(plan["runs"]) if name == "robustness-controlled" else 0)


def test_the_plan_of_tables_names_pairs_that_do_not_match_where_there_are_any(root):
    mismatched = read(root, "tiny") | {"pairs": {"some": {"kind": "muted", "rate": 0.5}}}
    plan = json.loads(Report(Plan(mismatched, root)).part("tables"))
    assert set(plan) == set(TablesPlan.__dataclass_fields__)
    found = {run["labels"]: run.get("mismatch") for run in plan["sampling"]}
    assert found == {"none": None, "none+some": {"kind": "muted", "rate": 0.5}}


def test_a_category_waits_for_what_its_figures_are_drawn_from(root):
    report = Report(Plan(read(root, "robustness-controlled"), root))
    table = "results/robustness-controlled/tables/{}.csv".format
    names = ("break_even", "comparisons", "geometry", "robustness", "sampling", "summary")
    waited = report.figure_sources("Robustness")
    assert [path for path in waited if "/tables/" in path] == [table(name) for name in names]
    predictions = [path for path in waited if path.endswith("predictions.parquet")]
    assert {Path(path).parts[4] for path in predictions} == set(report.facts.unequal)
    assert len(predictions) == 2 * len(report.facts.unequal) * len(report.plan.seeds)


def test_of_several_budgets_tables_have_every_one_and_figures_of_runs_the_longest(tiny, root):
    del tiny["pretraining"]["epochs"]
    tiny["pretraining"]["budgets"] = {"steps": [6, 24]}
    report = Report(Plan(tiny, root))
    plan = json.loads(report.part("tables"))
    assert plan["budgets"] == ["steps-6", "steps-24"]
    assert plan["lengths"]["few"]["steps-24"] == {"epochs": 100, "steps": 24}
    budgets = {path.split("/")[-3] for path in plan["runs"]}
    assert budgets == {"steps-6", "steps-24"} == {run["budget"] for run in plan["sampling"]}
    assert len(plan["scores"]) == 2 * (3 * 3 + 1)  # untrained and two budgets, frozen and two that train; supervised
    drawn = [path for path in report.figure_sources("Training") if path.endswith("run.json")]
    assert {path.split("/")[-3] for path in drawn} == {"steps-24"}
    assert json.loads(report.part("figures_data"))["pairs"]["pretraining"]["steps"] == 24
    embedded = json.loads(report.part("figures_results"))["embedding_map"]["embeddings"]
    assert {method: path.split("/")[-3] for method, path in embedded.items()} == {
        "untrained": "all",
        "random": "steps-24",
    }


def draw_seeds(settings, stem):
    """A chart of one's own, which writes what is seen."""
    reading.say(f"{len(settings['seeds'])} seeds", stem)


def test_a_new_figure_is_an_entry_and_a_chart(tiny, root, tmp_path, monkeypatch):
    entry = Figure(
        "seeds",
        "Data",
        "Seeds",
        settings=lambda facts: {"seeds": facts.plan.seeds},
        files=lambda facts: list(facts.tables("runs").values()),
        needs=lambda facts: len(facts.plan.seeds) > 1,
        chart="tests.plan.test_report:draw_seeds",
    )
    monkeypatch.setitem(FIGURES, "seeds", entry)
    report = Report(Plan(tiny, root))
    assert "results/tiny/tables/runs.csv" in report.figure_sources("Data")
    assert "results/tiny/figures/seeds.png" in report.figure_files()
    assert report.shown(entry) == {
        "value": "results/{experiment}/figures/seeds.png",
        "caption": str(root / "results/tiny/figures/seeds.rst"),
        "category": "Data",
        "labels": {"content": "Seeds"},
    }
    plan = json.loads(report.part("figures_data"))
    draw_figures({"seeds": plan["seeds"]}, tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {f"seeds.{kind}" for kind in entry.kinds}
    assert "2 seeds" in (tmp_path / "seeds.rst").read_text(encoding="utf-8")
    assert "seeds" not in figures(tiny | {"seeds": [0]}, root)


def test_what_the_report_shows_has_a_caption_of_the_project_or_of_its_job(tiny, root):
    report = Report(Plan(tiny, root))
    for entry, path in (
        (FIGURES["gains"], "avbench/figures/charts/gains.rst"),
        (FIGURES["noise"], "results/tiny/figures/noise.rst"),
        (TABLES["leaks"], "avbench/results/captions/leaks.rst"),
    ):
        assert report.shown(entry)["caption"] == str(root / path)
    assert report.shown(TABLES["leaks"])["value"] == "results/{experiment}/tables/leaks.csv"
    assert report.shown(TABLES["leaks"])["labels"] == {"content": "Test clips in pretraining subsets (table)"}
    assert report.table_files() == [f"results/tiny/tables/{name}.csv" for name in TABLES]


@pytest.mark.parametrize("name", HAS)
def test_the_page_is_told_what_it_asks_for(root, name):
    told = build(PagePlan, json.loads(Report(Plan(read(root, name), root)).part("page")), "plan")
    assert set(told.own_labels) >= set(told.methods)
    assert " ".join(told.figures) == " ".join(HAS[name])
