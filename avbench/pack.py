"""Packing: the clips of one shard of a manifest are fetched, decoded, measured and stored; each ends in the ledger."""

import dataclasses
import hashlib
import json
import math
import secrets
import shutil
import threading
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from avbench import ledger, pieces
from avbench.checks import measure
from avbench.datasets.durations import duration_s as file_duration_s
from avbench.errors import UserError
from avbench.fetch import Downloader, DownloadSettings, FetchError
from avbench.fileio import read_json, remove_leftovers, write_json
from avbench.hashing import shard_of
from avbench.manifest import read_manifest
from avbench.media import MediaError, decode
from avbench.pieces import Outcome
from avbench.progress import Progress
from avbench.sources import Candidate, Sources
from avbench.store import Row, Store, StoreSettings, encode_frames, write_shard

# Anything else that is wrong with a file on disk is a fault of its content: the clip is rejected.
_UNAVAILABLE = {"unavailable", "missing", "unreadable"}
# Raised when packing gives other bytes for the same file. Versions of libraries are left out on purpose: their
# rounding is not worth 200,000 downloads.
_FORMAT = "avbench-2"


@dataclass(frozen=True)
class _Clip:
    """A row of the manifest, the places where it may be, and the file that keeps its result."""

    clip_id: str
    source: str
    start_s: float
    duration_s: float
    candidates: list[Candidate]
    key: str
    attempt: str  # as key, and where it was looked for
    nowhere: tuple[str, str]  # reason and detail where there is no candidate
    piece: Path

    def version(self) -> str:
        """Return what changes when any of the files does where it was looked for."""
        return " ".join(candidate.version() or "-" for candidate in self.candidates)


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
        ledger_path: Parquet file to write: the fields of :class:`avbench.pieces.Outcome`, sorted by clip id.
        work_dir: folder for unfinished work, shared by all shards of a dataset.
        request: what :func:`retry` wrote for the shard, if it did.
        sources: where clips are looked for, in this order; see :class:`avbench.sources.Sources`.
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
    earlier = _Earlier(store_path, ledger_path, settings)
    packer = _Packer(settings, earlier, _Request.read(request), download or DownloadSettings(), threads)
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


def retry(folder: str | Path, states: Sequence[str], reasons: Sequence[str] = ()) -> Counter[str]:
    """Have failed clips of a dataset tried again by the next run, and no others.

    Writes a request for each shard concerned, ``retry/{shard}.json``, which the workflow takes as an input of packing.
    It is followed once, and stays. Clips of an earlier request that was not followed yet are in the new one too.

    Args:
        folder: ``data/{dataset}``.
        states: ``unavailable``, ``rejected`` or both.
        reasons: only these; all if none is given.

    Returns:
        clips by reason.

    Raises:
        UserError: the dataset has no ledger, or no clip failed for any of the reasons given.
    """
    folder = Path(folder)
    paths = sorted((folder / "ledger").glob("*.parquet"))
    if not paths:
        raise UserError(f"{folder} holds no packed shards: there is nothing to try again.")
    requests, chosen, seen = {}, Counter(), Counter()
    for path in paths:
        table = ledger.read(path)
        failed = table.state.isin(list(states))
        seen.update(table.reason[failed])
        again = failed & table.reason.isin(list(reasons)) if reasons else failed
        chosen.update(table.reason[again])
        if again.any():
            earlier = _Request.read(folder / "retry" / f"{path.stem}.json")
            waiting = (table.state != "stored") & table.clip_id.isin(earlier.clips) & (table.request != earlier.id)
            requests[path.stem] = {"id": secrets.token_hex(8), "clips": table.clip_id[again | waiting].tolist()}
    if unknown := sorted(set(reasons) - set(seen)):
        raise UserError(
            f"no {' or '.join(states)} clip of {folder} has the reason {unknown[0]!r}. "
            f"There are {', '.join(f'{reason} ({count})' for reason, count in seen.most_common()) or 'none'}."
        )
    for shard, request in requests.items():
        write_json(folder / "retry" / f"{shard}.json", request)
    return chosen


def _clips(
    manifest: Path, shard: int, shards: int, work: Path, settings: StoreSettings, sources: Sources
) -> list[_Clip]:
    """Return the shard's clips, sorted by id."""
    # Of a large manifest, all but this shard's rows would be read for nothing; the ledger validates it as a whole.
    table = read_manifest(manifest, lambda clip_id: shard_of(clip_id, shards) == shard)
    common = [_FORMAT, dataclasses.asdict(settings)]
    clips = []
    rows = zip(*(table[name].tolist() for name in ("clip_id", "source", "start_s", "duration_s")), strict=True)
    for row in sorted(rows):
        key, attempt = _digest([*common, *row]), _digest([*common, *row, sources.listed])
        clips.append(_Clip(*row, sources.candidates(*row[:3]), key, attempt, sources.nowhere(row[1]), work / key))
    return clips


def _digest(value: Any) -> str:
    return hashlib.blake2b(json.dumps(value, sort_keys=True).encode(), digest_size=16).hexdigest()


@dataclass(frozen=True)
class _Request:
    """Failed clips that are to be tried again."""

    id: str = ""
    clips: frozenset[str] = frozenset()

    @classmethod
    def read(cls, path: str | Path | None) -> "_Request":
        if path is None or not Path(path).exists():
            return cls()
        content = read_json(path)
        return cls(content["id"], frozenset(content["clips"]))


class _Earlier:
    """What an earlier run has packed of the shard; nothing if its files are missing, damaged or of other settings."""

    def __init__(self, store: Path, ledger_path: Path, settings: StoreSettings) -> None:
        self._outcomes: dict[str, Outcome] = {}
        if not (store.exists() and ledger_path.exists()):
            return
        try:
            self._store = Store([store])
            if self._store.settings != settings:
                return
            stored = set(self._store.clip_ids)
            outcomes = [Outcome.from_flat(record) for record in ledger.read(ledger_path).to_dict("records")]
        except (UserError, KeyError):
            return
        self._outcomes = {o.clip_id: o for o in outcomes if o.state != "stored" or o.clip_id in stored}

    def outcome(self, clip_id: str) -> Outcome | None:
        return self._outcomes.get(clip_id)

    def row(self, outcome: Outcome) -> Row:
        (row,) = self._store.rows([outcome.clip_id])
        images = [bytes(image) for image in self._store.jpegs(row)]
        return Row(outcome.clip_id, images, self._store.audio(row).tobytes(), outcome.measured.duration_s)


class _Packer:
    """Finishes clips, several at a time."""

    def __init__(
        self, settings: StoreSettings, earlier: _Earlier, request: _Request, download: DownloadSettings, threads: int
    ) -> None:
        self.settings, self.earlier, self.request, self.download = settings, earlier, request, download
        self._downloader: Downloader | None = None
        self._first = threading.Lock()
        self._decoding = threading.BoundedSemaphore(threads)  # more clips may be on their way than fit into memory

    def close(self) -> None:
        """End downloads that are under way or wait."""
        if self._downloader is not None:
            self._downloader.close()

    def finish(self, clip: _Clip) -> Outcome:
        """Fetch, decode, measure and keep a clip, unless it is done; whatever is wrong becomes its outcome."""
        if (kept := self._kept(clip)) is not None:
            return kept[0]
        outcome, row = self._first_that_serves(clip)
        pieces.write(clip.piece, outcome, row)
        return outcome

    def row(self, clip: _Clip) -> Row:
        """Return the data of a stored clip."""
        kept = self._kept(clip)
        if kept is None or kept[0].state != "stored":
            raise UserError(
                f"{clip.piece}, the finished clip {clip.clip_id!r}, has disappeared or was changed during packing. "
                "Does another job use the same work folder? Run the job again."
            )
        return kept[1] if kept[1] is not None else self.earlier.row(kept[0])

    def _kept(self, clip: _Clip) -> tuple[Outcome, Row | None] | None:
        """Return what is already done of a clip; a row of None is in the earlier store, or there is none."""
        kept = pieces.read(clip.piece)
        if kept is not None and self._holds(kept[0], clip):
            return kept
        outcome = self.earlier.outcome(clip.clip_id)
        return None if outcome is None or not self._holds(outcome, clip) else (outcome, None)

    def _holds(self, outcome: Outcome, clip: _Clip) -> bool:
        """Return whether an outcome is still that of the clip."""
        if outcome.clip_id != clip.clip_id:
            return False
        if outcome.state != "stored":
            asked = clip.clip_id in self.request.clips and outcome.request != self.request.id
            return outcome.key == clip.attempt and outcome.version == clip.version() and not asked
        if outcome.key != clip.key:
            return False
        # What is stored outlives its file: downloads and archives may be deleted.
        now = next((c.version() for c in clip.candidates if c.path == outcome.origin), "")
        return now in ("", outcome.version)

    def _first_that_serves(self, clip: _Clip) -> tuple[Outcome, Row | None]:
        """Try the sources in their order."""
        version = clip.version()
        failures = []
        for candidate in clip.candidates:
            before = candidate.version()
            state, found = self._try(clip, candidate)
            if state == "stored":
                row, measured = found
                return Outcome(clip.clip_id, state, "", "", clip.key, candidate.path, before, measured=measured), row
            failures.append((state, *found, candidate.path))
        if not failures:
            failures = [("unavailable", *clip.nowhere, "")]
        # What is wrong with a file says more than that another source has none.
        state, reason, _, origin = max(
            failures, key=lambda failure: (failure[0] == "rejected", failure[1] != "missing")
        )
        detail = failures[0][2] if len(failures) == 1 else "; ".join(f"{path}: {why}" for _, _, why, path in failures)
        request = self.request.id if clip.clip_id in self.request.clips else ""
        return Outcome(clip.clip_id, state, reason, detail, clip.attempt, origin, version, request), None

    def _try(self, clip: _Clip, candidate: Candidate) -> tuple[str, tuple]:
        """Return ``stored`` with row and measurements, or another state with reason and detail."""
        try:
            if not candidate.remote:
                return "stored", self._packed(clip, candidate.path, candidate.path, candidate)
            folder = clip.piece.with_name(f"{clip.piece.name}.media")
            folder.mkdir(exist_ok=True)
            try:
                fetched = self._fetcher().fetch(candidate.path, folder)
            except FetchError as error:
                shutil.rmtree(folder, ignore_errors=True)
                return "unavailable", (error.reason, error.detail)
            try:
                return "stored", self._packed(clip, str(fetched.video), str(fetched.audio), candidate)
            finally:
                shutil.rmtree(folder, ignore_errors=True)
        except MediaError as error:
            return "unavailable" if error.reason in _UNAVAILABLE else "rejected", (error.reason, error.detail)
        except UserError:
            raise
        except Exception as error:  # one bad clip, however odd, must not end a job of a thousand
            return "rejected", ("corrupt", f"decoding failed: {type(error).__name__}: {str(error)[:200]!a}")

    def _packed(self, clip: _Clip, video: str, audio: str, candidate: Candidate) -> tuple[Row, Any]:
        with self._decoding:
            apart = audio if audio != video else None
            decoded = decode(video, self.settings, candidate.start_s, clip.duration_s, apart)
            excess = file_duration_s(video) - clip.duration_s if candidate.trimmed else math.nan
            measured = measure(decoded, self.settings.sample_rate, excess)
            images = encode_frames(decoded.frames, self.settings)
            samples = decoded.audio.astype("<i2", copy=False).tobytes()
        return Row(clip.clip_id, images, samples, decoded.duration_s), measured

    def _fetcher(self) -> Downloader:
        with self._first:
            if self._downloader is None:
                self._downloader = Downloader(self.download)
            return self._downloader


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
