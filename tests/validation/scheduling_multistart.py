"""The best order and times that ten minutes of random starts find for the drawn sessions: what `best_sequence` is held against.

    python -m tests.validation.scheduling_multistart [SESSIONS] [SECONDS]

Slow, so its results are kept in scheduling_multistart.json beside this file; sessions that stand there are not run again. From
random orders it makes random exchanges and moves as long as the exact cost falls (times fixed, then best again). CPU seconds
of one core. It knows no rule of who should be first.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import numpy as np
from benchmarks.scheduling.drawn_sessions import SEED, drawn_session

from carewheel.science.scheduling.grid import GridSession
from carewheel.science.scheduling.sessions import Session
from carewheel.science.scheduling.templates import best_times

KEPT = Path(__file__).with_suffix(".json")


def climbed(
    session: Session, order: list[int], rng: np.random.Generator, until: float
) -> tuple[float, list[int]]:
    """One start: cost and order where no random change helped for long, or time was up."""
    n = len(order)
    best = np.inf
    while time.process_time() < until:
        template = best_times(session.ordered(order))
        if template.evaluation.cost >= best - 1e-9:
            break
        best = template.evaluation.cost
        due = np.rint(template.times).astype(np.int64)
        grid, cost, idle = GridSession(session, int(due[-1])), best, 0
        while idle < 2 * n * n and time.process_time() < until:
            i, j = rng.choice(n, 2, replace=False)
            other = order.copy()
            if rng.random() < 0.5:
                other[i], other[j] = other[j], other[i]
            else:
                other.insert(int(j), other.pop(int(i)))
            price = grid.reordered(other).evaluated(due).cost
            idle += 1
            if price < cost - 1e-9:
                order, cost, idle = other, price, 0
    return min(best, best_times(session.ordered(order)).evaluation.cost), order


def multistart(number: int, seconds: float) -> dict[str, object]:
    """The best of as many random starts as fit into the time."""
    session, rng = drawn_session(number), np.random.default_rng([SEED, 99, number])
    until = time.process_time() + seconds
    best, order, starts = np.inf, [], 0
    while time.process_time() < until:
        first = rng.permutation(len(session.patients)).tolist()
        cost, found = climbed(session, first, rng, until)
        starts += 1
        if cost < best:
            best, order = cost, found
    return {"cost": best, "order": order, "starts": starts, "seconds": seconds}


def kept() -> dict[str, dict[str, object]]:
    """Results so far, by session."""
    found: dict[str, dict[str, object]] = json.loads(KEPT.read_text("utf-8")) if KEPT.exists() else {}
    return found


if __name__ == "__main__":
    sessions = int(sys.argv[1]) if len(sys.argv) > 1 else 16
    seconds = float(sys.argv[2]) if len(sys.argv) > 2 else 600.0
    for number in range(sessions):
        if str(number) not in kept():
            row = multistart(number, seconds)
            KEPT.write_text(json.dumps({**kept(), str(number): row}, indent=1) + "\n", "utf-8")
            print(number, row["cost"], row["starts"], flush=True)
