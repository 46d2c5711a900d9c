"""Differences in differences and synthetic doubles: against independent implementations, textbook forms and published answers."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import stats
from scipy.optimize import minimize
from tests.validation.published_changes import prop99_answers

from carewheel.science.causal import (
    METHODS,
    NEVER,
    CannotTell,
    Panel,
    Settings,
    estimate,
    pre_trend,
    staggered_did,
    synthetic_control,
    synthetic_did,
)
from carewheel.science.causal.panel import completed
from carewheel.science.causal.simplex import simplex_weights
from carewheel.science.causal.staggered import average_effect

Floats = NDArray[np.float64]
ROOT = Path(__file__).parents[3]


def staggered(seed: int, units: int = 60, months: int = 14) -> Panel:
    """Three cohorts with effects that grow by their age, and a third of the units without a change."""
    rng = np.random.default_rng(seed)
    y = rng.normal(0, 2, (units, 1)) + rng.normal(0, 1, months)
    y += np.cumsum(rng.normal(0, 0.5, (units, months)), axis=1)
    starts = np.full(units, NEVER)
    starts[:12], starts[12:25], starts[25:33] = 5, 8, 11
    for unit in range(33):
        start = int(starts[unit])
        y[unit, start:] += 1 + 0.2 * np.arange(months - start)
    return Panel.of(y, starts)


def drifting(
    seed: int, units: int = 16, months: int = 36, start: int = 24, treated: int = 1, effect: float = 3.0
) -> Panel:
    rng = np.random.default_rng(seed)
    drift = np.cumsum(rng.normal(0, 0.4, months))
    y = (
        50
        + rng.normal(0, 2, (units, 1))
        + rng.normal(1, 0.2, (units, 1)) * drift
        + rng.normal(0, 1, (units, months))
    )
    y[:treated, start:] += effect
    return Panel.of(y, np.where(np.arange(units) < treated, float(start), NEVER))


# --- staggered difference in differences


def test_every_cell_event_and_average_equals_csdid(csdid_peer: Path) -> None:
    """Callaway and Sant'Anna's own estimator, an independent implementation; its errors lack n / (n - 1)."""
    panel = staggered(3)
    given = {
        "outcomes": panel.outcomes.tolist(),
        "starts": [int(start) if np.isfinite(start) else None for start in panel.starts],
    }
    run = subprocess.run(
        [csdid_peer, ROOT / "benchmarks" / "peers" / "csdid_answers.py"],
        input=json.dumps(given),
        capture_output=True,
        text=True,
        check=True,
    )
    answers: dict[str, Any] = json.loads(run.stdout.split("ANSWERS ")[1])
    for controls in ("never", "not_yet"):
        ours = staggered_did(panel, controls=controls, base="last")  # type: ignore[arg-type]
        theirs = answers[controls]
        cells = {(cell.start, cell.month): cell for cell in ours.cells}
        assert len(cells) == len(theirs["cells"]) == 39
        for start, month, value, error in theirs["cells"]:
            cell = cells[start, month]
            assert cell.effect.value == pytest.approx(value, abs=1e-10)
            least = min(cell.treated, cell.controls)
            assert 1 <= cell.effect.sd / error <= np.sqrt(least / (least - 1)) + 1e-9
        assert ours.average.value == pytest.approx(theirs["simple"]["average"], abs=1e-10)
        events = dict(ours.events)
        for lag, value in zip(theirs["dynamic"]["lags"], theirs["dynamic"]["effects"], strict=True):
            assert events[lag].value == pytest.approx(value, abs=1e-10)


def test_with_one_start_it_is_the_two_by_two_table_and_the_two_way_regression() -> None:
    panel = drifting(1, treated=5)
    y, own = panel.outcomes, panel.treated
    table = (y[own, 24:].mean() - y[own, :24].mean()) - (y[~own, 24:].mean() - y[~own, :24].mean())
    assert staggered_did(panel).average.value == pytest.approx(table, abs=1e-10)
    assert average_effect(panel) == pytest.approx(table, abs=1e-10)
    units, months = y.shape
    dummies = np.column_stack(
        [
            np.kron(np.eye(units), np.ones((months, 1))),
            np.kron(np.ones((units, 1)), np.eye(months)[:, 1:]),
            (own[:, None] & (np.arange(months) >= 24)).ravel().astype(float),
        ]
    )
    regression = np.linalg.lstsq(dummies, y.ravel(), rcond=None)[0][-1]
    assert staggered_did(panel).average.value == pytest.approx(regression, abs=1e-8)


def test_effects_that_grow_do_not_spoil_the_average_as_they_spoil_the_two_way_regression() -> None:
    """Everybody changes but a few, early ones with growing effects: the regression is far off, the cohorts' average is not."""
    months, starts = 24, np.array([6.0] * 10 + [14.0] * 10 + [NEVER] * 4)
    rng = np.random.default_rng(2)
    y = rng.normal(0, 1, (24, 1)) + rng.normal(0, 1, months) + rng.normal(0, 0.1, (24, months))
    age = np.maximum(np.arange(months) - starts[:, None] + 1, 0)
    truth = float(age[age > 0].mean())
    panel = Panel.of(y + age, starts)
    units = len(y)
    treated = (age > 0).ravel().astype(float)
    dummies = np.column_stack(
        [
            np.kron(np.eye(units), np.ones((months, 1))),
            np.kron(np.ones((units, 1)), np.eye(months)[:, 1:]),
            treated,
        ]
    )
    regression = float(np.linalg.lstsq(dummies, panel.outcomes.ravel(), rcond=None)[0][-1])
    assert abs(regression - truth) > 1
    assert staggered_did(panel).average.value == pytest.approx(truth, abs=0.15)


def test_intervals_cover_with_few_units() -> None:
    inside = [
        (found := staggered_did(drifting(seed, units=10, treated=4, effect=1.0)).average).low
        <= 1.0
        <= found.high
        for seed in range(150)
    ]
    assert sum(inside) >= stats.binom.ppf(0.001, 150, 0.92)


def test_the_pre_trend_test_keeps_its_level_and_sees_a_drift_apart() -> None:
    alike, apart = [], []
    for seed in range(120):
        panel = drifting(seed, units=20, treated=8)
        found = pre_trend(panel)
        assert found is not None
        assert found.blocks == 3
        alike.append(found.p < 0.05)
        slope = np.where(panel.treated[:, None], 0.15 * np.arange(36), 0.0)
        moved = pre_trend(panel.with_outcomes(panel.outcomes + slope))
        assert moved is not None
        apart.append(moved.p < 0.05)
    assert sum(alike) <= stats.binom.ppf(0.999, 120, 0.08)
    assert np.mean(apart) > 0.7
    assert pre_trend(drifting(1)) is None


def test_a_missing_month_does_not_bring_its_season_with_it() -> None:
    panel = drifting(7, treated=5)
    y = panel.outcomes + 20 * np.sin(2 * np.pi * np.arange(36) / 12)
    whole = staggered_did(panel.with_outcomes(y)).average
    y[0, [2, 3, 30]] = np.nan
    y[9, [14, 15]] = np.nan
    assert staggered_did(panel.with_outcomes(y)).average.value == pytest.approx(whole.value, abs=0.3)


# --- synthetic doubles


def test_simplex_weights_are_the_optimum_that_a_general_solver_finds() -> None:
    rng = np.random.default_rng(4)
    for ridge, intercept in ((0.0, False), (0.7, False), (0.7, True)):
        matrix, target = rng.normal(5, 1, (14, 6)), rng.normal(5, 1, 14)

        def loss(
            w: Floats, m: Floats = matrix, t: Floats = target, r: float = ridge, c: bool = intercept
        ) -> float:
            miss = m @ w - t
            miss = miss - miss.mean() if c else miss
            return float(miss @ miss + r * w @ w)

        ours = simplex_weights(matrix, target, ridge, intercept)
        assert ours.min() >= 0
        assert ours.sum() == pytest.approx(1, abs=1e-12)
        theirs = minimize(
            loss,
            np.full(6, 1 / 6),
            method="SLSQP",
            bounds=[(0, 1)] * 6,
            constraints={"type": "eq", "fun": lambda w: w.sum() - 1},
            options={"ftol": 1e-14, "maxiter": 1_000},
        )
        assert loss(ours) <= theirs.fun * (1 + 1e-6)
        np.testing.assert_allclose(ours, theirs.x, atol=2e-3)


@pytest.mark.needs_data
def test_proposition_99_as_published(shared_data: Path) -> None:
    rows = prop99_answers(shared_data)
    assert len(rows) == 7
    assert [(one.what, one.obtained) for one in rows if not one.holds] == []


def test_synthetic_did_finds_an_effect_where_differences_are_misled_by_loadings() -> None:
    sdid, did = [], []
    for seed in range(30):
        rng = np.random.default_rng([seed, 3])
        trend = 0.4 * np.arange(30)
        loading = rng.uniform(0, 2, (24, 1))
        loading[:3] = 1.6
        y = loading * trend + rng.normal(0, 0.5, (24, 30))
        y[:3, 22:] += 2
        panel = Panel.of(y, [22.0] * 3 + [NEVER] * 21)
        sdid.append(synthetic_did(panel, draws=20).average.value)
        did.append(average_effect(panel))
    assert abs(np.mean(sdid) - 2) < 0.4
    assert np.mean(did) > 4


@pytest.mark.parametrize("variance", ["placebo", "jackknife"])
def test_intervals_of_synthetic_did_cover(variance: str) -> None:
    inside = []
    for seed in range(60):
        found = synthetic_did(
            drifting(seed, units=14, treated=4, effect=2.0), variance=variance, draws=60
        ).average  # type: ignore[arg-type]
        inside.append(found.low <= 2.0 <= found.high)
    assert sum(inside) >= stats.binom.ppf(0.001, 60, 0.90)


def test_one_donor_that_is_the_double_gets_all_the_weight() -> None:
    rng = np.random.default_rng(3)
    donors = np.cumsum(rng.normal(0, 1, (6, 24)), axis=1)
    found = synthetic_control(donors[4] + 1.5 * (np.arange(24) >= 18), donors, 18)
    assert found.weights[4] == pytest.approx(1, abs=1e-4)
    assert found.average == pytest.approx(1.5, abs=1e-3)
    assert found.before_error < 1e-6


# --- all methods


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 1_000), st.floats(-100, 100), st.floats(0.01, 100), st.sampled_from(METHODS))
def test_units_may_be_relabelled_and_the_measure_rescaled(
    seed: int, shift: float, scale: float, method: str
) -> None:
    panel = drifting(seed, units=14, treated=2)
    asked = Settings(draws=10)
    plain = estimate(panel, method, asked)  # type: ignore[arg-type]
    moved = estimate(panel.with_outcomes(shift + scale * panel.outcomes), method, asked)  # type: ignore[arg-type]
    assert moved.value == pytest.approx(scale * plain.value, rel=1e-3, abs=2e-3 * scale * plain.sd)
    assert moved.sd == pytest.approx(scale * plain.sd, rel=2e-3)
    order = np.random.default_rng(seed).permutation(14)
    turned = estimate(panel.only(order), method, asked)  # type: ignore[arg-type]
    assert turned.value == pytest.approx(plain.value, abs=2e-3 * plain.sd)


def test_a_single_hole_is_filled_and_a_unit_of_holes_left_out() -> None:
    panel = drifting(2, treated=2)
    y = panel.outcomes.copy()
    exact = completed(panel)[0].outcomes
    y[3, 10] = np.nan
    y[5, :20] = np.nan
    filled, out, months = completed(panel.with_outcomes(y))
    assert (out, months, len(filled.outcomes)) == (1, 1, 15)
    assert filled.outcomes[3, 10] == pytest.approx(exact[3, 10], abs=4)
    for method in METHODS:
        assert np.isfinite(estimate(panel.with_outcomes(y), method, Settings(draws=20)).value)


def test_too_few_units_are_refused_by_name() -> None:
    panel = drifting(1, units=4)
    for method in ("difference_in_differences", "synthetic_control"):
        with pytest.raises(CannotTell, match="too-few-units"):
            estimate(panel, method)  # type: ignore[arg-type]
    with pytest.raises(CannotTell, match="too-few-units"):
        estimate(Panel.of(panel.outcomes, [24.0] * 4), "structural")
