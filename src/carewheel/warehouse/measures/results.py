"""What a measure gives: values that carry n, interval and status."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from carewheel.interop.files import Finding

Floats = NDArray[np.float64]
Status = Literal["ok", "not_enough_data", "unmeasured"]


@dataclass(frozen=True, slots=True)
class Value:
    """A number in its card's unit with a 90 % interval and n.

    ``value`` is None unless ``status`` is "ok"; ``low`` and ``high`` are None where the card's method gives no interval
    (sums of a ledger are counted, not sampled) or where too little is known for one.
    """

    value: float | None
    low: float | None
    high: float | None
    n: int
    status: Status


UNMEASURED = Value(None, None, None, 0, "unmeasured")


@dataclass(frozen=True, slots=True)
class Series:
    """Values by month, aligned with `MeasureResult.months`; NaN where unknown.

    ``enough`` says where n reaches the card's minimum: elsewhere the value may serve a model that knows its noise, and
    must not be shown as a number. ``variance``: that noise, in the card's unit squared (see `noise`).
    """

    value: Floats
    low: Floats
    high: Floats
    n: Floats
    enough: NDArray[np.bool_]
    variance: Floats


@dataclass(frozen=True, slots=True)
class DimensionRow:
    """One label of the card's dimension (a channel, a payer, a reason) with its value over the window."""

    label: str
    value: Value


@dataclass(frozen=True, slots=True)
class MeasureResult:
    """All that one card says on one day.

    ``months``: first days of the full months on record. ``months_covered``: how many months of the card's window have
    data. ``freshness``: last date with data. ``change_per_year``: this window less the same calendar months a year
    before, in the card's unit; ``relative_change_per_year``: the same as a fraction; None where a year before is not on
    record. ``months_compared``: how many months this comparison has. ``currency``: "" without money.
    """

    id: str
    as_of: date
    currency: str
    total: Value
    by_location: Mapping[str, Value]
    months: tuple[date, ...]
    monthly: Series
    by_location_month: Mapping[str, Series]
    dimension: tuple[DimensionRow, ...]
    change_per_year: Value | None
    relative_change_per_year: Value | None
    months_compared: int
    months_covered: int
    freshness: date | None
    findings: tuple[Finding, ...]
