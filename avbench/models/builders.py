"""Networks made by a function of torchvision, torchaudio, timm or the user's, with their initial weights."""

import importlib.util
import sys
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

import torch
from torch import nn

from avbench.config.encoders import BuiltSettings, code_digest
from avbench.core.errors import UserError
from avbench.models.tensor_file import read_tensors

_CLASSIFIERS = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d)


def built(settings: BuiltSettings, where: str, initial: bool = True) -> nn.Module:
    """Call a builder and return its network without what classifies, with the initial weights that the settings name.

    Args:
        settings: builder, options and weights.
        where: the key, for messages.
        initial: whether to read the weights; not where a checkpoint's follow.

    Raises:
        UserError: the builder is missing, fails, or makes no network; or the weights do not fit it.
    """
    builder = _builder(settings, where)
    try:
        network = builder.get_model() if hasattr(builder, "get_model") else builder(**settings.options)
    except Exception as error:
        raise UserError(
            f"{where}: {settings.builder} with the options {dict(settings.options)} {_failed(error)}"
        ) from error
    if not isinstance(network, nn.Module):
        raise UserError(
            f"{where}: {settings.builder} made a {type(network).__name__}; a builder makes a torch.nn.Module."
        )
    dropped = _drop_classifier(network) if settings.builder.startswith(("torchvision.", "timm.")) else ""
    if initial and settings.weights:
        _load(network, _weights(settings, builder, where), dropped, f"{where}.weights: {settings.weights}")
    return network


def stages(network: nn.Module) -> list[list[str]]:
    """Return the names of a network's stages from its input on: what `freeze` counts.

    A stage is a part that holds parameters, as the network lists them; normalisation by itself joins the part before
    it. Where one part alone holds parameters, its own parts are meant.
    """
    prefix, parts = "", _holding(network)
    while len(parts) == 1 and (inner := _holding(parts[0][1])):
        prefix, parts = f"{prefix}{parts[0][0]}.", inner
    found: list[list[str]] = []
    for name, module in parts:
        if found and "Norm" in type(module).__name__:
            found[-1].append(prefix + name)
        else:
            found.append([prefix + name])
    return found


def _holding(module: nn.Module) -> list[tuple[str, nn.Module]]:
    return [(name, child) for name, child in module.named_children() if next(child.parameters(), None) is not None]


def _builder(settings: BuiltSettings, where: str) -> Any:
    name = settings.function
    if settings.file is not None:
        module: Any = _user_module(Path(settings.file), settings.code, where)
    else:
        place = settings.builder.rpartition(".")[0]
        try:
            module = import_module(place)
        except ImportError as error:
            raise UserError(
                f"{where}.builder: {place} cannot be imported ({error}). Install it, or correct it."
            ) from error
    if not callable(found := getattr(module, name, None)) and not hasattr(found, "get_model"):
        raise UserError(f"{where}.builder: there is no function {name!r} in {settings.file or module.__name__}.")
    return found


def _user_module(file: Path, code: str | None, where: str) -> Any:
    digest = code_digest(str(file))
    if code not in (None, digest):
        raise UserError(
            f"{where}.builder: {file} has changed since the run was planned or trained, so that its weights may mean "
            "something else. Put the file back as it was; a changed file is a run of its own."
        )
    name = f"avbench_encoder_{digest[:16]}"
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, file)
        module = importlib.util.module_from_spec(spec)  # type: ignore[arg-type]
        sys.modules[name] = module
        try:
            spec.loader.exec_module(module)  # type: ignore[union-attr]
        except Exception as error:
            del sys.modules[name]
            raise UserError(f"{where}.builder: {file} {_failed(error)}") from error
    return sys.modules[name]


def _failed(error: Exception) -> str:
    return f"failed with {type(error).__name__}: {' '.join(str(error).split())[:300]}"


def _drop_classifier(network: nn.Module) -> str:
    """Let the last linear layer or convolution of a network for classification pass features on; return its name."""
    names = [name for name, module in network.named_modules() if isinstance(module, _CLASSIFIERS)]
    if not names:
        return ""
    parent, _, name = names[-1].rpartition(".")
    setattr(network.get_submodule(parent), name, nn.Identity())
    return names[-1]


def _weights(settings: BuiltSettings, builder: Any, where: str) -> Mapping[str, torch.Tensor]:
    if settings.weights_file:
        return read_tensors(Path(settings.weights_file))
    from torchvision.models import get_model_weights

    try:
        return get_model_weights(builder)[settings.weights].get_state_dict(check_hash=True)
    except (KeyError, ValueError, OSError) as error:
        raise UserError(
            f"{where}.weights: {settings.weights!r} cannot be had for {settings.builder} ({error}). Give one of its "
            "names in torchvision, or a file."
        ) from error


def _load(network: nn.Module, state: Mapping[str, torch.Tensor], dropped: str, where: str) -> None:
    own = network.state_dict()
    state = {name: value for name, value in state.items() if not dropped or not name.startswith(f"{dropped}.")}
    counts = {name for name in own if name.endswith("num_batches_tracked")}  # older files lack them
    if missing := sorted(set(own) - set(state) - counts):
        raise UserError(f"{where} lacks {len(missing)} tensors of the network, for example {missing[0]!r}.")
    if unknown := sorted(set(state) - set(own)):
        raise UserError(f"{where} has {len(unknown)} tensors that the network has not, for example {unknown[0]!r}.")
    for name, value in state.items():
        if value.shape != own[name].shape:
            raise UserError(
                f"{where}: {name!r} has the shape {tuple(value.shape)}, and the network's is {tuple(own[name].shape)}."
            )
    network.load_state_dict(state, strict=False)
