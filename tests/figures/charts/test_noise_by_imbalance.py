from typing import ClassVar

import pandas as pd

from avbench.figures import style
from avbench.figures.charts import noise_by_imbalance
from tests.support.figures import METHODS, NOISES, UNEQUAL, Layout, robustness_table

COLUMNS = ["method", "noise", "subset", "clips", "imbalance", "rate", "gain", "gain_low", "gain_high"]
ROWS = [
    ("soft-positive", "uniform", "tail", 240, 50.0, 0.0, 0.08, 0.04, 0.12),
    ("soft-positive", "uniform", "even", 240, 1.0, 0.0, 0.05, 0.02, 0.08),
    ("soft-positive", "uniform", "even", 240, 1.0, 0.4, -0.04, -0.07, -0.01),
    ("soft-positive", "uniform", "tail", 240, 50.0, 0.2, 0.01, -0.02, 0.04),
    ("soft-positive", "uniform", "even", 240, 1.0, 0.2, 0.02, -0.01, 0.05),
]
TABLE = pd.DataFrame(ROWS, columns=COLUMNS).assign(draws=[0, 0, 3, 3, 3])


def cells():
    """Return the panel, and of each cell whether it has a colour, by its text."""
    with style.shared():
        made = noise_by_imbalance.draw(TABLE)
    axes = made.axes[0]
    found = {}
    for text in axes.texts:
        across, down = (int(place) for place in text.get_position())
        (colour,) = [
            cell
            for layer in axes.collections
            if (cell := layer.get_facecolor().reshape(2, 3, 4)[down, across])[3]  # what is hidden has no opacity
        ]
        found[text.get_text()] = tuple(colour[:3]) != (1.0, 1.0, 1.0)
    return made, axes, found


def test_only_cells_whose_interval_leaves_out_zero_have_a_colour():
    _, _, found = cells()
    assert found == {
        "+8.0\n±4.0": True,
        "+5.0\n±3.0": True,
        "−4.0\n±3.0": True,
        "+1.0\n±3.0": False,
        "+2.0\n±3.0": False,
    }


def test_the_most_balanced_subset_stands_first_and_what_was_not_run_is_said():
    made, axes, _ = cells()
    assert [text.get_text() for text in axes.get_yticklabels()] == ["balanced", "50 : 1"]
    assert [text.get_text() for text in axes.get_xticklabels()] == ["0", "20", "40"]
    assert [text.get_text() for text in made.legends[0].get_texts()] == ["interval with zero", "not run"]
    hidden = [layer.get_array().mask.reshape(2, 3) for layer in axes.collections]
    assert (hidden[0] & hidden[1]).tolist() == [[False, False, False], [False, False, True]]
    assert axes.patch.get_hatch()


def test_the_colours_are_centred_at_zero():
    made, _, _ = cells()
    low, high = made.axes[1].get_ylim()
    assert low == -high == -8.0


def test_the_caption_counts_cells_and_names_the_ends():
    text = noise_by_imbalance.caption(TABLE, "tau", "linear", "audio")
    assert "Soft positive, uniform noise: of 5 cells 2 above zero, 1 below, 2 open" in text
    assert "from −4.0 points (−7.0 to −1.0) at 40 % and balanced" in text
    assert "to +8.0 points (+4.0 to +12.0) at 0 % and 50 : 1" in text


class TestLayout(Layout):
    drawn: ClassVar = {
        "noise by imbalance": lambda: noise_by_imbalance.draw(
            robustness_table(subsets=UNEQUAL, tasks=["tau"], noises=NOISES[:2]).query("modality == 'audio'").iloc[5:]
        ),
        "noise by imbalance of one method": lambda: noise_by_imbalance.draw(
            robustness_table(METHODS[7:8], UNEQUAL[:3], ["tau"], NOISES[:1]).query("modality == 'audio'")
        ),
    }
