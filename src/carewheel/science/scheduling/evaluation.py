"""One door to the exact evaluation of a session, whatever its durations and times."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from carewheel.science.scheduling.grid import GridSession
from carewheel.science.scheduling.phases import evaluated_phases
from carewheel.science.scheduling.real_times import SAME, evaluated_real
from carewheel.science.scheduling.sessions import Evaluation, Session, moments


def evaluate(session: Session, times: ArrayLike, *, gradient: bool = False) -> Evaluation:
    """Expected waits, idle time, overtime and cost of a session with appointments at ``times`` (patients,), in minutes.

    Exact: no sampling and nothing cut off (laws made by `exponential`, `lognormal`, `poisson` end at a tail of 1e-13).
    Durations on a grid go with any real times; walk-ins need times on the grid. ``gradient``: also the change of cost per
    minute that each appointment moves later; where the cost has a kink, one of its subgradients. Not with walk-ins.
    Raises `CannotTell` for times that are negative, not finite, out of order or not one a patient.

    Two patients of 20 minutes, 15 minutes apart: the second waits 5, and the day is 10 minutes too long for 30.

    >>> from carewheel.science.scheduling import Patient, Session, Weights, fixed
    >>> found = evaluate(Session((Patient(fixed(20)), Patient(fixed(20))), Weights(1, 1, 1.5), closes=30), [0, 15])
    >>> found.waits.tolist(), found.idle, found.overtime, found.cost
    ([0.0, 5.0], 0.0, 10.0, 20.0)
    """
    found = moments(session, times)
    if session.in_phases:
        return evaluated_phases(session, found)
    due = np.rint(found / session.step).astype(np.int64)
    if not gradient and (session.walk_ins or np.abs(due - found / session.step).max() <= SAME):
        if np.abs(due - found / session.step).max() > SAME:
            return evaluated_real(session, found)  # refuses: walk-ins come at moments of the grid
        return GridSession(session, int(due[-1])).evaluated(due)
    return evaluated_real(session, found)
