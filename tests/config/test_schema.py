"""The schema and the tables of keys are made of the settings' types, and what is committed is in step with them."""

import dataclasses
import json

import jsonschema
import pytest
import yaml

from avbench.config import key_tables
from avbench.config.configuration import Configuration, json_schema
from avbench.config.evaluation import PROTOCOLS, TRAINED
from avbench.config.experiment import SCHEMA
from avbench.config.pretraining import MACHINE, Pretraining, PretrainSettings
from avbench.core.errors import UserError
from tests.support.paths import CONFIG

REMEDY = (
    "run python -m avbench schema --output workflow/schemas/config.schema.json --pages config/README.md docs/methods.md"
)
PAGES = ("config/README.md", "docs/methods.md")
SHIPPED = [path.stem for path in sorted(CONFIG.glob("*.yaml")) if "\nexperiment: " in path.read_text(encoding="utf-8")]


def test_the_committed_schema_is_that_of_the_types(root):
    assert json.loads((root / SCHEMA).read_text(encoding="utf-8")) == json_schema(), REMEDY


@pytest.mark.parametrize("page", PAGES)
def test_the_pages_tables_are_those_of_the_declarations(root, page):
    text = (root / page).read_text(encoding="utf-8")
    assert "<!-- choices:" in text
    assert key_tables.filled(text) == text, REMEDY


def test_every_table_of_keys_and_choices_stands_on_a_page(root):
    text = "".join((root / page).read_text(encoding="utf-8") for page in PAGES)
    marks = [f"<!-- keys: {name} -->" for name in key_tables.KEYS]
    marks += [f"<!-- choices: {name} -->" for name in key_tables.CHOICES]
    assert [mark for mark in marks if text.count(mark) != 1] == []


def test_a_key_that_a_choice_has_too_keeps_its_own_default():
    made = key_tables.filled("<!-- keys: subsets -->\n<!-- end -->")
    (row,) = [line for line in made.splitlines() if line.startswith("| `clips_per_class` |")]
    assert row.endswith("|  |")


def test_a_page_cannot_ask_for_a_table_that_there_is_not():
    with pytest.raises(UserError, match="there is no table 'stores' of keys. There are seeds, store, checks"):
        key_tables.filled("<!-- keys: stores -->\n<!-- end -->")


@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_configurations_follow_the_schema(root, name):
    config = yaml.safe_load((root / "config" / f"{name}.yaml").read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator(json_schema()).validate(config)


def test_what_the_workflow_decides_is_no_key_of_the_users():
    definitions = json_schema()["$defs"]
    assert not {"video", "audio"} & set(definitions["StoreSettings"]["properties"])
    decided = {"batch_order", "batch_norm_groups", "batch_members", "partner_time", "steps"}
    keys = set(definitions["Pretraining"]["properties"])
    assert keys == {field.name for field in dataclasses.fields(Pretraining)} - decided
    assert decided < {field.name for field in dataclasses.fields(PretrainSettings)}
    assert set(MACHINE) < keys


def test_what_has_a_default_need_not_be_given():
    for cls in (Configuration, Pretraining, *(protocol.settings for protocol in PROTOCOLS.values())):
        required = [
            field.name
            for field in dataclasses.fields(cls)
            if field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
        ]
        part = json_schema()["$defs"].get(cls.__name__)
        part = part or (json_schema() if cls is Configuration else _of_protocol(cls))
        assert part.get("required", []) == required


def _of_protocol(cls):
    properties = json_schema()["properties"]["evaluation"]["properties"]
    return next(properties[name] for name, protocol in PROTOCOLS.items() if protocol.settings is cls)


def test_lists_where_one_value_belongs_are_the_users_form_alone():
    subset = json_schema()["$defs"]["Subset"]["properties"]
    assert [key for key, value in subset.items() if value.get("if") == {"type": "array"}] == [
        "clips_per_class",
        "clips",
        "imbalance",
    ]


def test_the_rule_that_trains_on_encoders_takes_every_protocol_that_does(root):
    assert f'protocol="{"|".join(TRAINED)}"' in (root / "workflow/rules/classify.smk").read_text(encoding="utf-8")
