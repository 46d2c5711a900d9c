"""The same session simulated: for what exact evaluation is checked against, and for whoever wants to see days."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from carewheel.science.queueing.clinic import Simulated, Steps, simulate_sessions
from carewheel.science.refusal import CannotTell
from carewheel.science.scheduling.minutes import Minutes
from carewheel.science.scheduling.sessions import Session, moments


def simulated(
    session: Session, times: ArrayLike, *, days: int, seed: int, compiled: bool | None = None
) -> Simulated:
    """`simulate_sessions` for a session on a grid, its times and close on the grid; all answers in steps of the grid.

    Raises `CannotTell` for durations in phases, and for times or a close off the grid.

    >>> from carewheel.science.scheduling import Patient, Session, Weights, fixed
    >>> simulated(Session((Patient(fixed(20)),) * 2, Weights(1, 1)), [0, 15], days=3, seed=1).waits.tolist()
    [0.0, 5.0]
    """
    due = moments(session, times) / session.step
    closes = float(due[-1]) if session.closes is None else session.closes / session.step
    if session.in_phases or np.abs(np.append(due, closes) - np.rint([*due, closes])).max() > 1e-9:
        raise CannotTell("off-grid", {"step": session.step}, "give durations, times and close on one grid")
    laws: dict[int, Steps] = {}

    def steps(law: Minutes) -> Steps:
        return laws.setdefault(id(law), Steps(law.first, law.mass))

    return simulate_sessions(
        due=np.rint(due).astype(np.int64),
        show_rate=[p.show_rate for p in session.patients],
        duration=[steps(p.duration) for p in session.patients if isinstance(p.duration, Minutes)],
        unpunctuality=[None if p.unpunctuality is None else steps(p.unpunctuality) for p in session.patients],
        walk_ins=[
            (
                math.ceil(w.start / session.step - 1e-9),
                math.ceil(w.end / session.step - 1e-9),
                w.rate * session.step,
                steps(w.duration),
            )
            for w in session.walk_ins
        ],
        closes=round(closes),
        days=days,
        seed=seed,
        compiled=compiled,
    )
