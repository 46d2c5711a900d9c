"""What may stand in a fact's column, whatever a reader hands over: bounded texts and keys, known zones, possible amounts."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from functools import lru_cache
from hashlib import blake2b
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

FIRST_YEAR, LAST_YEAR = 1900, 2199
# Money is kept with 14 places before the point; an amount beyond is no amount of a practice.
LARGEST_MONEY_DIGITS = 14
LONGEST_TEXT = 200


def plain_text(value: str) -> str:
    """Codes and identifiers as they are, without control characters and of bounded length."""
    if value.isprintable() and len(value) <= LONGEST_TEXT:
        return value
    return "".join(c for c in value if c.isprintable())[:LONGEST_TEXT]


def row_key(value: str) -> str:
    """A row's own id as it is; one that is too long or not printable by its hash, so that no two become one."""
    if value.isprintable() and len(value) <= LONGEST_TEXT:
        return value
    return blake2b(value.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def currency_code(value: str) -> str:
    """A stated currency if it is a code, else none: what stands there instead is nobody's business."""
    return value if len(value) == 3 and value.isascii() and value.isupper() else ""


@lru_cache(maxsize=1000)
def known_zone(value: str) -> str:
    """A stated time zone if there is one of that name, else none."""
    try:
        return ZoneInfo(value).key if value else ""
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return ""


def plausible_day(value: date | None) -> date | None:
    return value if value is None or FIRST_YEAR <= value.year <= LAST_YEAR else None


def is_possible_amount(amount: Decimal) -> bool:
    return amount.is_finite() and amount.adjusted() < LARGEST_MONEY_DIGITS


def offset_name(moment: datetime) -> str:
    name = moment.strftime("%z")
    return f"{name[:3]}:{name[3:5]}"
