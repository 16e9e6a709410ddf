"""The published and measured accuracy as Markdown and LaTeX."""

from typing import Any

import numpy as np
import pandas as pd

from avbench.results.published import Published

_TEX = str.maketrans(
    {character: f"\\{character}" for character in "&%$#_{}"}
    | {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"}
)


def markdown(table: pd.DataFrame, published: Published) -> str:
    """Return the table of :func:`beside` as Markdown: a block a protocol, a pair of columns a task."""
    if table.empty:
        return f"No task of this experiment has a counterpart in {published.source}.\n"
    heads, blocks = _layout(table, published)
    lines = [_caption(table, published), ""]
    cells = [text for head in heads for text in (f"{head}: published", "measured")]
    lines += [_row(["method", *cells]), _row(["---", *["---:"] * len(cells)])]
    for protocol, rows in blocks:
        lines.append(_row([f"**{protocol}**", *[""] * len(cells)]))
        lines += [_row([method, *row]) for method, row in rows]
    return "\n".join(lines) + "\n"


def latex(table: pd.DataFrame, published: Published) -> str:
    """Return the table of :func:`beside` as a LaTeX table for the package booktabs."""
    if table.empty:
        return f"% No task of this experiment has a counterpart in {published.source}.\n"
    heads, blocks = _layout(table, published)
    wide = 2 * len(heads)
    rules = [rf"\cmidrule(lr){{{2 * i + 2}-{2 * i + 3}}}" for i in range(len(heads))]
    lines = [
        "% needs \\usepackage{booktabs}",
        r"\begin{table*}",
        r"\centering",
        rf"\caption{{{_escape(_caption(table, published))}}}",
        rf"\begin{{tabular}}{{l{'r' * wide}}}",
        r"\toprule",
        _tex_row(["", *(rf"\multicolumn{{2}}{{c}}{{{_escape(head)}}}" for head in heads)]),
        "".join(rules),
        _tex_row(["method", *["published", "measured"] * len(heads)]),
    ]
    for protocol, rows in blocks:
        lines += [r"\midrule", rf"\multicolumn{{{wide + 1}}}{{l}}{{\emph{{{_escape(protocol)}}}}} \\"]
        lines += [_tex_row([_escape(text) for text in (method, *row)]) for method, row in rows]
    return "\n".join([*lines, r"\bottomrule", r"\end{tabular}", r"\end{table*}", ""])


def _layout(
    table: pd.DataFrame, published: Published
) -> tuple[list[str], list[tuple[str, list[tuple[str, list[str]]]]]]:
    """Return the heads of the tasks, and for each protocol its rows of texts."""
    tasks = table.drop_duplicates("task")[["task", "published_task", "same_dataset"]]
    heads = []
    for task in tasks.itertuples():
        title = published.tasks[task.published_task]["title"]
        heads.append(title if task.same_dataset else f"{task.task} (published: {title}, another dataset)")
    blocks = []
    for protocol, part in table.groupby("protocol", sort=False):
        rows = []
        for method, own in part.groupby("method", sort=False):
            found = {row.task: row for row in own.itertuples()}
            texts = [text for task in tasks["task"] for text in _pair(found.get(task))]
            rows.append((str(method), texts))
        theirs = part["published_protocol"].iloc[0]
        blocks.append((protocol if protocol == theirs else f"{protocol} (published: {theirs})", rows))
    return heads, blocks


def _pair(row: Any) -> tuple[str, str]:
    if row is None:
        return "", ""
    measured = "–" if np.isnan(row.measured) else f"{100 * row.measured:.1f}"
    if not np.isnan(row.ci_low):
        measured += f" [{100 * row.ci_low:.1f}, {100 * row.ci_high:.1f}]"
    return f"{100 * row.published:.1f}", measured


def _caption(table: pd.DataFrame, published: Published) -> str:
    text = (
        f"Top-1 accuracy in % of the {published.modality} encoder, as published ({published.source}, one run each) "
        f"and as measured here after pretraining on the subset {table['subset'].iloc[0]} (mean and 95 % interval over "
        "seeds and test clips)."
    )
    if not table["same_dataset"].all():
        text += (
            " Where the head names another dataset, the published figure is no reference for the measured one: only "
            "the order of the methods can be compared."
        )
    return text


def _row(cells: list[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _tex_row(cells: list[str]) -> str:
    return " & ".join(cells) + r" \\"


def _escape(text: str) -> str:
    return text.translate(_TEX).replace("–", "--")
