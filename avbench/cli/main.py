"""The command line: one verb a stage of the workflow, each usable without it.

Verbs import what they need when they run, so that a job that needs no torch starts without it.
"""

import argparse
import os
import sys
from collections.abc import Sequence

from avbench import __version__
from avbench.cli import (
    acquisition,
    configuration,
    data,
    evaluation,
    labels,
    pages,
    pretraining,
    results,
    sharing,
)
from avbench.cli.arguments import Verbs
from avbench.cli.completion import listed, script, verb_name
from avbench.core.errors import UserError

VERBS: Verbs = configuration.VERBS | acquisition.VERBS | data.VERBS | labels.VERBS | pretraining.VERBS
VERBS |= evaluation.VERBS | results.VERBS | pages.VERBS | sharing.VERBS
_DESCRIPTION = "Benchmark of positive and negative sampling for audio-visual self-supervised learning."


def completion(args: argparse.Namespace) -> None:
    """print what completes verbs and options in bash and zsh: eval "$(avbench completion)" in their start file"""
    print(script(VERBS), end="")


VERBS[completion] = []


class _Parser(argparse.ArgumentParser):
    """The parser of the whole, whose help lists the verbs by who calls them."""

    def format_help(self) -> str:
        """Return the help."""
        texts = {verb_name(function): function.__doc__ or "" for function in VERBS}
        options = "options:\n    --help, --version; avbench VERB --help lists those of a verb"
        return f"{self.format_usage()}\n{_DESCRIPTION}\n\n{listed(texts)}\n\n{options}\n"


def parser() -> argparse.ArgumentParser:
    """Build the parser: a sub-command for each verb, named like its function with hyphens."""
    top = _Parser(prog="avbench")
    top.add_argument("--version", action="version", version=__version__)
    verbs = top.add_subparsers(metavar="VERB", required=True, parser_class=argparse.ArgumentParser)
    for function, arguments in VERBS.items():
        verb = verbs.add_parser(
            verb_name(function), description=function.__doc__, formatter_class=argparse.RawTextHelpFormatter
        )
        for name, options in arguments:
            verb.add_argument(name, **options)
        verb.set_defaults(run=function)
    return top


def main(argv: Sequence[str] | None = None) -> int:
    """Run a verb; a mistake of the user's is one paragraph on stderr and status 2."""
    args = parser().parse_args(argv)
    # Libraries read these when they are first imported. Threads of sums that are split otherwise give other bytes.
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[name] = str(getattr(args, "job", {}).get("cpu_threads", 1))
    try:
        args.run(args)
    except UserError as error:
        print(f"avbench {verb_name(args.run)}: {error}", file=sys.stderr)
        return 2
    return 0
