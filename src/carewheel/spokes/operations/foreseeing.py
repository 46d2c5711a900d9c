"""What is foreseen of a visit, in the book: while it is booked or moved, by the kept terms, and of the whole book, by the night's model.

A chance is for help: a second confirmation, transport, telehealth. Nothing here or elsewhere books two people into one slot because of it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import Q

from carewheel.practice.access import Actor
from carewheel.practice.models import Visit
from carewheel.spokes.operations.contracts import EarlierVisit, Foreseen
from carewheel.spokes.operations.models import AttendanceTerms, Foresight
from carewheel.spokes.operations.rules.attendance_at_booking import foreseen_at_booking

S = Visit.Status
WALK_IN = ("walk-in", "walk_in")
CAME, MISSED, LATE = 0, 1, 2
# Of one patient; a record says no more after that many.
MOST_EARLIER = 200
_EPOCH = date(1970, 1, 1)


def kept_terms(organisation_id: int) -> Mapping[str, Any] | None:
    """The terms of the last night; None where there was none, or nothing to learn from."""
    return (
        AttendanceTerms.objects.filter(organisation=organisation_id).values_list("terms", flat=True).first()
    )


def foresee(actor: Actor, visit: Visit) -> Foreseen | None:
    """A visit as it is about to be written; None where nothing is kept, nobody comes, or the moment of booking is not known."""
    terms = kept_terms(visit.organisation_id) if scored(visit) else None
    if terms is None or visit.patient_id is None:
        return None
    earlier = records(visit.organisation_id, [visit.patient_id]).get(visit.patient_id, [])
    return foreseen_of(terms, visit, visit.location.zone, actor.at, earlier)


def scored(visit: Visit) -> bool:
    """Whether a chance can be given at all: somebody's visit, booked at a known moment, not of a walk-in."""
    return visit.patient_id is not None and visit.booked_at is not None and visit.channel not in WALK_IN


def foreseen_of(
    terms: Mapping[str, Any], visit: Visit, zone: str, at: datetime, earlier: Iterable[tuple[int, EarlierVisit]]
) -> Foreseen:  # fmt: skip
    """By the terms, from the other visits of the patient."""
    clock = ZoneInfo(zone)
    booked = day_number(visit.booked_at or at, clock)
    others = [one for pk, one in earlier if pk != visit.pk]
    visit_day = max(day_number(visit.starts_at, clock), booked)
    return foreseen_at_booking(terms, booked, visit_day, day_number(at, clock), others)


def records(organisation_id: int, patients: Collection[int]) -> dict[int, list[tuple[int, EarlierVisit]]]:
    """By patient: visits with an outcome and a known moment of booking, with their number, the latest first. One query."""
    ended = Q(status__in=(S.ARRIVED, S.CHECKED_IN, S.FULFILLED, S.NOSHOW)) | Q(status=S.CANCELLED, late_cancel=True)  # fmt: skip
    rows = Visit.objects.filter(ended, organisation=organisation_id, patient__in=patients, booked_at__isnull=False)  # fmt: skip
    told = rows.exclude(channel__in=WALK_IN).order_by("-starts_at").values_list(
        "pk", "patient_id", "status", "booked_at", "starts_at", "cancelled_at", "location__zone"
    )  # fmt: skip
    found: dict[int, list[tuple[int, EarlierVisit]]] = defaultdict(list)
    for pk, patient, status, booked_at, starts_at, cancelled_at, zone in told:
        if patient is None or booked_at is None:
            continue
        clock = ZoneInfo(zone)
        booked, day = day_number(booked_at, clock), day_number(starts_at, clock)
        if booked > day or len(found[patient]) >= MOST_EARLIER:
            continue
        outcome = MISSED if status == S.NOSHOW else LATE if status == S.CANCELLED else CAME
        known = max(day_number(cancelled_at, clock), booked) if outcome == LATE and cancelled_at else day
        found[patient].append((pk, EarlierVisit(day - booked, outcome, known)))
    return found


def day_number(moment: datetime, clock: ZoneInfo) -> int:
    """Days since 1970-01-01 on the clock of a place."""
    return (moment.astimezone(clock).date() - _EPOCH).days


def note(visit: Visit, foreseen: Foreseen, at: datetime) -> None:
    """Write what was foreseen of a visit that has been saved; its own chance is saved with it by the caller."""
    write([(visit.pk, foreseen)], at)


def write(foreseen: Iterable[tuple[int, Foreseen]], at: datetime) -> None:
    """What is foreseen of several visits, by number, in place of what was."""
    Foresight.objects.bulk_create(
        [
            Foresight(
                visit_id=pk, missed=one.missed.value, low=one.missed.low, high=one.missed.high, late_cancel=one.late_cancel,
                why=one.why, action=one.action, foreseen_at=at,
            )
            for pk, one in foreseen
        ],
        update_conflicts=True,
        unique_fields=["visit"],
        update_fields=["missed", "low", "high", "late_cancel", "why", "action", "foreseen_at"],
    )  # fmt: skip
