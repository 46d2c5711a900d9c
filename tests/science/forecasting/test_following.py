"""Following a practice: the daily filter, practices that learn from one another, alarms."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit, logit

from carewheel.science.forecasting.attendance import Recalibration, drift, pooled, rolled
from carewheel.science.forecasting.attendance.drift import cumulative_sums


def test_a_day_is_scored_before_it_is_learnt_from() -> None:
    rng = np.random.default_rng(1)
    day = np.repeat(np.arange(10), 100)
    fell, other = rng.random(1_000) < 0.3, rng.random(1_000) < 0.6
    changed = np.where(day >= 5, other, fell)
    one, two = (
        rolled(Recalibration.fresh(0.0), np.zeros(1_000), np.ones(1_000), day, y) for y in (fell, changed)
    )
    np.testing.assert_array_equal(one.log_odds[day <= 5], two.log_odds[day <= 5])
    assert (one.log_odds[day > 5] != two.log_odds[day > 5]).all()


def test_the_filter_follows_a_step_and_says_how_sure_it_is() -> None:
    rng = np.random.default_rng(2)
    day = np.repeat(np.arange(60), 400)
    truth = np.where(day < 20, -1.4, -1.8)
    found = rolled(
        Recalibration.fresh(-1.4),
        np.full(day.size, -1.4),
        np.ones(day.size),
        day,
        rng.random(day.size) < expit(truth),
    )
    assert abs(found.log_odds[-1] + 1.8) < 0.1
    away = np.abs(found.log_odds - truth) / np.sqrt(found.variance)
    assert np.mean(away[day >= 40] < 1.645) > 0.85
    assert found.last.later(5).variance(np.zeros(1), [1])[0] > found.last.variance(np.zeros(1), [1])[0]


def test_practices_are_drawn_together_as_far_as_they_differ() -> None:
    spreads, drawn, raw = [], [], []
    for seed in range(8):
        rng = np.random.default_rng(seed)
        shift = rng.normal(0, 0.5, 40)
        who = np.repeat(np.arange(40), np.where(np.arange(40) < 20, 100, 2_000))
        fell = rng.random(who.size) < expit(-1.5 + shift[who])
        found = pooled(np.full(who.size, -1.5), who, fell)
        spreads.append(found.spread)
        own = logit(np.clip([fell[who == k].mean() for k in range(20)], 0.005, 0.995)) + 1.5
        drawn.append(np.mean((found.mean[:20, 0] - shift[:20]) ** 2))
        raw.append(np.mean((own - shift[:20]) ** 2))
        new, known = found.chance([-1.5], [99]), found.chance([-1.5], [30])
        assert new.high[0] - new.low[0] > 3 * (known.high[0] - known.low[0])
    assert np.mean(spreads) == pytest.approx(0.5, abs=0.06)
    assert np.mean(drawn) < 0.9 * np.mean(raw)


def test_alarms_are_as_rare_as_the_table_says_and_come_soon_after_a_shift() -> None:
    """Page's sums with k = 0.5 and h = 5: a false alarm about every 465 days, a shift of one deviation seen in about ten days."""
    rng = np.random.default_rng(6)
    runs, shifted = [], []
    for _ in range(300):
        for shift, days, kept in ((0.0, 4_000, runs), (1.0, 200, shifted)):
            up, down = cumulative_sums(rng.normal(shift, 1.0, days))
            over = np.flatnonzero((up > 5) | (down > 5))
            kept.append(over[0] + 1 if over.size else days)
    assert np.mean(runs) == pytest.approx(465, abs=4 * 465 / np.sqrt(300))
    assert np.mean(shifted) == pytest.approx(10.4, abs=4 * 5 / np.sqrt(300))


def test_the_score_of_a_day_is_what_chance_and_accident_leave() -> None:
    found = drift(np.zeros(400, dtype=int), np.full(400, 0.2), np.arange(400) < 100)
    assert found.score[0] == pytest.approx(20 / np.sqrt(64 + 6.4**2))
    assert found.alarm is None
