"""Names and contacts of HL7 v2 messages (PID, and who is named as practitioner), for sinks that ask for them (`records.persons`)."""

from __future__ import annotations

from collections.abc import Iterator

from carewheel.interop.hl7v2.messages import Message, moment
from carewheel.interop.hl7v2.people import patient_key, recorded_at
from carewheel.interop.records.persons import PersonRecord

# Kinds of name (table 0200): legal and display go before the rest; aliases, maiden names and made-up ones are never used.
_NAMES = ("L", "D", "N", "")
_NEVER = frozenset({"A", "B", "M", "S", "U"})
# Equipment (table 0202), the first that there is.
_PHONES = ("CP", "PH", "")


def persons(message: Message) -> Iterator[PersonRecord]:
    """The patient of the PID, and the practitioners that AIP or PV1 name."""
    segment, key = message.first("PID"), patient_key(message)
    if key:
        family, given = _name(message, message.repetitions(segment, 5))
        born = message.value(segment, 7)[:8]
        birth = moment(born) if len(born) == 8 else None
        numbers = [*message.repetitions(segment, 13), *message.repetitions(segment, 14)]
        yield PersonRecord(
            "patient",
            key,
            given,
            family,
            birth.date() if birth else None,
            _phone(message, numbers),
            _email(message, [*numbers, *message.repetitions(segment, 40)]),
            message.value(segment, 15),
            recorded_at=recorded_at(message),
        )
    for name, field in (("AIP", 3), ("PV1", 7)):
        text = next(iter(message.repetitions(message.first(name), field)), "")
        if message.part(text) and (message.part(text, 2) or message.part(text, 3)):
            yield PersonRecord(
                "provider", message.part(text), message.part(text, 3), message.part(text, 2), recorded_at=recorded_at(message)
            )  # fmt: skip


def _name(message: Message, given: list[str]) -> tuple[str, str]:
    """Family and given names of the name that is used."""
    kinds = [(message.part(text, 7).upper(), text) for text in given]
    usable = [text for want in _NAMES for kind, text in kinds if kind == want]
    usable += [text for kind, text in kinds if kind not in (*_NAMES, *_NEVER)]
    text = usable[0] if usable else ""
    return message.part(text, 1), " ".join(filter(None, (message.part(text, 2), message.part(text, 3))))


def _phone(message: Message, given: list[str]) -> str:
    """A mobile number before others: as one text (XTN-12, or the old XTN-1), else from its parts."""
    numbers = []
    for text in given:
        equipment = message.part(text, 3).upper()
        whole = message.part(text, 12) or message.part(text, 1)
        country, area, local = (message.part(text, place) for place in (5, 6, 7))
        number = whole or (
            "+" * bool(country) + " ".join(filter(None, (country, area, local))) if local else ""
        )
        if (
            number
            and "@" not in number
            and equipment not in ("FX", "INTERNET", "X.400", "BP", "MD", "TDD", "TTY")
        ):
            numbers.append((equipment, number))
    return next((number for want in _PHONES for equipment, number in numbers if equipment == want), numbers[0][1] if numbers else "")  # fmt: skip


def _email(message: Message, given: list[str]) -> str:
    """The address of XTN-4, or of an XTN-1 that is one."""
    for text in given:
        for place in (4, 1):
            if "@" in (found := message.part(text, place)):
                return found
    return ""
