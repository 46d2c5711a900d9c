"""Templates: the appointment times that cost least, with a proof or a stated gap, and the rules that they are held against."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import optimize

from carewheel.science.refusal import CannotTell
from carewheel.science.scheduling.descent import Descended, descended
from carewheel.science.scheduling.evaluation import evaluate
from carewheel.science.scheduling.grid import GridSession
from carewheel.science.scheduling.sessions import Evaluation, Session

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Template:
    """Appointment times (patients,) in minutes, what they come to, and how much any others could save at most.

    ``gap``: upper bound of (cost - least cost of this session in the same order and on the same grid); infinite where no
    proof was asked for or can be had (walk-ins).
    """

    times: Floats
    evaluation: Evaluation
    gap: float

    @property
    def proved(self) -> bool:
        """Whether no other times are cheaper by more than a millionth of the cost."""
        return self.gap <= 1e-6 * max(self.evaluation.cost, 1e-12)


def best_times(
    session: Session, *, slot: float | None = None, latest: float | None = None, prove: bool = False
) -> Template:
    """The cheapest times for a session's patients in their order.

    ``slot``: appointments at multiples of so many minutes only; None: any moment (phases) or any moment of the grid, which
    for durations on a grid is as good as any real times (punctual patients, close on the grid). ``latest``: no appointment
    after this minute; None: up to the close (slots: before it), or unlimited without one. ``prove``: go on until the best is proved on a grid
    (0.2 s for 16 patients on a grid of minutes, 10 s for 40); phases at any moment always come with their gap.
    Method: exact gradient and L-BFGS-B in the gaps between appointments (the cost is convex), then steepest descent on the
    grid (`descended`). With walk-ins the order of the list can change, the cost need not be convex, and no gap is stated.
    Raises `CannotTell` for a slot that is no multiple of the grid's step, or a latest minute below nought.

    Hassin and Mendel's three customers who come with probability 0.8:

    >>> from carewheel.science.scheduling import Patient, Phases, Session, Weights
    >>> found = best_times(Session((Patient(Phases(1.0), 0.8),) * 3, Weights(waiting=1, idle=1)))
    >>> found.times.round(4).tolist(), round(found.evaluation.waiting + found.evaluation.availability, 6)
    ([0.0, 0.5498, 1.2913], 3.777344)
    """
    if latest is not None and not (latest >= 0 and math.isfinite(latest)):
        raise CannotTell("latest", {"latest": latest}, "give a finite minute of nought or more")
    if slot is not None and not (slot > 0 and math.isfinite(slot)):
        raise CannotTell("slot", {"slot": slot}, "give a slot of more than nought minutes")
    if session.in_phases:
        return _in_phases(session, slot, latest)
    multiple = 1 if slot is None else round(slot / session.step)
    if slot is not None and abs(multiple * session.step - slot) > 1e-9 * slot:
        raise CannotTell(
            "slot-off-grid", {"slot": slot, "step": session.step}, "give a multiple of the grid's step"
        )
    return _on_grid(session, multiple, latest, prove, in_slots=slot is not None)


# --- phases, continuous


def _in_phases(session: Session, slot: float | None, latest: float | None) -> Template:
    n = len(session.patients)
    last = _last(session, latest)
    if slot is not None:
        slots = int(last / slot + 1e-9)
        # An appointment at the very close belongs to no slot.
        if session.closes is not None and latest is None and abs(slots * slot - session.closes) < 1e-9:
            slots -= 1
        first = _in_phases(session, None, slots * slot).times
        found = descended(
            lambda t: evaluate(session, t * slot).cost, np.rint(first / slot).astype(np.int64), latest=slots
        )
        return _template(session, found, slot)
    scale = session.booked_work / n or 1.0

    def cost(gaps: Floats) -> tuple[float, Floats]:
        times = np.minimum(np.concatenate([[0.0], np.cumsum(gaps)]) * scale, last)
        done = evaluate(session, times, gradient=True)
        assert done.gradient is not None
        slope = np.where(np.cumsum(gaps) * scale > last, np.maximum(done.gradient[1:], 0), done.gradient[1:])
        return done.cost, np.cumsum(slope[::-1])[::-1] * scale

    bounds = [(0.0, None)] * (n - 1)
    gaps = np.full(n - 1, min(0.9, last / scale / n))
    for _ in range(5 if n > 1 else 0):  # restarts forget a stale curvature near kinks at the bounds
        done = optimize.minimize(
            cost, gaps, jac=True, method="L-BFGS-B", bounds=bounds,
            options={"maxiter": 2000, "maxcor": 30, "ftol": 1e-16, "gtol": 1e-11},
        )  # fmt: skip
        if np.allclose(done.x, gaps, rtol=0, atol=1e-9):
            break
        gaps = done.x
    times = np.minimum(np.concatenate([[0.0], np.cumsum(gaps)]) * scale, last)
    best = evaluate(session, times, gradient=True)
    assert best.gradient is not None
    # Convexity: the least cost is no lower than the tangent's least over all gaps up to the last moment.
    slope = np.cumsum(best.gradient[::-1])[::-1][1:]
    at = np.diff(times)
    span = last if math.isfinite(last) else 2 * float(times[-1]) + 10 * scale
    gap = float(np.maximum(slope * at, -slope * (span - at)).sum()) if n > 1 else 0.0
    return Template(times, best, max(gap, 0.0))


def _last(session: Session, latest: float | None) -> float:
    if latest is not None:
        return latest if session.closes is None else min(latest, session.closes)
    return math.inf if session.closes is None else session.closes


# --- grid


def _on_grid(
    session: Session, multiple: int, latest: float | None, prove: bool, *, in_slots: bool
) -> Template:
    n, d = len(session.patients), session.step
    load = sum(w.rate * w.duration.mean for w in session.walk_ins)
    apart = session.booked_work / n / max(1 - load, 0.2) / d
    open_end = latest is None and session.closes is None
    limit = _last(session, latest) / d
    reach = math.ceil(1.3 * apart * n + 20) if open_end else int(limit + 1e-9)
    while True:
        slots = reach // multiple
        if (
            in_slots
            and latest is None
            and session.closes is not None
            and slots * multiple * d == session.closes
        ):
            slots -= 1  # an appointment at the very close belongs to no slot
        grid = GridSession(session, max(slots, 0) * multiple)
        start: Floats = np.arange(n, dtype=np.float64) * min(0.9 * apart, slots * multiple / max(n, 1))
        if not session.walk_ins and slots > 0:
            start = _smooth(grid, start, slots * multiple)
        found = _stepwise(grid, start, slots, multiple, prove)
        if not open_end or found.times[-1] * multiple < 0.97 * reach - multiple:
            break
        reach *= 2
    return _template(session, found, multiple * d)


def _smooth(grid: GridSession, start: Floats, last: int) -> Floats:
    """Times in steps that are best for the cost made smooth between moments of the grid."""
    n = start.size
    if n == 1:
        return start

    def cost(gaps: Floats) -> tuple[float, Floats]:
        due = np.concatenate([[0.0], np.cumsum(gaps)])
        value, slope = grid.relaxed(np.minimum(due, last))
        slope = np.where(due > last, np.maximum(slope, 0.0), slope)
        return value, np.cumsum(slope[::-1])[::-1][1:]

    done = optimize.minimize(
        cost, np.diff(start), jac=True, method="L-BFGS-B", bounds=[(0.0, None)] * (n - 1),
        options={"maxiter": 150, "maxcor": 20, "ftol": 1e-8},
    )  # fmt: skip
    found: Floats = np.minimum(np.concatenate([[0.0], np.cumsum(done.x)]), last)
    return found


def _stepwise(grid: GridSession, start: Floats, slots: int, multiple: int, prove: bool) -> Descended:
    walking = bool(grid.session.walk_ins)
    times = np.rint(start / multiple).astype(np.int64)
    for coarse in (8, 4, 2) if walking else ():
        cost = _priced(grid, multiple * coarse)
        found = descended(cost, np.rint(times / coarse).astype(np.int64), latest=slots // coarse, prove=False)
        times = found.times * coarse
    # Without proof a few looks: the smooth start is within a thousandth of the best, and each look costs an evaluation.
    few = times.size * (100 if walking or multiple > 1 else 8)
    return descended(
        _priced(grid, multiple),
        times,
        latest=slots,
        prove=prove and not walking,
        most=200_000 if prove else few,
    )


def _priced(grid: GridSession, multiple: int) -> Callable[[Ints], float]:
    return lambda times: grid.evaluated(times * multiple).cost


def _template(session: Session, found: Descended, slot: float) -> Template:
    times = np.asarray(found.times * slot, dtype=np.float64)
    return Template(times, evaluate(session, times), max(found.cost - found.bound, 0.0))


# --- rules


def individual_times(patients: int, gap: float) -> Floats:
    """One patient every ``gap`` minutes from the start.

    >>> individual_times(3, 15).tolist()
    [0.0, 15.0, 30.0]
    """
    _rule(patients, gap)
    return np.arange(patients, dtype=np.float64) * gap


def bailey_welch_times(patients: int, gap: float) -> Floats:
    """Two patients at the start, then one every ``gap`` minutes. Source: Bailey 1952, J R Stat Soc B 14:185; Welch & Bailey 1952.

    >>> bailey_welch_times(4, 15).tolist()
    [0.0, 0.0, 15.0, 30.0]
    """
    _rule(patients, gap)
    return np.maximum(np.arange(patients, dtype=np.float64) - 1, 0) * gap


def tuned(session: Session, rule: Callable[[int, float], ArrayLike]) -> Template:
    """The rule's times with the gap that is cheapest for this session (a whole number of steps on a grid); no proof of more."""
    n, d = len(session.patients), session.step
    widest = _widest(session, rule)

    def cost(gap: float) -> float:
        return evaluate(session, rule(n, gap)).cost

    if session.in_phases:
        done = optimize.minimize_scalar(cost, bounds=(0, widest), method="bounded", options={"xatol": 1e-9})
        gap = float(done.x)
    else:
        gap = min((k * d for k in range(int(widest / d + 1e-9) + 1)), key=cost)
    times = np.asarray(rule(n, gap), dtype=np.float64)
    return Template(times, evaluate(session, times), math.inf)


def _widest(session: Session, rule: Callable[[int, float], ArrayLike]) -> float:
    """The widest gap worth a look: thrice the work of a patient, and no appointment after the close. Times of a rule rise with its gap."""
    n, low, high = len(session.patients), 0.0, 3 * session.booked_work / len(session.patients)
    closes = math.inf if session.closes is None else session.closes

    def fits(gap: float) -> bool:
        return bool(np.asarray(rule(n, gap), dtype=np.float64)[-1] <= closes + 1e-9)

    if fits(high):
        return high
    for _ in range(50):
        middle = (low + high) / 2
        low, high = (middle, high) if fits(middle) else (low, middle)
    return low


def _rule(patients: int, gap: float) -> None:
    if patients < 1 or not (gap >= 0 and math.isfinite(gap)):
        raise CannotTell(
            "rule", {"patients": patients, "gap": gap}, "give a patient at least and a gap of nought or more"
        )
