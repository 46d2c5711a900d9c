"""A session on a grid of moments, exactly: the distribution of the moment at which the practitioner is free, patient by patient.

Forward it gives waits, idle time and overtime; backward the expected cost from any moment on; both together what each
appointment's move by one step costs. All in steps of the grid. Nothing is cut off: beyond the last moment ``horizon`` at which
anybody can arrive or the session can close, everything is linear, so that mass and mean of what lies there are enough.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from carewheel.science.scheduling.minutes import Minutes
from carewheel.science.scheduling.sessions import Evaluation, Session, WalkIns

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


class Free(NamedTuple):
    """Distribution of the moment at which the practitioner is free: mass at 0..horizon, mass and first moment beyond."""

    at: Floats
    beyond: float
    moment: float


class Value(NamedTuple):
    """Expected cost from a moment on: at 0..horizon, and its slope beyond."""

    at: Floats
    slope: float


@dataclass(frozen=True, slots=True, eq=False)
class Service:
    """A duration: mass at 0..horizon steps, mean in steps, mass and first moment beyond."""

    mass: Floats
    mean: float
    beyond: float = 0.0
    moment: float = 0.0


@dataclass(frozen=True, slots=True, eq=False)
class Stage:
    """One on the list: a patient, or the walk-ins of one moment.

    ``come``: probability that there is work; ``weight``: cost of a step of waiting; ``shift``, ``share``: arrival less the
    due moment, and its probabilities, None if punctual. ``extra``: waits among the walk-ins of one moment, in steps.
    ``crowd``: expected number who wait for the moment at which the practitioner is free, if it is no single patient.
    """

    service: Service
    come: float
    weight: float
    shift: Ints | None = None
    share: Floats | None = None
    crowd: float | None = None
    extra: float = 0.0


class GridSession:
    """The recursions of one session for appointments at moments up to ``latest`` (whole steps)."""

    def __init__(self, session: Session, latest: int) -> None:
        self.session = session
        self.step = session.step
        ends = [
            latest + (p.unpunctuality.first + p.unpunctuality.mass.size - 1 if p.unpunctuality else 0)
            for p in session.patients
        ]
        closes = latest if session.closes is None else session.closes / self.step
        spans = [math.ceil(w.end / self.step - 1e-9) for w in session.walk_ins]
        self.horizon = max(latest, *ends, math.ceil(closes), *spans) + 1  # a step more: slopes look one ahead
        self.grid = np.arange(self.horizon + 1, dtype=np.float64)
        self.closes = None if session.closes is None else session.closes / self.step
        w = session.weights
        self.idle_cost, self.over_cost = w.idle * self.step, w.overtime * self.step
        services: dict[int, Service] = {}
        self.stages: list[Stage] = []
        for p in session.patients:
            law = p.duration
            assert isinstance(law, Minutes)
            service = services.setdefault(id(law), self._service(law))
            shift = share = None
            if p.unpunctuality is not None:
                u = p.unpunctuality
                shift, share = u.first + np.arange(u.mass.size), u.mass
            self.stages.append(Stage(service, p.show_rate, w.waiting * p.weight * self.step, shift, share))
        self.walkers = [self._crowd(walk) for walk in session.walk_ins]

    def _service(self, law: Minutes) -> Service:
        mass = np.concatenate([np.zeros(law.first), law.mass])
        steps = np.arange(mass.size)
        cut = self.horizon + 1
        return Service(
            mass[:cut], float(steps @ mass), float(mass[cut:].sum()), float(steps[cut:] @ mass[cut:])
        )

    def _crowd(self, walk: WalkIns) -> tuple[int, int, Stage]:
        """The walk-ins of one moment: their work is compound Poisson, by Panjer's recursion exactly up to the horizon."""
        one = self._service(walk.duration)
        rate = walk.rate * self.step
        weighted = one.mass * np.arange(one.mass.size)
        work = np.zeros(self.horizon + 1)
        work[0] = math.exp(-rate * (1 - one.mass[0]))
        for j in range(1, work.size):
            reach = min(j, one.mass.size - 1)
            work[j] = rate / j * (weighted[1 : reach + 1] @ work[j - reach : j][::-1])
        nobody = math.exp(-rate)
        work[0] -= nobody
        come = -math.expm1(-rate)
        mean, steps = rate * one.mean, np.arange(work.size)
        if come > 0:
            inside = work / come
            service = Service(
                inside,
                mean / come,
                max(1 - float(inside.sum()), 0.0),
                max(mean / come - float(steps @ inside), 0.0),
            )
        else:
            service = Service(np.array([1.0]), 0.0)
        weight = self.session.weights.waiting * walk.weight * self.step
        stage = Stage(service, come, weight, crowd=rate, extra=one.mean * rate**2 / 2)
        first = math.ceil(walk.start / self.step - 1e-9)
        return first, math.ceil(walk.end / self.step - 1e-9), stage

    def reordered(self, order: Sequence[int]) -> GridSession:
        """The same with its patients in another order; what was worked out for their durations is shared."""
        other = copy(self)
        other.session = self.session.ordered(order)
        other.stages = [self.stages[i] for i in order]
        return other

    # --- forward

    def opening(self) -> Free:
        """Free from moment 0."""
        at = np.zeros(self.horizon + 1)
        at[0] = 1.0
        return Free(at, 0.0, 0.0)

    def waits(self, free: Free, stage: Stage, due: int) -> float:
        """Expected steps from arrival or due moment, whichever is later, until the practitioner is free."""
        if stage.shift is None or stage.share is None:
            late = free.at[due + 1 :] @ self.grid[1 : self.horizon + 1 - due]
            return float(late + free.moment - free.beyond * due)
        here = due + np.maximum(stage.shift, 0)
        above = np.concatenate([np.cumsum(free.at[::-1])[::-1][1:], [0.0]])  # P(moment < free <= horizon)
        excess = np.concatenate([np.cumsum(above[::-1])[::-1], [0.0]])
        return float(stage.share @ (excess[here] + free.moment - free.beyond * here))

    def after(self, free: Free, stage: Stage, due: int) -> Free:
        """Free again after this stage."""
        begin = np.zeros(self.horizon + 1)
        lowest = due
        if stage.shift is None or stage.share is None:
            begin[due + 1 :] = free.at[due + 1 :]
            begin[due] = free.at[: due + 1].sum()
        else:
            there = np.bincount(np.maximum(due + stage.shift, 0), stage.share, self.horizon + 1)
            both = np.cumsum(free.at) * np.cumsum(there)
            begin[0], begin[1:] = both[0], np.diff(both)
            lowest = max(due + int(stage.shift[0]), 0)
        service, p = stage.service, stage.come
        done = np.convolve(begin[lowest:], service.mass)[: self.horizon + 1 - lowest]
        inside, first = float(begin.sum()), float(self.grid @ begin)
        at = (1 - p) * free.at
        at[lowest : lowest + done.size] += p * done
        gone = max(inside - float(done.sum()), 0.0)
        moved = first + inside * service.mean - float(self.grid[lowest : lowest + done.size] @ done)
        beyond = (1 - p) * free.beyond + p * (free.beyond + gone)
        moment = (1 - p) * free.moment + p * (free.moment + free.beyond * service.mean + max(moved, 0.0))
        return Free(at, beyond, moment)

    # --- backward

    def closing(self, last_due: float) -> Value:
        """What the end costs if the practitioner is free at a moment: idling until the close, overtime after."""
        closes = last_due if self.closes is None else self.closes
        at = self.idle_cost * np.maximum(self.grid, closes) + self.over_cost * np.maximum(
            self.grid - closes, 0
        )
        return Value(at, self.idle_cost + self.over_cost)

    def once_begun(self, stage: Stage, then: Value) -> Floats:
        """Expected cost if the service of this stage begins at a moment 0..horizon."""
        service = stage.service
        reach = service.mass.size - 1
        far = then.at[-1] + then.slope * np.arange(1, reach + 1)
        found = np.convolve(np.concatenate([then.at, far]), service.mass[::-1], "valid")
        if service.beyond > 0:
            rest = then.at[-1] + then.slope * (self.grid - self.horizon)
            found = found + service.beyond * rest + then.slope * service.moment
        return found

    def before(self, stage: Stage, due: int, begun: Floats, then: Value) -> Value:
        """Expected cost from a moment at which the practitioner is free before this stage."""
        p = stage.come
        number = p if stage.crowd is None else stage.crowd
        if stage.shift is None or stage.share is None:
            at = begun.copy()
            at[:due] = begun[due]
            at *= p
            at[due + 1 :] += number * stage.weight * self.grid[1 : self.horizon + 1 - due]
        else:
            there = np.bincount(np.maximum(due + stage.shift, 0), stage.share, self.horizon + 1)
            later = np.concatenate([np.cumsum((there * begun)[::-1])[::-1][1:], [0.0]])
            at = p * (np.cumsum(there) * begun + later)
            held = np.bincount(due + np.maximum(stage.shift, 0), stage.share, self.horizon + 1)
            at[1:] += number * stage.weight * np.cumsum(np.cumsum(held))[:-1]
        at += (1 - p) * then.at + stage.weight * stage.extra
        return Value(at, then.slope + number * stage.weight)

    def worth(self, free: Free, value: Value) -> float:
        """Expected cost of a distribution of the free moment."""
        far = free.beyond * value.at[-1] + value.slope * (free.moment - free.beyond * self.horizon)
        return float(free.at @ value.at + far)

    # --- whole sessions

    @property
    def work(self) -> float:
        """Expected steps of work, walk-ins included."""
        booked = sum(s.come * s.service.mean for s in self.stages)
        return booked + sum(max(b - a, 0) * s.come * s.service.mean for a, b, s in self.walkers)

    def listed(self, due: Ints) -> list[tuple[int, int, Stage]]:
        """The list in order: (due moment, number of the patient or -1, stage); walk-ins behind patients of their moment."""
        rows = [
            (int(moment), 0, k, stage) for k, (moment, stage) in enumerate(zip(due, self.stages, strict=True))
        ]
        for a, b, stage in self.walkers:
            rows += [(moment, 1, -1, stage) for moment in range(a, b)]
        rows.sort(key=lambda row: row[:2])
        return [(moment, k, stage) for moment, _, k, stage in rows]

    def evaluated(self, due: Ints) -> Evaluation:
        """The session with appointments at whole moments ``due`` (patients,), not decreasing."""
        free, walking, walk_cost = self.opening(), 0.0, 0.0
        waits = np.zeros(len(self.stages))
        for moment, k, stage in self.listed(due):
            wait = self.waits(free, stage, moment)
            if k >= 0:
                waits[k] = wait
            else:
                together = (stage.crowd or 0.0) * wait + stage.extra
                walking += together
                walk_cost += stage.weight * together
            free = self.after(free, stage, moment)
        closes = float(due[-1]) if self.closes is None else self.closes
        over = float(free.at @ np.maximum(self.grid - closes, 0)) + free.moment - free.beyond * closes
        work = self.work
        idle = closes + over - work
        shows = np.array([s.come for s in self.stages])
        cost = float(sum(s.weight * s.come * w for s, w in zip(self.stages, waits, strict=True)))
        cost += walk_cost + self.idle_cost * idle + self.over_cost * over
        d = self.step
        return Evaluation(
            waits * d, float(shows @ waits) * d, walking * d, idle * d, over * d, work * d, cost
        )

    def relaxed(self, due: Floats) -> tuple[float, Floats]:
        """Cost and its slopes where each appointment between two moments is at the later one with the fraction as probability.

        Equal to `evaluated` at whole moments, without walk-ins; smooth between them. The slope is per step.
        """
        low = np.minimum(np.floor(due + 1e-12), self.horizon - 1).astype(np.int64)
        part = np.clip(due - low, 0.0, 1.0)
        frees = [self.opening()]
        for stage, moment, share in zip(self.stages[:-1], low[:-1], part[:-1], strict=True):
            free = self.after(frees[-1], stage, int(moment))
            if share > 0:
                other = self.after(frees[-1], stage, int(moment) + 1)
                free = Free(*((1 - share) * x + share * y for x, y in zip(free, other, strict=True)))
            frees.append(free)
        slopes, total = np.zeros(len(due)), 0.0
        value = self.closing(float(low[-1]))
        for k in range(len(due) - 1, -1, -1):
            stage, moment = self.stages[k], int(low[k])
            begun = self.once_begun(stage, value)
            early = self.before(stage, moment, begun, value)
            if k == len(due) - 1 and self.closes is None:
                value = self.closing(float(moment + 1))
                begun = self.once_begun(stage, value)
            late = self.before(stage, moment + 1, begun, value)
            slopes[k] = self.worth(frees[k], late) - (first := self.worth(frees[k], early))
            total = first + part[k] * slopes[k]
            value = Value((1 - part[k]) * early.at + part[k] * late.at, early.slope)
        return total - self.idle_cost * self.work, slopes
