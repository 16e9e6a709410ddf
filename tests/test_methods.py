"""Methods as the config declares them."""

import subprocess
import sys

import pytest
import yaml

from avbench.errors import UserError
from avbench.methods import PRESETS, Method, parse_methods


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


def test_a_new_combination_is_a_new_line():
    config = yaml.safe_load("""
        random: preset
        soft-easy: {positive: same-class, probability: 0.75, batch: one-per-class, labels: true}
        plain: {}
        null-labels: {positive: self, labels: null}
        noisy: {positive: same-class, labels: noisy-30}
    """)
    methods = parse_methods(config)
    assert list(methods) == ["random", "soft-easy", "plain", "null-labels", "noisy"]
    assert methods["random"] is PRESETS["random"]
    assert methods["soft-easy"] == Method("soft-easy", "same-class", 0.75, "one-per-class", "true")
    assert methods["plain"] == Method("plain", "self", 1.0, "shuffled", "none")
    assert methods["null-labels"].labels == "none"
    assert methods["noisy"].labels == "noisy-30"


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
        ("m: {positive: other}", "m.positive: 'other' is unknown. Allowed are self, same-class"),
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
    check = "import sys, avbench.methods; sys.exit(bool({'numpy', 'pandas', 'torch'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", check], check=False).returncode == 0
