import dataclasses
import json
import subprocess
import sys

import pytest

from avbench.config.paper_switches import PRESETS, PaperSwitches, parse
from avbench.config.pretraining import PretrainSettings
from avbench.config.settings import build
from avbench.core.errors import UserError
from tests.support.paths import ROOT

SWITCHES = [field.name for field in dataclasses.fields(PaperSwitches)]
PUBLISHED, CORRECTED = PRESETS["published"], PRESETS["corrected"]


def test_the_presets_differ_in_every_switch():
    assert len(SWITCHES) == 8
    assert all(getattr(PUBLISHED, name) != getattr(CORRECTED, name) for name in SWITCHES)
    assert PUBLISHED.batch_norm_groups == 4
    assert parse("published") == PUBLISHED
    assert parse("corrected") == PaperSwitches() == CORRECTED


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"preset": "published", "flip_each_frame": False}, dataclasses.replace(PUBLISHED, flip_each_frame=False)),
        ({"preset": "corrected", "batch_norm_groups": 8}, PaperSwitches(batch_norm_groups=8)),
        ({"task_mel_bands": True}, PaperSwitches(task_mel_bands=True)),
        ({}, PaperSwitches()),
    ],
)
def test_switches_change_a_preset(value, expected):
    before = dict(value)
    assert parse(value) == expected
    assert value == before


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("as-published", "protocol: there is no preset 'as-published'. Presets are published, corrected"),
        ({"preset": 3}, "there is no preset 3"),
        (
            {"flip_every_frame": True},
            r"unknown switch 'flip_every_frame' \(did you mean 'flip_each_frame'\?\). Allowed",
        ),
        ({"sync": True}, f"unknown switch 'sync'. Allowed are preset, {', '.join(SWITCHES)}"),
        ({"fixed_batches": "yes"}, "protocol.fixed_batches: 'yes' is not allowed; it must be true or false"),
        ({"fixed_batches": 1}, "protocol.fixed_batches: 1 is not allowed"),
        ({"batch_norm_groups": True}, "batch_norm_groups: True is not allowed; it must be a whole number"),
        ({"batch_norm_groups": 0}, "batch_norm_groups: 0 is not allowed; it is at least 1"),
        (None, "protocol: None is not allowed; write published or corrected, or a mapping"),
        (["published"], "is not allowed; write published or corrected"),
    ],
)
def test_mistakes_are_named_with_what_is_allowed(value, message):
    with pytest.raises(UserError, match=message):
        parse(value)


@pytest.mark.parametrize("name", SWITCHES)
def test_every_switch_acts_in_pretraining_or_in_evaluation(name):
    one = dataclasses.replace(CORRECTED, **{name: getattr(PUBLISHED, name)})
    changed = [stage for stage in ("pretraining", "evaluation") if getattr(one, stage)() != getattr(CORRECTED, stage)()]
    assert changed == ["pretraining" if SWITCHES.index(name) < 5 else "evaluation"]


def test_pretraining_takes_the_switches_as_its_settings():
    configured = {"epochs": 3, "flip": "none"}
    settings = build(PretrainSettings, configured | PUBLISHED.pretraining(), "pretraining")
    assert (settings.flip, settings.batch_order) == ("frame", "fixed")
    assert (settings.batch_norm_groups, settings.batch_members) == (4, "by-class")
    assert settings.partner_time == "anchor"
    corrected = build(PretrainSettings, configured | CORRECTED.pretraining(), "pretraining")
    assert corrected == PretrainSettings(epochs=3, flip="none")  # the defaults are the corrected ones


def test_evaluation_takes_the_switches_by_name():
    assert PUBLISHED.evaluation() == dict.fromkeys(SWITCHES[5:], True)
    assert PaperSwitches(**json.loads(json.dumps(PUBLISHED.evaluation()))).evaluation() == PUBLISHED.evaluation()


def test_it_is_imported_with_the_standard_library_alone():
    module = "avbench.config.paper_switches"
    code = f"import {module}, sys; print(*{{n.split('.')[0] for n in sys.modules}} - sys.stdlib_module_names)"
    command, root = [sys.executable, "-S", "-c", code], ROOT
    found = subprocess.run(command, cwd=root, capture_output=True, text=True, check=True).stdout
    assert set(found.split()) <= {"avbench", "__main__"}
