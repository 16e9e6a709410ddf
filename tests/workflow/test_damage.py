"""Files that a disk or an editor has damaged: what ``verify`` finds, how a re-run stops, and that the remedy works."""

import contextlib
import copy
import re
import shlex
import shutil
import time
from pathlib import Path

import pytest

from avbench.cli.main import main
from tests.workflow.conftest import TINY, Workflow

RUN = "results/tiny/runs/toys/few/none/random/default/seed-0"
FILES = {
    "manifest": "data/toys/clips.csv",
    "store": "data/toys/store/000.arrow",
    "shard ledger": "data/toys/ledger/000.parquet",
    "ledger": "data/toys/ledger.parquet",
    "stored": "data/toys/stored.json",
    "subset": "results/tiny/subsets/toys/few.csv",
    "statistics": "results/tiny/statistics/toys/few.json",
    "checkpoint": f"{RUN}/checkpoint.pt",
    "embeddings": f"{RUN}/embeddings.npz",
    "scores": f"{RUN}/scores.csv",
    "predictions": f"{RUN}/predictions.parquet",
}
# The verb that reads it first when the workflow runs again.
READ_BY = {
    "manifest": "pack-shard",
    "store": "ledger",
    "shard ledger": "ledger",
    "ledger": "coverage",
    "stored": "frozen",
    "subset": "statistics",
    "statistics": "pretrain",
    "checkpoint": "embed",
    "embeddings": "frozen",
    "scores": "tables",
    "predictions": "tables",
}
DAMAGES = {
    "truncated": lambda data: data[: len(data) // 2],
    "emptied": lambda data: b"",
    "flipped": lambda data: data[: len(data) // 2] + bytes([data[len(data) // 2] ^ 1]) + data[len(data) // 2 + 1 :],
}
EVERY = [(name, damage) for name in FILES for damage in DAMAGES]


def planned(workflow: Workflow) -> list[list[str]]:
    """Return the arguments of ``python -m avbench`` of all jobs, in an order that works."""
    printed = workflow.run("--dry-run", "--printshellcmds", "--force", "all")
    lines = [line.strip().removeprefix("Shell command: ").removeprefix("exec ") for line in printed.splitlines()]
    commands = dict.fromkeys(line for line in lines if line.startswith("python -m avbench "))
    return [shlex.split(line.partition(" > ")[0])[3:] for line in commands]


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The least experiment that has every kind of file, made by the workflow's own commands within this process."""
    config = copy.deepcopy(TINY) | {"seeds": [0], "evaluation": {"linear": {"max_iterations": 50}}}
    workflow = Workflow(tmp_path_factory.mktemp("whole"), config)
    workflow.commands = planned(workflow)
    workflow.run("results/tiny/plan/tables.json")
    with contextlib.chdir(workflow.folder):
        for command in workflow.commands:
            if command[0] not in ("figures", "page"):
                assert main(command) == 0
    return workflow


@pytest.fixture
def harmed(whole, tmp_path, monkeypatch):
    """A copy, to be damaged, in which this process works."""
    shutil.copytree(whole.folder, tmp_path / "copy")
    monkeypatch.chdir(tmp_path / "copy")
    return tmp_path / "copy"


def harm(folder: Path, name: str, damage: str) -> None:
    path = folder / FILES[name]
    path.write_bytes(DAMAGES[damage](path.read_bytes()))


def verified(folder: Path, capsys) -> tuple[int, str]:
    capsys.readouterr()
    try:
        status = main(["verify", str(folder / "results/tiny")])
    except SystemExit as exit:
        status = exit.code
    told = capsys.readouterr()
    return status, told.out + told.err


def test_what_is_whole_has_no_findings(harmed, capsys):
    status, text = verified(harmed, capsys)
    assert (status, "all as it was when it was made" in text) == (0, True), text


@pytest.mark.parametrize(("name", "damage"), EVERY)
def test_verify_finds_every_damage_and_names_the_file(harmed, capsys, name, damage):
    harm(harmed, name, damage)
    status, text = verified(harmed, capsys)
    assert status == 1
    assert re.search(rf"^  {FILES[name]}$", text, re.MULTILINE)
    assert f"{FILES[name]}" in "".join(re.findall(r"Make it again: (snakemake .*), then run", text))


@pytest.mark.parametrize(("name", "damage"), EVERY)
def test_a_job_that_reads_it_stops_with_a_sentence(harmed, whole, capsys, name, damage):
    harm(harmed, name, damage)
    readers = [command for command in whole.commands if command[0] == READ_BY[name]]
    command = next((command for command in readers if FILES[name] in " ".join(command)), readers[0])
    assert main(command) == 2
    told = capsys.readouterr().err
    assert FILES[name] in told
    assert "snakemake --cores" in told
    assert "Traceback" not in told


# ------------------------------------------------------------------------------------------- by Snakemake itself, slow


@pytest.fixture
def rerun(finished, tmp_path):
    """A finished experiment with Snakemake's memory of it."""
    shutil.copytree(finished.folder, tmp_path / "rerun", symlinks=True)
    return Workflow(tmp_path / "rerun", finished.config)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "damage"), EVERY)
def test_a_rerun_stops_with_a_sentence_that_names_file_and_remedy(rerun, name, damage):
    before = time.time()
    harm(rerun.folder, name, damage)
    told = rerun.run(check=False)
    logs = [path for path in rerun.folder.rglob("*.log") if path.stat().st_mtime > before]
    told += "".join(path.read_text(encoding="utf-8") for path in logs)
    assert "Traceback" not in told
    assert [line for line in told.splitlines() if FILES[name] in line and "snakemake --cores" in line], told


@pytest.mark.slow
@pytest.mark.parametrize("name", FILES)
def test_what_verify_advises_works(rerun, capsys, name):
    tables = rerun.tables()
    (rerun.folder / FILES[name]).unlink()
    status, text = verified(rerun.folder, capsys)
    assert status == 1
    advised = re.findall(r"Make it again: (snakemake .*), then run", text)
    words = shlex.split(next(command for command in advised if FILES[name] in command))
    rerun.run(*words[words.index("--configfile") + 2 :])
    rerun.run()
    assert verified(rerun.folder, capsys)[0] == 0
    assert rerun.tables() == tables
