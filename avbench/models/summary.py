"""Parameters and arithmetic of the encoders."""

from typing import Any

import torch
from torch import nn

from avbench.config.models import PRESETS, EncoderSettings, settings_of
from avbench.models.encoders import AVModel, Encoder


def flop_count(encoder: EncoderSettings, kind: str) -> int:
    """Count floating-point operations of one clip's training step, forward and backward, without running it.

    A multiplication and an addition are two operations; only convolutions are counted, as is customary.
    """
    from torch.utils.flop_counter import FlopCounterMode  # here: 0.1 s of every process that trains

    with torch.device("meta"):
        network = Encoder(encoder, kind)
        clip = torch.empty(1, *encoder.input_shape)
        with FlopCounterMode(display=False) as counter:
            network(clip).sum().backward()
    return counter.get_total_flops()


def parameter_count(module: nn.Module) -> int:
    """Return the number of trainable numbers."""
    return sum(parameter.numel() for parameter in module.parameters())


def describe(preset: str) -> list[dict[str, Any]]:
    """Return one row an encoder: preset, encoder, input, features, parameters, head, gflop.

    ``parameters`` are the encoder's without its head, whose are in ``head``; ``gflop`` is in 1e9 operations a
    clip, forward and backward.
    """
    settings = settings_of(preset)
    with torch.device("meta"):
        model = AVModel(settings)
    rows = []
    for kind in ("audio", "video"):
        encoder: EncoderSettings = getattr(settings, kind)
        rows.append(
            {
                "preset": preset,
                "encoder": kind,
                "input": "×".join(map(str, encoder.input_shape)),
                "features": encoder.widths[-1],
                "parameters": parameter_count(getattr(model, kind)),
                "head": parameter_count(getattr(model, f"{kind}_head")),
                "gflop": flop_count(encoder, kind) / 1e9,
            }
        )
    return rows


def table() -> str:
    """Return `describe` of all presets as text for reading."""
    names = ("preset", "encoder", "input", "features", "parameters", "head", "GFLOP per clip")
    lines = ["{:<8}{:<9}{:>15}{:>10}{:>12}{:>8}{:>16}".format(*names)]
    for row in (row for preset in PRESETS for row in describe(preset)):
        lines.append(
            f"{row['preset']:<8}{row['encoder']:<9}{row['input']:>15}{row['features']:>10}"
            f"{row['parameters']:>12,}{row['head']:>8,}{row['gflop']:>16.3g}"
        )
    return "\n".join([*lines, "GFLOP: 1e9 operations, forward and backward; parameters: without the head."])
