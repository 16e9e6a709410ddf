"""Verbs about the configuration itself."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from avbench.cli.arguments import Verbs, path_argument

if TYPE_CHECKING:
    from avbench.plan.jobs import Plan


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


def planned(config: Path) -> "Plan":
    """Return what a configuration plans, checked as the workflow checks it.

    Raises:
        UserError: the file is missing, has a key twice, or the configuration is invalid.
    """
    import yaml

    from avbench.config.yaml_text import refuse_repeated_keys
    from avbench.core.errors import UserError
    from avbench.plan.jobs import Plan
    from avbench.plan.places import check_places
    from avbench.provenance.record import SOURCE

    refuse_repeated_keys(config)
    try:
        read = yaml.safe_load(config.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise UserError(f"{config} cannot be read: {error}") from error
    if not isinstance(read, dict):
        raise UserError(f"{config} holds no configuration, that is keys with values. Give the file of an experiment.")
    plan = Plan(read, SOURCE)
    check_places(plan)
    return plan


VERBS: Verbs = {
    schema: [
        path_argument("--output", "the schema to write", optional=True),
        (
            "--pages",
            {"type": Path, "nargs": "+", "default": [], "metavar": "FILE", "help": "Markdown to bring in step"},
        ),
    ]
}
