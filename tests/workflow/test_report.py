"""The report as a reader opens it: in a browser, from one file, without network, also on a phone."""

import json

import pytest

from avbench.results import tables
from tests.support.browser import CHROMIUM, DESK, OPTIONS, PHONE

playwright = pytest.importorskip("playwright.sync_api")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on the PATH")


@pytest.fixture(scope="module")
def browser():
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=OPTIONS, chromium_sandbox=False)
        yield browser
        browser.close()


@pytest.fixture
def opened(browser, finished):
    """Open the report in a window of a size; afterwards, nothing may have gone wrong or have left the file."""
    contexts, asked, errors = [], [], []

    def open_report(size, name="report.html", ready="nav"):
        contexts.append(browser.new_context(viewport=size, offline=True, accept_downloads=True))
        page = contexts[-1].new_page()
        page.set_default_timeout(20_000)
        page.on("request", lambda request: asked.append(request.url))
        page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(finished.pages(name).as_uri())
        page.wait_for_selector(ready)
        return page

    yield open_report
    for context in contexts:
        context.close()
    assert errors == []
    assert asked
    assert {url.partition(":")[0] for url in asked} <= {"file", "data", "blob"}


def home(page):
    page.locator("nav ol a").first.click()


def categories(page):
    """The categories of results: folders in the menu."""
    names = page.locator("nav li", has_text="Results").last.locator("xpath=../li/a").all_inner_texts()
    return [name for name in names if name not in ("Workflow", "Statistics", "About")]


def entries(page, category):
    page.locator("nav li a", has_text=category).click()
    page.wait_for_selector("nav tbody tr")
    return page.locator("nav tbody tr").all()


def overflowing(page):
    """Texts that stick out of the window on either side."""
    return page.evaluate("""() => [...document.querySelectorAll('#app *')]
        .filter(node => [...node.childNodes].some(child => child.nodeType === 3 && child.data.trim()))
        .filter(node => !node.closest('svg'))
        .map(node => [node.getBoundingClientRect(), node])
        .filter(([box, node]) => box.width && (box.left < -0.5 || box.right > innerWidth + 0.5
            || (node.scrollWidth > node.clientWidth + 1 && getComputedStyle(node).display !== 'inline')))
        .map(([box, node]) => node.textContent.slice(0, 60))""")


def shown_image(page):
    """The picture in the middle of the page, once it is loaded."""
    page.wait_for_function("[...document.images].some(i => i.src.startsWith('data:image/png') && i.complete)")
    return page.evaluate("""() => {
        const image = [...document.images].find(i => i.src.startsWith('data:image/png'));
        const box = image.getBoundingClientRect();
        const {left, right, width} = box;
        return {pixels: image.naturalWidth, left, right, width, end: image.src.slice(-64)};
    }""")


def figures(workflow):
    """The figures that an experiment asks for; those of a former configuration stay in its folder."""
    plans = [json.loads(path.read_text(encoding="utf-8")) for path in workflow.pages("plan").glob("figures_*.json")]
    return [f"{name}.png" for plan in plans for name in plan]


def test_every_table_and_figure_opens(opened, finished):
    page = opened(DESK)
    found = categories(page)
    assert {"Results", "Training", "Data"} <= set(found)
    tables, pictures = {}, []
    for category in found:
        for entry in entries(page, category):
            eye = entry.locator("a[iconname=eye]")
            if name := eye.get_attribute("download"):
                with page.expect_download() as download:
                    eye.click()
                tables[name] = download.value.path().read_bytes()
            else:
                eye.click()
                pictures.append(shown_image(page))
        home(page)
    assert tables == {name: data for name, data in finished.tables().items() if name.endswith(".csv")}
    assert all(picture["pixels"] > 300 for picture in pictures)
    assert len(pictures) == len({picture["end"] for picture in pictures}) == len(figures(finished))


def test_every_entry_has_a_caption(opened, finished):
    captions = opened(DESK).evaluate("Object.entries(results).map(([name, result]) => [name, result.caption])")
    shown = [*(path.name for path in finished.pages("tables").glob("*.csv")), *figures(finished)]
    assert sorted(name.rpartition("/")[2] for name, _ in captions) == sorted(shown)
    for name, caption in captions:
        assert len(caption) > 40, name
        assert "{{" not in caption, name


def test_a_phone_shows_text_and_figures_in_full_width(opened):
    page = opened(PHONE)
    assert overflowing(page) == []
    (category, *_) = [name for name in categories(page) if name == "Results"]
    entries(page, category)
    assert overflowing(page) == []
    entry = page.locator("nav tbody tr", has_text="Accuracy by size")
    entry.locator("a[iconname=eye]").click()
    image = shown_image(page)
    assert image["left"] >= 0
    assert image["right"] <= PHONE["width"]
    assert image["width"] > 300
    entry.locator("a[iconname=information-circle]").click()
    caption = page.locator("nav .prose").first
    assert caption.bounding_box()["width"] > 300
    assert overflowing(page) == []
    page.locator("nav h1 a").click()  # closes the menu
    page.wait_for_function("document.querySelector('nav').getBoundingClientRect().height < 1")
    assert shown_image(page)["width"] > 300
    page.locator("div.fixed a").click()  # and opens it again
    page.wait_for_function("document.querySelector('nav').getBoundingClientRect().height > 100")


def test_a_phone_shows_statistics_one_above_the_other(opened):
    page = opened(PHONE)
    page.locator("nav li a", has_text="Statistics").first.click()
    page.wait_for_function("document.querySelectorAll('#app canvas').length == 2")
    boxes = [canvas.bounding_box() for canvas in page.locator("#app canvas").all()]
    assert all(box["x"] >= 0 and box["x"] + box["width"] <= PHONE["width"] for box in boxes)
    assert boxes[0]["y"] + boxes[0]["height"] <= boxes[1]["y"]


def test_every_rule_is_drawn_once_and_has_a_running_time(opened):
    page = opened(DESK)
    rules = page.evaluate("rulegraph_spec.data[0].values.map(node => node.rule)")
    assert len(rules) == len(set(rules))
    assert page.evaluate("runtimes_spec.data.values.every(job => job.runtime > 0)")


def test_the_page_beside_it_shows_the_same_experiment(opened, finished):
    page = opened(DESK, "index.html", "#charts svg")
    for name in ("task", "protocol", "modality", "subset", "labels", "budget"):
        page.locator(f"#filter-{name}").select_option("*")
    means = tables.read(finished.pages("tables", "summary.csv"))["mean"]
    shown = page.locator("#numbers tbody tr").evaluate_all("rows => rows.map(row => Number(row.cells[9].textContent))")
    assert shown == pytest.approx([100 * mean for mean in means], abs=0.051)
    claims = tables.read(finished.pages("tables", "claims.csv"))
    assert page.locator("#claim-table > tbody").count() == len(claims)
    assert page.locator(".opens").count() == claims["effect"].notna().sum()
