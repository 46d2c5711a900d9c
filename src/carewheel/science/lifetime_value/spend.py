"""What a visit brings: the gamma-gamma model of spending.

Each payment of a patient is gamma (p, nu); nu is gamma (q, v) over patients. A patient seen once is drawn to the average of all, one
seen often is believed. Source: Fader & Hardie 2013, "The gamma-gamma model of monetary value".
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import digamma, gammaln, ndtri

from carewheel.science.causal.refusal import check_outliers
from carewheel.science.intervals import LEVEL, Estimate
from carewheel.science.lifetime_value.histories import LEAST_RETURNED
from carewheel.science.lifetime_value.likelihood import delta_sd, peak
from carewheel.science.refusal import CannotTell

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class SpendFit:
    """The gamma-gamma model: ``theta`` (p, q, v; v in money), ``covariance`` of their logarithms.

    ``frequency_correlation``: correlation of a patient's mean payment with the number of payments. The model takes it for nought; CDNOW has .1.
    """

    theta: Floats
    log_likelihood: float
    covariance: Floats
    frequency_correlation: float
    patients: int


def fitted_spend(payments: ArrayLike, mean_payment: ArrayLike) -> SpendFit:
    """Maximum likelihood of the gamma-gamma model. Both (patients,): number of payments, and their mean (money).

    Who paid nothing is left out. Assumes that what a visit brings says nothing of how often somebody comes. Fader & Hardie 2013, eq. (1a).
    Raises `CannotTell` for shapes that differ, negative or unknown money, a mean without payments, an absurd outlier, fewer than 10 who
    paid, payments that are all equal, and where spending has no mean (q of 1 or less).

    >>> rng = np.random.default_rng(2)
    >>> x = rng.integers(1, 6, 500)
    >>> nu = rng.gamma(4.0, 1 / 15.0, 500)
    >>> z = rng.gamma(6.0 * x) / (nu * x)
    >>> found = fitted_spend(x, z)
    >>> [round(float(t), 1) for t in found.theta]
    [5.2, 4.3, 19.1]
    """
    x, z = np.asarray(payments, dtype=np.float64), np.asarray(mean_payment, dtype=np.float64)
    if x.ndim != 1 or x.shape != z.shape:
        raise CannotTell("not-histories", {"shapes": f"{x.shape} {z.shape}"}, "give one mean a patient")
    if not (np.isfinite(x).all() and np.isfinite(z).all() and (x >= 0).all() and (z >= 0).all()):
        raise CannotTell(
            "impossible-spend",
            {"patients": x.size},
            "numbers and means of payments are known and not negative",
        )
    if ((x == 0) & (z > 0)).any():
        raise CannotTell("impossible-spend", {"patients": x.size}, "a mean needs a payment that it is of")
    kept = (x > 0) & (z > 0)
    x, z = x[kept], z[kept]
    if x.size < LEAST_RETURNED:
        raise CannotTell(
            "not-enough-data", {"patients": x.size, "needed": LEAST_RETURNED}, "more who paid are needed"
        )
    check_outliers(z, "mean payment")
    if np.ptp(z) <= 1e-9 * z.max():
        raise CannotTell("no-variation", {"value": float(z[0])}, "all pay the same: take that amount")
    scale = float(z.mean())
    counts, place = np.unique(x, return_inverse=True)
    many = np.bincount(place).astype(np.float64)
    y = z / scale
    log_y, log_x = np.log(y), np.log(x)

    def slope_of(theta: Floats) -> tuple[float, Floats]:
        p, q, v = theta
        log_w = np.log(v + x * y)
        height = many @ (gammaln(p * counts + q) - gammaln(p * counts)) + x.size * (
            q * np.log(v) - gammaln(q)
        )
        height += float(((p * x - 1) * log_y + p * x * log_x - (p * x + q) * log_w).sum())
        psi = digamma(p * counts + q)
        return float(height), np.array(
            [
                many @ (counts * (psi - digamma(p * counts))) + float((x * (log_y + log_x - log_w)).sum()),
                many @ psi + x.size * (np.log(v) - digamma(q)) - float(log_w.sum()),
                x.size * q / v - float(((p * x + q) / (v + x * y)).sum()),
            ]
        )

    found = peak(slope_of, np.array([3.0, 3.0, 1.0]), float(x.size))
    theta = found.theta * np.array([1.0, 1.0, scale])
    if not theta[1] > 1:
        raise CannotTell(
            "no-mean", {"q": float(theta[1])}, "spending differs so much that its average means nothing"
        )
    together = float(np.corrcoef(x, z)[0, 1]) if np.ptp(x) > 0 else 0.0
    height = found.log_likelihood - x.size * np.log(scale)
    return SpendFit(theta, float(height), found.covariance, together, int(x.size))


def mean_spend(fit: SpendFit, payments: ArrayLike, mean_payment: ArrayLike, level: float = LEVEL) -> Estimate:
    """Expected payment (patients,) of each: between the average of all and the patient's own. Fader & Hardie 2013, eq. (5).

    Without a payment (0, 0) it is the average of all. The interval is symmetric on the logarithm and holds the parameters' doubt.
    """
    x, z = np.asarray(payments, dtype=np.float64), np.asarray(mean_payment, dtype=np.float64)
    value = spend_given(fit.theta, x, z)
    sd = delta_sd(lambda theta: np.log(spend_given(theta, x, z)), fit.theta, fit.covariance)
    half = np.minimum(float(ndtri(0.5 + level / 2)) * sd, 500.0)
    return Estimate(value, value * np.exp(-half), value * np.exp(half))


def spend_given(theta: Floats, x: Floats, z: Floats) -> Floats:
    """Expected payment given ``x`` payments of mean ``z``; q a hair above 1 where a step of the delta method leaves the range."""
    p, q, v = theta
    return np.asarray(p * (v + x * z) / (p * x + max(q - 1, 1e-6)))
