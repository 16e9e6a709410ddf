"""Real Snakemake runs of a tiny experiment, each in a folder of its own."""

import copy
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.support.paths import ROOT

TINY = yaml.safe_load((ROOT / "config" / "tiny.yaml").read_text(encoding="utf-8"))


class Workflow:
    """A folder in which Snakemake runs a configuration."""

    def __init__(self, folder: Path, config: dict) -> None:
        self.folder = folder
        self.write(config)

    def write(self, config: dict) -> None:
        self.config = config
        (self.folder / "config.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")

    def command(self, *arguments: str, cores: int = 2) -> list[str]:
        return [
            *(sys.executable, "-m", "snakemake", "--configfile", str(self.folder / "config.yaml")),
            *("--cores", str(cores), "--snakefile", str(ROOT / "Snakefile")),
            # Snakemake ends so much later than its last job; in long runs, a longer time costs less.
            *("--max-jobs-per-timespan", "500/1s"),
            *("--directory", str(self.folder), *arguments),
        ]

    def environment(self) -> dict[str, str]:
        return os.environ | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}

    def run(self, *arguments: str, cores: int = 2, check: bool = True) -> str:
        """Run Snakemake; return what it printed."""
        result = subprocess.run(
            self.command(*arguments, cores=cores),
            capture_output=True,
            text=True,
            timeout=600,
            env=self.environment(),
            check=False,
        )
        text = result.stdout + result.stderr
        assert not check or result.returncode == 0, text
        assert check or result.returncode != 0, text
        return text

    def start(self, *arguments: str, cores: int = 2) -> subprocess.Popen:
        """Start Snakemake as the leader of a process group of its own, to be killed with all its jobs."""
        return subprocess.Popen(
            self.command(*arguments, cores=cores),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=self.environment(),
            start_new_session=True,
        )

    def tables(self) -> dict[str, bytes]:
        folder = self.folder / "results" / self.config["experiment"] / "tables"
        return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}

    def pages(self, *parts: str) -> Path:
        return self.folder.joinpath("results", self.config["experiment"], *parts)


def jobs(planned: str) -> dict[str, int]:
    """Return how many jobs a run plans of each verb, whatever seeds they serve."""
    counts: dict[str, int] = {}
    # A dry run prints its table twice.
    for rule, count in dict(re.findall(r"^(\w+) +(\d+)$", planned, re.MULTILINE)).items():
        verb = re.sub(r"_seeds_\d+_to_\d+$", "", rule)
        counts[verb] = counts.get(verb, 0) + int(count)
    return counts


@pytest.fixture
def tiny() -> dict:
    return copy.deepcopy(TINY)


@pytest.fixture(scope="session")
def finished(tmp_path_factory) -> Workflow:
    """The tiny experiment, run to its end on two cores."""
    workflow = Workflow(tmp_path_factory.mktemp("finished"), copy.deepcopy(TINY))
    workflow.printed = workflow.run()
    return workflow
