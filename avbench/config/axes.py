"""The axes of a method, each a registry of choices, and the keys that belong to some of them.

Files of the user's own add to them (`avbench.config.plugin_files`), so that what reads them finds these, too.
"""

from avbench.config.choices import Choice, Key, collected, found

POSITIVES = found("avbench.methods.positives", "POSITIVES")
BATCHES = found("avbench.methods.batch_kinds", "BATCHES")
LOSSES = collected("avbench.methods.losses", "LOSS")
AXES: dict[str, dict[str, Choice]] = {"positive": POSITIVES, "batch": BATCHES, "loss": LOSSES}

BELONGING: dict[str, tuple[Key, str, tuple[str, ...]]] = {}
"""Keys that belong to choices: key → its declaration, the axis, and the choices that it goes with."""


def enter_keys() -> None:
    """Bring `BELONGING` in step with the axes."""
    BELONGING.clear()
    for axis, choices in AXES.items():
        for choice in choices.values():
            for key in choice.keys:
                _, _, others = BELONGING.get(key.name, (key, axis, ()))
                BELONGING[key.name] = (key, axis, (*others, choice.name))


enter_keys()
PACKAGED = tuple(BELONGING)
"""The keys that the package's own choices have."""
