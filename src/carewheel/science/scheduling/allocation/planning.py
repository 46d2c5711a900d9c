"""A day or a week planned: quick plans, a bound by prices, and what is left of the model solved to the end."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from dataclasses import dataclass

from carewheel.science.refusal import CannotTell
from carewheel.science.scheduling.allocation.bound import Bound, Relaxation
from carewheel.science.scheduling.allocation.columns import Columns, highs
from carewheel.science.scheduling.allocation.compiled import GridDay, compiled
from carewheel.science.scheduling.allocation.problem import DayProblem, Placed
from carewheel.science.scheduling.allocation.search import Book, Place, filled, ruin_and_recreate


@dataclass(frozen=True, slots=True)
class DayPlan:
    """Who does what.

    ``placed``: in the order of the requests, fixed ones included. ``unmet``: names of requests without a place. ``cost``: delays,
    extra costs and unmet requests, without fixed ones. ``bound``: no plan costs less; ``proved``: none is better. ``by``: what
    the bound stands on ("prices", "columns" or "nothing asked").
    """

    placed: tuple[Placed, ...]
    unmet: tuple[str, ...]
    cost: int
    bound: int
    by: str

    @property
    def proved(self) -> bool:
        """Whether no plan is cheaper."""
        return self.bound >= self.cost

    @property
    def gap(self) -> float:
        """How much cheaper than this a plan could be at most, as a share of its cost."""
        return (self.cost - self.bound) / self.cost if self.cost else 0.0


def allocate(
    problem: DayProblem,
    *,
    seed: int = 0,
    rounds: int = 400,
    proof: bool | None = None,
    seconds: float | None = None,
    clock: Callable[[], float] | None = None,
) -> DayPlan:
    """The cheapest plan that is found, with a bound.

    ``rounds``: of the search; ``proof``: whether to solve the rest with HiGHS, None if the extra ``[solve]`` is there (without it the bound is that
    of prices alone). ``seconds``: the time there is, told by ``clock`` (such as `time.monotonic`); without, the effort is counted and
    the answer is the same on each machine. Resources at one site only; ways between sites take no time beyond what hours leave.
    Raises `CannotTell` ``missing-extra``, ``fixed-clash``, ``no-clock``.

    Two want the one chair at nine: the second is done when the first is over.

    >>> from carewheel.science.scheduling.allocation import Hours, Need, Resource, VisitRequest
    >>> chair = Resource("chair", "chair", (Hours(0, 120),))
    >>> asks = tuple(VisitRequest(name, (Need("chair", ((0, 30),)),), wanted=0, late=late) for name, late in (("A", 1), ("B", 2)))
    >>> plan = allocate(DayProblem((chair,), asks))
    >>> [(p.visit, p.start) for p in plan.placed], plan.cost, plan.proved
    ([('A', 30), ('B', 0)], 6, True)
    """
    if seconds is not None and clock is None:
        raise CannotTell("no-clock", {"seconds": seconds}, "give a clock, such as time.monotonic")
    if proof:
        highs()
    began = clock() if clock is not None else 0.0

    def left() -> float | None:
        return None if seconds is None or clock is None else seconds - (clock() - began)

    def over(share: float) -> Callable[[], bool]:
        return lambda: (rest := left()) is not None and seconds is not None and rest < (1 - share) * seconds

    day = compiled(problem)
    if not day.visits:
        return _plan(day, [], 0, "nothing asked")
    rng = random.Random(seed)
    # A larger day takes more rounds to come as far; what a better plan saves the rest of the work is more than they cost.
    places = _quick(day, rng, rounds * max(1, len(day.visits) // 40), over(0.35))
    cost = _cost(day, places)
    relaxation = Relaxation(day)
    bound = relaxation.tightened(cost, turns=300, enough=over(0.6))
    lower, by = _up(bound.value), "prices"
    if lower < cost and proof is not False:
        try:
            highs()
        except CannotTell:
            pass
        else:
            places, lower, by = _closed(day, relaxation, bound, places, seed, left)
    if lower < _cost(day, places):
        book = Book(day)
        for i, place in enumerate(places):
            if place is not None:
                book.put(i, place)
        again = ruin_and_recreate(
            book, rng, rounds=rounds, enough=lambda _, best: best <= lower or over(0.95)(), heat=0.01
        )
        places = min(places, again, key=lambda p: _cost(day, p))
    return _plan(day, places, min(lower, _cost(day, places)), by)


def _quick(day: GridDay, rng: random.Random, rounds: int, over: Callable[[], bool]) -> list[Place | None]:
    """The best of a few orders, then searched on."""
    visits = day.visits
    every = range(len(visits))
    orders = [
        sorted(every, key=lambda i: visits[i].wanted),
        sorted(every, key=lambda i: (-visits[i].late, visits[i].wanted)),
        sorted(every, key=lambda i: -visits[i].late / (1 + visits[i].load)),
        sorted(every, key=lambda i: (-visits[i].unmet, visits[i].wanted)),
    ]
    book = min((filled(day, order, rng) for order in orders), key=lambda b: b.cost)
    return ruin_and_recreate(book, rng, rounds=rounds, enough=lambda turn, best: over())


def _closed(
    day: GridDay, relaxation: Relaxation, bound: Bound, places: list[Place | None], seed: int, left: Callable[[], float | None]
) -> tuple[list[Place | None], int, str]:  # fmt: skip
    """The best plan and bound when columns of ever larger reduced cost are let in."""
    columns = Columns(relaxation, bound)
    lower = _up(bound.value)
    cost = _cost(day, places)
    slack, by = max(1.0, 0.03 * cost), "prices"
    while lower < cost:
        rest = left()
        if rest is not None and rest < 0.05:
            break
        # A plan cheaper than the one in hand has no column beyond this.
        most = cost - 1 - bound.value
        slack = min(slack, most)
        found = columns.solved(slack + 1e-6, seconds=rest, nodes=2_000, seed=seed)
        if found.places is not None and _cost(day, found.places) < cost:
            places, cost = found.places, _cost(day, found.places)
        # With a column beyond the slack a plan costs more than bound + slack.
        beyond = math.inf if slack >= most else bound.value + slack
        proved = min(_up(found.lower), _up(beyond), cost)
        if proved > lower:
            lower, by = proved, "columns"
        if slack >= most:
            break
        slack *= 3
    return places, int(min(lower, cost)), by


def _up(value: float) -> int | float:
    """Costs are whole, so a bound may be rounded up."""
    return math.ceil(value - 1e-6) if math.isfinite(value) else value


def _cost(day: GridDay, places: list[Place | None]) -> int:
    return sum(v.unmet if p is None else p.cost for v, p in zip(day.visits, places, strict=True))


def _plan(day: GridDay, places: list[Place | None], lower: int | float, by: str) -> DayPlan:
    problem = day.problem
    named = _named(day, places)
    fixed = {p.visit: p for p in problem.fixed}
    placed, unmet = [], []
    for i, request in enumerate(problem.requests):
        one = fixed.get(request.name) or named.get(i)
        if one is None:
            unmet.append(request.name)
        else:
            placed.append(one)
    return DayPlan(tuple(placed), tuple(unmet), _cost(day, places), int(lower), by)


def _named(day: GridDay, places: list[Place | None]) -> dict[int, Placed]:
    """Resources by name: within a class whoever is free, taken in order of the start, which always suffices for intervals."""
    asks: list[tuple[int, int, int, int]] = []
    for i, place in enumerate(places):
        if place is not None:
            for k, need in enumerate(day.visits[i].modes[place.mode].needs):
                asks.append((place.start + need.spans[0][0], i, k, place.start + need.spans[-1][1]))
    free = [[0] * len(names) for names in day.classes]
    chosen: dict[tuple[int, int], str] = {}
    for start, i, k, end in sorted(asks):
        place = places[i]
        assert place is not None
        c = place.classes[k]
        if len(day.classes[c]) == 1:
            chosen[i, k] = day.classes[c][0]
            continue
        which = next(j for j, until in enumerate(free[c]) if until <= start)
        free[c][which] = end
        chosen[i, k] = day.classes[c][which]
    found = {}
    for i, place in enumerate(places):
        if place is not None:
            visit = day.visits[i]
            mode, request = visit.modes[place.mode], day.problem.requests[visit.index]
            names = tuple(chosen[i, k] for k in range(len(mode.needs)))
            found[visit.index] = Placed(request.name, place.start * day.problem.step, names, mode.site)
    return found
