"""What a user's file declares is read without running it, and is checked as ours is."""

import json
import subprocess
import sys

import pytest

from avbench.config import plugin_files
from avbench.config.axes import AXES, BELONGING
from avbench.config.methods import PRESETS, Method, parse_methods
from avbench.config.settings import build
from avbench.core.errors import UserError

FILE = """
raise AssertionError("this file is not to be run")

@plugin.positive("mine", "one of mine", needs="classes", reach=plugin.option(2, "how far", least=1),
                 kind=plugin.option("a", "which"))
class Mine: ...

@plugin.batch("ours", "some")
class Ours: ...

@plugin.loss(name="far", meaning="far", classmates="left-out", needs="classes", edge=plugin.option(0.5, "e", 0, 1.0))
def far(za, zv, temperature, labels, edge): ...

@other.loss("not", "declared")
def not_declared(): ...
"""
LINE = {"positive": "mine", "batch": "ours", "loss": "far", "reach": 3, "labels": "true"}


@pytest.fixture
def file(tmp_path):
    before = {axis: list(choices) for axis, choices in AXES.items()}
    path = tmp_path / "mine.py"
    path.write_text(FILE, encoding="utf-8")
    yield path
    plugin_files.use([])
    assert {axis: list(choices) for axis, choices in AXES.items()} == before
    assert "reach" not in BELONGING


def test_a_file_adds_choices_and_keys(file):
    plugin_files.use([str(file)])
    assert [list(choices)[-1] for choices in AXES.values()] == ["mine", "ours", "far"]
    method = parse_methods({"m": LINE})["m"]
    assert method.options_of("positive") == {"reach": 3, "kind": "a"}
    assert method.options_of("loss") == {"edge": 0.5}
    assert method.needs == "classes"
    assert hash(method)
    assert method.plugins == ((str(file), plugin_files.load(str(file))[0][1].make.digest),)
    assert "not" not in AXES["loss"]


def test_a_method_comes_back_from_its_record_in_a_process_that_has_not_read_the_file(file):
    plugin_files.use([str(file)])
    method = parse_methods({"m": LINE})["m"]
    record = json.loads(json.dumps(method.recorded()))
    plugin_files.use([])
    assert build(Method, record, "method") == method
    file.write_text(FILE + "# changed\n", encoding="utf-8")
    with pytest.raises(UserError, match=r"mine\.py has changed since the workflow was planned"):
        build(Method, record, "method")


def test_records_of_methods_without_it_know_nothing_of_it(file):
    before = {name: json.dumps(method.recorded()) for name, method in PRESETS.items()}
    plugin_files.use([str(file)])
    methods = parse_methods(dict.fromkeys(PRESETS, "preset") | {"m": LINE, "plain": {}})
    assert {name: json.dumps(methods[name].recorded()) for name in PRESETS} == before
    assert before["random"] == (  # as it has always been: runs are known by it
        '{"clips_per_class": null, "class_prior": null, "hardness": null, "name": "random", "positive": "self", '
        '"probability": 1.0, "batch": "shuffled", "labels": "none", "loss": "info-nce"}'
    )
    assert methods["plain"].plugins == ()


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ({"reach": 0}, "methods.m.reach: 0 is not allowed; it must be an integer of at least 1"),
        ({"reach": 1.5}, "methods.m.reach: 1.5 is not allowed"),
        ({"edge": 2}, "methods.m.edge: 2 is not allowed; it must be a number of at least 0 and at most 1"),
        ({"kind": 1}, "methods.m.kind: 1 is not allowed; it must be text"),
        ({"positive": "self"}, "methods.m.reach: 3 has a meaning only with positive: mine"),
        ({"reech": 1}, "methods.m: unknown key 'reech'"),
        ({"loss": "near"}, "methods.m.loss: 'near' is unknown. Allowed are info-nce, .*far"),
    ],
)
def test_a_line_is_checked(file, line, message):
    plugin_files.use([str(file)])
    with pytest.raises(UserError, match=message):
        parse_methods({"m": LINE | line})


def test_the_schema_lets_pass_what_files_declare(root, file):
    schema = json.loads((root / "workflow/schemas/config.schema.json").read_text(encoding="utf-8"))
    plugin_files.use([str(file)])
    method = plugin_files.extended(schema)["properties"]["methods"]["additionalProperties"]["then"]["properties"]
    assert method["loss"]["enum"][-1] == "far"
    assert method["edge"] == {"type": "number", "minimum": 0, "maximum": 1.0, "description": "e"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x = 1\n", "declares nothing"),
        ("def (", "is no Python file"),
        ('@plugin.loss("hard", "x")\ndef f(): ...', "line 1: loss: 'hard' is there already"),
        ('NAME = "a"\n@plugin.loss(NAME, "x")\ndef f(): ...', "line 2: @plugin.loss: name: NAME is no literal"),
        ('@plugin.loss("a")\ndef f(): ...', "give a name and, in one line, what it does"),
        ('@plugin.loss("a b", "x")\ndef f(): ...', "the name 'a b' is not allowed"),
        ('@plugin.loss("a", "x", needs="neighbours")\ndef f(): ...', "needs: 'neighbours' is not allowed"),
        ('@plugin.loss("a", "x", step=1)\ndef f(): ...', r"an option is step=plugin.option\(…\)"),
        ('@plugin.loss("a", "x", step=plugin.option([], "x"))\ndef f(): ...', "plugin.option takes a default"),
        ('@plugin.loss("a", "x", step=plugin.option(1, "x", least="a"))\ndef f(): ...', "least and most are numbers"),
        ('@plugin.loss("a", "x", step=plugin.option(1, "x", least=2))\ndef f(): ...', "the default 1 is not within"),
        ('@plugin.loss("a", "x", step=range(2))\ndef f(): ...', r"write step=plugin.option\("),
        ('@plugin.loss("a", "x", labels=plugin.option(1, "x"))\ndef f(): ...', "'labels' is a key of methods already"),
        ('@plugin.loss("a", "x", hardness=plugin.option(1, "x"))\ndef f(): ...', "'hardness' is a key of methods"),
    ],
)
def test_a_declaration_that_is_not_allowed_is_refused_and_leaves_nothing(file, text, message):
    file.write_text(text, encoding="utf-8")
    with pytest.raises(UserError, match=message):
        plugin_files.use([str(file)])


def test_files_have_to_be_there_and_are_named_once(file):
    with pytest.raises(UserError, match=r"plugins: '.*none.py' cannot be read: No such file"):
        plugin_files.use([str(file.with_name("none.py"))])
    with pytest.raises(UserError, match="names a file twice"):
        plugin_files.use([str(file)] * 2)


def test_planning_with_a_file_needs_no_arrays(root, file):
    text = "import torch, numpy\n" + FILE
    file.write_text(text, encoding="utf-8")
    script = f"""
import sys
from avbench.config import plugin_files
from avbench.config.methods import parse_methods
plugin_files.use([{str(file)!r}])
parse_methods({{"m": {LINE}}})
assert not {{"torch", "numpy", "pandas"}} & set(sys.modules)
"""
    subprocess.run([sys.executable, "-c", script], check=True, cwd=root)
