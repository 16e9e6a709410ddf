"""What may be chosen is declared once: in the schema, in figures and in checks it is the same."""

import dataclasses

import pytest

from avbench.config.choices import Choice, names, registry
from avbench.config.evaluation import CLASSIFIERS, FROZEN, TRAINED
from avbench.config.labels import KINDS, NOISES
from avbench.config.methods import AXES, BELONGING, Method
from avbench.figures import names as shown


def test_choices_are_listed_by_their_place_and_then_by_name():
    choices = [
        Choice("b", "", ""),
        Choice("a", "", ""),
        Choice("last", "", "", place=200),
        Choice("first", "", "", place=0),
    ]
    assert list(registry(*choices)) == ["first", "a", "b", "last"]
    with pytest.raises(ValueError, match="declared twice"):
        registry(Choice("a", "", ""), Choice("a", "", ""))
    assert names(["a"]) == "`a`"
    assert names(["a", "b", "c"]) == "`a`, `b` or `c`"


def test_the_axes_have_what_they_had_first():
    listed = {axis: list(choices) for axis, choices in AXES.items()}
    had = {
        "positive": ["self", "same-class", "neighbour"],
        "batch": ["shuffled", "one-per-class", "single-class", "mixed"],
        "loss": ["info-nce", "supcon", "masked", "debiased", "hard"],
    }
    assert {axis: listed[axis][: len(names)] for axis, names in had.items()} == had
    belonging = {name: (axis, choices, key.default) for name, (key, axis, choices) in BELONGING.items()}
    assert (
        belonging.items()
        >= {
            "clips_per_class": ("batch", ("mixed",), 4),
            "class_prior": ("loss", ("debiased", "hard"), 0.1),
            "hardness": ("loss", ("hard",), 1.0),
        }.items()
    )
    assert list(NOISES) == ["uniform", "pair-flip", "confusion"]
    assert list(KINDS) == ["noise", "pseudo", "clusters", "neighbours"]


def test_the_defaults_of_a_method_are_the_first_of_each_axis():
    defaults = {field.name: field.default for field in dataclasses.fields(Method)}
    assert {axis: defaults[axis] for axis in AXES} == {axis: next(iter(choices)) for axis, choices in AXES.items()}


def test_protocols_are_sorted_by_what_they_look_at():
    assert FROZEN == ("linear", "knn", "retrieval")
    assert TRAINED == ("linear-sgd", "finetune")
    assert CLASSIFIERS == ("linear", "linear-map", "linear-auc", "linear-sgd", "finetune", "supervised")


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"positive": "same-class", "probability": 0.5}, ("same class (50 %)", "shuffled", "InfoNCE")),
        ({"batch": "mixed", "loss": "supcon"}, ("own video", "mixed, 4 a class", "supervised contrastive")),
    ],
)
def test_figures_name_choices_as_they_are_declared(fields, expected):
    method = dataclasses.asdict(Method("m", labels="true", **fields))
    assert (shown.positive_name(method), shown.batch_name(method), shown.loss_name(method)) == expected
    assert shown.protocol_name("retrieval-5") == "retrieval (first 5)"
    assert shown.noise_name("pair-flip") == "pair-flip noise"
