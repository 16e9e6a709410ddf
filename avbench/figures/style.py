"""The look that all figures share: names, colours, markers, sizes, and how files are written."""

import contextlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import matplotlib as mpl
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from avbench.core.files import atomic, remove_leftovers
from avbench.figures.names import protocol_name, task_name, words, wrap

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


def looks(methods: Iterable[str]) -> dict[str, Look]:
    """Return a look for each method in the order of figures: known ones first, others as they come."""
    given = list(dict.fromkeys(methods))
    custom = [method for method in given if method not in METHODS]
    found = {method: look for method, look in METHODS.items() if method in given and method not in BASELINES}
    for place, method in enumerate(custom):
        found[method] = replace(_CUSTOM[place % len(_CUSTOM)], name=wrap(words(method), 28))
    return found | {method: METHODS[method] for method in BASELINES if method in given}


def method_name(method: str) -> str:
    """Return a method's name in one line of text."""
    return METHODS[method].name if method in METHODS else words(method)


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
