"""A day as far as it has come: who is booked, has arrived, is in a room, has begun, is done; and who is there until when."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from carewheel.science.refusal import CannotTell
from carewheel.science.scheduling.minutes import Minutes


@dataclass(frozen=True, slots=True)
class LiveVisit:
    """One visit of the day; minutes from any common zero, None what has not happened.

    ``duration``: minutes with the practitioner; ``show_rate``: chance of coming, as it was in the morning; ``unpunctuality``: arrival less the time
    that the patient was told (None: punctual); ``told``: that time, where it is not ``booked`` any more. ``room``: planned, "" for none.
    ``others``: practitioners who could see the patient as well; ``telehealth``: whether it could be done by telephone or screen.
    ``gone``: cancelled, or known not to come.
    """

    name: str
    practitioner: str
    booked: float
    duration: Minutes
    room: str = ""
    show_rate: float = 1.0
    unpunctuality: Minutes | None = None
    told: float | None = None
    arrived: float | None = None
    roomed: float | None = None
    started: float | None = None
    done: float | None = None
    others: frozenset[str] = field(default_factory=frozenset)
    telehealth: bool = False
    gone: bool = False

    def __post_init__(self) -> None:
        if not 0 <= self.show_rate <= 1:
            raise CannotTell("show-rate", {"visit": self.name}, "give a probability between 0 and 1")
        if self.duration.first < 0:
            raise CannotTell("negative-minutes", {"visit": self.name}, "a duration cannot be negative")
        told = [self.booked, *(m for m in (self.told, *self.events) if m is not None)]
        if not all(math.isfinite(m) and m >= 0 for m in told):
            raise CannotTell(
                "negative-minutes", {"visit": self.name}, "give finite minutes of nought or more"
            )
        seen = [m for m in self.events if m is not None]
        if seen != sorted(seen):
            raise CannotTell(
                "events-in-order", {"visit": self.name}, "arrived, roomed, started, done come in this order"
            )
        if self.done is not None and self.started is None:
            raise CannotTell(
                "done-not-started", {"visit": self.name}, "give the moment at which the visit began"
            )

    @property
    def events(self) -> tuple[float | None, float | None, float | None, float | None]:
        """Arrived, roomed, started, done."""
        return self.arrived, self.roomed, self.started, self.done

    @property
    def here(self) -> bool:
        """Whether the patient is in the practice."""
        return any(m is not None for m in self.events)

    @property
    def due(self) -> float:
        """When the patient was last told to come."""
        return self.booked if self.told is None else self.told


@dataclass(frozen=True, slots=True)
class OnDuty:
    """A practitioner, there from ``start``; work after ``end`` is overtime."""

    name: str
    start: float
    end: float

    def __post_init__(self) -> None:
        if not 0 <= self.start < self.end < math.inf:
            raise CannotTell(
                "hours", {"practitioner": self.name}, "give minutes from 0 on, the end after the start"
            )


@dataclass(frozen=True, slots=True)
class LiveDay:
    """The day at minute ``now``. ``rooms``: their names; ``turnover``: minutes to make a room ready after a visit."""

    now: float
    visits: tuple[LiveVisit, ...]
    practitioners: tuple[OnDuty, ...]
    rooms: tuple[str, ...] = ()
    turnover: float = 0.0

    def __post_init__(self) -> None:
        if not (0 <= self.now < math.inf and 0 <= self.turnover < math.inf):
            raise CannotTell("negative-minutes", {"now": self.now}, "give finite minutes of nought or more")
        if not self.practitioners:
            raise CannotTell("zero-capacity", {}, "name who is on duty")
        staff = {p.name for p in self.practitioners}
        for what, names in (
            ("visit", [v.name for v in self.visits]), ("practitioner", [p.name for p in self.practitioners]),
            ("room", list(self.rooms)),
        ):  # fmt: skip
            if len(set(names)) != len(names):
                raise CannotTell("name-twice", {"what": what}, "give each a name of its own")
        busy: dict[str, str] = {}
        for v in self.visits:
            if v.practitioner not in staff or not v.others <= staff:
                raise CannotTell("missing-resource", {"visit": v.name}, "name practitioners who are on duty")
            if v.room and v.room not in self.rooms:
                raise CannotTell(
                    "missing-resource", {"visit": v.name, "room": v.room}, "name a room of the day"
                )
            if any(m is not None and m > self.now for m in v.events):
                raise CannotTell("event-to-come", {"visit": v.name}, "give only what has happened by now")
            if v.started is not None and v.done is None:
                if v.practitioner in busy:
                    raise CannotTell(
                        "two-at-once", {"practitioner": v.practitioner, "visit": v.name},
                        "end one visit of a practitioner before the next begins",
                    )  # fmt: skip
                busy[v.practitioner] = v.name
