"""What figures read: own labels alone, the subsets and protocols that are said, and captions beside them."""

import json

import numpy as np
import pandas as pd
import pytest

from avbench.config.labels import NOISES
from avbench.core.errors import NothingToShowError, UserError
from avbench.data import ledger
from avbench.evaluation import scores as predictions
from avbench.evaluation.scores import CELL
from avbench.figures import reading, style
from avbench.figures.charts import dynamics, gains, training_loss
from avbench.figures.charts.gains import draw_gains
from avbench.figures.charts.training_loss import draw_losses
from avbench.figures.draw import draw_figures
from avbench.results import tables

CLASSES = [f"class {k}" for k in range(6)]
SUBSETS = {"even": [10] * 6, "tail": [30, 15, 8, 4, 2, 1], "large": [30] * 6}
OWN = {"random": "none", "soft-positive": "true", "pl-soft-positive": "pseudo"}
RUNS = [("random", "none"), ("soft-positive", "true"), ("soft-positive", "wrong-20"), ("soft-positive", "wrong-40")]
RUNS += [("pl-soft-positive", "pseudo"), ("pl-soft-positive", "sure")]
RATES = {"true": 0.0, "wrong-20": 0.2, "wrong-40": 0.4}
VARIANTS = {
    "wrong-20": {"kind": "noise", "noise": "uniform", "rate": 0.2},
    "wrong-40": {"kind": "noise", "noise": "uniform", "rate": 0.4},
    "pseudo": {"kind": "pseudo"},
    "sure": {"kind": "pseudo", "min_confidence": 0.5},
}


@pytest.fixture(scope="module")
def settings(tmp_path_factory):
    """The settings of every figure of robustness, with small tables and files."""
    folder = tmp_path_factory.mktemp("results")
    random = np.random.default_rng(0)
    for name, sizes in SUBSETS.items():
        labels = np.repeat(CLASSES, sizes)
        pd.DataFrame({"clip_id": range(len(labels)), "label": labels}).to_csv(folder / f"{name}.csv", index=False)
    cells = [
        (method, "task", protocol, modality, subset, labels, "default")
        for method, labels in RUNS
        for protocol in ("knn", "linear")
        for modality in ("audio", "video")
        for subset in SUBSETS
    ]
    found = pd.DataFrame(cells, columns=CELL)
    low, mean, high = np.sort(random.uniform(0.3, 0.8, (3, len(found))), axis=0)
    summary = found.assign(seeds=2, clips=60, mean=mean, ci_low=low, ci_high=high)
    low, mean, high = np.sort(random.normal(0, 0.05, (3, len(found))), axis=0)
    gained = found.assign(baseline="random", seeds=2, clips=60, difference=mean, ci_low=low, ci_high=high, p=0.1)
    gained = gained.assign(p_holm=0.2)[lambda table: table["method"] != "random"]
    noisy = summary[summary["labels"].isin(list(RATES))].assign(noise="uniform")
    noisy = noisy.assign(rate=noisy["labels"].map(RATES), draws=2, gain=0.01, gain_low=-0.02, gain_high=0.04)
    noisy = noisy.assign(
        clips=noisy["subset"].map({name: sum(sizes) for name, sizes in SUBSETS.items()}),
        imbalance=noisy["subset"].map({"even": 1.0, "tail": 30.0, "large": 1.0}),
    )
    crossed = noisy.drop_duplicates(["protocol", "modality", "subset"])[
        ["method", "noise", *CELL[1:5], "budget", "clips", "imbalance"]
    ].assign(highest_rate=0.4, rate=0.3, ci_low=0.1, ci_high=0.4, verdict="pays up to the rate")
    runs = pd.DataFrame(
        [(*run, subset, seed) for run in RUNS for subset in SUBSETS for seed in (0, 1)],
        columns=["method", "labels", "subset", "seed"],
    ).assign(budget="default")
    paired = runs.assign(foreign_positives=0.4, positives_of_class=0.9, negatives_of_class=0.1)
    names = ["alignment", "class_alignment"]
    names += [f"{name}_{kind}" for name in ("uniformity", "effective_rank", "knn") for kind in ("audio", "video")]
    embedded = runs.assign(**{name: random.random(len(runs)) for name in names})
    made = {
        "summary": summary,
        "comparisons": gained,
        "robustness": noisy,
        "break_even": crossed,
        "sampling": paired,
        "geometry": embedded.assign(task="task"),
        "dynamics": pd.concat([embedded.assign(epoch=epoch) for epoch in (0, 1, 2, 3)]),
    }
    for name, table in made.items():
        tables.write(folder / f"{name}.csv", table)
    files = {method: {"tail": []} for method in ("random", "soft-positive")}
    for method, of in files.items():
        for seed in (0, 1):
            labels = np.repeat(CLASSES, 10)
            right = random.random(len(labels)) < 0.6
            table = {"task": "task", "protocol": "linear", "modality": "audio", "clip_id": map(str, range(len(labels)))}
            table |= {"label": labels, "prediction": np.where(right, labels, "?"), "correct": right.astype(float)}
            predictions.write(path := folder / f"{method}-{seed}.parquet", pd.DataFrame(table))
            of["tail"].append(str(path))
    common = {name: str(folder / f"{name}.csv") for name in made} | {
        "data": "data",
        "tasks": {"task": {"dataset": "set", "role": "in-domain"}},
        "subsets": {name: str(folder / f"{name}.csv") for name in SUBSETS},
        "own_labels": OWN,
        "budgets": ["default"],
        "label_variants": VARIANTS,
        "task": "task",
        "modality": "audio",
    }
    fields = {"positive": "same-class", "batch": "shuffled", "loss": "info-nce", "probability": 1.0}
    methods = {name: fields | {"labels": OWN[name]} for name in ("soft-positive", "pl-soft-positive")}
    sizes = {"methods": {"soft-positive": files["soft-positive"]}, "baseline": ["random", files["random"]]}
    return {
        "noise": common,
        "noise_by_imbalance": common,
        "class_size": common | sizes | {"imbalances": {"even": 1, "tail": 30, "large": 1}},
        "combinations": common | {"methods": methods},
        "sampling": common,
        "geometry": common,
        "dynamics": common,
    }


SAID = {
    "noise": "(Task, audio, 60 clips): soft positive pays up to 30 % (10 to 40 %).",
    "noise_by_imbalance": "Soft positive, uniform noise: of 9 cells 0 above zero, 0 below, 9 open",
    "class_size": "Soft positive, 30 : 1: ",
    "combinations": "10 clips per class, audio: of 2 methods 0 significantly above random, 0 below, 2 undecided",
    "sampling": "Of 5 runs compared with random, 0 gain and 0 lose significantly; 5 leave it open.",
    "geometry": "30 clips per class: own pairs are closest with ",
    "dynamics": "30 clips per class, last epoch, alignment: random ",
}


@pytest.mark.parametrize("figure", SAID)
def test_each_figure_has_a_caption_beside_it(settings, figure, tmp_path, monkeypatch):
    if figure != "class_size":  # drawing all of them is for other tests
        monkeypatch.setattr(style, "save", lambda made, stem: None)
    as_told = json.loads(json.dumps(settings[figure]))
    draw_figures({figure: as_told}, tmp_path)
    written = {path.name for path in tmp_path.iterdir()}
    assert written == {f"{figure}.{kind}" for kind in (("pdf", "png", "rst") if figure == "class_size" else ("rst",))}
    text = (tmp_path / f"{figure}.rst").read_text(encoding="utf-8").replace("\\", "")
    assert SAID[figure] in text
    assert "nan" not in text


def shown(module, monkeypatch):
    """Have a module keep what it would draw."""
    kept = []
    monkeypatch.setattr(module, "draw", lambda first, *rest: kept.append(first))
    monkeypatch.setattr(style, "save", lambda made, stem: None)
    return kept


def test_methods_known_by_name_alone_are_shown_with_their_own_labels(settings, tmp_path, monkeypatch):
    kept = shown(gains, monkeypatch)
    draw_gains(settings["noise"], tmp_path)
    assert set(zip(kept[0]["method"], kept[0]["labels"], strict=True)) == set(OWN.items()) - {("random", "none")}
    scores = reading.trained_scores(settings["noise"])
    assert set(zip(scores["method"], scores["labels"], strict=True)) == set(OWN.items())


def test_without_own_labels_all_runs_are_shown(settings):
    scores = reading.trained_scores({"summary": settings["noise"]["summary"], "budgets": ["default"]})
    assert set(zip(scores["method"], scores["labels"], strict=True)) == set(RUNS)


def test_of_several_budgets_the_longest_is_shown_beside_what_depends_on_none(settings, tmp_path):
    told = settings["noise"] | {"budgets": ["default", "long"]}
    for name in ("summary", "robustness"):
        table = tables.read(told[name])
        level = table.assign(method="untrained", budget="all")
        tables.write(tmp_path / f"{name}.csv", pd.concat([table, table.assign(budget="long", mean=0.9), level]))
        told[name] = str(tmp_path / f"{name}.csv")
    for table in (reading.trained_scores(told), reading.along_noise(told, NOISES)[0]):
        assert set(zip(table["method"] == "untrained", table["budget"], strict=True)) == {
            (True, "all"),
            (False, "long"),
        }
        assert table.loc[table["budget"] == "long", "mean"].eq(0.9).all()
    assert set(reading.methods_scores(told)["budget"]) == {"default", "long", "all"}


def test_losses_of_a_method_are_those_of_its_own_labels(settings, tmp_path, monkeypatch):
    paths = []
    for number, (method, labels) in enumerate(RUNS):
        folder = tmp_path / str(number)
        folder.mkdir()
        run = {"method": method, "subset": "even", "labels": labels, "seed": 0, "batch_size": 6}
        (folder / "run.json").write_text(json.dumps(run))
        (folder / "metrics.jsonl").write_text(json.dumps({"epoch": 0, "loss": number, "batch_accuracy": 0.5}))
        paths.append(str(folder / "run.json"))
    kept = shown(training_loss, monkeypatch)
    draw_losses(settings["noise"] | {"runs": paths}, tmp_path)
    assert [(method, metrics["loss"][0]) for method, _, _, metrics in kept[0]] == [
        ("random", 0),
        ("soft-positive", 1),
        ("pl-soft-positive", 4),
    ]


def test_of_subsets_of_one_size_the_most_balanced_is_on_the_axis_of_sizes(settings):
    assert reading.most_balanced(settings["noise"]) == {"even": 10.0, "large": 30.0}


def test_where_test_classes_are_unequal_the_largest_is_a_better_guess_than_chance(tmp_path):
    for name, sizes in {"even": [5, 5, 5, 5], "uneven": [14, 3, 2, 1]}.items():
        rows = [("test", "stored", label) for label, size in zip("abcd", sizes, strict=True) for _ in range(size)]
        rows += [("train", "stored", "e"), ("test", "unavailable", "f")]
        table = pd.DataFrame(rows, columns=["split", "state", "label"]).assign(reason="", detail="")
        table["clip_id"] = [f"clip {number}" for number in range(len(table))]
        (tmp_path / name).mkdir()
        ledger.write(tmp_path / name / "ledger.parquet", table)
    tasks = {name: {"dataset": name} for name in ("even", "uneven")}
    found = reading.guesses({"data": str(tmp_path), "tasks": tasks})
    assert found["even", "linear"] == {"chance": 0.25}
    assert found["uneven", "linear"] == found["uneven", "knn"] == {"chance": 0.25, "always the largest class": 0.7}
    assert found["uneven", "retrieval-5"] == {"chance": 0.25}
    assert {name for lines in found.values() for name in lines} == set(style.GUESSES)


def test_the_first_protocol_that_trains_something_is_taken():
    table = pd.DataFrame({"protocol": ["knn", "linear-sgd", "linear"]})
    assert reading.of_first_protocol(table)[1] == "linear"
    assert reading.of_first_protocol(table[:2])[1] == "linear-sgd"
    assert reading.of_first_protocol(table[:1])[1] == "knn"
    with pytest.raises(NothingToShowError, match="no row"):  # of a subset that random pairing was not run on
        reading.of_first_protocol(table[:0])


def test_subsets_with_few_methods_are_no_ends_of_a_figure():
    table = pd.DataFrame({"subset": ["tiny", *["small"] * 4, *["large"] * 4], "method": ["a", *"abcd", *"abcd"]})
    assert list(reading.of_ends(table, {"tiny": 1, "large": 30, "small": 10})) == ["small", "large"]


@pytest.mark.parametrize("figure", ["noise", "noise_by_imbalance"])
@pytest.mark.parametrize("rates", [[], [0.2]])
def test_noise_of_a_single_rate_is_no_curve_and_the_figure_says_so(settings, figure, rates, tmp_path):
    table = tables.read(settings["noise"]["robustness"])
    tables.write(tmp_path / "robustness.csv", table[table["rate"].isin(rates)])
    draw_figures({figure: settings[figure] | {"robustness": str(tmp_path / "robustness.csv")}}, tmp_path)
    assert (tmp_path / f"{figure}.png").exists()
    assert "No method was run " in (tmp_path / f"{figure}.rst").read_text(encoding="utf-8")


def test_a_table_without_rows_is_refused(settings, tmp_path):
    tables.write(tmp_path / "dynamics.csv", tables.read(settings["dynamics"]["dynamics"])[:0])
    with pytest.raises(UserError, match="its table has no row"):
        dynamics.draw_dynamics(settings["dynamics"] | {"dynamics": str(tmp_path / "dynamics.csv")}, tmp_path)


def test_imbalances_are_those_asked_for_or_counted(settings):
    counted = reading.imbalances(settings["noise"])
    assert counted == {"even": 1, "tail": 30, "large": 1}
    asked = reading.imbalances(settings["noise"] | {"imbalances": {"tail": 50}})
    assert asked == {"even": 1, "tail": 50, "large": 1}
