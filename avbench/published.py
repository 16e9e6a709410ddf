"""Published results beside the measured ones, as CSV, Markdown and LaTeX."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml

from avbench import tables
from avbench.errors import UserError
from avbench.fileio import atomic, write_csv

COLUMNS = ["method", "task", "protocol", "subset", "published_task", "published_protocol", "same_dataset"]
COLUMNS += ["published", "measured", "ci_low", "ci_high", "difference", "seeds", "clips"]
_TEX = str.maketrans(
    {character: f"\\{character}" for character in "&%$#_{}"}
    | {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"}
)


@dataclass(frozen=True)
class Published:
    """Results of a publication.

    Attributes:
        source, title: where they were published.
        modality: whose encoder was scored.
        tasks: each task's ``title`` and ``dataset`` (its name in a config).
        protocols: for each published protocol, those of ours that it is put beside.
        accuracy: shares by (method, task, published protocol).
    """

    source: str
    title: str
    modality: str
    tasks: Mapping[str, Mapping[str, str]]
    protocols: Mapping[str, tuple[str, ...]]
    accuracy: Mapping[tuple[str, str, str], float]


def read(path: str | Path) -> Published:
    """Read a file of published results, such as ``config/published.yaml``.

    Raises:
        UserError: it is missing, no YAML, or not laid out like that file.
    """
    try:
        content = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
        protocols = {name: tuple(ours) for name, ours in content["protocols"].items()}
        tasks = {name: {"title": task["title"], "dataset": task["dataset"]} for name, task in content["tasks"].items()}
        accuracy = {
            (method, task, protocol): value / 100
            for protocol in protocols
            for method, values in content["accuracy"][protocol].items()
            for task, value in zip(tasks, values, strict=True)
        }
        return Published(content["source"], content["title"], content["modality"], tasks, protocols, accuracy)
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise UserError(f"cannot read the published results in {path}: {error}.") from error
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise UserError(f"{path} is not laid out as published results: {error}. See config/published.yaml.") from error


def read_losses(path: str | Path) -> pd.DataFrame:
    """Read published training losses: a column ``epoch``, from 0, and one a method with the epoch's mean loss.

    Raises:
        UserError: the file is missing or is no such table.
    """
    try:
        return pd.read_csv(path).astype(float).astype({"epoch": int})
    except (OSError, ValueError, KeyError) as error:
        raise UserError(f"cannot read the published losses in {path}: {error}.") from error


def beside(
    summary: pd.DataFrame,
    published: Published,
    tasks: Mapping[str, Mapping[str, Any]],
    subset: str,
    own_labels: tables.OwnLabels | None = None,
) -> pd.DataFrame:
    """Put measured accuracies beside the published ones.

    Args:
        summary: of :func:`avbench.outcomes.summary`.
        published: of :func:`read`.
        tasks: the config's table of tasks. ``published_task`` names the counterpart, without which a task is left
            out; where ``dataset`` is not the counterpart's, the figures are of different data.
        subset: the pretraining subset that stands for the publication's.
        own_labels: the labels that stand for each method; by default the only ones.

    Returns:
        Columns ``COLUMNS``, accuracies as shares: one row for each published figure whose task and protocol were
        scored, and NaN where the method was not. ``difference`` is measured − published, NaN on different data.

    Raises:
        UserError: a task names a counterpart that the publication lacks, or nothing says which of a method's several
            labels are meant.
    """
    summary = tables.own(summary, own_labels)
    summary = summary[
        (summary["modality"] == published.modality) & summary["subset"].isin([subset, tables.ALL_SUBSETS])
    ]
    rows = []
    for theirs, ours in published.protocols.items():
        for protocol in ours:
            scored = summary[summary["protocol"] == protocol]
            for name, task in tasks.items():
                counterpart = task.get("published_task")
                if counterpart is None or name not in set(scored["task"]):
                    continue
                if counterpart not in published.tasks:
                    raise UserError(
                        f"config: tasks.{name}.published_task: {counterpart!r} is not among the published tasks, "
                        f"which are {', '.join(published.tasks)}."
                    )
                same = task["dataset"] == published.tasks[counterpart]["dataset"]
                measured = scored[scored["task"] == name].set_index("method")
                if not measured.index.is_unique:
                    twice = measured.index[measured.index.duplicated()][0]
                    labels = " and ".join(measured.loc[twice, "labels"])
                    raise UserError(f"method {twice!r} has several labels, {labels}: name its own ones.")
                for (method, where, how), figure in published.accuracy.items():
                    if (where, how) != (counterpart, theirs):
                        continue
                    row = measured.loc[method] if method in measured.index else None
                    mean, low, high = (np.nan,) * 3 if row is None else row[["mean", "ci_low", "ci_high"]]
                    seeds, clips = (0, 0) if row is None else row[["seeds", "clips"]]
                    difference = mean - figure if same else np.nan
                    rows.append((method, name, protocol, subset, counterpart, theirs, same, figure, mean, low, high))
                    rows[-1] += (difference, seeds, clips)
    return pd.DataFrame(rows, columns=COLUMNS)


def write(folder: str | Path, table: pd.DataFrame, published: Published) -> None:
    """Write ``paper.csv``, ``paper.md`` and ``paper.tex`` into a folder, each atomically."""
    folder = Path(folder)
    write_csv(folder / "paper.csv", table)
    for name, text in (("paper.md", markdown(table, published)), ("paper.tex", latex(table, published))):
        with atomic(folder / name) as part:
            part.write_text(text, encoding="utf-8")


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
