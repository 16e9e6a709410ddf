"""Outcomes: predictions read and checked against scores, means and differences with intervals."""

import itertools

import numpy as np
import pandas as pd
import pytest

from avbench.core.errors import UserError
from avbench.evaluation import scores
from avbench.evaluation.scores import CELL
from avbench.results import collect, outcomes, tables
from avbench.results.crossed import components
from avbench.results.estimates import moderated
from avbench.results.multiplicity import holm

CLIPS = [f"clip-{i}" for i in range(60)]
COVERAGE = {"home": 0.98, "afar": 1.0}


def write(folder, method, subset, seed, scored, clips=CLIPS, rng=None, budget="default"):
    """Write the scores and predictions of one run; ``scored`` lists (task, protocol, modality)."""
    rng = rng or np.random.default_rng([seed, len(method), len(subset)])
    parts = []
    for task, protocol, modality in scored:
        right = (rng.random(len(clips)) < 0.4 + 0.04 * len(method)).astype(float)
        part = {"clip_id": clips, "label": "dog", "prediction": "cat", "correct": right}
        parts.append(pd.DataFrame(part).assign(task=task, protocol=protocol, modality=modality))
    budget = "all" if method in ("supervised", "untrained") else budget
    identity = {"method": method, "subset": subset, "labels": "none", "budget": budget, "seed": seed}
    path = folder / budget / f"{method}-{subset}-{seed}" / "scores.csv"
    scores.write_scores(path, pd.concat(parts), identity, {"home": 240, "afar": 100}, COVERAGE, {})
    return path


@pytest.fixture
def files(tmp_path):
    scored = list(itertools.product(["home", "afar"], ["linear", "finetune"], ["audio"]))
    found = [
        write(tmp_path, method, subset, seed, scored)
        for method in ("random", "sp70", "soft-positive")
        for subset in ("small", "large")
        for seed in (1, 0, 2)
    ]
    found += [write(tmp_path, "supervised", "all", seed, [("afar", "supervised", "audio")]) for seed in range(3)]
    return found + [
        write(tmp_path, "supervised", "large", seed, [("home", "supervised", "audio")]) for seed in range(3)
    ]


def gather(files):
    accuracy = collect.accuracy(files)
    return accuracy, outcomes.collect(accuracy, files)


def right(files, method, subset, seed, task, protocol):
    """What was right, by clip, straight from the file."""
    (path,) = [path for path in files if path.parent.name == f"{method}-{subset}-{seed}"]
    table = scores.read(path.with_name("predictions.parquet"))
    table = table[(table["task"] == task) & (table["protocol"] == protocol)]
    return dict(zip(table["clip_id"], table["correct"], strict=True))


def test_outcomes_are_the_predictions_of_every_seed(files):
    accuracy, found = gather(files)
    assert list(found) == list(dict.fromkeys(tuple(row) for row in accuracy[CELL].to_numpy().tolist()))
    cell = found["sp70", "afar", "linear", "audio", "small", "none", "default"]
    assert cell.seeds == (0, 1, 2)
    for row, seed in zip(cell.correct, cell.seeds, strict=True):
        expected = right(files, "sp70", "small", seed, "afar", "linear")
        assert dict(zip(cell.clips, row, strict=True)) == expected


def test_what_is_right_takes_a_byte_a_clip_unless_there_are_shares(tmp_path):
    scored = [("home", "linear", "audio"), ("home", "retrieval-1", "audio-to-video")]
    path = write(tmp_path, "a", "small", 0, scored)
    table = scores.read(path.with_name("predictions.parquet"))
    table.loc[table["protocol"] == "retrieval-1", "correct"] = np.linspace(0, 1, len(CLIPS))
    identity = {"method": "a", "subset": "small", "labels": "none", "budget": "default", "seed": 0}
    scores.write_scores(path, table, identity, {"home": 240}, COVERAGE, {})
    linear, hits = gather([path])[1].values()
    assert (linear.correct.dtype, hits.correct.dtype) == (np.uint8, np.float32)
    assert np.allclose(hits.correct[0], np.linspace(0, 1, len(CLIPS)))


def test_each_score_is_shown_with_its_predictions(files):
    accuracy, seen = collect.accuracy(files), []
    outcomes.collect(accuracy, files, lambda row, part: seen.append((row.method, row.seed, row.accuracy, part)))
    assert len(seen) == len(accuracy)
    for _, _, value, part in seen:
        assert part["correct"].mean() == pytest.approx(value, abs=1e-6)


def test_clips_in_another_order_are_put_in_order(tmp_path):
    scored = [("home", "linear", "audio")]
    files = [write(tmp_path, "a", "small", 0, scored), write(tmp_path, "a", "small", 1, scored, CLIPS[::-1])]
    (cell,) = gather(files)[1].values()
    assert dict(zip(cell.clips, cell.correct[1], strict=True)) == right(files, "a", "small", 1, "home", "linear")


def test_a_score_that_is_not_the_mean_of_its_predictions_is_refused_with_its_file(files):
    table = pd.read_csv(files[4])
    table.loc[1, "accuracy"] += 0.0001
    table.to_csv(files[4], index=False)
    with pytest.raises(
        UserError, match=r"scores\.csv: the accuracy of home, finetune, audio is 0\.\d+, and that of"
    ) as e:
        gather(files)
    assert str(files[4]) in str(e.value)


def test_a_score_without_predictions_is_refused_with_its_file(files):
    table = pd.read_csv(files[0])
    table.loc[0, "modality"] = "video"
    table.to_csv(files[0], index=False)
    with pytest.raises(
        UserError, match=r"random-small-1/predictions\.parquet has no predictions of home, linear, video"
    ):
        gather(files)
    files[0].with_name("predictions.parquet").unlink()
    with pytest.raises(UserError, match=r"predictions\.parquet does not exist"):
        gather(files)


@pytest.mark.parametrize("clips", [[*CLIPS[:-1], "another"], CLIPS[:-1]])
def test_scores_on_other_clips_are_not_compared(tmp_path, clips):
    scored = [("home", "linear", "audio")]
    files = [write(tmp_path, "a", "small", 0, scored), write(tmp_path, "b", "small", 0, scored, clips)]
    with pytest.raises(
        UserError, match=r"b-small-0/predictions\.parquet: the test clips of home, linear, audio are not"
    ):
        gather(files)


def test_the_summary_holds_the_means_of_the_scores(files):
    accuracy, found = gather(files)
    summary = outcomes.summary(found)
    assert list(summary.columns) == [*CELL, "seeds", "clips", "mean", "ci_low", "ci_high"]
    means = accuracy.groupby(CELL, sort=False)["accuracy"].mean().reset_index(drop=True)
    assert np.allclose(summary["mean"], means, atol=1e-6)
    assert set(summary["seeds"]) == {3}
    assert set(summary["clips"]) == {60}
    for _, family in summary.groupby(["protocol", "modality", "budget"]):
        cells = [found[tuple(row)] for row in family[CELL].to_numpy()]
        expected = moderated([components({"task": cell.correct}) for cell in cells])
        assert family["ci_low"].tolist() == pytest.approx([max(one.low, 0) for one in expected])
        assert family["ci_high"].tolist() == pytest.approx([min(one.high, 1) for one in expected])


def test_methods_are_compared_with_random_pairing_and_finetuned_ones_with_training_from_scratch(files):
    found = gather(files)[1]
    table = outcomes.comparisons(found)
    assert list(table.columns) == tables.COMPARISON_COLUMNS
    pairs = table.groupby(["method", "baseline", "protocol"]).size().to_dict()
    others = {
        (method, "random", protocol): 4 for method in ("sp70", "soft-positive") for protocol in ("linear", "finetune")
    }
    # In domain, the baseline was trained on the large subset only; out of domain it depends on none.
    scratch = {(method, "supervised", "finetune"): 3 for method in ("random", "sp70", "soft-positive")}
    assert pairs == others | scratch
    families = {}
    for row in table.to_dict("records"):
        protocol = "supervised" if row["baseline"] == "supervised" else row["protocol"]
        subset = "all" if row["baseline"] == "supervised" and row["task"] == "afar" else row["subset"]
        gaps = []
        for seed in range(3):
            own = right(files, row["method"], row["subset"], seed, row["task"], row["protocol"])
            other = right(files, row["baseline"], subset, seed, row["task"], protocol)
            gaps.append([own[clip] - other[clip] for clip in CLIPS])
        assert row["difference"] == pytest.approx(np.mean(gaps))
        families.setdefault((row["protocol"], row["modality"]), []).append((row, components({"a": np.array(gaps)}, 2)))
    for family in families.values():
        for (row, _), expected in zip(family, moderated([found for _, found in family]), strict=True):
            told = (row["ci_low"], row["ci_high"], row["p"])
            assert told == pytest.approx((max(expected.low, -1), min(expected.high, 1), expected.p), abs=1e-6)


def test_methods_are_compared_at_the_same_budget_and_what_depends_on_none_at_each(tmp_path):
    files, lengths = [], ("steps-5", "steps-20")
    for method in ("untrained", "random", "sp70"):
        for budget, seed in itertools.product(lengths[: 1 if method == "untrained" else 2], range(2)):
            rng = np.random.default_rng([seed, len(method), len(budget)])
            scored = [("home", "finetune", "audio")]
            files.append(write(tmp_path, method, "small", seed, scored, rng=rng, budget=budget))
    files += [write(tmp_path, "supervised", "small", seed, [("home", "supervised", "audio")]) for seed in range(2)]
    found = outcomes.collect(collect.accuracy(files, {"budget": lengths}), files)
    table = outcomes.comparisons(found)
    told = [tuple(row) for row in table[["method", "baseline", "budget"]].to_numpy().tolist()]
    assert sorted(told) == sorted(
        [(method, "random", budget) for method in ("untrained", "sp70") for budget in lengths]
        + [(method, "supervised", budget) for method in ("random", "sp70") for budget in lengths]
        + [("untrained", "supervised", "all")]
    )
    place = ("home", "finetune", "audio", "small", "none")
    for row in table[table["baseline"] == "random"].itertuples():
        own = found[row.method, *place, "all" if row.method == "untrained" else row.budget]
        gap = own.correct.mean() - found["random", *place, row.budget].correct.mean()
        assert row.difference == pytest.approx(gap, abs=1e-6)
    families = table[table["baseline"] == "random"].groupby("budget")
    assert all(part["p_holm"].tolist() == pytest.approx(holm(part["p"]).tolist()) for _, part in families)


def test_p_values_are_adjusted_within_a_family(files):
    table = outcomes.comparisons(gather(files)[1])
    sizes = set()
    for _, family in table.groupby(["baseline", "task", "protocol", "modality", "subset"]):
        assert family["p_holm"].tolist() == pytest.approx(holm(family["p"]).tolist())
        sizes.add(len(family))
    assert sizes == {2, 3}


def test_without_the_baseline_nothing_is_compared(tmp_path):
    files = [write(tmp_path, "sp70", "small", 0, [("home", "linear", "audio")])]
    table = outcomes.comparisons(gather(files)[1])
    assert table.empty
    assert list(table.columns) == tables.COMPARISON_COLUMNS


def test_a_contrast_takes_the_seeds_and_clips_that_all_terms_have():
    first = outcomes.Outcomes(np.arange(6).reshape(2, 3), (0, 1), pd.Index(["a", "b", "c"]))
    other = outcomes.Outcomes(np.array([[10, 20], [30, 40]]), (1, 2), pd.Index(["c", "b"]))
    found = outcomes.contrast([(first, 1), (other, -0.5)])
    assert found.tolist() == [[4 - 0.5 * 20, 5 - 0.5 * 10]]
