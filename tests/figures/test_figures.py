"""All figures on made-up tables: nothing cut off, nothing overlapping, the same bytes twice."""

import math
from functools import cache

import numpy as np
import pandas as pd
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.text import Text

from avbench.figures import style
from avbench.figures.charts import (
    accuracy_by_balance,
    accuracy_by_size,
    class_gains,
    class_size,
    combinations,
    confusion,
    coverage,
    dynamics,
    embedding_map,
    gains,
    geometry,
    noise,
    noise_by_imbalance,
    pairs,
    paper,
    published_losses,
    samples,
    sampling,
    timing,
    training_loss,
)
from avbench.results import by_class

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


def class_table(number):
    """What class_gains.gains returns, of random outcomes."""
    labels = np.repeat(names(number), 12)
    clips = [f"clip {k}" for k in range(len(labels))]
    parts = [
        pd.DataFrame({"seed": seed, "clip_id": clips, "label": labels, "correct": RANDOM.integers(0, 2, len(labels))})
        for seed in range(3)
    ]
    other = pd.concat([part.assign(correct=RANDOM.integers(0, 2, len(part))) for part in parts])
    return by_class.gains(pd.concat(parts), other)


def confusion_table(number):
    labels = np.repeat(names(number), 9)
    wrong = RANDOM.random(len(labels)) < 0.5
    predicted = np.where(wrong, RANDOM.choice(names(number), len(labels)), labels)
    return confusion.shares(pd.DataFrame({"label": labels, "prediction": predicted}))


def maps(classes, clips=300):
    labels = np.array(names(classes))[RANDOM.integers(0, classes, clips)]
    coloured = embedding_map.choose(labels, [str(k) for k in range(clips)])[1]
    methods = ("untrained", "random", "soft-positive")
    return {method: RANDOM.normal(size=(clips, 2)) for method in methods}, labels, coloured


def published_table(same=True, protocols=("linear-sgd", "linear", "finetune", "supervised")):
    rows = [
        (method, task, protocol, "vggsound", same or k > 0)
        for protocol in protocols
        for k, task in enumerate(("controlled", "tau-av-2021", "fsdnoisy18k-clean"))
        for method in (["supervised"] if protocol == "supervised" else METHODS[:7])
    ]
    table = pd.DataFrame(rows, columns=["method", "task", "protocol", "published_task", "same_dataset"])
    low, measured, high = np.sort(RANDOM.uniform(0, 1, (3, len(rows))), axis=0)
    return table.assign(published=RANDOM.uniform(0, 1, len(rows)), measured=measured, ci_low=low, ci_high=high)


def published_runs(epochs=100):
    falling = np.exp(-np.arange(epochs) / 50)
    return pd.DataFrame({"epoch": range(epochs)} | dict.fromkeys(METHODS[:7], 5.7 * falling))


BALANCES = {
    "small": accuracy_by_balance.Subset("balanced", 1000, 1.0),
    "large": accuracy_by_balance.Subset("long-tailed", 1010, 100.0),
}


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


def picture(clip_id, label, pairing_label=None):
    frames = RANDOM.integers(0, 255, (5, 12, 16, 3)).astype(np.uint8)
    return pairs.Picture(clip_id, frames, LABELS[label], LABELS[label if pairing_label is None else pairing_label])


def pairing(method, negatives=3):
    others = [picture(str(k), k % 4, 2) for k in range(negatives)]
    mel = RANDOM.uniform(-80, 0, (20, 16))
    return pairs.Pairing(method, "x", mel, LABELS[0], LABELS[2], picture("x", 0), others)


def sample(label):
    frames = RANDOM.integers(0, 255, (4, 12, 16, 3)).astype(np.uint8)
    return samples.Sample("x", LABELS[label], frames, RANDOM.uniform(-80, 0, (50, 16)), 10.0)


def times(scale=1.0):
    rules = ["generate_media", "pack", "a_rule_with_quite_a_long_name", "pretrain"]
    return pd.DataFrame({"rule": rules, "jobs": [1, 8, 1200, 36], "seconds": np.array([3.0, 20.5, 0.0, 250.0]) * scale})


NOISES = ("uniform", "pair-flip", "confusion")
VERDICTS = ("pays throughout", "pays up to the rate", "never pays", "undecided")
UNEQUAL = [("even", 240, 1.0), ("tail_10", 241, 10.0), ("tail-100", 240, 100.0), ("large", 768, 1.0)]
VARIANTS = {
    "uniform-30": {"kind": "noise", "noise": "uniform", "rate": 0.3},
    "flip_12.5": {"kind": "noise", "noise": "pair-flip", "rate": 0.125},
    "pseudo": {"kind": "pseudo"},
    "clusters": {"kind": "clusters"},
    "clusters_again": {"kind": "clusters"},
}
FIELDS = {
    "easy-negative": {"positive": "self", "batch": "one-per-class", "labels": "true"},
    "hard-negative": {"positive": "self", "batch": "single-class", "labels": "true"},
    "soft-positive": {"positive": "same-class", "batch": "shuffled", "labels": "flip_12.5", "probability": 1.0},
    "soft-positive-50": {"positive": "same-class", "batch": "shuffled", "labels": "true", "probability": 0.5},
    "sp70": {"positive": "same-class", "batch": "shuffled", "labels": "uniform-30", "probability": 1.0},
    "pl-soft-positive": {"positive": "same-class", "batch": "shuffled", "labels": "pseudo", "probability": [0.0, 1.0]},
    "same_class-one-per-class-with-a-long-name": {
        "positive": "neighbour",
        "batch": "mixed",
        "clips_per_class": 4,
        "labels": "clusters_again",
        "loss": "supcon",
    },
}


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
    return table.drop(columns="labels", errors="ignore")


def break_even_table(table):
    cells = table[["method", "noise", "task", "modality", "subset"]].drop_duplicates()
    low, rate, high = np.sort(RANDOM.uniform(0, 0.5, (3, len(cells))), axis=0)
    verdict = RANDOM.choice(VERDICTS, len(cells))
    ends = np.isin(verdict, VERDICTS[::2])
    cells = cells.assign(highest_rate=0.5, rate=rate, ci_low=low, ci_high=high, verdict=verdict)
    return cells.assign(rate=cells["rate"].mask(ends), ci_high=cells["ci_high"].mask(RANDOM.random(len(cells)) < 0.2))


def noise_figure(**kwargs):
    table = robustness_table(**kwargs)
    random = table.drop_duplicates(["task", "modality", "subset"]).assign(method="random")
    return noise.draw(table, break_even_table(table), random)


def size_outcomes(classes=24):
    labels = np.repeat(names(classes), 8)
    clips = {name: max(1, round(60 * 0.8**k)) for k, name in enumerate(names(classes))}
    ours, theirs = (
        pd.DataFrame({"seed": 0, "clip_id": range(len(labels)), "label": labels, "correct": right})
        for right in RANDOM.integers(0, 2, (2, len(labels)))
    )
    return by_class.by_size(ours, theirs, clips)


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


def counted_table(methods=METHODS[:8]):
    runs = [(method, labels) for method in methods for labels in ("true", "uniform-30", "clusters_again")]
    table = pd.DataFrame([(*run, seed) for run in runs for seed in range(2)], columns=["method", "labels", "seed"])
    foreign, right = RANDOM.uniform(0, 1, (2, len(table)))
    negatives = RANDOM.choice([0.0, 0.04, 1.0, math.nan], len(table))
    table = table.assign(
        foreign_positives=foreign, positives_of_class=1 - foreign * right, negatives_of_class=negatives
    )
    low, gain, high = np.sort(RANDOM.normal(0, 0.1, (3, len(runs) - 3)), axis=0)
    gained = pd.DataFrame(runs[3:], columns=["method", "labels"]).assign(difference=gain, ci_low=low, ci_high=high)
    return sampling.counted(table, gained.assign(p_holm=RANDOM.choice([0.01, 0.4, math.nan], len(gained))))


ALL_BATCHES = {(method, subset): 24 for method in METHODS for subset in SIZES}
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

FIGURES = {
    "accuracy": lambda: accuracy_by_size.draw(
        summary_table(), SIZES, {("controlled", "linear"): 1 / 24}, {"controlled": "in-domain"}
    ),
    "accuracy of one task": lambda: accuracy_by_size.draw(summary_table(tasks=["tau"]), SIZES),
    "accuracy of many tasks": lambda: accuracy_by_size.draw(summary_table(tasks=list("abcdefg")), SIZES),
    "accuracy of one size and seed": lambda: accuracy_by_size.draw(
        summary_table().assign(ci_low=math.nan, ci_high=math.nan), {"small": 10}
    ),
    "accuracy of two balances": lambda: accuracy_by_size.draw(summary_table(), {"small": 10, "large": 10.3}),
    "accuracy of all protocols": lambda: accuracy_by_size.draw(
        summary_table(protocols=["linear", "linear-sgd", "finetune", "knn", "retrieval-10"]), SIZES
    ),
    "balance": lambda: accuracy_by_balance.draw(summary_table(), BALANCES, {("controlled", "linear"): 0.1}),
    "balance of two sizes": lambda: accuracy_by_balance.draw(
        summary_table(), BALANCES | {"small": accuracy_by_balance.Subset("natural", 170_000, 10.0)}
    ),
    "class gains": lambda: class_gains.draw(
        {"large": class_table(24), "small": class_table(24)}, SIZES, "soft-positive", "random"
    ),
    "class gains of one subset": lambda: class_gains.draw({"small": class_table(24)}, SIZES, METHODS[7], "random"),
    "gains of many classes": lambda: class_gains.draw(
        {"large": class_table(309), "small": class_table(309)}, SIZES, "soft-positive", "random"
    ),
    "gains of many classes on one subset": lambda: class_gains.draw(
        {"large": class_table(60)}, SIZES, "soft-positive", "random"
    ),
    "confusion": lambda: confusion.draw(
        {"large": confusion_table(24), "small": confusion_table(24)}, SIZES, "soft-positive"
    ),
    "confusion on one subset": lambda: confusion.draw({"large": confusion_table(10)}, SIZES, METHODS[7]),
    "confusion of 40 classes": lambda: confusion.draw(
        {"large": confusion_table(40), "small": confusion_table(40)}, SIZES, "soft-positive"
    ),
    "confusion of many classes": lambda: confusion.draw(
        {"large": confusion_table(309), "small": confusion_table(309)}, SIZES, "soft-positive"
    ),
    "confusion of many classes on one subset": lambda: confusion.draw(
        {"large": confusion_table(309)}, SIZES, "soft-positive"
    ),
    "embedding map": lambda: embedding_map.draw(*maps(24)),
    "embedding map of few classes": lambda: embedding_map.draw(*maps(5)),
    "published losses": lambda: published_losses.draw(runs(), SIZES, ALL_BATCHES, published_runs(), True),
    "published losses of other data": lambda: published_losses.draw(
        [run for run in runs(1) if run[0] == "random"], SIZES, ALL_BATCHES, published_runs(), False
    ),
    "paper": lambda: paper.draw(published_table()),
    "paper of other data": lambda: paper.draw(published_table(same=False, protocols=["linear", "supervised"])),
    "loss of two balances": lambda: training_loss.draw(runs(), {"small": 10, "large": 10.3}, {}),
    "gains of two balances": lambda: gains.draw(comparisons_table(), {"small": 10, "large": 10.3}),
    "gains on many tasks": lambda: gains.draw(comparisons_table(tasks=list("abcd")), SIZES),
    "loss": lambda: training_loss.draw(
        runs(), SIZES, {("random", "small"): 24, ("hard-negative", "small"): 10}, {("random", "small", 1)}
    ),
    "loss of one subset": lambda: training_loss.draw(runs(1), {"large": 123}, {("random", "large"): 309}),
    "pairs": lambda: pairs.draw([pairing(method) for method in METHODS[:8]]),
    "pairs of one method": lambda: pairs.draw([pairing("random", 0)]),
    "samples": lambda: samples.draw([sample(k % 4) for k in range(7)]),
    "one sample": lambda: samples.draw([sample(2)]),
    "noise": lambda: noise_figure(subsets=[UNEQUAL[0], UNEQUAL[3]], tasks=["tau"], noises=NOISES[:2]),
    "noise of one method": lambda: noise_figure(methods=METHODS[3:4], tasks=["tau"], noises=NOISES[2:]),
    "noise by imbalance": lambda: noise_by_imbalance.draw(
        robustness_table(subsets=UNEQUAL, tasks=["tau"], noises=NOISES[:2]).query("modality == 'audio'").iloc[5:]
    ),
    "noise by imbalance of one method": lambda: noise_by_imbalance.draw(
        robustness_table(METHODS[7:8], UNEQUAL[:3], ["tau"], NOISES[:1]).query("modality == 'audio'")
    ),
    "class size": lambda: class_size.draw(
        {(method, subset): size_outcomes() for method in METHODS[3:8:4] for subset in ("tail_10", "tail-100")},
        {"tail_10": 10.0, "tail-100": 100.0},
        "random",
    ),
    "class size of one method": lambda: class_size.draw(
        {("soft-positive", "tail_10"): size_outcomes(309)}, {"tail_10": 10.0}, "random"
    ),
    "combinations": lambda: combinations.draw(comparisons_table(tasks=["controlled"]), FIELDS, SIZES, VARIANTS),
    "combinations of one": lambda: combinations.draw(
        comparisons_table(tasks=["controlled"]).query("subset == 'small'"), {"sp70": FIELDS["sp70"]}, SIZES, VARIANTS
    ),
    "dynamics": lambda: dynamics.draw(followed(METHODS[4:8]), SIZES),
    "dynamics of one subset": lambda: dynamics.draw(
        followed(METHODS[:2], (100, 16)).query("subset == 'small'"), {"small": 10}
    ),
    "geometry": lambda: geometry.draw(
        followed(METHODS, (1, 1)).assign(class_alignment=lambda table: 2 * table["alignment"]), SIZES
    ),
    "sampling": lambda: sampling.draw(counted_table(METHODS[4:8]), VARIANTS),
    "sampling of one method": lambda: sampling.draw(counted_table(METHODS[:1]), VARIANTS),
    "timing": lambda: timing.draw(times()),
    "timing in hours": lambda: timing.draw(times(1e4)),
    "coverage": lambda: coverage.draw(COUNTS),
    "coverage of all clips": lambda: coverage.draw(COUNTS[COUNTS["state"] == "stored"]),
    "coverage of many datasets": lambda: coverage.draw(
        pd.concat([COUNTS[-2:].assign(dataset=f"set_{k}") for k in range(9)])
    ),
    "coverage of nothing": lambda: coverage.draw(COUNTS[-1:]),
    "gains": lambda: gains.draw(comparisons_table(), SIZES),
}


@cache
def drawn(name):
    """Draw a figure; return it with its renderer."""
    with style.shared():
        figure = FIGURES[name]()
        canvas = FigureCanvasAgg(figure)
        canvas.draw()
    return figure, canvas.get_renderer()


@pytest.mark.parametrize("name", FIGURES)
def test_everything_lies_on_the_page(name):
    figure, renderer = drawn(name)
    used = figure.get_tightbbox(renderer)
    width, height = figure.get_size_inches()
    assert min(used.x0, used.y0) >= -0.01
    assert used.x1 <= width + 0.01
    assert used.y1 <= height + 0.01
    # and the page is not mostly empty
    assert used.width > 0.8 * width
    assert used.height > 0.8 * height


@pytest.mark.parametrize("name", FIGURES)
def test_panels_keep_room_for_data(name):
    figure, renderer = drawn(name)
    for axes in figure.axes:
        if axes.get_label() in ("<colorbar>", "break-even"):  # thin on purpose
            continue
        box = axes.get_window_extent(renderer)
        assert min(box.width, box.height) > 0.3 * figure.dpi


@pytest.mark.parametrize(
    "name",
    [
        "accuracy",
        "accuracy of all protocols",
        "balance of two sizes",
        "class gains",
        "gains of many classes",
        "confusion of many classes",
        "coverage",
        "embedding map",
        "gains",
        "loss",
        "pairs",
        "paper of other data",
        "published losses",
        "samples",
        "timing",
    ],
)
def test_titles_captions_and_legends_do_not_overlap(name):
    figure, renderer = drawn(name)
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


@pytest.mark.parametrize("name", FIGURES)
def test_no_raw_identifier_is_shown(name):
    figure, _ = drawn(name)
    shown = [text.get_text() for text in figure.findobj(Text) if text.get_visible()]
    assert any(shown)
    for text in shown:
        assert "_" not in text
        assert not any(method in text for method in METHODS if "-" in method), text


def test_order_does_not_depend_on_that_of_the_input():
    backwards = dict(sorted(SIZES.items(), key=lambda item: -item[1]))
    with style.shared():
        lost = training_loss.draw(runs()[::-1], backwards, {})
        paired = pairs.draw([pairing(method) for method in ("sp70", "soft-positive", "random")])
        gained = gains.draw(comparisons_table().iloc[::-1], backwards)
    assert [axes.get_title() for axes in lost.axes[:2]] == ["10 clips a class", "1,230 clips a class"]
    rows = [axes.get_ylabel() for axes in paired.axes if axes.get_ylabel()]
    assert rows == ["random", "soft positive", "soft positive,\nnoisy labels"]
    assert [text.get_text() for text in gained.legends[0].get_texts()][:2] == [
        "10 clips a class",
        "1,230 clips a class",
    ]


def test_files_are_the_same_bytes_each_time(tmp_path):
    for stem in ("once", "again"):
        timing.plot(times(), tmp_path / "folder" / stem)
    for kind, start in (("png", b"\x89PNG"), ("pdf", b"%PDF")):
        once, again = ((tmp_path / "folder" / f"{stem}.{kind}").read_bytes() for stem in ("once", "again"))
        assert once.startswith(start)
        assert once == again
        assert b"CreationDate" not in once
    assert sorted(path.name for path in (tmp_path / "folder").iterdir()) == [
        "again.pdf",
        "again.png",
        "once.pdf",
        "once.png",
    ]


def test_the_users_own_matplotlib_settings_change_nothing(tmp_path):
    import matplotlib as mpl

    coverage.plot(COUNTS, tmp_path / "plain")
    with mpl.rc_context({"font.size": 20, "lines.linewidth": 9, "figure.dpi": 33, "savefig.bbox": "tight"}):
        coverage.plot(COUNTS, tmp_path / "odd")
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
    assert handles[0].get_data().values[0] == pytest.approx(100 * 7 / 907)
    assert handles[1].get_data().values.tolist() == [90, 100]


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
