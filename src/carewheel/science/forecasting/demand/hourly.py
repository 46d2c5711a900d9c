"""From days to hours, and from booked visits to all: how a day's demand falls on its hours, and who walks in."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from carewheel.science.forecasting.demand.daily import Forecast
from carewheel.science.intervals import LEVEL, Estimate
from carewheel.science.refusal import CannotTell

Floats = NDArray[np.float64]

HALF_LIFE_DAYS = 365.0
# A weekday's profile starts from that of all days, counted as so many days.
PROFILE_DAYS = 4.0


@dataclass(frozen=True, slots=True)
class Profile:
    """``share`` (7, hours): how each weekday's count falls on its hours; ``dispersion``: extra variance of an hour beyond Poisson, over its mean squared."""

    share: Floats
    dispersion: float

    def forecast(self, days: Forecast, weekday: ArrayLike, level: float = LEVEL) -> Estimate:
        """Counts (h, hours) with quantiles of a negative binomial whose variance holds chance and the doubt of the day.

        Raises `CannotTell` ``not-weekdays``.
        """
        day = np.asarray(weekday, dtype=np.int64)
        if day.shape != days.mean.shape or (day < 0).any() or (day > 6).any():
            raise CannotTell(
                "not-weekdays", {"days": day.size}, "give the weekday of each day of the forecast"
            )
        from scipy.stats import nbinom  # half a second at the start of whatever needs the rest of this file

        mean = days.mean[:, None] * self.share[day]
        size = 1 / max(self.dispersion, 1e-9)
        tail, p = (1 - level) / 2, size / (size + np.maximum(mean, 1e-12))
        low, high = (nbinom.ppf(q, size, p) for q in (tail, 1 - tail))
        shut = mean <= 0
        return Estimate(mean, np.where(shut, 0.0, low), np.where(shut, 0.0, high))


def profile(counts: ArrayLike, weekday: ArrayLike) -> Profile:
    """Profiles of weekdays from counts (T, hours), NaN unknown; older days count less (half after a year), weekdays are drawn to all days.

    For walk-ins give the counts of those who came without a booking: the day's forecast of walk-ins, split in this way, is what stays free for them.
    Raises `CannotTell`: ``not-counts``, ``too-few-days`` (under 28 known days), ``nothing-came``.

    >>> found = profile(np.tile([[2, 6, 2]], (56, 1)), np.arange(56) % 7)
    >>> found.share[0].round(3).tolist()
    [0.2, 0.6, 0.2]
    """
    y, day = np.asarray(counts, dtype=np.float64), np.asarray(weekday, dtype=np.int64)
    if y.ndim != 2 or day.shape != y.shape[:1] or np.isinf(y).any() or (y < 0).any():
        raise CannotTell("not-counts", {"shape": str(y.shape)}, "give counts of 0 or more by day and hour")
    known: NDArray[np.bool_] = np.asarray(~np.isnan(y).any(axis=1))
    if known.sum() < 28:
        raise CannotTell("too-few-days", {"days": int(known.sum()), "needed": 28}, "wait for four weeks")
    if y[known].sum() == 0:
        raise CannotTell("nothing-came", {"days": int(known.sum())}, "noughts have no profile")
    weight = np.where(known, 0.5 ** ((y.shape[0] - 1 - np.arange(y.shape[0])) / HALF_LIFE_DAYS), 0.0)
    filled = np.where(known[:, None], np.nan_to_num(y), 0.0)
    every = weight @ filled / (weight @ filled).sum()
    share = np.empty((7, y.shape[1]))
    for k in range(7):
        w = weight * (day == k)
        mean_day = (weight @ filled).sum() / weight.sum()
        sums = w @ filled + PROFILE_DAYS * mean_day * every
        share[k] = sums / sums.sum()
    # Against each day's own total the hours should scatter as Poisson counts do; what is more, and the doubt of the day, widens the quantiles.
    trend = (weight @ filled).sum() / weight.sum()
    by_day = np.array(
        [
            (weight * (day == k)) @ filled.sum(axis=1) / max((weight * (day == k)).sum(), 1e-12)
            for k in range(7)
        ]
    )
    expected = np.where(by_day[day] > 0, by_day[day], trend)[:, None] * share[day]
    excess = (filled - expected) ** 2 - expected
    dispersion = float((excess[known]).sum() / (expected[known] ** 2).sum())
    return Profile(share, max(dispersion, 0.0))
