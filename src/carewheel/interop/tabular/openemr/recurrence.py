"""Repeating events of OpenEMR's calendar, expanded to their days.

pc_recurrtype: 0 once; 1 every n days, weeks, months, years or working days; 2 the nth weekday of every n months; 3 on
given weekdays of every week. pc_recurrspec is a PHP-serialised table that says the rest. Expansion ends with pc_endDate
and never goes beyond `HORIZON_DAYS` after the import, nor beyond `MOST` days of one event.

A day of the month that a month lacks is skipped (the 31st comes seven times a year), and 29 February comes in leap years
only: nothing is moved to a day on which nobody was booked.
"""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Iterator
from datetime import date, timedelta
from itertools import count

HORIZON_DAYS = 366
MOST = 4000

_PAIR = re.compile(r's:\d+:"(?P<key>[a-z_]+)";(?:s:\d+:"(?P<text>[^"]*)"|i:(?P<number>-?\d+))')
_DAY, _WEEK, _MONTH, _YEAR, _WORKDAY = "0", "1", "2", "3", "4"


def specification(serialised: str) -> dict[str, str]:
    """The pairs of a PHP-serialised pc_recurrspec.

    >>> specification('a:2:{s:17:"event_repeat_freq";s:1:"2";s:6:"exdate";s:8:"20250310";}')
    {'event_repeat_freq': '2', 'exdate': '20250310'}
    """
    return {
        match["key"]: match["text"] if match["text"] is not None else match["number"]
        for match in _PAIR.finditer(serialised)
    }


def days(first: date, kind: str, serialised: str, last: date | None, today: date) -> list[date]:
    """Every day on which an event takes place. Raises `ValueError` for a rule that is not known.

    >>> spec = 's:17:"event_repeat_freq";s:1:"1";s:22:"event_repeat_freq_type";s:1:"2";'
    >>> [str(d) for d in days(date(2025, 1, 31), "1", spec, date(2025, 5, 31), date(2025, 1, 1))]
    ['2025-01-31', '2025-03-31', '2025-05-31']
    """
    if kind in ("", "0"):
        return [first]
    spec = specification(serialised)
    end = min(last or date.max, today + timedelta(HORIZON_DAYS))
    left_out = set(re.findall(r"\d{8}", spec.get("exdate", "")))
    found: list[date] = []
    for day in _rule(first, kind, spec):
        if day > end or len(found) >= MOST:
            break
        if f"{day:%Y%m%d}" not in left_out:
            found.append(day)
    return found


def _rule(first: date, kind: str, spec: dict[str, str]) -> Iterator[date]:
    if kind == "1":
        yield from _every(first, _positive(spec, "event_repeat_freq"), spec.get("event_repeat_freq_type", ""))
    elif kind == "2":
        months = _positive(spec, "event_repeat_on_freq")
        nth, weekday = int(spec["event_repeat_on_num"]), int(spec["event_repeat_on_day"])
        if not (1 <= nth <= 5 and 0 <= weekday <= 6):
            raise ValueError("event_repeat_on")
        for step in count():
            month = _month(first, step * months)
            if month is None:
                return
            day = _nth_weekday(month, nth, weekday)
            if day is not None and day >= first:
                yield day
    elif kind == "3":
        # Days of the week from 1 = Sunday.
        wanted = {int(part) for part in spec["event_repeat_freq"].split(",")}
        if not wanted or not wanted <= set(range(1, 8)):
            raise ValueError("event_repeat_freq")
        for step in count():
            day = _later(first, step)
            if day is None:
                return
            if day.isoweekday() % 7 + 1 in wanted:
                yield day
    else:
        raise ValueError("pc_recurrtype")


def _every(first: date, every: int, unit: str) -> Iterator[date]:
    if unit not in (_DAY, _WEEK, _MONTH, _YEAR, _WORKDAY):
        raise ValueError("event_repeat_freq_type")
    if unit == _WORKDAY:
        working = 0
        for step in count():
            day = _later(first, step)
            if day is None:
                return
            if day.isoweekday() <= 5:
                if working % every == 0:
                    yield day
                working += 1
    for step in count():
        if unit in (_DAY, _WEEK):
            day = _later(first, step * every * (7 if unit == _WEEK else 1))
        else:
            month = _month(first, step * every * (12 if unit == _YEAR else 1))
            if month is None:
                return
            if first.day > monthrange(month.year, month.month)[1]:
                continue
            day = month.replace(day=first.day)
        if day is None:
            return
        yield day


def _positive(spec: dict[str, str], key: str) -> int:
    number = int(spec.get(key) or 1)
    if number < 1:
        raise ValueError(key)
    return number


def _later(first: date, by: int) -> date | None:
    try:
        return first + timedelta(by)
    except OverflowError:
        return None


def _month(first: date, later: int) -> date | None:
    months = first.year * 12 + first.month - 1 + later
    return date(months // 12, months % 12 + 1, 1) if months // 12 <= 2199 else None


def _nth_weekday(month: date, nth: int, weekday: int) -> date | None:
    """The nth (5 = last) weekday (0 = Sunday) of a month."""
    length = monthrange(month.year, month.month)[1]
    offset = (weekday - month.isoweekday() % 7) % 7
    numbers = list(range(1 + offset, length + 1, 7))
    if nth == 5:
        return month.replace(day=numbers[-1])
    return month.replace(day=numbers[nth - 1])
