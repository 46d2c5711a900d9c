"""The measures of one practice at one date, held against their targets."""

from __future__ import annotations

import calendar
import math
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Literal

from carewheel.catalog.measures import MODELLED, MeasureCard, measures
from carewheel.warehouse.measures import Engine, MeasureResult, Value, evaluate_all

MeasureStatus = Literal["met", "short", "measured", "not_enough_data", "unmeasured"]


@dataclass(frozen=True, slots=True)
class Measured:
    """A card with its result and what the result means against the card's target."""

    card: MeasureCard
    result: MeasureResult | None
    status: MeasureStatus
    why: str = ""

    @property
    def value(self) -> float | None:
        return self._total.value if self._total and self._total.status == "ok" else None

    @property
    def low(self) -> float | None:
        return self._total.low if self._total and self._total.status == "ok" else None

    @property
    def high(self) -> float | None:
        return self._total.high if self._total and self._total.status == "ok" else None

    @property
    def half(self) -> float | None:
        """Half the interval's width; of one that is cut at what the measure can be at all, its longer arm."""
        if self.value is None or self.low is None or self.high is None:
            return None
        if self.low <= self.card.least or self.high >= self.card.most:
            return max(self.high - self.value, self.value - self.low)
        return (self.high - self.low) / 2

    @property
    def change(self) -> float | None:
        """The year-over-year change in the card's unit."""
        change = self.result.change_per_year if self.result else None
        return change.value if change and change.status == "ok" else None

    @property
    def relative_change(self) -> float | None:
        """The year-over-year change as a fraction of the year before."""
        change = self.result.relative_change_per_year if self.result else None
        return change.value if change and change.status == "ok" else None

    @property
    def freshness(self) -> date | None:
        return self.result.freshness if self.result else None

    @property
    def _total(self) -> Value | None:
        return self.result.total if self.result else None


def last_full_month_end(as_of: date) -> date:
    """The last day of the last month that is full at ``as_of`` (inclusive).

    >>> last_full_month_end(date(2025, 6, 30)), last_full_month_end(date(2025, 6, 29))
    (datetime.date(2025, 6, 30), datetime.date(2025, 5, 31))
    """
    if as_of.day == calendar.monthrange(as_of.year, as_of.month)[1]:
        return as_of
    return as_of.replace(day=1) - timedelta(days=1)


def period_of(as_of: date) -> tuple[date, date]:
    """The last 12 full months at ``as_of``: first and last day.

    >>> period_of(date(2025, 6, 29))
    (datetime.date(2024, 6, 1), datetime.date(2025, 5, 31))
    """
    end = last_full_month_end(as_of)
    after = end + timedelta(days=1)
    return after.replace(year=after.year - 1), end


def measure_all(engine: Engine, as_of: date, foreseen: bool = True) -> list[Measured]:
    """Every card of the catalog at ``as_of``: evaluated if it is computed, else marked as not measured.

    ``foreseen``: also those that need a model, which take a second or two and feed no arrow."""
    cards = measures()
    asked = (
        card
        for card in cards.values()
        if card.status == "computed" and (foreseen or card.interval not in MODELLED)
    )
    results = evaluate_all(asked, engine, as_of)
    by_id = {
        name: Measured(card, results.get(name), "unmeasured", "" if name in results else card.why)
        for name, card in cards.items()
    }
    return [_judged(m, by_id) for m in by_id.values()]


def _judged(m: Measured, by_id: dict[str, Measured]) -> Measured:
    """Met or short against the target; without a target only measured."""
    if m.result is None or m.result.total.status == "unmeasured":
        return m
    if m.result.total.status != "ok" or m.value is None:
        return Measured(
            m.card, m.result, "not_enough_data", f"Below the smallest number of cases, {m.card.minimum_n}."
        )
    status, why = target_status(m, by_id)
    return Measured(m.card, m.result, status, why)


def target_status(m: Measured, by_id: dict[str, Measured]) -> tuple[MeasureStatus, str]:
    """What a measure with a value means against its target."""
    target = m.card.target
    if target is None:
        return "measured", ""
    if target.kind == "level":
        assert m.value is not None
        return _level_status(m.card, m.value), ""
    change = m.relative_change
    if change is None:
        return "measured", "Progress is not known yet: it needs the same months of two years."
    reached = change >= target.value if target.value > 0 else change <= target.value
    if reached and target.only_if:
        other = by_id.get(target.only_if)
        if other is None or other.change is None or other.change <= 0:
            return (
                "short",
                f"It counts as progress only if {measures()[target.only_if].title.lower()} rises with it.",
            )
    return ("met" if reached else "short"), ""


def _level_status(card: MeasureCard, value: float) -> MeasureStatus:
    assert card.target is not None
    if card.direction == "down":
        return "met" if value <= card.target.value else "short"
    return "met" if value >= card.target.value else "short"


def measure_document(m: Measured) -> dict[str, Any]:
    """The measure as `wheel.json` states it."""
    card, result = m.card, m.result
    change = result.change_per_year if result else None
    target = card.target
    return {
        "id": card.id,
        "title": card.title,
        "component": card.component,
        "wheel": card.wheel,
        "unit": card.unit,
        "direction": card.direction,
        "currency": result.currency if result else "",
        "value": m.value,
        "low": m.low,
        "high": m.high,
        "n": result.total.n if result else 0,
        "minimum_n": card.minimum_n,
        "target": None if target is None else {"kind": target.kind, "value": target.value},
        "status": m.status,
        "why": m.why,
        "trend_per_year": None if change is None or change.status != "ok" else _bounds(change),
        "relative_trend_per_year": m.relative_change,
        "months_compared": result.months_compared if result else 0,
        "months_covered": result.months_covered if result else 0,
        "freshness": m.freshness.isoformat() if m.freshness else None,
        "interval": card.interval,
        "window": card.window,
        "by_location": [
            {"location": location, **_bounds(value), "n": value.n, "status": _place_status(m, value)}
            for location, value in (result.by_location.items() if result else ())
        ],
        "monthly": _monthly(m),
        "dimension": card.dimension,
        "rows": [
            {"label": row.label, **_bounds(row.value), "n": row.value.n, "status": row.value.status}
            for row in (result.dimension if result else ())
        ],
        "findings": [finding.what for finding in (result.findings if result else ())],
    }


def _place_status(m: Measured, value: Value) -> str:
    if value.status != "ok" or value.value is None:
        return "not_enough_data" if value.status == "not_enough_data" else "unmeasured"
    if m.card.target is not None and m.card.target.kind == "level":
        return _level_status(m.card, value.value)
    return "measured"


def _monthly(m: Measured) -> list[dict[str, Any]]:
    """The last 24 months; a month below the smallest number of cases has no number."""
    if m.result is None:
        return []
    series, rows = m.result.monthly, []
    for i, month in list(enumerate(m.result.months))[-24:]:
        enough = bool(series.enough[i])
        row: dict[str, Any] = {"month": month.isoformat()[:7], "n": int(series.n[i])}
        for name, values in (("value", series.value), ("low", series.low), ("high", series.high)):
            row[name] = float(values[i]) if enough and math.isfinite(values[i]) else None
        rows.append(row)
    return rows


def _bounds(value: Value) -> dict[str, float | None]:
    if value.status != "ok":
        return {"value": None, "low": None, "high": None}
    return {"value": value.value, "low": value.low, "high": value.high}
