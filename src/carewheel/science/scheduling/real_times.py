"""A session with durations on a grid and appointments at any real moments, exactly, with the gradient.

The practitioner is free at a moment that is the start of the present busy spell plus whole steps of the grid. So the
distribution is kept by who began the spell, each on the grid that this patient's appointment sets. When an appointment
moves, all that its spell delays moves with it: the gradient is a sum of probabilities.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from carewheel.science.refusal import CannotTell
from carewheel.science.scheduling.minutes import Minutes
from carewheel.science.scheduling.sessions import Evaluation, Session

Floats = NDArray[np.float64]
# Moments nearer than this (in steps) are the same one.
SAME = 1e-9


def evaluated_real(session: Session, times: Floats) -> Evaluation:
    """The session with appointments at ``times`` (patients,) minutes, any reals in order, with its gradient.

    The cost is convex and piecewise linear in the times; where moments of two spells coincide the gradient is one of its
    subgradients: the one for later patients moved later by ever more. Refuses walk-ins, who come at moments of the grid.
    Source: convexity and spells as in Begen & Queyranne 2011, Math Oper Res 36:240, for appointments that are no integers.
    """
    if session.walk_ins:
        raise CannotTell(
            "walk-ins-on-grid", {"step": session.step}, "round the times to the grid, or leave out walk-ins"
        )
    d, n = session.step, len(session.patients)
    due = times / d
    closes = float(due[-1]) if session.closes is None else session.closes / d
    offset = np.zeros(n + 1)
    latest = max(closes, float(due[-1]))
    for k, p in enumerate(session.patients):
        u = p.unpunctuality
        offset[k + 1] = due[k] + (u.first if u is not None else 0)
        latest = max(latest, due[k] + (u.first + u.mass.size - 1 if u is not None else 0))
    reach = math.ceil(latest - min(float(offset.min()), 0.0)) + 1
    steps = np.arange(reach + 1, dtype=np.float64)
    moment = offset[:, None] + steps
    at, beyond, first = np.zeros((n + 1, reach + 1)), np.zeros(n + 1), np.zeros(n + 1)
    at[0, 0] = 1.0
    waits, gradient = np.zeros(n), np.zeros(n)
    w = session.weights
    for k, p in enumerate(session.patients):
        law = p.duration
        assert isinstance(law, Minutes)
        own = k + 1
        u = p.unpunctuality
        shift0, share = (0, np.array([1.0])) if u is None else (u.first, u.mass)
        shift = shift0 + np.arange(share.size)
        held = np.maximum(shift, 0)
        here, there = at[:own], moment[:own]
        # Waiting: E(t - due - shift+)+ by its values at whole steps, between which it is linear.
        knots = np.arange(int(held[-1]) + 2)
        below = np.cumsum(np.bincount(held, share, knots.size))
        excess = np.concatenate([[0.0], np.cumsum(below)[:-1]])
        delay = there - due[k]
        wait = np.where(
            delay > knots[-1], excess[-1] + (delay - knots[-1]), np.interp(delay, knots, excess, left=0.0)
        )
        mean_held = float(share @ held)
        waits[k] = float((here * wait).sum()) + float(
            (first[:own] - beyond[:own] * (due[k] + mean_held)).sum()
        )
        where = np.ceil(delay - SAME).astype(np.int64) - 1  # the last whole shift before the delay
        late = np.where(where < 0, 0.0, below[np.clip(where, 0, knots.size - 1)])
        kept_waiting = (here * late).sum(axis=1) + beyond[:own]
        price = w.waiting * p.weight * p.show_rate * d
        gradient[:k] += price * kept_waiting[1:]
        gradient[k] -= price * float(kept_waiting.sum())
        # The start: whoever is already there when the practitioner is free goes on with the spell, else it is a new one.
        come = np.cumsum(share)
        before = np.where(where < shift0, 0.0, come[np.clip(where - shift0, 0, share.size - 1)])
        begin = np.zeros((own + 1, reach + 1))
        begin[:own] = here * before
        arrivals = due[k] + shift
        begin[own, : share.size] = share * [float(here[there <= a + SAME].sum()) for a in arrivals]
        rate = p.show_rate
        mass = np.concatenate([np.zeros(law.first), law.mass])
        at *= 1 - rate
        first += rate * beyond * (law.mean / d)
        for j in range(own + 1):
            if begin[j].any():
                done = np.convolve(begin[j], mass)
                at[j] += rate * done[: reach + 1]
                outside = done[reach + 1 :]
                beyond[j] += rate * float(outside.sum())
                first[j] += rate * float(outside @ (offset[j] + reach + 1 + np.arange(outside.size)))
    # The end.
    past = np.maximum(moment - closes, 0.0)
    over = float((at * past).sum()) + float((first - beyond * closes).sum())
    still = moment > closes + SAME if session.closes is None else moment > closes - SAME
    delayed = (at * still).sum(axis=1) + beyond
    end_price = (w.idle + w.overtime) * d
    gradient += end_price * delayed[1:]
    if session.closes is None:
        gradient[-1] += w.idle * d - end_price * float(delayed.sum())
    shows = np.array([p.show_rate for p in session.patients])
    weight = np.array([w.waiting * p.weight * p.show_rate for p in session.patients])
    work = session.booked_work
    idle = (closes + over) * d - work
    cost = float(weight @ waits) * d + w.idle * idle + w.overtime * over * d
    return Evaluation(waits * d, float(shows @ waits) * d, 0.0, idle, over * d, work, cost, gradient / d)
