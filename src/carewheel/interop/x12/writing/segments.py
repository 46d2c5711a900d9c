"""Segments that all files share: amounts, days, addresses, providers and the interchange around the sets."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from functools import lru_cache

from carewheel.interop.writing import NotWritable
from carewheel.interop.x12.writing.outgoing import Envelope, Organisation
from carewheel.interop.x12.writing.refusals import Element, Shape, check_npi, text

NINE_DIGITS = Element("tax_id", r"\d{9}", "nine digits")
STATE = Element("state", "[A-Z]{2}", "two capital letters")
ZIP = Element("zip", r"\d{5}(?:\d{4})?", "five or nine digits")
PROCEDURE = Element("code", "[A-Z0-9]{5}", "five capital letters or digits")
_MODIFIER = Shape(Element("modifier", "[A-Z0-9]{2}", "two capital letters or digits"))
TAXONOMY = Element("taxonomy", "[A-Z0-9]{10}", "ten letters or digits")
ADDRESS = (text("address", 55), text("city", 30, 2), STATE, ZIP)
ORGANISATION = Shape(
    text("name", 60),
    Element("npi", r"\d{10}", "ten digits"),
    NINE_DIGITS,
    *ADDRESS[:3],
    Element("zip", r"\d{9}", "nine digits"),
    TAXONOMY,
    Element("phone", r"\d{10}", "ten digits"),
)
_ENVELOPE = Shape(
    text("sender", 15, 2),
    text("receiver", 15, 2),
    Element("control", "[1-9][0-9]{0,8}", "1 to 999999999"),
    Element("usage", "[TP]", "T or P"),
)


@lru_cache(maxsize=100_000)
def money(cents: int) -> str:
    """An amount as X12 writes it: exact, two decimals only where there are cents.

    >>> money(1250), money(-5), money(1200), money(0)
    ('12.50', '-0.05', '12', '0')
    """
    whole, rest = divmod(abs(cents), 100)
    sign = "-" if cents < 0 else ""
    return f"{sign}{whole}.{rest:02d}" if rest else f"{sign}{whole}"


@lru_cache(maxsize=100_000)
def day(value: date) -> str:
    """A day as CCYYMMDD.

    >>> day(date(2025, 3, 1))
    '20250301'
    """
    return f"{value.year:04d}{value.month:02d}{value.day:02d}"


def with_modifiers(where: str, code: str, modifiers: tuple[str, ...]) -> str:
    """A procedure code and its modifiers as components. Raises `NotWritable`: at most four, of two characters each.

    >>> with_modifiers("claim 1", "99213", ("25", "59"))
    '99213:25:59'
    """
    if not modifiers:
        return code
    if len(modifiers) > 4:
        raise NotWritable("modifiers", f"A line has over four modifiers ({where}).", "Give at most four.")
    for modifier in modifiers:
        _MODIFIER.check(where, (modifier,))
    return ":".join((code, *modifiers))


def check_organisation(where: str, organisation: Organisation) -> None:
    """Raise `NotWritable` unless name, numbers and address can stand in a file."""
    ORGANISATION.check(where, organisation)
    check_npi(where, organisation.npi)


def check_envelope(envelope: Envelope) -> None:
    """Raise `NotWritable` unless the interchange's names and number fit their places."""
    _ENVELOPE.check("envelope", (envelope.sender, envelope.receiver, str(envelope.control), envelope.usage))


def transaction_set(code: str, number: int, version: str, body: str) -> str:
    """ST, the body and SE with its count; ``body`` is whole segments. ST03 only where ``version`` is given.

    >>> transaction_set("835", 1, "", "BPR*H*0~\\n")
    'ST*835*0001~\\nBPR*H*0~\\nSE*3*0001~\\n'
    """
    head = f"ST*{code}*{number:04d}*{version}~\n" if version else f"ST*{code}*{number:04d}~\n"
    # No element holds a terminator (see refusals), so their number is the number of segments.
    return f"{head}{body}SE*{body.count('~') + 2}*{number:04d}~\n"


def interchange(envelope: Envelope, group: str, version: str, sets: Sequence[str]) -> list[str]:
    """The parts of a file: ISA and GS, the sets, GE and IEA. Raises `NotWritable` where there is no set."""
    if not sets:
        raise NotWritable("nothing-to-write", "There is nothing to write.", "Give at least one.")
    at, control = envelope.written_at, envelope.control
    clock = f"{at.hour:02d}{at.minute:02d}"
    sender, receiver = envelope.sender, envelope.receiver
    return [
        f"ISA*00*{'':10}*00*{'':10}*ZZ*{sender:15}*ZZ*{receiver:15}*{day(at.date())[2:]}*{clock}*^*00501"
        f"*{control:09d}*0*{envelope.usage}*:~\n"
        f"GS*{group}*{sender}*{receiver}*{day(at.date())}*{clock}*{control}*X*{version}~\n",
        *sets,
        f"GE*{len(sets)}*{control}~\nIEA*1*{control:09d}~\n",
    ]
