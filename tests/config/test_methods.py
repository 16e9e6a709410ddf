"""Methods as the config declares them."""

import json
import subprocess
import sys
from dataclasses import asdict

import pytest
import yaml

from avbench.config.methods import PRESETS, Method, parse_methods
from avbench.config.settings import build
from avbench.core.errors import UserError


def test_presets_are_the_papers():
    found = {name: (m.positive, m.probability, m.batch, m.labels) for name, m in PRESETS.items()}
    assert found == {
        "random": ("self", 1, "shuffled", "none"),
        "easy-negative": ("self", 1, "one-per-class", "true"),
        "hard-negative": ("self", 1, "single-class", "true"),
        "soft-positive": ("same-class", 1, "shuffled", "true"),
        "soft-positive-50": ("same-class", 0.5, "shuffled", "true"),
        "sp70": ("same-class", 1, "shuffled", "noisy-30"),
        "pl-soft-positive": ("same-class", 1, "shuffled", "pseudo"),
    }
    assert all(method.name == name for name, method in PRESETS.items())
    assert {m.loss for m in PRESETS.values()} == {"info-nce"}
    assert {(m.clips_per_class, m.class_prior, m.hardness) for m in PRESETS.values()} == {(None, None, None)}


def test_a_new_combination_is_a_new_line():
    config = yaml.safe_load("""
        random: preset
        soft-easy: {positive: same-class, probability: 0.75, batch: one-per-class, labels: true}
        plain: {}
        null-labels: {positive: self, labels: null}
        noisy: {positive: same-class, labels: noisy-30}
        near: {positive: neighbour, probability: [0, 0.5], labels: nearest-5}
        mixed: {positive: self, batch: mixed, loss: supcon, labels: clusters-24}
        mixed-8: {batch: mixed, clips_per_class: 8, labels: true}
        unlike: {loss: debiased, class_prior: 0.05}
        hard: {loss: hard}
    """)
    methods = parse_methods(config)
    assert list(methods)[:5] == ["random", "soft-easy", "plain", "null-labels", "noisy"]
    assert methods["random"] is PRESETS["random"]
    assert methods["soft-easy"] == Method("soft-easy", "same-class", 0.75, "one-per-class", "true")
    assert methods["plain"] == Method("plain", "self", 1.0, "shuffled", "none")
    assert methods["null-labels"].labels == "none"
    assert methods["noisy"].labels == "noisy-30"
    assert methods["near"].probability == (0, 0.5)
    assert methods["near"].needs == "neighbours"
    assert [methods[name].clips_per_class for name in ("plain", "mixed", "mixed-8")] == [None, 4, 8]
    assert [methods[name].class_prior for name in ("plain", "unlike", "hard")] == [None, 0.05, 0.1]
    assert [methods[name].hardness for name in ("unlike", "hard")] == [None, 1.0]


@pytest.mark.parametrize("name", ["near", "mixed", "unlike", "hard"])
def test_a_method_comes_back_from_its_fields_as_json(name):
    methods = {
        "near": Method("near", "neighbour", [0.2, 0.8], labels="nearest-5"),
        "mixed": Method("mixed", batch="mixed", labels="true"),
        "unlike": Method("unlike", loss="debiased"),
        "hard": Method("hard", loss="hard", hardness=0.5),
    }
    method = methods[name]
    assert build(Method, json.loads(json.dumps(asdict(method))), "method") == method
    assert hash(method)


@pytest.mark.parametrize(
    ("fields", "needs", "loss_uses_labels"),
    [
        ({}, "none", False),
        ({"loss": "hard"}, "none", False),
        ({"positive": "same-class"}, "classes", False),
        ({"batch": "mixed"}, "classes", False),
        ({"loss": "supcon"}, "classes", True),
        ({"loss": "masked"}, "classes", True),
        ({"positive": "neighbour", "loss": "debiased"}, "neighbours", False),
    ],
)
def test_what_a_method_has_to_be_told(fields, needs, loss_uses_labels):
    method = Method("m", labels="none" if needs == "none" else "some", **fields)
    assert method.needs == needs
    assert method.uses_labels == (needs != "none")
    assert method.loss_uses_labels == loss_uses_labels


def test_a_probability_of_two_numbers_changes_linearly_from_the_first_epoch_to_the_last():
    method = Method("m", "same-class", [0, 1], labels="true")
    assert [method.probability_at(epoch, 5) for epoch in range(5)] == [0, 0.25, 0.5, 0.75, 1]
    falling = Method("m", "same-class", [0.9, 0.1], labels="true")
    assert falling.probability_at(0, 100) == 0.9
    assert falling.probability_at(99, 100) == pytest.approx(0.1)
    assert falling.probability_at(0, 1) == 0.9
    assert {Method("m", "same-class", 0.3, labels="true").probability_at(epoch, 9) for epoch in range(9)} == {0.3}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "softpositive: preset",
            "no such preset. Presets are random, easy-negative, hard-negative, soft-positive,",
        ),
        (
            "m: presets",
            "'presets' is not allowed; write preset or a mapping of positive, probability, batch, labels",
        ),
        ("m: {postive: self}", "unknown key 'postive'. Allowed are positive, probability, batch, labels"),
        ("m: {name: x}", "unknown key 'name'"),
        ("m: {positive: other}", "m.positive: 'other' is unknown. Allowed are self, same-class, neighbour"),
        (
            "m: {batch: sorted}",
            "m.batch: 'sorted' is unknown. Allowed are shuffled, one-per-class, single-class",
        ),
        ("m: {batch: [shuffled]}", r"m.batch: \['shuffled'\] is unknown"),
        ("m: {positive: same-class}", "none is not allowed with positive: same-class"),
        ("m: {positive: same-class, labels: none}", "none is not allowed with positive: same-class"),
        ("m: {batch: one-per-class}", "none is not allowed with batch: one-per-class"),
        ("m: {batch: single-class}", "none is not allowed with batch: single-class"),
        ("m: {labels: true}", "true has no effect"),
        ("m: {labels: false}", "False is not allowed"),
        ("m: {labels: ../x}", "'../x' is not allowed"),
        ("m: {probability: 0.5}", "0.5 has a meaning only with positive: same-class"),
        ("m: {positive: same-class, labels: true, probability: 0}", "0 is not allowed"),
        ("m: {positive: same-class, labels: true, probability: 1.5}", "1.5 is not allowed"),
        ("m: {positive: same-class, labels: true, probability: .nan}", "nan is not allowed"),
        ("m: {positive: same-class, labels: true, probability: high}", "'high' is no number"),
        ("m: {positive: same-class, labels: true, probability: true}", "True is no number"),
        (
            "m: {probability: [0.1, 0.5]}",
            r"\[0.1, 0.5\] has a meaning only with positive: same-class or neighbour",
        ),
        ("m: {positive: same-class, labels: true, probability: [0.5]}", "write one number, or the first and the last"),
        ("m: {positive: same-class, labels: true, probability: [0, x]}", "write one number, or the first and the last"),
        ("m: {positive: same-class, labels: true, probability: [0, 2]}", "both must be at least 0 and at most 1"),
        ("m: {positive: same-class, labels: true, probability: [0.5, 0.5]}", "does not change; write one number"),
        ("m: {loss: triplet}", "m.loss: 'triplet' is unknown. Allowed are info-nce, supcon, masked, debiased, hard"),
        ("m: {loss: supcon}", "m.labels: none is not allowed with loss: supcon, which needs classes"),
        ("m: {batch: mixed}", "m.labels: none is not allowed with batch: mixed, which needs classes"),
        ("m: {loss: hard, labels: true}", "has no effect with positive: self, batch: shuffled, loss: hard"),
        ("m: {positive: neighbour}", "none is not allowed with positive: neighbour, which needs a label variant"),
        ("m: {positive: neighbour, labels: true}", "true is not allowed with positive: neighbour"),
        (
            "m: {positive: neighbour, labels: n, batch: mixed}",
            "positive: neighbour does not go with batch: mixed, which needs classes",
        ),
        ("m: {positive: neighbour, labels: n, loss: masked}", "does not go with loss: masked, which needs classes"),
        ("m: {batch: one-per-class, labels: true, loss: supcon}", "supcon has no effect with batch: one-per-class"),
        ("m: {batch: single-class, labels: true, loss: masked}", "where it leaves no negatives"),
        ("m: {clips_per_class: 4}", "clips_per_class: 4 has a meaning only with batch: mixed"),
        ("m: {batch: mixed, labels: true, clips_per_class: 1}", "1 is not allowed; it must be a whole number of at"),
        ("m: {batch: mixed, labels: true, clips_per_class: 2.5}", "2.5 is not allowed; it must be a whole number"),
        ("m: {class_prior: 0.1}", "class_prior: 0.1 has a meaning only with loss: debiased or hard"),
        ("m: {loss: debiased, hardness: 1}", "hardness: 1 has a meaning only with loss: hard"),
        ("m: {loss: debiased, class_prior: 1}", "1 is not allowed; it must be a number of at least 0 and below 1"),
        ("m: {loss: hard, class_prior: x}", "'x' is not allowed; it must be a number of at least 0 and below 1"),
        ("m: {loss: hard, hardness: -1}", "-1 is not allowed; it must be a number of at least 0"),
        ("m: {loss: hard, hardness: .inf}", "inf is not allowed; it must be a number of at least 0"),
        ("untrained: {}", "reserved for a baseline"),
        ("supervised: {}", "reserved for a baseline"),
        ("a/b: {}", "name 'a/b' is not allowed"),
        ("-a: {}", "name '-a' is not allowed"),
        ("1: {}", "name 1 is not allowed"),
        ("{}", "at least one method"),
        ("[random]", "at least one method"),
    ],
)
def test_what_is_not_allowed_is_refused_with_what_is(text, message):
    with pytest.raises(UserError, match=message):
        parse_methods(yaml.safe_load(text))


def test_importing_methods_loads_nothing_heavy():
    check = "import sys, avbench.config.methods; sys.exit(bool({'numpy', 'pandas', 'torch'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", check], check=False).returncode == 0
