"""Who does what, where and when: requests of a day or a week to practitioner, room, assistant and equipment.

A quick plan by search, a bound by prices on resources, and the rest of the time-indexed model solved by HiGHS (extra ``[solve]``); why a request
has no place by CP-SAT (the same extra).
Who may call: spokes, journeys; it knows science.refusal.
"""

from carewheel.science.scheduling.allocation.planning import DayPlan, allocate
from carewheel.science.scheduling.allocation.problem import (
    DayProblem,
    Hours,
    Need,
    Placed,
    Resource,
    VisitRequest,
)
from carewheel.science.scheduling.allocation.reasons import Reason, Reasons, why_unmet

__all__ = [
    "DayPlan",
    "DayProblem",
    "Hours",
    "Need",
    "Placed",
    "Reason",
    "Reasons",
    "Resource",
    "VisitRequest",
    "allocate",
    "why_unmet",
]
