"""A day in a practice: check in at the desk, then wait for one's clinician. Many days at once."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from carewheel.science.queueing.lines import Floats, Ints, _first_free

Flags = NDArray[np.bool_]


class Day(NamedTuple):
    """For each visit the minute at which it was checked in, started and done; NaN where nobody came."""

    checked_in_at: Floats
    started_at: Floats
    done_at: Floats


def simulate_day(
    *,
    day: ArrayLike,
    server: ArrayLike,
    scheduled: ArrayLike,
    arrival: ArrayLike,
    check_in_minutes: ArrayLike,
    service_minutes: ArrayLike,
    clerks: ArrayLike,
    opens: ArrayLike,
) -> Day:
    """Follow every visit of many location-days through the desk and its clinician.

    One entry a visit, in any order: ``day`` (index of its location-day), ``server`` (index of its clinician-day),
    ``scheduled`` and ``arrival`` (minutes; NaN arrival: nobody came), ``check_in_minutes``, ``service_minutes``.
    ``clerks``: number of clerks by day; ``opens``: minute at which the clinician begins, by server.

    The desk: first come first served by the day's clerks, ties as given. The clinician: whenever free, takes of those
    who are checked in the one with the smallest max(scheduled, checked in), ties by arrival; waits only while nobody is
    there. So who comes in time goes by appointment, who comes late goes behind those who were due by then, and who
    comes early is seen early when nobody else is there. Assumes that rooms do not limit, nobody leaves, no breaks, and that
    the desk is open whenever somebody arrives.

    Raises ValueError for columns of different lengths, an index out of range, less than one clerk, or minutes that
    are negative or not finite where somebody came.

    >>> day = simulate_day(day=[0, 0, 0], server=[0, 0, 0], scheduled=[0.0, 20, 40], arrival=[0.0, 35, 30],
    ...     check_in_minutes=[2.0, 2, 2], service_minutes=[20.0, 20, 20], clerks=[1], opens=[5.0])
    >>> day.checked_in_at.tolist(), day.started_at.tolist()
    ([2.0, 37.0, 32.0], [5.0, 52.0, 32.0])
    """
    day_of, server_of = np.asarray(day, dtype=np.int64), np.asarray(server, dtype=np.int64)
    due, arrived, at_desk, with_clinician, desks, open_at = (
        np.asarray(column, dtype=np.float64)
        for column in (scheduled, arrival, check_in_minutes, service_minutes, clerks, opens)
    )
    columns = (day_of, server_of, due, arrived, at_desk, with_clinician)
    if any(column.shape != (len(day_of),) for column in columns):
        raise ValueError("columns of different lengths")
    came = np.flatnonzero(~np.isnan(arrived))
    # First the order of arrival (ties as given): every later sort is stable and keeps it.
    came = came[np.argsort(arrived[came], kind="stable")]
    day_of, server_of = day_of[came], server_of[came]
    due, arrived, at_desk, with_clinician = (x[came] for x in (due, arrived, at_desk, with_clinician))
    _check(day_of, server_of, (due, arrived), (at_desk, with_clinician), desks, open_at)

    checked_in = np.empty(len(came))
    for days, member, present in _bands(day_of, len(desks)):
        start = _first_free(
            np.where(present, arrived[member], np.nan),
            at_desk[member],
            desks[days].astype(np.int64),
            np.full(len(days), -np.inf),
        )
        checked_in[member[present]] = (start + at_desk[member])[present]

    turn = np.argsort(np.maximum(due, checked_in), kind="stable")
    ready, minutes, started = checked_in[turn], with_clinician[turn], np.empty(len(came))
    for servers, member, present in _bands(server_of[turn], len(open_at)):
        start = _next_in_turn(np.where(present, ready[member], np.inf), minutes[member], open_at[servers])
        started[turn[member[present]]] = start[present]

    found = Day(*(np.full(len(columns[0]), np.nan) for _ in Day._fields))
    found.checked_in_at[came], found.started_at[came] = checked_in, started
    found.done_at[came] = started + with_clinician
    return found


def _next_in_turn(ready: Floats, minutes: Floats, opens: Floats) -> Floats:
    """Starts (n, lines), whenever the server is free the first in turn of those ready; inf in ``ready``: nobody.

    People stand along the first axis in order of their turn, nobody behind everybody, the longest lines first.
    """
    n = len(ready)
    starts, waiting, free = np.full(ready.shape, np.nan), ready.copy(), opens.copy()
    line, sizes = np.arange(ready.shape[1]), np.isfinite(ready).sum(axis=0)
    # The smallest integers that can number the turns: the search below reads all of them for each person served.
    turns = np.arange(n, dtype=np.min_scalar_type(n))[:, None]
    for served in range(n):
        left = line[: np.count_nonzero(sizes > served)]
        here = waiting[:, : len(left)]
        now = np.maximum(free[left], here.min(axis=0))
        chosen = np.where(here <= now, turns, turns.dtype.type(n - 1)).min(axis=0)
        starts[chosen, left] = now
        free[left] = now + minutes[chosen, left]
        waiting[chosen, left] = np.inf
    return starts


def _bands(group: Ints, groups: int) -> Iterator[tuple[Ints, Ints, Flags]]:
    """Groups of like size as matrices: their ids (m), their members (n, m) in the order given, and which are present.

    A band ends where the groups are less than half as large as its first, so that at most half of a matrix is empty.
    """
    order = np.argsort(group, kind="stable")
    sizes = np.bincount(group, minlength=groups)
    first = np.cumsum(sizes) - sizes
    ids = np.argsort(-sizes, kind="stable")
    begin, end = 0, int(np.count_nonzero(sizes))
    while begin < end:
        n = int(sizes[ids[begin]])
        stop = begin + int(np.searchsorted(-sizes[ids[begin:end]], -n / 2, side="right"))
        band = ids[begin:stop]
        place = np.arange(n)[:, None]
        present = place < sizes[band]
        yield band, order[np.where(present, first[band] + place, 0)], present
        begin = stop


def _check(
    day: Ints,
    server: Ints,
    moments: tuple[Floats, ...],
    durations: tuple[Floats, ...],
    clerks: Floats,
    opens: Floats,
) -> None:
    for index, of in ((day, clerks), (server, opens)):
        if index.size and (index.min() < 0 or index.max() >= len(of)):
            raise ValueError("an index is out of range")
    if np.any(clerks < 1) or not np.all(np.isfinite(clerks)) or not np.all(np.isfinite(opens)):
        raise ValueError("less than one clerk, or an opening that is not finite")
    if not all(np.all(np.isfinite(column)) for column in (*moments, *durations)):
        raise ValueError("minutes are not finite where somebody came")
    if any(np.any(column < 0) for column in durations):
        raise ValueError("a duration is negative")
