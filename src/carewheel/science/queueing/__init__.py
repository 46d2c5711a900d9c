"""Waiting lines: the engine of a simulated day in a practice, and the formulas that it is held against.

Times are minutes from any common zero; everything random (arrivals, service times) is drawn by the caller.
Arrays in, arrays out; loops run over places in the line only, all lines at once. numpy alone.
Who may call: invented, spokes, wheel; it knows nobody.
"""

from carewheel.science.queueing.days import Day, simulate_day
from carewheel.science.queueing.lines import Served, many_server_starts, single_server_waits
from carewheel.science.queueing.theory import (
    erlang_c,
    gg1_wait_bound,
    mg1_mean_wait,
    mm1_mean_wait,
    mmc_mean_wait,
)

__all__ = [
    "Day",
    "Served",
    "erlang_c",
    "gg1_wait_bound",
    "many_server_starts",
    "mg1_mean_wait",
    "mm1_mean_wait",
    "mmc_mean_wait",
    "simulate_day",
    "single_server_waits",
]
