"""Verbs about the configuration itself."""

import argparse
from pathlib import Path

from avbench.cli.arguments import Verbs, path_argument


def schema(args: argparse.Namespace) -> None:
    """print the JSON Schema of the configuration, or write it, and the tables of keys in pages that mark them"""
    import json

    from avbench.config.configuration import json_schema
    from avbench.config.key_tables import filled
    from avbench.core.files import write_text

    for page in args.pages:
        write_text(page, filled(page.read_text(encoding="utf-8")))
    text = json.dumps(json_schema(), indent=1, ensure_ascii=False) + "\n"
    if args.output:
        write_text(args.output, text)
    elif not args.pages:
        print(text, end="")


VERBS: Verbs = {
    schema: [
        path_argument("--output", "the schema to write", optional=True),
        (
            "--pages",
            {"type": Path, "nargs": "+", "default": [], "metavar": "FILE", "help": "Markdown to bring in step"},
        ),
    ]
}
