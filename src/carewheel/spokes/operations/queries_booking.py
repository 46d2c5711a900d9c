"""Reads of the book: free times, the schedule of a place, one visit, those of a patient."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from django.db.models import Q

from carewheel.practice.access import Actor, NotFound, Permission, Refused
from carewheel.practice.models import Closure, Patient, Resource, Visit
from carewheel.spokes.operations.calendars import DAY, DAYS, Book, books, window_of
from carewheel.spokes.operations.contracts_booking import Schedule, ScheduleColumn, VisitDetail, VisitLine
from carewheel.spokes.operations.details import details, scheduled
from carewheel.spokes.operations.needs import place, type_with_needs
from carewheel.spokes.operations.queries_slots import free_slots
from carewheel.spokes.operations.rules.booking import check_move_alone
from carewheel.spokes.operations.rules.local_time import bounds, exists

__all__ = ["free_slots", "moment_at", "schedule", "visit", "visits", "visits_of", "why_not_moved_alone"]

MOST_DAYS = 42
SHOWN = (*Visit.OCCUPYING, Visit.Status.NOSHOW)


def schedule(
    actor: Actor, location_id: int, first: date, days: int, kinds: Collection[str] = Resource.Kind.values
) -> Schedule:
    """Some days (1 to 42) of a place: who is there when, and the visits, held ones as well; cancelled ones are not shown. A group is one visit.
    ``kinds``: columns, and with whom and what visits are, of these alone; what a page does not show need not be read."""
    if not 1 <= days <= MOST_DAYS:
        raise Refused("bad-count", "That many days cannot be shown.", f"Ask for 1 to {MOST_DAYS}.")
    location = place(actor.organisation_id, location_id)
    actor.need(Permission.SCHEDULE_READ, location_id)
    zone = ZoneInfo(location.zone)
    begins, ends = bounds(first, zone)[0], bounds(first + timedelta(days=days - 1), zone)[1]
    row = (location.pk, location.zone, location.calendar_version, location.bookings_version)
    kept = [
        book
        for window in range(window_of(begins), window_of(ends) + 1)
        for book in books((row,), window, actor.at)
    ]
    shown = Visit.objects.filter(
        location=location,
        starts_at__lt=ends,
        ends_at__gt=begins,
        starts_at__gte=begins - timedelta(days=1),
        group=None,
    ).filter(_shown(actor))
    closed = Closure.objects.filter(location=location, date__gte=first, date__lt=first + timedelta(days=days))
    return Schedule(
        location_id,
        location.name,
        location.zone,
        location.mode,
        first,
        days,
        _columns(location_id, kept, begins, ends, zone, kinds),
        scheduled(shown, zone, kinds, beside=location.mode == location.Mode.BESIDE),
        tuple(closed.order_by("date").values_list("date", "name")),
    )


def _shown(actor: Actor) -> Q:
    held = Q(status=Visit.Status.PROPOSED, hold_until__lte=actor.at)
    return Q(status__in=SHOWN) & ~held


def _columns(
    location_id: int,
    kept: list[Book],
    begins: datetime,
    ends: datetime,
    zone: ZoneInfo,
    kinds: Collection[str],
) -> tuple[ScheduleColumn, ...]:
    """People before rooms, each in the practice's own order; whoever is there on none of the days but belongs to the place is there, closed."""
    low, high = int(begins.timestamp() // 60), int(ends.timestamp() // 60)
    there = {resource for book in kept for resource in book.opened}
    rows = Resource.objects.filter(Q(pk__in=there) | Q(location=location_id), active=True, kind__in=kinds)
    order = list(Resource.Kind.values)
    columns = sorted(
        rows.values_list("pk", "name", "kind", "order"), key=lambda row: (order.index(row[2]), row[3], row[0])
    )
    at = datetime.fromtimestamp
    return tuple(
        ScheduleColumn(
            pk,
            name,
            kind,
            tuple((at(a * 60, zone), at(b * 60, zone)) for a, b in _free(kept, pk, low, high)),
        )
        for pk, name, kind, _ in columns
    )


def _free(kept: list[Book], resource_id: int, low: int, high: int) -> Iterator[tuple[int, int]]:
    """When a resource is there between two minutes since 1970."""
    for book in kept:
        for a, b in book.free(resource_id):
            start, end = max(a, low, book.zero), min(b, high, book.zero + DAYS * DAY)
            if start < end:
                yield start, end


def visit(actor: Actor, visit_id: int) -> VisitDetail:
    """One visit, for staff of its place or for its own patient; for others it does not exist. Raises `NotFound`, `Forbidden`."""
    found = details(Visit.objects.filter(organisation=actor.organisation_id, pk=visit_id))
    if not found:
        raise NotFound("There is no such visit.")
    if found[0].patient_id is None or found[0].patient_id not in actor.patient_ids:
        read = Permission.SCHEDULE_READ
        if actor.patient_ids or actor.may(read):
            actor.need_of(read, found[0].location_id, read, "There is no such visit.")
        actor.need(read)
    return found[0]


def visits(actor: Actor, visit_ids: Collection[int]) -> tuple[VisitDetail, ...]:
    """Several visits in order of their start, those alone that may be seen."""
    actor.need(Permission.SCHEDULE_READ)
    rows = Visit.objects.filter(organisation=actor.organisation_id, pk__in=visit_ids)
    places = actor.locations(Permission.SCHEDULE_READ)
    return details((rows if places is None else rows.filter(location__in=places)).order_by("starts_at", "pk"))


def visits_of(actor: Actor, patient_id: int) -> tuple[VisitLine, ...]:
    """All visits of a patient at the places that may be seen, the latest first; holds are left out."""
    rows = Visit.objects.filter(organisation=actor.organisation_id, patient=patient_id)
    if patient_id not in actor.patient_ids:
        actor.need(Permission.SCHEDULE_READ)
        places = actor.locations(Permission.SCHEDULE_READ)
        rows = rows if places is None else rows.filter(location__in=places)
    columns = "pk", "location__name", "location__zone", "status", "starts_at", "ends_at", "visit_type__name"
    booked = rows.exclude(status=Visit.Status.PROPOSED).order_by("-starts_at", "-pk").values_list(*columns)
    found = tuple(
        VisitLine(
            pk, name, status, starts.astimezone(ZoneInfo(zone)), ends.astimezone(ZoneInfo(zone)), kind or ""
        )
        for pk, name, zone, status, starts, ends, kind in booked
    )
    if not found and not Patient.objects.filter(organisation=actor.organisation_id, pk=patient_id).exists():
        raise NotFound("There is no such patient.")
    return found


def why_not_moved_alone(actor: Actor, found: VisitDetail) -> Refused | None:
    """What stands against a patient's moving an own visit that is still ahead, or nothing."""
    if found.visit_type_id is None:
        return Refused("no-type", "This visit cannot be moved online.", "Call the practice, or cancel it.")
    kind = type_with_needs(actor.organisation_id, found.visit_type_id)
    try:
        check_move_alone(kind.rules, kind.type.late_cancel_minutes, found.starts_at, actor.at)
    except Refused as refusal:
        return refusal
    return None


def moment_at(actor: Actor, location_id: int, local: datetime) -> datetime:
    """The moment at which the clock of a place shows ``local`` (naive; ``fold`` 1 is the second of a time shown twice).

    Raises `Refused` ``no-such-time`` for a time that the clock skips.
    """
    zone = ZoneInfo(place(actor.organisation_id, location_id).zone)
    if not 1900 <= local.year < 2200:
        raise Refused("no-such-time", "No calendar here reaches so far.", "Choose another time.")
    if not exists(local.date(), local.time(), zone):
        raise Refused("no-such-time", "The clock skips this time on that day.", "Choose another time.")
    return local.replace(tzinfo=zone)
