"""Clips that are a list and nothing else: features of them were computed before, so that no media are needed."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from avbench.config.checks import CheckSettings
from avbench.config.store import StoreSettings
from avbench.core.errors import UserError
from avbench.core.files import write_csv
from avbench.data import ledger
from avbench.data.manifest import COLUMNS, RECORDING, SPLITS, write_manifest
from avbench.data.store import Row, write_shard
from avbench.datasets.lists import read_rows, require_unique

DURATION_S = 10.0
"""What a clip is taken to last, of which nobody will hear or see anything: any window fits in."""


@dataclass(frozen=True)
class ListedFiles:
    """The files to write of a dataset: what manifest, packing and audit write of others."""

    manifest: Path
    store: Path
    ledger: Path
    duplicates: Path
    recordings: Path


def write_listed(
    listing: Path,
    known: Mapping[str, Collection[str]],
    settings: StoreSettings,
    checks: CheckSettings,
    files: ListedFiles,
) -> None:
    """Write a dataset of listed clips; those that a file of features lacks are ``unavailable``.

    Args:
        listing: a CSV with the columns clip_id, label and split, and perhaps recording.
        known: the clips that each file of features has.
        settings: of the store, in which clips have neither sound nor pictures.
        checks: what to do about recordings that splits share; nothing else can be checked.
        files: what to write.

    Raises:
        UserError: the list breaks a rule, or a file cannot be written.
    """
    rows = list(read_rows(listing, ("clip_id", "label", "split")))
    require_unique(listing, ((row, cells["clip_id"]) for row, cells in rows), "Give each clip its own clip_id.")
    for row, cells in rows:
        if cells["split"] not in SPLITS:
            raise UserError(
                f"{listing}, row {row}: split is {cells['split']!r}; it must be one of {', '.join(SPLITS)}."
            )
    if not rows:
        raise UserError(f"{listing} lists no clips.")
    columns = {name: [cells[name] for _, cells in rows] for name in ("clip_id", "label", "split")}
    # Said of every clip, since they have one source in common.
    columns[RECORDING] = [cells.get(RECORDING, "").strip() or cells["clip_id"] for _, cells in rows]
    clips = pd.DataFrame(columns | {"source": "features", "start_s": 0.0, "duration_s": DURATION_S})
    clips = clips.sort_values("clip_id", ignore_index=True)
    write_manifest(files.manifest, clips[[*COLUMNS, RECORDING]])
    lacking = {name: next((file for file, ids in known.items() if name not in ids), "") for name in clips["clip_id"]}
    missing = clips["clip_id"].map(lacking)
    table = clips[["clip_id", "label", "split"]].assign(
        state=["unavailable" if file else "stored" for file in missing],
        reason=["no_features" if file else "" for file in missing],
        detail=[f"not in {file}" if file else "" for file in missing],
        **dict.fromkeys(ledger.NUMBERS, float("nan")),
        frame_hash="",
        audio_hash="",
    )
    recording_of = dict(zip(clips["clip_id"], clips[RECORDING], strict=True))
    table, torn, pairs = ledger.check(table[[*ledger.COLUMNS, *ledger.MEASURED]], checks, recording_of)
    write_csv(files.duplicates, pairs)
    write_csv(files.recordings, torn)
    stored = table["clip_id"][table["state"] == "stored"]
    content = write_shard(files.store, (Row(name, [], b"", DURATION_S) for name in stored), settings)
    ledger.write(files.ledger, table, {ledger.CONTENT: content})
