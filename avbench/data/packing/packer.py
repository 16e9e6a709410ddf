"""Packing one clip: what an earlier run kept of it, or else the first source that serves."""

import contextlib
import math
import queue
import shutil
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from avbench.config.store import StoreSettings
from avbench.core import seals
from avbench.core.errors import UserError
from avbench.core.files import is_ordinary
from avbench.data import ledger
from avbench.data.checks import Measurements, measure
from avbench.data.download import Downloader, DownloadSettings, FetchError
from avbench.data.media.clip import MediaError
from avbench.data.media.confined import Confined
from avbench.data.media.decode import decode, patience_s
from avbench.data.media.durations import measured_s
from avbench.data.packing import outcome as pieces
from avbench.data.packing.outcome import Outcome
from avbench.data.packing.retry import Request
from avbench.data.packing.sources import Candidate
from avbench.data.store import Row, Store, encode_frames

# Of these clips nothing is known but that it was a bad moment: every packing tries them again.
PASSING = ("blocked", "replaced")
# Anything else that is wrong with a file on disk is a fault of its content: the clip is rejected.
_UNAVAILABLE = {"unavailable", "missing", "unreadable"}


@dataclass(frozen=True)
class ListedClip:
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
    cost: str = ""  # what a damaged archive has to do with its having no trimmed file

    def version(self) -> str:
        """Return what changes when any of the files does where it was looked for."""
        return " ".join(candidate.version() or "-" for candidate in self.candidates)


class Earlier:
    """What an earlier run has packed of the shard; nothing if its files are missing or of other settings.

    Nor if they are damaged, which is printed: all of the shard is packed anew.
    """

    def __init__(self, store: Path, ledger_path: Path, settings: StoreSettings) -> None:
        self._outcomes: dict[str, Outcome] = {}
        if not (store.exists() and ledger_path.exists()):
            return
        if damaged := [path for path in (store, ledger_path) if not seals.is_whole(path)]:
            print(f"{damaged[0]} was damaged or edited since it was packed: packing the shard anew", flush=True)
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
        """Return what became of a clip, if it was packed before."""
        return self._outcomes.get(clip_id)

    def row(self, outcome: Outcome) -> Row:
        """Return a stored clip as it was packed."""
        (row,) = self._store.rows([outcome.clip_id])
        images = [bytes(image) for image in self._store.jpegs(row)]
        return Row(outcome.clip_id, images, self._store.audio(row).tobytes(), outcome.measured.duration_s)


class Packer:
    """Finishes clips, several at a time."""

    def __init__(
        self, settings: StoreSettings, earlier: Earlier, request: Request, download: DownloadSettings, threads: int
    ) -> None:
        self.settings, self.earlier, self.request, self.download = settings, earlier, request, download
        self._downloader: Downloader | None = None
        self._first = threading.Lock()
        self._processes: queue.LifoQueue[Confined] = queue.LifoQueue()
        for _ in range(threads):  # more clips may be on their way than fit into memory
            self._processes.put(Confined())

    def close(self) -> None:
        """End downloads that are under way or wait, and the processes that decode."""
        if self._downloader is not None:
            self._downloader.close()
        with contextlib.suppress(queue.Empty):
            while True:
                self._processes.get_nowait().close()

    def finish(self, clip: ListedClip) -> Outcome:
        """Fetch, decode, measure and keep a clip, unless it is done; whatever is wrong becomes its outcome."""
        if (kept := self._kept(clip)) is not None:
            return kept[0]
        outcome, row = self._first_that_serves(clip)
        pieces.write(clip.piece, outcome, row)
        return outcome

    def row(self, clip: ListedClip, outcome: Outcome) -> Row | None:
        """Return the data of a clip that was stored; None if what was kept of it is gone.

        Its source may be another file by now: the row is of the one that was decoded, as its outcome says, and the
        next packing sees the difference.
        """
        kept = pieces.read(clip.piece)
        if kept is not None and _same(kept[0], outcome):
            return kept[1]
        earlier = self.earlier.outcome(clip.clip_id)
        return self.earlier.row(earlier) if earlier is not None and _same(earlier, outcome) else None

    def _kept(self, clip: ListedClip) -> tuple[Outcome, Row | None] | None:
        """Return what is already done of a clip; a row of None is in the earlier store, or there is none."""
        kept = pieces.read(clip.piece)
        if kept is not None and self._holds(kept[0], clip):
            return kept
        outcome = self.earlier.outcome(clip.clip_id)
        return None if outcome is None or not self._holds(outcome, clip) else (outcome, None)

    def _holds(self, outcome: Outcome, clip: ListedClip) -> bool:
        """Return whether an outcome is still that of the clip."""
        if outcome.clip_id != clip.clip_id:
            return False
        if outcome.state != "stored":
            if outcome.reason in PASSING:
                return False
            asked = clip.clip_id in self.request.clips and outcome.request != self.request.id
            return outcome.key == clip.attempt and outcome.version == clip.version() and not asked
        if outcome.key != clip.key:
            return False
        # What is stored outlives its file: downloads and archives may be deleted.
        now = next((c.version() for c in clip.candidates if c.name == outcome.origin), "")
        return now in ("", outcome.version)

    def _first_that_serves(self, clip: ListedClip) -> tuple[Outcome, Row | None]:
        """Try the sources in their order."""
        version = clip.version()
        failures = []
        for candidate in clip.candidates:
            state, found, before = self._try_whole(clip, candidate)
            if state == "stored":
                row, measured = found
                return Outcome(clip.clip_id, state, "", "", clip.key, candidate.name, before, measured=measured), row
            failures.append((state, *found, candidate.name))
        if not failures:
            failures = [("unavailable", *clip.nowhere, "")]
        # What is wrong with a file says more than that another source has none.
        state, reason, _, origin = max(
            failures, key=lambda failure: (failure[0] == "rejected", failure[1] != "missing")
        )
        detail = failures[0][2] if len(failures) == 1 else "; ".join(f"{path}: {why}" for _, _, why, path in failures)
        if clip.candidates and clip.cost:
            detail = f"{detail}; {clip.cost}"
        request = self.request.id if clip.clip_id in self.request.clips else ""
        return Outcome(clip.clip_id, state, reason, detail, clip.attempt, origin, version, request), None

    def _try_whole(self, clip: ListedClip, candidate: Candidate) -> tuple[str, tuple, str]:
        """Return what :meth:`_try` does, and the version of the file: the same before and after it was read."""
        for _ in range(2):
            before = candidate.version()
            state, found = self._try(clip, candidate)
            if candidate.version() == before:
                return state, found, before
        detail = f"{candidate.name} was replaced while it was read, twice; run again when it is whole"
        return "unavailable", ("replaced", detail), before

    def _try(self, clip: ListedClip, candidate: Candidate) -> tuple[str, tuple]:
        """Return ``stored`` with row and measurements, or another state with reason and detail."""
        try:
            if not candidate.remote:
                if not is_ordinary(candidate.path):
                    detail = "a folder, a device, a pipe or a file of the system, which is not opened"
                    return "unavailable", ("unreadable", detail)
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

    def _packed(self, clip: ListedClip, video: str, audio: str, candidate: Candidate) -> tuple[Row, Any]:
        process = self._processes.get()
        try:
            patience = 2 * patience_s(self.settings, clip.duration_s)  # decoding gives up by itself before
            return process.call(patience, packed, clip, (video, audio), candidate, self.settings)
        finally:
            self._processes.put(process)

    def _fetcher(self) -> Downloader:
        with self._first:
            if self._downloader is None:
                self._downloader = Downloader(self.download)
            return self._downloader


def packed(
    clip: ListedClip, media: tuple[str, str], candidate: Candidate, settings: StoreSettings
) -> tuple[Row, Measurements]:
    """Decode, measure and encode a clip, whose picture and sound are in ``media``, one file or two.

    Raises:
        MediaError: as :func:`avbench.data.media.decode.decode`.
    """
    video, audio = media
    decoded = decode(video, settings, candidate.start_s, clip.duration_s, audio if audio != video else None)
    excess = measured_s(video) - clip.duration_s if candidate.trimmed else math.nan
    measured = measure(decoded, settings.sample_rate, excess)
    images = encode_frames(decoded.frames, settings)
    samples = decoded.audio.astype("<i2", copy=False).tobytes()
    return Row(clip.clip_id, images, samples, decoded.duration_s), measured


def _same(kept: Outcome, outcome: Outcome) -> bool:
    """Return whether what was kept is what an outcome tells of: measurements may be NaN, which equals nothing."""
    told = [(one.clip_id, one.state, one.key, one.origin, one.version) for one in (kept, outcome)]
    return told[0] == told[1]
