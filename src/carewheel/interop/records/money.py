"""Neutral records: what was charged, claimed, paid and adjusted."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import NamedTuple


class ChargeRecord(NamedTuple):
    """An amount charged for a service: one line."""

    source_id: str = ""
    recorded_at: datetime | None = None
    location_id: str = ""
    currency: str = ""
    claim_id: str = ""
    appointment_id: str = ""
    patient_key: str = ""
    provider_key: str = ""
    payer_id: str = ""
    code: str = ""
    code_system: str = ""
    amount: Decimal | None = None
    quantity: float | None = None
    service_date: date | None = None


class PaymentRecord(NamedTuple):
    """Money received (positive) or taken back (negative)."""

    source_id: str = ""
    recorded_at: datetime | None = None
    location_id: str = ""
    currency: str = ""
    claim_id: str = ""
    appointment_id: str = ""
    patient_key: str = ""
    provider_key: str = ""
    payer_id: str = ""
    payer_name: str = ""
    payer_kind: str = ""
    method: str = ""
    amount: Decimal | None = None
    posted_date: date | None = None
    service_date: date | None = None
    is_reversal: bool | None = None
    batch_id: str = ""


class AdjustmentRecord(NamedTuple):
    """A change of what is owed that is not money received."""

    source_id: str = ""
    recorded_at: datetime | None = None
    location_id: str = ""
    currency: str = ""
    claim_id: str = ""
    patient_key: str = ""
    payer_id: str = ""
    payer_name: str = ""
    kind: str = ""
    group_code: str = ""
    reason_code: str = ""
    remark_codes: str = ""
    code: str = ""
    amount: Decimal | None = None
    posted_date: date | None = None
    service_date: date | None = None


class ClaimRecord(NamedTuple):
    """A claim as it stands: one row a claim, whoever it was sent to."""

    source_id: str = ""
    recorded_at: datetime | None = None
    location_id: str = ""
    currency: str = ""
    claim_id: str = ""
    patient_key: str = ""
    provider_key: str = ""
    payer_id: str = ""
    payer_name: str = ""
    kind: str = ""
    frequency: str = ""
    status: str = ""
    raw_status: str = ""
    amount: Decimal | None = None
    paid_amount: Decimal | None = None
    service_date: date | None = None
    submitted_date: date | None = None
    closed_date: date | None = None
    is_predetermination: bool | None = None


class ClaimEventRecord(NamedTuple):
    """Something that happened to a claim: created submitted accepted rejected adjudicated denied reversed corrected resubmitted closed."""

    source_id: str = ""
    recorded_at: datetime | None = None
    location_id: str = ""
    currency: str = ""
    claim_id: str = ""
    event: str = ""
    raw_event: str = ""
    payer_id: str = ""
    payer_name: str = ""
    payer_sequence: str = ""
    payer_claim_id: str = ""
    amount: Decimal | None = None
    paid_amount: Decimal | None = None
    patient_amount: Decimal | None = None
    is_denial: bool | None = None
    is_predetermination: bool | None = None
    event_date: date | None = None
    service_date: date | None = None
