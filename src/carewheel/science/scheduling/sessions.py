"""What a session is: its patients, who may come without appointment, when it closes, and what a minute of each evil costs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from carewheel.science.refusal import CannotTell
from carewheel.science.scheduling.minutes import Minutes, Phases

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Patient:
    """One booked patient.

    ``duration``: minutes with the practitioner. ``show_rate``: probability of coming, 0 to 1. ``unpunctuality``: arrival
    less appointment in minutes (negative is early), None is punctual. ``weight``: how much this patient's minute of
    waiting counts beside another's. Whether and when a patient comes, and how long it takes, are independent of one
    another and of other patients.
    """

    duration: Minutes | Phases
    show_rate: float = 1.0
    unpunctuality: Minutes | None = None
    weight: float = 1.0

    def __post_init__(self) -> None:
        if not 0 <= self.show_rate <= 1:
            raise CannotTell("show-rate", {"show_rate": self.show_rate}, "give a probability between 0 and 1")
        if isinstance(self.duration, Minutes) and self.duration.first < 0:
            raise CannotTell(
                "negative-minutes", {"first": self.duration.first}, "a duration cannot be negative"
            )
        if not (self.weight >= 0 and math.isfinite(self.weight)):
            raise CannotTell("weight", {"weight": self.weight}, "give a finite weight of nought or more")


@dataclass(frozen=True, slots=True)
class WalkIns:
    """People without appointment: Poisson arrivals at ``rate`` a minute from ``start`` up to, not including, ``end``.

    They come at moments of the grid (at each moment a Poisson number) and are taken as if they had an appointment at the
    moment of arrival, after those who do.
    """

    rate: float
    start: float
    end: float
    duration: Minutes
    weight: float = 1.0

    def __post_init__(self) -> None:
        if not (self.rate >= 0 and math.isfinite(self.rate) and 0 <= self.start <= self.end < math.inf):
            raise CannotTell(
                "walk-ins",
                {"rate": self.rate, "start": self.start, "end": self.end},
                "give a rate of nought or more and a span within the session",
            )
        if self.duration.first < 0 or not self.weight >= 0:
            raise CannotTell("negative-minutes", {}, "durations and weights of walk-ins cannot be negative")


@dataclass(frozen=True, slots=True)
class Weights:
    """What a minute costs: of a patient's waiting, of the practitioner's idling, of overtime past the close."""

    waiting: float
    idle: float
    overtime: float = 0.0

    def __post_init__(self) -> None:
        values = (self.waiting, self.idle, self.overtime)
        if not all(v >= 0 and math.isfinite(v) for v in values) or sum(values) == 0:
            raise CannotTell(
                "weights",
                {"waiting": self.waiting, "idle": self.idle, "overtime": self.overtime},
                "give finite weights of nought or more, one at least above nought",
            )


@dataclass(frozen=True, slots=True)
class Session:
    """One practitioner's session from minute 0: ``patients`` in the order in which they are seen.

    The practitioner takes the listed patients in their order, and waits for the next on the list who will come, even when
    a later one is there already. Who does not come takes no time. ``closes``: minute of the planned end, None for the
    moment of the last appointment. The practitioner stays until then at least, and until all are seen.
    """

    patients: tuple[Patient, ...]
    weights: Weights
    closes: float | None = None
    walk_ins: tuple[WalkIns, ...] = ()

    def __post_init__(self) -> None:
        if not self.patients:
            raise CannotTell("no-patients", {}, "a session needs one patient at least")
        if self.closes is not None and not (self.closes >= 0 and math.isfinite(self.closes)):
            raise CannotTell("closes", {"closes": self.closes}, "give a finite minute of nought or more")
        kinds = {type(p.duration) for p in self.patients}
        if len(kinds) > 1:
            raise CannotTell("mixed-durations", {}, "give all durations on a grid, or all in phases")
        if Phases in kinds:
            if len({p.duration.rate for p in self.patients if isinstance(p.duration, Phases)}) > 1:
                raise CannotTell(
                    "several-rates", {}, "phases of one session share one rate; use a grid otherwise"
                )
            if self.walk_ins or any(p.unpunctuality is not None for p in self.patients):
                raise CannotTell(
                    "phases-are-punctual", {}, "use durations on a grid with walk-ins or unpunctuality"
                )
            return
        laws = [p.duration for p in self.patients] + [p.unpunctuality for p in self.patients]
        steps = {
            law.step for law in (*laws, *(w.duration for w in self.walk_ins)) if isinstance(law, Minutes)
        }
        if len(steps) > 1:
            raise CannotTell("several-steps", {"steps": str(sorted(steps))}, "give all minutes on one grid")

    @property
    def in_phases(self) -> bool:
        """Whether the durations are sums of exponential phases (continuous time) instead of minutes on a grid."""
        return isinstance(self.patients[0].duration, Phases)

    @property
    def step(self) -> float:
        """Minutes between two moments of the grid; 1 for phases, which need none."""
        law = self.patients[0].duration
        return law.step if isinstance(law, Minutes) else 1.0

    @property
    def booked_work(self) -> float:
        """Expected minutes of work with those who have an appointment."""
        return sum(p.show_rate * p.duration.mean for p in self.patients)

    def ordered(self, order: Sequence[int]) -> Session:
        """The same session with its patients in another order."""
        return Session(tuple(self.patients[i] for i in order), self.weights, self.closes, self.walk_ins)


@dataclass(frozen=True, slots=True, eq=False)
class Evaluation:
    """What a session comes to, in expected minutes, exactly.

    ``waits`` (patients,): wait of each who comes, from the appointment or the arrival, whichever is later. ``waiting``: of
    all booked patients together; ``walk_in_waiting``: of all walk-ins together. ``idle``: minutes in which the practitioner
    is there and has nobody to see. ``overtime``: minutes past the close. ``work``: minutes of work. ``cost``: weighted sum,
    with patients' own weights. ``gradient`` (patients,): change of cost per minute that an appointment moves later, if
    asked for.
    """

    waits: Floats
    waiting: float
    walk_in_waiting: float
    idle: float
    overtime: float
    work: float
    cost: float
    gradient: Floats | None = None

    @property
    def availability(self) -> float:
        """Expected minutes from the opening until the practitioner may leave."""
        return self.idle + self.work


def moments(session: Session, times: ArrayLike) -> Floats:
    """Appointment times as an array, refused where they are not one a patient, negative, not finite or not in order."""
    found = np.asarray(times, dtype=np.float64)
    if found.shape != (len(session.patients),):
        raise CannotTell(
            "times", {"given": str(found.shape), "patients": len(session.patients)}, "give one time a patient"
        )
    if not np.all(np.isfinite(found)) or found.min() < 0 or np.any(np.diff(found) < 0):
        raise CannotTell(
            "times-in-order", {}, "give finite minutes from 0 on, none before the one of the patient ahead"
        )
    return found


def who_come(booked: int, show_rate: float) -> Floats:
    """Chance that 0, 1, ... of ``booked`` patients come, (booked + 1,): binomial.

    >>> who_come(2, 0.5).tolist()
    [0.25, 0.5, 0.25]
    """
    come = np.arange(booked + 1)
    return np.asarray(special.binom(booked, come) * show_rate**come * (1 - show_rate) ** (booked - come))
