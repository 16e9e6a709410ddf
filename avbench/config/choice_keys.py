"""What the choices of a method add to its fields: a key each."""

import dataclasses
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BeforeValidator

from avbench.config.axes import BELONGING, PACKAGED
from avbench.config.fields import DECIDED, meaning


def pairs(given: Any) -> tuple[tuple[str, Any], ...]:
    """Return a mapping, or what JSON makes of its pairs, as pairs, so that a method stays hashable."""
    found = given.items() if isinstance(given, Mapping) else given
    return tuple((str(key), value) for key, value in found)


# What the choices add to a method: the files that declare them; a field for each key of the package's own, None where
# it has no meaning; and the keys that files declare.
ChoiceKeys = dataclasses.make_dataclass(
    "ChoiceKeys",
    [
        ("plugins", Annotated[tuple, BeforeValidator(pairs), DECIDED], dataclasses.field(default=(), kw_only=True)),
        *(
            (
                name,
                Annotated[BELONGING[name][0].type | None, meaning(BELONGING[name][0].meaning)],
                dataclasses.field(default=None, kw_only=True),
            )
            for name in PACKAGED
        ),
        ("options", Annotated[tuple, BeforeValidator(pairs), DECIDED], dataclasses.field(default=(), kw_only=True)),
    ],
    frozen=True,
)
