"""The clip store: JPEG frames and 16-bit audio in memory-mapped Arrow files, read without touching a video file.

A shard is one Arrow IPC file with a row per clip, sorted by id, and the settings in its schema's metadata.
"""

import dataclasses
import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import simplejpeg

from avbench.config.store import StoreSettings
from avbench.core import files, seals
from avbench.core.errors import UserError
from avbench.core.files import read_json

_COLUMNS = [
    pa.field("clip_id", pa.string(), nullable=False),
    pa.field("frames", pa.list_(pa.binary()), nullable=False),  # JPEG, at frame_rate
    pa.field("audio", pa.binary(), nullable=False),  # int16, little endian, mono, at sample_rate
    pa.field("duration_s", pa.float64(), nullable=False),
]
SHARDS = "shards.json"  # beside the shards: the names of those that are the dataset's
_METADATA = b"avbench"
# Memory while writing, and far below the 2 GB that Arrow's 32-bit offsets can address in a batch.
_BATCH_BYTES = 32 * 2**20


@dataclass(frozen=True)
class Row:
    """A clip as it is stored: JPEG images, little-endian int16 samples, seconds."""

    clip_id: str
    frames: list[bytes]
    audio: bytes
    duration_s: float


def encode_frames(frames: np.ndarray, settings: StoreSettings) -> list[bytes]:
    """Encode frames, uint8 (T, height, width, 3) RGB, as JPEG images."""
    # The accurate transform: with SIMD the "fast" one saves nothing and is off by a level on average.
    return [
        simplejpeg.encode_jpeg(frame, settings.jpeg_quality, "RGB", colorsubsampling="444", fastdct=False)
        for frame in np.ascontiguousarray(frames)
    ]


def write_shard(path: str | Path, rows: Iterable[Row], settings: StoreSettings) -> str:
    """Write a shard atomically, in bounded memory, and seal it.

    ``rows`` must come sorted by clip id; none at all is fine.

    Returns:
        What the clips are, settings included, in 64 hexadecimal digits: see :func:`put_together`.

    Raises:
        UserError: the file cannot be written, for example because the disk is full.
    """
    described = json.dumps(dataclasses.asdict(settings), sort_keys=True)
    schema = pa.schema(_COLUMNS, {_METADATA: described})
    content = []
    with (
        files.atomic(path) as part,
        pa.OSFile(str(part), "wb") as sink,
        pa.ipc.new_file(sink, schema) as writer,
    ):
        for batch in _batches(rows):
            content += [_digest(row, described) for row in batch]
            arrays = [pa.array([getattr(row, field.name) for row in batch], field.type) for field in schema]
            writer.write_batch(pa.record_batch(arrays, schema=schema))
    seals.seal(path)
    return put_together(content)


def _digest(row: Row, settings: str) -> str:
    made = hashlib.blake2b(f"{settings}\n{row.clip_id}\n{row.duration_s!r}\n".encode(), digest_size=32)
    for part in (*row.frames, row.audio):
        made.update(len(part).to_bytes(8, "little"))
        made.update(part)
    return made.hexdigest()


def put_together(contents: Iterable[str]) -> str:
    """Return what clips are together, whatever their order and shards: the sum of 256-bit digests, in hexadecimal."""
    return f"{sum(int(content, 16) for content in contents) % 2**256:064x}"


def _batches(rows: Iterable[Row]) -> Iterator[list[Row]]:
    batch: list[Row] = []
    size = 0
    for row in rows:
        row_size = len(row.audio) + sum(map(len, row.frames))
        if batch and size + row_size > _BATCH_BYTES:
            yield batch
            batch, size = [], 0
        batch.append(row)
        size += row_size
    if batch:
        yield batch


class Store:
    """Read access to the clips of all shards, rows sorted by clip id.

    The files are memory-mapped and shared between processes; a row's data are reached through NumPy views of Arrow's
    offsets, never through Arrow scalars, so that a random window costs little more than decoding its JPEG images.
    A store can be pickled and used after a fork; a copy opens the same files again.

    Attributes:
        settings: what the clips are like.
        clip_ids: sorted; the position is the row number.
        duration_s: float64, (rows,).
    """

    def __init__(self, paths: Iterable[str | Path]) -> None:
        """Open the shards.

        Raises:
            UserError: there are none, a file is missing or damaged, shards were packed with different settings, or two
                hold the same clip.
        """
        self._paths = [str(path) for path in paths]
        if not self._paths:
            raise UserError("a clip store needs at least one shard: no .arrow files were given.")
        self.settings, batches = _open(self._paths[0])
        for path in self._paths[1:]:
            settings, shard = _open(path)
            if settings != self.settings:
                raise UserError(
                    f"{path} was packed with {settings}, but {self._paths[0]} with {self.settings}. "
                    "Delete the older shards and pack them again."
                )
            batches += shard
        self._index(batches)

    def _index(self, batches: list[pa.RecordBatch]) -> None:
        """Build, once, plain arrays that lead from a row to its bytes."""
        clip_ids: list[str] = []
        durations, parts, first_frames, frame_counts, audio_starts, audio_stops = ([] for _ in range(6))
        self._image_offsets: list[np.ndarray] = []
        self._image_bytes: list[memoryview] = []
        self._samples: list[np.ndarray] = []
        for part, batch in enumerate(batches):
            clip_ids += batch.column(0).to_pylist()
            durations.append(np.from_dlpack(batch.column(3)))  # to_numpy() would import pandas
            parts.append(np.full(batch.num_rows, part, np.int32))
            _, lists, _, image_offsets, images = batch.column(1).buffers()
            offsets = np.frombuffer(lists, np.int32)[: batch.num_rows + 1]
            first_frames.append(offsets[:-1])
            frame_counts.append(np.diff(offsets))
            self._image_offsets.append(np.frombuffer(image_offsets, np.int32))
            self._image_bytes.append(memoryview(images or b"").cast("B"))
            _, audio_offsets, audio = batch.column(2).buffers()
            offsets = np.frombuffer(audio_offsets, np.int32)[: batch.num_rows + 1] // 2
            audio_starts.append(offsets[:-1])
            audio_stops.append(offsets[1:])
            data = audio if audio is not None else b""
            self._samples.append(np.frombuffer(data, "<i2", count=len(data) // 2))
        order = np.array(sorted(range(len(clip_ids)), key=clip_ids.__getitem__), np.int64)
        self.clip_ids = [clip_ids[row] for row in order]
        self._rows = {clip_id: row for row, clip_id in enumerate(self.clip_ids)}
        if len(self._rows) != len(self.clip_ids):
            twice = next(a for a, b in zip(self.clip_ids, self.clip_ids[1:], strict=False) if a == b)
            raise UserError(
                f"clip {twice!r} is stored twice, in shards such as {self._paths[0]}. The shards come from different "
                "manifests or shard counts: delete them and pack again."
            )

        def joined(arrays: list[np.ndarray], dtype: type) -> np.ndarray:
            return np.concatenate([np.empty(0, dtype), *arrays]).astype(dtype)[order]

        self.duration_s = joined(durations, np.float64)
        self._part = joined(parts, np.int32)
        self._first_frame = joined(first_frames, np.int32)
        self._frame_counts = joined(frame_counts, np.int32)
        self._audio_start = joined(audio_starts, np.int32)
        self._audio_stop = joined(audio_stops, np.int32)

    def __reduce__(self) -> tuple:
        return Store, (self._paths,)

    def __len__(self) -> int:
        return len(self.clip_ids)

    @property
    def dataset(self) -> str:
        """The dataset's name, by where its shards lie: ``{dataset}/store/{shard}.arrow``."""
        return Path(self._paths[0]).absolute().parents[1].name

    def rows(self, clip_ids: Iterable[str]) -> np.ndarray:
        """Return the row numbers of clips: int64, (n,).

        Raises:
            UserError: a clip is not stored.
        """
        try:
            return np.fromiter((self._rows[clip_id] for clip_id in clip_ids), np.int64)
        except KeyError as error:
            raise UserError(
                f"clip {error.args[0]!r} is not in the store ({self._paths[0]}, …; {len(self)} clips). "
                "Look its reason up in the ledger, or pack again if the manifest has changed."
            ) from None

    def frame_count(self, row: int) -> int:
        """Return how many frames a row has."""
        return int(self._frame_counts[row])

    def jpegs(self, row: int, first: int = 0, count: int | None = None) -> list[memoryview]:
        """Return JPEG images as they are stored, without copying: ``count`` from frame ``first``, or all from there.

        Raises:
            IndexError: the clip has fewer frames.
        """
        first, count = _window(first, count, int(self._frame_counts[row]), "frames")
        part = self._part[row]
        begin = int(self._first_frame[row]) + first
        offsets = self._image_offsets[part][begin : begin + count + 1].tolist()
        images = self._image_bytes[part]
        return [images[offsets[i] : offsets[i + 1]] for i in range(count)]

    def frames(self, row: int, first: int = 0, count: int | None = None) -> np.ndarray:
        """Return frames: uint8, (count, height, width, 3), RGB. Arguments as for :meth:`jpegs`.

        Raises:
            IndexError: the clip has fewer frames.
        """
        images = self.jpegs(row, first, count)
        frames = np.empty((len(images), self.settings.height, self.settings.width, 3), np.uint8)
        for image, frame in zip(images, frames, strict=True):
            simplejpeg.decode_jpeg(image, "RGB", buffer=frame)
        return frames

    def audio(self, row: int, first: int = 0, count: int | None = None) -> np.ndarray:
        """Return samples: int16, (count,), a read-only view of the file; ``count`` from ``first``, or all from there.

        Raises:
            IndexError: the clip has fewer samples.
        """
        start = int(self._audio_start[row])
        first, count = _window(first, count, int(self._audio_stop[row]) - start, "samples")
        return self._samples[self._part[row]][start + first : start + first + count]


def _window(first: int, count: int | None, available: int, what: str) -> tuple[int, int]:
    """Return the window as plain integers, checked: reading on into the next clip must not happen."""
    first = int(first)
    count = available - first if count is None else int(count)
    if first < 0 or count < 0 or first + count > available:
        raise IndexError(f"{count} {what} from {first} are not in a clip of {available}")
    return first, count


def _open(path: str) -> tuple[StoreSettings, list[pa.RecordBatch]]:
    try:
        reader = pa.ipc.open_file(pa.memory_map(path))
        batches = [reader.get_batch(i) for i in range(reader.num_record_batches)]
    except FileNotFoundError:
        raise UserError(f"{path} does not exist. Make it: {seals.maker(path)}") from None
    except (OSError, pa.ArrowException) as error:
        raise UserError(f"{path} is not a shard of a clip store: {error}. Delete it and pack again.") from error
    try:
        return StoreSettings(**json.loads((reader.schema.metadata or {})[_METADATA])), batches
    except (KeyError, ValueError, TypeError):
        raise UserError(f"{path} is an Arrow file, but no shard of this clip store. Pack this shard again.") from None


def require_whole_shards(paths: Iterable[Path]) -> None:
    """Check those shards that something wrote after they were sealed.

    A store has hundreds of gigabytes, so that others are not read; ``python -m avbench verify`` reads them all.

    Raises:
        UserError: a shard is not as it was packed.
    """
    for path in paths:
        sealed = seals.seal_of(path)
        if path.is_file() and sealed.is_file() and path.stat().st_mtime_ns > sealed.stat().st_mtime_ns:
            seals.require_whole(path)


def open_store(data: Path, dataset: str) -> Store:
    """Open all shards of a dataset; those of an earlier number of shards are left aside.

    Raises:
        UserError: there are none, or as `Store`.
    """
    folder = data / dataset / "store"
    if (listed := folder / SHARDS).is_file():
        return Store(folder / f"{name}.arrow" for name in read_json(listed))
    if not (found := sorted(folder.glob("*.arrow"))):
        # A run of the whole workflow makes no shard whose ledger is there.
        raise UserError(f"{folder} holds no shard (*.arrow). Make them: {seals.maker('--forcerun pack')}")
    return Store(found)
