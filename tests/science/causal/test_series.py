"""Structural and interrupted series: against dense algebra, R's answers, placebos; and what must not change the answer."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import stats
from scipy.optimize import brentq
from scipy.special import ndtr, stdtr
from tests.validation.causal import alarms, judge
from tests.validation.placebo_series import AFTER, BEFORE, EFFECT, KINDS, placebos
from tests.validation.published_changes import r_answers

from carewheel.science.causal import CannotTell, impact, interrupted
from carewheel.science.causal.mixtures import StudentMixture, normal_of_t
from carewheel.science.causal.noise import Prior, ahead, filtered
from carewheel.science.causal.regression import Design, Fit

Floats = NDArray[np.float64]
SHORT = 60


def noisy(seed: int, months: int = 48, start: int = 36, effect: float = 3.0) -> tuple[Floats, Floats]:
    rng = np.random.default_rng(seed)
    control = 40 + np.cumsum(rng.normal(0, 1, months))
    return 10 + 0.7 * control + rng.normal(0, 1, months) + effect * (np.arange(months) >= start), control


# --- the filter and the posterior, against the same written as dense matrices


def covariance(months: int, phi: float, square: float, start: float, extra: Floats) -> Floats:
    t = np.arange(months)
    walk = start + square * np.minimum(t[:, None], t)
    return np.asarray(phi ** np.abs(t[:, None] - t) + walk + np.diag(extra))


@pytest.mark.parametrize(("phi", "square"), [(0.0, 0.0), (0.6, 0.2), (0.9, 0.01)])
def test_the_filter_is_generalised_least_squares_with_months_missing_and_noise_known(
    phi: float, square: float
) -> None:
    rng = np.random.default_rng(8)
    months, at = 20, 14
    columns = rng.normal(0, 1, (1, months, 3))
    seen = np.ones(months, dtype=bool)
    seen[[3, 4, 11]] = False
    extra = rng.uniform(0, 1, months)
    passed = filtered(columns, seen, np.array([phi]), np.array([square]), 4.0, extra, at)
    dense = covariance(months, phi, square, 4.0, extra)
    pre = seen & (np.arange(months) < at)
    # The first level's mean is the first reading: it is taken off the outcome's column.
    data = columns[0].copy()
    data[:, 0] -= columns[0, 0, 0]
    for until, used in ((at, pre), (months, seen)):
        white = passed.white[:until, 0, 0]
        exact = data[used].T @ np.linalg.solve(dense[np.ix_(used, used)], data[used])
        np.testing.assert_allclose(white.T @ white, exact, rtol=1e-9)
        log_det = np.linalg.slogdet(dense[np.ix_(used, used)])[1]
        assert passed.log_variance[:until].sum() == pytest.approx(log_det, rel=1e-9)
    # The forecast of what comes, given what was seen before it.
    later = np.arange(at, months)
    gain = dense[np.ix_(later, pre)] @ np.linalg.inv(dense[np.ix_(pre, pre)])
    power = phi ** np.arange(months - at)
    mean = passed.mean[0, 0, 0] + power[:, None] * passed.mean[0, 0, 1]
    np.testing.assert_allclose(mean[:, 1:], gain @ data[pre][:, 1:], atol=1e-9)
    np.testing.assert_allclose(mean[:, 0] - columns[0, 0, 0], gain @ data[pre][:, 0], atol=1e-9)
    without = dense - np.diag(extra)
    left = without[np.ix_(later, later)] - gain @ dense[np.ix_(pre, later)]
    np.testing.assert_allclose(
        ahead(passed.cov, np.array([phi]), np.array([square]), months - at)[0], left, atol=1e-9
    )


def test_the_posterior_on_one_point_is_the_textbook_normal_gamma_regression() -> None:
    rng = np.random.default_rng(2)
    months = 30
    prior = Prior(phis=(0.4,), noise_df=3.0, noise_share=0.5)
    x = rng.normal(0, 1, (months, 2))
    y = x @ [1.0, -0.5] + rng.normal(0, 1, months)
    precision = np.diag([0.3, 0.1])
    design = Design(
        np.column_stack([y, x])[None], np.ones(months, dtype=bool), precision[None], months, prior
    )
    fit = Fit.of(design)
    found = fit.coefficients(months)
    weights = []
    for point in range(fit.phi.size):
        inverse = np.linalg.inv(covariance(months, 0.4, fit.squares[point], prior.start, np.zeros(months)))
        z = y - y[0]
        post = x.T @ inverse @ x + precision
        beta = np.linalg.solve(post, x.T @ inverse @ z)
        rate = 1.5 * 0.5 + 0.5 * (z @ inverse @ z - beta @ post @ beta)
        np.testing.assert_allclose(found.beta[0, point], beta, rtol=1e-8)
        assert found.scale[0, point] == pytest.approx(rate / (1.5 + months / 2), rel=1e-8)
        half_log = 0.5 * (np.linalg.slogdet(inverse)[1] - np.linalg.slogdet(post)[1])
        weights.append(fit.log_prior[point] + half_log - (1.5 + months / 2) * np.log(rate))
    expected = np.exp(np.array(weights) - max(weights))
    np.testing.assert_allclose(found.weights[0], expected / expected.sum(), rtol=1e-6)


def test_quantiles_of_mixtures_and_the_fast_student_are_exact_enough() -> None:
    rng = np.random.default_rng(1)
    mix = StudentMixture(
        rng.dirichlet(np.ones(5)), rng.normal(0, 3, (2, 5)), rng.uniform(0.5, 2, (2, 5)), 9.0
    )
    for k in range(2):
        for p in (0.025, 0.5, 0.995):

            def miss(x: float, k: int = k, p: float = p) -> float:
                return float(mix.weights @ stats.t.cdf((x - mix.loc[k]) / mix.scale[k], 9.0)) - p

            assert mix.quantile(p)[k] == pytest.approx(brentq(miss, -60, 60, xtol=1e-12), abs=1e-5)
    t = np.linspace(-15, 15, 1_001)
    for df in (8.0, 12.0, 60.0):
        assert float(np.abs(ndtr(normal_of_t(t, df)) - stdtr(df, t)).max()) < 1e-8


# --- published answers, placebos


@pytest.mark.needs_data
def test_r_examples_are_met(shared_data: Path) -> None:
    rows = r_answers(shared_data)
    assert len(rows) == 3
    assert [one.what for one in rows if not one.holds] == []


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("method", ["structural", "interrupted"])
def test_placebos_give_few_alarms_and_three_percent_is_found(method: str, kind: str) -> None:
    """60 series: what would be seen in fewer than one run of a thousand if the bars were broken by nothing but chance."""
    one = alarms(method, kind, (BEFORE, AFTER), SHORT, KINDS[kind].power, seed=99)
    assert one.false_alarms * SHORT <= stats.binom.ppf(0.999, SHORT, 0.08)
    assert one.power * SHORT >= stats.binom.ppf(0.001, SHORT, KINDS[kind].power)


def test_least_squares_would_cry_wolf_on_the_same_series() -> None:
    claims = {kind: alarms("least squares", kind, (BEFORE, AFTER), 300, None).false_alarms for kind in KINDS}
    assert claims["A"] < 0.12
    assert 0.15 < claims["B"] < 0.32
    assert claims["C"] > 0.55


def test_an_added_effect_moves_the_estimate_by_just_so_much() -> None:
    """The validation counts power by this."""
    y, x = placebos("C", 3, 5)
    for series, control in zip(y, x, strict=True):
        for profile in (1.0, None):
            plain = impact(series, BEFORE, control, profile=profile).average
            moved = impact(
                series + EFFECT * (np.arange(series.size) >= BEFORE), BEFORE, control, profile=profile
            ).average
            for a, b in zip(moved[:3], plain[:3], strict=True):
                assert a - b == pytest.approx(EFFECT, abs=2e-3)


def test_many_series_at_once_are_each_as_alone() -> None:
    """The validation judges its thousands side by side."""
    y, x = placebos("B", 4, 6)
    for method, profile in (("structural", 1.0), ("structural, any shape", None)):
        many = judge(method, (BEFORE, AFTER), (y, x))
        for one, series, control in zip(many, y, x, strict=True):
            alone = impact(series, BEFORE, control, profile=profile).average
            assert one.sd == pytest.approx(alone.sd, rel=1e-9)
            assert one.claimed == alone.excludes_zero


# --- what must not change the answer


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.floats(-1e4, 1e4), st.floats(1e-3, 1e3), st.sampled_from([1.0, None]))
def test_the_unit_of_the_measure_does_not_matter(
    seed: int, shift: float, scale: float, profile: float | None
) -> None:
    y, x = noisy(seed)
    plain, other = (impact(a, 36, b, profile=profile) for a, b in ((y, x), (shift + scale * y, 3 - 2 * x)))
    tolerance = 1e-5 * plain.average.sd * scale + 1e-9 * abs(shift)
    for a, b in zip(other.average, plain.average, strict=True):
        assert a == pytest.approx(scale * b, abs=tolerance, rel=1e-5)
    negative = impact(-y, 36, x, profile=profile).average
    assert negative.value == pytest.approx(-plain.average.value, abs=1e-6)
    assert negative.low == pytest.approx(-plain.average.high, abs=1e-4)


def test_the_order_of_controls_does_not_matter_and_a_constant_one_is_left_out() -> None:
    y, x = noisy(3)
    rng = np.random.default_rng(1)
    beside = np.column_stack([x, rng.normal(0, 1, 48)])
    first = impact(y, 36, beside)
    turned = impact(y, 36, np.column_stack([np.full(48, 7.0), beside[:, ::-1]]))
    assert turned.average == pytest.approx(first.average, rel=1e-6)


def test_a_missing_month_takes_no_part() -> None:
    y, x = noisy(4)
    holes = y.copy()
    holes[[5, 20, 40]] = np.nan
    found = impact(holes, 36, x)
    assert (found.months_before, found.months_after) == (34, 11)
    assert np.isnan(found.pointwise.value[4])
    assert np.isfinite(np.delete(found.pointwise.value, 4)).all()
    assert found.cumulative.value == pytest.approx(11 * found.average.value)
    assert found.average.value == pytest.approx(impact(y, 36, x).average.value, abs=0.5)


def test_known_sampling_noise_makes_a_noisy_month_count_less() -> None:
    y, x = noisy(5, effect=0.0)
    wild = y.copy()
    wild[38] += 30  # one month of few answers
    variances = np.full(48, 0.2)
    variances[38] = 900.0
    known = impact(wild, 36, x, variances=variances).average
    unknown = impact(wild, 36, x).average
    assert abs(known.value - impact(y, 36, x).average.value) < 0.3
    assert unknown.value > known.value + 1


def test_a_ramp_that_was_planned_is_found_more_clearly_than_as_a_step() -> None:
    ramp = np.minimum((np.arange(12) + 1) / 9, 1.0)
    closer = 0
    for seed in range(12):
        y, x = noisy(seed, effect=0.0)
        y[36:] += 5 * ramp
        truth = 5 * ramp.mean()
        planned, step = impact(y, 36, x, profile=ramp).average, impact(y, 36, x).average
        closer += abs(planned.value - truth) < abs(step.value - truth)
        assert planned.low < truth < planned.high or abs(planned.value - truth) < 3 * planned.sd
    assert closer >= 8


def test_pointwise_bands_come_from_before_alone_and_cover() -> None:
    inside = []
    for seed in range(40):
        y, x = noisy(seed, effect=6.0)
        found = impact(y, 36, x)
        truth = y[36:] - 6.0
        inside.append(np.mean((found.counterfactual.low <= truth) & (truth <= found.counterfactual.high)))
        assert found.running.value[-1] == pytest.approx(np.sum(y[36:] - found.counterfactual.value))
    assert 0.90 <= float(np.mean(inside)) <= 0.995


# --- interrupted series


def test_step_slope_and_season_are_told_apart() -> None:
    rng = np.random.default_rng(6)
    t = np.arange(60)
    y = 30 + 0.2 * t + 4 * np.sin(2 * np.pi * t / 12) + rng.normal(0, 0.5, 60)
    y += np.where(t >= 40, 5 + 0.3 * (t - 40), 0)
    found = interrupted(y, 40, slope=True)
    assert found.slope is not None
    assert found.step.low < 5 < found.step.high
    assert found.slope.low < 0.3 < found.slope.high
    assert found.at_end.low < 5 + 0.3 * 19 < found.at_end.high
    assert found.average.value == pytest.approx(float(np.mean(found.effect.value)), abs=1e-6)


def test_intervals_of_interrupted_series_cover() -> None:
    inside = []
    for seed in range(150):
        rng = np.random.default_rng([seed, 1])
        e = np.zeros(36)
        for t in range(1, 36):
            e[t] = 0.4 * e[t - 1] + rng.normal()
        y = 20 + e + 2.0 * (np.arange(36) >= 24)
        found = interrupted(y, 24, season=None, trend=False).average
        inside.append(found.low <= 2.0 <= found.high)
    assert sum(inside) >= stats.binom.ppf(0.001, 150, 0.92)


def test_a_trend_asks_for_more_months() -> None:
    with pytest.raises(CannotTell, match="too-few-months"):
        interrupted(np.random.default_rng(1).normal(0, 1, 16), 10)
    assert interrupted(np.random.default_rng(1).normal(0, 1, 16), 10, trend=False).months_before == 10
