"""Families: a list where one value belongs stands for one subset or one label variant a value.

Imported while the Snakefile is parsed, so it needs nothing but the standard library.
"""

import itertools
from collections.abc import Iterable, Mapping
from typing import Any

from avbench.core.errors import UserError


def expand(
    declared: Mapping[str, Mapping[str, Any]], key: str
) -> tuple[dict[str, dict[str, Any]], dict[str, list[str]]]:
    """Write out the families among declared subsets or label variants.

    A member is named after its family and its own values, in the order of the keys: ``{"uniform": {"rate": [0.1,
    0.2]}}`` gives ``uniform-10`` and ``uniform-20``; rates are named in percent, and points in names become ``_``.

    Args:
        declared: name → fields.
        key: where they are declared, for messages.

    Returns:
        All members, name → fields; and for each declared name the names of its members (itself where no field is a
        list).

    Raises:
        UserError: a family repeats a value, or two members have the same name.
    """
    members: dict[str, dict[str, Any]] = {}
    families: dict[str, list[str]] = {}
    for name, fields in declared.items():
        varied = {field: values for field, values in fields.items() if isinstance(values, list)}
        families[name] = []
        for chosen in itertools.product(*varied.values()):
            values = dict(zip(varied, chosen, strict=True))
            member = "-".join([name, *(_word(field, value) for field, value in values.items())])
            if member in members:
                raise UserError(f"config: {key}.{name}: {member!r} is there twice; leave out what is repeated.")
            members[member] = {**fields, **values}
            families[name].append(member)
    return members, families


def chosen(names: Iterable[Any], families: Mapping[str, list[str]], key: str) -> list[str]:
    """Return the members that a list of families and members names, each once, in their order.

    Raises:
        UserError: a name is not declared.
    """
    known = {member: [member] for members in families.values() for member in members} | dict(families)
    found: list[str] = []
    for name in names:
        if name not in known:
            raise UserError(f"config: {key}: {name!r} is not declared. Declared are {', '.join(known)}.")
        found += known[name]
    return list(dict.fromkeys(found))


def _word(field: str, value: Any) -> str:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return f"{100 * value if field == 'rate' else value:g}".replace(".", "_").replace("+", "")
    return str(value)
