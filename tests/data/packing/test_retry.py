"""Asking for failed clips again, and for no others."""

import pytest

from avbench.core.errors import UserError
from avbench.core.files import write_json
from avbench.data import ledger
from avbench.data.packing import outcome as pieces
from avbench.data.packing import retry
from avbench.data.packing import shard as pack
from tests.support import media_files as files
from tests.support.packing import STORE, decodings, write_rows


def test_only_failed_clips_are_tried_again_when_asked(tmp_path, monkeypatch):
    folder = tmp_path / "data"
    (folder / "ledger").mkdir(parents=True)
    (folder / "store").mkdir()
    files.ordinary(folder / "a.mp4")
    (folder / "broken.mp4").write_bytes(b"broken")
    rows = [(name, f"{name}.mp4", 0.0, 2.0, "x", "train") for name in ("a", "broken", "gone", "lost")]
    write_rows(folder, rows)
    paths = folder / "store" / "000.arrow", folder / "ledger" / "000.parquet"

    def again():
        request = folder / "retry" / "000.json"
        asked = request if request.exists() else None
        pack.pack_shard(
            pack.PackJob(folder / "clips.csv", 0, 1, STORE, *paths, folder / "packing", asked, progress=False)
        )
        return dict(zip(ledger.read(paths[1]).clip_id, ledger.read(paths[1]).reason, strict=True))

    assert again() == {"a": "", "broken": "corrupt", "gone": "missing", "lost": "missing"}
    calls = decodings(monkeypatch)
    assert again() == {"a": "", "broken": "corrupt", "gone": "missing", "lost": "missing"}
    assert calls == []
    assert retry.retry(folder, ["unavailable"]) == {"missing": 2}
    again()
    assert sorted(calls) == ["gone.mp4", "lost.mp4"]
    calls.clear()
    again()  # a request is followed once
    assert calls == []
    retry.retry(folder, ["unavailable"])
    retry.retry(folder, ["rejected"])  # does not forget the one before
    again()
    assert sorted(calls) == ["broken.mp4", "gone.mp4", "lost.mp4"]
    calls.clear()
    with pytest.raises(UserError, match=r"no unavailable clip .* has the reason 'http-404'. There are missing \(2\)"):
        retry.retry(folder, ["unavailable"], ["http-404"])
    with pytest.raises(UserError, match=r"'silent' is no reason to try again: .* checks.silence_dbfs leaves them out"):
        retry.retry(folder, ["rejected"], ["silent"])
    assert retry.retry(folder, ["unavailable", "rejected"], ["corrupt"]) == {"corrupt": 1}
    files.ordinary(folder / "gone.mp4", seed=1)  # a file that has appeared is seen without being asked for
    assert again() == {"a": "", "broken": "corrupt", "gone": "", "lost": "missing"}
    assert sorted(calls) == ["broken.mp4", "gone.mp4"]
    with pytest.raises(UserError, match="no packed shards"):
        retry.retry(tmp_path / "nowhere", ["unavailable"])


def test_ledgers_of_an_earlier_number_of_shards_are_left_aside(tmp_path):
    lost = pieces.Outcome("b", "unavailable", "missing", "not there")
    ledger.write(tmp_path / "ledger/000.parquet", pieces.as_table([pieces.Outcome("a", "stored"), lost]))
    ledger.write(tmp_path / "ledger/001.parquet", pieces.as_table([lost]))
    assert retry.retry(tmp_path, ["unavailable"]) == {"missing": 2}  # as long as nothing says which count
    (tmp_path / "retry/001.json").unlink()
    write_json(tmp_path / "store/shards.json", ["000"])
    assert retry.retry(tmp_path, ["unavailable"]) == {"missing": 1}
    assert [path.name for path in (tmp_path / "retry").iterdir()] == ["000.json"]
