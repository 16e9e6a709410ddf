import copy
import json

import pytest
import yaml

from avbench.config.pretraining import PretrainSettings
from avbench.core.errors import UserError
from avbench.plan.jobs import Plan

GIVEN = {"features": "a.npz"}
WAVES = {"builder": "torchaudio.models.wav2vec2_model"}


@pytest.fixture
def tiny(root):
    return yaml.safe_load((root / "config/tiny.yaml").read_text(encoding="utf-8"))


def planned(tiny, root, **pretraining):
    config = copy.deepcopy(tiny)
    config["pretraining"] |= pretraining
    return Plan(config, root)


@pytest.mark.parametrize(
    ("augmentation", "model", "message"),
    [
        ({"time_mask_s": 1.0}, "small", "1 s could mask the whole window"),
        ({"mel_mask": 40}, "small", "40 could mask every band"),
        ({"gain_db": 3}, {"audio": GIVEN, "video": "small"}, "gain_db: pretraining.model.audio takes features"),
        ({"crop": 0.5}, {"audio": "small", "video": GIVEN}, "crop: pretraining.model.video takes features"),
        ({"mel_mask": 4}, {"audio": WAVES, "video": "small"}, "mel_mask: pretraining.model.audio takes waves"),
        ({"flip": 0.5}, "small", "unknown key 'flip'"),
        ({}, "small", "augmentation"),
    ],
)
def test_what_cannot_be_is_refused_before_any_job(tiny, root, augmentation, model, message):
    with pytest.raises(UserError, match=message):
        planned(tiny, root, augmentation=augmentation, model=model)


def test_it_is_part_of_a_runs_settings_and_leaves_those_of_others_alone(tiny, root):
    plain, other = planned(tiny, root), planned(tiny, root, augmentation={"gain_db": 3})
    subset = next(iter(plain.subsets))
    assert "augmentation" not in json.dumps(plain.pretrain_settings(subset))
    assert other.pretrain_settings(subset) == plain.pretrain_settings(subset) | {"augmentation": {"gain_db": 3}}
    assert "augmentation" not in PretrainSettings().recorded()
    assert PretrainSettings(augmentation={"gain_db": 3}).recorded()["augmentation"] == {"gain_db": 3}
