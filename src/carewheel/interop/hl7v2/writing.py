"""HL7 v2.5.1 scheduling messages (SIU), written: one appointment and what happened to it, and batches of them in a file.

Separators are the usual ones (|^~\\&); everything else in a text is escaped as chapter 2 says. Moments carry the offset of
the location's zone, to the second. What is written, `carewheel.interop.hl7v2` reads back.
Who may call: `invented`, `gateway` and above.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date, datetime, tzinfo
from pathlib import Path
from typing import NamedTuple

from carewheel.interop.records import AppointmentRecord
from carewheel.interop.writing import NotWritable

# Triggers: the word for the event's reason where none is given, and the status that the trigger itself means.
EVENTS = {
    "S12": ("BOOKED", ""),
    "S13": ("RESCHEDULED", ""),
    "S14": ("MODIFIED", ""),
    "S15": ("CANCELLED", "cancelled"),
    "S26": ("NOSHOW", "noshow"),
}
# Appointment statuses as filler status codes (table 0278), the usual word first.
_FILLER = {
    "pending": ("Pending",),
    "waitlist": ("Waitlist",),
    "booked": ("Booked", "Overbook"),
    "arrived": ("Started",),
    "checked-in": ("Started",),
    "fulfilled": ("Complete",),
    "cancelled": ("Cancelled", "Dc"),
    "noshow": ("Noshow",),
    "entered-in-error": ("Deleted",),
}
_SEX = {"": "", "male": "M", "female": "F", "other": "O", "unknown": "U"}
_SPECIAL = re.compile(r"[|^~\\&\x00-\x1f\x7f]").search
_ESCAPED = str.maketrans(
    {"|": "\\F\\", "^": "\\S\\", "&": "\\T\\", "~": "\\R\\", "\\": "\\E\\"}
    | {chr(number): f"\\X{number:02X}\\" for number in (*range(32), 127)}
)
_BUFFER = 1 << 20


class Endpoints(NamedTuple):
    """Who sends and who receives (MSH-3 to 6), and how to take it: P in earnest, T for training, D for debugging."""

    application: str
    facility: str
    receiving_application: str = ""
    receiving_facility: str = ""
    processing: str = "P"


class Person(NamedTuple):
    """A patient or a clinician, by name; ``sex``: male, female, other, unknown or ""."""

    family: str
    given: str = ""
    birth_date: date | None = None
    sex: str = ""


def escaped(text: str) -> str:
    r"""A text with the separators and control characters escaped (chapter 2, use of escape sequences).

    >>> print(escaped("A&B | C\\D"))
    A\T\B \F\ C\E\D
    """
    return text.translate(_ESCAPED) if _SPECIAL(text) else text


def stamp(when: datetime, zone: tzinfo) -> str:
    """YYYYMMDDHHMMSS±ZZZZ with the offset of ``zone``; without a zone of its own, ``when`` is local time there.

    Fractions of a second are cut off.

    >>> from datetime import UTC
    >>> from zoneinfo import ZoneInfo
    >>> stamp(datetime(2025, 7, 1, 13, 5, tzinfo=UTC), ZoneInfo("America/Chicago"))
    '20250701080500-0500'
    """
    text = _local(when, zone).isoformat(timespec="seconds")
    if len(text) != 25:
        raise NotWritable(
            "bad-moment", "A moment's offset is not in whole minutes.", "Give the moment in UTC."
        )
    return f"{text[:4]}{text[5:7]}{text[8:10]}{text[11:13]}{text[14:16]}{text[17:22]}{text[23:]}"


def siu_message(
    event: str,
    visit: AppointmentRecord,
    *,
    control_id: str,
    sent_at: datetime,
    zone: tzinfo,
    endpoints: Endpoints,
    patient: Person,
    provider: Person | None = None,
    reason: tuple[str, str] = ("", ""),
    visit_text: str = "",
    entered_by: str = "SYSTEM",
) -> str:
    """A SIU message about one appointment, its segments ended by carriage returns.

    ``event``: S12 booked, S13 rescheduled, S14 modified, S15 cancelled, S26 no-show. ``visit``: ids, start, end or
    minutes, status and type of the appointment; ``location_id`` is the facility and ``resource_id`` point of care|room.
    ``zone``: the location's. ``reason``: code and text of the event (SCH-6); ``visit_text``: the visit's type in words.

    HL7 has no word for when a booking was made or cancelled: the receiver takes it from the ``sent_at`` of its S12 and
    S15. Checked in is written as started, which reads back as arrived. Flags and channel of the record are left out.
    Raises `NotWritable` without ids or a start, for a status or sex that HL7 does not have, a status that contradicts
    the event, or a length that contradicts start and end.

    >>> from datetime import UTC
    >>> visit = AppointmentRecord(appointment_id="A1", patient_key="P1", status="booked", minutes=30,
    ...     starts_at=datetime(2025, 3, 3, 14, tzinfo=UTC))
    >>> text = siu_message("S12", visit, control_id="M1", sent_at=datetime(2025, 3, 1, tzinfo=UTC), zone=UTC,
    ...     endpoints=Endpoints("DESK", "NORTH"), patient=Person("Invented", "Ada"))
    >>> text.split("\\r")[2]
    'PID|1||P1^^^NORTH^MR||Invented^Ada'
    """
    if event not in EVENTS:
        raise NotWritable("bad-event", "The event is no SIU trigger.", f"Use {', '.join(EVENTS)}.")
    word, fixed = EVENTS[event]
    if not (control_id and visit.appointment_id and visit.patient_key):
        raise NotWritable(
            "missing",
            "A message needs ids of itself, the appointment and the patient.",
            "Complete the record.",
        )
    if fixed and visit.status != fixed:
        raise NotWritable(
            "contradiction", f"The status of an {event} must be {fixed}.", "Send another event."
        )
    sent, action = stamp(sent_at, zone), "A" if event == "S12" else "U"
    person = escaped(entered_by)
    code, text = reason if reason[0] else (word, reason[1])
    start, end, minutes = _times(visit, zone)
    length = f"{minutes}|min" if minutes else "|"
    quantity = f"^^{f'M{minutes}' if minutes else ''}^{start}^{end}"
    segments = [
        f"{_header('MSH', endpoints)}|{sent}||SIU^{event}^SIU_S12|{escaped(control_id)}|"
        f"{endpoints.processing}|2.5.1||||||UNICODE UTF-8",
        f"SCH||{escaped(visit.appointment_id)}||||{_coded(code, text)}|{_coded(visit.visit_type, visit_text)}|"
        f"Normal|{length}|{quantity}|||||{person}||||{person}|||||{_status(visit)}",
        _patient(visit.patient_key, endpoints.facility, patient),
        f"RGS|1|{action}",
    ]
    if visit.location_id or visit.resource_id:
        point, _, room = visit.resource_id.partition("|")
        place = f"{escaped(point)}^{escaped(room)}^^{escaped(visit.location_id)}"
        segments.append(f"AIL|1|{action}|{place}")
    if visit.provider_key:
        name = f"^{escaped(provider.family)}^{escaped(provider.given)}" if provider else ""
        segments.append(f"AIP|1|{action}|{escaped(visit.provider_key)}{name}")
    return "\r".join(segments) + "\r"


def write_batch(
    path: Path,
    messages: Iterable[str],
    *,
    batch_id: str,
    sent_at: datetime,
    zone: tzinfo,
    endpoints: Endpoints,
) -> int:
    """Write messages to one batch file (FHS, BHS, messages, BTS with their number, FTS) in UTF-8; returns the number.

    The file appears when it is complete. Memory: one message and a megabyte.

    >>> import tempfile
    >>> from datetime import UTC
    >>> with tempfile.TemporaryDirectory() as name:
    ...     path = Path(name) / "batch.hl7"
    ...     n = write_batch(path, [], batch_id="B1", sent_at=datetime(2025, 3, 1, tzinfo=UTC), zone=UTC,
    ...         endpoints=Endpoints("DESK", "NORTH"))
    ...     n, path.read_bytes().split(b"\\r")[2:4]
    (0, [b'BTS|0', b'FTS|1'])
    """
    part = path.with_name(path.name + ".part")
    count = 0
    after = f"|{stamp(sent_at, zone)}||||{escaped(batch_id)}\r"
    try:
        with part.open("wb", _BUFFER) as stream:
            for name in ("FHS", "BHS"):
                stream.write(f"{_header(name, endpoints)}{after}".encode())
            for message in messages:
                stream.write(message.encode())
                count += 1
            stream.write(f"BTS|{count}\rFTS|1\r".encode())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
    return count


def _header(segment: str, ends: Endpoints) -> str:
    """MSH, FHS or BHS up to field 6: they begin alike."""
    return f"{segment}|^~\\&|{'|'.join(map(escaped, ends[:4]))}"


def _patient(key: str, facility: str, person: Person) -> str:
    if person.sex not in _SEX:
        raise NotWritable("bad-code", "A patient's sex has no HL7 code.", f"Use {', '.join(_SEX)}.")
    born = person.birth_date.strftime("%Y%m%d") if person.birth_date else ""
    name = f"{escaped(person.family)}^{escaped(person.given)}".rstrip("^")
    return f"PID|1||{escaped(key)}^^^{escaped(facility)}^MR||{name}||{born}|{_SEX[person.sex]}".rstrip("|")


def _status(visit: AppointmentRecord) -> str:
    words = _FILLER.get(visit.status)
    if words is None:
        raise NotWritable(
            "bad-status", "An appointment's status is none of HL7's.", "Use a status of table 0278."
        )
    return visit.raw_status if visit.raw_status.capitalize() in words else words[0]


def _times(visit: AppointmentRecord, zone: tzinfo) -> tuple[str, str, str]:
    """Start, end and minutes as written; "" where not known."""
    if visit.starts_at is None:
        raise NotWritable("missing", "An appointment needs a start.", "Complete the record.")
    minutes, end = visit.minutes, ""
    if visit.ends_at is not None:
        end = stamp(visit.ends_at, zone)
        # By the sun: the wall clock jumps twice a year.
        seconds = _local(visit.ends_at, zone).timestamp() - _local(visit.starts_at, zone).timestamp()
        if seconds <= 0 or minutes not in (None, seconds / 60):
            raise NotWritable(
                "contradiction", "An appointment's start, end and length contradict.", "Correct them."
            )
        minutes = seconds / 60
    elif minutes is not None and not 0 < minutes < 100_000:
        raise NotWritable("bad-length", "An appointment's length is no length.", "Leave it out.")
    written = "" if minutes is None else str(int(minutes) if minutes == int(minutes) else minutes)
    return stamp(visit.starts_at, zone), end, written


def _coded(code: str, text: str) -> str:
    return f"{escaped(code)}^{escaped(text)}" if text else escaped(code)


def _local(when: datetime, zone: tzinfo) -> datetime:
    if when.tzinfo is zone:
        return when
    return when.replace(tzinfo=zone) if when.tzinfo is None else when.astimezone(zone)
