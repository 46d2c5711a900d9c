"""Visits at random, with a chance to leave only now and then: the periodic death opportunity model (PDO).

A patient comes at rate lambda, gamma (r, alpha) over patients. At each multiple of ``period`` since the first visit (a bill, a recall, a
year's end) the patient leaves with probability p, beta (a, b) over patients. With a period of nought it becomes the Pareto/NBD.
Source: Jerath, Fader & Hardie 2011, Mark Sci 30:866.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from scipy.special import betaln, digamma, gammaln

from carewheel.science.lifetime_value.histories import Histories
from carewheel.science.refusal import CannotTell

Floats = NDArray[np.float64]
# The chances to leave that the longest history is cut into, by those who do not know the period.
CUTS = (8, 13, 20)
MOST_CHANCES = 500


@dataclass(frozen=True, slots=True)
class Periodic:
    """The model; `log_likelihood`, `alive`, `expected` and `drawn` take theta = (r, alpha, a, b)."""

    period: float

    def __post_init__(self) -> None:
        """Raises `CannotTell` where the period is no time."""
        if not (np.isfinite(self.period) and self.period > 0):
            raise CannotTell("impossible-period", {"period": self.period}, "give a time above nought")

    @property
    def name(self) -> str:
        """Its name in the literature, with the period.

        >>> Periodic(3).name
        'PDO, every 3'
        """
        return f"PDO, every {self.period:.3g}"

    @property
    def parameters(self) -> tuple[str, ...]:
        """Names of theta's entries; alpha in the unit of time."""
        return ("r", "alpha", "a", "b")

    def start(self, h: Histories) -> Floats:
        """Where to begin the climb: the average rate, and one patient in four who leaves at the first chance."""
        rate = float(h.patients @ h.repeats) / float(h.patients @ h.observed)
        return np.array([1.0, 0.7 / rate, 1.0, 3.0])

    def log_likelihood(self, theta: Floats, h: Histories) -> tuple[float, Floats]:
        """Log-likelihood of the times of all visits, and its gradient."""
        r, alpha, a, b = theta
        logs, times, chances = self._ends(theta, h)
        top = logs.max(axis=1)
        mass = np.exp(logs - top[:, None])
        total = mass.sum(axis=1)
        mass /= total[:, None]
        x, place = np.unique(h.repeats, return_inverse=True)
        height = gammaln(r + x)[place] - gammaln(r) + r * np.log(alpha) - betaln(a, b) + top + np.log(total)
        # The last column is who is still there: no end, and as many chances passed as there were.
        passed = chances[:, -1]
        ends = np.arange(1, logs.shape[1])
        psi = digamma(a + b)
        by_a = np.concatenate(
            [
                np.broadcast_to(digamma(a + 1) - digamma(a + b + ends), (len(passed), ends.size)),
                (digamma(a) - digamma(a + b + passed))[:, None],
            ],
            axis=1,
        )
        by_b = np.concatenate(
            [
                np.broadcast_to(digamma(b + ends - 1) - digamma(a + b + ends), (len(passed), ends.size)),
                (digamma(b + passed) - digamma(a + b + passed))[:, None],
            ],
            axis=1,
        )
        rows = np.array(
            [
                digamma(r + x)[place]
                - digamma(r)
                + np.log(alpha)
                - (mass * np.log(alpha + times)).sum(axis=1),
                r / alpha - (r + h.repeats) * (mass / (alpha + times)).sum(axis=1),
                (mass * by_a).sum(axis=1) - digamma(a) + psi,
                (mass * by_b).sum(axis=1) - digamma(b) + psi,
            ]
        )
        return float(h.patients @ height), rows @ h.patients

    def alive(self, theta: Floats, h: Histories) -> Floats:
        """Probability (groups,) that the patient still comes."""
        logs, _, _ = self._ends(theta, h)
        return np.asarray(np.exp(logs[:, -1] - np.logaddexp.reduce(logs, axis=1)))

    def expected(self, theta: Floats, h: Histories, t: float) -> Floats:
        """Expected visits (groups,) in the time ``t`` to come: the rate, times the time that the patient will be there."""
        r, alpha, a, b = theta
        passed = np.floor(h.observed / self.period)
        until = (passed + 1) * self.period - h.observed
        stay, chance = np.minimum(until, t), np.ones_like(until)
        for n in range(int(t / self.period) + 1):
            chance = chance * (b + passed + n) / (a + b + passed + n)
            stay = stay + chance * np.clip(t - until - n * self.period, 0, self.period)
        return np.asarray((r + h.repeats) / (alpha + h.observed) * stay * self.alive(theta, h))

    def drawn(self, theta: Floats, h: Histories, times: Floats, rng: Generator, draws: int) -> Floats:
        """Visits up to each of ``times`` (rising) from now on: (draws, groups, times), one patient of each group."""
        r, alpha, a, b = theta
        size = (draws, h.repeats.size)
        passed = np.floor(h.observed / self.period)
        there = rng.random(size) < self.alive(theta, h)
        rate = rng.gamma(r + h.repeats, size=size) / (alpha + h.observed)
        leave = np.clip(rng.beta(a, b + passed, size), 1e-12, 1 - 1e-12)
        chances = np.ceil(np.log(rng.random(size)) / np.log1p(-leave))
        end = np.where(there, (passed + chances) * self.period - h.observed, 0.0)
        steps = np.diff(np.minimum(times, end[..., None]), prepend=0.0, axis=-1)
        return np.cumsum(rng.poisson(rate[..., None] * steps), axis=-1).astype(np.float64)

    def _ends(self, theta: Floats, h: Histories) -> tuple[Floats, Floats, Floats]:
        """Logarithms of the weights (groups, chances + 1) of having left at each chance and, last, of being there; times, chances."""
        r, alpha, a, b = theta
        passed = np.floor(h.observed / self.period)
        if passed.max() > MOST_CHANCES:
            raise CannotTell(
                "impossible-period",
                {"period": self.period, "longest": float(h.observed.max())},
                f"at most {MOST_CHANCES} chances to leave; with more, take the Pareto/NBD",
            )
        number = np.arange(1, int(passed.max()) + 1)
        at = number * self.period
        shape = (r + h.repeats)[:, None]
        could = (at >= h.last[:, None]) & (number <= passed[:, None])
        gone = np.where(could, betaln(a + 1, b + number - 1) - shape * np.log(alpha + at), -np.inf)
        there = betaln(a, b + passed)[:, None] - shape * np.log(alpha + h.observed)[:, None]
        times = np.concatenate([np.broadcast_to(at, gone.shape), h.observed[:, None]], axis=1)
        chances = np.concatenate([np.broadcast_to(number, gone.shape), passed[:, None]], axis=1)
        return np.concatenate([gone, there], axis=1), times, chances


def periodic_models(h: Histories) -> tuple[Periodic, ...]:
    """Models with the longest history cut into 8, 13 and 20 chances to leave, for those who know no period of their own.

    Half a period is left after the last chance, so that none falls on the end itself.
    """
    longest = float(h.observed.max())
    return tuple(Periodic(longest / (cuts + 0.5)) for cuts in CUTS)
