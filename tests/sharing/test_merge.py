"""Merging halves of a study: the bytes of the whole study's tables, or a refusal that says why."""

import json
import shutil
import zipfile
from pathlib import Path

import pytest

from avbench.audit.verify import verify
from avbench.core.errors import UserError
from avbench.core.files import read_csv, read_json
from avbench.results import tables
from avbench.sharing.merge import merge
from avbench.sharing.merged_runs import merge_runs
from avbench.sharing.pack import pack
from avbench.sharing.received import Received
from avbench.sharing.settings_differences import smallest_first
from tests.support import study

HALVES = {"one": [0, 1], "two": [2, 3, 4]}


@pytest.fixture(scope="module")
def studies(tmp_path_factory):
    """The folder of a whole study and its halves; no test changes them."""
    folder = tmp_path_factory.mktemp("studies")
    for name, seeds in {**HALVES, "whole": [0, 1, 2, 3, 4]}.items():
        study.write_study(folder / name, {"seeds": seeds})
    return folder


@pytest.fixture(scope="module")
def crates(studies, tmp_path_factory):
    """The halves as they are sent."""
    folder = tmp_path_factory.mktemp("crates")
    for name in HALVES:
        pack(studies / name / "results/tiny", folder / f"{name}.zip")
    return [folder / f"{name}.zip" for name in HALVES]


def table_files(results):
    return {path.name: path.read_bytes() for path in sorted((results / "tables").iterdir())}


def test_halves_give_the_bytes_of_the_whole_studys_tables(studies, crates, tmp_path):
    whole = table_files(studies / "whole/results/tiny")
    folders = [studies / name / "results/tiny" for name in HALVES]
    for name, given in {"folders": folders, "zips": crates, "mixed": [crates[1], folders[0]]}.items():
        results, said = merge(given, tmp_path / name)
        assert table_files(results) == whole
        assert verify(results, deep=True).findings == []
        assert read_json(results / "merged.json")["said"] == said
    assert not list(tmp_path.glob(".*"))
    assert "seeds 0, 1; seeds 2, 3, 4" in (tmp_path / "zips/results/tiny/index.html").read_text(encoding="utf-8")
    shutil.copytree(studies / "two", tmp_path / "stale")
    run = tmp_path / "stale/results/tiny/runs/toys/few/none/random/default"
    shutil.copytree(run / "seed-2", run / "seed-7")  # of a list of seeds that was longer once
    (tmp_path / "stale/data/others").mkdir()
    stale, _ = merge([folders[0], tmp_path / "stale/results/tiny"], tmp_path / "not stale")
    assert table_files(stale) == whole
    assert not list(stale.glob("**/seed-7"))
    merged, _ = merge([tmp_path / "zips/results/tiny", studies / "one/results/tiny"], tmp_path / "again")
    assert table_files(merged) == whole  # what both have counts once


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("results/tiny/tables/accuracy.csv", "random", "Random"),
        ("results/tiny/config.json", '"batch_size": 8', '"batch_size": 9'),
        ("results/tiny/runs/toys/few/none/random/default/seed-0/scores.csv", "random", "Random"),
        ("results/tiny/subsets/toys/few.csv", "train-dog-0", "train-dog-9"),
        ("data/toys/clips.csv", "train-dog-0,", "train-dog-9,"),
    ],
)
def test_a_tampered_crate_is_refused(crates, tmp_path, name, old, new):
    tampered = tmp_path / "tampered.zip"
    with zipfile.ZipFile(crates[0]) as source, zipfile.ZipFile(tampered, "w") as target:
        for member in source.namelist():
            content = source.read(member)
            assert member != name or old.encode() in content
            target.writestr(member, content.replace(old.encode(), new.encode()) if member == name else content)
    with pytest.raises(UserError, match=r"tampered\.zip.* is refused") as refused:
        merge([tampered, crates[1]], tmp_path / "merged")
    assert Path(name).name in str(refused.value)
    assert not (tmp_path / "merged").exists()


def test_other_settings_are_refused_with_the_difference(studies, tmp_path):
    changed = study.config()
    changed["pretraining"] |= {"batch_size": 4, "device": "cpu"}  # the second decides nothing
    other = study.write_study(tmp_path / "other", {"seeds": [2], "pretraining": changed["pretraining"]})
    with pytest.raises(UserError, match=r"not of one study") as refused:
        merge([studies / "one/results/tiny", other], tmp_path / "merged")
    assert str(refused.value).splitlines()[1:] == [
        f"  pretraining.batch_size: 8 in {studies / 'one/results/tiny'}, 4 in {other}"
    ]


def test_rounds_of_seeds_are_refused(studies, tmp_path):
    other = shutil.copytree(studies / "two", tmp_path / "other") / "results/tiny"
    told = read_json(other / "config.json") | {"seeds": {"first": 2, "most": 3, "until": "decided", "effect": 2}}
    (other / "config.json").write_text(json.dumps(told), encoding="utf-8")
    with pytest.raises(UserError, match="in rounds"):
        merge([studies / "one/results/tiny", other], tmp_path / "merged")


def test_another_subset_is_refused(studies, tmp_path):
    subsets = {"few": {"clips": 20, "balance": "natural"}}
    whole = study.write_study(tmp_path / "all", {"seeds": [0], "subsets": subsets})
    drawn = read_csv(whole / "subsets/toys/few.csv", ("clip_id",))["clip_id"]
    lost = study.write_study(tmp_path / "lost", {"seeds": [2], "subsets": subsets}, drawn[:1])
    with pytest.raises(UserError, match=r"few\.csv of .* is not that of .* clips are in one alone"):
        merge([whole, lost], tmp_path / "merged")


def test_one_seed_twice_with_other_scores_is_refused(studies, tmp_path, monkeypatch):
    monkeypatch.setattr(study, "draw_right", lambda *key: hash(key) % 2 == 0)
    other = study.write_study(tmp_path / "other", {"seeds": [1, 2]})
    with pytest.raises(UserError, match=r"seed-1 is in .* with other"):
        merge([studies / "one/results/tiny", other], tmp_path / "merged")


def test_cells_are_joined_and_what_no_part_has_is_said(studies, tmp_path):
    made = study.config()
    methods = made["methods"] | {"hard-negative": "preset"}
    other = study.write_study(tmp_path / "other", {"seeds": [2], "methods": methods})
    results, said = merge([studies / "one/results/tiny", other], tmp_path / "merged")
    scores = tables.read(results / "tables/accuracy.csv")
    assert {name: sorted(set(part["seed"])) for name, part in scores.groupby("method")} == {
        "hard-negative": [2],
        **{name: [0, 1, 2] for name in ("random", "soft-positive", "untrained")},
    }
    assert "Of 12 folders of scores of the joined grid, no part has 2" in said[-1]
    assert verify(results, deep=True).findings == []


def test_subsets_that_each_part_has_some_of_are_in_order_again(tmp_path):
    declared = {"many": {"clips_per_class": 6}, "some": {"clips_per_class": 3}}
    parts = [
        study.write_study(tmp_path / name, {"seeds": [0, 1], "subsets": {name: subset}})
        for name, subset in declared.items()
    ]
    results, _ = merge(parts, tmp_path / "merged")
    assert list(read_json(results / "config.json")["subsets"]) == ["some", "many"]
    ours, theirs = (
        tables.read(folder / "tables/claims.csv").set_index("claim")["effect"] for folder in (results, parts[1])
    )
    assert ours["soft-positive-small"] == theirs["soft-positive-small"]  # of the smallest subset
    assert verify(results, deep=True).findings == []


def test_a_family_of_subsets_stands_where_its_smallest_does():
    clips = {"all": 90, "per-5": 20, "per-10": 40, "few": 30}
    declared = {"all": {"clips": 90}, "few": {"ids": "few.csv"}, "per": {"clips_per_class": [5, 10]}}
    assert list(smallest_first(declared, clips.get)) == ["per", "few", "all"]


@pytest.mark.parametrize("name", ["dynamics_clips.csv", "labels/toys/few/mixed/seed-0.matrix.csv"])
def test_files_that_are_no_lists_of_labels_are_refused_by_name_too(tmp_path, name):
    parts = {}
    for part in ("one", "two"):
        results = tmp_path / part / "results" / "tiny"
        (results / name).parent.mkdir(parents=True)
        (results / name).write_text(f"column\n{part}\n", encoding="utf-8")
        parts[part] = Received(part, results, {"seeds": [0]})
    with pytest.raises(UserError, match=r"csv of two is not that of one\. Parts"):
        merge_runs(parts, tmp_path / "merged", tmp_path / "kept")


def test_what_is_packed_already_is_not_unpacked_to_be_packed(tmp_path):
    packed = tmp_path / "tiny.zip"
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("results/tiny/tables/accuracy.csv", "")
    with pytest.raises(UserError, match="packed already"):
        pack(packed, tmp_path / "again.zip")
    assert [path.name for path in tmp_path.iterdir()] == ["tiny.zip"]


def test_other_surviving_test_clips_are_scored_on_the_common_ones(studies, tmp_path):
    gone = {"one": ["test-dog-0"], "two": ["test-dog-1", "test-saw-0"]}
    parts = [study.write_study(tmp_path / name, {"seeds": HALVES[name]}, lost) for name, lost in gone.items()]
    results, said = merge(parts, tmp_path / "merged")
    both = study.write_study(tmp_path / "both", {"seeds": [0, 1, 2, 3, 4]}, [*gone["one"], *gone["two"]])
    ours, theirs = (tables.read(folder / "tables/summary.csv") for folder in (results, both))
    assert set(ours["protocol"]) == {"linear"}
    assert set(ours["clips"]) == {29}
    expected = theirs[theirs["protocol"] == "linear"].reset_index(drop=True)
    assert ours.equals(expected)
    coverage = tables.read(results / "tables/coverage.csv")
    assert coverage.equals(tables.read(both / "tables/coverage.csv"))
    assert "of its clips 67 in part 1, 66 in part 2 are stored; 65 in all parts" in said[1]
    assert "toys, linear, audio: 29 clips" in said[2]
    assert tables.read(results / "tables/accuracy.csv")["coverage"].round(6).unique().tolist() == [29 / 32]
    assert verify(results, deep=True).findings == []
    pack(results, tmp_path / "again.zip")
    with pytest.raises(UserError, match="merged from parts that differ"):
        merge([tmp_path / "again.zip", studies / "one/results/tiny"], tmp_path / "more")
    page = (results / "index.html").read_text(encoding="utf-8")
    assert "other surviving test clips" in page


def test_what_is_no_result_or_in_the_way_is_said(studies, crates, tmp_path):
    with pytest.raises(UserError, match="two parts at least"):
        merge(crates[:1], tmp_path / "merged")
    with pytest.raises(UserError, match="given twice"):
        merge([crates[0], crates[0]], tmp_path / "merged")
    with pytest.raises(UserError, match="holds none"):
        merge([crates[0], tmp_path], tmp_path / "merged")
    (tmp_path / "there").mkdir()
    with pytest.raises(UserError, match="exists already"):
        merge(crates, tmp_path / "there")
