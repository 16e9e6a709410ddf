"""How a log-mel spectrogram is shown."""

import numpy as np
from matplotlib.axes import Axes


def show(axes: Axes, mel: np.ndarray, seconds: float | None = None) -> None:
    """Show a spectrogram (frames, mels) with time to the right and frequency upwards, 60 dB deep.

    With ``seconds`` given, the time axis is in seconds, otherwise in frames.
    """
    right = len(mel) if seconds is None else seconds
    axes.imshow(
        mel.T,
        origin="lower",
        aspect="auto",
        cmap="magma",
        interpolation="nearest",
        vmin=mel.max() - 60,
        vmax=mel.max(),
        extent=(0, right, 0, mel.shape[1]),
    )
