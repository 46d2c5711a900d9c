"""The rest of a day, drawn many times from what has happened, and played for several plans on the same luck.

Remaining minutes are drawn given those that have passed, arrivals and no-shows given who is not here yet. Everybody present is
taken in the order of the book as soon as practitioner and room are free, nobody before the time that was told.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from carewheel.science.queueing.clinic.randomness import uniforms
from carewheel.science.scheduling.live.state import LiveDay, LiveVisit
from carewheel.science.scheduling.minutes import Minutes

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Luck:
    """Draws (scenarios, visits) of the visits that are not over: arrival less the time told (infinite: does not come), minutes of
    work left or whole. ``order``: their indices in the day."""

    order: tuple[int, ...]
    offset: Floats
    minutes: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Plans:
    """Per plan and visit (plans, visits): time told, practitioner, room (-1: none), and whether to take the patient before that time."""

    told: Floats
    practitioner: Ints
    room: Ints
    at_once: NDArray[np.bool_]
    remote: NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Played:
    """Starts (plans, scenarios, visits), NaN for who does not come, waits alike, last ends (plans, scenarios, practitioners)."""

    start: Floats
    wait: Floats
    end: Floats


def left_given(law: Minutes, passed: float, u: Floats) -> Floats:
    """Quantiles of what is left of a duration that has lasted ``passed`` minutes: of T - passed given T > passed.

    Longer than ever thought possible: it is taken to end after one step more.

    >>> left_given(Minutes(1, [0.5, 0.25, 0.25], 10.0), 10.0, np.array([0.4, 0.6])).tolist()
    [10.0, 20.0]
    """
    later = law.values > passed + 1e-9
    mass = law.mass[later]
    if not mass.size or mass.sum() < 1e-12:
        return np.full(u.shape, law.step)
    share = np.cumsum(mass) / mass.sum()
    found: Floats = (
        law.values[later][np.minimum(np.searchsorted(share, u, side="right"), mass.size - 1)] - passed
    )
    return found


def _quantiles(law: Minutes, u: Floats) -> Floats:
    found: Floats = law.values[
        np.minimum(np.searchsorted(np.cumsum(law.mass), u, side="right"), law.mass.size - 1)
    ]
    return found


def draw(day: LiveDay, scenarios: int, seed: int) -> Luck:
    """The luck of every visit that is not over; of a visit it hangs on seed, its place in the day and the scenario alone."""
    order = tuple(i for i, v in enumerate(day.visits) if v.done is None and not v.gone)
    luck = uniforms(seed, 0, (np.array(order, dtype=np.int64)[:, None] * 3 + np.arange(3))[:, :, None] * 1_000_003 + np.arange(scenarios))  # fmt: skip
    offset, minutes = np.zeros((scenarios, len(order))), np.zeros((scenarios, len(order)))
    for j, i in enumerate(order):
        v = day.visits[i]
        minutes[:, j] = (
            _quantiles(v.duration, luck[j, 0])
            if v.started is None
            else left_given(v.duration, day.now - v.started, luck[j, 0])
        )
        if v.here:
            offset[:, j] = -np.inf
        else:
            offset[:, j] = _arrival(v, day.now, luck[j, 1], luck[j, 2])
    return Luck(order, offset, minutes)


def _arrival(v: LiveVisit, now: float, u: Floats, shows: Floats) -> Floats:
    """Arrival less the time told, given that the patient has not come by now; infinite for who does not come."""
    law = v.unpunctuality or Minutes(0, [1.0])
    after = law.values > now - v.due + 1e-9
    still = float(law.mass[after].sum())
    if still <= 1e-12:  # later than ever seen: not coming any more
        return np.full(u.shape, np.inf)
    chance = v.show_rate * still / (v.show_rate * still + 1 - v.show_rate)
    share = np.cumsum(law.mass[after]) / still
    late = law.values[after][np.minimum(np.searchsorted(share, u, side="right"), share.size - 1)]
    return np.where(shows < chance, late, np.inf)


def unchanged(day: LiveDay, order: Sequence[int]) -> Plans:
    """The plan of doing nothing (one row)."""
    staff, rooms = (
        {p.name: k for k, p in enumerate(day.practitioners)},
        {r: k for k, r in enumerate(day.rooms)},
    )
    visits = [day.visits[i] for i in order]
    none = np.zeros((1, len(visits)), dtype=bool)
    return Plans(
        np.array([[v.due for v in visits]]).reshape(1, -1), np.array([[staff[v.practitioner] for v in visits]], dtype=np.int64).reshape(1, -1),
        np.array([[rooms.get(v.room, -1) for v in visits]], dtype=np.int64).reshape(1, -1), none, none.copy(),
    )  # fmt: skip


def play(day: LiveDay, luck: Luck, plans: Plans) -> Played:
    """The rest of the day under each plan and scenario.

    One step starts one visit of each scenario: the one that can start first, of several the one that is first in the book. Starting a
    visit only ever delays others, so starts come in order of time.
    """
    visits = [day.visits[i] for i in luck.order]
    k, (s, n) = plans.told.shape[0], luck.minutes.shape
    rows, now = k * s, day.now
    staff, rooms = len(day.practitioners), len(day.rooms)
    free = np.tile(np.array([max(now, p.start) for p in day.practitioners]), (rows, 1))
    # One column more for visits without a room: always free, and kept so.
    ready = np.full((rows, rooms + 1), -np.inf)
    ended = np.full((rows, staff), -np.inf)
    room_of = {r: j for j, r in enumerate(day.rooms)}
    practitioner_of = {p.name: j for j, p in enumerate(day.practitioners)}
    for v in day.visits:
        if v.done is not None:
            ended[:, practitioner_of[v.practitioner]] = np.maximum(
                ended[:, practitioner_of[v.practitioner]], v.done
            )
            if v.room:
                ready[:, room_of[v.room]] = np.maximum(ready[:, room_of[v.room]], v.done + day.turnover)
    minutes = np.tile(luck.minutes, (k, 1))
    told, who = np.repeat(plans.told, s, axis=0), np.repeat(plans.practitioner, s, axis=0)
    room, remote = np.repeat(plans.room, s, axis=0), np.repeat(plans.remote, s, axis=0)
    arrival = told + np.where(
        remote & np.isfinite(np.tile(luck.offset, (k, 1))), 0.0, np.tile(luck.offset, (k, 1))
    )
    for j, v in enumerate(visits):
        if v.here:
            arrival[:, j] = min(m for m in v.events if m is not None)
    arrival = np.where(np.isfinite(arrival), np.maximum(arrival, 0.0), np.inf)
    open_ = np.isfinite(arrival)
    early = np.repeat(plans.at_once, s, axis=0)
    # Nobody is called before now; who is here or was told a past time may begin now.
    since = np.maximum(np.where(early, arrival, np.maximum(arrival, told)), now)
    held = np.zeros((rows, n), dtype=bool)
    start = np.full((rows, n), np.nan)
    for j, v in enumerate(visits):
        if v.started is not None:
            until = now + minutes[:, j]
            p = practitioner_of[v.practitioner]
            free[:, p] = until
            ended[:, p] = np.maximum(ended[:, p], until)
            if v.room:
                ready[:, room_of[v.room]] = until + day.turnover
            start[:, j], open_[:, j] = v.started, False
        elif v.roomed is not None and v.room:
            mine = room[:, j] == room_of[v.room]
            held[:, j] = mine
            ready[mine, room_of[v.room]] = np.inf
    room = np.where(room < 0, rooms, room)
    booked = np.array([v.booked for v in visits])
    place = np.empty(n)
    place[np.lexsort((np.arange(n), booked))] = np.arange(n)
    since = np.where(open_, since, np.inf)
    for _ in range(n):
        can = np.maximum(since, np.take_along_axis(free, who, axis=1))
        np.maximum(can, np.where(held, -np.inf, np.take_along_axis(ready, room, axis=1)), out=can)
        first = can.min(axis=1)
        if not np.isfinite(first).any():
            break
        pick = np.where(can <= first[:, None], place, np.inf).argmin(axis=1)
        live = np.flatnonzero(np.isfinite(first))
        pick, began = pick[live], first[live]
        until = began + minutes[live, pick]
        start[live, pick] = began
        free[live, who[live, pick]] = until
        ended[live, who[live, pick]] = until
        used = room[live, pick]
        ready[live, used] = np.where(used == rooms, -np.inf, until + day.turnover)
        since[live, pick] = np.inf
        held[live, pick] = False
    came = np.isfinite(arrival)
    wait = np.where(came & ~np.isnan(start), np.maximum(start - np.maximum(arrival, told), 0.0), np.nan)
    return Played(start.reshape(k, s, n), wait.reshape(k, s, n), ended.reshape(k, s, staff))
