"""Names of methods, tasks, protocols, labels and subsets as figures write them."""

import textwrap
import unicodedata
from collections.abc import Iterable, Mapping
from typing import Any

from avbench.config.choices import Registry
from avbench.config.evaluation import OF_SETS, PROTOCOLS
from avbench.config.labels import KINDS, NOISES
from avbench.config.methods import BATCHES, LOSSES, POSITIVES
from avbench.config.mismatches import MISMATCHES, apart, beside
from avbench.figures.fonts import drawable

_TASKS = {
    "vggsound": "VGGSound",
    "tau": "TAU Urban Scenes",
    "tau-av": "TAU Urban Scenes",
    "tau_av": "TAU Urban Scenes",
    "tau-av-2021": "TAU Urban Scenes",
    "fsdnoisy18k": "FSDnoisy18k",
    "fsdnoisy18k-clean": "FSDnoisy18k (clean)",
    "controlled": "Controlled set",
}
_SCORES = {score: text for protocol in PROTOCOLS.values() for score, text in protocol.display.items()}
_LABELS = {"none": "", "true": "true labels"}


def words(identifier: str) -> str:
    """Turn an identifier into words."""
    return identifier.replace("_", " ").replace("-", " ").strip() or identifier


def sentence(text: str) -> str:
    """Begin with a capital letter."""
    return text[:1].upper() + text[1:]


def task_name(task: str) -> str:
    """Return a task's or dataset's name as written in a paper."""
    return _TASKS.get(task, sentence(words(task)))


def protocol_name(protocol: str) -> str:
    """Return a protocol's name as written in a paper."""
    return _SCORES.get(protocol, words(protocol))


def measure_name(protocol: str) -> str:
    """Say what the scores of a protocol are."""
    return OF_SETS.get(protocol, "accuracy")


def score_axis(protocols: Iterable[str]) -> str:
    """Name the axis of the scores of some protocols, in percent."""
    measures = dict.fromkeys(map(measure_name, protocols))
    return f"{' or '.join('mAP' if name == OF_SETS['linear-map'] else sentence(name) for name in measures)} (%)"


def scores_name(protocols: Iterable[str]) -> str:
    """Say what the scores of some protocols are, and how the first was measured."""
    found = list(dict.fromkeys(protocols))
    measures = " or ".join(dict.fromkeys(map(measure_name, found)))
    return f"{sentence(measures)} ({protocol_name(found[0])})"


def noise_name(noise: str) -> str:
    """Return the name of a kind of label noise, or of pairs that do not match."""
    return _display(NOISES | MISMATCHES, noise)


def labels_name(labels: str, variants: Mapping[str, Mapping[str, Any]]) -> str:
    """Say what labels are; empty for none.

    Args:
        labels: as in the tables.
        variants: the configuration's label variants: name → kind, noise, rate, …; and ``+name`` → kind and rate of
            pairs that do not match.
    """
    own, mismatches = apart(labels)
    if mismatches:
        found = variants[beside("", mismatches)]
        told = f"{100 * found['rate']:.3g} % {noise_name(found['kind'])}"
        return f"{before}, {told}" if (before := labels_name(own, variants)) else told
    variant = variants.get(labels, {})
    if variant.get("kind") == "noise":
        return f"{100 * variant['rate']:.3g} % {noise_name(variant.get('noise', ''))}"
    same = sum(other.get("kind") == variant.get("kind") for other in variants.values())
    if variant and same == 1 and (display := KINDS[variant["kind"]].display):
        return display
    return _LABELS.get(labels, words(labels))


def positive_name(fields: Mapping[str, Any]) -> str:
    """Say where a method's positives come from, and how often where that is not always.

    Args:
        fields: of :class:`avbench.config.methods.Method`.
    """
    name, share = _display(POSITIVES, fields["positive"]), fields.get("probability", 1)
    if fields["positive"] == "self" or share == 1:
        return name
    ends = share if isinstance(share, list | tuple) else [share]
    return f"{name} ({' to '.join(f'{100 * end:.3g}' for end in ends)} %)"


def batch_name(fields: Mapping[str, Any]) -> str:
    """Say what a method's batches are made of."""
    return _display(BATCHES, fields["batch"]).format(**fields)


def loss_name(fields: Mapping[str, Any]) -> str:
    """Return the name of a method's loss."""
    return _display(LOSSES, fields.get("loss", "info-nce"))


def _display(registry: Registry, name: str) -> str:
    """Return how figures write a choice; one that a user's own file declares is its name in words."""
    return registry[name].display if name in registry else words(name)


def imbalance_name(imbalance: float) -> str:
    """Say how many clips the largest class has for one of the smallest."""
    return "balanced" if imbalance == 1 else f"{imbalance:,.3g} : 1"


def size_name(clips: float) -> str:
    """Name a subset by its number of clips per class."""
    return f"{clips:,.0f} clips per class" if clips != 1 else "1 clip per class"


def subset_names(sizes: Mapping[str, float]) -> dict[str, str]:
    """Name subsets by their clips per class, and by their identifier too where those coincide.

    The smallest comes first; those of about the same size, in the order given.
    """
    names = {subset: size_name(sizes[subset]) for subset in sorted(sizes, key=lambda name: round(sizes[name]))}
    if len(set(names.values())) == len(names):
        return names
    return {subset: f"{sentence(words(subset))}: {name}" for subset, name in names.items()}


def literal(text: str) -> str:
    """Keep matplotlib from reading dollar signs in data as mathematics."""
    return text.replace("$", r"\$")


def wrap(text: str, width: int, lines: int = 2) -> str:
    """Break text from data into at most ``lines`` lines of ``width`` characters; … stands for the rest."""
    text = drawable(" ".join(text.split()))
    # Chinese, Japanese and Korean characters are as wide as two others.
    cells = sum(2 if unicodedata.east_asian_width(character) in "WF" else 1 for character in text)
    width = max(2, width * len(text) // cells) if cells > len(text) else width
    parts = textwrap.wrap(text, width, break_on_hyphens=False) or [""]
    if len(parts) > lines:
        parts = [*parts[: lines - 1], parts[lines - 1][: width - 1].rstrip() + "…"]
    return literal("\n".join(parts))
