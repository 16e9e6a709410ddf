"""What YAML reads otherwise than it looks is met with what to write."""

import pytest
import yaml

from avbench.config.validation import validate
from avbench.config.yaml_text import advice, advice_on_path, foreign_paths, refuse_repeated_keys
from avbench.core.errors import UserError


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("a: 1\nb: 2\na: 3\n", (1, 3)),
        ("a:\n  x: 1\n  y: 2\n  x: 1\n", (2, 4)),
        ("a:\n- {x: 1,\n   x: 2}\n", (2, 3)),
    ],
)
def test_a_key_that_is_there_twice_is_refused_with_its_lines(tmp_path, text, lines):
    (tmp_path / "config.yaml").write_text(text)
    with pytest.raises(UserError, match=rf"config\.yaml: the key '[ax]' .* lines {lines[0]} and {lines[1]}\."):
        refuse_repeated_keys(tmp_path / "config.yaml")


@pytest.mark.parametrize(
    "text",
    ["a: {x: 1}\nb: {x: 1}\n", "a: &one {x: 1}\nb: *one\nc: {<<: *one, y: 2}\n", "1: a\n'1': b\n", "a: [", ""],
)
def test_other_files_are_left_to_their_readers(tmp_path, text):
    (tmp_path / "config.yaml").write_text(text)
    refuse_repeated_keys(tmp_path / "config.yaml")
    refuse_repeated_keys(tmp_path / "none.yaml")


@pytest.mark.parametrize("text", ["1e-3", "5E4", "2.5e3", "1_000e2", "1e+2"])
def test_a_number_that_yaml_takes_for_text_is_told_as_it_must_be_written(text):
    assert isinstance(yaml.safe_load(text), str)
    written = advice(text, "number").rpartition(" write ")[2].removesuffix(".")
    assert yaml.safe_load(written) == float(text.replace("_", ""))


@pytest.mark.parametrize("text", ["0", "-3", "0.5", "1.0e-3", "1_000"])
def test_a_number_that_came_as_text_is_to_be_written_without_quotes(text):
    assert advice(text, "integer").startswith(f" This {text} is text: write it without quotes")


@pytest.mark.parametrize("value", ["fast", "nan", "1e-3 s", 1.0, "x1e3"])
def test_what_is_no_such_number_has_no_advice(value):
    assert advice(value, "number") == ""


@pytest.mark.parametrize("word", ["off", "no", "on", "yes"])
def test_words_that_yaml_takes_for_truth_are_to_be_quoted(word):
    assert "put the word in quotes" in advice(yaml.safe_load(word), ["list", "exclude"])
    assert advice(yaml.safe_load(word), "boolean") == ""


def test_a_tilde_alone_is_nothing():
    assert "put the word in quotes" in advice(yaml.safe_load("~"), "string")
    assert advice(None, ["string", "null"]) == ""


@pytest.mark.parametrize(
    ("path", "written"),
    [("~/clips", "/home/me/clips"), (r".\clips\a", "./clips/a"), (r"D:\clips", "D:/clips"), (r"..\x", "../x")],
)
def test_paths_of_a_shell_or_of_another_system_are_told_as_they_must_be_written(path, written, monkeypatch):
    monkeypatch.setenv("HOME", "/home/me")
    assert advice_on_path(path).endswith(f"write {written}.")
    assert list(foreign_paths({"a": [{"b": path}], "c": 1})) == [("a.0.b", path)]


@pytest.mark.parametrize("path", ["clips", "./a", "/x/~/y", "a\\b", "~user"])
def test_other_paths_are_paths(path):
    assert advice_on_path(path) == ""


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("rate: 1e-3", "write 1.0e-3"),
        ("kind: off", "off, no and false as false"),
        ("directory: ~", "put the word in quotes"),
        ("directory: ~/clips", "key 'directory': '~/clips'.*write /home/me/clips"),
    ],
)
def test_a_schema_says_so_too(tmp_path, monkeypatch, text, said):
    monkeypatch.setenv("HOME", "/home/me")
    (tmp_path / "a.yaml").write_text(
        "type: object\nproperties: {rate: {type: number}, kind: {enum: [list, exclude]}, directory: {type: string}}\n"
    )
    with pytest.raises(UserError, match=said):
        validate(yaml.safe_load(text), tmp_path / "a.yaml", "config")
