"""Numbers as people read them: no false precision, the unit in words, the interval in words."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from carewheel.catalog.amounts import currency_sign

NO_NUMBER = "–"
# What the unit of a card reads like after a number ("" = the number says it).
AFTER = {
    "share": "",
    "share a year": "a year",
    "points": "",
    "points of 100": "of 100",
    "count": "",
    "minutes": "min",
    "days": "days",
    "hours a year": "hours a year",
    "stars": "of 5",
}


def number(value: float | None, unit: str, currency: str = "") -> str:
    """A value of a card in its unit.

    >>> number(52.38, "points"), number(0.0691, "share"), number(1234.5, "money per patient", "USD")
    ('52', '6.9\\xa0%', '$1,234')
    """
    if value is None or not math.isfinite(value):
        return NO_NUMBER
    if unit.startswith("share"):
        percent = value * 100
        return f"{_rounded(percent, 1 if abs(percent) < 10 and percent % 1 else 0)}\N{NO-BREAK SPACE}%"
    if unit.startswith("money"):
        return amount(value, currency)
    if unit.startswith("new patients per"):
        return _rounded(value, 2)
    if unit == "stars":
        return _rounded(value, 1)
    if unit in ("count", "points"):
        return _rounded(value, 0)
    return _rounded(value, 1 if abs(value) < 10 else 0)


def amount(value: float | Decimal | str, currency: str = "") -> str:
    """An amount of money: cents below 100, whole units above.

    >>> amount(12.3, "USD"), amount("98765.4", "EUR"), amount(-50, "CHF")
    ('$12.30', '€98,765', '-CHF 50.00')
    """
    value = Decimal(str(value))
    digits = 2 if 0 < abs(value) < 100 else 0
    sign = "-" if value < 0 else ""
    return f"{sign}{currency_sign(currency)}{abs(value):,.{digits}f}"


def about(value: float | Decimal | str, currency: str = "") -> str:
    """An amount that is foreseen, in two figures: a forecast knows no more.

    >>> about(280773.59, "USD"), about("-1234.50", "USD")
    ('$280,000', '-$1,200')
    """
    return amount(float(f"{float(value):.2g}"), currency)


def foreseen(value: float, unit: str, currency: str = "") -> str:
    """A value of a model in the unit of its card: money in two figures, everything else as `number`.

    >>> foreseen(280773.59, "money", "USD"), foreseen(96.2, "money per patient", "USD"), foreseen(0.0691, "share")
    ('$280,000', '$96', '6.9\\xa0%')
    """
    if unit.startswith("money"):
        return about(value, currency).removesuffix(".00")
    return number(value, unit, currency)


def chance_words(share: float) -> str:
    """A chance that was counted in draws, which do not tell what is sure.

    >>> chance_words(0.9975), chance_words(0.42)
    ('over 99 %', '42 %')
    """
    return "over 99 %" if share > 0.99 else "below 1 %" if share < 0.01 else f"{share:.0%}".replace("%", " %")


def counted(count: int, thing: str) -> str:
    """So many of a thing whose plural takes an s.

    >>> counted(1, "further action"), counted(1234, "place")
    ('1 further action', '1,234 places')
    """
    return f"{count:,} {thing}" + ("" if count == 1 else "s")


def level(value: float) -> str:
    """How far a part lies from the usual, in reference standard deviations; nought has no sign.

    >>> level(1.26), level(-0.31), level(-0.04)
    ('+1.3', '-0.3', '0.0')
    """
    return f"{value:+.1f}" if abs(value) >= 0.05 else "0.0"


def between(low: float | None, high: float | None, unit: str, currency: str = "") -> str:
    """The interval in words; "" where there is none.

    >>> between(41.2, 57.8, "points")
    'between 41 and 58'
    """
    if low is None or high is None:
        return ""
    return f"between {number(low, unit, currency)} and {number(high, unit, currency)}"


def with_unit(value: float | None, unit: str, currency: str = "") -> str:
    """A value with the word of its unit after it."""
    text = number(value, unit, currency)
    after = AFTER.get(unit, unit.partition("money ")[2] if unit.startswith("money") else unit)
    return f"{text} {after}".strip() if text != NO_NUMBER else text


def target_words(measure: Mapping[str, Any]) -> str:
    """The target in words; "" without one.

    >>> target_words({"target": {"kind": "annual_change", "value": -0.15}, "unit": "money", "currency": "", "direction": "down"})
    'aim: 15 % less a year'
    """
    target = measure["target"]
    if not target:
        return ""
    if target["kind"] == "annual_change":
        more = "more" if target["value"] > 0 else "less"
        return f"aim: {abs(target['value']) * 100:.0f} % {more} a year"
    way = {"up": "at least", "down": "at most"}.get(measure["direction"], "")
    return f"aim: {way} {number(target['value'], measure['unit'], measure['currency'])}".replace("  ", " ")


def trend_words(measure: Mapping[str, Any]) -> str:
    """The year-over-year change in words, with what chance alone could do.

    >>> trend_words({"trend_per_year": None, "unit": "points", "currency": "", "relative_trend_per_year": None, "months_compared": 0})
    'no comparison with last year yet'
    """
    trend = measure["trend_per_year"]
    if not trend or trend["value"] is None:
        return "no comparison with last year yet"
    unit, currency, value = measure["unit"], measure["currency"], trend["value"]
    size = number(abs(value), unit, currency).replace("\N{NO-BREAK SPACE}%", " percentage points")
    way = "up" if value > 0 else "down"
    relative = measure["relative_trend_per_year"]
    if relative is not None and not unit.startswith(("share", "points")):
        size = f"{abs(relative) * 100:.0f} %"
    unsure = trend["low"] is not None and trend["low"] <= 0 <= trend["high"]
    return f"{way} {size} on a year before" + (" (may be chance)" if unsure else "")


def day_words(iso: str | None) -> str:
    """A date as people write it.

    >>> day_words("2025-03-04")
    '4 Mar 2025'
    """
    if not iso:
        return NO_NUMBER
    when = date.fromisoformat(iso)
    return f"{when.day} {when:%b %Y}"


def _rounded(value: float, digits: int) -> str:
    text = f"{value:,.{digits}f}"
    return text if any(c in "123456789" for c in text) else "0"
