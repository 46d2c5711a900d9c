"""Who does what, where and when: requests of a day or a week to practitioner, room, assistant and equipment.

A quick plan by search, a bound by prices on resources, and the rest of the time-indexed model solved by HiGHS (extra ``[solve]``).
Who may call: spokes, journeys; it knows the refusal of science.causal.
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

__all__ = ["DayPlan", "DayProblem", "Hours", "Need", "Placed", "Resource", "VisitRequest", "allocate"]
