"""Packing: the clips of one shard of a manifest are fetched, decoded, measured and stored; each ends in the ledger."""

import dataclasses
import hashlib
import json
import shutil
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from avbench.config.store import StoreSettings
from avbench.core.errors import UserError
from avbench.core.files import remove_leftovers
from avbench.core.hashing import shard_of
from avbench.core.progress import Progress
from avbench.data import ledger
from avbench.data.download import DownloadSettings
from avbench.data.manifest import read_manifest
from avbench.data.packing import outcome as pieces
from avbench.data.packing.outcome import Outcome
from avbench.data.packing.packer import Earlier, ListedClip, Packer
from avbench.data.packing.retry import Request
from avbench.data.packing.sources import Sources
from avbench.data.store import write_shard

# Raised when packing gives other bytes for the same file. Versions of libraries are left out on purpose: their
# rounding is not worth 200,000 downloads.
_FORMAT = "avbench-2"


def pack_shard(
    manifest: str | Path,
    shard: int,
    shards: int,
    settings: StoreSettings,
    store_path: str | Path,
    ledger_path: str | Path,
    work_dir: str | Path,
    request: str | Path | None = None,
    sources: Sequence[str | Mapping[str, Any]] = ("files",),
    download: DownloadSettings | None = None,
    threads: int = 1,
    progress: bool = True,
) -> None:
    """Pack the clips that ``shard_of(clip_id, shards)`` gives to ``shard``.

    Each clip ends as one row of the shard's ledger: ``stored``, ``unavailable`` (no file to be had) or ``rejected``
    (its content cannot be decoded), with a reason, a detail and what was measured. Whatever can be decoded is stored;
    whether it is fit for use is decided from the measurements when the ledgers are merged.

    Nothing is done twice: finished clips are kept in ``work_dir`` until the store and the ledger have appeared, and a
    store and a ledger that exist already are brought up to date. A clip is done again only if its row of the manifest,
    its file or the settings have changed, or if :func:`retry` has asked for it; a stored clip whose file has gone
    stays. The files written do not depend on the number of threads, nor on interruptions.

    Args:
        manifest: path of the manifest; relative sources count from its folder.
        shard: number of the shard, in [0, shards).
        shards: how many there are.
        settings: what is stored of a clip.
        store_path: Arrow file to write.
        ledger_path: Parquet file to write: the fields of :class:`avbench.data.packing.outcome.Outcome`, sorted by clip
            id.
        work_dir: folder for unfinished work, shared by all shards of a dataset.
        request: what :func:`retry` wrote for the shard, if it did.
        sources: where clips are looked for, in this order; see :class:`avbench.data.packing.sources.Sources`.
        download: how sources that are addresses are downloaded; several at a time.
        threads: clips that are decoded at a time, which bounds the memory.
        progress: whether to report on stderr: a bar on a terminal, else a line a minute and one at the end.

    Raises:
        UserError: the manifest breaks a rule, a file cannot be written, or a host blocks the downloads. A bad clip
            never raises.
    """
    if not 0 <= shard < shards:
        raise UserError(f"shard {shard} does not exist: with {shards} shards they are numbered 0 to {shards - 1}.")
    store_path, ledger_path = Path(store_path), Path(ledger_path)
    work = Path(work_dir) / f"{shard:03d}"
    try:
        work.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise pieces.cannot_write(work, error) from error
    clips = _clips(Path(manifest), shard, shards, work, settings, Sources(sources, Path(manifest).parent))
    earlier = Earlier(store_path, ledger_path, settings)
    packer = Packer(settings, earlier, Request.read(request), download or DownloadSettings(), threads)
    remote = any(candidate.remote for clip in clips for candidate in clip.candidates)
    workers = max(threads, packer.download.concurrent) if remote else threads

    executor = ThreadPoolExecutor(workers)
    try:
        # A single worker is the main thread itself: handing over to another costs a sixth of a small clip's time.
        results = map(packer.finish, clips) if workers == 1 else executor.map(packer.finish, clips)
        outcomes = list(_reported(results, len(clips), f"shard {shard}", progress))
    finally:
        packer.close()
        executor.shutdown(cancel_futures=True)
    # strict: the results are in the order of the clips, and each has one.
    done = zip(clips, outcomes, strict=True)
    write_shard(store_path, (packer.row(clip) for clip, outcome in done if outcome.state == "stored"), settings)
    ledger.write(ledger_path, pieces.as_table(outcomes))
    for path in (store_path, ledger_path):
        remove_leftovers(path)
    shutil.rmtree(work)


def _clips(
    manifest: Path, shard: int, shards: int, work: Path, settings: StoreSettings, sources: Sources
) -> list[ListedClip]:
    """Return the shard's clips, sorted by id."""
    # Of a large manifest, all but this shard's rows would be read for nothing; the ledger validates it as a whole.
    table = read_manifest(manifest, lambda clip_id: shard_of(clip_id, shards) == shard)
    common = [_FORMAT, dataclasses.asdict(settings)]
    clips = []
    rows = zip(*(table[name].tolist() for name in ("clip_id", "source", "start_s", "duration_s")), strict=True)
    for row in sorted(rows):
        key, attempt = _digest([*common, *row]), _digest([*common, *row, sources.listed])
        clips.append(ListedClip(*row, sources.candidates(*row[:3]), key, attempt, sources.nowhere(row[1]), work / key))
    return clips


def _digest(value: Any) -> str:
    return hashlib.blake2b(json.dumps(value, sort_keys=True).encode(), digest_size=16).hexdigest()


def _reported(outcomes: Iterable[Outcome], total: int, label: str, enabled: bool) -> Iterator[Outcome]:
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
