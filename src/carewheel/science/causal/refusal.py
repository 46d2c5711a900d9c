"""The checks that every method makes of a series before it starts, and what an effect is."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from carewheel.science.refusal import CannotTell

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

# A reading a thousand typical deviations from the middle is a slip of the decimal point or of the unit, not a month.
ABSURD = 1_000.0


class Effect(NamedTuple):
    """An effect in the outcome's own unit: value, interval, and the standard deviation of its uncertainty."""

    value: float
    low: float
    high: float
    sd: float

    def scaled(self, factor: float) -> Effect:
        """The same in another unit.

        >>> Effect(2.0, 1.0, 3.0, 0.5).scaled(-2)
        Effect(value=-4.0, low=-6.0, high=-2.0, sd=1.0)
        """
        low, high = sorted((self.low * factor, self.high * factor))
        return Effect(self.value * factor, low, high, self.sd * abs(factor))

    @property
    def excludes_zero(self) -> bool:
        """Whether the whole interval lies on one side of nought."""
        return self.low > 0 or self.high < 0


def series_of(values: ArrayLike, what: str) -> Floats:
    """A series (months,) of floats; NaN is a missing month. Refuses other shapes, infinities and absurd outliers."""
    y = np.asarray(values, dtype=np.float64)
    if y.ndim != 1 or y.size == 0:
        raise CannotTell("not-a-series", {"what": what, "shape": str(y.shape)}, "give one value a month")
    check_outliers(y, what)
    return y


def check_outliers(values: Floats, what: str) -> None:
    """Refuse infinities, and readings further than `ABSURD` typical deviations from the median."""
    if np.any(np.isinf(values)):
        raise CannotTell("not-finite", {"what": what}, "give NaN where a month is missing")
    known = values[np.isfinite(values)]
    if known.size < 4:
        return
    away = np.abs(known - np.median(known))
    typical = float(np.median(away))
    if typical == 0:  # over half of the months are equal: what the other months do away from it
        rest = np.sort(away)[:-1]
        typical = float(rest.mean())
    worst = float(away.max())
    if typical > 0 and worst > ABSURD * typical:
        raise CannotTell(
            "absurd-outlier",
            {"what": what, "value": float(known[int(away.argmax())]), "deviations": round(worst / typical)},
            "look at the source of this reading; give NaN if it is wrong",
        )


def check_before(y: Floats, start: int, needed: int) -> None:
    """Refuse a start outside the series, too few known months before it, none after it, and a series without variation."""
    if not 0 < start < y.size:
        raise CannotTell(
            "start-outside", {"start": start, "months": y.size}, "give months before and after the start"
        )
    if not np.isfinite(y).any():
        raise CannotTell("all-missing", {"months": y.size}, "no month has a value")
    before = y[:start][np.isfinite(y[:start])]
    if before.size < needed:
        raise CannotTell(
            "too-few-months",
            {"months": before.size, "needed": needed},
            "more months before the start are needed to know what would have happened without the change",
        )
    if not np.isfinite(y[start:]).any():
        raise CannotTell("nothing-after", {"start": start}, "wait until a month after the start has a value")
    if flat(before):
        raise CannotTell(
            "no-variation",
            {"value": float(before[0])},
            "a series that never moved before the start does not show how large chance is",
        )


def flat(values: Floats) -> bool:
    """Whether known values are all the same but for rounding."""
    known = values[np.isfinite(values)]
    return known.size == 0 or float(np.ptp(known)) <= 1e-12 * max(float(np.abs(known).max()), 1e-300)
