"""``snakemake --use-conda``, with a stand-in for conda (tests/support/conda)."""

import re
import shutil
import subprocess
from importlib import metadata
from pathlib import Path

import pytest
from packaging.utils import canonicalize_name

from avbench.cli.main import VERBS
from tests.support import environments, imports
from tests.support.conda import stand_in
from tests.support.paths import ROOT

TINY = ("--cores", "all", "--use-conda", "--configfile", "config/tiny.yaml")
OWNERS = metadata.packages_distributions()  # by module
ALL_TRIGGERS = ("--rerun-triggers", "code", "input", "mtime", "params", "software-env")


class Checkout:
    """A copy of the workflow, and a Snakemake that has conda on its PATH but none of avbench's dependencies."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "checkout"
        for name in ("Snakefile", "avbench", "config", "envs", "profiles", "workflow"):
            copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
            self.folder.mkdir(exist_ok=True)
            copy(ROOT / name, self.folder / name)
        self.conda = stand_in.install(folder / "conda")
        listed, version = folder / "snakemake.yaml", metadata.version("snakemake")
        listed.write_text(f"dependencies: [python, pip, {{pip: ['snakemake[reports]=={version}']}}]")
        stand_in.create(listed, folder / "snakemake")
        self.python = folder / "snakemake" / "bin" / "python"

    def snakemake(self, *arguments: str, check: bool = True) -> str:
        made = subprocess.run(
            [self.python, "-m", "snakemake", *arguments],
            cwd=self.folder,
            env={"PATH": f"{self.conda}:/usr/bin:/bin", "HOME": str(self.folder.parent)},
            capture_output=True,
            text=True,
            timeout=1800,
        )
        assert (made.returncode == 0) is check, made.stdout + made.stderr
        return made.stdout + made.stderr

    def change(self, stage: str, old: str, new: str) -> None:
        path = self.folder / "envs" / f"{stage}.yaml"
        before = path.read_text(encoding="utf-8")
        assert re.search(old, before)
        path.write_text(re.sub(old, new, before), encoding="utf-8")


@pytest.mark.parametrize("stage", environments.STAGES)
def test_verbs_find_in_their_environment_all_that_they_import(stage, tmp_path):
    called = environments.verbs()[stage]
    verbs = [verb for verb in VERBS if verb.__name__ in called]
    assert len(verbs) == len(called) > 0
    needed = sorted(set().union(*map(imports.of_verb, verbs)))
    stand_in.create(ROOT / f"envs/{stage}.yaml", tmp_path / stage)
    script = "import importlib, sys\nfor name in sys.argv[1:]: importlib.import_module(name)"
    made = subprocess.run(
        [tmp_path / stage / "bin" / "python", "-c", script, *needed], cwd=ROOT, capture_output=True, text=True
    )
    assert made.returncode == 0, made.stderr
    # And nothing that only another stage imports.
    elsewhere = set().union(*map(imports.of_verb, VERBS)) - set(needed)
    for name in environments.pinned(stage):
        own = {module for module, owners in OWNERS.items() if name.split("[")[0] in map(canonicalize_name, owners)}
        assert own & set(needed) or not own & elsewhere, name


def test_what_an_environment_does_not_list_is_not_found_in_it(tmp_path):
    checkout = Checkout(tmp_path)
    checkout.change("acquire", r" +- simplejpeg==.*\n", "")
    elsewhere = tmp_path / "elsewhere"  # so that avbench itself is found by the environment
    arguments = [*TINY[:-1], str(checkout.folder / TINY[-1]), "--directory", str(elsewhere)]
    printed = checkout.snakemake(*arguments, "--", "data/toys/store/000.arrow", check=False)
    assert "No module named 'simplejpeg'" in printed
    assert (elsewhere / "data/toys/clips.csv").is_file()  # rules that do without it ran


def test_the_stand_in_refuses_what_pip_would(tmp_path):
    for line, answer in {"yt-dlp[default]==1.2.3": "not find a version", "no-such-package": "No matching"}.items():
        listed = tmp_path / "listed.yaml"
        listed.write_text(f"dependencies: [python, pip, {{pip: ['{line}']}}]")
        with pytest.raises(SystemExit, match=answer):
            stand_in.create(listed, tmp_path / "environment")


@pytest.fixture(scope="module")
def deployed(tmp_path_factory) -> Checkout:
    checkout = Checkout(tmp_path_factory.mktemp("deployed"))
    checkout.printed = checkout.snakemake(*TINY)
    return checkout


@pytest.mark.slow
def test_the_users_own_command_makes_the_same_tables(deployed, finished):
    made = {path.name: path.read_bytes() for path in sorted(deployed.folder.glob("results/tiny/tables/*"))}
    assert made == finished.tables()
    # By its number of files there was no other environment.
    assert len(list(deployed.folder.glob(".snakemake/conda/*.env_setup_done"))) == len(environments.STAGES)


@pytest.mark.slow
def test_a_new_downloader_repeats_nothing(deployed):
    deployed.change("acquire", r"yt-dlp\[default\]==.*", "yt-dlp[default]==2999.1.1")
    assert "Nothing to be done" in deployed.snakemake("-n", *TINY)
    # It would, if software counted: Snakemake has recorded it, and plans anew what follows.
    printed = deployed.snakemake("-n", *TINY, *ALL_TRIGGERS)
    assert "software environment definition has changed" in printed
    assert re.search(r"^pretrain +\d", printed, re.MULTILINE)


@pytest.mark.slow
def test_where_software_counts_new_software_of_results_repeats_no_training(deployed):
    shutil.copy(ROOT / "envs/acquire.yaml", deployed.folder / "envs/acquire.yaml")
    deployed.change("results", r"matplotlib==.*", "matplotlib==999.0")
    printed = deployed.snakemake("-n", *TINY, *ALL_TRIGGERS)
    planned = set(re.findall(r"^(\w+) +\d+$", printed, re.MULTILINE))
    assert {"frozen", "tables", "leaks"} <= planned
    assert not planned & {"pack", "subset", "statistics", "pretrain", "embed", "trained", "supervised"}
