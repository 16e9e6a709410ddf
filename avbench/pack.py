"""Packing: the clips of one shard of a manifest are decoded, checked and stored; every one ends in the ledger."""

import dataclasses
import hashlib
import json
import os
import shutil
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import av
import pandas as pd
import simplejpeg

from avbench import ledger
from avbench.checks import CheckSettings, check
from avbench.errors import UserError
from avbench.hashing import shard_of
from avbench.manifest import read_manifest
from avbench.media import MediaError, decode, is_url
from avbench.progress import Progress
from avbench.store import Row, StoreSettings, encode_frames, write_shard

# Anything else that is wrong with a clip is a fault of its content: the clip is rejected.
_UNAVAILABLE = {"unavailable", "missing", "unreadable"}
# What a finished clip's bytes depend on beside the settings and its source.
_MAKERS = ["avbench-1", av.__version__, simplejpeg.__version__]


@dataclass(frozen=True)
class _Clip:
    """A row of the manifest, with its path, and the file that keeps its result until the shard is complete."""

    clip_id: str
    path: str
    start_s: float
    duration_s: float
    piece: Path


@dataclass(frozen=True)
class _Outcome:
    clip_id: str
    state: str
    reason: str = ""
    detail: str = ""


def pack_shard(
    manifest: str | Path,
    shard: int,
    shards: int,
    store_settings: StoreSettings,
    check_settings: CheckSettings,
    store_path: str | Path,
    ledger_path: str | Path,
    work_dir: str | Path,
    threads: int = 1,
    progress: bool = True,
) -> None:
    """Pack the clips that ``shard_of(clip_id, shards)`` gives to ``shard``.

    Each clip ends as one row of the ledger: ``stored``, ``unavailable`` (no file to read) or ``rejected`` (its content
    is unfit), with a reason and a detail. Finished clips are kept in ``work_dir`` until the store and the ledger have
    appeared, so that a killed job goes on where it was; a result is used again only if the source and the settings are
    unchanged. Clips whose source is unavailable are tried again. The files written do not depend on the number of
    threads, nor on interruptions.

    Args:
        manifest: path of the manifest; relative sources count from its folder.
        shard: number of the shard, in [0, shards).
        shards: how many there are.
        store_settings: what is stored of a clip.
        check_settings: what a clip must be.
        store_path: Arrow file to write.
        ledger_path: Parquet file to write: clip_id, state, reason, detail, sorted by clip id.
        work_dir: folder for unfinished work, shared by all shards of a dataset.
        threads: clips in work at a time, which bounds the memory.
        progress: whether to report on stderr: a bar on a terminal, else a line a minute and one at the end.

    Raises:
        UserError: the manifest breaks a rule, or a file cannot be written. A bad clip never raises.
    """
    if not 0 <= shard < shards:
        raise UserError(f"shard {shard} does not exist: with {shards} shards they are numbered 0 to {shards - 1}.")
    pieces = Path(work_dir) / f"{shard:03d}"
    try:
        pieces.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _cannot_write(pieces, error) from error
    clips = _clips(manifest, shard, shards, pieces, [store_settings, check_settings])

    def finish(clip: _Clip) -> _Outcome:
        return _finish(clip, store_settings, check_settings)

    executor = ThreadPoolExecutor(threads)
    try:
        # A single worker is the main thread itself: handing over to another costs a sixth of a small clip's time.
        results = map(finish, clips) if threads == 1 else executor.map(finish, clips)
        outcomes = list(_reported(results, len(clips), f"shard {shard}", progress))
    finally:
        executor.shutdown(cancel_futures=True)
    # strict: the results are in the order of the clips, and each has one.
    done = zip(clips, outcomes, strict=True)
    write_shard(store_path, (_stored(clip) for clip, outcome in done if outcome.state == "stored"), store_settings)
    ledger.write(ledger_path, pd.DataFrame(outcomes, columns=["clip_id", "state", "reason", "detail"], dtype=object))
    shutil.rmtree(pieces)


def _clips(manifest: str | Path, shard: int, shards: int, pieces: Path, settings: list) -> list[_Clip]:
    """Return the shard's clips, sorted by id."""
    table = read_manifest(manifest)
    common = json.dumps([*_MAKERS, *map(dataclasses.asdict, settings)], sort_keys=True)
    clips = []
    rows = zip(*(table[name].tolist() for name in ("clip_id", "source", "start_s", "duration_s")), strict=True)
    for clip_id, source, start_s, duration_s in sorted(row for row in rows if shard_of(row[0], shards) == shard):
        path = source if is_url(source) else os.path.join(Path(manifest).parent, source)
        key = json.dumps([common, clip_id, source, start_s, duration_s, *_version(path)])
        name = hashlib.blake2b(key.encode(), digest_size=16).hexdigest()
        clips.append(_Clip(clip_id, path, start_s, duration_s, pieces / name))
    return clips


def _version(path: str) -> tuple[int, int]:
    try:
        status = os.stat(path)
    except (OSError, ValueError):
        return -1, -1
    return status.st_size, status.st_mtime_ns


def _finish(clip: _Clip, store_settings: StoreSettings, check_settings: CheckSettings) -> _Outcome:
    """Decode, check and keep a clip, unless an earlier run has; whatever is wrong with it becomes its outcome."""
    if (kept := _read_piece(clip)) is not None:
        return kept[0]
    row = None
    try:
        decoded = decode(clip.path, store_settings, clip.start_s, clip.duration_s)
        fault = check(decoded, check_settings)
        if fault is None:
            images = encode_frames(decoded.frames, store_settings)
            samples = decoded.audio.astype("<i2", copy=False).tobytes()
            row = Row(clip.clip_id, images, samples, decoded.duration_s)
    except MediaError as error:
        fault = error.reason, error.detail
    except Exception as error:  # one bad clip, however odd, must not end a job of a thousand
        fault = "corrupt", f"decoding failed: {type(error).__name__}: {str(error)[:200]!a}"
    if row is not None:
        outcome = _Outcome(clip.clip_id, "stored")
    elif fault[0] in _UNAVAILABLE:
        return _Outcome(clip.clip_id, "unavailable", *fault)
    else:
        outcome = _Outcome(clip.clip_id, "rejected", *fault)
    _write_piece(clip.piece, outcome, row)
    return outcome


# A piece is a line of JSON and then the bytes of the images and of the audio. It is renamed into place but not flushed
# to disk, which would cost more than decoding a small clip; the checksum finds what a power cut has torn.


def _write_piece(path: Path, outcome: _Outcome, row: Row | None) -> None:
    payload = b"" if row is None else b"".join([*row.frames, row.audio])
    header = dataclasses.asdict(outcome) | {"checksum": zlib.crc32(payload)}
    if row is not None:
        header |= {"duration_s": row.duration_s, "sizes": [*map(len, row.frames), len(row.audio)]}
    part = f"{path}.part"
    try:
        with open(part, "wb") as stream:
            stream.write(json.dumps(header).encode() + b"\n" + payload)
        os.replace(part, path)
    except OSError as error:
        raise _cannot_write(path, error) from error


def _read_piece(clip: _Clip) -> tuple[_Outcome, Row | None] | None:
    """Return what is kept of a clip; None if nothing is, or if it is torn."""
    try:
        line, _, payload = clip.piece.read_bytes().partition(b"\n")
        header = json.loads(line)
        outcome = _Outcome(*(header[field.name] for field in dataclasses.fields(_Outcome)))
        if zlib.crc32(payload) != header["checksum"] or outcome.clip_id != clip.clip_id:
            return None
    except (OSError, ValueError, KeyError, TypeError):
        return None
    if outcome.state != "stored":
        return outcome, None
    parts, position = [], 0
    for size in header["sizes"]:
        parts.append(payload[position : position + size])
        position += size
    return outcome, Row(clip.clip_id, parts[:-1], parts[-1], header["duration_s"])


def _stored(clip: _Clip) -> Row:
    kept = _read_piece(clip)
    if kept is None or kept[1] is None:
        raise UserError(
            f"{clip.piece}, the finished clip {clip.clip_id!r}, has disappeared or was changed during packing. "
            "Does another job use the same work folder? Run the job again."
        )
    return kept[1]


def _cannot_write(path: Path, error: OSError) -> UserError:
    return UserError(f"cannot write {path}: {error.strerror or error}. Check free space and permissions.")


def _reported(outcomes: Iterable[_Outcome], total: int, label: str, enabled: bool) -> Iterator[_Outcome]:
    """Pass the outcomes through, and report how far they are and what became of the clips."""
    if not enabled:
        yield from outcomes
        return
    progress = Progress(total, label, "clip")
    states: Counter[str] = Counter()
    for outcome in outcomes:
        states[outcome.reason or outcome.state] += 1
        progress.advance(lambda: ", ".join(f"{count} {state}" for state, count in states.most_common()))
        yield outcome
    progress.close()
