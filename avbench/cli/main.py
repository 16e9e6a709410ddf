"""The command line: one verb a stage of the workflow, each usable without it.

Verbs import what they need when they run, so that a job that needs no torch starts without it.
"""

import argparse
import os
import sys
from collections.abc import Sequence

from avbench import __version__
from avbench.cli import configuration, data, evaluation, labels, pages, pretraining, results
from avbench.cli.arguments import Verbs
from avbench.core.errors import UserError

VERBS: Verbs = configuration.VERBS | data.VERBS | labels.VERBS | pretraining.VERBS | evaluation.VERBS
VERBS |= results.VERBS | pages.VERBS


def parser() -> argparse.ArgumentParser:
    """Build the parser: a sub-command for each verb, named like its function with hyphens."""
    top = argparse.ArgumentParser(prog="avbench", description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    top.add_argument("--version", action="version", version=__version__)
    verbs = top.add_subparsers(title="verbs", metavar="VERB", required=True)
    for function, arguments in VERBS.items():
        text = function.__doc__ or ""
        verb = verbs.add_parser(
            function.__name__.replace("_", "-"),
            help=text,
            description=text,
            formatter_class=argparse.RawTextHelpFormatter,
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
        print(f"avbench {args.run.__name__.replace('_', '-')}: {error}", file=sys.stderr)
        return 2
    return 0
