"""Reports in a browser: they fetch nothing, say nothing on the console, and can be read, sorted, filtered and followed
with a mouse, with keys alone and with a screen reader, in light and dark, whatever strangers wrote into them."""

import re

import pytest
from browsers import browser, needs_chromium, open_page
from made_reports import grid, made_report

from orchestrator.report.page import page
from orchestrator.report.report import Report

pytestmark = [needs_chromium, pytest.mark.xdist_group("browser")]  # one process makes its reports and opens it
HOSTILE = "<script>alert(1)</script></script><img src=x onerror=alert(2)>\"'`${1}{{7*7}}\u202eevil\u2028"
LONG = 30  # times as many rows as the report of a small grid has
DRAWN_ROWS = (
    "[...document.querySelectorAll('[data-runs=train] tbody tr:not(.detail)')]"
    ".filter((row) => row.getClientRects().length).length"
)
TOO_SMALL = """
([...document.querySelectorAll('.picture svg')].flatMap((picture) => [...picture.querySelectorAll('text')].filter(
  (text) => parseFloat(getComputedStyle(text).fontSize) * picture.clientWidth / picture.viewBox.baseVal.width < 8.99
).map((text) => text.textContent)))"""
"""Letters that are too small to read."""
GROUNDS = """
[...new Set([...document.querySelectorAll('.picture')].flatMap((each) => [
  getComputedStyle(each).backgroundColor, getComputedStyle(each.querySelector('path, rect')).fill]))]"""
"""Of the pictures and of what stands behind them."""
SHOWN_ROWS = "document.querySelectorAll('[data-runs=train] tbody tr:not([hidden], .detail)').length"


def failing(plan, rows):
    """Let one training fail, another not have begun, and the rest be done."""
    trains = list(plan.of_stage("train"))
    failed = rows[trains[0].trial_id]
    rows[failed.trial_id] = type(failed)(
        **{name: getattr(failed, name) for name in ("trial_id", "spec", "config", "provenance", "timing")},
        state="failed",
        metrics={},
        artifacts={},
        error=f"ValueError: {HOSTILE}\nsecond line",
    )
    del rows[trains[1].trial_id]


def hostile() -> Report:
    text = f"# {HOSTILE[:-1]}\n{grid(HOSTILE)}"
    return made_report(text, failing, name=f"{HOSTILE}.yaml", storage=HOSTILE, folder=f"/runs/{HOSTILE}")


@pytest.fixture(scope="module")
def started():
    with browser() as running:
        yield running


@pytest.fixture(scope="module")
def reports(tmp_path_factory):
    """Files: of a grid with a failed trial, the same with many more rows, and of one whose every word is hostile."""
    root = tmp_path_factory.mktemp("reports")
    for name, made in (("gappy", made_report(grid(), failing)), ("hostile", hostile())):
        (root / f"{name}.html").write_text(page(made), encoding="utf-8")
    text = (root / "gappy.html").read_text(encoding="utf-8")
    (rows,) = re.findall('<table data-runs="train">.*?<tbody>(.*?)</tbody>', text, re.DOTALL)
    copies = "".join(rows.replace('id="run-', f'id="run-{copy}-') for copy in range(LONG - 1))
    (root / "long.html").write_text(text.replace(rows, copies + rows), encoding="utf-8")
    return root


@pytest.fixture
def gappy(started, reports):
    opened = open_page(started, reports / "gappy.html")
    yield opened
    assert opened.said == []
    opened.close()


@pytest.mark.parametrize(("name", "scheme"), [("gappy", "light"), ("gappy", "dark"), ("hostile", "light")])
def test_it_asks_nobody_says_nothing_and_has_no_serious_fault(started, reports, name, scheme):
    from axe_playwright_python.sync_playwright import Axe

    width = {"light": 1280, "dark": 390}[scheme]
    opened = open_page(started, reports / f"{name}.html", color_scheme=scheme, viewport={"width": width, "height": 800})
    opened.evaluate("document.querySelectorAll('details').forEach((each) => { each.open = true })")
    opened.evaluate("document.querySelector('[data-runs] tbody th a').click()")
    faults = Axe().run(opened).response["violations"]

    assert opened.said == []
    assert [url for url in opened.asked if not url.startswith("data:")] == [(reports / f"{name}.html").as_uri()]
    assert [(one["id"], one["nodes"][0]["html"]) for one in faults if one["impact"] in ("serious", "critical")] == []
    assert opened.evaluate("document.documentElement.scrollWidth") <= width
    assert opened.evaluate(TOO_SMALL) == []
    assert opened.evaluate(GROUNDS) == [{"light": "rgb(255, 255, 255)", "dark": "rgb(17, 22, 28)"}[scheme]]
    opened.close()


def test_what_strangers_wrote_stays_text(started, reports):
    opened = open_page(started, reports / "hostile.html")

    assert opened.evaluate("document.scripts.length") == 2  # ours, and its data
    assert opened.evaluate("document.querySelectorAll('img, iframe, object, embed, link, form, base').length") == 0
    assert opened.title().startswith("<script>alert(1)</script></script><img src=x onerror=alert(2)>")
    assert "\\u202eevil\\u2028" in opened.locator("h1").inner_text()
    assert "<img src=x onerror=alert(2)>" in opened.locator(".failure.failed .reason").inner_text()
    assert "{{7*7}}" in opened.locator("h1").inner_text()
    assert opened.said == []
    opened.close()


def test_every_link_leads_somewhere_and_every_id_is_there_once(gappy):
    links = gappy.evaluate("[...document.querySelectorAll('a[href]')].map((link) => link.getAttribute('href'))")
    ids = gappy.evaluate("[...document.querySelectorAll('[id]')].map((each) => each.id)")

    assert len(links) > 40
    assert {link for link in links if not link.startswith("#")} == set()
    assert {link[1:] for link in links} <= set(ids)
    assert len(ids) == len(set(ids))


def test_a_number_leads_to_its_runs_and_a_run_to_all_that_is_known_of_it(gappy):
    gappy.locator("#table-errors tbody td.number a").nth(4).click()
    behind = gappy.locator("tbody:target")
    run = behind.locator("tr:not(.block) th a").first

    assert behind.locator("tr.block").inner_text() == "scalar p=2"
    assert run.is_visible()
    name = run.inner_text()
    run.click()
    told = gappy.locator("tr:target + tr.detail")
    assert gappy.evaluate("document.activeElement.textContent") == name
    assert gappy.locator("tr:target th a").get_attribute("aria-expanded") == "true"
    assert "node0" in told.inner_text()
    assert f"/shared/runs/trials/{name}" in told.inner_text()
    assert "3529270" in told.inner_text()
    gappy.keyboard.press("Enter")
    assert told.count() == 0


def test_with_keys_alone_one_skips_to_the_report_and_sorts_a_table(gappy):
    gappy.keyboard.press("Tab")
    assert gappy.evaluate("document.activeElement.textContent") == "Skip to the report"
    gappy.keyboard.press("Enter")
    assert gappy.evaluate("document.activeElement.id") == "main"
    head = gappy.get_by_role("columnheader", name="test error, last epoch", exact=True)
    head = gappy.locator("[data-runs=train]").locator(head)
    column = head.evaluate("(head) => head.cellIndex")
    values = (
        "(column) => [...document.querySelectorAll('[data-runs=train] tbody tr')]"
        ".map((row) => row.cells[column].textContent)"
    )
    planned = gappy.evaluate(values, column)
    numbers = sorted(float(text) for text in planned if text)

    head.locator("button").focus()
    gappy.keyboard.press("Enter")
    up = gappy.evaluate(values, column)
    assert head.get_attribute("aria-sort") == "ascending"
    gappy.keyboard.press("Space")
    down = gappy.evaluate(values, column)
    assert head.get_attribute("aria-sort") == "descending"
    gappy.keyboard.press("Enter")

    assert [float(text) for text in up if text] == numbers
    assert [float(text) for text in down if text] == numbers[::-1]
    assert up[-2:] == down[-2:] == ["", ""]
    assert gappy.evaluate(values, column) == planned
    assert head.get_attribute("aria-sort") is None


def test_a_filter_keeps_the_rows_with_every_word_and_counts_them(gappy):
    box = gappy.get_by_label("the runs of train")
    count = gappy.locator(".filter", has=box).locator("output")
    assert count.inner_text() == "12 rows"
    box.fill("max_w p=1 state=done")
    assert count.inner_text() == "3 of 12 rows"
    assert gappy.evaluate(SHOWN_ROWS) == 3
    box.fill("failed")
    assert count.inner_text() == "1 of 12 rows"
    gappy.locator("#table-errors tbody td.number a").nth(4).click()
    gappy.locator("tbody:target tr:not(.block) th a").first.click()  # to a run that is filtered away
    assert gappy.locator("tr:target").is_visible()
    assert gappy.evaluate(SHOWN_ROWS) == 12


def test_a_long_table_shows_its_first_rows_and_sorts_filters_links_and_prints_all_of_them(started, reports):
    opened = open_page(started, reports / "long.html")
    box = opened.get_by_label("the runs of train")
    line = opened.locator(".filter", has=box)
    assert line.locator("output").inner_text() == "360 rows, the first 250 shown"
    assert opened.evaluate(DRAWN_ROWS) == 250

    last = opened.locator("[data-runs=train] tbody tr").last.get_attribute("id")
    opened.evaluate(f"location.hash = '#{last}'")
    opened.locator(f"#{last} + tr.detail").wait_for()
    assert opened.locator(f"#{last}").is_visible()
    box.fill("state=failed")
    assert line.locator("output").inner_text() == "30 of 360 rows"
    assert opened.evaluate(DRAWN_ROWS) == 30
    box.fill("")
    opened.locator("[data-runs=train] thead button", has_text="state").click()
    opened.locator("[data-runs=train] thead button", has_text="state").click()
    states = opened.locator("[data-runs=train] tbody tr:visible td.new, [data-runs=train] tbody tr:visible td.failed")
    assert states.count() == 60  # of done, failed and new the last two: they stand first now
    assert opened.evaluate(DRAWN_ROWS) == 250
    opened.emulate_media(media="print")
    assert opened.evaluate(DRAWN_ROWS) == 360
    opened.emulate_media(media="screen")
    line.get_by_role("button", name="Show all").click()
    assert opened.evaluate(DRAWN_ROWS) == 360
    assert line.locator("output").inner_text() == "360 rows"
    line.get_by_role("button", name="Show the first 250").click()
    assert opened.evaluate(DRAWN_ROWS) == 250
    assert opened.said == []
    opened.close()


def test_without_scripts_all_is_there_and_links_open_what_is_folded(started, reports):
    context = started.new_context(java_script_enabled=False)
    opened = context.new_page()
    opened.goto((reports / "gappy.html").as_uri())
    opened.locator("#table-errors tbody td.number a").nth(4).click()

    assert opened.locator("tbody#behind-errors-2 tr").first.is_visible()
    assert opened.locator("[data-runs=train] tbody tr").count() == 12
    assert "row.json" in opened.locator("noscript").inner_text()
    context.close()


def test_printed_it_shows_the_runs_and_no_buttons(gappy):
    gappy.emulate_media(media="print")

    assert not gappy.locator("nav.contents").is_visible()
    assert not gappy.locator(".copied > button").first.is_visible()
    assert not gappy.locator(".filter").first.is_visible()
    assert gappy.locator("#behind-errors-1 tr").first.is_visible()
    assert gappy.locator("#yaml").is_visible()
