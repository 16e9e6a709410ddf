"""The conda environments, and the rules that run in each."""

import re

import yaml

from tests.support.paths import ROOT

STAGES = ("acquire", "train", "results")
RULE = re.compile(r"^( *)(?:rule|checkpoint)[^\n:]*:\n(.*?)(?=^\1\S|\Z)", re.DOTALL | re.MULTILINE)


def rule_files():
    return [*ROOT.glob("workflow/rules/*.smk"), *ROOT.glob("workflow/datasets/*.smk")]


def pinned(stage: str) -> dict[str, str]:
    """Return the versions that an environment lists, by name as written."""
    dependencies = yaml.safe_load((ROOT / f"envs/{stage}.yaml").read_text(encoding="utf-8"))["dependencies"]
    return dict(line.split("==") for part in dependencies if isinstance(part, dict) for line in part["pip"])


def verbs() -> dict[str, set[str]]:
    """Return the verbs of ``python -m avbench`` that rules call in each environment."""
    called: dict[str, set[str]] = {stage: set() for stage in STAGES}
    for path in rule_files():
        for match in RULE.finditer(path.read_text(encoding="utf-8")):
            if environment := re.search(r"conda:\s+(\w+)_ENV\n", match[2]):
                verb = re.search(r"python -m (?:avbench|\{resources\.launcher\}) ([a-z-]+) ", match[2])[1]
                called[environment[1].lower()].add(verb.replace("-", "_"))
    return called
