"""What operations tell and ask about a change that is tried in a simulated clinic: frozen types. Minutes and visits of a half-day, intervals of 90 %."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from carewheel.spokes.operations.contracts import Chance
from carewheel.spokes.operations.contracts_template import KnownSession, TemplateOption


@dataclass(frozen=True, slots=True)
class SimulationWish:
    """What is asked for. ``location`` "": where most half-days are known. ``change``: "missed" (fewer visits are missed: ``missed_ratio`` of today's number) or
    "template" (best times at the prices of ``waiting``, ``idle`` and ``overtime`` on ``grid``). ``halfdays``: how many are simulated, twice at least; ``desks``,
    ``rooms``: None as on record, one desk where arrivals are on record."""

    location: str = ""
    change: str = "template"
    missed_ratio: Chance | None = None
    halfdays: int = 500
    seed: int = 20_251
    desks: int | None = None
    rooms: int | None = None
    waiting: float = 1.0
    idle: float = 5.0
    overtime: float = 7.5
    grid: int = 5


@dataclass(frozen=True, slots=True)
class SimulatedStage:
    """A stage of every visit: what it needs, its mean minutes and on how many visits of the log they stand (0: not in the log)."""

    name: str
    needs: str
    minutes: float
    measured: int


@dataclass(frozen=True, slots=True)
class Compared:
    """A figure of the place's half-day today and with the change, on the same luck. Intervals are of the luck of so many half-days; ``by_guess``: the difference
    at the ends of what is believed of the change, None where nothing is guessed."""

    name: str
    unit: str
    today: Chance
    changed: Chance
    difference: Chance
    by_guess: tuple[float, float] | None


@dataclass(frozen=True, slots=True)
class SimulationReport:
    """A place's half-day with and without a change.

    ``practitioners``: who is in it, each there on ``presence`` of the half-days; ``left_out``: of whom too little is known; ``log_wait``: minutes that patients
    waited by the log, to hold the simulation of today against; ``halfdays_a_month``: of the place; ``visits_a_month``: more that are kept, luck and guess
    together; ``templates``: today's and the new times by practitioner, where the change is of these.
    """

    as_of: date
    since: date
    wish: SimulationWish
    location: str
    practitioners: tuple[KnownSession, ...]
    presence: tuple[float, ...]
    left_out: int
    stages: tuple[SimulatedStage, ...]
    rooms: int
    late_start: float | None
    log_wait: Chance | None
    compared: tuple[Compared, ...]
    halfdays_a_month: float
    visits_a_month: Chance
    templates: tuple[tuple[str, TemplateOption, TemplateOption], ...]
    doubts: tuple[str, ...]
