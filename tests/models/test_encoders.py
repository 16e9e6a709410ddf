import copy
import math
from dataclasses import replace

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from avbench.config.models import PRESETS
from avbench.core.errors import UserError
from avbench.methods.losses.info_nce import info_nce
from avbench.models.encoders import build, encode_in_groups

TINY = replace(
    PRESETS["paper"],
    audio=replace(PRESETS["paper"].audio, input_shape=(1, 20, 24), widths=(4, 6, 8, 10)),
    video=replace(PRESETS["paper"].video, input_shape=(3, 4, 16, 16), widths=(4, 6, 8, 10)),
)


def clips(settings, batch, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return (
        torch.randn(batch, *settings.audio.input_shape, generator=generator),
        torch.randn(batch, *settings.video.input_shape, generator=generator),
    )


# ---------------------------------------------------------------- the published sizes


# ---------------------------------------------------------------- a second, plain implementation


def norm(x, state, name):
    """Batch norm, written out: by the batch's statistics in training mode, by the running ones after it."""
    axes = [0, *range(2, x.ndim)]
    shape = (1, -1) + (1,) * (x.ndim - 2)
    if state["training"]:
        mean, variance = x.mean(axes), x.var(axes, unbiased=False)
    else:
        mean, variance = state[f"{name}.running_mean"], state[f"{name}.running_var"]
    weight, bias = state[f"{name}.weight"].view(shape), state[f"{name}.bias"].view(shape)
    return (x - mean.view(shape)) / torch.sqrt(variance.view(shape) + 1e-5) * weight + bias


def plain_audio(x, state):
    x = F.relu(norm(F.conv2d(x, state["stem.0.weight"], stride=2, padding=3), state, "stem.1"))
    for stage, stride in enumerate((1, 2, 2, 1)):
        for layer in (0, 3):
            weight = state[f"stages.{stage}.{layer}.weight"]
            x = F.conv2d(x, weight, stride=stride if layer == 0 else 1, padding=1)
            x = F.relu(norm(x, state, f"stages.{stage}.{layer + 1}"))
    return x.flatten(2).max(2).values


def plain_video(x, state):
    x = F.conv3d(x, state["stem.0.weight"], stride=(1, 2, 2), padding=(1, 3, 3))
    x = F.relu(norm(x, state, "stem.1"))
    for block in range(8):
        stride = 2 if block in (2, 4, 6) else 1
        name = f"stages.{block}"
        y = F.conv3d(x, state[f"{name}.residual.0.weight"], stride=(1, stride, stride), padding=(0, 1, 1))
        y = F.relu(norm(y, state, f"{name}.residual.1"))
        y = F.conv3d(y, state[f"{name}.residual.3.weight"], stride=(stride, 1, 1), padding=(1, 0, 0))
        y = F.relu(norm(y, state, f"{name}.residual.4"))
        y = F.conv3d(y, state[f"{name}.residual.6.weight"], padding=(0, 1, 1))
        y = F.relu(norm(y, state, f"{name}.residual.7"))
        y = F.conv3d(y, state[f"{name}.residual.9.weight"], padding=(1, 0, 0))
        shortcut = f"{name}.shortcut.weight"
        x = F.relu(
            norm(
                y + (F.conv3d(x, state[shortcut], stride=2) if shortcut in state else x),
                state,
                f"{name}.norm",
            )
        )
    return x.flatten(2).max(2).values


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("settings", [TINY, PRESETS["paper"]], ids=["narrow", "paper"])
@pytest.mark.parametrize(("kind", "plain"), [("audio", plain_audio), ("video", plain_video)])
def test_paper_layout_against_a_plain_implementation(kind, plain, settings, training):
    encoder = getattr(build(settings, 3), kind).double().train(training)
    generator = torch.Generator().manual_seed(5)
    with torch.no_grad():
        for parameter in encoder.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator) / math.sqrt(parameter[0].numel()))
        for name, buffer in encoder.named_buffers():
            if "running" in name:
                buffer.copy_(1 + torch.rand(buffer.shape, generator=generator))
    clip = torch.randn(3, *getattr(TINY, kind).input_shape, generator=generator).double()  # smaller: convolutions
    state = encoder.state_dict() | {"training": training}
    with torch.no_grad():
        expected = plain(clip, state)
        torch.testing.assert_close(encoder(clip), expected)
    assert expected.std() > 1e-3


def test_heads_are_linear_with_a_bias_and_embeddings_are_normalised():
    model = build(TINY, 3).eval()
    audio, video = clips(TINY, 3)
    with torch.no_grad():
        made = model(audio, video)
        for z, features, head in zip(
            made, (model.audio(audio), model.video(video)), (model.audio_head, model.video_head), strict=True
        ):
            plain = features.double() @ head.weight.double().T + head.bias.double()
            assert head.bias.abs().max() > 0
            torch.testing.assert_close(z.double(), plain / plain.norm(dim=1, keepdim=True), rtol=1e-5, atol=1e-6)


def test_video_shortcut_is_a_convolution_only_where_shapes_differ():
    names = [name for name in build(TINY, 0).video.state_dict() if "shortcut" in name]
    assert names == [f"stages.{block}.shortcut.weight" for block in (2, 4, 6)]


def test_no_biases_but_in_norms_and_heads():
    model = build(TINY, 0)
    biased = {
        n for n, m in model.named_modules() if getattr(m, "bias", None) is not None and "Norm" not in type(m).__name__
    }
    assert biased == {"audio_head", "video_head"}


# ---------------------------------------------------------------- behaviour


@pytest.mark.parametrize("settings", [TINY, PRESETS["small"]])
def test_embeddings_are_unit_vectors_and_every_weight_learns(settings):
    model = build(settings, 0)
    za, zv = model(*clips(settings, 6))
    assert za.shape == zv.shape == (6, 128)
    torch.testing.assert_close(torch.stack([za.norm(dim=1), zv.norm(dim=1)]), torch.ones(2, 6))
    info_nce(za, zv)[0].backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad.abs().sum() > 0, name


@pytest.mark.parametrize("kind", ["audio", "video"])
def test_groups_of_batch_norm_are_as_encoders_of_their_own(kind):
    encoder = getattr(build(TINY, 3), kind).double()
    clip = clips(TINY, 11)[kind == "video"].double()
    encoders = [copy.deepcopy(encoder) for _ in range(4)]
    made = encode_in_groups(encoder, clip, 4)
    parts = [own(part) for own, part in zip(encoders, clip.split([3, 3, 3, 2]), strict=True)]
    torch.testing.assert_close(made, torch.cat(parts), rtol=1e-12, atol=1e-12)
    made.square().sum().backward()
    sum(part.square().sum() for part in parts).backward()
    for parameter, own in zip(encoder.parameters(), zip(*(e.parameters() for e in encoders), strict=True), strict=True):
        torch.testing.assert_close(parameter.grad, sum(p.grad for p in own))
    for name, buffer in encoder.named_buffers():  # the first one's running statistics stay, updated once
        torch.testing.assert_close(buffer, encoders[0].get_buffer(name))
    assert encoder.stem[1].num_batches_tracked == 1


def test_groups_of_batch_norm_act_in_training_mode_alone():
    model, batch = build(TINY, 0), clips(TINY, 8)
    with torch.no_grad():
        apart, together = copy.deepcopy(model)(*batch, batch_norm_groups=4), copy.deepcopy(model)(*batch)
        assert all((a - b).abs().max() > 1e-3 for a, b in zip(apart, together, strict=True))
        model.eval()
        assert all(map(torch.equal, model(*batch, batch_norm_groups=4), model(*batch)))


@pytest.mark.parametrize("preset", ["paper", "small"])
def test_untrained_loss_is_near_log_batch_at_the_papers_temperature(preset):
    settings = PRESETS[preset]
    settings = replace(settings, video=replace(settings.video, input_shape=TINY.video.input_shape))
    with torch.no_grad():
        loss, _ = info_nce(*build(preset, 0)(*clips(settings, 24)))
    assert math.log(24) - 0.05 < loss.item() < math.log(24) + 0.6  # chance similarities, divided by 0.07, add some


def test_untrained_loss_is_near_log_batch():
    # A wider temperature takes away the scatter of random similarities, which the paper's would amplify.
    loss, _ = info_nce(*build("small", 0)(*clips(PRESETS["small"], 24)), temperature=1.0)
    assert loss.item() == pytest.approx(math.log(24), rel=0.01)


def test_learns_a_few_pairs():
    model = build("small", 0)
    batch = clips(PRESETS["small"], 8)
    optimiser = torch.optim.Adam(model.parameters(), 2e-3)
    for _ in range(12):
        loss, accuracy = info_nce(*model(*batch))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    assert accuracy.item() == 1.0
    assert loss.item() < 0.5


@pytest.mark.parametrize("settings", [TINY, PRESETS["small"]])
@pytest.mark.parametrize(("audio", "video"), [((1, 997, 64), (3, 33, 24, 40)), ((1, 100, 96), (3, 1, 16, 16))])
def test_takes_clips_of_any_length_and_size(settings, audio, video):
    model = build(settings, 0).eval()
    with torch.inference_mode():
        assert model.audio(torch.randn(2, *audio)).shape == (2, settings.audio.widths[-1])
        assert model.video(torch.randn(2, *video)).shape == (2, settings.video.widths[-1])


def test_same_seed_same_weights_and_global_state_untouched():
    torch.manual_seed(11)
    before = torch.random.get_rng_state()
    first, again, other = build("small", 1), build("small", 1), build("small", 2)
    assert torch.equal(torch.random.get_rng_state(), before)
    same = [torch.equal(a, b) for a, b in zip(first.parameters(), again.parameters(), strict=True)]
    assert all(same)
    assert not torch.equal(first.audio.stem[0].weight, other.audio.stem[0].weight)


def test_memory_layout_changes_no_result():
    model = build("small", 0).eval()
    audio, video = clips(PRESETS["small"], 4)
    strided = np.ascontiguousarray(video.movedim(1, -1).numpy())
    torch.testing.assert_close(model.video(video), model.video(torch.from_numpy(strided).movedim(-1, 1)))
    torch.testing.assert_close(model.audio(audio), model.audio(audio.movedim(2, 3).contiguous().movedim(2, 3)))


# ---------------------------------------------------------------- bad input


def test_unknown_preset():
    with pytest.raises(UserError, match=r"'huge'.*paper, small"):
        build("huge", 0)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"strides": (1, 2)}, "one entry per stage"),
        ({"stem_kernel": (3, 7, 7)}, "stem_kernel"),
    ],
)
def test_settings_that_do_not_fit(change, message):
    with pytest.raises(UserError, match=message):
        build(replace(TINY, audio=replace(TINY.audio, **change)), 0)
