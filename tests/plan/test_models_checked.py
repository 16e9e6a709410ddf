"""What is wrong with encoders is told before any job, and what decides them is in the settings of jobs."""

import copy
import json

import numpy as np
import pytest
import yaml

from avbench.config.encoders import code_digest
from avbench.config.pretraining import PretrainSettings
from avbench.core.errors import UserError
from avbench.plan.jobs import Plan
from avbench.plan.places import check_places
from tests.support.encoder_files import write_mine
from tests.support.paths import ROOT

TINY = yaml.safe_load((ROOT / "config" / "tiny.yaml").read_text(encoding="utf-8"))
RESNET = {"builder": "torchvision.models.resnet18"}


def plan(model, **changes):
    config = copy.deepcopy(TINY)
    config["pretraining"]["model"] = model
    for key, value in changes.items():
        config[key] = value
    made = Plan(config, ROOT)
    check_places(made)
    return made


@pytest.mark.parametrize(
    ("model", "told"),
    [
        ({"audio": "small"}, "pretraining.model': the key 'video' is missing"),
        (
            {"audio": "small", "video": "smal"},
            "pretraining.model.video.*must be one of paper, small. Did you mean 'small'",
        ),
        ({"audio": "small", "video": {"bilder": "a.b"}}, "unknown key 'bilder' .did you mean 'builder'"),
        (
            {"audio": "small", "video": {**RESNET, "input": "wave"}},
            "model.video.input: 'wave' is not allowed; .* clip, frames",
        ),
        ({"audio": "small", "video": {"builder": "resnet18"}}, "is neither a dotted name such as"),
        ({"audio": "small", "video": {"builder": "torchvision.models.resnet81"}}, "Did you mean 'resnet"),
        (
            {"audio": "small", "video": {"builder": "not_there.py:net"}},
            "model.video.builder: 'not_there.py' is no file",
        ),
        ({"audio": "small", "video": {**RESNET, "weights": "w.pt"}}, "model.video.weights: 'w.pt' is no file"),
        ({"audio": "small", "video": {"features": "{dataset}.npz"}}, "model.video.features: 'toys.npz' is no file"),
        ({"audio": "small", "video": {"features": "f.csv"}}, "is neither a .npz nor a .parquet"),
        (
            {"audio": {"builder": "torchaudio.models.wav2vec2_model", "size": 8}, "video": "small"},
            "size: 8 means nothing",
        ),
    ],
)
def test_a_model_that_cannot_be_is_refused(tmp_path, monkeypatch, model, told):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=told):
        plan(model)


def test_what_decides_an_encoder_is_in_the_settings_of_jobs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_mine(tmp_path)
    (tmp_path / "w.pt").touch()
    made = plan({"audio": {"builder": "mine.py:heard", "weights": "w.pt"}, "video": RESNET})
    settings = made.pretrain_settings("few")
    assert settings["model"]["audio"]["code"] == code_digest("mine.py")
    assert settings["model"]["video"]["input"] == "frames"
    assert settings["model"]["video"]["stored_size"] == [32, 32]
    assert made.encoder_files == ["w.pt"]
    read = PretrainSettings(**json.loads(json.dumps(settings)))
    assert read.networks.audio.weights_file == "w.pt"
    assert made.statistics_arguments() == json.dumps(made.feature_settings(), sort_keys=True)
    assert plan("small").pretrain_settings("few")["model"] == "small"


def test_a_list_without_media_needs_features_of_all_that_is_seen(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "clips.csv").write_text("clip_id,label,split\na,b,train\n")
    np.savez(tmp_path / "toys.npz", clip_id=np.array(["a"]), features=np.zeros((1, 2)))
    rules = {"rules": "workflow/datasets/features.smk", "options": {"list": "clips.csv"}}
    datasets = {"toys": {**TINY["datasets"]["toys"], **rules}}
    one = {"features": "{dataset}.npz"}
    made = plan({"audio": one, "video": one}, datasets=datasets)
    assert made.given_files("toys") == made.encoder_files == ["toys.npz"]
    assert made.statistics_arguments()[1] == "--model"
    with pytest.raises(
        UserError, match="config: pretraining: dataset 'toys' is a list without media, and .*model.video"
    ):
        plan({"audio": one, "video": "small"}, datasets=datasets)
