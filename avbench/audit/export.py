"""A run's encoders, taken out of their experiment: weights, settings, a card, and a module that runs them."""

import csv
import json
import shutil
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from avbench.config.encoders import BuiltSettings, code_digest
from avbench.config.features import FeatureSettings
from avbench.config.models import MODALITIES, ModelSettings
from avbench.config.settings import build
from avbench.core.errors import UserError
from avbench.core.files import read_json, write_json, write_text
from avbench.core.hashing import file_digest
from avbench.models.embedder import load_embedder
from avbench.models.standalone import source
from avbench.models.tensor_file import write_safetensors
from avbench.training import checkpoint

FILES = ("model.safetensors", "settings.json", "encoder.py", "README.md")
CHOICES = ("dataset", "subset", "labels", "method", "budget", "seed")


def find_run(results: Path, chosen: Mapping[str, str | None]) -> Path:
    """Return the folder of the one finished run that has the names which were chosen.

    Args:
        results: ``results/{experiment}``.
        chosen: names of `CHOICES`; None for any.

    Raises:
        UserError: there is none, or there are several.
    """
    parts = [chosen.get(name) or "*" for name in CHOICES[:-1]]
    pattern = "/".join([*parts, f"seed-{chosen['seed']}", "checkpoint.pt"])
    found = sorted(path.parent for path in (results / "runs").glob(pattern))
    if len(found) == 1:
        return found[0]
    told = ", ".join("/".join(run.relative_to(results / "runs").parts) for run in found[:4])
    raise UserError(
        f"{results}: {len(found)} runs are of {', '.join(f'{k} {v}' for k, v in chosen.items() if v)}"
        + (f": {told}. Choose among them with --dataset, --subset, --labels or --budget." if found else ".")
    )


def export(run: Path, output: Path) -> None:
    """Write a run's encoders to a folder: `FILES`, and the user's files that networks are built by.

    Args:
        run: its folder, with ``checkpoint.pt``.
        output: the folder to write; files of an earlier export are replaced.

    Raises:
        UserError: the run is not finished, its code has changed, or the disk is full.
    """
    state = checkpoint.load(run / "checkpoint.pt")
    embedder = load_embedder(state)
    settings, networks = state["settings"], embedder.model.settings
    features = build(FeatureSettings, settings["features"], "features")
    names = dict(zip(CHOICES, run.parts[-6:], strict=True)) | {"seed": str(settings["seed"])}
    output.mkdir(parents=True, exist_ok=True)
    tensors = {f"standardise.{name}": value for name, value in embedder.standardise.state_dict().items()}
    tensors |= embedder.model.state_dict() | {"log_mel.bands": embedder.log_mel.bands}
    write_safetensors(output / FILES[0], tensors, {**names, "format": "pt"})
    files = _names(networks)
    model: dict[str, Any] = {modality: _plain(getattr(networks, modality), files) for modality in MODALITIES}
    described = {
        **names,
        "model": {**model, "embedding": networks.embedding},
        "features": asdict(features),
        "windows": {
            "samples": features.samples,
            "video_frames": features.video_frames,
            "audio_shape": list(features.audio_shape),
        },
        "checkpoint": file_digest(run / "checkpoint.pt"),
        "pretraining": {key: value for key, value in settings["pretraining"].items() if key != "model"},
    }
    write_json(output / FILES[1], described)
    for one in networks.others.values():
        if isinstance(one, BuiltSettings) and one.file:
            shutil.copyfile(one.file, output / files[one.file])
            if code_digest(str(output / files[one.file])) != one.code and one.code:
                raise UserError(f"{one.file} has changed since the run was trained.")
    write_text(output / FILES[2], source(networks, {key: names[key] for key in ("dataset", "method", "seed")}))
    write_text(output / FILES[3], card(run, described, sum(value.numel() for value in tensors.values())))


def _names(networks: ModelSettings) -> dict[str, str]:
    """Return how an export calls each of the user's files: by its own name, unless another file there has that."""
    found: dict[str, str] = {}
    for modality, one in networks.others.items():
        if isinstance(one, BuiltSettings) and one.file and one.file not in found:
            name = Path(one.file).name
            found[one.file] = f"{modality}_{name}" if name in (*FILES, *found.values()) else name
    return found


def _plain(one: Any, names: Mapping[str, str]) -> dict[str, Any]:
    file = getattr(one, "file", None)
    return asdict(one) | ({"builder": f"{names[file]}:{one.function}"} if file else {})


def card(run: Path, described: Mapping[str, Any], numbers: int) -> str:
    """Return a model card: what it is, how to use it, what it scored, and how it came to be."""
    scores = [path for path in (run / "scores.csv", *sorted(run.glob("*/scores.csv"))) if path.is_file()]
    rows = [row for path in scores for row in csv.DictReader(path.open(encoding="utf-8"))]
    lines = [
        f"| {row['task']} | {row['protocol']} | {row['modality']} | {float(row['accuracy']):.4f} | {row['n_test']} |"
        for row in rows
    ]
    record = read_json(run / "run.json") if (run / "run.json").is_file() else {"provenance": {}}
    origin = {key: record["provenance"].get(key) for key in ("avbench", "commit", "python", "packages", "ended")}
    features = described["features"]
    return f"""# {described["method"]} on {described["dataset"]}, seed {described["seed"]}

Encoders of sound and picture, pretrained by audio-visual contrast with avbench: method `{described["method"]}`, subset
`{described["subset"]}`, labels `{described["labels"]}`, budget `{described["budget"]}`. {numbers:,} numbers.

## Use

```python
import torch
from encoder import get_scene_embeddings, load_model

model = load_model()
sound = torch.zeros(1, model.sample_rate * 2)  # mono, {features["sample_rate"]} Hz, in [-1, 1]
print(get_scene_embeddings(sound, model).shape)
```

`model.clip_embeddings(frames)` takes pictures, uint8 (n, frames, height, width, 3), {features["frame_rate"]:g} per
second.

## Scores

{"On test clips, of this seed: accuracy, or as the protocol says." if lines else "None were found beside the run."}

| task | protocol | modality | score | test clips |
|---|---|---|---|---|
{chr(10).join(lines)}

## Provenance

Checkpoint: SHA-256 `{described["checkpoint"]}`.

```json
{json.dumps(origin, indent=1, sort_keys=True)}
```
"""
