"""A session whose durations are sums of exponential phases, exactly in continuous time: the recursion of the phases at hand."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy import special

from carewheel.science.refusal import CannotTell
from carewheel.science.scheduling.minutes import Phases
from carewheel.science.scheduling.sessions import Evaluation, Session

Floats = NDArray[np.float64]


def evaluated_phases(session: Session, times: Floats) -> Evaluation:
    """The session with appointments at ``times`` (patients,) minutes, with the exact gradient.

    What is at hand before a patient is a number of phases; between two appointments a Poisson number of them is done. The
    mean wait is the mean number of phases over their rate. Backward, the cost to come by number of phases gives the slope of
    each gap between appointments: d/dx E v(N_x) = rate * E[v(N_x - 1) - v(N_x)], v(-1) = v(0).
    Source: the model S(n,p)/M/1 of Hassin & Mendel 2008, Mgmt Sci 54:565, for one phase; phases by the same argument.
    """
    laws = [p.duration for p in session.patients if isinstance(p.duration, Phases)]
    rate = laws[0].rate
    arrive = [
        np.concatenate([[1 - p.show_rate], p.show_rate * law.weights])
        for p, law in zip(session.patients, laws, strict=True)
    ]
    size = sum(a.size - 1 for a in arrive) + 1
    number = np.arange(size, dtype=np.float64)
    closes = float(times[-1]) if session.closes is None else session.closes
    if closes < times[-1]:
        raise CannotTell(
            "after-close",
            {"last": float(times[-1]), "closes": closes},
            "give a close after the last appointment",
        )
    gaps = np.diff(times, prepend=0.0, append=closes)
    done = [_poisson(rate * gap, size) for gap in gaps]

    state = np.zeros(size)
    state[0] = 1.0
    found, at_due = np.zeros(len(laws)), []
    for k, entry in enumerate(arrive):
        state = _passed(state, done[k])
        at_due.append(state)
        found[k] = float(number @ state) / rate
        state = np.convolve(state, entry)[:size]
    state = _passed(state, done[-1])
    over = float(number @ state) / rate

    w = session.weights
    shows = np.array([p.show_rate for p in session.patients])
    weight = np.array([w.waiting * p.weight * p.show_rate for p in session.patients])
    work = session.booked_work
    idle = closes + over - work
    cost = float(weight @ found) + w.idle * idle + w.overtime * over

    value: Floats = (w.idle + w.overtime) / rate * number
    slopes = np.empty(len(gaps))
    slopes[-1] = rate * float(state[1:] @ (value[:-1] - value[1:]))
    value = _passed_back(value, done[-1])
    for k in range(len(arrive) - 1, -1, -1):
        entry = arrive[k]
        # States that cannot occur are padded with what the largest holds; they have no mass.
        padded = np.concatenate([value, np.full(entry.size - 1, value[-1])])
        value = np.convolve(padded, entry[::-1], "valid") + weight[k] / rate * number
        slopes[k] = rate * float(at_due[k][1:] @ (value[:-1] - value[1:]))
        value = _passed_back(value, done[k])
    gradient = slopes[:-1] - slopes[1:]
    if (
        session.closes is None
    ):  # the close is the last appointment: it moves with it, and there is no gap behind
        gradient[-1] = slopes[-2] + w.idle
    return Evaluation(found, float(shows @ found), 0.0, idle, over, work, cost, gradient)


def _poisson(mean: float, size: int) -> Floats:
    """Probabilities of 0..size-1 phases done."""
    k = np.arange(size)
    if mean == 0:
        return np.where(k == 0, 1.0, 0.0)
    found: Floats = np.exp(k * math.log(mean) - mean - special.gammaln(k + 1))
    return found


def _passed(state: Floats, done: Floats) -> Floats:
    """Distribution of the phases at hand after some time in which as many were done as ``done`` says, or all."""
    left: Floats = np.convolve(state[::-1], done)[: state.size][::-1]
    left[0] = max(1.0 - float(left[1:].sum()), 0.0)
    return left


def _passed_back(value: Floats, done: Floats) -> Floats:
    """Expected value after some time, by the number of phases at hand before it."""
    rest = 1.0 - np.concatenate([[0.0], np.cumsum(done)[:-1]])
    found: Floats = (
        np.convolve(value, done)[: value.size] - value[0] * done + value[0] * np.maximum(rest, 0.0)
    )
    return found
