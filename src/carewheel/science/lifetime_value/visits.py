"""How patients come back: a fitted model of visits, what it expects, and how surely.

Each patient's expectation carries the uncertainty of the parameters; a total of people also the chance of who will come.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from scipy.special import gammaincinv, ndtri

from carewheel.science.intervals import LEVEL, Estimate
from carewheel.science.lifetime_value.beta_geometric import BetaGeometric
from carewheel.science.lifetime_value.histories import Histories
from carewheel.science.lifetime_value.likelihood import delta_sd, peak
from carewheel.science.lifetime_value.pareto import Pareto
from carewheel.science.refusal import CannotTell

Floats = NDArray[np.float64]
# Enough draws that the spread of a total is known to about one part in fifty.
DRAWS = 60_000
THINNED = 5_000


class VisitModel(Protocol):
    """A model of visits: see `beta_geometric` and `pareto`."""

    @property
    def name(self) -> str: ...
    @property
    def parameters(self) -> tuple[str, ...]: ...
    def start(self, h: Histories) -> Floats: ...
    def log_likelihood(self, theta: Floats, h: Histories) -> tuple[float, Floats]: ...
    def alive(self, theta: Floats, h: Histories) -> Floats: ...
    def expected(self, theta: Floats, h: Histories, t: float) -> Floats: ...
    def drawn(self, theta: Floats, h: Histories, times: Floats, rng: Generator, draws: int) -> Floats: ...


BG_NBD = BetaGeometric()
PARETO_NBD = Pareto()
# At random and regular, with and without the chance to be lost after the first visit.
MODELS: tuple[VisitModel, ...] = (
    BG_NBD,
    PARETO_NBD,
    BetaGeometric(1, True),
    *(BetaGeometric(k, first) for k in (2, 3, 4) for first in (False, True)),
)


@dataclass(frozen=True, slots=True)
class VisitFit:
    """A model fitted by maximum likelihood.

    ``theta``: its parameters, named by ``model.parameters``; ``covariance``: of their logarithms; ``loose``: names of parameters that
    the data hardly know.
    """

    model: VisitModel
    theta: Floats
    log_likelihood: float
    covariance: Floats
    loose: tuple[str, ...]

    def parameters(self, level: float = LEVEL) -> dict[str, Estimate]:
        """Each parameter with its interval, symmetric on the logarithm.

        >>> from carewheel.science.lifetime_value.histories import histories
        >>> rng = np.random.default_rng(1)
        >>> rate, life = rng.gamma(2, 0.1, 2000), np.minimum(rng.exponential(1 / rng.gamma(1.5, 1 / 60, 2000)), 52)
        >>> x = rng.poisson(rate * life); last = life * rng.beta(np.maximum(x, 1), 1) * (x > 0)
        >>> found = fitted(PARETO_NBD, histories(x, last, np.full(2000, 52.0))).parameters()
        >>> list(found), bool(found["r"].low < 2 < found["r"].high)
        (['r', 'alpha', 's', 'beta'], True)
        """
        half = float(ndtri(0.5 + level / 2)) * np.sqrt(np.diag(self.covariance))
        return {
            name: Estimate(self.theta[i], self.theta[i] * np.exp(-half[i]), self.theta[i] * np.exp(half[i]))
            for i, name in enumerate(self.model.parameters)
        }


def fitted(model: VisitModel, h: Histories, near: VisitFit | None = None) -> VisitFit:
    """The model's maximum likelihood on these histories. ``near``: its fit on most of them, from which the way is shorter.

    Assumes that patients behave independently, that the unit is the same throughout and that nothing pushes everybody at once.
    Raises `CannotTell` where fewer than 30 patients, or 10 who came back, are there, or no peak is found.
    Sources: see `beta_geometric` and `pareto`.
    """
    h.check_enough()
    start, groups, spread = model.start(h), h.repeats.size, None
    if near is not None and not near.loose:
        start, spread = near.theta, near.covariance
    elif groups > 2 * THINNED:
        # A part of many thousands shows where the peak is: fewer steps for all of them. Groups are sorted, so every n-th are like the whole.
        every = slice(None, None, groups // THINNED)
        part = Histories(
            h.repeats[every], h.last[every], h.observed[every], h.patients[every], h.group_of[:0], h.log_gaps
        )
        first = peak(lambda theta: model.log_likelihood(theta, part), start, float(part.patients.sum()))
        start, spread = first.theta, first.covariance * float(part.patients.sum() / h.patients.sum())
    found = peak(lambda theta: model.log_likelihood(theta, h), start, float(h.patients.sum()), spread)
    loose = tuple(model.parameters[k] for k in found.loose)
    return VisitFit(model, found.theta, found.log_likelihood, found.covariance, loose)


def alive(fit: VisitFit, h: Histories, level: float = LEVEL) -> Estimate:
    """Probability (patients,) that each patient still comes; the interval is symmetric on the log-odds and holds the parameters' doubt."""
    value = fit.model.alive(fit.theta, h)
    clipped = np.clip(value, 1e-12, 1 - 1e-12)

    def odds(theta: Floats) -> Floats:
        chance = np.clip(fit.model.alive(theta, h), 1e-12, 1 - 1e-12)
        return np.asarray(np.log(chance / (1 - chance)))

    half = float(ndtri(0.5 + level / 2)) * delta_sd(odds, fit.theta, fit.covariance)
    middle = np.log(clipped / (1 - clipped))
    low, high = (1 / (1 + np.exp(-np.clip(middle + sign * half, -700, 700))) for sign in (-1, 1))
    g = h.group_of
    return Estimate(value[g], np.minimum(low, value)[g], np.maximum(high, value)[g])


def expected_visits(fit: VisitFit, h: Histories, t: float, level: float = LEVEL) -> Estimate:
    """Expected visits (patients,) of each in the time ``t`` to come, in the unit of the histories.

    The interval is symmetric on the logarithm and holds the parameters' doubt, not the chance of what one person does: for that
    `total_visits`. Raises `CannotTell` where ``t`` is not positive.
    """
    check_time(t)
    value = fit.model.expected(fit.theta, h, t)
    half = float(ndtri(0.5 + level / 2)) * delta_sd(
        lambda theta: np.log(np.maximum(fit.model.expected(theta, h, t), 1e-300)), fit.theta, fit.covariance
    )
    g = h.group_of
    half = np.minimum(half, 500.0)
    return Estimate(value[g], (value * np.exp(-half))[g], (value * np.exp(half))[g])


def visits_of_new(fit: VisitFit, t: float, level: float = LEVEL) -> Estimate:
    """Expected repeat visits of a patient in the time ``t`` after the first visit. Fader, Hardie & Lee 2005, eq. (9)."""
    no = np.zeros(1)
    nobody = Histories(no, no, no, np.ones(1), np.zeros(1, dtype=np.int64), 0.0)
    return Estimate(*(part[0] for part in expected_visits(fit, nobody, t, level)))


def total_visits(fit: VisitFit, h: Histories, t: float, level: float = LEVEL, seed: int = 0) -> Estimate:
    """Visits of all these patients together in the time ``t`` to come: expectation, and where the count will lie.

    The interval adds the variance of the parameters (delta method) and that of chance (drawn from ``seed``), and takes the gamma
    distribution with that mean and variance. It holds no season and no change of the practice. Raises as `expected_visits`.
    """
    check_time(t)
    mean = float(h.patients @ fit.model.expected(fit.theta, h, t))
    doubt = float(
        delta_sd(
            lambda theta: np.asarray(h.patients @ fit.model.expected(theta, h, t)), fit.theta, fit.covariance
        )
    )
    draws = max(DRAWS // h.repeats.size, 12)
    seen = fit.model.drawn(fit.theta, h, np.array([t]), np.random.default_rng(seed), draws)[..., 0]
    chance = float(h.patients @ seen.var(axis=0, ddof=1))
    return between(mean, doubt**2 + chance, level)


def between(mean: float, variance: float, level: float) -> Estimate:
    """The interval of a total that is never negative: the gamma's quantiles with this mean and variance."""
    if mean <= 0:
        return Estimate(np.asarray(0.0), np.asarray(0.0), np.asarray(0.0))
    shape = mean**2 / max(variance, 1e-12 * mean**2)
    tail = (1 - level) / 2
    low, high = (float(gammaincinv(shape, q)) * mean / shape for q in (tail, 1 - tail))
    return Estimate(np.asarray(mean), np.asarray(min(low, mean)), np.asarray(max(high, mean)))


def check_time(t: float) -> None:
    """Refuse a time to come that is none."""
    if not (np.isfinite(t) and t > 0):
        raise CannotTell("no-time", {"t": float(t)}, "give a time to come above nought")
