"""Experiments side by side: differences on common clips, with intervals, and what differs in their settings."""

import json

import numpy as np
import pytest

from avbench.cli.main import main
from avbench.core.errors import UserError
from avbench.results.crossed import components
from avbench.results.estimates import moderated_by_family
from avbench.sharing.compare import compare
from tests.support import study

LOST = "test-dog-0"


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    """Two experiments: of the second the models are better, it has other seeds besides, and lost a clip."""
    folder, patch = tmp_path_factory.mktemp("pair"), pytest.MonkeyPatch()
    one = study.write_study(folder / "one", {"seeds": [0, 1, 2]})
    drawn = study.draw_right
    with patch.context() as patched:
        patched.setattr(study, "draw_right", lambda run, *key: drawn(run, *key) or (run.method == "random"))
        pretraining = study.config()["pretraining"] | {"batch_size": 4, "device": "cpu"}
        two = study.write_study(folder / "two", {"seeds": [1, 2, 3], "pretraining": pretraining}, [LOST])
    return [one, two]


def test_differences_are_paired_on_the_clips_that_both_have(pair):
    found = compare(pair)["differences"].set_index(["method", "protocol", "modality"])
    assert {protocol for _, protocol, _ in found.index} == {"linear"}  # retrieval ranks a clip among the others
    row = found.loc[("random", "linear", "audio")]
    told = {}
    for name, results in zip(("one", "two"), pair, strict=True):
        right = []
        for seed in (1, 2):
            path = results / f"runs/toys/few/none/random/default/seed-{seed}/predictions.parquet"
            part = study.predictions.read(path).query("protocol == 'linear' and modality == 'audio'")
            part = part[part["clip_id"] != LOST]
            right.append(part.sort_values("clip_id")["correct"].to_numpy())
        told[name] = np.array(right)
    assert (row["seeds"], row["clips"]) == (2, 31)
    assert row["other_mean"] == told["two"].mean() == 1
    assert row["difference"] == pytest.approx((told["two"] - told["one"]).mean())
    # of soft positives at the same budget, whose models are the same in both, the variance is shrunk with it
    parts = [told["two"] - told["one"], np.zeros((2, 31))]
    expected = moderated_by_family(("family", components({"": part}, weight=2)) for part in parts)[0]
    assert row[["ci_low", "p"]].tolist() == pytest.approx([expected.low, expected.p])
    same = found.loc[("soft-positive", "linear", "audio")]
    assert (same["difference"], same["p_holm"]) == (0, 1)


def test_what_differs_is_listed(pair):
    found = compare(pair)
    assert ("pretraining.batch_size", ("8", "4")) in found["settings"]
    assert ("seeds", ("[0, 1, 2]", "[1, 2, 3]")) in found["settings"]
    assert not any("device" in key for key, _ in found["settings"])
    assert found["names"] == ["A (tiny)", "B (tiny)"]
    verdicts = {claim: verdicts for claim, _, verdicts in found["claims"]}
    assert verdicts["soft-positive-small"][0].startswith("holds (+")


def test_experiments_without_a_common_seed_are_compared_too(pair, tmp_path):
    third = study.write_study(tmp_path / "three", {"seeds": [7, 8]})
    found = compare([pair[0], third])["differences"]
    assert set(found["seeds"]) == {2}
    assert found["ci_low"].notna().all()


def test_the_console_and_the_page_say_the_same(pair, tmp_path, capsys):
    page = tmp_path / "page.html"
    assert main(["compare", *map(str, pair), "--output", str(page)]) == 0
    printed = capsys.readouterr().out
    assert "pretraining.batch_size: 8 | 4" in printed
    text = page.read_text(encoding="utf-8")
    assert "2 settings differ; the list of seeds counts as one." in text
    assert main(["compare", *map(str, pair), "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)["differences"]
    assert len(rows) == 6
    for row in rows:
        shown = f"{100 * row['difference']:+.1f}"
        assert shown in printed
        assert shown.replace("-", "−") in text
    assert "default-src 'none'" in text
    assert str(pair[0]) not in text


def test_what_cannot_be_compared_is_said(pair, tmp_path):
    with pytest.raises(UserError, match="two results"):
        compare(pair[:1])
    tasks = {"other": study.config()["tasks"]["toys"]}
    other = study.write_study(tmp_path / "other", {"seeds": [0], "tasks": tasks})
    with pytest.raises(UserError, match="in common"):
        compare([pair[0], other])
