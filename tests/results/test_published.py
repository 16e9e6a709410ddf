"""Published results beside measured ones: rows, texts, and what is said of other datasets."""

import numpy as np
import pandas as pd
import pytest

from avbench.config.methods import PRESETS
from avbench.core.errors import UserError
from avbench.results import published, published_text
from tests.support.paths import CONFIG
from tests.support.published_results import TASKS, summary


def test_the_file_holds_the_seven_methods_and_the_supervised_baseline(paper):
    for task in paper.tasks:
        assert {m for m, t, p in paper.accuracy if (t, p) == (task, "linear")} == set(PRESETS)
        assert {m for m, t, p in paper.accuracy if (t, p) == (task, "finetune")} == set(PRESETS)
        assert [m for m, t, p in paper.accuracy if (t, p) == (task, "supervised")] == ["supervised"]
    assert len(paper.accuracy) == 45
    assert paper.accuracy["soft-positive", "fsdnoisy18k-clean", "finetune"] == pytest.approx(0.681)
    assert paper.accuracy["hard-negative", "vggsound", "linear"] == pytest.approx(0.069)


def test_the_losses_start_at_the_logarithm_of_the_batch():
    losses = published.read_losses(CONFIG / "published-losses.csv")
    assert list(losses.columns) == ["epoch", *[name for name in losses.columns if name in PRESETS]]
    assert set(losses.columns) == {"epoch", *PRESETS}
    assert losses["epoch"].tolist() == list(range(100))
    for method in PRESETS:
        assert losses[method].iloc[0] == pytest.approx(np.log(123 if method == "hard-negative" else 309), abs=0.02)
        assert losses[method].iloc[-1] < losses[method].iloc[0]


def test_every_published_figure_stands_beside_what_was_measured(paper):
    table = published.beside(summary(), paper, TASKS, "s", "default")
    assert list(table.columns) == published.COLUMNS
    assert set(table["task"]) == {"vggsound", "outdoors"}
    rows = {(r["method"], r["task"], r["protocol"]): r for r in table.to_dict("records")}
    row = rows["random", "vggsound", "linear"]
    assert (row["published"], row["measured"], row["ci_low"], row["ci_high"]) == pytest.approx(
        (0.138, 0.15, 0.13, 0.18)
    )
    assert row["difference"] == pytest.approx(0.012)
    assert (row["same_dataset"], row["seeds"], row["clips"]) == (True, 3, 900)
    row = rows["soft-positive", "vggsound", "linear"]
    assert row["published"] == pytest.approx(0.205)
    assert np.isnan(row["measured"])
    assert np.isnan(row["difference"])
    # Seven methods under linear on two tasks and under finetune on one, and the baseline on one.
    assert len(table) == 7 + 7 + 7 + 1


def test_figures_of_another_dataset_have_no_difference_and_are_marked(paper):
    table = published.beside(summary(), paper, TASKS, "s", "default")
    other = table[table["task"] == "outdoors"]
    assert not other["same_dataset"].any()
    assert other["difference"].isna().all()
    assert other.set_index(["method", "protocol"]).loc[("supervised", "supervised"), "measured"] == 0.7
    for text in (published_text.markdown(table, paper), published_text.latex(table, paper)):
        assert "outdoors (published: TAU AV 2021, another dataset)" in text
        assert "only the order of the methods can be compared" in text
    alone = published.beside(summary(), paper, {"vggsound": TASKS["vggsound"]}, "s", "default")
    for text in (published_text.markdown(alone, paper), published_text.latex(alone, paper)):
        assert "another dataset" not in text


def test_the_published_linear_probe_stands_beside_both_of_ours(paper):
    added = ("random", "vggsound", "linear-sgd", "audio", "s", "none", "default", 3, 900, 0.14, 0.1, 0.2)
    table = published.beside(summary(added), paper, TASKS, "s", "default")
    row = table[(table["method"] == "random") & (table["task"] == "vggsound")].set_index("protocol")
    assert row.loc["linear", "published"] == row.loc["linear-sgd", "published"] == pytest.approx(0.138)
    assert row.loc["linear-sgd", "measured"] == 0.14
    assert "**linear-sgd (published: linear)**" in published_text.markdown(table, paper)


def test_a_method_of_several_labels_is_shown_with_its_own(paper):
    noisy = ("random", "vggsound", "linear", "audio", "s", "noisy-30", "default", 3, 900, 0.1, 0.05, 0.15)
    found = published.beside(summary(noisy), paper, TASKS, "s", "default", {"random": "none"})
    pd.testing.assert_frame_equal(found, published.beside(summary(), paper, TASKS, "s", "default"))
    with pytest.raises(UserError, match="method 'random' has several labels, none and noisy-30"):
        published.beside(summary(noisy), paper, TASKS, "s", "default")


def test_of_several_budgets_the_one_that_is_asked_for_is_shown_and_said(paper):
    several = pd.concat([summary().assign(mean=0.01), summary()])
    several["budget"] = ["steps-5"] * len(summary()) + ["steps-20"] * len(summary())
    several.loc[several["method"] == "supervised", "budget"] = "all"
    several = several.drop_duplicates(["method", "task", "protocol", "modality", "subset", "budget"], keep="last")
    found = published.beside(several, paper, TASKS, "s", "steps-20")
    alone = published.beside(summary(), paper, TASKS, "s", "default")
    pd.testing.assert_frame_equal(found.drop(columns="budget"), alone.drop(columns="budget"))
    assert "the subset s, at the longest budget, steps-20 (mean" in published_text.markdown(found, paper)
    assert "the subset s (mean" in published_text.markdown(alone, paper)


def test_an_unknown_counterpart_is_refused(paper):
    with pytest.raises(UserError, match=r"tasks\.vggsound\.published_task: 'imagenet' is not among .*tau-av-2021"):
        published.beside(summary(), paper, {"vggsound": {"dataset": "x", "published_task": "imagenet"}}, "s", "default")


@pytest.mark.parametrize("text", [None, "a: [", "[]", "source: x", "accuracy: {linear: {random: [1]}}"])
def test_a_file_that_is_no_list_of_results_is_refused(tmp_path, text):
    path = tmp_path / "published.yaml"
    if text is not None:
        path.write_text(text, encoding="utf-8")
    with pytest.raises(UserError, match=r"published\.yaml"):
        published.read(path)
    with pytest.raises(UserError, match=r"published\.yaml"):
        published.read_losses(path)
