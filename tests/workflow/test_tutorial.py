"""docs/adding-a-dataset.md, followed to the letter in a fresh copy of the checkout."""

import csv
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from tests.support.paths import ROOT

_BLOCK = re.compile(r"^```(\w+)(?: +(\S+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def test_the_tutorial_leads_to_a_finished_probe(tmp_path):
    for name in ("Snakefile", "avbench", "config", "envs", "profiles", "workflow"):
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, tmp_path / name)
    environment = os.environ | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    printed = []
    for language, name, content in _BLOCK.findall((ROOT / "docs/adding-a-dataset.md").read_text(encoding="utf-8")):
        if name:
            (tmp_path / name).parent.mkdir(exist_ok=True)
            (tmp_path / name).write_text(content, encoding="utf-8")
        elif language == "console":
            for command in content.splitlines():
                result = subprocess.run(
                    ["bash", "-c", command],
                    cwd=tmp_path,
                    env=environment,
                    capture_output=True,
                    text=True,
                    timeout=600,
                    check=False,
                )
                assert result.returncode == 0, f"{command}\n{result.stdout}{result.stderr}"
                printed.append(result.stdout)
    assert re.search(r"test +stored +24", printed[-3])
    rows = [
        row for row in csv.DictReader(printed[-1].splitlines()) if (row["task"], row["protocol"]) == ("birds", "linear")
    ]
    assert [(row["method"], row["n_train"], row["n_test"]) for row in rows] == [("random", "40", "24")]
    assert float(rows[0]["accuracy"]) > 0.5  # of four species
    # A corrected annotation decodes one call again.
    calls = tmp_path / "birds/recordings/calls.csv"
    calls.write_text(calls.read_text().replace("wren.wav,0.", "wren.wav,0.0", 1))
    command = ["snakemake", "--cores", "2", "data/birds/ledger.parquet"]
    command += ["--configfile", "config/tiny.yaml", "birds/config.yaml"]
    before = (tmp_path / "data/birds/store/000.arrow").stat().st_mtime_ns
    subprocess.run(command, cwd=tmp_path, env=environment, check=True, capture_output=True, timeout=300)
    assert (tmp_path / "data/birds/store/000.arrow").stat().st_mtime_ns > before
    assert "80/80 clips" in (tmp_path / "data/birds/logs/pack/000.log").read_text()
