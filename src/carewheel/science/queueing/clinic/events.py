"""The event loop of a clinic: one code, compiled by numba or run as it stands, so that both give the same.

Waiting visits stand in one heap for each step of each route, since all there need the same. Whenever something gets free,
of the first ones of all heaps whose needs are met the one with the smallest (priority, moment ready, number) begins.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def event_loop(jit: Callable[[Any], Any]) -> Any:
    """The kernel, each of its functions passed through ``jit``."""

    def before(a: int, b: int, first: Floats, second: Floats) -> bool:
        if first[a] != first[b]:
            return first[a] < first[b]  # type: ignore[no-any-return]
        if second[a] != second[b]:
            return second[a] < second[b]  # type: ignore[no-any-return]
        return a < b

    before = jit(before)

    def push(heap: Ints, size: int, item: int, first: Floats, second: Floats) -> int:
        at = size
        heap[at] = item
        while at > 0:
            up = (at - 1) // 2
            if not before(heap[at], heap[up], first, second):
                break
            heap[at], heap[up] = heap[up], heap[at]
            at = up
        return size + 1

    push = jit(push)

    def pop(heap: Ints, size: int, first: Floats, second: Floats) -> int:
        """Take out the first; it stands behind the others then."""
        size -= 1
        heap[0], heap[size] = heap[size], heap[0]
        at = 0
        while True:
            low = 2 * at + 1
            if low >= size:
                break
            if low + 1 < size and before(heap[low + 1], heap[low], first, second):
                low += 1
            if not before(heap[low], heap[at], first, second):
                break
            heap[at], heap[low] = heap[low], heap[at]
            at = low
        return size

    pop = jit(pop)

    def kernel(
        order: Ints, arrival: Floats, route: Ints, priority: Floats, minutes: Floats, begin: Ints, steps: Ints, seize: Ints,
        release: Ints, capacity: Ints, shift_at: Floats, shift_of: Ints, shift_by: Ints, ready: Floats, start: Floats, done: Floats,
    ) -> None:  # fmt: skip
        days, visits = arrival.shape
        queues, kinds = seize.shape
        waiting = np.empty((queues, visits), dtype=np.int64)
        sizes = np.zeros(queues, dtype=np.int64)
        busy = np.empty(visits, dtype=np.int64)
        step = np.zeros(visits, dtype=np.int64)
        since, until = np.zeros(visits), np.zeros(visits)
        none = np.zeros(visits)
        free = np.empty(kinds, dtype=np.int64)
        for day in range(days):
            free[:] = capacity
            sizes[:] = 0
            working, arrived, shifted = 0, 0, 0
            coming = 0
            while coming < visits and not np.isnan(arrival[day, order[day, coming]]):
                coming += 1
            while arrived < coming or working > 0 or shifted < shift_at.size:
                # The next event: of equal moments the end of a service first, then a shift, then an arrival.
                now, what = np.inf, 3
                if working > 0:
                    now, what = until[busy[0]], 0
                if shifted < shift_at.size and shift_at[shifted] < now:
                    now, what = shift_at[shifted], 1
                if arrived < coming and arrival[day, order[day, arrived]] < now:
                    now, what = arrival[day, order[day, arrived]], 2
                visit = -1
                if what == 0:
                    visit = busy[0]
                    working = pop(busy, working, until, none)
                    q = begin[route[day, visit]] + step[visit]
                    done[day, visit, step[visit]] = now
                    for k in range(kinds):
                        free[k] += release[q, k]
                    step[visit] += 1
                    if step[visit] == steps[route[day, visit]]:
                        visit = -1
                elif what == 1:
                    free[shift_of[shifted]] += shift_by[shifted]
                    shifted += 1
                else:
                    visit = order[day, arrived]
                    arrived += 1
                    step[visit] = 0
                if visit >= 0:
                    since[visit] = now
                    ready[day, visit, step[visit]] = now
                    q = begin[route[day, visit]] + step[visit]
                    sizes[q] = push(waiting[q], sizes[q], visit, priority[day], since)
                while True:
                    best, where = -1, -1
                    for q in range(queues):
                        if sizes[q] == 0:
                            continue
                        met = True
                        for k in range(kinds):
                            if seize[q, k] > 0 and free[k] < seize[q, k]:
                                met = False
                                break
                        if met and (best < 0 or before(waiting[q, 0], best, priority[day], since)):
                            best, where = waiting[q, 0], q
                    if best < 0:
                        break
                    sizes[where] = pop(waiting[where], sizes[where], priority[day], since)
                    for k in range(kinds):
                        free[k] -= seize[where, k]
                    start[day, best, step[best]] = now
                    until[best] = now + minutes[day, best, step[best]]
                    working = push(busy, working, best, until, none)

    return jit(kernel)
