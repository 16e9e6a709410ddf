"""The clips that training is watched on."""

from collections import Counter

import pandas as pd
import pytest

from avbench.core.errors import UserError
from avbench.pretraining.dynamics_clips import choose


def validation(sizes):
    rows = [(f"{label}{i}", label) for label, size in sizes.items() for i in range(size)]
    return pd.DataFrame(rows, columns=["clip_id", "label"])


def test_few_classes_are_followed_with_eight_clips_each():
    clips = validation({f"class {i:03d} ": 20 for i in range(100)})
    chosen = choose(clips, 40)
    assert chosen == sorted(set(chosen))
    assert sorted(Counter(name.split(" ")[1] for name in chosen).values()) == [8] * 5
    assert choose(clips.sample(frac=1, random_state=1), 40) == chosen  # the order of the list does not matter
    assert set(chosen) < set(choose(clips, 80))


def test_small_classes_give_what_they_have_and_large_ones_more_only_then():
    clips = validation({"a": 3, "b": 30, "c": 1})
    assert Counter(name[0] for name in choose(clips, 12)) == {"a": 3, "b": 8, "c": 1}
    assert Counter(name[0] for name in choose(clips, 20)) == {"a": 3, "b": 16, "c": 1}
    assert len(choose(clips, 34)) == 34
    with pytest.raises(UserError, match="35 is more than the 34 stored validation clips"):
        choose(clips, 35)
