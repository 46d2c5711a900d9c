"""How long a visit will take, as a distribution: types, practitioners and patients with few visits lean on all the others.

The log of the minutes is a level, numbers and kinds; the effects of a factor's kinds are normal about nought with a spread that the data choose (so a
practitioner with three visits is near the average, one with three hundred is himself, and one never seen adds the spread as doubt). What is
left over keeps its own shape, not a normal one, and its own width by kind.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtr, ndtri

from carewheel.science.refusal import CannotTell
from carewheel.science.survival.features import Coding, coding

Floats = NDArray[np.float64]
Kinds = Mapping[str, ArrayLike]

LEAST_VISITS = 30
# A kind's width is drawn to that of all as if so many visits of average width were seen; columns beyond the limit take too long.
WIDTH_VISITS, MOST_COLUMNS = 20.0, 2_000
# Chances at which the shape of what is left over is kept; beyond them its tails go on as a normal's.
SHAPE = np.concatenate([[0.002, 0.005], np.arange(0.01, 0.995, 0.01), [0.995, 0.998]])


@dataclass(frozen=True, slots=True)
class DurationModel:
    """``level`` and ``effects`` (log minutes) with ``covariance``; ``spreads``: by factor the sd of its kinds, "numbers" for numbers; ``width``: sd of
    the rest; ``widths``: by kind of ``width_by``; ``shape``: quantiles of the rest at `SHAPE`, in widths.
    """

    coding: Coding
    level: float
    effects: Floats
    covariance: Floats
    spreads: dict[str, float]
    width: float
    width_by: str | None
    widths: dict[str, float]
    shape: Floats
    visits: int

    def _place(self, numbers: Kinds, factors: Kinds) -> tuple[Floats, Floats]:
        """Middle and width of the log minutes (n,); of one visit where the model knows no features."""
        bare = not (self.coding.centres or self.coding.kinds or numbers or factors)
        x = np.zeros((1, 0)) if bare else self.coding.features(numbers, factors).values
        variance = np.einsum("ij,jk,ik->i", x, self.covariance, x) if x.shape[1] else np.zeros(x.shape[0])
        width = np.full(x.shape[0], self.width)
        for name, given in factors.items():
            words = np.asarray(given).astype(str)
            variance = variance + np.where(
                np.isin(words, self.coding.kinds[name]), 0.0, self.spreads[name] ** 2
            )
            if name == self.width_by:
                width = np.array([self.widths.get(word, self.width) for word in words])
        return self.level + x @ self.effects, np.sqrt(width**2 + variance)

    def quantiles(self, numbers: Kinds, factors: Kinds, levels: ArrayLike) -> Floats:
        """Minutes (n, levels) that a visit stays below with these chances. Raises `CannotTell` ``not-a-share``."""
        u = _shares(levels)
        middle, width = self._place(numbers, factors)
        found: Floats = np.exp(middle[:, None] + width[:, None] * self._z(u)[None, :])
        return found

    def below(self, numbers: Kinds, factors: Kinds, minutes: ArrayLike) -> Floats:
        """Chance (n,) that a visit takes at most so many minutes, (n,) or one for all."""
        t = np.asarray(minutes, dtype=np.float64)
        if not np.isfinite(t).all() or (t < 0).any():
            raise CannotTell("impossible-minutes", {"least": float(t.min())}, "minutes are 0 or more")
        middle, width = self._place(numbers, factors)
        with np.errstate(divide="ignore"):
            return self._chance((np.log(np.broadcast_to(t, middle.shape)) - middle) / width)

    def minute_chances(self, numbers: Kinds, factors: Kinds, last_minute: int) -> Floats:
        """Chances (n, last_minute + 1) of whole minutes 0, 1, … rounded to the nearest; what is longer goes to the last. For templates on a grid."""
        if last_minute < 1:
            raise CannotTell(
                "impossible-minutes", {"last_minute": last_minute}, "give a grid of 1 minute or more"
            )
        ends = np.arange(last_minute) + 0.5
        reached = np.column_stack([self.below(numbers, factors, end) for end in ends])
        whole = np.column_stack([np.zeros(reached.shape[0]), reached, np.ones(reached.shape[0])])
        found: Floats = np.diff(whole, axis=1)
        return found

    def remaining(self, numbers: Kinds, factors: Kinds, elapsed: ArrayLike, levels: ArrayLike) -> Floats:
        """Minutes still to come (n, levels), given that each visit has lasted ``elapsed`` (n,) minutes and goes on."""
        gone = np.asarray(elapsed, dtype=np.float64)
        u = _shares(levels)
        done = np.minimum(self.below(numbers, factors, gone), 1 - 1e-9)
        middle, width = self._place(numbers, factors)
        inner = done[:, None] + u[None, :] * (1 - done[:, None])
        z = self._z(inner.ravel()).reshape(inner.shape)
        found: Floats = np.maximum(np.exp(middle[:, None] + width[:, None] * z) - gone[:, None], 0.0)
        return found

    def _z(self, u: Floats) -> Floats:
        z = np.interp(u, SHAPE, self.shape)
        low, high = ndtri(np.maximum(u, 1e-12)), ndtri(np.minimum(u, 1 - 1e-12))
        z = np.where(u < SHAPE[0], self.shape[0] + low - ndtri(SHAPE[0]), z)
        found: Floats = np.where(u > SHAPE[-1], self.shape[-1] + high - ndtri(SHAPE[-1]), z)
        return found

    def _chance(self, z: Floats) -> Floats:
        u = np.interp(z, self.shape, SHAPE)
        u = np.where(z < self.shape[0], ndtr(z - self.shape[0] + ndtri(SHAPE[0])), u)
        found: Floats = np.where(z > self.shape[-1], ndtr(z - self.shape[-1] + ndtri(SHAPE[-1])), u)
        return found


def duration_model(
    minutes: ArrayLike,
    numbers: Kinds | None = None,
    factors: Kinds | None = None,
    width_by: str | None = None,
) -> DurationModel:
    """Learnt from past visits: ``minutes`` (n,) above 0; ``numbers`` (position in the session, age …) and ``factors`` (type, practitioner, patient …)
    by name, (n,) each; ``width_by``: a factor whose kinds may scatter differently. Spreads by MacKay's fixed point of the evidence (1992, Neural
    Computation 4, 415), each visit's rest divided by what it lacks through having been fitted itself.
    Raises `CannotTell`: ``impossible-minutes``, ``too-few-visits`` (under 30), ``too-many-kinds``, ``not-features``.

    >>> rng = np.random.default_rng(5)
    >>> kind = np.repeat(["check", "crown"], [400, 400])
    >>> model = duration_model(np.exp(rng.normal(np.where(kind == "check", 2.0, 3.5), 0.3)), factors={"type": kind}, width_by="type")
    >>> model.quantiles({}, {"type": ["check", "crown"]}, [0.5]).round(0).ravel().tolist()
    [7.0, 34.0]
    """
    y = np.asarray(minutes, dtype=np.float64)
    if y.ndim != 1 or not np.isfinite(y).all() or (y <= 0).any():
        raise CannotTell(
            "impossible-minutes", {"visits": y.size}, "leave out visits without a duration above 0"
        )
    if y.size < LEAST_VISITS:
        raise CannotTell(
            "too-few-visits", {"visits": y.size, "needed": LEAST_VISITS}, "use the group's model"
        )
    numbers, factors = numbers or {}, factors or {}
    if width_by is not None and width_by not in factors:
        raise CannotTell("not-features", {"width_by": width_by}, "name one of the factors")
    learnt = coding(numbers, factors)
    if not numbers and not factors:
        x, pool = np.zeros((y.size, 0)), np.zeros(0, dtype=np.int64)
    else:
        made = learnt.features(numbers, factors)
        x, pool = made.values, made.pool
    if x.shape[0] != y.size:
        raise CannotTell(
            "not-features", {"visits": y.size, "rows": x.shape[0]}, "give one value for each visit"
        )
    if x.shape[1] > MOST_COLUMNS:
        raise CannotTell(
            "too-many-kinds", {"kinds": x.shape[1], "most": MOST_COLUMNS}, "leave single patients out"
        )
    level, effects, covariance, pools, width = _effects(np.log(y), x, pool)
    rest = np.log(y) - level - x @ effects
    own = np.einsum("ij,jk,ik->i", x, covariance, x) / width**2 + 1 / y.size
    rest = rest / np.sqrt(np.clip(1 - own, 0.05, 1.0))
    widths, each = {}, np.full(y.size, width)
    if width_by is not None:
        words = np.asarray(factors[width_by]).astype(str)
        for kind in learnt.kinds[width_by]:
            there = words == kind
            widths[kind] = float(
                np.sqrt((WIDTH_VISITS * width**2 + (rest[there] ** 2).sum()) / (WIDTH_VISITS + there.sum()))
            )
            each[there] = widths[kind]
    shape = np.quantile(rest / each, SHAPE, method="hazen")
    names = {**({"numbers": pools.get(0, 0.0)} if numbers else {})}
    names |= {name: pools.get(place, 0.0) for place, name in enumerate(factors, start=1)}
    # Ties (durations in whole minutes) would make chances jump: the shape rises everywhere.
    shape = np.maximum.accumulate(shape) + 1e-9 * np.arange(shape.size)
    return DurationModel(
        learnt, level, effects, covariance, names, width, width_by, widths, shape, int(y.size)
    )


def _effects(
    y: Floats, x: Floats, pool: NDArray[np.int64]
) -> tuple[float, Floats, Floats, dict[int, float], float]:
    """Level, effects, their covariance, spread of each pool and width of the rest."""
    n = y.size
    level, width = float(y.mean()), max(float(y.std()), 1e-6)
    pools = {int(p): 0.3 * width for p in np.unique(pool)}
    effects, covariance = np.zeros(x.shape[1]), np.zeros((x.shape[1], x.shape[1]))
    gram = x.T @ x
    for _ in range(15 if x.shape[1] else 0):
        tau = np.array([pools[int(p)] for p in pool])
        covariance = np.asarray(np.linalg.inv(gram / width**2 + np.diag(1 / tau**2)), dtype=np.float64)
        effects = covariance @ (x.T @ (y - level)) / width**2
        level = float((y - x @ effects).mean())
        used = 1 - np.diag(covariance) / tau**2
        renewed = {}
        for p in pools:
            there = pool == p
            size = np.sqrt(float((effects[there] ** 2).sum()) / max(float(used[there].sum()), 1e-9))
            renewed[p] = float(np.clip(size, 1e-3 * width, 10 * width))
        rest = y - level - x @ effects
        width = max(float(np.sqrt((rest @ rest) / max(n - 1 - float(used.sum()), 1.0))), 1e-6)
        moved = max(abs(np.log(renewed[p] / pools[p])) for p in pools)
        pools = renewed
        if moved < 0.02:
            break
    return level, effects, covariance, pools, width


def pinball(seen: ArrayLike, quantiles: ArrayLike, levels: ArrayLike) -> float:
    """Mean pinball loss of quantiles (n, levels): half the CRPS where the levels are many and even (Gneiting & Raftery 2007, section 3.4).

    >>> pinball([3.0], [[2.0]], [0.9])
    0.9
    """
    y, q, u = np.asarray(seen, dtype=np.float64), np.asarray(quantiles, dtype=np.float64), _shares(levels)
    if q.shape != (y.size, u.size):
        raise CannotTell(
            "not-features", {"shape": str(q.shape)}, "give one quantile for each visit and level"
        )
    away = y[:, None] - q
    return float(np.mean(np.maximum(u * away, (u - 1) * away)))


def _shares(levels: ArrayLike) -> Floats:
    u = np.atleast_1d(np.asarray(levels, dtype=np.float64))
    if not ((u > 0) & (u < 1)).all():
        raise CannotTell("not-a-share", {"levels": u.size}, "levels lie between 0 and 1")
    return u
