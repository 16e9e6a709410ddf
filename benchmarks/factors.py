"""Which dials of the controlled dataset decide what wrong labels leave: the reference study's large set, dials turned.

    python -m benchmarks.factors [--cores 2] [--folder factors]

Each dataset has a folder of its own, with data and results: the same classes and the same draws, with dials turned.
The table, ``results/factors/gains.csv``, has the gain of soft positives with 30 % wrong labels over random pairing at
both budgets: the reference study's, as ``results/reference`` has it, and then that of each. What is there is not
computed again.
"""

import argparse
import subprocess
import sys
from pathlib import Path

import pandas as pd
import yaml

ROOT = Path(__file__).parents[1]
DIALS: dict[str, dict[str, float]] = {
    "everything shared by every clip": {"synchrony": 1.0, "pitch_hue": 1.0, "gain_size": 1.0},
    "classes twice as wide": {"spread": 0.8},
    "nothing shared but the class": {"synchrony": 0.0, "pitch_hue": 0.0, "gain_size": 0.0},
}
METHODS = ("random", "sp70")
COLUMNS = [
    *("dials", "task", "protocol", "modality", "subset", "budget", "method", "labels", "baseline"),
    *("difference", "ci_low", "ci_high", "p", "seeds"),
]


def configuration(dials: dict[str, float]) -> dict:
    """Return the reference study with dials turned, cut to what the question needs."""
    config = yaml.safe_load((ROOT / "config/reference.yaml").read_text(encoding="utf-8"))
    config |= {"experiment": "factors", "seeds": list(range(5)), "claims": str(ROOT / config["claims"])}
    config["datasets"] = {"controlled": config["datasets"]["controlled"]}
    config["datasets"]["controlled"]["options"] |= dials
    config["subsets"] = {"large": config["subsets"]["large"]}
    config["methods"] = {name: config["methods"][name] for name in METHODS}
    config["tasks"] = {"controlled": config["tasks"]["controlled"]}
    config["evaluation"] = {"linear": {}}
    return config


def run(dials: dict[str, float], folder: Path, cores: int) -> Path:
    """Run an experiment in a folder and return its comparisons."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder.resolve() / "config.yaml"
    path.write_text(yaml.safe_dump(configuration(dials), sort_keys=False), encoding="utf-8")
    command = [sys.executable, "-m", "snakemake", "--cores", str(cores), "--snakefile", str(ROOT / "Snakefile")]
    subprocess.run([*command, "--directory", str(folder), "--configfile", str(path)], check=True)
    return folder / "results/factors/tables/comparisons.csv"


def main() -> None:
    """Run all and write the table."""
    parser = argparse.ArgumentParser(prog="benchmarks.factors", description=__doc__.splitlines()[0])
    parser.add_argument("--cores", type=int, default=2)
    parser.add_argument("--folder", type=Path, default=Path("factors"), help="of data and results, about 300 MB")
    given = parser.parse_args()
    reference = pd.read_csv(ROOT / "results/reference/tables/comparisons.csv").query(
        "subset == 'large' and protocol == 'linear' and task == 'controlled' and method == 'sp70'"
    )
    found = [reference.assign(dials="as in the reference study").reindex(columns=COLUMNS)]
    for name, dials in DIALS.items():
        comparisons = pd.read_csv(run(dials, given.folder / name.replace(" ", "-"), given.cores))
        found.append(comparisons.query("method == 'sp70'").assign(dials=name).reindex(columns=COLUMNS))
    output = ROOT / "results/factors/gains.csv"
    output.parent.mkdir(parents=True, exist_ok=True)
    pd.concat(found).to_csv(output, index=False)


if __name__ == "__main__":
    main()
