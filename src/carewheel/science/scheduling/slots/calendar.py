"""Who is free when, for weeks ahead: one whole number a resource and site, one bit a step of the grid.

Days are local days of the place from 0 on, minutes those of the local grid day. What a clock change does to a day is the caller's
to say by the hours given.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from carewheel.science.refusal import CannotTell
from carewheel.science.scheduling.allocation.bits import block

DAY = 1440
MOST_DAYS = 1_000


@dataclass(frozen=True, slots=True)
class Span:
    """Minutes ``start`` to ``end`` of a day."""

    day: int
    start: int
    end: int
    site: str = ""

    def __post_init__(self) -> None:
        if self.day < 0 or not 0 <= self.start < self.end <= DAY:
            raise CannotTell(
                "span",
                {"day": self.day, "start": self.start, "end": self.end},
                "give a day from 0 on and minutes of it, the end after the start",
            )


@dataclass(frozen=True, slots=True)
class Bookable:
    """One person, room or device. ``hours``: when it is there, and at which site; ``away``: breaks, leave and what is booked."""

    name: str
    kind: str
    hours: tuple[Span, ...]
    away: tuple[Span, ...] = ()
    skills: frozenset[str] = frozenset()


class Calendar:
    """Free time of all resources of ``days`` days on a grid of ``step`` minutes; bookings are put in and taken out in place.

    Hours shrink to whole steps, bookings grow to them. Raises `CannotTell` for no days, steps that do not divide a day, names
    that come twice, no resources, resources without hours and spans beyond the days.

    >>> calendar = Calendar(2, [Bookable("A", "carer", (Span(0, 540, 600), Span(1, 540, 600)))])
    >>> calendar.book("A", Span(0, 545, 560))
    >>> bin(calendar.free["A"][""] >> 540 // 5 & 0xFFF)
    '0b111111110001'
    """

    def __init__(self, days: int, resources: Iterable[Bookable], step: int = 5) -> None:
        if not 1 <= days <= MOST_DAYS:
            raise CannotTell("days", {"days": days, "most": MOST_DAYS}, "give one day at least")
        if step < 1 or DAY % step:
            raise CannotTell("step", {"step": step}, "give a grid step that divides a day, such as 5 minutes")
        self.days, self.step = days, step
        self.per_day = DAY // step
        self.resources: dict[str, Bookable] = {}
        self.free: dict[str, dict[str, int]] = {}
        self._hours: dict[str, dict[str, int]] = {}
        self._booked: dict[str, int] = {}
        for r in resources:
            if r.name in self.resources:
                raise CannotTell("name-twice", {"resource": r.name}, "give each a name of its own")
            if not r.hours:
                raise CannotTell(
                    "zero-capacity", {"resource": r.name}, "give hours, or leave the resource out"
                )
            self.resources[r.name] = r
            sites: dict[str, int] = {}
            for span in r.hours:
                sites[span.site] = sites.get(span.site, 0) | self._bits(span, inside=True)
            gone = 0
            for span in r.away:
                gone |= self._bits(span, inside=False)
            self._hours[r.name], self._booked[r.name] = sites, gone
            self._refresh(r.name)
        if not self.resources:
            raise CannotTell("no-resources", {}, "name who and what is there, with hours")

    def book(self, name: str, span: Span) -> None:
        """Take a span out. Raises `CannotTell` ``taken`` where it is not free as a whole."""
        bits = self._bits(span, inside=False)
        if name not in self.resources:
            raise CannotTell("missing-resource", {"resource": name}, "name a resource of the calendar")
        if not any(bits & free == bits for free in self.free[name].values()):
            raise CannotTell(
                "taken", {"resource": name, "day": span.day, "start": span.start}, "look for a free slot"
            )
        self._booked[name] |= bits
        self._refresh(name)

    def release(self, name: str, span: Span) -> None:
        """Give a booked span back. What of it is outside the hours stays closed."""
        if name not in self.resources:
            raise CannotTell("missing-resource", {"resource": name}, "name a resource of the calendar")
        self._booked[name] &= ~self._bits(span, inside=False)
        self._refresh(name)

    def moment(self, at: int) -> tuple[int, int]:
        """Day and minute of a step of the grid."""
        return at // self.per_day, at % self.per_day * self.step

    def at(self, day: int, minute: int) -> int:
        """The step of the grid at or after a minute of a day."""
        return day * self.per_day - (-minute // self.step)

    @property
    def sites(self) -> Mapping[str, None]:
        """Sites of all hours, each once."""
        return {site: None for by_site in self._hours.values() for site in by_site}

    def _bits(self, span: Span, *, inside: bool) -> int:
        if span.day >= self.days:
            raise CannotTell("day-beyond", {"day": span.day, "days": self.days}, "give days of the calendar")
        first, last = span.start / self.step, span.end / self.step
        zero = span.day * self.per_day
        if inside:
            return block(zero - int(-first // 1), zero + int(last // 1))
        return block(zero + int(first // 1), zero - int(-last // 1))

    def _refresh(self, name: str) -> None:
        self.free[name] = {site: bits & ~self._booked[name] for site, bits in self._hours[name].items()}
