"""Clusters: what k-means finds, how many are chosen, and what is said about them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score
from threadpoolctl import threadpool_info, threadpool_limits

from avbench.config.labels import ClusterSettings
from avbench.core.errors import UserError
from avbench.core.vectors import unit
from avbench.labels.clusters import choose, cluster, summarise


def groups(count, clips, spread=0.05, seed=0):
    """Clips around so many directions: unit vectors float32, ids, and each clip's group."""
    rng = np.random.default_rng(seed)
    codes = rng.permutation(np.repeat(np.arange(count), clips))
    directions = unit(rng.normal(size=(count, 16)))
    features = unit((directions[codes] + spread * rng.normal(size=(len(codes), 16))).astype(np.float32))
    return features, [f"-clip {i:03d}" for i in range(len(codes))], [f"group {code}" for code in codes]


def test_groups_that_lie_apart_are_found():
    features, clips, groups_ = groups(7, 12)
    made, described = cluster(features, clips, 7, 0)
    assert made["clip_id"].tolist() == clips
    assert adjusted_rand_score(groups_, made["label"]) == 1
    assert described["k"] == 7


def test_clusters_are_numbered_as_they_first_occur():
    features, clips, _ = groups(5, 6)
    labels = cluster(features, clips, 5, 0)[0]["label"]
    assert list(dict.fromkeys(labels)) == [f"cluster {number}" for number in range(5)]


def test_the_same_seed_gives_the_same_clusters_and_others_differ():
    features, clips, _ = groups(9, 20, spread=1.0)
    first, again, other = (cluster(features, clips, 9, seed)[0]["label"].tolist() for seed in (0, 0, 1))
    assert first == again
    assert first != other


def test_k_means_runs_in_one_thread_whatever_the_process_has(monkeypatch):
    fit, threads = KMeans.fit, set()

    def recorded(model, features):
        threads.update(pool["num_threads"] for pool in threadpool_info())
        return fit(model, features)

    monkeypatch.setattr(KMeans, "fit", recorded)
    features, clips, _ = groups(3, 5)
    with threadpool_limits(2):
        cluster(features, clips, 3, 0)
    assert threads == {1}


def test_every_clip_may_be_its_own_cluster_but_no_more():
    features, clips, _ = groups(2, 5)
    assert cluster(features, clips, 10, 0)[0]["label"].nunique() == 10
    with pytest.raises(UserError, match="k: 11 must be at most the number of clips of the subset, 10"):
        cluster(features, clips, 11, 0)


def test_clips_that_are_alike_share_a_cluster_though_k_is_larger():
    made, described = cluster(np.ones((6, 4), np.float32) / 2, list("abcdef"), 3, 0)
    assert made["label"].tolist() == ["cluster 0"] * 6
    assert described["k"] == 3


# ------------------------------------------------------------------------------------------------------- their number


def two_views(count, clips, spread=0.05):
    """Sounds and pictures of the same groups, which lie elsewhere in either."""
    audio, ids, groups_ = groups(count, clips, spread, seed=0)
    directions = unit(np.random.default_rng(9).normal(size=(count, 16)))
    codes = [int(name.split()[1]) for name in groups_]
    noise = spread * np.random.default_rng(8).normal(size=audio.shape)
    return audio, unit((directions[codes] + noise).astype(np.float32)), ids


def test_the_number_is_that_at_which_sounds_and_pictures_agree_most():
    k, agreement = choose(*two_views(8, 15), 0)
    assert k == 8
    assert list(agreement) == ["2", "3", "4", "6", "8", "11", "16", "23", "32", "45"]
    assert max(agreement.values()) == agreement["8"] == 1


def test_what_only_one_modality_tells_apart_does_not_count():
    """Four groups in both; the sounds of each fall into two halves."""
    rng = np.random.default_rng(0)
    codes = np.repeat(np.arange(8), 15)
    four, halves = unit(rng.normal(size=(4, 16))), unit(rng.normal(size=(8, 16)))
    audio, video = (
        unit((shape + 0.02 * rng.normal(size=shape.shape)).astype(np.float32))
        for shape in (four[codes // 2] + 0.4 * halves[codes], four[codes // 2])
    )
    labels = cluster(audio, [str(i) for i in range(120)], 8, 0)[0]["label"]
    assert adjusted_rand_score(codes, labels) == 1
    k, agreement = choose(audio, video, [str(i) for i in range(120)], 0)
    assert k == 4
    assert agreement["4"] == 1
    assert agreement["8"] < 0.9


def test_independent_sounds_and_pictures_agree_on_nothing():
    features = [groups(8, 40, seed=seed)[0] for seed in (0, 1)]
    _, agreement = choose(*features, [f"clip {i}" for i in range(320)], 0)
    assert max(map(abs, agreement.values())) < 0.1


@pytest.mark.parametrize("clips", [4, 5, 6, 7, 8, 9, 30])
def test_numbers_are_tried_up_to_half_the_clips(clips):
    features = np.random.default_rng(0).normal(size=(clips, 5)).astype(np.float32)
    _, agreement = choose(features, features, [str(i) for i in range(clips)], 0)
    tried = [int(k) for k in agreement]
    assert tried[0] == 2
    assert tried[-1] <= clips / 2
    assert tried[-1] * 2**0.5 > clips / 2 - 1


def test_a_sample_of_a_large_set_decides(monkeypatch):
    monkeypatch.setattr("avbench.labels.clusters.SAMPLE", 100)
    k, agreement = choose(*two_views(8, 40), 0)
    assert k == 8
    assert max(map(int, agreement)) == 45


def test_too_few_clips_are_no_ground_to_choose_on():
    with pytest.raises(UserError, match="auto needs four clips or more, and the subset has 3"):
        choose(np.eye(3, dtype=np.float32), np.eye(3, dtype=np.float32), list("abc"), 0)


# -------------------------------------------------------------------------------------------------------- the summary


@given(st.lists(st.tuples(st.sampled_from("xyz"), st.sampled_from("abcd")), min_size=1, max_size=30))
def test_the_summary_counts_as_a_loop_does(pairs):
    labels, true = zip(*pairs, strict=True)
    found = summarise(labels, true)
    members = {name: [t for label, t in pairs if label == name] for name in set(labels)}
    sizes = sorted(map(len, members.values()))
    assert found["purity"] == pytest.approx(sum(max(map(m.count, m)) for m in members.values()) / len(pairs))
    assert (found["clips"], found["clusters"], found["true_classes"]) == (len(pairs), len(members), len(set(true)))
    assert (found["smallest"], found["largest"]) == (sizes[0], sizes[-1])
    assert found["median"] == np.median(sizes)
    assert found["singletons"] == sizes.count(1) / len(sizes)


def pairs_in(counts):
    return sum(n * (n - 1) / 2 for n in counts)


def test_mutual_information_and_rand_index_are_those_of_the_formulas():
    labels, true = list("xxxyyyzy"), list("aaaabbbc")
    found = summarise(labels, true)
    share = {
        pair: 1 / 8 * list(zip(labels, true, strict=True)).count(pair) for pair in set(zip(labels, true, strict=True))
    }
    p, q = ({name: names.count(name) / 8 for name in set(names)} for names in (labels, true))
    information = sum(s * np.log(s / p[a] / q[b]) for (a, b), s in share.items())
    entropies = [-sum(s * np.log(s) for s in shares.values()) for shares in (p, q)]
    assert found["normalised_mutual_information"] == pytest.approx(information / np.mean(entropies))
    together, one, other = (pairs_in(8 * s for s in shares.values()) for shares in (share, p, q))
    chance = one * other / pairs_in([8])
    assert found["adjusted_rand"] == pytest.approx((together - chance) / ((one + other) / 2 - chance))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"kind": "noise"}, "kind: 'noise' is not allowed"),
        ({"k": 1}, "k: 1 is not allowed; it must be an integer of at least 2, or auto"),
        ({"k": True}, "k: True is not allowed"),
        ({"k": 2.0}, "k: 2.0 is not allowed"),
        ({"k": "many"}, "k: 'many' is not allowed"),
        ({"modality": "text"}, "modality: 'text' is unknown. Allowed are audio, video, both"),
    ],
)
def test_values_that_are_not_allowed_are_refused(settings, message):
    with pytest.raises(UserError, match=message):
        ClusterSettings(**settings)
