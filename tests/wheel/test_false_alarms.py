"""How often an alarm is raised in years in which nothing changed, and whether it is raised when something did."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest

from carewheel.catalog.components import components
from carewheel.catalog.measures import measures
from carewheel.warehouse.measures import DimensionRow, MeasureResult, Series, Value
from carewheel.wheel.measured import Measured
from carewheel.wheel.pitfalls import FALSE_ALARMS, Z, _one_driver, beyond_chance, fall_of

YEARS = 4000
NOTHING = Series(*(np.empty(0) for _ in range(4)), np.empty(0, dtype=bool), np.empty(0))


def with_change(name: str, z: float) -> Measured:
    """A measure whose change against the year before is ``z`` standard errors in its unit, here 2."""
    change = Value(2 * z, 2 * (z - Z), 2 * (z + Z), 100, "ok")
    day = date(2025, 12, 31)
    result = MeasureResult(
        name, day, "", Value(1.0, 0.5, 1.5, 100, "ok"), {}, (), NOTHING, {}, (), change, None, 12, 12, day, ()
    )
    return Measured(measures()[name], result, "measured")


@pytest.mark.parametrize("together", [0.0, 0.5, 0.8])
def test_a_year_without_change_seldom_finds_a_neglected_part(together: float) -> None:
    """Correlated errors within a part, up to what the rule presumes: at most 5 % of years, give or take three errors."""
    rng = np.random.default_rng(20)
    parts = {
        part: [card.id for card in measures().values() if card.component == part and card.direction != "none"]
        for part in components()
    }
    bar = beyond_chance(len(parts))
    raised = np.zeros(YEARS, dtype=bool)
    for names in parts.values():
        shared = rng.standard_normal((YEARS, 1))
        errors = np.sqrt(together) * shared + np.sqrt(1 - together) * rng.standard_normal((YEARS, len(names)))
        for year in range(YEARS):
            # `fall_of` itself, for as many years as time allows; the rest by its formula, held to it below.
            if year < 50:
                fall = fall_of([with_change(n, float(z)) for n, z in zip(names, errors[year], strict=True)])
                assert fall is not None
            signs = np.array([1 if measures()[n].direction == "up" else -1 for n in names])
            k = len(names)
            quick = float((signs * errors[year]).sum() / np.sqrt(k + 0.8 * k * (k - 1)))
            if year < 50:
                assert fall == pytest.approx(quick)
            raised[year] |= quick < -bar
    assert raised.mean() <= FALSE_ALARMS + 3 * np.sqrt(FALSE_ALARMS * (1 - FALSE_ALARMS) / YEARS)


def test_a_part_that_clearly_fell_is_found() -> None:
    names = ["experience.nps", "experience.csat", "experience.detractor_share"]
    fallen = [with_change(n, -4.0 if measures()[n].direction == "up" else 4.0) for n in names]
    fall = fall_of(fallen)
    assert fall is not None
    assert fall < -beyond_chance(7)
    assert fall_of([with_change("experience.nps", -1.0)]) == pytest.approx(-1.0)
    assert fall_of([]) is None


def channels(counts: dict[str, int]) -> Measured:
    rows = tuple(DimensionRow(label, Value(float(n), None, None, n, "ok")) for label, n in counts.items())
    day = date(2025, 12, 31)
    total = Value(float(sum(counts.values())), None, None, sum(counts.values()), "ok")
    name = "growth.new_patients_by_channel"
    return Measured(
        measures()[name],
        MeasureResult(name, day, "", total, {}, (), NOTHING, {}, rows, None, None, 0, 12, day, ()),
        "measured",
    )


def test_one_driver_is_raised_only_when_more_than_half_is_sure() -> None:
    assert _one_driver(channels({"ads": 12, "word": 10}))[0] == "clear"  # 55 % of 22 may be chance
    assert _one_driver(channels({"ads": 600, "word": 400}))[0] == "raised"
    assert _one_driver(channels({"ads": 9, "word": 3}))[0] == "unknown"
    rng = np.random.default_rng(1)
    raised = [
        _one_driver(channels({"ads": int(k), "word": 80 - int(k)}))[0] == "raised"
        for k in rng.binomial(80, 0.5, 2000)
    ]
    assert np.mean(raised) <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 2000)
