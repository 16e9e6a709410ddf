"""Frames of a stretch of video, at a fixed rate and size."""

from typing import TYPE_CHECKING

import av
import numpy as np
from av.video.reformatter import ColorRange, Colorspace, Interpolation, VideoReformatter

from avbench.data.media.clip import MediaError
from avbench.data.media.streams import SKIPS_EXACTLY, Track, decoded_frames, end_of, latest_end_of
from avbench.data.media.timeline import usual_duration

if TYPE_CHECKING:
    from avbench.config.store import StoreSettings


# Bilinear, as torchvision, Pillow and the paper have it: when shrinking, swscale widens the triangle by the factor, so
# it is anti-aliased (its AREA is a box filter). The flags take out a rounding bias and chroma at half the width.
_SCALING = Interpolation.BILINEAR | 0x40000 | 0x2000  # SWS_ACCURATE_RND, SWS_FULL_CHR_H_INT
_HD_LINES = 720
_UNSPECIFIED = 2  # AVCOL_SPC_UNSPECIFIED


def frame_count(duration: float, frame_rate: float) -> int:
    """Return how many frames at a rate begin within a duration in seconds."""
    return max(int(np.ceil(duration * frame_rate - 1e-4)), 0)


def read_frames(track: Track, settings: "StoreSettings") -> tuple[np.ndarray, float]:
    """Return the frames nearest to start + k / frame_rate as far as the video goes, and when it ends."""
    end, latest = end_of(track), latest_end_of(track)
    count = frame_count(min(latest, track.stop) - track.start, settings.frame_rate)
    grid = track.start + np.arange(count) / settings.frame_rate
    frames = np.empty((len(grid), settings.height, settings.width, 3), np.uint8)
    reformatter = VideoReformatter()
    filled = 0
    previous, shown = None, -np.inf
    for frame, at in decoded_frames(track, _needed(track, grid)):
        if at >= track.stop:
            break
        if at <= shown:
            continue
        if previous is not None:
            until = int(np.searchsorted(grid, (shown + at) / 2, side="right"))
            if until > filled:
                frames[filled:until] = _pixels(previous, reformatter, settings)
                filled = until
        previous, shown = frame, at
    if previous is None:
        raise MediaError("no-video", f"the video stream holds no frame before {track.stop:g} s")
    if filled < len(grid):
        frames[filled:] = _pixels(previous, reformatter, settings)
    if latest > end:
        end = min(max(shown, at) + usual_duration(track.stream), latest)
    return frames, end


def _needed(track: Track, grid: np.ndarray) -> set[int] | None:
    """Return the time stamps of the frames that ``grid`` shows; None where the codec must decode every frame."""
    stamps = {packet.pts for packet in track.packets}
    exact = track.stream.codec_context.name in SKIPS_EXACTLY
    if not exact or None in stamps or len(stamps) != len(track.packets):
        return None
    ordered = np.array(sorted(stamps))
    times = ordered * float(track.stream.time_base)
    return set(ordered[np.searchsorted((times[1:] + times[:-1]) / 2, grid)].tolist())


def _pixels(frame: av.VideoFrame, reformatter: VideoReformatter, settings: "StoreSettings") -> np.ndarray:
    """Return a frame as uint8 (height, width, 3) RGB, upright."""
    width, height = settings.width, settings.height
    swapped, mirrored, upside_down = _orientation(frame)
    if swapped:
        width, height = height, width
    small = reformatter.reformat(
        frame,
        width,
        height,
        "rgb24",
        src_colorspace=_matrix(frame, settings),
        dst_colorspace=Colorspace.DEFAULT,
        interpolation=_SCALING,
        src_color_range=frame.color_range,
        dst_color_range=ColorRange.JPEG,
    )
    plane = small.planes[0]
    pixels = np.frombuffer(plane, np.uint8).reshape(height, plane.line_size)[:, : 3 * width].reshape(height, width, 3)
    if swapped:
        pixels = pixels.transpose(1, 0, 2)
    return pixels[:: -1 if upside_down else 1, :: -1 if mirrored else 1]


def _matrix(frame: av.VideoFrame, settings: "StoreSettings") -> int:
    """Return the colour matrix that a frame has, or is taken to have."""
    untagged = frame.colorspace == _UNSPECIFIED and not frame.format.is_rgb
    if untagged and settings.untagged_hd == "bt709" and min(frame.width, frame.height) >= _HD_LINES:
        return Colorspace.ITU709
    return frame.colorspace


def _orientation(frame: av.VideoFrame) -> tuple[bool, bool, bool]:
    """Return how a frame is shown: whether rows and columns are swapped, then left and right, then top and bottom.

    A display matrix begins with a, b, u, c, d: the pixel at (x, y) is shown at (a x + c y, b x + d y), up to a shift
    (ISO/IEC 14496-12, 8.3.2.3). Angles between are rounded to a quarter of a turn.
    """
    matrix = frame.side_data.get("DISPLAYMATRIX") if frame.side_data else None
    if matrix is None:
        return False, False, False
    a, b, _, c, d = np.frombuffer(bytes(matrix), np.int32)[:5].tolist()
    if abs(a) >= abs(b):
        return False, a < 0, d < 0
    return True, c < 0, b < 0
