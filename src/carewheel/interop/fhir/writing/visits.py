"""Appointments, encounters, free and closed hours, and treatments as R4 resources."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, tzinfo
from itertools import pairwise

from carewheel.interop.fhir.values import CANCELLED_AT, Resource
from carewheel.interop.fhir.visits import ENCOUNTER_STATUS, SLOT_KIND
from carewheel.interop.fhir.writing.elements import (
    TERMINOLOGY,
    codeable,
    head,
    local,
    minutes_between,
    missing,
    moment,
    reference,
    service,
    span,
)
from carewheel.interop.records import (
    APPOINTMENT_STATUS,
    AppointmentRecord,
    AvailabilityRecord,
    ProcedureRecord,
)
from carewheel.interop.writing import NotWritable

AMBULATORY = {"system": f"{TERMINOLOGY}v3-ActCode", "code": "AMB"}
_UNDECIDED = frozenset(("proposed", "pending", "waitlist"))
_PROCEDURE_STATUS = frozenset(
    (
        "preparation",
        "in-progress",
        "not-done",
        "on-hold",
        "stopped",
        "completed",
        "entered-in-error",
        "unknown",
    )
)


def appointment(record: AppointmentRecord, zone: tzinfo) -> Resource:
    """Appointment with the id ``appointment_id``; moments with the offset of ``zone``, the location's.

    Its end follows from ``minutes`` where it is not given. The moment of cancellation is written as R5's extension.
    Room, channel and the flags of the record have no place here. Raises `NotWritable` without a start and an end,
    without anybody in it, and for a status that is none of R4's.

    >>> booked = AppointmentRecord(appointment_id="a1", patient_key="p1", status="booked", minutes=30,
    ...     starts_at=datetime(2025, 3, 3, 14, tzinfo=UTC))
    >>> appointment(booked, UTC)["end"]
    '2025-03-03T14:30:00+00:00'
    """
    resource = head("Appointment", record.appointment_id, record.recorded_at)
    if record.status not in APPOINTMENT_STATUS:
        raise NotWritable(
            "bad-status", "An appointment's status is none of R4's.", "Use an Appointment status."
        )
    resource["status"] = record.status
    if record.cancelled_at is not None:
        resource["extension"] = [{"url": CANCELLED_AT, "valueDateTime": moment(record.cancelled_at, zone)}]
    if record.visit_type:
        resource["appointmentType"] = codeable(record.visit_type)
    if record.starts_at is None or (record.ends_at is None and record.minutes is None):
        raise missing("Appointment", "a start, and an end or a length")
    start = local(record.starts_at, zone)
    if record.ends_at is None:
        end = start.astimezone(UTC) + timedelta(minutes=record.minutes or 0)
    else:
        end = local(record.ends_at, zone)
    resource |= span(start, end, zone, "Appointment")
    if record.minutes is not None and record.minutes != minutes_between(start, end):
        if record.minutes < 1 or record.minutes % 1:
            raise NotWritable(
                "bad-length",
                "A length differs from start and end, and is no whole number.",
                "Leave it out.",
            )
        resource["minutesDuration"] = int(record.minutes)
    if record.booked_at is not None:
        resource["created"] = moment(record.booked_at, zone)
    answer = "needs-action" if record.status in _UNDECIDED else "accepted"
    resource["participant"] = [
        {"actor": reference(kind, identifier), "status": answer}
        for kind, identifier in (
            ("Patient", record.patient_key),
            ("Practitioner", record.provider_key),
            ("Location", record.location_id),
        )
        if identifier
    ]
    if not resource["participant"]:
        raise missing("Appointment", "a patient, a practitioner or a location")
    return resource


def encounter(
    record: AppointmentRecord,
    zone: tzinfo,
    *,
    arrived_at: datetime | None = None,
    roomed_at: datetime | None = None,
    started_at: datetime | None = None,
    done_at: datetime | None = None,
) -> Resource:
    """Encounter with the id ``appointment_id``: the visit itself, its steps as the status history.

    The steps are arrived, triaged (roomed), in-progress (started) and finished (done), as far as given. Its period goes
    from the first step given to ``done_at``; without them, from the record's start to its end. A record with the basis
    ``encounter`` had no booking; any other refers to its Appointment. A visit without a type reads back with the class,
    AMB. Raises `NotWritable` without a start, for steps out of order, and for a status that no encounter has.

    >>> kept = AppointmentRecord(appointment_id="a1", patient_key="p1", status="fulfilled")
    >>> at = datetime(2025, 3, 3, 14, tzinfo=UTC)
    >>> encounter(kept, UTC, arrived_at=at, done_at=at.replace(minute=40))["statusHistory"][0]
    {'status': 'arrived', 'period': {'start': '2025-03-03T14:00:00+00:00', 'end': '2025-03-03T14:40:00+00:00'}}
    """
    resource = head("Encounter", record.appointment_id, record.recorded_at)
    resource["status"] = _encounter_status(record)
    resource["class"] = AMBULATORY
    steps = [
        (status, local(at, zone))
        for status, at in (
            ("arrived", arrived_at),
            ("triaged", roomed_at),
            ("in-progress", started_at),
            ("finished", done_at),
        )
        if at is not None
    ]
    if any(minutes_between(one, after) < 0 for (_, one), (_, after) in pairwise(steps)):
        raise NotWritable("ends-first", "The steps of a visit are out of order.", "Correct its moments.")
    starts = [moment(at, zone) for _, at in steps]
    if steps:
        resource["statusHistory"] = [
            {"status": status, "period": {"start": at, "end": after} if after else {"start": at}}
            for (status, _), at, after in zip(steps, starts, [*starts[1:], ""], strict=True)
        ]
    if record.visit_type and record.visit_type != AMBULATORY["code"]:
        resource["type"] = [codeable(record.visit_type)]
    resource["subject"] = reference("Patient", record.patient_key)
    if record.basis != "encounter":
        resource["appointment"] = [reference("Appointment", record.appointment_id)]
    if record.provider_key:
        resource["participant"] = [{"individual": reference("Practitioner", record.provider_key)}]
    if steps and steps[0][0] != "finished":
        # The planned end says nothing about a visit whose steps are known.
        resource["period"] = {"start": starts[0], "end": starts[-1]} if done_at else {"start": starts[0]}
    elif record.starts_at is not None:
        resource["period"] = span(record.starts_at, done_at or record.ends_at, zone, "Encounter")
    else:
        raise missing("Encounter", "a step or a start")
    if record.location_id:
        resource["location"] = [{"location": reference("Location", record.location_id)}]
    return resource


def _encounter_status(record: AppointmentRecord) -> str:
    if record.raw_status in ENCOUNTER_STATUS and ENCOUNTER_STATUS[record.raw_status] == record.status:
        return record.raw_status
    # Several encounter statuses mean checked in; in-progress is what R4 says of them all.
    if record.status == "checked-in":
        return "in-progress"
    for status, meant in ENCOUNTER_STATUS.items():
        if meant == record.status:
            return status
    raise NotWritable(
        "bad-status", "A visit with this status is no encounter.", "Write it as an appointment only."
    )


def schedule(identifier: str, *, provider_key: str = "", location_id: str = "") -> Resource:
    """Schedule: whose slots refer to it, and where. One of both is required.

    >>> schedule("s1", provider_key="D1")["actor"]
    [{'reference': 'Practitioner/D1'}]
    """
    resource = head("Schedule", identifier, None)
    resource["actor"] = [
        reference(kind, actor)
        for kind, actor in (("Practitioner", provider_key), ("Location", location_id))
        if actor
    ]
    if not resource["actor"]:
        raise missing("Schedule", "a practitioner or a location")
    return resource


def slot(record: AvailabilityRecord, schedule_id: str, zone: tzinfo) -> Resource:
    """Slot with the id ``source_id`` in a Schedule: hours that can be booked (open) or cannot.

    ``raw_kind`` is written where it is a Slot status of the same meaning, else open hours are free and all others
    (closed, blockout, leave, holiday) busy-unavailable, which reads back as closed; the kind stands in the comment.
    Raises `NotWritable` without a start and an end, and for hours of no kind.

    >>> hours = AvailabilityRecord("h1", kind="open", starts_at=datetime(2025, 3, 3, 9), ends_at=datetime(2025, 3, 3, 12))
    >>> slot(hours, "s1", UTC)["status"]
    'free'
    """
    resource = head("Slot", record.source_id, record.recorded_at)
    resource["schedule"] = reference("Schedule", schedule_id)
    if not record.kind:
        raise missing("Slot", "a kind")
    if SLOT_KIND.get(record.raw_kind) == record.kind:
        resource["status"] = record.raw_kind
    else:
        resource["status"] = "free" if record.kind == "open" else "busy-unavailable"
        resource["comment"] = record.kind
    if record.starts_at is None or record.ends_at is None:
        raise missing("Slot", "a start and an end")
    return resource | span(record.starts_at, record.ends_at, zone, "Slot")


def procedure(record: ProcedureRecord) -> Resource:
    """Procedure with the id ``procedure_id``, performed on ``performed_date``; of the Encounter ``appointment_id``.

    Planned is R4's preparation. The planned date, the fee and the claim have no place here. Raises `NotWritable` for a
    status that R4 does not have (referred, existing).

    >>> procedure(ProcedureRecord(procedure_id="x1", patient_key="p1", status="planned", code="D2740", code_system="CDT"))["status"]
    'preparation'
    """
    resource = head("Procedure", record.procedure_id, record.recorded_at)
    status = "preparation" if record.status == "planned" else record.status
    if status not in _PROCEDURE_STATUS:
        raise NotWritable("bad-status", "A procedure's status is none of R4's.", "Leave such procedures out.")
    resource["status"] = status
    resource["code"] = service(record.code, record.code_system)
    resource["subject"] = reference("Patient", record.patient_key)
    if record.appointment_id:
        resource["encounter"] = reference("Encounter", record.appointment_id)
    if record.performed_date is not None:
        resource["performedDateTime"] = record.performed_date.isoformat()
    if record.provider_key:
        resource["performer"] = [{"actor": reference("Practitioner", record.provider_key)}]
    if record.location_id:
        resource["location"] = reference("Location", record.location_id)
    return resource
