"""Loop gain, loops, leverage and momentum, against matrices worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from carewheel.science.flywheel.gain import (
    Arrow,
    direction,
    elasticities,
    even_weights,
    loop_gain,
    loops_between,
    momentum,
    strength_matrix,
)
from carewheel.science.flywheel.stocks import Refusal

PARTS = ["C1", "C2a", "C2b", "C3", "C4", "C5", "C6"]
RING = [("C1", "C2a"), ("C2a", "C2b"), ("C2b", "C3"), ("C3", "C5"), ("C5", "C1")]


def test_the_gain_of_a_ring_is_the_geometric_mean_of_its_strengths() -> None:
    strengths = [0.5, 0.4, 0.3, 0.2, 0.6]
    arrows = [Arrow(f"{a}-{b}", a, b, s) for (a, b), s in zip(RING, strengths, strict=True)]
    gain = loop_gain(strength_matrix(arrows, PARTS))
    assert float(gain.value) == pytest.approx(np.prod(strengths) ** (1 / 5), rel=1e-12)
    assert np.isnan(gain.low)
    assert all(float(e.value) == pytest.approx(1 / 5, rel=1e-9) for e in elasticities(arrows, PARTS).values())


def test_a_wheel_without_a_loop_has_no_gain_and_no_leverage() -> None:
    arrows = [Arrow("a", "C1", "C2a", 0.9), Arrow("b", "C2a", "C2b", 0.9)]
    assert float(loop_gain(strength_matrix(arrows, PARTS)).value) == 0
    assert np.isnan(elasticities(arrows, PARTS)["a"].value)
    assert loops_between(strength_matrix(arrows, PARTS), PARTS) == ()


def test_loops_are_products_and_shares_keep_their_sign() -> None:
    arrows = [
        Arrow("a", "C1", "C3", 0.5),
        Arrow("b", "C3", "C1", 0.4),
        Arrow("c", "C3", "C4", 0.5),
        Arrow("d", "C4", "C1", -0.2),
    ]
    first, second = loops_between(strength_matrix(arrows, PARTS), PARTS)
    assert first.parts == ("C1", "C3")
    assert float(first.product.value) == pytest.approx(0.2)
    assert float(second.product.value) == pytest.approx(-0.05)
    assert float(first.share.value) == pytest.approx(0.8)
    assert float(second.share.value) == pytest.approx(-0.2)


def test_better_is_positive_at_both_ends_and_parallel_links_add_up_by_weight() -> None:
    assert [direction(1, 1), direction(-1, -1), direction(1, -1)] == [1, 1, -1]
    weights = even_weights({"C4-C1": ("C1", "nps"), "C4-C1-hours": ("C1", "csat"), "C1-C3": ("C3", "value")})
    assert weights == {"C4-C1": 0.5, "C4-C1-hours": 0.5, "C1-C3": 1.0}
    arrows = [Arrow("w", "C4", "C1", -0.4, direction(-1, 1), 0.5), Arrow("h", "C4", "C1", 0.2, 1, 0.5)]
    assert strength_matrix(arrows, PARTS)[0, 0, 4] == pytest.approx(0.3)


def test_the_interval_covers_draws_and_comes_from_the_posterior() -> None:
    rng = np.random.default_rng(1)
    draws = rng.normal(0.5, 0.05, 20_000)
    arrows = [Arrow("a", "C1", "C3", draws), Arrow("b", "C3", "C1", draws)]
    gain = loop_gain(strength_matrix(arrows, PARTS))
    assert float(gain.value) == pytest.approx(0.5, abs=2e-3)
    assert [float(gain.low), float(gain.high)] == pytest.approx(
        [0.5 - 1.645 * 0.05, 0.5 + 1.645 * 0.05], abs=3e-3
    )


@given(st.integers(0, 10_000))
@settings(max_examples=40, deadline=None)
def test_leverage_adds_up_to_one_and_equals_central_differences(seed: int) -> None:
    rng = np.random.default_rng(seed)
    pairs = [*RING, ("C3", "C1"), ("C4", "C1"), ("C3", "C4"), ("C2b", "C4")]
    arrows = [Arrow(f"{a}-{b}", a, b, float(rng.uniform(0.1, 0.6)), 1, 0.7) for a, b in pairs]
    found = elasticities(arrows, PARTS)
    assert sum(float(e.value) for e in found.values()) == pytest.approx(1, rel=1e-8)
    for i, arrow in enumerate(arrows):
        ends = []
        for factor in (1 + 1e-5, 1 - 1e-5):
            pushed = [
                *arrows[:i],
                Arrow(arrow.id, arrow.source, arrow.target, float(arrow.strength) * factor, 1, 0.7),
                *arrows[i + 1 :],
            ]  # type: ignore[arg-type]
            ends.append(np.log(float(loop_gain(strength_matrix(pushed, PARTS)).value)))
        assert float(found[arrow.id].value) == pytest.approx((ends[0] - ends[1]) / 2e-5, abs=1e-6)


def test_momentum_intervals_cover_the_true_trend() -> None:
    """Nominal 90 %; months correlated at 0.3; two months missing. Half a thousand series, so two points of sampling error."""
    rng = np.random.default_rng(4)
    noise = rng.normal(0, 0.2, (500, 24))
    for t in range(1, 24):
        noise[:, t] += 0.3 * noise[:, t - 1]
    levels = 0.6 / 12 * np.arange(24) + noise
    levels[:, [5, 11]] = np.nan
    found = momentum(levels)
    covered = float(np.mean((found.low <= 0.6) & (found.high >= 0.6)))
    assert 0.85 <= covered <= 0.96
    assert float(found.value.mean()) == pytest.approx(0.6, abs=0.02)


def test_known_sampling_variances_weigh_the_months() -> None:
    levels = np.array([[0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 5.0]])
    variances = np.full((1, 8), 0.01)
    variances[0, -1] = 1e6
    assert float(momentum(levels, variances).value[0]) == pytest.approx(1.2, abs=1e-3)


@pytest.mark.parametrize("levels", [[[1.0, 2.0, 3.0]], [[np.nan] * 12]])
def test_too_few_months_are_not_enough_data(levels: list[list[float]]) -> None:
    assert np.isnan(np.array(momentum(levels))).all()


@pytest.mark.parametrize(
    "arrows",
    [[Arrow("a", "C1", "C9", 0.1)], [Arrow("a", "C1", "C3", np.nan)], [Arrow("a", "C1", "C3", [1.0, 2.0]), Arrow("b", "C3", "C1", [1.0, 2.0, 3.0])]],
)  # fmt: skip
def test_strengths_that_cannot_be_are_refused(arrows: list[Arrow]) -> None:
    with pytest.raises(Refusal) as refused:
        strength_matrix(arrows, PARTS)
    assert refused.value.code == "strengths"


def test_a_direction_is_one_or_minus_one() -> None:
    with pytest.raises(Refusal):
        direction(0, 1)
