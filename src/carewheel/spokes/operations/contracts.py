"""What operations tell and ask: frozen types. Moments are UTC, days local, chances from 0 to 1 with 90 % intervals."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Words = NDArray[np.str_]


@dataclass(frozen=True, slots=True)
class BookedVisits:
    """Booked visits of a practice (n,), as facts tell them; made by `queries.booked_visits`.

    ``visit``: appointment ids; ``location``, ``provider``, ``visit_type``, ``channel``, ``patient``: words, "" unknown; ``starts_at``: seconds UTC;
    ``booked``, ``starts``: seconds of local wall time since 1970-01-01; ``outcome``: -1 none yet or cancelled in good time, else 0 came, 1 missed,
    2 cancelled late; ``outcome_day``: day number on which it became known; ``ahead``: still booked on the as-of date; ``birth_year``: 0
    unknown; ``sex``: a word; ``minutes``: planned, 0 unknown; ``left_out``: how many rows have no known time of booking, or one after the visit.
    """

    as_of: date
    visit: Words
    location: Words
    provider: Words
    visit_type: Words
    channel: Words
    patient: Words
    starts_at: Ints
    booked: Ints
    starts: Ints
    outcome: Ints
    outcome_day: Ints
    ahead: NDArray[np.bool_]
    birth_year: Ints
    sex: Words
    minutes: NDArray[np.float64]
    left_out: int

    def __len__(self) -> int:
        return int(self.visit.size)


@dataclass(frozen=True, slots=True)
class Chance:
    """A chance with its 90 % interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class VisitRisk:
    """One booked visit to come. ``starts_local``: the wall clock of its place, without a zone; ``why``: the score in a sentence, for the hundred with the highest chances; ``action``: what to offer, "" where the usual reminder is enough."""

    visit: str
    location: str
    starts_at: datetime
    starts_local: datetime
    visit_type: str
    lead_days: int
    missed: Chance
    late_cancel: Chance | None
    why: str
    action: str


@dataclass(frozen=True, slots=True)
class GroupFairness:
    """Whether the score is right for a group; None: not enough data. ``error``: share missed less the mean chance (0 is right)."""

    attribute: str
    group: str
    visits: int
    missed: Chance | None
    expected: float | None
    error: Chance | None
    flagged: Chance | None
    flagged_came: Chance | None


@dataclass(frozen=True, slots=True)
class AttendanceReport:
    """Who may not come, and how far the score can be believed.

    ``tested``: by name a figure with interval on the last weeks before ``as_of``, each day foretold with what was known the evening before;
    empty where there is too little. ``drift_since``: the first day on which misses left what was expected. ``kept``: expected misses that the
    outreach turns into visits. ``by``: "trees" or, where too little is known or the extra is missing, "prior".
    """

    as_of: date
    learnt_from: int
    by: str
    why_prior: str
    tested: Mapping[str, Chance]
    tested_visits: int
    expected_misses: Chance
    drift_since: date | None
    fairness: tuple[GroupFairness, ...]
    visits: tuple[VisitRisk, ...]
    kept: float
    left_out: int
