"""An experiment as a research object: one folder or archive with a description that machines read.

The description follows Workflow Run RO-Crate 0.5 (https://w3id.org/ro/wfrun/workflow/0.5), on RO-Crate 1.1: the
workflow, the run of it, what went in and what came out.
"""

import json
import mimetypes
import shutil
import tempfile
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from avbench import __version__
from avbench.audit.records import LARGE, MERGED, PARTS, datasets_of, is_passing
from avbench.core.errors import UserError
from avbench.core.files import atomic, read_json, write_json
from avbench.core.hashing import file_digest
from avbench.provenance import record as provenance

if TYPE_CHECKING:
    from rocrate.rocrate import ROCrate

METADATA = "ro-crate-metadata.json"
# The workflow's own files, as far as a checkout has them.
_SOURCE = ("Snakefile", "pyproject.toml", "requirements.lock", "LICENSE", "CITATION.cff", "README.md")
_FOLDERS = {
    "avbench": "The Python package that the rules call.",
    "workflow": "Rules, schemas and captions of the report.",
    "config": "Configurations and claims that come with the workflow.",
    "envs": "The conda environments of the rules, one per stage.",
    "profiles": "Settings of Snakemake.",
}
# What became of every clip; no media.
DATA_FILES = ("clips.csv", "ledger.parquet", "coverage.json", "stored.json", "duplicates.csv", "recordings.csv")
_PROFILES = {
    "https://w3id.org/ro/wfrun/process/0.5": "Process Run Crate",
    "https://w3id.org/ro/wfrun/workflow/0.5": "Workflow Run Crate",
    "https://w3id.org/workflowhub/workflow-ro-crate/1.0": "Workflow RO-Crate",
}
_VERSION = "1.1"
_DESCRIPTION = (
    "Benchmark of pair sampling in audio-visual self-supervised learning: the workflow, a run of it, and its tables, "
    "figures and report. Each row of a table leads by method, subset, labels, budget and seed to a run, whose record "
    "names the digests of all that it was made from; python -m avbench verify checks them."
)
_NO_LICENCE = "Not stated by those who ran the experiment; the workflow itself is under the MIT licence."
_TYPES = {".csv": "text/csv", ".md": "text/markdown", ".parquet": "application/vnd.apache.parquet"}


def crate(results: str | Path, output: Path, licence: str | None = None, checkpoints: bool = False) -> int:
    """Write an experiment's crate: workflow, configuration, tables, figures, report and all records of provenance.

    Files inside are named as in the project's folder, so that ``verify`` works in an unpacked crate. Logs and plans,
    which name folders of the machine, stay out.

    Args:
        results: the experiment's folder, ``results/{experiment}``.
        output: a ``.zip`` file, or a folder that does not exist yet.
        licence: of tables and figures: an address, or words.
        checkpoints: take the models and their features too, which are most of the volume.

    Returns:
        How many files the crate holds besides the description.

    Raises:
        UserError: there is nothing to export, or something is in the way.
    """
    results, output = Path(results).absolute(), Path(output)
    if not (results / "tables" / "accuracy.csv").is_file():
        raise UserError(f"{results} holds no tables. Run the workflow first.")
    if output.exists() and output.suffix != ".zip":
        raise UserError(f"{output} exists already. Give another folder, or delete it.")
    if output.absolute().is_relative_to(results):
        raise UserError(f"{output} lies in {results}, and would contain itself. Write the crate somewhere else.")
    files = dict(_files(results, checkpoints))
    content = describe(results, files, licence).metadata.generate()
    if output.suffix == ".zip":
        with atomic(output) as part, zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(METADATA, json.dumps(content, indent=2, ensure_ascii=False) + "\n")
            for name, path in files.items():
                archive.write(path, name)
    else:
        output.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=output.parent, prefix=f".{output.name}.") as folder:
            whole = Path(folder, "crate")
            for name, path in files.items():
                (whole / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(path, whole / name)
            write_json(whole / METADATA, content)
            whole.rename(output)
    return len(files)


def _files(results: Path, checkpoints: bool) -> Iterator[tuple[str, Path]]:
    """Yield name in the crate and place of every file, sorted within each folder."""
    for name in _SOURCE:
        if (path := provenance.SOURCE / name).is_file():
            yield name, path
    for folder in _FOLDERS:
        for path in _walk(provenance.SOURCE / folder):
            yield path.relative_to(provenance.SOURCE).as_posix(), path
    for path in _walk(results):
        inside = path.relative_to(results)
        if is_passing(inside) or (path.name in LARGE and not checkpoints):
            continue
        yield f"results/{results.name}/{inside.as_posix()}", path
    for dataset in datasets_of(results):
        for name in DATA_FILES:
            if (path := dataset / name).is_file():
                yield f"data/{dataset.name}/{name}", path
    for path in _walk(results.parent.parent / PARTS) if (results / MERGED).is_file() else []:
        yield f"{PARTS}/{path.relative_to(results.parent.parent / PARTS).as_posix()}", path


def _walk(folder: Path) -> list[Path]:
    found = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return [p for p in found if not any(part.startswith((".", "__pycache__")) for part in p.relative_to(folder).parts)]


# --------------------------------------------------------------------------------------------------------- description


def describe(results: Path, files: Mapping[str, Path], licence: str | None = None) -> "ROCrate":
    """Describe an experiment as an RO-Crate, which names the files and holds none of them.

    Args:
        results: the experiment's folder.
        files: what the crate holds: name → place. Tables, figures, report and settings are described one by one.
        licence: of the results.
    """
    from rocrate.model.contextentity import ContextEntity
    from rocrate.rocrate import ROCrate

    home = f"results/{results.name}"
    records = [read_json(path) for name, path in files.items() if name.startswith(f"{home}/provenance/")]
    runs = [read_json(path) for name, path in files.items() if name.startswith(home) and name.endswith("/run.json")]
    made_by = [record["provenance"] for record in [*records, *runs]]
    shown = ("tables/", "figures/", "index.html", "report.html")
    made = [name for name in files if name.startswith(tuple(f"{home}/{part}" for part in shown))]
    given = [name for name in files if name in (f"{home}/config.json", "config/claims.yaml", "config/published.yaml")]

    described = ROCrate(version=_VERSION)
    described.metadata.extra_contexts.append("https://w3id.org/ro/terms/workflow-run/context")
    root = described.root_dataset
    root["name"] = f"avbench experiment {results.name}"
    root["description"] = _DESCRIPTION
    root["datePublished"] = datetime.now(UTC).date().isoformat()
    root["license"] = licence or _NO_LICENCE
    work = {"@type": "CreativeWork"}
    if licence and licence.startswith(("https://", "http://")):
        described.add(ContextEntity(described, licence, work | {"name": licence}))
    root["conformsTo"] = [
        described.add(ContextEntity(described, profile, work | {"name": name, "version": profile[-3:]}))
        for profile, name in _PROFILES.items()
    ]
    about: dict[str, Any] = {"name": "avbench", "version": __version__, "license": "https://spdx.org/licenses/MIT"}
    if commits := sorted({maker.get("commit") for maker in made_by} - {None}):
        about["identifier"] = [f"git commit {commit}" for commit in commits]
    properties = _properties("Snakefile", files["Snakefile"]) | about
    workflow = described.add_workflow(dest_path="Snakefile", properties=properties, main=True, lang="snakemake")
    single = [*(name for name in files if name in _SOURCE and name != "Snakefile"), *given, *made]
    entities = {name: described.add_file(dest_path=name, properties=_properties(name, files[name])) for name in single}
    if "README.md" in entities:
        entities["README.md"]["about"] = root
    for name, text in _folders(home).items():
        if any(file.startswith(f"{name}/") for file in files):
            described.add_dataset(dest_path=name, properties={"name": name, "description": text})
    started, ended = _period(made_by, results)
    said = {
        "name": f"Run of the experiment {results.name}",
        "description": _hardware(made_by),
        "startTime": started,
        "endTime": ended,
        "actionStatus": "http://schema.org/CompletedActionStatus",
    }
    inputs, outputs = [entities[name] for name in given], [entities[name] for name in made]
    root["mentions"] = described.add_action(workflow, "#run", inputs, outputs, said)
    return described


def _folders(home: str) -> dict[str, str]:
    """Return what to say of the crate's folders, of those that it has."""
    return _FOLDERS | {
        f"{home}/runs": "The pretraining runs: settings, learning curves, scores, predictions and their provenance.",
        f"{home}/supervised": "The supervised baseline: scores, predictions and their provenance.",
        f"{home}/tuning": "Trials of each method, and the setting that was chosen for it on validation clips.",
        f"{home}/subsets": "The clips of each pretraining subset.",
        f"{home}/labels": "Labels that pairing used.",
        f"{home}/statistics": "Mean and deviation of each mel band over each subset.",
        f"{home}/provenance": "How the tables came to be: digests, versions, commit, hardware, time, energy.",
        f"{home}/benchmarks": "Time and memory of every job.",
        PARTS: "What the parts of a merged study had otherwise.",
        "data": "For each dataset, its list of clips and what became of each.",
    }


def _properties(name: str, path: Path) -> dict[str, str]:
    return {
        "name": name.rpartition("/")[2],
        "encodingFormat": _TYPES.get(path.suffix) or mimetypes.guess_type(path.name)[0] or "text/plain",
        "contentSize": str(path.stat().st_size),
        "sha256": file_digest(path),
    }


def _period(made_by: Sequence[Mapping[str, Any]], results: Path) -> tuple[str, str]:
    """Return when the first recorded job began and the last one ended, or else when the table of scores was written."""
    ended = [(datetime.fromisoformat(maker["ended"]), maker["seconds"]) for maker in made_by if "ended" in maker]
    if not ended:
        written = datetime.fromtimestamp((results / "tables" / "accuracy.csv").stat().st_mtime, UTC)
        ended = [(written, 0)]
    first = min(end - timedelta(seconds=seconds) for end, seconds in ended)
    return first.isoformat(timespec="seconds"), max(end for end, _ in ended).isoformat(timespec="seconds")


def _hardware(made_by: Sequence[Mapping[str, Any]]) -> str:
    machines = {
        ", ".join([str(maker.get("processor")), *(gpu["name"] for gpu in maker.get("gpus", []))]) for maker in made_by
    }
    return "On " + " and on ".join(sorted(machines)) + "." if machines else "On hardware that was not recorded."
