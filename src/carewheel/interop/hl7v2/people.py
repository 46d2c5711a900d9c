"""Who and where: the identifiers that several messages share, read the same way everywhere."""

from __future__ import annotations

import hashlib
from datetime import datetime

from carewheel.interop.hl7v2.messages import Message, moment
from carewheel.interop.records import PatientRecord

_SEX = {"M": "male", "F": "female", "O": "other", "A": "other", "N": "other", "U": "unknown"}
# Identifier types (table 0203) that must never become a patient's key.
_NEVER = frozenset({"SS", "DL", "PPN", "CZ", "PRC", "BC", "BA"})


def patient_key(message: Message) -> str:
    """The patient's number: PID-3 of type MR, else the first that is no social security number or the like, else PID-2."""
    segment = message.first("PID")
    allowed = []
    for repetition in message.repetitions(segment, 3):
        kind, number = message.part(repetition, 5), message.part(repetition)
        if number and kind == "MR":
            return number
        if number and kind not in _NEVER:
            allowed.append(number)
    return allowed[0] if allowed else message.value(segment, 2)


def unreadable(text: str) -> str:
    """A row's key that stays the same for the same text without showing it.

    >>> unreadable("12345")
    '5994471abb01112a'
    """
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def place(message: Message, location: str) -> str:
    """A location (PL): its facility, else the sending facility (MSH-4)."""
    return message.part(location, 4) or message.value(message.first("MSH"), 4)


def room(message: Message, location: str) -> str:
    """A location's point of care and room, as one identifier."""
    return "|".join(part for part in (message.part(location, 1), message.part(location, 2)) if part)


def patient(message: Message) -> PatientRecord | None:
    """The patient of a PID with birth year, sex and whether deceased; None without an identifier."""
    segment, key = message.first("PID"), patient_key(message)
    if not key:
        return None
    born = moment(message.value(segment, 7)[:8])
    year = message.value(segment, 7)[:4]
    died = message.value(segment, 30)
    deceased = True if died == "Y" or moment(message.value(segment, 29)) else False if died == "N" else None
    return PatientRecord(
        source_id=unreadable(key),
        recorded_at=recorded_at(message),
        location_id=message.value(message.first("MSH"), 4),
        patient_key=key,
        sex=_SEX.get(message.value(segment, 8).upper(), ""),
        birth_year=born.year if born else int(year) if year.isdigit() and 1900 <= int(year) <= 2199 else None,
        deceased=deceased,
    )


def recorded_at(message: Message) -> datetime | None:
    """When the message was made (MSH-7): a later message about the same thing is a later version of it."""
    return moment(message.value(message.first("MSH"), 7))


def visit_number(message: Message) -> str:
    """The visit that a message is about: PV1-19, else the account PID-18."""
    return message.value(message.first("PV1"), 19) or message.value(message.first("PID"), 18)
