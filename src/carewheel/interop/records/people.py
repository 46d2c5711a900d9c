"""Neutral records: who is cared for, with whom they are insured and how they are reached."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import NamedTuple


class PatientRecord(NamedTuple):
    """A patient as a pseudonym with the few attributes that measures need."""

    source_id: str = ""
    recorded_at: datetime | None = None
    location_id: str = ""
    currency: str = ""
    patient_key: str = ""
    household_key: str = ""
    status: str = ""
    raw_status: str = ""
    sex: str = ""
    birth_year: int | None = None
    first_visit_date: date | None = None
    deceased: bool | None = None
    is_test: bool | None = None
    balance: Decimal | None = None
    balance_0_30: Decimal | None = None
    balance_31_60: Decimal | None = None
    balance_61_90: Decimal | None = None
    balance_over_90: Decimal | None = None


class CoverageRecord(NamedTuple):
    """A patient's cover with a payer."""

    source_id: str = ""
    recorded_at: datetime | None = None
    location_id: str = ""
    patient_key: str = ""
    payer_id: str = ""
    payer_name: str = ""
    kind: str = ""
    starts_date: date | None = None
    ends_date: date | None = None


class ContactRecord(NamedTuple):
    """A person in the CRM: lead, patient or partner. channel: where the contact came from."""

    source_id: str = ""
    recorded_at: datetime | None = None
    location_id: str = ""
    contact_key: str = ""
    patient_key: str = ""
    stage: str = ""
    raw_stage: str = ""
    channel: str = ""
    created_at: datetime | None = None
    became_patient_date: date | None = None
    last_contacted_at: datetime | None = None


class MessageRecord(NamedTuple):
    """A message sent to or received from a person (never its text)."""

    source_id: str = ""
    recorded_at: datetime | None = None
    location_id: str = ""
    patient_key: str = ""
    kind: str = ""
    channel: str = ""
    direction: str = ""
    status: str = ""
    sent_at: datetime | None = None
