"""How many will ask: closed days, known worlds, sums that agree, and real series in short."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from tests.validation.forecasts_data import emergency, nhs

from carewheel.science.forecasting.demand import (
    booking_curve,
    calendar,
    daily_forecast,
    hierarchy,
    monthly_forecast,
    profile,
    reconciled,
)
from carewheel.science.forecasting.demand.reconciliation import shrunk_covariance
from carewheel.science.refusal import CannotTell

Floats = NDArray[np.float64]
WEEK = np.array([44, 40, 38, 37, 36, 20, 0.0])


def clinic(seed: int, days: int) -> Floats:
    """Poisson counts of a clinic that is closed on the last day of the week."""
    return np.random.default_rng(seed).poisson(np.resize(WEEK, days)).astype(float)


# --- days


def test_closed_days_get_nought_and_teach_nothing() -> None:
    year = calendar(0, 428, closed=[30, 404], closed_weekdays=(6,))
    y = clinic(1, 400)
    told = daily_forecast(y, year, 28)
    shut = year.closed[400:428]
    assert shut.sum() == 5  # four last days of the week and day 404
    found = told.interval(0.9)
    assert (found.value[shut] == 0).all()
    assert (found.high[shut] == 0).all()
    assert (found.value[~shut] > 10).all()
    # Whatever stands on a closed day, a nought, a strange number or nothing, the forecast is the same.
    for strange in (0.0, 999.0, np.nan):
        changed = y.copy()
        changed[year.closed[:400]] = strange
        np.testing.assert_array_equal(daily_forecast(changed, year, 28).mean, told.mean)


def test_a_special_day_that_came_before_is_foreseen() -> None:
    special = {"holiday": [50, 120, 200, 260, 330, 405]}
    year = calendar(0, 420, special=special)
    mean = np.resize([40.0] * 7, 400)
    mean[special["holiday"][:5]] = 15
    y = np.random.default_rng(3).poisson(mean).astype(float)
    told = daily_forecast(y, year, 14)
    assert told.mean[5] < 25 < 35 < told.mean[4]


def test_no_day_after_the_origin_is_read() -> None:
    year = calendar(0, 230)
    y = clinic(2, 200)
    before = daily_forecast(y[:180], year, 14).mean
    changed = y.copy()
    changed[180:] = 0
    np.testing.assert_array_equal(before, daily_forecast(changed[:180], year, 14).mean)


def test_intervals_of_days_and_weeks_cover_what_comes() -> None:
    inside: dict[str, list[bool]] = {"day": [], "week": []}
    year = calendar(0, 400, closed_weekdays=(6,))
    for seed in range(25):
        y = clinic(seed, 328)
        told = daily_forecast(y[:300], year, 28)
        day, seen = told.interval(0.8), y[300:]
        kept = ~told.closed
        inside["day"] += ((day.low <= seen) & (seen <= day.high))[kept].tolist()
        for k in range(4):
            week = told.total(np.arange(7 * k, 7 * k + 7), 0.8)
            inside["week"].append(bool(week.low <= seen[7 * k : 7 * k + 7].sum() <= week.high))
    assert 0.76 < np.mean(inside["day"]) < 0.9
    assert 0.7 < np.mean(inside["week"]) < 0.95


def test_small_counts_are_not_underrated() -> None:
    """Two a day: the mean of logs is far below the log of the mean; what the fit lacks is given back."""
    told = [
        daily_forecast(
            np.random.default_rng(seed).poisson(2.0, 300).astype(float), calendar(0, 330), 14
        ).mean.mean()
        for seed in range(20)
    ]
    assert np.mean(told) == pytest.approx(2.0, abs=0.15)


@settings(max_examples=15, deadline=None)
@given(scale=st.sampled_from([2.0, 10.0]), seed=st.integers(0, 50))
def test_twice_the_counts_give_about_twice_the_forecast(scale: float, seed: int) -> None:
    y = clinic(seed, 120) + 20
    year = calendar(0, 130)
    one, more = (daily_forecast(k * y, year, 7).mean for k in (1.0, scale))
    np.testing.assert_allclose(more, scale * one, rtol=0.02)


# --- hours, books, walk-ins


def test_hours_sum_to_their_day_and_their_quantiles_cover() -> None:
    rng = np.random.default_rng(2)
    share = np.array([0.1, 0.3, 0.4, 0.2])
    counts = rng.poisson(np.outer(np.resize(WEEK, 280) + 5, share)).astype(float)
    year = calendar(0, 300)
    told = daily_forecast(counts[:252].sum(axis=1), year, 28)
    made = profile(counts[:252], year.weekday[:252])
    found = made.forecast(told, year.weekday[252:280], 0.9)
    np.testing.assert_allclose(found.value.sum(axis=1), told.mean)
    inside = (found.low <= counts[252:]) & (counts[252:] <= found.high)
    assert 0.87 < inside.mean() < 0.99
    np.testing.assert_allclose(made.share.sum(axis=1), 1.0)


def test_the_book_sharpens_what_the_calendar_says() -> None:
    """Days that really differ: near the day the book knows, far ahead it does not."""
    rng = np.random.default_rng(8)
    days, leads = 140, np.array([1.0, 0.9, 0.6, 0.1])
    mean = 40 * np.exp(rng.normal(0, 0.25, days))
    final = rng.poisson(mean)
    book = np.column_stack([rng.binomial(final, share) for share in leads]).astype(float)
    told = np.full(days, final[:100].mean())
    curve = booking_curve(book[:100], np.arange(100) % 7, told[:100])
    error = []
    for lead in range(4):
        found = curve.forecast(book[100:, lead], np.full(40, lead), np.arange(100, 140) % 7, told[100:], 0.9)
        error.append(np.mean(np.abs(found.value - final[100:])))
        inside = (found.low <= final[100:]) & (final[100:] <= found.high)
        assert inside.mean() > 0.75
    calendar_error = np.mean(np.abs(told[100:] - final[100:]))
    assert error[0] == 0
    assert error[0] < error[1] < error[2] < 0.8 * calendar_error
    assert error[3] < 1.1 * calendar_error


# --- sums that agree


def test_reconciled_forecasts_add_up_and_those_that_do_already_stay() -> None:
    rng = np.random.default_rng(1)
    tree = hierarchy(["n", "n", "s", "s", "s"])
    errors = rng.normal(size=(30, 8))
    right = tree.sums @ rng.uniform(5, 10, (5, 4))
    np.testing.assert_allclose(reconciled(tree, right, errors).mean, right)
    found = reconciled(tree, right + rng.normal(size=right.shape), errors).mean
    np.testing.assert_allclose(found, tree.sums @ found[3:])


def test_reconciliation_has_the_least_error_that_unbiased_sums_can_have() -> None:
    """Errors of a known covariance: MinT with it beats bottom-up and the forecasts themselves, and its variance is what is found."""
    rng = np.random.default_rng(5)
    tree = hierarchy(["n", "n", "s", "s"])
    truth = tree.sums @ np.array([20.0, 30.0, 10.0, 40.0])
    sd = np.array([2.0, 2.0, 2.0, 3.0, 3.0, 3.0, 3.0])
    past = rng.normal(size=(4_000, 7)) * sd
    told = truth[:, None] + rng.normal(size=(7, 4_000)) * sd[:, None]
    found = reconciled(tree, told, past)
    mine = ((found.mean - truth[:, None]) ** 2).mean(axis=1)
    bottom_up = ((tree.sums @ told[3:] - truth[:, None]) ** 2).mean(axis=1)
    assert (mine < bottom_up).all()
    assert (mine < sd**2).all()
    np.testing.assert_allclose(mine, found.variance[:, 0], rtol=0.1)


def test_shrinkage_leaves_true_correlations_and_kills_false_ones() -> None:
    rng = np.random.default_rng(1)
    apart = shrunk_covariance(rng.normal(size=(12, 30)))
    scale = np.sqrt(np.diag(apart))
    off = (apart / np.outer(scale, scale))[~np.eye(30, dtype=bool)]
    raw = np.corrcoef(rng.normal(size=(12, 30)), rowvar=False)[~np.eye(30, dtype=bool)]
    assert np.abs(off).mean() < 0.4 * np.abs(raw).mean()
    one = rng.normal(size=(400, 1)) + 0.3 * rng.normal(size=(400, 5))
    together = shrunk_covariance(one)
    assert together[0, 1] / np.sqrt(together[0, 0] * together[1, 1]) > 0.85


# --- months


def test_a_series_of_its_own_learns_its_season_from_the_others() -> None:
    rng = np.random.default_rng(3)
    season = np.tile(1 + 0.2 * np.sin(np.arange(12)), 3)
    level = rng.uniform(50, 500, 30)
    y = np.outer(level, season) * np.exp(rng.normal(0, 0.05, (30, 36)))
    days = np.full(36, 21.0)
    told = monthly_forecast(y[:, :24], days[:27], 3)
    error = np.abs(told.mean / np.outer(level, season[24:27]) - 1).mean()
    assert error < 0.04  # a year ago alone errs by 0.05 and more
    found = told.interval(0.8)
    assert 0.7 < np.mean((found.low <= y[:, 24:27]) & (y[:, 24:27] <= found.high)) < 0.95


def test_months_with_more_working_days_get_more() -> None:
    y = np.outer([100, 200], np.tile(np.full(12, 20.0), 2))
    days = np.full(26, 20.0)
    days[25] = 22
    found = monthly_forecast(y, days, 2).mean
    np.testing.assert_allclose(found[:, 1] / found[:, 0], 1.1)


@pytest.mark.parametrize(
    ("call", "code"),
    [
        (lambda: daily_forecast([], calendar(0, 10), 3), "too-few-days"),
        (lambda: daily_forecast(np.full(60, np.nan), calendar(0, 70), 3), "too-few-days"),
        (lambda: daily_forecast(np.zeros(60), calendar(0, 70), 3), "nothing-came"),
        (lambda: daily_forecast(np.full(60, -1.0), calendar(0, 70), 3), "not-counts"),
        (lambda: daily_forecast(np.ones(60), calendar(0, 61), 3), "calendar-too-short"),
        (lambda: daily_forecast(np.ones(60), calendar(0, 70), 0), "no-horizon"),
        (lambda: calendar(0, 0), "no-days"),
        (lambda: calendar(0, 7, closed_weekdays=tuple(range(7))), "never-open"),
        (lambda: daily_forecast(np.ones(90), calendar(0, 99), 3).total([5]), "no-days"),
        (lambda: profile(np.ones((10, 3)), np.arange(10) % 7), "too-few-days"),
        (lambda: profile(np.zeros((40, 3)), np.arange(40) % 7), "nothing-came"),
        (lambda: booking_curve(np.ones((3, 2)), [0, 1, 2], [1, 1, 1]), "too-few-days"),
        (lambda: booking_curve(-np.ones((9, 2)), np.arange(9) % 7, np.ones(9)), "not-a-book"),
        (lambda: monthly_forecast(np.ones((2, 14)), np.ones(17), 3), "too-few-months"),
        (lambda: monthly_forecast(np.zeros((2, 24)), np.ones(27), 3), "not-counts"),
        (lambda: monthly_forecast(np.ones((2, 24)), np.ones(26), 3), "working-days"),
        (lambda: hierarchy([]), "no-locations"),
        (lambda: reconciled(hierarchy(["a"]), np.ones((3, 1)), np.ones((2, 3))), "too-few-errors"),
    ],
)
def test_bad_input_is_refused_with_a_code_and_a_remedy(call: Any, code: str) -> None:
    with pytest.raises(CannotTell) as caught:
        call()
    assert caught.value.code == code
    assert caught.value.remedy


# --- the real series, in short


@pytest.mark.needs_data
def test_three_windows_of_a_real_emergency_room_are_foretold_better_than_by_the_week_before(
    shared_data: Path,
) -> None:
    """Windows before the last year; those of the last year are for `make validate`."""
    y, _, days = emergency(shared_data)
    ratios = []
    for end in (700, 800, 900):
        told = daily_forecast(y[:end], days, 28).mean
        ratios.append(
            np.abs(y[end : end + 28] - told).mean()
            / np.abs(y[end : end + 28] - np.tile(y[end - 7 : end], 4)).mean()
        )
    assert np.mean(ratios) < 0.85


@pytest.mark.needs_data
def test_months_of_real_areas_are_foretold_better_than_by_a_year_before(shared_data: Path) -> None:
    counts, worked, _ = nhs(shared_data)
    told = monthly_forecast(counts[:, :18], worked[:21], 3).mean
    seen = counts[:, 18:21]
    assert np.abs(seen - told).mean() < 0.7 * np.abs(seen - counts[:, 6:9]).mean()
