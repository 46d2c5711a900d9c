"""Best appointments on a grid with proof: steepest descent of a discretely convex cost.

The expected cost of a session, as a function of its appointments on a grid, is L-natural-convex (Begen & Queyranne 2011 for
integer durations; Kaandorp & Koole 2007, HCMS 10:217, and Zacharias & Pinedo 2017 state it as multimodularity, in other
coordinates). So a schedule that no common move of any set of patients by one slot, forward or backward, makes cheaper is best
of all. There are 2^n such sets, but the cost of moving a set is submodular: the best set, and a lower bound of what any can
save, come from the point of least norm in the base polytope. Sources: Murota 2003, Discrete Convex Analysis, ch. 10;
Fujishige & Isotani 2011, Pac J Optim 7:3 (the algorithm of Wolfe 1976 for the point of least norm).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]


class Descended(NamedTuple):
    """Appointments (patients,) in slots, their cost, a lower bound of the cost of any in the range, and evaluations made.

    ``bound`` is minus infinity where no proof was asked for, or none was reached within the evaluations allowed.
    """

    times: Ints
    cost: float
    bound: float
    evaluations: int


class _Spent(Exception):
    """The evaluations allowed are used up."""


def descended(
    cost: Callable[[Ints], float],
    start: Ints,
    *,
    latest: int,
    most: int = 200_000,
    prove: bool = True,
    tolerance: float = 1e-9,
) -> Descended:
    """The cheapest non-decreasing whole times from 0 to ``latest`` of a cost that is L-natural-convex on them.

    ``start`` (patients,): where to begin; ``most``: evaluations allowed; ``tolerance``: savings of one move below this are
    none. ``prove``: go on until no set of patients can be moved with profit; else stop when none is found at a few looks.
    Deterministic. The bound allows for the tolerance: a move saves less than it, and no schedule is further than
    2 * latest moves.
    """
    known: dict[bytes, float] = {}

    def price(times: Ints) -> float:
        key = times.tobytes()
        if key not in known:
            if len(known) >= most:
                raise _Spent
            known[key] = cost(times)
        return known[key]

    now = np.clip(np.maximum.accumulate(start), 0, latest).astype(np.int64)
    value = price(now)
    rounds = 50 * now.size + 200 if prove else 3
    try:
        while True:
            least = 0.0
            for way in (1, -1):
                better, bound = _least_set(price, now, value, way, latest, tolerance, rounds)
                if better is not None:
                    break
                least = min(least, bound)
            else:
                bound = value + 2 * latest * (least - tolerance) if prove else -np.inf
                return Descended(now, value, bound, len(known))
            now, value = better, price(better)
    except _Spent:
        return Descended(now, value, -np.inf, len(known))


def _least_set(
    price: Callable[[Ints], float],
    now: Ints,
    value: float,
    way: int,
    latest: int,
    tolerance: float,
    rounds: int,
) -> tuple[Ints | None, float]:
    """A cheaper schedule by moving one set of patients one slot ``way``, or None and a lower bound of what any set saves.

    A set that would break the order takes along who stands in its way, at a price that forbids it in the end.
    """
    n = now.size
    mobile = np.flatnonzero(now < latest if way > 0 else now > 0)
    if mobile.size == 0:
        return None, 0.0
    forced = {int(k): _tied(now, int(k), way) for k in mobile}
    # Nobody is taken along where all stand apart; then the price is never asked for.
    together = any(f.size > 1 for f in forced.values())
    fine = _fine(price, now, value, way, mobile, forced) if together else 0.0
    size = mobile.size

    def vertex(x: Floats) -> tuple[Floats, Ints | None]:
        """The extreme base that is least along x, and a cheaper schedule if one is met on the way."""
        order = np.argsort(x, kind="stable")
        inside = np.zeros(n, dtype=bool)
        last, base = 0.0, np.empty(size)
        for step, place in enumerate(order):
            inside[forced[int(mobile[place])]] = True
            moved = now + way * inside
            saved = price(moved) - value
            if saved < -tolerance:
                return base, moved
            this = saved + fine * float(inside.sum() - step - 1)
            base[place] = this - last
            last = this
        return base, None

    return _least_norm(vertex, size, tolerance, rounds)


def _fine(
    price: Callable[[Ints], float], now: Ints, value: float, way: int, mobile: Ints, forced: dict[int, Ints]
) -> float:
    """More than one more patient in a set that moves can change the cost by, either way, in any set.

    What a patient adds falls with the set: it is most where the patient moves alone and least where all others do.
    """
    every = price(_moved(now, mobile, way))
    most = 0.0
    for k in mobile:
        alone = forced[int(k)]
        most = max(most, abs(price(_moved(now, alone, way)) - value) / alone.size)
        without = np.array([j for j in mobile if k not in forced[int(j)]], dtype=np.int64)
        left = every - price(_moved(now, without, way))
        most = max(most, abs(left) / (mobile.size - without.size), abs(left))
    return 2.0 * most + 1e-6


def _tied(now: Ints, k: int, way: int) -> Ints:
    """Who has to move with patient k: those at the same time behind (forward) or ahead (backward)."""
    same = np.flatnonzero(now == now[k])
    return same[same >= k] if way > 0 else same[same <= k]


def _moved(now: Ints, who: Ints, way: int) -> Ints:
    moved = now.copy()
    moved[who] += way
    return moved


def _least_norm(
    vertex: Callable[[Floats], tuple[Floats, Ints | None]], size: int, tolerance: float, rounds: int
) -> tuple[Ints | None, float]:
    """Wolfe's algorithm, left as soon as a set is met that saves, or none can save more than the tolerance."""
    x, better = vertex(np.zeros(size))
    if better is not None:
        return better, 0.0
    corners, share = [x], np.ones(1)
    bound = float(np.minimum(x, 0).sum())
    for _ in range(rounds):
        corner, better = vertex(x)
        if better is not None:
            return better, 0.0
        bound = max(bound, float(np.minimum(x, 0).sum()))
        scale = max(float(x @ x), 1e-300)
        if bound >= -tolerance or x @ x - x @ corner <= 1e-13 * scale:
            break
        corners.append(corner)
        share = np.append(share, 0.0)
        while True:
            points = np.array(corners)
            flat = _affine(points)
            if flat.min() > -1e-12:
                share = np.maximum(flat, 0)
                break
            falling = flat < 0
            ratio = np.min(share[falling] / np.maximum(share[falling] - flat[falling], 1e-300))
            share = share + min(ratio, 1.0) * (flat - share)
            keep = share > 1e-12
            if keep.all():
                keep[np.argmin(share)] = False
            corners = [c for c, k in zip(corners, keep, strict=True) if k]
            share = share[keep] / share[keep].sum()
        x = np.asarray(share / share.sum() @ np.array(corners))
    return None, bound


def _affine(points: Floats) -> Floats:
    """Weights, summing to 1, of the point of least norm in the affine hull of ``points`` (corners, size)."""
    m = len(points)
    gram = np.zeros((m + 1, m + 1))
    gram[:m, :m] = points @ points.T
    scale = max(float(np.trace(gram)) / m, 1e-300)
    gram[:m, :m] /= scale
    gram[m, :m] = gram[:m, m] = 1.0
    right = np.zeros(m + 1)
    right[m] = 1.0
    found = np.linalg.lstsq(gram, right, rcond=None)[0][:m]
    return np.asarray(found / found.sum(), dtype=np.float64)
