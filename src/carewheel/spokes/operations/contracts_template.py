"""What operations tell and ask about templates and clinics: frozen types. Minutes from a session's opening, chances from 0 to 1, intervals of 90 %."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray

from carewheel.spokes.operations.contracts import Chance, Ints, Words


@dataclass(frozen=True, slots=True)
class SessionFacts:
    """Visits that were booked or walked in, and the half-days they belong to; made by `queries_template.session_facts`.

    Of visits (n,): ``session``: row of the session; ``provider``, ``location``, ``visit_type``, ``sex``: words, "" unknown; ``starts``: seconds of local wall
    time; ``outcome``: 0 came, 1 missed, 2 cancelled late; ``walk_in``; ``lead_days``: -1 unknown; ``planned``: minutes, 0 unknown; ``birth_year``: 0 unknown;
    ``arrived``, ``roomed``, ``began``, ``done``: seconds of local wall time, -1 where the log has none; ``in_room``: whether
    the log has no begin but the way into the room, which stands for it; ``minutes``: with the practitioner, pauses left out, NaN
    unknown. Of sessions (k,): ``of_provider``, ``of_location``, ``opens``, ``closes``: seconds of local wall time; ``from_hours``: whether the hours are on
    record or guessed from the visits. ``rooms``: by location how many rooms or chairs are on record.
    """

    as_of: date
    first: date
    session: Ints
    provider: Words
    location: Words
    visit_type: Words
    sex: Words
    starts: Ints
    outcome: Ints
    walk_in: NDArray[np.bool_]
    lead_days: Ints
    planned: NDArray[np.float64]
    birth_year: Ints
    arrived: Ints
    roomed: Ints
    began: Ints
    in_room: NDArray[np.bool_]
    done: Ints
    minutes: NDArray[np.float64]
    of_provider: Words
    of_location: Words
    opens: Ints
    closes: Ints
    from_hours: NDArray[np.bool_]
    rooms: Mapping[str, int]

    def __len__(self) -> int:
        return int(self.starts.size)


@dataclass(frozen=True, slots=True)
class TemplateWish:
    """What is asked for. "" for ``location``, ``practitioner`` (its beginning is enough): where most is known; ``visit_type`` "": the usual mixture.

    ``waiting``, ``idle``, ``overtime``: what a minute of each costs; ``grid``: minutes between two possible appointments; ``overbook``: an attribute
    ("age band", "sex") by which waits must stay alike, "": nobody is booked beyond the slots; ``sequence``: look at which type of visit goes first.
    """

    location: str = ""
    practitioner: str = ""
    visit_type: str = ""
    waiting: float = 1.0
    idle: float = 5.0
    overtime: float = 7.5
    grid: int = 5
    overbook: str = ""
    sequence: bool = False


@dataclass(frozen=True, slots=True)
class KnownSession:
    """What is known of the half-days of a practitioner.

    ``sessions``: how many of this length were looked at; ``length``: minutes; ``slots``: appointments of a full half-day; ``times``: their usual minutes;
    ``filled``: share of slots that were booked and not given back in good time; ``missed``: of those, missed or cancelled late; ``comes``: chance that
    somebody comes to a slot; ``minutes``: with the practitioner (mean, sd, 10 and 90 %), ``measured``: on so many visits; ``minutes_by``: "log", "model" (planned minutes
    times what all practitioners take of theirs), or "plan"; ``early``: minutes of arrival less appointment (mean, sd), None unknown; ``walk_ins``: a half-day; ``seen_wait``:
    minutes that patients waited by the log, from appointment or arrival, whichever was later.
    """

    location: str
    practitioner: str
    visit_type: str
    sessions: int
    sessions_a_month: float
    length: int
    slots: int
    times: tuple[float, ...]
    filled: Chance
    missed: Chance
    comes: float
    minutes: tuple[float, float, float, float]
    measured: int
    minutes_by: str
    early: tuple[float, float] | None
    walk_ins: float
    seen_wait: Chance | None


@dataclass(frozen=True, slots=True)
class TemplateOption:
    """Appointment times and what they come to a half-day, in expected minutes, exactly in the model. ``wait``: of each patient who comes; ``wait_at``: by
    appointment; ``gap``: no other times on this grid are cheaper by more; None: not proved, or no best times at all."""

    name: str
    times: tuple[float, ...]
    wait: float
    wait_at: tuple[float, ...]
    idle: float
    overtime: float
    cost: float
    gap: float | None


@dataclass(frozen=True, slots=True)
class FrontierPoint:
    """Best times where a minute of idling costs ``idle_price`` minutes of waiting."""

    idle_price: float
    wait: float
    idle: float
    overtime: float
    times: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class OpenSlots:
    """A half-day's slots to keep open until the day itself; per half-day. ``asked_today``: same-day and walk-in visits that were seen or booked: who was turned away
    is not on record, so that the real number is larger. ``now``: the same with nothing kept open."""

    keep: int
    seen_ahead: float
    seen_today: float
    refused_today: float
    empty: float
    now_seen: float
    now_refused: float
    asked_ahead: float
    asked_today: float
    halfdays: int


@dataclass(frozen=True, slots=True)
class Overbooking:
    """Booking ``extra`` patients beyond the slots, so that the groups of ``attribute`` wait alike: ``waits`` by group, ``gap``: (largest - smallest) / mean.

    ``comes``: chance of coming by group; ``times``, ``groups``: appointments and whom they are for, of the plan used most; ``plans``: how many plans are drawn by
    lot; ``cost``: of this, ``free_cost``, ``free_gap``: of the plan that ignores groups; ``plain_cost``: of the slots as they are, nobody beyond.
    """

    attribute: str
    extra: int
    comes: Mapping[str, float]
    waits: Mapping[str, float]
    gap: float
    times: tuple[float, ...]
    groups: tuple[str, ...]
    plans: int
    cost: float
    free_cost: float
    free_gap: float
    plain_cost: float


@dataclass(frozen=True, slots=True)
class TypeOfVisit:
    """A type among the visits of a half-day: its ``places``, the chance that somebody comes to one, minutes (mean, sd), measured on so many visits."""

    visit_type: str
    places: int
    comes: float
    minutes: tuple[float, float]
    measured: int


@dataclass(frozen=True, slots=True)
class Sequence:
    """Who first: the order of types that was found cheapest, with its times, beside the same visits in any order (means over drawn ones).

    ``any_today``: at today's times; ``any_best``: at the best times for slots that are all alike; ``ordered``: in ``order`` at their own best times.
    The order is searched by rules and exchanges: a better one may exist.
    """

    types: tuple[TypeOfVisit, ...]
    order: tuple[str, ...]
    ordered: TemplateOption
    any_today: TemplateOption
    any_best: TemplateOption
    drawn: int


@dataclass(frozen=True, slots=True)
class TemplateReport:
    """A practitioner's half-day, and times that would serve it better.

    ``today``, ``best``, ``individual``, ``bailey_welch``: by the chosen prices; ``frontier``: best times by price of idling, dearer as it goes on;
    ``same_idle``: wait that best times need with today's idling and overtime, ``same_wait``: idling and overtime with today's waiting, None where
    the frontier does not reach so far; ``others``: other practitioners with sessions enough, by location; ``doubts``: what the reader has to know.
    """

    as_of: date
    since: date
    wish: TemplateWish
    known: KnownSession
    today: TemplateOption
    best: TemplateOption
    individual: TemplateOption
    bailey_welch: TemplateOption
    frontier: tuple[FrontierPoint, ...]
    same_idle: float | None
    same_wait: float | None
    open_slots: OpenSlots | None
    why_no_open_slots: str
    overbooking: Overbooking | None
    why_no_overbooking: str
    sequence: Sequence | None
    why_no_sequence: str
    others: tuple[tuple[str, str, int], ...]
    doubts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class GivenPlace:
    """A request with its place: ``day`` (number) and ``start`` (minutes from the opening), both None where nothing was free in its span."""

    name: str
    asked: int
    day: int | None
    start: float | None


@dataclass(frozen=True, slots=True)
class SeasonReport:
    """Requests in the slots of a season's template, in the order of the file. ``costs``: of every day's session as it is booked now."""

    places: tuple[GivenPlace, ...]
    costs: tuple[float, ...]
    free: tuple[int, ...]
