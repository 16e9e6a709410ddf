"""Verbs about results of several machines, labs or studies."""

import argparse
from pathlib import Path

from avbench.cli.arguments import Verbs


def merge(args: argparse.Namespace) -> None:
    """make one study of the results of several machines or labs: verified, seeds and cells joined, tables of all"""
    from avbench.sharing.merge import merge as run

    results, said = run(args.results, args.output)
    print("\n".join([*said, f"{results}: python -m avbench summary --results {results}"]))


def pack(args: argparse.Namespace) -> None:
    """pack an experiment to send it: verified, then zipped as a crate without models, which merge and publish take"""
    from avbench.sharing.pack import pack as run

    print(run(args.results, args.output))


RESULTS = {"type": Path, "metavar": "RESULTS", "help": "results/NAME, or a crate of it (a folder or a zip)"}
VERBS: Verbs = {
    merge: [
        ("results", {**RESULTS, "nargs": "+"}),
        ("--output", {"type": Path, "required": True, "metavar": "DIR", "help": "a new folder"}),
    ],
    pack: [
        ("results", {"type": Path, "metavar": "DIR", "help": "results/{experiment}"}),
        ("--output", {"type": Path, "metavar": "FILE", "help": "a .zip file (NAME.zip here)"}),
    ],
}
