"""How to cite the software, and what made the tables."""

from pathlib import Path
from typing import Any

import yaml

from avbench.core.files import read_json
from avbench.provenance.record import SOURCE

CITATION = SOURCE / "CITATION.cff"


def read(record: Path) -> dict[str, Any]:
    """Return what the page says about software and machine.

    Args:
        record: of the tables, as :func:`avbench.provenance.record.record` writes it.

    Returns:
        ``software`` and ``article``, as a list of references has them, empty where the checkout has no
        ``CITATION.cff``; ``made``: what there is of commit, versions, machine and date, by what it is called.
    """
    made = read_json(record)["provenance"]
    packages = ", ".join(f"{name} {version}" for name, version in made["packages"].items())
    gpus = ", ".join(str(gpu) for gpu in made["gpus"]) or "none"
    machine = f"{made['system']}, {made['processor']}, {made['cores']} cores, {made['memory_gb']} GB; GPUs: {gpus}"
    told = {
        "avbench": made["avbench"],
        "Commit": made["commit"] or "not known",
        "Python": made["python"],
        "Packages": packages,
        "Machine": machine,
        "Tables made": made["ended"],
    }
    if not CITATION.is_file():
        return {"software": "", "article": "", "made": told}
    cited = yaml.safe_load(CITATION.read_text(encoding="utf-8"))
    (article,) = cited["references"]
    return {"software": _reference(cited), "article": _reference(article), "made": told}


def _reference(work: dict[str, Any]) -> str:
    """Write a work of a ``CITATION.cff``: authors, year, title, version, identifiers."""
    authors = [
        author.get("name") or f"{author['given-names']} {author['family-names']}" for author in work.get("authors", [])
    ]
    parts = [", ".join(authors) + (f" ({work['year']})" if "year" in work else ""), work["title"]]
    parts += [f"Version {work['version']}"] if "version" in work else []
    parts += [identifier["value"] for identifier in work.get("identifiers", [])]
    return ". ".join(parts) + "."
