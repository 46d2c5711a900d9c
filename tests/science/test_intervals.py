"""Intervals against published values, against independent routes and by simulated coverage."""

import numpy as np
import pytest
from scipy import stats

from carewheel.science import intervals as iv


def test_wilson_agrees_with_newcombes_published_intervals() -> None:
    # Newcombe 1998, Stat Med 17:857, table I, method 3 (95 %).
    for k, n, low, high in (
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ):
        e = iv.wilson(k, n, level=0.95)
        assert float(e.low) == pytest.approx(low, abs=6e-5)
        assert float(e.high) == pytest.approx(high, abs=6e-5)


def test_no_answers_give_no_share() -> None:
    assert np.isnan(iv.wilson(0, 0)).all()


def test_garwood_is_the_chi_squared_identity_and_the_published_table() -> None:
    for k in (0, 1, 5, 37):
        e = iv.garwood(k)
        assert float(e.high) == pytest.approx(stats.chi2.ppf(0.95, 2 * k + 2) / 2)
        assert float(e.low) == pytest.approx(stats.chi2.ppf(0.05, 2 * k) / 2 if k else 0.0)
    # Ulm 1990, Am J Epidemiol 131:373: exact 95 % limits for 0 and 5 events.
    assert float(iv.garwood(0, 0.95).high) == pytest.approx(3.689, abs=1e-3)
    assert [float(x) for x in iv.garwood(5, 0.95)[1:]] == pytest.approx([1.623, 11.668], abs=1e-3)


def test_nps_of_seventy_ten_in_a_hundred_is_the_known_example() -> None:
    assert [round(float(x), 1) for x in iv.nps(70, 10, 100, level=0.95)] == [60.0, 45.3, 71.2]


def test_nps_stays_on_its_scale() -> None:
    e = iv.nps(3, 0, 3)
    assert float(e.value) == float(e.high) == 100.0


def test_a_mean_agrees_with_scipys_t_interval() -> None:
    x = np.random.default_rng(5).gamma(2, 7, 31)
    e = iv.t_mean(len(x), x.sum(), (x * x).sum())
    expected = stats.t.interval(0.90, 30, loc=x.mean(), scale=stats.sem(x))
    assert [float(e.low), float(e.high)] == pytest.approx(list(expected))


def test_a_mean_of_one_value_has_no_interval() -> None:
    e = iv.t_mean(1, 5, 25)
    assert float(e.value) == 5.0
    assert np.isnan(e.low)


def test_the_jackknife_of_equal_denominators_is_the_t_interval_of_the_mean() -> None:
    x = np.array([0.9, 1.1, 1.0, 1.3, 0.8])
    e = iv.ratio_of_months(x * 10, np.full(5, 10.0))
    expected = stats.t.interval(0.90, 4, loc=x.mean(), scale=stats.sem(x))
    assert [float(e.low), float(e.high)] == pytest.approx(list(expected))


def test_the_noise_of_a_last_month_is_the_residual_of_scipys_line() -> None:
    y = np.array([50.0, 44, 47, 43, 45, 40, 41, 38])
    fit = stats.linregress(np.arange(8), y)
    s = np.sqrt(np.sum((y - fit.intercept - fit.slope * np.arange(8)) ** 2) / 6)
    e = iv.last_of_months(y)
    assert float(e.high - e.value) == pytest.approx(stats.t.ppf(0.95, 6) * s)
    assert np.isnan(iv.last_of_months(y[:5]).low)


def test_functions_work_on_whole_arrays() -> None:
    e = iv.wilson(np.array([[1, 2], [3, 0]]), np.array([[4, 4], [4, 0]]))
    assert e.value.shape == (2, 2)
    assert np.isnan(e.value[1, 1])
    assert iv.ratio_of_months(np.ones((3, 12)), np.ones((3, 12))).value.tolist() == [1, 1, 1]


def covers(e: iv.Estimate, truth: float) -> float:
    return float(np.mean((e.low <= truth) & (truth <= e.high)))


def test_intervals_cover_nine_times_in_ten() -> None:
    rng = np.random.default_rng(11)
    size = 20_000
    k = rng.binomial(60, 0.2, size)
    assert 0.87 <= covers(iv.wilson(k, 60), 0.2) <= 0.93
    answers = rng.multinomial(50, [0.55, 0.3, 0.15], size)
    assert 0.87 <= covers(iv.nps(answers[:, 0], answers[:, 2], 50), 40.0) <= 0.93
    x = rng.normal(20, 6, (size, 15))
    assert 0.87 <= covers(iv.t_mean(15, x.sum(1), (x * x).sum(1)), 20.0) <= 0.93
    visits = rng.uniform(80, 120, (size, 12))
    revenue = visits * rng.normal(150, 20, (size, 12))
    assert 0.87 <= covers(iv.ratio_of_months(revenue, visits), 150.0) <= 0.93


def test_the_exact_poisson_interval_never_covers_less_than_it_says() -> None:
    k = np.random.default_rng(12).poisson(9.3, 20_000)
    assert 0.90 <= covers(iv.garwood(k), 9.3) <= 0.96
    assert 0.90 <= covers(iv.cost_per_count(930.0, k), 100.0) <= 0.96


def test_differences_ratios_and_products_cover_nine_times_in_ten() -> None:
    rng = np.random.default_rng(13)
    a, b = (iv.poisson_rate(rng.poisson(m, 20_000), 1.0) for m in (80, 100))
    assert 0.88 <= covers(iv.difference(a, b), -20.0) <= 0.94
    assert 0.88 <= covers(iv.ratio(a, b), 0.8) <= 0.94
    assert 0.88 <= covers(iv.product(a, b), 8000.0) <= 0.94


def test_a_ratio_to_nothing_is_unknown() -> None:
    zero = iv.garwood(0)
    assert np.isnan(iv.ratio(iv.garwood(4), zero).value)
