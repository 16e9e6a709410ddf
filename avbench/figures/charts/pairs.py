"""What each method pairs: a sound, the picture it is pulled to, pictures it is pushed from."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from avbench.core.files import read_csv
from avbench.figures import names, panels, spectrogram, style
from avbench.figures.reading import Settings

SHOWN_NEGATIVES = 4


def draw_pairs(settings: Settings, stem: Path) -> None:
    """For each method, one anchor of a batch that its run drew, its positive and the first negatives."""
    style.save(draw(read_pairings(settings)), stem)


def read_pairings(settings: Settings) -> list["Pairing"]:
    """Read, for each method, one anchor of a batch that its run drew, its positive and the first negatives.

    Args:
        settings: of :attr:`avbench.plan.facts.Facts.pairs`.
    """
    from avbench.config.features import FeatureSettings
    from avbench.config.methods import LOSSES, Method
    from avbench.config.pretraining import PretrainSettings
    from avbench.config.settings import build
    from avbench.data.store import open_store
    from avbench.features.log_mel import LogMel
    from avbench.features.windows import Clips
    from avbench.methods.pairing_labels import numbered, read_pairing
    from avbench.pretraining.window_batches import Batches

    features = build(FeatureSettings, settings["features"], "features")
    store, log_mel = open_store(Path(settings["data"]), settings["dataset"]), LogMel(features)
    truth = read_csv(settings["subset"], ("clip_id", "label"))
    ids, true = truth["clip_id"], truth["label"]
    clips = Clips(store, ids, features)
    drawn = []
    for name, entry in settings["methods"].items():
        method = build(Method, entry["method"], f"methods.{name}")
        known = read_pairing(entry["labels"], ids) if entry["labels"] else true
        used: Sequence[Any] = true if method.needs == "neighbours" else known
        training = build(PretrainSettings, settings["pretraining"], "pretraining")
        plan = Batches(clips, numbered(ids, known, method), method, training, settings["seed"])
        # Where the probability of a foreign positive changes, the end at which it is highest shows one.
        epoch = max((0, plan.epochs - 1), key=partial(method.probability_at, epochs=plan.epochs))
        anchors = plan.epoch(epoch)[0]
        videos = plan.videos(anchors, epoch)
        shown = int(np.argmax(videos != anchors))  # an anchor with a foreign positive, where the method has any
        batch = plan.read(0, epoch, anchors)

        def picture(place: int, batch=batch, videos=videos, used=used) -> Picture:
            clip = int(videos[place])
            return Picture(ids[clip], batch.frames[place].numpy(), true[clip], used[clip])

        others = [place for place in range(len(anchors)) if place != shown]
        if LOSSES[method.loss].classmates != "negatives":  # to which videos of the anchor's class are no negatives
            others = [place for place in others if used[int(anchors[place])] != used[int(anchors[shown])]]
        others = others[:SHOWN_NEGATIVES]
        anchor = int(anchors[shown])
        mel = log_mel(batch.audio[shown : shown + 1])[0].numpy()
        negatives = [picture(place) for place in others]
        sound = batch.audio[shown].numpy()
        drawn.append(Pairing(name, ids[anchor], mel, true[anchor], used[anchor], picture(shown), negatives, sound))
    return drawn


_SAME, _OTHER = (style.BLUE, "-"), (style.ORANGE, "--")


@dataclass(frozen=True)
class Picture:
    """A clip's video in a batch: frames uint8 (T, H, W, 3), its true label, and the one used for pairing."""

    clip_id: str
    frames: np.ndarray
    label: str
    pairing_label: str


@dataclass(frozen=True)
class Pairing:
    """One row of a batch: the anchor's sound, a log-mel spectrogram (frames, mels) in decibels, and pictures.

    The anchor's own label and pairing label belong to the sound, int16 (samples,); ``positive`` may be of another clip.
    """

    method: str
    clip_id: str
    spectrogram: np.ndarray
    label: str
    pairing_label: str
    positive: Picture
    negatives: Sequence[Picture]
    sound: np.ndarray | None = None


def draw(pairings: Sequence[Pairing]) -> Figure:
    """Draw a row a pairing, ordered by method; a frame's colour tells whether a picture is of the sound's class."""
    looks = style.looks(pairing.method for pairing in pairings)
    pairings = sorted(pairings, key=lambda pairing: list(looks).index(pairing.method))
    negatives = max(len(pairing.negatives) for pairing in pairings)
    with style.shared():
        made = style.figure(style.PAGE, 1.3 * len(pairings) + 0.5)
        ratios = [1.25, 1, *[1] * negatives]
        grid = made.subplots(len(pairings), 2 + negatives, squeeze=False, width_ratios=ratios)
        for axes, pairing in zip(grid, pairings, strict=True):
            spectrogram.show(axes[0], pairing.spectrogram)
            panels.bare(axes[0])
            axes[0].set_xlabel(_caption(pairing.label, pairing.pairing_label, 20))
            axes[0].set_ylabel(names.wrap(looks[pairing.method].name, 16, 3), fontweight="bold")
            _picture(axes[1], pairing.positive, pairing.label)
            own = pairing.positive.clip_id == pairing.clip_id
            note = {"xycoords": "axes fraction", "ha": "center", "va": "bottom", "fontsize": 6.5}
            axes[1].annotate("own video" if own else "another clip’s video", (0.5, 1.03), **note)
            for place, axis in enumerate(axes[2:]):
                if place < len(pairing.negatives):
                    _picture(axis, pairing.negatives[place], pairing.label)
                else:
                    axis.remove()
        for column, text in enumerate(("Sound", "Positive picture", "Negative pictures")[: grid.shape[1]]):
            # The pad leaves room for the note above the positive.
            grid[0, column].set_title(text, fontweight="bold", loc="left" if column == 2 else "center", pad=12)
        handles = [
            style.key(text, color=colour, linestyle=dash, linewidth=2)
            for (colour, dash), text in ((_SAME, "same class as the sound"), (_OTHER, "another class"))
        ]
        style.legend(made, handles, "outside lower center")
    return made


def _picture(axes: Axes, picture: Picture, anchor_label: str) -> None:
    axes.imshow(picture.frames[len(picture.frames) // 2], interpolation="nearest")
    colour, dash = _SAME if picture.label == anchor_label else _OTHER
    panels.bare(axes, colour, 2, dash)
    axes.set_xlabel(_caption(picture.label, picture.pairing_label, 17))


def _caption(label: str, pairing_label: str, width: int) -> str:
    text = names.wrap(label, width)
    if label != pairing_label:
        text += "\n" + names.wrap(f"taken for: {pairing_label}", width)
    return text
