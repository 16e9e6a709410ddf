from typing import ClassVar

import numpy as np
import pandas as pd

from avbench.figures import style
from avbench.figures.charts import claims
from avbench.results import tables
from tests.support.figures import RANDOM, Layout

TEXT = (
    "Finetuned after pretraining with soft positives on a small set, the encoder beats one from scratch out of domain."
)
ROWS = [
    ("a", "Soft positives beat random pairing.", "holds", 0.11, 0.08, 0.14, "paper", 0.067),
    ("b", TEXT, "undecided", 0.01, -0.02, 0.05, "paper", np.nan),
    ("c", "Easy negatives beat random pairing.", "does not hold", -0.2, -0.25, -0.15, "ours", -0.007),
]
TABLE = pd.DataFrame(ROWS, columns=["claim", "text", "verdict", "effect", "ci_low", "ci_high", "source", "published"])


def many(sources):
    rows = [
        (f"c{k}", TEXT, verdict, source) for source in sources for k, verdict in enumerate(list(claims._COLOURS) * 4)
    ]
    table = pd.DataFrame(rows, columns=["claim", "text", "verdict", "source"])
    low, effect, high = np.sort(RANDOM.normal(0, 0.1, (3, len(rows))), axis=0)
    return table.assign(effect=effect, ci_low=low, ci_high=high, published=RANDOM.normal(0, 0.1, len(rows)))


def test_claims_of_the_paper_stand_apart_with_the_published_effect():
    with style.shared():
        made = claims.draw(TABLE)
    paper, _ = made.axes
    assert [axes.get_title() for axes in made.axes] == ["Claims of the paper", "Our claims"]
    diamonds = [
        [value for line in axes.lines if line.get_marker() == "D" for value in line.get_xdata()] for axes in made.axes
    ]
    np.testing.assert_allclose(diamonds[0], [6.7, np.nan])
    np.testing.assert_allclose(diamonds[1], [-0.7])
    dots = [line for line in paper.lines if line.get_marker() == "o"]
    assert [line.get_markerfacecolor() == "white" for line in dots] == [False, True]  # what is undecided is hollow
    assert [text.get_text() for text in made.legends[0].get_texts()] == [
        "holds",
        "does not hold",
        "undecided",
        "published",
    ]


def test_an_experiment_whose_claims_need_more_says_so(tmp_path):
    tables.write(tmp_path / "claims.csv", TABLE.assign(effect=np.nan, verdict="not tested"))
    claims.draw_claims({"claims": str(tmp_path / "claims.csv")}, tmp_path / "claims")
    assert (tmp_path / "claims.png").is_file()


class TestLayout(Layout):
    drawn: ClassVar = {
        "claims": lambda: claims.draw(many(["paper", "ours"])),
        "claims of ours": lambda: claims.draw(many(["ours"])[:3].assign(published=np.nan)),
    }
