"""Money over time against published answers, hand counts, companion matrices and brute force."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from carewheel.science import finance as f
from carewheel.science.refusal import CannotTell


def well_told(refusal: CannotTell, code: str) -> None:
    """The refusal has this code."""
    assert refusal.code == code


@pytest.mark.parametrize(
    ("flows", "rates"),
    [
        ([-100, 39, 59, 55, 20], [0.2809484]),
        ([-100, 0, 0, 74], [-0.0954958]),
        ([-100, 100, 0, -7], [-0.6788944, -0.0832997]),
        ([-100, 100, 0, 7], [0.0620585]),
        ([-100, 230, -132], [0.1, 0.2]),
        ([-100, 100], [0.0]),
        ([-1, 6, -11, 6], [0.0, 1.0, 2.0]),
        ([-1, 2.2, -1.21], [0.1]),
        ([0, 0, -5, 6], [0.2]),
        ([100, 50], []),
        ([100, -200, 101], []),
        ([1e-3, -3e6], [3e9 - 1]),
    ],
)
def test_every_internal_rate_is_found(flows: list[float], rates: list[float]) -> None:
    assert list(f.irr(flows)) == pytest.approx(rates, abs=2e-7, rel=1e-7)


def test_roots_that_were_put_in_come_out() -> None:
    rng = np.random.default_rng(8)
    for _ in range(300):
        count = int(rng.integers(1, 6))
        rates = np.sort(rng.uniform(-0.6, 1.5, count))
        if np.diff(rates).min(initial=1) < 0.05:
            continue
        flows = np.array([-1.0])
        for rate in rates:
            flows = np.convolve(flows, [1.0, -(1 + rate)])
        assert list(f.irr(flows)) == pytest.approx(rates.tolist(), abs=1e-6)


def test_no_root_is_missed_where_the_companion_matrix_sees_one() -> None:
    flows = np.random.default_rng(1).normal(0, 1, (400, 25))
    found = f.irr_of_paths(flows)
    for path, rates, count in zip(flows, found.rates, found.count, strict=True):
        roots = np.roots(path[::-1])
        real = np.sort(1 / roots[(np.abs(roots.imag) < 1e-9) & (roots.real > 0)].real - 1)
        assert count == real.size
        assert rates[:count] == pytest.approx(real, rel=1e-6, abs=1e-9)
    assert np.array_equal(np.isnan(found.single), found.count != 1)


def test_sixty_one_flows_are_worth_nought_at_their_rate() -> None:
    rng = np.random.default_rng(2)
    flows = np.column_stack([-rng.uniform(5e4, 1.5e5, 2000), rng.normal(2500, 400, (2000, 60))])
    found = f.irr_of_paths(flows)
    assert (found.count == 1).all()
    for path, rate in zip(flows[:200], found.single[:200], strict=True):
        assert abs(float(f.npv(rate, path))) < 1e-9 * np.abs(path).sum()


@settings(max_examples=300, deadline=None)
@given(st.lists(st.integers(-1000, 1000), min_size=2, max_size=12))
def test_each_rate_is_a_root_and_signs_bound_their_number(flows: list[int]) -> None:
    try:
        rates = f.irr(flows)
    except CannotTell as refusal:
        well_told(refusal, "only-noughts")
        return
    signs = np.sign([x for x in flows if x])
    changes = int((signs[1:] != signs[:-1]).sum())
    assert len(rates) <= changes
    # An odd number of changes has a root in any case.
    assert len(rates) >= changes % 2
    money = np.array(flows, dtype=float)
    for rate in rates:
        weights = (1 + rate) ** -np.arange(money.size, dtype=float)
        assert abs(money @ weights) <= 1e-6 * (np.abs(money) @ weights)


def test_present_value_mirr_and_payback() -> None:
    assert float(f.npv(0.08, [-40000, 5000, 8000, 12000, 30000])) == pytest.approx(3065.22267, abs=1e-5)
    assert f.mirr([-100, 39, 59, 55, 20], 0.10, 0.12) == pytest.approx(0.2043767, abs=1e-7)
    assert float(f.payback([-100, 50, 60, -30, 40])) == pytest.approx(3.5)
    assert float(f.payback([100, 5])) == 0
    assert float(f.payback([-100, 50, 49])) == np.inf
    # By hand: 40/1.1 = 36.36, 40/1.21 = 33.06, 40/1.331 = 30.05, 40/1.4641 = 27.32: 99.47 after three, so .02 into the fourth.
    assert float(f.payback([-100, 40, 40, 40, 40], 0.1)) == pytest.approx(
        3 + (100 - 99.4741) / 27.3205, abs=1e-4
    )


def test_loans_end_at_nought() -> None:
    for rate, months, free in ((0.06, 60, 0), (0.0, 12, 3), (0.12, 24, 6)):
        s = f.loan_schedule(10_000, rate, months, interest_only=free)
        assert s.principal.sum() == pytest.approx(10_000)
        assert s.balance[-1] == pytest.approx(0, abs=1e-8)
        assert s.paid == pytest.approx(s.interest + s.principal)
        assert float(f.npv(rate / 12, np.concatenate([[-10_000], s.paid]))) == pytest.approx(0, abs=1e-6)
        assert s.paid[free:] == pytest.approx(np.full(months - free, s.paid[free]))
    cents = f.loan_schedule(9_999.99, 0.0733, 37, cents=True)
    assert cents.paid == pytest.approx(cents.paid.round(2), abs=1e-9)
    assert cents.principal.sum() == pytest.approx(9_999.99)


@pytest.mark.parametrize("years", [5, 7])
def test_macrs_is_the_declining_balance_with_half_a_year_first(years: int) -> None:
    # The rule behind the table: twice the straight line on what is left, half of it in the first year, straight line once that is more.
    left, expected = 100.0, []
    for year in range(years + 1):
        half = 0.5 if year == 0 else 1.0
        remaining = years if year == 0 else years + 0.5 - year
        amount = min(max(left * 2 / years * half, left / max(remaining, 1) * half), left)
        expected.append(amount)
        left -= amount
    assert f.macrs(100, years) == pytest.approx(expected, abs=0.011)
    assert f.macrs(100, years).sum() == pytest.approx(100)


def test_write_offs() -> None:
    assert f.straight_line(90, 3).tolist() == [30, 30, 30]
    assert f.at_once(100, 1e9).tolist() == [100, 0, 0, 0, 0, 0]
    assert f.at_once(100, 30, 7).sum() == pytest.approx(100)


def test_a_purchase_by_hand() -> None:
    buy = f.Purchase(
        price=1000, months=24, training=60, downtime_cost=20, downtime_months=1, upkeep=5, upkeep_growth=0.1,
        starts=1, uptake_months=1, salvage=100, tax_rate=0.25, written_off=(600.0, 400.0),
    )  # fmt: skip
    flows = f.cash_flows(buy, [100.0])[0]
    assert flows[0] == -1060
    assert flows[1:4].tolist() == [-25, 45, 95]
    # First year: 0, 50, ten of 100, less 12 of 5, 20 of downtime: 970; taxed 970 - 60 - 600 = 310.
    assert flows[12] == pytest.approx(95 - 0.25 * 310)
    # Second: 1200 - 12 of 5.50 = 1134; taxed 1134 + 100 - 400 = 834.
    assert flows[24] == pytest.approx(94.5 + 100 - 0.25 * 834)


def test_a_loan_at_the_discount_rate_changes_no_value() -> None:
    draws = np.random.default_rng(1).normal(80, 20, 500)
    rate = (1 + 0.08 / 12) ** 12 - 1
    own = f.appraised(f.cash_flows(f.Purchase(3000, 60), draws), rate)
    lent = f.appraised(
        f.cash_flows(f.Purchase(3000, 60, financed=0.8, loan_rate=0.08, loan_months=84), draws), rate
    )
    assert float(lent.value.value) == pytest.approx(float(own.value.value), abs=1e-6)


def test_probability_of_loss_is_that_of_the_normal_law() -> None:
    from scipy.stats import norm

    # Gain of 10 months of N(12, 3): value N(20, 30) at no discount.
    flows = f.cash_flows(f.Purchase(100, 10), np.random.default_rng(3).normal(12, 3, 40_000))
    found = f.appraised(flows, 0.0, 0.999)
    assert found.loss.low < norm.cdf(-20 / 30) < found.loss.high


def test_planned_and_actual() -> None:
    flows = f.cash_flows(f.Purchase(500, 24), np.random.default_rng(3).normal(50, 10, 2000))
    for monthly, standing in ((20, "below"), (50, "within"), (80, "above")):
        found = f.planned_against_actual(flows, [-500, *[monthly] * 8])
        assert found.standing == standing
        # The same level goes on in the plan's draws: what is to come follows it as far as the draws reach.
        assert (float(found.to_come.value) < 16 * 50) == (monthly < 50) or monthly == 50
        assert found.to_come.low <= found.to_come.value <= found.to_come.high


def brute(plays: list[f.Play], limits: dict[str, float], weight: float, spread: np.ndarray) -> float:
    """The best certain worth over all sets; minus infinity where none fits."""
    place = {play.name: i for i, play in enumerate(plays)}
    sets = np.array(list(product((0, 1), repeat=len(plays))), dtype=bool)
    fine = np.ones(len(sets), dtype=bool)
    for name, limit in limits.items():
        fine &= sets @ np.array([play.uses.get(name, 0.0) for play in plays]) <= limit + 1e-9
    for i, play in enumerate(plays):
        for need in play.needs:
            fine &= ~sets[:, i] | sets[:, place[need]]
        for other in play.excludes:
            fine &= ~(sets[:, i] & sets[:, place[other]])
        if play.must:
            fine &= sets[:, i]
    x = sets[fine].astype(float)
    worth = x @ np.array([play.mean for play in plays]) - weight * np.einsum("si,ij,sj->s", x, spread, x)
    return float(worth.max(initial=-np.inf))


def instance(
    seed: int, n: int = 15
) -> tuple[list[f.Play], dict[str, float], float | None, np.ndarray | None]:
    """Random plays that need and exclude each other; every third seed with risk and correlated values, every third with risk alone."""
    rng = np.random.default_rng(seed)
    scale = 10 ** rng.uniform(0, 5)
    plays = []
    for i in range(n):
        needs = tuple(f"p{j}" for j in range(i) if rng.random() < 0.08)
        excludes = tuple(f"p{j}" for j in range(n) if j != i and f"p{j}" not in needs and rng.random() < 0.04)
        uses = {"money": float(rng.uniform(0, 10) * scale), "hours": float(rng.integers(0, 40))}
        mean, sd = float(rng.normal(4, 4) * scale), float(rng.uniform(0, 4) * scale)
        plays.append(f.Play(f"p{i}", mean, sd, uses, needs, excludes, rng.random() < 0.03))
    limits = {"money": float(rng.uniform(5, 50) * scale), "hours": float(rng.uniform(10, 200))}
    tolerance = None if seed % 3 == 0 else float(rng.uniform(1, 20) * scale)
    correlation = None
    if seed % 3 == 2:
        factors = rng.normal(0, 1, (n, 2))
        raw = factors @ factors.T + np.diag(rng.uniform(0.5, 2, n))
        correlation = raw / np.sqrt(np.outer(np.diag(raw), np.diag(raw)))
    return plays, limits, tolerance, correlation


def agrees(seed: int) -> bool:
    """Whether the programme finds what brute force finds, or refuses where nothing fits."""
    plays, limits, tolerance, correlation = instance(seed)
    sd = np.array([play.sd for play in plays])
    spread = np.outer(sd, sd) * (np.eye(len(sd)) if correlation is None else correlation)
    best = brute(plays, limits, 0.0 if tolerance is None else 0.5 / tolerance, spread)
    try:
        found = f.best_portfolio(plays, limits, risk_tolerance=tolerance, correlation=correlation)
    except CannotTell as refusal:
        return refusal.code == "does-not-fit" and best == -np.inf
    return abs(found.certain_worth - best) <= 1e-6 * max(1.0, abs(best), sum(abs(p.mean) for p in plays))


@pytest.mark.parametrize("seed", range(18))
def test_the_portfolio_is_that_of_brute_force(seed: int) -> None:
    assert agrees(seed)


A, B = f.Play("a", 1, 1, {"money": 1}), f.Play("b", 1, 1, {"money": 1})


@pytest.mark.parametrize(
    ("call", "code"),
    [
        (lambda: f.irr([]), "too-few-flows"),
        (lambda: f.irr([0, 0]), "only-noughts"),
        (lambda: f.irr([-1, np.nan]), "not-finite"),
        (lambda: f.irr_of_paths(np.ones((1, 601))), "too-many-flows"),
        (lambda: f.npv(-1, [1, 2]), "impossible-rate"),
        (lambda: f.mirr([1, 2], 0.1, 0.1), "one-sided"),
        (lambda: f.loan_schedule(-5, 0.1, 12), "impossible-loan"),
        (lambda: f.loan_schedule(5, 0.1, 0), "impossible-loan"),
        (lambda: f.macrs(5, 4), "unknown-class"),
        (lambda: f.straight_line(5, 0), "impossible-write-off"),
        (lambda: f.cash_flows(f.Purchase(-1, 12), [1.0]), "impossible-purchase"),
        (lambda: f.cash_flows(f.Purchase(1, 12), [np.nan]), "not-draws"),
        (lambda: f.appraised([[1.0, 2.0]], 0.1), "too-few-draws"),
        (lambda: f.planned_against_actual(np.ones((200, 3)), []), "not-months"),
        (lambda: f.tornado(lambda x: x["a"], {"a": (2, 1, 3)}), "not-a-range"),
        (lambda: f.best_portfolio([], {}), "no-plays"),
        (lambda: f.best_portfolio([A, A], {"money": 1}), "name-twice"),
        (lambda: f.best_portfolio([A], {}), "no-limit"),
        (lambda: f.best_portfolio([A], {"money": -1}), "impossible-limit"),
        (lambda: f.best_portfolio([A, B], {"money": 1}, risk_tolerance=0), "impossible-risk"),
        (lambda: f.best_portfolio([A, B], {"money": 1}, correlation=[[1, 2], [2, 1]]), "not-a-correlation"),
        (lambda: f.best_portfolio([f.Play("c", 1, 1, {}, needs=("x",))], {}), "unknown-play"),
        (lambda: f.best_portfolio([f.Play("c", np.nan, 1, {})], {}), "impossible-play"),
        (
            lambda: f.best_portfolio([f.Play("c", 1, 1, {}, ("d",)), f.Play("d", 1, 1, {}, ("c",))], {}),
            "circle",
        ),
        (
            lambda: f.best_portfolio([f.Play("c", 1, 1, {"money": 5}, must=True)], {"money": 1}),
            "does-not-fit",
        ),
    ],
)
def test_what_cannot_be_is_refused(call: object, code: str) -> None:
    with pytest.raises(CannotTell) as refusal:
        call()  # type: ignore[operator]
    assert refusal.value.code == code


@settings(max_examples=60, deadline=None)
@given(st.floats(0, 1e9), st.floats(-1e7, 1e7), st.integers(1, 120), st.floats(0, 1), st.floats(-0.5, 2))
def test_appraisals_are_finite_and_ordered(
    price: float, gain: float, months: int, financed: float, rate: float
) -> None:
    draws = gain + np.linspace(-abs(gain), abs(gain), 101)
    found = f.appraised(
        f.cash_flows(f.Purchase(price, months, financed=financed, loan_rate=0.05, loan_months=60), draws),
        rate,
    )
    assert np.isfinite(np.array([*found.value, *found.loss])).all()
    assert found.value.low <= found.value.high
    assert 0 <= found.loss.low <= found.loss.value <= found.loss.high <= 1
