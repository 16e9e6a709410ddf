"""All tables of an experiment that are made together, of what its plan lists."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from avbench.config.settings import build
from avbench.core.files import write_text
from avbench.evaluation import scores as predictions
from avbench.provenance import record as provenance
from avbench.results import catalogue, tables
from avbench.results.material import Material, TablesPlan


def make_tables(plan: Mapping[str, Any], output: str | Path) -> list[Path]:
    """Write the tables of the catalogue into a folder, each atomically; one that has no rows, with its head.

    Nothing is written before all are made.

    Args:
        plan: the fields of :class:`avbench.results.material.TablesPlan`.
        output: the folder.

    Returns:
        The files written.

    Raises:
        UserError: the plan has an unknown key or lacks one, or a file is missing, damaged or at odds with another.
    """
    material = Material(build(TablesPlan, plan, "plan"))
    entries = catalogue.of_rule(catalogue.TOGETHER)
    made = {entry.name: material.table(entry.name) for entry in entries}
    texts = {name: text for entry in entries for name, text in entry.written(material).items()}
    for name, table in made.items():
        tables.write(Path(output, f"{name}.csv"), table)
    for name, text in texts.items():
        write_text(Path(output, name), text)
    return [Path(output, name) for entry in entries for name in entry.files]


def sources(plan: Mapping[str, Any]) -> list[str]:
    """Return every file that the tables of a plan are made of, and the records beside the scores."""
    listed = build(TablesPlan, plan, "plan")
    parts = dict.fromkeys(part for entry in catalogue.of_rule(catalogue.TOGETHER) for part in entry.needs)
    return list(dict.fromkeys(str(path) for part in parts for path in _files(part, getattr(listed, part))))


def _files(part: str, listed: Any) -> Iterable[str | Path]:
    """Return the files of a part of the plan."""
    if part == "scores":
        beside = (Path(path).with_name(name) for path in listed for name in (predictions.FILE, provenance.FILE))
        return [*listed, *beside]
    if part in ("dynamics", "tuning"):
        return [entry["path"] for entry in listed]
    if part == "sampling":
        return sorted({entry["label_file"] for entry in listed if entry["label_file"]})
    if isinstance(listed, str):
        return [listed]
    return listed.values() if isinstance(listed, Mapping) else listed
