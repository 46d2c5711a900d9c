"""Values as X12 writes them: amounts, days, NPIs. Nothing is repaired: what is not valid is None."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date, datetime
from decimal import Decimal

_AMOUNT = re.compile(r"-?(?:\d+\.?\d*|\.\d+)")
# Amounts, days and NPIs repeat: remembering them makes reading several times faster. The bound keeps memory bounded.
# The guides 005010X222/X223/X224/X221: amounts are US dollars unless a CUR segment says otherwise.
DEFAULT_CURRENCY = "USD"
_BOUND = 200_000
_amounts: dict[str, Decimal | None] = {}
_days: dict[str, date | None] = {}
_npis: dict[str, bool] = {}


def amount(text: str) -> Decimal | None:
    """A decimal number as X12 writes it, exactly; None where it is none.

    >>> amount("79.04"), amount("-.5"), amount("1,000"), amount("")
    (Decimal('79.04'), Decimal('-0.5'), None, None)
    """
    try:
        return _amounts[text]
    except KeyError:
        value = Decimal(text) if len(text) <= 20 and text.isascii() and _AMOUNT.fullmatch(text) else None
        if len(_amounts) < _BOUND:
            _amounts[text] = value
        return value


def day(text: str) -> date | None:
    """A day from CCYYMMDD, or the first of a range CCYYMMDD-CCYYMMDD; None where it is none or not in 1900–2199.

    >>> day("20240229"), day("20240301-20240305"), day("20230229"), day("00010101")
    (datetime.date(2024, 2, 29), datetime.date(2024, 3, 1), None, None)
    """
    try:
        return _days[text]
    except KeyError:
        value = None
        if len(text) in (8, 12, 17) and text[:8].isascii() and text[:8].isdigit():
            try:
                value = date(int(text[:4]), int(text[4:6]), int(text[6:8]))
            except ValueError:
                value = None
            if value is not None and not 1900 <= value.year <= 2199:
                value = None
        if len(_days) < _BOUND:
            _days[text] = value
        return value


def moment(day_text: str, time_text: str) -> datetime | None:
    """A naive moment (wall clock of the sender) from CCYYMMDD and HHMM; midnight where there is no valid time.

    >>> moment("20061015", "1023")
    datetime.datetime(2006, 10, 15, 10, 23)
    """
    found = day(day_text)
    if found is None:
        return None
    hour, minute = 0, 0
    if len(time_text) >= 4 and time_text[:4].isascii() and time_text[:4].isdigit():
        hour, minute = int(time_text[:2]), int(time_text[2:4])
    if hour > 23 or minute > 59:
        hour = minute = 0
    return datetime(found.year, found.month, found.day, hour, minute)  # noqa: DTZ001 — the sender's wall clock


def npi_is_valid(npi: str) -> bool:
    """Whether the last digit of an NPI is its check digit (Luhn over 80840 and the number).

    >>> npi_is_valid("1234567893"), npi_is_valid("1234567890")
    (True, False)
    """
    try:
        return _npis[npi]
    except KeyError:
        valid = len(npi) == 10 and npi.isascii() and npi.isdigit()
        if valid:
            total = 24  # what 80840 contributes
            for place, digit in enumerate(reversed(npi)):
                value = int(digit) * (2 if place % 2 else 1)
                total += value - 9 if value > 9 else value
            valid = total % 10 == 0
        if len(_npis) < _BOUND:
            _npis[npi] = valid
        return valid


def total(amounts: Iterable[Decimal]) -> Decimal:
    """The sum, exactly.

    >>> total([])
    Decimal('0')
    """
    return sum(amounts, Decimal(0))


def element(elements: list[str], number: int) -> str:
    """The element with this number, "" where the segment is shorter.

    >>> element(["CLM", "A1", "10"], 2), element(["CLM"], 5)
    ('10', '')
    """
    return elements[number] if number < len(elements) else ""
