"""How good chances are: ranking, squared error, calibration; with intervals that keep visits of one day together."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from carewheel.science.intervals import LEVEL, Estimate
from carewheel.science.refusal import CannotTell

Floats = NDArray[np.float64]

BINS = 15


@dataclass(frozen=True, slots=True)
class Accuracy:
    """Each with interval: ``auc``, ``brier``, ``ece`` (15 bins of equal mass) and ``auc_later``, the ranking among visits not booked for the same day."""

    auc: Estimate
    brier: Estimate
    ece: Estimate
    auc_later: Estimate
    visits: int
    events: int


def auc(fell: ArrayLike, chance: ArrayLike) -> float:
    """Of a visit that fell and one that did not, how often the first has the higher chance; ties count half (Hanley & McNeil 1982).

    >>> auc([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8])
    0.75
    """
    y, p = _both(fell, chance)
    if not 0 < y.sum() < y.size:
        raise CannotTell(
            "one-class", {"visits": y.size, "events": int(y.sum())}, "both kinds are needed to rank them"
        )
    ones = float(y.sum())
    _, place, tied = np.unique(p, return_inverse=True, return_counts=True)
    rank = (np.cumsum(tied) - (tied - 1) / 2)[place]
    return float((rank[y == 1].sum() - ones * (ones + 1) / 2) / (ones * (y.size - ones)))


def brier(fell: ArrayLike, chance: ArrayLike) -> float:
    """Mean squared error of the chances (Brier 1950).

    >>> brier([0, 1], [0.5, 0.5])
    0.25
    """
    y, p = _both(fell, chance)
    return float(np.mean((y - p) ** 2))


def ece(fell: ArrayLike, chance: ArrayLike, bins: int = BINS) -> float:
    """Expected calibration error: visits sorted by chance in ``bins`` of equal mass; the mean distance of chance and share, by mass.

    Even perfect chances show some: about sqrt(2 p (1 - p) bins / (pi n)).

    >>> round(ece([0, 0, 1, 1], [0.2, 0.2, 0.9, 0.9], 2), 3)
    0.15
    """
    y, p = _both(fell, chance)
    order = np.argsort(p, kind="stable")
    parts = np.array_split(order, min(bins, y.size))
    return float(sum(abs(y[part].sum() - p[part].sum()) for part in parts) / y.size)


def accuracy(
    fell: ArrayLike,
    chance: ArrayLike,
    lead_days: ArrayLike,
    day: ArrayLike,
    seed: int,
    draws: int = 400,
    level: float = LEVEL,
) -> Accuracy:
    """All four with percentile intervals of a bootstrap that draws whole days (``day`` (n,)): visits of a day share weather and strikes.

    The ECE is biased upwards by chance and the more so in a bootstrap sample: its interval is shifted by the mean bias of the draws.
    Raises `CannotTell`: ``one-class``, ``too-few-days`` (under 3).
    """
    y, p = _both(fell, chance)
    later = np.asarray(lead_days) > 0
    _, of_day = np.unique(np.asarray(day), return_inverse=True)
    days = int(of_day.max()) + 1
    if days < 3:
        raise CannotTell("too-few-days", {"days": days, "needed": 3}, "an interval needs several days")
    found = np.array([auc(y, p), brier(y, p), ece(y, p), auc(y[later], p[later])])
    rng = np.random.default_rng(seed)
    order = np.argsort(of_day, kind="stable")
    ends = np.searchsorted(of_day[order], np.arange(days + 1))
    drawn = np.empty((draws, 4))
    for i in range(draws):
        pick = np.concatenate([order[ends[d] : ends[d + 1]] for d in rng.integers(days, size=days)])
        yy, pp, ll = y[pick], p[pick], later[pick]
        if 0 < yy[ll].sum() < ll.sum():
            drawn[i] = auc(yy, pp), brier(yy, pp), ece(yy, pp), auc(yy[ll], pp[ll])
        else:
            drawn[i] = found
    drawn[:, 2] = np.maximum(drawn[:, 2] - (drawn[:, 2].mean() - found[2]), 0)
    tail = 100 * (1 - level) / 2
    low, high = np.percentile(drawn, [tail, 100 - tail], axis=0)
    each = [
        Estimate(np.asarray(f), np.asarray(min(a, f)), np.asarray(max(b, f)))
        for f, a, b in zip(found, low, high, strict=True)
    ]
    return Accuracy(each[0], each[1], each[2], each[3], int(y.size), int(y.sum()))


def _both(fell: ArrayLike, chance: ArrayLike) -> tuple[Floats, Floats]:
    y, p = np.asarray(fell, dtype=np.float64), np.asarray(chance, dtype=np.float64)
    if y.shape != p.shape or y.ndim != 1 or y.size == 0:
        raise CannotTell(
            "not-visits", {"outcomes": y.size, "chances": p.size}, "give one of each for each visit"
        )
    if not np.isin(y, (0.0, 1.0)).all() or not ((p >= 0) & (p <= 1)).all():
        raise CannotTell("not-chances", {"visits": y.size}, "outcomes are 0 or 1, chances from 0 to 1")
    return y, p
