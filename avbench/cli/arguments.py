"""Types and groups of command-line arguments that several verbs share."""

import argparse
import json
import pkgutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

CLIP_LABEL = ("clip_id", "label")  # columns of subsets and labels
LEDGERED = ("clip_id", "label", "split", "state")  # columns of the ledger that choose clips


def json_object(text: str) -> dict[str, Any]:
    """Read settings: JSON, or ``@FILE`` with JSON in it."""
    try:
        source = Path(text[1:]).read_text(encoding="utf-8") if text.startswith("@") else text
        value = json.loads(source)
    except (OSError, json.JSONDecodeError) as error:
        raise argparse.ArgumentTypeError(f"not JSON: {error}") from error
    if not isinstance(value, dict):
        raise argparse.ArgumentTypeError("must be a JSON object")
    return value


Argument = tuple[str, dict[str, Any]]
Verbs = dict[Callable[[argparse.Namespace], None], list[Argument]]


def path_argument(name: str, text: str, many: bool = False, optional: bool = False) -> Argument:
    """Describe an argument that is a path, or several."""
    return name, {
        "type": Path,
        "required": not optional,
        "nargs": "+" if many else None,
        "metavar": "FILE",
        "help": text,
    }


def json_argument(name: str, text: str) -> Argument:
    """Describe a required argument that is a JSON object."""
    return name, {"type": json_object, "required": True, "metavar": "JSON", "help": f"{text} (JSON, or @FILE)"}


def number_argument(name: str, text: str, many: bool = False) -> Argument:
    """Describe a required argument that is an integer, or several."""
    return name, {"type": int, "required": True, "nargs": "+" if many else None, "metavar": "N", "help": text}


def text_argument(name: str, text: str, default: str | None = None) -> Argument:
    """Describe an argument that is a word, required unless it has a default."""
    return name, {"required": default is None, "default": default, "metavar": "NAME", "help": text}


def job_argument(job: str) -> Argument:
    """Describe the argument that is all about a verb's job, by the class that it is read into, ``module:name``."""
    return "--job", {
        "type": json_object,
        "required": True,
        "nargs": "+",
        "action": _PutTogether,
        "metavar": "JSON",
        "help": _JobHelp(job),
    }


class _JobHelp(str):
    """The help on a job, which is read from its class when it is shown: other calls would wait for its types."""

    def __mod__(self, _: Any) -> str:
        from avbench.config.job import describe_job

        keys = describe_job(pkgutil.resolve_name(str(self)))
        return f"the job (JSON, or @FILE; or several, which are put together), with the keys\n{keys}"


class _PutTogether(argparse.Action):
    """Put the objects that an argument is given together; no two may have a key in common."""

    def __call__(
        self, parser: argparse.ArgumentParser, namespace: argparse.Namespace, values: Any, option: str | None = None
    ) -> None:
        whole: dict[str, Any] = {}
        for part in values:
            if twice := sorted(set(whole) & set(part)):
                raise argparse.ArgumentError(self, f"the key {twice[0]!r} is given twice")
            whole |= part
        setattr(namespace, self.dest, whole)


SHARD = [number_argument("--shard", "number of the shard, from 0"), number_argument("--shards", "shards in all")]
DATA = (
    "--data",
    {"type": Path, "default": Path("data"), "metavar": "DIR", "help": "folder of the datasets"},
)
FEATURES = json_argument("--features", "windows and log-mel parameters")
SUBSET = path_argument("--subset", "the pretraining subset")
TASKS = json_argument("--tasks", "table of the tasks: name → fields")
MACHINE = ("--machine", {"type": json_object, "default": {}, "metavar": "JSON", "help": "device, cache, … (JSON)"})
DEVICE = text_argument("--device", "auto, cpu or cuda", "auto")
OUTPUT = path_argument("--output", "what to write")
THREADS = {"type": int, "default": 1, "metavar": "N"}
NEEDS = (
    "--needs",
    {
        "type": json_object,
        "default": {},
        "metavar": "JSON",
        "help": "tasks on the dataset, the protocol's switches, neighbours that vote: what must be there (JSON)",
    },
)
