"""From a real run's tables back to its inputs, by the commands that a reviewer uses."""

import json
import shutil

import pytest

from avbench.cli.main import main


@pytest.fixture
def copy(finished, tmp_path):
    """The finished experiment, to be damaged."""
    shutil.copytree(finished.pages(), tmp_path / "results/tiny")
    for name in ("clips.csv", "ledger.parquet", "coverage.json", "stored.json"):
        (tmp_path / "data/toys").mkdir(parents=True, exist_ok=True)
        shutil.copy2(finished.folder / "data/toys" / name, tmp_path / "data/toys" / name)
    return tmp_path / "results/tiny"


def test_every_score_leads_to_a_run_and_its_inputs(finished, capsys):
    assert main(["verify", str(finished.pages()), "--deep"]) == 0
    text = capsys.readouterr().out
    assert "all as it was when it was made" in text
    scores = len((finished.pages("tables") / "accuracy.csv").read_text(encoding="utf-8").splitlines()) - 1
    assert f"and {scores} scores checked" in text


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("tables/summary.csv", b"random", b"chosen"),
        ("supervised/toys/few/seed-0/scores.csv", b"supervised", b"surprised"),
        ("runs/toys/few/none/random/default/seed-0/checkpoint.pt", b"", b"x"),
        ("runs/toys/few/none/untrained/all/seed-1/checkpoint.pt", b"", b"x"),
        ("subsets/toys/few.csv", b"clip_id", b"clip_no"),
        ("statistics/toys/few.json", b"0", b"1"),
    ],
)
def test_any_change_is_found(copy, capsys, name, old, new):
    data = (copy / name).read_bytes()
    (copy / name).write_bytes(data.replace(old, new, 1))
    with pytest.raises(SystemExit) as exit:
        main(["verify", str(copy), "--json", str(copy / "found.json")])
    assert exit.value.code == 1
    found = json.loads((copy / "found.json").read_text(encoding="utf-8"))["findings"]
    assert f"results/tiny/{name}" in {finding["file"] for finding in found}
    assert f"results/tiny/{name}" in capsys.readouterr().out


def test_a_run_tells_what_it_took(finished):
    run = json.loads(
        (finished.pages("runs/toys/few/none/random/default/seed-0") / "run.json").read_text(encoding="utf-8")
    )
    told = run["provenance"]
    assert told["cpu_seconds"] > 0
    assert told["energy"]["processor"]["joules"] > 0
    assert any(name.endswith("checkpoint.pt") for name in run["outputs"])
    assert str(finished.folder) not in json.dumps(run)


def test_its_crate_can_be_verified(finished, tmp_path, capsys):
    assert main(["crate", str(finished.pages()), "--output", str(tmp_path / "crate")]) == 0
    assert main(["verify", str(tmp_path / "crate/results/tiny"), "--deep"]) == 0
    text = capsys.readouterr().out
    assert "Not checked, since this copy has none: checkpoint.pt" in text
