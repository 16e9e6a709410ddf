"""A clip as a media file: H.264 and AAC in MP4, written with PyAV."""

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from avbench.core.files import atomic
from avbench.datasets.controlled.options import ControlledSettings

# Y, Cb, Cr from R, G, B in [0, 255]: ITU-R BT.601, limited range. Chroma is not subsampled (yuv444p):
# pictures this small would lose their colours.
_BT601 = np.array(
    [[65.481, 128.553, 24.966], [-37.797, -74.203, 112.0], [112.0, -93.786, -18.214]], dtype=np.float32
) / np.float32(255)
_OFFSET = np.array([16, 128, 128], dtype=np.float32) + np.float32(0.5)

X264 = {"preset": "ultrafast", "crf": "14", "threads": "1"}
# Without noise substitution (PNS), which would keep the energy of noise but not its samples.
AAC = {"aac_coder": "fast", "aac_pns": "0", "aac_tns": "0", "threads": "1"}
AAC_BIT_RATE = 32_000
BIT_EXACT = {"fflags": "+bitexact"}  # no names and versions of writers


def write_clip(path: Path, settings: ControlledSettings, frames: np.ndarray, sound: np.ndarray) -> None:
    """Write frames and sound as :func:`avbench.datasets.controlled.render.render` gives them; the file appears whole.

    The same input gives the same bytes (one thread, no time stamps, no names of writers).

    Raises:
        UserError: the file cannot be written.
    """
    with (
        atomic(path) as part,
        av.open(str(part.absolute()), "w", format="mp4", container_options=BIT_EXACT) as container,
    ):
        streams = []
        if settings.video:
            video = container.add_stream("libx264", rate=settings.frame_rate, options=X264)
            video.width = video.height = settings.size
            video.pix_fmt = "yuv444p"
            video.codec_context.colorspace = 6  # SMPTE 170M, the same matrix as BT.601
            video.codec_context.color_range = 1  # limited
            streams.append((video, _pictures(frames, settings)))
        audio = container.add_stream("aac", rate=settings.sample_rate, options=AAC, layout="mono")
        audio.bit_rate = AAC_BIT_RATE
        streams.append((audio, _blocks(sound, settings)))
        for stream, raw in streams:
            for frame in raw:
                container.mux(stream.encode(frame))
            container.mux(stream.encode(None))


def _pictures(frames: np.ndarray, settings: ControlledSettings) -> Iterator[av.VideoFrame]:
    planes = np.tensordot(_BT601, frames.astype(np.float32), axes=(1, 3)) + _OFFSET[:, None, None, None]
    planes = np.ascontiguousarray(planes.astype(np.uint8).swapaxes(0, 1))
    for index, picture in enumerate(planes):
        frame = av.VideoFrame.from_ndarray(picture, format="yuv444p")
        frame.pts = index
        frame.time_base = Fraction(1, settings.frame_rate)
        yield frame


def _blocks(sound: np.ndarray, settings: ControlledSettings) -> Iterator[av.AudioFrame]:
    frame = av.AudioFrame.from_ndarray(sound[None], format="fltp", layout="mono")
    frame.sample_rate = settings.sample_rate
    frame.pts = 0
    yield frame
