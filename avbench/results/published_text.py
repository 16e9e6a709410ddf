"""The published and measured accuracy as Markdown and LaTeX."""

from typing import Any

import numpy as np
import pandas as pd

from avbench.config.budgets import DEFAULT
from avbench.results.published import Published

_TEX = str.maketrans(  # for the caption, which pandas takes as it is
    {character: f"\\{character}" for character in "&%$#_{}"}
    | {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"}
)


def markdown(table: pd.DataFrame, published: Published) -> str:
    """Return the table of :func:`beside` as Markdown: a block per protocol, a pair of columns per task."""
    if table.empty:
        return f"No task of this experiment has a counterpart in {published.source}.\n"
    cells = _cells(table, published)
    columns = [f"{head}: published" if which == "published" else which for head, which in cells]
    rows = []
    for protocol, part in cells.groupby(level="protocol", sort=False):
        rows.append([f"**{protocol}**", *[""] * len(columns)])
        rows += part.droplevel("protocol").reset_index().to_numpy().tolist()
    whole = pd.DataFrame(rows, columns=["method", *columns]).rename(columns=_escape_bars).map(_escape_bars)
    aligned = ["left", *["right"] * len(columns)]
    text = whole.to_markdown(index=False, disable_numparse=True, colalign=aligned)
    return f"{_caption(table, published)}\n\n{text}\n"


def latex(table: pd.DataFrame, published: Published) -> str:
    """Return the table of :func:`beside` as a LaTeX table for the package booktabs."""
    if table.empty:
        return f"% No task of this experiment has a counterpart in {published.source}.\n"
    cells = _cells(table, published)
    style = cells.style.format(escape="latex")
    for axis in ("index", "columns"):
        style = style.format_index(escape="latex", axis=axis)
    text = style.to_latex(
        environment="table*",
        caption=_caption(table, published).translate(_TEX),
        position_float="centering",
        column_format="ll" + "r" * cells.shape[1],
        hrules=True,
        multicol_align="c",
        multirow_align="naive",
    )
    return "% needs \\usepackage{booktabs}\n" + text.replace("–", "--")


def _cells(table: pd.DataFrame, published: Published) -> pd.DataFrame:
    """Return texts: a row per protocol and method; of each task, by its head, ``published`` and ``measured``."""
    heads = {}
    for row in table.drop_duplicates("task").itertuples():
        title = published.tasks[row.published_task]["title"]
        heads[row.task] = title if row.same_dataset else f"{row.task} (published: {title}, another dataset)"
    # Several tasks may stand beside one.
    heads = {task: f"{head}, {task}" if [*heads.values()].count(head) > 1 else head for task, head in heads.items()}
    protocols = table["protocol"] + np.where(
        table["protocol"] == table["published_protocol"], "", " (published: " + table["published_protocol"] + ")"
    )
    texts = pd.DataFrame(
        {
            "protocol": protocols,
            "method": table["method"],
            "task": table["task"],
            "published": [f"{100 * share:.1f}" for share in table["published"]],
            "measured": [_measured(row) for row in table.itertuples()],
        }
    )
    wide = texts.set_index(["protocol", "method", "task"]).unstack(sort=False, fill_value="").swaplevel(axis=1)
    pairs = [(task, which) for task in heads for which in ("published", "measured")]
    return wide[pairs].rename(columns=heads, level=0).rename_axis(columns=[None, None])


def _measured(row: Any) -> str:
    text = "–" if np.isnan(row.measured) else f"{100 * row.measured:.1f}"
    return text if np.isnan(row.ci_low) else f"{text} [{100 * row.ci_low:.1f}, {100 * row.ci_high:.1f}]"


def _escape_bars(text: str) -> str:
    return text.replace("|", "\\|")


def _caption(table: pd.DataFrame, published: Published) -> str:
    subset, budget = table[["subset", "budget"]].iloc[0]
    where = subset if budget == DEFAULT else f"{subset}, at the longest budget, {budget}"
    text = (
        f"Top-1 accuracy in % of the {published.modality} encoder, as published ({published.source}, one run each) "
        f"and as measured here after pretraining on the subset {where} (mean and 95 % interval over "
        "seeds and test clips)."
    )
    if not table["same_dataset"].all():
        text += (
            " Where the head names another dataset, the published figure is no reference for the measured one: only "
            "the order of the methods can be compared."
        )
    return text
