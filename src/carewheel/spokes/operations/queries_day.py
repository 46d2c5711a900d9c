"""The day board: who is expected, here, in a room, seen; how late it runs and when each will begin."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from carewheel.practice.access import Actor, Permission
from carewheel.practice.models import Location, Resource, Visit
from carewheel.spokes.operations.contracts_booking import Board, BoardCard, VisitDetail
from carewheel.spokes.operations.details import details
from carewheel.spokes.operations.needs import place
from carewheel.spokes.operations.rules.local_time import bounds
from carewheel.spokes.operations.rules.visit_steps import lane

SHOWN = (Visit.Status.PENDING, Visit.Status.BOOKED, Visit.Status.ARRIVED, Visit.Status.CHECKED_IN, Visit.Status.FULFILLED)  # fmt: skip


def board(actor: Actor, location_id: int, day: date) -> Board:
    """The live day of a place, in order of start. Members of a group stand each for themselves."""
    location = place(actor.organisation_id, location_id)
    actor.need(Permission.SCHEDULE_READ, location_id)
    zone = ZoneInfo(location.zone)
    begins, ends = bounds(day, zone)
    rows = Visit.objects.filter(
        location=location, starts_at__gte=begins, starts_at__lt=ends, status__in=SHOWN, patient__isnull=False
    )
    visits = details(rows.order_by("starts_at", "pk"))
    foreseen = _foreseen(visits, actor.at.astimezone(UTC))
    cards = tuple(_card(one, actor.at.astimezone(UTC), foreseen.get(one.id), zone) for one in visits)
    return Board(location_id, location.name, day, actor.at.astimezone(zone), cards, location.calendar_version)


def changed_number(actor: Actor, location_id: int) -> int:
    """The number of a board that moves with every change, in one query: for live updates."""
    actor.need(Permission.SCHEDULE_READ, location_id)
    found = Location.objects.filter(organisation=actor.organisation_id, pk=location_id)
    return found.values_list("calendar_version", flat=True).get()


def _foreseen(visits: tuple[VisitDetail, ...], now: datetime) -> dict[int, datetime]:
    """When each visit that has not begun will, one after the other with each practitioner; nobody begins in the past. All in UTC: within one
    zone Python reckons by the wall clock, which jumps."""
    free: dict[int, datetime] = {}
    found: dict[int, datetime] = {}
    for one in visits:
        start = one.starts_at.astimezone(UTC)
        long = one.ends_at.astimezone(UTC) - start
        who = [o.resource_id for o in one.occupied if o.kind == Resource.Kind.PRACTITIONER]
        if one.done_at:
            end = one.done_at.astimezone(UTC)
        elif one.with_clinician_at:
            end = max(one.with_clinician_at.astimezone(UTC) + long, now)
        else:
            begin = max([start, now, *(free[w] for w in who if w in free)])
            found[one.id] = begin
            end = begin + long
        for w in who:
            free[w] = max(end, free.get(w, end))
    return found


def _card(one: VisitDetail, now: datetime, foreseen: datetime | None, zone: ZoneInfo) -> BoardCard:
    where = lane((one.arrived_at, one.roomed_at, one.with_clinician_at, one.done_at))
    waiting = None
    if one.arrived_at and where == "arrived":
        waiting = max(int((now - one.arrived_at.astimezone(UTC)) / timedelta(minutes=1)), 0)
    start = one.starts_at.astimezone(UTC)
    began = one.with_clinician_at.astimezone(UTC) if one.with_clinician_at else foreseen or start
    late = max(int((began - start) / timedelta(minutes=1)), 0)
    return BoardCard(one, where, waiting, late, foreseen.astimezone(zone) if foreseen else None)
