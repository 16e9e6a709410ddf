"""Test clips on a map: the features of encoders in two dimensions by t-SNE."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import seaborn as sns
from matplotlib.figure import Figure

from avbench.core.arrays import open_arrays
from avbench.core.errors import NothingToShowError
from avbench.figures import names, panels, style
from avbench.figures.reading import Settings
from avbench.results.projection import choose, project


def draw_embedding_map(settings: Settings, stem: Path) -> None:
    """Test clips on a map, by the encoders of several methods."""
    key = settings["task"]
    maps: dict[str, np.ndarray | str] = {}
    for method, path in settings["embeddings"].items():
        with open_arrays(path) as arrays:
            test = arrays[f"{key}/split"] == "test"
            labels, clips = arrays[f"{key}/label"][test], arrays[f"{key}/clip_id"][test]
            places, coloured = choose(labels, clips)
            try:
                maps[method] = project(arrays[f"{key}/{settings['modality']}"][test][places])
            except NothingToShowError as reason:
                maps[method] = str(reason)
    if all(isinstance(map_, str) for map_ in maps.values()):
        raise NothingToShowError(f"There is no map of the test clips. {next(iter(maps.values()))}")
    style.save(draw(maps, labels[places], coloured), stem)


_COLOURS = (style.BLUE, style.VERMILION, style.GREEN, style.ORANGE, style.PURPLE, style.SKY)
_MARKERS = "o^"
_REST = ("#C4C4C4", "o", 3)


def draw(maps: Mapping[str, np.ndarray | str], labels: Sequence[str], coloured: Sequence[str]) -> Figure:
    """Draw a panel a map.

    Args:
        maps: for each method what :func:`avbench.results.projection.project` returns, or why there is none.
        labels: classes of the clips, in the same order.
        coloured: the classes with a colour of their own, twelve at most; all others are grey.
    """
    looks = style.looks(maps)
    order = sorted(looks, key=lambda method: method not in style.BASELINES)  # what was not pretrained comes first
    kinds = [(_COLOURS[k % 6], _MARKERS[k // 6 % 2], 9) for k in range(len(coloured))] + [_REST]
    colours, markers, sizes = (dict(enumerate(of)) for of in zip(*kinds, strict=True))
    kind = np.array([coloured.index(label) if label in coloured else len(coloured) for label in labels])
    behind = np.argsort(-kind, kind="stable")
    titles = [names.wrap(label, 30, 1) for label in coloured]
    if others := len(set(labels)) - len(coloured):
        titles.append(f"{others} other classes" if others > 1 else "another class")
    handles = [
        style.key(title, color=colour, marker=marker, linestyle="", markersize=3 if size == _REST[2] else 4.5)
        for title, (colour, marker, size) in zip(titles, kinds, strict=False)
    ]
    with style.shared():
        made = style.figure(style.PAGE, style.PAGE / max(len(maps), 2) + 0.14 * -(-len(titles) // 4) + 0.3)
        for axes, method in zip(panels.grid(made, len(order), len(order)), order, strict=True):
            axes.set_title(names.sentence(looks[method].name))
            found = maps[method]
            if isinstance(found, str):
                axes.text(0.5, 0.5, names.wrap(found, 28, 6), ha="center", va="center", transform=axes.transAxes)
            else:
                (x, y), by = found[behind].T, kind[behind]
                look = {"palette": colours, "markers": markers, "sizes": sizes, "linewidth": 0, "legend": False}
                sns.scatterplot(x=x, y=y, hue=by, style=by, size=by, ax=axes, **look)
                axes.set_aspect("equal", adjustable="datalim")
            panels.bare(axes, "#BBBBBB", 0.6)
        style.legend(made, handles, "outside lower center")
    return made
