"""The day board: who is expected, here, in a room, seen; how late it runs and when each will begin."""

from __future__ import annotations

from datetime import date, datetime, timedelta
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
    now = actor.at.astimezone(zone)
    visits = details(rows.order_by("starts_at", "pk"))
    foreseen = _foreseen(visits, now)
    cards = tuple(_card(one, now, foreseen.get(one.id)) for one in visits)
    return Board(location_id, location.name, day, now, cards, location.calendar_version)


def changed_number(actor: Actor, location_id: int) -> int:
    """The number of a board that moves with every change, in one query: for live updates."""
    actor.need(Permission.SCHEDULE_READ, location_id)
    found = Location.objects.filter(organisation=actor.organisation_id, pk=location_id)
    return found.values_list("calendar_version", flat=True).get()


def _moments(one: VisitDetail) -> tuple[datetime | None, ...]:
    return one.arrived_at, one.roomed_at, one.with_clinician_at, one.done_at


def _foreseen(visits: tuple[VisitDetail, ...], now: datetime) -> dict[int, datetime]:
    """When each visit that has not begun will, one after the other with each practitioner; nobody begins in the past."""
    free: dict[int, datetime] = {}
    found: dict[int, datetime] = {}
    for one in visits:
        long = one.ends_at - one.starts_at
        who = [o.resource_id for o in one.occupied if o.kind == Resource.Kind.PRACTITIONER]
        if one.done_at:
            end = one.done_at
        elif one.with_clinician_at:
            end = max(one.with_clinician_at + long, now)
        else:
            begin = max([one.starts_at, now, *(free[w] for w in who if w in free)])
            found[one.id] = begin
            end = begin + long
        for w in who:
            free[w] = max(end, free.get(w, end))
    return found


def _card(one: VisitDetail, now: datetime, foreseen: datetime | None) -> BoardCard:
    where = lane(_moments(one))
    waiting = None
    if one.arrived_at and where == "arrived":
        waiting = max(int((now - one.arrived_at) / timedelta(minutes=1)), 0)
    began = one.with_clinician_at or foreseen
    late = max(int(((began or one.starts_at) - one.starts_at) / timedelta(minutes=1)), 0)
    return BoardCard(one, where, waiting, late, foreseen)
