"""Attacks within one organisation, from one location on another, and on what guards accounts, links and letters. All people are invented."""

from __future__ import annotations

import logging
import threading
from datetime import UTC, datetime, time, timedelta
from urllib.parse import quote

import pytest
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from django.db import connections, transaction
from django.test import Client, override_settings
from django.utils import timezone
from tests.clinic import NOW, PASSWORD, Clinic, small_clinic

from carewheel.practice.access import Actor, Grant, NotFound, Refused
from carewheel.practice.messages import queue_message
from carewheel.practice.messages.codes import MOST_BY_ADDRESS, TRIES, check_code, send_code
from carewheel.practice.models import (
    AuditEvent,
    Leave,
    Location,
    Membership,
    Message,
    Occupancy,
    Patient,
    Resource,
    ThrottledTry,
    User,
    Visit,
    WorkingHours,
)
from carewheel.practice.resources import set_week
from carewheel.spokes.operations.commands_booking import book_visit
from carewheel.spokes.operations.contracts_booking import BookingRequest
from carewheel.web.discreet import Discreet
from carewheel.web.settings import LOGGING

LOGIN = "/account/login/"


@pytest.fixture
def clinic(db: None) -> Clinic:
    return small_clinic()


@pytest.fixture
def far(clinic: Clinic) -> Clinic:
    """The same organisation's other location, with a dentist, a chair and a patient of its own."""
    made = small_clinic("Hillside")
    organisation = clinic.organisation
    Location.objects.filter(pk=made.location.pk).update(organisation=organisation)
    Resource.objects.filter(location=made.location).update(organisation=organisation)
    Patient.objects.filter(home_location=made.location).update(organisation=organisation)
    made.organisation = organisation
    return made


def signed_in(clinic: Clinic, role: str, email: str = "here@example.com") -> Client:
    """Somebody with a role at the first location only."""
    client = Client()
    client.force_login(clinic.account(role, email, everywhere=False))
    return client


def booked(clinic: Clinic, starts: datetime) -> Visit:
    """A visit at ten in the morning some days on, at the clinic's own place."""
    visit = Visit.objects.create(
        organisation=clinic.organisation, location=clinic.location, patient=clinic.patient, visit_type=clinic.check_up, status="booked",
        starts_at=starts, ends_at=starts + timedelta(minutes=30), booked_at=NOW,
    )  # fmt: skip
    for resource in (clinic.practitioner, clinic.chair):
        Occupancy.objects.create(
            visit=visit, resource=resource, starts_at=visit.starts_at, ends_at=visit.ends_at
        )
    return visit


def next_tuesday() -> datetime:
    day = timezone.now() + timedelta(days=7)
    day += timedelta(days=(1 - day.weekday()) % 7)
    return day.replace(hour=15, minute=0, second=0, microsecond=0)


def test_a_visit_dragged_onto_another_locations_chair_takes_nothing_there(
    clinic: Clinic, far: Clinic
) -> None:
    visit = booked(clinic, next_tuesday())
    client = signed_in(clinic, "front_desk")
    local = visit.starts_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M")
    for theirs in (far.chair, far.practitioner):
        words = {"version": 1, "starts": local, "from": clinic.chair.pk, "to": theirs.pk, "override_reason": "because"}  # fmt: skip
        client.post(f"/visits/{visit.pk}/move/", words)
    assert not Occupancy.objects.filter(resource__location=far.location).exists()


def test_no_booking_takes_people_of_another_location_whatever_its_reason(clinic: Clinic, far: Clinic) -> None:
    desk = clinic.as_role("front_desk", everywhere=False)
    starts = datetime(2026, 3, 3, 15, 0, tzinfo=UTC)
    for theirs in (far.chair, far.practitioner):
        with pytest.raises(Refused):
            book_visit(desk, BookingRequest(
                clinic.location.pk, clinic.check_up.pk, starts, clinic.patient.pk, (theirs.pk,), override_reason="because",
            ))  # fmt: skip
    assert not Occupancy.objects.exists()


def test_a_desk_books_nobody_whom_it_may_not_see(clinic: Clinic, far: Clinic) -> None:
    desk = clinic.as_role("front_desk", everywhere=False)
    asked = BookingRequest(clinic.location.pk, clinic.check_up.pk, datetime(2026, 3, 3, 15, 0, tzinfo=UTC), far.patient.pk)  # fmt: skip
    with pytest.raises(NotFound):
        book_visit(desk, asked)
    both = Actor(clinic.organisation.pk, NOW, grants=(*desk.grants, Grant("front_desk", far.location.pk)))
    assert book_visit(both, asked).patient_id == far.patient.pk


def test_a_manager_reads_and_changes_no_staff_of_another_location(clinic: Clinic, far: Clinic) -> None:
    now = timezone.now()
    Leave.objects.create(resource=far.practitioner, kind="leave", starts_at=now, ends_at=now + timedelta(days=3))  # fmt: skip
    client = signed_in(clinic, "manager")
    page = f"/settings/places/{clinic.location.pk}/resources/{far.practitioner.pk}/"
    assert client.get(page).status_code in (403, 404)
    assert client.post(page, {"part": "week", "from-1": "08:00", "to-1": "17:00"}).status_code in (403, 404)
    assert not WorkingHours.objects.filter(resource=far.practitioner, location=clinic.location).exists()
    mine = f"/settings/places/{clinic.location.pk}/resources/{clinic.practitioner.pk}/"
    assert client.get(mine).status_code == 200
    # Who manages both may send somebody over.
    set_week(clinic.as_role("manager"), far.practitioner.pk, clinic.location.pk, [(1, time(8), time(17))])
    assert client.get(page).status_code == 200


def test_the_page_of_a_patient_shows_no_link_that_lets_anybody_in(clinic: Clinic) -> None:
    with transaction.atomic():
        for kind, path in (("manage", "my-visit"), ("offer", "offer")):
            queue_message(
                clinic.actor, patient=clinic.patient, purpose="visits", kind=kind, key=kind, subject="Your visit",
                body=f"Open it here: https://console.example.com/{path}/Zzsecret-{kind}:abc_/ Thank you.", due_at=NOW,
            )  # fmt: skip
    client = Client()
    client.force_login(clinic.account("biller"))
    page = client.get(f"/patients/{clinic.patient.pk}/").content.decode()
    assert "Open it here" in page
    assert "Zzsecret" not in page
    assert Message.objects.filter(body__contains="Zzsecret").count() == 2, "the patient still gets it"


def test_case_11_a_second_factor_is_not_guessed_at_without_end(clinic: Clinic) -> None:
    user = clinic.account("owner", "guarded@example.com")
    TOTP.activate(user, generate_totp_secret())
    said = ""
    for n in range(4):
        client = Client(REMOTE_ADDR=f"192.0.2.{n}")
        client.post(LOGIN, {"login": user.email, "password": PASSWORD})
        for k in range(5):
            page = client.post("/account/2fa/authenticate/", {"code": f"{n}{k}0000"})
            said = page.content.decode()
    assert "Too many" in said
    assert ThrottledTry.objects.filter(key=f"second-factor:{user.pk}").count() <= 10
    ThrottledTry.objects.update(at=timezone.now() - timedelta(minutes=16))
    page = client.post("/account/2fa/authenticate/", {"code": "000000"})
    assert "Too many" not in page.content.decode()


def test_nobody_gives_their_account_another_address(clinic: Clinic) -> None:
    """Else one takes the address of somebody who is to come, and gets the role that is meant for them."""
    user = clinic.account("staff", "low@example.com")
    client = Client()
    client.force_login(user)
    coming = "coming@example.com"
    client.post(LOGIN, {"login": user.email, "password": PASSWORD})
    client.post("/account/email/", {"action_add": "", "email": coming})
    client.post("/account/email/", {"action_primary": "", "email": coming})
    user.refresh_from_db()
    assert user.email == "low@example.com"


def test_case_10_guessing_at_accounts_gives_no_further_codes(clinic: Clinic) -> None:
    """A failed sign-in sweeps its own old tries, not those that limit the letters to somebody."""
    now = timezone.now()
    earlier = Actor(clinic.organisation.pk, now - timedelta(minutes=30), system="online booking", address="192.0.2.9")  # fmt: skip
    for _ in range(MOST_BY_ADDRESS):
        send_code(earlier, "victim@example.com", dict)
    Client().post(LOGIN, {"login": "nobody@example.com", "password": "wrong wrong wrong"})
    with pytest.raises(Refused) as refusal:
        send_code(Actor(clinic.organisation.pk, now, system="online booking", address="192.0.2.9"), "victim@example.com", dict)  # fmt: skip
    assert refusal.value.code == "too-many-codes"


def test_case_10_one_telephone_written_in_many_ways_is_one(clinic: Clinic) -> None:
    sent = 0
    at_the_door = Actor(clinic.organisation.pk, NOW, system="online booking", address="192.0.2.9")
    for to in ("+12025550199", "12025550199", "2025550199", "0012025550199") * 3:
        try:
            send_code(at_the_door, to, dict)
            sent += 1
        except Refused as refusal:
            assert refusal.code == "too-many-codes"  # noqa: PT017
    assert sent == MOST_BY_ADDRESS


@pytest.mark.django_db(transaction=True)
def test_case_11_many_guesses_at_once_are_no_more_than_in_a_row() -> None:
    clinic = small_clinic()
    sealed = send_code(Actor(clinic.organisation.pk, NOW, system="online booking"), "pat@example.com", dict)
    gate, said = threading.Barrier(16), []

    def guess(number: int) -> None:
        gate.wait()
        try:
            check_code(sealed, f"{number:06d}", NOW)
        except Refused as refusal:
            said.append(refusal.code)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=guess, args=(n,)) for n in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(said) == 16
    assert said.count("code-wrong") <= TRIES


def test_case_10_others_behind_the_same_address_lock_no_known_device_out(clinic: Clinic) -> None:
    user = clinic.account("owner", "steady@example.com")
    mine = Client()
    assert mine.post(LOGIN, {"login": user.email, "password": PASSWORD}).status_code == 302
    mine.post("/account/logout/")
    for n in range(31):
        Client().post(LOGIN, {"login": f"nobody{n}@example.com", "password": "wrong wrong wrong"})
    assert Client().post(LOGIN, {"login": user.email, "password": PASSWORD}).status_code == 200
    assert mine.post(LOGIN, {"login": user.email, "password": PASSWORD}).status_code == 302


def test_behind_a_proxy_each_has_an_address_of_their_own_that_nobody_can_make_up(clinic: Clinic) -> None:
    user = clinic.account("owner", "steady@example.com")
    words = {"HTTP_X_FORWARDED_PROTO": "https", "REMOTE_ADDR": "10.0.0.1"}
    with override_settings(HTTPS=True):
        Client().post(LOGIN, {"login": user.email, "password": "wrong wrong"}, HTTP_X_FORWARDED_FOR="203.0.113.5, 198.51.100.7", **words)  # fmt: skip
        Client().post(LOGIN, {"login": user.email, "password": "wrong wrong"}, HTTP_X_FORWARDED_FOR="x\tforged", **words)  # fmt: skip
    with override_settings(HTTPS=False):
        Client().post(LOGIN, {"login": user.email, "password": "wrong wrong"}, HTTP_X_FORWARDED_FOR="203.0.113.5", REMOTE_ADDR="10.0.0.2")  # fmt: skip
    keys = ThrottledTry.objects.filter(key__startswith="address:").order_by("pk").values_list("key", flat=True)  # fmt: skip
    assert list(keys) == ["address:198.51.100.7", "address:10.0.0.1", "address:10.0.0.2"]


@pytest.mark.parametrize("path", ["/patients/table.csv?q=Example", "/schedule/table.csv", "/day/table.csv", "/waitlist/table.csv", "/audit/table.csv"])  # fmt: skip
def test_whoever_takes_patients_away_as_a_table_is_in_the_trail(clinic: Clinic, path: str) -> None:
    client = Client()
    user = clinic.account("owner")
    client.force_login(user)
    assert client.get(path).status_code == 200
    row = AuditEvent.objects.filter(action="exported").get()
    assert row.user_id_seen == user.pk
    assert "Example" not in str(row.detail) + row.subject_id


def test_a_look_at_a_visit_is_in_the_trail(clinic: Clinic) -> None:
    visit = booked(clinic, next_tuesday())
    client = signed_in(clinic, "staff")
    assert client.get(f"/visits/{visit.pk}/").status_code == 200
    assert AuditEvent.objects.filter(action="seen", patient_id_seen=clinic.patient.pk, subject_kind="visit").exists()  # fmt: skip


MOMENTS = ("0001-01-01T00:00:00+14:00", "9999-12-31T23:59:00-12:00")


@pytest.mark.parametrize("moment", MOMENTS)
def test_case_30_no_moment_beyond_the_calendar_breaks_a_page(clinic: Clinic, moment: str) -> None:
    visit = booked(clinic, next_tuesday())
    from carewheel.journeys.book_online import token_of

    anybody = Client(raise_request_exception=False)
    page = f"/book/{clinic.location.slug}/?type={clinic.check_up.pk}&starts={quote(moment)}"
    assert anybody.get(page).status_code < 500
    own = f"/my-visit/{token_of(visit.pk)}/"
    assert anybody.post(own, {"version": 1, "starts": moment}).status_code < 500
    desk = Client(raise_request_exception=False)
    desk.force_login(clinic.account("owner"))
    words = {"location": clinic.location.pk, "visit_type": clinic.check_up.pk, "starts": moment[:16], "patient": clinic.patient.pk, "override_reason": "x"}  # fmt: skip
    assert desk.post("/schedule/book/", words).status_code < 500
    assert desk.post(f"/visits/{visit.pk}/move/", {"version": 1, "starts": moment[:16]}).status_code < 500
    place = f"/settings/places/{clinic.location.pk}/"
    resource = f"{place}resources/{clinic.practitioner.pk}/"
    leave = {"part": "leave", "kind": "leave", "starts": "2030-01-01T00:00", "ends": moment[:16]}
    assert desk.post(resource, leave).status_code < 500
    assert desk.get(resource).status_code == 200
    assert desk.post(place, {"part": "closure", "date": moment[:10], "name": "x"}).status_code < 500
    assert desk.get(place).status_code == 200
    find = f"/schedule/find/?visit_type={clinic.check_up.pk}&earliest={moment[:10]}"
    assert desk.get(find).status_code < 500


def test_case_30_a_zero_byte_breaks_nothing_on_any_database(clinic: Clinic) -> None:
    client = Client(raise_request_exception=False)
    client.force_login(clinic.account("owner"))
    place = f"/settings/places/{clinic.location.pk}/"
    assert client.get("/patients/?q=12%0034").status_code == 400
    assert client.post(place, {"part": "closure", "date": "2026-12-24", "name": "a\x00b"}).status_code == 400
    stranger = Client(raise_request_exception=False)
    assert stranger.get("/day/", HTTP_COOKIE='sessionid="abcdefgh\\000ijklmnop"').status_code == 400


def test_case_30_what_is_too_long_for_its_column_is_refused_on_any_database(clinic: Clinic) -> None:
    client = Client(raise_request_exception=False)
    client.force_login(clinic.account("owner"))
    long = "a@" + ".".join(["b" * 60] * 5) + ".example"
    words = {"given_name": "Long", "family_name": "Example", "email": long}
    assert client.post("/patients/new/", words).status_code < 500
    assert client.post(f"/patients/{clinic.patient.pk}/proxy/", {"name": "x", "relation": "y", "phone": "1" * 40, "email": long}).status_code < 500  # fmt: skip


def test_case_33_no_log_holds_a_link_that_lets_in_or_what_a_database_quoted(
    clinic: Clinic, capsys: pytest.CaptureFixture[str]
) -> None:
    from carewheel.journeys.book_online import token_of

    token = token_of(booked(clinic, next_tuesday()).pk)
    assert LOGGING["handlers"]["console"]["formatter"] == "discreet"  # type: ignore[index]
    handler = logging.StreamHandler()
    handler.setFormatter(Discreet())
    quoted = "Key (email)=(zzcanaryzz@example.com) already exists"
    logger = logging.getLogger("django.request")
    logger.addHandler(handler)
    try:
        assert Client().post(f"/my-visit/{token}/", {"version": 77}).status_code == 409
        try:
            raise ValueError(quoted)
        except ValueError:
            logger.exception("Internal Server Error: /offer/Zzsecret/")
    finally:
        logger.removeHandler(handler)
    said = capsys.readouterr().err
    assert "my-visit" in said
    assert token not in said
    assert "ValueError" in said
    assert "test_security_more" in said
    assert "zzcanaryzz" not in said
    assert "Zzsecret" not in said


def test_a_membership_that_ended_shows_its_location_no_more(clinic: Clinic, far: Clinic) -> None:
    client = signed_in(clinic, "front_desk")
    user = User.objects.get(email="here@example.com")
    Membership.objects.create(user=user, organisation=clinic.organisation, role="front_desk", location=far.location, ends_at=NOW)  # fmt: skip
    assert client.get(f"/day/?location={far.location.pk}").status_code == 404
    assert client.get(f"/patients/{far.patient.pk}/").status_code == 404
    assert far.patient.display_name not in client.get("/patients/?q=exa").content.decode().replace(clinic.patient.display_name, "")  # fmt: skip
