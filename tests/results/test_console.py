"""The text at the end of an experiment."""

import numpy as np
import pandas as pd
import pytest

from avbench.core.errors import UserError
from avbench.results import budget_gains, console, tables, tuning
from avbench.results import verdicts as judged
from tests.support.score_files import SUBSETS

NONE = [np.nan] * 5  # of a single budget, no change
NO_GAINS = pd.DataFrame(columns=budget_gains.COLUMNS)
UNTUNED = pd.DataFrame(columns=tuning.COLUMNS)


def outcome():
    rows = [
        ("random", "home", "linear", "audio", "small", "none", "default", 3, 50, 0.3194, 0.3, 0.34),
        ("random", "home", "linear", "audio", "large", "none", "default", 3, 50, 0.78, 0.76, 0.80),
        ("soft-positive", "home", "linear", "audio", "small", "true", "default", 3, 50, 0.431, 0.4155, 0.4465),
        ("soft-positive", "home", "linear", "audio", "large", "true", "default", 1, 50, 0.81, np.nan, np.nan),
        ("supervised", "home", "supervised", "audio", "small", "true", "all", 3, 50, 0.47, 0.46, 0.48),
        ("random", "home", "knn", "audio", "small", "none", "default", 3, 50, 0.47, 0.46, 0.48),
    ]
    summary = pd.DataFrame(rows, columns=tables.SUMMARY_COLUMNS)
    verdicts = pd.DataFrame(
        [
            ("a", "Soft positives beat random pairing.", "holds", 0.112, 0.08, 0.143, 0.001, 0.00204, 3, 50, 1, *NONE),
            ("b", "A long sentence, " * 8 + "in the end.", "undecided", -0.01, *[np.nan] * 4, 1, 50, 1, *NONE),
            ("c", "NA", "not tested", *[np.nan] * 5, 0, 0, 1, *NONE),
            ("d", "Something certain.", "does not hold", -0.2, -0.251, -0.149, 0, 0.0002, 3, 50, 1, *NONE),
        ],
        columns=list(judged.COLUMNS),
    ).assign(source=["paper", "paper", "paper", "ours"], published=[0.067, np.nan, np.nan, -0.007])
    return summary, verdicts


def test_the_text_at_the_end(tmp_path, capsys):
    summary, verdicts = outcome()
    tables.write(tmp_path / "summary.csv", summary)
    tables.write(tmp_path / "claims.csv", verdicts)
    tables.write(tmp_path / "budgets.csv", NO_GAINS)
    tables.write(tmp_path / "tuning.csv", UNTUNED)
    tables.write(tmp_path / "accuracy.csv", pd.DataFrame({"strength": [0.1], "edge": [""]}))
    console.print_summary(tmp_path, "results/demo/report.html")
    lines = capsys.readouterr().out.splitlines()
    assert lines == [
        "Accuracy in % (linear, audio): mean ± half the 95 % interval over seeds and test clips",
        "",
        "                     home        home",
        "                    small       large",
        "random         31.9 ± 2.0  78.0 ± 2.0",
        "soft-positive  43.1 ± 1.6        81.0",
        "supervised     47.0 ± 1.0",
        "",
        "Also scored (knn): tables/summary.csv.",
        "",
        "There was one budget: nothing here says what longer training would bring.",
        "",
        "One setting of learning rate and temperature served all methods: none was tuned.",
        "",
        "Claims at one budget: verdict, effect in points, 95 % interval, adjusted p",
        "Of the paper, with the effect that it published:",
        "holds          +11.2 [8.0, 14.3]    p=.002   +6.7  Soft positives beat random pairing.",
        "undecided      -1.0                             –  A long sentence, A long sentence, A long",
        "                                                   sentence, A long sentence, A long sentence, A",
        "                                                   long sentence, A long sentence, A long sentence,",
        "                                                   in the end.",
        "Of ours, with the published effect where there is one:",
        "does not hold  -20.0 [-25.1, -14.9] p<.001   -0.7  Something certain.",
        "not tested, for want of a method, subset, task or protocol: c",
        "",
        "In plain words (1 to 3 seeds, 50 test clips, at one budget):",
        "Yes: Soft positives beat random pairing. By 11.2 points (8.0 to 14.3).",
        "No: Something certain. It is the other way round, by 20.0 points (14.9 to 25.1).",
        "Undecided: A long sentence, A long sentence, A long sentence, A long sentence, A long sentence, A",
        "  long sentence, A long sentence, A long sentence, in the end. Measured: -1.0 points.",
        "",
        "Report: results/demo/report.html",
    ]


def test_probes_at_the_edge_of_the_grid_are_counted():
    accuracy = pd.DataFrame(
        {
            "strength": [1e-4, 1e-4, 0.1, 100, np.nan],
            "edge": ["lowest", "lowest", "", "highest", ""],
        }
    )
    text = console.format_summary(*outcome(), NO_GAINS, "report.html", accuracy=accuracy)
    assert (
        "3 of 4 linear probes chose a strength at the edge of evaluation.linear.strengths (lowest, 0.0001: 2;\n"
        "highest, 100: 1): with a wider list they may do better. tables/accuracy.csv names them (strength,\n"
        "edge).\n"
    ) in text
    inside = accuracy.assign(edge="")
    assert "linear probes chose" not in console.format_summary(*outcome(), NO_GAINS, "report.html", accuracy=inside)


def test_the_text_at_the_end_keeps_to_a_methods_first_labels():
    summary, verdicts = outcome()
    noisy = summary[summary["method"] == "soft-positive"].assign(labels="flip-30", mean=0.1)
    text = console.format_summary(
        pd.concat([summary, noisy]), verdicts, NO_GAINS, "report.html", own_labels={"soft-positive": "true"}
    )
    note = "Methods are shown with their first labels. With others (flip-30): tables/summary.csv.\n\n"
    assert text.replace(note, "") == console.format_summary(summary, verdicts, NO_GAINS, "report.html")


def test_of_several_budgets_the_longest_is_shown_and_what_it_still_brought():
    summary, verdicts = outcome()
    summary["budget"] = summary["budget"].replace("default", "steps-20")
    shorter = summary[summary["budget"] == "steps-20"].assign(budget="steps-5", mean=0.111)
    both = pd.concat([shorter, summary])
    place = ("home", "linear", "audio", "small")
    gained = [
        (method, *place, labels, *ends, 3, 50, 0.1, 0.05, 0.15, 0.001, 0.002, verdict)
        for ends in (("steps-1", "steps-5"), ("steps-5", "steps-20"), ("steps-1", "steps-20"))
        for method, labels, verdict in (
            ("random", "none", "undecided" if ends[0] == "steps-5" else "gains"),
            ("soft-positive", "true", "gains"),
        )
    ]
    verdicts["budgets"] = [2, 2, 1, 1]
    change = ["change", "change_low", "change_high"]
    verdicts.loc[1, ["verdict", *change]] = ["depends on the budget", 0.123, 0.101, 0.149]
    gains = pd.DataFrame(gained, columns=budget_gains.COLUMNS)
    text = console.format_summary(both, verdicts, gains, "report.html")
    assert max(map(len, text.splitlines())) <= 100
    assert "11.1" not in text.split("Claims")[0]
    words = " ".join(text.split())
    assert "Shown is the longest budget, steps-20. Others (steps-5): tables/summary.csv." in words
    assert "1 of 2 methods still gain at the longest budget, steps-20, over steps-5 (1 of 2 comparisons)" in words
    assert "Claims at every budget, effects at the longest: verdict" in words
    assert "does not hold, one budget" in text
    assert "holds, one" not in text
    assert "(From the shortest budget to the longest: +12.3 [10.1, 14.9].)" in " ".join(words.split())


def test_a_wide_table_is_cut_into_grids_that_fit():
    rows = [
        (method, f"a task {i}", "linear", "audio", subset, "none", "default", 3, 50, 0.5 + i / 100, 0.4, 0.6)
        for method in ("random", "soft-positive")
        for i in range(9)
        for subset in SUBSETS
    ]
    summary = pd.DataFrame(rows, columns=tables.SUMMARY_COLUMNS)
    text = console.format_summary(summary, outcome()[1], NO_GAINS, "report.html")
    assert max(map(len, text.splitlines())) <= 100
    for i in range(9):
        assert text.count(f"{50 + i}.0 ± 10.0") == 4
    assert text.count("soft-positive ") > 2


def test_trained_and_linear_protocols_have_a_block_each_and_others_too_if_alone():
    rows = [
        ("random", "home", protocol, modality, "small", "none", "default", 3, 50, 0.5, 0.4, 0.6)
        for protocol in ("knn", "linear", "finetune")
        for modality in ("audio", "video")
    ]
    summary = pd.DataFrame(rows, columns=tables.SUMMARY_COLUMNS)
    text = console.format_summary(summary, outcome()[1], NO_GAINS, "report.html")
    for title in ("(linear, audio)", "(linear, video)", "(finetune, audio)", "(finetune, video)"):
        assert title in text
    assert "(knn" not in text.replace("Also scored (knn)", "")
    alone = console.format_summary(summary[summary["protocol"] == "knn"], outcome()[1], NO_GAINS, "report.html")
    assert "(knn, audio)" in alone
    assert "Also scored" not in alone


def test_a_missing_table_is_refused(tmp_path):
    with pytest.raises(UserError, match=r"summary\.csv does not exist"):
        console.print_summary(tmp_path, "report.html")
