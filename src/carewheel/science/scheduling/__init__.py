"""Appointment sessions: exact evaluation, best times with proof, who first, overbooking, and filling a season's template.

All exact in the model that `Session` states; what the model leaves out stands there. What cannot be raises `CannotTell` with
code, data and remedy. numpy and scipy alone.
Who may call: spokes, wheel, journeys; it knows science.queueing.clinic (to check itself) and science.refusal.
"""

from carewheel.science.scheduling.access import (
    Access,
    Assigned,
    Request,
    SeasonTemplate,
    assign_requests,
    open_slots,
)
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
from carewheel.science.scheduling.overbooking import FairPlan, Overbooked, best_overbooking, fair_plan
from carewheel.science.scheduling.sequence import Ordered, best_sequence
from carewheel.science.scheduling.sessions import Evaluation, Patient, Session, WalkIns, Weights
from carewheel.science.scheduling.simulated import simulated
from carewheel.science.scheduling.templates import (
    Template,
    bailey_welch_times,
    best_times,
    individual_times,
    tuned,
)

__all__ = [
    "Access",
    "Assigned",
    "Evaluation",
    "FairPlan",
    "Minutes",
    "Ordered",
    "Overbooked",
    "Patient",
    "Phases",
    "Request",
    "SeasonTemplate",
    "Session",
    "Template",
    "WalkIns",
    "Weights",
    "assign_requests",
    "bailey_welch_times",
    "best_overbooking",
    "best_sequence",
    "best_times",
    "empirical",
    "evaluate",
    "exponential",
    "fair_plan",
    "fixed",
    "individual_times",
    "lognormal",
    "mixture",
    "open_slots",
    "poisson",
    "simulated",
    "tuned",
]
