"""Parameters and arithmetic of the encoders."""

from typing import Any

import torch
from torch import nn

from avbench.config.features import FeatureSettings
from avbench.config.models import MODALITIES, PRESETS, EncoderSettings, ModelSettings, settings_of
from avbench.models.adapted import AdaptedEncoder
from avbench.models.builders import stages
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


def describe_adapted(encoder: AdaptedEncoder, kind: str, head: int) -> dict[str, Any]:
    """Return a row as `describe` does, of an encoder that is no preset's, and its ``stages``; its weights are lost."""
    from torch.utils.flop_counter import FlopCounterMode

    with FlopCounterMode(display=False) as counter:
        # batch norm needs two clips
        features = encoder.train().to("meta")(torch.zeros(2, *encoder.shape, device="meta"))
        if features.requires_grad:
            features.sum().backward()
    return {
        "preset": "",
        "encoder": kind,
        "input": "×".join(map(str, encoder.shape)),
        "features": encoder.features,
        "parameters": parameter_count(encoder),
        "head": head,
        "gflop": counter.get_total_flops() / 2e9,
        "stages": ["+".join(stage) for stage in stages(encoder.network)],
    }


def table_of(model: ModelSettings, windows: FeatureSettings) -> str:
    """Return a model's encoders as `table` does those of the presets, with the stages that `freeze` counts.

    Raises:
        UserError: an encoder cannot be built, or does not take its input.
    """
    rows, told = [], []
    for kind in MODALITIES:
        one = getattr(model, kind)
        if kind in model.given:
            told.append(f"{kind}: features from {one.features}, and a layer of {one.width} on them.")
        elif isinstance(one, EncoderSettings):
            preset = next(name for name, both in PRESETS.items() if getattr(both, kind) == one)
            rows.append(next(row for row in describe(preset) if row["encoder"] == kind))
        else:
            encoder = AdaptedEncoder(one, kind, windows, initial=False)
            rows.append(describe_adapted(encoder, kind, (encoder.features + 1) * model.embedding))
            told.append(f"{kind}: {one.builder}, stages: {', '.join(rows[-1]['stages'])}; freeze: {one.freeze}.")
    return "\n".join([_written(rows), *told])


def table() -> str:
    """Return `describe` of all presets as text for reading."""
    return _written([row for preset in PRESETS for row in describe(preset)])


def _written(rows: list[dict[str, Any]]) -> str:
    names = ("preset", "encoder", "input", "features", "parameters", "head", "GFLOP per clip")
    lines = ["{:<8}{:<9}{:>15}{:>10}{:>12}{:>8}{:>16}".format(*names)]
    for row in rows:
        lines.append(
            f"{row['preset']:<8}{row['encoder']:<9}{row['input']:>15}{row['features']:>10}"
            f"{row['parameters']:>12,}{row['head']:>8,}{row['gflop']:>16.3g}"
        )
    return "\n".join([*lines, "GFLOP: 1e9 operations, forward and backward; parameters: without the head."])
