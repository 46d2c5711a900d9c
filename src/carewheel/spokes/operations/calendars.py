"""Calendars in memory: who and what of a place is free when, as bits, four weeks at a time, read anew as far as the book has moved.

Only for looking: whoever books asks the database again, under lock. A calendar is in UTC, so that no day is 23 or 25 hours long; hours are
put into it as the moments that wall clocks mean (`rules.local_time`). Never ask within a transaction that may be taken back.
"""

from __future__ import annotations

import threading
from collections import OrderedDict, defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo

from django.db.models import Func, IntegerField

from carewheel.practice.models import Location, Occupancy, Resource, Visit
from carewheel.science.refusal import CannotTell
from carewheel.science.scheduling.allocation import Need
from carewheel.science.scheduling.allocation.bits import block
from carewheel.science.scheduling.slots import Bookable, Calendar, Search, Span
from carewheel.science.scheduling.slots.finding import Part
from carewheel.spokes.operations.hours import PlaceHours, place_hours
from carewheel.spokes.operations.rules.booking import STEP, NeedLine, interval
from carewheel.spokes.operations.rules.hours import Spans

DAYS = 28
# A visit that starts on the last day may end on a later one.
BEYOND = 2
DAY = 1440
STEPS = (DAYS + BEYOND) * DAY // STEP
# Calendars and searches kept: two windows of a group of 3,000 places, each with the searches of some visit types.
MOST, MOST_PARTS = 6_000, 64
# Places whose hours are read at once.
AT_ONCE = 400
OPEN = "open"
Named = Mapping[str, frozenset[int]]
# Id, zone, calendar version, bookings version.
PlaceRow = tuple[int, str, int, int]


class EpochSeconds(Func):
    """Seconds since 1970 of a moment: many rows are read at a fifth of the price of datetimes."""

    output_field = IntegerField()

    def as_sqlite(self, compiler, connection, **words):  # type: ignore[no-untyped-def]
        return self.as_sql(
            compiler, connection, template="CAST(strftime('%%%%s', %(expressions)s) AS INTEGER)", **words
        )

    def as_postgresql(self, compiler, connection, **words):  # type: ignore[no-untyped-def]
        return self.as_sql(
            compiler, connection, template="EXTRACT(EPOCH FROM %(expressions)s)::bigint", **words
        )


class Sought:
    """A visit that is looked for. ``only``: kinds with the resources among which theirs must be. ``key``: all of it as one text, hashed once for
    thousands of places."""

    __slots__ = ("key", "minutes", "needs", "only")

    def __init__(self, needs: Sequence[NeedLine], minutes: int, only: Named) -> None:
        self.needs, self.minutes, self.only = tuple(needs), minutes, only
        self.key = repr((self.minutes, self.needs, sorted((kind, sorted(ids)) for kind, ids in only.items())))


@dataclass(slots=True)
class Book:
    """One place and window. Bits count steps from its ``zero`` (minutes since 1970); ``lapses``: when holds in it next run out."""

    location_id: int
    zone: ZoneInfo
    zero: int
    rules_version: int
    calendar_version: int
    hours: PlaceHours
    calendar: Calendar
    opened: dict[int, int]
    versions: dict[int, int]
    lapses: dict[int, float] = field(default_factory=dict)
    read_at: float = 0.0
    parts: dict[str, tuple[int, Part] | None] = field(default_factory=dict)

    def part(self, sought: Sought) -> tuple[int, Part] | None:
        """The starts (as bits, at the times of the day that are offered) at which a visit fits, and the part that names resources for them; None
        where there are none."""
        # Another thread may put new bookings in meanwhile, and then a new table of parts: what was worked out before goes with the old one.
        parts = self.parts
        try:
            return parts[sought.key]
        except KeyError:
            if len(parts) >= MOST_PARTS:
                parts.clear()
            found = parts[sought.key] = self._part(sought)
            return found

    def _part(self, sought: Sought) -> tuple[int, Part] | None:
        asked = science_needs(sought.needs, sought.minutes, sought.only)
        try:
            part = Search(self.calendar, asked).part(0, DAYS * DAY // STEP)
        except CannotTell:  # nobody of a kind is here
            return None
        if not part.sites:
            return None
        offset = datetime.fromtimestamp(self.zero * 60, self.zone).utcoffset()
        raster = _raster(interval(sought.minutes), int(offset.total_seconds() // 60) if offset else 0)
        mask = part.sites[""][0] & raster
        return (mask, part) if mask else None

    def free(self, resource_id: int) -> Spans:
        """When a resource is there and not away, booked or not, in minutes since 1970."""
        return [
            (self.zero + a * STEP, self.zero + b * STEP) for a, b in runs(self.opened.get(resource_id, 0))
        ]


def as_they_are(organisation_id: int, location_ids: Collection[int] | None) -> list[PlaceRow]:
    """Places (None: all that are active) with the versions of their calendars, in order of their ids, for `books`."""
    places = Location.objects.filter(organisation=organisation_id, active=True)
    if location_ids is not None:
        places = places.filter(pk__in=location_ids)
    return list(places.order_by("pk").values_list("pk", "zone", "calendar_version", "bookings_version"))


def books(rows: Sequence[PlaceRow], window: int, at: datetime) -> list[Book]:
    """The calendars of places for a window, as new as the database, in their order."""
    now = at.timestamp()
    with _lock:
        anew: dict[int, tuple[str, int, int]] = {}
        moved: list[tuple[Book, int]] = []
        found: list[Book] = []
        for place, zone, version, bookings in rows:
            book = _kept.get((place, window))
            if book is None or book.rules_version != version - bookings:
                anew[place] = zone, version, bookings
            elif (
                book.calendar_version != version
                or now < book.read_at
                or (book.lapses and now >= min(book.lapses.values()))
            ):
                moved.append((book, version))
        for book, version in moved:
            _reread(book, now)
            book.calendar_version = version
        waiting = list(anew)
        for k in range(0, len(waiting), AT_ONCE):
            _build({place: anew[place] for place in waiting[k : k + AT_ONCE]}, window, now)
        for place, *_ in rows:
            key = place, window
            _kept.move_to_end(key)
            found.append(_kept[key])
        while len(_kept) > max(MOST, len(rows)):
            _kept.popitem(last=False)
        return found


def science_needs(needs: Sequence[NeedLine], minutes: int, only: Named) -> list[Need]:
    """What a visit needs as the search takes it, grown to whole steps: the place open throughout, then each need in order."""
    asked = [Need(OPEN, ((0, _up(minutes)),))]
    for need in needs:
        spans = ((need.from_minute // STEP * STEP, _up(need.to_minute)),)
        skills, names = frozenset(map(str, need.capabilities)), frozenset(map(str, only.get(need.kind, ())))
        asked.append(Need(need.kind, spans, skills, names))
    return asked


def window_of(when: datetime) -> int:
    """The window in which a moment lies."""
    return int(when.timestamp() // 86_400) // DAYS


def forget() -> None:
    """Throw away all calendars in memory: after a restore, or to measure a beginning."""
    with _lock:
        _kept.clear()


_kept: OrderedDict[tuple[int, int], Book] = OrderedDict()
_lock = threading.RLock()


def _build(places: dict[int, tuple[str, int, int]], window: int, now: float) -> None:
    first = datetime.fromtimestamp(window * DAYS * 86_400, UTC)
    last = first + timedelta(days=DAYS + BEYOND)
    zero = window * DAYS * DAY
    made: list[Book] = []
    for place, hours in place_hours({one: zone for one, (zone, _, _) in places.items()}, first, last).items():
        _, version, bookings = places[place]
        bookable = [Bookable(OPEN, OPEN, spans)] if (spans := _spans(hours.open, zero)) else []
        for one in hours.resources:
            if spans := _spans(one.spans, zero):
                able = frozenset(map(str, one.capabilities))
                bookable.append(Bookable(str(one.id), one.kind, spans, _spans(one.away, zero), able))
        # A place without any hours has a calendar on which nothing is.
        calendar = Calendar(DAYS + BEYOND, bookable or [Bookable(OPEN, "closed", (Span(0, 0, STEP),))], STEP)
        opened = {int(name): bits.get("", 0) for name, bits in calendar.free.items() if name != OPEN}
        versions = {one.id: one.version for one in hours.resources if one.id in opened}
        made.append(
            Book(place, hours.zone, zero, version - bookings, version, hours, calendar, opened, versions)
        )
    _take(made, {resource for book in made for resource in book.opened}, now)
    for book in made:
        _kept[book.location_id, window] = book


def _reread(book: Book, now: float) -> None:
    """Bookings of the resources whose bookings moved, or whose holds have run out since."""
    versions = dict(Resource.objects.filter(pk__in=book.opened).values_list("pk", "bookings_version"))
    stale = {
        one
        for one in book.opened
        if versions.get(one) != book.versions.get(one) or book.lapses.get(one, now + 1) <= now
    }
    if now < book.read_at:
        stale = set(book.opened)
    book.versions = {one: versions.get(one, -1) for one in book.opened}
    _take([book], stale, now)


def _take(made: Sequence[Book], resources: Collection[int], now: float) -> None:
    """Put what is booked of some resources into their calendars."""
    if not made:
        return
    for book in made:
        book.read_at = now
    if not resources:
        return
    zero = made[0].zero
    first = datetime.fromtimestamp(zero * 60, UTC)
    rows = (
        Occupancy.objects.filter(
            resource__in=resources, ends_at__gt=first, starts_at__lt=first + timedelta(days=DAYS + BEYOND)
        )
        .annotate(
            a=EpochSeconds("starts_at"), b=EpochSeconds("ends_at"), until=EpochSeconds("visit__hold_until")
        )
        .values_list("resource_id", "a", "b", "visit__status", "until")
    )
    taken: dict[int, int] = defaultdict(int)
    lapses: dict[int, float] = {}
    for resource, start, end, status, until in rows.iterator(5_000):
        if status == Visit.Status.PROPOSED and until is not None:
            if until <= now:
                continue
            lapses[resource] = min(until, lapses.get(resource, until))
        low, high = max(start // 60 - zero, 0) // STEP, -(-(end - zero * 60) // (STEP * 60))
        taken[resource] |= block(low, min(high, STEPS))
    for book in made:
        for resource in resources:
            if resource in book.opened:
                book.calendar.free[str(resource)] = {"": book.opened[resource] & ~taken[resource]}
                book.lapses.pop(resource, None)
                if resource in lapses:
                    book.lapses[resource] = lapses[resource]
        book.parts = {}


def _spans(spans: Spans, zero: int) -> tuple[Span, ...]:
    """Minutes since 1970 as spans of days of the window, cut at midnight and at its ends."""
    found = []
    for start, end in spans:
        a, b = max(start - zero, 0), min(end - zero, (DAYS + BEYOND) * DAY)
        while a < b:
            day = a // DAY
            found.append(Span(day, a % DAY, min(b - day * DAY, DAY)))
            a = (day + 1) * DAY
    return tuple(found)


def _up(minutes: int) -> int:
    return -(-minutes // STEP) * STEP


@cache
def _raster(step: int, offset: int) -> int:
    """The bits at which local minutes are multiples of a step."""
    every = step // STEP
    first = next(k for k in range(every) if (k * STEP + offset) % step == 0)
    return sum(1 << k for k in range(first, STEPS, every))


def runs(bits: int) -> Iterator[tuple[int, int]]:
    """First and last step (exclusive) of each run of set bits."""
    at = 0
    while bits:
        skip = (bits & -bits).bit_length() - 1
        bits >>= skip
        long = (~bits & (bits + 1)).bit_length() - 1
        yield at + skip, at + skip + long
        at += skip + long
        bits >>= long
