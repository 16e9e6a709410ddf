"""The source of a module that runs a run's encoders with torch alone: the package's classes, and what loads them."""

import inspect
from pathlib import Path

from avbench.config.encoders import BuiltSettings
from avbench.config.models import EncoderSettings, ModelSettings
from avbench.features.frames import normalise_frames
from avbench.features.log_mel import LogMel
from avbench.features.statistics import Standardise
from avbench.models import adapted, blocks, builders, encoders, feature_layer, stem_convolution, tensor_file
from avbench.models import standalone_loader as loader

_HEAD = '''"""Encoders of sound and picture, trained by avbench: this file needs torch, and what {builders}.

{dataset}, {method}, seed {seed}. See README.md beside this file. The API of sound is HEAR's
(https://hearbenchmark.com/hear-api.html): load_model, get_scene_embeddings, get_timestamp_embeddings.
"""

from __future__ import annotations

import importlib.util
import json
import struct
import sys
from collections.abc import Mapping, Sequence
from functools import partial
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.grad import conv2d_weight


class UserError(ValueError):
    """A file or a network does not fit."""


'''


def source(model: ModelSettings, about: dict[str, str]) -> str:
    """Return the source of a module for a model; ``about``: dataset, method and seed, for its first lines.

    Only what the model's encoders need is in it.
    """
    kinds = {type(getattr(model, modality)) for modality in ("audio", "video")}
    parts: list[object] = [tensor_file._read_safetensors, Standardise, LogMel, normalise_frames]
    constants = {
        "_TYPES": inspect.getsource(tensor_file).partition("_TYPES = ")[2].partition("\n}\n")[0] + "\n}",
        "_FLOOR": "1e-10",
        "_TOP_DB": "100.0",
        "_IMAGENET_MEAN": "(0.485, 0.456, 0.406)",
        "_IMAGENET_STD": "(0.229, 0.224, 0.225)",
    }
    if EncoderSettings in kinds:
        parts += [blocks.AudioBlock, blocks.VideoBlock, stem_convolution.StemConvolution, stem_convolution._OfData]
        parts += [stem_convolution._meets, encoders._check, encoders.Encoder]
    if BuiltSettings in kinds:
        constants["_CLASSIFIERS"] = "(nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d)"
        parts += [builders._drop_classifier, builders._holding, builders.stages, loader.built]
        parts += [adapted._pooled, adapted.AdaptedEncoder]
    if model.given:
        parts += [feature_layer.FeatureLayer]
    networks = [one for one in model.others.values() if isinstance(one, BuiltSettings)]
    libraries = sorted({one.builder.partition(".")[0] for one in networks if not one.file})
    told = f"build its networks ({', '.join(libraries)})" if libraries else "its networks need (none)"
    given = "\n".join(f"{name} = {value}" for name, value in constants.items())
    texts = [inspect.getsource(part) for part in parts]  # type: ignore[arg-type]
    own = inspect.getsource(loader).partition("# ---- standalone\n")[2]
    return "\n\n".join([_HEAD.format(builders=told, **about) + given, *texts, own])


def load_encoder(folder: str | Path) -> object:
    """Load an export: its own module is imported from the folder, and runs with the weights beside it.

    Returns:
        What its ``load_model`` returns: `avbench.models.standalone_loader.Model`.

    Raises:
        UserError: the folder holds no export.
    """
    import importlib.util

    from avbench.core.errors import UserError

    file = Path(folder) / "encoder.py"
    if not file.is_file():
        raise UserError(f"{folder} holds no encoder.py. Give a folder that python -m avbench export wrote.")
    spec = importlib.util.spec_from_file_location("encoder", file)
    module = importlib.util.module_from_spec(spec)  # type: ignore[arg-type]
    spec.loader.exec_module(module)  # type: ignore[union-attr]
    return module.load_model(str(folder))
