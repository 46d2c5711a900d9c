"""Whether the chances still fit: day by day against what came, and the mix of visits against that of training."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from carewheel.science.forecasting.attendance.recalibration import ACCIDENT_SD
from carewheel.science.refusal import CannotTell

Floats = NDArray[np.float64]

# Two-sided cumulative sums with these limits raise a false alarm once in about 465 days (Montgomery, Statistical Quality Control, table of the
# average run length of the tabular CUSUM, k = 0.5, h = 5), and see a shift of one standard deviation in about ten.
ALLOWANCE, LIMIT = 0.5, 5.0
# Shares by which a stability index is usually read: under the first nothing moved, over the second much did.
STABLE, MOVED = 0.10, 0.25


@dataclass(frozen=True, slots=True)
class Drift:
    """Per day (d,): ``expected`` and ``seen`` misses, ``score``: their difference in standard deviations, ``up`` and ``down``: the cumulative sums.
    ``alarm``: the first day on which one passes the limit, None if none does.
    """

    days: NDArray[np.int64]
    expected: Floats
    seen: Floats
    score: Floats
    up: Floats
    down: Floats
    alarm: int | None


def drift(day: ArrayLike, chance: ArrayLike, fell: ArrayLike) -> Drift:
    """Expected against seen misses by day, with Page's cumulative sums. The deviation of a day holds chance and the day's own accident.

    Raises `CannotTell` ``not-visits``.

    >>> day = np.repeat(np.arange(60), 100)
    >>> fell = np.random.default_rng(3).random(6000) < np.where(day < 30, 0.2, 0.35)
    >>> found = drift(day, np.full(6000, 0.2), fell)
    >>> found.alarm is not None and 30 <= found.alarm <= 36
    True
    """
    when, p = np.asarray(day, dtype=np.int64), np.asarray(chance, dtype=np.float64)
    y = np.asarray(fell, dtype=np.float64)
    if not when.shape == p.shape == y.shape or p.size == 0 or not ((p >= 0) & (p <= 1)).all():
        raise CannotTell(
            "not-visits", {"visits": p.size, "outcomes": y.size}, "give one of each for each visit"
        )
    days, place = np.unique(when, return_inverse=True)
    expected = np.asarray(np.bincount(place, p), dtype=np.float64)
    seen = np.asarray(np.bincount(place, y), dtype=np.float64)
    chance_variance = np.bincount(place, p * (1 - p))
    score = (seen - expected) / np.sqrt(
        np.maximum(chance_variance + (ACCIDENT_SD * chance_variance) ** 2, 1e-12)
    )
    up, down = cumulative_sums(score)
    over = np.flatnonzero((up > LIMIT) | (down > LIMIT))
    return Drift(days, expected, seen, score, up, down, int(days[over[0]]) if over.size else None)


def cumulative_sums(score: ArrayLike) -> tuple[Floats, Floats]:
    """Page's sums upwards and downwards (d,) of standardised scores (Page 1954, Biometrika 41, 100).

    >>> [sums.tolist() for sums in cumulative_sums([1.0, 1.0, -2.0])]
    [[0.5, 1.0, 0.0], [0.0, 0.0, 1.5]]
    """
    z = np.asarray(score, dtype=np.float64)
    up, down = np.zeros(z.size), np.zeros(z.size)
    high = low = 0.0
    for i, each in enumerate(z):
        high, low = max(0.0, high + each - ALLOWANCE), max(0.0, low - each - ALLOWANCE)
        up[i], down[i] = high, low
    return up, down


def stability_index(before: ArrayLike, now: ArrayLike, parts: int = 10) -> float:
    """How far the mix of a quantity has moved: sum of (share now - share before) ln(share now / share before) over parts of equal share before.

    Unknown values are a part of their own; half a visit is added to each part. Raises `CannotTell` ``not-visits``.

    >>> x = np.random.default_rng(1).normal(size=5000)
    >>> stability_index(x[:2500], x[2500:]) < STABLE, stability_index(x, x + 1) > MOVED
    (True, True)
    """
    old, new = np.asarray(before, dtype=np.float64), np.asarray(now, dtype=np.float64)
    if old.ndim != 1 or new.ndim != 1 or not old.size or not new.size:
        raise CannotTell("not-visits", {"before": old.size, "now": new.size}, "give visits before and now")
    known = old[~np.isnan(old)]
    ends = np.unique(np.quantile(known, np.linspace(0, 1, parts + 1)[1:-1])) if known.size else np.zeros(0)

    def shares(values: Floats) -> Floats:
        part = np.where(np.isnan(values), ends.size + 1, ends.searchsorted(values, side="left"))
        count = np.bincount(part.astype(np.int64), minlength=ends.size + 2) + 0.5
        return np.asarray(count / count.sum(), dtype=np.float64)

    a, b = shares(old), shares(new)
    return float(((b - a) * np.log(b / a)).sum())
