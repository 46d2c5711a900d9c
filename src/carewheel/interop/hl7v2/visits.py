"""SIU and ADT: appointments and their changes, visits as encounters, and the steps of both."""

from __future__ import annotations

from datetime import datetime

from carewheel.interop.hl7v2.messages import Message, moment
from carewheel.interop.hl7v2.people import (
    patient,
    patient_key,
    place,
    recorded_at,
    room,
    unreadable,
    visit_number,
)
from carewheel.interop.records import AppointmentRecord, Record, VisitEventRecord

# SIU triggers: the step that they tell, and the status that they fix ("" = SCH-25 says, else booked).
SCHEDULING: dict[str, tuple[str, str]] = {
    "S12": ("booked", ""),
    "S13": ("rescheduled", ""),
    "S14": ("other", ""),
    "S15": ("cancelled", "cancelled"),
    "S16": ("cancelled", "cancelled"),
    "S17": ("other", "entered-in-error"),
    "S26": ("noshow", "noshow"),
}
# Filler status (table 0278) as FHIR's Appointment status.
_FILLER = {
    "pending": "pending",
    "waitlist": "waitlist",
    "booked": "booked",
    "overbook": "booked",
    "started": "arrived",
    "complete": "fulfilled",
    "cancelled": "cancelled",
    "dc": "cancelled",
    "deleted": "entered-in-error",
    "noshow": "noshow",
}
# ADT triggers: the step, and the status of the visit after it ("" = told by whether it has ended).
ADMISSION: dict[str, tuple[str, str]] = {
    "A01": ("arrived", "arrived"),
    "A02": ("other", ""),
    "A03": ("done", "fulfilled"),
    "A04": ("arrived", "arrived"),
    "A05": ("booked", "booked"),
    "A06": ("other", ""),
    "A07": ("other", ""),
    "A08": ("other", ""),
    "A09": ("other", ""),
    "A10": ("other", ""),
    "A11": ("cancelled", "cancelled"),
    "A12": ("other", ""),
    "A13": ("other", "arrived"),
    "A14": ("booked", "booked"),
    "A15": ("other", ""),
    "A16": ("other", ""),
    "A25": ("other", ""),
    "A26": ("other", ""),
    "A27": ("cancelled", "cancelled"),
    "A38": ("cancelled", "cancelled"),
}
# Of a person, without a visit.
PERSON = frozenset({"A28", "A31"})
# Units as people write them, by their beginning; the standard's default is minutes.
_UNITS = (("s", 1 / 60), ("m", 1.0), ("h", 60.0), ("d", 1440.0), ("", 1.0))


class Unusable(Exception):
    """A message that cannot be used: the code of the finding that says why."""


def appointment(message: Message, trigger: str) -> list[Record]:
    """The appointment of a SIU message and the step told.

    Only S12 says when it was booked: the other versions leave that open, and the facts keep what the S12 said.

    Raises `Unusable` without a SCH segment, without an identifier, or without a start.
    """
    schedule = message.first("SCH")
    if len(schedule) == 1:
        raise Unusable("hl7.missing-segment")
    number = message.value(schedule, 2) or message.value(schedule, 1)
    if not number:
        raise Unusable("hl7.no-identifier")
    event, fixed = SCHEDULING[trigger]
    raw = message.value(schedule, 25)
    status = fixed or _FILLER.get(raw.lower(), "booked")
    starts_at, ends_at, minutes = _times(message, schedule)
    if starts_at is None:
        raise Unusable("hl7.no-date")
    sent = recorded_at(message)
    location = message.raw(message.first("AIL"), 3) or message.raw(message.first("PV1"), 3)
    kind = message.value(schedule, 8)
    record = AppointmentRecord(
        source_id=number,
        recorded_at=sent,
        location_id=place(message, location),
        appointment_id=number,
        basis="appointment",
        patient_key=patient_key(message),
        provider_key=message.value(message.first("AIP"), 3) or message.value(message.first("PV1"), 7),
        resource_id=room(message, location),
        # Table 0277 says only whether the slot is normal or tentative; then the reason's code tells more.
        visit_type=kind
        if kind.lower() not in ("", "normal", "tentative", "complete")
        else message.value(schedule, 7),
        status=status,
        raw_status=raw or trigger,
        starts_at=starts_at,
        ends_at=ends_at,
        minutes=minutes,
        booked_at=sent if event == "booked" else None,
        cancelled_at=sent if event == "cancelled" else None,
    )
    return [record, *_step(message, record, event, trigger, sent)]


def encounter(message: Message, trigger: str) -> list[Record]:
    """The visit of an ADT message, the step told and the patient.

    Raises `Unusable` where there is neither a patient nor a visit that can be placed in time.
    """
    records: list[Record] = []
    person = patient(message)
    if person is not None:
        records.append(person)
    if trigger in PERSON:
        if not records:
            raise Unusable("hl7.no-identifier")
        return records
    visit = message.first("PV1")
    if len(visit) == 1:
        raise Unusable("hl7.missing-segment")
    occurred = moment(message.value(message.first("EVN"), 6))
    starts_at, ends_at = moment(message.value(visit, 44)), moment(message.value(visit, 45))
    event, status = ADMISSION[trigger]
    if starts_at is None and event == "arrived":
        starts_at = occurred
    if starts_at is None:
        starts_at = moment(message.value(message.first("PV2"), 8))
    if starts_at is None:
        if not records:
            raise Unusable("hl7.no-date")
        return records
    number, key = visit_number(message), patient_key(message)
    location = message.raw(visit, 3)
    sent = recorded_at(message)
    minutes = None
    if (
        ends_at is not None
        and (ends_at.tzinfo is None) == (starts_at.tzinfo is None)
        and ends_at >= starts_at
    ):
        minutes = (ends_at - starts_at).total_seconds() / 60
    record = AppointmentRecord(
        # An encounter's number and an appointment's number are different series.
        source_id=f"visit|{number or unreadable(f'{key}|{starts_at.isoformat()}')}",
        recorded_at=sent,
        location_id=place(message, location),
        appointment_id=number,
        basis="encounter",
        patient_key=key,
        provider_key=message.value(visit, 7),
        resource_id=room(message, location),
        visit_type=message.value(visit, 4) or message.value(visit, 2),
        status=status or ("fulfilled" if ends_at else "arrived"),
        raw_status=trigger,
        starts_at=starts_at,
        ends_at=ends_at,
        minutes=minutes,
        cancelled_at=sent if status == "cancelled" else None,
    )
    moments = {"arrived": starts_at, "done": ends_at}
    return [*records, record, *_step(message, record, event, trigger, moments.get(event) or occurred or sent)]


def _step(
    message: Message, visit: AppointmentRecord, event: str, trigger: str, at: datetime | None
) -> list[Record]:
    if at is None:
        return []
    control = message.value(message.first("MSH"), 10)
    sent = message.value(message.first("MSH"), 7)
    return [
        VisitEventRecord(
            # The message's own id, with what it is about: some senders number every message alike.
            source_id=f"{control}|{trigger}|{visit.source_id}|{sent}",
            recorded_at=visit.recorded_at,
            location_id=visit.location_id,
            appointment_id=visit.appointment_id,
            patient_key=visit.patient_key,
            provider_key=visit.provider_key,
            event=event,
            raw_event=trigger,
            happened_at=at,
        )
    ]


def _times(message: Message, schedule: list[str]) -> tuple[datetime | None, datetime | None, float | None]:
    """Start, end and minutes: from TQ1, else SCH-11, else the first resource that says."""
    quantity = message.first("TQ1")
    starts = moment(message.value(quantity, 7)) or moment(message.value(schedule, 11, 4))
    ends = moment(message.value(quantity, 8)) or moment(message.value(schedule, 11, 5))
    minutes = _minutes(message.value(schedule, 9), message.value(schedule, 10))
    for name, start, duration in (("AIS", 4, 7), ("AIP", 6, 9), ("AIL", 6, 9), ("AIG", 8, 11)):
        segment = message.first(name)
        if starts is None:
            starts = moment(message.value(segment, start))
        if minutes is None:
            minutes = _minutes(message.value(segment, duration), message.value(segment, duration + 1))
    if starts is not None and ends is not None and (starts.tzinfo is None) == (ends.tzinfo is None):
        if ends > starts:
            # The booked time itself is better than a duration whose unit may be anything.
            minutes = (ends - starts).total_seconds() / 60
        else:
            ends = None
    return starts, ends, minutes


def _minutes(number: str, unit: str) -> float | None:
    factor = next((minutes for prefix, minutes in _UNITS if unit.lower().startswith(prefix)), None)
    if not number.replace(".", "", 1).isdigit() or factor is None:
        return None
    value = float(number) * factor
    return value if 0 < value < 100_000 else None
