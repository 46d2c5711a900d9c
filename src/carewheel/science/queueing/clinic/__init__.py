"""A clinic simulated: stages, shared staff and rooms event by event, and one practitioner's session very often and very fast.

Random numbers are read by place, so that plans can be compared on the same luck. numba is used if the extra ``[speed]`` is
there; the plain path gives the same numbers. Held against queueing theory and exact evaluation, see the validation page.
Who may call: science.scheduling, spokes, journeys; it knows science.refusal.
"""

from carewheel.science.queueing.clinic.days_drawn import DrawnDays, Kind, draw_days, sample_quantiles
from carewheel.science.queueing.clinic.estimates import Estimate, difference, long_run, over_days
from carewheel.science.queueing.clinic.randomness import uniforms
from carewheel.science.queueing.clinic.simulation import Clinic, ClinicRun, Shift, Stage, simulate_clinic
from carewheel.science.queueing.clinic.single_server import Simulated, Steps, simulate_sessions

__all__ = [
    "Clinic",
    "ClinicRun",
    "DrawnDays",
    "Estimate",
    "Kind",
    "Shift",
    "Simulated",
    "Stage",
    "Steps",
    "difference",
    "draw_days",
    "long_run",
    "over_days",
    "sample_quantiles",
    "simulate_clinic",
    "simulate_sessions",
    "uniforms",
]
