"""Who is still there after so many months: Kaplan and Meier's curve, and Nelson and Aalen's hazard."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtri

from carewheel.science.intervals import LEVEL, Estimate
from carewheel.science.refusal import CannotTell
from carewheel.science.survival.tenures import Tenures, tenures

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Curve:
    """A step curve over tenure. All (times,): ``at`` the tenures at which somebody left, ``share`` still there just after,
    ``hazard`` cumulated, each with its interval; ``leavers`` then, and how many were ``at_risk``. ``longest``: the longest tenure seen.
    """

    at: Floats
    share: Estimate
    hazard: Estimate
    leavers: Floats
    at_risk: Floats
    longest: float

    def staying(self, t: float) -> Estimate:
        """Share still there after tenure ``t``, with interval. Raises `CannotTell` beyond the longest tenure seen, and before any leaver.

        >>> round(float(staying_curve([5, 6, 6, 2.5, 4], [1, 0, 1, 1, 1]).staying(5.5).value), 3)
        0.4
        """
        if not 0 <= t <= self.longest:
            raise CannotTell(
                "beyond-experience", {"t": t, "longest": self.longest}, "nobody was seen so long"
            )
        place = int(np.searchsorted(self.at, t, side="right")) - 1
        if place < 0:
            raise CannotTell(
                "nobody-left-yet", {"t": t}, "before the first leaver the share is 1 and has no interval"
            )
        return Estimate(*(np.asarray(part[place]) for part in self.share))

    def median(self) -> Estimate:
        """Tenure by which half have left; an end of the interval that was not reached is infinite.

        Source: Brookmeyer & Crowley 1982, Biometrics 38:29, with the curve's own interval. Raises `CannotTell` where half never left.
        """
        value, low, high = (
            float(self.at[reached.argmax()]) if (reached := part <= 0.5).any() else np.inf
            for part in (self.share.value, self.share.low, self.share.high)
        )
        if np.isinf(value):
            raise CannotTell(
                "half-never-left", {"share": float(self.share.value[-1])}, "more than half are still there"
            )
        return Estimate(np.asarray(value), np.asarray(low), np.asarray(high))


def staying_curve(
    until: ArrayLike, left: ArrayLike, entry: ArrayLike | None = None, level: float = LEVEL
) -> Curve:
    """The curve of those who stay. Arguments as in `tenures`.

    Assumes that who is still employed, or not followed further, would have left like the others. Sources: Kaplan & Meier 1958, JASA 53:457;
    Greenwood's variance with the interval on log(-log) (Kalbfleisch & Prentice 2002, section 1.4); Nelson 1969 and Aalen 1978 with the
    variance sum of d / n^2, interval on the logarithm. Where all at risk leave at once the share is 0 and its interval is that of one
    leaver less, from 0 on. Raises `CannotTell` as `tenures`, and where nobody left.

    >>> curve = staying_curve([5, 6, 6, 2.5, 4], [1, 0, 1, 1, 1])
    >>> curve.at.tolist(), [round(x, 2) for x in curve.share.value.tolist()]
    ([2.5, 4.0, 5.0, 6.0], [0.8, 0.6, 0.4, 0.2])
    """
    t = tenures(until, left, entry)
    if not t.left.any():
        raise CannotTell(
            "nobody-left-yet", {"people": t.count}, "all are still there; wait until somebody left"
        )
    at, leavers, at_risk = leaving(t)
    z = float(ndtri(0.5 + level / 2))
    share = np.asarray(np.cumprod(1 - leavers / at_risk), dtype=np.float64)
    hazard = np.cumsum(leavers / at_risk)
    # Everybody leaving gives no variance; as if one of them had half stayed (share and variance of the interval alone).
    staying = np.where(at_risk > leavers, at_risk - leavers, 0.5)
    spread = np.cumsum(leavers / (at_risk * staying))
    inner = np.cumprod(np.where(at_risk > leavers, 1 - leavers / at_risk, 0.5 / at_risk))
    log_minus_log = np.log(-np.log(inner))
    half = z * np.sqrt(spread) / np.abs(np.log(inner))
    low, high = (np.exp(-np.exp(log_minus_log + sign * half)) for sign in (1, -1))
    low = np.where(share == 0, 0.0, low)
    width = z * np.sqrt(np.cumsum(leavers / at_risk**2)) / hazard
    return Curve(
        at,
        Estimate(share, np.minimum(low, share), np.maximum(high, share)),
        Estimate(hazard, hazard * np.exp(-width), hazard * np.exp(width)),
        leavers,
        at_risk,
        float(t.until.max()),
    )


def leaving(t: Tenures) -> tuple[Floats, Floats, Floats]:
    """Tenures at which somebody left, how many did, and how many were there and watched just before."""
    at, leavers = np.unique(t.until[t.left], return_counts=True)
    ends, begins = np.sort(t.until), np.sort(t.entry)
    there = begins.searchsorted(at, side="left") - ends.searchsorted(at, side="left")
    return at, leavers.astype(np.float64), there.astype(np.float64)
