"""A lower bound on the cost of any plan, by prices on the resources: Lagrangian relaxation of the time-indexed model.

A price stands on each class and step; each visit then takes its cheapest place by itself, and what is spent on prices for what
is there anyhow is taken off. Any prices give a true bound; the best ones give that of the time-indexed linear relaxation,
which is strong for delays. Source: Pritsker, Watters & Wolfe 1969 (model); Polyak 1969 (step); Fisher 1981, Mgmt Sci 27(1).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from carewheel.science.scheduling.allocation.bits import members, starts
from carewheel.science.scheduling.allocation.compiled import GridDay

Floats = NDArray[np.float64]
NEVER = 1e9


@dataclass(frozen=True, slots=True)
class Bound:
    """``value``: no plan costs less. ``prices`` (classes, steps), at which it was found."""

    value: float
    prices: Floats


def _owner(first: NDArray[np.int64], size: int) -> NDArray[np.int64]:
    """Of each of ``size`` entries in groups that begin at ``first``: its group."""
    return np.repeat(np.arange(first.size), np.diff(np.append(first, size)))


class Relaxation:
    """The rows of the relaxed problem, ready to be priced."""

    def __init__(self, day: GridDay) -> None:
        self.day = day
        steps = day.steps
        self.capacity = np.zeros((len(day.classes), steps))
        for c, names in enumerate(day.classes):
            inside = 0
            for mask in day.there[c].values():
                inside |= mask
            self.capacity[c, members(inside)] = len(names)
        rows: list[tuple[int, int, int]] = []  # class, from, to
        first_of_option: list[int] = []
        able: list[Floats] = []
        first_of_need: list[int] = []
        first_of_mode: list[int] = []
        own: list[Floats] = []
        modes: list[tuple[int, int]] = []
        first_of_visit: list[int] = []
        self.visits: list[int] = []
        at = np.arange(steps)
        for v, visit in enumerate(day.visits):
            if not visit.modes:
                continue
            first_of_visit.append(len(modes))
            self.visits.append(v)
            for m, mode in enumerate(visit.modes):
                first_of_mode.append(len(first_of_need))
                modes.append((v, m))
                cost = np.full(steps, NEVER)
                cost[members(mode.starts)] = 0
                delay = np.where(
                    at >= visit.wanted, visit.late * (at - visit.wanted), visit.early * (visit.wanted - at)
                )
                own.append(cost + delay)
                for need in mode.needs:
                    first_of_need.append(len(first_of_option))
                    for c, extra in need.options:
                        first_of_option.append(len(rows))
                        rows += [(c, a, b) for a, b in need.spans]
                        closed = np.full(steps, NEVER)
                        closed[members(starts(day.there[c][mode.site], need.spans) & mode.starts)] = extra
                        able.append(closed)
        self.modes = tuple(modes)
        self.rows = np.array(rows, dtype=np.int64).reshape(-1, 3)
        self.first_of_option = np.array(first_of_option, dtype=np.int64)
        self.first_of_need = np.array(first_of_need, dtype=np.int64)
        self.first_of_mode = np.array(first_of_mode, dtype=np.int64)
        self.first_of_visit = np.array(first_of_visit, dtype=np.int64)
        self.able = np.array(able).reshape(-1, steps)
        self.own = np.array(own).reshape(-1, steps)
        self.unmet = np.array([day.visits[v].unmet for v in self.visits], dtype=np.float64)
        self.never = sum(v.unmet for v in day.visits if not v.modes)
        self.single = bool(len(rows) == len(first_of_option))
        self.option_of_row = _owner(self.first_of_option, self.rows.shape[0])
        self.need_of_option = _owner(self.first_of_need, self.first_of_option.size)
        mode_of_need = _owner(self.first_of_mode, self.first_of_need.size)
        self.mode_of_option = mode_of_need[self.need_of_option]
        self.visit_of_mode = _owner(self.first_of_visit, len(modes))
        self.lo = np.minimum(self.rows[:, 1:2] + at, steps)
        self.hi = np.minimum(self.rows[:, 2:3] + at, steps)
        width = steps + 1
        self.lo += self.rows[:, :1] * width
        self.hi += self.rows[:, :1] * width

    def priced(self, prices: Floats) -> tuple[Floats, Floats]:
        """Cost of each option (options, steps) and of each mode (modes, steps) under prices."""
        sums = np.zeros((prices.shape[0], prices.shape[1] + 1))
        np.cumsum(prices, axis=1, out=sums[:, 1:])
        flat = sums.ravel()
        charge = flat[self.hi] - flat[self.lo]
        if not self.single:
            charge = np.add.reduceat(charge, self.first_of_option, axis=0)
        options = charge + self.able
        needs = np.minimum.reduceat(options, self.first_of_need, axis=0)
        return options, np.add.reduceat(needs, self.first_of_mode, axis=0) + self.own

    def value(self, prices: Floats) -> tuple[float, Floats]:
        """The bound at these prices, and what is taken of each class and step (classes, steps)."""
        options, modes = self.priced(prices)
        start = modes.argmin(axis=1)
        cheapest = modes[np.arange(modes.shape[0]), start]
        least = np.minimum.reduceat(cheapest, self.first_of_visit)
        value = (
            self.never + float(np.minimum(least, self.unmet).sum()) - float((prices * self.capacity).sum())
        )
        # Of each visit that pays to be done the first of its cheapest modes, of each need the first of its cheapest options.
        taken = np.flatnonzero(
            (cheapest == least[self.visit_of_mode]) & (least < self.unmet)[self.visit_of_mode]
        )
        taken = taken[np.unique(self.visit_of_mode[taken], return_index=True)[1]]
        in_plan = np.zeros(modes.shape[0], dtype=bool)
        in_plan[taken] = True
        at = options[np.arange(options.shape[0]), start[self.mode_of_option]]
        lowest = np.minimum.reduceat(at, self.first_of_need)
        chosen = np.flatnonzero((at == lowest[self.need_of_option]) & in_plan[self.mode_of_option])
        chosen = chosen[np.unique(self.need_of_option[chosen], return_index=True)[1]]
        picked = np.zeros(options.shape[0], dtype=bool)
        picked[chosen] = True
        rows = np.flatnonzero(picked[self.option_of_row])
        begins = start[self.mode_of_option[self.option_of_row[rows]]]
        use = np.zeros((prices.shape[0], prices.shape[1] + 1))
        np.add.at(use, (self.rows[rows, 0], self.rows[rows, 1] + begins), 1.0)
        np.add.at(use, (self.rows[rows, 0], self.rows[rows, 2] + begins), -1.0)
        return value, np.cumsum(use, axis=1)[:, :-1]

    def tightened(
        self,
        upper: float,
        *,
        turns: int,
        enough: Callable[[], bool] = lambda: False,
        prices: Floats | None = None,
    ) -> Bound:
        """The best bound of at most ``turns`` steps along deflected subgradients, for a plan of cost ``upper`` in hand.

        Stops when no plan can be cheaper than ``upper`` by 1 or more, or when ``enough`` says so.
        """
        p = np.zeros_like(self.capacity) if prices is None else prices
        best = Bound(-np.inf, p)
        if not self.modes:
            return Bound(float(self.never), p)
        length, stale, way = 1.0, 0, np.zeros_like(p)
        for turn in range(turns):
            value, use = self.value(p)
            stale = 0 if value > best.value + 1e-3 * upper else stale + 1
            if value > best.value:
                best = Bound(value, p)
            if best.value > upper - 1 + 1e-6 or (turn % 8 == 7 and enough()):
                break
            if stale > 20:
                length, stale, p = 0.6 * length, 0, best.prices
                way = np.zeros_like(p)
                if length < 1e-3:
                    break
                value, use = self.value(p)
            way = use - self.capacity + 0.6 * way
            way[(p <= 0) & (way < 0)] = 0
            squared = float((way * way).sum())
            if squared == 0:
                break
            p = np.maximum(0.0, p + length * max(upper - value, 0.1) / squared * way)
        return best
