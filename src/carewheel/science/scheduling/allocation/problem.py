"""What a day asks and has: requests with partial needs, resources with hours, skills and sites, and what is fixed already."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

from carewheel.science.refusal import CannotTell

# More steps than this are a slip of the unit, not a day or a week.
MOST_STEPS = 10_000


@dataclass(frozen=True, slots=True)
class Hours:
    """Minutes ``start`` to ``end`` in which a resource is there, at ``site``.

    Breaks and leave are what lies between two of them; hours that touch at one site are one.
    """

    start: int
    end: int
    site: str = ""

    def __post_init__(self) -> None:
        if not 0 <= self.start < self.end:
            raise CannotTell(
                "hours",
                {"start": self.start, "end": self.end},
                "give minutes from 0 on, the end after the start",
            )


@dataclass(frozen=True, slots=True)
class Resource:
    """One person, room, chair or device: it serves one visit at a time. ``kind``: a word, such as practitioner or room."""

    name: str
    kind: str
    hours: tuple[Hours, ...]
    skills: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Need:
    """One resource of ``kind`` during ``spans``, (from, to) minutes after the start of the visit; the same one in all spans.

    ``skills``: all of which it must have; ``only``: names among which it must be (none: any); ``extra``: cost by name on top,
    such as another carer than the usual one (names not listed cost ``otherwise``). Two needs of one kind take two resources
    wherever their spans meet.
    """

    kind: str
    spans: tuple[tuple[int, int], ...]
    skills: frozenset[str] = frozenset()
    only: frozenset[str] = frozenset()
    extra: tuple[tuple[str, int], ...] = ()
    otherwise: int = 0

    def __post_init__(self) -> None:
        if not self.spans or any(not 0 <= a < b for a, b in self.spans):
            raise CannotTell(
                "spans", {"kind": self.kind}, "give spans of minutes from 0 on, the end after the start"
            )
        if any(b > a for (_, b), (a, _) in itertools.pairwise(sorted(self.spans))):
            raise CannotTell(
                "spans-overlap", {"kind": self.kind}, "give spans of one need that do not overlap"
            )
        if self.otherwise < 0 or any(cost < 0 for _, cost in self.extra):
            raise CannotTell("negative-cost", {"kind": self.kind}, "give costs of nought or more")


@dataclass(frozen=True, slots=True)
class VisitRequest:
    """One visit that is asked for.

    ``wanted``: minute of the start that is best; ``earliest``, ``latest``: bounds of the start (``latest`` None: none).
    ``late``, ``early``: whole cost of each step of the grid after, before ``wanted``; ``unmet``: cost of not giving it at all.
    ``sites``: where it may be (none: anywhere); all that a visit needs is at one site.
    """

    name: str
    needs: tuple[Need, ...]
    wanted: int
    earliest: int = 0
    latest: int | None = None
    late: int = 1
    early: int = 1
    unmet: int = 1_000
    sites: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        if not self.needs:
            raise CannotTell(
                "no-needs", {"visit": self.name}, "say what the visit needs, such as a practitioner"
            )
        if self.wanted < 0 or self.earliest < 0 or (self.latest is not None and self.latest < self.earliest):
            raise CannotTell(
                "times",
                {"visit": self.name},
                "give minutes from 0 on, the latest start not before the earliest",
            )
        if min(self.late, self.early, self.unmet) < 0:
            raise CannotTell("negative-cost", {"visit": self.name}, "give whole costs of nought or more")

    @property
    def minutes(self) -> int:
        """From the start to the end of the last span."""
        return max(b for need in self.needs for _, b in need.spans)


@dataclass(frozen=True, slots=True)
class Placed:
    """A visit at a minute with a resource for each of its needs, in their order."""

    visit: str
    start: int
    resources: tuple[str, ...]
    site: str = ""


@dataclass(frozen=True, slots=True)
class DayProblem:
    """Requests and resources on a grid of ``step`` minutes; ``fixed``: requests (by name) that stay where they are."""

    resources: tuple[Resource, ...]
    requests: tuple[VisitRequest, ...]
    fixed: tuple[Placed, ...] = ()
    step: int = 5

    def __post_init__(self) -> None:
        if self.step < 1:
            raise CannotTell("step", {"step": self.step}, "give a grid step of one minute or more")
        if not self.resources:
            raise CannotTell("no-resources", {}, "name who and what is there, with hours")
        for what, names in (
            ("resource", [r.name for r in self.resources]),
            ("visit", [v.name for v in self.requests]),
            ("fixed", [p.visit for p in self.fixed]),
        ):
            twice = {n for n in names if names.count(n) > 1}
            if twice:
                raise CannotTell("name-twice", {what: min(twice)}, "give each a name of its own")
        kinds = {r.kind for r in self.resources}
        for visit in self.requests:
            for need in visit.needs:
                if need.kind not in kinds:
                    raise CannotTell(
                        "missing-resource",
                        {"visit": visit.name, "kind": need.kind},
                        "add a resource of this kind",
                    )
                self._on_grid(visit.name, *(m for span in need.spans for m in span))
            self._on_grid(visit.name, visit.wanted)
        for resource in self.resources:
            if not resource.hours:
                raise CannotTell(
                    "zero-capacity", {"resource": resource.name}, "give hours, or leave the resource out"
                )
            spans = sorted((h.start, h.end) for h in resource.hours)
            if any(b > a for (_, b), (a, _) in itertools.pairwise(spans)):
                raise CannotTell(
                    "hours-overlap", {"resource": resource.name}, "give hours that do not overlap"
                )
        if self.horizon > MOST_STEPS:
            raise CannotTell("too-long", {"steps": self.horizon}, "give a day or a week, in minutes")
        self._check_fixed()

    def _on_grid(self, visit: str, *minutes: int) -> None:
        for minute in minutes:
            if minute % self.step:
                raise CannotTell(
                    "off-grid",
                    {"visit": visit, "minute": minute, "step": self.step},
                    "give multiples of the step",
                )

    def _check_fixed(self) -> None:
        visits, there = {v.name: v for v in self.requests}, {r.name: r for r in self.resources}
        for placed in self.fixed:
            if placed.visit not in visits:
                raise CannotTell("unknown-visit", {"visit": placed.visit}, "fix only what is requested")
            if len(placed.resources) != len(visits[placed.visit].needs):
                raise CannotTell("fixed-needs", {"visit": placed.visit}, "name one resource for each need")
            missing = [n for n in placed.resources if n not in there]
            if missing:
                raise CannotTell("missing-resource", {"resource": missing[0]}, "name a resource of the day")
            if placed.start < 0:
                raise CannotTell("negative-minutes", {"visit": placed.visit}, "give minutes from 0 on")
            self._on_grid(placed.visit, placed.start)

    @property
    def horizon(self) -> int:
        """Steps of the grid until the last resource leaves."""
        return -(-max(h.end for r in self.resources for h in r.hours) // self.step)
