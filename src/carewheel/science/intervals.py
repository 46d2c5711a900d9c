"""Intervals for the shares, means, scores, counts and ratios that a practice is measured by.

Every function takes arrays that broadcast together and returns `Estimate` arrays (value, low, high) in the same shape;
where nothing can be said the entry is NaN. The level is 90 % unless given.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import gammaincinv, ndtri, stdtrit

Floats = NDArray[np.float64]
LEVEL = 0.90


class Estimate(NamedTuple):
    """A value between ``low`` and ``high``, in the value's own unit; NaN where unknown."""

    value: Floats
    low: Floats
    high: Floats


def wilson(successes: ArrayLike, n: ArrayLike, level: float = LEVEL) -> Estimate:
    """A share (0 to 1) with Wilson's score interval.

    Assumes independent answers. Source: Wilson 1927, JASA 22:209; Brown, Cai & DasGupta 2001, Stat Sci 16:101, eq. (4).

    >>> [round(float(x), 3) for x in wilson(8, 10, level=0.95)]
    [0.8, 0.49, 0.943]
    """
    k, n = _floats(successes, n)
    z = _z(level)
    with np.errstate(divide="ignore", invalid="ignore"):
        p = k / n
        middle = (k + z * z / 2) / (n + z * z)
        half = z * np.sqrt(n) / (n + z * z) * np.sqrt(p * (1 - p) + z * z / (4 * n))
    known = n > 0
    # The score interval touches 0 and 1 exactly at no and at all successes; rounding must not push it past the value.
    return _where(known, Estimate(p, np.minimum(middle - half, p), np.maximum(middle + half, p)))


def t_mean(n: ArrayLike, total: ArrayLike, total_sq: ArrayLike, level: float = LEVEL) -> Estimate:
    """A mean with Student's interval, from count, sum and sum of squares (units: the values' own, and squared).

    Assumes independent values and a mean that is about normal. One value has a mean and no interval.
    Source: Student 1908, Biometrika 6:1.

    >>> [round(float(x), 3) for x in t_mean(4, 20, 114, level=0.95)]
    [5.0, 1.563, 8.437]
    """
    n, total, total_sq = _floats(n, total, total_sq)
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = total / n
        variance = np.maximum(total_sq - total * total / n, 0) / (n - 1)
        half = _t(np.maximum(n - 1, 1), level) * np.sqrt(variance / n)
    half = np.where(n > 1, half, np.nan)
    return _where(n > 0, Estimate(mean, mean - half, mean + half))


# From so many answers on the adjusted Wald interval of a net promoter score covers as often as it says; below, at few
# promoters or detractors, it is too wide, and the score interval takes its place.
NPS_WALD_FROM = 100


def nps(promoters: ArrayLike, detractors: ArrayLike, n: ArrayLike, level: float = LEVEL) -> Estimate:
    """A net promoter score (-100 to 100) with its interval: adjusted Wald from 100 answers on, the score interval below.

    The value is the plain score. Adjusted Wald: add 3/4, 3/4 and 3 before the variance; centred on the adjusted score and cut at
    the ends of the scale. Score interval: promoters less detractors is the difference of two paired shares, and the interval
    holds the scores that the score test does not reject.
    Sources: Rocks 2016, Am Stat 70:365 (adjusted Wald); Tango 1998, Stat Med 17:891 (score).

    >>> [round(float(x), 1) for x in nps(70, 10, 100, level=0.95)]
    [60.0, 45.3, 71.2]
    >>> [round(float(x), 1) for x in nps(14, 2, 20)]
    [60.0, 29.6, 78.6]
    """
    p, d, n = _floats(promoters, detractors, n)
    with np.errstate(divide="ignore", invalid="ignore"):
        value = 100 * (p - d) / n
    a, b, m = (p + 0.75) / (n + 3), (d + 0.75) / (n + 3), n + 3
    middle = a - b
    half = _z(level) * np.sqrt((a + b - middle**2) / m)
    low = np.asarray(100 * np.maximum(middle - half, -1))
    high = np.asarray(100 * np.minimum(middle + half, 1))
    few = (n > 0) & (n < NPS_WALD_FROM) & (p + d <= n)
    if few.any():
        # Below a hundred answers there are few different counts, and the halving is the slow part: once for each.
        counts = np.stack([p[few], d[few], n[few]])
        _, first, place = np.unique(
            counts[0] * NPS_WALD_FROM**2 + counts[1] * NPS_WALD_FROM + counts[2],
            return_index=True, return_inverse=True,
        )  # fmt: skip
        if (counts != np.floor(counts)).any():
            first = place = np.arange(counts.shape[1])
        some = counts[:, first]
        low[few] = -100 * _nps_score_end(some[1], some[0], some[2], level)[place.reshape(-1)]
        high[few] = 100 * _nps_score_end(some[0], some[1], some[2], level)[place.reshape(-1)]
    return _where(n > 0, Estimate(value, np.minimum(low, value), np.maximum(high, value)))


def _nps_score_end(p: Floats, d: Floats, n: Floats, level: float) -> Floats:
    """Upper end of the shares' difference p - d: the largest that the score test does not reject (Tango 1998), by halving."""
    z = _z(level)
    low, high = (p - d) / n, np.ones_like(n)
    for _ in range(48):
        middle = (low + high) / 2
        # The share of d that is likeliest if the difference is ``middle``: the larger root of a quadratic.
        half_b = -p - d + (2 * n - p + d) * middle
        share = (np.sqrt(np.maximum(half_b**2 + 8 * n * d * middle * (1 - middle), 0)) - half_b) / (4 * n)
        variance = np.maximum(n * (2 * share + middle * (1 - middle)), 0)
        kept = n * middle - p + d <= z * np.sqrt(variance)
        low, high = np.where(kept, middle, low), np.where(kept, high, middle)
    return low


def garwood(count: ArrayLike, level: float = LEVEL) -> Estimate:
    """A count with the exact Poisson interval: what the expected count may be.

    Source: Garwood 1936, Biometrika 28:437 (half the chi-squared quantiles at 2k and 2k + 2 degrees of freedom).

    >>> [round(float(x), 3) for x in garwood(10, level=0.95)]
    [10.0, 4.795, 18.39]
    """
    (k,) = _floats(count)
    tail = (1 - level) / 2
    # Few different counts fill large tables, and the quantiles are the slow part: once for each count.
    safe, place = np.unique(np.where(k >= 0, k, 0), return_inverse=True)
    low = np.where(safe > 0, gammaincinv(np.where(safe > 0, safe, 1), tail), 0.0)
    high = gammaincinv(safe + 1, 1 - tail)
    place = place.reshape(k.shape)
    return _where(k >= 0, Estimate(k, low[place], high[place]))


def poisson_rate(events: ArrayLike, exposure: ArrayLike, level: float = LEVEL) -> Estimate:
    """Events per unit of exposure, with Garwood's interval divided by the exposure (taken as known).

    >>> [round(float(x), 3) for x in poisson_rate(3, 20, level=0.95)]
    [0.15, 0.031, 0.438]
    """
    k, t = _floats(events, exposure)
    counted = garwood(k, level)
    with np.errstate(divide="ignore", invalid="ignore"):
        return _where(t > 0, Estimate(counted.value / t, counted.low / t, counted.high / t))


def cost_per_count(cost: ArrayLike, count: ArrayLike, level: float = LEVEL) -> Estimate:
    """A known cost divided by a Poisson count: the ends are the cost over the ends of Garwood's interval.

    >>> [round(float(x), 2) for x in cost_per_count(1000, 10, level=0.95)]
    [100.0, 54.38, 208.53]
    """
    cost, k = _floats(cost, count)
    counted = garwood(k, level)
    with np.errstate(divide="ignore", invalid="ignore"):
        return _where(k > 0, Estimate(cost / k, cost / counted.high, cost / counted.low))


def ratio_of_months(numerator: ArrayLike, denominator: ArrayLike, level: float = LEVEL) -> Estimate:
    """Sum over sum along the last axis (months), with the leave-one-month-out jackknife and Student's quantile.

    Assumes that months are exchangeable and independent. Months without a denominator and numerator take no part;
    fewer than three months give no interval. Source: Efron & Tibshirani 1993, An Introduction to the Bootstrap, eq. (11.5).

    >>> [round(float(x), 3) for x in ratio_of_months([9.0, 10, 11, 10], [10.0, 10, 10, 10])]
    [1.0, 0.904, 1.096]
    """
    a, b = _floats(numerator, denominator)
    a, b = np.nan_to_num(a), np.nan_to_num(b)
    used = (a != 0) | (b != 0)
    m = used.sum(axis=-1).astype(np.float64)
    sum_a, sum_b = a.sum(axis=-1), b.sum(axis=-1)
    with np.errstate(divide="ignore", invalid="ignore"):
        value = sum_a / sum_b
        without = (sum_a[..., None] - a) / (sum_b[..., None] - b)
        middle = np.sum(np.where(used, without, 0), axis=-1) / m
        spread = np.sum(np.where(used, (without - middle[..., None]) ** 2, 0), axis=-1)
        half = _t(np.maximum(m - 1, 1), level) * np.sqrt((m - 1) / m * spread)
    half = np.where((m >= 3) & np.isfinite(half), half, np.nan)
    return _where(sum_b != 0, Estimate(value, value - half, value + half))


def last_of_months(values: ArrayLike, level: float = LEVEL) -> Estimate:
    """The last month's reading, with the noise of a single reading around a straight line through the months.

    For states (a balance) that are counted, not sampled: how far one month's end may lie from the level. ``values``:
    months along the last axis, NaN where missing. Under six months there is no interval. Residual standard deviation
    with m - 2 degrees of freedom; assumes independent deviations. Source: Draper & Smith 1998, Applied Regression
    Analysis, eq. (1.3.4).

    >>> [round(float(x), 2) for x in last_of_months([40.0, 41, 39, 40, 41, 39])]
    [39.0, 36.93, 41.07]
    """
    (y,) = _floats(values)
    known = np.isfinite(y)
    m = known.sum(axis=-1).astype(np.float64)
    x = np.broadcast_to(np.arange(y.shape[-1], dtype=np.float64), y.shape)
    filled = np.where(known, y, 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        mean_x = np.where(known, x, 0).sum(axis=-1) / m
        mean_y = filled.sum(axis=-1) / m
        dx = np.where(known, x - mean_x[..., None], 0)
        dy = np.where(known, filled - mean_y[..., None], 0)
        slope = (dx * dy).sum(axis=-1) / (dx * dx).sum(axis=-1)
        residual = np.maximum((dy * dy).sum(axis=-1) - slope * (dx * dy).sum(axis=-1), 0)
        half = _t(np.maximum(m - 2, 1), level) * np.sqrt(residual / (m - 2))
    half = np.where((m >= 6) & np.isfinite(half), half, np.nan)
    last = y[..., -1]
    return Estimate(last, last - half, last + half)


def difference(new: Estimate, old: Estimate) -> Estimate:
    """New minus old of two independent estimates, from their own intervals (MOVER).

    Source: Zou & Donner 2008, Stat Med 27:1693, eq. (5): each end combines the arms that face it.

    >>> [round(float(x), 2) for x in difference(Estimate(*map(np.array, (5.0, 4, 6))), Estimate(*map(np.array, (3.0, 2, 4))))]
    [2.0, 0.59, 3.41]
    """
    value = new.value - old.value
    low = value - np.hypot(new.value - new.low, old.high - old.value)
    high = value + np.hypot(new.high - new.value, old.value - old.low)
    return Estimate(value, low, high)


def ratio(new: Estimate, old: Estimate) -> Estimate:
    """New over old of two independent positive estimates: `difference` of their logarithms.

    NaN where either value is not positive; an end of zero gives an open end (0 or infinity).
    Source: Zou & Donner 2008, Stat Med 27:1693, section 2, on the log scale.

    >>> [round(float(x), 3) for x in ratio(Estimate(*map(np.array, (8.0, 4, 16))), Estimate(*map(np.array, (2.0, 2, 2))))]
    [4.0, 2.0, 8.0]
    """
    return _from_log(difference(_log(new), _log(old)))


def product(one: Estimate, other: Estimate) -> Estimate:
    """One times other of two independent positive estimates (delta method on the logarithms, arms kept apart).

    Source: Casella & Berger 2002, Statistical Inference, section 5.5.4; arms as in `difference`.

    >>> [round(float(x), 3) for x in product(Estimate(*map(np.array, (8.0, 4, 16))), Estimate(*map(np.array, (2.0, 2, 2))))]
    [16.0, 8.0, 32.0]
    """
    b = _log(other)
    return _from_log(difference(_log(one), Estimate(-b.value, -b.high, -b.low)))


def _floats(*arrays: ArrayLike) -> list[Floats]:
    return list(np.broadcast_arrays(*(np.asarray(a, dtype=np.float64) for a in arrays)))


def _z(level: float) -> float:
    return float(ndtri(0.5 + level / 2))


def _t(df: Floats, level: float) -> Floats:
    return np.asarray(stdtrit(df, 0.5 + level / 2), dtype=np.float64)


def _where(known: NDArray[np.bool_], e: Estimate) -> Estimate:
    return Estimate(*(np.where(known, part, np.nan) for part in e))


def _log(e: Estimate) -> Estimate:
    with np.errstate(divide="ignore", invalid="ignore"):
        positive = e.value > 0
        logs = (np.log(np.where(positive, np.maximum(part, 0), np.nan)) for part in e)
        value, low, high = (np.where(np.isnan(part), np.nan, x) for part, x in zip(e, logs, strict=True))
    return Estimate(value, low, high)


def _from_log(e: Estimate) -> Estimate:
    return Estimate(*(np.exp(part) for part in e))
