"""The report in a real Chromium: readable by everybody, on every screen, without a network."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from carewheel.interop.files import ReadSettings
from carewheel.journeys.import_sources import GivenSource
from carewheel.journeys.turn_the_wheel import turn_the_wheel
from carewheel.warehouse.workspace import Workspace

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
def browser(chromium_path: str) -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as p:
        arguments = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-sync"]
        yield p.chromium.launch(executable_path=chromium_path, args=arguments)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("screen", SCREENS)
def test_the_report_has_no_barrier_no_overflow_and_asks_no_network(
    browser: Any, report: Path, screen: str, scheme: str
) -> None:
    from axe_playwright_python.sync_playwright import Axe

    width, height = SCREENS[screen]
    page = browser.new_page(
        viewport={"width": width, "height": height}, color_scheme=scheme, reduced_motion="reduce"
    )
    asked: list[str] = []
    said: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.goto(report.as_uri())
    page.evaluate("document.fonts.ready")
    # All of it: folded parts are read by somebody too.
    page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
    ARTEFACTS.mkdir(exist_ok=True)
    page.screenshot(path=ARTEFACTS / f"report-{screen}-{scheme}.png", full_page=True)
    wide = page.evaluate("document.documentElement.scrollWidth")
    assert wide <= width, "the page scrolls sideways"
    assert [url for url in asked if not url.startswith(("file:", "data:"))] == []
    assert said == []
    results = Axe().run(
        page, options={"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
    )
    assert results.violations_count == 0, results.generate_report()
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
