"""The clinic simulator: by hand, against theory, against the one-line engine, compiled against plain."""

from __future__ import annotations

import builtins
import importlib.util
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.validation.scheduling_theory import simulator_rows, station

from carewheel.science.queueing import many_server_starts, single_server_waits
from carewheel.science.queueing.clinic import (
    Clinic,
    Kind,
    Shift,
    Stage,
    Steps,
    difference,
    draw_days,
    long_run,
    over_days,
    sample_quantiles,
    simulate_clinic,
    simulate_sessions,
    uniforms,
)
from carewheel.science.refusal import CannotTell

NAN = float("nan")


# --- by hand


def test_a_nurse_shared_by_two_stages_by_hand() -> None:
    # Nurse 5, doctor 10, nurse 5 again. One nurse, one doctor. Both come at 0.
    route = (Stage({"nurse": 1}), Stage({"doctor": 1}), Stage({"nurse": 1}))
    run = simulate_clinic(
        Clinic({"nurse": 1, "doctor": 1}, (route,)), arrival=[[0.0, 0.0]], minutes=[[[5, 10, 5]] * 2]
    )
    assert run.started[0].tolist() == [[0, 5, 15], [5, 15, 25]]
    assert run.in_system[0].tolist() == [20, 30]


def test_a_room_is_kept_until_it_is_given_back_by_hand() -> None:
    route = (Stage({"room": 1}, {}), Stage({"doctor": 1}, {"doctor": 1, "room": 1}))
    run = simulate_clinic(
        Clinic({"room": 1, "doctor": 2}, (route,)), arrival=[[0.0, 1.0]], minutes=[[[5, 10]] * 2]
    )
    assert run.started[0].tolist() == [[0, 5], [15, 20]]


def test_priority_and_passing_by_hand() -> None:
    # At 10 the doctor is free: the urgent one (came last) goes first. The dental visit needs only the chair and passes.
    routes = ((Stage({"doctor": 1}),), (Stage({"chair": 1}),))
    run = simulate_clinic(
        Clinic({"doctor": 1, "chair": 1}, routes), arrival=[[0.0, 1, 2, 3]], minutes=np.full((1, 4, 1), 10.0),
        route=[[0, 0, 0, 1]], priority=[[1, 1, 0, 1]],
    )  # fmt: skip
    assert run.started[0, :, 0].tolist() == [0, 20, 10, 3]


def test_shifts_by_hand() -> None:
    # Two doctors until 15, one from 15 on; who was begun is ended. A doctor too many comes back at 40.
    clinic = Clinic(
        {"doctor": 2}, ((Stage({"doctor": 1}),),), (Shift(15, "doctor", -1), Shift(40, "doctor", 1))
    )
    run = simulate_clinic(clinic, arrival=[[0.0, 10, 12, 14, 16]], minutes=np.full((1, 5, 1), 20.0))
    assert run.started[0, :, 0].tolist() == [0, 10, 30, 40, 50]


def test_who_can_never_be_seen_is_not_given_a_time() -> None:
    clinic = Clinic({"doctor": 1}, ((Stage({"doctor": 1}),),), (Shift(5, "doctor", -1),))
    run = simulate_clinic(clinic, arrival=[[0.0, 6.0, NAN]], minutes=np.full((1, 3, 1), 10.0))
    assert run.ready[0, :, 0].tolist()[:2] == [0, 6]
    assert np.isnan(run.started[0, 1:, 0]).all()
    assert np.isnan(run.in_system[0]).tolist() == [False, True, True]


# --- against the engines of one line


@pytest.mark.parametrize("servers", [1, 2, 5])
def test_one_station_is_the_line_of_many_servers(servers: int) -> None:
    rng = np.random.default_rng(servers)
    arrival = np.cumsum(rng.exponential(1 / servers, (20, 60)), axis=1)
    service = rng.gamma(2, 0.5, (20, 60))
    run = simulate_clinic(station(servers), arrival=arrival, minutes=service[..., None])
    np.testing.assert_array_equal(run.started[..., 0], many_server_starts(arrival, service, servers))


def test_a_row_of_stations_is_one_line_after_another() -> None:
    rng = np.random.default_rng(3)
    arrival, service = np.sort(rng.uniform(0, 50, (10, 40)), axis=1), rng.exponential(1, (10, 40, 3))
    run = simulate_clinic(station(1, 3), arrival=arrival, minutes=service)
    at = arrival
    for stage in range(3):
        at = single_server_waits(at, service[..., stage]).ends
        np.testing.assert_allclose(run.done[..., stage], at, rtol=1e-12)


def test_long_runs_hold_against_theory() -> None:
    rows = simulator_rows(60_000, compiled=importlib.util.find_spec("numba") is not None)
    assert len(rows) == 15
    # Short runs: the means are held to four errors, their precision is a matter of the long validation.
    z = [float(row.found.split("(z ")[1].rstrip(")")) for row in rows]
    assert max(map(abs, z)) <= 4, rows


# --- compiled and plain


def random_clinic(seed: int) -> tuple[Clinic, dict[str, Any]]:
    rng = np.random.default_rng(seed)
    capacity = {name: int(rng.integers(1, 4)) for name in ("nurse", "doctor", "room")}
    routes = (
        (
            Stage({"room": 1, "nurse": 1}, {"nurse": 1}),
            Stage({"doctor": 1}),
            Stage({"nurse": 1}, {"nurse": 1, "room": 1}),
        ),
        (Stage({"doctor": 1}),),
        (Stage({"room": 1}, {}), Stage({"nurse": 1}, {"nurse": 1, "room": 1})),
    )
    clinic = Clinic(capacity, routes, (Shift(60, "nurse", 1), Shift(120, "nurse", -1)))
    arrival = rng.uniform(0, 200, (4, 30))
    arrival[rng.random(arrival.shape) < 0.15] = NAN
    return clinic, {
        "arrival": arrival,
        "minutes": rng.exponential(8, (4, 30, 3)).round(1),
        "route": rng.integers(0, 3, arrival.shape),
        "priority": rng.integers(0, 2, arrival.shape),
    }


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10**6))
def test_the_books_of_a_random_clinic_balance(seed: int) -> None:
    clinic, given_ = random_clinic(seed)
    run = simulate_clinic(clinic, compiled=False, **given_)
    there = ~np.isnan(run.ready)
    assert (run.started[there] >= run.ready[there]).all()
    np.testing.assert_allclose(run.done[there] - run.started[there], given_["minutes"][there])
    # Nobody is ever used beyond what is there: count at every start.
    for day in range(4):
        taken = []
        for visit in range(30):
            stages = clinic.routes[given_["route"][day, visit]]
            for s, stage in enumerate(stages):
                if np.isnan(run.started[day, visit, s]):
                    continue
                for name, number in stage.takes.items():
                    back = next(t for t in range(s, len(stages)) if name in stages[t].gives_back)
                    taken.append((name, number, run.started[day, visit, s], run.done[day, visit, back]))
        for now in run.started[day][~np.isnan(run.started[day])]:
            for name, most in clinic.capacity.items():
                busy = sum(k for n, k, a, b in taken if n == name and a <= now < b)
                extra = 1 if name == "nurse" and now >= 60 else 0
                assert busy <= most + extra


@pytest.mark.parametrize("seed", range(5))
def test_compiled_and_plain_clinics_are_the_same(seed: int) -> None:
    pytest.importorskip("numba")
    clinic, given_ = random_clinic(seed)
    fast, plain = (simulate_clinic(clinic, compiled=c, **given_) for c in (True, False))
    for name in ("ready", "started", "done"):
        np.testing.assert_array_equal(getattr(fast, name), getattr(plain, name))


def test_compiled_and_plain_sessions_are_the_same() -> None:
    pytest.importorskip("numba")
    law, late, walk = (
        Steps(3, np.array([0.2, 0.5, 0, 0.3])),
        Steps(-4, np.full(9, 1 / 9)),
        Steps(0, np.array([0.1, 0.9])),
    )
    fast, plain = (
        simulate_sessions(
            due=[0, 4, 4, 12], show_rate=[1, 0.5, 0.9, 0.7], duration=[law] * 4, unpunctuality=[None, late, late, None],
            walk_ins=[(2, 12, 0.3, walk)], closes=20, days=5_000, seed=4, compiled=c,
        )
        for c in (True, False)
    )  # fmt: skip
    for name in fast.__slots__:
        np.testing.assert_array_equal(getattr(fast, name), getattr(plain, name))


def test_without_numba_the_plain_path_is_taken_or_the_refusal_says_what_to_do(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    real = builtins.__import__

    def absent(name: str, *rest: Any, **more: Any) -> Any:
        if name == "numba":
            raise ImportError(name)
        return real(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", absent)
    one = {
        "due": [0],
        "show_rate": [1.0],
        "duration": [Steps(5, np.ones(1))],
        "closes": 5,
        "days": 2,
        "seed": 1,
    }
    assert simulate_sessions(**one).idle == (0, 0)  # type: ignore[arg-type]
    with pytest.raises(CannotTell, match="carewheel\\[speed\\]"):
        simulate_sessions(**one, compiled=True)  # type: ignore[arg-type]


# --- luck, and what is made of it


def test_random_numbers_are_even_and_hang_on_their_place_alone() -> None:
    u = uniforms(5, 0, np.arange(200_000))
    assert abs(u.mean() - 0.5) < 4 * np.sqrt(1 / 12 / u.size)
    counts = np.bincount((u * 100).astype(int), minlength=100)
    assert ((counts - 2_000) ** 2 / 2_000).sum() < 170
    assert abs(np.corrcoef(u[:-1], u[1:])[0, 1]) < 0.01
    np.testing.assert_array_equal(uniforms(5, 0, [7, 3]), u[[7, 3]])
    assert not np.array_equal(uniforms(5, 1, np.arange(10)), u[:10])


def test_common_luck_makes_differences_sure() -> None:
    kind = Kind(0, (sample_quantiles(np.arange(5.0, 25.0)),), sample_quantiles([-5.0, 0.0, 5.0]))
    waits = []
    for gap in (14.0, 15.0):
        days = draw_days(
            [kind], scheduled=np.arange(10) * gap, kind=[0] * 10, show_rate=[0.9] * 10, days=400, seed=2
        )
        run = simulate_clinic(station(1), arrival=days.arrival, minutes=days.minutes)
        waits.append(np.nansum(run.waits, axis=(1, 2)))
    apart = np.hypot(over_days(waits[0]).error, over_days(waits[1]).error)
    together = difference(waits[0], waits[1])
    assert together.low > 0
    assert together.error < apart / 3


def test_drawn_days_have_the_rates_they_were_asked_for() -> None:
    kinds = [Kind(0, (sample_quantiles([10.0, 30.0]),)), Kind(0, (sample_quantiles([5.0]),))]
    days = draw_days(
        kinds,
        scheduled=[0, 60],
        kind=[0, 1],
        show_rate=[0.8, 1],
        days=20_000,
        seed=3,
        walk_ins=[(0, 100, 0.02, 1)],
    )
    came = ~np.isnan(days.arrival)
    assert came[:, 0].mean() == pytest.approx(0.8, abs=0.012)
    assert came[:, 1].all()
    assert came[:, 2:].sum(axis=1).mean() == pytest.approx(2, abs=0.05)
    assert came[:, 2:].sum(axis=1).var() == pytest.approx(2, abs=0.1)
    assert days.minutes[:, 0, 0].mean() == pytest.approx(20, abs=0.3)
    late = days.arrival[:, 2:][came[:, 2:]]
    assert late.mean() == pytest.approx(50, abs=0.6)


def test_intervals_cover() -> None:
    rng = np.random.default_rng(1)
    held = [e.low <= 2 <= e.high for e in (over_days(rng.normal(2, 3, 8)) for _ in range(2000))]
    assert 0.87 < np.mean(held) < 0.93
    # Neighbours that go together (correlation 0.9): batches give honest intervals, values as if independent do not.
    honest, naive = [], []
    for _ in range(150):
        x = np.empty(12_000)
        x[0] = 50.0  # far off at the start: the warm-up takes it away
        noise = rng.normal(size=x.size)
        for t in range(1, x.size):
            x[t] = 0.9 * x[t - 1] + noise[t]
        one = long_run(x, warm_up=2_000, batches=20)
        other = over_days(x[2_000:])
        honest.append(one.low <= 0 <= one.high)
        naive.append(other.low <= 0 <= other.high)
    assert np.mean(honest) > 0.82
    assert np.mean(naive) < 0.5


# --- refusals

ONE = (Stage({"room": 1}),)


@pytest.mark.parametrize(
    ("code", "wrong"),
    [
        ("no-stages", lambda: Clinic({"room": 1}, ())),
        ("no-capacity", lambda: Clinic({"room": 0}, (ONE,))),
        ("negative-capacity", lambda: Clinic({"room": -1}, (ONE,))),
        ("unknown-resource", lambda: Clinic({"chair": 1}, (ONE,))),
        ("unknown-resource", lambda: Clinic({"room": 1}, (ONE,), (Shift(5, "chair", 1),))),
        ("negative-need", lambda: Clinic({"room": 1}, ((Stage({"room": -1}),),))),
        ("kept-for-ever", lambda: Clinic({"room": 1}, ((Stage({"room": 1}, {}),),))),
        ("gives-more-than-it-has", lambda: Clinic({"room": 1}, ((Stage({}, {"room": 1}),),))),
        ("shapes", lambda: simulate_clinic(station(1), arrival=[0.0], minutes=[[[1.0]]])),
        ("negative-minutes", lambda: simulate_clinic(station(1), arrival=[[0.0]], minutes=[[[-1.0]]])),
        ("negative-minutes", lambda: simulate_clinic(station(1), arrival=[[0.0]], minutes=[[[NAN]]])),
        ("negative-minutes", lambda: simulate_clinic(station(1, 2), arrival=[[0.0]], minutes=[[[1.0]]])),
        ("not-finite", lambda: simulate_clinic(station(1), arrival=[[np.inf]], minutes=[[[1.0]]])),
        ("route", lambda: simulate_clinic(station(1), arrival=[[0.0]], minutes=[[[1.0]]], route=1)),
        ("too-few-days", lambda: over_days([1.0])),
        ("level", lambda: over_days([1.0, 2.0], level=1.5)),
        ("too-short", lambda: long_run(np.ones(50), warm_up=0)),
        ("batches", lambda: long_run(np.ones(50), warm_up=-1)),
        ("shapes", lambda: difference([1.0, 2.0], [1.0])),
        ("no-sample", lambda: sample_quantiles([])),
        ("no-days", lambda: simulate_sessions(due=[0], show_rate=[1], duration=[Steps(1, np.ones(1))], closes=1, days=0, seed=1)),
        ("show-rate", lambda: simulate_sessions(due=[0], show_rate=[2], duration=[Steps(1, np.ones(1))], closes=1, days=1, seed=1)),
        ("negative-minutes", lambda: simulate_sessions(due=[0], show_rate=[1], duration=[Steps(-1, np.ones(1))], closes=1, days=1, seed=1)),
        ("times-in-order", lambda: simulate_sessions(due=[5, 0], show_rate=[1, 1], duration=[Steps(1, np.ones(1))] * 2, closes=1, days=1, seed=1)),
        ("no-distribution", lambda: Steps(0, np.array([0.5]))),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused(code: str, wrong: Any) -> None:
    with pytest.raises(CannotTell) as refused:
        wrong()
    assert refused.value.code == code
    assert refused.value.remedy
