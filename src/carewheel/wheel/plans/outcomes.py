"""A measure as verification needs it: places by months, with the noise of each cell."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray

from carewheel.warehouse.measures import MeasureResult
from carewheel.wheel.plans.months import month_after, months_between

Floats = NDArray[np.float64]
# A place joins the comparison if it has a value in so many of the months; before that it may have been another practice.
ENOUGH = 0.8


@dataclass(frozen=True, slots=True)
class Outcomes:
    """``values`` and sampling ``variances`` (units, months) in the card's unit, NaN where nothing is known; months run on
    from ``first_month``."""

    units: tuple[str, ...]
    first_month: date
    values: Floats
    variances: Floats

    @property
    def months(self) -> int:
        return int(self.values.shape[1])

    def number_of(self, month: date) -> int:
        return months_between(self.first_month, month)


def outcomes(result: MeasureResult, units: Sequence[str], first_month: date, last_month: date) -> Outcomes:
    """The series of ``units`` from ``first_month`` to ``last_month`` (both inclusive), in that order."""
    length = max(months_between(first_month, last_month) + 1, 0)
    values, variances = (np.full((len(units), length), np.nan) for _ in range(2))
    at = [(k, months_between(first_month, month)) for k, month in enumerate(result.months)]
    inside = [(k, t) for k, t in at if 0 <= t < length]
    mine, there = [k for k, _ in inside], [t for _, t in inside]
    for i, place in enumerate(units):
        series = result.by_location_month.get(place)
        if series is not None and mine:
            values[i, there] = series.value[mine]
            variances[i, there] = series.variance[mine]
    return Outcomes(tuple(units), first_month, values, variances)


def comparable(result: MeasureResult, last_month: date) -> Outcomes:
    """All places of a measure up to ``last_month``, from the first month in which half of them have a value; places with too
    few values are left out. Facts that name no place count as one place of their own only where none names any."""
    places = sorted(result.by_location_month)
    if len(places) > 1:
        places = [place for place in places if place]
    if not places or not result.months:
        return Outcomes((), last_month, np.empty((0, 0)), np.empty((0, 0)))
    whole = outcomes(result, places, result.months[0], last_month)
    if not whole.months:
        return Outcomes((), last_month, np.empty((0, 0)), np.empty((0, 0)))
    known = np.isfinite(whole.values)
    begun = known.sum(axis=0) * 2 >= max(int(known.any(axis=1).sum()), 1)
    start = int(begun.argmax()) if begun.any() else whole.months
    if start == whole.months:
        return Outcomes((), last_month, np.empty((0, 0)), np.empty((0, 0)))
    kept = known[:, start:].mean(axis=1) >= ENOUGH
    return Outcomes(
        tuple(place for place, keep in zip(places, kept, strict=True) if keep),
        month_after(whole.first_month, start), whole.values[kept, start:], whole.variances[kept, start:],
    )  # fmt: skip
