"""The console in a real Chromium: every page without a barrier, an error or a side scroll, and the main journeys clicked through."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from itertools import product
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.contrib.sessions.models import Session
from django.db import connection
from django.test import Client
from django.utils import timezone
from tests.clinic import PASSWORD, Clinic, small_clinic
from tests.web.busy_clinic import cancel, fill
from tests.web.conftest import keep_answer

from carewheel.journeys.guide_the_wheel import propose
from carewheel.practice.access import Actor
from carewheel.practice.models import Message, Visit
from carewheel.spokes.operations.commands_waitlist import work_waitlist
from carewheel.spokes.operations.models import Offer
from carewheel.warehouse.workspace import Workspace

pytestmark = [pytest.mark.needs_browser, pytest.mark.django_db(transaction=True)]
ARTEFACTS = Path(__file__).parents[2] / "artefacts" / "console"
SCREENS = {"desktop": (1280, 900), "phone": (360, 740)}
PICTURES = [("desktop", "light"), ("phone", "dark")]
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
# The driver of the browser runs a loop of its own; Django would refuse its database beside it.
os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"


@pytest.fixture(scope="module")
def browser(chromium_path: str) -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as p:
        arguments = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-sync"]
        yield p.chromium.launch(executable_path=chromium_path, args=arguments)


@pytest.fixture
def clinic(transactional_db: None) -> Clinic:
    return small_clinic()


@pytest.fixture
def ids(clinic: Clinic) -> dict[str, int]:
    return fill(clinic, timezone.now())


Opened = Callable[..., Any]


@pytest.fixture
def opened(browser: Any, clinic: Clinic, live_server: Any) -> Iterator[Opened]:
    """Opens a page as the owner (or, with ``signed_in`` False, as nobody). What the console says against it is an error at the end."""
    client = Client()
    client.force_login(clinic.account("owner"))
    said: list[str] = []
    refused: list[int] = []
    contexts: list[Any] = []

    def open_(screen: str = "desktop", signed_in: bool = True, script: bool = True) -> Any:
        width, height = SCREENS[screen]
        context = browser.new_context(
            base_url=live_server.url, viewport={"width": width, "height": height}, 
            reduced_motion="reduce", java_script_enabled=script,
        )  # fmt: skip
        contexts.append(context)
        if signed_in:
            cookie = client.cookies["sessionid"].value
            context.add_cookies([{"name": "sessionid", "value": cookie, "url": live_server.url}])
        page = context.new_page()
        page.set_default_timeout(5_000)
        page.on("console", lambda m: said.append(m.text) if m.type in ("error", "warning") else None)
        # The browser's own note of a page that was refused on purpose.
        page.on("response", lambda r: refused.append(r.status) if r.status in (400, 404, 409) else None)
        page.on("pageerror", lambda error: said.append(str(error)))
        return page

    yield open_
    for context in contexts:
        context.close()
    notes = [
        text
        for text in said
        if text.startswith("Failed to load resource: the server responded with a status of 4")
    ]
    assert len(notes) == len(refused)
    assert [text for text in said if text not in notes] == []


Looks = list[tuple[str, str]]


@pytest.fixture
def looks(request: pytest.FixtureRequest) -> Looks:
    """Screens and colours in which a page is looked at: the two that are farthest apart, all four with --run-long; on the second engine, where pages are
    the same, one."""
    if request.config.getoption("--run-long"):
        return list(product(SCREENS, ("light", "dark")))
    return PICTURES if connection.vendor == "sqlite" else PICTURES[:1]


def looked_at(page: Any, name: str, looks: Looks) -> None:
    """No barrier by any rule and no side scroll; pictures are kept of the two looks that are farthest apart."""
    from axe_playwright_python.sync_playwright import Axe

    page.evaluate("document.fonts.ready")
    page.evaluate("document.querySelectorAll('main details').forEach(d => d.open = true)")
    for screen, scheme in looks:
        width, height = SCREENS[screen]
        page.set_viewport_size({"width": width, "height": height})
        page.emulate_media(color_scheme=scheme)
        if (screen, scheme) in PICTURES:
            page.screenshot(
                path=ARTEFACTS / f"{name}-{screen}-{scheme}.png", full_page=True, animations="disabled"
            )
        assert page.evaluate("document.documentElement.scrollWidth") <= width, f"{name} scrolls sideways"
        only = {"type": "tag", "values": RULES}
        results = Axe().run(page, options={"runOnly": only, "resultTypes": ["violations"]})
        assert results.violations_count == 0, f"{name} {screen} {scheme}\n{results.generate_report()}"


def pages(ids: dict[str, int], clinic: Clinic, plan: str) -> dict[str, str]:
    patient, here = ids["patient"], clinic.location.pk
    return {
        "wheel": "/", "measure": "/measures/experience.nps/", "day": "/day/", "schedule": "/schedule/", "week": "/schedule/?days=7",
        "table": "/schedule/?view=table&colour=risk", "visit": f"/visits/{ids['booked']}/", "find": f"/schedule/find/?visit_type={clinic.check_up.pk}&earliest={timezone.now().date()}",
        "move": f"/schedule/find/?move={ids['booked']}&earliest={timezone.now().date()}", "book": "/schedule/book/", "patients": "/patients/?q=ex", "patient": f"/patients/{patient}/", "edit": f"/patients/{patient}/edit/",
        "waitlist": "/waitlist/", "join": f"/waitlist/join/?patient={patient}", "outbound": "/outbound/", "access": "/access/", "lab": "/access/lab/",
        "data": "/data/", "settings": "/settings/", "place": f"/settings/places/{here}/",
        "resource": f"/settings/places/{here}/resources/{clinic.practitioner.pk}/", "type": f"/settings/types/{clinic.long_visit.pk}/",
        "members": "/settings/members/", "jobs": "/jobs/", "audit": "/audit/", "plans": "/plans/", "propose": "/plans/new/Q1/", "plan": f"/plans/{plan}/",
        "arrows": "/arrows/", "what-if-empty": "/plans/what-if/", "purchases": "/purchases/", "purchase": "/purchases/reminders-by-text/", "describe": "/purchases/new/", "change": "/purchases/reminders-by-text/edit/", "scorecard": "/scorecard/", "factors": "/account/2fa/", "refused": "/visits/999999/",
    }  # fmt: skip


def test_every_page_is_without_barrier_error_or_side_scroll(
    opened: Opened, ids: dict[str, int], clinic: Clinic, own: Path, reminders: str, looks: Looks
) -> None:
    ARTEFACTS.mkdir(parents=True, exist_ok=True)
    actor = Actor(clinic.organisation.pk, timezone.now(), system="test")
    plan = propose(actor, Workspace(own), "Q1", ["lakeside"], date(2021, 5, 1), 12, "fewer calls at noon")
    page = opened()
    for name, address in pages(ids, clinic, plan).items():
        answer = page.goto(address)
        assert answer.status == (404 if name == "refused" else 200), (name, answer.status)
        looked_at(page, name, looks)
    stranger = opened(signed_in=False)
    slug = clinic.location.slug
    for name, address in (("login", "/account/login/"), ("public", f"/book/{slug}/"), ("times", f"/book/{slug}/?type={clinic.check_up.pk}")):  # fmt: skip
        stranger.goto(address)
        looked_at(stranger, name, looks)


def test_what_if_is_asked_and_its_answer_is_without_barrier(
    opened: Opened, trying: Path, tried: dict[str, Any], looks: Looks
) -> None:
    keep_answer(trying, tried)
    page = opened()
    page.goto("/plans/what-if/")
    page.locator("input[name=play][value=Q2]").check()
    page.get_by_role("button", name="See what would be").click()
    page.get_by_role("heading", name="net cash in 24 months").wait_for()
    looked_at(page, "what-if", looks)
    page.get_by_label("How far ahead, months").fill("6")
    page.get_by_role("button", name="See what would be").click()
    page.get_by_text("The worker will run it").wait_for()
    looked_at(page, "what-if-waits", looks)


def test_sign_in_and_out(opened: Opened, clinic: Clinic) -> None:
    page = opened(signed_in=False)
    page.goto("/day/")
    page.get_by_label("Email").fill(f"owner{clinic.organisation.pk}@example.com")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    assert page.get_by_role("heading", level=1).text_content().startswith("Lakeside")
    page.get_by_role("button", name="Sign out").click()
    page.goto("/day/")
    assert "/account/login/" in page.url


def test_book_find_as_you_type_move_by_dragging_and_cancel(
    opened: Opened, ids: dict[str, int], clinic: Clinic
) -> None:
    page = opened()
    # On another day than the one on which a visit is dragged about below.
    earliest = timezone.now().date() + timedelta(days=3)
    page.goto(f"/schedule/find/?visit_type={clinic.check_up.pk}&earliest={earliest}")
    page.locator(".slots a").first.click()
    page.get_by_label("Find the patient").press_sequentially("exam", delay=20)
    page.get_by_label("Sam Example").check()
    page.get_by_role("button", name="Book", exact=True).click()
    assert "Booked: Sam Example" in page.locator("#toasts").text_content()
    # Dragged half an hour down and into the other practitioner's column.
    free = Visit.objects.get(pk=ids["free"])
    page.goto("/schedule/")
    block = page.locator(f"a.v[href='/visits/{free.pk}/']").first
    block.scroll_into_view_if_needed()
    box = block.bounding_box()
    target = page.locator(f".col[data-resource='{clinic.practitioner.pk}']").bounding_box()
    page.mouse.move(box["x"] + 20, box["y"] + 10)
    page.mouse.down()
    page.mouse.move(box["x"] + 24, box["y"] + 40, steps=3)
    page.mouse.move(target["x"] + 30, box["y"] + 10 + 6 * 7, steps=5)
    page.mouse.up()
    page.locator("#toasts .toast", has_text="Moved.").wait_for()
    moved = Visit.objects.get(pk=free.pk)
    assert (moved.starts_at - free.starts_at).total_seconds() == 30 * 60
    assert moved.occupancies.filter(resource=clinic.practitioner).exists()
    # The same by keys, five minutes on.
    page.locator(f"a.v[href='/visits/{free.pk}/']").first.focus()
    page.keyboard.press("Alt+ArrowDown")
    page.locator("#toasts .toast", has_text="Moved.").nth(1).wait_for()
    assert Visit.objects.get(pk=free.pk).starts_at > moved.starts_at
    # A click opens the visit in a dialog; cancelled there.
    page.locator(f"a.v[href='/visits/{free.pk}/']").first.click()
    page.locator("dialog[open]").get_by_text("Cancel it").click()
    page.screenshot(path=ARTEFACTS / "dialog.png")
    page.locator("dialog[open]").get_by_label("Why").fill("asked by the patient")
    page.get_by_role("button", name="Cancel the visit").click()
    page.get_by_text("Cancelled. In a minute").wait_for()
    assert Visit.objects.get(pk=free.pk).status == "cancelled"


def test_the_day_from_arrived_to_done_by_buttons_and_by_dragging(opened: Opened, ids: dict[str, int]) -> None:
    page = opened()
    page.goto("/day/")
    visit = Visit.objects.get(pk=ids["booked"])

    def card() -> Any:
        return page.locator(".visit", has=page.locator(f"a[href='/visits/{visit.pk}/']"))

    for button, lane in (
        ("Arrived", "arrived"),
        ("To room", "roomed"),
        ("Clinician in", "with-clinician"),
        ("Done", "done"),
    ):
        card().get_by_role("button", name=button).click()
        page.locator(f"[data-lane={lane}] a[href='/visits/{visit.pk}/']").wait_for()
    assert Visit.objects.get(pk=visit.pk).status == "fulfilled"
    other = Visit.objects.filter(status="booked", starts_at__gt=visit.starts_at).order_by("starts_at").first()
    mover = page.locator(".visit", has=page.locator(f"a[href='/visits/{other.pk}/']"))
    mover.scroll_into_view_if_needed()
    box = mover.locator("p").first.bounding_box()
    lane = page.locator("[data-lane=arrived] h2").bounding_box()
    page.mouse.move(box["x"] + 5, box["y"] + 5)
    page.mouse.down()
    page.mouse.move(box["x"] + 60, box["y"], steps=3)
    page.mouse.move(lane["x"] + 20, box["y"], steps=5)
    page.mouse.up()
    page.locator(f"[data-lane=arrived] a[href='/visits/{other.pk}/']").wait_for()
    assert Visit.objects.get(pk=other.pk).status == "arrived"


def test_several_are_chosen_cancelled_and_taken_back(
    opened: Opened, ids: dict[str, int], looks: Looks
) -> None:
    page = opened()
    page.goto("/day/")
    bar = page.locator("form.several")
    assert not bar.is_visible(), "there is nothing to do before anything is chosen"
    chosen = [ids["booked"], ids["free"]]
    for one in chosen:
        page.locator(f"[form=several][value^='{one}:']").check()
    bar.get_by_role("button", name="Cancel them").click()
    looked_at(page, "several", looks)
    page.get_by_label("Why").fill("storm")
    page.get_by_role("button", name="Cancel the visits").click()
    toast = page.locator("#toasts .toast", has_text="2 visits are cancelled.")
    looked_at(page, "undo", looks)
    assert Visit.objects.filter(pk__in=chosen, status="cancelled").count() == 2
    toast.get_by_role("button", name="Undo").click()
    page.locator("#toasts", has_text="Taken back: 2 visits.").wait_for()
    assert Visit.objects.filter(pk__in=chosen, status="booked").count() == 2


def test_what_was_typed_outlives_the_session(opened: Opened, clinic: Clinic) -> None:
    page = opened()
    address = f"/settings/places/{clinic.location.pk}/resources/{clinic.practitioner.pk}/"
    page.goto(address)
    monday = page.get_by_label("Monday from, span 1")
    monday.fill("07:15")
    Session.objects.all().delete()
    page.get_by_role("button", name="Save the week").click()
    page.get_by_label("Email").fill(f"owner{clinic.organisation.pk}@example.com")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.get_by_text("What you had typed is here again.").wait_for()
    assert page.url.endswith(address), "the page that the form stands on"
    assert monday.input_value() == "07:15"
    page.get_by_role("button", name="Save the week").click()
    page.locator("#toasts", has_text="Saved.").wait_for()
    assert clinic.practitioner.working_hours.filter(weekday=0, starts=time(7, 15)).exists()
    page.goto(address)
    assert page.get_by_text("What you had typed").count() == 0
    assert page.evaluate("Object.keys(sessionStorage).filter((key) => key.startsWith('draft')).length") == 0


def test_booked_over_with_a_reason_what_was_typed_stays(
    opened: Opened, ids: dict[str, int], clinic: Clinic
) -> None:
    page = opened()
    taken = Visit.objects.get(pk=ids["cancelled"])
    local = taken.starts_at.astimezone(ZoneInfo(clinic.location.zone))
    page.goto(
        f"/schedule/book/?visit_type={clinic.check_up.pk}&starts={local:%Y-%m-%dT%H:%M}&resources={clinic.practitioner.pk},{clinic.chair.pk}&patient={ids['patient']}"
    )
    page.get_by_role("button", name="Book", exact=True).click()
    assert "has just been taken" in page.locator(".errors").text_content()
    assert page.get_by_label("When").input_value() == f"{local:%Y-%m-%dT%H:%M}"
    page.get_by_label("Reason to book over").fill("broken tooth")
    page.get_by_role("button", name="Book", exact=True).click()
    page.locator("#toasts", has_text="Booked").wait_for()
    assert Visit.objects.filter(override_reason="broken tooth", status="booked").count() == 1


def test_a_cancelled_time_is_offered_and_claimed_by_its_link(
    opened: Opened, ids: dict[str, int], clinic: Clinic
) -> None:
    now = timezone.now()
    cancel(clinic, now, ids["cancelled"])
    # Nobody is asked at night: the loop runs at noon of the clinic.
    noon = datetime.combine(now.date(), time(12), ZoneInfo(clinic.location.zone))
    assert work_waitlist(replace(clinic.actor, at=noon, system="tests"), "/offer/{token}/") == 1
    link = re.search(r"/offer/\S+", Message.objects.get(kind="offer").body)
    Offer.objects.update(expires_at=now.replace(year=now.year + 1))
    page = opened("phone", signed_in=False)
    page.goto(link[0])
    assert Offer.objects.get().status == "open", "looking takes nothing"
    page.get_by_role("button", name="Take this time").click()
    page.get_by_role("heading", name="The time is yours").wait_for()
    assert Offer.objects.get().status == "claimed"


@pytest.mark.parametrize("script", [True, False])
def test_a_patient_books_online_with_a_code_and_cancels_by_the_link(
    opened: Opened, clinic: Clinic, ids: dict[str, int], script: bool
) -> None:
    page = opened("phone", signed_in=False, script=script)
    page.goto(f"/book/{clinic.location.slug}/")
    page.get_by_label("No, I am new").check()
    page.get_by_role("button", name="See free times").click()
    page.locator(".slots a").first.click()
    page.get_by_label("First name").fill("Nia")
    page.get_by_label("Last name").fill("Newcomer")
    page.get_by_label("Birth date").fill("1990-05-06")
    page.get_by_label("E-mail or mobile number").fill("nia@example.com")
    page.get_by_role("button", name="Send me a code").click()
    code = re.search(r"\d{6}", Message.objects.get(kind="code").body)[0]
    wrong = "000000" if code != "000000" else "111111"
    page.get_by_label("Code").fill(wrong)
    page.get_by_role("button", name="Book").click()
    assert "not the code" in page.locator(".errors").text_content()
    page.get_by_label("Code").fill(code)
    page.get_by_role("button", name="Book").click()
    page.get_by_role("heading", name="Your visit is booked").wait_for()
    assert Visit.objects.get(patient__family_name="Newcomer").status == "booked"
    page.get_by_role("link", name="Change or cancel it").click()
    page.get_by_role("button", name="Cancel it").click()
    page.get_by_text("Your visit is cancelled.").wait_for()
    assert Visit.objects.get(patient__family_name="Newcomer").status == "cancelled"
