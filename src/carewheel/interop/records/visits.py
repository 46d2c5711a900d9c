"""Neutral records: what was planned and what was done."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import NamedTuple

# FHIR R4's Appointment statuses.
APPOINTMENT_STATUS = frozenset(
    [
        "proposed",
        "pending",
        "booked",
        "arrived",
        "fulfilled",
        "cancelled",
        "noshow",
        "entered-in-error",
        "checked-in",
        "waitlist",
    ]
)
# Appointment statuses that mean: the patient was there.
KEPT = frozenset(("fulfilled", "arrived", "checked-in"))


class AppointmentRecord(NamedTuple):
    """A visit that was planned (basis appointment) or that took place without a booking that we can see (basis encounter)."""

    source_id: str = ""
    recorded_at: datetime | None = None
    location_id: str = ""
    appointment_id: str = ""
    basis: str = ""
    patient_key: str = ""
    provider_key: str = ""
    resource_id: str = ""
    visit_type: str = ""
    status: str = ""
    raw_status: str = ""
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    minutes: float | None = None
    booked_at: datetime | None = None
    cancelled_at: datetime | None = None
    late_cancel: bool | None = None
    is_new_patient: bool | None = None
    is_hygiene: bool | None = None
    wants_sooner: bool | None = None
    channel: str = ""


class VisitEventRecord(NamedTuple):
    """A step of a visit, or of a booking, at a moment: booked rescheduled cancelled noshow arrived roomed with-clinician done, or the log's own word (event other)."""

    source_id: str = ""
    recorded_at: datetime | None = None
    location_id: str = ""
    appointment_id: str = ""
    patient_key: str = ""
    provider_key: str = ""
    event: str = ""
    raw_event: str = ""
    happened_at: datetime | None = None
    performer_group: str = ""


class ProcedureRecord(NamedTuple):
    """A treatment planned, completed, referred or existing."""

    source_id: str = ""
    recorded_at: datetime | None = None
    location_id: str = ""
    currency: str = ""
    procedure_id: str = ""
    patient_key: str = ""
    provider_key: str = ""
    appointment_id: str = ""
    claim_id: str = ""
    code: str = ""
    code_system: str = ""
    status: str = ""
    raw_status: str = ""
    planned_date: date | None = None
    performed_date: date | None = None
    fee: Decimal | None = None
    quantity: float | None = None
