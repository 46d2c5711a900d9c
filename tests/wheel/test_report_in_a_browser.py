"""The report in a real Chromium: readable by everybody, on every screen, without a network."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import orjson
import pytest
from tests.remembered import remembered

from carewheel.interop.files import ReadSettings
from carewheel.invented.demo import Order, make_demo
from carewheel.invented.group import Group, PlannedPlay
from carewheel.journeys.import_sources import GivenSource
from carewheel.journeys.look_at_the_wheel import look
from carewheel.journeys.turn_the_wheel import turn_the_wheel
from carewheel.journeys.work_a_plan import accept, propose, start, verify
from carewheel.warehouse.adoption import adopt_facts
from carewheel.warehouse.workspace import Workspace
from carewheel.wheel.document import check
from carewheel.wheel.plans import Proposal
from carewheel.wheel.report import render
from carewheel.wheel.turn import turn

pytestmark = pytest.mark.needs_browser
ROOT = Path(__file__).parents[2]
SCREENS = {"desktop": (1280, 900), "phone": (360, 740), "small-phone": (320, 640)}
ARTEFACTS = ROOT / "artefacts"
SECTIONS = [
    "Does it tie out?",
    "The five measures of the wheel",
    "Place by place",
    "The wheel",
    "What to do next",
    "Where the money and the visits went",
    "Pitfalls",
    "What is missing",
]


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    space = Workspace(tmp_path_factory.mktemp("workspace"))
    settings = ReadSettings(today=date(2026, 1, 1))
    outcome = turn_the_wheel(space, [GivenSource(ROOT / "examples" / "practice")], settings)
    assert outcome.report_path is not None
    return outcome.report_path


@pytest.fixture(scope="module")
def pictured(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report of an invented group whose money is known, with a play verified at two of its four places: every picture is there."""
    folder = tmp_path_factory.mktemp("pictured") / "demo"
    make_demo(Order(Group(7, 4, 30, plays=(PlannedPlay("Q2", 18, (1, 2)),)), folder, writes="facts"))
    space = Workspace(folder)
    adopt_facts(space, folder / "facts", source="invented", invented=True)
    before, after = date(2024, 12, 31), date(2025, 12, 31)
    name = "Q2-2025-01"
    starting = dict.fromkeys(("loc1", "loc2"), date(2025, 1, 1))
    with remembered():
        propose(look(space, after, before), Proposal("Q2", starting), after)
        accept(space, name, "Front desk lead", before, after, {})
        start(space, name, before, after, {})
        verify(look(space, after, after), name, after)
        document = orjson.loads(orjson.dumps(turn(space, after)))
    check(document)
    assert document["plans"][0]["before_after"], document["plans"][0]["why_no_before_after"]
    page = folder / "report.html"
    page.write_text(render(document), "utf-8")
    return page


@pytest.fixture(scope="module")
def browser(chromium_path: str) -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as p:
        arguments = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-sync"]
        yield p.chromium.launch(executable_path=chromium_path, args=arguments)


# Every width, both colour schemes, with and without pictures: layout hangs on the one, contrast on the other.
@pytest.mark.parametrize(
    ("which", "screen", "scheme"),
    [
        ("report", "desktop", "light"),
        ("report", "small-phone", "dark"),
        ("pictured", "desktop", "dark"),
        ("pictured", "small-phone", "light"),
    ],
)
def test_the_report_has_no_barrier_no_overflow_and_asks_no_network(
    browser: Any, request: pytest.FixtureRequest, which: str, screen: str, scheme: str
) -> None:
    from axe_playwright_python.sync_playwright import Axe

    path: Path = request.getfixturevalue(which)
    width, height = SCREENS[screen]
    page = browser.new_page(
        viewport={"width": width, "height": height}, color_scheme=scheme, reduced_motion="reduce"
    )
    asked: list[str] = []
    said: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.goto(path.as_uri())
    page.evaluate("document.fonts.ready")
    # All of it: folded parts are read by somebody too.
    page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
    ARTEFACTS.mkdir(exist_ok=True)
    page.screenshot(path=ARTEFACTS / f"{which}-{screen}-{scheme}.png", full_page=True)
    wide = page.evaluate("document.documentElement.scrollWidth")
    assert wide <= width, "the page scrolls sideways"
    assert [url for url in asked if not url.startswith(("file:", "data:"))] == []
    assert said == []
    results = Axe().run(
        page, options={"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
    )
    assert results.violations_count == 0, results.generate_report()
    page.close()


def test_every_picture_is_named_has_its_text_and_lies_within_its_place(browser: Any, pictured: Path) -> None:
    page = browser.new_page(viewport={"width": 360, "height": 740})
    page.goto(pictured.as_uri())
    page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
    titles = ["Which loops push, month by month", "The next 24 months", "What the first action hangs on",
              "Where the next unit of free cash goes furthest", "Before and after"]  # fmt: skip
    headings = page.locator("h3").all_text_contents()
    assert [title for title in headings if title in titles] == titles
    charts = page.locator("svg.chart")
    assert charts.count() >= 3 + 1 + 1
    for i in range(charts.count()):
        chart = charts.nth(i)
        assert len(chart.get_attribute("aria-label")) > 20
        paper = chart.bounding_box()
        assert paper["width"] > 250
        for text in chart.locator("text").all():
            box = text.bounding_box()
            assert paper["x"] - 1 <= box["x"]
            assert box["x"] + box["width"] <= paper["x"] + paper["width"] + 1
            # Still to be read on a phone.
            assert box["height"] >= 10
    assert page.locator("figure details.twin table").count() >= 3 + 1
    page.close()


def test_without_money_each_picture_says_why_it_is_not_there(browser: Any, report: Path) -> None:
    page = browser.new_page()
    page.goto(report.as_uri())
    assert page.locator("svg.chart").count() == 0
    said = page.locator("p.soft", has_text="No picture").all_text_contents()
    practices = 1 + page.locator("details.beside").count()
    assert len(said) == 2 * practices
    assert all("orth in money needs" in text or "guess" in text for text in said)
    page.close()


def test_the_report_answers_first_and_keeps_the_agreed_order(browser: Any, report: Path) -> None:
    page = browser.new_page()
    page.goto(report.as_uri())
    headings = page.locator("h2").all_text_contents()
    assert headings[: len(SECTIONS)] == SECTIONS
    assert headings[-1] == "Definitions"
    assert page.locator(".banner").first.text_content().startswith("These data are invented.")
    assert page.locator(".lead p").count() >= 3
    top = page.locator(".lead").first.bounding_box()["y"]
    assert top < page.locator("h2").first.bounding_box()["y"]
    page.close()


def test_the_report_can_be_walked_with_the_keyboard(browser: Any, report: Path) -> None:
    page = browser.new_page()
    page.goto(report.as_uri())
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the answer"
    page.keyboard.press("Enter")
    assert page.evaluate("location.hash") == "#main"
    folded = page.locator("details").first
    folded.locator("summary").focus()
    page.keyboard.press("Enter")
    assert folded.evaluate("d => d.open")
    page.close()


def test_the_report_prints_on_paper(browser: Any, report: Path) -> None:
    page = browser.new_page()
    page.goto(report.as_uri())
    content = page.pdf(path=ARTEFACTS / "report.pdf", format="A4")
    assert content.startswith(b"%PDF")
    page.close()
