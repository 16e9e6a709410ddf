"""Which dials of the controlled dataset decide what wrong labels leave: the reference study's large set, dials turned.

    python -m benchmarks.factors [--cores 2] [--folder factors] [--dials NAME ...]

Each dataset has a folder of its own, with data and results: the same classes and the same draws, with dials turned.
The table, ``results/factors/gains.csv``, has the gain of soft positives with 30 % wrong labels over random pairing at
both budgets: the reference study's, as ``results/reference`` has it, and then that of each, with its change against the
reference study's. What is there is not computed again; of dials that are not asked for, the table keeps its rows.
"""

import argparse
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import yaml

ROOT = Path(__file__).parents[1]
DIALS: dict[str, dict[str, float]] = {
    "everything shared by every clip": {"synchrony": 1.0, "pitch_hue": 1.0, "gain_size": 1.0},
    "nothing shared but the class": {"synchrony": 0.0, "pitch_hue": 0.0, "gain_size": 0.0},
    "times shared by every clip": {"synchrony": 1.0},
    "pitch and hue shared by every clip": {"pitch_hue": 1.0},
    "loudness and size shared by every clip": {"gain_size": 1.0},
    "classes twice as wide": {"spread": 0.8},
    "clips twice as long": {"duration_s": 4.0},
}
METHODS = ("random", "sp70")
REFERENCE = "as in the reference study"
TABLE = ROOT / "results/factors/gains.csv"
COLUMNS = [
    *("dials", "task", "protocol", "modality", "subset", "budget", "method", "labels", "baseline"),
    *("difference", "ci_low", "ci_high", "p", "seeds", "change", "change_low", "change_high"),
]
PLACE = ["modality", "budget"]


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


def with_changes(gains: pd.DataFrame) -> pd.DataFrame:
    """Set each gain's change against the reference study's beside it, with an interval.

    The interval is made of those of the two gains as if these were independent (MOVER; Zou & Donner 2008, Statistics in
    Medicine 27:1693). They share classes and seeds; as far as the gains rise and fall together for it, it is too wide.

    Args:
        gains: columns ``dials``, ``PLACE``, ``difference``, ``ci_low``, ``ci_high``; one row of each place has dials
            ``REFERENCE``.

    Returns:
        The same rows with ``change``, ``change_low``, ``change_high``: NaN of the reference study's own.
    """
    ours = gains.set_index(PLACE)
    theirs = ours[ours["dials"] == REFERENCE].reindex(ours.index)
    change = ours["difference"] - theirs["difference"]
    below = np.hypot(ours["difference"] - ours["ci_low"], theirs["ci_high"] - theirs["difference"])
    above = np.hypot(ours["ci_high"] - ours["difference"], theirs["difference"] - theirs["ci_low"])
    found = pd.DataFrame({"change": change, "change_low": change - below, "change_high": change + above})
    return ours.assign(**found.where(ours["dials"] != REFERENCE)).reset_index()


def main() -> None:
    """Run all and write the table."""
    parser = argparse.ArgumentParser(prog="benchmarks.factors", description=__doc__.splitlines()[0])
    parser.add_argument("--cores", type=int, default=2)
    parser.add_argument("--folder", type=Path, default=Path("factors"), help="of data and results, about 300 MB")
    parser.add_argument(
        "--dials", nargs="+", choices=DIALS, default=list(DIALS), metavar="NAME", help="all unless given"
    )
    given = parser.parse_args()
    reference = pd.read_csv(ROOT / "results/reference/tables/comparisons.csv").query(
        "subset == 'large' and protocol == 'linear' and task == 'controlled' and method == 'sp70'"
    )
    found = {REFERENCE: reference}
    if TABLE.exists():
        found = {str(name): rows for name, rows in pd.read_csv(TABLE).groupby("dials")} | found
    for name in given.dials:
        comparisons = pd.read_csv(run(DIALS[name], given.folder / name.replace(" ", "-"), given.cores))
        found[name] = comparisons.query("method == 'sp70'")
    TABLE.parent.mkdir(parents=True, exist_ok=True)
    rows = [found[name].assign(dials=name) for name in (REFERENCE, *DIALS) if name in found]
    with_changes(pd.concat(rows)).reindex(columns=COLUMNS).round(6).to_csv(TABLE, index=False)


if __name__ == "__main__":
    main()
