"""Exact evaluation: by hand, against a second recursion, against differences, and against simulation."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.validation.scheduling import random_session, z_scores

from carewheel.science.refusal import CannotTell
from carewheel.science.scheduling import (
    Minutes,
    Patient,
    Phases,
    Session,
    WalkIns,
    Weights,
    empirical,
    evaluate,
    exponential,
    fixed,
    lognormal,
    mixture,
    poisson,
)

ALL = Weights(waiting=1, idle=0.7, overtime=1.3)


# --- by hand


def test_two_patients_who_may_not_come_by_hand() -> None:
    # 20 minutes each, the second due at 10 and there with probability 1/2, as is the first. Close at 25.
    # Both (1/4): wait 10, free at 40. First only: free at 20. Second only: free at 30. Nobody: free at 0.
    found = evaluate(Session((Patient(fixed(20), 0.5),) * 2, ALL, closes=25), [0, 10])
    assert found.waits.tolist() == [0, 5]
    assert found.waiting == 2.5
    assert found.overtime == pytest.approx((15 + 5) / 4)
    assert found.work == 20
    assert found.idle == pytest.approx(25 + 5 - 20)
    assert found.cost == pytest.approx(2.5 + 0.7 * 10 + 1.3 * 5)


def test_late_and_early_arrivals_by_hand() -> None:
    # The first takes 10. The second, due at 10, comes at 5 or at 15: at 5 nobody waits (from 10 on), at 15 five are idle.
    shift = Minutes(-5, [0.5, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0.5])
    found = evaluate(
        Session((Patient(fixed(10)), Patient(fixed(10), unpunctuality=shift)), ALL, closes=20), [0, 10]
    )
    assert found.waits.tolist() == [0, 0]
    assert (found.idle, found.overtime) == (2.5, 2.5)
    # Due at 6 and there at 1 the wait counts from 6: 4; there at 11 it is nought.
    assert (
        evaluate(
            Session((Patient(fixed(10)), Patient(fixed(10), unpunctuality=shift)), ALL, closes=20), [0, 6]
        ).waits[1]
        == 2
    )


def test_walk_ins_by_hand() -> None:
    # At minute 3 alone a Poisson number of mean 1/2 comes, 2 minutes each; the booked patient of minute 0 takes 5.
    session = Session((Patient(fixed(5)),), ALL, closes=5, walk_ins=(WalkIns(0.5, 3, 4, fixed(2)),))
    found = evaluate(session, [0])
    # Each waits 2, and 2 more for each before: 2 E N + 2 E N(N-1)/2.
    assert found.walk_in_waiting == pytest.approx(2 * 0.5 + 2 * 0.25 / 2)
    assert found.overtime == pytest.approx(2 * 0.5)
    assert found.idle == pytest.approx(0, abs=1e-12)


def test_walk_ins_go_behind_the_patients_of_their_minute() -> None:
    session = Session(
        (Patient(fixed(4)), Patient(fixed(4))), ALL, closes=8, walk_ins=(WalkIns(1e-6, 4, 5, fixed(8)),)
    )
    assert evaluate(session, [0, 4]).waits[1] == 0
    assert evaluate(session, [0, 5]).waits[1] == pytest.approx(7e-6, rel=1e-3)


def test_the_session_lasts_until_its_last_appointment_if_it_has_no_close() -> None:
    found = evaluate(Session((Patient(fixed(5)), Patient(fixed(5), 0.0)), ALL), [0, 30])
    assert (found.availability, found.idle, found.overtime) == (30, 25, 0)


# --- two ways to the same


def test_a_fine_grid_tends_to_the_exponential_in_continuous_time() -> None:
    times = np.array([0, 12, 12, 30, 55.0])
    exact = evaluate(Session((Patient(Phases(1 / 15), 0.8),) * 5, ALL, closes=80), times)
    far = []
    for step in (1.0, 0.5):
        found = evaluate(Session((Patient(exponential(15, step), 0.8),) * 5, ALL, closes=80), times)
        far.append(abs(found.cost - exact.cost))
    assert far[0] < 2e-3 * exact.cost
    assert far[1] < 0.3 * far[0]  # an error of the step squared


def test_erlang_phases_against_a_fine_grid() -> None:
    rng = np.random.default_rng(3)
    times = np.array([0, 9, 20, 33.0])
    exact = evaluate(Session((Patient(Phases(0.3, [0.2, 0, 0.8]), 0.9),) * 4, ALL, closes=50), times)
    minutes = rng.gamma(np.where(rng.random(400_000) < 0.2, 1, 3), 1 / 0.3)
    found = evaluate(Session((Patient(empirical(minutes, 0.5), 0.9),) * 4, ALL, closes=50), times)
    np.testing.assert_allclose(found.waits, exact.waits, atol=0.05)
    assert found.cost == pytest.approx(exact.cost, rel=0.01)


@pytest.mark.parametrize("number", range(8))
def test_times_on_the_grid_and_real_times_give_the_same(number: int) -> None:
    session, times = random_session(np.random.default_rng([5, number]))
    session = Session(session.patients, session.weights, session.closes)
    grid, real = evaluate(session, times), evaluate(session, times, gradient=True)
    np.testing.assert_allclose(grid.waits, real.waits, rtol=1e-9, atol=1e-9)
    for name in ("cost", "idle", "overtime", "waiting"):
        assert getattr(grid, name) == pytest.approx(getattr(real, name), rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("number", range(8))
def test_the_gradient_is_the_difference(number: int) -> None:
    rng = np.random.default_rng([7, number])
    if number % 2:
        patients = tuple(
            Patient(
                Phases(0.1, rng.dirichlet([1, 1, 1])),
                float(rng.uniform(0.4, 1)),
                weight=float(rng.uniform(0.5, 2)),
            )
            for _ in range(5)
        )
        session = Session(patients, ALL, closes=60.0 if number % 4 == 1 else None)
        times = np.sort(rng.uniform(1, 55, 5))
    else:
        session, _ = random_session(rng)
        session = Session(
            session.patients, session.weights, None if session.closes is None else session.closes + 0.37
        )
        times = np.sort(rng.uniform(1, 100, len(session.patients)))
    slope = evaluate(session, times, gradient=True).gradient
    assert slope is not None
    h = 1e-5
    for k in range(len(times)):
        ends = []
        for way in (h, -h):
            moved = times.copy()
            moved[k] += way
            ends.append(evaluate(session, moved, gradient=True).cost)
        assert (ends[0] - ends[1]) / (2 * h) == pytest.approx(slope[k], rel=1e-5, abs=1e-5)


def test_exact_evaluation_holds_against_simulation() -> None:
    z, _ = z_scores(10, 40_000)
    assert z.size > 80
    assert np.abs(z).max() <= 4.5
    assert np.mean(np.abs(z) > 3) <= 0.02


# --- laws


@pytest.mark.parametrize(
    "law",
    [
        lognormal(13.5, 0.46),
        lognormal(20, 1.2, 5.0),
        exponential(9, 2.0),
        poisson(9.0),
        fixed(12.3),
        empirical([3.3, 8.8, 21.7]),
    ],
)
def test_laws_keep_their_mean_on_the_grid(law: Minutes) -> None:
    means = {13.5, 20.0, 9.0, 12.3, (3.3 + 8.8 + 21.7) / 3}
    assert min(abs(law.mean - m) for m in means) < 1e-9
    assert law.mass.sum() == pytest.approx(1, abs=1e-12)


def test_a_mixture_has_the_mean_of_its_parts() -> None:
    law = mixture([lognormal(10, 0.5), fixed(30)], [0.25, 0.75])
    assert law.mean == pytest.approx(25)


# --- properties


@st.composite
def sessions(draw: st.DrawFn) -> tuple[Session, np.ndarray]:
    return random_session(np.random.default_rng(draw(st.integers(0, 10**6))))


@settings(max_examples=25, deadline=None)
@given(sessions())
def test_accounts_balance(found: tuple[Session, np.ndarray]) -> None:
    session, times = found
    done = evaluate(session, times)
    closes = times[-1] if session.closes is None else session.closes
    assert done.idle + done.work == pytest.approx(closes + done.overtime)
    assert min(done.waits.min(), done.idle, done.overtime, done.walk_in_waiting) >= -1e-9
    shows = np.array([p.show_rate for p in session.patients])
    assert done.waiting == pytest.approx(float(shows @ done.waits))


@settings(max_examples=25, deadline=None)
@given(sessions(), st.integers(0, 15))
def test_who_surely_stays_away_changes_nothing_for_the_others(
    found: tuple[Session, np.ndarray], place: int
) -> None:
    session, times = found
    session = Session(session.patients, session.weights, float(times[-1]) + 30 * session.step)
    k = place % (len(times) + 1)
    more = (*session.patients[:k], Patient(session.patients[0].duration, 0.0), *session.patients[k:])
    at = times[min(k, len(times) - 1)]
    other = evaluate(Session(more, session.weights, session.closes), np.insert(times, k, at))
    mine = evaluate(session, times)
    np.testing.assert_allclose(np.delete(other.waits, k), mine.waits, atol=1e-9)
    assert other.cost == pytest.approx(mine.cost)


@settings(max_examples=15, deadline=None)
@given(sessions(), st.integers(0, 10**6), st.floats(0.05, 0.95))
def test_the_cost_is_convex_in_the_times(found: tuple[Session, np.ndarray], seed: int, share: float) -> None:
    session, times = found
    session = Session(session.patients, session.weights, session.closes)
    other = np.sort(np.random.default_rng(seed).uniform(0, times[-1] + 1, len(times)))
    ends = [evaluate(session, t, gradient=True) for t in (times, other)]
    middle = evaluate(session, share * times + (1 - share) * other, gradient=True).cost
    assert middle <= share * ends[0].cost + (1 - share) * ends[1].cost + 1e-8
    # The tangent at one end lies below the other: what every stated gap rests on.
    assert ends[0].gradient is not None
    assert ends[1].cost >= ends[0].cost + float(ends[0].gradient @ (other - times)) - 1e-8


# --- refusals


@pytest.mark.parametrize(
    ("code", "wrong"),
    [
        ("show-rate", lambda: Patient(fixed(10), 1.2)),
        ("show-rate", lambda: Patient(fixed(10), float("nan"))),
        ("negative-minutes", lambda: Patient(empirical([-3, 10]))),
        ("weight", lambda: Patient(fixed(10), weight=-1)),
        ("no-patients", lambda: Session((), ALL)),
        ("weights", lambda: Weights(-1, 1, 1)),
        ("weights", lambda: Weights(0, 0, 0)),
        ("closes", lambda: Session((Patient(fixed(10)),), ALL, closes=-5)),
        ("several-steps", lambda: Session((Patient(fixed(10)), Patient(fixed(10, 5.0))), ALL)),
        ("mixed-durations", lambda: Session((Patient(fixed(10)), Patient(Phases(1.0))), ALL)),
        ("phases-are-punctual", lambda: Session((Patient(Phases(1.0), unpunctuality=fixed(3)),), ALL)),
        ("walk-ins", lambda: WalkIns(-0.1, 0, 10, fixed(5))),
        ("no-sample", lambda: empirical([])),
        ("no-sample", lambda: empirical([float("nan")])),
        ("no-distribution", lambda: Minutes(0, [0.5, 0.2])),
        ("not-positive", lambda: lognormal(-3, 0.5)),
        ("rate", lambda: Phases(0.0)),
        ("too-wide", lambda: empirical([1, 1e12])),
        ("too-wide", lambda: lognormal(20, 50)),
        ("step", lambda: fixed(10, 0.0)),
        ("times", lambda: evaluate(Session((Patient(fixed(10)),), ALL), [0, 10])),
        ("times-in-order", lambda: evaluate(Session((Patient(fixed(10)),) * 2, ALL), [10, 0])),
        ("times-in-order", lambda: evaluate(Session((Patient(fixed(10)),) * 2, ALL), [-5, 0])),
        ("times-in-order", lambda: evaluate(Session((Patient(fixed(10)),) * 2, ALL), [0, float("nan")])),
        ("after-close", lambda: evaluate(Session((Patient(Phases(1.0)),) * 2, ALL, closes=3), [0, 4])),
        ("walk-ins-on-grid", lambda: evaluate(Session((Patient(fixed(10)),), ALL, walk_ins=(WalkIns(0.1, 0, 9, fixed(5)),)), [0.5])),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused_with_a_remedy(code: str, wrong: Any) -> None:
    with pytest.raises(CannotTell) as refused:
        wrong()
    assert refused.value.code == code
    assert refused.value.remedy
