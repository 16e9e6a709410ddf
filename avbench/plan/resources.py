"""What a job asks of a scheduler: memory by the size of its data, time, and more of both with every attempt.

Imported while the Snakefile is parsed, also by every job of a cluster: nothing heavy.
"""

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from avbench.config.features import FeatureSettings
from avbench.config.pretraining import Pretraining
from avbench.config.settings import defaults
from avbench.config.store import StoreSettings
from avbench.core import seals
from avbench.core.errors import UserError

GROWTH_LIMIT = 4
"""What a job asks for stops growing here: an error of another kind should not end up waiting for the largest node."""


@dataclass(frozen=True)
class Need:
    """What a rule's jobs need.

    Attributes:
        memory_mb: with few clips.
        minutes: with few clips.
        clip_kb: more memory for every clip.
        clips_per_minute: more time for every clip.
        resumes: an interrupted job goes on where it stopped: a further attempt needs no more time than the last.
    """

    memory_mb: int
    minutes: int
    clip_kb: float = 0.0
    clips_per_minute: float = math.inf
    resumes: bool = False


# At least one and a half times what was measured: docs/benchmarks.md, and in brackets the largest resident memory of a
# job of the demo and the study on generated clips. Of large datasets, only what stands beside the brackets was
# measured. Time is generous where a job resumes: there it is a matter of the partition's limits.
NEEDS: Mapping[str, Need] = {
    "controlled_media": Need(1000, 60, resumes=True),  # [144 MB]
    "download": Need(1000, 2880, resumes=True),
    "manifest": Need(1000, 20, clip_kb=5),  # [136 MB]; 199,000 rows take 4 s
    "folder_manifest": Need(1000, 240),  # opens every file
    "unpack": Need(1000, 720, resumes=True),
    "pack": Need(2000, 720, resumes=True),  # [217 MB]; one clip at a time; two of 4K take 1.7 GB
    "ledger": Need(1000, 20, clip_kb=5, clips_per_minute=20_000),  # [162 MB]; duplicates of 192,400: 24 s, 233 MB
    "coverage": Need(1000, 10),  # [154 MB]
    "subset": Need(1000, 10),  # [160 MB]
    "leaks": Need(2000, 20, clip_kb=5),  # reads ledgers, as the rule ledger does
    "labels": Need(1000, 10),  # [114 MB]
    "pseudo_labels": Need(3000, 240),  # [816 MB]
    "derived_labels": Need(3000, 240, clip_kb=8),  # not measured: as embed
    "statistics": Need(2000, 60),  # [650 MB]; the store itself 381 MB, whatever its size
    "pretrain": Need(2000, 720, resumes=True),  # [909 MB]
    "untrained": Need(1500, 10),  # [592 MB]
    "embed": Need(3000, 240, clip_kb=8),  # [947 MB]; 512 + 512 + 128 + 128 numbers of 4 bytes per clip and seed
    "frozen": Need(1500, 60, clip_kb=20, clips_per_minute=500),  # [233 MB]; 59,946 clips: below 932 MB
    "tune": Need(3000, 240, clip_kb=20, clips_per_minute=500),  # [611 MB]; as embed and frozen, of one task
    "trained": Need(3000, 1440, resumes=True),  # [956 MB]
    "supervised": Need(3000, 1440, resumes=True),  # [899 MB]
    "decide": Need(2000, 60),  # not measured: as tables
    "tables": Need(2000, 60),  # [178 MB]
    "figures": Need(2000, 30),  # [749 MB]
    "page": Need(2000, 15),  # [179 MB]; with clips 700 MB
}


def memory_mb(rule: str, attempt: int = 1, clips: int = 0, more_mb: float = 0.0) -> int:
    """Return the memory that a job asks for, in MB.

    Args:
        rule: a name of `NEEDS`.
        attempt: from 1; the memory is so many times as large, up to `GROWTH_LIMIT`.
        clips: that it holds in memory.
        more_mb: what its settings add, such as a cache.
    """
    need = NEEDS[rule]
    return math.ceil((need.memory_mb + need.clip_kb * clips / 1000 + more_mb) * min(attempt, GROWTH_LIMIT))


def minutes(rule: str, attempt: int = 1, clips: int = 0) -> int:
    """Return the time that a job asks for, in minutes; arguments as of `memory_mb`."""
    need = NEEDS[rule]
    growth = 1 if need.resumes else min(attempt, GROWTH_LIMIT)
    return math.ceil((need.minutes + clips / need.clips_per_minute) * growth)


def batches_mb(pretraining: Mapping[str, Any], store: Mapping[str, Any]) -> float:
    """Return the memory of the batches that training holds, in MB: prepared ahead, on their way, and in use.

    Args:
        pretraining, store: sections of the configuration.
    """
    store = {**defaults(StoreSettings), **store}
    pretraining = {**defaults(Pretraining), **pretraining}
    features = defaults(FeatureSettings) | pretraining.get("features", {})
    frames = features["video_s"] * store["frame_rate"] * store["width"] * store["height"] * 3
    clip = frames + 2 * features["audio_s"] * store["sample_rate"]
    return pretraining["batch_size"] * (2 * pretraining["loader_threads"] + 3) * clip / 1e6


def training_mb(pretraining: Mapping[str, Any], store: Mapping[str, Any]) -> float:
    """Return the memory of what training holds besides the model, in MB: decoded clips and batches.

    Args:
        pretraining, store: sections of the configuration. With ``cache_mb: auto`` clips take only what the machine, or
            the job's own limit, can spare: they ask for nothing.
    """
    cache = {**defaults(Pretraining), **pretraining}["cache_mb"]
    return (0 if cache == "auto" else int(cache)) + batches_mb(pretraining, store)


def launcher(gpus: int) -> str:
    """Return the module that starts a verb which trains: several GPUs train one run together, a process each."""
    return f"torch.distributed.run --standalone --nproc-per-node {gpus} -m avbench" if gpus > 1 else "avbench"


def stored_clips(coverages: Iterable[str]) -> int:
    """Return how many clips some datasets hold, by their ``coverage.json``.

    Raises:
        FileNotFoundError: one is not there yet, which Snakemake shows as ``<TBD>``.
        UserError: one says nothing of stored clips.
    """
    return sum(_stored(Path(path), Path(path).stat().st_mtime_ns) for path in coverages)


def listed_clips(path: str) -> int:
    """Return how many lines a list of clips has; raises FileNotFoundError as `stored_clips`."""
    return _lines(Path(path), Path(path).stat().st_mtime_ns)


# Snakemake asks several times for every job.


@lru_cache
def _stored(path: Path, _: int) -> int:
    seals.require_whole(path)
    text = path.read_text(encoding="utf-8")
    try:
        return int(json.loads(text)["all"]["stored"])
    except (ValueError, KeyError, TypeError):
        raise UserError(f"{path} does not say how many clips are stored. {seals.again(path)}") from None


@lru_cache
def _lines(path: Path, _: int) -> int:
    return path.read_bytes().count(b"\n")
