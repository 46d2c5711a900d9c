"""A day's or week's requests to people, rooms and equipment: from what a file says to a plan with its bound and the reasons of what has no place."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from carewheel.science.refusal import CannotTell
from carewheel.science.scheduling.allocation import (
    DayProblem,
    Hours,
    Need,
    Placed,
    Reason,
    Resource,
    VisitRequest,
    allocate,
    why_unmet,
)
from carewheel.spokes.operations.contracts_day import AssignedVisit, DayPlanReport, UnmetVisit
from carewheel.spokes.operations.rules.given import Given

# Reasons are sought for so many; each takes a moment.
MOST_EXPLAINED = 20


def day_plan(given: Mapping[str, object], seconds: float, clock: Callable[[], float]) -> DayPlanReport:
    """The plan of a file in the time given. Raises `CannotTell` for what cannot be, with the place in the file."""
    problem = problem_of(given)
    plan = allocate(problem, seconds=seconds, clock=clock)
    asked, fixed = {v.name: v for v in problem.requests}, {p.visit for p in problem.fixed}
    assigned = tuple(
        AssignedVisit(p.visit, p.start, p.start + asked[p.visit].minutes, asked[p.visit].wanted, p.site, p.resources, p.visit in fixed)
        for p in sorted(plan.placed, key=lambda p: (p.start, p.visit))
    )  # fmt: skip
    beside = [p.visit for p in plan.placed]
    unmet = tuple(
        _unmet(problem, name, beside)
        if i < MOST_EXPLAINED
        else UnmetVisit(name, (), False, "explained are the first alone")
        for i, name in enumerate(plan.unmet)
    )
    return DayPlanReport(assigned, unmet, plan.cost, plan.bound, plan.proved, plan.gap)


def _unmet(problem: DayProblem, name: str, beside: list[str]) -> UnmetVisit:
    try:
        found = why_unmet(problem, name, beside)
    except CannotTell as refusal:
        if refusal.code != "missing-extra":
            raise
        return UnmetVisit(name, (), False, refusal.remedy)
    return UnmetVisit(name, tuple(_words(r) for r in found.because), found.smallest)


def _words(reason: Reason) -> str:
    return {
        "window": "the times at which it may start", "site": f"it may only be at {reason.what}", "skills": f"the skill {reason.what}",
        "names": f"only {reason.what} may do it", "hours": "the hours of who and what is there", "fixed": "visits that are fixed",
        "visit": f"visit {reason.what}", "resource": f"the number of {reason.what}s",
    }[reason.kind]  # fmt: skip


def problem_of(given: Mapping[str, object]) -> DayProblem:
    """The problem that a file states; see the guide for its keys."""
    top = Given("", given)
    step = top.whole("step", 5)
    resources = tuple(_resource(r) for r in top.many("resource"))
    requests = tuple(_request(v) for v in top.many("visit"))
    fixed = tuple(_fixed(f) for f in top.many("fixed"))
    top.done()
    return DayProblem(resources, requests, fixed, step)


def _resource(given: Given) -> Resource:
    name, kind, skills = given.word("name"), given.word("kind"), given.words("skills")
    hours = []
    for one in given.get("hours", []):
        if (
            not isinstance(one, list)
            or len(one) not in (2, 3)
            or (len(one) == 3 and not isinstance(one[2], str))
        ):
            raise given.refuse(
                "hours",
                'give a list of ["08:00", "12:00"], with the site as a third word if there are several',
            )
        hours.append(
            Hours(given.clock("hours", one[0]), given.clock("hours", one[1]), one[2] if len(one) == 3 else "")
        )
    given.done()
    return Resource(name, kind, tuple(hours), skills)


def _request(given: Given) -> VisitRequest:
    wanted = given.minute("wanted")
    found = VisitRequest(
        given.word("name"), tuple(_need(n) for n in given.many("need")), wanted, given.minute("earliest", 0), given.maybe("latest"),
        given.whole("late", 1), given.whole("early", 1), given.whole("unmet", 1_000), given.words("sites"),
    )  # fmt: skip
    given.done()
    return found


def _need(given: Given) -> Need:
    kind = given.word("kind")
    spans = given.get("spans")
    if spans is None:
        spans = [[given.whole("from", 0), given.whole("to")]]
    if not isinstance(spans, list) or not all(
        isinstance(s, list) and len(s) == 2 and all(type(m) is int for m in s) for s in spans
    ):
        raise given.refuse("spans", "give a list of [from, to] in minutes after the start")
    extra = given.get("extra", {})
    if not isinstance(extra, Mapping) or not all(type(cost) is int for cost in extra.values()):
        raise given.refuse("extra", "give whole costs by name")
    found = Need(
        kind, tuple((a, b) for a, b in spans), given.words("skills"), given.words("only"), tuple(sorted(extra.items())),
        given.whole("otherwise", 0),
    )  # fmt: skip
    given.done()
    return found


def _fixed(given: Given) -> Placed:
    names = given.get("resources", [])
    if not isinstance(names, list) or not all(isinstance(n, str) for n in names):
        raise given.refuse("resources", "give one name for each need, in their order")
    found = Placed(given.word("visit"), given.minute("start"), tuple(names), given.word("site", ""))
    given.done()
    return found
