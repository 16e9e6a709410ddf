"""The ledger: what became of every clip of a manifest. Nothing is dropped silently, nothing is replaced."""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from avbench.config.checks import CheckSettings
from avbench.core import files, seals
from avbench.core.errors import UserError
from avbench.core.files import read_json
from avbench.core.hashing import file_digest
from avbench.data import duplicates, recordings
from avbench.data.checks import THRESHOLDS, Measurements, fault
from avbench.data.manifest import SPLITS

STATES = ("stored", "unavailable", "rejected")
COLUMNS = ("clip_id", "label", "split", "state", "reason", "detail")
NUMBERS = ("duration_s", "excess_s", "peak_dbfs", "clipped", "motion")  # measured by packing
CHECKS, LEFT_OUT, CONTENT = "avbench.checks", "avbench.left_out", "avbench.content"
MEASURED = (*NUMBERS, "frame_hash", "audio_hash")


def write(path: str | Path, table: pd.DataFrame, told: Mapping[str, Any] | None = None) -> None:
    """Write a ledger, or a shard of one, as Parquet: atomic, sealed, the same bytes for the same rows.

    Columns hold text, those of ``NUMBERS`` float64.

    Args:
        path: the file.
        table: its rows.
        told: for the file's metadata, as JSON can hold it: ``CHECKS``, the thresholds that decided; ``LEFT_OUT``, how
            many files of each extension no clip was made of; ``CONTENT``, what
            :func:`avbench.data.store.write_shard` returned. What is empty is left out.
    """
    types = {name: pa.float64() if name in NUMBERS else pa.string() for name in table.columns}
    columns = {name: pa.array(table[name].tolist(), kind) for name, kind in types.items()}
    with files.atomic(path) as part:
        metadata = {key: json.dumps(value, sort_keys=True) for key, value in (told or {}).items() if value}
        pq.write_table(pa.table(columns, metadata=metadata), part, compression="zstd")
    seals.seal(path)


def read(path: str | Path, columns: Sequence[str] | None = None) -> pd.DataFrame:
    """Read what :func:`write` wrote: all columns, or those that are asked for.

    Raises:
        UserError: the file is missing or damaged.
    """
    seals.require_whole(path)
    try:
        table = pq.read_table(path, columns=None if columns is None else list(columns))
    except FileNotFoundError:
        raise UserError(f"{path} does not exist. Pack the dataset first.") from None
    except (OSError, pa.ArrowException) as error:
        raise UserError(f"{path} is not a ledger: {error}. Delete it and pack again.") from error
    cells = {name: table.column(name).to_pylist() for name in table.column_names}
    return pd.DataFrame({n: pd.Series(c, dtype=float if n in NUMBERS else object) for n, c in cells.items()})


def read_checks(path: str | Path) -> dict[str, Any]:
    """Return the thresholds that decided in a ledger; nothing where it does not say so.

    Raises:
        UserError: the file is missing or damaged.
    """
    return _told(path, CHECKS) or {}


def read_left_out(path: str | Path) -> dict[str, int]:
    """Return how many files of each extension were no clips of the dataset.

    Raises:
        UserError: the file is missing or damaged.
    """
    return _told(path, LEFT_OUT) or {}


def read_content(path: str | Path) -> str:
    """Return what the packed clips of a ledger, or of a shard of one, are: 64 hexadecimal digits.

    Where the ledger does not say it, as those of earlier versions do not, a digest of its own stands for it.

    Raises:
        UserError: the file is missing or damaged.
    """
    return _told(path, CONTENT) or file_digest(path)


def _told(path: str | Path, key: str) -> Any:
    read(path, ["clip_id"])  # says whatever may be wrong with it
    return json.loads((pq.read_schema(path).metadata or {}).get(key.encode(), b"null"))


def merge(paths: Iterable[str | Path], manifest: pd.DataFrame) -> pd.DataFrame:
    """Merge the ledgers of all shards: one row for every row of the manifest, sorted by clip id.

    Returns:
        ``COLUMNS``, text (reason and detail are empty for stored clips), and ``MEASURED``: numbers are NaN and hashes
        empty for what could not be measured.

    Raises:
        UserError: a clip of the manifest is missing or twice, or a ledger lists a clip that the manifest does not.
    """
    outcome = pd.concat([read(path) for path in paths], ignore_index=True)
    for ids, wrong in (
        (outcome.clip_id[outcome.clip_id.duplicated()], "is in two ledgers"),
        (manifest.clip_id[~manifest.clip_id.isin(outcome.clip_id)], "of the manifest is in no ledger"),
        (outcome.clip_id[~outcome.clip_id.isin(manifest.clip_id)], "of a ledger is not in the manifest"),
    ):
        if len(ids):
            raise UserError(
                f"clip {ids.iloc[0]!r} {wrong} (and {len(ids) - 1} more). The shards were packed from another "
                "manifest or with another number of shards: delete the ledgers and pack again."
            )
    merged = manifest[["clip_id", "label", "split"]].merge(outcome, on="clip_id", validate="one_to_one")
    return merged.sort_values("clip_id", ignore_index=True)[[*COLUMNS, *MEASURED]]


def check(
    ledger: pd.DataFrame, settings: CheckSettings, recording_of: Mapping[str, str] | None = None
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Reject the packed clips that fall below a threshold, and audit the others for what splits share.

    Args:
        ledger: what :func:`merge` returns.
        settings: the thresholds, and what to do about recordings and duplicates.
        recording_of: clip_id → its recording; by default each clip is one.

    Returns:
        the ledger, with state, reason and detail of the clips that are rejected now; the clips of shared recordings, as
        :func:`avbench.data.recordings.shared` returns them; and then, of what is left, the duplicates, as
        :func:`avbench.data.duplicates.find` does. Where these or those are excluded, the clip of the pair that is
        nearer to training is rejected with the reason ``recording`` or ``duplicate``.
    """
    checked = ledger.copy()
    kept = checked.index[checked.state == "stored"]
    measured = zip(*(checked.loc[kept, name].tolist() for name in MEASURED), strict=True)
    faults = {row: fault(Measurements(*values), settings) for row, values in zip(kept, measured, strict=True)}
    _reject(checked, {row: found for row, found in faults.items() if found is not None})
    row_of = dict(zip(checked.clip_id, checked.index, strict=True))
    kept = checked.index[checked.state == "stored"]
    stored_clips = checked.loc[kept, ["clip_id", "split"]]
    known = recording_of if recording_of is not None else {clip_id: clip_id for clip_id in stored_clips["clip_id"]}
    torn = recordings.shared(stored_clips.assign(recording=stored_clips["clip_id"].map(known)))
    if settings.recordings == "exclude":
        told = zip(torn["clip_id"], torn["recording"], torn["shared_split"], torn["shared_with"], strict=True)
        because = {row_of[a]: ("recording", f"of recording {r!r}, as {split} clip {b!r}") for a, r, split, b in told}
        _reject(checked, because)
    pairs = duplicates.find(checked.loc[checked.state == "stored", ["clip_id", "split", "frame_hash", "audio_hash"]])
    if settings.duplicates == "exclude":
        alike = zip(pairs["clip_id"], pairs["duplicate_split"], pairs["duplicate_of"], strict=True)
        because = {row_of[a]: ("duplicate", f"the same recording as {split} clip {b!r}") for a, split, b in alike}
        _reject(checked, because)
    return checked, torn, pairs


def _reject(ledger: pd.DataFrame, faults: Mapping[int, tuple[str, str]]) -> None:
    rows = list(faults)
    ledger.loc[rows, "state"] = "rejected"
    ledger.loc[rows, "reason"] = [reason for reason, _ in faults.values()]
    ledger.loc[rows, "detail"] = [detail for _, detail in faults.values()]


def coverage(ledger: pd.DataFrame, left_out: Mapping[str, int] | None = None) -> dict:
    """Count what is there, and what is not.

    Args:
        ledger: of the dataset.
        left_out: files by extension, see :func:`read_left_out`.

    Returns:
        ``{"all": {"listed", "stored", "share"}, "splits": {split: the same}, "reasons": {reason: clips}, "training":
        {"classes", "clips", "smallest", "largest"}}``, reasons by falling count; shares are in [0, 1]; smallest and
        largest are the stored training clips of a class. ``left_out`` follows where files were.
    """
    counts = _counts(ledger)
    training = counts.pop("training")
    more = {"left_out": dict(left_out)} if left_out else {}
    return {**counts, "reasons": _reasons(ledger), "training": training, **more}


def stored_state(ledger: pd.DataFrame, content: str) -> dict:
    """Return what all that is made of a dataset depends on: it changes when the clips that are stored do.

    Args:
        ledger: of the dataset.
        content: what the packed clips are, see :func:`read_content`.

    Returns:
        The counts of :func:`coverage`, and ``clips``: a digest of what is stored, with labels and splits.
    """
    kept = ledger.loc[ledger.state == "stored", ["clip_id", "label", "split"]].sort_values("clip_id")
    made = hashlib.blake2b(content.encode(), digest_size=32)
    made.update(json.dumps(kept.to_numpy().tolist()).encode())
    return {**_counts(ledger), "clips": made.hexdigest()}


def _counts(ledger: pd.DataFrame) -> dict:
    stored_clips = ledger.state == "stored"
    splits = {split: ledger.split == split for split in SPLITS if (ledger.split == split).any()}
    sizes = ledger.label[stored_clips & (ledger.split == "train")].value_counts()
    sizes = sizes[sizes > 0]
    return {
        "all": _share(stored_clips),
        "splits": {split: _share(stored_clips[chosen]) for split, chosen in splits.items()},
        "training": {
            "classes": len(sizes),
            "clips": int(sizes.sum()),
            "smallest": int(sizes.min()) if len(sizes) else 0,
            "largest": int(sizes.max()) if len(sizes) else 0,
        },
    }


def _share(stored_clips: pd.Series) -> dict[str, float]:
    listed, kept = len(stored_clips), int(stored_clips.sum())
    return {"listed": listed, "stored": kept, "share": round(kept / listed, 6) if listed else 0.0}


def _reasons(ledger: pd.DataFrame) -> dict[str, int]:
    counts = ledger.reason[ledger.state != "stored"].value_counts().to_dict()
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def require_coverage(
    ledger: pd.DataFrame, minimum: float, dataset: str, checks: Mapping[str, Any] | None = None
) -> None:
    """Stop where too few clips are stored in a split.

    Args:
        ledger: of the dataset.
        minimum: the share of a split's clips that must be stored, in [0, 1].
        dataset: its name, for the message.
        checks: the thresholds that decided, see :func:`read_checks`.

    Raises:
        UserError: a split's share is below ``minimum``; names the shares, the reasons, the threshold that rejected
            most, and some clips.
    """
    below: Mapping[str, dict] = {
        split: share
        for split, share in coverage(ledger)["splits"].items()
        if share["stored"] / share["listed"] < minimum  # a product would be rounded: 0.55 * 100 is more than 55
    }
    if not below:
        return
    failed = ledger[(ledger.state != "stored") & ledger.split.isin(list(below))]
    shares = ", ".join(f"{s['stored']} of {s['listed']} {split} clips ({s['share']:.1%})" for split, s in below.items())
    counts = _reasons(failed)
    reasons = ", ".join(f"{reason} ({count})" for reason, count in list(counts.items())[:3])
    examples = ", ".join(repr(clip_id) for clip_id in failed.clip_id.head(3))
    raise UserError(
        f"dataset {dataset}: only {shares} could be stored; min_coverage is {minimum:.1%}. Most frequent reasons: "
        f"{reasons}; for example {examples}.{_strictest(counts, checks or {})} Mend the sources (the ledger says why "
        "each clip failed) and pack again, or lower min_coverage."
    )


def _strictest(counts: Mapping[str, int], checks: Mapping[str, Any]) -> str:
    """Return a sentence on the threshold that rejected most, or nothing where none rejected any."""
    reason = next((reason for reason in counts if reason in THRESHOLDS), None)
    if reason is None:
        return ""
    key = THRESHOLDS[reason]
    value = f": {checks[key]}" if key in checks else ""
    what = "excludes" if key in ("duplicates", "recordings") else "rejects"
    return f" `checks.{key}{value}` {what} {counts[reason]} of them; set it otherwise if they are fit for use."


def stored(ledger: pd.DataFrame, split: str) -> pd.DataFrame:
    """Return the stored clips of a split: columns clip_id and label, sorted by clip id."""
    chosen = ledger[(ledger.state == "stored") & (ledger.split == split)]
    return chosen[["clip_id", "label"]].sort_values("clip_id", ignore_index=True)


def test_coverage(data: Path, dataset: str) -> float:
    """Return the share of a dataset's listed test clips that are stored."""
    return read_json(data / dataset / "stored.json")["splits"]["test"]["share"]
