"""The checks that a finding has to pass, in the order of the verdict: each says what it saw and what the bar was."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from scipy.special import bdtrc

from carewheel.science.causal.impact import average_impact
from carewheel.science.causal.methods import Method, Settings, control_series, estimate, treated_series
from carewheel.science.causal.panel import Panel
from carewheel.science.causal.placebos import Placebos
from carewheel.science.causal.plan import Plan
from carewheel.science.causal.refusal import Effect
from carewheel.science.causal.staggered import pre_trend
from carewheel.science.refusal import CannotTell

Outcome = Literal["passed", "flagged", "refused", "not_run"]
PLACEBO_RATE = 0.10
# A dozen placebos have two hits by chance alone in one case of nine: refused is what chance explains in one of twenty.
UNLIKELY = 0.05
# A break elsewhere counts if it lies three months off, is certain by itself, and clearer than the planned one by so much.
MONTHS_OFF, CLEAR, CLEARER = 3, 3.0, 1.5


@dataclass(frozen=True, slots=True)
class Check:
    """``figure`` against ``bar`` (None where there is none); ``why`` in plain words. Not run: the data do not allow it."""

    name: str
    outcome: Outcome
    figure: float | None
    bar: float | None
    why: str


def placebo_check(found: Placebos, alpha: float) -> Check:
    """Flags a method that finds effects in over a tenth of the places or times where nothing happened."""
    return _placebos(f"placebo in {found.where}", [found], alpha, refuses=False)


def placebo_rate_check(found: Sequence[Placebos], alpha: float) -> Check:
    """All placebos together: refuses a rate over a tenth that chance at ``alpha`` does not explain (binomial, 5 %).

    Over a tenth that it may explain stays a flag: with a dozen placebos a rate is not known better. Sets of units count as
    as many as are disjoint; placebos in time overlap as well and count in full, which is on the strict side.
    """
    return _placebos("placebo rate", found, alpha, refuses=True)


def _placebos(name: str, found: Sequence[Placebos], alpha: float, refuses: bool) -> Check:
    count = sum(part.independent for part in found)
    if not count:
        return Check(name, "not_run", None, PLACEBO_RATE, "too few months or units for a placebo")
    rate = sum(part.hits for part in found) / count
    whole = int(rate * count + 1e-9)
    outcome: Outcome = "passed"
    if rate > PLACEBO_RATE and whole >= 1:
        unlikely = float(bdtrc(whole - 1, count, alpha)) < UNLIKELY
        # Each kind by itself flags; together they refuse, or add nothing to the flags.
        outcome = ("refused" if unlikely else "passed") if refuses else "flagged"
    ran, claimed = (
        sum(part.count for part in found),
        sum(e.excludes_zero for part in found for e in part.effects),
    )
    why = f"an effect was found in {claimed} of {ran} placebos where nothing happened"
    return Check(name, outcome, rate, PLACEBO_RATE, why)


def pre_trend_check(panel: Panel) -> Check:
    """Flags (p < .10) or refuses (p < .01) units that ran differently from their controls before the start."""
    found = pre_trend(panel)
    if found is None:
        return Check("pre-trend", "not_run", None, 0.1, "under three units on a side")
    outcome: Outcome = "refused" if found.p < 0.01 else "flagged" if found.p < 0.1 else "passed"
    return Check(
        "pre-trend",
        outcome,
        found.p,
        0.1,
        "chance of such a difference before the start if both sides ran alike",
    )


def second_opinion_check(first: Effect, other: Effect, name: Method) -> Check:
    """Flags a second method that differs by two sd of the difference; refuses one that is as certain of the opposite."""
    apart = abs(first.value - other.value) / float(np.hypot(first.sd, other.sd))
    opposite = first.excludes_zero and other.excludes_zero and first.value * other.value < 0
    outcome: Outcome = "refused" if opposite else "flagged" if apart > 2 else "passed"
    return Check(
        f"second opinion: {name}",
        outcome,
        apart,
        2.0,
        "distance of the two methods, in sd of their difference",
    )


def donors_check(effect: Effect, without: tuple[float, ...]) -> Check:
    """Flags an effect whose sign, or whose place within its interval, hangs on one control."""
    if not without:
        return Check("leave one control out", "not_run", None, None, "no two controls")
    farthest = max(without, key=lambda value: abs(value - effect.value))
    outside = any(not effect.low <= value <= effect.high for value in without)
    turned = effect.excludes_zero and any(value * effect.value <= 0 for value in without)
    return Check(
        "leave one control out",
        "flagged" if outside or turned else "passed",
        farthest,
        None,
        "the effect without the control that matters most",
    )


def timing_check(panel: Panel, plan: Plan) -> Check:
    """Flags a break that is clearer in another month than the planned one: something else may have happened then.

    The treated mean beside its controls is asked for a lasting step in each month from six before the start to three
    before the end; the step over its sd is compared.
    """
    name = "timing"
    cohorts = panel.cohorts()
    if len(cohorts) != 1 or plan.ramp is None or plan.ramp > MONTHS_OFF:
        return Check(name, "not_run", None, None, "several starts, or an effect that is planned to grow")
    start = cohorts[0]
    series, variances = treated_series(panel, start)
    try:
        beside = control_series(panel) if not panel.treated.all() else None
        clear = {
            month: _clear(average_impact(series, month, beside, variances=variances))
            for month in range(max(start - 6, 12), series.size - 2)
        }
    except CannotTell:
        return Check(name, "not_run", None, None, "too few months")
    if start not in clear:
        return Check(name, "not_run", None, None, "too few months")
    others = {month: size for month, size in clear.items() if abs(month - start) >= MONTHS_OFF}
    if not others:
        return Check(name, "not_run", None, None, "too few months")
    best = max(others, key=lambda month: others[month])
    elsewhere = others[best] > CLEAR and others[best] > CLEARER * clear[start]
    return Check(
        name,
        "flagged" if elsewhere else "passed",
        float(best - start),
        float(MONTHS_OFF),
        "months between the planned start and the clearest other break",
    )


def unaffected_check(panel: Panel, plan: Plan) -> Check:
    """Refuses where a measure that the change cannot move moved as well: then something else happened to these units."""
    name = "measure that cannot move"
    if panel.unaffected is None:
        return Check(name, "not_run", None, None, "none was given")
    try:
        found = estimate(panel.with_outcomes(panel.unaffected), plan.method, _few(plan.settings))
    except CannotTell as reason:
        return Check(name, "not_run", None, None, str(reason))
    return Check(
        name,
        "refused" if found.excludes_zero else "passed",
        found.value,
        0.0,
        "effect of the change on a measure that it cannot move",
    )


def _few(settings: Settings) -> Settings:
    return replace(settings, draws=min(settings.draws, 60))


def _clear(effect: Effect) -> float:
    return abs(effect.value) / effect.sd
