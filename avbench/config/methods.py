"""Sampling methods: positives × batches × losses × labels, declared in the config.

Imported while the Snakefile is parsed, so it needs nothing but the standard library.
"""

import dataclasses
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from avbench.core.errors import UserError

POSITIVES = ("self", "same-class", "neighbour")
BATCHES = ("shuffled", "one-per-class", "single-class", "mixed")
LOSSES = ("info-nce", "supcon", "masked", "debiased", "hard")
RESERVED = ("untrained", "supervised")
CLIPS_PER_CLASS = 4
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")
# Which choices ask what a class is. Beside them, positives of other kinds and batches and losses know of none.
_CLASSES = {
    "positive": ("same-class",),
    "batch": ("one-per-class", "single-class", "mixed"),
    "loss": ("supcon", "masked"),
}
# Keys that belong to one choice: what they go with, and what they are where they are not given.
_BELONGS = {
    "clips_per_class": ("batch", ("mixed",), CLIPS_PER_CLASS),
    "class_prior": ("loss", ("debiased", "hard"), 0.1),  # the default of the code published with both papers
    "hardness": ("loss", ("hard",), 1.0),  # likewise
}


@dataclass(frozen=True)
class Method:
    """One way of choosing positive and negative pairs, and of weighing them.

    Attributes:
        name: letters, digits, ``-`` and ``_``; part of file names.
        positive: the video that goes with a clip's audio: its own (``self``), that of a uniformly drawn clip of its
            class (``same-class``), or that of one of its nearest neighbours (``neighbour``).
        probability: how often another clip's video is drawn; otherwise the clip's own is taken. Two numbers are its
            values in the first and in the last epoch; between them it changes linearly.
        batch: what a batch, and so the negatives, is made of: ``shuffled``, ``one-per-class``, ``single-class`` or
            ``mixed``.
        labels: the label variant that says what a class, or a neighbour, is; ``none`` where nothing asks for one.
        loss: ``info-nce``, ``supcon``, ``masked``, ``debiased`` or ``hard``; see `avbench.methods.losses`.
        clips_per_class: of a mixed batch; 4 unless given.
        class_prior: debiased and hard: the supposed share of negatives that are of the anchor's class; 0.1 unless
            given.
        hardness: hard: how much a negative's likeness to the anchor adds to its weight; 1 unless given.

    Raises:
        UserError: a value is not allowed, or the combination makes no sense.
    """

    name: str
    positive: str = "self"
    probability: float | tuple[float, float] = 1.0
    batch: str = "shuffled"
    labels: str = "none"
    loss: str = "info-nce"
    clips_per_class: int | None = None
    class_prior: float | None = None
    hardness: float | None = None

    def __post_init__(self) -> None:
        """Check the values and their combination, and fill in what was left out."""
        where = f"methods.{self.name}"
        if not isinstance(self.name, str) or not _NAME.fullmatch(self.name):
            raise UserError(
                f"methods: the name {self.name!r} is not allowed; use letters, digits and, inside, - and _."
            )
        if self.name in RESERVED:
            raise UserError(f"{where}: the name is reserved for a baseline ({', '.join(RESERVED)}). Choose another.")
        for key, allowed in (("positive", POSITIVES), ("batch", BATCHES), ("loss", LOSSES)):
            if getattr(self, key) not in allowed:
                raise UserError(f"{where}.{key}: {getattr(self, key)!r} is unknown. Allowed are {', '.join(allowed)}.")
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
        for key, (choice, values, default) in _BELONGS.items():
            value = getattr(self, key)
            if getattr(self, choice) not in values:
                if value is not None:
                    raise UserError(f"{where}.{key}: {value} has a meaning only with {choice}: {' or '.join(values)}.")
            elif value is None:
                object.__setattr__(self, key, default)
        if (clips := self.clips_per_class) is not None and (type(clips) is not int or clips < 2):
            raise UserError(
                f"{where}.clips_per_class: {clips!r} is not allowed; it must be a whole number of at least 2."
            )
        for key, limit, allowed in (
            ("class_prior", 1, "at least 0 and below 1"),
            ("hardness", math.inf, "at least 0"),
        ):
            value = getattr(self, key)
            if value is not None and not (_is_number(value) and 0 <= value < limit):
                raise UserError(f"{where}.{key}: {value!r} is not allowed; it must be a number of {allowed}.")

    def _check_combination(self, where: str) -> None:
        if self.positive == "neighbour" and (keys := self._asking_for_classes()):
            raise UserError(
                f"{where}: positive: neighbour does not go with {keys[0]}: {getattr(self, keys[0])}, which needs "
                "classes; labels of kind neighbours have none."
            )
        if self.loss in _CLASSES["loss"] and self.batch == "one-per-class":
            raise UserError(
                f"{where}.loss: {self.loss} has no effect with batch: one-per-class, where no two clips are of a "
                "class; use info-nce."
            )
        if self.loss in _CLASSES["loss"] and self.batch == "single-class":
            raise UserError(
                f"{where}.loss: {self.loss} does not go with batch: single-class, where it leaves no negatives."
            )

    def _check_labels(self, where: str) -> None:
        if self.needs == "classes" and self.labels == "none":
            key = self._asking_for_classes()[0]
            raise UserError(f"{where}: none is not allowed with {key}: {getattr(self, key)}, which needs classes.")
        if self.needs == "neighbours" and self.labels in ("none", "true"):
            raise UserError(
                f"{where}: {self.labels} is not allowed with positive: neighbour, which needs a label variant of kind "
                "neighbours."
            )
        if self.needs == "none" and self.labels != "none":
            raise UserError(
                f"{where}: {self.labels} has no effect with positive: self, batch: shuffled, loss: {self.loss}; "
                "use none."
            )

    def _asking_for_classes(self) -> list[str]:
        return [key for key, values in _CLASSES.items() if getattr(self, key) in values]

    @property
    def needs(self) -> str:
        """What pairing has to be told: ``classes``, ``neighbours`` or ``none``."""
        if self.positive == "neighbour":
            return "neighbours"
        return "classes" if self._asking_for_classes() else "none"

    @property
    def uses_labels(self) -> bool:
        """Whether positives, batches or the loss ask for labels of any kind."""
        return self.needs != "none"

    @property
    def loss_uses_labels(self) -> bool:
        """Whether the loss asks for the class of each clip of a batch."""
        return self.loss in _CLASSES["loss"]

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
