"""Packing: the clips of one shard of a manifest are fetched, decoded, measured and stored; each ends in the ledger."""

import hashlib
import json
import shutil
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
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
from avbench.data.store import Row, write_shard

# Raised when packing gives other bytes for the same file. Versions of libraries are left out on purpose: their
# rounding is not worth 200,000 downloads.
_FORMAT = "avbench-4"


@dataclass(frozen=True)
class PackJob:
    """One shard of a manifest to be packed.

    Attributes:
        manifest: path of the manifest; relative sources count from its folder.
        shard: number of the shard, in [0, shards).
        shards: how many there are.
        settings: what is stored of each clip.
        store: Arrow file to write.
        ledger: Parquet file to write: the fields of :class:`avbench.data.packing.outcome.Outcome`, sorted by clip id.
        work: folder for unfinished work, shared by all shards of a dataset.
        request: what :func:`avbench.data.packing.retry.retry` wrote for the shard, if it did.
        sources: where clips are looked for, in this order; see :class:`avbench.data.packing.sources.Sources`.
        download: how sources that are addresses are downloaded; several at a time.
        threads: clips that are decoded at a time, which bounds the memory.
        progress: whether to report on stderr: a bar on a terminal, else a line per minute and one at the end.

    Raises:
        UserError: there is no such shard.
    """

    manifest: Path
    shard: int
    shards: int
    settings: StoreSettings
    store: Path
    ledger: Path
    work: Path
    request: Path | None = None
    sources: Sequence[str | Mapping[str, Any]] = ("files",)
    download: DownloadSettings = field(default_factory=DownloadSettings)
    threads: int = 1
    progress: bool = True

    def __post_init__(self) -> None:
        """Check the number of the shard."""
        if not 0 <= self.shard < self.shards:
            raise UserError(
                f"shard {self.shard} does not exist: with {self.shards} shards they are numbered 0 to "
                f"{self.shards - 1}."
            )


def pack_shard(job: PackJob) -> None:
    """Pack the clips that ``shard_of(clip_id, shards)`` gives to the shard.

    Each clip ends as one row of the shard's ledger: ``stored``, ``unavailable`` (no file to be had) or ``rejected``
    (its content cannot be decoded), with a reason, a detail and what was measured. Whatever can be decoded is stored;
    whether it is fit for use is decided from the measurements when the ledgers are merged.

    Nothing is done twice: finished clips are kept in ``work`` until the store and the ledger have appeared, and a
    store and a ledger that exist already are brought up to date. A clip is done again only if its row of the manifest,
    its file or the settings have changed, or if a request asks for it; a stored clip whose file has gone
    stays. The files written do not depend on the number of threads, nor on interruptions.

    Raises:
        UserError: the manifest breaks a rule, a file cannot be written, or a host blocks the downloads. A bad clip
            never raises.
    """
    work = job.work / f"{job.shard:03d}"
    try:
        work.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise pieces.cannot_write(work, error) from error
    clips = _clips(job, work)
    earlier = Earlier(job.store, job.ledger, job.settings)
    packer = Packer(job.settings, earlier, Request.read(job.request), job.download, job.threads)
    remote = any(candidate.remote for clip in clips for candidate in clip.candidates)
    workers = max(job.threads, job.download.concurrent) if remote else job.threads

    executor = ThreadPoolExecutor(workers)
    try:
        # A single worker is the main thread itself: handing over to another costs a sixth of a small clip's time.
        results = map(packer.finish, clips) if workers == 1 else executor.map(packer.finish, clips)
        outcomes = list(_reported(results, len(clips), f"shard {job.shard}", job.progress))
    finally:
        packer.close()
        executor.shutdown(cancel_futures=True)
    content = write_shard(job.store, _rows(packer, clips, outcomes), job.settings)
    ledger.write(job.ledger, pieces.as_table(outcomes), {ledger.CONTENT: content})
    for path in (job.store, job.ledger):
        remove_leftovers(path)
    shutil.rmtree(work)


def _rows(packer: Packer, clips: Sequence[ListedClip], outcomes: list[Outcome]) -> Iterator[Row]:
    """Yield the data of the stored clips; the outcome of one whose data are gone is written anew, in place."""
    # strict: the results are in the order of the clips, and each has one.
    for place, (clip, outcome) in enumerate(zip(clips, list(outcomes), strict=True)):
        if outcome.state != "stored":
            continue
        if (row := packer.row(clip, outcome)) is not None:
            yield row
            continue
        detail = (
            f"what was packed of {outcome.origin} has disappeared from {clip.piece.parent}, or was changed there; "
            "does another job use the same folder?"
        )
        print(f"clip {clip.clip_id!r}: {detail}", flush=True)
        outcomes[place] = Outcome(
            clip.clip_id, "unavailable", "replaced", detail, clip.attempt, outcome.origin, outcome.version
        )


def _clips(job: PackJob, work: Path) -> list[ListedClip]:
    """Return the shard's clips, sorted by id."""
    sources = Sources(job.sources, job.manifest.parent)
    # Of a large manifest, all but this shard's rows would be read for nothing; the ledger validates it as a whole.
    table = read_manifest(job.manifest, lambda clip_id: shard_of(clip_id, job.shards) == job.shard)
    common = [_FORMAT, asdict(job.settings)]
    clips = []
    columns = [table[name].tolist() for name in ("clip_id", "source", "start_s", "duration_s")]
    for clip_id, source, start_s, duration_s in sorted(zip(*columns, strict=True)):
        decisive = [*common, clip_id, source, start_s, duration_s]
        cost = sources.cost(clip_id)
        key, attempt = _digest(decisive), _digest([*decisive, sources.listed, *([cost] if cost else [])])
        clip = ListedClip(
            clip_id=clip_id,
            source=source,
            start_s=start_s,
            duration_s=duration_s,
            candidates=sources.candidates(clip_id, source, start_s),
            key=key,
            attempt=attempt,
            nowhere=sources.nowhere(clip_id, source),
            cost=cost,
            piece=work / key,
        )
        clips.append(clip)
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
