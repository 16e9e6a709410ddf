"""Test clips on a map: the features of encoders in two dimensions by t-SNE."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from avbench.core.hashing import keyed_ranks
from avbench.figures import names, style
from avbench.figures.reading import Settings


def draw_embedding_map(settings: Settings, stem: Path) -> None:
    """Test clips on a map, by the encoders of several methods."""
    key, maps = settings["task"], {}
    for method, path in settings["embeddings"].items():
        with np.load(path) as arrays:
            test = arrays[f"{key}/split"] == "test"
            labels, clips = arrays[f"{key}/label"][test], arrays[f"{key}/clip_id"][test]
            places, coloured = choose(labels, clips)
            maps[method] = project(arrays[f"{key}/{settings['modality']}"][test][places])
    plot(maps, labels[places], coloured, stem)


MOST_CLIPS = 1500
COLOURED = 12
_PERPLEXITY = 30
_ITERATIONS, _ANGLE = 350, 0.8  # of t-SNE: less exact than by default (1,000 and 0.5), and enough for so few clips
_COLOURS = (style.BLUE, style.VERMILION, style.GREEN, style.ORANGE, style.PURPLE, style.SKY)
_MARKERS = "o^"


def choose(labels: Sequence[str], clip_ids: Sequence[str], most: int = MOST_CLIPS) -> tuple[np.ndarray, list[str]]:
    """Choose the clips to show and the classes to colour, whatever their features are.

    Coloured are classes at equal distances in the sorted list of labels. All of their clips are taken first, then
    others; in each part clips with the lowest keyed rank.

    Returns:
        Places of at most ``most`` clips, ascending, and the coloured classes.
    """
    labels = np.asarray(labels)
    classes = np.unique(labels)
    coloured = classes[np.linspace(0, len(classes) - 1, min(COLOURED, len(classes))).round().astype(int)]
    order = np.lexsort((keyed_ranks(0, "embedding-map", list(clip_ids)), ~np.isin(labels, coloured)))
    return np.sort(order[:most]), coloured.tolist()


def project(features: np.ndarray) -> np.ndarray:
    """Return places on a map: t-SNE (van der Maaten & Hinton 2008) of features scaled to length one.

    It starts from the first two principal components, so that the same features give the same map.

    Args:
        features: float32 (clips, width).

    Returns:
        float32, (clips, 2).
    """
    from sklearn.decomposition import PCA
    from sklearn.manifold import TSNE

    unit = features / np.maximum(np.linalg.norm(features, axis=1, keepdims=True), 1e-12)
    if min(unit.shape) > 50:
        unit = PCA(50, random_state=0).fit_transform(unit)
    perplexity = min(_PERPLEXITY, (len(unit) - 1) / 3)
    tsne = TSNE(init="pca", perplexity=perplexity, max_iter=_ITERATIONS, angle=_ANGLE, random_state=0, n_jobs=1)
    return tsne.fit_transform(unit)


def draw(maps: Mapping[str, np.ndarray], labels: Sequence[str], coloured: Sequence[str]) -> Figure:
    """Draw a panel a map.

    Args:
        maps: for each method what :func:`project` returns.
        labels: classes of the clips, in the same order.
        coloured: the classes with a colour of their own, twelve at most; all others are grey.
    """
    labels = np.asarray(labels)
    looks = style.looks(maps)
    order = sorted(looks, key=lambda method: method not in style.BASELINES)  # what was not pretrained comes first
    rows = -(-len(coloured) // 3)
    with style.shared():
        made = style.figure(style.PAGE, style.PAGE / max(len(maps), 2) + 0.15 * rows + 0.5)
        panels = made.subplots(1, len(maps), squeeze=False)[0]
        for axes, (method, places) in zip(panels, [(method, maps[method]) for method in order], strict=True):
            rest = ~np.isin(labels, coloured)
            axes.scatter(*places[rest].T, s=3, color="#C4C4C4", linewidths=0)
            for number, label in enumerate(coloured):
                own = places[labels == label]
                axes.scatter(*own.T, s=9, color=_COLOURS[number % 6], marker=_MARKERS[number // 6 % 2], linewidths=0)
            axes.set_title(names.sentence(looks[method].name))
            axes.set_aspect("equal", adjustable="datalim")
            style.bare(axes, "#BBBBBB", 0.6)
        handles = [
            Line2D(
                [],
                [],
                linestyle="",
                color=_COLOURS[number % 6],
                marker=_MARKERS[number // 6 % 2],
                label=names.wrap(label, 30, 1),
            )
            for number, label in enumerate(coloured)
        ]
        if len(set(labels)) > len(coloured):
            others = len(set(labels)) - len(coloured)
            name = f"{others} other classes" if others > 1 else "another class"
            handles.append(Line2D([], [], linestyle="", color="#C4C4C4", marker="o", markersize=3, label=name))
        style.legend(made, handles)
    return made


def plot(maps: Mapping[str, np.ndarray], labels: Sequence[str], coloured: Sequence[str], stem: str | Path) -> None:
    """Write what :func:`draw` draws to ``{stem}.png`` and ``{stem}.pdf``."""
    style.save(draw(maps, labels, coloured), stem)
