"""Single values of a table: dates, moments, money, numbers, flags. Nothing is guessed; what is unclear is refused.

Unknown dates (empty, outside 1900-01-02..2199-12-31: placeholders such as 0001-01-01, 1900-01-01, 2999-12-31) are None.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import date, datetime, time
from decimal import Decimal

FIRST_YEAR = 1900
LAST_YEAR = 2199
# The first of January 1900 is what many databases write where they know no date.
UNKNOWN_DAY = date(FIRST_YEAR, 1, 1)
# What exports write where there is no value. "NA" is not here: it is also a person's or a case's id.
NOTHING = frozenset({"", "NULL", "null", "\\N"})
_NO_DATE = re.compile(r"0{1,4}[-/]0{1,2}[-/]0{1,2}")
_ISO_DATE = re.compile(r"\d{4}([-/])\d{1,2}\1\d{1,2}")
_PLAIN = re.compile(r"[-+]?(\d+(\.\d+)?|\.\d+)")
_GROUPED = {
    ".": re.compile(r"[-+]?\d{1,3}(,\d{3})+(\.\d+)?"),
    ",": re.compile(r"[-+]?\d{1,3}([. \u00a0\u202f]\d{3})*(,\d+)?|[-+]?\d+(,\d+)?"),
}
_TRUE = frozenset({"1", "true", "yes", "y", "t"})
_FALSE = frozenset({"0", "false", "no", "n", "f"})
CACHE = 20_000


class ValueRefused(Exception):
    """One value cannot be read. Carries a code, a reason and a remedy, never the value itself."""

    def __init__(self, code: str, why: str, remedy: str) -> None:
        super().__init__(code)
        self.code = code
        self.why = why
        self.remedy = remedy


class Remembered(dict[str, object]):
    """A reader of one kind of value that remembers what it has read: columns repeat themselves."""

    def __init__(self, read: Callable[[str], object]) -> None:
        super().__init__()
        self._read = read

    def __missing__(self, text: str) -> object:
        value = self._read(text)
        if len(self) < CACHE:
            self[text] = value
        return value


def read_date(text: str, formats: Sequence[str] = ()) -> date | None:
    """A day. ISO (``2025-03-04``, ``2025/3/4``) needs no format; anything else needs one of ``formats``.

    Raises `ValueRefused` for text that is no date, and for dates that ``formats`` can read in two ways.

    >>> read_date("2025-03-04"), read_date("04/03/2025", ["%d/%m/%Y"]), read_date("0001-01-01")
    (datetime.date(2025, 3, 4), datetime.date(2025, 3, 4), None)
    >>> read_date("03/04/2025")
    Traceback (most recent call last):
    ...
    carewheel.interop.tabular.values.ValueRefused: csv.ambiguous-date
    """
    moment = read_moment(text, formats)
    return None if moment is None else moment.date()


def read_moment(text: str, formats: Sequence[str] = ()) -> datetime | None:
    """A moment: aware where the text has an offset, else naive. A day without a time is that day at 00:00, naive.

    >>> read_moment("2025/03/04 07:08:09.000")
    datetime.datetime(2025, 3, 4, 7, 8, 9)
    """
    text = text.strip()
    if text in NOTHING:
        return None
    if not formats and text[4:5] == "-" and text[5:6].isdigit() and text[7:8] == "-":
        # The common case, ten times as fast; what it cannot read goes the long way.
        try:
            quick = datetime.fromisoformat(text)
            return quick if _is_known(quick) else None
        except ValueError:
            pass
    found: set[datetime] = set()
    for pattern in formats:
        try:
            found.add(datetime.strptime(text, pattern))  # noqa: DTZ007  (the sink knows the zone)
        except ValueError:
            continue
    if len(found) > 1:
        raise ValueRefused(
            "csv.ambiguous-date",
            "Two of the date formats read it differently.",
            "Keep only the right one in date_formats.",
        )
    moment = found.pop() if found else _iso_moment(text, formats)
    return moment if moment is not None and _is_known(moment) else None


def _is_known(moment: datetime) -> bool:
    return FIRST_YEAR <= moment.year <= LAST_YEAR and moment.date() != UNKNOWN_DAY


def _iso_moment(text: str, formats: Sequence[str]) -> datetime | None:
    match = _ISO_DATE.match(text)
    if match is None:
        if re.fullmatch(r"\d{1,2}[-/.]\d{1,2}[-/.](\d{2}|\d{4})( .*)?", text) and not formats:
            raise ValueRefused(
                "csv.ambiguous-date",
                "Day and month cannot be told apart.",
                'Say how dates are written: date_formats = ["%d/%m/%Y"] in a mapping, else --date-format "%d/%m/%Y".',
            )
        raise ValueRefused(
            "csv.bad-date",
            "It is not a date in a known format.",
            "Add its format: date_formats in a mapping, else --date-format.",
        )
    day = match.group().replace("/", "-")
    if _NO_DATE.fullmatch(day) or "-00" in day or "-0-" in day:
        return None
    year, month, number = day.split("-")
    try:
        whole = date(int(year), int(month), int(number)) if int(year) else None
        if whole is None:
            return None
        rest = text[match.end() :].lstrip("T ")
        if not rest:
            return datetime.combine(whole, time())
        return datetime.fromisoformat(f"{whole.isoformat()}T{rest.replace(' ', '')}")
    except ValueError as error:
        raise ValueRefused(
            "csv.bad-date", "There is no such date or time.", "Mend it in the source."
        ) from error


def read_money(text: str, decimal: str = "") -> Decimal | None:
    """An amount, exactly as written. ``decimal`` is the decimal sign of the source ("" = a point, and commas are suspect).

    Currency signs and well-formed thousands separators are dropped; parentheses mean minus. Raises `ValueRefused` for
    anything else, and for more than four decimals: an amount is never rounded here.

    >>> read_money("$1,234.50"), read_money("(12.00)"), read_money("1.234,5", ",")
    (Decimal('1234.50'), Decimal('-12.00'), Decimal('1234.5'))
    >>> read_money("12,50")
    Traceback (most recent call last):
    ...
    carewheel.interop.tabular.values.ValueRefused: csv.ambiguous-amount
    """
    plain = text.strip()
    if plain in NOTHING:
        return None
    if _PLAIN.fullmatch(plain) and decimal != ",":
        amount = Decimal(plain)
    else:
        minus = plain.startswith("(") and plain.endswith(")")
        bare = (plain[1:-1] if minus else plain).strip()
        bare = re.sub(r"^([-+]?)\s*[$£€]\s*|\s*[$£€]$", r"\1", bare)
        if bare.startswith(("-", "+")) and minus:
            raise _bad_amount()
        if not decimal and re.fullmatch(r"[-+]?\d+,\d+", bare):
            raise ValueRefused(
                "csv.ambiguous-amount",
                "The comma may mark thousands or decimals.",
                'Say decimal = "," or decimal = "." in the mapping.',
            )
        if _PLAIN.fullmatch(bare) and decimal != ",":
            amount = Decimal(bare)
        elif _GROUPED[decimal or "."].fullmatch(bare):
            drop = re.sub(r"[. \u00a0\u202f]" if decimal == "," else ",", "", bare)
            amount = Decimal(drop.replace(",", "."))
        else:
            raise _bad_amount()
        amount = -amount if minus else amount
    exponent = amount.as_tuple().exponent
    if isinstance(exponent, int) and exponent < -4 and amount != amount.quantize(Decimal("0.0001")):
        raise ValueRefused(
            "csv.too-precise-amount",
            "It has more than four decimals.",
            "Round it in the source: amounts are not rounded here.",
        )
    return amount


def _bad_amount() -> ValueRefused:
    return ValueRefused(
        "csv.bad-amount", "It is not an amount of money.", "Mend it, or state decimal in the mapping."
    )


def read_number(text: str, decimal: str = "") -> float | None:
    """A finite number, with the same separators as money.

    >>> read_number("4.0"), read_number("")
    (4.0, None)
    """
    plain = text.strip()
    if plain in NOTHING:
        return None
    if decimal == ",":
        plain = plain.replace(",", ".")
    if not re.fullmatch(r"[-+]?(\d+(\.\d*)?|\.\d+)([eE][-+]?\d{1,2})?", plain):
        raise ValueRefused("csv.bad-number", "It is not a number.", "Mend it in the source.")
    number = float(plain)
    if abs(number) > 1e18:
        raise ValueRefused("csv.bad-number", "No count or measure is that large.", "Mend it in the source.")
    return number


def read_flag(text: str) -> bool | None:
    """Yes or no in the usual spellings (1/0, true/false, yes/no, y/n); raises `ValueRefused` for anything else."""
    plain = text.strip().lower()
    if plain in NOTHING or plain == "null":
        return None
    if plain in _TRUE:
        return True
    if plain in _FALSE:
        return False
    raise ValueRefused(
        "csv.bad-flag", "It is neither yes nor no.", "Map it, e.g. map = { A = true, B = false }."
    )


def read_text(text: str) -> str:
    """Text without the spaces around it; the marks of nothing are "".

    >>> read_text(" NA "), read_text("NULL")
    ('NA', '')
    """
    text = text.strip()
    return "" if text in NOTHING else text
