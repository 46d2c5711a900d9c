"""From sufficient statistics by month to estimates, by the interval method and the window of a card."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from carewheel.catalog.measures import LIFETIME_DISCOUNT, MeasureCard
from carewheel.science.intervals import (
    Estimate,
    cost_per_count,
    garwood,
    last_of_months,
    nps,
    poisson_rate,
    product,
    ratio_of_months,
    t_mean,
    wilson,
)

Floats = NDArray[np.float64]
# Statistics by name, months along the last axis; NaN = nothing on record.
Statistics = Mapping[str, Floats]


def total(values: Floats, axis: int) -> Floats:
    """Sum along an axis where NaN is "nothing on record": NaN only where all of it is.

    >>> total(np.array([[1.0, np.nan], [2.0, np.nan]]), 0).tolist()
    [3.0, nan]
    """
    known = np.isfinite(values)
    return np.where(known.any(axis=axis), np.where(known, values, 0).sum(axis=axis), np.nan)


def estimate(card: MeasureCard, s: Statistics, window: NDArray[np.intp]) -> tuple[Estimate, Floats]:
    """The estimate over the months ``window`` (ascending positions on the last axis) and its n, both without that axis.

    Cards with window "sum12" add their statistics over these months. For "point" and "trailing12" the last of them
    is the value, and the others only tell how noisy one month is.
    """
    if card.interval == "ratio_months":
        return _ratio(card, s, window)
    if card.interval == "lifetime":
        return _lifetime(s, window)
    if card.window == "sum12":
        x = {name: total(values[..., window], -1) for name, values in s.items()}
    else:
        x = {name: values[..., window[-1]] for name, values in s.items()}
    n = x["n"]
    match card.interval:
        case "wilson":
            return wilson(x["k"], n), n
        case "t_mean":
            return t_mean(n, x["total"], x["total_sq"]), n
        case "nps":
            return nps(x["promoters"], x["detractors"], n), n
        case "poisson_count":
            return garwood(n), n
        case "poisson_rate":
            return poisson_rate(x["events"], x["exposure"]), n
        case "cost_per_count":
            return cost_per_count(x["cost"], n), n
        case "none":
            unknown = np.full_like(x["total"], np.nan)
            return Estimate(x["total"], unknown, unknown), n
    raise ValueError(f"{card.id}: unknown interval method {card.interval}")


def _ratio(card: MeasureCard, s: Statistics, window: NDArray[np.intp]) -> tuple[Estimate, Floats]:
    a, b = s["numerator"][..., window], s["denominator"][..., window]
    if card.window == "sum12":
        known = np.isfinite(a).any(axis=-1) & np.isfinite(b).any(axis=-1)
        e = ratio_of_months(a, b)
        return Estimate(*(np.where(known, part, np.nan) for part in e)), total(s["n"][..., window], -1)
    with np.errstate(divide="ignore", invalid="ignore"):
        readings = np.where(b > 0, a / b, np.nan)
    return last_of_months(readings), s["n"][..., window[-1]]


def _lifetime(s: Statistics, window: NDArray[np.intp]) -> tuple[Estimate, Floats]:
    """Revenue per active patient and year times the expected number of discounted years."""
    revenue, active = s["revenue"][..., window], s["active"][..., window]
    both = np.isfinite(revenue) & np.isfinite(active)
    yearly = ratio_of_months(np.where(both, revenue, 0), np.where(both, active, 0) / 12)
    k, n = s["k"][..., window[-1]], s["n"][..., window[-1]]
    kept = wilson(k, n)
    years = Estimate(*((1 + LIFETIME_DISCOUNT) / (1 + LIFETIME_DISCOUNT - part) for part in kept))
    return product(yearly, years), n
