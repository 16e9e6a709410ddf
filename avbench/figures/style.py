"""The look that all figures share: names, colours, markers, sizes, and how files are written."""

import contextlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import matplotlib as mpl
import seaborn as sns
from matplotlib.artist import Artist
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from avbench.config.axes import LOSSES
from avbench.core.files import atomic, remove_leftovers
from avbench.figures.fonts import BASE, families
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

PAGE, NARROW = 7.0, 4.6  # inches: widths of a page, and of a figure of one panel
# The lines of correct guesses.
GUESSES: Mapping[str, Mapping[str, Any]] = {
    "chance": {"color": GREY, "linewidth": 0.8, "dashes": (1, 3)},
    "always the largest class": {"color": GREY, "linewidth": 0.8, "dashes": (5, 2)},
}
GUESSING = {"color": GREY, "linewidth": 0.8, "dashes": (1, 2)}  # the line of the loss of guessing
HOLLOW = {"color": BLACK, "marker": "o", "linestyle": "", "markerfacecolor": "white"}  # a mark that is not sure

_RC = {
    "axes.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "grid.color": "#DDDDDD",
    "grid.linewidth": 0.5,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "xtick.major.size": 3.5,
    "ytick.major.size": 3.5,
    "lines.linewidth": 1.3,
    "lines.markersize": 4.5,
    "patch.force_edgecolor": False,
    "legend.frameon": False,
    "legend.handlelength": 2.5,
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

    @property
    def line(self) -> dict[str, str]:
        """What matplotlib calls it."""
        return {"color": self.colour, "marker": self.marker, "linestyle": self.dash}


METHODS: Mapping[str, Look] = {
    "random": Look("random", BLUE, "o"),
    "easy-negative": Look("easy negative", SKY, "v"),
    "hard-negative": Look("hard negative", VERMILION, "^"),
    "soft-positive": Look("soft positive", GREEN, "s"),
    "soft-positive-50": Look("soft positive (50 %)", ORANGE, "D"),
    "sp70": Look("soft positive, noisy labels", PURPLE, "P"),
    "pl-soft-positive": Look("soft positive, pseudo-labels", "#8C6D00", "X"),
    # Rivals that the shipped configurations call by their losses' names.
    "supcon": Look(LOSSES["supcon"].display, "#332288", "h", "-."),
    "masked": Look(LOSSES["masked"].display, "#7A3B2E", "<", "-."),
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


@contextlib.contextmanager
def shared() -> Iterator[None]:
    """Apply the style within the block, whatever the user's own settings are."""
    with mpl.rc_context():
        mpl.rcdefaults()
        sns.set_theme("paper", "ticks", font=BASE, font_scale=0.8, color_codes=False, rc=_RC)
        mpl.rcParams["font.family"] = list(families())
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


def key(label: str, **look: Any) -> Line2D:
    """Return an entry of a legend."""
    return Line2D([], [], label=label, **look)


def keys(looks: Mapping[str, Look]) -> list[Line2D]:
    """Return the entries of methods in a legend."""
    return [key(look.name, **look.line) for look in looks.values()]


def guess_keys(guesses: Iterable[Iterable[str]]) -> list[Line2D]:
    """Return the entries of the lines of correct guesses that any panel has, by their names in ``GUESSES``."""
    found = {name for names in guesses for name in names}
    return [key(name, **look) for name, look in GUESSES.items() if name in found]


def legend(made: Figure, handles: Sequence[Artist], loc: str = "outside upper center") -> None:
    """Put a legend outside the panels, in as many columns (six at most) as the page is wide."""
    renderer = FigureCanvasAgg(made).get_renderer()
    for columns in range(min(6, len(handles)), 0, -1):
        placed = made.legend(handles=handles, loc=loc, ncols=columns)
        if placed.get_window_extent(renderer).width < 0.95 * made.bbox.width or columns == 1:
            return
        placed.remove()


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
