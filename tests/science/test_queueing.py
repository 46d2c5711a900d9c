"""The engine of a simulated day: by hand, against theory, and against a slow simulation written another way."""

from __future__ import annotations

import heapq
import math
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from carewheel.science.queueing import (
    erlang_c,
    gg1_wait_bound,
    many_server_starts,
    mg1_mean_wait,
    mm1_mean_wait,
    mmc_mean_wait,
    simulate_day,
    single_server_waits,
)

NAN = math.nan


# --- one line, by hand


def test_regular_arrivals_and_constant_service_by_hand() -> None:
    # Every 10 minutes somebody comes who needs 15: each waits 5 minutes longer than the one before.
    done = single_server_waits(np.arange(5) * 10.0, 15.0)
    assert done.waits.tolist() == [0, 5, 10, 15, 20]
    assert done.ends.tolist() == [15, 30, 45, 60, 75]
    # Needing 8 instead, nobody waits; with a late opening the delay of 6 shrinks by 2 each time.
    assert single_server_waits(np.arange(5) * 10.0, 8.0).waits.tolist() == [0, 0, 0, 0, 0]
    assert single_server_waits(np.arange(5) * 10.0, 8.0, opens=6.0).waits.tolist() == [6, 4, 2, 0, 0]


def test_who_does_not_come_takes_no_time_and_the_list_is_kept_in_order() -> None:
    done = single_server_waits([[0.0, NAN, 3], [10, 4, NAN]], [[5.0, NAN, 5], [5, 5, 5]], opens=[0.0, 2])
    np.testing.assert_array_equal(done.starts, [[0, NAN, 5], [10, 15, NAN]])
    np.testing.assert_array_equal(done.waits, [[0, NAN, 2], [0, 11, NAN]])


def test_several_servers_by_hand_each_line_with_its_own_number() -> None:
    arrivals = [[0.0, 0, 1, NAN, 2]] * 3
    starts = many_server_starts(arrivals, [10.0, 4, 3, 99, 1], servers=[1, 2, 5], opens=[0.0, 0, 3])
    # One: 0-10, 10-14, 14-17, 17. Two: the second server takes 0-4, 4-7, then 7. Five: all at once when it opens.
    np.testing.assert_array_equal(starts, [[0, 10, 14, NAN, 17], [0, 0, 4, NAN, 7], [3, 3, 3, NAN, 3]])


def test_one_of_many_servers_is_the_single_server() -> None:
    random = np.random.default_rng(11)
    arrivals = np.cumsum(random.exponential(1.0, (3, 4, 50)), axis=-1)
    arrivals[random.random(arrivals.shape) < 0.2] = NAN
    service = random.gamma(2.0, 0.4, arrivals.shape)
    np.testing.assert_array_equal(
        many_server_starts(arrivals, service, 1), single_server_waits(arrivals, service).starts
    )


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: single_server_waits([0.0, 1], [1.0, -1]),
        lambda: single_server_waits([0.0, 1], [1.0, NAN]),
        lambda: single_server_waits(0.0, 1.0),
        lambda: many_server_starts([0.0, 1], [1.0, 1], 0),
        lambda: many_server_starts([0.0, NAN, 2, 1], 1.0, 2),
    ],
)
def test_what_cannot_be_is_refused(wrong: Any) -> None:
    with pytest.raises(ValueError):
        wrong()


# --- against theory


def _mean_of_runs(waits: NDArray[np.float64], warm_up: int) -> tuple[float, float]:
    """Mean over independent replications (rows) after the warm-up, and half of its 99.9 % interval."""
    means = waits[:, warm_up:].mean(axis=1)
    half = float(stats.t.ppf(0.9995, len(means) - 1) * means.std(ddof=1) / math.sqrt(len(means)))
    return float(means.mean()), half


RUNS, PEOPLE, WARM_UP = 600, 6000, 2000


@pytest.mark.parametrize(("load", "constant"), [(0.5, False), (0.8, False), (0.8, True)])
def test_one_server_agrees_with_pollaczek_and_khinchine(load: float, constant: bool) -> None:
    random = np.random.default_rng(20260101)
    arrivals = np.cumsum(random.exponential(1 / load, (RUNS, PEOPLE)), axis=1)
    service = np.ones(PEOPLE) if constant else random.exponential(1.0, (RUNS, PEOPLE))
    mean, half = _mean_of_runs(single_server_waits(arrivals, service).waits, WARM_UP)
    expected = load / (1 - load) * (0.5 if constant else 1.0)
    assert mg1_mean_wait(load, 1.0, 0.0 if constant else 1.0) == pytest.approx(expected)
    assert half < 0.03 * expected, "the interval is too wide to tell anything"
    assert abs(mean - expected) < half


@pytest.mark.parametrize(("servers", "load"), [(2, 0.8), (3, 2 / 3), (5, 0.9)])
def test_many_servers_agree_with_erlang_c(servers: int, load: float) -> None:
    random = np.random.default_rng(20260102)
    arrivals = np.cumsum(random.exponential(1 / (load * servers), (RUNS, PEOPLE)), axis=1)
    starts = many_server_starts(arrivals, random.exponential(1.0, (RUNS, PEOPLE)), servers)
    mean, half = _mean_of_runs(starts - arrivals, WARM_UP)
    expected = mmc_mean_wait(load * servers, 1.0, servers)
    assert half < 0.06 * expected, "the interval is too wide to tell anything"
    assert abs(mean - expected) < half
    waited, half = _mean_of_runs((starts > arrivals).astype(float), WARM_UP)
    assert half < 0.01
    assert abs(waited - erlang_c(servers, load * servers)) < half


def test_erlang_c_is_the_sum_of_the_textbook() -> None:
    for c, a in ((1, 0.3), (3, 2.0), (10, 8.5), (40, 30.0)):
        last = a**c / math.factorial(c) * c / (c - a)
        expected = last / (sum(a**k / math.factorial(k) for k in range(c)) + last)
        assert erlang_c(c, a) == pytest.approx(expected, rel=1e-12)
    # Where a**c overflows: the same sum with every term over the last one, which are Poisson probabilities.
    c, a = 400, 380.0
    expected = 1 / (1 + stats.poisson.cdf(c - 1, a) / (stats.poisson.pmf(c, a) * c / (c - a)))
    assert erlang_c(c, a) == pytest.approx(expected, rel=1e-9)


def test_formulas_meet_where_they_must_and_have_no_bound_where_there_is_none() -> None:
    assert mm1_mean_wait(0.8, 1.0) == pytest.approx(4.0)
    assert mmc_mean_wait(0.8, 1.0, 1) == pytest.approx(4.0)
    # Kingman's bound exceeds the truth, and comes near it as the load goes to 1.
    for load, near in ((0.5, 2.6), (0.9, 1.2), (0.999, 1.01)):
        ratio = gg1_wait_bound(load, 1 / load**2, 1.0, 1.0) / mm1_mean_wait(load, 1.0)
        assert 1 <= ratio < near
    assert mm1_mean_wait(1.0, 1.0) == mmc_mean_wait(3.0, 1.0, 3) == gg1_wait_bound(2, 1, 1, 1) == math.inf
    assert erlang_c(2, 2.5) == 1
    for wrong in (
        lambda: erlang_c(0, 1.0),
        lambda: mg1_mean_wait(1.0, -1.0, 1.0),
        lambda: gg1_wait_bound(1, -1, 1, 1),
    ):
        with pytest.raises(ValueError):
            wrong()


# --- the day, in two stages


def _day(**changed: Any) -> dict[str, Any]:
    columns = {
        "day": [0, 0, 0, 0],
        "server": [0, 0, 0, 0],
        "scheduled": [480.0, 500, 520, 540],
        "arrival": [475.0, 515, 505, NAN],
        "check_in_minutes": [2.0, 2, 2, 2],
        "service_minutes": [40.0, 20, 20, 20],
        "clerks": [1],
        "opens": [485.0],
    }
    return columns | changed


def test_a_day_by_hand() -> None:
    # The second comes late, at 515, and is checked in at 517; the third, due at 520, sits there since 507. When the
    # clinician, five minutes late, is done with the first at 525, the second still goes first: 517 is before 520.
    done = simulate_day(**_day())
    np.testing.assert_array_equal(done.checked_in_at, [477, 517, 507, NAN])
    np.testing.assert_array_equal(done.started_at, [485, 525, 545, NAN])
    np.testing.assert_array_equal(done.done_at, [525, 545, 565, NAN])
    # Six minutes later still the third, in time, goes first.
    done = simulate_day(**_day(arrival=[475.0, 521, 505, NAN]))
    np.testing.assert_array_equal(done.started_at, [485, 545, 525, NAN])


def test_an_idle_clinician_sees_who_is_there_early() -> None:
    done = simulate_day(**_day(arrival=[475.0, 540, 475, NAN], service_minutes=[10.0, 20, 20, 20]))
    # The third came with the first, waited at the desk for two minutes, and is seen at 495 instead of 520.
    np.testing.assert_array_equal(done.started_at, [485, 542, 495, NAN])


def test_a_second_clerk_shortens_the_line_at_the_desk() -> None:
    columns = _day(arrival=[475.0] * 4, check_in_minutes=[4.0] * 4)
    assert simulate_day(**columns).checked_in_at.tolist() == [479, 483, 487, 491]
    assert simulate_day(**columns | {"clerks": [2]}).checked_in_at.tolist() == [479, 479, 483, 483]


def test_equal_turns_go_by_arrival() -> None:
    columns = _day(scheduled=[520.0] * 4, arrival=[503.0, 501, 502, 500], check_in_minutes=[0.0] * 4)
    assert simulate_day(**columns).started_at.argsort().tolist() == [3, 1, 2, 0]


def test_nobody_came_at_all() -> None:
    done = simulate_day(**_day(arrival=[NAN] * 4))
    assert np.isnan(done).all()
    nothing = {name: [] for name in _day() if name not in ("clerks", "opens")}
    assert simulate_day(**nothing, clerks=[], opens=[]).done_at.shape == (0,)


@pytest.mark.parametrize(
    "changed",
    [
        {"day": [0, 0, 0]},
        {"day": [0, 0, 1, 0]},
        {"server": [0, -1, 0, 0]},
        {"clerks": [0]},
        {"opens": [NAN]},
        {"scheduled": [NAN, 500, 520, 540]},
        {"arrival": [math.inf, 515, 505, NAN]},
        {"service_minutes": [-1.0, 20, 20, 20]},
        {"check_in_minutes": [2.0, NAN, 2, 2]},
    ],
)
def test_a_day_that_cannot_be_is_refused(changed: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        simulate_day(**_day(**changed))


def _slow_day(columns: dict[str, Any]) -> list[list[float]]:
    """The same day as events on a clock, one at a time, in plain Python."""
    n = len(columns["day"])
    checked_in, started, done = [NAN] * n, [NAN] * n, [NAN] * n
    clerks = [int(c) for c in columns["clerks"]]
    busy = [False] * len(columns["opens"])
    at_desk: list[list[tuple[float, int]]] = [[] for _ in clerks]
    waiting: list[list[tuple[float, float, int]]] = [[] for _ in busy]
    # What happens at one moment: first everything that frees somebody, then who comes, then who is taken.
    checked, finished, comes, opens, look = range(5)
    clock: list[tuple[float, int, int]] = []
    for i in range(n):
        if not math.isnan(columns["arrival"][i]):
            heapq.heappush(clock, (float(columns["arrival"][i]), comes, i))
    for s, at in enumerate(columns["opens"]):
        busy[s] = True
        heapq.heappush(clock, (float(at), opens, s))

    def desk(d: int, now: float) -> None:
        while clerks[d] and at_desk[d]:
            _, i = heapq.heappop(at_desk[d])
            clerks[d] -= 1
            heapq.heappush(clock, (now + float(columns["check_in_minutes"][i]), checked, i))

    while clock:
        now, what, i = heapq.heappop(clock)
        if what == comes:
            heapq.heappush(at_desk[columns["day"][i]], (now, i))
            desk(columns["day"][i], now)
        elif what == checked:
            checked_in[i] = now
            clerks[columns["day"][i]] += 1
            turn = max(float(columns["scheduled"][i]), now)
            heapq.heappush(waiting[columns["server"][i]], (turn, float(columns["arrival"][i]), i))
            heapq.heappush(clock, (now, look, columns["server"][i]))
            desk(columns["day"][i], now)
        elif what == finished:
            done[i] = now
            busy[columns["server"][i]] = False
            heapq.heappush(clock, (now, look, columns["server"][i]))
        elif what == opens:
            busy[i] = False
            heapq.heappush(clock, (now, look, i))
        elif what == look and not busy[i] and waiting[i]:
            _, _, who = heapq.heappop(waiting[i])
            busy[i], started[who] = True, now
            heapq.heappush(clock, (now + float(columns["service_minutes"][who]), finished, who))
    return [checked_in, started, done]


def _random_days(seed: int) -> dict[str, Any]:
    """Days of very different size in any order, in whole minutes (many ties) or not, some clinicians with nobody."""
    random = np.random.default_rng(seed)
    days, clinicians = int(random.integers(1, 6)), int(random.integers(1, 5))
    n = int(random.integers(1, 40 * days))
    day = random.integers(0, days, n)
    server = day * clinicians + np.minimum(random.geometric(0.6, n) - 1, clinicians - 1)
    scheduled = 480 + 10.0 * random.integers(0, 40, n)
    arrival = scheduled + np.floor(random.normal(-4, 15, n))
    check_in, service = random.exponential(4, n), random.gamma(3, 5, n)
    if seed % 2:
        check_in, service = np.floor(check_in), np.floor(service) + 1
    arrival[random.random(n) < 0.15] = NAN
    return {
        "day": day,
        "server": server,
        "scheduled": scheduled,
        "arrival": arrival,
        "check_in_minutes": check_in,
        "service_minutes": service,
        "clerks": random.integers(1, 4, days),
        "opens": 480 + random.exponential(10, days * clinicians),
    }


def test_random_days_are_those_of_a_slow_simulation_written_another_way() -> None:
    visits = 0
    for seed in range(300):
        columns = _random_days(seed)
        visits += len(columns["day"])
        for fast, slow in zip(simulate_day(**columns), _slow_day(columns), strict=True):
            np.testing.assert_allclose(fast, slow, rtol=0, atol=1e-9, err_msg=f"seed {seed}")
    assert visits > 10_000


def test_days_do_not_touch_one_another() -> None:
    one, other = _random_days(400), _random_days(401)
    both = {name: np.concatenate([one[name], other[name]]) for name in one}
    both["day"][len(one["day"]) :] += len(one["clerks"])
    both["server"][len(one["day"]) :] += len(one["opens"])
    for together, a, b in zip(simulate_day(**both), simulate_day(**one), simulate_day(**other), strict=True):
        np.testing.assert_array_equal(together, np.concatenate([a, b]))
