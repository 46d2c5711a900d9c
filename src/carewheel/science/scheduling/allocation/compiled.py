"""A day's problem on the grid: resources that are alike stand together as a class, hours are bits, needs are options of classes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from carewheel.science.refusal import CannotTell
from carewheel.science.scheduling.allocation.bits import block, starts
from carewheel.science.scheduling.allocation.problem import DayProblem, Need, Resource, VisitRequest

Spans = tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class GridNeed:
    """Spans in steps, and the classes that can serve it with their extra cost, cheapest first."""

    spans: Spans
    options: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class GridMode:
    """A visit at one site: its needs there, and the starts that hours alone allow."""

    site: str
    needs: tuple[GridNeed, ...]
    starts: int


@dataclass(frozen=True, slots=True)
class GridVisit:
    """A request in steps. ``index``: its place among the requests of the problem; ``load``: steps of resources that it needs."""

    index: int
    wanted: int
    late: int
    early: int
    unmet: int
    load: int
    modes: tuple[GridMode, ...]

    def delay(self, start: int) -> int:
        """Cost of a start."""
        return self.late * max(start - self.wanted, 0) + self.early * max(self.wanted - start, 0)


@dataclass(frozen=True, slots=True)
class GridDay:
    """``classes``: names of the resources of each class; ``there`` (class): bits by site in which they are there and not fixed."""

    problem: DayProblem
    steps: int
    classes: tuple[tuple[str, ...], ...]
    there: tuple[dict[str, int], ...]
    visits: tuple[GridVisit, ...]


def serves(resource: Resource, need: Need) -> bool:
    """Whether a resource is of the kind, has the skills and is among the names."""
    return (
        resource.kind == need.kind
        and need.skills <= resource.skills
        and (not need.only or resource.name in need.only)
    )


def extra_cost(resource: Resource, need: Need) -> int:
    """What this resource costs on top for this need."""
    return dict(need.extra).get(resource.name, need.otherwise)


def compiled(problem: DayProblem) -> GridDay:
    """The problem on the grid; refuses fixed visits that take one resource twice at once."""
    step, steps = problem.step, problem.horizon
    taken = _taken(problem)
    there: dict[str, dict[str, int]] = {}
    for r in problem.resources:
        there[r.name] = {}
        for h in r.hours:
            mine = block(-(-h.start // step), h.end // step) & ~taken.get(r.name, 0)
            there[r.name][h.site] = there[r.name].get(h.site, 0) | mine
    fixed = {p.visit for p in problem.fixed}
    asked = [(i, v) for i, v in enumerate(problem.requests) if v.name not in fixed]
    # Alike: same hours and, for every need of the day, the same answer and cost. Needs in several spans ask for the very same
    # one twice, which counting does not see, so whoever may serve such a need stands alone.
    needs = list({need: None for _, v in asked for need in v.needs})
    alike: dict[object, list[str]] = {}
    for r in problem.resources:
        answers = tuple(extra_cost(r, n) if serves(r, n) else -1 for n in needs)
        alone = any(a >= 0 and len(n.spans) > 1 for a, n in zip(answers, needs, strict=True))
        key = (r.kind, tuple(sorted(there[r.name].items())), answers, r.name if alone else "")
        alike.setdefault(key, []).append(r.name)
    classes = tuple(tuple(names) for names in alike.values())
    spare = tuple(there[names[0]] for names in classes)
    first = {r.name: r for r in problem.resources}
    heads = [first[names[0]] for names in classes]
    sites = sorted({h.site for r in problem.resources for h in r.hours})
    visits = tuple(_visit(i, v, step, steps, heads, spare, sites) for i, v in asked)
    return GridDay(problem, steps, classes, spare, visits)


def _visit(
    index: int, visit: VisitRequest, step: int, steps: int, heads: Sequence[Resource], there: Sequence[dict[str, int]], sites: Sequence[str]
) -> GridVisit:  # fmt: skip
    last = steps if visit.latest is None else min(visit.latest // step, steps)
    window = block(-(-visit.earliest // step), last + 1)
    modes = []
    for site in sites:
        if visit.sites and site not in visit.sites:
            continue
        needs, open_ = [], window
        for need in visit.needs:
            spans = tuple((a // step, b // step) for a, b in need.spans)
            options, able = [], 0
            for c, head in enumerate(heads):
                mine = starts(there[c].get(site, 0), spans) if serves(head, need) else 0
                if mine:
                    options.append((c, extra_cost(head, need)))
                    able |= mine
            open_ &= able
            needs.append(GridNeed(spans, tuple(sorted(options, key=lambda o: o[1]))))
        if open_:
            modes.append(GridMode(site, tuple(needs), open_))
    load = sum(b - a for need in visit.needs for a, b in need.spans) // step
    return GridVisit(index, visit.wanted // step, visit.late, visit.early, visit.unmet, load, tuple(modes))


def _taken(problem: DayProblem) -> dict[str, int]:
    requests = {v.name: v for v in problem.requests}
    taken: dict[str, int] = {}
    for placed in problem.fixed:
        at = placed.start // problem.step
        for name, need in zip(placed.resources, requests[placed.visit].needs, strict=True):
            for a, b in need.spans:
                mine = block(at + a // problem.step, at + b // problem.step)
                if taken.get(name, 0) & mine:
                    raise CannotTell(
                        "fixed-clash", {"visit": placed.visit, "resource": name},
                        "fixed visits take this resource twice at once: move one of them first",
                    )  # fmt: skip
                taken[name] = taken.get(name, 0) | mine
    return taken
