"""The look that all figures share: names, colours, markers, sizes, and how files are written."""

import contextlib
import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from avbench.fileio import atomic, remove_leftovers

# Okabe & Ito (2008), "Color universal design": told apart with any common colour vision.
BLACK, ORANGE, SKY, GREEN, YELLOW, BLUE, VERMILION, PURPLE = (
    "#000000",
    "#E69F00",
    "#56B4E9",
    "#009E73",
    "#F0E442",
    "#0072B2",
    "#D55E00",
    "#CC79A7",
)
GREY = "#767676"

COLUMN, PAGE = 3.4, 7.0  # inches: widths of a column and of a page with two columns
CHANCE = {"color": GREY, "linewidth": 0.8, "dashes": (1, 3)}  # the line of correct guesses

_RC = {
    "font.family": "DejaVu Sans",
    "font.size": 7.5,
    "axes.titlesize": 8,
    "axes.labelsize": 7.5,
    "xtick.labelsize": 7,
    "ytick.labelsize": 7,
    "legend.fontsize": 7,
    "axes.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "axes.grid": False,
    "grid.color": "#DDDDDD",
    "grid.linewidth": 0.5,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "lines.linewidth": 1.3,
    "lines.markersize": 4.5,
    "legend.frameon": False,
    "hatch.linewidth": 0.5,
    "pdf.fonttype": 42,
    "svg.hashsalt": "avbench",
    "axes.formatter.use_mathtext": True,
}


@dataclass(frozen=True)
class Look:
    """How a method appears in every figure."""

    name: str
    colour: str
    marker: str
    dash: str = "-"


METHODS: Mapping[str, Look] = {
    "random": Look("random", BLUE, "o"),
    "easy-negative": Look("easy negative", SKY, "v"),
    "hard-negative": Look("hard negative", VERMILION, "^"),
    "soft-positive": Look("soft positive", GREEN, "s"),
    "soft-positive-50": Look("soft positive (50 %)", ORANGE, "D"),
    "sp70": Look("soft positive, noisy labels", PURPLE, "P"),
    "pl-soft-positive": Look("soft positive, pseudo-labels", "#8C6D00", "X"),
    "supervised": Look("supervised", BLACK, "*", "--"),
    "untrained": Look("untrained", GREY, "x", ":"),
}
BASELINES = ("supervised", "untrained")
_CUSTOM = [
    Look("", colour, marker, dash)
    for dash, marker in (("-.", "h"), (":", "<"), ("--", ">"))
    for colour in (PURPLE, GREEN, BLUE, VERMILION, ORANGE, SKY)
]

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
_PROTOCOLS = {
    "linear": "linear probe",
    "linear-sgd": "linear probe on windows",
    "finetune": "fine-tuned",
    "knn": "nearest neighbours",
    "retrieval-1": "retrieval (first)",
    "retrieval-5": "retrieval (first 5)",
    "retrieval-10": "retrieval (first 10)",
}
_NOISES = {"uniform": "uniform noise", "pair-flip": "pair-flip noise", "confusion": "confusion noise"}
_POSITIVES = {"self": "own video", "same-class": "same class", "neighbour": "neighbour"}
_BATCHES = {"shuffled": "shuffled", "one-per-class": "one clip a class", "single-class": "a single class"}
_LOSSES = {
    "info-nce": "InfoNCE",
    "supcon": "supervised contrastive",
    "masked": "same class masked",
    "debiased": "debiased",
    "hard": "hard negatives",
}
_LABELS = {"none": "", "true": "true labels"}
_KINDS = {"pseudo": "pseudo-labels", "clusters": "clusters", "neighbours": "neighbours"}


def looks(methods: Iterable[str]) -> dict[str, Look]:
    """Return a look for each method in the order of figures: known ones first, others as they come."""
    given = list(dict.fromkeys(methods))
    custom = [method for method in given if method not in METHODS]
    found = {method: look for method, look in METHODS.items() if method in given and method not in BASELINES}
    for place, method in enumerate(custom):
        found[method] = replace(_CUSTOM[place % len(_CUSTOM)], name=wrap(words(method), 28))
    return found | {method: METHODS[method] for method in BASELINES if method in given}


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
    return _PROTOCOLS.get(protocol, words(protocol))


def method_name(method: str) -> str:
    """Return a method's name in one line of text."""
    return METHODS[method].name if method in METHODS else words(method)


def noise_name(noise: str) -> str:
    """Return the name of a kind of label noise."""
    return _NOISES.get(noise, words(noise))


def labels_name(labels: str, variants: Mapping[str, Mapping[str, Any]]) -> str:
    """Say what labels are; empty for none.

    Args:
        labels: as in the tables.
        variants: the configuration's label variants: name → kind, noise, rate, ….
    """
    variant = variants.get(labels, {})
    if variant.get("kind") == "noise":
        return f"{100 * variant['rate']:.3g} % {noise_name(variant.get('noise', ''))}"
    same = sum(other.get("kind") == variant.get("kind") for other in variants.values())
    if variant.get("kind") in _KINDS and same == 1:
        return _KINDS[variant["kind"]]
    return _LABELS.get(labels, words(labels))


def positive_name(fields: Mapping[str, Any]) -> str:
    """Say where a method's positives come from, and how often where that is not always.

    Args:
        fields: of :class:`avbench.methods.Method`.
    """
    name, share = _POSITIVES.get(fields["positive"], words(fields["positive"])), fields.get("probability", 1)
    if fields["positive"] == "self" or share == 1:
        return name
    ends = share if isinstance(share, list | tuple) else [share]
    return f"{name} ({' to '.join(f'{100 * end:.3g}' for end in ends)} %)"


def batch_name(fields: Mapping[str, Any]) -> str:
    """Say what a method's batches are made of."""
    if fields["batch"] == "mixed":
        return f"mixed, {fields['clips_per_class']} a class"
    return _BATCHES.get(fields["batch"], words(fields["batch"]))


def loss_name(fields: Mapping[str, Any]) -> str:
    """Return the name of a method's loss."""
    loss = fields.get("loss", "info-nce")
    return _LOSSES.get(loss, words(loss))


def imbalance_name(imbalance: float) -> str:
    """Say how many clips the largest class has for one of the smallest."""
    return "balanced" if imbalance == 1 else f"{imbalance:,.3g} : 1"


def size_name(clips: float) -> str:
    """Name a subset by its number of clips a class."""
    return f"{clips:,.0f} clips a class" if clips != 1 else "1 clip a class"


def subset_names(sizes: Mapping[str, float]) -> dict[str, str]:
    """Name subsets by their clips a class, and by their identifier too where those coincide.

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
    parts = textwrap.wrap(" ".join(text.split()), width, break_on_hyphens=False) or [""]
    if len(parts) > lines:
        parts = [*parts[: lines - 1], parts[lines - 1][: width - 1].rstrip() + "…"]
    return literal("\n".join(parts))


def panel_title(task: str, protocol: str, modality: str, role: str | None = None, width: int = 30) -> str:
    """Return the title of a task's panel: task and role, then how it was scored."""
    place = f" ({role.replace('-', ' ')})" if role else ""
    return f"{wrap(task_name(task) + place, width)}\n{protocol_name(protocol)}, {words(modality)}"


def same_scale(panels: Sequence[Axes], protocols: Sequence[str], axis: str) -> bool:
    """Give accuracies one scale, from zero; but retrieval, which is harder by far, one of its own.

    Args:
        panels: where they are drawn.
        protocols: of each panel.
        axis: "x" or "y".

    Returns:
        Whether all panels have the same.
    """
    retrieval = [protocol.startswith("retrieval") for protocol in protocols]
    for kind in set(retrieval):
        own = [axes for axes, is_kind in zip(panels, retrieval, strict=True) if is_kind == kind]
        top = max(getattr(axes, f"get_{axis}lim")()[1] for axes in own)
        for axes in own:
            axes.set(**{f"{axis}lim": (0, min(100, top))})
    return len(set(retrieval)) == 1


@contextlib.contextmanager
def shared() -> Iterator[None]:
    """Apply the style within the block, whatever the user's own settings are."""
    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(_RC)
        yield


def figure(width: float, height: float) -> Figure:
    """Make an empty figure (inches) whose layout leaves room for all labels."""
    made = Figure(figsize=(width, height), layout="constrained")
    made.get_layout_engine().set(w_pad=0.04, h_pad=0.04, wspace=0.02, hspace=0.03)
    return made


def notice(text: str) -> Figure:
    """Make a figure that says why there is nothing to see."""
    with shared():
        made = figure(PAGE, 0.6)
        made.text(0.5, 0.5, wrap(text, 110), ha="center", va="center", fontsize=8)
    return made


def legend(made: Figure, handles: Sequence[Artist], loc: str = "outside lower center") -> None:
    """Put a legend outside the panels, in as many columns (six at most) as the page is wide."""
    renderer = FigureCanvasAgg(made).get_renderer()
    for columns in range(min(6, len(handles)), 0, -1):
        placed = made.legend(handles=handles, loc=loc, ncols=columns)
        if placed.get_window_extent(renderer).width < made.bbox.width or columns == 1:
            return
        placed.remove()


def bare(axes: Axes, colour: str | None = None, width: float = 1.5, dash: str = "-") -> None:
    """Take ticks away; draw the frame in a colour, or not at all."""
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set_visible(colour is not None)
        if colour is not None:
            spine.set_edgecolor(colour)
            spine.set_linewidth(width)
            spine.set_linestyle(dash)


def save(made: Figure, stem: str | Path) -> None:
    """Write ``{stem}.png`` (200 dpi) and ``{stem}.pdf`` atomically, without dates: same figure, same bytes.

    Raises:
        UserError: a file cannot be written.
    """
    undated = {"png": {"Software": None}, "pdf": {"CreationDate": None, "Creator": None, "Producer": None}}
    with shared():
        for kind, metadata in undated.items():
            remove_leftovers(f"{stem}.{kind}")
            with atomic(f"{stem}.{kind}") as part:
                made.savefig(part, format=kind, dpi=200, metadata=metadata)
