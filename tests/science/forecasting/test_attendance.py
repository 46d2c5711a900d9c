"""Chances of missed visits: no feature sees later outcomes, the prior speaks where data are silent, figures agree with those worked out another way."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.special import expit
from tests.validation.forecasts_data import Vitoria, vitoria

from carewheel.science.forecasting.attendance import (
    ATTENDED,
    LATE_CANCEL,
    LATE_PRIOR,
    MISS_PRIOR,
    MISSED,
    Bookings,
    Features,
    Recalibration,
    accuracy,
    attendance_model,
    auc,
    believed,
    bookings,
    brier,
    check_overbooking,
    drift,
    ece,
    fairness_audit,
    features,
    fitted,
    outcomes,
    outreach,
    parts,
    pooled,
    sentence,
)
from carewheel.science.forecasting.attendance.forest import plain
from carewheel.science.forecasting.attendance.ledger import Ledger
from carewheel.science.refusal import CannotTell

Floats = NDArray[np.float64]
DAY = 86_400


def invented(
    seed: int, visits: int = 6_000, late: bool = False
) -> tuple[Bookings, Floats, NDArray[np.int64]]:
    """Visits of a world in which lead time, the patient and the channel are all that counts: bookings, true chances, kinds of outcome."""
    rng = np.random.default_rng(seed)
    lead = rng.choice([0, 1, 3, 7, 14, 28], visits)
    booked = rng.integers(0, 120, visits)
    who = rng.integers(0, visits // 6, visits)
    channel = rng.choice(["phone", "web"], visits)
    nature = rng.normal(0, 0.8, visits // 6)[who]
    chance = expit(-2.0 + 0.35 * np.log1p(lead) + nature + 0.7 * (channel == "web"))
    kind = np.where(rng.random(visits) < chance, MISSED, ATTENDED)
    if late:
        kind = np.where(rng.random(visits) < 0.08 + 0.1 * (lead > 7), LATE_CANCEL, kind)
    made = bookings(
        booked * DAY + rng.integers(8 * 3600, 17 * 3600, visits),
        booked + lead,
        who,
        numbers={"age": rng.uniform(18, 90, visits)},
        kinds={"channel": channel, "place": rng.integers(0, 3, visits)},
    )
    return made, chance, kind


# --- no feature can see what came later


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10_000), cut=st.integers(1, 30), data=st.data())
def test_changing_later_outcomes_never_changes_a_feature(seed: int, cut: int, data: Any) -> None:
    rng = np.random.default_rng(seed)
    n = 60
    booked, lead = rng.integers(0, 30, n), rng.integers(0, 10, n)
    made = bookings(
        booked * DAY, booked + lead, rng.integers(0, 6, n), kinds={"place": rng.integers(0, 3, n)}
    )
    kind = rng.integers(0, 3, n)
    other = np.array(data.draw(st.lists(st.integers(0, 2), min_size=n, max_size=n)))
    changed = np.where(made.visit_day >= cut, other, kind)
    # Some later outcomes are left out altogether as well.
    kept = np.flatnonzero((made.visit_day < cut) | (rng.random(n) < 0.5))
    before = features(made, outcomes(made, np.arange(n), kind))
    after = features(made, outcomes(made, kept, changed[kept]))
    early = made.booked_day <= cut
    np.testing.assert_array_equal(before.values[early], after.values[early])


def test_a_feature_that_sees_an_outcome_sees_it_from_the_next_day_on() -> None:
    made = bookings([0, 5 * DAY, 6 * DAY], [5, 9, 9], [1, 1, 1])
    of = features(made, outcomes(made, [0], [MISSED]))
    # Booked on the day of the missed visit: not known; a day later: known.
    assert of.column("past_bad").tolist() == [0.0, 0.0, 1.0]
    assert of.column("own_visit_on_booking_day").tolist() == [0.0, 1.0, 0.0]


def test_the_daily_refresh_reads_up_to_its_day_and_no_further() -> None:
    made = bookings([0, 0, 0], [3, 5, 9], ["ann", "ann", "ann"])
    known = outcomes(made, [0, 1], [MISSED, ATTENDED])
    seen = [features(made, known, as_of=[0, 0, day]).column("past_visits")[2] for day in (0, 3, 4, 5, 6, 9)]
    assert seen == [0, 0, 1, 1, 2, 2]
    with pytest.raises(CannotTell, match="impossible-as-of"):
        features(made, known, as_of=[0, 0, 10])


def test_features_count_as_a_slow_count_by_hand_does() -> None:
    made, _, kind = invented(3, 400)
    known = outcomes(made, np.arange(400), kind)
    of = features(made, known)
    moment, day, visit, who = made.booked_at, made.booked_day, made.visit_day, made.patient
    place = made.kinds["place"]
    for i in range(0, 400, 7):
        earlier = (moment < moment[i]) | ((moment == moment[i]) & (np.arange(400) < i))
        past = (who == who[i]) & (visit < day[i])
        assert of.column("past_visits")[i] == past.sum()
        assert of.column("past_bad")[i] == (past & (kind != ATTENDED)).sum()
        assert of.column("own_bookings")[i] == (earlier & (who == who[i])).sum()
        assert of.column("own_pending")[i] == (earlier & (who == who[i]) & (visit >= day[i])).sum()
        assert (
            of.column("place_booked_for_day")[i]
            == (earlier & (place == place[i]) & (visit == visit[i])).sum()
        )
        assert of.column("own_same_visit_day")[i] == (earlier & (who == who[i]) & (visit == visit[i])).sum()
        fifth = np.sort(moment[earlier])[-5:]
        gap = of.column("practice_last_5_bookings_seconds")[i]
        assert np.isnan(gap) if fifth.size < 5 else gap == min(moment[i] - fifth[0], 1e6)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.integers(-1, 3), st.integers(0, 9), st.floats(-1, 1)), max_size=30),
    st.integers(0, 10),
)
def test_a_ledger_reads_what_a_loop_reads(entries: list[tuple[int, int, float]], day: int) -> None:
    key, when, amount = (np.array([e[i] for e in entries]) for i in range(3))
    book = Ledger(key, when, {"x": amount})
    for k in range(-1, 4):
        hits = [a for kk, d, a in entries if kk == k >= 0 and d < day]
        assert book.count_before([k], [day])[0] == len(hits)
        assert book.total_before("x", [k], [day])[0] == pytest.approx(sum(hits), abs=1e-7)
    assert np.isnan(Ledger([], [], {"x": []}).last_before("x", [0], [1])[0]).all()


def test_a_practice_without_this_or_that_gets_features_all_the_same() -> None:
    made = bookings(
        [0, DAY], [3, 4], [-1, -1], numbers={"distance": [np.nan, 4.0]}, kinds={"type": ["", "check"]}
    )
    of = features(made, outcomes(made, [], []))
    assert of.column("past_visits").tolist() == [
        0.0,
        0.0,
    ]  # an unknown patient has no record, not that of all unknown
    assert of.column("own_bookings").tolist() == [0.0, 0.0]
    assert np.isnan(of.column("visit_minute")).all()


# --- what is learnt


def test_without_data_the_prior_speaks_with_a_wide_interval() -> None:
    made = bookings([0, 0], [0, 14], [1, 2])
    model = attendance_model(made, outcomes(made, [], []), seed=1)
    found = model.chances(features(made, outcomes(made, [], [])))
    assert found.late_cancel is not None
    assert 0.03 < found.missed.value[0] < found.missed.value[1] < 0.35
    assert found.missed.high[1] - found.missed.low[1] > 0.2
    assert (found.missed.low < found.missed.value).all()
    assert (found.missed.value < found.missed.high).all()
    # Not more than one of both can happen.
    assert (found.missed.value + found.late_cancel.value < 1).all()


@pytest.mark.parametrize("fell", [0.0, 1.0])
def test_one_class_only_moves_the_prior_and_stays_a_chance(fell: float) -> None:
    made, _, _ = invented(5, 200)
    of = features(made, outcomes(made, [], []))
    model = fitted(of, np.full(200, fell), made.visit_day, MISS_PRIOR, seed=1)
    chance = model.chance(of)
    assert model.trees.rounds == 0
    assert ((chance.value > 0) & (chance.value < 1)).all()
    before = expit(believed(MISS_PRIOR).log_odds(of))
    assert (chance.value < before).all() if fell == 0 else (chance.value > before).all()


def test_two_hundred_visits_of_a_new_practice_give_something_sane() -> None:
    """Nearer to the truth than the prior alone and than the raw share of a lead band, over thirty invented practices."""
    error = {"both": [], "prior": [], "raw": []}  # type: dict[str, list[float]]
    for seed in range(30):
        made, chance, kind = invented(seed, 1_200)
        first = np.argsort(made.visit_day, kind="stable")[:200]
        rest = np.setdiff1d(np.arange(1_200), first)
        of = features(made, outcomes(made, first, kind[first]))
        fell = (kind == MISSED).astype(float)
        model = fitted(of.only(first), fell[first], made.visit_day[first], MISS_PRIOR, seed=1)
        lead = made.lead_days
        raw = {
            d: fell[first][lead[first] == d].mean() if (lead[first] == d).any() else 0.2
            for d in np.unique(lead)
        }
        told = {
            "both": expit(model.log_odds(of.only(rest))),
            "prior": expit(believed(MISS_PRIOR).log_odds(of.only(rest))),
            "raw": np.array([raw[d] for d in lead[rest]]),
        }
        for name, p in told.items():
            error[name].append(float(np.mean((p - chance[rest]) ** 2)))
    assert np.mean(error["both"]) < np.mean(error["raw"])
    assert np.mean(error["both"]) < np.mean(error["prior"])


def test_terms_are_recovered_from_many_visits_and_the_interval_covers() -> None:
    """A world that has the prior's own form: the posterior's 90 % intervals hold the truth about nine times in ten."""
    truth = np.array([-1.5, 0.3, -0.5, 2.0, 0.1])
    inside = []
    for seed in range(60):
        rng = np.random.default_rng(seed)
        n = 1_500
        values = np.column_stack(
            [rng.choice([0, 2, 9, 30], n), rng.normal(0, 0.15, n), rng.integers(0, 2, n)]
        ).astype(float)
        of = Features(values, ("lead_days", "past_excess", "past_visits"))
        x = np.column_stack(
            [np.ones(n), np.log1p(values[:, 0]), values[:, 0] == 0, values[:, 1], values[:, 2] == 0]
        )
        found = believed(MISS_PRIOR, of, (rng.random(n) < expit(x @ truth)).astype(float))
        inside.append(np.abs(found.mean - truth) < 1.645 * np.sqrt(np.diag(found.covariance)))
    assert 0.84 < np.mean(inside) < 0.97


def test_late_cancellations_have_a_chance_of_their_own() -> None:
    made, _, kind = invented(11, 6_000, late=True)
    known = outcomes(made, np.arange(6_000), kind)
    model = attendance_model(made, known, seed=3, trees=False)
    found = model.chances(features(made, known))
    assert found.late_cancel is not None
    far = made.lead_days > 7
    for rows in (far, ~far):
        assert found.late_cancel.value[rows].mean() == pytest.approx(
            (kind[rows] == LATE_CANCEL).mean(), abs=0.04
        )
        assert found.missed.value[rows].mean() == pytest.approx((kind[rows] == MISSED).mean(), abs=0.04)
    with pytest.raises(CannotTell, match="late-cancels"):
        attendance_model(made, known, seed=3, late_cancels=False, trees=False)


def test_more_lead_time_never_lowers_the_chance_and_trees_find_what_terms_cannot() -> None:
    made, chance, kind = invented(7, 12_000)
    known = outcomes(made, np.arange(12_000), kind)
    of = features(made, known)
    fell, early = (kind == MISSED).astype(float), made.visit_day < 100
    model = fitted(of.only(early), fell[early], made.visit_day[early], MISS_PRIOR, seed=2)
    assert model.trees.rounds > 0
    late = of.only(~early)
    p, alone = expit(model.log_odds(late)), expit(model.believed.log_odds(late))
    truth = chance[~early]
    assert np.mean((p - truth) ** 2) < np.mean((alone - truth) ** 2)
    # Same-day apart (a group of its own), trees rise with lead time and so does the term.
    at = late.names.index("lead_days")
    ladder = []
    for lead in (1.0, 3.0, 7.0, 14.0, 28.0):
        values = late.values[:200].copy()
        values[:, at] = lead
        ladder.append(model.trees.forest.log_odds(values) + model.later.forest.log_odds(values))
    assert (np.diff(ladder, axis=0) >= -1e-6).all()


def test_the_flat_forest_says_what_lightgbm_says() -> None:
    lightgbm = pytest.importorskip("lightgbm")
    made, _, kind = invented(7, 9_000)
    of = features(made, outcomes(made, np.arange(9_000), kind))
    model = fitted(of, (kind == MISSED).astype(float), made.visit_day, MISS_PRIOR, seed=2)
    x = plain(of.values).astype(np.float64)
    assert model.trees.rounds == model.later.rounds > 0
    for trees in (model.trees, model.later):
        boosters = [lightgbm.Booster(model_str=text) for text in trees.boosters]
        peer = np.mean([b.predict(x, raw_score=True) for b in boosters], axis=0)
        for compiled in (False, True):
            np.testing.assert_allclose(trees.forest.log_odds(of.values, compiled), peer, atol=2e-5)
    shuffled = np.random.default_rng(1).permutation(len(of.names))
    renamed = Features(of.values[:, shuffled], tuple(of.names[i] for i in shuffled))
    np.testing.assert_allclose(model.log_odds(renamed), model.log_odds(of), atol=1e-9)


def test_the_same_seed_gives_the_same_model() -> None:
    made, _, kind = invented(7, 4_000)
    of = features(made, outcomes(made, np.arange(4_000), kind))
    fell = (kind == MISSED).astype(float)
    one, two = (fitted(of, fell, made.visit_day, MISS_PRIOR, seed=2).log_odds(of) for _ in range(2))
    np.testing.assert_array_equal(one, two)


# --- figures


def test_figures_agree_with_scikit_learn() -> None:
    metrics = pytest.importorskip("sklearn.metrics")
    rng = np.random.default_rng(1)
    p = rng.random(2_000).round(2)
    y = (rng.random(2_000) < p).astype(float)
    assert auc(y, p) == pytest.approx(metrics.roc_auc_score(y, p), abs=1e-12)
    assert brier(y, p) == pytest.approx(metrics.brier_score_loss(y, p), abs=1e-12)
    assert ece(y, p) == pytest.approx(np.sqrt(2 * 15 / np.pi / 2_000 * (p * (1 - p)).mean()), rel=0.6)
    found = accuracy(y, p, np.ones(2_000), np.arange(2_000) // 100, seed=1)
    assert found.auc.low < found.auc.value < found.auc.high


def test_the_audit_finds_the_group_for_which_the_score_is_wrong() -> None:
    rng = np.random.default_rng(1)
    group = np.repeat(["a", "b"], 4_000)
    p = rng.uniform(0.05, 0.4, 8_000)
    y = rng.random(8_000) < np.where(group == "a", p, p + 0.08)
    wait = np.where(group == "a", 10.0, 14.0) + rng.normal(0, 1, 8_000)
    audit = fairness_audit({"group": group}, y, p, waiting_minutes=wait)
    a, b = audit.rows
    assert a.error is not None
    assert b.error is not None
    assert a.error.low < 0 < a.error.high
    assert b.error.low > 0.05
    assert audit.waiting_gap["group"] == pytest.approx(4 / 12, abs=0.02)
    assert "| group | b | 4,000 |" in audit.markdown()
    with pytest.raises(CannotTell, match="unequal-waits"):
        check_overbooking(audit)
    with pytest.raises(CannotTell, match="waits-unknown"):
        check_overbooking(fairness_audit({"group": group}, y, p))
    check_overbooking(fairness_audit({"group": group}, y, p, waiting_minutes=np.full(8_000, 9.0)))
    few = fairness_audit({"group": np.array(["x"] * 20 + ["y"] * 7_980)}, y, p)
    assert few.rows[0].missed is None
    assert "not enough data" in few.markdown()


def test_the_parts_of_an_explanation_sum_to_the_score() -> None:
    made, _, kind = invented(7, 9_000)
    of = features(made, outcomes(made, np.arange(9_000), kind))
    model = fitted(of, (kind == MISSED).astype(float), made.visit_day, MISS_PRIOR, seed=2)
    some = of.only(np.arange(50))
    np.testing.assert_allclose(sum(parts(model, some).values()), model.log_odds(some), atol=1e-4)
    worst = int(np.argmax(model.log_odds(of)))
    told = sentence(model, of, worst, model.chance(of))
    assert told.startswith("Chance of a missed visit ")
    assert "raised by" in told
    with pytest.raises(CannotTell, match="no-such-visit"):
        sentence(model, of, 9_000, model.chance(of))


def test_outreach_takes_the_visits_where_it_keeps_most_and_never_overbooks() -> None:
    plan = outreach([0.5, 0.4, 0.1, 0.0], 3, telehealth_fits=[False, True, True, True])
    assert plan.order.tolist() == [1, 0, 2]
    assert plan.action.tolist() == [1, 3, 3, 0]
    assert outreach([0.5], 0).order.size == 0


@pytest.mark.parametrize(
    ("call", "code"),
    [
        (lambda: bookings([], [], []), "no-visits"),
        (lambda: bookings([DAY], [0], [1]), "negative-lead"),
        (lambda: bookings([0], [1], [1, 2]), "not-visits"),
        (lambda: bookings([-5], [1], [1]), "impossible-day"),
        (lambda: bookings([0], [1], [1], visit_minute=[1500]), "impossible-minute"),
        (lambda: bookings([0], [1], [1], numbers={"age": [np.inf]}), "not-finite"),
        (lambda: outcomes(bookings([0], [1], [1]), [3], [0]), "not-outcomes"),
        (lambda: outcomes(bookings([DAY], [1], [1]), [0], [0], [0]), "outcome-before-booking"),
        (lambda: outcomes(bookings([0], [1], [1]), [0, 0], [0, 1]), "two-outcomes"),
        (lambda: auc([0, 0], [0.1, 0.2]), "one-class"),
        (lambda: brier([0, 2], [0.1, 0.2]), "not-chances"),
        (lambda: accuracy([0, 1], [0.1, 0.2], [1, 1], [1, 1], seed=1), "too-few-days"),
        (lambda: fairness_audit({}, [1.0], [2.0]), "not-chances"),
        (lambda: outreach([0.5], -1), "impossible-outreach"),
        (lambda: drift([], [], []), "not-visits"),
        (lambda: pooled([], [], []), "not-outcomes"),
        (lambda: Recalibration.fresh(0.0).learnt([0.0], [1], [2.0]), "not-outcomes"),
        (lambda: Recalibration.fresh(0.0).later(-1), "back-in-time"),
    ],
)
def test_bad_input_is_refused_with_a_code_and_a_remedy(call: Any, code: str) -> None:
    with pytest.raises(CannotTell) as caught:
        call()
    assert caught.value.code == code
    assert caught.value.remedy


# --- the real set, in short


@pytest.fixture(scope="module")
def some_of_vitoria(shared_data: Path) -> Vitoria:
    return vitoria(shared_data)


@pytest.mark.needs_data
def test_on_real_visits_the_chances_rank_and_are_right_on_average(some_of_vitoria: Vitoria) -> None:
    """Days of training only: learnt before 16 May, judged on the days to the 24th. The test days are for `make validate`."""
    v = some_of_vitoria
    day, train = v.bookings.visit_day, ~v.test
    of = features(v.bookings, v.outcomes)
    early, late = train & (day < 3_423), train & (day >= 3_423)
    model = fitted(of.only(early), v.fell[early], day[early], MISS_PRIOR, seed=1, trees=False)
    grown = fitted(of.only(early), v.fell[early], day[early], MISS_PRIOR, seed=1)
    p, q = expit(model.log_odds(of.only(late))), expit(grown.log_odds(of.only(late)))
    assert 0.70 < auc(v.fell[late], p) < auc(v.fell[late], q) < 0.76  # above that, look for a leak
    assert brier(v.fell[late], q) < brier(v.fell[late], p)
    assert late.sum() > 20_000


@pytest.mark.needs_data
def test_on_real_visits_later_outcomes_change_no_feature_of_earlier_bookings(
    some_of_vitoria: Vitoria,
) -> None:
    v = some_of_vitoria
    cut = 3_420
    turned = np.where(v.bookings.visit_day >= cut, 1 - v.fell, v.fell).astype(np.int64)
    one = features(v.bookings, v.outcomes)
    two = features(v.bookings, outcomes(v.bookings, np.arange(turned.size), turned))
    early = v.bookings.booked_day <= cut
    np.testing.assert_array_equal(one.values[early], two.values[early])
    assert not np.array_equal(one.values[~early], two.values[~early], equal_nan=True)


def test_priors_are_wide() -> None:
    for prior in (MISS_PRIOR, LATE_PRIOR):
        assert min(prior.sd) > 0
        assert prior.sd[0] >= 0.7
