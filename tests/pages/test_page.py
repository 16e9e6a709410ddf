"""The page as a file: what it says, and that it needs nothing else."""

import hashlib
import html
import json
import re

import pytest

from avbench.core.errors import UserError
from avbench.pages import page as pages
from avbench.pages import pairings
from avbench.results import tables
from tests.support import paged


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    return paged.write_page(tmp_path_factory.mktemp("paged"))


@pytest.fixture(scope="module")
def text(page):
    return page.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def seen(text):
    """What a reader without JavaScript sees: texts without tags, in one line."""
    shown = re.sub(r"<(style|script)\b.*?</\1>", "", text, flags=re.DOTALL)
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", shown)).split())


def test_the_page_asks_for_nothing(text):
    outer = re.sub(r"<script\b.*?</script>", "", text, flags=re.DOTALL)
    assert not re.search(r"\bsrc(?:set)?=|@import|url\(", outer)
    assert re.findall(r'<link [^>]*href="([^"]*)"', outer) == ["data:,"]
    assert "default-src 'none'" in outer
    assert len(text) < 2_000_000


def test_the_answer_stands_first(seen):
    head = seen[: seen.index("Effects are differences")]
    assert "The claim soft-positive-small." in head
    assert "Certain, at the level of 5 %" in head
    assert "+8.0 points (95 % interval 5.0 to 11.0), adjusted p = 0.010; published: +6.7" in head
    assert "Of 4 claims: 1 holds 1 does not hold 1 undecided 1 not tested" in head
    assert "Undecided: The claim gap-shrinks. Measured: +2.0 points (-1.0 to +5.0)." in head
    assert "1 of 1 methods still gain at the longest budget" in head


def test_names_with_markup_stay_text(text, seen):
    assert 'With <b> & "quotes".' in seen
    assert "<b>" not in text[: text.index('id="content"')]


def test_data_for_the_script_cannot_end_its_element(tmp_path, monkeypatch):
    monkeypatch.setattr(paged, "BUDGETS", ("short", "</script><i>"))
    written = paged.write_page(tmp_path).read_text(encoding="utf-8")
    held = re.search(r'id="content">(.*?)</script>', written)[1]
    assert "</script><i>" in {row["budget"] for row in json.loads(held)["explorer"]["rows"]}


def test_what_methods_pair_is_told_with_their_own_labels(seen, page):
    sampling = tables.read(page.parent / "tables" / "sampling.csv")
    plan = paged.plan()
    rows = pairings.rows(sampling, plan["methods"], plan["own_labels"], plan["label_variants"])
    assert [(row["method"], row["foreign"], row["same"]) for row in rows] == [
        ("random", "0.0", "100.0"),
        ("soft positive", "90.0", "100.0"),
    ]
    assert "soft positive" in seen[seen.index("What each method pairs") :]


def test_lost_clips_provenance_and_citation_are_told(seen):
    assert "toys test 100 95 95.0 % silent 3, private 2" in seen
    assert "arXiv:2402.02899" in seen
    assert "snakemake --cores all --configfile results/paged/config.json" in seen
    assert re.search(r"Commit abc", seen)


def test_a_missing_table_is_the_users_mistake(tmp_path):
    paged.write_page(tmp_path)
    (tmp_path / "tables" / "leaks.csv").unlink()
    with pytest.raises(UserError, match=r"leaks\.csv"):
        pages.make_page(paged.plan(), tmp_path / "tables", tmp_path / "record.json", tmp_path / "other.html")
    assert not (tmp_path / "other.html").exists()


def test_libraries_are_those_that_their_licences_name():
    folder = pages.HERE / "vendored"
    licences = (folder / "LICENSES.txt").read_text(encoding="utf-8")
    for file in ("d3.min.js", "plot.umd.min.js"):
        version = re.search(r"v(\d[\d.]+\d)", (folder / file).read_text(encoding="utf-8")[:100])[1]
        assert re.search(rf"{re.escape(version)} \({re.escape(file)}\), SHA-256 (\w+)", licences)
        digest = hashlib.sha256((folder / file).read_bytes()).hexdigest()
        assert digest in licences
