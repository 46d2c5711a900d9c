"""How many will ask on each of the coming days: calendar regressions with several memories, and intervals from their own past errors.

Each member is a ridge regression of the log count on weekday, time of year and special days, in which older days count less, and a level that follows the
newest errors and is believed less the further ahead it looks. Members differ in memory only; their mean is the forecast. Intervals come from
forecasts that would have been made at earlier days, so they hold whatever the members do wrong.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from carewheel.science.forecasting.demand.calendar import YEAR_DAYS, Calendar
from carewheel.science.intervals import LEVEL, Estimate
from carewheel.science.refusal import CannotTell

Floats = NDArray[np.float64]

# Half-lives of memory in days, rates at which the level follows, and what is left of the level a day further on. Chosen on windows of one public series
# that end before the year of the test.
HALF_LIVES, RATES, KEPT = (250.0, 500.0, 1000.0), (0.02, 0.05, 0.1), 0.98
# How strongly weekdays, waves and special days are drawn to nought: as if so many days spoke for nought.
DRAWN = (1.0, 3.0, 2.0)
LEAST_DAYS, MOST_ORIGINS = 56, 40
LEVEL_DAYS = 200
# Where a count may be nought, logs are taken of the count plus this.
HALF = 0.5


@dataclass(frozen=True, slots=True)
class Forecast:
    """``mean`` (h,): expected count of each coming day, 0 where closed. ``errors`` (origins, h): logs of seen over foretold at past origins, NaN unknown.

    `interval` gives days, `total` sums of days (a week, a month).
    """

    mean: Floats
    closed: NDArray[np.bool_]
    errors: Floats

    def interval(self, level: float = LEVEL) -> Estimate:
        """Counts (h,) with an interval of so much coverage: the quantile of the sizes of past errors, in thirds of the horizon."""
        width = np.empty(self.mean.size)
        for part in np.array_split(np.arange(self.mean.size), min(3, self.mean.size)):
            width[part] = past_quantile(np.abs(self.errors[:, part]), level)
        return self._spread(self.mean, width)

    def total(self, days: ArrayLike, level: float = LEVEL) -> Estimate:
        """Sum over some of the days (positions), with the errors of the same sum at past origins, so that days that err together are counted so.

        Raises `CannotTell` ``no-days``.
        """
        at = np.asarray(days, dtype=np.int64)
        if at.size == 0 or at.min() < 0 or at.max() >= self.mean.size:
            raise CannotTell("no-days", {"days": at.size}, "name days of the forecast")
        mean = float(self.mean[at].sum())
        weight = self.mean[at] / max(mean, 1e-12)
        known = ~np.isnan(self.errors[:, at])
        factor = np.where(known, np.exp(np.nan_to_num(self.errors[:, at])), 0.0) @ weight
        part = known @ weight
        error = np.log(np.maximum(factor[part > 0.5] / part[part > 0.5], 1e-3))
        return self._spread(np.asarray(mean), np.asarray(past_quantile(np.abs(error), level)))

    def _spread(self, mean: Floats, width: Floats) -> Estimate:
        low = np.maximum((mean + HALF) * np.exp(-width) - HALF, 0.0)
        high = (mean + HALF) * np.exp(width) - HALF
        shut = mean <= 0
        return Estimate(mean, np.where(shut, 0.0, low), np.where(shut, 0.0, high))


def daily_forecast(counts: ArrayLike, days: Calendar, horizon: int) -> Forecast:
    """Counts of the ``horizon`` days after the series. ``counts`` (T,): one a day, NaN unknown; ``days``: calendar of at least T + horizon days.

    Closed days are neither learnt from nor waited for; their forecast is 0. Waves of the year need years: none under one, one from one,
    four from one and a half.
    Raises `CannotTell`: ``not-counts``, ``calendar-too-short``, ``no-horizon``, ``too-few-days`` (under 56 open known days), ``nothing-came``.

    >>> from carewheel.science.forecasting.demand.calendar import calendar
    >>> week = np.array([30, 25, 25, 25, 30, 10, 0.0])
    >>> found = daily_forecast(np.tile(week, 20), calendar(0, 147, closed_weekdays=(6,)), 7)
    >>> found.mean.round(0).tolist()
    [30.0, 25.0, 25.0, 25.0, 30.0, 10.0, 0.0]
    """
    y = np.asarray(counts, dtype=np.float64)
    if y.ndim != 1 or np.isinf(y).any() or (y < 0).any():
        raise CannotTell(
            "not-counts", {"days": y.size}, "give one count of 0 or more a day, NaN where unknown"
        )
    if horizon <= 0:
        raise CannotTell("no-horizon", {"horizon": horizon}, "ask for one day or more")
    if len(days) < y.size + horizon:
        raise CannotTell(
            "calendar-too-short",
            {"days": len(days), "needed": y.size + horizon},
            "the calendar must hold the coming days as well: closed days are known ahead",
        )
    open_known = ~np.isnan(y) & ~days.closed[: y.size]
    if open_known.sum() < LEAST_DAYS:
        raise CannotTell(
            "too-few-days",
            {"days": int(open_known.sum()), "needed": LEAST_DAYS},
            "wait, or forecast the group",
        )
    if y[open_known].sum() == 0:
        raise CannotTell(
            "nothing-came", {"days": int(open_known.sum())}, "a series of noughts foretells nothing"
        )
    years = y.size / YEAR_DAYS
    columns = days.columns(0 if years < 1 else 1 if years < 1.5 else 4)
    drawn = np.repeat(DRAWN, (7, columns.shape[1] - 7 - len(days.special), len(days.special)))
    mean = _mean(y, open_known, columns, drawn, y.size, horizon)
    mean[days.closed[y.size : y.size + horizon]] = 0.0
    errors = []
    # Past origins a week apart, each with at least eight weeks behind it, never more than half of what is known away.
    first = max(np.flatnonzero(np.cumsum(open_known) >= LEAST_DAYS // 2)[0] + 1, y.size // 3)
    for origin in range(y.size - 1, first, -7)[:MOST_ORIGINS]:
        ahead = min(horizon, y.size - origin)
        told = _mean(y, open_known, columns, drawn, origin, ahead)
        row = np.full(horizon, np.nan)
        row[:ahead] = np.where(
            open_known[origin : origin + ahead],
            np.log((np.nan_to_num(y[origin : origin + ahead]) + HALF) / (told + HALF)),
            np.nan,
        )
        errors.append(row)
    return Forecast(mean, days.closed[y.size : y.size + horizon].copy(), np.array(errors))


def _mean(
    y: Floats, known: NDArray[np.bool_], columns: Floats, drawn: Floats, end: int, horizon: int
) -> Floats:
    """Forecast of the days from ``end`` on, from those before only."""
    use = known[:end]
    z = np.where(use, np.log(np.nan_to_num(y[:end]) + HALF), 0.0)
    x, age = columns[:end], end - 1 - np.arange(end)
    logs = np.zeros(horizon)
    for half_life in HALF_LIVES:
        w = np.where(use, 0.5 ** (age / half_life), 0.0)
        middle = float(w @ z / w.sum())
        beta = np.linalg.solve(x.T @ (x * w[:, None]) + np.diag(drawn), x.T @ (w * (z - middle)))
        fit = middle + x @ beta
        left = (z - fit)[-LEVEL_DAYS:]
        # Logs of means lie above means of logs: what the fit lacks in sum is given back (Duan 1983, smearing).
        lack = np.log(float(w @ np.where(use, np.exp(z), 0.0)) / float(w @ np.exp(fit)))
        for rate in RATES:
            level = 0.0
            for error, there in zip(left, use[-LEVEL_DAYS:], strict=True):
                if there:
                    level += rate * (error - level)
            ahead = middle + columns[end : end + horizon] @ beta + level * KEPT ** np.arange(1, horizon + 1)
            logs += ahead + lack
    return np.maximum(np.exp(logs / (len(HALF_LIVES) * len(RATES))) - HALF, 0.0)


def past_quantile(sizes: Floats, level: float) -> float:
    """Conformal quantile: the one that the next error of the same kind keeps below with at least this probability."""
    known = np.sort(sizes[~np.isnan(sizes)])
    if known.size == 0:
        raise CannotTell("too-few-days", {"errors": 0}, "no past day tells how far forecasts err")
    rank = int(np.ceil((known.size + 1) * level))
    return float(known[min(rank, known.size) - 1])
