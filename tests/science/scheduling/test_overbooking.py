"""Overbooking against enumeration, fair waiting, who first, open slots, and requests into a season."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from benchmarks.scheduling.drawn_sessions import FIRST, RETURN, drawn_session
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.validation.scheduling_multistart import kept
from tests.validation.scheduling_overbooking import enumerated_overbooking

from carewheel.science.refusal import CannotTell
from carewheel.science.scheduling import (
    Patient,
    Request,
    SeasonTemplate,
    Session,
    Weights,
    assign_requests,
    best_overbooking,
    best_sequence,
    best_times,
    evaluate,
    fair_plan,
    fixed,
    individual_times,
    lognormal,
    open_slots,
    tuned,
)

TABLE = [
    (0.5, [2, 2, 2, 1, 2, 1, 1], 2.57993, 3.5),
    (0.6, [2, 1, 2, 1, 1, 1, 1], 2.23527, 2.8),
    (0.7, [2, 1, 1, 1, 1, 1, 1], 1.84388, 2.1),
    (0.8, [1] * 7, 1.4, 1.4),
    (0.9, [1] * 7, 0.7, 0.7),
]


@pytest.mark.parametrize(("show", "optimum", "cost", "single"), TABLE)
def test_overbooking_of_unit_slots(show: float, optimum: list[int], cost: float, single: float) -> None:
    weights, patient = Weights(0.2, 1, 1.5), Patient(fixed(1), show)
    found = best_overbooking(patient, slots=7, slot=1, weights=weights)
    assert found.booked.tolist() == optimum
    assert found.evaluation.cost == pytest.approx(cost, abs=1e-5)
    assert found.gap < 1e-6
    each = evaluate(Session((patient,) * 7, weights, closes=7), np.arange(7))
    assert each.cost == pytest.approx(single)


@pytest.mark.parametrize(
    ("show", "weights"),
    [(0.55, Weights(0.5, 1, 1)), (0.7, Weights(0.05, 1, 0.6)), (0.35, Weights(0.3, 0.8, 2))],
)
def test_overbooking_by_trying_all_plans(show: float, weights: Weights) -> None:
    found = best_overbooking(Patient(fixed(1), show), slots=4, slot=1, weights=weights)
    least = enumerated_overbooking(4, show, weights, 5)
    assert found.evaluation.cost == pytest.approx(least, rel=1e-9)


def test_overbooking_with_random_durations_on_slots_of_minutes() -> None:
    patient, weights = Patient(lognormal(18, 0.5, 5.0), 0.7), Weights(0.3, 1, 1.5)
    found = best_overbooking(patient, slots=5, slot=20, weights=weights)
    by_hand = min(
        evaluate(Session((patient,) * n, weights, closes=100), np.array(t) * 20.0).cost
        for n in range(1, 9)
        for t in itertools.combinations_with_replacement(range(5), n)
    )
    assert found.evaluation.cost == pytest.approx(by_hand, rel=1e-9)


# --- fair waiting


def booked(seed: int) -> tuple[Session, list[str]]:
    """Nine in seven slots; one group comes less often."""
    rng = np.random.default_rng(seed)
    groups = ["a"] * 5 + ["b"] * 4
    shows = [rng.uniform(0.8, 0.95) if g == "a" else rng.uniform(0.5, 0.75) for g in groups]
    law = lognormal(18, 0.4, 5.0)
    return Session(tuple(Patient(law, float(p)) for p in shows), Weights(0.3, 1, 1.5), closes=140), groups


@pytest.mark.parametrize("by_lot", [False, True])
def test_groups_wait_alike_and_the_price_is_shown(by_lot: bool) -> None:
    session, groups = booked(1)
    found = fair_plan(session, groups, slot=20, by_lot=by_lot)
    assert found.gap <= 0.05 + 1e-9
    assert found.free_gap > 0.05
    assert found.cost >= found.free_cost
    assert 0 <= found.price < 0.25
    # Worked out again from the plans alone.
    total, came, cost = dict.fromkeys("ab", 0.0), dict.fromkeys("ab", 0.0), 0.0
    for plan, share in zip(found.plans, found.shares, strict=True):
        done = evaluate(session.ordered(plan.order), plan.template.times)
        cost += share * done.cost
        for place, k in enumerate(plan.order):
            total[groups[k]] += share * session.patients[k].show_rate * done.waits[place]
            came[groups[k]] += share * session.patients[k].show_rate
    waits = {g: total[g] / came[g] for g in "ab"}
    assert waits == pytest.approx(found.waits)
    assert cost == pytest.approx(found.cost)
    mean = sum(total.values()) / sum(came.values())
    assert (max(waits.values()) - min(waits.values())) / mean == pytest.approx(found.gap, abs=1e-9)


def test_a_lot_costs_no_more_than_one_plan() -> None:
    session, groups = booked(2)
    one = fair_plan(session, groups, slot=20)
    lot = fair_plan(session, groups, slot=20, by_lot=True)
    assert len(one.plans) == 1
    assert lot.cost <= one.cost + 1e-9


# --- who first


def test_small_sessions_by_trying_all_orders() -> None:
    rng = np.random.default_rng(6)
    for _ in range(3):
        laws = [
            lognormal(float(m), float(cv))
            for m, cv in zip(rng.uniform(8, 20, 4), rng.uniform(0.2, 0.9, 4), strict=True)
        ]
        patients = tuple(Patient(law, float(p)) for law, p in zip(laws, rng.uniform(0.6, 1, 4), strict=True))
        session = Session(patients, Weights(0.2, 0.8))
        found = best_sequence(session)
        best = min(best_times(session.ordered(o)).evaluation.cost for o in itertools.permutations(range(4)))
        assert found.template.evaluation.cost <= 1.001 * best
        assert evaluate(session.ordered(found.order), found.template.times).cost == pytest.approx(
            found.template.evaluation.cost
        )


def test_unlike_patients_in_free_order_beat_tuned_spacing() -> None:
    session = drawn_session(0, patients=10)
    found = best_sequence(session)
    assert sorted(found.order) == list(range(10))
    assert found.template.evaluation.cost <= 0.95 * tuned(session, individual_times).evaluation.cost
    # Whose length is known better goes first.
    laws = [session.patients[i].duration for i in found.order]
    assert laws == sorted(laws, key=lambda law: law is FIRST)
    assert RETURN.sd < FIRST.sd


@pytest.mark.skipif("0" not in kept(), reason="the ten minutes of random starts were not run yet")
def test_ten_minutes_of_random_starts_find_hardly_better() -> None:
    cost = best_sequence(drawn_session(0), improve=False).template.evaluation.cost
    assert cost <= 1.01 * float(kept()["0"]["cost"])  # type: ignore[arg-type]


# --- open slots and a season


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6))
def test_open_slots_against_counting_all_cases(seed: int) -> None:
    rng = np.random.default_rng(seed)
    slots = int(rng.integers(1, 5))
    ahead, today = rng.dirichlet(np.ones(5)), rng.dirichlet(np.ones(4))
    show, worth, over_cost, refusal = rng.uniform(0.2, 1), *rng.uniform(0, 2, 3)
    found = open_slots(
        slots,
        ahead=ahead,
        today=today,
        show_ahead=show,
        worth_today=worth,
        over_cost=over_cost,
        refusal_cost=refusal,
    )
    assert [a.value for a in found] == sorted((a.value for a in found), reverse=True)
    for access in found:
        value = 0.0
        for (a, pa), (t, pt) in itertools.product(enumerate(ahead), enumerate(today)):
            x = min(a, access.ahead)
            for come in itertools.product((0, 1), repeat=x):
                p = pa * pt * np.prod([show if c else 1 - show for c in come])
                seen, taken = sum(come), min(t, max(slots - x, 0))
                value += p * (seen + worth * taken - refusal * (t - taken) - over_cost * max(seen - slots, 0))
        assert access.value == pytest.approx(value)


def test_requests_fill_the_season_and_slots_stay_open_for_the_day() -> None:
    rng = np.random.default_rng(8)
    patient = Patient(lognormal(15, 0.5, 5.0), 0.85)
    season = SeasonTemplate(5, (0.0, 15.0, 30.0, 45.0), 60.0, Weights(1, 1, 1), kept_open=1)
    early = [Request(0, patient, int(d), 4) for d in rng.integers(1, 5, 30)]
    found = assign_requests(season, [*early, *(Request(d, patient, d, d) for d in range(1, 5))])
    for d in range(1, 5):
        assert np.count_nonzero(found.day[:30] == d) <= 3
        assert found.day[30 + d - 1] == d  # who asks on the day gets the slot kept open
    taken = [(d, s) for d, s in zip(found.day, found.slot, strict=True) if d >= 0]
    assert len(set(taken)) == len(taken)
    for d in range(5):
        slots = sorted(int(s) for e, s in taken if e == d)
        if slots:
            session = Session((patient,) * len(slots), season.weights, season.closes)
            assert found.costs[d] == pytest.approx(evaluate(session, [season.times[s] for s in slots]).cost)
        else:
            assert found.costs[d] == 60


def test_delay_pulls_requests_forward() -> None:
    patient = Patient(fixed(20))
    season = SeasonTemplate(3, (0.0, 0.0, 20.0), 40.0, Weights(1, 1, 1))
    ask = [Request(0, patient, 0, 2) for _ in range(3)]
    assert assign_requests(season, ask, delay_cost=1000).day.tolist() == [0, 0, 0]
    assert sorted(assign_requests(season, ask).day.tolist()) == [0, 0, 1]


@pytest.mark.parametrize(
    ("code", "wrong"),
    [
        ("slots", lambda: best_overbooking(Patient(fixed(1)), slots=0, slot=1, weights=Weights(1, 1, 1))),
        ("unlimited", lambda: best_overbooking(Patient(fixed(1)), slots=3, slot=1, weights=Weights(1, 1, 0))),
        ("nobody-to-book", lambda: best_overbooking(Patient(fixed(1)), slots=3, slot=1, weights=Weights(1, 1, 1), most=0)),
        ("groups", lambda: fair_plan(booked(1)[0], ["a"] * 9)),
        ("groups", lambda: fair_plan(booked(1)[0], ["a", "b"])),
        ("most-gap", lambda: fair_plan(*booked(1), most_gap=-1)),
        ("no-slots", lambda: open_slots(0, ahead=[1], today=[1], show_ahead=1)),
        ("no-distribution", lambda: open_slots(1, ahead=[0.5], today=[1], show_ahead=1)),
        ("show-rate", lambda: open_slots(1, ahead=[1], today=[1], show_ahead=1.5)),
        ("negative-worth", lambda: open_slots(1, ahead=[1], today=[1], show_ahead=1, over_cost=-1)),
        ("span", lambda: assign_requests(SeasonTemplate(2, (0.0,), 20, Weights(1, 1)), [Request(1, Patient(fixed(5)), 0, 0)])),
        ("template", lambda: SeasonTemplate(2, (), 20, Weights(1, 1))),
        ("kept-open", lambda: SeasonTemplate(2, (0.0,), 20, Weights(1, 1), kept_open=2)),
        ("delay-cost", lambda: assign_requests(SeasonTemplate(2, (0.0,), 20, Weights(1, 1)), [], delay_cost=-1)),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused(code: str, wrong: Any) -> None:
    with pytest.raises(CannotTell) as refused:
        wrong()
    assert refused.value.code == code


def test_a_bound_that_no_plan_meets_is_refused_with_the_smallest_gap() -> None:
    session = Session((Patient(fixed(20)), Patient(fixed(20))), Weights(1, 5), closes=20)
    with pytest.raises(CannotTell) as refused:
        fair_plan(session, ["a", "b"], slot=20, most_gap=0.05)
    assert refused.value.code == "no-fair-plan"
    assert float(refused.value.data["smallest_gap"]) > 0.05
