"""``python -m benchmarks``: every measurement, in one table.

    python -m benchmarks [--seconds 30] [--clips FOLDER]

Writes results/benchmarks/summary.csv with the columns name, ours, peer, peer_name, ratio, unit. Rates in one row were
taken in turn on the same machine; the ratio is what to compare between machines. The rows of ``memory``, ``startup``
and ``probe`` are measured against what is promised: a ratio below 1 keeps it. ``break_even``, ``factors``,
``intervals``, ``planning`` and ``precision`` answer other questions, take longer, and are run by themselves.
"""

import argparse
from pathlib import Path

import pandas as pd

from avbench.core.files import write_csv
from benchmarks import loading, memory, packing, probe, startup, step, training

OUTPUT = Path("results/benchmarks/summary.csv")


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(prog="benchmarks", description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=30, help="about how long each comparison takes")
    parser.add_argument("--clips", type=Path, help="a folder of real clips; without it, clips are synthesised")
    args = parser.parse_args()
    rows = packing.rows(args.seconds, args.clips) + loading.rows(args.seconds, args.clips)
    rows += (
        step.rows(args.seconds) + training.rows(args.seconds) + memory.rows(args.clips) + startup.rows() + probe.rows()
    )
    table = pd.DataFrame(rows, columns=["name", "ours", "peer", "peer_name", "ratio", "unit"])
    write_csv(OUTPUT, table)
    print(table.to_string(index=False))
    print(f"written to {OUTPUT}")


if __name__ == "__main__":
    main()
