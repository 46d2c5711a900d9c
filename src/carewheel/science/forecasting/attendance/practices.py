"""Several practices learn from one another: each has a shift and a slope of its own, drawn towards the group as far as the data ask."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit, ndtri

from carewheel.science.forecasting.attendance.prior import posterior
from carewheel.science.intervals import LEVEL, Estimate
from carewheel.science.refusal import CannotTell

Floats = NDArray[np.float64]

# Spread of shifts before any practice is seen, counted as so many practices; spread of the slopes.
START_SPREAD, START_PRACTICES, SLOPE_SD = 0.4, 3.0, 0.1


@dataclass(frozen=True, slots=True)
class Practices:
    """``names`` (k,) sorted; ``mean`` (k, 2): shift and slope; ``covariance`` (k, 2, 2); ``spread``: standard deviation of shifts between
    practices; ``centre``: the log-odds about which the slope turns.
    """

    names: NDArray[np.int64]
    mean: Floats
    covariance: Floats
    spread: float
    centre: float

    def chance(self, log_odds: ArrayLike, practice: ArrayLike, level: float = LEVEL) -> Estimate:
        """Chances (n,) of the group's log-odds in their practices; one that was never seen has the group's chance, with the spread as doubt."""
        z, who = np.asarray(log_odds, dtype=np.float64), np.asarray(practice, dtype=np.int64)
        at = np.minimum(self.names.searchsorted(who), self.names.size - 1)
        known = self.names[at] == who
        x = np.column_stack([np.ones(z.size), z - self.centre])
        new = np.diag([self.spread**2, SLOPE_SD**2])
        shift = np.where(known, np.einsum("ij,ij->i", x, self.mean[at]), 0.0)
        covariance = np.where(known[:, None, None], self.covariance[at], new)
        far = ndtri(0.5 + level / 2) * np.sqrt(np.einsum("ij,ijk,ik->i", x, covariance, x))
        middle = z + shift
        return Estimate(expit(middle), expit(middle - far), expit(middle + far))


def pooled(log_odds: ArrayLike, practice: ArrayLike, fell: ArrayLike, rounds: int = 50) -> Practices:
    """Shifts and slopes of practices by empirical Bayes: each practice's peak and Laplace covariance, and the spread that makes them likeliest
    (EM for a random effect; Gelman & Hill 2007, chapter 12, for the idea). A practice of 200 visits moves about half of the way to its own figures
    where practices differ as much as their figures do by chance.

    ``log_odds`` (n,) of the group's model, ``practice`` (n,) numbers, ``fell`` (n,) 0 or 1. Raises `CannotTell` ``not-outcomes``.

    >>> rng = np.random.default_rng(2)
    >>> who = np.repeat([1, 2], [5000, 20])
    >>> found = pooled(np.zeros(5020), who, rng.random(5020) < 0.3)
    >>> chance = found.chance([0.0, 0.0, 0.0], [1, 2, 9])
    >>> bool(abs(chance.value[0] - 0.3) < 0.02), float(chance.value[2]), bool(chance.high[0] - chance.low[0] < chance.high[1] - chance.low[1])
    (True, 0.5, True)
    """
    z, y = np.asarray(log_odds, dtype=np.float64), np.asarray(fell, dtype=np.float64)
    who = np.asarray(practice, dtype=np.int64)
    if not z.shape == y.shape == who.shape or z.size == 0 or not np.isin(y, (0.0, 1.0)).all():
        raise CannotTell(
            "not-outcomes", {"visits": z.size, "outcomes": y.size}, "give one of each for each visit"
        )
    if not np.isfinite(z).all():
        raise CannotTell("not-finite", {"what": "log_odds"}, "give finite log-odds")
    names, place = np.unique(who, return_inverse=True)
    centre = float(z.mean())
    parts = [np.flatnonzero(place == k) for k in range(names.size)]
    means, covariances = np.zeros((names.size, 2)), np.zeros((names.size, 2, 2))
    spread = START_SPREAD
    for _ in range(rounds):
        precision = np.diag([1 / spread**2, 1 / SLOPE_SD**2])
        for k, rows in enumerate(parts):
            x = np.column_stack([np.ones(rows.size), z[rows] - centre])
            means[k], covariances[k] = posterior(x, y[rows], z[rows], np.zeros(2), precision)
        wide = float((np.square(means[:, 0]) + covariances[:, 0, 0]).sum())
        # A few imagined practices keep the spread from falling to nought where there are two or three.
        renewed = float(np.sqrt((wide + START_PRACTICES * START_SPREAD**2) / (names.size + START_PRACTICES)))
        if abs(renewed - spread) < 1e-4:
            break
        spread = renewed
    return Practices(names, means, covariances, spread, centre)
