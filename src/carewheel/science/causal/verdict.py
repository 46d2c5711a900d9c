"""The verdict: the planned method, then every check in order, then an effect with its quality, or a refusal that says why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from carewheel.science.causal.checks import (
    Check,
    donors_check,
    placebo_check,
    placebo_rate_check,
    pre_trend_check,
    second_opinion_check,
    timing_check,
    unaffected_check,
)
from carewheel.science.causal.evidence import Belief, Quality, updated
from carewheel.science.causal.methods import Method, Settings, estimate
from carewheel.science.causal.panel import Panel
from carewheel.science.causal.placebos import leave_one_out, placebos_in_space, placebos_in_time
from carewheel.science.causal.plan import Plan
from carewheel.science.causal.refusal import Effect
from carewheel.science.refusal import CannotTell

LEAST_BEFORE = 8
# A change this many months before a start may still be at work when the planned one begins.
SHADOW = 3


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why there is no number, in the terms of `CannotTell`."""

    code: str
    data: Mapping[str, float | int | str]
    remedy: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """What can be said of a change. ``effect``: average a treated unit and month, in the plan's unit; None if refused.

    ``conclusion``: "changed" (the interval excludes nought), "not_seen" (it does not: anything within it remains possible),
    "refused". ``second``: the other methods' effects, side by side. ``fingerprint``: of the plan.
    """

    conclusion: Literal["changed", "not_seen", "refused"]
    quality: Quality
    effect: Effect | None
    refusal: Refusal | None
    checks: tuple[Check, ...]
    second: tuple[tuple[Method, Effect], ...]
    fingerprint: str
    left_out: tuple[int, ...] = field(default=())

    def prior_for_next_time(self, prior: Belief) -> Belief:
        """The play's prior after this verdict; see `evidence.updated`."""
        return updated(prior, self.effect, self.quality)


def verdict(plan: Plan, panel: Panel) -> Verdict:
    """Judge a change by its plan. ``panel`` has the plan's units in their order, and the months up to the planned end.

    Order: the data's fitness; other changes known; the planned method; placebo in time, then in space; pre-trend; a
    measure that cannot move; timing; leave one control out; a second method. Refuses with a code: what `CannotTell` names,
    "not-the-plan", "too-early", "confounded", "placebo-rate", "pre-trend", "methods-disagree". Quality: strong with
    controls, all checks passed and 12 months before; each flag, each missing placebo and no controls lower it by one step.
    Months after the planned end are not looked at. Never raises for poor data: the verdict carries the refusal.

    >>> rng = np.random.default_rng(2)
    >>> y = 50 + rng.normal(0, 1, 36) + rng.normal(0, 1, (14, 36))
    >>> y[0, 24:] += 4
    >>> starts = (24.0, *([np.inf] * 13))
    >>> plan = Plan("experience.nps", "points", "synthetic_did", starts, 24, 12, 1.5)
    >>> found = verdict(plan, Panel.of(y, starts))
    >>> found.conclusion, found.quality, found.effect.low < 4 < found.effect.high
    ('changed', 'strong', True)
    >>> verdict(plan, Panel.of(y, starts, other_changes=[(0, 25)])).refusal.code
    'confounded'
    """
    checks: list[Check] = []
    try:
        judged, left_out = _fit_to_judge(plan, panel)
        effect = estimate(judged, plan.method, plan.settings)
    except CannotTell as reason:
        return _refused(plan, reason, checks)
    second: list[tuple[Method, Effect]] = []
    try:
        _run_checks(plan, judged, effect, checks, second)
    except CannotTell as reason:
        return _refused(plan, reason, checks, tuple(second), left_out)
    return Verdict(
        "changed" if effect.excludes_zero else "not_seen",
        _quality(judged, checks),
        effect,
        None,
        tuple(checks),
        tuple(second),
        plan.fingerprint,
        left_out,
    )


def _fit_to_judge(plan: Plan, panel: Panel) -> tuple[Panel, tuple[int, ...]]:
    """The panel up to the planned end, without controls to which something else happened."""
    given = tuple(panel.starts.tolist())
    if given != plan.starts:
        raise CannotTell(
            "not-the-plan", {"fingerprint": plan.fingerprint}, "give the units and starts of the plan"
        )
    treated = np.flatnonzero(panel.treated)
    if treated.size == 0:
        raise CannotTell(
            "too-few-units", {"treated": 0, "needed": 1}, "no unit has the change within these months"
        )
    end = int(panel.starts[treated].max()) + plan.months_after
    months = panel.outcomes.shape[1]
    if months < end:
        raise CannotTell("too-early", {"months": months, "needed": end}, f"wait {end - months} more months")
    first = int(panel.starts[treated].min())
    if first < LEAST_BEFORE:
        raise CannotTell(
            "too-few-months",
            {"months": first, "needed": LEAST_BEFORE},
            "more months before the start are needed",
        )
    if not np.isfinite(panel.outcomes[treated]).any():
        raise CannotTell("all-missing", {"units": int(treated.size)}, "no unit with the change has a value")
    shaken = set()
    for unit, month in panel.other_changes:
        if not first - SHADOW <= month < end:
            continue
        start = panel.starts[unit]
        if np.isfinite(start) and start - SHADOW <= month:
            raise CannotTell(
                "confounded",
                {"unit": unit, "month": month},
                "another change fell into the same time in a unit with this one: their effects cannot be told apart",
            )
        shaken.add(unit)
    keep = np.array([unit not in shaken or bool(panel.treated[unit]) for unit in range(len(panel.outcomes))])
    whole = panel.only(keep)
    if end < months:
        whole = whole.until(end)
    return whole, tuple(sorted(shaken - set(treated.tolist())))


def _run_checks(
    plan: Plan, panel: Panel, effect: Effect, checks: list[Check], second: list[tuple[Method, Effect]]
) -> None:
    def enter(check: Check, code: str, remedy: str) -> None:
        checks.append(check)
        if check.outcome == "refused":
            raise CannotTell(code, {"check": check.name, "figure": round(check.figure or 0.0, 4)}, remedy)

    method, settings = plan.method, plan.settings
    noisy = "the method sees effects where nothing happened: choose another measure or method, or wait for more data"
    alike = [placebos_in_time(panel, method, settings, plan.months_after)]
    enter(placebo_check(alike[0], plan.alpha), "", "")
    compared = not panel.treated.all()
    if compared and method != "interrupted":
        alike.append(placebos_in_space(panel, method, settings, effect))
        enter(placebo_check(alike[1], plan.alpha), "", "")
    enter(placebo_rate_check(alike, plan.alpha), "placebo-rate", noisy)
    if compared and method != "interrupted":
        enter(
            pre_trend_check(panel),
            "pre-trend",
            "units with the change ran otherwise before it: take other controls",
        )
    enter(
        unaffected_check(panel, plan),
        "confounded",
        "a measure that the change cannot move moved as well: find out what else happened",
    )
    enter(timing_check(panel, plan), "timing", "")
    if compared and method != "interrupted":
        enter(donors_check(effect, leave_one_out(panel, method, settings)), "donors", "")
    for other in _others(plan, panel):
        try:
            found = estimate(panel, other, Settings(settings.level, plan.ramp, plan.season, plan.seed, 60))
        except CannotTell:
            continue
        second.append((other, found))
        enter(
            second_opinion_check(effect, found, other),
            "methods-disagree",
            "two methods are certain of opposite effects: neither can be trusted",
        )


def _others(plan: Plan, panel: Panel) -> list[Method]:
    """The methods that stand beside the planned one: structural and synthetic DiD where there are controls."""
    if panel.treated.all():
        return []
    wanted: list[Method] = ["structural", "synthetic_did"]
    return [method for method in wanted if method != plan.method]


def _quality(panel: Panel, checks: list[Check]) -> Quality:
    compared = not panel.treated.all()
    steps = sum(check.outcome == "flagged" for check in checks)
    steps += sum(check.outcome == "not_run" and check.name.startswith("placebo in") for check in checks)
    steps += not compared
    steps += min(panel.cohorts()) < 12
    return ("strong", "moderate", "weak")[min(steps, 2)]


def _refused(
    plan: Plan,
    reason: CannotTell,
    checks: list[Check],
    second: tuple[tuple[Method, Effect], ...] = (),
    left_out: tuple[int, ...] = (),
) -> Verdict:
    return Verdict(
        "refused",
        "refused",
        None,
        Refusal(reason.code, reason.data, reason.remedy),
        tuple(checks),
        second,
        plan.fingerprint,
        left_out,
    )
