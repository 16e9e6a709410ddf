"""The page as a reader uses it: filters, links, sorting, a phone, print; nothing goes wrong and nothing leaves it."""

import csv
import io
import json
import re
import shutil

import numpy as np
import pandas as pd
import pytest
import yaml

from avbench.evaluation.scores import CELL
from avbench.figures.charts.pairs import Pairing, Picture
from avbench.pages import pair_media
from avbench.pages.comparison import make_comparison
from avbench.pages.page import make_page
from avbench.plan.jobs import Plan
from avbench.plan.report import Report
from avbench.results import pair_counts, tables
from avbench.sharing.compare import compare
from avbench.sharing.publish import publish
from tests.support import paged, study
from tests.support.browser import CHROMIUM, DESK, OPTIONS, PHONE, axe
from tests.support.paths import ROOT

playwright = pytest.importorskip("playwright.sync_api")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on the PATH")


@pytest.fixture(scope="module")
def browser():
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(
            executable_path=CHROMIUM, args=OPTIONS, chromium_sandbox=False, timeout=120_000
        )
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    return paged.write_page(tmp_path_factory.mktemp("paged"))


@pytest.fixture
def opened(browser, file):
    """Open the page in a window of a size; afterwards, nothing may have gone wrong or have been asked for."""
    contexts, asked, errors, files = [], [], [], {file.as_uri()}

    def open_page(size=DESK, link="", file=file, **options):
        files.add(file.as_uri())
        contexts.append(browser.new_context(viewport=size, offline=True, accept_downloads=True, **options))
        page = contexts[-1].new_page()
        page.set_default_timeout(60_000)
        page.on("request", lambda request: asked.append(request.url))
        page.on("console", lambda message: errors.append(message.text))
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(file.as_uri() + link)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert errors == []
    assert {url.partition("#")[0] for url in asked if not url.startswith("data:")} <= files


def check(page):
    """Have axe-core look at a page."""
    if (code := axe()) is None:
        pytest.skip("no axe-core: npm install axe-core")
    page.evaluate(code)
    found = page.evaluate("axe.run()")
    assert [(fault["id"], [node["html"] for node in fault["nodes"]]) for fault in found["violations"]] == []


def numbers(page):
    """The rows of the table below the charts."""
    return page.locator("#numbers tbody tr").evaluate_all("rows => rows.map(r => [...r.cells].map(c => c.textContent))")


def test_a_newcomer_reads_the_answer_and_how_sure_it_is_without_scrolling(opened):
    for size in (DESK, PHONE):
        page = opened(size)
        lead = page.locator(".lead")
        assert "soft-positive-small" in lead.inner_text()
        assert "Certain" in lead.inner_text()
        box = lead.bounding_box()
        assert box["y"] + box["height"] <= size["height"]


def test_filters_change_what_is_shown_and_numbers_are_those_of_the_tables(opened, file):
    page = opened()
    summary = tables.read(file.parent / "tables" / "summary.csv")
    own = summary[tables.is_own(summary, paged.METHODS)]
    at_home = own[(own["task"] == "home") & own["protocol"].isin(["linear", "supervised"])]
    first = at_home[at_home["budget"].isin(["long", "all"])]
    assert [float(row[9]) for row in numbers(page)] == [round(100 * mean, 1) for mean in first["mean"]]
    page.locator("#filter-subset").select_option("large")
    large = first[first["subset"] == "large"]
    assert [float(row[9]) for row in numbers(page)] == [round(100 * mean, 1) for mean in large["mean"]]
    page.locator("#methods input[value=random]").uncheck()
    assert len(numbers(page)) == len(large) - 1
    assert page.locator("#charts figure").count() == 1
    with page.expect_download() as download:
        page.locator("#csv").click()
    rows = list(csv.DictReader(io.StringIO(download.value.path().read_text(encoding="utf-8"))))
    expected = large[large["method"] != "random"]
    assert [[row[name] for name in CELL] for row in rows] == expected[CELL].values.tolist()
    for name in ("mean", "ci_low", "ci_high"):
        assert [float(row[name]) for row in rows] == expected[name].tolist()


def test_every_score_can_be_shown(opened, file):
    page = opened()
    for name in ("task", "protocol", "modality", "subset", "labels", "budget"):
        page.locator(f"#filter-{name}").select_option("*")
    summary = tables.read(file.parent / "tables" / "summary.csv")
    assert len(numbers(page)) == len(summary)
    assert f"{len(summary)} of {len(summary)} accuracies" in page.locator("#state").inner_text()
    edges = (tables.read(file.parent / "tables" / "accuracy.csv")["edge"] != "").sum()
    assert f"{edges} linear probes" in page.locator("#state").inner_text()
    assert "95.0 % of the test clips" in page.locator("#state").inner_text()


def test_nothing_that_fits_is_said(opened):
    page = opened(link="#view:hidden=random,untrained,soft-positive,supervised")
    assert numbers(page) == []
    assert "Nothing was scored so" in page.locator("#state").inner_text()


def test_a_link_leads_to_the_same_view(opened):
    page = opened()
    page.locator("#filter-protocol").select_option("knn")
    page.locator("#filter-labels").select_option("wrong")
    page.locator("#methods input[value=untrained]").uncheck()
    link = page.locator("#link").get_attribute("href")
    assert page.evaluate("location.hash") == link
    other = opened(link=link)
    assert numbers(other) == numbers(page) != []
    assert not other.locator("#methods input[value=untrained]").is_checked()


def test_a_claim_opens_its_plot_and_the_runs_behind_it_by_keyboard(opened):
    page = opened()
    button = page.locator("#claim-soft-positive-small .opens")
    button.focus()
    page.keyboard.press("Enter")
    assert button.get_attribute("aria-expanded") == "true"
    label = page.locator("#claim-soft-positive-small .plot svg").first.get_attribute("aria-label")
    assert label == "Effect in percentage points: short: 8.0 (holds); long: 8.0 (holds); published: 6.7"
    page.locator("#claim-soft-positive-small summary").click()
    assert "0: 48.0, 1: 49.0, 2: 50.0" in page.locator("#claim-soft-positive-small details").inner_text()
    assert not page.locator("#behind-gap-shrinks").is_visible()


def test_a_link_to_a_claim_opens_it(opened):
    page = opened()
    page.evaluate("location.hash = '#claim-gap-shrinks'")
    page.wait_for_selector("#behind-gap-shrinks:not([hidden])")
    assert page.locator("#behind-gap-shrinks .plot svg").count()


def test_claims_are_sorted_with_what_has_no_number_last(opened):
    page = opened()
    names = "bodies => bodies.map(body => body.id.slice(6))"
    for button, order in (("effect", "ascending"), ("effect", "descending")):
        page.locator(f"thead button[data-sort={button}]").click()
        assert page.locator("th[aria-sort=ascending], th[aria-sort=descending]").get_attribute("aria-sort") == order
        found = page.locator("#claim-table > tbody").evaluate_all(names)
        expected = ["soft-positive-large", "gap-shrinks", "soft-positive-small"]
        assert found == [*(expected if order == "ascending" else expected[::-1]), "finetuned"]


def test_nothing_sticks_out_of_a_phone(opened):
    page = opened(PHONE)
    page.locator("#claim-soft-positive-small .opens").click()
    assert page.evaluate("document.documentElement.scrollWidth") == PHONE["width"]
    assert page.locator("#charts svg").first.bounding_box()["width"] <= PHONE["width"]


def test_print_leaves_out_what_only_a_screen_has(opened):
    page = opened(color_scheme="dark")
    page.emulate_media(media="print")
    assert not page.locator("#filters").is_visible()
    assert page.locator("#charts svg").first.is_visible()
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_checker_of_accessibility_finds_nothing(opened, scheme):
    page = opened(color_scheme=scheme)
    page.locator("#claim-soft-positive-small .opens").click()
    check(page)


@pytest.fixture(scope="module")
def played(tmp_path_factory):
    """The page with what two methods pair, of clips that are noise."""
    folder, draw = tmp_path_factory.mktemp("played"), np.random.default_rng(0)
    paged.write_page(folder)

    def picture(clip):
        return Picture(clip, draw.integers(0, 256, (4, 32, 32, 3), np.uint8), "dog <b>", "cat")

    def pairing(method):
        sound = draw.integers(-9000, 9000, 8000).astype(np.int16)
        return Pairing(method, "x", np.zeros((4, 4)), "dog <b>", "dog <b>", picture("y"), [picture("z")] * 2, sound)

    patch = pytest.MonkeyPatch()
    with patch.context() as patched:
        patched.setattr(pair_media, "read_pairings", lambda settings: [pairing("soft-positive"), pairing("random")])
        told = paged.plan() | {"media": {"features": {"sample_rate": 8000, "frame_rate": 4}}}
        make_page(told, folder / "tables", folder / "record.json", folder / "index.html")
    return folder / "index.html"


def test_pairs_are_heard_and_seen(opened, played):
    page = opened(file=played)
    examples = page.locator(".example")
    assert examples.locator("h4").all_inner_texts() == ["random", "soft positive"]
    assert "Sound: dog <b>" in examples.first.inner_text()
    assert "another clip's film: dog <b> (taken for: cat)" in examples.first.inner_text()
    assert examples.first.locator("img").count() == 3
    sizes = page.evaluate("[...document.querySelectorAll('.example img')].map(image => image.naturalWidth)")
    assert set(sizes) == {32}
    film = examples.first.locator("img").first
    still = film.get_attribute("src")
    examples.first.locator("button").click()
    page.wait_for_function("still => document.querySelector('.example img').src !== still", arg=still)
    page.wait_for_function("still => document.querySelector('.example img').src === still", arg=still)  # it ends
    assert examples.first.locator("button").inner_text() == "Play random"
    held = json.loads(re.search(r'id="content">(.*?)</script>', played.read_text(encoding="utf-8"))[1])
    measure = "a => new Promise(done => { const s = new Audio(a); s.onloadedmetadata = () => done(s.duration); })"
    length = page.evaluate(measure, held["media"]["pairs"][0]["sound"])
    assert length == pytest.approx(1.0)


@pytest.fixture(scope="module")
def words(tmp_path_factory):
    """The page of the study of real words, made of its committed tables, which do not tell how runs paired clips."""
    folder = tmp_path_factory.mktemp("words")
    shutil.copytree(ROOT / "results/real-words/tables", folder / "tables")
    tables.write(folder / "tables/sampling.csv", pd.DataFrame(columns=list(pair_counts.COLUMNS)))
    plan = Plan(yaml.safe_load((ROOT / "config/real-words.yaml").read_text(encoding="utf-8")), ROOT)
    told = Report(plan).page_plan()
    assert told["media"] is None  # a speaker's own voice and face
    make_page(told, folder / "tables", paged.write_record(folder), folder / "index.html")
    return folder / "index.html"


def test_the_page_of_real_words_has_the_numbers_of_its_tables(opened, words):
    page = opened(file=words)
    summary = tables.read(words.parent / "tables/summary.csv")
    for name in ("task", "protocol", "modality", "subset", "labels", "budget"):
        page.locator(f"#filter-{name}").select_option("*")
    shown = numbers(page)
    columns = ["seeds", "clips", "mean", "ci_low", "ci_high"]
    expected = (summary[columns] * [1, 1, 100, 100, 100]).to_numpy()
    assert np.abs(np.array([row[7:] for row in shown], dtype=float) - expected).max() < 0.0501  # one decimal is shown
    page.locator("#filter-labels").select_option("none")
    assert 0 < len(numbers(page)) == (summary["labels"] == "none").sum() < len(summary)
    claims = tables.read(words.parent / "tables/claims.csv")
    tested = claims[claims["effect"].notna()]
    effects = {
        body: page.locator(f"#claim-{body} tr").first.locator("td.number").first.inner_text()
        for body in tested["claim"]
    }
    assert effects == {row.claim: f"{100 * row.effect:+.1f}".replace("-", "−") for row in tested.itertuples()}


def test_the_answer_on_few_clips_of_real_words_stands_on_the_first_screen(opened, words):
    for size in (DESK, PHONE):
        lead = opened(size, file=words).locator(".lead")
        text, box = lead.inner_text(), lead.bounding_box()
        assert "Soft positives beat random pairing" in text
        assert "small" in text
        assert "Certain, at the level of 5 %" in text
        assert box["y"] + box["height"] <= size["height"]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_checker_of_accessibility_finds_nothing_in_the_page_of_real_words(opened, words, scheme):
    check(opened(file=words, color_scheme=scheme))


def test_a_checker_of_accessibility_finds_nothing_in_what_is_played(opened, played):
    check(opened(file=played))


@pytest.mark.parametrize("kind", ["comparison", "leaderboard"])
def test_comparisons_and_leaderboards_are_as_good(opened, shared, kind):
    for size in (DESK, PHONE):
        page = opened(size, file=shared[kind])
        assert page.evaluate("document.documentElement.scrollWidth") == size["width"]
    check(page)


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    """A comparison of two studies, and a leaderboard of both."""
    folder = tmp_path_factory.mktemp("shared")
    studies = [study.write_study(folder / str(seed), {"seeds": [seed, seed + 1]}) for seed in (0, 2)]
    make_comparison(compare(studies), folder / "comparison.html")
    publish(studies, folder / "site")
    return {"comparison": folder / "comparison.html", "leaderboard": folder / "site" / "index.html"}
