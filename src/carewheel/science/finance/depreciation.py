"""How a purchase is written off for tax, year by year."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from carewheel.science.refusal import CannotTell

Floats = NDArray[np.float64]

# Per cent of the cost, half-year convention. IRS Publication 946, Appendix A, table A-1.
MACRS_HALF_YEAR: dict[int, tuple[float, ...]] = {
    5: (20.00, 32.00, 19.20, 11.52, 11.52, 5.76),
    7: (14.29, 24.49, 17.49, 12.49, 8.93, 8.92, 8.93, 4.46),
}


def straight_line(cost: float, years: int, salvage: float = 0.0) -> Floats:
    """Equal amounts (years,) from cost down to what it can be sold for. Raises `CannotTell` for what cannot be.

    >>> straight_line(100_000, 5, 10_000).tolist()
    [18000.0, 18000.0, 18000.0, 18000.0, 18000.0]
    """
    _check(cost)
    if not (1 <= years <= 100 and 0 <= salvage <= cost):
        raise CannotTell(
            "impossible-write-off",
            {"years": years, "salvage": salvage},
            "1 to 100 years, salvage within the cost",
        )
    return np.full(years, (cost - salvage) / years)


def macrs(cost: float, years: int = 5) -> Floats:
    """MACRS of 5-year (computers, most dental and medical equipment) or 7-year property, half-year convention: (years + 1,).

    IRS Publication 946, table A-1. Not advice on tax: whether an item qualifies, and whether another convention applies, is for the accountant.
    Raises `CannotTell` for other classes.

    >>> macrs(10_000, 5).round(2).tolist()
    [2000.0, 3200.0, 1920.0, 1152.0, 1152.0, 576.0]
    """
    _check(cost)
    if years not in MACRS_HALF_YEAR:
        raise CannotTell("unknown-class", {"years": years}, "5 and 7 years are known here")
    return cost * np.array(MACRS_HALF_YEAR[years]) / 100


def at_once(cost: float, limit: float, years: int = 5) -> Floats:
    """All in the first year up to ``limit`` (as section 179 of the US code allows; the limit of the tax year is the caller's), the rest by MACRS.

    >>> at_once(10_000, 4_000).round(2).tolist()
    [5200.0, 1920.0, 1152.0, 691.2, 691.2, 345.6]
    """
    if not (np.isfinite(limit) and limit >= 0):
        raise CannotTell("impossible-write-off", {"limit": float(limit)}, "a limit of 0 or more")
    _check(cost)
    first = min(cost, limit)
    amounts = macrs(cost - first, years)
    amounts[0] += first
    return amounts


def _check(cost: float) -> None:
    if not (np.isfinite(cost) and cost >= 0):
        raise CannotTell("impossible-write-off", {"cost": float(cost)}, "a known cost of 0 or more")
