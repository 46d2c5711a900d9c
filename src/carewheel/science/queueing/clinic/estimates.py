"""Means of simulated values with their intervals: over days, in a long run by batches, and between two plans of the same days."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from carewheel.science.refusal import CannotTell


class Estimate(NamedTuple):
    """A mean, its interval, its standard error, and on how many independent values it stands."""

    mean: float
    low: float
    high: float
    error: float
    n: int


def over_days(values: ArrayLike, level: float = 0.9) -> Estimate:
    """Mean of one value a day (days,); days are independent; NaN is left out. Student's interval.

    Raises `CannotTell` for fewer than two days with a value.

    >>> over_days([4.0, 6.0, 5.0]).mean
    5.0
    """
    x = np.asarray(values, dtype=np.float64).ravel()
    x = x[~np.isnan(x)]
    if x.size < 2:
        raise CannotTell("too-few-days", {"days": x.size, "needed": 2}, "simulate more days")
    if not 0 < level < 1:
        raise CannotTell("level", {"level": level}, "give a level between 0 and 1")
    mean, error = float(x.mean()), float(x.std(ddof=1)) / math.sqrt(x.size)
    half = float(special.stdtrit(x.size - 1, (1 + level) / 2)) * error
    return Estimate(mean, mean - half, mean + half, error, x.size)


def long_run(values: ArrayLike, *, warm_up: int, batches: int = 30, level: float = 0.9) -> Estimate:
    """Mean in the long run of a series (n,) in order of time, such as waits by arrival, without its first ``warm_up``.

    Batch means: neighbours go together, long batches hardly. Takes batches to be independent and about normal: choose them
    much longer than a busy spell. NaN is left out. Raises `CannotTell` for batches with fewer than ten values.
    Source: Law 2015, Simulation Modeling and Analysis, section 9.5.3.

    >>> rng = np.random.default_rng(1)
    >>> found = long_run(rng.normal(3, 1, 4000), warm_up=1000)
    >>> found.low < 3 < found.high
    True
    """
    x = np.asarray(values, dtype=np.float64).ravel()
    if warm_up < 0 or batches < 2:
        raise CannotTell(
            "batches",
            {"warm_up": warm_up, "batches": batches},
            "give a warm-up of nought or more and two batches at least",
        )
    x = x[warm_up:]
    x = x[~np.isnan(x)]
    size = x.size // batches
    if size < 10:
        raise CannotTell(
            "too-short", {"values": x.size, "batches": batches}, "simulate longer, or take fewer batches"
        )
    return over_days(x[x.size - size * batches :].reshape(batches, size).mean(axis=1), level)


def difference(one: ArrayLike, other: ArrayLike, level: float = 0.9) -> Estimate:
    """Mean of one - other, day by day (days,): under common random numbers much surer than two means apart.

    >>> difference([5.0, 9.0, 7.0], [4.0, 8.0, 6.5]).mean.__round__(3)
    0.833
    """
    a: NDArray[np.float64] = np.asarray(one, dtype=np.float64)
    b: NDArray[np.float64] = np.asarray(other, dtype=np.float64)
    if a.shape != b.shape:
        raise CannotTell(
            "shapes", {"one": str(a.shape), "other": str(b.shape)}, "give the same days for both"
        )
    return over_days(a - b, level)
