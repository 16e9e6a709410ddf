"""The account of a dataset, by the verb that its rule calls."""

import json
import math
from dataclasses import asdict

import pandas as pd
import pytest

from avbench.cli.main import main
from avbench.data import ledger
from avbench.data.checks import Measurements
from avbench.data.manifest import COLUMNS, write_manifest


@pytest.fixture
def packed(tmp_path):
    """A dataset of three clips, of which two are of one file, packed in two shards."""
    clips = [("a", "long.wav", "train"), ("b", "long.wav", "test"), ("c", "c.wav", "train")]
    rows = [(i, source, 0.0, 10.0, "x", split) for i, source, split in clips]
    write_manifest(tmp_path / "clips.csv", pd.DataFrame(rows, columns=list(COLUMNS)))
    for shard, ids in enumerate(("ac", "b")):
        rows = [
            {"clip_id": i, "state": "stored", "reason": "", "detail": ""} | asdict(Measurements(10.0, math.nan, -1.0))
            for i in ids
        ]
        ledger.write(tmp_path / f"ledger/{shard:03d}.parquet", pd.DataFrame(rows))
    return tmp_path


@pytest.mark.parametrize(("choice", "reasons"), [("list", ["", "", ""]), ("exclude", ["recording", "", ""])])
def test_clips_of_one_file_in_two_splits_are_listed_and_left_out_when_asked(packed, capsys, choice, reasons):
    named = {name: str(packed / f"{name}.csv") for name in ("duplicates", "recordings")}
    named["shards"] = str(packed / "store/shards.json")
    arguments = ["--manifest", str(packed / "clips.csv"), "--output", str(packed / "ledger.parquet")]
    arguments += [part for name, path in named.items() for part in (f"--{name}", path)]
    arguments += ["--ledgers", *(str(packed / f"ledger/00{shard}.parquet") for shard in (0, 1))]
    assert main(["ledger", *arguments, "--checks", json.dumps({"min_duration_s": 1.0, "recordings": choice})]) == 0
    assert ledger.read(packed / "ledger.parquet")["reason"].tolist() == reasons
    listed = (packed / "recordings.csv").read_text().splitlines()[1:]
    assert listed == [f"a,train,b,test,{packed / 'long.wav'}"]
    assert "1 clips of recordings that a later split has, too, left" in capsys.readouterr().out
