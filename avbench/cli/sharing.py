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


def compare(args: argparse.Namespace) -> None:
    """put experiments side by side: differences with intervals on the clips that all have, settings that differ"""
    import json

    from avbench.pages.comparison import make_comparison
    from avbench.sharing.compare import compare as run
    from avbench.sharing.compare import format_comparison

    found = run(args.results)
    if args.output:
        make_comparison(found, args.output)
    if args.json:
        rows = json.loads(found["differences"].to_json(orient="records"))
        print(json.dumps(found | {"differences": rows}, indent=1, ensure_ascii=False))
        return
    print(format_comparison(found), end="")
    if args.output:
        print(f"Page: {args.output}")


def publish(args: argparse.Namespace) -> None:
    """make a static leaderboard of verified studies: groups in place of ranks, with each study's page and tables"""
    from avbench.sharing.publish import publish as run

    names = run(args.results, args.output)
    print(f"{args.output / 'index.html'}: {', '.join(names)}")


RESULTS = {"type": Path, "metavar": "RESULTS", "help": "results/NAME, or a crate of it (a folder or a zip)"}
VERBS: Verbs = {
    merge: [
        ("results", {**RESULTS, "nargs": "+"}),
        ("--output", {"type": Path, "required": True, "metavar": "DIR", "help": "a new folder"}),
    ],
    compare: [
        ("results", {**RESULTS, "nargs": "+"}),
        ("--output", {"type": Path, "metavar": "FILE", "help": "write a page (HTML) too"}),
        ("--json", {"action": "store_true", "help": "for programs"}),
    ],
    publish: [
        ("results", {**RESULTS, "nargs": "+"}),
        ("--output", {"type": Path, "required": True, "metavar": "DIR", "help": "a new folder"}),
    ],
    pack: [
        ("results", {"type": Path, "metavar": "DIR", "help": "results/{experiment}"}),
        ("--output", {"type": Path, "metavar": "FILE", "help": "a .zip file (NAME.zip here)"}),
    ],
}
