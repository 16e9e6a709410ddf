"""Verbs of the page that results are read on."""

import argparse
from pathlib import Path

from avbench.cli.arguments import OUTPUT, Verbs, path_argument


def page(args: argparse.Namespace) -> None:
    """make the page of an experiment: answer, claims and accuracies in one HTML file"""
    from avbench.core.files import read_json
    from avbench.pages.page import make_page

    make_page(read_json(args.plan), args.tables, args.record, args.output)


def open(args: argparse.Namespace) -> None:
    """show an experiment's page in a browser, served on this machine alone"""
    from avbench.pages.serving import open_page
    from avbench.plan import paths

    open_page(args.results, paths.below(args.results, paths.PAGE).name, args.port, not args.no_browser)


VERBS: Verbs = {
    page: [
        path_argument("--plan", "a JSON file of what the page says beside the tables"),
        path_argument("--tables", "folder of the tables"),
        path_argument("--record", "the record of how they came to be"),
        OUTPUT,
    ],
    open: [
        ("results", {"type": Path, "metavar": "DIR", "help": "results/{experiment}"}),
        ("--port", {"type": int, "default": 0, "metavar": "N", "help": "of the address (any that is free)"}),
        ("--no-browser", {"action": "store_true", "help": "only serve, and print the address"}),
    ],
}
