"""What the configuration may say about a dataset is what its module takes."""

import dataclasses
from importlib import import_module

import pytest
import yaml

from avbench.core.errors import UserError
from avbench.data.download.zenodo import ZenodoSettings
from avbench.datasets import KINDS, build_manifest, fsdnoisy18k, tau_av
from avbench.datasets.acquire import ArchiveSettings, ListSettings
from avbench.plan.jobs import Plan
from tests.support.paths import ROOT


def schema(kind):
    return yaml.safe_load((ROOT / "workflow" / "schemas" / f"{kind}.schema.yaml").read_text(encoding="utf-8"))


def fields(settings):
    return {field.name for field in dataclasses.fields(settings)}


@pytest.mark.parametrize("kind", KINDS)
def test_schemas_allow_what_the_settings_have(kind):
    module, settings = KINDS[kind]
    expected = fields(getattr(import_module(module), settings))
    properties = schema(kind)["properties"]
    if kind == "vggsound":
        assert set(properties["list"]["properties"]) == fields(ListSettings)
        expected |= {"list"}
    if kind == "folder":
        expected -= {"multi_label"}  # a key of the dataset itself, not one of its options
    if kind == "vggsounder":
        assert {*properties["list"]["properties"], *properties["labels"]["properties"]} == fields(ListSettings)
        expected |= {"list", "labels"}
    if kind in ("tau_av", "fsdnoisy18k"):
        assert set(properties["zenodo"]["properties"]) == fields(ZenodoSettings)
        expected |= {"zenodo"}
    if kind == "esc50":
        assert set(properties["archive"]["properties"]) == fields(ArchiveSettings)
        expected |= {"archive"}
    assert set(properties) == expected


def experiment(**datasets):
    """Return the full replication with some options changed: dataset → options."""
    config = yaml.safe_load((ROOT / "config" / "config.yaml").read_text(encoding="utf-8"))
    for name, options in datasets.items():
        config["datasets"][name.replace("_", "-")]["options"] = options
    return Plan(config, ROOT)


def test_the_full_replication_is_valid_and_is_the_papers():
    made = experiment()
    options = {name: made.dataset_options(name, made.rule_file(name).stem) for name in made.datasets}
    assert options["tau-av-2021"]["zenodo"] == {"record": tau_av.RECORD}
    assert options["fsdnoisy18k-clean"]["zenodo"] == {"record": fsdnoisy18k.RECORD}
    assert list(made.tasks) == ["vggsound", "tau-av-2021", "fsdnoisy18k-clean"]
    assert list(made.methods) == [
        "random",
        "easy-negative",
        "hard-negative",
        "soft-positive",
        "soft-positive-50",
        "sp70",
        "pl-soft-positive",
    ]
    assert made.subset_settings("balanced-123")["clips_per_class"] == 123
    assert len(made.runs()) * len(made.seeds) == 3 * 8  # with the untrained baseline


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"directory": "x"}, "'list' is missing"),
        ({"directory": "x", "list": {}}, "exactly one of"),
        ({"directory": "x", "list": {"url": "http://x/y", "path": "z"}}, "list"),
        ({"directory": "x", "list": {"url": "file:///etc/passwd"}}, "'file:///etc/passwd' is not allowed"),
        ({"directory": "x", "list": {"path": "y", "sha256": "123"}}, "'123' is not allowed"),
        ({"directory": "x", "list": {"path": "y"}, "validation": 1}, "did you mean 'validation_share'"),
        ({"directory": "x", "list": {"path": "y"}, "validation_share": 1}, "less than 1"),
    ],
)
def test_bad_options_are_refused_with_their_key(options, message):
    with pytest.raises(UserError, match=f"datasets.vggsound.options.*{message}"):
        experiment(vggsound=options).dataset_options("vggsound", "vggsound")


@pytest.mark.parametrize("kind", ["tau_av", "fsdnoisy18k"])
@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "exactly one of 'directory', 'zenodo'"),
        ({"zenodo": {}}, "record"),
        ({"directory": "x", "zenodo": {"record": 1}}, "'directory'.*'zenodo'|zenodo.*directory"),
        ({"zenodo": {"record": 1, "api": "file:///etc"}}, "'file:///etc' is not allowed"),
        ({"zenodo": {"record": "10.5281/zenodo.1"}}, "'10.5281/zenodo.1' is not allowed"),
        ({"zenodo": {"record": 1, "keep": False}}, "unknown key 'keep'"),
        ({"zenodo": {"record": 1}, "seed": -1}, "seed"),
    ],
)
def test_bad_options_of_datasets_on_zenodo_are_refused(kind, options, message):
    name = {"tau_av": "tau_av_2021", "fsdnoisy18k": "fsdnoisy18k_clean"}[kind]
    dashed = name.replace("_", "-")
    with pytest.raises(UserError, match=f"datasets.{dashed}.options.*({message})"):
        experiment(**{name: options}).dataset_options(dashed, kind)


@pytest.mark.parametrize(
    ("kind", "settings", "inputs", "message"),
    [
        ("vggsound", {}, {}, "inputs of vggsound: listing is missing"),
        ("folder", {"directory": "x"}, {"listing": "l.csv"}, "inputs of folder: listing is not one of them"),
    ],
)
def test_inputs_that_a_manifest_lacks_or_does_not_take_are_named(tmp_path, kind, settings, inputs, message):
    with pytest.raises(UserError, match=message):
        build_manifest(kind, settings, inputs, tmp_path / "clips.csv")
