"""Augmentation against torchaudio and torchvision, and against its own promises: seed, epoch and clip decide alone."""

import numpy as np
import pytest
import torch
import torchaudio
from torchvision.transforms import v2
from torchvision.transforms.v2 import functional

from avbench.config.augmentation import AugmentationSettings
from avbench.config.features import FeatureSettings
from avbench.core.errors import UserError
from avbench.features.augmentation import Augmentation, white_noise

FEATURES = FeatureSettings(sample_rate=8000, n_fft=256, hop=80, n_mels=40, frame_rate=4.0, audio_s=1.0, video_s=1.0)
ALL = {
    "gain_db": 6,
    "noise_snr_db": (0, 20),
    "time_mask_s": 0.4,
    "mel_mask": 12,
    "masks": 2,
    "crop": 0.4,
    "colour": 0.5,
}


def made(**settings):
    return Augmentation(AugmentationSettings(**settings), FEATURES)


def drawn(augmentation, clips=64, seed=3, epoch=2):
    return torch.from_numpy(augmentation.draws(seed, epoch, np.arange(clips)))


@pytest.fixture(scope="module")
def batch():
    rng = np.random.default_rng(0)
    audio = torch.from_numpy(rng.normal(0, 3000, (64, 8000)).clip(-32768, 32767).astype(np.int16))
    mel = torch.from_numpy(rng.normal(size=(64, 100, 40)).astype(np.float32))
    frames = torch.from_numpy(rng.integers(0, 255, (64, 2, 16, 24, 3), dtype=np.uint8))
    return audio, mel, frames


def changed(augmentation, batch, draws, part=slice(None)):
    audio, mel, frames = (tensor[part] for tensor in batch)
    rows = draws[part]
    return augmentation.sound(audio, rows), augmentation.spectrum(mel, rows), augmentation.pictures(frames, rows)


def test_a_clip_alone_becomes_what_it_becomes_in_any_batch(batch):
    augmentation = made(**ALL)
    draws = drawn(augmentation)
    whole = changed(augmentation, batch, draws)
    for part in (slice(5, 6), slice(10, 31)):
        for one, of in zip(changed(augmentation, batch, draws, part), whole, strict=True):
            assert torch.equal(one, of[part])
    assert torch.equal(draws[[7, 3]], torch.from_numpy(augmentation.draws(3, 2, np.array([7, 3]))))
    assert not torch.equal(draws, drawn(augmentation, epoch=3))
    assert not torch.equal(draws, drawn(augmentation, seed=4))


def test_what_is_not_asked_for_stays_as_it_is(batch):
    audio, mel, frames = batch
    sound, picture = made(gain_db=3), made(colour=0.1)
    assert sound.spectrum(mel, drawn(sound)) is mel
    assert sound.pictures(frames, drawn(sound)) is frames
    assert picture.sound(audio, drawn(picture)) is audio


def test_gain_is_within_its_decibels_and_even(batch):
    augmentation = made(gain_db=6)
    draws = torch.linspace(0, 1 - 1e-12, 64, dtype=torch.float64)[:, None]
    sound = augmentation.sound(batch[0] // 4, draws)
    decibel = 20 * torch.log10(sound.norm(dim=1) / ((batch[0] // 4).float() / 32768).norm(dim=1))
    torch.testing.assert_close(decibel, torch.linspace(-6, 6, 64), atol=1e-4, rtol=0)


def test_noise_has_its_ratio_and_a_flat_spectrum(batch):
    augmentation = made(noise_snr_db=(5, 15))
    draws = drawn(augmentation)
    clean = batch[0].float() / 32768
    noise = augmentation.sound(batch[0], draws) - clean
    ratio = 10 * torch.log10(clean.square().mean(1) / noise.square().mean(1))
    torch.testing.assert_close(ratio.double(), 5 + 10 * draws[:, 0], atol=0.15, rtol=0)
    power = torch.fft.rfft(noise / noise.std(1, keepdim=True)).abs().square().mean(0)
    assert power[1:].reshape(-1, 400).mean(1) / 8000 == pytest.approx(np.ones(10), abs=0.05)
    assert (augmentation.sound(torch.zeros_like(batch[0]), draws) == 0).all()  # nothing to be relative to


def test_noise_differs_between_clips_and_repeats_for_the_same_draw():
    noise = white_noise(torch.tensor([0.1, 0.1, 0.2], dtype=torch.float64), 4000)
    assert torch.equal(noise[0], noise[1])
    assert abs(np.corrcoef(noise[0], noise[2])[0, 1]) < 0.06
    assert noise.mean().abs() < 0.05
    assert noise.square().mean() == pytest.approx(1, abs=0.05)


@pytest.mark.parametrize(("axis", "settings"), [(2, {"time_mask_s": 0.4}), (3, {"mel_mask": 12})])
def test_masks_are_torchaudios_for_the_same_draws(batch, axis, settings, monkeypatch):
    augmentation = made(**settings)
    draws = drawn(augmentation)
    asked = iter(draws.T.float())
    monkeypatch.setattr(torch, "rand", lambda *shape, **_: next(asked).reshape(64, 1))
    most = 40 if axis == 2 else 12
    theirs = torchaudio.functional.mask_along_axis_iid(batch[1][:, None], most, 0.0, axis)
    ours = augmentation.spectrum(batch[1], draws)
    assert torch.equal(ours, theirs[:, 0])
    assert 0 < (ours == 0).float().mean() < 0.4


def test_crops_lie_within_the_picture_and_have_their_areas(batch):
    augmentation = made(crop=0.4)
    draws = drawn(augmentation, 400)
    top, left, height, width = augmentation.boxes(draws, 112, 112).T.double()
    assert (top >= 0).all()
    assert (left >= 0).all()
    assert (top + height <= 112).all()
    assert (left + width <= 112).all()
    share = height * width / 112**2
    assert share.min() > 0.35
    assert share.max() > 0.9
    shapes = width / height
    assert ((shapes > 0.73) & (shapes < 1.36)).all()
    assert top.max() > 10
    frames = augmentation.pictures(batch[2], draws[:64])
    box = augmentation.boxes(draws[:64], 16, 24)[9].tolist()
    plain = functional.resized_crop(batch[2][9].permute(0, 3, 1, 2), *box, [16, 24], antialias=True)
    assert torch.equal(frames[9], plain.permute(0, 2, 3, 1))


def test_colours_are_those_of_torchvision_with_the_drawn_factors(batch):
    augmentation = made(colour=0.5)
    draws = drawn(augmentation)
    frames = augmentation.pictures(batch[2], draws)
    picture = batch[2][9].permute(0, 3, 1, 2)
    for (low, high), draw, name in zip(
        [(0.5, 1.5)] * 3, draws[9], ("brightness", "contrast", "saturation"), strict=True
    ):
        jitter = v2.ColorJitter(**{name: (low, high)})
        jitter.make_params = lambda _, factor=float(0.5 + draw), name=name: {
            "fn_idx": torch.arange(4),
            "brightness_factor": None,
            "contrast_factor": None,
            "saturation_factor": None,
            "hue_factor": None,
            f"{name}_factor": factor,
        }
        picture = jitter(picture)
    assert torch.equal(frames[9], picture.permute(0, 2, 3, 1))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"crop": 0}, "crop: 0 is not allowed; it must be a number between 0 and 1"),
        ({"colour": 1.0}, "colour: 1.0 is not allowed"),
        ({"noise_snr_db": (20, 10)}, "two numbers, the lowest ratio and the highest"),
        ({"noise_snr_db": (20,)}, "two numbers, the lowest ratio and the highest"),
        ({"gain": 3}, "unknown key 'gain'"),
    ],
)
def test_what_is_refused(settings, message):
    with pytest.raises(UserError, match=message):
        AugmentationSettings(**settings)
