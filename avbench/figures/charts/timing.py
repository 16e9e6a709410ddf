"""Where a run's time goes."""

from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure

from avbench.figures import captions, marks, names, style
from avbench.figures.reading import Settings


def draw_timing(settings: Settings, stem: Path) -> None:
    """Seconds by rule, from Snakemake's benchmark files."""
    rows = []
    for root in map(Path, settings["benchmarks"]):
        for path in sorted(root.rglob("*.tsv")):
            rows.append({"rule": path.relative_to(root).parts[0].removesuffix(".tsv"), "seconds": _seconds(path)})
    times = pd.DataFrame(rows).groupby("rule")["seconds"].agg(jobs="count", seconds="sum").reset_index()
    style.save(draw(times.sort_values("seconds", ascending=False, ignore_index=True)), stem)


def _seconds(path: Path) -> float:
    return float(pd.read_csv(path, sep="\t")["s"].mean())


def draw(times: pd.DataFrame) -> Figure:
    """Draw a bar a rule: the seconds that all its jobs took together.

    Args:
        times: columns rule, jobs, seconds, in the order in which bars stand from top to bottom.
    """
    total, longest = times["seconds"].sum(), times["seconds"].max()
    unit, scale = ("hours", 3600) if longest > 7200 else ("minutes", 60) if longest > 600 else ("seconds", 1)
    shown = times["seconds"] / scale
    notes = [
        f"{value:,.1f} ({100 * row.seconds / total if total else 0:.0f} %), {captions.count(row.jobs, 'job')}"
        for row, value in zip(times.itertuples(), shown, strict=True)
    ]
    with style.shared():
        made = style.figure(style.PAGE * 0.72, 0.2 * len(times) + 0.55)
        axes = made.subplots()
        marks.bars(axes, shown, [names.words(rule) for rule in times["rule"]], notes, [style.BLUE] * len(times), 1.4)
        axes.set_xlabel(f"{names.sentence(unit)}, summed over jobs")
        axes.grid(True, axis="x")
    return made
