"""Which clips a set has: ids as awkward as VGGSound's, labels, files, and the tables that list them."""

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from avbench.core import files
from avbench.core.errors import UserError
from avbench.core.hashing import hash64, shard_of
from avbench.data.manifest import write_manifest
from avbench.datasets.controlled.class_names import class_labels
from avbench.datasets.controlled.factors import clip_factors
from avbench.datasets.controlled.options import SPLITS, ControlledSettings

_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-"
_GENERATION = 1  # raise it when the same settings give other clips
_LEADING_HYPHEN_EVERY = 40
_SHARED_ID_EVERY = 12


class Clip(NamedTuple):
    """A clip's key in its set, and its id."""

    label_index: int
    split: str
    k: int
    clip_id: str
    source: str  # path of its media file from the set's folder; no part of it begins with a hyphen


def clips(settings: ControlledSettings, shard: int = 0, shards: int = 1) -> Iterator[Clip]:
    """Yield the clips of one shard (``avbench.core.hashing.shard_of``), by split, class and k.

    Raises:
        UserError: there is no such shard.
    """
    if not 0 <= shard < shards:
        raise UserError(f"controlled dataset: shard = {shard} must be from 0 to {shards - 1}.")
    folder = f"media/{fingerprint(settings)}"
    for split in SPLITS:
        for label_index in range(settings.classes):
            for k in range(settings.count(split)):
                name = clip_id(settings, label_index, split, k)
                if shard_of(name, shards) == shard:
                    yield Clip(label_index, split, k, name, f"{folder}/clip-{name}.mp4")


def fingerprint(settings: ControlledSettings) -> str:
    """Return eight hexadecimal digits that name what clips look and sound like, whatever their number.

    It names the folder of the media files, so that files made with other settings are never taken for these.
    """
    unsized = dataclasses.replace(settings, classes=2, train=0, validation=0, test=0)
    return f"{hash64('controlled-generation', _GENERATION, unsized) >> 32:08x}"


def clip_id(settings: ControlledSettings, label_index: int, split: str, k: int) -> str:
    """Return ``{id}_{start:06d}``, the id being eleven characters like YouTube's.

    One clip in 40 has an id that begins with ``-``. Of the pairs of clips (0, 1), (2, 3), … of a class, one
    in twelve has one id at two start seconds, as when two clips were cut from one video.
    """
    shares = (k // 2 + 5 * label_index) % _SHARED_ID_EVERY == 0
    owner = k - 1 if shares and k % 2 else k
    number = hash64(settings.seed, "controlled-id", settings.name, label_index, split, owner)
    digits = [_ALPHABET[number >> 6 * place & 63] for place in range(10)]
    hyphen = (owner + 17 * label_index) % _LEADING_HYPHEN_EVERY == 0
    first = "-" if hyphen else _ALPHABET[(number >> 32) % 63]
    start = hash64(settings.seed, "controlled-start", settings.name, label_index, split, owner) % 290
    return f"{first}{''.join(digits)}_{start + 10 * (k - owner):06d}"


def clip_list(settings: ControlledSettings) -> pd.DataFrame:
    """Return one row per clip: clip_id, source, label, split, label_index, k."""
    labels = class_labels(settings.seed, settings.name, settings.classes)
    rows = [
        (clip.clip_id, clip.source, labels[clip.label_index], clip.split, clip.label_index, clip.k)
        for clip in clips(settings)
    ]
    return pd.DataFrame(rows, columns=["clip_id", "source", "label", "split", "label_index", "k"])


def manifest(settings: ControlledSettings) -> pd.DataFrame:
    """Return the set's manifest; sources are relative to the folder that holds it."""
    table = clip_list(settings).assign(start_s=0.0, duration_s=float(settings.duration_s))
    return table[["clip_id", "source", "start_s", "duration_s", "label", "split"]]


def write_manifest_for(settings: ControlledSettings, path: str | Path) -> None:
    """Write the manifest; put it beside the folder ``media``.

    Raises:
        UserError: the file cannot be written.
    """
    write_manifest(path, manifest(settings))


def write_factors(settings: ControlledSettings, path: str | Path, shard: int = 0, shards: int = 1) -> None:
    """Write the ground truth of one shard as CSV.

    A row per clip: clip_id, label_index, split, k and every factor, lists of times as "0.5;1.25".

    Raises:
        UserError: there is no such shard, or the file cannot be written.
    """
    columns = ["clip_id", "label_index", "split", "k", *clip_factors(settings, 0, SPLITS[0], 0)]
    rows = []
    for clip in clips(settings, shard, shards):
        row = {"clip_id": clip.clip_id, "label_index": clip.label_index, "split": clip.split, "k": clip.k}
        for name, value in clip_factors(settings, clip.label_index, clip.split, clip.k).items():
            row[name] = ";".join(f"{part:.6f}" for part in value) if isinstance(value, tuple) else value
        rows.append(row)
    files.write_csv(path, pd.DataFrame(rows, columns=columns))
