"""Sampling methods: positives × batches × losses × labels, declared in the config.

Imported while the Snakefile is parsed: nothing heavy, and the library that checks types.
"""

import dataclasses
import re
from collections.abc import Mapping
from typing import Annotated, Any, cast

from pydantic import model_validator
from pydantic_core import ArgsKwargs

from avbench.config import fields, plugin_files
from avbench.config.axes import AXES, BATCHES, BELONGING, LOSSES, PACKAGED, POSITIVES
from avbench.config.choice_keys import ChoiceKeys, pairs
from avbench.config.choices import Choice, names
from avbench.config.fields import DECIDED, OneOf, Shown, meaning
from avbench.config.settings import settings
from avbench.config.words import allowed
from avbench.core.errors import UserError

BASELINE = "random"
"""The method that others are compared with, and whose features make labels where no other is named."""
UNTRAINED, SUPERVISED = "untrained", "supervised"
RESERVED = (UNTRAINED, SUPERVISED)
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")


_ALWAYS_RECORDED = ("clips_per_class", "class_prior", "hardness")
"""Keys that every run's record has, used or not: those that there were when the first runs were made."""


_SHARE = {"type": "number", "minimum": 0, "maximum": 1}
_PROBABILITY = {
    "if": {"type": "array"},
    "then": {"type": "array", "minItems": 2, "maxItems": 2, "items": _SHARE},
    "else": {"type": "number", "exclusiveMinimum": 0, "maximum": 1},
}
_VARIANT = {
    "if": {"type": "boolean"},
    "then": {"const": True},
    "else": {
        "if": {"type": "object"},
        "then": {
            "type": "object",
            "minProperties": 1,
            "additionalProperties": {"type": "array", "minItems": 1, "items": fields.NAME},
        },
        "else": fields.NAME,
    },
}
_LABELS = {
    "if": {"type": "array"},
    "then": {"type": "array", "minItems": 1, "items": _VARIANT},
    "else": _VARIANT,
}


@settings("methods.{name}")
class Method(ChoiceKeys):  # type: ignore[misc, valid-type]  # whose fields are known when the choices have been read
    """One way of choosing positive and negative pairs, and of weighing them.

    Its choices' own keys are fields too, such as ``clips_per_class`` of mixed batches: see `BELONGING`.

    Attributes:
        plugins: path and SHA-256 of each file of the user's own that declares any of its choices.
        options: name and value of each key that these files declare for them.
        name: letters, digits, ``-`` and ``_``; part of file names.
        positive, batch, loss: names in `AXES`.
        probability: how often another clip's video is drawn; otherwise the clip's own is taken. Two numbers are its
            values in the first and in the last epoch; between them it changes linearly.
        labels: the label variant that says what a class, or a neighbour, is; ``none`` where nothing asks for one.

    Raises:
        UserError: a value is not allowed, or the combination makes no sense.
    """

    name: Annotated[str, Shown(dict), DECIDED]
    positive: Annotated[
        str,
        OneOf(POSITIVES),
        meaning(f"the video that goes with a clip's audio: {names(POSITIVES)}"),
    ] = "self"
    probability: Annotated[
        float | tuple[float, float],
        Shown(lambda: _PROBABILITY),
        meaning("how often that is another clip's; `[first, last]` changes it evenly from the first epoch to the last"),
    ] = 1.0
    batch: Annotated[
        str,
        OneOf(BATCHES),
        meaning(f"the clips of a batch, and so the negatives: {names(BATCHES)}"),
    ] = "shuffled"
    labels: Annotated[
        str,
        Shown(lambda: _LABELS),
        meaning(
            "what says which class a clip is of: `none`, `true`, or a variant's name; a list makes a run of each. The "
            "first are its *own*: claims and most figures show these. An entry `{NAME: [subsets]}` is run on these "
            "subsets only"
        ),
    ] = "none"
    loss: Annotated[str, OneOf(LOSSES), meaning(f"what is made of the similarities: {names(LOSSES)}")] = "info-nce"

    @model_validator(mode="before")
    @classmethod
    def _read_files(cls, given: ArgsKwargs) -> ArgsKwargs:
        """Read the files that a method was written with before its names are checked, which these declare."""
        for path, digest in pairs((given.kwargs or {}).get("plugins", ())):
            plugin_files.load(path, digest)
        return given

    def __post_init__(self) -> None:
        """Check the values and their combination, and fill in what was left out."""
        where = f"methods.{self.name}"
        if not isinstance(self.name, str) or not _NAME.fullmatch(self.name):
            raise UserError(
                f"methods: the name {self.name!r} is not allowed; use letters, digits and, inside, - and _."
            )
        if self.name in RESERVED:
            raise UserError(f"{where}: the name is reserved for a baseline ({', '.join(RESERVED)}). Choose another.")
        if not isinstance(self.labels, str) or not _NAME.fullmatch(self.labels):
            raise UserError(
                f"{where}.labels: {self.labels!r} is not allowed; use none, true or a label variant's name."
            )
        self._check_probability(f"{where}.probability")
        self._check_belonging(where)
        self._check_combination(where)
        self._check_labels(f"{where}.labels")

    def _check_probability(self, where: str) -> None:
        value = self.probability
        if isinstance(value, list | tuple):
            if len(value) != 2 or not all(map(_is_number, value)):
                raise UserError(f"{where}: {value!r} is not allowed; write one number, or the first and the last.")
            if not all(0 <= end <= 1 for end in value):
                raise UserError(f"{where}: {value!r} is not allowed; both must be at least 0 and at most 1.")
            if value[0] == value[1]:
                raise UserError(f"{where}: {value!r} does not change; write one number.")
            object.__setattr__(self, "probability", tuple(value))
        elif not _is_number(value):
            raise UserError(f"{where}: {value!r} is no number.")
        elif not 0 < value <= 1:
            raise UserError(f"{where}: {value} is not allowed; it must be above 0 and at most 1.")
        if self.positive == "self" and value != 1:
            raise UserError(f"{where}: {value} has a meaning only with positive: same-class or neighbour.")

    def _check_belonging(self, where: str) -> None:
        options = dict(self.options)
        if unknown := [name for name in options if name in PACKAGED or name not in BELONGING]:
            raise UserError(f"{where}: unknown key {unknown[0]!r}. Allowed are {', '.join(_keys())}.")
        for name, (key, axis, choices) in BELONGING.items():
            value = options.get(name) if name not in PACKAGED else getattr(self, name)
            if getattr(self, axis) not in choices:
                if value is not None:
                    raise UserError(f"{where}.{name}: {value} has a meaning only with {axis}: {' or '.join(choices)}.")
            elif value is None and name in PACKAGED:
                object.__setattr__(self, name, key.default)
            elif name not in PACKAGED:
                options[name] = key.default if value is None else value
                if not plugin_files.allows(key, options[name]):
                    raise UserError(f"{where}.{name}: {value!r} is not allowed; it must be {allowed(key.type)}.")
        object.__setattr__(self, "options", tuple(sorted(options.items())))
        made = [choice.make for choice in self._choices().values()]
        files = {(each.path, each.digest) for each in made if isinstance(each, plugin_files.FromFile)}
        object.__setattr__(self, "plugins", tuple(sorted(files)))

    def _check_combination(self, where: str) -> None:
        if self.needs == "neighbours" and (keys := self._asking_for_classes()):
            raise UserError(
                f"{where}: positive: {self.positive} does not go with {keys[0]}: {getattr(self, keys[0])}, which needs "
                "classes; labels of kind neighbours have none."
            )
        if self.loss_uses_labels and self.batch == "one-per-class":
            raise UserError(
                f"{where}.loss: {self.loss} has no effect with batch: one-per-class, where no two clips are of a "
                "class; use info-nce."
            )
        if self.loss_uses_labels and self.batch == "single-class":
            raise UserError(
                f"{where}.loss: {self.loss} does not go with batch: single-class, where it leaves no negatives."
            )

    def _check_labels(self, where: str) -> None:
        if self.needs == "classes" and self.labels == "none":
            key = self._asking_for_classes()[0]
            raise UserError(f"{where}: none is not allowed with {key}: {getattr(self, key)}, which needs classes.")
        if self.needs == "neighbours" and self.labels in ("none", "true"):
            raise UserError(
                f"{where}: {self.labels} is not allowed with positive: {self.positive}, which needs a label variant "
                "of kind neighbours."
            )
        if self.needs == "none" and self.labels != "none":
            raise UserError(
                f"{where}: {self.labels} has no effect with positive: self, batch: shuffled, loss: {self.loss}; "
                "use none."
            )

    def _asking_for_classes(self) -> list[str]:
        return [axis for axis, choice in self._choices().items() if choice.needs == "classes"]

    def _choices(self) -> dict[str, Choice]:
        return {axis: choices[getattr(self, axis)] for axis, choices in AXES.items()}

    def options_of(self, axis: str) -> dict[str, Any]:
        """Return the values of the keys that belong to the choice on an axis: what it is made with."""
        options = dict(self.options)
        keys = (key.name for key in self._choices()[axis].keys)
        return {name: options[name] if name in options else getattr(self, name) for name in keys}

    def recorded(self) -> dict[str, Any]:
        """Return the fields as jobs and records have them, without those that mean nothing to this method.

        So a further choice, with keys of its own, changes nothing about the runs that do without it.
        """
        whole = dataclasses.asdict(cast(Any, self))
        kept = (*Method.__annotations__, *_ALWAYS_RECORDED)
        found = {name: value for name, value in whole.items() if name in kept or value not in (None, ())}
        return found | {name: dict(found[name]) for name in ("options", "plugins") if name in found}

    @property
    def needs(self) -> str:
        """What pairing has to be told: ``classes``, ``neighbours`` or ``none``."""
        asked = {choice.needs for choice in self._choices().values()}
        return next((needs for needs in ("neighbours", "classes") if needs in asked), "none")

    @property
    def uses_labels(self) -> bool:
        """Whether positives, batches or the loss ask for labels of any kind."""
        return self.needs != "none"

    @property
    def loss_uses_labels(self) -> bool:
        """Whether the loss asks for the class of each clip of a batch."""
        return LOSSES[self.loss].needs == "classes"

    def probability_at(self, epoch: int, epochs: int) -> float:
        """Return the probability in an epoch (from 0) of a run of so many; a run of one has the first."""
        if not isinstance(self.probability, tuple):
            return self.probability
        first, last = self.probability
        return first + (last - first) * epoch / max(1, epochs - 1)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


PRESETS = {
    method.name: method
    for method in (
        Method(BASELINE),
        Method("easy-negative", batch="one-per-class", labels="true"),
        Method("hard-negative", batch="single-class", labels="true"),
        Method("soft-positive", positive="same-class", labels="true"),
        Method("soft-positive-50", positive="same-class", probability=0.5, labels="true"),
        Method("sp70", positive="same-class", labels="noisy-30"),
        Method("pl-soft-positive", positive="same-class", labels="pseudo"),
    )
}


def parse_methods(mapping: Mapping[str, Any]) -> dict[str, Method]:
    """Read the config's methods: each is the word ``preset`` or a mapping of :class:`Method`'s fields.

    Args:
        mapping: what the config has under ``methods``.

    Returns:
        The methods by name, in the config's order.

    Raises:
        UserError: a name, key or value is not allowed.
    """
    if not isinstance(mapping, Mapping) or not mapping:
        raise UserError("methods: at least one method is needed, as a mapping of names to methods.")
    return {name: _parse(name, value) for name, value in mapping.items()}


def _parse(name: str, value: Any) -> Method:
    if value == "preset":
        if name not in PRESETS:
            raise UserError(f"methods.{name}: there is no such preset. Presets are {', '.join(PRESETS)}.")
        return PRESETS[name]
    known = _keys()
    if not isinstance(value, Mapping):
        raise UserError(f"methods.{name}: {value!r} is not allowed; write preset or a mapping of {', '.join(known)}.")
    if unknown := [key for key in value if key not in known]:
        raise UserError(f"methods.{name}: unknown key {unknown[0]!r}. Allowed are {', '.join(known)}.")
    options = {key: part for key, part in value.items() if key in BELONGING and key not in PACKAGED}
    value = {key: part for key, part in value.items() if key not in options}
    if "labels" in value:  # YAML reads a bare true as a boolean, and null as nothing
        value["labels"] = {"True": "true", "None": "none"}.get(str(value["labels"]), value["labels"])
    return Method(name, **value, options=options)


def _keys() -> list[str]:
    """Return the keys that a method may have."""
    return ["positive", "probability", "batch", "labels", "loss", *BELONGING]
