"""A measure made up by hand for plans: nine places, no-show rates with noise of known size, an effect put in where it is wanted."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from carewheel.journeys.look_at_the_wheel import Looked
from carewheel.warehouse.measures import MeasureResult, Series, Value
from carewheel.warehouse.workspace import Workspace
from carewheel.wheel.plans import Proposal, month_after, months_between
from carewheel.wheel.verification import Change

MEASURE = "operations.no_show_rate"
PLACES = tuple(f"loc{i}" for i in range(1, 10))
FIRST = date(2023, 1, 1)
BEFORE, AFTER = date(2024, 12, 31), date(2025, 12, 31)
START = date(2025, 1, 1)
RATE, CASES = 0.10, 400.0
NOTHING = Value(None, None, None, 0, "unmeasured")


def rates(seed: int = 3) -> NDArray[np.float64]:
    """(places, 36 months): each place around its own level, all with one season, no-shows of 400 visits a month."""
    rng = np.random.default_rng(seed)
    level = RATE + 0.01 * rng.standard_normal((len(PLACES), 1))
    season = 0.006 * np.sin(2 * np.pi * np.arange(36) / 12)
    return np.asarray(
        level + season + np.sqrt(RATE * (1 - RATE) / CASES) * rng.standard_normal((len(PLACES), 36))
    )


def result_of(values: NDArray[np.float64], as_of: date, places: Sequence[str] = PLACES) -> MeasureResult:
    """The measure at ``as_of`` with these values by place and month from `FIRST` on."""
    count = min(months_between(FIRST, month_after(as_of, 1)), values.shape[1])
    noise = np.full(count, RATE * (1 - RATE) / CASES)

    def series(row: NDArray[np.float64]) -> Series:
        n = np.where(np.isfinite(row), CASES, 0.0)
        return Series(row, row, row, n, np.isfinite(row), np.where(np.isfinite(row), noise, np.nan))

    rows = values[:, :count]
    return MeasureResult(
        id=MEASURE, as_of=as_of, currency="", total=NOTHING, by_location={},
        months=tuple(month_after(FIRST, t) for t in range(count)), monthly=series(rows.mean(axis=0)),
        by_location_month={place: series(row) for place, row in zip(places, rows, strict=True)}, dimension=(),
        change_per_year=None, relative_change_per_year=None, months_compared=0, months_covered=12, freshness=as_of, findings=(),
    )  # fmt: skip


class Made(Looked):
    """A practice of which only this measure is known; nothing is read from its workspace but plans."""

    values: NDArray[np.float64]
    named: Sequence[str]

    def result(self, measure: str) -> MeasureResult | None:
        return result_of(self.values, self.as_of, self.named) if measure == MEASURE else None

    @property
    def places(self) -> list[str]:  # type: ignore[override]
        return list(self.named)


def looked(
    folder: Path, values: NDArray[np.float64], as_of: date, changes: Sequence[Change] = (), on: date | None = None,
    places: Sequence[str] = PLACES,
) -> Looked:  # fmt: skip
    """Such a practice at ``as_of``, in a workspace that says nothing of being invented."""
    began = tuple(change for change in changes if change.month <= as_of)
    made = Made(Workspace(folder), ("made",), as_of, on or as_of, began, False)
    object.__setattr__(made, "values", values)
    object.__setattr__(made, "named", places)
    return made


def reminders(*places: str, **more: object) -> Proposal:
    """Q2 at some places from January 2025 on."""
    return Proposal("Q2", dict.fromkeys(places or ("loc1", "loc2", "loc3"), START), **more)  # type: ignore[arg-type]
