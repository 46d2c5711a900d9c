"""What is believed before a practice has data, and how data move it: a small logistic model with a Gaussian prior.

Five terms: level, lead time, same day, the patient's record, and whether there is one. A practice without a single visit gets the prior with
its wide interval, one with 200 visits something between, one with many its own figures.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit

from carewheel.science.forecasting.attendance.features import Features
from carewheel.science.refusal import CannotTell

Floats = NDArray[np.float64]

TERMS = ("level", "log(1 + days of lead)", "booked for the same day", "own record", "no record")


@dataclass(frozen=True, slots=True)
class Prior:
    """Means and standard deviations of the five terms, as log-odds.

    `MISS_PRIOR` is weak and rests on what reviews agree about, not on any one data set: about a quarter to a fifth of visits are missed
    (Dantas et al. 2018, Health Policy 122: 23 % over the studies), long lead and earlier misses raise it. One standard deviation of the level
    spans about 10 to 34 % for a visit booked two weeks ahead.
    """

    mean: tuple[float, ...]
    sd: tuple[float, ...]

    def __post_init__(self) -> None:
        fine = len(self.mean) == len(self.sd) == len(TERMS)
        if not fine or not np.isfinite([*self.mean, *self.sd]).all() or min(self.sd) <= 0:
            raise CannotTell(
                "not-a-prior", {"terms": len(TERMS)}, "a mean and a spread above nought for each term"
            )


MISS_PRIOR = Prior((-2.1, 0.28, -0.6, 2.5, 0.0), (0.75, 0.15, 0.6, 1.0, 0.3))
# Late cancellations are rarer and less studied: the level is wider.
LATE_PRIOR = Prior((-3.0, 0.2, -0.6, 2.0, 0.0), (1.0, 0.2, 0.6, 1.0, 0.3))


@dataclass(frozen=True, slots=True)
class Believed:
    """Terms after the data: ``mean`` (5,), ``covariance`` (5, 5); ``visits``, ``events``: how many data there were."""

    mean: Floats
    covariance: Floats
    visits: int
    events: int

    def log_odds(self, of: Features) -> Floats:
        """Log-odds (n,)."""
        found: Floats = terms(of) @ self.mean
        return found

    def variance(self, of: Features) -> Floats:
        """Variance of the log-odds (n,), by Laplace's approximation."""
        x = terms(of)
        found: Floats = np.einsum("ij,jk,ik->i", x, self.covariance, x)
        return found


def terms(of: Features) -> Floats:
    """The five columns (n, 5). Days of lead are known; a record that is unknown counts as none."""
    lead = np.nan_to_num(of.column("lead_days"), nan=7.0)
    record = np.nan_to_num(of.column("past_excess"), nan=0.0)
    visits = np.nan_to_num(of.column("past_visits"), nan=0.0)
    return np.column_stack(
        [
            np.ones(len(of)),
            np.log1p(lead),
            (lead == 0).astype(np.float64),
            record,
            (visits == 0).astype(np.float64),
        ]
    )


def believed(
    prior: Prior, of: Features | None = None, fell: ArrayLike = (), weight: ArrayLike | None = None
) -> Believed:
    """The terms after seeing visits: the peak of the posterior by Newton's method and Laplace's covariance (MacKay 1992, Neural Computation 4, 720).

    ``fell`` (n,): whether it happened. With no visit, or only one class, the prior holds what the data leave open.
    Raises `CannotTell` ``not-outcomes``.

    >>> nothing = believed(MISS_PRIOR)
    >>> nothing.mean.tolist() == list(MISS_PRIOR.mean)
    True
    """
    mean, precision = np.asarray(prior.mean), np.diag(1 / np.square(prior.sd))
    y = np.asarray(fell, dtype=np.float64)
    x = np.zeros((0, len(TERMS))) if of is None else terms(of)
    if y.shape != x.shape[:1] or not np.isin(y, (0.0, 1.0)).all():
        raise CannotTell(
            "not-outcomes", {"visits": x.shape[0], "outcomes": y.size}, "give 0 or 1 for each visit"
        )
    w = np.ones(y.size) if weight is None else np.asarray(weight, dtype=np.float64)
    beta, covariance = posterior(x, y, np.zeros(y.size), mean, precision, w)
    return Believed(beta, covariance, int(y.size), int(y.sum()))


def posterior(
    x: Floats, y: Floats, offset: Floats, mean: Floats, precision: Floats, weight: Floats | None = None
) -> tuple[Floats, Floats]:
    """Peak and Laplace covariance of logistic coefficients under a Gaussian prior; the function is concave, and steps are halved until it rises."""
    w = np.ones(y.size) if weight is None else weight

    def value(beta: Floats) -> float:
        eta = x @ beta + offset
        away = beta - mean
        return float(w @ (y * eta - np.logaddexp(0, eta)) - 0.5 * away @ precision @ away)

    beta = mean.astype(np.float64).copy()
    now = value(beta)
    hessian = precision
    for _ in range(60):
        p = expit(x @ beta + offset)
        hessian = precision + x.T @ (x * (w * p * (1 - p))[:, None])
        slope = x.T @ (w * (y - p)) - precision @ (beta - mean)
        step = np.linalg.solve(hessian, slope)
        size = 1.0
        while size > 1e-6 and value(beta + size * step) < now - 1e-12 * abs(now):
            size /= 2
        beta = beta + size * step
        now = value(beta)
        if float(np.abs(size * step).max()) < 1e-9:
            break
    return beta, np.asarray(np.linalg.inv(hessian), dtype=np.float64)
