"""Appointment sessions: exact evaluation, best times with proof, who first, overbooking, and filling a season's template.

All exact in the model that `Session` states; what the model leaves out stands there. What cannot be raises `CannotTell` with
code, data and remedy. numpy and scipy alone.
Who may call: spokes, wheel, journeys; it knows science.queueing.clinic (to check itself) and the refusal of science.causal.
"""

from carewheel.science.scheduling.evaluation import evaluate
from carewheel.science.scheduling.minutes import (
    Minutes,
    Phases,
    empirical,
    exponential,
    fixed,
    lognormal,
    mixture,
    poisson,
)
from carewheel.science.scheduling.sessions import Evaluation, Patient, Session, WalkIns, Weights

__all__ = [
    "Evaluation",
    "Minutes",
    "Patient",
    "Phases",
    "Session",
    "WalkIns",
    "Weights",
    "empirical",
    "evaluate",
    "exponential",
    "fixed",
    "lognormal",
    "mixture",
    "poisson",
]
