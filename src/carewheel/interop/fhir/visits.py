"""Encounters, appointments, schedules and their slots, procedures."""

from __future__ import annotations

from datetime import datetime

from carewheel.interop.fhir.people import updated
from carewheel.interop.fhir.values import (
    CANCELLED_AT,
    Known,
    Resource,
    coding,
    day,
    minutes,
    moment,
    period,
    word,
)
from carewheel.interop.records import (
    APPOINTMENT_STATUS,
    AppointmentRecord,
    AvailabilityRecord,
    ProcedureRecord,
    Record,
    VisitEventRecord,
)

# Encounter.status to the Appointment status of the same visit.
ENCOUNTER_STATUS = {
    "planned": "booked",
    "arrived": "arrived",
    "triaged": "checked-in",
    "in-progress": "checked-in",
    "onleave": "checked-in",
    "finished": "fulfilled",
    "cancelled": "cancelled",
    "entered-in-error": "entered-in-error",
}
STEP = {"arrived": "arrived", "triaged": "roomed", "in-progress": "with-clinician", "finished": "done"}
# A busy slot was bookable and is booked: both are capacity.
SLOT_KIND = {"free": "open", "busy": "open", "busy-tentative": "open", "busy-unavailable": "closed"}


def encounter(resource: Resource, known: Known) -> list[Record]:
    """Encounter: a visit that took place; its steps where the status history tells them."""
    identifier = str(resource["id"])
    booking = known.reference((resource.get("appointment") or [None])[0], "Appointment")
    start, end = period(resource.get("period"))
    place = known.reference(((resource.get("location") or [{}])[0]).get("location"), "Location")
    place = place or known.reference(resource.get("serviceProvider"), "Organization")
    patient = known.reference(resource.get("subject"), "Patient")
    participant = (resource.get("participant") or [{}])[0]
    provider = known.reference(participant.get("individual"), "Practitioner")
    status = word(resource.get("status"))
    visit_type = coding(resource.get("type"))[0] or word((resource.get("class") or {}).get("code"))
    records: list[Record] = [
        AppointmentRecord(
            source_id=f"Encounter/{identifier}",
            recorded_at=updated(resource),
            location_id=place,
            appointment_id=booking or identifier,
            basis="encounter",
            patient_key=patient,
            provider_key=provider,
            visit_type=visit_type,
            status=ENCOUNTER_STATUS.get(status, ""),
            raw_status=status,
            starts_at=start,
            ends_at=end,
            minutes=minutes(start, end),
        )
    ]
    for past in resource.get("statusHistory") or ():
        began, _ = period(past.get("period"))
        raw = word(past.get("status"))
        if began is not None and raw in STEP:
            records.append(
                VisitEventRecord(
                    source_id=f"Encounter/{identifier}/{raw}/{began.isoformat()}",
                    location_id=place,
                    appointment_id=booking or identifier,
                    patient_key=patient,
                    provider_key=provider,
                    event=STEP[raw],
                    raw_event=raw,
                    happened_at=began,
                )
            )
    return records


def appointment(resource: Resource, known: Known) -> list[Record]:
    """Appointment: a booked visit. R4 does not say when it was cancelled (R5 does): without it nothing is called late."""
    actors = {"Patient": "", "Practitioner": "", "Location": ""}
    for participant in resource.get("participant") or ():
        for kind, found in actors.items():
            actors[kind] = found or known.reference(participant.get("actor"), kind)
    start, end = moment(resource.get("start")), moment(resource.get("end"))
    stated = resource.get("minutesDuration")
    status = word(resource.get("status"))
    return [
        AppointmentRecord(
            source_id=f"Appointment/{resource['id']}",
            recorded_at=updated(resource),
            location_id=actors["Location"],
            appointment_id=str(resource["id"]),
            basis="appointment",
            patient_key=actors["Patient"] or known.reference(resource.get("subject"), "Patient"),
            provider_key=actors["Practitioner"],
            visit_type=coding(resource.get("appointmentType"))[0] or coding(resource.get("serviceType"))[0],
            status=status if status in APPOINTMENT_STATUS else "",
            raw_status=status,
            starts_at=start,
            ends_at=end,
            minutes=float(stated) if stated is not None else minutes(start, end),
            booked_at=moment(resource.get("created")),
            cancelled_at=_cancelled_at(resource),
        )
    ]


def _cancelled_at(resource: Resource) -> datetime | None:
    """R5's element, or in R4 the extension that HL7 gives for it."""
    for extension in resource.get("extension") or ():
        if isinstance(extension, dict) and extension.get("url") == CANCELLED_AT:
            return moment(extension.get("valueDateTime"))
    return moment(resource.get("cancellationDate"))


def schedule(resource: Resource, known: Known) -> list[Record]:
    """Schedule: whose slots these are. It yields no fact of its own."""
    practitioner = place = ""
    for actor in resource.get("actor") or ():
        practitioner = practitioner or known.reference(actor, "Practitioner")
        place = place or known.reference(actor, "Location")
    known.schedule_actors[str(resource["id"])] = (practitioner, place)
    return []


def slot(resource: Resource, known: Known) -> list[Record]:
    """Slot: hours that can be, or are, booked."""
    practitioner, place = known.schedule_actors.get(
        known.reference(resource.get("schedule"), "Schedule"), ("", "")
    )
    start, end = moment(resource.get("start")), moment(resource.get("end"))
    status = word(resource.get("status"))
    return [
        AvailabilityRecord(
            source_id=str(resource["id"]),
            recorded_at=updated(resource),
            location_id=place,
            provider_key=practitioner,
            kind=SLOT_KIND.get(status, ""),
            raw_kind=status,
            starts_at=start,
            ends_at=end,
            minutes=minutes(start, end),
        )
    ]


def procedure(resource: Resource, known: Known) -> list[Record]:
    """Procedure: a treatment, with the day on which it was performed."""
    code, system = coding(resource.get("code"))
    performed = resource.get("performedDateTime") or (resource.get("performedPeriod") or {}).get("start")
    status = word(resource.get("status"))
    performer = ((resource.get("performer") or [{}])[0]).get("actor")
    return [
        ProcedureRecord(
            source_id=str(resource["id"]),
            recorded_at=updated(resource),
            location_id=known.reference(resource.get("location"), "Location"),
            procedure_id=str(resource["id"]),
            patient_key=known.reference(resource.get("subject"), "Patient"),
            provider_key=known.reference(performer, "Practitioner"),
            appointment_id=known.reference(resource.get("encounter"), "Encounter"),
            code=code,
            code_system=system.rsplit("/", 1)[-1],
            status={"preparation": "planned"}.get(status, status),
            raw_status=status,
            performed_date=day(performed),
        )
    ]
