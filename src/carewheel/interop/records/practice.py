"""Neutral records: staff, stock, spending and changes."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import NamedTuple


class ExpenseRecord(NamedTuple):
    """Any other cost of the practice."""

    source_id: str = ""
    recorded_at: datetime | None = None
    location_id: str = ""
    currency: str = ""
    category: str = ""
    amount: Decimal | None = None
    expense_date: date | None = None


class StaffSpellRecord(NamedTuple):
    """An unbroken time of employment of one person."""

    source_id: str = ""
    recorded_at: datetime | None = None
    location_id: str = ""
    staff_key: str = ""
    role: str = ""
    started_date: date | None = None
    ended_date: date | None = None
    end_kind: str = ""
    fte: float | None = None


class StaffPulseRecord(NamedTuple):
    """An anonymous answer of a member of staff."""

    source_id: str = ""
    recorded_at: datetime | None = None
    location_id: str = ""
    question: str = ""
    score: float | None = None
    scale_min: float | None = None
    scale_max: float | None = None
    team: str = ""
    answered_date: date | None = None


class TrainingRecord(NamedTuple):
    """A training assigned to, and done by, a member of staff."""

    source_id: str = ""
    recorded_at: datetime | None = None
    location_id: str = ""
    currency: str = ""
    staff_key: str = ""
    course: str = ""
    hours: float | None = None
    assigned_date: date | None = None
    completed_date: date | None = None
    cost: Decimal | None = None


class RecognitionRecord(NamedTuple):
    """Recognition given to a member of staff."""

    source_id: str = ""
    recorded_at: datetime | None = None
    location_id: str = ""
    staff_key: str = ""
    kind: str = ""
    given_date: date | None = None


class StockMoveRecord(NamedTuple):
    """A movement or count of stock. kind: received used counted wasted stock_out."""

    source_id: str = ""
    recorded_at: datetime | None = None
    location_id: str = ""
    currency: str = ""
    item_id: str = ""
    kind: str = ""
    quantity: float | None = None
    on_hand: float | None = None
    par_level: float | None = None
    amount: Decimal | None = None
    moved_at: datetime | None = None


class InvestmentRecord(NamedTuple):
    """Money put into technology, training, facility or equipment."""

    source_id: str = ""
    recorded_at: datetime | None = None
    location_id: str = ""
    currency: str = ""
    component: str = ""
    category: str = ""
    amount: Decimal | None = None
    invested_date: date | None = None


class ChangeRecord(NamedTuple):
    """An intervention: what was changed, where and from when. play: the catalog's id, if it is one."""

    source_id: str = ""
    recorded_at: datetime | None = None
    location_id: str = ""
    change_id: str = ""
    play: str = ""
    component: str = ""
    title: str = ""
    starts_date: date | None = None
    ends_date: date | None = None
