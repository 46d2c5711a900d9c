"""Who first: the order of unlike patients, together with their times."""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from carewheel.science.scheduling.evaluation import evaluate
from carewheel.science.scheduling.grid import GridSession
from carewheel.science.scheduling.sessions import Patient, Session
from carewheel.science.scheduling.templates import Template, best_times

Floats = NDArray[np.float64]


class Ordered(NamedTuple):
    """An order (indices of the session's patients, first seen first) and the times of its places."""

    order: tuple[int, ...]
    template: Template


def best_sequence(
    session: Session, *, slot: float | None = None, looks: int = 12, improve: bool = True
) -> Ordered:
    """A good order of the patients and the best times found for it.

    Starts from rules (least spread first, the same by class and then surest first, shortest first, surest first, as given), each with its best times; then exchanges and
    moves patients between places as long as the exact cost falls, times fixed, and finds the times again; at last the
    ``looks`` likeliest changes are tried with their own best times. ``improve`` False: the best rule alone. Deterministic.
    The order is a heuristic: the true best order may be better; no gap is stated. The times for the order found are as good
    as those of `best_times`. Raises what `best_times` raises.

    The regular visit goes before the one of uncertain length:

    >>> from carewheel.science.scheduling import Patient, Session, Weights, fixed, mixture
    >>> unsure = Patient(mixture([fixed(5), fixed(35)], [0.5, 0.5]))
    >>> best_sequence(Session((unsure, Patient(fixed(20))), Weights(1, 1))).order
    (1, 0)
    """
    best: Ordered | None = None
    for order in _rules(session.patients):
        found = Ordered(order, _timed(session, order, slot))
        if best is None or _cost(found) < _cost(best) - 1e-9:
            best = found
    assert best is not None
    if not improve or len(session.patients) == 1:
        return best
    seen: set[tuple[int, ...]] = set()
    while True:
        best = _settled(session, best, slot)
        seen.add(best.order)
        price = _price(session, best.template.times)
        likely = heapq.nsmallest(
            looks, ((price(o), o) for o in set(_neighbours(session.patients, best.order)) - seen)
        )
        for _, order in likely:
            seen.add(order)
            found = Ordered(order, _timed(session, order, slot))
            if _cost(found) < _cost(best) * (1 - 1e-7):
                best = found
                break
        else:
            return best


def _settled(session: Session, now: Ordered, slot: float | None) -> Ordered:
    """The cheapest exchanges at fixed times, and the times again, until neither helps."""
    while True:
        price = _price(session, now.template.times)
        order, cost = now.order, _cost(now)
        while True:
            better, least = None, cost - 1e-9
            for other in _neighbours(session.patients, order):
                if (p := price(other)) < least:
                    better, least = other, p
            if better is None:
                break
            order, cost = better, least
        if order == now.order:
            return now
        found = Ordered(order, _timed(session, order, slot))
        if _cost(found) >= _cost(now) - 1e-9:
            return now
        now = found


def _timed(session: Session, order: tuple[int, ...], slot: float | None) -> Template:
    """The best times of an order; proved on coarse slots, where a proof is quick and a quick look can miss much."""
    return best_times(session.ordered(order), slot=slot, prove=slot is not None and not session.walk_ins)


def _cost(found: Ordered) -> float:
    return found.template.evaluation.cost


def _price(session: Session, times: Floats) -> Callable[[Sequence[int]], float]:
    """The exact cost of an order at fixed times of its places."""
    if session.in_phases:
        return lambda order: evaluate(session.ordered(order), times).cost
    due = np.rint(times / session.step).astype(np.int64)
    grid = GridSession(session, int(due[-1]))
    return lambda order: grid.reordered(order).evaluated(due).cost


def _alike(a: Patient, b: Patient) -> bool:
    return (
        a.duration is b.duration
        and a.unpunctuality is b.unpunctuality
        and (a.show_rate, a.weight) == (b.show_rate, b.weight)
    )


def _neighbours(patients: Sequence[Patient], order: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
    """Two exchanged, or one moved to another place; not where both are alike."""
    n = len(order)
    for i in range(n):
        for j in range(i + 1, n):
            if not _alike(patients[order[i]], patients[order[j]]):
                yield (*order[:i], order[j], *order[i + 1 : j], order[i], *order[j + 1 :])
    for i in range(n):
        rest = (*order[:i], *order[i + 1 :])
        for j in range(n):
            if abs(i - j) > 1:
                yield (*rest[:j], order[i], *rest[j:])


def _rules(patients: Sequence[Patient]) -> list[tuple[int, ...]]:
    def spread(k: int) -> float:
        p = patients[k]
        return math.sqrt(
            p.show_rate * p.duration.sd**2 + p.show_rate * (1 - p.show_rate) * p.duration.mean**2
        )

    keys: list[Callable[[int], Any]] = [
        spread,
        lambda k: (patients[k].duration.sd, -patients[k].show_rate),
        lambda k: patients[k].show_rate * patients[k].duration.mean,
        lambda k: -patients[k].show_rate,
        lambda k: 0.0,
    ]
    found = [tuple(sorted(range(len(patients)), key=key)) for key in keys]
    return list(dict.fromkeys(found))
