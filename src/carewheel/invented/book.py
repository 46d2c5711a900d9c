"""The book of an invented location: everything that happened there, as columns, before any system exports it.

One `Book` a location. Every table is a dict of numpy columns of equal length. Clock times are minutes since
1970-01-01 00:00 on the location's own wall clock; days are days since 1970-01-01; money is int64 cents; `NONE` (-1) is
an unknown time, day or row. Rows of a table are numbered from 0 in its first column, which carries the table's name.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np
import numpy.typing as npt

NONE = -1
Column = npt.NDArray[Any]
Table = dict[str, Column]

# Words behind the small integers in the columns. A column that is an index into a word list is marked "-> WORDS" below.
VISIT_STATUS = ("booked", "kept", "noshow", "cancelled")
BOOKING_CHANNELS = ("phone", "front desk", "online", "walk-in")
ACQUISITION_CHANNELS = (
    "word of mouth",
    "reviews",
    "search ads",
    "flyers",
    "professional referral",
    "walk by",
)
ROLES = ("dentist", "hygienist", "physician", "nurse", "assistant", "front-desk")
END_KINDS = ("", "voluntary", "retirement", "involuntary")
SITES = ("google", "yelp")
QUESTIONS = ("nps", "csat", "ease", "wait")
SCALES = ((0, 10), (1, 5), (1, 5), (1, 5))
PULSE_QUESTIONS = ("enps", "engagement", "burnout")
PULSE_SCALES = ((0, 10), (1, 5), (1, 5))
DECISION_KINDS = ("paid", "denied", "reversal", "corrected")  # CLP02 1, 4, 22, 1
STOCK_KINDS = ("received", "used", "counted", "wasted", "stock_out")
WRITE_OFF_KINDS = ("writeoff", "discount")
METHODS = ("card", "cash", "check")
COMPONENTS = ("C1", "C2a", "C2b", "C3", "C4", "C5", "C6")
REFERRER_KINDS = ("patient", "professional")

I8, I4, I1, F8 = "int64", "int32", "int8", "float64"
TABLES: dict[str, dict[str, str]] = {
    # sex 0 female 1 male; payer -> World.payers, NONE = pays for itself; left_day: when the person silently left (truth);
    # household: row of the household's head (guarantor); first_visit_day may lie before the window; zip: index.
    "patient": {
        "patient": I4, "household": I4, "birth_day": I4, "sex": I1, "payer": I4, "joined_day": I4,
        "first_visit_day": I4, "left_day": I4, "deceased_day": I4, "channel": I1, "referrer": I4, "distance_km": F8,
        "need": F8, "expectation": F8, "digital": F8, "answers": F8, "talks": F8, "forgets": F8,
    },
    # role -> ROLES; end_kind -> END_KINDS; is_provider 1 if the person has a book of its own.
    "staff": {"staff": I4, "role": I1, "started_day": I4, "ended_day": I4, "end_kind": I1, "fte": F8, "is_provider": I1},
    # Hours in which a provider sees patients in a room: one row a session, also for the weeks after the window.
    "session": {"session": I4, "provider": I4, "room": I4, "starts": I8, "ends": I8},
    # kind -> LocationFacts.visit_kinds; first_starts: the start first agreed on, if the visit was moved, else = starts;
    # moved_at: when it was moved. status -> VISIT_STATUS; late 1: cancelled within 24 hours; by_practice 1: the practice
    # cancelled. no_show_probability: the truth at booking. Walk-ins: booked_at = arrived_at.
    "visit": {
        "visit": I4, "patient": I4, "provider": I4, "room": I4, "kind": I1, "booked_at": I8, "first_starts": I8,
        "moved_at": I8, "starts": I8, "minutes": I4, "status": I1, "late": I1, "by_practice": I1, "cancelled_at": I8,
        "arrived_at": I8, "roomed_at": I8, "started_at": I8, "done_at": I8, "is_new": I1, "channel": I1,
        "no_show_probability": F8,
    },
    # What was done and charged on a kept visit. code -> LocationFacts.codes; claim: row of claim, NONE if not insured.
    "line": {"line": I4, "visit": I4, "code": I4, "cents": I8, "units": I4, "tooth": I1, "claim": I4},
    # Treatment that was proposed on a kept visit (dental); done_line: the line that did it, NONE if it was not done yet.
    "proposal": {"proposal": I4, "visit": I4, "code": I4, "cents": I8, "tooth": I1, "day": I4, "done_line": I4},
    # One claim a kept, insured visit. closed_day NONE: still open at the end of the window.
    "claim": {"claim": I4, "visit": I4, "patient": I4, "payer": I4, "provider": I4, "submitted_day": I4, "cents": I8, "closed_day": I4},
    # What a payer decided; several a claim, in order. kind -> DECISION_KINDS. A reversal undoes the paid decision before
    # it: its amounts are negative. interest is paid on top (PLB L6), not part of paid.
    "decision": {"decision": I4, "claim": I4, "remittance": I4, "day": I4, "kind": I1, "paid": I8, "interest": I8},
    # charge = paid + contractual + deductible + coinsurance + denied, line by line. reason: row of World.denial_reasons
    # (CARC), NONE if denied is 0. Signs are turned on a reversal.
    "decision_line": {
        "decision_line": I4, "decision": I4, "line": I4, "charge": I8, "paid": I8, "contractual": I8, "deductible": I8,
        "coinsurance": I8, "denied": I8, "reason": I4,
    },
    # cents: sum of paid of its decisions + interest; never negative, 0 if all was denied.
    "remittance": {"remittance": I4, "payer": I4, "day": I4, "cents": I8, "interest": I8},
    # Sent again after a denial (frequency 7), before the decision that follows.
    "resubmission": {"resubmission": I4, "claim": I4, "day": I4},
    # Money from patients; negative: a refund. method -> METHODS.
    "receipt": {"receipt": I4, "patient": I4, "visit": I4, "day": I4, "cents": I8, "method": I1},
    # What was given up; kind -> WRITE_OFF_KINDS. Lowers what is owed.
    "write_off": {"write_off": I4, "patient": I4, "visit": I4, "claim": I4, "day": I4, "cents": I8, "kind": I1},
    "invitation": {"invitation": I4, "patient": I4, "visit": I4, "sent_at": I8, "channel": I1},  # channel 0 sms 1 email
    # question -> QUESTIONS with SCALES
    "answer": {"answer": I4, "invitation": I4, "question": I1, "score": I4, "answered_at": I8},
    "review": {"review": I4, "site": I1, "rating": I4, "posted_at": I8, "replied_at": I8},
    # referrer: row of patient, or of World.partners for professionals (kind -> REFERRER_KINDS). patient NONE: never came.
    "referral": {
        "referral": I4, "referrer_kind": I1, "referrer": I4, "patient": I4, "referred_day": I4, "booked_day": I4, "kept_day": I4,
        "paid_day": I4,
    },
    # A contact of the CRM; patient NONE: asked and never came. channel -> ACQUISITION_CHANNELS.
    "contact": {"contact": I4, "patient": I4, "channel": I1, "created_at": I8, "became_day": I4},
    # channel -> ACQUISITION_CHANNELS; kind 0 marketing 1 sales.
    "spend": {"spend": I4, "channel": I1, "kind": I1, "starts_day": I4, "ends_day": I4, "cents": I8},
    # category -> World.expense_categories
    "expense": {"expense": I4, "category": I1, "day": I4, "cents": I8},
    # question -> PULSE_QUESTIONS with PULSE_SCALES; anonymous: no staff row.
    "pulse": {"pulse": I4, "question": I1, "score": I4, "day": I4},
    # completed_day NONE: not done yet. course -> World.courses.
    "training": {"training": I4, "staff": I4, "course": I1, "hours": F8, "assigned_day": I4, "completed_day": I4, "cents": I8},
    "recognition": {"recognition": I4, "staff": I4, "kind": I1, "day": I4},  # kind 0 patient care 1 efficiency
    # item -> World.items; quantity is signed: received > 0, used and wasted < 0, counted and stock_out 0. on_hand after it.
    "stock_move": {"stock_move": I4, "item": I1, "kind": I1, "quantity": I4, "on_hand": I4, "par": I4, "cents": I8, "moved_at": I8},
    # component -> COMPONENTS; category -> World.investment_categories
    "investment": {"investment": I4, "component": I1, "category": I1, "day": I4, "cents": I8},
    # play: index in World.change_plays (NONE: not a play of the catalog); title from World.change_titles
    "change": {"change": I4, "play": I4, "component": I1, "title": I4, "starts_day": I4},
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Payer:
    """An invented payer. ``filing``: X12 claim filing indicator (CI commercial, MB Medicare part B, MC Medicaid)."""

    payer_id: str
    name: str
    filing: str


@dataclass(frozen=True, slots=True)
class Code:
    """A procedure code. ``system``: "cdt" or "cpt"; ``title`` is ours, not the code owner's text."""

    code: str
    system: str
    title: str
    cents: int


@dataclass(frozen=True, slots=True)
class VisitKind:
    """A type of visit of a location."""

    name: str
    minutes: int
    is_hygiene: bool = False


@dataclass(frozen=True, slots=True)
class LocationFacts:
    """What a location is. ``location_id``: "loc1"; ``kind``: "dental" or "medical"; ``zone``: IANA name."""

    number: int
    location_id: str
    name: str
    kind: str
    zone: str
    city: str
    state: str
    zips: tuple[str, ...]
    rooms: int
    npi: str
    tax_id: str
    visit_kinds: tuple[VisitKind, ...]
    codes: tuple[Code, ...]


@dataclass(frozen=True, slots=True)
class Words:
    """Word lists of the world that columns index into."""

    payers: tuple[Payer, ...]
    denial_reasons: tuple[tuple[str, str], ...]  # (group, CARC)
    partners: tuple[str, ...]  # invented names of referring professionals
    expense_categories: tuple[str, ...]
    courses: tuple[str, ...]
    items: tuple[str, ...]
    investment_categories: tuple[str, ...]
    change_plays: tuple[str, ...]
    change_titles: tuple[str, ...]


@dataclass(slots=True)
class Book:
    """All tables of one location; ``first_day`` and ``last_day`` bound the window (inclusive)."""

    location: LocationFacts
    words: Words
    seed: int
    first_day: int
    last_day: int
    tables: dict[str, Table] = field(default_factory=dict)

    def __getitem__(self, name: str) -> Table:
        return self.tables[name]


class BookWriter:
    """Collects columns month by month; `close()` gives the tables. ``kept=False`` only numbers the rows: a life of which nobody reads the book."""

    def __init__(self, kept: bool = True) -> None:
        self._kept = kept
        self._parts: dict[str, list[dict[str, npt.NDArray[Any]]]] = {name: [] for name in TABLES}
        self.rows = dict.fromkeys(TABLES, 0)

    def add(self, table: str, **columns: npt.ArrayLike) -> npt.NDArray[np.int64]:
        """Append rows; the first column is numbered here. Scalars are repeated. Returns the new row numbers."""
        schema = TABLES[table]
        sizes = [np.size(c) for c in columns.values() if np.ndim(c)]
        rows = sizes[0] if sizes else 1
        numbers = np.arange(self.rows[table], self.rows[table] + rows)
        if not self._kept:
            self.rows[table] += rows
            return numbers
        part = {}
        for index, (name, kind) in enumerate(schema.items()):
            values = np.asarray(numbers if index == 0 else columns[name])
            # np.full and astype alone: np.broadcast_to took a third of the time of a life.
            part[name] = (
                values.astype(kind) if values.shape == (rows,) else np.full(rows, values.reshape(-1)[0], kind)
            )
        if rows:
            self._parts[table].append(part)
            self.rows[table] += rows
        return numbers

    def close(self) -> dict[str, Table]:
        """All tables, each column in one piece."""
        return {
            name: {
                column: np.concatenate([part[column] for part in parts]) if parts else np.empty(0, dtype=kind)
                for column, kind in TABLES[name].items()
            }
            for name, parts in self._parts.items()
        }


EPOCH = date(1970, 1, 1)


def day_number(day: date) -> int:
    """Days since 1970-01-01.

    >>> day_number(date(2025, 1, 1))
    20089
    """
    return (day - EPOCH).days


def to_date(day: int) -> date:
    """The date of a day number.

    >>> to_date(20089)
    datetime.date(2025, 1, 1)
    """
    return EPOCH + timedelta(days=int(day))


def to_clock(minutes: int) -> datetime:
    """The wall-clock time (no zone) of a minute number.

    >>> to_clock(20089 * 1440 + 9 * 60 + 30)
    datetime.datetime(2025, 1, 1, 9, 30)
    """
    return datetime(1970, 1, 1) + timedelta(minutes=int(minutes))  # noqa: DTZ001 - the location's own wall clock
