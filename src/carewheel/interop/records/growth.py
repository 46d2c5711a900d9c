"""Neutral records: what patients said, and where they came from."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import NamedTuple


class SurveyInvitationRecord(NamedTuple):
    """A survey sent to a patient."""

    source_id: str = ""
    recorded_at: datetime | None = None
    location_id: str = ""
    invitation_id: str = ""
    patient_key: str = ""
    appointment_id: str = ""
    channel: str = ""
    survey: str = ""
    sent_at: datetime | None = None


class SurveyResponseRecord(NamedTuple):
    """An answer to one question."""

    source_id: str = ""
    recorded_at: datetime | None = None
    location_id: str = ""
    invitation_id: str = ""
    patient_key: str = ""
    appointment_id: str = ""
    provider_key: str = ""
    question: str = ""
    raw_answer: str = ""
    score: float | None = None
    scale_min: float | None = None
    scale_max: float | None = None
    channel: str = ""
    visit_type: str = ""
    answered_at: datetime | None = None


class ReviewRecord(NamedTuple):
    """A public review."""

    source_id: str = ""
    recorded_at: datetime | None = None
    location_id: str = ""
    site: str = ""
    rating: float | None = None
    scale_max: float | None = None
    posted_at: datetime | None = None
    replied_at: datetime | None = None


class ReferralRecord(NamedTuple):
    """A patient referred to the practice (in) or by it (out)."""

    source_id: str = ""
    recorded_at: datetime | None = None
    location_id: str = ""
    direction: str = ""
    referrer_kind: str = ""
    referrer_key: str = ""
    patient_key: str = ""
    status: str = ""
    raw_status: str = ""
    channel: str = ""
    referred_date: date | None = None
    booked_date: date | None = None
    kept_date: date | None = None
    paid_date: date | None = None


class MarketingSpendRecord(NamedTuple):
    """Money spent to win patients in a period; kind marketing or sales; channel as the practice names it."""

    source_id: str = ""
    recorded_at: datetime | None = None
    location_id: str = ""
    currency: str = ""
    channel: str = ""
    kind: str = ""
    amount: Decimal | None = None
    starts_date: date | None = None
    ends_date: date | None = None
