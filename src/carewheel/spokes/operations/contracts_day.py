"""What is told of a day: its plan, and how it goes. Frozen types; times are minutes of the local day of the file, as is everything asked."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Likely:
    """A mean, and what 90 % of days lie between."""

    mean: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class AssignedVisit:
    """A visit with its start and end, and a resource for each need in order."""

    visit: str
    start: int
    end: int
    wanted: int
    site: str
    resources: tuple[str, ...]
    fixed: bool


@dataclass(frozen=True, slots=True)
class UnmetVisit:
    """A visit without a place. ``because``: a smallest set of reasons (``smallest`` False: one that cannot be shortened by leaving one out); empty: it would
    have a place, at more than it is worth. ``remedy``: set where the reasons cannot be told.
    """

    visit: str
    because: tuple[str, ...]
    smallest: bool
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class DayPlanReport:
    """Who does what. ``cost``: delays, extra costs and unmet visits; no plan costs less than ``bound``; ``proved``: this is the best."""

    assigned: tuple[AssignedVisit, ...]
    unmet: tuple[UnmetVisit, ...]
    cost: int
    bound: int
    proved: bool
    gap: float


@dataclass(frozen=True, slots=True)
class WaitAhead:
    """A visit that has not begun: chance of coming, and of those who come start, wait in minutes and chance of waiting over a quarter of an hour."""

    visit: str
    practitioner: str
    comes: float
    start: Likely
    wait: Likely
    long_wait: float


@dataclass(frozen=True, slots=True)
class EndAhead:
    """When a practitioner will be done, minutes of overtime, and the chance of any."""

    practitioner: str
    end: Likely
    overtime: Likely
    runs_over: float


@dataclass(frozen=True, slots=True)
class MoveAhead:
    """Something to do, in words, with the expected minutes of all waiting and overtime that it saves (90 % interval of the mean)."""

    kind: str
    visit: str
    to: str
    words: str
    waiting_saved: Likely
    overtime_saved: Likely


@dataclass(frozen=True, slots=True)
class DayReport:
    """The rest of the day from minute ``now`` if nothing is done, and moves, the best first; after doing one, ask again."""

    now: int
    waits: tuple[WaitAhead, ...]
    ends: tuple[EndAhead, ...]
    moves: tuple[MoveAhead, ...]
