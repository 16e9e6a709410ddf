"""Sampling methods: positives × batches × labels, declared in the config.

Imported while the Snakefile is parsed, so it needs nothing but the standard library.
"""

import dataclasses
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from avbench.errors import UserError

POSITIVES = ("self", "same-class")
BATCHES = ("shuffled", "one-per-class", "single-class")
RESERVED = ("untrained", "supervised")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")


@dataclass(frozen=True)
class Method:
    """One way of choosing positive and negative pairs.

    Attributes:
        name: letters, digits, ``-`` and ``_``; part of file names.
        positive: the video that goes with a clip's audio: its own (``self``), or that of a uniformly drawn
            clip of its class (``same-class``).
        probability: how often a same-class positive is drawn; otherwise the clip's own video is taken.
        batch: what a batch, and so the negatives, is made of: ``shuffled``, ``one-per-class`` or
            ``single-class``.
        labels: the label variant that says what a class is; ``none`` where nothing asks for one.

    Raises:
        UserError: a value is not allowed, or the combination makes no sense.
    """

    name: str
    positive: str = "self"
    probability: float = 1.0
    batch: str = "shuffled"
    labels: str = "none"

    def __post_init__(self) -> None:
        """Check the values and their combination."""
        where = f"methods.{self.name}"
        if not isinstance(self.name, str) or not _NAME.fullmatch(self.name):
            raise UserError(
                f"methods: the name {self.name!r} is not allowed; use letters, digits and, inside, - and _."
            )
        if self.name in RESERVED:
            raise UserError(f"{where}: the name is reserved for a baseline ({', '.join(RESERVED)}). Choose another.")
        for key, allowed in (("positive", POSITIVES), ("batch", BATCHES)):
            if getattr(self, key) not in allowed:
                raise UserError(f"{where}.{key}: {getattr(self, key)!r} is unknown. Allowed are {', '.join(allowed)}.")
        if not isinstance(self.labels, str) or not _NAME.fullmatch(self.labels):
            raise UserError(
                f"{where}.labels: {self.labels!r} is not allowed; use none, true or a label variant's name."
            )
        if isinstance(self.probability, bool) or not isinstance(self.probability, int | float):
            raise UserError(f"{where}.probability: {self.probability!r} is no number.")
        if not 0 < self.probability <= 1:
            raise UserError(
                f"{where}.probability: {self.probability} is not allowed; it must be above 0 and at most 1."
            )
        if self.positive == "self" and self.probability != 1:
            raise UserError(f"{where}.probability: {self.probability} has a meaning only with positive: same-class.")
        if self.labels == "none" and self.uses_labels:
            key = "positive" if self.positive == "same-class" else "batch"
            raise UserError(
                f"{where}.labels: none is not allowed with {key}: {getattr(self, key)}, which needs classes."
            )
        if self.labels != "none" and not self.uses_labels:
            raise UserError(
                f"{where}.labels: {self.labels} has no effect with positive: self, batch: shuffled; use none."
            )

    @property
    def uses_labels(self) -> bool:
        """Whether positives or batches ask for classes."""
        return self.positive == "same-class" or self.batch != "shuffled"


PRESETS = {
    method.name: method
    for method in (
        Method("random"),
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
    fields = [field.name for field in dataclasses.fields(Method) if field.name != "name"]
    if not isinstance(value, Mapping):
        raise UserError(f"methods.{name}: {value!r} is not allowed; write preset or a mapping of {', '.join(fields)}.")
    if unknown := [key for key in value if key not in fields]:
        raise UserError(f"methods.{name}: unknown key {unknown[0]!r}. Allowed are {', '.join(fields)}.")
    value = dict(value)
    if "labels" in value:  # YAML reads a bare true as a boolean, and null as nothing
        value["labels"] = {"True": "true", "None": "none"}.get(str(value["labels"]), value["labels"])
    return Method(name, **value)
