"""Why a request has no place: a smallest set of things that together leave none.

Alone: which of its own conditions (window, site, skills, names) or which fixed visits and hours. Beside others: which other requests and which kinds of
resources. A set is a reason if no plan serves the request with all of them, and a smallest one if none is with fewer. Found by hitting
sets: the smallest set that breaks every way out found so far, until it leaves no way. Source: Ignatiev et al. 2015, CP, "Smallest
MUS extraction with minimal hitting set dualization".
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from carewheel.science.refusal import CannotTell
from carewheel.science.scheduling.allocation.bits import members, starts
from carewheel.science.scheduling.allocation.compiled import GridDay, compiled
from carewheel.science.scheduling.allocation.problem import DayProblem, Hours, Resource, VisitRequest
from carewheel.science.scheduling.allocation.search import Book

# Asked at most so often for a way out; then the set in hand is irreducible but perhaps not the smallest.
MOST_ASKED = 400


@dataclass(frozen=True, slots=True)
class Reason:
    """``kind``: "window", "site", "skills", "names", "hours", "fixed" (of the request itself), "visit" or "resource" (beside others);
    ``what``: which of it, in words of the problem."""

    kind: str
    what: str


@dataclass(frozen=True, slots=True)
class Reasons:
    """Why a visit has no place. ``smallest``: no set with fewer reasons leaves it without one; else only none of these can be left out.

    With an empty set the visit has a place, at a cost above that of leaving it out.
    """

    visit: str
    because: tuple[Reason, ...]
    smallest: bool


def solver() -> Any:
    """CP-SAT, or a refusal where the extra is missing."""
    try:
        from ortools.sat.python import cp_model
    except ImportError as missing:
        raise CannotTell(
            "missing-extra",
            {"package": "ortools"},
            "pip install 'carewheel[solve]' to see why there is no place",
        ) from missing
    return cp_model


def why_unmet(problem: DayProblem, visit: str, beside: Sequence[str] | None = None) -> Reasons:
    """A smallest set of reasons why ``visit`` has no place beside the visits of ``beside`` (None: all other requests).

    Conditions of the request alone are looked at first, by bits; only if it has a place alone are the others, by CP-SAT (extra ``[solve]``).
    Raises `CannotTell` for a visit that is not requested or is fixed, ``missing-extra``.

    >>> from carewheel.science.scheduling.allocation import Need
    >>> chair = Resource("chair", "chair", (Hours(0, 60),))
    >>> asks = tuple(VisitRequest(name, (Need("chair", ((0, 40),)),), wanted=0) for name in "AB")
    >>> why_unmet(DayProblem((chair,), asks), "B").because
    (Reason(kind='visit', what='A'), Reason(kind='resource', what='chair'))
    """
    asked = {v.name: v for v in problem.requests}
    if visit not in asked:
        raise CannotTell("unknown-visit", {"visit": visit}, "name a request")
    if any(p.visit == visit for p in problem.fixed):
        raise CannotTell("fixed-visit", {"visit": visit}, "a fixed visit has its place")
    alone = _alone(problem, asked[visit])
    if alone is not None:
        return Reasons(visit, alone, smallest=True)
    fixed = {p.visit for p in problem.fixed}
    others = [n for n in (asked if beside is None else beside) if n != visit and n not in fixed]
    return _beside(problem, asked[visit], [asked[n] for n in others])


def _alone(problem: DayProblem, visit: VisitRequest) -> tuple[Reason, ...] | None:
    """The fewest own conditions that leave no place, tried by their number; None if it has one alone."""
    causes = [Reason("hours", "who is there when, breaks and leave")]
    if problem.fixed:
        causes.append(Reason("fixed", "visits that are fixed"))
    if visit.earliest > 0 or visit.latest is not None:
        until = "" if visit.latest is None else f" to {visit.latest}"
        causes.append(Reason("window", f"start at minute {visit.earliest}{until}"))
    if visit.sites:
        causes.append(Reason("site", " or ".join(sorted(visit.sites))))
    skills = sorted({s for need in visit.needs for s in need.skills})
    causes += [Reason("skills", s) for s in skills]
    if any(need.only for need in visit.needs):
        causes.append(Reason("names", ", ".join(sorted({n for need in visit.needs for n in need.only}))))

    def possible(kept: set[Reason]) -> bool:
        return _has_place(problem, visit, kept)

    if possible(set(causes)):
        return None
    for size in range(len(causes) + 1):
        for some in itertools.combinations(causes, size):
            if not possible(set(some)):
                return some
    raise AssertionError("all causes together leave no place, so some set does")


def _has_place(problem: DayProblem, visit: VisitRequest, kept: set[Reason]) -> bool:
    """Whether the visit has a place alone with these of its conditions."""
    kinds = {reason.kind for reason in kept}
    skills = {reason.what for reason in kept if reason.kind == "skills"}
    needs = tuple(
        replace(n, skills=n.skills & skills, only=n.only if "names" in kinds else frozenset())
        for n in visit.needs
    )
    one = replace(
        visit,
        needs=needs,
        earliest=visit.earliest if "window" in kinds else 0,
        latest=visit.latest if "window" in kinds else None,
        sites=visit.sites if "site" in kinds else frozenset(),
    )
    end = max(h.end for r in problem.resources for h in r.hours) + visit.minutes
    resources = problem.resources
    if "hours" not in kinds:
        # Always there, at each site where it ever is: a copy for each, since hours of one must not overlap.
        copies = {
            r.name: [
                r.name if i == 0 else f"{r.name}\0{site}"
                for i, site in enumerate(sorted({h.site for h in r.hours}))
            ]
            for r in problem.resources
        }
        resources = tuple(
            Resource(name, r.kind, (Hours(0, end, site),), r.skills)
            for r in problem.resources
            for name, site in zip(copies[r.name], sorted({h.site for h in r.hours}), strict=True)
        )
        one = replace(
            one,
            needs=tuple(
                replace(n, only=frozenset(c for name in n.only for c in copies.get(name, (name,))))
                for n in one.needs
            ),
        )
    fixed = problem.fixed if "fixed" in kinds else ()
    kept_requests = tuple(v for v in problem.requests if any(p.visit == v.name for p in fixed))
    day = compiled(DayProblem(resources, (*kept_requests, one), fixed, problem.step))
    return _fits(day)


def _fits(day: GridDay) -> bool:
    """Whether the one visit of a day has a place, with different resources for needs that meet."""
    (visit,) = day.visits
    free = replace(visit, late=0, early=0, unmet=1 << 40)
    return Book(replace(day, visits=(free,))).cheapest(0, random.Random(0)) is not None


def _beside(problem: DayProblem, visit: VisitRequest, others: Sequence[VisitRequest]) -> Reasons:
    names = {visit.name, *(v.name for v in others)}
    fixed = {p.visit for p in problem.fixed}
    day = compiled(replace(problem, requests=tuple(v for v in problem.requests if v.name in names | fixed)))
    served = {day.problem.requests[v.index].name: i for i, v in enumerate(day.visits)}
    kinds = sorted({n.kind for v in (visit, *others) for n in v.needs})
    impossible = {name for name, i in served.items() if not day.visits[i].modes}
    parts = [Reason("visit", v.name) for v in others if v.name not in impossible] + [
        Reason("resource", kind) for kind in kinds
    ]
    possible = _Feasibility(day, served[visit.name], served)
    if possible(set(parts)):
        return Reasons(visit.name, (), smallest=True)
    return _smallest(visit.name, parts, possible)


def _smallest(visit: str, parts: Sequence[Reason], possible: Callable[[set[Reason]], bool]) -> Reasons:
    """Hitting sets of the ways out; what is cut short is made irreducible by leaving out one after the other."""
    asked, ways_out = 0, [set(parts)]
    while asked < MOST_ASKED:
        core = _hitting(ways_out)
        asked += 1
        if not possible(core):
            return Reasons(visit, tuple(p for p in parts if p in core), smallest=True)
        grown = set(core)
        for part in parts:
            if part not in grown:
                asked += 1
                if possible(grown | {part}):
                    grown.add(part)
        ways_out.append(set(parts) - grown)
    core = set(parts)
    for part in parts:
        if not possible(core - {part}):
            core.discard(part)
    return Reasons(visit, tuple(p for p in parts if p in core), smallest=False)


def _hitting(sets: Sequence[set[Reason]]) -> set[Reason]:
    """A smallest set that has something of each, by CP-SAT; equal ones in the order of words, so that the answer is the same each time."""
    cp_model = solver()
    every = sorted({r for s in sets for r in s}, key=lambda r: (r.kind, r.what))
    model = cp_model.CpModel()
    taken = {r: model.new_bool_var("") for r in every}
    for s in sets:
        model.add_bool_or([taken[r] for r in every if r in s])
    model.minimize(sum(taken.values()))
    found = cp_model.CpSolver()
    found.parameters.num_workers = 1
    found.solve(model)
    return {r for r in every if found.value(taken[r])}


class _Feasibility:
    """Whether all of some visits can be given with only some kinds of resources counted: CP-SAT, no objective."""

    def __init__(self, day: GridDay, always: int, served: dict[str, int]) -> None:
        self.day, self.always, self.served = day, always, served
        kind_of = {r.name: r.kind for r in day.problem.resources}
        self.kinds = [kind_of[names[0]] for names in day.classes]

    def __call__(self, kept: set[Reason]) -> bool:
        cp_model = solver()
        model, day = cp_model.CpModel(), self.day
        counted = {r.what for r in kept if r.kind == "resource"}
        asked = [self.always, *(self.served[r.what] for r in kept if r.kind == "visit")]
        taken: dict[int, list[Any]] = {c: [] for c, kind in enumerate(self.kinds) if kind in counted}
        for i in sorted(asked):
            starts_of = []
            for mode in day.visits[i].modes:
                here = model.new_bool_var("")
                starts_of.append(here)
                start = model.new_int_var_from_domain(cp_model.Domain.from_values(members(mode.starts)), "")
                for need in mode.needs:
                    options = []
                    for c, _ in need.options:
                        mine = model.new_bool_var("")
                        options.append(mine)
                        able = members(_able(day, c, mode.site, need.spans) & mode.starts)
                        model.add_linear_expression_in_domain(
                            start, cp_model.Domain.from_values(able)
                        ).only_enforce_if(mine)
                        if c in taken:
                            for a, b in need.spans:
                                taken[c].append(
                                    model.new_optional_fixed_size_interval_var(start + a, b - a, mine, "")
                                )
                    model.add(sum(options) == here)
            model.add_exactly_one(starts_of)
        for c, intervals in taken.items():
            if len(day.classes[c]) == 1:
                model.add_no_overlap(intervals)
            else:
                model.add_cumulative(intervals, [1] * len(intervals), len(day.classes[c]))
        found = cp_model.CpSolver()
        found.parameters.num_workers = 1
        return bool(found.solve(model) in (cp_model.OPTIMAL, cp_model.FEASIBLE))


def _able(day: GridDay, c: int, site: str, spans: tuple[tuple[int, int], ...]) -> int:
    return starts(day.there[c].get(site, 0), spans)
