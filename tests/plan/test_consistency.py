"""Configurations: what is refused, and in which words."""

import copy
import json

import pytest
import yaml

from avbench.config.capacity import Held
from avbench.config.experiment import SCHEMA
from avbench.config.validation import validate
from avbench.core.errors import UserError
from avbench.plan.consistency import check_claims, check_sizes
from avbench.plan.counted import check_stored
from avbench.plan.jobs import Plan


@pytest.fixture
def demo(root):
    """The demo, with epochs for each of two sizes, and a task of sounds alone."""
    config = yaml.safe_load((root / "config/demo.yaml").read_text(encoding="utf-8"))
    del config["pretraining"]["budgets"]
    config["subsets"]["small"]["epochs"] = 60
    config["subsets"]["large"] = {"clips_per_class": 32, "balance": "balanced", "epochs": 16}
    sounds = copy.deepcopy(config["datasets"]["controlled-outdoors"]) | {"modalities": ["audio"]}
    sounds["options"] |= {"conditions": "telephone", "video": False}
    config["datasets"]["controlled-telephone"] = sounds
    task = {"dataset": "controlled-telephone", "role": "out-of-domain", "train": "all", "modalities": ["audio"]}
    config["tasks"]["telephone"] = task
    return config


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


SHIPPED = ("config", "demo", "real-words", "reference", "robustness-controlled", "study", "tiny")


@pytest.mark.parametrize("name", [f"{name}.yaml" for name in SHIPPED])
def test_shipped_configurations_are_valid(root, name):
    experiment = Plan(yaml.safe_load((root / "config" / name).read_text(encoding="utf-8")), root)
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
        ("pretraining.model", "papr", r"must be one of paper, small. Did you mean 'paper'\?"),
        ("pretraining.features.audio_s", 1.6, r"features.audio_s: a window of 1.6 s .* Raise it to 1.6, or .* to 1.5"),
        ("pretraining.features.video_s", 0.1, r"a window of 0.1 s holds no picture at store.frame_rate: 4"),
        ("pretraining.features.hop", 300, r"hop 300 exceeds n_fft 256"),
        ("pretraining.epochs", 2.0, r"pretraining.epochs: 2.0 is not allowed; it must be an integer of at least 1"),
        ("checks.min_duration_s", None, r"'checks': the key 'min_duration_s' is missing"),
        (
            "labels.odd",
            {"kind": "noise", "noise": "uniform", "rate": 0.1, "modality": "audio"},
            r"config: labels.odd: modality: it belongs to method",
        ),
        ("subsets.odd", {"ids": "x.csv", "balance": "natural", "imbalance": 3}, r"subsets.odd: .*'long-tailed'"),
    ],
)
def test_mistakes_are_named_with_what_is_allowed(demo, root, path, value, message):
    with pytest.raises(UserError, match=message):
        Plan(change(demo, path, value), root)


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("subsets.large.clips_per_class", 41, r"subsets.large.clips_per_class: 41 is more than the 40 training clips"),
        ("pretraining.batch_size", 500, r"batch_size: 500 is larger than subset 'small' with 240 clips"),
        ("subsets.small.clips_per_class", 1, r"subset 'small'|at least 2 clips per class"),
        (
            "evaluation.knn.neighbours",
            241,
            r"neighbours: 241 is more than the 240 training clips of subset 'small'. .* 240",
        ),
    ],
)
def test_impossible_sizes_are_refused_before_any_job(demo, root, path, value, message):
    experiment = Plan(change(demo, path, value), root)
    with pytest.raises(UserError, match=message):
        check_sizes(experiment, Held("controlled", 24, 960, 40, 40))


def test_neighbours_are_compared_with_the_training_clips_of_every_task(demo, root):
    experiment = Plan(change(demo, "evaluation.knn.neighbours", 201), root)
    check_sizes(experiment, Held("controlled", 24, 960, 40, 40))
    with pytest.raises(UserError, match=r"201 is more than the 200 training clips of task 'outdoors'. .*works is 200"):
        check_sizes(experiment, Held("controlled-outdoors", 10, 200, 20, 20))


@pytest.mark.parametrize(
    ("given", "there"),
    [({}, "default"), ({"steps": [600, 2400]}, "steps-600, steps-2400"), ({"epochs": [1, 2]}, "epochs-1, epochs-2")],
)
def test_a_claim_about_a_budget_that_is_not_there_is_refused(demo, root, tmp_path, given, there):
    content = yaml.safe_load((root / "config/claims.yaml").read_text(encoding="utf-8"))
    demo["claims"] = str(tmp_path / "claims.yaml")
    if given:
        for section in (demo["pretraining"], *demo["subsets"].values()):
            section.pop("epochs", None)
        demo["pretraining"]["budgets"] = given
    experiment = Plan(demo, root)

    def state(budget):
        content["claims"][1]["budget"] = budget
        (tmp_path / "claims.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")

    check_claims(experiment)  # a file that is not there is named where it is read
    state(there.split(", ")[-1])
    check_claims(experiment)
    state("steps-9")
    name = content["claims"][1]["id"]
    with pytest.raises(UserError, match=rf"claims\.{name}\.budget: 'steps-9' is not declared. Declared are {there} "):
        check_claims(experiment)


def test_choices_of_a_method_have_defaults(demo, root):
    experiment = Plan(change(demo, "methods.plain", {"labels": "none"}), root)
    fields = experiment.method_settings("plain", "none")
    assert [fields[key] for key in ("positive", "batch", "loss")] == ["self", "shuffled", "info-nce"]


def test_what_has_a_default_may_be_left_out(demo, root):
    lean = change(demo, "evaluation.linear", {})
    for key in ("store.sample_rate", "store.jpeg_quality", "pretraining.features"):
        lean = change(lean, key, None)
    experiment = Plan(lean, root)
    assert experiment.feature_settings() == {"frame_rate": 4, "sample_rate": 16000}
    assert experiment.pretraining["gpus"] == 0
    assert Plan(demo, root).feature_settings() == demo["pretraining"]["features"] | {
        "frame_rate": 4,
        "sample_rate": 8000,
    }


def test_options_of_a_dataset_have_their_own_schema(demo, root):
    experiment = Plan(change(demo, "datasets.controlled.options.synchronie", 0.5), root)
    with pytest.raises(UserError, match=r"datasets.controlled.options: .*unknown key 'synchronie' .*'synchrony'"):
        experiment.dataset_options("controlled", "controlled")


def test_subsets_override_the_epochs_and_nothing_leaks_into_other_settings(demo, root):
    experiment = Plan(demo, root)
    assert experiment.pretrain_settings("small")["epochs"] == demo["subsets"]["small"]["epochs"]
    assert "epochs" not in experiment.subset_settings("small")
    assert not {"dataset", "features", "gpus", "cache_mb"} & set(experiment.pretrain_settings("small"))
    assert experiment.machine_settings() == {"cache_mb": demo["pretraining"]["cache_mb"]}
    assert experiment.feature_settings()["sample_rate"] == demo["store"]["sample_rate"]


def test_the_grid_has_every_method_on_every_subset_once(demo, root):
    experiment = Plan(demo, root)
    runs = experiment.runs()
    assert len(runs) == len(set(runs)) == (len(demo["methods"]) + 1) * len(demo["subsets"])
    assert {run.labels for run in runs if run.method == "sp70"} == {"noisy-30"}
    assert {run.labels for run in runs if run.method == "random"} == {"none"}
    assert ("controlled", "small") in experiment.supervised()
    assert ("outdoors", "all") in experiment.supervised()


def test_classifiers_are_trained_where_tasks_have_their_modalities(demo, root):
    seen = change(demo, "evaluation.supervised", {"modalities": ["video"]})
    assert {task for task, _ in Plan(seen, root).supervised()} == {"controlled"}  # the others are of sounds alone
    for protocol in ("supervised", "finetune"):
        config = change(
            change(demo, f"evaluation.{protocol}", {"modalities": ["video"]}), "tasks.controlled.modalities", ["audio"]
        )
        with pytest.raises(UserError, match=f"evaluation.{protocol}.modalities: none of the tasks controlled, "):
            Plan(config, root)


def test_every_key_of_the_schema_is_explained(root):
    """config/README.md must keep up with the schema."""
    schema = json.loads((root / SCHEMA).read_text(encoding="utf-8"))
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
            for name in ("then", "else"):
                yield from keys(node.get(name))
            for part in [*node.get("oneOf", []), *node.get("allOf", [])]:
                yield from keys(part)

    missing = {key for key in keys(schema) if f"`{key}`" not in text}
    assert not missing


def test_validation_reports_every_mistake_at_once(demo, root):
    broken = change(change(demo, "sedes", 1), "store.width", 2)
    with pytest.raises(UserError, match=r"sedes.*store.width|store.width.*sedes"):
        validate(broken, root / SCHEMA, "config")


# ------------------------------------------------------------------------------------------------------------ families


def soft(**fields):
    return {"positive": "same-class", "batch": "shuffled", **fields}


@pytest.fixture
def swept(demo):
    """The demo with a sweep: kinds and rates of noise on some subsets, long tails, labels of a first round."""
    config = change(demo, "subsets.tail", {"clips": 240, "balance": "long-tailed", "imbalance": [1, 10]})
    config["labels"] = {
        "uniform": {"kind": "noise", "noise": "uniform", "rate": [0, 0.1, 0.25]},
        "noisy-30": {"kind": "noise", "noise": "uniform", "rate": 0.3},
        "confusion": {"kind": "noise", "noise": "confusion", "rate": 0.3},
        "clusters": {"kind": "clusters", "k": 24},
        "again": {"kind": "clusters", "k": [6, 24], "method": "cluster-positive"},
        "near": {"kind": "neighbours", "k": 5, "method": "random"},
    }
    config["methods"] = {
        "random": "preset",
        "soft-positive": soft(labels=[True, "uniform", {"confusion": ["small", "tail"]}]),
        "cluster-positive": soft(labels="clusters", subsets=["tail-10"]),
        "cluster-positive-2": soft(labels="again", subsets=["tail-10"]),
        "neighbour-positive": {"positive": "neighbour", "batch": "shuffled", "labels": "near", "subsets": ["small"]},
    }
    return config


def test_a_sweep_runs_every_member_once_and_shares_what_needs_no_labels(swept, root):
    experiment = Plan(swept, root)
    runs = [(run.method, run.labels, run.subset) for run in experiment.runs()]
    assert len(runs) == len(set(runs))
    subsets = ["small", "large", "tail-1", "tail-10"]
    assert list(experiment.subsets) == subsets
    assert [subset for method, labels, subset in runs if method == "random"] == subsets
    labels = {labels for method, labels, _ in runs if method == "soft-positive"}
    assert labels == {"true", "uniform-10", "uniform-25", "confusion"}  # a rate of 0 is the true labels
    confused = [subset for method, labels, subset in runs if labels == "confusion"]
    assert confused == ["small", "tail-1", "tail-10"]
    assert [run for run in runs if run[0] == "cluster-positive-2"] == [
        ("cluster-positive-2", "again-6", "tail-10"),
        ("cluster-positive-2", "again-24", "tail-10"),
    ]
    assert experiment.own_labels()["soft-positive"] == "true"
    assert experiment.method_settings("soft-positive", "uniform-10")["labels"] == "uniform-10"


def test_labels_of_a_first_round_or_a_draw_have_a_file_a_seed(swept, root):
    experiment = Plan(swept, root)
    assert experiment.first_round("clusters") == "random"
    assert experiment.first_round("again-6") == "cluster-positive"
    assert experiment.first_round("confusion") == "random"
    assert experiment.first_round("uniform-10") is None
    assert experiment.label_file("small", "uniform-10", 1).endswith("/small/uniform-10/seed-1.csv")
    assert experiment.label_file("small", "clusters", 1).endswith("/small/clusters/seed-1.csv")


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("labels.uniform.rate", [0.1, 1.0], r"'labels.uniform.rate.1': 1.0 is not allowed; it must be less than 1"),
        ("labels.uniform.rate", -0.1, r"'labels.uniform.rate': -0.1 is not allowed; it must be at least 0"),
        ("labels.uniform.rate", [0.1, 0.1], r"without repetitions"),
        ("labels.uniform.method", "random", r"labels.uniform-10.method goes with noise: confusion"),
        ("labels.confusion.matrix", "m.csv", None),
        ("labels.near.k", 0, r"'labels.near.k': 0 is not allowed; it must be at least 1"),
        ("labels.clusters.k", "some", r"'labels.clusters.k': 'some' is not allowed; it must be 'auto'"),
        ("labels.clusters.method", "nobody", r"labels.clusters.method: 'nobody' is not declared"),
        ("labels.clusters.method", "cluster-positive-2", r"wait for one another.*such as random"),
        ("subsets.tail.imbalance", [10, 0.5], r"'subsets.tail.imbalance.1': 0.5 is not allowed; it must be at least 1"),
        ("methods.soft-positive.subsets", ["tiny"], r"methods.soft-positive.subsets: 'tiny' is not declared"),
        ("methods.soft-positive.labels", [True, "none"], r"methods.soft-positive.labels: none is not allowed"),
        ("methods.soft-positive.labels", "near", r"positive: neighbour and labels of kind neighbours go together"),
        ("methods.neighbour-positive.labels", "noisy-30", r"positive: neighbour and labels of kind neighbours"),
        ("methods.soft-positive.loss", "triplet", r"'triplet' is not allowed; it must be one of info-nce"),
        ("evaluation.dynamics", {"clips": 1}, r"'evaluation.dynamics.clips': 1 is not allowed; it must be at least 2"),
    ],
)
def test_mistakes_in_a_sweep_are_named(swept, root, path, value, message):
    config = change(swept, path, value)
    if message is None:  # a matrix needs no first round
        assert Plan(config, root).first_round("confusion") is None
        return
    with pytest.raises(UserError, match=message):
        Plan(config, root)


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("labels.clusters.k", 241, r"labels.clusters.k: 241 is more than the 240 clips of subset 'small'"),
        ("labels.near.k", 240, r"labels.near.k: 240 is more than the 239 other clips of subset 'small'"),
        ("subsets.tail.clips", 700, r"subsets.tail-10.clips: 700 with imbalance 10 asks for .* At most \d+ are"),
        ("subsets.tail.clips", 20, r"subsets.tail-1.clips: 20 is less than one for each of the 24 classes"),
    ],
)
def test_sweeps_beyond_what_is_stored_are_refused_with_the_bound(swept, root, tmp_path, path, value, message):
    """From what the dataset's rules say, and, where it is packed, from what is stored."""
    config = change(swept, path, value)
    held = {"classes": 24, "clips": 960, "smallest": 40, "largest": 40}
    with pytest.raises(UserError, match=message):
        check_sizes(Plan(config, root), Held("controlled", **held))
    check_stored(Plan(config, root), tmp_path)
    (tmp_path / "controlled").mkdir()
    (tmp_path / "controlled/coverage.json").write_text(json.dumps({"training": held}), encoding="utf-8")
    with pytest.raises(UserError, match=message):
        check_stored(Plan(config, root), tmp_path)
