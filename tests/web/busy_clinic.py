"""A day in the small clinic as a browser finds it: booked, arrived, in rooms, done; somebody waits, somebody asks."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from tests.clinic import Clinic

from carewheel.practice.access import Actor
from carewheel.practice.consents import record_consent
from carewheel.practice.models import Location, OpeningHours, Patient, Visit, WorkingHours
from carewheel.practice.patients import register_patient
from carewheel.spokes.operations.commands_booking import book_visit, cancel_visit
from carewheel.spokes.operations.commands_day import mark_visit
from carewheel.spokes.operations.commands_joining import join_waitlist
from carewheel.spokes.operations.contracts_booking import BookingRequest, WaitlistRequest
from carewheel.spokes.operations.models import Foresight, MissingVisit

NAMES = [
    "Ana Sample",
    "Bo Fiction",
    "Cy Invented",
    "Dee Madeup",
    "Eli Nobody",
    "Flo Fable",
    "Gus Story",
    "Hal Legend",
]


def fill(clinic: Clinic, now: datetime) -> dict[str, int]:
    """Open every day around the clock, so that a test means the same at any hour; ids of what tests look for, by name."""
    OpeningHours.objects.all().delete()
    WorkingHours.objects.all().delete()
    for weekday in range(7):
        OpeningHours.objects.create(location=clinic.location, weekday=weekday, opens=time(0), closes=time(23, 59))  # fmt: skip
        for person in (clinic.practitioner, clinic.other_practitioner):
            WorkingHours.objects.create(resource=person, location=clinic.location, weekday=weekday, starts=time(0), ends=time(23, 59))  # fmt: skip
    zone = ZoneInfo(clinic.location.zone)
    today = now.astimezone(zone).date()
    dawn = datetime.combine(today, time(0), zone)
    actor = replace(clinic.actor, at=dawn - timedelta(days=3), system="tests")
    people = [clinic.patient.pk, clinic.other_patient.pk]
    for i, name in enumerate(NAMES):
        given, _, family = name.partition(" ")
        made = register_patient(
            actor, given_name=given, family_name=family, home_location_id=clinic.location.pk, birth_date=date(1950 + 5 * i, 2, 3),
            phone=f"+1 202 555 01{10 + i}", email=f"{given.lower()}@example.com",
        )  # fmt: skip
        people.append(made.id)
    chairs = ((clinic.practitioner, clinic.chair), (clinic.other_practitioner, clinic.other_chair))
    # The visits of today lie around now, as far as the day allows.
    half_hours = max(0, min(int((now - dawn) / timedelta(minutes=30)) - 2, 36))
    first = dawn + half_hours * timedelta(minutes=30)
    visits = []
    for i in range(14):
        person, chair = chairs[i % 2]
        starts = first + timedelta(minutes=30 * (i // 2))
        visits.append(_book(clinic, actor, people[i % len(people)], starts, (person.pk, chair.pk)))
    for day in range(1, 4):
        for i in range(4):
            person, chair = chairs[i % 2]
            starts = dawn + timedelta(days=day, hours=9 + i // 2)
            kind = clinic.long_visit if i == 2 else clinic.check_up
            last = _book(
                clinic, actor, people[(i + day) % len(people)], starts, (person.pk, chair.pk), kind.pk
            )
    MissingVisit.objects.create(organisation=clinic.organisation, location=clinic.location, visit_id=last, since=actor.at)  # fmt: skip
    Visit.objects.filter(pk=visits[6]).update(no_show_risk=0.42)
    Visit.objects.filter(pk=visits[7]).update(no_show_risk=0.18)
    why = "Chance of a missed visit 42% (interval 35% to 50%; a typical visit 18%): raised by lead time (21 days)."
    Visit.objects.filter(pk=visits[8]).update(no_show_risk=0.42)
    Foresight.objects.create(visit_id=visits[8], missed=0.42, low=0.35, high=0.5, late_cancel=0.07, why=why, action="confirm twice", foreseen_at=actor.at)  # fmt: skip
    for visit_id, steps in zip(visits, (4, 4, 3, 2, 1, 1), strict=False):
        for n, step in enumerate(("arrived", "roomed", "with-clinician", "done")[:steps]):
            at = max(dawn + timedelta(minutes=n), now - timedelta(minutes=40 - 8 * n))
            mark_visit(replace(actor, at=at), visit_id, Visit.objects.get(pk=visit_id).version, step)
    cancelled = _book(clinic, actor, people[3], dawn + timedelta(days=2, hours=16), (clinic.practitioner.pk, clinic.chair.pk))  # fmt: skip
    entry = join_waitlist(
        actor,
        WaitlistRequest(
            people[4], clinic.check_up.pk, (clinic.location.pk,), today, urgency=3, weekdays=tuple(range(7))
        ),
    )
    record_consent(actor, people[2], "surveys", "email", True, "form")
    return {
        "cancelled": cancelled,
        "entry": entry.id,
        "patient": people[2],
        "first": visits[0],
        "free": visits[13],
        "booked": visits[8],
    }


def beside(clinic: Clinic) -> None:
    """From now on the practice system holds the book."""
    Location.objects.filter(pk=clinic.location.pk).update(mode=Location.Mode.BESIDE)


def cancel(clinic: Clinic, now: datetime, visit_id: int) -> None:
    """The visit is given back: a gap."""
    visit = Visit.objects.get(pk=visit_id)
    cancel_visit(replace(clinic.actor, at=now), visit_id, visit.version, "invented")


def _book(clinic: Clinic, actor: Actor, patient_id: int, starts: datetime, resources: tuple[int, ...], kind: int | None = None) -> int:  # fmt: skip
    assert Patient.objects.filter(pk=patient_id).exists()
    asked = BookingRequest(clinic.location.pk, kind or clinic.check_up.pk, starts, patient_id=patient_id, resource_ids=resources)  # fmt: skip
    return book_visit(actor, asked).id
