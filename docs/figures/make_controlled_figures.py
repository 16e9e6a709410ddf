"""Draw the figures of docs/controlled-dataset.md: python docs/figures/make_controlled_figures.py"""

from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np

from avbench.datasets.controlled import CONDITIONS, ControlledSettings, clip_list, render
from avbench.datasets.controlled.factors import PICTURE, SOUND, class_point

MAGMA = plt.get_cmap("magma", 16)  # few colours: small files
HERE = Path(__file__).parent
MAIN = ControlledSettings()
OUTDOORS = ControlledSettings(name="controlled-outdoors", seed=2, classes=10, conditions=CONDITIONS["outdoors"])
TELEPHONE = ControlledSettings(name="telephone", classes=12, video=False, conditions=CONDITIONS["telephone"])
plt.rcParams.update({"font.size": 8, "axes.titlesize": 8, "figure.dpi": 110})


def spectrogram(axis: plt.Axes, settings: ControlledSettings, sound: np.ndarray) -> None:
    """Show a spectrogram of 60 dB up to 4 kHz: windows of 50 ms every 25 ms, bands of 125 Hz."""
    step = settings.sample_rate // 40
    windows = np.lib.stride_tricks.sliding_window_view(sound, 2 * step)[::step] * np.hanning(2 * step)
    bins = settings.sample_rate // 125 * 8  # of 15.6 Hz
    power = np.abs(np.fft.rfft(windows, bins)) ** 2
    bands = power[:, :256].reshape(len(power), 32, 8).mean(axis=2)
    level = 10 * np.log10(bands.T + 1e-6)
    high = level.max()
    axis.imshow(
        level, origin="lower", aspect="auto", cmap=MAGMA, vmin=high - 60, vmax=high,
        extent=(0, settings.duration_s, 0, 4), interpolation="nearest",
    )  # fmt: skip


def save(figure: plt.Figure, name: str) -> None:
    """Write a figure as a PNG file."""
    figure.savefig(HERE / name, metadata={"Software": None}, pil_kwargs={"optimize": True})
    plt.close(figure)


def picture(axis: plt.Axes, frame: np.ndarray) -> None:
    """Show one frame without axes."""
    axis.imshow(frame, interpolation="nearest")
    axis.set(xticks=[], yticks=[])


def rows_of_classes(settings: ControlledSettings, classes: list[int], titles: list[str], name: str) -> None:
    """Draw a row per class: three instances, each a frame and its spectrogram."""
    widths = [1, 1.5] * 3
    figure, axes = plt.subplots(
        len(classes), 6, figsize=(8.4, 1.3 * len(classes) + 0.2), width_ratios=widths, layout="constrained"
    )
    for row, (label_index, title) in enumerate(zip(classes, titles, strict=True)):
        for k in range(3):
            frames, sound, _ = render(settings, label_index, "train", k)
            picture(axes[row, 2 * k], frames[len(frames) // 2])
            spectrogram(axes[row, 2 * k + 1], settings, sound)
            axes[row, 2 * k + 1].set(yticks=[0, 2, 4], xticks=[0, 2, 4])
            if row < len(classes) - 1:
                axes[row, 2 * k + 1].set_xticklabels([])
            if k:
                axes[row, 2 * k + 1].set_yticklabels([])
        axes[row, 0].set_title(title, loc="left")
        axes[row, 1].set_ylabel("kHz")
    for k in range(3):
        axes[-1, 2 * k + 1].set_xlabel("s")
    save(figure, name)


def most_alike(part: slice) -> tuple[int, int, float]:
    """Return the two classes that are closest in some coordinates, and their distance."""
    points = np.stack([class_point(MAIN.seed, MAIN.name, index)[part] for index in range(MAIN.classes)])
    distance = np.linalg.norm(points[:, None] - points[None], axis=2) + 1e9 * np.eye(len(points))
    first, second = np.unravel_index(distance.argmin(), distance.shape)
    return int(first), int(second), float(distance.min())


def events() -> None:
    """Draw a synchronous and an asynchronous clip with their event times."""
    wanted = {True: None, False: None}
    for k in range(40):
        frames, sound, factors = render(MAIN, 8, "train", k)
        if wanted[factors["synchronous"]] is None and len(factors["sound_onsets_s"]) <= 6:
            wanted[factors["synchronous"]] = (frames, sound, factors)
    figure, axes = plt.subplots(4, 1, figsize=(8.4, 5.2), height_ratios=[1, 2.2] * 2, layout="constrained")
    for (strip, spectrum), (synchronous, clip) in zip(axes.reshape(2, 2), wanted.items(), strict=True):
        frames, sound, factors = clip
        strip.imshow(
            np.concatenate(list(frames[:, :, 6:26]), axis=1), extent=(0, MAIN.duration_s, 0, 1), aspect="auto",
            interpolation="nearest",
        )  # fmt: skip
        strip.set(xticks=[], yticks=[], xlim=(0, MAIN.duration_s))
        strip.set_title(("Synchronous" if synchronous else "Asynchronous") + " clip", loc="left")
        spectrogram(spectrum, MAIN, sound)
        spectrum.set(xlim=(0, MAIN.duration_s), ylabel="kHz", xlabel="s" if not synchronous else "")
        for axis in (strip, spectrum):
            for onset in factors["sound_onsets_s"]:
                axis.axvline(onset, color="white", linewidth=1.4)
            for onset in factors["picture_onsets_s"]:
                axis.axvline(onset, color="tab:cyan", linewidth=1.4, linestyle="--")
    handles = [
        plt.Line2D([], [], color="0.7", linewidth=1.4, label="sound events (white)"),
        plt.Line2D([], [], color="tab:cyan", linewidth=1.4, linestyle="--", label="picture events"),
    ]
    figure.legend(handles=handles, loc="upper right", ncols=2, frameon=False)
    save(figure, "controlled-events.png")


def sets() -> None:
    """Draw three classes of each of the three sets."""
    figure, axes = plt.subplots(3, 6, figsize=(8.4, 4.2), width_ratios=[1, 1.5] * 3, layout="constrained")
    for row, settings in enumerate((MAIN, OUTDOORS, TELEPHONE)):
        for column in range(3):
            frames, sound, _ = render(settings, column + 1, "train", 0)
            if settings.video:
                picture(axes[row, 2 * column], frames[len(frames) // 2])
            else:
                axes[row, 2 * column].set(xticks=[], yticks=[], frame_on=False)
                axes[row, 2 * column].text(0.5, 0.5, "no picture", ha="center", va="center")
            spectrogram(axes[row, 2 * column + 1], settings, sound)
            axes[row, 2 * column + 1].set(xticks=[0, 2, 4], yticks=[0, 2, 4])
        axes[row, 0].set_title(settings.name, loc="left")
        axes[row, 1].set_ylabel("kHz")
    for column in range(3):
        axes[-1, 2 * column + 1].set_xlabel("s")
    save(figure, "controlled-sets.png")


def main() -> None:
    """Draw everything."""
    labels = clip_list(MAIN).drop_duplicates("label_index").set_index("label_index")["label"]
    chosen = [0, 1, 4, 6, 10]
    rows_of_classes(MAIN, chosen, [labels[index] for index in chosen], "controlled-classes.png")
    sound, seen = slice(0, len(SOUND)), slice(len(SOUND), len(SOUND) + len(PICTURE))
    pairs = [*most_alike(sound)[:2], *most_alike(seen)[:2]]
    titles = [
        f"{labels[index]}: alike in {what}"
        for index, what in zip(pairs, ["sound", "sound", "picture", "picture"], strict=True)
    ]
    rows_of_classes(MAIN, pairs, titles, "controlled-alike.png")
    print("closest in sound", most_alike(sound), "in picture", most_alike(seen))
    events()
    sets()


if __name__ == "__main__":
    main()
