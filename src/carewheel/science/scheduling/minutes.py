"""Distributions of minutes: on a grid, made from samples or laws so that the mean is kept, or as sums of exponential phases."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from carewheel.science.refusal import CannotTell

Floats = NDArray[np.float64]

# What a law has beyond this probability stands in one point that keeps the mean.
TAIL = 1e-13
# More moments than this on a grid are a slip of the unit, not minutes of a day.
WIDEST = 1_000_000


@dataclass(frozen=True, eq=False)
class Minutes:
    """A distribution on a grid: value ``(first + i) * step`` minutes with probability ``mass[i]``.

    >>> law = Minutes(1, [0.5, 0.25, 0.25], step=5.0)
    >>> law.mean, round(law.sd, 3)
    (8.75, 4.146)
    """

    first: int
    mass: Floats
    step: float = 1.0

    def __init__(self, first: int, mass: ArrayLike, step: float = 1.0) -> None:
        m = np.array(mass, dtype=np.float64)
        if m.ndim != 1 or m.size == 0 or not np.all(m >= 0) or not abs(float(m.sum()) - 1) < 1e-9:
            raise CannotTell("no-distribution", {"size": m.size}, "give probabilities that sum to 1")
        if not (step > 0 and math.isfinite(step)):
            raise CannotTell("step", {"step": step}, "give a grid step above nought")
        some = np.flatnonzero(m)
        m = m[some[0] : some[-1] + 1] / m.sum()
        m.flags.writeable = False
        object.__setattr__(self, "first", int(first) + int(some[0]))
        object.__setattr__(self, "mass", m)
        object.__setattr__(self, "step", float(step))

    @cached_property
    def values(self) -> Floats:
        """The minutes that are possible."""
        return (self.first + np.arange(self.mass.size, dtype=np.float64)) * self.step

    @cached_property
    def mean(self) -> float:
        """Mean, in minutes."""
        return float(self.values @ self.mass)

    @cached_property
    def sd(self) -> float:
        """Standard deviation, in minutes."""
        return math.sqrt(max(float((self.values - self.mean) ** 2 @ self.mass), 0.0))


@dataclass(frozen=True, eq=False)
class Phases:
    """A sum of a random number of exponential phases: ``weights[i]`` is the probability of i + 1 phases of ``rate`` a minute.

    One phase is the exponential law, several with one weight Erlang's; mixtures come near any law.

    >>> Phases(0.5, [0.5, 0.5]).mean
    3.0
    """

    rate: float
    weights: Floats

    def __init__(self, rate: float, weights: ArrayLike = (1.0,)) -> None:
        w = np.array(weights, dtype=np.float64)
        if not (rate > 0 and math.isfinite(rate)):
            raise CannotTell("rate", {"rate": rate}, "give a finite rate above nought")
        if w.ndim != 1 or w.size == 0 or not np.all(w >= 0) or not abs(float(w.sum()) - 1) < 1e-9:
            raise CannotTell("no-distribution", {"size": w.size}, "give probabilities that sum to 1")
        w.flags.writeable = False
        object.__setattr__(self, "rate", float(rate))
        object.__setattr__(self, "weights", w)

    @cached_property
    def mean(self) -> float:
        """Mean, in minutes."""
        return float(np.arange(1, self.weights.size + 1) @ self.weights) / self.rate

    @cached_property
    def sd(self) -> float:
        """Standard deviation, in minutes."""
        k = np.arange(1, self.weights.size + 1)
        first, second = float(k @ self.weights), float((k * (k + 1)) @ self.weights)
        return math.sqrt(second - first**2) / self.rate


def fixed(value: float, step: float = 1.0) -> Minutes:
    """Always the same; between two moments of the grid it is shared so that the mean is kept.

    >>> fixed(12.5).mass.tolist()
    [0.5, 0.5]
    """
    return empirical([value], step)


def empirical(values: ArrayLike, step: float = 1.0, shares: ArrayLike | None = None) -> Minutes:
    """The distribution of a sample (n,), in minutes; each value is shared by its two neighbours on the grid.

    The mean is kept exactly and the variance grows by less than a quarter of the step squared. ``shares``: weights of the
    values. Raises `CannotTell` for no values, or values or shares that are not finite (shares: negative).

    >>> law = empirical([10, 12.25, 20])
    >>> round(law.mean, 6) == round(42.25 / 3, 6)
    True
    """
    x = np.asarray(values, dtype=np.float64).ravel()
    w = np.ones(x.size) if shares is None else np.asarray(shares, dtype=np.float64).ravel()
    if (
        x.size == 0
        or w.shape != x.shape
        or not np.all(np.isfinite(x))
        or not np.all(w >= 0)
        or not w.sum() > 0
    ):
        raise CannotTell(
            "no-sample", {"values": x.size}, "give finite minutes, and a share of each if at all"
        )
    if not (step > 0 and math.isfinite(step)):
        raise CannotTell("step", {"step": step}, "give a grid step above nought")
    place = x / step
    low = np.floor(place + 1e-9)
    above = np.clip(place - low, 0.0, 1.0)
    _narrow(float(low.max() - low.min()))
    first = int(low.min())
    index = (low - first).astype(np.int64)
    mass = np.bincount(index, w * (1 - above), int(index.max()) + 2)
    mass += np.bincount(index + 1, w * above, int(index.max()) + 2)
    return Minutes(first, mass / w.sum(), step)


def mixture(laws: Sequence[Minutes], shares: ArrayLike) -> Minutes:
    """One of several laws on the same grid, each with its share.

    >>> mixture([fixed(10), fixed(20)], [0.5, 0.5]).mean
    15.0
    """
    w = np.asarray(shares, dtype=np.float64)
    if len(laws) == 0 or w.shape != (len(laws),) or len({law.step for law in laws}) > 1:
        raise CannotTell("mixture", {"laws": len(laws)}, "give one share a law, and laws on one grid")
    first = min(law.first for law in laws)
    mass = np.zeros(max(law.first + law.mass.size for law in laws) - first)
    for law, share in zip(laws, w, strict=True):
        mass[law.first - first : law.first - first + law.mass.size] += share * law.mass
    return Minutes(first, mass, laws[0].step)


def exponential(mean: float, step: float = 1.0) -> Minutes:
    """The exponential law on a grid. For exact values in continuous time use `Phases`.

    >>> round(exponential(20.0).mean, 9)
    20.0
    """
    _positive(mean, "mean")
    return _gridded(lambda x: mean * np.exp(-x / mean), -mean * math.log(TAIL), step)


def lognormal(mean: float, cv: float, step: float = 1.0) -> Minutes:
    """The lognormal law with this mean (minutes) and coefficient of variation, on a grid.

    >>> law = lognormal(13.5, 0.46)
    >>> round(law.mean, 6), round(law.sd / law.mean, 3)
    (13.5, 0.461)
    """
    _positive(mean, "mean")
    _positive(cv, "cv")
    s = math.sqrt(math.log1p(cv**2))
    m = math.log(mean) - s**2 / 2

    def excess(x: Floats) -> Floats:
        with np.errstate(divide="ignore"):
            d = (m - np.log(x)) / s
        return mean * special.ndtr(d + s) - x * special.ndtr(d)  # type: ignore[no-any-return]

    return _gridded(excess, math.exp(m - s * float(special.ndtri(TAIL))), step)


def poisson(mean: float, step: float = 1.0) -> Minutes:
    """A Poisson number of steps with this mean in minutes.

    >>> round(poisson(9.0).sd, 6)
    3.0
    """
    _positive(mean, "mean")
    rate = mean / step
    k = np.arange(int(special.pdtrik(1 - TAIL, rate)) + 20)
    mass = np.exp(k * math.log(rate) - rate - special.gammaln(k + 1))
    return Minutes(0, mass / mass.sum(), step)


def _gridded(excess: Callable[[Floats], Floats], last: float, step: float) -> Minutes:
    """A law given by E(X - x)+ on a grid, so that this is kept at every moment of the grid, and with it the mean.

    The mass is the second difference of E(X - x)+; what lies beyond ``last`` stands near its mean.
    """
    if not (step > 0 and math.isfinite(step)):
        raise CannotTell("step", {"step": step}, "give a grid step above nought")
    _narrow(last / step)
    over = excess(np.arange(math.ceil(last / step) + 1, dtype=np.float64) * step)
    # On from there in a straight line down to nought: convex, so that no mass is negative and the mean stays.
    fall = over[-2] - over[-1]
    line = over[-1] - fall * np.arange(1, math.ceil(over[-1] / fall) + 1) if fall > 0 else np.zeros(1)
    slope = np.diff(np.concatenate([over, np.maximum(line, 0.0)])) / step
    mass = np.diff(np.concatenate([[-1.0], slope, [0.0]]))
    return Minutes(0, np.maximum(mass, 0.0), step)


def _narrow(moments: float) -> None:
    if not moments <= WIDEST:
        raise CannotTell(
            "too-wide",
            {"moments": moments, "most": WIDEST},
            "give minutes, or a coarser grid or a smaller spread",
        )


def _positive(value: float, what: str) -> None:
    if not (value > 0 and math.isfinite(value)):
        raise CannotTell("not-positive", {what: value}, "give a finite value above nought")
