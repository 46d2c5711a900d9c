"""Cases 4, 18, 20 and 65 of reliability.md: fields that no form has, cells that are formulas, addresses that are fetched, days that are rare."""

from __future__ import annotations

import ast
import csv
import io
import re
from datetime import date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from django.forms.models import model_to_dict
from django.test import Client
from django.utils import timezone
from tests.clinic import PASSWORD, Clinic, small_clinic

import carewheel
from carewheel.practice.models import AuditEvent, Location, Membership, Patient, User, Visit, VisitType
from carewheel.practice.patients import register_patient
from carewheel.spokes.operations.commands_booking import book_visit
from carewheel.spokes.operations.contracts_booking import BookingRequest

ZONE = ZoneInfo("America/New_York")


def monday() -> datetime:
    day = timezone.now().astimezone(ZONE).date() + timedelta(days=7)
    return datetime.combine(day + timedelta(days=-day.weekday()), datetime.min.time(), ZONE).replace(hour=10)


def test_case_4_no_field_beyond_the_form_is_taken(owner: Client, clinic: Clinic) -> None:
    other = small_clinic("Hillside")
    theirs = str(other.organisation.pk)
    extra = {
        "organisation": theirs, "organisation_id": theirs, "id": "999999", "pk": "999999", "source": "evil", "source_id": "evil", "is_test": "on",
        "active": "", "links": "77", "status": "fulfilled", "channel": "evil", "overbooks": "on", "booked_by": "999999", "late_cancel": "on",
        "no_show_risk": "1", "is_staff": "on", "is_superuser": "on", "is_active": "", "session_epoch": "77", "calendar_version": "1",
        "patient_ids": "1", "grants": "owner", "system": "evil", "role": "owner", "deceased_on": "2020-01-01", "created_at": "2020-01-01",
    }  # fmt: skip
    here = f"/patients/{clinic.patient.pk}/"
    before = model_to_dict(clinic.patient)
    assert owner.post(f"{here}edit/", extra | {"version": 1, "given_name": "Pat", "family_name": "Changed"}).status_code == 302  # fmt: skip
    after = model_to_dict(Patient.objects.get(pk=clinic.patient.pk))
    typed = {"given_name", "family_name", "search_name", "version", "phone", "email", "birth_date", "home_location"}  # fmt: skip
    assert {name for name in after if after[name] != before[name]} <= typed
    assert owner.post("/patients/new/", extra | {"family_name": "Newcomer"}).status_code == 302
    made = Patient.objects.get(family_name="Newcomer")
    assert (made.organisation_id, made.is_test, made.source, made.links, made.deceased_on) == (
        clinic.organisation.pk, False, "", 0, None
    )  # fmt: skip
    words = {"location": clinic.location.pk, "visit_type": clinic.check_up.pk, "starts": f"{monday():%Y-%m-%dT%H:%M}", "patient": clinic.patient.pk}  # fmt: skip
    assert owner.post("/schedule/book/", extra | words).status_code == 302
    visit = Visit.objects.get()
    assert (visit.organisation_id, visit.status, visit.source, visit.late_cancel) == (
        clinic.organisation.pk,
        "booked",
        "",
        False,
    )
    assert visit.no_show_risk != 1
    assert visit.channel != "evil"
    assert not visit.occupancies.filter(overbooks=True).exists()
    assert visit.booked_by_id == User.objects.get(email__startswith="owner").pk
    words = {"email": "new@example.com", "name": "New"}
    owner.post("/settings/members/add/", extra | words | {"role": "staff", "location_id": clinic.location.pk})
    member = Membership.objects.get(user__email="new@example.com")
    assert (member.organisation_id, member.role, member.location_id, member.patient_id) == (
        clinic.organisation.pk, "staff", clinic.location.pk, None
    )  # fmt: skip
    assert (member.user.is_active, member.user.session_epoch) == (True, 1)
    # The page of a location changes no other organisation's, and moves to none.
    owner.post(f"/settings/places/{clinic.location.pk}/", extra | {"part": "place", "name": "Lakeside"})
    assert Location.objects.get(pk=clinic.location.pk).organisation_id == clinic.organisation.pk
    # Whoever sets their own password sets nothing else.
    client = Client()
    low = clinic.account("staff", "low@example.com")
    client.post("/account/login/", extra | {"login": low.email, "password": PASSWORD})
    new = "another invented battery"
    client.post("/account/password/change/", extra | {"oldpassword": PASSWORD, "password1": new, "password2": new})  # fmt: skip
    low.refresh_from_db()
    assert (low.is_active, low.session_epoch, low.memberships.get().role) == (True, 1, "staff")
    assert not AuditEvent.objects.filter(organisation=other.organisation).exists()


FORMULAS = ("=cmd|'/c calc'!A1", "+1+1", "-1+1", "@SUM(A1)", "\t=1", "\r=1", "＝1+1")


def test_case_18_no_cell_of_a_table_is_a_formula(owner: Client, clinic: Clinic) -> None:
    Location.objects.filter(pk=clinic.location.pk).update(name="=A1")
    for n, text in enumerate(FORMULAS):
        made = Patient.objects.create(
            organisation=clinic.organisation, home_location=clinic.location, given_name="", family_name=text, search_name=f"zz {n}",
            phone="=1" if n else "", created_at=timezone.now(),
        )  # fmt: skip
        Visit.objects.create(
            organisation=clinic.organisation, location=clinic.location, patient=made, visit_type=clinic.check_up, status="booked",
            starts_at=timezone.now() + timedelta(minutes=n), ends_at=timezone.now() + timedelta(minutes=30 + n),
        )  # fmt: skip
    seen = 0
    for path in ("/patients/table.csv?q=zz", "/schedule/table.csv", "/day/table.csv", "/waitlist/table.csv", "/audit/table.csv"):  # fmt: skip
        answer = owner.get(path)
        assert answer["Content-Disposition"].startswith("attachment"), path
        text = answer.content.decode("utf-8-sig")
        for row in csv.reader(io.StringIO(text, newline="")):
            for cell in row:
                assert not cell.startswith(("=", "+", "-", "@", "\t", "\r", "＝")), (path, cell)
                # What was kept comes back whole behind the mark.
                seen += cell.startswith("'") and cell[1:] in FORMULAS
    assert seen >= len(FORMULAS)


NETWORK = {"http", "urllib", "socket", "smtplib", "ssl", "ftplib", "poplib", "imaplib", "telnetlib", "requests", "httpx", "aiohttp", "xmlrpc", "webbrowser"}  # fmt: skip
# Who speaks to others: messages by the ways that the operator names, and what listens on this machine.
SPEAK = {"practice/messages/ways.py": {"http.client", "smtplib", "ssl"}, "cli/serve.py": {"socket"}}
HARMLESS = {"urllib.parse", "http.cookies", "http"}


def test_cases_20_and_23_nothing_fetches_an_address_and_one_small_text_is_taken() -> None:
    """There are no webhooks, FHIR addresses or images to fetch: only the operator names whom the console speaks to. Redirects are not
    followed (`test_an_sms_over_a_real_gateway`)."""
    root = Path(carewheel.__file__).parent
    found: dict[str, set[str]] = {}
    for path in root.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            names = [one.name for one in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) and not node.level else []
            spoken = {name for name in names if name.partition(".")[0] in NETWORK} - HARMLESS
            if spoken:
                found.setdefault(path.relative_to(root).as_posix(), set()).update(spoken)
    assert found == SPEAK
    pages = "".join(path.read_text("utf-8") for path in (root / "web").rglob("*.html"))
    fields = "".join(path.read_text("utf-8") for path in (root / "web" / "pages").rglob("*.py"))
    assert "URLField" not in fields
    assert 'type="url"' not in pages
    # Case 23: the one file that is brought is a purchase's; it fills in a form and is not kept as it came (`test_purchases`).
    assert re.findall(r'type="file"[^>]*', pages) == ['type="file" name="file" accept=".toml" required']
    assert "FileField" not in fields


def test_case_65_rare_days_are_days(clinic: Clinic, owner: Client) -> None:
    VisitType.objects.update(horizon_days=9_000)
    actor = clinic.actor
    born = register_patient(actor, given_name="Leap", family_name="Example", home_location_id=clinic.location.pk, birth_date=date(2000, 2, 29))  # fmt: skip
    for day in (date(2028, 2, 29), date(2038, 1, 19), date(2038, 1, 20), date(2032, 12, 31)):
        at = datetime(day.year, day.month, day.day, 10, 0, tzinfo=ZONE)
        made = book_visit(actor, BookingRequest(clinic.location.pk, clinic.check_up.pk, at, born.id))
        kept = Visit.objects.get(pk=made.id).starts_at
        assert kept.astimezone(ZONE).replace(tzinfo=None) == at.replace(tzinfo=None), day
        assert owner.get(f"/schedule/?first={day}").status_code == 200
        assert owner.get(f"/day/?day={day}").status_code == 200
    # A series goes by weeks, never by the number of a day: no month is too short for it.
    words = {"location": clinic.location.pk, "visit_type": clinic.check_up.pk, "patient": born.id, "times": 5, "weeks": 4}  # fmt: skip
    assert owner.post("/schedule/book/", words | {"starts": "2031-01-31T11:00"}).status_code == 302
    series = Visit.objects.filter(series__isnull=False).order_by("starts_at")
    days = [one.starts_at.astimezone(ZONE) for one in series]
    assert [day.date() for day in days] == [date(2031, 1, 31) + timedelta(weeks=4 * n) for n in range(5)]
    assert {day.hour for day in days} == {11}
    assert owner.get(f"/patients/{born.id}/").status_code == 200
