"""Every page of the console answers, empty and filled, with few queries."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries
from tests.clinic import NOW, Clinic
from tests.web.busy_clinic import cancel, fill

from carewheel.journeys.work_behind_the_pages import house, work_once
from carewheel.practice.models import Job, Location, Membership, Organisation, User
from carewheel.spokes.operations.models import Gap, MissingVisit
from carewheel.web.policy import unlisted

PAGES = ["/", "/plans/", "/arrows/", "/scorecard/", "/purchases/", "/purchases/new/", "/plans/what-if/", "/day/", "/schedule/", "/schedule/?days=7", "/schedule/?view=table", "/schedule/find/", "/schedule/book/", "/patients/", "/patients/new/", "/waitlist/", "/waitlist/join/", "/outbound/", "/access/", "/access/lab/", "/data/", "/settings/", "/settings/places/new/", "/settings/types/new/", "/settings/members/", "/audit/", "/jobs/"]  # fmt: skip


def test_every_route_has_its_rule() -> None:
    assert unlisted() == []


@pytest.mark.parametrize("address", PAGES)
def test_an_empty_page_says_what_to_do_next(
    owner: Client, address: str, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    # The first look builds the calendars in memory and opens the session.
    owner.get(address)
    with django_assert_max_num_queries(12):
        answer = owner.get(address)
    assert answer.status_code == 200
    said = answer.content.decode()
    assert "<h1>" in said
    assert " style=" not in said, "the policy forbids inline styles"
    assert "<script>" not in said


@pytest.mark.parametrize("mode", ["master", "beside"])
def test_no_filled_page_asks_more_than_twelve_times(owner: Client, clinic: Clinic, mode: str) -> None:
    ids = fill(clinic, timezone.now())
    cancel(clinic, timezone.now(), ids["cancelled"])
    Location.objects.update(mode=mode)
    gap, here, kind = Gap.objects.get().pk, clinic.location.pk, clinic.check_up.pk
    today = timezone.now().date()
    for address in (
        "/day/", "/schedule/", "/schedule/?days=7", "/schedule/?view=table", f"/visits/{ids['booked']}/", f"/patients/{ids['patient']}/",
        f"/schedule/find/?visit_type={kind}&earliest={today}", f"/schedule/find/?move={ids['booked']}&earliest={today}", "/patients/?q=ex",
        f"/schedule/book/?patient={ids['patient']}", "/waitlist/", f"/waitlist/gaps/{gap}/", f"/waitlist/join/?patient={ids['patient']}", "/outbound/",
        "/settings/", f"/settings/places/{here}/", f"/settings/places/{here}/resources/{clinic.practitioner.pk}/", f"/settings/types/{kind}/",
        "/settings/members/", "/jobs/", "/audit/",
    ):  # fmt: skip
        # The first look reads calendars into memory.
        owner.get(address)
        with CaptureQueriesContext(connection) as queries:
            assert owner.get(address).status_code == 200, address
        # Within a test a transaction is a savepoint.
        asked = [one["sql"] for one in queries if not one["sql"].startswith(("SAVEPOINT", "RELEASE"))]
        assert len(asked) <= 12, (address, len(asked), asked)


@pytest.mark.parametrize("address", ["/", "/access/", "/data/", "/measures/experience.nps/", "/measures/finance.denial_rate/"])  # fmt: skip
def test_pages_of_the_turn_show_n_and_interval(
    owner: Client, workspace: Path, address: str, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    with django_assert_max_num_queries(12):
        answer = owner.get(address)
    said = answer.content.decode()
    assert answer.status_code == 200, said[:500]
    assert " style=" not in said
    if address in ("/", "/measures/experience.nps/"):
        assert "between" in said
        assert "n " in said


@pytest.mark.parametrize("address", ["/measures/table.csv", "/measures/operations.wait_minutes/table.csv", "/access/table.csv", "/data/findings.csv", "/audit/table.csv", "/jobs/table.csv", "/settings/members/table.csv"])  # fmt: skip
def test_lists_can_be_kept_as_csv(owner: Client, workspace: Path, address: str) -> None:
    answer = owner.get(address)
    assert answer.status_code == 200
    assert answer["Content-Type"].startswith("text/csv")
    assert answer.content.decode("utf-8-sig").count("\r\n") >= 1


def test_the_files_of_the_turn_can_be_kept(owner: Client, workspace: Path) -> None:
    answer = owner.get("/turn/report/")
    assert answer.status_code == 200
    assert answer["Content-Disposition"].startswith("attachment")
    assert owner.get("/turn/passwords/").status_code == 404


def test_the_lab_answers_at_once_and_the_worker_weighs(owner: Client, workspace: Path) -> None:
    wish = "?waiting=1&idle=5&overtime=7.5"
    asked = owner.get(f"/access/lab/{wish}").content.decode()
    assert "The worker will weigh it" in asked
    assert 'hx-trigger="load delay:1s"' in asked
    Job.objects.update(status="running", progress=0.4)
    assert "40 %" in owner.get(f"/access/lab/{wish}", headers={"HX-Request": "true"}).content.decode()
    Job.objects.update(status="waiting")
    assert work_once(house(workspace), timezone.now) == 1
    # The bundled example knows too little of half-days, and the page says so.
    assert "Too little is known" in owner.get(f"/access/lab/{wish}").content.decode()
    wrong = owner.get("/access/lab/?waiting=many&idle=5&overtime=7.5").content.decode()
    assert "many" in wrong
    assert "Not saved yet" in wrong


def test_a_visit_tells_what_is_foreseen_and_that_it_is_for_help(owner: Client, clinic: Clinic) -> None:
    ids = fill(clinic, timezone.now())
    said = owner.get(f"/visits/{ids['booked']}/").content.decode()
    assert "42 %" in said
    assert "cancels late 7 %" in said
    assert "confirm twice" in said
    assert "lead time (21 days)" in said
    assert "not to book somebody over it" in said
    kept = owner.get("/outbound/").content.decode()
    assert "Not in the last export" in kept
    (mark,) = MissingVisit.objects.all()
    assert owner.post(f"/missing/{mark.pk}/keep/").status_code == 302
    assert "Not in the last export" not in owner.get("/outbound/").content.decode()
    assert owner.post(f"/missing/{mark.pk + 9}/end/").status_code == 404


def test_whoever_has_no_wheel_begins_at_the_day(clinic: Clinic) -> None:
    client = Client()
    client.force_login(clinic.account("front_desk"))
    assert client.get("/")["Location"] == "/day/"


@pytest.mark.parametrize("address", PAGES)
def test_a_practice_without_a_location_is_told_how_to_begin(db: None, address: str) -> None:
    organisation = Organisation.objects.create(name="New", created_at=NOW)
    user = User.objects.create(email="new@example.com")
    Membership.objects.create(user=user, organisation=organisation, role="owner")
    client = Client()
    client.force_login(user)
    answer = client.get(address)
    assert answer.status_code == 200
    assert "<h1>" in answer.content.decode()
    if address.startswith(("/day/", "/schedule/")):
        assert "/settings/places/new/" in answer.content.decode()
