"""The datasets of the configuration: where their clips come from, and what is kept of them."""

from collections.abc import Mapping
from dataclasses import field
from typing import Annotated, Any

from pydantic import Field, WithJsonSchema

from avbench.config import schema
from avbench.config.checks import CheckSettings
from avbench.config.fields import UNIQUE, Count, Share, Shown, meaning
from avbench.config.hub import HubSettings
from avbench.config.settings import settings
from avbench.config.tasks import Modalities

SOURCES = ("files", "download")


def _folder(key: str) -> dict[str, Any]:
    return {
        "type": "object",
        "additionalProperties": False,
        "required": [key],
        "properties": {key: {"type": "string", "minLength": 1}},
    }


def _source() -> dict[str, Any]:
    hub = {"type": "object", "additionalProperties": False, "required": ["hub"]}
    hub["properties"] = {"hub": schema.of(HubSettings)}
    return {"oneOf": [{"enum": list(SOURCES)}, _folder("directory"), _folder("archives"), hub]}


@settings("published")
class Published:
    """How many clips a publication had."""

    train: Annotated[Count | None, meaning("training clips")] = None
    validation: Annotated[Count | None, meaning("validation clips")] = None
    test: Annotated[Count | None, meaning("test clips")] = None
    subset: Annotated[Count | None, meaning("clips of the pretraining subset")] = None


@settings("datasets")
class Dataset:
    """One dataset; its files go to ``data/{name}``."""

    rules: Annotated[
        str,
        Field(pattern=r"\.smk$"),
        meaning("the rule file that makes its manifest: one of `workflow/datasets/*.smk` or your own"),
    ]
    shards: Annotated[
        int,
        Field(ge=1, le=4096),
        meaning("into how many jobs it is cut; a few for thousands of clips, 256 for 200,000"),
    ]
    min_coverage: Annotated[Share, meaning("stop when a smaller share of its listed clips is stored")]
    modalities: Annotated[Modalities, meaning("`[audio, video]` or one of them")] = ("audio", "video")
    multi_label: Annotated[
        bool,
        meaning(
            "a clip has several labels, `dog;rain` in the manifest: tasks are scored by mean average precision and "
            "macro AUC"
        ),
    ] = False
    checks: Annotated[
        Mapping[str, Any],
        Shown(lambda: schema.partly(CheckSettings)),
        meaning("thresholds that differ from the general ones"),
    ] = field(default_factory=dict)
    sources: Annotated[
        tuple[Annotated[Any, Shown(_source)], ...],
        UNIQUE,
        meaning(
            "where clips are looked for, in this order: `files` (the manifest's paths), `download` (the manifest's "
            "addresses), `directory`: PATH (a folder of trimmed clips), `archives`: PATTERN (zip or tar files of "
            "such), `hub`: see below (such files on the Hugging Face Hub)"
        ),
    ] = ("files",)
    media_in_page: Annotated[
        bool | None,
        meaning(
            "put the sound and the film of a few clips into the page of the results; by default, only generated ones "
            "(`controlled.smk`): others' clips have a licence of their own"
        ),
    ] = None
    published: Annotated[
        Published | None,
        meaning("how many clips a publication had, to be set beside ours: `train`, `validation`, `test`, `subset`"),
    ] = None
    options: Annotated[
        Mapping[str, Any],
        WithJsonSchema({"type": "object"}),
        meaning("what its rule file asks for; each has a schema of its own in `workflow/schemas`"),
    ] = field(default_factory=dict)
