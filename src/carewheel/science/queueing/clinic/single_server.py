"""One practitioner's session simulated very often: what exact evaluation is held against.

All in whole steps of a grid, so that sums are exact and the compiled and the plain path give the same numbers, bit by bit.
The number of a patient's luck depends on seed, day and place on the list only: other times meet the same people.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from carewheel.science.queueing.clinic.compiling import compiler
from carewheel.science.queueing.clinic.randomness import mixed, stream_key
from carewheel.science.refusal import CannotTell

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
CHUNK = 20_000  # days at a time on the plain path
GUIDE = 512
# Beyond so many patients compiling is quicker than the plain path.
LARGE = 20_000_000


@dataclass(frozen=True, slots=True, eq=False)
class Steps:
    """A distribution of whole steps: ``first + i`` with probability ``mass[i]``."""

    first: int
    mass: Floats

    def __post_init__(self) -> None:
        if self.mass.ndim != 1 or not np.all(self.mass >= 0) or not abs(float(self.mass.sum()) - 1) < 1e-9:
            raise CannotTell("no-distribution", {"size": self.mass.size}, "give probabilities that sum to 1")


@dataclass(frozen=True, slots=True, eq=False)
class Simulated:
    """Means over the days and their standard errors, in steps.

    ``waits``, ``waits_error`` (patients,): of those who came; NaN for a patient who never came. The others are per day:
    ``waiting`` of all booked patients, ``walk_in_waiting``, ``idle``, ``overtime``, each (mean, error).
    """

    days: int
    waits: Floats
    waits_error: Floats
    waiting: tuple[float, float]
    walk_in_waiting: tuple[float, float]
    idle: tuple[float, float]
    overtime: tuple[float, float]


def simulate_sessions(
    *,
    due: ArrayLike,
    show_rate: ArrayLike,
    duration: Sequence[Steps],
    closes: int,
    days: int,
    seed: int,
    unpunctuality: Sequence[Steps | None] | None = None,
    walk_ins: Sequence[tuple[int, int, float, Steps]] = (),
    compiled: bool | None = None,
) -> Simulated:
    """Simulate ``days`` independent days of one session.

    ``due`` (patients,): appointments, whole steps, not decreasing; ``show_rate``, ``duration``, ``unpunctuality``: by patient;
    ``closes``: the practitioner stays until then at least; ``walk_ins``: (first step, end, mean number a step, duration).
    Patients are taken in the order of the list, walk-ins of a step behind the patients of that step; a wait counts from the
    appointment or the arrival, whichever is later. ``compiled``: numba (True), numpy (False), or numba if it is there
    and the work is large.
    Raises `CannotTell` for what cannot be (times out of order, probabilities outside 0 to 1, negative durations, no days).

    >>> done = simulate_sessions(due=[0, 15], show_rate=[1, 1], duration=[Steps(20, np.ones(1))] * 2, closes=30, days=5, seed=1)
    >>> done.waits.tolist(), done.overtime, done.idle
    ([0.0, 5.0], (10.0, 0.0), (0.0, 0.0))
    """
    moments, shows = np.asarray(due, dtype=np.int64), np.asarray(show_rate, dtype=np.float64)
    n = moments.size
    late = [None] * n if unpunctuality is None else list(unpunctuality)
    _check(moments, shows, duration, late, closes, days, walk_ins)
    rows = [(int(t), 0, k, 0.0) for k, t in enumerate(moments)]
    for j, (a, b, rate, _) in enumerate(walk_ins):
        rows += [(t, 1 + j, n + j, rate) for t in range(a, b)]
    rows.sort(key=lambda row: row[:2])
    laws = [*duration, *(w[3] for w in walk_ins)]
    punctual = Steps(0, np.ones(1))
    drawn, which = _tables([*laws, *(u or punctual for u in late)])
    moment, kind, who = (np.array([row[i] for row in rows], dtype=np.int64) for i in range(3))
    chance = np.array([shows[k] if c == 0 else rate for (_, c, k, rate) in rows])
    law_of = which[who]
    shift_of = np.where(kind == 0, which[np.minimum(n + len(walk_ins) + who, which.size - 1)], -1)
    shifted = np.array([late[k] is not None if c == 0 else False for _, c, k, _ in rows])
    shift_of = np.where(shifted, shift_of, -1)
    keys = np.array([stream_key(seed, s) for s in range(2)], dtype=np.uint64)
    plan: Any = (moment, kind, who, chance, law_of, shift_of, keys, np.int64(closes), *drawn)
    totals = np.zeros((n, 3), dtype=np.int64)
    sums = np.zeros((4, 2), dtype=np.int64)
    jit = compiler(compiled, large=days * len(rows) > LARGE)
    if jit is not None:
        _compiled(jit)(days, *plan, totals, sums)
    else:
        plain: Callable[..., None] = _plain
        for start in range(0, days, CHUNK):
            block: Any = np.arange(start, min(start + CHUNK, days))
            plain(block, *plan, totals, sums)
    count, total, squares = totals.T.astype(np.float64)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = total / count
        error = np.sqrt(np.maximum(squares / count - mean**2, 0) / count)
    each = [
        (s / days, math.sqrt(max(q / days - (s / days) ** 2, 0.0) / days))
        for s, q in sums.astype(np.float64).tolist()
    ]
    return Simulated(days, mean, error, each[0], each[1], each[2], each[3])


def _tables(laws: Sequence[Steps]) -> tuple[tuple[Floats, Ints, Ints, Ints], Ints]:
    """Cumulated probabilities of the distinct laws end to end, a guide into each, where each begins, and its first value."""
    number: dict[int, int] = {}
    which = np.array([number.setdefault(id(law), len(number)) for law in laws], dtype=np.int64)
    distinct = {number[id(law)]: law for law in laws}
    sums: list[Floats] = []
    guides, starts, firsts = [], [], []
    for i in range(len(distinct)):
        cumulated = np.cumsum(distinct[i].mass)
        cumulated[-1] = np.inf  # rounding must not send anybody beyond the last value
        starts.append(sum(s.size for s in sums))
        guides.append(np.searchsorted(cumulated, np.arange(GUIDE) / GUIDE, side="right"))
        firsts.append(distinct[i].first)
        sums.append(cumulated)
    return (
        np.concatenate(sums),
        np.concatenate(guides).astype(np.int64),
        np.array(starts, dtype=np.int64),
        np.array(firsts, dtype=np.int64),
    ), which


_built: dict[Any, Any] = {}


def _compiled(jit: Callable[[Any], Any]) -> Callable[..., None]:
    if "kernel" not in _built:
        _built["kernel"] = _days(jit(mixed), jit)
    return _built["kernel"]  # type: ignore[no-any-return]


def _days(draw: Any, jit: Callable[[Any], Any]) -> Any:
    """The loop over days, to be compiled."""

    def value(u: float, law: int, sums: Floats, guide: Ints, starts: Ints, firsts: Ints) -> int:
        i = guide[law * GUIDE + int(u * GUIDE)]
        start = starts[law]
        while sums[start + i] <= u:
            i += 1
        return firsts[law] + i  # type: ignore[no-any-return]

    value = jit(value)
    four, wide = np.uint64(4), np.uint64(128)

    def kernel(
        days: int, moment: Ints, kind: Ints, who: Ints, chance: Floats, law_of: Ints, shift_of: Ints, keys: Any,
        closes: int, sums: Floats, guide: Ints, starts: Ints, firsts: Ints, totals: Ints, out: Ints,
    ) -> None:  # fmt: skip
        rows = np.uint64(moment.size)
        for day in range(days):
            free, work, waited, walked = 0, 0, 0, 0
            for r in range(moment.size):
                place = np.uint64(day) * rows + np.uint64(r)
                if kind[r] == 0:
                    at = place * four
                    if draw(keys[0], at) >= chance[r]:
                        continue
                    due = moment[r]
                    arrival = due
                    if shift_of[r] >= 0:
                        arrival += value(
                            draw(keys[0], at + np.uint64(1)), shift_of[r], sums, guide, starts, firsts
                        )
                    took = value(draw(keys[0], at + np.uint64(2)), law_of[r], sums, guide, starts, firsts)
                    wait = max(free - max(arrival, due), 0)
                    free = max(free, arrival) + took
                    work += took
                    waited += wait
                    k = who[r]
                    totals[k, 0] += 1
                    totals[k, 1] += wait
                    totals[k, 2] += wait * wait
                else:
                    at = place * wide
                    u = draw(keys[1], at)
                    few = np.exp(-chance[r])
                    number, below = 0, few
                    while u >= below and number < 100:
                        number += 1
                        few *= chance[r] / number
                        below += few
                    for j in range(number):
                        took = value(
                            draw(keys[1], at + np.uint64(j + 1)), law_of[r], sums, guide, starts, firsts
                        )
                        walked += max(free - moment[r], 0)
                        free = max(free, moment[r]) + took
                        work += took
            over = max(free - closes, 0)
            idle = closes + over - work
            for i, x in enumerate((waited, walked, idle, over)):
                out[i, 0] += x
                out[i, 1] += x * x

    return jit(kernel)


def _plain(
    day: Ints, moment: Ints, kind: Ints, who: Ints, chance: Floats, law_of: Ints, shift_of: Ints, keys: Any, closes: int,
    sums: Floats, _guide: Ints, starts: Ints, firsts: Ints, totals: Ints, out: Ints,
) -> None:  # fmt: skip
    """The same for a block of days at a time, row by row of the list, in numpy."""
    ends = np.append(starts[1:], sums.size)
    free, work, waited, walked = (np.zeros(day.size, dtype=np.int64) for _ in range(4))

    def draw(key: np.uint64, at: Any) -> Any:
        return mixed(np.full(at.shape, key), at)

    def value(u: Floats, law: int) -> Any:
        return firsts[law] + np.searchsorted(sums[starts[law] : ends[law]], u, side="right")

    for r in range(moment.size):
        place = day.astype(np.uint64) * np.uint64(moment.size) + np.uint64(r)
        if kind[r] == 0:
            at = place * np.uint64(4)
            here = draw(keys[0], at) < chance[r]
            arrival = np.full(day.size, moment[r])
            if shift_of[r] >= 0:
                arrival += value(draw(keys[0], at + np.uint64(1)), shift_of[r])
            took = value(draw(keys[0], at + np.uint64(2)), law_of[r])
            wait = np.where(here, np.maximum(free - np.maximum(arrival, moment[r]), 0), 0)
            free = np.where(here, np.maximum(free, arrival) + took, free)
            work += np.where(here, took, 0)
            waited += wait
            totals[who[r]] += [here.sum(), wait.sum(), (wait * wait).sum()]
        else:
            at = place * np.uint64(128)
            u = draw(keys[1], at)
            few = np.exp(-chance[r])
            number, below, j = np.zeros(day.size, dtype=np.int64), few, 0
            while (more := u >= below).any() and j < 100:
                j += 1
                number += more
                few *= chance[r] / j
                below += few
            for j in range(int(number.max())):
                here = number > j
                took = value(draw(keys[1], at + np.uint64(j + 1)), law_of[r])
                walked += np.where(here, np.maximum(free - moment[r], 0), 0)
                free = np.where(here, np.maximum(free, moment[r]) + took, free)
                work += np.where(here, took, 0)
    over = np.maximum(free - closes, 0)
    for i, x in enumerate((waited, walked, closes + over - work, over)):
        out[i] += [x.sum(), (x * x).sum()]


def _check(
    due: Ints, shows: Floats, duration: Sequence[Steps], late: Sequence[Steps | None], closes: int, days: int,
    walk_ins: Sequence[tuple[int, int, float, Steps]],
) -> None:  # fmt: skip
    n = due.size
    if due.ndim != 1 or n == 0 or shows.shape != (n,) or len(duration) != n or len(late) != n:
        raise CannotTell(
            "shapes", {"patients": n}, "give a due moment, a show rate and a duration for each patient"
        )
    if due[0] < 0 or np.any(np.diff(due) < 0) or closes < 0:
        raise CannotTell(
            "times-in-order", {}, "give moments from 0 on, in order, and a close of nought or more"
        )
    if not np.all((shows >= 0) & (shows <= 1)):
        raise CannotTell("show-rate", {}, "give probabilities between 0 and 1")
    if any(law.first < 0 for law in (*duration, *(w[3] for w in walk_ins))):
        raise CannotTell("negative-minutes", {}, "a duration cannot be negative")
    if any(not (0 <= a <= b and 0 <= rate < 20) for a, b, rate, _ in walk_ins):
        raise CannotTell("walk-ins", {}, "give a span from 0 on, and a mean number a step from 0 to 20")
    if days < 1:
        raise CannotTell("no-days", {"days": days}, "simulate one day at least")
