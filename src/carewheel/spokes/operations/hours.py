"""Hours of places and resources as the database has them: when something is open, who is there, who is away."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from django.db.models import Q

from carewheel.practice.models import Closure, Leave, OpeningHours, Resource, WorkingHours
from carewheel.spokes.operations.rules.hours import Clock, HoursRule, LocalDays, Spans, both, minute
from carewheel.spokes.operations.rules.local_time import LAST

# Kinds that are there whenever their place is open, unless hours say otherwise.
STANDING = (Resource.Kind.ROOM, Resource.Kind.EQUIPMENT)
EVERY_DAY = [HoursRule(weekday, time(0), LAST) for weekday in range(7)]
# Id, home place, kind, name, order, version of its bookings.
Row = tuple[int, "int | None", str, str, int, int]


@dataclass(frozen=True, slots=True)
class There:
    """A resource and when it is at a place: ``spans`` of minutes since 1970 within opening hours; ``away``: leave and blocks."""

    id: int
    kind: str
    name: str
    capabilities: frozenset[int]
    version: int
    spans: Spans
    away: Spans


@dataclass(frozen=True, slots=True)
class PlaceHours:
    """A place over some days: when it is ``open`` (always but for closures, where nobody gave hours), and who and what is there."""

    zone: ZoneInfo
    open: Spans
    resources: tuple[There, ...]


@dataclass(slots=True)
class _Read:
    opening: dict[int, list[HoursRule]] = field(default_factory=lambda: defaultdict(list))
    closed: dict[int, set[date]] = field(default_factory=lambda: defaultdict(set))
    working: dict[int, dict[int, list[HoursRule]]] = field(
        default_factory=lambda: defaultdict(lambda: defaultdict(list))
    )
    able: dict[int, set[int]] = field(default_factory=lambda: defaultdict(set))
    away: dict[int, list[tuple[int, int]]] = field(default_factory=lambda: defaultdict(list))


def place_hours(
    zones: Mapping[int, str], first: datetime, last: datetime, only: Collection[int] | None = None
) -> dict[int, PlaceHours]:
    """Hours of places (zone by id) that matter between two moments, in six queries. ``only``: of these resources alone.

    Resources come in the order in which they are taken: those that can least first, so that who can more stays free for it.
    """
    read = _Read()
    places = list(zones)
    of_places = Q(location__in=places)
    of_resources = Q() if only is None else Q(resource__in=only)
    opening = OpeningHours.objects.filter(of_places).values_list("location_id", "weekday", "opens", "closes")
    for place, weekday, opens, closes in opening:
        read.opening[place].append(HoursRule(weekday, opens, closes))
    near = (first - timedelta(days=2)).date(), (last + timedelta(days=2)).date()
    for place, day in Closure.objects.filter(of_places, date__range=near).values_list("location_id", "date"):
        read.closed[place].add(day)
    rules = WorkingHours.objects.filter(of_places, of_resources, resource__active=True).values_list(
        "location_id", "resource_id", "weekday", "starts", "ends", "valid_from", "valid_until", "every_weeks"
    )
    for place, resource, weekday, starts, ends, since, until, every in rules:
        read.working[place][resource].append(HoursRule(weekday, starts, ends, since, until, every))
    ids = {resource for by_resource in read.working.values() for resource in by_resource}
    standing = Q(location__in=places, kind__in=STANDING)
    mine = Resource.objects.filter(
        Q(pk__in=ids) | (standing if only is None else standing & Q(pk__in=only)), active=True
    )
    rows = list(mine.values_list("pk", "location_id", "kind", "name", "order", "bookings_version"))
    listed = [row[0] for row in rows]
    through = Resource.capabilities.through.objects
    for resource, able in through.filter(resource__in=listed).values_list("resource_id", "capability_id"):
        read.able[resource].add(able)
    for resource, start, end in Leave.objects.filter(
        resource__in=listed, ends_at__gt=first, starts_at__lt=last
    ).values_list("resource_id", "starts_at", "ends_at"):
        read.away[resource].append((minute(start), -int(-end.timestamp() // 60)))
    by_place: dict[int, dict[int, Row]] = defaultdict(dict)
    known: dict[int, Row] = {row[0]: row for row in rows}
    for row in rows:
        if row[1] in zones and row[2] in STANDING:
            by_place[row[1]][row[0]] = row
    for place, by_resource in read.working.items():
        by_place[place].update((one, known[one]) for one in by_resource if one in known)
    # Wall clocks of a zone are the same moments at all its places.
    clocks: dict[str, Clock] = defaultdict(dict)
    return {
        place: _of_place(
            read, place, ZoneInfo(zone), list(by_place[place].values()), first, last, clocks[zone]
        )
        for place, zone in zones.items()
    }


def _of_place(
    read: _Read, place: int, zone: ZoneInfo, rows: Sequence[Row], first: datetime, last: datetime, clock: Clock
) -> PlaceHours:  # fmt: skip
    start = first.astimezone(zone).date() - timedelta(days=1)
    count = (last.astimezone(zone).date() - start).days + 1
    days = LocalDays(zone, start, count, read.closed[place], clock)
    open_ = days.spans(read.opening[place] or EVERY_DAY)
    there = []
    for resource, _, kind, name, order, version in rows:
        rules = read.working[place].get(resource)
        spans = both(days.spans(rules), open_) if rules else open_
        able = frozenset(read.able[resource])
        there.append(
            (
                (len(able), order, resource),
                There(resource, kind, name, able, version, spans, sorted(read.away[resource])),
            )
        )
    there.sort(key=lambda one: one[0])
    return PlaceHours(zone, open_, tuple(one for _, one in there))
