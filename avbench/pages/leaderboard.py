"""The leaderboard's page: methods down, studies and their tasks across, groups in place of ranks."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from avbench.core.files import write_text
from avbench.figures import names, style
from avbench.pages.page import environment, part_of_page


def make_leaderboard(table: pd.DataFrame, studies: Sequence[Mapping[str, Any]], output: Path) -> None:
    """Write the page, atomically.

    Args:
        table: study, task, protocol, modality, subset, budget, method, labels, group, seeds, clips, mean and bounds,
            as ``avbench.sharing.publish.grouped`` returns them.
        studies: name, dataset, seeds, avbench, commit and ended of each.
        output: the HTML file.
    """
    boards = []
    for (protocol, modality), part in table.groupby(["protocol", "modality"], sort=False):
        columns = list(dict.fromkeys(part[["study", "task", "subset"]].itertuples(index=False, name=None)))
        cells = {(row["method"], row["study"], row["task"], row["subset"]): row for row in part.to_dict("records")}
        title = f"{names.sentence(names.protocol_name(protocol))}, {names.words(modality)}"
        rows = [
            {"method": look.name, "cells": [cells.get((method, *column)) for column in columns]}
            for method, look in style.looks(part["method"]).items()
        ]
        heads = [(study, names.task_name(task), names.words(subset)) for study, task, subset in columns]
        boards.append({"title": title, "columns": heads, "rows": rows})
    content = {"boards": boards, "studies": studies, "style": part_of_page("templates/page.css")}
    write_text(output, environment().get_template("leaderboard.html").render(**content) + "\n")
