"""Frames of a stretch of video, at a fixed rate and size."""

from typing import TYPE_CHECKING

import av
import numpy as np
from av.video.reformatter import ColorRange, Colorspace, Interpolation, VideoReformatter

from avbench.data.media.clip import MediaError
from avbench.data.media.streams import SKIPS_EXACTLY, Track, decoded_frames, end_of

if TYPE_CHECKING:
    from avbench.config.store import StoreSettings


# Bilinear, as torchvision, Pillow and the paper have it: when shrinking, swscale widens the triangle by the factor, so
# it is anti-aliased (its AREA is a box filter). The flags take out a rounding bias and chroma at half the width.
_SCALING = Interpolation.BILINEAR | 0x40000 | 0x2000  # SWS_ACCURATE_RND, SWS_FULL_CHR_H_INT


def frame_count(duration: float, frame_rate: float) -> int:
    """Return how many frames at a rate begin within a duration in seconds."""
    return max(int(np.ceil(duration * frame_rate - 1e-4)), 0)


def read_frames(track: Track, settings: "StoreSettings") -> tuple[np.ndarray, float]:
    """Return the frames nearest to start + k / frame_rate as far as the video goes, and when it ends."""
    end = end_of(track)
    count = frame_count(min(end, track.stop) - track.start, settings.frame_rate)
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
                frames[filled:until] = _pixels(previous, reformatter, settings.width, settings.height)
                filled = until
        previous, shown = frame, at
    if previous is None:
        raise MediaError("no-video", f"the video stream holds no frame before {track.stop:g} s")
    if filled < len(grid):
        frames[filled:] = _pixels(previous, reformatter, settings.width, settings.height)
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


def _pixels(frame: av.VideoFrame, reformatter: VideoReformatter, width: int, height: int) -> np.ndarray:
    """Return a frame as uint8 (height, width, 3) RGB, upright."""
    turns = round(frame.rotation / 90) % 4  # counter-clockwise
    if turns % 2:
        width, height = height, width
    small = reformatter.reformat(
        frame,
        width,
        height,
        "rgb24",
        src_colorspace=frame.colorspace,
        dst_colorspace=Colorspace.DEFAULT,
        interpolation=_SCALING,
        src_color_range=frame.color_range,
        dst_color_range=ColorRange.JPEG,
    )
    plane = small.planes[0]
    pixels = np.frombuffer(plane, np.uint8).reshape(height, plane.line_size)[:, : 3 * width].reshape(height, width, 3)
    return np.rot90(pixels, turns) if turns else pixels
