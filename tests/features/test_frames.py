"""Frames as the network takes them: scaled and flipped."""

import torch
from hypothesis import given
from hypothesis import strategies as st

from avbench.features.frames import flip, normalise_frames


def test_normalise_frames_against_torchvision():
    from torchvision.transforms.v2.functional import normalize

    frames = torch.randint(0, 256, (2, 4, 6, 5, 3), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    done = normalise_frames(frames)
    expected = normalize(
        frames.permute(0, 1, 4, 2, 3).float() / 255, [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]
    ).permute(0, 2, 1, 3, 4)
    torch.testing.assert_close(done, expected, rtol=1e-5, atol=1e-5)
    assert done.is_contiguous(memory_format=torch.channels_last_3d)


@given(st.lists(st.booleans(), min_size=1, max_size=3))
def test_flip_of_whole_clips(draws):
    frames = torch.arange(len(draws) * 2 * 2 * 3 * 3).reshape(len(draws), 2, 2, 3, 3)
    done = flip(frames, torch.tensor(draws))
    for clip, before, drawn in zip(done, frames, draws, strict=True):
        assert torch.equal(clip, before[:, :, [2, 1, 0]] if drawn else before)


def test_flip_of_each_frame():
    frames = torch.arange(2 * 2 * 2 * 3 * 3, dtype=torch.uint8).reshape(2, 2, 2, 3, 3)
    draws = torch.tensor([[True, False], [False, True]])
    done = flip(frames, draws)
    assert done.dtype == torch.uint8
    for clip in range(2):
        for time in range(2):
            before = frames[clip, time]
            assert torch.equal(done[clip, time], before[:, [2, 1, 0]] if draws[clip, time] else before)
