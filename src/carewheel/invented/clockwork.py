"""Days and months of the window: working days, and which month a day lies in."""

from __future__ import annotations

from datetime import date, timedelta
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from carewheel.invented.book import day_number, to_date

Ints = npt.NDArray[np.int64]


@lru_cache(maxsize=256)
def holidays(year: int) -> frozenset[date]:
    """The six holidays on which every place is closed."""
    return frozenset(named_holidays(year))


def named_holidays(year: int) -> dict[date, str]:
    """The holidays of a year by their names.

    >>> holidays = named_holidays(2025)
    >>> holidays[date(2025, 1, 1)], holidays[date(2025, 11, 27)], len(holidays)
    ("New Year's Day", 'Thanksgiving', 6)
    """

    def nth(month: int, weekday: int, n: int) -> date:
        first = date(year, month, 1)
        return first + timedelta(days=(weekday - first.weekday()) % 7 + 7 * (n - 1))

    last_monday_of_may = date(year, 5, 31) - timedelta(days=date(year, 5, 31).weekday())
    return {
        date(year, 1, 1): "New Year's Day",
        last_monday_of_may: "Memorial Day",
        date(year, 7, 4): "Independence Day",
        nth(9, 0, 1): "Labor Day",
        nth(11, 3, 4): "Thanksgiving",
        date(year, 12, 25): "Christmas Day",
    }


def holidays_around(year: int) -> dict[date, str]:
    """The holidays of a year, the one before and the one after, by their names."""
    return {day: name for one in (year - 1, year, year + 1) for day, name in named_holidays(one).items()}


@lru_cache(maxsize=512)
def _working_days(first: int, end: int) -> tuple[int, ...]:
    days = (to_date(d) for d in range(first, end))
    return tuple(day_number(d) for d in days if d.weekday() < 5 and d not in holidays(d.year))


def working_days(first: int, end: int) -> Ints:
    """Day numbers from ``first`` up to, not including, ``end`` on which places are open."""
    return np.array(_working_days(int(first), int(end)), dtype=np.int64)


def month_of(days: npt.ArrayLike, month_starts: Ints) -> Ints:
    """Number of the window's month for each day; -1 before it, len(month_starts) - 1 after it."""
    return np.asarray(np.searchsorted(month_starts, np.asarray(days), side="right") - 1, dtype=np.int64)
