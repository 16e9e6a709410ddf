"""Any network as an encoder: one channel, pictures, waves, lengths, frozen stages."""

import pytest
import torch

from avbench.config.features import FeatureSettings
from avbench.config.models import MODALITIES, settings_of
from avbench.core.errors import UserError
from avbench.models.adapted import AdaptedEncoder
from avbench.training.batch_norm import synchronise_batch_norm
from tests.support.encoder_files import model_of, write_mine

WINDOWS = FeatureSettings(sample_rate=8000, n_fft=256, hop=200, n_mels=40, frame_rate=4.0, audio_s=1.0, video_s=1.0)
WAVES = {
    "extractor_mode": "group_norm",
    "extractor_conv_layer_config": [[16, 10, 5], [16, 8, 4], [16, 4, 4]],
    "extractor_conv_bias": False,
    "encoder_embed_dim": 24,
    "encoder_projection_dropout": 0.0,
    "encoder_pos_conv_kernel": 3,
    "encoder_pos_conv_groups": 2,
    "encoder_num_layers": 1,
    "encoder_num_heads": 2,
    "encoder_attention_dropout": 0.0,
    "encoder_ff_interm_features": 32,
    "encoder_ff_interm_dropout": 0.0,
    "encoder_dropout": 0.0,
    "encoder_layer_norm_first": False,
    "encoder_layer_drop": 0.0,
    "aux_num_out": None,
}


def encoder(modality: str, **fields) -> AdaptedEncoder:
    torch.manual_seed(0)
    given = {modality: {"stored_size": [32, 32], **fields}, MODALITIES[modality == "audio"]: "small"}
    return AdaptedEncoder(getattr(settings_of(given), modality), modality, WINDOWS).eval()


def test_an_image_network_hears_one_channel_as_three_alike():
    net = encoder("audio", builder="torchvision.models.resnet18")
    x = torch.randn(2, 1, 40, 40)
    assert (net.features, net.input, net.shape) == (512, "log-mel", (1, 40, 40))
    torch.testing.assert_close(net(x), net.network(torch.cat([x, x, x], 1)))
    assert net(torch.randn(2, 1, 75, 40)).shape == (2, 512)  # whole clips of any length


def test_an_image_network_sees_each_picture_and_features_are_averaged():
    net = encoder("video", builder="torchvision.models.resnet18", size=48)
    x = torch.randn(2, 3, 5, 32, 32)
    assert net.input == "frames"
    large = torch.nn.functional.interpolate(x[:, :, 3], (48, 48), mode="bilinear", antialias=True)
    torch.testing.assert_close(net(x[:, :, 3:4]), net.network(large))
    torch.testing.assert_close(net(x), sum(net(x[:, :, i : i + 1]) for i in range(5)) / 5, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", ["r2plus1d_18", "r3d_18"])
def test_video_networks_take_clips(name):
    net = encoder("video", builder=f"torchvision.models.video.{name}")
    assert (net.input, net.features) == ("clip", 512)
    assert net(torch.randn(1, 3, 6, 32, 32)).shape == (1, 512)


def test_a_network_of_waves_and_its_frames_are_averaged():
    net = encoder("audio", builder="torchaudio.models.wav2vec2_model", options=WAVES)
    x = torch.randn(2, 8000)
    assert (net.input, net.features, net.shape) == ("wave", 24, (8000,))
    torch.testing.assert_close(net(x), net.network(x)[0].mean(1))


def test_longer_clips_are_cut_into_windows_and_shorter_ones_repeated(tmp_path):
    fields = {"builder": f"{write_mine(tmp_path)}:counted", "clips": "windows"}
    net = encoder("audio", **fields)
    x = torch.randn(2, 1, 100, 40)
    parts = [net(x[:, :, start : start + 40]) for start in (0, 30, 60)]
    torch.testing.assert_close(net(x), sum(parts) / 3)
    short = x[:, :, :30]
    torch.testing.assert_close(net(short), net(torch.cat([short, short[:, :, :10]], 2)))
    with pytest.raises(RuntimeError):
        encoder("audio", **fields | {"clips": "whole"})(x)


@pytest.mark.parametrize(("freeze", "frozen"), [("none", 0), (2, 3), ("all", 6)])
def test_frozen_stages_learn_nothing_and_keep_their_statistics(freeze, frozen):
    net = encoder("audio", builder="torchvision.models.resnet18", freeze=freeze)
    synchronise_batch_norm(net, torch.device("cpu"))  # as several processes do
    net.train()
    parts = [(name, part) for name, part in net.network.named_children() if next(part.parameters(), None) is not None]
    assert [all(p.requires_grad for p in part.parameters()) for _, part in parts] == [i >= frozen for i in range(6)]
    assert [part.training for _, part in parts] == [i >= frozen for i in range(6)]
    assert net.eval().training is False


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"builder": "torchvision.models.vit_b_16"}, r"does not take a window of float32 \(1, 1, 40, 40\) \(log-mel\)"),
        ({"builder": "torchvision.models.resnet18", "freeze": 9}, "freeze: 9 is more than the 5 stages of the network"),
        ({"builder": "{mine}:flat"}, r"makes torch.float32 of the shape \(\) of"),
        ({"builder": "torchvision.models.video.r3d_18"}, "does not take a window"),
    ],
)
def test_what_does_not_fit_is_told_when_the_network_is_built(tmp_path, fields, told):
    fields["builder"] = fields["builder"].replace("{mine}", str(write_mine(tmp_path)))
    with pytest.raises(UserError, match=f"pretraining.model.audio.*{told}"):
        encoder("audio", **fields)


def test_a_model_may_mix_presets_and_networks(tmp_path):
    model = settings_of(model_of(write_mine(tmp_path)) | {"video": "small", "embedding": 32})
    assert set(model.others) == {"audio"}
    assert model.embedding == 32
