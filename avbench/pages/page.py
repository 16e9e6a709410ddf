"""``index.html`` of an experiment: the answer, its claims, every accuracy, in one file that asks for nothing else.

Charts are drawn in the browser by Observable Plot on D3, whose code lies in ``vendored/`` and is put into the page. A
policy in the page forbids every request.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jinja2

from avbench.config.settings import build
from avbench.core.errors import UserError
from avbench.core.files import write_text
from avbench.pages import about, cautions, claim_rows, explorer, pair_media, pairings
from avbench.pages.page_plan import PagePlan
from avbench.results import tables
from avbench.results.answer import sentences

HERE = Path(__file__).parent
READ = ("accuracy", "summary", "claims", "claims_by_budget", "budgets", "sampling", "coverage", "leaks")
"""The tables that the page is made of."""


def make_page(plan: Mapping[str, Any], folder: Path, record: Path, output: Path) -> None:
    """Write the page, atomically.

    Args:
        plan: the fields of :class:`avbench.pages.page_plan.PagePlan`.
        folder: of the experiment's tables.
        record: the record of how these came to be.
        output: the HTML file.

    Raises:
        UserError: the plan has an unknown key or lacks one, or a table or the claims are missing or damaged.
    """
    told = build(PagePlan, plan, "plan")
    read = {name: tables.read(folder / f"{name}.csv") for name in READ}
    rows = claim_rows.rows(read, told)
    content = {
        "plan": told,
        "answer": sentences(read["claims"]),
        "rows": rows,
        "first": next((row for row in rows if row.tested), None),
        "counts": claim_rows.counts(rows),
        "limit": claim_rows.limit(rows),
        "cautions": [*told.merged, *cautions.of_answer(read)],
        "lost": cautions.lost_clips(read["coverage"]),
        "leaked": cautions.leaked(read["leaks"]),
        "pairings": pairings.rows(read["sampling"], told.methods, told.own_labels, told.label_variants),
        "about": about.read(record),
    }
    charts = {row.claim: row.chart for row in rows if row.tested}
    media = pair_media.content(told.media) if told.media else None
    data = {"explorer": explorer.content(read, told), "claims": charts, "media": media}
    write_text(output, render(content, data))


def render(content: Mapping[str, Any], data: Mapping[str, Any]) -> str:
    """Return the page.

    Args:
        content: the variables of the template.
        data: what its script draws from; must be what JSON can hold.
    """
    parts = {
        "style": part_of_page("templates/page.css"),
        "library": part_of_page("vendored/d3.min.js") + "\n" + part_of_page("vendored/plot.umd.min.js"),
        "script": part_of_page("templates/page.js"),
        # "<" would let a name end the element; JSON may write it otherwise.
        "data": json.dumps(data, allow_nan=False, ensure_ascii=False).replace("<", "\\u003c"),
    }
    return environment().get_template("page.html").render(**content, **parts) + "\n"


def environment() -> jinja2.Environment:
    """Return what makes pages of the templates, where names stay text."""
    made = jinja2.Environment(
        loader=jinja2.FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {"points": claim_rows.points, "interval": claim_rows.interval, "p": claim_rows.p_value}
    return made


def part_of_page(name: str) -> str:
    """Return a file of the project, which is put into the page as it is."""
    try:
        return (HERE / name).read_text(encoding="utf-8")
    except FileNotFoundError:
        raise UserError(f"{HERE / name} is missing: install avbench again.") from None
