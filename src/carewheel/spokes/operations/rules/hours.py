"""When a place is open and a person there: rules by weekday, turned into spans of minutes since 1970 in UTC."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from carewheel.spokes.operations.rules.local_time import end_of, moment

Spans = list[tuple[int, int]]
# Minutes since 1970 of the times of days that were asked for, apart for beginnings and ends.
Clock = dict[tuple[date, time, bool], int]
MONDAY = date(1970, 1, 5)


@dataclass(frozen=True, slots=True)
class HoursRule:
    """Local times of a weekday (Monday 0), from a day to a day (inclusive), every so many weeks from the week of the first."""

    weekday: int
    starts: time
    ends: time
    valid_from: date | None = None
    valid_until: date | None = None
    every_weeks: int = 1

    def holds(self, day: date) -> bool:
        """Whether it says something about a day.

        >>> rule = HoursRule(0, time(8), time(12), valid_from=date(2026, 3, 2), every_weeks=2)
        >>> [rule.holds(date(2026, 3, n)) for n in (2, 9, 16)]
        [True, False, True]
        """
        if day.weekday() != self.weekday:
            return False
        if (self.valid_from and day < self.valid_from) or (self.valid_until and day > self.valid_until):
            return False
        if self.every_weeks == 1:
            return True
        first = self.valid_from or MONDAY
        return ((day - first).days + first.weekday()) // 7 % self.every_weeks == 0


class LocalDays:
    """Some local days of a zone; turns wall clocks into minutes, each only once (``known``: shared with other places of the zone)."""

    def __init__(
        self,
        zone: ZoneInfo,
        first: date,
        count: int,
        closed: Collection[date] = (),
        known: Clock | None = None,
    ) -> None:
        self.zone = zone
        days = [first + timedelta(days=n) for n in range(count)]
        self.by_weekday: list[list[date]] = [
            [d for d in days if d.weekday() == weekday and d not in closed] for weekday in range(7)
        ]
        self._known = {} if known is None else known

    def spans(self, rules: Iterable[HoursRule]) -> Spans:
        """What the rules say of these days, in order, touching spans made one."""
        found = [
            (self._minute(day, rule.starts, False), self._minute(day, rule.ends, True))
            for rule in rules
            for day in self.by_weekday[rule.weekday]
            if rule.holds(day)
        ]
        return union(found)

    def _minute(self, day: date, wall: time, ending: bool) -> int:
        key = day, wall, ending
        if key not in self._known:
            self._known[key] = minute((end_of if ending else moment)(day, wall, self.zone))
        return self._known[key]


def minute(when: datetime) -> int:
    """Whole minutes since 1970 in UTC, of an aware moment."""
    return int(when.timestamp() // 60)


def union(spans: Iterable[tuple[int, int]]) -> Spans:
    """In order, without empty ones, those that touch made one.

    >>> union([(5, 9), (1, 2), (2, 4), (7, 7)])
    [(1, 4), (5, 9)]
    """
    found: Spans = []
    for start, end in sorted(spans):
        if end <= start:
            continue
        if found and start <= found[-1][1]:
            found[-1] = found[-1][0], max(found[-1][1], end)
        else:
            found.append((start, end))
    return found


def both(one: Sequence[tuple[int, int]], other: Sequence[tuple[int, int]]) -> Spans:
    """Where both hold, of spans in order.

    >>> both([(0, 10), (20, 30)], [(5, 25)])
    [(5, 10), (20, 25)]
    """
    found: Spans = []
    i = j = 0
    while i < len(one) and j < len(other):
        start, end = max(one[i][0], other[j][0]), min(one[i][1], other[j][1])
        if start < end:
            found.append((start, end))
        if one[i][1] < other[j][1]:
            i += 1
        else:
            j += 1
    return found


def covers(spans: Iterable[tuple[int, int]], start: int, end: int) -> bool:
    """Whether one of the spans holds all of it."""
    return any(a <= start and end <= b for a, b in spans)


def meets(spans: Iterable[tuple[int, int]], start: int, end: int) -> bool:
    """Whether any of the spans overlaps it."""
    return any(a < end and start < b for a, b in spans)
