"""Overbooking: how many patients to book into a session of slots, and where; and the same with waiting shared fairly."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import optimize

from carewheel.science.refusal import CannotTell
from carewheel.science.scheduling.evaluation import evaluate
from carewheel.science.scheduling.grid import GridSession
from carewheel.science.scheduling.sequence import Ordered, best_sequence
from carewheel.science.scheduling.sessions import Evaluation, Patient, Session, Weights, who_come
from carewheel.science.scheduling.templates import Template, best_times

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Overbooked:
    """How many to book at the start of each slot (slots,), what that comes to, and how much any other plan could save."""

    booked: Ints
    evaluation: Evaluation
    gap: float


def best_overbooking(
    patient: Patient, *, slots: int, slot: float, weights: Weights, most: int | None = None
) -> Overbooked:
    """How many patients alike to book into ``slots`` of ``slot`` minutes each, and into which; the session closes after the last.

    Idling costs, so that booking few is no way out. For each number the slots are best, with proof; numbers grow until
    the overtime that even a practitioner who never idles would have costs more than the best so far, or up to ``most``.
    Raises `CannotTell` where nothing limits the number (no cost of overtime, and no ``most``).
    Source: the model of Zacharias & Pinedo 2014 (unit slots, no-shows) for a duration of one slot.

    >>> from carewheel.science.scheduling import Patient, Weights, fixed
    >>> found = best_overbooking(Patient(fixed(1), 0.7), slots=7, slot=1, weights=Weights(0.2, 1, 1.5))
    >>> found.booked.tolist(), round(found.evaluation.cost, 6)
    ([2, 1, 1, 1, 1, 1, 1], 1.843884)
    """
    if slots < 1 or not (slot > 0 and math.isfinite(slot)):
        raise CannotTell(
            "slots", {"slots": slots, "slot": slot}, "give a slot at least, of more than nought minutes"
        )
    if most is None and not (weights.overtime > 0 and patient.show_rate > 0 and patient.duration.mean > 0):
        raise CannotTell("unlimited", {}, "give a cost of overtime, or the most that may be booked")
    best: Overbooked | None = None
    number, closes = 0, slots * slot
    gap = 0.0
    while most is None or number < most:
        number += 1
        # Jensen: overtime is at least (mean work of those who come - length)+, on average over how many come.
        came = np.arange(number + 1)
        over = who_come(number, patient.show_rate) @ np.maximum(came * patient.duration.mean - closes, 0)
        if best is not None and weights.overtime * over >= best.evaluation.cost:
            break
        session = Session((patient,) * number, weights, closes)
        found = best_times(session, slot=slot, prove=True)
        gap = max(gap, found.gap)
        if best is None or found.evaluation.cost < best.evaluation.cost - 1e-12:
            where = np.rint(found.times / slot).astype(np.int64)
            best = Overbooked(np.bincount(where, minlength=slots), found.evaluation, 0.0)
    if best is None:
        raise CannotTell("nobody-to-book", {"most": most or 0}, "allow one patient at least")
    return Overbooked(best.booked, best.evaluation, gap)


@dataclass(frozen=True, slots=True, eq=False)
class FairPlan:
    """Plans and the share of days on which each is used, so that groups wait alike; and what that costs.

    ``waits``: expected wait of who comes, by group, over the shares; ``gap``: (largest - smallest) / mean of all;
    ``cost``: expected cost; ``free_cost``, ``free_gap``: of the best plan found without the constraint.
    """

    plans: tuple[Ordered, ...]
    shares: Floats
    waits: dict[str, float]
    gap: float
    cost: float
    free_cost: float
    free_gap: float

    @property
    def price(self) -> float:
        """What fairness costs, as a share of the cost without it."""
        return self.cost / self.free_cost - 1 if self.free_cost > 0 else 0.0


def fair_plan(
    session: Session,
    groups: Sequence[str],
    *,
    slot: float | None = None,
    most_gap: float = 0.05,
    by_lot: bool = False,
    rounds: int = 4,
) -> FairPlan:
    """Order and times of booked patients so that groups wait alike: (largest - smallest mean wait) / mean wait ≤ ``most_gap``.

    ``groups`` (patients,): the group of each, by any attribute that the practice names. A group's wait is the expected wait of
    those of it who come. The plain best plan puts whoever may not come where waits are long; if that goes with a group, the
    group waits longer. ``by_lot`` False: one plan that meets the bound. True: the cheapest mixture of the plans met, drawn by
    lot each day; the bound holds for the expectation. Search: `best_sequence`, then exchanges under a growing price of the gap, then
    for the cheapest that meets the bound. A heuristic: the price of fairness shown is an upper bound of what it must cost.
    Raises `CannotTell` where there is one group only, or no plan met the bound (with the smallest gap found).

    >>> from carewheel.science.scheduling import Patient, Session, Weights, fixed
    >>> booked = tuple(Patient(fixed(20), p) for p in (0.9, 0.6, 0.9, 0.6, 0.9, 0.6))
    >>> found = fair_plan(Session(booked, Weights(1, 2, 3), closes=80), ["a", "b"] * 3, slot=20, by_lot=True)
    >>> found.gap <= 0.05 + 1e-9, found.free_gap > 1, 0 < found.price < 0.25
    (True, True, True)
    """
    names = list(dict.fromkeys(groups))
    if len(groups) != len(session.patients) or len(names) < 2:
        raise CannotTell(
            "groups", {"groups": len(names)}, "give the group of each patient, two groups at least"
        )
    if not 0 <= most_gap < math.inf:
        raise CannotTell("most-gap", {"most_gap": most_gap}, "give a bound of nought or more")
    if session.in_phases:
        raise CannotTell("grid-only", {}, "give durations on a grid")
    search = _Search(session, [names.index(g) for g in groups], len(names))
    free = best_sequence(session, slot=slot, looks=4)
    search.meet(free.order, free.template.times)
    if search.gap(search.found[0][1]) > most_gap:
        for price in np.geomspace(0.3, 30.0, rounds):
            search.descend(free.order, free.template.times, price, most_gap)
        for spare in _spread_times(free.template.times, slot, session):
            search.descend(free.order, spare, 3.0, most_gap)
        for _ in range(rounds):  # an order chosen for fairness deserves times of its own
            _, _, order, _ = min(search.found, key=lambda plan: search.worth(plan[0], plan[1], 3.0, most_gap))
            own = best_times(session.ordered(order), slot=slot).times
            if any(o == order and np.array_equal(t, own) for _, _, o, t in search.found):
                break
            search.descend(order, own, 3.0, most_gap)
        _, _, order, times = min(search.found, key=lambda plan: plan[0])
        search.descend(order, times, 0.0, most_gap)
    costs = np.array([cost for cost, *_ in search.found])
    cheapest = int(costs.argmin())
    waits = np.array([w for _, w, *_ in search.found])
    gaps = np.array([search.gap(w) for w in waits])
    if by_lot:
        shares = search.lot(costs, waits, most_gap)
        if shares is None:
            raise CannotTell("no-fair-plan", {"smallest_gap": float(gaps.min())}, "allow a larger gap")
    else:
        fair = np.flatnonzero(gaps <= most_gap + 1e-12)
        if fair.size == 0:
            raise CannotTell(
                "no-fair-plan",
                {"smallest_gap": float(gaps.min())},
                "draw plans by lot, or allow a larger gap",
            )
        shares = np.zeros(costs.size)
        shares[fair[np.argmin(costs[fair])]] = 1.0
    used = np.flatnonzero(shares > 1e-9)
    plans = tuple(
        Ordered(order, Template(times, evaluate(session.ordered(order), times), math.inf))
        for _, _, order, times in (search.found[i] for i in used)
    )
    mean = shares @ waits
    return FairPlan(
        plans, shares[used] / shares[used].sum(), dict(zip(names, mean[:-1].tolist(), strict=True)), search.gap(mean),
        float(shares @ costs), float(costs[cheapest]), float(gaps[cheapest]),
    )  # fmt: skip


def _spread_times(times: Floats, slot: float | None, session: Session) -> list[Floats]:
    """The times with those who share a slot set apart, where there is room: fewer long waits to share."""
    found: list[Floats] = []
    unit, last = slot or session.step, math.inf
    if session.closes is not None:
        last = session.closes - (slot or 0.0)
    for k in range(1, times.size):
        if times[k] == times[k - 1]:
            moved = times.copy()
            moved[k:] = np.maximum(moved[k:], moved[k - 1] + unit)
            if moved[-1] <= last:
                found.append(moved)
    return found[:3]


class _Search:
    """Plans met so far: (cost, wait by group and of all, order, times)."""

    def __init__(self, session: Session, group: list[int], groups: int) -> None:
        self.session, self.group, self.groups = session, np.array(group), groups
        self.shows = np.array([p.show_rate for p in session.patients])
        self.found: list[tuple[float, Floats, tuple[int, ...], Floats]] = []

    def gap(self, waits: Floats) -> float:
        """(largest - smallest) / mean; nought where nobody waits."""
        return float((waits[:-1].max() - waits[:-1].min()) / waits[-1]) if waits[-1] > 1e-12 else 0.0

    def worth(self, cost: float, waits: Floats, price: float, most_gap: float) -> float:
        """The cost with a price on the gap beyond the bound."""
        return cost * (1 + price * max(self.gap(waits) - most_gap, 0.0))

    def meet(
        self, order: tuple[int, ...], times: Floats, grid: GridSession | None = None
    ) -> tuple[float, Floats]:
        """Evaluate a plan and keep it."""
        due = np.rint(times / self.session.step).astype(np.int64)
        grid = grid or GridSession(self.session, int(due[-1]))
        done = grid.reordered(order).evaluated(due)
        group, shows = self.group[list(order)], self.shows[list(order)]
        total = np.bincount(group, shows * done.waits, self.groups)
        came = np.bincount(group, shows, self.groups)
        waits = np.append(total / np.maximum(came, 1e-12), total.sum() / max(came.sum(), 1e-12))
        self.found.append((done.cost, waits, order, times))
        return done.cost, waits

    def descend(self, order: tuple[int, ...], times: Floats, price: float, most_gap: float) -> None:
        """Exchange patients as long as cost plus the price of the gap beyond the bound falls."""
        grid = GridSession(self.session, int(np.rint(times[-1] / self.session.step)))

        def worth(order: tuple[int, ...]) -> float:
            return self.worth(*self.meet(order, times, grid), price, most_gap)

        now = worth(order)
        while True:
            better, least = None, now - 1e-9
            for i in range(len(order)):
                for j in range(i + 1, len(order)):
                    other = (*order[:i], order[j], *order[i + 1 : j], order[i], *order[j + 1 :])
                    if (p := worth(other)) < least:
                        better, least = other, p
            if better is None:
                return
            order, now = better, least

    def lot(self, costs: Floats, waits: Floats, most_gap: float) -> Floats | None:
        """The cheapest shares of the plans met under which the expected waits of any two groups meet the bound."""
        pairs = [(g, h) for g in range(self.groups) for h in range(self.groups) if g != h]
        rows = np.array([waits[:, g] - waits[:, h] - most_gap * waits[:, -1] for g, h in pairs])
        done = optimize.linprog(
            costs,
            A_ub=rows,
            b_ub=np.zeros(len(pairs)),
            A_eq=np.ones((1, costs.size)),
            b_eq=[1.0],
            method="highs",
        )
        return np.asarray(done.x) if done.success else None
