"""Flows of the desk and of patients over several pages, without a browser: a visit is moved to a free time, what is said where it cannot be."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries
from tests.clinic import Clinic

from carewheel.journeys.book_online import token_of
from carewheel.practice.models import (
    Location,
    Membership,
    Message,
    Organisation,
    Patient,
    Visit,
    VisitNeed,
    VisitType,
)
from carewheel.practice.resources import capabilities
from carewheel.spokes.operations.commands_booking import book_visit, cancel_visit
from carewheel.spokes.operations.commands_joining import join_waitlist
from carewheel.spokes.operations.contracts_booking import BookingRequest, WaitlistRequest


@pytest.fixture
def soon(clinic: Clinic) -> datetime:
    """Ten o'clock of the Tuesday after next, at the clinic."""
    today = timezone.now().astimezone(ZoneInfo(clinic.location.zone)).date()
    day = today + timedelta(days=8 - today.weekday())
    return datetime.combine(day, time(10), ZoneInfo(clinic.location.zone)).astimezone(UTC)


def booked(clinic: Clinic, at: datetime, **words: object) -> Visit:
    asked = BookingRequest(clinic.location.pk, clinic.check_up.pk, at, patient_id=clinic.patient.pk, **words)  # type: ignore[arg-type]
    return Visit.objects.get(pk=book_visit(clinic.as_role("owner", at=timezone.now()), asked).id)


def test_free_times_of_a_visit_move_it_and_book_nothing(
    owner: Client, clinic: Clinic, soon: datetime
) -> None:
    visit = booked(clinic, soon, minutes=45)
    link = re.search(r'href="([^"]*\?move=[^"]*)"', owner.get(f"/visits/{visit.pk}/").content.decode())
    assert link
    said = owner.get(link[1].replace("&amp;", "&")).content.decode()
    assert "Move the visit of Pat Example" in said
    assert "visit_type=" not in said, "no link begins a booking"
    # The second time that is offered; its form is sent as it stands.
    form = said.split(f'action="/visits/{visit.pk}/move/"')[2]
    sent = {name: re.findall(rf'name="{name}" value="([^"]*)"', form.split("</form>")[0]) for name in ("version", "starts", "resource_ids")}  # fmt: skip
    assert owner.post(f"/visits/{visit.pk}/move/", sent)["Location"] == f"/visits/{visit.pk}/"
    moved = Visit.objects.get()
    assert (
        moved.starts_at.astimezone(ZoneInfo(clinic.location.zone)).strftime("%Y-%m-%dT%H:%M")
        == sent["starts"][0]
    )
    assert moved.ends_at - moved.starts_at == timedelta(minutes=45), "free for as long as it lasts"
    assert moved.occupancies.filter(resource=visit.occupancies.first().resource).exists(), (
        "with the same person"
    )


def test_a_patient_who_may_not_move_a_visit_is_told_why_and_whom_to_call(
    clinic: Clinic, soon: datetime
) -> None:
    Location.objects.update(phone="+1 202 555 0199")
    visit = booked(clinic, soon)
    page = f"/my-visit/{token_of(visit.pk)}/"
    client = Client()
    assert "?move=1" in client.get(page).content.decode()
    for changes, why in (
        ({"late_cancel_minutes": 60 * 24 * 30}, "It is too late to move this visit online."),
        ({"late_cancel_minutes": 60, "online": "view"}, "This visit cannot be moved online."),
    ):
        VisitType.objects.filter(pk=clinic.check_up.pk).update(**changes)
        said = client.get(page).content.decode()
        assert "?move=1" not in said
        assert why in said
        assert 'href="tel:+1 202 555 0199"' in said
        assert "Cancel it" in said


def test_beside_a_practice_system_a_patient_is_told_that_it_is_a_request(
    owner: Client, clinic: Clinic, soon: datetime
) -> None:
    place, settings, own = (
        f"/book/{clinic.location.slug}/",
        f"/settings/places/{clinic.location.pk}/",
        Client(),
    )
    assert "confirms it" not in own.get(place).content.decode()
    visit = booked(clinic, soon)
    Location.objects.update(mode=Location.Mode.BESIDE)
    assert "You ask for a time here; Lakeside confirms it." in own.get(place).content.decode()
    assert "the practice confirms it" in own.get(f"{place}?type={clinic.check_up.pk}").content.decode()
    assert "is a request" in owner.get(settings).content.decode()
    assert "is a request" in owner.get("/settings/").content.decode()
    said = own.post(f"/my-visit/{token_of(visit.pk)}/", {"version": visit.version, "starts": (soon + timedelta(hours=1)).isoformat()})  # fmt: skip
    assert "You have asked for this time" in said.content.decode()
    assert Visit.objects.get().status == "pending"


def test_only_what_a_location_has_all_for_is_offered_there(owner: Client, clinic: Clinic) -> None:
    need = VisitNeed.objects.get(visit_type=clinic.long_visit, kind="room")
    need.capabilities.set(capabilities(clinic.actor, ["x-ray"]))
    pages = ("/schedule/find/", "/schedule/book/", f"/waitlist/join/?patient={clinic.patient.pk}", f"/book/{clinic.location.slug}/")  # fmt: skip
    for page in pages:
        said = owner.get(page).content.decode()
        assert "Check-up" in said
        assert "Long visit" not in said
    hillside = Location.objects.create(
        organisation=clinic.organisation, name="Hillside", zone="UTC", slug="h"
    )
    clinic.chair.capabilities.set(capabilities(clinic.actor, ["x-ray"]))
    assert '<optgroup label="Only at other locations">' not in owner.get(f"/schedule/find/?location={clinic.location.pk}").content.decode()  # fmt: skip
    said = owner.get(f"/schedule/find/?location={hillside.pk}").content.decode()
    assert said.index('<optgroup label="Only at other locations">') < said.index("Long visit")


@pytest.fixture
def neighbour(clinic: Clinic) -> Client:
    """A manager of another location of the same group."""
    hillside = Location.objects.create(
        organisation=clinic.organisation,
        name="Hillside",
        zone="America/New_York",
        slug="hillside",
        source_id="loc2",
    )
    user = clinic.account("manager")
    Membership.objects.filter(user=user).update(location=hillside)
    client = Client()
    client.force_login(user)
    return client


def test_what_is_of_another_location_does_not_exist(
    neighbour: Client, clinic: Clinic, soon: datetime
) -> None:
    visit = booked(clinic, soon)
    Patient.objects.update(home_location=None)
    asked = [
        neighbour.get(f"/visits/{number}{path}") if path in ("/", "") else neighbour.post(f"/visits/{number}{path}", sent)
        for number in (visit.pk, visit.pk + 1000)
        for path, sent in (
            ("/", {}), ("/move/", {"version": 1, "starts": "2027-01-04T10:00"}), ("/cancel/", {"version": 1, "reason": "x"}),
            ("/step/", {"version": 1, "step": "arrived"}), ("/confirm/", {"version": 1}),
        )
    ]  # fmt: skip
    assert {answer.status_code for answer in asked} == {404}
    assert len({answer.content.split(b"csrf")[0] for answer in asked}) == 1, (
        "the answer does not tell one from the other"
    )
    # Nor is a message about a visit there shown to who may see the patient.
    page = f"/patients/{clinic.patient.pk}/"
    assert "Your visit is booked" not in neighbour.get(page).content.decode()
    Message.objects.update(location=None)
    assert "Your visit is booked" in neighbour.get(page).content.decode()


def test_a_manager_of_one_location_sees_the_measures_of_it_alone(
    neighbour: Client, owner: Client, workspace: Path
) -> None:
    turn = workspace / "turns"
    path = max(turn.glob("*/wheel.json"))
    document = json.loads(path.read_text())
    whole = {m["id"]: m for m in document["measures"]}
    nps, other = whole["experience.nps"], {"location": "loc1", "value": 11.5, "low": 10.0, "high": 13.0, "n": 60, "status": "met"}  # fmt: skip
    nps["by_location"] = [other, {**other, "location": "loc2", "value": 22.5, "n": 70}]
    for n, name in enumerate(("Lakeside West", "Hillside East"), 1):
        document["locations"][f"loc{n}"] = name
    kept = path.read_bytes()
    path.write_text(json.dumps(document))
    try:
        for address in ("/", "/measures/experience.nps/", "/measures/table.csv", "/measures/experience.nps/table.csv", "/access/", "/access/table.csv"):  # fmt: skip
            said = neighbour.get(address)
            assert said.status_code == 200, address
            text = said.content.decode()
            assert "Lakeside West" not in text, address
            assert "11.5" not in text, address
            assert f"n {nps['n']:,}" not in text, address
            if "access" not in address:
                assert "22" in text, address
                assert "70" in text, address
        assert "Lakeside West" in owner.get("/measures/experience.nps/").content.decode()
    finally:
        path.write_bytes(kept)
    for address in ("/data/", "/data/findings.csv", "/access/lab/", "/turn/report/"):
        assert neighbour.get(address).status_code == 403, address
        assert owner.get(address).status_code == 200, address
    assert 'href="/data/"' not in neighbour.get("/").content.decode()


def test_several_visits_are_cancelled_at_once_and_taken_back(
    owner: Client, clinic: Clinic, soon: datetime, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    times = [soon + timedelta(hours=n) for n in range(3)]
    VisitType.objects.update(most_open=9)
    first, second, third = (booked(clinic, at) for at in times)
    table = f"/schedule/?view=table&first={soon.date()}"
    owner.get(table)
    with django_assert_max_num_queries(12):
        said = owner.get(table).content.decode()
    chosen = re.findall(r'form="several" name="visit" value="(\d+:\d+)"', said)
    assert chosen == [f"{v.pk}:{v.version}" for v in (first, second, third)]
    sent = {"visit": chosen, "do": "cancel", "next": table}
    # The reason is asked for first, and nothing happens before.
    said = owner.post("/visits/several/", sent).content.decode()
    assert "Cancel 3 visits?" in said
    assert owner.post("/visits/several/", sent | {"reason": " "}).status_code == 400
    assert Visit.objects.filter(status="booked").count() == 3
    Visit.objects.filter(pk=third.pk).update(version=7)
    answer = owner.post("/visits/several/", sent | {"reason": "storm"}, follow=True)
    said = answer.content.decode()
    assert "2 visits are cancelled." in said
    assert "1 not cancelled. Pat Example" in said, "one that has changed since"
    assert list(Visit.objects.order_by("starts_at").values_list("status", flat=True)) == ["cancelled", "cancelled", "booked"]  # fmt: skip
    token = re.search(r'name="token" value="([^"]+)"', said)
    assert token
    stranger = Client()
    stranger.force_login(clinic.account("manager"))
    assert stranger.post("/visits/undo/", {"token": token[1]}).status_code == 403
    assert owner.post("/visits/undo/", {"token": token[1] + "x"}).status_code == 400
    Message.objects.filter(kind="cancellation", visit=first).update(status="sent")
    said = owner.post("/visits/undo/", {"token": token[1], "next": table}, follow=True).content.decode()
    assert "Taken back: 2 visits." in said
    assert "Already told that the visit is cancelled: Pat Example." in said
    assert Visit.objects.filter(status="booked").count() == 3
    again = owner.post("/visits/undo/", {"token": token[1], "next": table}, follow=True).content.decode()
    assert "2 not taken back" in again


def test_several_are_marked_as_arrived_and_back(clinic: Clinic) -> None:
    at = timezone.now().replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
    visit = booked(clinic, at, override_reason="now")
    desk = Client()
    desk.force_login(clinic.account("clinician"))
    board = f"/day/?date={at.astimezone(ZoneInfo(clinic.location.zone)).date()}"
    value = f"{visit.pk}:{visit.version}"
    assert f'form="several" name="visit" value="{value}"' in desk.get(board).content.decode()
    assert desk.post("/visits/several/", {"visit": value, "do": "cancel", "reason": "x"}).status_code == 403
    said = desk.post(
        "/visits/several/", {"visit": value, "do": "arrived", "next": board}, follow=True
    ).content.decode()
    assert Visit.objects.get().status == "arrived"
    token = re.search(r'name="token" value="([^"]+)"', said)
    assert token
    desk.post("/visits/undo/", {"token": token[1]})
    assert (Visit.objects.get().status, Visit.objects.get().arrived_at) == ("booked", None)
    assert (
        "Nothing was chosen."
        in desk.post("/visits/several/", {"do": "arrived"}, follow=True).content.decode()
    )


def test_times_are_written_by_the_clock_of_the_practice(
    owner: Client, clinic: Clinic, soon: datetime
) -> None:
    at = soon + timedelta(hours=4, minutes=30)
    visit, day = booked(clinic, at), at.astimezone(ZoneInfo(clinic.location.zone)).date()
    # What was written to the patient before is kept as it was sent.
    Message.objects.all().delete()
    pages = {
        owner: [f"/schedule/?first={day}", f"/schedule/?first={day}&view=table", f"/day/?date={day}", f"/visits/{visit.pk}/",
                f"/patients/{clinic.patient.pk}/", f"/schedule/find/?visit_type={clinic.check_up.pk}&earliest={day}&after=14:30"],
        Client(): [f"/my-visit/{token_of(visit.pk)}/", f"/book/{clinic.location.slug}/?type={clinic.check_up.pk}&from={day}"],
    }  # fmt: skip
    typed = {"name": "Lakeside Dental", "currency": "USD", "clock": "12"}
    assert owner.post("/settings/", typed | {"clock": "13"}).status_code == 200
    assert Organisation.objects.get().clock == "24"
    for clock, shown, other in (("24", "14:30", "2:30 pm"), ("12", "2:30 pm", "14:30")):
        assert owner.post("/settings/", typed | {"clock": clock}).status_code == 302
        for client, addresses in pages.items():
            for address in addresses:
                # What stands in fields, links and moments that programs read stays as it is.
                said = re.sub(r'(value|href|datetime)="[^"]*"', "", client.get(address).content.decode())
                assert shown in said, address
                assert other not in said, address
    cancel_visit(clinic.as_role("owner", at=timezone.now()), visit.pk, visit.version, "")
    assert "2:30 pm, Lakeside" in Message.objects.latest("pk").body


def test_a_time_that_became_free_is_offered_by_hand(
    owner: Client, clinic: Clinic, soon: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Nobody is asked at night; it may be night when this runs.
    monkeypatch.setattr("carewheel.spokes.operations.commands_waitlist.may_be_sent", lambda at, zone: at)
    visit, now = booked(clinic, soon), timezone.now()
    cancel_visit(clinic.as_role("owner", at=now), visit.pk, visit.version, "")
    entry = join_waitlist(
        clinic.as_role("owner", at=now),
        WaitlistRequest(clinic.other_patient.pk, clinic.check_up.pk, (clinic.location.pk,), now.date()),
    )
    link = re.search(r'href="(/waitlist/gaps/\d+/)"', owner.get("/waitlist/").content.decode())
    assert link
    said = owner.get(link[1]).content.decode()
    assert "Sam Example" in said
    assert owner.post(link[1], {}).status_code == 400
    said = owner.post(link[1], {"entry": entry.id}, follow=True).content.decode()
    assert "1 asked. The first to take it has it." in said
    token = re.search(r"http://testserver/offer/\S+", Message.objects.get(kind="offer").body)
    assert token
    assert "A time has become free" in Client().get(token[0]).content.decode()
    assert "It is being offered" in owner.get(link[1]).content.decode()


def test_in_an_emergency_messages_of_other_locations_are_shown(
    neighbour: Client, clinic: Clinic, soon: datetime
) -> None:
    booked(clinic, soon)
    page = f"/patients/{clinic.patient.pk}/"
    assert neighbour.get(page).status_code == 404
    neighbour.post(f"{page}emergency/", {"reason": "found without consciousness"})
    assert "Your visit is booked" in neighbour.get(page).content.decode()
