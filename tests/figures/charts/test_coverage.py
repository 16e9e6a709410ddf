from typing import ClassVar

import pandas as pd
import pytest

from avbench.figures import style
from avbench.figures.charts import coverage
from tests.support.figures import Layout

REASONS = ["http-404", "http-503", "http-418", "private", "removed", "account-terminated", "copyright", "network"]
REASONS += ["timeout", "a_plug-in's own reason with many words", "too-large"]
LOST = [("unavailable", reason, 900 - 70 * k) for k, reason in enumerate(REASONS)]
LOST += [("rejected", "silent", 600), ("rejected", "still", 2), ("rejected", "timeout", 1)]
COLUMNS = ["dataset", "split", "label", "state", "reason", "clips"]
COUNTS = pd.DataFrame(
    [("vggsound", "train", f"class {k}", "stored", "", 7 * k) for k in range(1, 310)]
    + [("vggsound", "train", f"class {20 * k + 1}", *lost) for k, lost in enumerate(LOST)]
    + [("a_dataset-of-my-own with a $very$ long name", "validation", "a", "stored", "", 1)]
    + [("tau_av", "test", label, "stored", "", 9) for label in "ab"]
    + [("tau_av", "test", "b", "unavailable", "missing", 1)],
    columns=COLUMNS,
)


def test_the_users_own_matplotlib_settings_change_nothing(tmp_path):
    import matplotlib as mpl

    style.save(coverage.draw(COUNTS), tmp_path / "plain")
    with mpl.rc_context({"font.size": 20, "lines.linewidth": 9, "figure.dpi": 33, "savefig.bbox": "tight"}):
        style.save(coverage.draw(COUNTS), tmp_path / "odd")
        assert mpl.rcParams["font.size"] == 20
    assert (tmp_path / "plain.png").read_bytes() == (tmp_path / "odd.png").read_bytes()


def labels(axes):
    return [text.get_text() for text in axes.get_yticklabels()]


def test_coverage_tells_why_clips_are_lost_and_from_which_classes():
    with style.shared():
        shares, reasons, classes = coverage.draw(COUNTS).axes
    assert labels(shares)[0] == "VGGSound, train"
    assert labels(shares)[-1] == "TAU Urban Scenes, test"
    assert [text.get_text() for text in shares.texts][-1] == "18 of 19"
    # ten reasons, and what is left of each state in one bar: together all that is lost
    assert labels(reasons)[:2] == ["not found (404)", "server error (503)"]
    assert labels(reasons)[-2:] == ["3 other reasons", "2 other reasons"]
    assert len(labels(reasons)) == 12
    lost = COUNTS.loc[COUNTS["state"] != "stored", "clips"].sum()
    assert sum(bar.get_width() for bar in reasons.patches) == lost
    assert sum(int(text.get_text().replace(",", "")) for text in reasons.texts) == lost
    # a line a dataset that lost clips, from the class that lost most to the one that lost least
    handles, names = classes.get_legend_handles_labels()
    assert names == ["VGGSound (309 classes)", "TAU Urban Scenes (2 classes)"]
    assert handles[0].get_ydata()[1] == pytest.approx(100 * 7 / 907)
    assert handles[1].get_xydata()[1:].tolist() == [[50, 90], [100, 100]]


def test_coverage_says_so_where_nothing_is_lost():
    with style.shared():
        (shares,) = coverage.draw(COUNTS[COUNTS["state"] == "stored"]).axes
        (empty,) = coverage.draw(COUNTS[:0]).axes
    assert shares.get_title() == "All listed clips are stored: nothing is lost."
    assert empty.get_title() == "No clips are listed."


def test_a_reason_left_over_alone_keeps_its_name():
    with style.shared():
        reasons = coverage.draw(COUNTS[COUNTS["state"].eq("unavailable") & COUNTS["dataset"].eq("vggsound")]).axes[1]
    assert labels(reasons)[-1] == "file too large"
    assert len(labels(reasons)) == 11


class TestLayout(Layout):
    drawn: ClassVar = {
        "coverage": lambda: coverage.draw(COUNTS),
        "coverage of all clips": lambda: coverage.draw(COUNTS[COUNTS["state"] == "stored"]),
        "coverage of many datasets": lambda: coverage.draw(
            pd.concat([COUNTS[-2:].assign(dataset=f"set_{k}") for k in range(9)])
        ),
        "coverage of nothing": lambda: coverage.draw(COUNTS[-1:]),
    }
