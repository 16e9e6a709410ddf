"""Splits that will be empty are known from the options, before any job."""

import copy

import pytest
import yaml

from avbench.core.errors import UserError
from avbench.plan.jobs import Plan
from avbench.plan.known_splits import check_splits


@pytest.fixture
def config(root):
    config = yaml.safe_load((root / "config/tiny.yaml").read_text(encoding="utf-8"))
    config["datasets"]["mine"] = copy.deepcopy(config["datasets"]["toys"]) | {"rules": "workflow/datasets/folder.smk"}
    config["tasks"]["mine"] = {"dataset": "mine", "role": "out-of-domain", "train": "all", "modalities": ["audio"]}
    return config


def options(config, root, rules="folder", **given):
    config["datasets"]["mine"] |= {"rules": f"workflow/datasets/{rules}.smk", "options": given}
    check_splits(Plan(config, root))


@pytest.mark.parametrize("split", ["validation", "test"])
def test_a_folder_without_a_split_is_refused(config, root, tmp_path, split):
    with pytest.raises(
        UserError, match=rf"datasets.mine.options.{split}_share: 0 leaves no {split} clips, .*tasks.mine"
    ):
        options(config, root, directory=str(tmp_path), **{f"{split}_share": 0})
    options(config, root, directory=str(tmp_path))
    (tmp_path / split / "dog").mkdir(parents=True)
    options(config, root, directory=str(tmp_path), **{f"{split}_share": 0})


def test_a_list_without_a_split_is_refused(config, root, tmp_path):
    listing = tmp_path / "list.csv"
    listing.write_text("source,label,split\na.wav,x,train\n")
    with pytest.raises(UserError, match="leaves no validation clips"):
        options(config, root, list=str(listing), validation_share=0)
    listing.write_text("source,label,split\na.wav,x,validation\n")
    options(config, root, list=str(listing), validation_share=0)


@pytest.mark.parametrize("rules", ["vggsound", "tau_av", "fsdnoisy18k"])
def test_sets_whose_lists_have_no_validation_clips_need_a_share(config, root, rules):
    with pytest.raises(UserError, match="leaves no validation clips"):
        options(config, root, rules, validation_share=0)
    options(config, root, rules, validation_share=0.1)


def test_the_published_protocol_needs_none_in_domain(config, root, tmp_path):
    config |= {"protocol": "published"}
    config["tasks"]["toys"]["train"] = "subset"
    config["datasets"]["toys"] |= {"rules": "workflow/datasets/vggsound.smk", "options": {"validation_share": 0}}
    del config["tasks"]["mine"], config["datasets"]["mine"]
    check_splits(Plan(config, root))
    with pytest.raises(UserError, match="leaves no validation clips"):
        check_splits(Plan(config | {"protocol": "corrected"}, root))
