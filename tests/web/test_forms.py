"""What is sent by forms: settings, patients, visits, and the pages for patients, without a browser."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.test import Client
from django.utils import timezone
from tests.clinic import Clinic, small_clinic

from carewheel.practice.models import (
    Closure,
    Consent,
    Leave,
    Location,
    Membership,
    Message,
    OpeningHours,
    Patient,
    ThrottledTry,
    Visit,
    VisitNeed,
    VisitType,
    WorkingHours,
)


@pytest.fixture
def monday(clinic: Clinic) -> datetime:
    """Ten o'clock of a Monday to come, at the clinic."""
    zone = ZoneInfo(clinic.location.zone)
    today = timezone.now().astimezone(zone).date()
    day = today + timedelta(days=7 - today.weekday())
    return datetime(day.year, day.month, day.day, 10, tzinfo=zone)


def booked(owner: Client, clinic: Clinic, starts: datetime) -> Visit:
    sent = {
        "key": "once", "location": clinic.location.pk, "visit_type": clinic.check_up.pk, "starts": f"{starts:%Y-%m-%dT%H:%M}",
        "patient": clinic.patient.pk, "resource_ids": [clinic.practitioner.pk, clinic.chair.pk],
    }  # fmt: skip
    # Sent twice, as by a double click: booked once.
    assert [owner.post("/schedule/book/", sent).status_code for _ in range(2)] == [302, 302]
    return Visit.objects.get()


def test_a_visit_is_booked_moved_and_cancelled_by_plain_forms(
    owner: Client, clinic: Clinic, monday: datetime
) -> None:
    visit = booked(owner, clinic, monday)
    later = monday + timedelta(hours=2)
    sent = {"version": visit.version, "starts": f"{later:%Y-%m-%dT%H:%M}", "minutes": 45, "resource_ids": [clinic.other_practitioner.pk, clinic.chair.pk]}  # fmt: skip
    assert owner.post(f"/visits/{visit.pk}/move/", sent)["Location"] == f"/visits/{visit.pk}/"
    visit.refresh_from_db()
    assert visit.starts_at == later
    assert (visit.ends_at - visit.starts_at) == timedelta(minutes=45)
    stale = owner.post(f"/visits/{visit.pk}/cancel/", {"version": 1, "reason": "typed already"})
    assert stale.status_code == 409
    assert "typed already" in stale.content.decode()
    owner.post(f"/visits/{visit.pk}/cancel/", {"version": visit.version, "reason": "asked"})
    visit.refresh_from_db()
    assert (visit.status, visit.cancel_reason) == ("cancelled", "asked")


def test_case_64_an_hour_that_the_clock_skips_is_refused_and_the_form_stays(
    owner: Client, clinic: Clinic
) -> None:
    sent = {"location": clinic.location.pk, "visit_type": clinic.check_up.pk, "starts": "2027-03-14T02:30", "patient": clinic.patient.pk}  # fmt: skip
    answer = owner.post("/schedule/book/", sent)
    assert answer.status_code == 400
    assert "skips this time" in answer.content.decode()
    assert "2027-03-14T02:30" in answer.content.decode()


def test_somebody_new_is_registered_with_the_visit_or_not_at_all(
    owner: Client, clinic: Clinic, monday: datetime
) -> None:
    booked(owner, clinic, monday)
    sent = {
        "location": clinic.location.pk, "visit_type": clinic.check_up.pk, "starts": f"{monday:%Y-%m-%dT%H:%M}", "family_name": "Newcomer",
        "resource_ids": [clinic.practitioner.pk, clinic.chair.pk],
    }  # fmt: skip
    assert owner.post("/schedule/book/", sent).status_code == 409
    assert not Patient.objects.filter(family_name="Newcomer").exists()
    assert (
        owner.post(
            "/schedule/book/", sent | {"starts": f"{monday + timedelta(hours=1):%Y-%m-%dT%H:%M}"}
        ).status_code
        == 302
    )
    assert Visit.objects.get(patient__family_name="Newcomer").booked_by is not None


def test_a_series_is_booked_whole_at_the_same_time_of_the_day(owner: Client, clinic: Clinic) -> None:
    # Over the night on which the clocks go back.
    sent = {"location": clinic.location.pk, "visit_type": clinic.check_up.pk, "starts": "2027-11-01T10:00", "patient": clinic.patient.pk, "times": 3, "weeks": 1}  # fmt: skip
    assert owner.post("/schedule/book/", sent).status_code == 302
    zone = ZoneInfo(clinic.location.zone)
    starts = [v.starts_at.astimezone(zone).replace(tzinfo=None) for v in Visit.objects.order_by("starts_at")]
    assert starts == [datetime(2027, 11, day, 10) for day in (1, 8, 15)]
    assert Visit.objects.values("series").distinct().count() == 1
    again = sent | {"starts": "2027-11-15T10:00", "resource_ids": list(Visit.objects.latest("starts_at").occupancies.values_list("resource_id", flat=True))}  # fmt: skip
    assert owner.post("/schedule/book/", again | {"times": 2}).status_code == 409
    assert Visit.objects.count() == 3


def test_a_clinician_of_elsewhere_opens_a_record_in_an_emergency_with_a_reason(clinic: Clinic) -> None:
    elsewhere = Location.objects.create(
        organisation=clinic.organisation, name="Hillside", zone="America/New_York", slug="hillside"
    )
    user = clinic.account("clinician")
    Membership.objects.filter(user=user).update(location=elsewhere)
    client = Client()
    client.force_login(user)
    here = f"/patients/{clinic.patient.pk}/"
    answer = client.get(here)
    assert answer.status_code == 404
    assert "Example" not in answer.content.decode()
    short = client.post(f"{here}emergency/", {"reason": "because"})
    assert short.status_code == 400
    assert "because" in short.content.decode()
    assert client.post(f"{here}emergency/", {"reason": "found unconscious at the door"})["Location"] == here
    assert "Pat Example" in client.get(here).content.decode()
    owner = Client()
    owner.force_login(clinic.account("owner"))
    assert "found unconscious" in owner.get("/audit/").content.decode()


def test_a_search_without_script_keeps_what_was_typed(owner: Client, clinic: Clinic) -> None:
    said = owner.post(
        "/schedule/book/", {"search": "1", "q": "sam", "starts": "2027-03-15T09:00"}
    ).content.decode()
    assert "Sam Example" in said
    assert "2027-03-15T09:00" in said
    assert "errors" not in said


def test_the_grid_moves_a_visit_to_the_column_it_is_dropped_on(
    owner: Client, clinic: Clinic, monday: datetime
) -> None:
    visit = booked(owner, clinic, monday)
    sent = {"version": visit.version, "starts": f"{monday:%Y-%m-%dT%H:%M}", "minutes": "", "from": clinic.chair.pk, "to": clinic.other_chair.pk}  # fmt: skip
    assert owner.post(f"/visits/{visit.pk}/move/", sent, headers={"HX-Request": "true"}).status_code == 204
    held = set(visit.occupancies.values_list("resource_id", flat=True))
    assert held == {clinic.practitioner.pk, clinic.other_chair.pk}


def test_hours_closed_days_people_and_leave_are_set(owner: Client, clinic: Clinic) -> None:
    here = f"/settings/places/{clinic.location.pk}/"
    before = Location.objects.get().calendar_version
    week = {"part": "hours", "from-0": ["08:00", "13:00"], "to-0": ["12:00", "17:00"]}
    assert owner.post(here, week).status_code == 302
    assert OpeningHours.objects.count() == 2
    assert Location.objects.get().calendar_version > before
    wrong = owner.post(here, {"part": "hours", "from-0": ["12:00"], "to-0": ["08:00"]})
    assert wrong.status_code == 400
    assert 'value="12:00"' in wrong.content.decode()
    owner.post(here, {"part": "closure", "date": "2027-01-01", "name": "New year"})
    closure = Closure.objects.get()
    assert (closure.date, closure.name) == (date(2027, 1, 1), "New year")
    owner.post(here, {"part": "open", "closure": closure.pk})
    assert not Closure.objects.exists()
    owner.post(here, {"part": "resource", "name": "Dr New", "kind": "practitioner"})
    added = clinic.organisation.resources.get(name="Dr New")
    assert WorkingHours.objects.filter(resource=added).count() == 2, "there when the place is open"
    person = f"{here}resources/{added.pk}/"
    owner.post(person, {"part": "week", "from-2": "09:00", "to-2": "12:00"})
    assert WorkingHours.objects.get(resource=added).weekday == 2
    owner.post(
        person, {"part": "leave", "kind": "leave", "starts": "2027-02-01T00:00", "ends": "2027-02-08T00:00"}
    )
    leave = Leave.objects.get()
    assert leave.starts_at == datetime(2027, 2, 1, tzinfo=ZoneInfo("America/New_York"))
    owner.post(person, {"part": "back", "leave": leave.pk})
    assert not Leave.objects.exists()
    owner.post(person, {"name": "Dr New", "able": "hygiene, Spanish", "active": "on"})
    assert set(added.capabilities.values_list("name", flat=True)) == {"hygiene", "Spanish"}


def test_a_visit_type_is_made_with_its_needs(owner: Client, clinic: Clinic) -> None:
    sent = {
        "name": "Crown", "minutes": 60, "seats": 1, "online": "request", "lead_minutes": 60, "horizon_days": 30, "most_open": 1,
        "late_cancel_minutes": 1440, "active": "on", "need-kind": ["practitioner", "room", "", ""], "need-from": ["20", "0", "", ""],
        "need-to": ["40", "60", "", ""], "need-able": ["crowns", "", "", ""],
    }  # fmt: skip
    made = owner.post("/settings/types/new/", sent)
    kind = VisitType.objects.get(name="Crown")
    assert made["Location"] == f"/settings/types/{kind.pk}/"
    assert list(VisitNeed.objects.filter(visit_type=kind).order_by("order").values_list("kind", "from_minute", "to_minute")) == [("practitioner", 20, 40), ("room", 0, 60)]  # fmt: skip
    outside = owner.post(f"/settings/types/{kind.pk}/", sent | {"need-to": ["90", "60", "", ""]})
    assert outside.status_code == 400
    assert "outside of the visit" in outside.content.decode()


def test_a_member_gets_a_first_password_that_is_shown_once(owner: Client, clinic: Clinic) -> None:
    said = owner.post("/settings/members/add/", {"email": "new@example.com", "role": "front_desk", "location_id": clinic.location.pk}).content.decode()  # fmt: skip
    password = re.search(r"only this once: <code>([^<]+)</code>", said)
    assert password
    assert Client().login(email="new@example.com", password=password[1])
    assert password[1] not in owner.get("/settings/members/").content.decode()
    member = Membership.objects.get(user__email="new@example.com")
    owner.post(f"/settings/members/{member.pk}/end/")
    member.refresh_from_db()
    assert member.ends_at is not None


def test_consents_and_patients_are_kept_with_what_was_typed(owner: Client, clinic: Clinic) -> None:
    here = f"/patients/{clinic.patient.pk}/"
    owner.post(f"{here}consent/", {"purpose": "surveys", "channel": "sms", "given": "no", "how": "phone"})
    assert Consent.objects.get().given is False
    wrong = owner.post(f"{here}edit/", {"version": 1, "family_name": "Example", "email": "none at all"})
    assert "none at all" in wrong.content.decode()
    assert (
        owner.post(f"{here}edit/", {"version": 1, "given_name": "Pat", "family_name": "Changed"}).status_code
        == 302
    )
    assert (
        owner.post(f"{here}edit/", {"version": 1, "given_name": "Pat", "family_name": "Stale"}).status_code
        == 409
    )


def who(**words: str) -> dict[str, str]:
    return {
        "given_name": "Nia",
        "family_name": "Newcomer",
        "birth_date": "1990-05-06",
        "contact": "nia@example.com",
    } | words


def times(client: Client, clinic: Clinic) -> str:
    said = client.get(f"/book/lakeside/?type={clinic.check_up.pk}").content.decode()
    found = re.search(r"starts=([^\"]+)\"", said)
    assert found
    from urllib.parse import unquote

    return unquote(found[1])


def code() -> str:
    found = re.search(r"\d{6}", Message.objects.filter(kind="code").latest("pk").body)
    assert found
    return found[0]


def sealed(answer: str) -> str:
    found = re.search(r'name="sealed" value="([^"]+)"', answer)
    assert found
    return found[1]


def test_the_pages_for_patients_may_stand_in_other_sites_and_the_console_may_not(
    owner: Client, clinic: Clinic
) -> None:
    public, console = Client().get("/book/lakeside/"), owner.get("/day/")
    assert "frame-ancestors *" in public["Content-Security-Policy"]
    assert "X-Frame-Options" not in public
    assert "frame-ancestors 'none'" in console["Content-Security-Policy"]
    assert console["X-Frame-Options"] == "DENY"
    assert not public.cookies, "browsers give no cookies in frames"


def test_five_wrong_codes_and_the_right_one_is_too_late(clinic: Clinic) -> None:
    client = Client()
    starts = times(client, clinic)
    answer = client.post("/book/lakeside/", who(type=str(clinic.check_up.pk), starts=starts)).content.decode()
    token, right = sealed(answer), code()
    wrong = "000000" if right != "000000" else "111111"
    assert [client.post("/book/lakeside/confirm/", {"sealed": token, "code": wrong}).status_code for _ in range(5)] == [400] * 5  # fmt: skip
    late = client.post("/book/lakeside/confirm/", {"sealed": token, "code": right})
    assert late.status_code == 400
    assert "Begin again" in late.content.decode()
    assert not Patient.objects.filter(family_name="Newcomer").exists()


def test_codes_are_not_sent_without_end(clinic: Clinic) -> None:
    client = Client()
    starts = times(client, clinic)
    said = [
        client.post("/book/lakeside/", who(type=str(clinic.check_up.pk), starts=starts)).status_code
        for _ in range(3)
    ]
    # The time is held for the first; whoever asks again is told so, and nothing is sent.
    assert said[0] == 200
    assert Message.objects.filter(kind="code").count() + said.count(409) == 3
    ThrottledTry.objects.bulk_create(ThrottledTry(key=one.key, at=timezone.now()) for one in ThrottledTry.objects.filter(key__startswith="code-to:") for _ in range(5))  # fmt: skip
    Visit.objects.all().update(hold_until=timezone.now())
    refused = client.post("/book/lakeside/", who(type=str(clinic.check_up.pk), starts=starts))
    assert "Too many codes" in refused.content.decode()


def test_a_known_patient_books_as_themselves_and_nobody_else_does(clinic: Clinic) -> None:
    Patient.objects.filter(pk=clinic.patient.pk).update(birth_date=date(1980, 1, 2))
    client = Client()
    for contact, known in ((clinic.patient.email, True), ("somebody@example.com", False)):
        starts = times(client, clinic)
        sent = who(type=str(clinic.check_up.pk), starts=starts, given_name="Pat", family_name="Example", birth_date="1980-01-02", contact=contact)  # fmt: skip
        token = sealed(client.post("/book/lakeside/", sent).content.decode())
        assert client.post("/book/lakeside/confirm/", {"sealed": token, "code": code()}).status_code == 200
        # Sent again: the same visit, not a second one.
        assert client.post("/book/lakeside/confirm/", {"sealed": token, "code": code()}).status_code == 200
        assert (Visit.objects.filter(status="booked").latest("pk").patient_id == clinic.patient.pk) is known
    assert Visit.objects.filter(status="booked").count() == 2


def test_what_is_not_for_patients_cannot_be_booked_by_its_number(clinic: Clinic) -> None:
    starts = times(Client(), clinic)
    other = small_clinic("Hillside")
    VisitType.objects.filter(pk=clinic.long_visit.pk).update(online="hidden")
    for kind in (clinic.long_visit, other.check_up):
        assert Client().get(f"/book/lakeside/?type={kind.pk}").status_code == 404
        assert Client().post("/book/lakeside/", who(type=str(kind.pk), starts=starts)).status_code == 404


@pytest.mark.parametrize("address", ["/my-visit/none/", "/offer/none/", "/book/nowhere/"])
def test_links_that_are_none_lead_nowhere(clinic: Clinic, address: str) -> None:
    assert Client().get(address).status_code == 404
