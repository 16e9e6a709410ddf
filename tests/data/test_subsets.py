"""Subsets: sizes, nesting, balance and lists of ids."""

import csv
import math
import random

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from avbench.config.long_tail import class_sizes
from avbench.config.settings import build
from avbench.config.subsets import SubsetSettings
from avbench.core.errors import UserError
from avbench.core.hashing import hash64
from avbench.data.subsets import draw, possible
from tests.support.paths import SHARED

NASTY = [
    "-0abc_000010",
    'say "hi"_000000',
    "a,b_000010",
    " blank _000001",
    "../up_000002",
    "$(id)_000003",
    "x\ny_000004",
]


def pool_of(sizes, first=0):
    rows = [(f"{name}-{i:04d}", name) for name, n in sizes.items() for i in range(first, first + n)]
    return pd.DataFrame(rows, columns=["clip_id", "label"]).sample(frac=1, random_state=0)


def counts(subset):
    return subset["label"].value_counts().to_dict()


def test_balanced_takes_the_lowest_ranks_of_every_class():
    pool = pool_of({"dog, barking": 20, "cat": 9, 'the "sea"': 15})
    subset = draw(pool, SubsetSettings(clips_per_class=7, seed=3))
    expected = []
    for label in set(pool["label"]):
        members = sorted(pool[pool["label"] == label]["clip_id"], key=lambda name: hash64(3, "subset", name))
        expected += [(name, label) for name in members[:7]]
    assert list(subset.itertuples(index=False, name=None)) == sorted(expected)
    assert list(subset.columns) == ["clip_id", "label"]


@given(small=st.integers(1, 8), large=st.integers(1, 8), seed=st.integers(0, 99))
def test_smaller_subsets_lie_within_larger_ones(small, large, seed):
    small, large = sorted((small, large))
    pool = pool_of({"a": 40, "b": 8, "c": 12, "d": 30})
    for key, balance, extra in (
        ("clips_per_class", "balanced", {}),
        ("clips_per_class", "natural", {}),
        ("clips", "natural", {}),
        ("clips_per_class", "long-tailed", {"imbalance": 3.0}),
    ):
        little, much = (
            set(draw(pool, SubsetSettings(balance=balance, seed=seed, **{key: n}, **extra))["clip_id"])
            for n in (small, large)
        )
        assert little <= much, balance


@given(gone=st.integers(0, 59), seed=st.integers(0, 99))
def test_a_lost_clip_changes_a_balanced_subset_by_one_clip_at_most(gone, seed):
    pool = pool_of({"a": 20, "b": 20, "c": 20})
    settings = SubsetSettings(clips_per_class=10, seed=seed)
    lost = pool["clip_id"].iloc[gone]
    before = set(draw(pool, settings)["clip_id"])
    after = set(draw(pool[pool["clip_id"] != lost], settings)["clip_id"])
    assert before - after == ({lost} & before)
    assert len(after) == 30


def test_the_pools_order_does_not_matter_and_the_seed_does():
    pool = pool_of({"a": 20, "b": 20})
    settings = SubsetSettings(clips_per_class=5)
    pd.testing.assert_frame_equal(draw(pool, settings), draw(pool.sort_values("clip_id"), settings))
    other = draw(pool, SubsetSettings(clips_per_class=5, seed=1))
    assert set(other["clip_id"]) != set(draw(pool, settings)["clip_id"])


def test_natural_keeps_the_pools_balance_and_takes_the_lowest_ranks():
    pool = pool_of({"a": 3000, "b": 1000})
    subset = draw(pool, SubsetSettings(clips=400, balance="natural"))
    expected = sorted(sorted(pool["clip_id"], key=lambda name: hash64(0, "subset", name))[:400])
    assert subset["clip_id"].tolist() == expected
    assert counts(subset)["a"] / 400 == pytest.approx(0.75, abs=5 * math.sqrt(0.75 * 0.25 / 400))
    pd.testing.assert_frame_equal(subset, draw(pool, SubsetSettings(clips_per_class=200, balance="natural")))
    assert len(draw(pool, SubsetSettings(balance="natural"))) == 4000


@pytest.mark.parametrize(("largest", "imbalance", "classes"), [(100, 10, 5), (50, 100, 24), (7, 1, 4), (9, 50, 1)])
def test_long_tailed_sizes_follow_the_exponential_profile(largest, imbalance, classes):
    expected = [
        max(1, round(largest * math.exp(-math.log(imbalance) * c / (classes - 1)))) if classes > 1 else largest
        for c in range(classes)
    ]
    assert class_sizes(largest, imbalance, classes) == expected
    pool = pool_of({f"class {c}": largest for c in range(classes)})
    subset = draw(pool, SubsetSettings(clips_per_class=largest, balance="long-tailed", imbalance=imbalance))
    assert sorted(counts(subset).values(), reverse=True) == expected


def test_the_order_of_the_classes_in_a_long_tail_is_drawn():
    pool = pool_of({f"class {c}": 30 for c in range(8)})

    def order(seed, largest=30):
        found = counts(draw(pool, SubsetSettings(largest, balance="long-tailed", imbalance=20, seed=seed)))
        return sorted(found, key=lambda name: (-found[name], name))

    assert order(0) != order(1)
    assert order(0)[0] == order(0, largest=10)[0]


@given(clips=st.integers(6, 200), imbalance=st.floats(1, 50))
def test_a_long_tail_of_a_total_is_the_largest_that_fits(clips, imbalance):
    pool = pool_of({f"class {c}": 200 for c in range(6)})
    found = counts(draw(pool, SubsetSettings(clips=clips, balance="long-tailed", imbalance=imbalance)))
    largest = max(found.values())
    assert sorted(found.values(), reverse=True) == class_sizes(largest, imbalance, 6)
    assert sum(found.values()) <= clips < sum(class_sizes(largest + 1, imbalance, 6))


@pytest.mark.parametrize("suffix", [".csv", ".txt"])
def test_listed_ids_are_taken_with_the_pools_labels(tmp_path, suffix):
    names = NASTY if suffix == ".csv" else [name for name in NASTY if "\n" not in name]
    pool = pd.DataFrame({"clip_id": [*NASTY, "other"], "label": [f"label {i}" for i in range(len(NASTY) + 1)]})
    path = tmp_path / f"ids{suffix}"
    if suffix == ".csv":
        pd.DataFrame({"position": range(len(names)), "clip_id": names}).to_csv(path, index=False)
    else:
        path.write_text("\n".join(names) + "\n\n", encoding="utf-8")
    subset = draw(pool, SubsetSettings(ids=str(path)))
    assert subset["clip_id"].tolist() == sorted(names)
    assert subset["label"].tolist() == [f"label {NASTY.index(name)}" for name in sorted(names)]


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        (
            "ids.txt",
            "a-0000\n" + "".join(f"gone-{i}\n" for i in range(7)),
            r"7 of the 8 .*'gone-0'.*'gone-4', …",
        ),
        ("ids.txt", "a-0000\na-0001\na-0000\n", "lists 'a-0000' twice"),
        ("ids.txt", "\n", "lists no clip"),
        ("ids.csv", "id\na-0000\n", "no column clip_id"),
        ("ids.csv", "", "no column clip_id"),
    ],
)
def test_bad_lists_are_refused(tmp_path, name, text, message):
    (tmp_path / name).write_text(text, encoding="utf-8")
    with pytest.raises(UserError, match=message):
        draw(pool_of({"a": 5}), SubsetSettings(ids=str(tmp_path / name)))


def test_a_list_that_cannot_be_read_is_refused(tmp_path):
    with pytest.raises(UserError, match="cannot read"):
        draw(pool_of({"a": 5}), SubsetSettings(ids=str(tmp_path / "none.txt")))
    (tmp_path / "bytes.txt").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UserError, match="cannot read"):
        draw(pool_of({"a": 5}), SubsetSettings(ids=str(tmp_path / "bytes.txt")))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (SubsetSettings(clips_per_class=9), r"9 .* in 2 of 3 classes: 'b' \(5 of 9\).*works is 5"),
        (SubsetSettings(clips=22, balance="natural"), "22 clips, but the pool holds 21.*works is 21"),
        (SubsetSettings(clips_per_class=8, balance="natural"), "24 clips, but the pool holds 21.*works is 7"),
        (SubsetSettings(clips=2, balance="long-tailed", imbalance=2), "less than one clip for each of the 3"),
    ],
)
def test_more_than_the_pool_holds_is_refused_with_what_works(settings, message):
    pool = pool_of({"a": 10, "b": 5, "c": 6})
    if settings.balance == "balanced":
        assert len(draw(pool, SubsetSettings(clips_per_class=5))) == 15
        with pytest.raises(UserError, match=r"'c' \(6 of 9\)"):
            draw(pool, settings)
    with pytest.raises(UserError, match=message):
        draw(pool, settings)


@given(
    sizes=st.lists(st.integers(1, 30), min_size=1, max_size=6),
    key=st.sampled_from(["clips_per_class", "clips"]),
    imbalance=st.floats(1, 20),
)
def test_the_size_that_a_long_tails_refusal_names_works(sizes, key, imbalance):
    pool = pool_of({f"class {i}": n for i, n in enumerate(sizes)})

    def attempt(n):
        return draw(pool, SubsetSettings(**{key: n}, balance="long-tailed", imbalance=imbalance))

    with pytest.raises(UserError) as refusal:
        attempt(10_000)
    most = int(str(refusal.value).rstrip(".").split()[-1])
    largest = max(counts(attempt(most)).values())
    with pytest.raises(UserError, match="more than the pool holds"):
        draw(pool, SubsetSettings(largest + 1, balance="long-tailed", imbalance=imbalance))


def test_an_empty_pool_is_refused():
    with pytest.raises(UserError, match="no clip"):
        draw(pool_of({"a": 1}).iloc[:0], SubsetSettings(clips_per_class=1))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"balance": "even"}, "'even' is unknown. Allowed are balanced, natural, long-tailed"),
        ({"clips_per_class": 0}, "clips_per_class: 0 is not allowed"),
        ({"clips": 2.5, "balance": "natural"}, "clips: 2.5 is not allowed"),
        ({"clips_per_class": True}, "clips_per_class: True is not allowed"),
        ({}, "takes its size from clips_per_class"),
        ({"clips": 10}, "takes its size from clips_per_class"),
        ({"clips_per_class": 1, "clips": 10, "balance": "natural"}, "leave one of them out"),
        ({"clips_per_class": 1, "balance": "long-tailed"}, "imbalance: None is not allowed"),
        ({"clips_per_class": 1, "balance": "long-tailed", "imbalance": 0.5}, "imbalance: 0.5 is not allowed"),
        ({"balance": "long-tailed", "imbalance": 2}, "needs clips_per_class"),
        ({"clips_per_class": 1, "imbalance": 2}, "only balance long-tailed takes it"),
        ({"ids": "x.csv", "clips": 3}, "clips and ids"),
    ],
)
def test_settings_that_contradict_each_other_are_refused(settings, message):
    with pytest.raises(UserError, match=message):
        SubsetSettings(**settings)


def test_lost_clips_of_a_list_are_left_out_when_enough_are_there(tmp_path, capsys):
    (tmp_path / "ids.txt").write_text("a-0000\na-0001\ngone\na-0003\n")
    pool = pool_of({"a": 5})
    with pytest.raises(UserError, match=r"1 of the 4 clips .* 'gone'.* lower min_share, which is 0.8"):
        draw(pool, SubsetSettings(ids=str(tmp_path / "ids.txt"), min_share=0.8))
    made = draw(pool, SubsetSettings(ids=str(tmp_path / "ids.txt"), min_share=0.75))
    assert list(made["clip_id"]) == ["a-0000", "a-0001", "a-0003"]
    assert "'gone'; they are left out" in capsys.readouterr().out
    (tmp_path / "ids.txt").write_text("".join(f"a-{clip:04d}\n" for clip in range(100)))
    assert len(draw(pool_of({"a": 55}), SubsetSettings(ids=str(tmp_path / "ids.txt"), min_share=0.55))) == 55
    for wrong in (
        {"min_share": 0.5, "clips_per_class": 3},
        {"min_share": 0, "ids": "x"},
        {"min_share": 1.1, "ids": "x"},
    ):
        with pytest.raises(UserError, match="min_share"):
            SubsetSettings(**wrong)


REFERENCE = SHARED / "reference" / "vggsound"


@pytest.mark.skipif(not REFERENCE.is_dir(), reason="the published lists are not here")
def test_vggsounds_class_counts_give_309_times_123():
    with (REFERENCE / "class_counts.csv").open(encoding="utf-8", newline="") as stream:
        counts = {row[0]: int(row[1]) for row in csv.reader(stream)}
    pool = pool_of(counts)
    made = draw(pool, SubsetSettings(clips_per_class=123))
    assert len(made) == 38_007
    assert set(made["label"].value_counts()) == {123}
    assert made["label"].nunique() == 309
    with pytest.raises(UserError, match="The largest clips_per_class that works is"):
        draw(pool, SubsetSettings(clips_per_class=2000))


@pytest.mark.skipif(not REFERENCE.is_dir(), reason="the published lists are not here")
def test_the_authors_own_clips_can_be_listed(tmp_path):
    with (REFERENCE / "selected_files.csv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream, delimiter="\t"))
    ids = [f"{row['filename']}_{int(row['st_time']):06d}" for row in rows]
    pool = pd.DataFrame({"clip_id": [*ids, "another_000001"], "label": [*(row["label"] for row in rows), "0"]})
    (tmp_path / "ids.txt").write_text("\n".join(ids) + "\n", encoding="utf-8")
    made = draw(pool, SubsetSettings(ids=str(tmp_path / "ids.txt")))
    assert sorted(made["clip_id"]) == sorted(ids)
    assert len(made) == 38_007
    assert set(made["label"].value_counts()) == {123}


HELD = {"a": 123, "b": 112, "c": 130, "d": 40}


def test_where_a_class_is_short_at_least_allows_what_it_has_and_says_so(capsys):
    pool = pool_of(HELD)
    subset = draw(pool, SubsetSettings(clips_per_class=123, at_least=100, without=("d",)))
    assert counts(subset) == dict.fromkeys("abc", 112)
    assert "clips_per_class: 112 instead of 123. 1 of 3 classes have fewer: 'b' (112)." in capsys.readouterr().out
    pd.testing.assert_frame_equal(subset, draw(pool, SubsetSettings(clips_per_class=112, without=("d",))))
    assert len(draw(pool, SubsetSettings(clips_per_class=112, at_least=100, without=("d",)))) == 3 * 112
    assert "instead" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"at_least": 100}, "works is 40. Lower at_least, 100, to that, or name the classes that are short in without"),
        ({}, "The largest clips_per_class that works is 40. Let at_least allow that, or name"),
        ({"without": ("e",)}, "without: no clip of class 'e' is stored"),
        ({"without": tuple("abcd")}, "without: all 4 classes are left out"),
    ],
)
def test_what_at_least_and_without_do_not_allow(settings, message):
    with pytest.raises(UserError, match=message):
        draw(pool_of(HELD), SubsetSettings(clips_per_class=123, **settings))


@given(st.dictionaries(st.sampled_from("abcdefg"), st.integers(1, 9), min_size=1))
def test_the_sizes_that_are_possible_can_be_drawn_and_no_larger_ones(held):
    pool, gone = pool_of(held), []
    for row in possible(held).itertuples():
        settings = {"without": tuple(gone)}
        assert len(draw(pool, SubsetSettings(clips_per_class=row.clips_per_class, **settings))) == row.clips
        with pytest.raises(UserError):
            draw(pool, SubsetSettings(clips_per_class=row.clips_per_class + 1, **settings))
        gone += row.limited_by.split("; ")
    assert sorted(gone) == sorted(held)


def test_of_vggsound_with_a_fifth_gone_a_balanced_subset_is_left():
    listed = SHARED / "reference/vggsound/class_counts.csv"
    if not listed.exists():
        pytest.skip("no list of VGGSound")
    rng = random.Random(0)
    settings = build(SubsetSettings, {"clips_per_class": 123, "at_least": 100}, "subset")
    with listed.open(encoding="utf-8", newline="") as stream:
        # 50 of each class are test clips, and a 25th of the others is for validation.
        held = {label: sum(rng.random() < 0.8 * 0.96 for _ in range(int(n) - 50)) for label, n, _ in csv.reader(stream)}
    assert sum(n < 123 for n in held.values()) > 10
    subset = draw(pool_of(held), settings)
    assert counts(subset) == dict.fromkeys(held, min(held.values()))
