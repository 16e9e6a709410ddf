"""How many pairs that do not match a method stands, as figure ``noise`` shows of wrong labels."""

from pathlib import Path

from avbench.config.mismatches import MISMATCHES
from avbench.figures.charts.noise import Told, draw_along
from avbench.figures.reading import Settings

PAIRS = Told(
    tuple(MISMATCHES),
    "pairs that do not match",
    "Pretraining clips that do not match (%; {draws})",
    "the share of pretraining clips whose sound and picture do not match ({draws}); classifiers were trained and "
    "tested on clips as they are",
    "random pairing of the same clips",
)


def draw_mismatched_pairs(settings: Settings, stem: Path) -> None:
    """Accuracy against the share of pairs that do not match, on the most balanced subsets: the smallest and largest."""
    draw_along(settings, stem, PAIRS)
