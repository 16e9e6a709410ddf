"""Schemas, environments and rules agree with one another; run by ``make lint`` too."""

import ast
import re

import jsonschema
import pytest
import yaml

from tests.support import environments


def load(path):
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def schemas(root):
    return sorted(root.glob("workflow/schemas/*.schema.*"))


def objects(node):
    """Yield every part of a schema that says which properties an object has; of a choice, both branches."""
    if isinstance(node, dict):
        if "properties" in node and not {"if", "allOf"} & set(node):
            yield node
        for key, value in node.items():
            if key != "if":
                yield from objects(value)
    elif isinstance(node, list):
        for value in node:
            yield from objects(value)


def test_schemas_are_schemas_and_allow_no_unknown_keys(root):
    assert len(schemas(root)) >= 6
    for path in schemas(root):
        schema = load(path)
        jsonschema.Draft202012Validator.check_schema(schema)
        for part in objects(schema):
            assert part.get("additionalProperties") is False, (path.name, sorted(part["properties"]))


@pytest.mark.parametrize("stage", environments.STAGES)
def test_conda_environments_have_the_locked_versions(root, stage):
    locked = dict(re.findall(r"^([\w.-]+)==([^\s;]+)", (root / "requirements.lock").read_text(), re.MULTILINE))
    pinned = environments.pinned(stage)
    assert pinned
    assert {name: locked[name.split("[")[0]] for name in pinned} == pinned


def test_conda_environments_have_every_runtime_dependency(root):
    project = (root / "pyproject.toml").read_text(encoding="utf-8")
    block = re.search(r"^dependencies = \[(.*?)^\]", project, re.DOTALL | re.MULTILINE)[1]
    # Snakemake runs outside of them, and no rule packs crates.
    needed = set(re.findall(r'"([A-Za-z0-9_-]+)', block)) - {"snakemake", "rocrate"}
    pinned = {name.split("[")[0] for stage in environments.STAGES for name in environments.pinned(stage)}
    assert needed == pinned


def test_the_lock_names_no_registry(root):
    assert not re.search(r"https?://|file:|--index", (root / "requirements.lock").read_text())


@pytest.mark.parametrize("directive", ["log", "benchmark", "conda", "threads", "resources", "shell"])
def test_every_rule_has(directive):
    seen = 0
    for path in environments.rule_files():
        for match in environments.RULE.finditer(path.read_text(encoding="utf-8")):
            if "template_engine:" in match[2] and directive != "log":
                continue  # Snakemake itself writes the file
            seen += 1
            assert re.search(rf"^ +{directive}:", match[2], re.MULTILINE), f"{path.name}: {match[0].splitlines()[0]}"
    assert seen >= 15


def test_rules_run_in_an_environment_of_a_stage(root):
    named = {
        name for path in environments.rule_files() for name in re.findall(r"conda:\s+(\S+)", path.read_text("utf-8"))
    }
    assert named == {f"{stage.upper()}_ENV" for stage in environments.STAGES}
    assert {path.stem for path in root.glob("envs/*.yaml")} == set(environments.STAGES)
    for stage in environments.STAGES:  # Snakemake says nothing where there is none
        assert (root / f"envs/{stage}.post-deploy.sh").is_file()


def logic(text):
    """Return the lines of a rule file that are Python, and not rules, imports, comments or docstrings."""
    heads = r"(?:use )?rule\b.*|checkpoint\b.*|localrules|ruleorder|wildcard_constraints"
    rule = re.compile(rf"^( *)(?:{heads}):.*\n(?:\1 +.*\n|\n)*", re.MULTILINE)
    lines = rule.sub(r"\1pass\n", text).splitlines()
    nodes = [node for node in ast.walk(ast.parse("\n".join(lines))) if isinstance(node, ast.stmt)]
    aside = [node for node in nodes if isinstance(node, (ast.Import, ast.ImportFrom, ast.Pass))]
    aside += [node for node in nodes if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)]
    left_out = {number for node in aside for number in range(node.lineno, node.end_lineno + 1)}
    shown = [(number, line.strip()) for number, line in enumerate(lines, 1) if number not in left_out]
    return [line for _, line in shown if line and not line.startswith("#")]


def test_rule_files_are_thin(root):
    """What to do is in the package, where it is tested; rules say what depends on what."""
    for path in root.glob("workflow/rules/*.smk"):
        text = path.read_text(encoding="utf-8")
        assert len(logic(text)) <= 30, path.name
        assert len(text.splitlines()) <= 200, path.name
