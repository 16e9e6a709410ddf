"""The page of a comparison of experiments: one HTML file that asks for nothing, and needs no script."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from avbench.core.files import write_text
from avbench.figures import names, style
from avbench.pages.page import environment, part_of_page
from avbench.results.stopping import LEVEL


def make_comparison(found: Mapping[str, Any], output: Path) -> None:
    """Write the page, atomically.

    Args:
        found: names, settings, made, differences, claims and alone, of ``avbench.sharing.compare.compare``.
        output: the HTML file.
    """
    table = found["differences"]
    groups = []
    for key, part in table.groupby(["task", "protocol", "modality", "other"], sort=False):
        task, protocol, modality, other = key
        title = f"{names.task_name(task)}, {names.protocol_name(protocol)}, {names.words(modality)}"
        rows = [
            row | {"method": style.method_name(row["method"]), "decided": row["p_holm"] < LEVEL}
            for row in part.to_dict("records")
        ]
        groups.append({"title": title, "other": other, "rows": rows})
    bounds = table[["ci_low", "ci_high", "difference"]].abs().max().max()
    content = {
        **found,
        "groups": groups,
        "lacking": [(name, count) for name, count in zip(found["names"], found["alone"], strict=True) if count],
        "decided": int((table["p_holm"] < LEVEL).sum()),
        "limit": max(0.01, float(bounds)),
        "style": part_of_page("templates/page.css"),
    }
    write_text(output, environment().get_template("comparison.html").render(**content) + "\n")
