"""Configurations: what is refused, and in which words."""

import copy

import pytest
import yaml

from avbench.config import Experiment, validate
from avbench.errors import UserError


@pytest.fixture
def demo(root):
    return yaml.safe_load((root / "config/demo.yaml").read_text(encoding="utf-8"))


def change(config, path, value):
    """Return a copy of a config with one key set, ``path`` being dotted; ``None`` removes it."""
    config = copy.deepcopy(config)
    *parents, last = path.split(".")
    place = config
    for key in parents:
        place = place.setdefault(key, {})
    if value is None:
        del place[last]
    else:
        place[last] = value
    return config


@pytest.mark.parametrize("name", ["config.yaml", "demo.yaml", "study.yaml", "tiny.yaml"])
def test_shipped_configurations_are_valid(root, name):
    experiment = Experiment(yaml.safe_load((root / "config" / name).read_text(encoding="utf-8")), root)
    assert experiment.runs()
    for dataset in experiment.datasets:
        assert experiment.rule_file(dataset).is_file()


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("sedes", [1], r"unknown key 'sedes' \(did you mean 'seeds'\?\)"),
        ("pretraining.epoch", 3, r"'pretraining': unknown key 'epoch' \(did you mean 'epochs'\?\)"),
        ("seeds", "three", r"'seeds': 'three' is not allowed; it must be of type array"),
        ("seeds", [1, 1], r"without repetitions"),
        ("seeds", None, r"the key 'seeds' is missing"),
        ("store.width", 2, r"'store.width': 2 is not allowed; it must be at least 8"),
        ("pretraining.schedule", "linear", r"'linear' is not allowed; it must be one of constant, cosine"),
        ("pretraining.dataset", "vggsond", r"pretraining.dataset: 'vggsond' is not declared. Declared are controlled"),
        (
            "datasets.controlled.rules",
            "workflow/datasets/no.smk",
            r"datasets.controlled.rules: .*no.smk does not exist",
        ),
        ("datasets.bad name", {}, r"'bad name' is not allowed; it must be text that matches"),
        ("datasets.controlled.modalities", ["audio"], r"pretraining.dataset 'controlled' has no video"),
        ("methods.mine", "preset", r"mine.*preset.*random"),
        ("methods.mine", {"positive": "other", "batch": "shuffled"}, r"'other' is not allowed; it must be one of self"),
        ("methods.mine", {"positive": "same-class", "batch": "shuffled", "labels": "none"}, r"mine"),
        ("methods.untrained", {"positive": "self", "batch": "shuffled"}, r"reserved"),
        (
            "methods.mine",
            {"positive": "same-class", "batch": "shuffled", "labels": "noisy-80"},
            r"'noisy-80' is not decl",
        ),
        ("labels.noisy-30.rate", 1.0, r"1.0 is not allowed; it must be less than 1"),
        ("subsets.small.clips", 100, r"exactly one of 'clips_per_class', 'clips', 'ids' must be given"),
        ("subsets.small.imbalance", 10, r"'long-tailed' and 'imbalance' go together"),
        ("tasks.outdoors.train", "subset", r"tasks.outdoors.train is 'subset', and its dataset"),
        ("tasks.telephone.modalities", ["video"], r"tasks.telephone.modalities asks for 'video'"),
        ("tasks.controlled.dataset", "none", r"tasks.controlled.dataset: 'none' is not declared"),
        ("evaluation.linear.strengths", [], r"must be a list of at least 1"),
        ("protocol", "as-published", r"as-published"),
        ("protocol", {"flip_each_frames": True}, r"unknown key .flip_each_frames. \(did you mean .flip_each_frame.\?"),
        ("labels.guessed", {"kind": "pseudo", "classifier_dataset": "no"}, r"classifier_dataset: .no. is not declared"),
    ],
)
def test_mistakes_are_named_with_what_is_allowed(demo, root, path, value, message):
    with pytest.raises(UserError, match=message):
        Experiment(change(demo, path, value), root)


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("subsets.large.clips_per_class", 41, r"subsets.large.clips_per_class: 41 is more than the 40 training clips"),
        ("pretraining.batch_size", 500, r"batch_size: 500 is larger than subset 'small' with 240 clips"),
        ("subsets.small.clips_per_class", 1, r"subset 'small'|at least 2 clips a class"),
    ],
)
def test_impossible_sizes_are_refused_before_any_job(demo, root, path, value, message):
    experiment = Experiment(change(demo, path, value), root)
    with pytest.raises(UserError, match=message):
        experiment.check_sizes("controlled", 24, 40)


def test_options_of_a_dataset_have_their_own_schema(demo, root):
    experiment = Experiment(change(demo, "datasets.controlled.options.synchronie", 0.5), root)
    with pytest.raises(UserError, match=r"datasets.controlled.options: .*unknown key 'synchronie' .*'synchrony'"):
        experiment.dataset_options("controlled", "controlled")


def test_subsets_override_the_epochs_and_nothing_leaks_into_other_settings(demo, root):
    experiment = Experiment(demo, root)
    assert experiment.pretrain_settings("small")["epochs"] == demo["subsets"]["small"]["epochs"]
    assert "epochs" not in experiment.subset_settings("small")
    assert not {"dataset", "features", "gpus", "cache_mb"} & set(experiment.pretrain_settings("small"))
    assert experiment.machine_settings() == {"cache_mb": demo["pretraining"]["cache_mb"]}
    assert experiment.feature_settings()["sample_rate"] == demo["store"]["sample_rate"]


def test_the_grid_has_every_method_on_every_subset_once(demo, root):
    experiment = Experiment(demo, root)
    runs = experiment.runs()
    assert len(runs) == len(set(runs)) == (len(demo["methods"]) + 1) * len(demo["subsets"])
    assert {run.labels for run in runs if run.method == "sp70"} == {"noisy-30"}
    assert {run.labels for run in runs if run.method == "random"} == {"none"}
    assert ("controlled", "small") in experiment.supervised()
    assert ("outdoors", "all") in experiment.supervised()


def test_every_key_of_the_schema_is_explained(root):
    """config/README.md must keep up with the schema."""
    schema = yaml.safe_load((root / "workflow/schemas/config.schema.yaml").read_text(encoding="utf-8"))
    text = (root / "config/README.md").read_text(encoding="utf-8")

    def keys(node):
        if isinstance(node, dict):
            for name, value in node.get("properties", {}).items():
                yield name
                yield from keys(value)
            for name in ("$defs", "additionalProperties", "items"):
                inner = node.get(name)
                for part in inner.values() if name == "$defs" and inner else [inner]:
                    yield from keys(part)
            for part in node.get("oneOf", []):
                yield from keys(part)

    missing = {key for key in keys(schema) if f"`{key}`" not in text}
    assert not missing


def test_validation_reports_every_mistake_at_once(demo, root):
    broken = change(change(demo, "sedes", 1), "store.width", 2)
    with pytest.raises(UserError, match=r"sedes.*store.width|store.width.*sedes"):
        validate(broken, root / "workflow/schemas/config.schema.yaml", "config")
