"""Before and after a verified play: what its measure did where the play began, and what it would have done without."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from carewheel.science.causal import CannotTell, Panel
from carewheel.science.causal.impact import impact
from carewheel.science.causal.interrupted import interrupted
from carewheel.science.causal.methods import control_series, treated_series
from carewheel.warehouse.measures import MeasureResult
from carewheel.wheel.plans.months import month_after
from carewheel.wheel.plans.outcomes import outcomes
from carewheel.wheel.plans.plan import Plan

Floats = NDArray[np.float64]
SHOWN_BEFORE = 24
BY_MONTH = ("structural", "interrupted")


def before_after(plan: Plan, result: MeasureResult | None) -> tuple[dict[str, Any] | None, str]:
    """The months of a verdict as a picture shows them; or None, and why there is none ("" without a verdict).

    Of the places that began together, the most of them: their mean by month, and from the start on the month without the play with its
    interval at the plan's level, by the plan's own method. Only methods that tell single months are shown; others judge the average.
    """
    verdict, terms = plan.verdict, plan.terms
    if verdict is None:
        return None, ""
    if verdict["effect"] is None:
        return None, "It cannot be told what would have been without it."
    if verdict["method"] not in BY_MONTH:
        return None, f"The method of this plan ({verdict['method'].replace('_', ' ')}) judges the average, not single months."  # fmt: skip
    if result is None or not result.months:
        return None, "Its measure has no month with data any more."
    judged = terms.judged_by
    end = month_after(terms.last_start, judged.months_after - 1)
    series = outcomes(result, terms.units, terms.first_month, end)
    keep = np.array([unit not in verdict["left_out"] for unit in series.units])
    try:
        panel = Panel.of(series.values, judged.starts, variances=series.variances).only(keep)
        start = max(panel.cohorts(), key=lambda month: (int((panel.starts == month).sum()), -month))
        actual, variances = treated_series(panel, start)
        without = _without(panel, actual, start, variances, verdict)
    except CannotTell as reason:
        return None, f"The months cannot be shown any more: {reason.remedy}."
    first = max(start - SHOWN_BEFORE, 0)
    units = [unit for unit, kept in zip(series.units, keep, strict=True) if kept]
    places = [unit for unit, begun in zip(units, panel.starts, strict=True) if begun == start]
    return {
        "places": places,
        "start": f"{month_after(series.first_month, start):%Y-%m}",
        "level": verdict["effect"]["level"],
        "months": [
            {
                "month": f"{month_after(series.first_month, t):%Y-%m}",
                "actual": _known(actual[t]),
                **{name: None if t < start else _known(bound[t - start]) for name, bound in zip(("without", "low", "high"), without, strict=True)},
            }
            for t in range(first, len(actual))
        ],
    }, ""  # fmt: skip


def _without(
    panel: Panel, actual: Floats, start: int, variances: Floats | None, verdict: Mapping[str, Any]
) -> tuple[Floats, Floats, Floats]:
    """The months after the start without the play: value, low, high."""
    level = verdict["effect"]["level"]
    if verdict["method"] == "structural":
        beside = control_series(panel)
        found = impact(actual, start, beside, variances=variances, level=level).counterfactual
        return np.asarray(found.value), np.asarray(found.low), np.asarray(found.high)
    trend = int(np.isfinite(actual[:start]).sum()) >= 18
    effect = interrupted(actual, start, trend=trend, variances=variances, level=level).effect
    after = actual[start:]
    return after - effect.value, after - effect.high, after - effect.low


def _known(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
