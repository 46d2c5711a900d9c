"""Months as plans count them: a text such as 2025-01, and how many lie between two."""

from __future__ import annotations

import calendar
import re
from datetime import date

from carewheel.wheel.measured import last_full_month_end
from carewheel.wheel.plans.refusals import PlanRefused

_FORM = re.compile(r"(\d{4})-(\d{2})")


def month_of(text: str) -> date:
    """The first day of a month written YEAR-MONTH. Raises `PlanRefused` (``plan.month``).

    >>> month_of("2025-01")
    datetime.date(2025, 1, 1)
    """
    found = _FORM.fullmatch(text)
    if found and 1900 <= int(found[1]) <= 2200 and 1 <= int(found[2]) <= 12:
        return date(int(found[1]), int(found[2]), 1)
    raise PlanRefused(
        "plan.month", f"{text!r} is no month.", "Write the year and the month, for example 2025-01."
    )


def months_between(first: date, later: date) -> int:
    """How many months ``later`` lies after ``first``; days do not count.

    >>> months_between(date(2023, 1, 1), date(2025, 3, 31))
    26
    """
    return (later.year - first.year) * 12 + later.month - first.month


def month_after(first: date, months: int) -> date:
    """The first day of the month that lies ``months`` after that of ``first``.

    >>> month_after(date(2024, 11, 30), 3)
    datetime.date(2025, 2, 1)
    """
    number = first.year * 12 + first.month - 1 + months
    return date(number // 12, number % 12 + 1, 1)


def last_day(month: date) -> date:
    """The last day of a month.

    >>> last_day(date(2024, 2, 1))
    datetime.date(2024, 2, 29)
    """
    return month.replace(day=calendar.monthrange(month.year, month.month)[1])


def known_month(as_of: date) -> date:
    """The first day of the last month that has wholly passed at ``as_of`` (inclusive).

    >>> known_month(date(2024, 12, 31)), known_month(date(2024, 12, 30))
    (datetime.date(2024, 12, 1), datetime.date(2024, 11, 1))
    """
    return last_full_month_end(as_of).replace(day=1)
