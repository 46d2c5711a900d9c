"""Visits at random or at regular intervals until the patient, after one of them, does not come back.

A patient's gaps are Erlang with ``k`` phases of rate lambda (``k`` 1: at random; larger: regular, as recalls are), lambda is gamma
(r, alpha) over patients. After each visit the patient stays away for good with probability p, which is beta (a, b) over
patients. ``from_first``: the first visit counts as well (MBG); without (BG), who never returned is still there.

Sources: Fader, Hardie & Lee 2005, Mark Sci 24:275 (BG/NBD); Batislam, Denizel & Filiztekin 2007, IJRM 24:201 (MBG/NBD); Reutterer,
Platzer & Schroeder 2021, IJRM 38:194 (regular visits). With k 1 it is BG/NBD and MBG/NBD exactly.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from scipy.special import betainc, digamma, gammaln, hyp2f1

from carewheel.science.lifetime_value.histories import Histories
from carewheel.science.refusal import CannotTell

Floats = NDArray[np.float64]


# Below this the chance of no tick at all is no number any more, and the steps from it go nowhere.
LEAST_LOG = -650.0


@dataclass(frozen=True, slots=True)
class BetaGeometric:
    """The model; `log_likelihood`, `alive`, `expected` and `drawn` take theta = (r, alpha, a, b)."""

    k: int = 1
    from_first: bool = False

    def __post_init__(self) -> None:
        """Raises `CannotTell` where k is no number of phases."""
        if not (isinstance(self.k, int) and 1 <= self.k <= 50):
            raise CannotTell("impossible-phases", {"k": self.k}, "a whole number of phases from 1 to 50")

    @property
    def name(self) -> str:
        """Its name in the literature.

        >>> BetaGeometric().name, BetaGeometric(2, True).name
        ('BG/NBD', 'MBG/CNBD-2')
        """
        kind = "NBD" if self.k == 1 else f"CNBD-{self.k}"
        return f"{'M' if self.from_first else ''}BG/{kind}"

    @property
    def parameters(self) -> tuple[str, ...]:
        """Names of theta's entries; alpha in the unit of time."""
        return ("r", "alpha", "a", "b")

    def start(self, h: Histories) -> Floats:
        """Where to begin the climb: the average rate, and one patient in four who does not come back."""
        rate = float(h.patients @ h.repeats) / float(h.patients @ h.observed)
        return np.array([1.0, 1.0 / (self.k * rate), 1.0, 3.0])

    def log_likelihood(self, theta: Floats, h: Histories) -> tuple[float, Floats]:
        """Log-likelihood of the times of all visits, and its gradient. Fader, Hardie & Lee 2005, eq. (6), with k phases."""
        r, alpha, a, b = theta
        shape, share, log_alive, log_gone = self._terms(theta, h)
        kept = np.logaddexp(log_alive, log_gone)
        gone = np.exp(log_gone - kept)
        log_t = np.log(alpha + h.observed)
        back = log_t - np.log(alpha + h.last)
        # Gamma functions of whole steps: once for each number of visits.
        x, place = np.unique(h.repeats, return_inverse=True)
        left = x + self.from_first
        by_x = gammaln(r + self.k * x) + gammaln(b + left) - gammaln(a + b + left) - x * gammaln(self.k)
        fixed = r * np.log(alpha) - gammaln(r) + gammaln(a + b) - gammaln(b)
        height = float(h.patients @ (by_x[place] + fixed - shape * log_t + kept))
        if self.k > 1:
            if h.log_gaps is None:
                raise CannotTell("gaps-unknown", {"k": self.k}, "give the sum of the logarithms of the gaps")
            height += (self.k - 1) * h.log_gaps
        by_r, by_alpha = self._slopes_of_waiting(alpha, shape, share, h)
        slope_x = digamma(np.array([r + self.k * x, b + left, a + b + left]))
        psi_a = digamma(a + b)
        stays = np.exp(-kept)
        rows = np.array(
            [
                slope_x[0][place] - digamma(r) + np.log(alpha) - log_t + gone * back + by_r * stays,
                r / alpha
                - shape / (alpha + h.observed)
                - gone * shape * (1 / (alpha + h.last) - 1 / (alpha + h.observed))
                + by_alpha * stays,
                psi_a - slope_x[2][place] + gone / a,
                slope_x[1][place] + psi_a - digamma(b) - slope_x[2][place] - gone / self._stays(b, h.repeats),
            ]
        )
        return height, rows @ h.patients

    def alive(self, theta: Floats, h: Histories) -> Floats:
        """Probability (groups,) that the patient still comes. Fader & Hardie 2008, note on P(alive) for the BG/NBD."""
        _, _, log_alive, log_gone = self._terms(theta, h)
        return np.asarray(np.exp(log_alive - np.logaddexp(log_alive, log_gone)))

    def expected(self, theta: Floats, h: Histories, t: float) -> Floats:
        """Expected visits (groups,) in the time ``t`` to come.

        With k 1 by Fader, Hardie & Lee 2005, eq. (10); else the sum over m of P(m visits fall due) P(not gone after m - 1).
        """
        left = h.repeats + self.from_first
        if t <= 0:
            return np.zeros_like(h.repeats)
        found = np.full(h.repeats.shape, np.nan)
        if self.k == 1:
            r, alpha, a, b = theta
            c = a + b + left - 1
            sure = (c > 0.05) & (abs(a - 1) > 1e-4)
            with np.errstate(all="ignore"):
                z = t / (alpha + h.observed + t)
                tail = (1 - z) ** (r + h.repeats) * hyp2f1(r + h.repeats, b + left, c, z)
                found = np.where(sure, c / (a - 1) * (1 - tail), np.nan)
                most = (r + h.repeats) / (alpha + h.observed) * t
                # The difference of near-equal numbers and far-off gamma functions are left to the sum.
                found = np.where((found > 1e-6) & (found <= most * (1 + 1e-9)), found, np.nan)
        rest = np.isnan(found)
        if rest.any():
            found[rest] = self._summed(theta, h, rest, t)
        return np.asarray(found * self.alive(theta, h))

    def drawn(self, theta: Floats, h: Histories, times: Floats, rng: Generator, draws: int) -> Floats:
        """Visits up to each of ``times`` (rising) from now on: (draws, groups, times), one patient of each group."""
        r, alpha, a, b = theta
        n = h.repeats.size
        size = (draws, n)
        there = rng.random(size) < self.alive(theta, h)
        phase = np.zeros(size)
        if self.k > 1:
            weights = self._phases(theta, h)
            phase = (rng.random(size)[..., None] > np.cumsum(weights, axis=0).T[None, :, :-1]).sum(axis=-1)
        rate = rng.gamma(r + self.k * h.repeats + phase) / (alpha + h.observed)
        stop = rng.beta(a, b + h.repeats + self.from_first, size)
        # A visit is the last with probability stop: how many there can be at most.
        most = np.where(
            there, np.ceil(np.log(rng.random(size)) / np.log1p(-np.clip(stop, 1e-12, 1 - 1e-12))), 0
        )
        steps = np.diff(times, prepend=0.0)
        ticks = np.cumsum(rng.poisson(rate[..., None] * steps), axis=-1)
        return np.asarray(np.minimum((phase[..., None] + ticks) // self.k, most[..., None]), dtype=np.float64)

    def _stays(self, b: float, repeats: Floats) -> Floats:
        # Nobody divides by this where b + x - 1 may be nought (BG, never returned): the term has no weight there.
        return np.where(repeats + self.from_first > 0, b + repeats + self.from_first - 1, 1.0)

    def _terms(self, theta: Floats, h: Histories) -> tuple[Floats, Floats, Floats, Floats]:
        """The gamma's shape, the waiting share, and logarithms of the weights of being there and of being gone."""
        r, alpha, a, b = theta
        shape = r + self.k * h.repeats
        share = (h.observed - h.last) / (alpha + h.observed)
        total, term = np.ones_like(shape), np.ones_like(shape)
        for j in range(1, self.k):
            term = term * (shape + j - 1) / j * share
            total = total + term
        back = np.log((alpha + h.observed) / (alpha + h.last))
        can = h.repeats + self.from_first > 0
        log_gone = np.where(can, np.log(a / self._stays(b, h.repeats)) + shape * back, -np.inf)
        return shape, share, np.log(total), log_gone

    def _slopes_of_waiting(
        self, alpha: float, shape: Floats, share: Floats, h: Histories
    ) -> tuple[Floats, Floats]:
        """Slopes of the sum over phases by r and alpha."""
        by_r, by_alpha = np.zeros_like(shape), np.zeros_like(shape)
        term, inner = np.ones_like(shape), np.zeros_like(shape)
        for j in range(1, self.k):
            inner = inner + 1 / (shape + j - 1)
            term = term * (shape + j - 1) / j * share
            by_r = by_r + term * inner
            by_alpha = by_alpha - term * j / (alpha + h.observed)
        return by_r, by_alpha

    def _phases(self, theta: Floats, h: Histories) -> Floats:
        """Probabilities (k, groups) of the phase that the present gap is in, for those who are still there."""
        shape, share, _, _ = self._terms(theta, h)
        terms = [np.ones_like(shape)]
        for j in range(1, self.k):
            terms.append(terms[-1] * (shape + j - 1) / j * share)
        weights = np.array(terms)
        return np.asarray(weights / weights.sum(axis=0))

    def _summed(self, theta: Floats, h: Histories, rows: NDArray[np.bool_], t: float) -> Floats:
        """Expected visits of who is there, summed over the visits that may fall due."""
        r, alpha, a, b = theta
        weights = self._phases(theta, h)[:, rows]
        shape = r + self.k * h.repeats[rows]
        z = t / (alpha + h.observed[rows] + t)
        left = b + h.repeats[rows] + self.from_first
        found, chance = np.zeros(shape.size), np.ones(shape.size)
        # Ticks of the clock in the time to come are negative binomial; one row a phase: the chance of just so many, and of so many or more.
        phase = np.arange(self.k, dtype=np.float64)[:, None]
        start = (shape + phase) * np.log1p(-z)
        steps = start.min() > LEAST_LOG
        exactly, ticks = np.exp(start), 0
        atleast = np.ones_like(exactly)
        active = np.arange(shape.size)
        m = 1
        while active.size:
            if steps:
                due = np.zeros(active.size)
                for _ in range(self.k):
                    atleast -= exactly
                    exactly *= (shape[active] + phase + ticks) / (ticks + 1) * z[active]
                    ticks += 1
                    j = m * self.k - ticks
                    due += weights[j, active] * atleast[j]
            else:
                due = sum(
                    weights[j, active] * betainc(m * self.k - j, shape[active] + j, z[active])
                    for j in range(self.k)
                )
            more = np.maximum(due, 0.0) * chance[active]
            found[active] += more
            chance[active] *= (left[active] + m - 1) / (a + left[active] + m - 1)
            goes_on = (more > 1e-11 * (1 + found[active])) & (m < 200_000)
            active = active[goes_on]
            if steps and not goes_on.all():
                exactly, atleast = exactly[:, goes_on], atleast[:, goes_on]
            m += 1
        return found
