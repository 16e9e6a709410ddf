"""All tables of a small experiment: made from its plan, and in step with one another."""

import itertools
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from avbench.core.errors import UserError
from avbench.data import ledger
from avbench.evaluation import scores as predictions
from avbench.evaluation.geometry import GEOMETRY_COLUMNS
from avbench.evaluation.metrics import metrics
from avbench.evaluation.scores import CELL
from avbench.provenance import record as provenance
from avbench.results import catalogue, console, make, tables
from avbench.results.answer import sentences
from tests.support.paths import CONFIG

CLASSES, SEEDS = 6, (0, 1, 2)
LABELS = [f"class {i}" for i in range(CLASSES)]
TEST = [f"test-{i:03d}" for i in range(120)]
TASKS = {
    "home": {"dataset": "toys", "role": "in-domain", "train": "subset"},
    "afar": {"dataset": "others", "role": "out-of-domain", "train": "all", "published_task": "tau-av-2021"},
}
SUBSET_CLIPS = {"small": [4] * CLASSES, "tail": [9, 6, 4, 3, 2, 1]}
RUNS = [("random", "none"), ("soft-positive", "true"), ("soft-positive", "wrong-20"), ("soft-positive", "wrong-50")]
NAMES = ["accuracy", "break_even", "claims", "comparisons", "dynamics", "geometry", "metrics", "paper", "robustness"]
NAMES += ["runs", "sampling", "summary", "claims_by_budget", "budgets", "tuning", "power"]


def subset_clips(name):
    return [
        (f"{label}-{i}", label) for label, many in zip(LABELS, SUBSET_CLIPS[name], strict=True) for i in range(many)
    ]


def write_run(folder, method, labels, subset, seed):
    """Write what a run leaves: scores with predictions, geometry, run.json and embedded dynamics clips."""
    rng = np.random.default_rng([seed, len(method), len(labels), len(subset)])
    chance = {"none": 0.4, "true": 0.7, "wrong-20": 0.6, "wrong-50": 0.1}[labels]
    true = np.array(LABELS)[np.arange(len(TEST)) % CLASSES]
    parts = []
    for task, protocol in itertools.product(TASKS, ("linear", "knn")):
        said = np.where(rng.random(len(TEST)) < chance, true, np.roll(true, 1))
        part = {"task": task, "protocol": protocol, "modality": "audio", "clip_id": TEST, "label": true}
        parts.append(pd.DataFrame(part | {"prediction": said, "correct": (said == true).astype(float)}))
    identity = {"method": method, "subset": subset, "labels": labels, "budget": "default", "seed": seed}
    path = folder / f"{method}-{labels}-{subset}-{seed}" / "scores.csv"
    precision = {("home", "linear", "audio"): 0.5 + seed / 10}
    predictions.write_scores(
        path, pd.concat(parts), identity, {"home": 24, "afar": 100}, {"home": 1, "afar": 0.9}, precision
    )
    measures = dict.fromkeys(GEOMETRY_COLUMNS[6:], float(rng.random()))
    pd.DataFrame([identity | {"task": "home"} | measures]).to_csv(path.with_name("geometry.csv"), index=False)
    ended = {"dataset": "toys", "steps": 70, "epochs": 4, "final_loss": 1.5, "final_batch_accuracy": 0.5}
    path.with_name("run.json").write_text(json.dumps(identity | ended))
    return path


@pytest.fixture(scope="module")
def plan(tmp_path_factory):
    """The plan of an experiment whose files exist."""
    folder = tmp_path_factory.mktemp("experiment")
    subset_files = {name: str(folder / f"{name}.csv") for name in SUBSET_CLIPS}
    for name, path in subset_files.items():
        pd.DataFrame(subset_clips(name), columns=["clip_id", "label"]).to_csv(path, index=False)
    scores, sampling = [], []
    for (method, labels), subset, seed in itertools.product(RUNS, SUBSET_CLIPS, SEEDS):
        scores.append(write_run(folder, method, labels, subset, seed))
        fields = {"name": method, "labels": labels} | ({"positive": "same-class"} if labels != "none" else {})
        run = {"method": fields, "labels": labels, "subset": subset, "budget": "default", "seed": seed}
        sampling.append(run | {"label_file": None if labels == "none" else subset_files[subset]})
    ids = [f"clip-{i}" for i in range(30)]
    listed = {"clip_id": ids, "label": LABELS * 5, "split": "validation", "state": "stored", "reason": "", "detail": ""}
    ledger.write(folder / "data" / "toys" / "ledger.parquet", pd.DataFrame(listed))
    rng = np.random.default_rng(0)
    arrays = {name: rng.standard_normal((2, 30, 8)) for name in ("audio", "video", "audio-head", "video-head")}
    np.savez(folder / "dynamics.npz", clip_id=np.array(ids), epochs=np.arange(2), steps=np.arange(2), **arrays)
    recorded = {"method": "random", "subset": "small", "labels": "none", "budget": "default", "seed": 0}
    return {
        "scores": list(map(str, scores)),
        "runs": [str(path.with_name("run.json")) for path in scores],
        "geometry": [str(path.with_name("geometry.csv")) for path in scores],
        "dynamics": [recorded | {"path": str(folder / "dynamics.npz")}],
        "sampling": sampling,
        "subset_files": subset_files,
        "subsets": {"small": {"clips_per_class": 4}, "tail": {"clips_per_class": 9, "imbalance": 10}},
        "label_variants": {
            "wrong-20": {"kind": "noise", "noise": "uniform", "rate": 0.2},
            "wrong-50": {"kind": "noise", "noise": "uniform", "rate": 0.5},
        },
        "own_labels": {"random": "none", "soft-positive": "true"},
        "methods": ["untrained", "random", "soft-positive", "supervised"],
        "tasks": TASKS,
        "batch_size": 6,
        "batch_order": "fresh",
        "budgets": ["default"],
        "lengths": {name: {"default": {"epochs": 4, "steps": None}} for name in SUBSET_CLIPS},
        "data": str(folder / "data"),
        "dataset": "toys",
        "claims": str(CONFIG / "claims.yaml"),
        "published": str(CONFIG / "published.yaml"),
    }


@pytest.fixture(scope="module")
def folder(plan, tmp_path_factory):
    """The folder of the tables, made of the plan as a file holds it."""
    made = tmp_path_factory.mktemp("tables")
    make.make_tables(json.loads(json.dumps(plan)), made)
    return made


@pytest.fixture(scope="module")
def made(folder):
    return {path.stem: tables.read(path) for path in folder.glob("*.csv")}


def test_every_table_is_written_and_those_of_the_publication_as_text_too(folder):
    assert {path.name for path in folder.iterdir()} == {*(f"{name}.csv" for name in NAMES), "paper.md", "paper.tex"}


def test_tables_have_the_columns_of_the_catalogue(made):
    for name, table in made.items():
        assert list(table.columns) == catalogue.TABLES[name].column_names(), name


def test_a_plan_names_the_files_that_its_tables_are_made_of(plan):
    named = make.sources(plan)
    assert len(named) == len(set(named))
    beside = [
        str(Path(path).with_name(file)) for path in plan["scores"] for file in (predictions.FILE, provenance.FILE)
    ]
    once = [*plan["scores"], *beside, *plan["runs"], *plan["geometry"], *plan["subset_files"].values()]
    assert set(named) == {*once, *(run["path"] for run in plan["dynamics"]), plan["claims"], plan["published"]}


def test_runs_are_told_apart_by_their_labels(made):
    for name in ("accuracy", "metrics", "summary", "comparisons", "runs", "geometry", "sampling"):
        found = made[name][made[name]["method"] == "soft-positive"]
        assert list(dict.fromkeys(found["labels"])) == ["true", "wrong-20", "wrong-50"]
    assert len(made["accuracy"]) == len(RUNS) * 2 * len(SEEDS) * 4
    assert set(made["comparisons"].groupby(CELL[1:5]).size()) == {3}


def test_claims_and_the_publication_look_at_a_methods_own_labels(made):
    claim = made["claims"].set_index("claim").loc["soft-positive-small"]
    gains = made["comparisons"].set_index(CELL)
    gain = gains.loc["soft-positive", "home", "linear", "audio", "small", "true", "default"]
    assert tuple(claim[["effect", "ci_low", "ci_high"]]) == tuple(gain[["difference", "ci_low", "ci_high"]])
    beside = made["paper"].set_index(["method", "task", "protocol"])["measured"]
    summary = made["summary"].set_index(CELL)["mean"]
    own = summary["soft-positive", "afar", "linear", "audio", "tail", "true", "default"]
    assert beside["soft-positive", "afar", "linear"] == own


def test_metrics_are_those_of_the_predictions(plan, made):
    expected = "accuracy, balanced_accuracy, macro_f1, mean_average_precision, head_accuracy, middle_accuracy"
    columns = [*CELL, "seed", *expected.split(", "), "tail_accuracy"]
    assert list(made["metrics"].columns) == columns
    keys = [*CELL, "seed"]
    pd.testing.assert_frame_equal(made["metrics"][keys], made["accuracy"][keys])
    path = Path(plan["scores"][-1])
    identity = tables.read(path).iloc[0]
    parts = predictions.read(path.with_name("predictions.parquet")).groupby(predictions.SCORED)
    table = made["metrics"].set_index([*CELL[:1], *CELL[4:], "seed", *CELL[1:4]])
    for key, part in parts:
        row = table.loc[(*identity[["method", "subset", "labels", "budget", "seed"]], *key)]
        sizes = dict(zip(LABELS, SUBSET_CLIPS["tail"], strict=True)) if key[0] == "home" else None
        for name, value in metrics(part, sizes).items():
            assert row[name] == pytest.approx(value, abs=1e-6, nan_ok=True)
    by_place = made["metrics"].set_index(["task", "protocol", "subset"]).sort_index()
    assert by_place.loc[("home", "linear", "tail"), "tail_accuracy"].notna().all()
    for place in (("home", "linear", "small"), ("afar", "linear", "tail")):
        assert by_place.loc[place, "tail_accuracy"].isna().all()
    assert set(by_place.loc[("home", "linear"), "mean_average_precision"]) == {0.5, 0.6, 0.7}
    assert by_place.loc[("home", "knn"), "mean_average_precision"].isna().all()


def test_robustness_knows_the_subsets_and_the_rates(made):
    table, ends = made["robustness"], made["break_even"]
    assert set(zip(table["subset"], table["clips"], table["imbalance"], strict=True)) == {
        ("small", 24, 1.0),
        ("tail", 25, 10.0),
    }
    assert table["rate"].tolist() == [0, 0.2, 0.5] * 8
    gains = made["comparisons"].set_index(CELL)["difference"]
    assert gains[list(table[CELL].itertuples(index=False, name=None))].tolist() == table["gain"].tolist()
    assert len(ends) == 8
    assert set(ends["verdict"]) == {"pays up to the rate"}
    assert ends["rate"].between(0.2, 0.5).all()


def test_tables_of_runs_hold_every_run(plan, made):
    assert len(made["sampling"]) == len(made["geometry"]) == len(made["runs"]) == len(plan["runs"])
    assert made["sampling"].query("method == 'random'")["foreign_positives"].eq(0).all()
    assert made["sampling"].query("labels == 'true'")["positives_of_class"].eq(1).all()
    assert made["dynamics"]["epoch"].tolist() == [0, 1]


def test_programs_read_the_same_answer_and_numbers(folder, made):
    told = json.loads(json.dumps(console.as_json(folder), allow_nan=False))
    assert told["answer"] == sentences(made["claims"])
    assert [row["claim"] for row in told["claims"]] == made["claims"]["claim"].tolist()
    assert [row["mean"] for row in told["summary"]] == pytest.approx(made["summary"]["mean"].tolist())


def test_the_text_at_the_end_shows_a_methods_own_labels_and_names_the_others(folder, made, capsys):
    console.print_summary(folder, "report.html")
    text = capsys.readouterr().out
    own = made["summary"].set_index(CELL)["mean"][
        "soft-positive", "home", "linear", "audio", "small", "true", "default"
    ]
    (line,) = [line for line in text.splitlines() if line.startswith("soft-positive ")]
    assert line.split()[1] == f"{100 * own:.1f}"
    assert "With others (wrong-20, wrong-50): tables/summary.csv." in " ".join(text.split())


def test_an_experiment_without_noise_and_followed_clips_has_the_heads_of_those_tables(plan, tmp_path):
    own = [i for i, path in enumerate(plan["scores"]) if "wrong" not in path]
    few = plan | {key: [plan[key][i] for i in own] for key in ("scores", "runs", "geometry", "sampling")}
    make.make_tables(few | {"label_variants": {}, "dynamics": []}, tmp_path)
    for name in ("robustness", "break_even", "dynamics"):
        table = pd.read_csv(tmp_path / f"{name}.csv")
        assert table.empty
        assert len(table.columns) > 10


def test_a_plan_with_another_key_is_refused(plan, tmp_path):
    with pytest.raises(UserError, match="plan: unknown key 'score'"):
        make.make_tables(plan | {"score": []}, tmp_path)
    with pytest.raises(UserError, match="plan: the key 'lengths' is missing"):
        make.make_tables({key: value for key, value in plan.items() if key != "lengths"}, tmp_path)


COLUMNS_OF_CLASSES = ["class", "clips"]


def class_sizes(material):
    """Make a table of one's own: the clips of each class of the smallest subset."""
    smallest = next(iter(material.clips.values()))
    return pd.DataFrame(sorted(smallest.items()), columns=COLUMNS_OF_CLASSES)


def largest_class(material):
    return f"{material.table('class_sizes')['clips'].max()} clips\n"


def test_a_new_table_is_an_entry_a_function_and_a_caption(plan, tmp_path, monkeypatch):
    here = "tests.results.test_make"
    entry = catalogue.Table(
        "class_sizes",
        "Data",
        "Clips of each class",
        ("subset_files",),
        f"{here}:COLUMNS_OF_CLASSES",
        make=f"{here}:class_sizes",
        texts={"txt": f"{here}:largest_class"},
    )
    monkeypatch.setitem(catalogue.TABLES, "class_sizes", entry)
    made = make.make_tables(plan, tmp_path)
    assert {tmp_path / "class_sizes.csv", tmp_path / "class_sizes.txt"} <= set(made)
    assert (tmp_path / "class_sizes.csv").read_text().splitlines()[:2] == ["class,clips", "class 0,4"]
    assert (tmp_path / "class_sizes.txt").read_text() == "4 clips\n"
    assert entry in catalogue.of_rule("tables")
    assert entry.caption == catalogue.CAPTIONS / "class_sizes.rst"
