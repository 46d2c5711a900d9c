"""What follows from a change of the book, in its transaction: calendars move, the practice system is told, facts are noted, the trail is written."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from carewheel.interop.hl7v2.writing import Endpoints, Person, siu_message
from carewheel.interop.records import AppointmentRecord
from carewheel.practice.access import Actor
from carewheel.practice.audit import record
from carewheel.practice.facts import tell
from carewheel.practice.models import Location, Occupancy, Patient, Resource, Visit
from carewheel.spokes.operations.models import OutboundChange
from carewheel.spokes.operations.notices import told_of
from carewheel.spokes.operations.occupying import touched

# Events of a visit as the log of the wheel names them, by what was done.
EVENTS = {
    "book": "booked",
    "move": "rescheduled",
    "resize": "rescheduled",
    "cancel": "cancelled",
    "noshow": "noshow",
}
SIU = {
    "book": "S12",
    "take-back": "S12",
    "move": "S13",
    "resize": "S14",
    "cancel": "S15",
    "noshow": "S26",
    "restore": "S14",
}
SEXES = ("male", "female", "other", "unknown")


def changed(
    actor: Actor,
    visit: Visit,
    action: str,
    resource_ids: Collection[int] = (),
    *,
    was: datetime | None = None,
    reason: str = "",
    **detail: Any,
) -> None:
    """After a change of a visit, the last thing in its transaction. ``resource_ids``: locked, taken or freed; ``was``: its start before.

    ``action``: book, move, resize, cancel, noshow, a step of the day, hold, release, lapse, confirm, take-back. Holds are nobody else's business.
    """
    touched(visit.location_id, resource_ids)
    held = visit.status == Visit.Status.PROPOSED or action in ("release", "lapse")
    told = visit.patient_id is not None and not held
    if told and visit.location.mode == Location.Mode.BESIDE:
        if action in SIU:
            _write_siu(actor, visit, SIU[action], was)
    elif told:
        _tell_facts(actor, visit, action)
    if told:
        told_of(actor, visit, action)
    record(
        actor,
        action,
        "visit",
        visit.pk,
        patient_id=visit.patient_id,
        location_id=visit.location_id,
        reason=reason,
        version=visit.version,
        **detail,
    )


def name_of(visit: Visit) -> str:
    """A visit's name in the practice system: its own there, else one of ours."""
    return visit.source_id or f"CW{visit.pk}"


def _people_and_room(visit: Visit) -> tuple[Resource | None, Resource | None]:
    rows = Occupancy.objects.filter(visit=visit.group_id or visit.pk).select_related("resource")
    found = [row.resource for row in rows.order_by("need_order")]
    person = next((one for one in found if one.kind == Resource.Kind.PRACTITIONER), None)
    return person, next((one for one in found if one.kind == Resource.Kind.ROOM), None)


def _write_siu(actor: Actor, visit: Visit, event: str, was: datetime | None) -> None:
    patient, location = visit.patient, visit.location
    if patient is None:
        return
    person, room = _people_and_room(visit)
    kind = visit.visit_type
    appointment = AppointmentRecord(
        location_id=location.source_id or location.slug,
        appointment_id=name_of(visit),
        patient_key=patient.source_id or f"CW{patient.pk}",
        provider_key=(person.source_id or f"CW{person.pk}") if person else "",
        resource_id=(room.source_id or f"CW{room.pk}") if room else "",
        visit_type=(kind.code or kind.name) if kind else "",
        status=visit.status,
        starts_at=visit.starts_at,
        ends_at=visit.ends_at,
    )
    control = f"CW{visit.pk}V{visit.version}"
    message = siu_message(
        event,
        appointment,
        control_id=control,
        sent_at=actor.at,
        zone=ZoneInfo(location.zone),
        endpoints=Endpoints("CAREWHEEL", location.slug),
        patient=_person(patient),
        provider=Person(person.name) if person else None,
        reason=("", visit.cancel_reason if event == "S15" else ""),
        visit_text=kind.name if kind and kind.code else "",
        entered_by="CAREWHEEL",
    )
    OutboundChange.objects.create(
        organisation_id=visit.organisation_id,
        location=location,
        visit=visit,
        event=event,
        control_id=control,
        message=message,
        was_at=was,
        created_at=actor.at,
    )


def _person(patient: Patient) -> Person:
    sex = patient.sex if patient.sex in SEXES else ""
    return Person(patient.family_name, patient.given_name, patient.birth_date, sex)


def _tell_facts(actor: Actor, visit: Visit, action: str) -> None:
    person, room = _people_and_room(visit)
    kind = visit.visit_type
    keys: dict[str, object] = {
        "recorded_at": actor.at,
        "location_id": visit.location_id,
        "appointment_id": name_of(visit),
        "patient_key": visit.patient_id,
        "provider_key": person.pk if person else None,
    }
    appointment = {
        "basis": "appointment",
        "resource_id": room.pk if room else None,
        "visit_type": (kind.code or kind.name) if kind else None,
        "status": visit.status,
        "raw_status": visit.raw_status,
        "starts_at": visit.starts_at,
        "ends_at": visit.ends_at,
        "minutes": (visit.ends_at - visit.starts_at).total_seconds() / 60,
        "booked_at": visit.booked_at,
        "cancelled_at": visit.cancelled_at,
        "late_cancel": visit.late_cancel if visit.cancelled_at else None,
        "is_new_patient": visit.is_new_patient,
        "channel": visit.channel,
    }
    tell(actor, "appointment", name_of(visit), keys | appointment)
    if action in ("confirm", "undo", "restore", "take-back"):
        return
    step = {"event": EVENTS.get(action, action), "happened_at": actor.at}
    tell(actor, "visit_event", f"{name_of(visit)}.{visit.version}", keys | step)
