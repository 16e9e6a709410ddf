"""Blocks of seeds: each seed is served once, and a further seed leaves the blocks of the others as they were."""

import re
from types import SimpleNamespace

import pytest
import yaml

from avbench.plan.jobs import Plan
from avbench.plan.seed_blocks import SeedBlock, blocks, first_together, rounds


def served(found, seeds):
    """Return the seeds of the block that serves each seed, or the seed alone."""
    together = [block for block in found if block.seeds is not None]
    (alone,) = [block for block in found if block.seeds is None]
    by_seed = {}
    for seed in seeds:
        own = [block.seeds for block in together if seed in block.seeds]
        own += [(seed,)] if re.fullmatch(alone.constraint, str(seed)) else []
        (by_seed[seed],) = own  # exactly one rule makes its files
    return by_seed


@pytest.mark.parametrize("seeds", [[0], [0, 1], [0, 1, 2], [0, 1, 2, 3, 11], [7, 1, 30, 3], list(range(12))])
@pytest.mark.parametrize("first", [1, 2, 3])
def test_each_seed_has_one_block_and_a_further_seed_changes_no_other(seeds, first):
    found = served(blocks(first_together(seeds, first)), seeds)
    assert all(seed in block for seed, block in found.items())
    if len(seeds) > first:
        fewer = seeds[:-1]
        assert served(blocks(first_together(fewer, first)), fewer) == {seed: found[seed] for seed in fewer}


def test_a_seed_that_only_begins_like_one_of_a_block_is_served_alone():
    *_, alone = blocks([(1, 2)])
    assert re.fullmatch(f"seed-(?P<seed>{alone.constraint})/checkpoint", "seed-12/checkpoint")
    assert not re.fullmatch(f"seed-(?P<seed>{alone.constraint})/checkpoint", "seed-1/checkpoint")


def test_names_tell_blocks_apart():
    block, alone = SeedBlock((3, 4, 5)), SeedBlock(None, (3, 4, 5))
    assert (block.rule("pretrain"), alone.rule("pretrain")) == ("pretrain_seeds_3_to_5", "pretrain")
    assert (block.name, alone.name) == ("seeds-3-to-5", "seed-{seed}")
    assert (block.values, alone.values) == ([3, 4, 5], ["{seed}"])
    assert (block.count, alone.count) == (3, 1)
    assert block.served(SimpleNamespace()) == [3, 4, 5]
    assert alone.served(SimpleNamespace(seed="7")) == [7]


@pytest.mark.parametrize(
    ("together", "trained", "scored"), [(None, (0,), (0, 1, 2)), (2, (0, 1), (0, 1)), (4, (0, 1, 2, 3), (0, 1, 2, 3))]
)
def test_an_experiment_trains_together_what_it_says_and_scores_at_least_that(root, together, trained, scored):
    config = yaml.safe_load((root / "config/tiny.yaml").read_text(encoding="utf-8")) | {"seeds": [0, 1, 2, 3, 4]}
    del config["pretraining"]["seeds_together"]
    config["pretraining"] |= {"seeds_together": together} if together else {}
    plan = Plan(config, root)
    assert served(plan.training_blocks, plan.seeds)[0] == trained
    assert served(plan.scoring_blocks, plan.seeds)[0] == scored
    assert "seeds_together" not in plan.pretrain_settings("few")  # which decide the outcome


def test_a_round_is_a_block_where_seeds_are_given_until_claims_are_decided(root):
    config = yaml.safe_load((root / "config/tiny.yaml").read_text(encoding="utf-8"))
    config["seeds"] = {"first": 3, "most": 8, "until": "decided", "effect": 2}
    assert rounds((3, 5, 8)) == [(0, 1, 2), (3, 4), (5, 6, 7)]
    plan = Plan(config, root)
    assert [block.seeds for block in plan.training_blocks] == [(0, 1, 2), (3, 4), (5, 6, 7), None]
    assert plan.scoring_blocks == plan.training_blocks
    del config["pretraining"]["seeds_together"]
    assert [block.seeds for block in Plan(config, root).training_blocks] == [None]
    assert Plan(config, root).scoring_blocks == plan.scoring_blocks
