"""The table of trials, and what the console says of it."""

import json

import pytest

from avbench.core.errors import UserError
from avbench.results import tables, tuning


def trial(rate, temperature, accuracy, chosen=False):
    return {"learning_rate": rate, "temperature": temperature, "validation_accuracy": accuracy, "chosen": chosen}


def choice(folder, method, *trials, budget="default"):
    path = folder / f"{method}-{budget}.json"
    path.write_text(json.dumps(trials))
    return {"method": method, "labels": "none", "subset": "few", "budget": budget, "path": str(path)}


@pytest.fixture
def table(tmp_path):
    inside = [trial(0.002, 0.07, 0.5), trial(0.001, 0.07, 0.5625, True), trial(4e-7, 0.07, 0.25)]
    edge = [trial(0.002, 0.07, 0.5, True), trial(0.001, 0.07, 0.25), trial(4e-7, 0.07, None)]
    return tuning.table([choice(tmp_path, "random", *inside), choice(tmp_path, "soft-positive", *edge)])


def test_a_row_is_a_trial_with_what_was_chosen_and_whether_it_lies_at_an_edge(table, tmp_path):
    tables.write(tmp_path / "tuning.csv", table)
    lines = (tmp_path / "tuning.csv").read_text().splitlines()
    assert lines == [
        "method,labels,subset,budget,learning_rate,temperature,validation_accuracy,chosen,at_edge",
        "random,none,few,default,0.002,0.07,0.500000,no,",
        "random,none,few,default,0.001,0.07,0.562500,yes,",
        "random,none,few,default,4e-07,0.07,0.250000,no,",
        "soft-positive,none,few,default,0.002,0.07,0.500000,yes,learning_rate",
        "soft-positive,none,few,default,0.001,0.07,0.250000,no,",
        "soft-positive,none,few,default,4e-07,0.07,,no,",
    ]
    read = tables.read(tmp_path / "tuning.csv")
    assert read["learning_rate"].tolist()[2] == 4e-7
    assert tuning.told(read) == tuning.told(table)


def test_the_console_says_how_many_trials_there_were_and_warns_of_edges(table):
    assert tuning.told(table) == (
        "Each method had 3 trials of learning rate and temperature, chosen from on validation clips: "
        "tables/tuning.csv. "
        "1 of all 6 trials ended with a loss that was not finite. "
        "Warning: 1 of 2 choices lie at an edge of what was tried: widen tuning.learning_rate."
    )
    inside = table[table["method"] == "random"]
    assert "Warning" not in tuning.told(inside)
    assert "at each budget" in tuning.told(inside.assign(budget=["a", "b", "b"]))


def test_without_tuning_one_setting_served_all():
    assert tuning.told(tuning.table([])) == (
        "One setting of learning rate and temperature served all methods: none was tuned."
    )


def test_a_file_without_a_key_is_named(tmp_path):
    with pytest.raises(UserError, match=r"random-default\.json has no key 'chosen'"):
        tuning.table([choice(tmp_path, "random", {"learning_rate": 1, "temperature": 1, "validation_accuracy": 1})])
