"""Packing one shard in the test's own process, and looking at what came of it."""

from pathlib import Path

import pandas as pd
import pytest

from avbench.config.checks import CheckSettings
from avbench.config.store import StoreSettings
from avbench.data import ledger
from avbench.data.manifest import COLUMNS, read_manifest, write_manifest
from avbench.data.packing import packer
from avbench.data.packing import shard as pack
from avbench.data.store import Store

STORE = StoreSettings(frame_rate=8.0, width=32, height=32, sample_rate=8000)
CHECKS = CheckSettings(min_duration_s=1.0)


def write_rows(folder, rows):
    write_manifest(folder / "clips.csv", pd.DataFrame(rows, columns=list(COLUMNS)))


def run(folder, out="out", shard=0, shards=1, store=STORE, **keywords):
    """Pack one shard and return its store and its ledger, clip id → (state, reason)."""
    paths = folder / out / f"{shard}.arrow", folder / out / f"{shard}.parquet"
    keywords = {"threads": 2, "progress": False} | keywords
    pack.pack_shard(pack.PackJob(folder / "clips.csv", shard, shards, store, *paths, folder / "work", **keywords))
    table = ledger.read(paths[1])
    states = dict(zip(table.clip_id, zip(table.state, table.reason, strict=True), strict=True))
    assert len(states) == len(table)
    assert all(bool(detail) == (state != "stored") for state, detail in zip(table.state, table.detail, strict=True))
    return Store(paths[:1]), states


def checked(folder, out="out", checks=CHECKS):
    """Return clip id → (state, reason) after the checks."""
    merged = ledger.merge([folder / out / "0.parquet"], read_manifest(folder / "clips.csv"))
    table, *_ = ledger.check(merged, checks)
    return dict(zip(table.clip_id, zip(table.state, table.reason, strict=True), strict=True))


def contents(folder):
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def leave_work(folder, monkeypatch, out="out"):
    """Pack everything, but stop before the store is written; return the pieces."""

    def stop(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(pack, "write_shard", stop)
        with pytest.raises(KeyboardInterrupt):
            run(folder, out)
    return sorted((folder / "work" / "000").iterdir())


def decodings(monkeypatch):
    """Note the names of the files that are decoded from now on."""
    calls = []
    original = packer.Packer._packed

    def counted(self, clip, video, *others):
        calls.append(Path(video).name)
        return original(self, clip, video, *others)

    monkeypatch.setattr(packer.Packer, "_packed", counted)
    return calls
