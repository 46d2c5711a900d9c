"""How long visits take: logs, known worlds, kinds that lean on one another, and the sessions of one real physician in short."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.validation.forecasts_data import hangu

from carewheel.science.forecasting.durations import END, START, duration_model, pinball, visit_minutes
from carewheel.science.forecasting.extras import module
from carewheel.science.refusal import CannotTell

LEVELS = np.arange(0.05, 0.96, 0.05)


def test_a_log_gives_the_minutes_of_what_is_whole_and_says_what_is_left_out() -> None:
    found = visit_minutes(
        [1, 1, 2, 3, 4, 4, 5, 5, 6, 6],
        [END, START, START, END, START, END, START, END, START, END],
        [25, 10, 0, 5, 30, 20, 0, 900, 4, 4],
    )
    assert found.visit.tolist() == [1, 6]
    assert found.minutes.tolist() == [15.0, 0.0]
    assert found.left_out == {"no-end": 1, "no-start": 1, "end-before-start": 1, "too-long": 1}
    nothing = visit_minutes([], [], [])
    assert nothing.minutes.size == 0


@settings(max_examples=50, deadline=None)
@given(
    st.lists(
        st.lists(st.floats(0, 30), min_size=2, max_size=6).filter(lambda parts: len(parts) % 2 == 0),
        min_size=1,
        max_size=5,
    ),
    st.randoms(),
)
def test_minutes_are_the_sum_of_the_stretches_in_any_order_of_the_log(
    visits: list[list[float]], shuffle: Any
) -> None:
    events = []
    for number, gaps in enumerate(visits):
        times = np.cumsum(np.array(gaps) + 0.25)
        events += [(number, i % 2, float(t)) for i, t in enumerate(times)]
    shuffle.shuffle(events)
    found = visit_minutes(*(np.array([e[i] for e in events]) for i in range(3)))
    want = [sum(g + 0.25 for g in gaps[1::2]) for gaps in visits]
    np.testing.assert_allclose(found.minutes, want, atol=1e-9)


def test_kinds_with_few_visits_lean_on_the_others_and_unknown_kinds_add_doubt() -> None:
    """Forty practitioners, most with five visits: nearer to the truth than each one's own mean."""
    rng = np.random.default_rng(4)
    effect = rng.normal(0, 0.25, 40)
    who = np.concatenate([np.repeat(np.arange(40), 5), np.repeat(np.arange(5), 200)])
    y = np.exp(2.8 + effect[who] + rng.normal(0, 0.4, who.size))
    model = duration_model(y, factors={"practitioner": who.astype(str)})
    assert model.spreads["practitioner"] == pytest.approx(0.25, abs=0.08)
    median = np.log(model.quantiles({}, {"practitioner": np.arange(40).astype(str)}, [0.5])[:, 0])
    own = np.array([np.log(y[who == k]).mean() for k in range(40)])
    assert np.mean((median - 2.8 - effect) ** 2) < 0.8 * np.mean((own - 2.8 - effect) ** 2)
    wide = np.diff(
        np.log(model.quantiles({}, {"practitioner": ["0", "nobody knows"]}, [0.1, 0.9])), axis=1
    ).ravel()
    assert wide[1] > 1.1 * wide[0]


def test_quantiles_cover_and_chances_agree_with_them() -> None:
    rng = np.random.default_rng(7)
    kind = rng.choice(["check", "filling", "crown"], 3_000, p=[0.6, 0.3, 0.1])
    middle = np.select([kind == "check", kind == "filling"], [2.3, 3.2], 3.9)
    spread = np.select([kind == "check", kind == "filling"], [0.2, 0.35], 0.5)
    # Not normal: skewed to the right even in logs.
    y = np.exp(middle + spread * (rng.gamma(4, 0.5, 3_000) - 2))
    model = duration_model(y[:2_000], factors={"type": kind[:2_000]}, width_by="type")
    new = {"type": kind[2_000:]}
    q = model.quantiles({}, new, LEVELS)
    share = (y[2_000:, None] <= q).mean(axis=0)
    np.testing.assert_allclose(share, LEVELS, atol=0.04)
    for name in ("check", "crown"):
        there = kind[2_000:] == name
        assert (y[2_000:][there] <= q[there, -2]).mean() == pytest.approx(0.9, abs=0.06)
    for column, level in ((0, 0.05), (9, 0.5), (18, 0.95)):
        np.testing.assert_allclose(model.below({}, new, q[:, column]), level, atol=1e-6)
    grid = model.minute_chances({}, new, 120)
    np.testing.assert_allclose(grid.sum(axis=1), 1.0)
    assert (grid >= 0).all()
    np.testing.assert_allclose(grid[:, :41].sum(axis=1), model.below({}, new, 40.5))
    assert (np.diff(q, axis=1) > 0).all()


def test_what_remains_of_a_visit_agrees_with_those_that_lasted_so_long() -> None:
    rng = np.random.default_rng(9)
    y = np.exp(rng.normal(2.7, 0.4, 400_000))
    model = duration_model(y[:20_000])
    for elapsed in (5.0, 20.0, 30.0):
        left = y[y > elapsed] - elapsed
        found = model.remaining({}, {}, [elapsed], [0.25, 0.5, 0.9])[0]
        np.testing.assert_allclose(found, np.quantile(left, [0.25, 0.5, 0.9]), rtol=0.1)


def test_the_pinball_loss_is_least_at_the_true_quantile() -> None:
    y = np.random.default_rng(1).exponential(size=20_000)
    losses = [pinball(y, np.full((y.size, 1), q), [0.8]) for q in np.log(5) * np.array([0.8, 1.0, 1.2])]
    assert losses[1] < min(losses[0], losses[2])


@pytest.mark.parametrize(
    ("call", "code"),
    [
        (lambda: duration_model([1.0] * 5), "too-few-visits"),
        (lambda: duration_model([0.0] * 50), "impossible-minutes"),
        (lambda: duration_model([np.nan] * 50), "impossible-minutes"),
        (lambda: duration_model([5.0] * 50, factors={"type": ["a"] * 49}), "not-features"),
        (lambda: duration_model([5.0] * 50, width_by="type"), "not-features"),
        (lambda: duration_model(np.ones(2_100), factors={"p": np.arange(2_100)}), "too-many-kinds"),
        (lambda: visit_minutes([1], [7], [0.0]), "not-events"),
        (lambda: visit_minutes([1], [0], [np.nan]), "not-finite"),
        (lambda: pinball([1.0], [[1.0]], [1.5]), "not-a-share"),
        (lambda: module("statsforecastish"), "missing-extra"),
    ],
)
def test_bad_input_is_refused_with_a_code_and_a_remedy(call: Any, code: str) -> None:
    with pytest.raises(CannotTell) as caught:
        call()
    assert caught.value.code == code
    assert caught.value.remedy


@pytest.mark.needs_data
def test_of_real_consultations_the_model_says_more_than_all_of_them_together(shared_data: Path) -> None:
    """Learnt on sessions up to 160, judged on 161 to 213."""
    h = hangu(shared_data)
    early, late = h.session <= 160, (h.session > 160) & (h.session <= 213)
    kinds = {name: words[early] for name, words in h.factors.items()}
    model = duration_model(h.minutes[early], {k: v[early] for k, v in h.numbers.items()}, kinds)
    q = model.quantiles(
        {k: v[late] for k, v in h.numbers.items()}, {k: v[late] for k, v in h.factors.items()}, LEVELS
    )
    every = np.tile(np.quantile(h.minutes[early], LEVELS), (late.sum(), 1))
    assert pinball(h.minutes[late], q, LEVELS) < 0.97 * pinball(h.minutes[late], every, LEVELS)
    assert 0.74 < np.mean((q[:, 1] <= h.minutes[late]) & (h.minutes[late] <= q[:, -2])) < 0.86
