"""What money at different times is worth: present value, modified rate of return, payback. One path or many at once."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from carewheel.science.refusal import CannotTell

Floats = NDArray[np.float64]


def paths_of(flows: ArrayLike, least: int = 1) -> Floats:
    """Flows (..., periods) of money, out negative, the first at once. Raises `CannotTell` for none, too few, or unknown money."""
    money = np.asarray(flows, dtype=np.float64)
    if money.ndim == 0 or money.shape[-1] < least or money.size == 0:
        raise CannotTell("too-few-flows", {"shape": str(money.shape), "needed": least}, "give more periods")
    if not np.isfinite(money).all():
        raise CannotTell("not-finite", {"what": "flows"}, "give 0 where nothing flows")
    return money


def _rate(rate: float) -> float:
    if not (np.isfinite(rate) and rate > -1):
        raise CannotTell("impossible-rate", {"rate": float(rate)}, "a rate lies above -1 (-100 %)")
    return float(rate)


def npv(rate: float, flows: ArrayLike) -> Floats:
    """Net present value (...,) of flows (..., periods) at ``rate`` a period, the first at once. Brealey, Myers & Allen, Principles of Corporate Finance, chapter 2.

    >>> round(float(npv(0.08, [-40000, 5000, 8000, 12000, 30000])), 2)
    3065.22
    """
    money = paths_of(flows)
    return np.asarray(money @ (1 + _rate(rate)) ** -np.arange(money.shape[-1], dtype=np.float64))


def mirr(flows: ArrayLike, finance_rate: float, reinvest_rate: float) -> float:
    """Modified internal rate of return of one path: outlays discounted at one rate, income reinvested at the other. Lin 1976, Eng Econ 21:237.

    Raises `CannotTell` where there is no outlay or no income.

    >>> round(mirr([-100, 39, 59, 55, 20], 0.10, 0.12), 6)
    0.204377
    """
    money = _one(flows, 2)
    n = money.size - 1
    out, back = np.minimum(money, 0), np.maximum(money, 0)
    if not (out.any() and back.any()):
        raise CannotTell("one-sided", {"outlays": float(out.sum()), "income": float(back.sum())}, "no return")
    grown = float(npv(reinvest_rate, back)) * (1 + reinvest_rate) ** n
    return float((grown / -float(npv(finance_rate, out))) ** (1 / n) - 1)


def payback(flows: ArrayLike, rate: float = 0.0) -> Floats:
    """Periods (...,) until the sum of flows so far, discounted at ``rate``, is back at nought for good; infinite if it never is.

    Within a period money is taken to flow evenly. A path that dips again later counts from its last dip; one that never owes is 0.

    >>> payback([[-100, 40, 40, 40], [-100, 10, 10, 10]]).tolist(), round(float(payback([-100, 40, 40, 40], 0.05)), 2)
    ([2.5, inf], 2.74)
    """
    money = paths_of(flows)
    now = money * (1 + _rate(rate)) ** -np.arange(money.shape[-1], dtype=np.float64)
    so_far = np.cumsum(now, axis=-1)
    # Rounding of the sum is no debt.
    owed = so_far < -1e-9 * np.abs(now).max(axis=-1, keepdims=True)
    last = money.shape[-1] - 1 - np.argmax(owed[..., ::-1], axis=-1)
    after = np.minimum(last + 1, money.shape[-1] - 1)
    debt, gain = (
        np.take_along_axis(a, i[..., None], axis=-1)[..., 0] for a, i in ((so_far, last), (now, after))
    )
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        found = last + np.where(gain > 0, -debt / gain, np.inf)
    found = np.where(last == money.shape[-1] - 1, np.inf, found)
    return np.asarray(np.where(owed.any(axis=-1), found, 0.0))


def _one(flows: ArrayLike, least: int) -> Floats:
    money = paths_of(flows, least)
    if money.ndim != 1:
        raise CannotTell("one-path", {"shape": str(money.shape)}, "give one path of flows")
    return money
