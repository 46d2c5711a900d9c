"""Wall clocks and moments: what a local time of a day means when the clock jumps."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

MINUTE = timedelta(minutes=1)
# A place that closes at 23:59 is open until midnight: a wall clock has no 24:00.
LAST = time(23, 59)


def exists(day: date, wall: time, zone: ZoneInfo) -> bool:
    """Whether the clocks of a zone show this time on that day.

    >>> exists(date(2026, 3, 8), time(2, 30), ZoneInfo("America/New_York"))
    False
    """
    local = datetime.combine(day, wall, zone)
    return local.astimezone(UTC).astimezone(zone).replace(tzinfo=None) == local.replace(tzinfo=None)


def moment(day: date, wall: time, zone: ZoneInfo) -> datetime:
    """The moment, in UTC, at which the clocks show a time. One that is skipped is that of the jump; one shown twice is the first.

    >>> new_york = ZoneInfo("America/New_York")
    >>> moment(date(2026, 3, 8), time(2, 30), new_york).isoformat()
    '2026-03-08T07:00:00+00:00'
    >>> moment(date(2026, 11, 1), time(1, 30), new_york).isoformat()
    '2026-11-01T05:30:00+00:00'
    """
    local = datetime.combine(day, wall, zone)
    found = local.astimezone(UTC)
    if exists(day, wall, zone):
        return found
    # With fold 0 a skipped time is read by the clock before the jump, with fold 1 by the one after: the jump lies between.
    low, high = local.replace(fold=1).astimezone(UTC), found
    before = low.astimezone(zone).utcoffset()
    while high - low > MINUTE:
        middle = low + (high - low) // 2 // MINUTE * MINUTE
        low, high = (middle, high) if middle.astimezone(zone).utcoffset() == before else (low, middle)
    return high


def end_of(day: date, wall: time, zone: ZoneInfo) -> datetime:
    """As `moment`, for the end of something; 23:59 and later is midnight."""
    return moment(day + timedelta(days=1), time(0), zone) if wall >= LAST else moment(day, wall, zone)


def bounds(day: date, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """First moment of a local day and of the next: 23, 24 or 25 hours apart.

    >>> a, b = bounds(date(2026, 11, 1), ZoneInfo("America/New_York"))
    >>> (b - a).total_seconds() / 3600
    25.0
    """
    return moment(day, time(0), zone), moment(day + timedelta(days=1), time(0), zone)
