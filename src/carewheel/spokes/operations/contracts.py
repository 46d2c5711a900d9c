"""What operations tell and ask: frozen types. Moments are UTC, days local, chances from 0 to 1 with 90 % intervals."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Words = NDArray[np.str_]


@dataclass(frozen=True, slots=True)
class BookedVisits:
    """Booked visits of a practice (n,), as facts tell them; made by `queries.booked_visits`.

    ``visit``: appointment ids, of the ``source`` whose account counts; ``location``, ``provider``, ``visit_type``, ``channel``, ``patient``: words, "" unknown; ``starts_at``: seconds UTC;
    ``booked``, ``starts``: seconds of local wall time since 1970-01-01; ``outcome``: -1 none yet or cancelled in good time, else 0 came, 1 missed,
    2 cancelled late; ``outcome_day``: day number on which it became known; ``ahead``: still booked on the as-of date; ``birth_year``: 0
    unknown; ``sex``: a word; ``minutes``: planned, 0 unknown; ``left_out``: how many rows have no known time of booking, or one after the visit.
    """

    as_of: date
    source: Words
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
class Foreseen:
    """What is foreseen of one booked visit. ``why``: in a sentence; ``action``: what to offer, "" where the usual reminder is enough; ``at``:
    when it was foreseen, None where it is only now."""

    missed: Chance
    late_cancel: float | None
    why: str
    action: str = ""
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class BesideTheBook:
    """What is known of a visit beside the book. ``missing``: the practice system's last whole export does not have it, and nobody has decided yet."""

    foreseen: Foreseen | None
    missing: bool


@dataclass(frozen=True, slots=True)
class ForeseenAhead:
    """All booked visits after ``as_of`` as they were foreseen, in one order: ``source`` and ``visit`` (n,), ``starts_at`` (n,) seconds UTC.

    ``terms``: what a single visit is scored by when it is booked, as plain numbers; see `rules.attendance_at_booking`.
    """

    as_of: date
    by: str
    source: Words
    visit: Words
    starts_at: Ints
    foreseen: tuple[Foreseen, ...]
    terms: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class EarlierVisit:
    """An earlier visit of a patient that has an outcome (0 came, 1 missed, 2 cancelled late), known on ``outcome_day``; local day numbers."""

    lead_days: int
    outcome: int
    outcome_day: int


@dataclass(frozen=True, slots=True)
class GroupFairness:
    """Whether the score is right for a group, and who waits; None: not enough data. ``error``: share missed less the mean chance (0 is right);
    ``waiting``: expected minutes of whoever comes, in the book as it was, with the scores as chances of coming."""

    attribute: str
    group: str
    visits: int
    missed: Chance | None
    expected: float | None
    error: Chance | None
    flagged: Chance | None
    flagged_came: Chance | None
    waiting: Chance | None = None


@dataclass(frozen=True, slots=True)
class AttendanceReport:
    """Who may not come, and how far the score can be believed.

    ``tested``: by name a figure with interval on the last weeks before ``as_of``, each day foretold with what was known the evening before;
    empty where there is too little. ``drift_since``: the first day on which misses left what was expected. ``kept``: expected misses that the
    outreach turns into visits. ``by``: "trees" or, where too little is known or the extra is missing, "prior". ``waiting_gap``: by attribute, (longest -
    shortest mean wait of its groups) / mean wait; empty where fewer than two groups are large enough.
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
    waiting_gap: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class AskedVisits:
    """Visits by day as people wanted them (kept, missed, cancelled late), with what was on the book before; made by `queries.asked_visits`.

    ``first_day``: number of the first day; ``locations`` (k,), ``regions`` (k,); ``counts`` (k, T): visits of each day up to the as-of date; ``walk_ins``
    (k, T); ``by_type``: share of the last quarter by type (k by type); ``hours`` (k, T, 24): by local hour of the visit; ``book`` (k, T + ahead,
    leads): visits on the book l days before each day, of days to come for the leads that have been; ``closed`` (k, T + ahead).
    """

    as_of: date
    first_day: int
    locations: tuple[str, ...]
    regions: tuple[str, ...]
    types: tuple[str, ...]
    counts: NDArray[np.float64]
    walk_ins: NDArray[np.float64]
    by_type: NDArray[np.float64]
    hours: NDArray[np.float64]
    book: NDArray[np.float64]
    closed: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class DemandDay:
    """Visits asked for on a day at a place, in a region ("north") or in the "group". ``on_book``: booked by now."""

    where: str
    day: date
    expected: float
    low: float
    high: float
    on_book: int
    walk_ins: float
    closed: bool


@dataclass(frozen=True, slots=True)
class DemandReport:
    """How many will ask. ``weeks``: sums of seven days with their own interval; ``shares``: of each type by place; ``hours``: of each hour by place, Monday to
    Sunday. ``silent``: places of which too little is known, with why.
    """

    as_of: date
    days: tuple[DemandDay, ...]
    weeks: tuple[DemandDay, ...]
    shares: Mapping[str, Mapping[str, float]]
    hours: Mapping[str, tuple[tuple[float, ...], ...]]
    silent: Mapping[str, str]
