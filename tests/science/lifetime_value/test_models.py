"""Models of visits against independent routes: integrals done numerically, simulated patients, differences, and each other."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.stats import beta as beta_law
from scipy.stats import gamma as gamma_law

from carewheel.science import lifetime_value as lv
from carewheel.science.intervals import Estimate
from carewheel.science.refusal import CannotTell


def well_told(refusal: CannotTell) -> None:
    """The refusal says why, and what would help."""
    assert refusal.code
    assert refusal.remedy


ALL = (*lv.MODELS, lv.Periodic(7.0))


def invented(seed: int, patients: int = 400, k: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Visits of invented patients who come every few weeks until they stay away: keys and weeks."""
    rng = np.random.default_rng(seed)
    keys, times = [], []
    for person in range(patients):
        rate, stop, t = rng.gamma(2, 0.08 * k), rng.beta(1.0, 4.0), 0.0
        while t < 80:
            keys.append(person)
            times.append(t)
            if rng.random() < stop:
                break
            t += rng.gamma(k) / rate
    return np.array(keys), np.array(times)


@pytest.mark.parametrize("model", ALL, ids=lambda m: m.name)
def test_the_gradient_is_that_of_differences(model: lv.VisitModel) -> None:
    h = lv.histories_of_visits(*invented(1), 60.0)
    theta = np.array([0.8, 7.0, 1.2, 2.9])
    _, slope = model.log_likelihood(theta, h)
    for i, unit in enumerate(np.eye(4)):
        up, down = (model.log_likelihood(theta + s * 1e-5 * unit, h)[0] for s in (1, -1))
        assert slope[i] == pytest.approx((up - down) / 2e-5, rel=1e-5, abs=1e-4)


@pytest.mark.parametrize("k", [1, 3])
def test_regular_visits_have_the_likelihood_of_the_double_integral(k: int) -> None:
    # One patient, visits at 0, 4, 9; watched to 15. Density of the gaps, integrated over rate and dropout by quadrature.
    r, alpha, a, b = theta = np.array([1.3, 5.0, 0.9, 2.2])
    gaps, rest = np.array([4.0, 5.0]), 6.0
    h = lv.histories([2], [9.0], [15.0], float(np.log(gaps).sum()))

    # Gauss and Legendre's rule in both; the dropout on a scale that tames its ends.
    points, weights = np.polynomial.legendre.leggauss(300)
    rate, stop = 6 * (points + 1)[:, None], ((points + 1) / 2)[None] ** 4
    seen = gamma_law.pdf(gaps[0], k, scale=1 / rate) * gamma_law.pdf(gaps[1], k, scale=1 / rate) * (1 - stop)
    each = seen * (stop + (1 - stop) * gamma_law.sf(rest, k, scale=1 / rate))
    each = each * gamma_law.pdf(rate, r, scale=1 / alpha) * beta_law.pdf(stop, a, b) * 4 * stop**0.75
    value = float((6 * weights) @ each @ (weights / 2))
    assert lv.BetaGeometric(k).log_likelihood(theta, h)[0] == pytest.approx(np.log(value), abs=1e-6)


@settings(max_examples=60, deadline=None)
@given(
    st.floats(-2.5, 2.5), st.floats(-4, 5), st.floats(-2.5, 2.5), st.floats(-4, 5), st.integers(0, 300),
    st.floats(0.01, 0.999), st.floats(1, 300),
)  # fmt: skip
def test_the_pareto_integral_is_right_over_a_wide_range(
    log_r: float, log_alpha: float, log_s: float, log_beta: float, x: int, share: float, time: float
) -> None:
    r, alpha, s, beta = theta = np.exp([log_r, log_alpha, log_s, log_beta])
    last = share * time if x else 0.0
    h = lv.histories([x], [last], [time])

    def log_odds(u: float) -> float:
        return float((r + x) * np.log((alpha + time) / (alpha + u)) + s * np.log((beta + time) / (beta + u)))

    top = log_odds(last)
    cuts = last + (time - last) * np.array([0, 1e-4, 1e-3, 1e-2, 0.1, 0.3, 1])
    pieces = [
        quad(lambda u: np.exp(log_odds(u) - top) / (beta + u), low, high, epsrel=1e-10)[0]
        for low, high in pairwise(cuts)
    ]
    expected = np.log(s) + top + np.log(sum(pieces))
    assert float(lv.PARETO_NBD._gone(theta, h)[0][0]) == pytest.approx(expected, abs=1e-7, rel=1e-7)


@pytest.mark.parametrize("model", ALL, ids=lambda m: m.name)
def test_expectations_are_the_means_of_drawn_patients(model: lv.VisitModel) -> None:
    theta = np.array([0.8, 7.0, 1.2, 2.9])
    h = lv.histories([0, 3, 9], [0, 20.0, 38.0], [40.0, 40.0, 40.0], 12.0)
    drawn = model.drawn(theta, h, np.array([10.0, 30.0]), np.random.default_rng(2), 60_000)
    for j, t in enumerate((10.0, 30.0)):
        error = drawn[..., j].std(axis=0) / np.sqrt(60_000)
        assert np.all(np.abs(drawn[..., j].mean(axis=0) - model.expected(theta, h, t)) < 5 * error)


def test_the_closed_form_is_the_sum_over_visits() -> None:
    h = lv.histories([0, 1, 12], [0, 3.0, 38.0], [40.0, 40.0, 40.0])
    model, theta = lv.BG_NBD, np.array([0.3, 4.0, 0.8, 2.4])
    summed = model._summed(theta, h, np.ones(3, dtype=bool), 26.0) * model.alive(theta, h)
    assert model.expected(theta, h, 26.0) == pytest.approx(summed, rel=1e-8)


def test_parameters_come_back_from_patients_made_by_the_model() -> None:
    h = lv.histories_of_visits(*invented(3, 3000, k=1), 80.0)
    found = lv.fitted(lv.BetaGeometric(1, True), h).parameters(0.999)
    for name, true in (("r", 2.0), ("alpha", 1 / 0.08), ("a", 1.0), ("b", 4.0)):
        assert found[name].low < true < found[name].high, name


def test_regular_visits_are_recognised() -> None:
    fit = lv.chosen(*invented(5, 400, k=3), 80.0)
    assert fit.model == lv.BetaGeometric(3, True)


def test_the_interval_of_a_total_holds_the_total() -> None:
    held = 0
    for seed in range(40):
        who, when = invented(100 + seed, 250)
        before, whole = (lv.histories_of_visits(who, when, t) for t in (50.0, 75.0))
        found = lv.total_visits(lv.fitted(lv.BetaGeometric(1, True), before), before, 25.0)
        held += bool(
            found.low <= whole.patients @ whole.repeats - before.patients @ before.repeats <= found.high
        )
    # Nominal .90 of 40: fewer than 31 or never a miss would each come by chance once in 100 runs.
    assert 31 <= held <= 40


def test_value_is_visits_times_spend_discounted() -> None:
    who, when = invented(7)
    h = lv.histories_of_visits(who, when, 70.0)
    x = h.repeats[h.group_of]
    rng = np.random.default_rng(1)
    z = np.where(
        x > 0, rng.gamma(5 * np.maximum(x, 1)) / (np.maximum(x, 1) * rng.gamma(4, 1 / 12, x.size)), 0.0
    )
    fit, spend = lv.fitted(lv.BetaGeometric(1, True), h), lv.fitted_spend(x, z)
    flat = lv.lifetime_value(fit, spend, h, x, z, lv.Terms(52, 52.18, 0.0, slices=1))
    product = lv.expected_visits(fit, h, 52.0).value * lv.mean_spend(spend, x, z).value
    assert flat.each.value == pytest.approx(product)
    assert float(flat.total.value) == pytest.approx(product.sum())
    later = lv.lifetime_value(fit, spend, h, x, z, lv.Terms(52, 52.18, 0.2))
    assert float(later.total.value) == pytest.approx(float(flat.total.value) / 1.2**0.45, rel=0.02)
    harm = lv.lifetime_value(fit, spend, h, x, z, lv.Terms(52, 52.18, 0.2, margin=-0.5))
    assert float(harm.total.value) == pytest.approx(-0.5 * float(later.total.value))
    for part in (flat.total, later.mean, harm.total, lv.value_of_new(fit, spend, lv.Terms(52, 52.18))):
        assert part.low < part.value < part.high


ODD = st.lists(
    st.tuples(st.integers(-2, 60), st.floats(-1, 200), st.floats(-1, 200)), min_size=0, max_size=60
)


@settings(max_examples=60, deadline=None)
@given(ODD, st.sampled_from(ALL))
def test_odd_input_is_refused_or_answered_with_an_interval(
    rows: list[tuple[int, float, float]], model: lv.VisitModel
) -> None:
    columns = np.array(rows, dtype=float).reshape(-1, 3).T
    try:
        h = lv.histories(*columns, log_gaps=3.0)
        fit = lv.fitted(model, h)
        found = lv.total_visits(fit, h, 10.0)
    except CannotTell as refusal:
        well_told(refusal)
        return
    assert np.isfinite(found).all()
    assert found.low <= found.value <= found.high


@pytest.mark.parametrize("model", ALL, ids=lambda m: m.name)
@pytest.mark.parametrize(
    "kind", ["nobody leaves", "one comes a thousand times", "all alike", "watched briefly"]
)
def test_extreme_patients_get_finite_numbers(model: lv.VisitModel, kind: str) -> None:
    rng = np.random.default_rng(4)
    x = rng.poisson(4, 200) + 1.0
    last = rng.uniform(0.5, 52, 200)
    if kind == "nobody leaves":
        last[:] = 51.9
    elif kind == "one comes a thousand times":
        x[0], last[0] = 1000, 30.0
    elif kind == "all alike":
        x[:], last[:] = 3, 40.0
    time = np.full(200, 52.0)
    if kind == "watched briefly":
        time[:100], x[:100], last[:100] = 0.01, 0, 0
    h = lv.histories(x, last, time, float((x * np.log(time / (x + 1))).sum()))
    try:
        fit = lv.fitted(model, h)
    except CannotTell as refusal:
        well_told(refusal)
        return
    results: list[Estimate] = [
        lv.total_visits(fit, h, 26.0),
        lv.expected_visits(fit, h, 26.0),
        lv.alive(fit, h),
    ]
    for found in results:
        assert np.isfinite(np.array(found)).all()
        assert np.all(found.low <= found.value)
        assert np.all(found.value <= found.high)


@pytest.mark.parametrize(
    ("call", "code"),
    [
        (lambda: lv.histories([], [], []), "not-histories"),
        (lambda: lv.histories([1], [0.0], [5.0]), "impossible-history"),
        (lambda: lv.histories([0.5], [1.0], [5.0]), "impossible-history"),
        (lambda: lv.histories([1], [np.nan], [5.0]), "impossible-history"),
        (lambda: lv.fitted(lv.BG_NBD, lv.histories([3], [2.0], [5.0])), "not-enough-data"),
        (lambda: lv.fitted(lv.BG_NBD, lv.histories([0] * 99, [0] * 99, [5] * 99)), "not-enough-data"),
        (lambda: lv.histories_of_visits(["a"], [3.0], 1.0), "no-visits"),
        (lambda: lv.fitted_spend([1] * 20, [5.0] * 20), "no-variation"),
        (lambda: lv.fitted_spend([1] * 20, [-5.0] * 20), "impossible-spend"),
        (lambda: lv.fitted_spend([1] * 20, [*np.linspace(40, 60, 19), 1e9]), "absurd-outlier"),
        (lambda: lv.fitted_spend([1] * 3, [4.0, 5, 6]), "not-enough-data"),
        (lambda: lv.Terms(-1, 12).check(), "no-time"),
        (lambda: lv.Periodic(0.0), "impossible-period"),
        (
            lambda: lv.fitted(lv.Periodic(1e-3), lv.histories([2] * 50, [8.0] * 50, [9.0] * 50)),
            "impossible-period",
        ),
        (lambda: lv.BetaGeometric(0), "impossible-phases"),
        (
            lambda: lv.fitted(lv.BetaGeometric(2), lv.histories([2] * 50, [8.0] * 50, [9.0] * 50)),
            "gaps-unknown",
        ),
        (lambda: lv.trials(["a"], [0.0], 5.0, 5.0), "no-time"),
        (lambda: lv.Terms(1, 12, discount=-2).check(), "impossible-terms"),
    ],
)
def test_what_cannot_be_is_refused(call: object, code: str) -> None:
    with pytest.raises(CannotTell) as refusal:
        call()  # type: ignore[operator]
    assert refusal.value.code == code
