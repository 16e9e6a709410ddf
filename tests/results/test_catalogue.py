"""Every table of the catalogue is whole: caption, function, columns, documentation."""

import dataclasses

import pytest

from avbench.results import catalogue
from avbench.results.catalogue import TABLES
from avbench.results.material import TablesPlan


def test_the_tables_of_an_experiment():
    assert list(TABLES) == [
        *(
            "accuracy",
            "summary",
            "comparisons",
            "claims",
            "claims_by_budget",
            "power",
            "paper",
            "budgets",
            "tuning",
            "runs",
            "coverage",
            "leaks",
            "metrics",
        ),
        *("geometry", "sampling", "dynamics", "robustness", "break_even"),
    ]
    assert {table.category for table in TABLES.values()} == {"Results", "Training", "Data", "Robustness"}
    assert len({table.title for table in TABLES.values()}) == len(TABLES)


@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)
def test_a_table_has_a_caption_a_function_and_columns(table):
    assert len(table.caption.read_text(encoding="utf-8").strip()) > 40
    assert callable(table.function())
    names = table.column_names()
    assert names
    assert len(set(names)) == len(names)
    if table.rule == catalogue.TOGETHER:
        assert set(table.needs) <= {field.name for field in dataclasses.fields(TablesPlan)}


def test_no_caption_is_left_over():
    assert {path.stem for path in catalogue.CAPTIONS.iterdir()} == set(TABLES)


def test_the_documentation_lists_every_table(root):
    text = (root / "results/README.md").read_text(encoding="utf-8")
    for table in TABLES.values():
        assert f"{table.name}.csv" in text
