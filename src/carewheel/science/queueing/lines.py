"""One line of people and one or several servers, first come first served; many independent lines at once."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


class Served(NamedTuple):
    """For each person: minutes waited (start - arrival), moment of the start and of the end; NaN where nobody came."""

    waits: Floats
    starts: Floats
    ends: Floats


def single_server_waits(arrivals: ArrayLike, service: ArrayLike, opens: ArrayLike | None = None) -> Served:
    """One server a line, who serves in the order given: start_k = max(arrival_k, end_(k-1), opens).

    ``arrivals`` and ``service`` (..., n), in minutes, broadcast together; the last axis is the line, in the order of
    service (arrivals need not be sorted: the server waits for the next in the list). NaN arrival: nobody came, the next
    is served. ``opens`` (...): the server is not there before. No breaks; nobody leaves unserved.
    Raises ValueError where somebody came and the service is negative or NaN.
    Source: Lindley 1952, Proc Cambridge Phil Soc 48:277, the recursion W_(k+1) = max(0, W_k + S_k - T_k), written for
    moments instead of waits.

    >>> done = single_server_waits([0.0, 5, float("nan"), 40], [20.0, 20, 20, 10], opens=3)
    >>> done.waits.tolist(), done.ends.tolist()
    ([3.0, 18.0, nan, 3.0], [23.0, 43.0, nan, 53.0])
    """
    a, s = _places(arrivals, service)
    starts = np.full(a.shape, np.nan)
    free = np.full(a.shape[1:], -np.inf)
    if opens is not None:
        free[...] = np.asarray(opens, dtype=np.float64)
    for place in range(len(a)):
        came = ~np.isnan(a[place])
        start = np.maximum(a[place], free)
        starts[place] = start
        free = np.where(came, start + s[place], free)
    return _served(a, s, starts)


def many_server_starts(
    arrivals: ArrayLike, service: ArrayLike, servers: ArrayLike, opens: ArrayLike | None = None
) -> Floats:
    """Moments of the start with ``servers`` equal servers a line, first come first served; NaN where nobody came.

    ``arrivals`` and ``service`` (..., n), in minutes, broadcast together; the last axis is the line in order of
    arrival. ``servers`` (...): whole numbers from 1, may differ by line; ``opens`` (...): no server is there before.
    Raises ValueError for arrivals out of order, fewer than one server, or a service that is negative or NaN.
    Source: Kiefer & Wolfowitz 1955, Trans Am Math Soc 78:1, the recursion of the ordered vector of work, kept as the
    moments at which each server is free.

    >>> many_server_starts([0.0, 1, 2, 30], [10.0, 10, 10, 10], servers=2).tolist()
    [0.0, 1.0, 10.0, 30.0]
    """
    a, s = _places(arrivals, service)
    c = np.broadcast_to(np.asarray(servers, dtype=np.int64), a.shape[1:])
    if c.size and c.min() < 1:
        raise ValueError("fewer than one server")
    latest = np.fmax.accumulate(a, axis=0)
    if np.any(a < latest):
        raise ValueError("arrivals are not in order")
    start_of_day = np.full(a.shape[1:], -np.inf)
    if opens is not None:
        start_of_day[...] = np.asarray(opens, dtype=np.float64)
    return np.moveaxis(_first_free(a, s, c, start_of_day), 0, -1)


def _first_free(a: Floats, s: Floats, servers: Ints, opens: Floats) -> Floats:
    """Starts with the places of the line along the first axis."""
    starts = np.empty(a.shape)
    # The moments at which the servers are free, sorted; servers that a line does not have are never free.
    free = [np.where(servers > k, opens, np.inf) for k in range(int(servers.max(initial=1)))]
    for place in range(len(a)):
        start = np.maximum(a[place], free[0])
        starts[place] = start
        moved = np.where(np.isnan(a[place]), free[0], start + s[place])
        for k in range(1, len(free)):
            free[k - 1], moved = np.minimum(moved, free[k]), np.maximum(moved, free[k])
        free[-1] = moved
    return starts


def _places(arrivals: ArrayLike, service: ArrayLike) -> tuple[Floats, Floats]:
    """Both with the places of the line along the first axis, contiguous: the loop takes a whole place at a time."""
    a, s = np.broadcast_arrays(np.asarray(arrivals, dtype=np.float64), np.asarray(service, dtype=np.float64))
    if a.ndim == 0:
        raise ValueError("a line has at least one axis")
    if not np.all((s >= 0) | np.isnan(a)):
        raise ValueError("a service is negative or NaN")
    return np.ascontiguousarray(np.moveaxis(a, -1, 0)), np.ascontiguousarray(np.moveaxis(s, -1, 0))


def _served(a: Floats, s: Floats, starts: Floats) -> Served:
    return Served(*(np.moveaxis(part, 0, -1) for part in (starts - a, starts, starts + s)))
