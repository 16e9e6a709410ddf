"""The rules of the house that can be counted: sizes, names, docstrings, and a test beside every module."""

import ast
import re
from collections import defaultdict
from functools import cache
from pathlib import Path
from statistics import median

import pytest

from tests.support.paths import ROOT

HOUSE = ROOT / "avbench"
TESTS = ROOT / "tests"
PACKAGES = sorted(path.parent for path in HOUSE.rglob("__init__.py"))
MODULES = sorted(path for path in HOUSE.rglob("*.py") if path.name != "__init__.py")

# Modules without a test file of their own name, and the file that tests them; folders end with a slash. A module's own
# line goes before its folder's.
TESTED_BY = {
    "__main__.py": "cli/test_main.py",
    # one file for all modules of a kind: what holds for one holds for all
    "cli/": "cli/test_main.py",
    "methods/losses/": "methods/test_losses.py",
    "evaluation/classifier/": "evaluation/classifier/test_train.py",
    "config/": "config/test_schema.py",
    "config/long_tail.py": "data/test_subsets.py",
    # what a verb is given, read as all jobs are
    "evaluation/scoring_jobs.py": "cli/test_main.py",
    "labels/label_jobs.py": "cli/test_main.py",
    "pretraining/pretrain_job.py": "cli/test_main.py",
    # parts that are seen only in the whole
    "core/errors.py": "core/test_files.py",
    "core/lazy.py": "methods/test_losses.py",
    "core/vectors.py": "evaluation/test_retrieval.py",
    "data/download/hub_client.py": "data/download/test_hub.py",
    "data/download/members.py": "data/download/test_losses.py",
    "data/download/zip_salvage.py": "data/download/test_losses.py",
    "data/download/session.py": "data/download/test_downloader.py",
    "datasets/lists.py": "datasets/test_folder.py",
    "datasets/controlled/class_names.py": "datasets/controlled/test_classes.py",
    "datasets/controlled/encoding.py": "datasets/controlled/test_generation.py",
    "datasets/controlled/gaussian.py": "datasets/controlled/test_render.py",
    "datasets/controlled/synthetic_picture.py": "datasets/controlled/test_render.py",
    "datasets/controlled/synthetic_sound.py": "datasets/controlled/test_render.py",
    "evaluation/protocol_result.py": "evaluation/test_frozen.py",
    "evaluation/tasks.py": "evaluation/test_embedding.py",
    "figures/figure.py": "figures/test_registry.py",
    "figures/method_rows.py": "figures/test_accuracy_rows.py",
    "figures/names.py": "figures/test_style.py",
    "figures/spectrogram.py": "figures/charts/test_samples.py",
    "methods/batch_kinds.py": "methods/test_batches.py",
    "methods/pairing_labels.py": "methods/test_pairing.py",
    "methods/positives.py": "methods/test_batches.py",
    "methods/two_ways.py": "methods/test_losses.py",
    "methods/watching.py": "methods/test_properties.py",
    "models/blocks.py": "models/test_encoders.py",
    "models/standalone.py": "audit/test_export.py",
    "models/standalone_loader.py": "audit/test_export.py",
    "plan/facts.py": "plan/test_report.py",
    "plan/jobs.py": "plan/test_consistency.py",
    "plan/settings_checked.py": "plan/test_consistency.py",
    "pages/about.py": "pages/test_page.py",
    "pages/page_plan.py": "pages/test_page.py",
    "pages/pair_media.py": "pages/test_page_in_browser.py",
    "pages/pairings.py": "pages/test_page.py",
    "pages/comparison.py": "sharing/test_compare.py",
    "pages/leaderboard.py": "sharing/test_publish.py",
    "results/material.py": "results/test_make.py",
    "results/recipes.py": "results/test_make.py",
    "sharing/common_clips.py": "sharing/test_merge.py",
    "sharing/merged_data.py": "sharing/test_merge.py",
    "sharing/merged_runs.py": "sharing/test_merge.py",
    "sharing/pack.py": "sharing/test_merge.py",
    "sharing/received.py": "sharing/test_merge.py",
    "sharing/scored.py": "sharing/test_compare.py",
    "sharing/settings_differences.py": "sharing/test_merge.py",
}


def place(path: Path) -> str:
    """A module's path as messages name it."""
    return path.relative_to(HOUSE).as_posix()


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def lines(path: Path) -> int:
    return len(path.read_text(encoding="utf-8").splitlines())


def functions() -> list[tuple[str, ast.FunctionDef | ast.AsyncFunctionDef]]:
    """All functions of the house, methods and inner ones too, with their places."""
    return [
        (f"{place(path)}: {node.name}", node)
        for path in MODULES
        for node in ast.walk(tree(path))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]


def parameters(node: ast.FunctionDef | ast.AsyncFunctionDef) -> list[str]:
    """What a caller can give. Fields of a dataclass are no parameters of any function that is written down."""
    given = node.args
    every = [*given.posonlyargs, *given.args, *given.kwonlyargs, given.vararg, given.kwarg]
    return [argument.arg for argument in every if argument is not None and argument.arg not in ("self", "cls")]


@cache
def imported(path: Path) -> frozenset[Path]:
    """The modules of the house that a file imports, anywhere in it, or names in a text, as registries do."""
    names = set()
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            named = re.fullmatch(r"(avbench(?:\.\w+)*)(?::\w*)?", node.value)
            names |= {named[1]} if named else set()
    ends = (".py", "/__init__.py", "/__main__.py")
    files = [ROOT / f"{name.replace('.', '/')}{end}" for name in names for end in ends]
    return frozenset(file for file in files if file.is_relative_to(HOUSE) and file.is_file())


def within_three_steps(path: Path) -> set[Path]:
    """The modules that a file imports, those that they import, and those that these import."""
    found = set(used_by_rules()) if path.parent.name == "workflow" else set()
    for _ in range(3):
        found = found.union(imported(path), *map(imported, found))
    return found


@cache
def used_by_rules() -> frozenset[Path]:
    """The modules that the rules name, which the tests of the workflow run."""
    rules = [ROOT / "Snakefile", *(ROOT / "workflow").rglob("*.smk")]
    text = "\n".join(path.read_text(encoding="utf-8") for path in rules)
    lists = re.findall(r"from (avbench[.\w]*) import ([\w, ]+)", text)
    names = {
        *re.findall(r"avbench(?:\.\w+)*", text),
        *(f"{room}.{name}" for room, many in lists for name in many.split(", ")),
    }
    return frozenset(path for path in MODULES if ".".join(path.relative_to(ROOT).with_suffix("").parts) in names)


def other_test(path: Path) -> Path | None:
    """The test file that the list above gives to a module."""
    named = place(path)
    folders = [f"{parent.as_posix()}/" for parent in Path(named).parents]
    found = next((TESTED_BY[key] for key in (named, *folders) if key in TESTED_BY), None)
    return None if found is None else TESTS / found


def own_test(path: Path) -> Path:
    return TESTS / Path(place(path)).with_name(f"test_{path.name}")


def test_modules_live_in_packages():
    assert len([path for path in MODULES if path.parent == HOUSE]) <= 4


def test_modules_are_short():
    assert median(map(lines, MODULES)) <= 120
    assert [f"{place(path)}: {lines(path)} lines" for path in MODULES if lines(path) > 300] == []


def test_functions_are_short():
    long = [(where, node.end_lineno - node.lineno + 1) for where, node in functions()]
    assert [f"{where}: {count} lines" for where, count in long if count > 80] == []


def test_functions_take_few_parameters():
    many = [(where, len(parameters(node))) for where, node in functions()]
    assert [f"{where}: {count} parameters" for where, count in many if count > 7] == []


def test_a_module_is_found_by_its_name():
    # Modules of config and cli are named after the section or the stage that they configure or run, and so after a
    # package or a module; a chart may have the name of the module that makes its table or its measure.
    named = defaultdict(list)
    for path in MODULES:
        room = place(path).rpartition("/")[0]
        if room not in ("config", "cli", "figures/charts"):
            named[path.name].append(place(path))
    assert [places for places in named.values() if len(places) > 1] == []
    charts = [path.name for path in MODULES if place(path).startswith("figures/charts/")]
    twins = [twin for name in charts for twin in named.get(name, [])]
    assert [twin for twin in twins if not twin.startswith(("data/", "evaluation/", "results/"))] == []


@pytest.mark.parametrize("package", PACKAGES, ids=lambda path: path.name)
def test_every_package_says_what_it_holds(package):
    assert ast.get_docstring(tree(package / "__init__.py"))


def test_every_module_is_tested_by_a_file_of_its_name_or_by_one_that_is_named_above():
    untested = []
    for path in MODULES:
        if own_test(path).is_file():
            continue
        test = other_test(path)
        if test is None:
            untested.append(f"{place(path)}: no {own_test(path).relative_to(ROOT)}")
        elif not test.is_file():
            untested.append(f"{place(path)}: {test.relative_to(ROOT)} is gone")
        elif path not in within_three_steps(test):
            untested.append(f"{place(path)}: {test.relative_to(ROOT)} does not come near it")
    assert untested == []


def test_the_list_of_other_tests_names_only_what_has_none_of_its_own():
    single = [HOUSE / name for name in TESTED_BY if not name.endswith("/")]
    assert [place(path) for path in single if not path.is_file() or own_test(path).is_file()] == []
    assert [name for name in TESTED_BY if name.endswith("/") and not (HOUSE / name).is_dir()] == []
