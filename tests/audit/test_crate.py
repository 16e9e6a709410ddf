"""An experiment as an RO-Crate: what the specification demands, and what is read of it."""

import contextlib
import json
import shutil
import zipfile
from pathlib import Path

import pytest
from rocrate.rocrate import ROCrate

from avbench.audit.crate import METADATA, crate
from avbench.audit.verify import verify
from avbench.core.errors import UserError
from avbench.core.files import write_json, write_text
from avbench.core.hashing import file_digest
from tests.support import recorded


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """An experiment's folder; no test changes it."""
    folder = tmp_path_factory.mktemp("project")
    with contextlib.chdir(folder):
        recorded.write_experiment()
    return folder / "results" / "tiny"


@pytest.fixture(scope="module")
def unpacked(results, tmp_path_factory):
    """The folder of an experiment's crate; no test changes it."""
    folder = tmp_path_factory.mktemp("crates") / "crate"
    crate(results, folder, licence="https://spdx.org/licenses/CC-BY-4.0")
    return folder


@pytest.fixture(scope="module")
def graph(unpacked):
    return json.loads((unpacked / METADATA).read_text(encoding="utf-8"))["@graph"]


def named(graph, name):
    (entity,) = [entity for entity in graph if entity["@id"] == name]
    return entity


def as_list(value):
    return value if isinstance(value, list) else [value]


def references(value):
    """Yield every @id that an entity refers to."""
    for part in as_list(value):
        if isinstance(part, dict):
            yield from [part["@id"]] if set(part) == {"@id"} else references(list(part.values()))


def test_the_description_has_what_ro_crate_demands(graph):
    descriptor, root = named(graph, METADATA), named(graph, "./")
    assert descriptor["@type"] == "CreativeWork"
    assert descriptor["about"] == {"@id": "./"}
    versions = {"ro/crate/1.1", "workflowhub/workflow-ro-crate/1.0"}
    assert {f"https://w3id.org/{name}" for name in versions} == set(references(descriptor["conformsTo"]))
    assert root["@type"] == "Dataset"
    assert {"name", "description", "datePublished", "license"} <= set(root)
    ids = [entity["@id"] for entity in graph]
    assert len(ids) == len(set(ids))
    assert all(entity["@type"] for entity in graph)
    referred = {name for entity in graph for value in entity.values() for name in references(value)}
    assert {name for name in referred if not name.startswith("https://")} <= set(ids)  # flat: all that is ours is here
    data = {e["@id"] for e in graph if {"File", "Dataset"} & set(as_list(e["@type"]))} - {"./"}
    assert data == set(references(root["hasPart"]))


def test_the_run_has_what_the_workflow_run_profile_demands(graph):
    root, workflow, run = (named(graph, name) for name in ("./", "Snakefile", "#run"))
    profiles = {"process/0.5", "workflow/0.5"}
    assert {f"https://w3id.org/ro/wfrun/{name}" for name in profiles} <= set(references(root["conformsTo"]))
    assert root["mainEntity"] == {"@id": "Snakefile"}
    assert root["mentions"] == {"@id": "#run"}
    assert {"File", "SoftwareSourceCode", "ComputationalWorkflow"} == set(workflow["@type"])
    assert named(graph, workflow["programmingLanguage"]["@id"])["@type"] == "ComputerLanguage"
    assert run["@type"] == "CreateAction"
    assert run["actionStatus"] == "http://schema.org/CompletedActionStatus"
    assert run["instrument"] == {"@id": "Snakefile"}
    made = set(references(run["result"]))
    assert {"results/tiny/tables/accuracy.csv", "results/tiny/figures/accuracy.png", "results/tiny/report.html"} <= made
    assert "results/tiny/config.json" in references(run["object"])
    assert run["startTime"] <= run["endTime"]


def test_described_files_are_there_with_their_digests(unpacked, graph):
    for entity in graph:
        if "File" in as_list(entity["@type"]):
            path = unpacked / entity["@id"]
            assert entity["sha256"] == file_digest(path)
            assert entity["contentSize"] == str(path.stat().st_size)
            assert "/" in entity["encodingFormat"]
        elif entity["@type"] == "Dataset":
            assert any((unpacked / entity["@id"]).iterdir())


def test_the_terms_are_those_of_workflow_runs(unpacked):
    content = json.loads((unpacked / METADATA).read_text(encoding="utf-8"))
    assert content["@context"] == [
        "https://w3id.org/ro/crate/1.1/context",
        "https://w3id.org/ro/terms/workflow-run/context",
    ]


def test_it_can_be_read_again(unpacked):
    read = ROCrate(unpacked)
    assert read.mainEntity.id == "Snakefile"
    assert read.license == "https://spdx.org/licenses/CC-BY-4.0"
    (run,) = [entity for entity in read.contextual_entities if entity.type == "CreateAction"]
    assert run["instrument"] is read.mainEntity
    assert "results/tiny/tables/accuracy.csv" in [entity.id for entity in run["result"]]


def test_it_holds_the_workflow_and_the_records_but_no_models_and_no_logs(unpacked, root):
    names = {path.relative_to(unpacked).as_posix() for path in unpacked.rglob("*") if path.is_file()}
    assert {"Snakefile", "workflow/rules/common.smk", "avbench/audit/crate.py", "requirements.lock", "LICENSE"} <= names
    assert {f"{recorded.RUN}/random/default/seed-{seed}/run.json" for seed in recorded.SEEDS} <= names
    assert {"data/toys/clips.csv", "data/toys/ledger.parquet", "results/tiny/provenance/tables.json"} <= names
    assert not [name for name in names if name.endswith((".pt", ".npz", ".log", ".pyc", ".part"))]


def test_an_unpacked_crate_can_be_verified(unpacked):
    verdict = verify(unpacked / "results/tiny", deep=True)
    assert verdict.findings == []
    assert verdict.rows == 10
    assert "Not checked, since this copy has none: checkpoint.pt (4 files)." in verdict.remarks


def test_an_archive_holds_the_same_and_models_when_asked(results, unpacked, tmp_path):
    count = crate(results, tmp_path / "crate.zip", checkpoints=True)
    with zipfile.ZipFile(tmp_path / "crate.zip") as archive:
        assert archive.testzip() is None
        names = set(archive.namelist())
        archive.extractall(tmp_path / "whole")
    assert len(names) == count + 1
    here = {path.relative_to(unpacked).as_posix() for path in unpacked.rglob("*") if path.is_file()}
    assert {Path(name).name for name in names - here} == {"checkpoint.pt", "embeddings.npz"}
    assert here <= names
    assert not [remark for remark in verify(tmp_path / "whole/results/tiny").remarks if "Not checked" in remark]


def test_a_licence_that_nobody_stated_is_not_made_up(results, tmp_path):
    crate(results, tmp_path / "crate")
    root = named(json.loads((tmp_path / "crate" / METADATA).read_text(encoding="utf-8"))["@graph"], "./")
    assert root["license"].startswith("Not stated")


def test_lists_of_datasets_of_other_experiments_stay_at_home(results, tmp_path):
    project = shutil.copytree(results.parents[1], tmp_path / "project")
    write_text(project / "data/others/clips.csv", "clip_id")
    write_json(project / "results/tiny/config.json", {"experiment": "tiny", "datasets": {"toys": {}}})
    crate(project / "results/tiny", tmp_path / "crate")
    assert [path.name for path in (tmp_path / "crate/data").iterdir()] == ["toys"]


def test_what_is_in_the_way_is_refused(results, tmp_path):
    write_text(tmp_path / "there/mine.txt", "mine")
    with pytest.raises(UserError, match="exists already"):
        crate(results, tmp_path / "there")
    with pytest.raises(UserError, match="would contain itself"):
        crate(results, results / "crate")
    with pytest.raises(UserError, match="holds no tables"):
        crate(tmp_path, tmp_path / "crate")
    assert [path.name for path in tmp_path.iterdir()] == ["there"]
    shutil.rmtree(tmp_path / "there")
