"""Visits at random during a lifetime that ends unseen: the Pareto/NBD model.

A patient comes at rate lambda, gamma (r, alpha) over patients, and leaves at rate mu, gamma (s, beta) over patients.
Sources: Schmittlein, Morrison & Colombo 1987, Manag Sci 33:1; Fader & Hardie 2005, "A note on deriving the Pareto/NBD model".

The likelihood's integral over the unseen end is done by Gauss and Legendre's rule on the logarithm of time, with all its
derivatives; the textbooks' hypergeometric functions are the same integral, slower and without derivatives.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from scipy.special import digamma, gammaln

from carewheel.science.lifetime_value.histories import Histories

Floats = NDArray[np.float64]
POINTS, WEIGHTS = np.polynomial.legendre.leggauss(24)
# Beyond e to the minus this the integrand is rounding.
DEPTH = 36.0


@dataclass(frozen=True, slots=True)
class Pareto:
    """The model; `log_likelihood`, `alive`, `expected` and `drawn` take theta = (r, alpha, s, beta)."""

    @property
    def name(self) -> str:
        """Its name in the literature."""
        return "Pareto/NBD"

    @property
    def parameters(self) -> tuple[str, ...]:
        """Names of theta's entries; alpha and beta in the unit of time."""
        return ("r", "alpha", "s", "beta")

    def start(self, h: Histories) -> Floats:
        """Where to begin the climb: the average rate, and lives of about the time watched."""
        time = float(h.patients @ h.observed) / float(h.patients.sum())
        rate = float(h.patients @ h.repeats) / float(h.patients @ h.observed)
        return np.array([1.0, 0.7 / rate, 0.7, 0.5 * time])

    def log_likelihood(self, theta: Floats, h: Histories) -> tuple[float, Floats]:
        """Log-likelihood of the times of all visits, and its gradient. Fader & Hardie 2005, as an integral over the unseen end."""
        r, alpha, s, beta = theta
        log_gone, slopes = self._gone(theta, h)
        kept = np.logaddexp(0.0, log_gone)
        gone = np.exp(log_gone - kept)
        log_a, log_b = np.log(alpha + h.observed), np.log(beta + h.observed)
        shape = r + h.repeats
        x, place = np.unique(h.repeats, return_inverse=True)
        height = gammaln(r + x)[place] - gammaln(r) + r * np.log(alpha) + s * np.log(beta)
        height = height - shape * log_a - s * log_b + kept
        rows = np.array(
            [
                digamma(r + x)[place] - digamma(r) + np.log(alpha) - log_a,
                r / alpha - shape / (alpha + h.observed),
                np.log(beta) - log_b,
                s / beta - s / (beta + h.observed),
            ]
        )
        return float(h.patients @ height), (rows + gone * slopes) @ h.patients

    def alive(self, theta: Floats, h: Histories) -> Floats:
        """Probability (groups,) that the patient still comes. Fader & Hardie 2005, on P(alive)."""
        log_gone, _ = self._gone(theta, h)
        return np.asarray(np.exp(-np.logaddexp(0.0, log_gone)))

    def expected(self, theta: Floats, h: Histories, t: float) -> Floats:
        """Expected visits (groups,) in the time ``t`` to come. Fader & Hardie 2005, on conditional expectations."""
        r, alpha, s, beta = theta
        rate = (r + h.repeats) / (alpha + h.observed)
        later = np.log((beta + h.observed + t) / (beta + h.observed))
        # (1 - ratio^(s - 1)) / (s - 1), which has a limit at s = 1.
        time = later if abs(s - 1) < 1e-9 else -np.expm1(-(s - 1) * later) / (s - 1)
        return np.asarray(rate * (beta + h.observed) * time * self.alive(theta, h))

    def drawn(self, theta: Floats, h: Histories, times: Floats, rng: Generator, draws: int) -> Floats:
        """Visits up to each of ``times`` (rising) from now on: (draws, groups, times), one patient of each group."""
        r, alpha, s, beta = theta
        size = (draws, h.repeats.size)
        there = rng.random(size) < self.alive(theta, h)
        rate = rng.gamma(r + h.repeats, size=size) / (alpha + h.observed)
        leaving = np.maximum(rng.gamma(s, size=size) / (beta + h.observed), 1e-300)
        end = np.where(there, rng.exponential(size=size) / leaving, 0.0)
        steps = np.diff(np.minimum(times, end[..., None]), prepend=0.0, axis=-1)
        return np.cumsum(rng.poisson(rate[..., None] * steps), axis=-1).astype(np.float64)

    def _gone(self, theta: Floats, h: Histories) -> tuple[Floats, Floats]:
        """Logarithm of the odds of having left, and its slopes (4, groups) by theta.

        The odds are s times the integral, from the last visit to now, of ((alpha + T) / (alpha + u))^(r + x) ((beta + T) / (beta + u))^s
        / (beta + u). With v = log(min(alpha, beta) + u) the other factor is analytic within pi of the real axis.
        """
        r, alpha, s, beta = theta
        shape = r + h.repeats
        least = min(alpha, beta)
        with np.errstate(over="ignore"):
            end = np.minimum(h.observed, (alpha + h.last) * np.exp(DEPTH / shape) - alpha)
        low, high = np.log(least + h.last), np.log(least + end)
        half = np.maximum(high - low, 0) / 2
        v = (low + half)[:, None] + half[:, None] * POINTS
        u = np.exp(v) - least
        of_a = v if alpha <= beta else np.log(alpha + u)
        of_b = v if beta < alpha else np.log(beta + u)
        back_a = np.log(alpha + h.observed)[:, None] - of_a
        back_b = np.log(beta + h.observed)[:, None] - of_b
        exponent = shape[:, None] * back_a + s * back_b - of_b + v
        top = exponent.max(axis=1)
        mass = np.exp(exponent - top[:, None]) * WEIGHTS
        total = mass.sum(axis=1)
        with np.errstate(divide="ignore"):
            log_odds = np.log(s) + top + np.log(total * half)
        mass /= total[:, None]
        slopes = np.array(
            [
                (mass * back_a).sum(axis=1),
                shape * (1 / (alpha + h.observed) - (mass / (alpha + u)).sum(axis=1)),
                1 / s + (mass * back_b).sum(axis=1),
                s / (beta + h.observed) - (s + 1) * (mass / (beta + u)).sum(axis=1),
            ]
        )
        return log_odds, slopes
