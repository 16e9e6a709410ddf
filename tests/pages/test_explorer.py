import json

import pytest

from avbench.evaluation.scores import CELL
from avbench.pages import explorer
from avbench.pages.page_plan import PagePlan
from avbench.results import tables
from tests.support import paged


@pytest.fixture(scope="module")
def read(tmp_path_factory):
    folder = tmp_path_factory.mktemp("paged")
    paged.write_tables(folder)
    return {name: tables.read(folder / "tables" / f"{name}.csv") for name in ("accuracy", "summary")}


@pytest.fixture(scope="module")
def content(read):
    return json.loads(json.dumps(explorer.content(read, PagePlan(**paged.plan())), allow_nan=False))


def test_rows_are_those_of_the_summary(read, content):
    columns = [*CELL, "seeds", "clips", "mean", "ci_low", "ci_high"]
    assert [[row[name] for name in columns] for row in content["rows"]] == read["summary"][columns].values.tolist()


def test_each_row_has_its_seeds_and_what_to_be_careful_of(read, content):
    scores = read["accuracy"].groupby(CELL, sort=False)["accuracy"].apply(list)
    for row in content["rows"]:
        assert list(row["values"].values()) == scores[tuple(row[name] for name in CELL)]
        assert row["edges"] == (3 if row["method"] == "random" and row["subset"] == "small" else 0)
        assert row["coverage"] == (0.95 if row["task"] == "afar" else 1)
        assert row["own"] == (row["labels"] != "wrong")


def test_filters_begin_where_figures_of_the_report_do(content):
    filters = content["filters"]
    first = {name: each["first"] for name, each in filters.items()}
    assert first == {
        **{"task": "home", "protocol": "linear", "modality": "audio"},
        **{"subset": explorer.ANY, "labels": explorer.OWN, "budget": "long"},
    }
    assert filters["budget"]["values"] == ["short", "long"]
    assert filters["protocol"]["values"] == ["linear", "knn"]


def test_every_value_has_a_name(content):
    for name, filtered in content["filters"].items():
        assert set(filtered["values"]) <= set(content["names"][name])
    assert content["names"]["labels"]["wrong"] == "30 % uniform noise"
    assert content["methods"]["supervised"] == {"name": "supervised", "colour": "currentColor"}
