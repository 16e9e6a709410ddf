"""How much of each dataset is there, and what became of the rest."""

import re
from collections.abc import Sequence
from pathlib import Path

import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, StrMethodFormatter

from avbench.core.files import read_csv
from avbench.data import ledger
from avbench.data.coverage import against_published
from avbench.data.coverage import table as coverage_table
from avbench.figures import captions, marks, names, panels, style
from avbench.figures.reading import Settings


def draw_coverage(settings: Settings, stem: Path) -> None:
    """What became of the listed clips of each dataset, why clips are lost, and how many a publication had."""
    data = Path(settings["data"])
    counts = coverage_table({name: ledger.read(data / name / "ledger.parquet") for name in settings["datasets"]})
    name = names.task_name
    drawn = read_csv(list(settings["subsets"].values())[-1], ("clip_id",))["clip_id"]
    notes = against_published(
        counts.assign(dataset=counts["dataset"].map(name)),
        {name(dataset): theirs for dataset, theirs in settings["published"].items()},
        {name(settings["pretraining"]): len(drawn)},
    )
    style.save(draw(counts, notes), stem)


_STATES = {
    "stored": ("stored", style.BLUE, ""),
    "unavailable": ("unavailable", "#BBBBBB", "////"),
    "rejected": ("rejected", style.ORANGE, "...."),
}
_REASONS = {
    "account-terminated": "account closed",
    "corrupt": "damaged file",
    "copyright": "blocked for copyright",
    "duplicate": "duplicate in another split",
    "duration": "not the trimmed clip",
    "geo-blocked": "blocked in this country",
    "http-403": "access refused (403)",
    "http-404": "not found (404)",
    "http-410": "gone (410)",
    "live": "live stream",
    "long": "too long",
    "members-only": "for members only",
    "missing": "no file",
    "network": "connection failed",
    "no-audio": "no sound",
    "no-format": "no usable format",
    "no-video": "no picture",
    "not-media": "no media",
    "private": "private video",
    "removed": "removed by uploader",
    "short": "too short",
    "still": "still picture",
    "timeout": "timed out",
    "too-large": "file too large",
    "too-slow": "download too slow",
    "unavailable": "unavailable, no reason given",
    "unreadable": "unreadable file",
}
_TOP, _FEW = 10, 7  # reasons
_LINES = (style.BLUE, style.VERMILION, style.GREEN, style.PURPLE, style.BLACK, style.ORANGE)
_DASHES = ("-", "--", "-.", ":")


def draw(table: pd.DataFrame, notes: Sequence[str] = ()) -> Figure:
    """Draw what became of the listed clips, and where any are lost why, and how evenly over the classes.

    Args:
        table: what :func:`avbench.data.coverage.table` returns.
        notes: sentences that stand below.
    """
    lost = table[table["state"] != "stored"]
    bars = max(len(table[["dataset", "split"]].drop_duplicates()), 1)
    upper = 0.26 * bars + 0.35
    below = 0.13 * len(notes) + 0.01
    with style.shared():
        if lost.empty:
            made = style.figure(style.PAGE * 0.72, upper + 0.75 + below)
            grid = made.add_gridspec(2, 1, height_ratios=[upper, below])
            axes = made.add_subplot(grid[0])
            axes.set_title("All listed clips are stored: nothing is lost." if len(table) else "No clips are listed.")
            _shares(axes, table)
        else:
            reasons = _reasons(lost)
            lower = max(0.19 * len(reasons) + 0.6, 1.9)
            made = style.figure(style.PAGE, upper + lower + 0.8 + below)
            grid = made.add_gridspec(3, 2, height_ratios=[upper, lower, below], width_ratios=[1, 1])
            _shares(made.add_subplot(grid[0, :]), table)
            _bars(made.add_subplot(grid[1, 0]), reasons)
            classes = made.add_subplot(grid[1, 1])
            _classes(classes, table)
            style.legend(made, classes.get_legend_handles_labels()[0], "outside lower center")
        style.legend(made, made.axes[0].containers)
        if notes:
            words = made.add_subplot(grid[-1, :] if grid.ncols > 1 else grid[-1])
            words.set_axis_off()
            words.text(0, 1, "\n".join(map(names.literal, notes)), fontsize=6.5, va="top", transform=words.transAxes)
    return made


def reason_name(reason: str) -> str:
    """Return a reason of the ledger in words."""
    if reason not in _REASONS and (code := re.fullmatch("http-([0-9]+)", reason)):
        return f"server error ({code[1]})" if code[1][0] == "5" else f"refused by the server ({code[1]})"
    return _REASONS.get(reason, names.words(reason))


def _shares(axes: Axes, table: pd.DataFrame) -> None:
    """A bar per dataset and split: the shares of clips stored, unavailable and rejected."""
    counts = table.groupby(["dataset", "split", "state"])["clips"].sum().unstack(fill_value=0)
    bars = pd.MultiIndex.from_frame(table[["dataset", "split"]].drop_duplicates())
    counts = counts.reindex(index=bars, columns=list(_STATES), fill_value=0)
    listed = counts.sum(axis=1)
    marks.stacked(axes, 100 * counts.div(listed, axis=0), _STATES)
    for place, (kept, total) in enumerate(zip(counts["stored"], listed, strict=True)):
        axes.annotate(f"{kept:,} of {total:,}", (101, place), va="center", fontsize=6.5, annotation_clip=False)
    panels.rows(axes, [f"{names.wrap(names.task_name(name), 30, 1)}, {split}" for name, split in counts.index])
    axes.set_xlabel("Share of the listed clips (%)")


def _reasons(lost: pd.DataFrame) -> list[tuple[str, str, int]]:
    """Return the most frequent reasons, in words, with state and clips; what is left of each state as one."""
    counts = lost.groupby(["reason", "state"])["clips"].sum().reset_index()
    counts = counts.sort_values(["clips", "reason"], ascending=[False, True])
    found = [(reason_name(row.reason), row.state, int(row.clips)) for row in counts.head(_TOP).itertuples()]
    for state, rest in counts.iloc[_TOP:].groupby("state", sort=False):
        name = f"{len(rest)} other reasons" if len(rest) > 1 else reason_name(rest["reason"].iloc[0])
        found.append((name, state, int(rest["clips"].sum())))
    return found


def _bars(axes: Axes, reasons: list[tuple[str, str, int]]) -> None:
    """A bar a reason, with its clips."""
    words, states, clips = zip(*reasons, strict=True)
    shown = [names.wrap(name, 30, 1) for name in words]
    marks.bars(axes, clips, shown, [f"{count:,}" for count in clips], [_STATES[state][1] for state in states], 1.22)
    for bar, state in zip(axes.containers, states, strict=True):
        for patch in bar:
            patch.set(hatch=_STATES[state][2], edgecolor="white", linewidth=0)
    panels.rows(axes, shown, _FEW)
    axes.xaxis.set_major_locator(MaxNLocator(4, integer=True))
    axes.xaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
    axes.set(xlabel="Clips", title="Why clips are lost")


def _classes(axes: Axes, table: pd.DataFrame) -> None:
    """A line a dataset that lost any: the shares of stored clips of its classes, the poorest first."""
    counts = table.assign(stored=table["clips"].where(table["state"] == "stored", 0))
    counts = counts.groupby(["dataset", "label"], sort=False)[["clips", "stored"]].sum()
    shares = (100 * counts["stored"] / counts["clips"]).groupby("dataset", sort=False)
    for k, (name, own) in enumerate((name, own) for name, own in shares if own.min() < 100):
        classes = captions.count(len(own), "class", "classes")
        label = f"{names.wrap(names.task_name(name), 24, 1)} ({classes})"
        look = {"color": _LINES[k % len(_LINES)], "linestyle": _DASHES[k % len(_DASHES)]}
        sns.ecdfplot(y=own, stat="percent", label=label, ax=axes, **look)
    axes.set(xlim=(0, 100), ylim=(0, 104), title="Spread over classes")
    axes.set(xlabel="Share of the classes, sorted (%)", ylabel="Clips stored (%)")
    axes.grid(True, axis="y")
