"""Who of the waitlist fits a slot that became free, when exactly, with whom, and whom to ask first."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from django.db.models import Case, Count, Q, When

from carewheel.practice.access import Actor
from carewheel.practice.models import Visit
from carewheel.science.refusal import CannotTell
from carewheel.science.scheduling.slots import Bookable, Calendar, Span, Waiting, waitlist_fit
from carewheel.spokes.operations.calendars import (
    OPEN,
    Book,
    Named,
    books,
    runs,
    science_needs,
    window_of,
)
from carewheel.spokes.operations.models import Gap, Offer, WaitlistEntry
from carewheel.spokes.operations.needs import types_with_needs
from carewheel.spokes.operations.rules.booking import STEP
from carewheel.spokes.operations.rules.local_time import end_of, moment
from carewheel.spokes.operations.rules.offering import GROUP, acceptance

DAY = 1440


@dataclass(frozen=True, slots=True)
class Fitting:
    """An entry to be asked, and what would be booked for it."""

    entry: WaitlistEntry
    starts_at: datetime
    ends_at: datetime
    resource_ids: tuple[int, ...]
    accepts: float


def fitting(actor: Actor, gap: Gap, most: int | None = GROUP, among: Collection[int] = ()) -> list[Fitting]:
    """Whom to ask now, at most a group: of those who wait, fit and were not asked about this gap, the choice of the highest expected value
    (urgency times minutes filled, by the chance of a yes). ``most`` None: all who fit, in that order; ``among``: of these entries."""
    place = gap.location
    if not place.active:
        return []
    row = (place.pk, place.zone, place.calendar_version, place.bookings_version)
    kept = books((row,), window_of(gap.starts_at), actor.at)
    zone = ZoneInfo(place.zone)
    zero = int(gap.starts_at.timestamp() // 60) // STEP * STEP
    calendar = _calendar(kept[0], zero)
    if calendar is None:
        return []
    entries = _waiting(gap, gap.starts_at.astimezone(zone))
    if among:
        entries = [one for one in entries if one.pk in among]
    chances = _chances(actor, [one.patient_id for one in entries])
    types = types_with_needs(actor.organisation_id, {one.visit_type_id for one in entries})
    asked: dict[str, Waiting] = {}
    for one in entries:
        kind = types[one.visit_type_id]
        if kind.type.seats > 1:
            continue
        only = _named(one)
        prefers = _prefers(one, gap, zone, zero)
        if prefers is None:
            continue
        needs = tuple(science_needs(kind.needs, kind.type.minutes, only))
        chance = chances[one.patient_id]
        waiting = Waiting(str(one.pk), needs, float(max(one.urgency, 1)), chance, prefers)
        try:
            # Somebody may ask for a kind of resource that is not here.
            waitlist_fit(calendar, _span(gap, zero), (waiting,))
        except CannotTell:
            continue
        asked[waiting.name] = waiting
    if not asked:
        return []
    found = []
    by_name = {str(one.pk): one for one in entries}
    # Of equals the last is chosen: so those who wait longest come last.
    order = list(asked.values()) if most is None else list(reversed(asked.values()))
    for fit in waitlist_fit(calendar, _span(gap, zero), order, most):
        start = datetime.fromtimestamp((zero + fit.slot.minute) * 60, UTC)
        entry = by_name[fit.name]
        end = start + timedelta(minutes=entry.visit_type.minutes)
        found.append(Fitting(entry, start, end, tuple(map(int, fit.slot.resources[1:])), fit.accepts))
    return found


def _named(one: WaitlistEntry) -> Named:
    """The people and rooms that are wished for, by kind."""
    found: dict[str, set[int]] = defaultdict(set)
    for resource in one.resources.all():
        found[resource.kind].add(resource.pk)
    return {kind: frozenset(ids) for kind, ids in sorted(found.items())}


def _span(gap: Gap, zero: int) -> Span:
    return Span(
        0, int(gap.starts_at.timestamp() // 60) - zero, min(int(gap.ends_at.timestamp() // 60) - zero, DAY)
    )


def _calendar(book: Book, zero: int) -> Calendar | None:
    """The day from a moment on, as it is free now: a gap may lie across midnight in UTC."""
    first = (zero - book.zero) // STEP
    many = DAY // STEP
    made = []
    for name, one in book.calendar.resources.items():
        free = book.calendar.free[name].get("", 0) >> first & ((1 << many) - 1)
        hours = tuple(Span(0, a * STEP, b * STEP) for a, b in runs(free))
        if hours:
            made.append(Bookable(name, one.kind, hours, (), one.skills))
    if not any(one.name == OPEN for one in made):
        return None
    return Calendar(1, made, STEP)


def _waiting(gap: Gap, local: datetime) -> list[WaitlistEntry]:
    """Who waits for such a day at this place, was not asked about it, and is not busy then."""
    minutes = (gap.ends_at - gap.starts_at).total_seconds() // 60
    entries = (
        WaitlistEntry.objects.filter(
            Q(latest=None) | Q(latest__gte=local.date()),
            organisation=gap.organisation_id,
            locations=gap.location_id,
            status=WaitlistEntry.Status.WAITING,
            earliest__lte=local.date(),
            visit_type__minutes__lte=minutes,
            patient__active=True,
        )
        .exclude(offers__gap=gap)
        .select_related("visit_type", "patient", "organisation")
        .prefetch_related("resources")
        .order_by("created_at", "pk")
    )
    found = [one for one in entries if not one.weekdays or local.weekday() in one.weekdays]
    busy = set(
        Visit.objects.filter(
            patient__in=[one.patient_id for one in found],
            status__in=Visit.OCCUPYING,
            starts_at__lt=gap.ends_at,
            ends_at__gt=gap.starts_at,
        ).values_list("patient_id", "pk")
    )
    return [
        one
        for one in found
        if not any(patient == one.patient_id and visit != one.instead_of_id for patient, visit in busy)
    ]


def _prefers(one: WaitlistEntry, gap: Gap, zone: ZoneInfo, zero: int) -> tuple[Span, ...] | None:
    """When of the day it may be; None where it may not be at all."""
    if one.not_before is None and one.not_after is None:
        return ()
    day = gap.starts_at.astimezone(zone).date()
    first = moment(day, one.not_before, zone) if one.not_before else gap.starts_at
    last = end_of(day, one.not_after, zone) if one.not_after else gap.ends_at
    start = max(int(first.timestamp() // 60) - zero, 0)
    end = min(int(last.timestamp() // 60) - zero, DAY)
    return (Span(0, start, end),) if start < end else None


def _chances(actor: Actor, patient_ids: list[int]) -> dict[int, float]:
    """The chance of a yes by patient, from the answers to earlier offers; where another was faster nobody knows."""
    # Counted at once: those of the patients by patient, all others under nobody.
    whose = Case(When(entry__patient__in=patient_ids, then="entry__patient"), default=None)
    counts = (
        Offer.objects.filter(
            entry__organisation=actor.organisation_id,
            status__in=(Offer.Status.CLAIMED, Offer.Status.LAPSED, Offer.Status.DECLINED),
        )
        .annotate(whose=whose)
        .values_list("whose", "status")
        .annotate(many=Count("pk"))
    )
    mine: Counter[tuple[int | None, str]] = Counter()
    everybody: Counter[str] = Counter()
    for patient, status, many in counts:
        mine[patient, status] += many
        everybody[status] += many
    all_asked, all_yes = sum(everybody.values()), everybody[Offer.Status.CLAIMED]
    found = {}
    for one in set(patient_ids):
        asked = sum(count for (patient, _), count in mine.items() if patient == one)
        found[one] = acceptance(mine[one, Offer.Status.CLAIMED], asked, all_yes, all_asked)
    return found
