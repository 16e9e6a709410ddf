"""The leaderboard: groups that follow from paired differences, links that lead somewhere, nothing unverified."""

import re
import shlex

import numpy as np
import pandas as pd
import pytest
import yaml

from avbench.cli.main import main, parser
from avbench.core.errors import UserError
from avbench.core.files import write_text
from avbench.results import tables
from avbench.results.outcomes import Outcomes
from avbench.sharing import publish as site_of
from avbench.sharing.publish import publish
from tests.support import study
from tests.support.paths import ROOT


@pytest.fixture(scope="module")
def studies(tmp_path_factory):
    folder = tmp_path_factory.mktemp("studies")
    made = [study.write_study(folder / name, {"seeds": seeds}) for name, seeds in {"a": [0, 1, 2, 3], "b": [0]}.items()]
    for name in ("accuracy", "pairs"):
        for kind in ("png", "pdf"):
            write_text(made[0] / "figures" / f"{name}.{kind}", name)
    return made


@pytest.fixture(scope="module")
def site(studies, tmp_path_factory):
    folder = tmp_path_factory.mktemp("sites") / "site"
    assert main(["publish", *map(str, studies), "--output", str(folder)]) == 0
    return folder


def test_groups_follow_from_paired_differences(site, studies):
    board = tables.read(site / "leaderboard.csv")
    assert set(board["study"]) == {"tiny", "tiny-2"}
    claims, clear = tables.read(studies[0] / "tables/comparisons.csv"), []
    for (protocol, modality), part in board[board["study"] == "tiny"].groupby(["protocol", "modality"]):
        group = dict(zip(part["method"], part["group"], strict=True))
        assert group["soft-positive"] == 1
        told = claims[(claims["protocol"] == protocol) & (claims["modality"] == modality)].set_index("method")
        low = told.loc["soft-positive", "ci_low"]
        if abs(low) > 0.01:  # nearer to zero, the family decides, which is another there
            # random pairs are surely worse, as the study's own table of differences says
            assert (group["random"] > 1) == (low > 0)
            clear.append(protocol)
    assert "linear" in clear
    summary = tables.read(studies[0] / "tables/summary.csv")
    means = board[board["study"] == "tiny"].set_index(["method", "protocol", "modality"])["mean"]
    for row in summary.itertuples():
        assert means[row.method, row.protocol, row.modality] == row.mean


def test_methods_that_cannot_be_told_apart_share_a_group(tmp_path, monkeypatch):
    drawn = study.draw_right
    monkeypatch.setattr(study, "draw_right", lambda run, *key: drawn(study_run(run), *key))

    def study_run(run):
        return run.__class__(**{**vars(run), "method": "random"})

    publish([study.write_study(tmp_path / "same", {"seeds": [0, 1, 2]})], tmp_path / "site")
    assert set(tables.read(tmp_path / "site/leaderboard.csv")["group"]) == {1}


def test_what_is_better_on_the_common_seeds_is_no_worse():
    right = np.random.default_rng(0).random((6, 400))
    leader, other = (right < np.array([[0.2], [0.2], [0.2], [1], [1], [1]])), right[:3] < 0.5
    cells = {
        ("leader",): Outcomes(leader.astype(np.uint8), tuple(range(6)), pd.RangeIndex(400)),
        ("other",): Outcomes(other.astype(np.uint8), (0, 1, 2), pd.RangeIndex(400)),
    }
    assert list(site_of._groups(cells)) == [[("leader",), ("other",)]]


def test_every_link_leads_to_a_file_of_the_site(site):
    for page in site.glob("**/index.html"):
        outer = re.sub(r"<script\b.*?</script>", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
        links = [link for link in re.findall(r'href="([^"#]+)', outer) if not link.startswith("data:")]
        assert links
        assert [link for link in links if not (page.parent / link).is_file()] == []


def test_pictures_of_clips_stay_out(site):
    assert sorted(path.name for path in (site / "tiny/figures").iterdir()) == ["accuracy.pdf", "accuracy.png"]


def test_the_page_asks_for_nothing(site):
    text = (site / "index.html").read_text(encoding="utf-8")
    assert "default-src 'none'" in text
    assert not re.search(r"<script|\bsrc=|@import|url\(", text)


def test_the_example_of_a_workflow_calls_verbs_as_they_are():
    told = yaml.safe_load((ROOT / "docs/leaderboard/accept-results.yml").read_text(encoding="utf-8"))
    script = "\n".join(step.get("run", "") for step in told["jobs"]["check"]["steps"])
    calls = re.findall(r"python -m avbench (.*)", script)
    assert [parser().parse_args(shlex.split(call)).run.__name__ for call in calls] == ["verify", "publish"]
    assert told["permissions"] == {"contents": "read"}


def test_a_study_that_was_edited_is_refused(studies, tmp_path):
    other = study.write_study(tmp_path / "edited", {"seeds": [0]})
    table = other / "tables/accuracy.csv"
    table.write_text(table.read_text(encoding="utf-8").replace("0.5", "0.9", 1), encoding="utf-8")
    with pytest.raises(UserError, match="is refused"):
        publish([studies[0], other], tmp_path / "site")
    assert not (tmp_path / "site").exists()
