"""Chances that follow the practice from day to day: a filter over the errors of the days before.

A model is trained on the past, and the past moves: weather, strikes, a new reminder. The filter adds to the log-odds z of a visit a common shift, a
shift of its group (booked for the same day, or not) and a slope: z + a + a_group + b (z - centre). The shifts walk at random; each day's outcomes
move them by one Laplace step (a dynamic logistic model: West, Harrison & Migon 1985, JASA 80, 73). A day is scored before it is learnt from.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit

from carewheel.science.forecasting.attendance.prior import posterior
from carewheel.science.refusal import CannotTell

Floats = NDArray[np.float64]

# Spreads of the common shift, the shifts of the groups, and the slope: at the start, and how much each may move in a day (in log-odds); and the spread
# of a day's own accident (rain, a bus strike), which says nothing of the next day. Chosen on days inside the training period of one public data set,
# where anything from half to twice did about as well.
START_SD = (0.1, 0.1, 0.1, 0.05)
DAILY_SD = (0.02, 0.02, 0.02, 0.0)
ACCIDENT_SD = 0.1


@dataclass(frozen=True, slots=True)
class Recalibration:
    """The filter before a day: ``mean`` and ``covariance`` of (common, same day, later, slope); ``centre``: log-odds about which the slope turns."""

    mean: Floats
    covariance: Floats
    centre: float

    @classmethod
    def fresh(cls, centre: float) -> Recalibration:
        """As a model starts: no shift."""
        return cls(np.zeros(4), np.diag(np.square(START_SD)), float(centre))

    def log_odds(self, raw: ArrayLike, lead_days: ArrayLike) -> Floats:
        """Recalibrated log-odds (n,) of raw ones."""
        z = np.asarray(raw, dtype=np.float64)
        found: Floats = z + self._design(z, lead_days) @ self.mean
        return found

    def variance(self, raw: ArrayLike, lead_days: ArrayLike) -> Floats:
        """Variance that the filter's own doubt adds (n,)."""
        x = self._design(np.asarray(raw, dtype=np.float64), lead_days)
        found: Floats = np.einsum("ij,jk,ik->i", x, self.covariance, x)
        return found

    def later(self, days: int = 1) -> Recalibration:
        """The same some days on: the mean stays, the doubt grows."""
        if days < 0:
            raise CannotTell("back-in-time", {"days": days}, "the filter only goes forward")
        return replace(self, covariance=self.covariance + days * np.diag(np.square(DAILY_SD)))

    def learnt(self, raw: ArrayLike, lead_days: ArrayLike, fell: ArrayLike) -> Recalibration:
        """After the outcomes of a day."""
        z, y = np.asarray(raw, dtype=np.float64), np.asarray(fell, dtype=np.float64)
        if z.shape != y.shape or not np.isin(y, (0.0, 1.0)).all() or not np.isfinite(z).all():
            raise CannotTell(
                "not-outcomes", {"visits": z.size, "outcomes": y.size}, "give 0 or 1 for each visit"
            )
        p = expit(self.log_odds(z, lead_days))
        # Outcomes of one day share its accident: together they are worth fewer than their number.
        worth = 1 / (1 + ACCIDENT_SD**2 * float(p @ (1 - p)))
        precision = np.asarray(np.linalg.inv(self.covariance), dtype=np.float64)
        mean, covariance = posterior(
            self._design(z, lead_days), y, z, self.mean, precision, np.full(z.size, worth)
        )
        return replace(self, mean=mean, covariance=covariance)

    def _design(self, z: Floats, lead_days: ArrayLike) -> Floats:
        same = (np.asarray(lead_days) == 0).astype(np.float64)
        return np.column_stack([np.ones(z.size), same, 1 - same, z - self.centre])


@dataclass(frozen=True, slots=True)
class Rolled:
    """Recalibrated log-odds (n,), the variance that the filter adds (n,), and the filter after the last day."""

    log_odds: Floats
    variance: Floats
    last: Recalibration


def rolled(
    start: Recalibration, raw: ArrayLike, lead_days: ArrayLike, day: ArrayLike, fell: ArrayLike
) -> Rolled:
    """Day after day: each day's visits are scored with what was known the evening before, then learnt from.

    ``fell`` (n,): 0 or 1, NaN not known (such are scored only). Raises `CannotTell` ``not-outcomes``.

    >>> day = np.repeat(np.arange(200), 50)
    >>> fell = np.random.default_rng(1).random(day.size) < 0.3  # the model says a half
    >>> found = rolled(Recalibration.fresh(0.0), np.zeros(day.size), np.ones(day.size), day, fell)
    >>> bool(abs(1 / (1 + np.exp(-found.log_odds[-1])) - 0.3) < 0.04), float(found.log_odds[0])
    (True, 0.0)
    """
    z, y = np.asarray(raw, dtype=np.float64), np.asarray(fell, dtype=np.float64)
    lead = np.asarray(lead_days)
    if not z.shape == y.shape == lead.shape == np.shape(day):
        raise CannotTell(
            "not-outcomes", {"visits": z.size, "outcomes": y.size}, "give one of each for each visit"
        )
    filtered, spread = np.empty(z.size), np.empty(z.size)
    state, before = start, None
    for today, rows in _days(np.asarray(day)):
        state = state.later(1 if before is None else today - before)
        before = today
        filtered[rows] = state.log_odds(z[rows], lead[rows])
        spread[rows] = state.variance(z[rows], lead[rows])
        known = rows[~np.isnan(y[rows])]
        if known.size:
            state = state.learnt(z[known], lead[known], y[known])
    return Rolled(filtered, spread, state)


def _days(day: NDArray[np.int64]) -> Iterator[tuple[int, NDArray[np.int64]]]:
    order = np.argsort(day, kind="stable")
    values, starts = np.unique(day[order], return_index=True)
    for value, rows in zip(values, np.split(order, starts[1:]), strict=True):
        yield int(value), rows
