"""Made-up tables that figures are drawn of, and what holds for every figure."""

import math
from collections.abc import Callable, Mapping
from functools import cache
from typing import ClassVar

import numpy as np
import pandas as pd
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text

from avbench.figures import style

METHODS = [
    "random",
    "easy-negative",
    "hard-negative",
    "soft-positive",
    "soft-positive-50",
    "sp70",
    "pl-soft-positive",
    "same_class-one-per-class-with-a-long-name",
    "untrained",
    "supervised",
]
SIZES = {"small": 10, "large": 1230}
LABELS = [
    'people "whispering", talking',
    "playing $accordion$",
    "donau-dampfschifffahrtskapitänsmütze " * 3,
    "a\nb",
]
RANDOM = np.random.default_rng(0)
CELL = ["method", "task", "protocol", "modality", "subset", "labels"]


def summary_table(tasks=("controlled", "a_task-with-a-rather-long-name"), protocols=("linear",)):
    """Any mean within its interval, in every cell."""
    rows = [
        (method, task, protocol, "audio", subset, "none")
        for method in METHODS
        for task in tasks
        for protocol in protocols
        for subset in (["all"] if method == "supervised" else SIZES)
    ]
    low, mean, high = np.sort(RANDOM.uniform(0, 1, (3, len(rows))), axis=0)
    return pd.DataFrame(rows, columns=CELL).assign(mean=mean, ci_low=low, ci_high=high)


def comparisons_table(**kwargs):
    table = summary_table(**kwargs)
    table = table[(table["method"] != "random") & (table["subset"] != "all")].rename(columns={"mean": "difference"})
    return table.assign(baseline="random", p_holm=RANDOM.choice([0.01, 0.2, math.nan], len(table)))


def names(number):
    return [f"{'playing ' * (k % 3)}$instrument$ {k}, with a name" for k in range(number)]


def runs(epochs=9):
    return [
        (method, subset, seed, metrics(epochs + 20 * (subset == "small"), seed))
        for method in METHODS[:8]
        for subset in SIZES
        for seed in range(2)
    ]


def metrics(epochs, seed):
    epoch = np.arange(epochs)
    falling = np.exp(-epoch / 5) + seed / 10
    return pd.DataFrame({"epoch": epoch, "loss": 3 * falling, "batch_accuracy": np.clip(1 - falling, 0, 1)})


VARIANTS = {
    "uniform-30": {"kind": "noise", "noise": "uniform", "rate": 0.3},
    "flip_12.5": {"kind": "noise", "noise": "pair-flip", "rate": 0.125},
    "pseudo": {"kind": "pseudo"},
    "clusters": {"kind": "clusters"},
    "clusters_again": {"kind": "clusters"},
}
NOISES = ("uniform", "pair-flip", "confusion")
UNEQUAL = [("even", 240, 1.0), ("tail_10", 241, 10.0), ("tail-100", 240, 100.0), ("large", 768, 1.0)]


def robustness_table(methods=METHODS[1:8:2], subsets=UNEQUAL[:1], tasks=("controlled", "outdoors-set"), noises=NOISES):
    """Any mean and gain within their intervals, at every rate."""
    rows = [
        (method, task, modality, subset, clips, imbalance, noise, rate)
        for method in methods
        for task in tasks
        for modality in ("audio", "video")
        for subset, clips, imbalance in subsets
        for noise in noises
        for rate in (0.0, 0.1, 0.25, 0.5)
    ]
    table = pd.DataFrame(rows, columns=["method", "task", "modality", "subset", "clips", "imbalance", "noise", "rate"])
    low, mean, high = np.sort(RANDOM.uniform(0.2, 0.9, (3, len(rows))), axis=0)
    gain_low, gain, gain_high = np.sort(RANDOM.normal(0, 0.1, (3, len(rows))), axis=0)
    table = table.assign(mean=mean, ci_low=low, ci_high=high, gain=gain, gain_low=gain_low, gain_high=gain_high)
    return table.assign(protocol="linear", draws=3 * (table["rate"] > 0))


def followed(methods=METHODS[:8], last=(60, 16)):
    rows = [
        (method, subset, seed, epoch, *RANDOM.uniform(0, 1, 7))
        for method in methods
        for subset, end in zip(SIZES, last, strict=True)
        for seed in range(2)
        for epoch in sorted({0, *(2**k for k in range(10) if 2**k < end), end})
    ]
    measured = [
        f"{name}_{modality}" for name in ("knn", "effective_rank", "uniformity") for modality in ("audio", "video")
    ]
    return pd.DataFrame(rows, columns=["method", "subset", "seed", "epoch", "alignment", *measured])


@cache
def drawn(draw: Callable[[], Figure]):
    """Draw a figure; return it with its renderer."""
    with style.shared():
        figure = draw()
        canvas = FigureCanvasAgg(figure)
        canvas.draw()
    return figure, canvas.get_renderer()


class Layout:
    """What holds for every figure: nothing cut off, nothing overlapping, no identifiers."""

    drawn: ClassVar[Mapping[str, Callable[[], Figure]]]

    def pytest_generate_tests(self, metafunc):
        metafunc.parametrize("name", self.drawn)

    def test_everything_lies_on_the_page(self, name):
        figure, renderer = drawn(self.drawn[name])
        used = figure.get_tightbbox(renderer)
        width, height = figure.get_size_inches()
        assert min(used.x0, used.y0) >= -0.01
        assert used.x1 <= width + 0.01
        assert used.y1 <= height + 0.01
        # and the page is not mostly empty
        assert used.width > 0.8 * width
        assert used.height > 0.8 * height

    def test_panels_keep_room_for_data(self, name):
        figure, renderer = drawn(self.drawn[name])
        for axes in figure.axes:
            if axes.get_label() in ("<colorbar>", "break-even"):  # thin on purpose
                continue
            box = axes.get_window_extent(renderer)
            assert min(box.width, box.height) > 0.3 * figure.dpi

    def test_titles_captions_and_legends_do_not_overlap(self, name):
        figure, renderer = drawn(self.drawn[name])
        named = [
            text
            for axes in figure.axes
            for text in (axes.title, axes._left_title, axes.xaxis.label, axes.yaxis.label, *axes.texts)
            if text.get_text().strip()
        ]
        boxes = [(text.get_text(), text.get_window_extent(renderer)) for text in named]
        boxes += [("legend", legend.get_window_extent(renderer)) for legend in figure.legends]
        for place, (first, box) in enumerate(boxes):
            for second, other in boxes[place + 1 :]:
                wide = min(box.x1, other.x1) - max(box.x0, other.x0)
                high = min(box.y1, other.y1) - max(box.y0, other.y0)
                assert min(wide, high) <= 1, (first, second)

    def test_no_raw_identifier_is_shown(self, name):
        figure, _ = drawn(self.drawn[name])
        shown = [text.get_text() for text in figure.findobj(Text) if text.get_visible()]
        assert any(shown)
        for text in shown:
            assert "_" not in text
            assert not any(method in text for method in METHODS if "-" in method), text
