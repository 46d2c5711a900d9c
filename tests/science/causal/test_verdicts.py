"""From a plan to a verdict: what is refused, what is flagged, and what is left for the next prior."""

from __future__ import annotations

import dataclasses
import math
import pickle
from functools import lru_cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import stats
from tests.validation.causal import plan_and_judge
from tests.validation.confounded_changes import EFFECT, START, UNITS, judged, row, world

from carewheel.science.causal import (
    NEVER,
    Belief,
    CannotTell,
    Effect,
    Panel,
    Placebos,
    Plan,
    Verdict,
    impact,
    months_needed,
    planned,
    updated,
    verdict,
)
from carewheel.science.causal.checks import placebo_check, placebo_rate_check

Floats = NDArray[np.float64]
WORLDS = 10
STARTS = [float(START), *([NEVER] * (UNITS - 1))]


@lru_cache(maxsize=8)
def verdicts(case: str) -> list[Verdict]:
    return [judged(case, 1_000 + number) for number in range(WORLDS)]


def simple(seed: int = 1, effect: float = EFFECT) -> tuple[Plan, Floats]:
    y = world(np.random.default_rng(seed))
    y[0, START:] += effect
    return planned(
        Panel.of(y[:, :START], [NEVER] * UNITS), STARTS, 12, measure="experience.nps", unit="points"
    ), y


def code_of(found: Verdict) -> str:
    assert found.conclusion == found.quality == "refused"
    assert found.effect is None
    assert found.refusal is not None
    assert found.refusal.remedy
    return found.refusal.code


# --- confounding, and the absence of it


def test_a_known_change_at_the_same_time_is_always_refused() -> None:
    assert {code_of(found) for found in verdicts("known")} == {"confounded"}


def test_a_change_that_moved_what_it_cannot_move_is_refused_and_the_same_shock_unseen_is_not() -> None:
    same = row("same", verdicts("same"))
    assert same.changed - same.flagged == 0
    assert same.refused > 0.8
    # Honest about the limit: nothing tells this shock from an effect.
    assert row("blind", verdicts("blind")).changed > 0.5


@pytest.mark.parametrize("case", ["before", "after"])
def test_a_hidden_shock_in_another_month_never_passes_for_a_strong_effect(case: str) -> None:
    one = row(case, verdicts(case))
    strong = round((one.changed - one.flagged) * WORLDS)
    assert strong <= stats.binom.ppf(0.999, WORLDS, 0.1)


def test_effects_are_found_and_nothing_is_left_alone() -> None:
    effects, nothing = row("effect", verdicts("effect")), row("nothing", verdicts("nothing"))
    assert effects.changed * WORLDS >= stats.binom.ppf(0.001, WORLDS, 0.7)
    assert nothing.changed * WORLDS <= stats.binom.ppf(0.999, WORLDS, 0.05)
    inside = [v.effect.low <= EFFECT <= v.effect.high for v in verdicts("effect") if v.effect]
    assert sum(inside) >= stats.binom.ppf(0.001, len(inside), 0.95)


def test_a_control_to_which_something_happened_is_left_out() -> None:
    plan, y = simple()
    disturbed = y.copy()
    disturbed[4, 26:] += 25
    found = verdict(plan, Panel.of(disturbed, STARTS, other_changes=[(4, 26), (5, 2)]))
    assert found.left_out == (4,)
    assert found.conclusion == "changed"


def test_the_checks_come_in_their_order_and_say_what_they_saw() -> None:
    plan, y = simple(3)
    found = verdict(plan, Panel.of(y, STARTS))
    names = [check.name for check in found.checks]
    assert names[:3] == ["placebo in time", "placebo in space", "placebo rate"]
    assert names[3:7] == ["pre-trend", "measure that cannot move", "timing", "leave one control out"]
    assert [method for method, _ in found.second] == ["structural"]
    assert all(check.why for check in found.checks)


@pytest.mark.parametrize(
    ("hits", "count", "flag", "together"),
    [
        (0, 24, "passed", "passed"),
        (2, 24, "passed", "passed"),  # 8 %
        (3, 24, "flagged", "passed"),  # 12 %, and chance has as many in one of nine
        (4, 24, "flagged", "refused"),  # 17 %, and chance has as many in one of thirty
        (9, 24, "flagged", "refused"),
        (1, 5, "flagged", "passed"),
        (0, 0, "not_run", "not_run"),
    ],
)
def test_a_method_that_sees_ghosts_is_flagged_and_refused_once_chance_does_not_explain_them(
    hits: int, count: int, flag: str, together: str
) -> None:
    ghost, none = Effect(2.0, 1.0, 3.0, 0.5), Effect(0.2, -0.8, 1.2, 0.5)
    found = Placebos("time", (ghost,) * hits + (none,) * (count - hits))
    assert placebo_check(found, 0.05).outcome == flag
    assert placebo_rate_check([found], 0.05).outcome == together
    if count:
        assert found.rate == hits / count
    else:
        with pytest.raises(CannotTell, match="no-placebo"):
            _ = found.rate


def test_ghosts_found_in_the_past_refuse_the_verdict() -> None:
    """The location has jumped before, as no control has: a jump at the start says nothing."""
    plan, y = simple(4, effect=0.0)
    for month in (8, 16):
        y[0, month:] += 8.0 if month == 8 else -8.0
    assert code_of(verdict(plan, Panel.of(y, STARTS))) == "placebo-rate"


def test_a_location_by_itself_is_never_strong() -> None:
    rng = np.random.default_rng(5)
    y = 50 + rng.normal(0, 1, (1, 48))
    y[0, 36:] += 5
    plan = planned(Panel.of(y[:, :36], [NEVER]), [36.0], 12, measure="m", unit="u")
    assert plan.method == "interrupted"
    found = verdict(plan, Panel.of(y, [36.0]))
    assert found.conclusion == "changed"
    assert found.quality == "moderate"
    assert found.second == ()


# --- plans


def test_a_plan_is_made_before_and_kept() -> None:
    plan, y = simple()
    with pytest.raises(dataclasses.FrozenInstanceError):
        plan.alpha = 0.5  # type: ignore[misc]
    with pytest.raises(CannotTell, match="after-seen"):
        planned(Panel.of(y, [NEVER] * UNITS), STARTS, 12, measure="m", unit="u")
    assert code_of(verdict(plan, Panel.of(y, [25.0, *STARTS[1:]]))) == "not-the-plan"
    assert code_of(verdict(plan, Panel.of(y[:, :30], STARTS))) == "too-early"
    assert dataclasses.replace(plan, alpha=0.1).fingerprint != plan.fingerprint
    assert verdict(plan, Panel.of(y, STARTS)).fingerprint == plan.fingerprint


def test_months_after_the_planned_end_are_not_looked_at() -> None:
    plan, y = simple()
    longer = np.concatenate([y, y[:, :6] + 40], axis=1)
    assert verdict(plan, Panel.of(longer, STARTS)) == verdict(plan, Panel.of(y, STARTS))


def test_the_planned_effect_is_found_about_as_often_as_promised() -> None:
    found = [plan_and_judge("synthetic_did", 5_000 + k) for k in range(40)]
    assert stats.binom.ppf(0.001, 40, 0.65) <= sum(one[1] for one in found)


def test_smaller_effects_need_more_months() -> None:
    before = Panel.of(50 + np.random.default_rng(2).normal(0, 1, (1, 40)), [NEVER])
    large, small = (months_needed(before, [40.0], wanted, "interrupted") for wanted in (4.0, 1.9))
    assert large is not None
    assert small is None or small > large
    assert months_needed(before, [40.0], 0.001, "interrupted") is None


# --- the next prior


@settings(max_examples=50, deadline=None)
@given(st.floats(-5, 5), st.floats(0.1, 5), st.floats(-5, 5), st.floats(0.1, 5))
def test_the_update_is_the_product_of_two_normals_and_quality_orders_its_pull(
    mean: float, sd: float, value: float, error: float
) -> None:
    prior, effect = Belief(mean, sd), Effect(value, value - 2 * error, value + 2 * error, error)
    strong, moderate, weak = (updated(prior, effect, quality) for quality in ("strong", "moderate", "weak"))  # type: ignore[arg-type]
    x = np.linspace(-40, 40, 40_001)
    density = stats.norm.pdf(x, mean, sd) * stats.norm.pdf(value, x, error)
    assert strong.mean == pytest.approx(float(np.sum(x * density) / np.sum(density)), abs=1e-3)
    assert strong.sd < moderate.sd < weak.sd < sd
    assert strong.prior_weight < moderate.prior_weight < weak.prior_weight < 1
    assert abs(weak.mean - mean) <= abs(strong.mean - mean) + 1e-9
    assert updated(prior, None, "refused") == prior


def test_a_verdict_moves_the_prior_towards_what_it_saw() -> None:
    plan, y = simple(7)
    found = verdict(plan, Panel.of(y, STARTS))
    assert found.effect is not None
    after = found.prior_for_next_time(Belief(0.0, 2.0))
    assert 0 < after.mean < found.effect.value
    assert after.sd < 2.0


# --- poor data: a typed refusal, never a number


BAD: dict[str, tuple[Floats, str]] = {
    "constant": (np.full((1, 36), 7.0), "no-variation"),
    "all missing": (np.full((1, 36), np.nan), "all-missing"),
    "missing before": (
        np.concatenate([np.full((1, 24), np.nan), np.ones((1, 12))], axis=1),
        "too-few-months",
    ),
    "missing after": (
        np.concatenate([np.arange(24.0)[None] % 5, np.full((1, 12), np.nan)], axis=1),
        "nothing-after",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_poor_series_are_refused_by_name(case: str) -> None:
    y, code = BAD[case]
    with pytest.raises(CannotTell) as caught:
        impact(y[0], 24)
    assert caught.value.code == code
    assert caught.value.remedy
    plan = Plan("m", "u", "interrupted", (24.0,), 24, 12, 1.0)
    assert code_of(verdict(plan, Panel.of(y, [24.0]))) == code


def test_three_months_are_too_few_by_every_way() -> None:
    y = np.array([[1.0, 2.0, 5.0]])
    with pytest.raises(CannotTell, match="too-few-months"):
        impact(y[0], 2)
    assert (
        code_of(verdict(Plan("m", "u", "interrupted", (2.0,), 2, 1, 1.0), Panel.of(y, [2.0])))
        == "too-few-months"
    )
    with pytest.raises(CannotTell, match="too-few-months"):
        planned(Panel.of(y, [NEVER]), [3.0], 6, measure="m", unit="u")


def test_absurd_readings_are_refused_and_negative_money_is_fine() -> None:
    rng = np.random.default_rng(1)
    y = rng.normal(-5_000, 300, (1, 36))
    money = verdict(Plan("m", "USD", "interrupted", (24.0,), 24, 12, 1.0), Panel.of(y, [24.0]))
    assert money.effect is not None
    y[0, 7] = 1e12
    with pytest.raises(CannotTell, match="absurd-outlier"):
        Panel.of(y, [24.0])
    with pytest.raises(CannotTell, match="absurd-outlier"):
        impact(y[0], 24)
    y[0, 7] = np.inf
    with pytest.raises(CannotTell, match="not-finite"):
        impact(y[0], 24)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_whatever_comes_in_no_number_without_an_interval_comes_out(data: st.DataObject) -> None:
    units, months = data.draw(st.integers(1, 7)), data.draw(st.integers(2, 26))
    value = st.one_of(st.just(math.nan), st.floats(-1e6, 1e6), st.sampled_from([0.0, 1.0, 1e12, math.inf]))
    y = np.array(data.draw(st.lists(value, min_size=units * months, max_size=units * months))).reshape(
        units, months
    )
    starts = data.draw(st.lists(st.sampled_from([NEVER, 1.0, 9.0, 12.0]), min_size=units, max_size=units))
    method = data.draw(
        st.sampled_from(
            ["structural", "interrupted", "difference_in_differences", "synthetic_control", "synthetic_did"]
        )
    )
    plan = Plan("m", "u", method, tuple(starts), 9, 4, 1.0)
    try:
        panel = Panel.of(y, starts)
    except CannotTell:
        return
    found = verdict(plan, panel)
    if found.effect is None:
        assert code_of(found)
    else:
        assert np.isfinite(found.effect).all()
        assert found.effect.low <= found.effect.value <= found.effect.high
        assert found.effect.sd > 0


def test_a_refusal_survives_the_way_between_processes() -> None:
    reason = CannotTell("too-few-months", {"months": 3}, "wait")
    assert str(pickle.loads(pickle.dumps(reason))) == str(reason)
