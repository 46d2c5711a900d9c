"""Months of many locations together: a short series borrows its season from all.

Two years of one location say little about its season, two years of sixty say much. Counts are first divided by working days; what is left is a
common course of all locations, each location's own level against it, and part of its own season.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from carewheel.science.forecasting.demand.daily import past_quantile
from carewheel.science.intervals import LEVEL, Estimate
from carewheel.science.refusal import CannotTell

Floats = NDArray[np.float64]

SEASON = 12
# Months over which a level and growth are measured, and how much of its own season a location keeps. Chosen on origins whose targets end before the test.
RECENT, OWN_SEASON = 3, 0.4


@dataclass(frozen=True, slots=True)
class MonthlyForecast:
    """``mean`` (k, h); ``errors`` (origins, k, h): logs of seen over foretold at past origins."""

    mean: Floats
    errors: Floats

    def interval(self, level: float = LEVEL) -> Estimate:
        """Counts (k, h) with an interval from the sizes of past errors of all locations, by how far ahead."""
        width = np.array(
            [past_quantile(np.abs(self.errors[:, :, h]).ravel(), level) for h in range(self.mean.shape[1])]
        )
        return Estimate(self.mean, self.mean * np.exp(-width), self.mean * np.exp(width))


def monthly_forecast(counts: ArrayLike, working_days: ArrayLike, horizon: int) -> MonthlyForecast:
    """Counts of the next ``horizon`` months. ``counts`` (k, T): location by month, above 0; ``working_days`` (T + horizon,) of each month.

    The log of the count a working day of location i in a coming month is the common course a year before, plus the common growth over the last three
    months against a year before, plus i's own distance from the course in the last three months, plus 0.4 of what was its own in that month last year.
    Raises `CannotTell`: ``not-counts``, ``too-few-months`` (under 12 and the horizon and one), ``horizon`` beyond a year, ``working-days``.

    >>> season = np.tile([10, 11, 12, 12, 13, 14, 14, 13, 12, 11, 10, 9.0], 2)
    >>> found = monthly_forecast(np.outer([100, 300], season), np.full(27, 20), 3)
    >>> found.mean.round().tolist()
    [[1000.0, 1100.0, 1200.0], [3000.0, 3300.0, 3600.0]]
    """
    y, worked = np.asarray(counts, dtype=np.float64), np.asarray(working_days, dtype=np.float64)
    if y.ndim != 2 or not y.size or not np.isfinite(y).all() or (y <= 0).any():
        raise CannotTell(
            "not-counts", {"shape": str(y.shape)}, "give a count above 0 for each location and month"
        )
    months = y.shape[1]
    if not 0 < horizon <= SEASON:
        raise CannotTell("no-horizon", {"horizon": horizon, "most": SEASON}, "ask for 1 to 12 months")
    if months < SEASON + RECENT:
        raise CannotTell(
            "too-few-months", {"months": months, "needed": SEASON + RECENT}, "a season needs a year"
        )
    if worked.shape != (months + horizon,) or not (worked > 0).all():
        raise CannotTell(
            "working-days", {"given": worked.size, "needed": months + horizon}, "one count a month"
        )
    logs = np.log(y / worked[:months])
    errors = []
    # The first origin has a year behind it and, if need be, fewer months of growth than three.
    for origin in range(SEASON + 1, months):
        told = _ahead(logs[:, :origin], horizon)
        row = np.full((y.shape[0], horizon), np.nan)
        ahead = min(horizon, months - origin)
        row[:, :ahead] = logs[:, origin : origin + ahead] - told[:, :ahead]
        errors.append(row)
    return MonthlyForecast(np.exp(_ahead(logs, horizon)) * worked[months:], np.array(errors))


def _ahead(logs: Floats, horizon: int) -> Floats:
    """Logs a working day of the coming months."""
    end = logs.shape[1]
    course = logs.mean(axis=0)
    own = logs - course
    growth = float((course[SEASON:] - course[:-SEASON])[-RECENT:].mean())
    level = own[:, -RECENT:].mean(axis=1, keepdims=True)
    year_ago = slice(end - SEASON, end - SEASON + horizon)
    before = own[:, max(0, end - SEASON - RECENT) : end - SEASON].mean(axis=1, keepdims=True)
    found: Floats = course[year_ago] + growth + level + OWN_SEASON * (own[:, year_ago] - before)
    return found
