"""How long visits took, out of a log of starts and ends."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from carewheel.science.refusal import CannotTell

Floats = NDArray[np.float64]

START, END = 0, 1
# A visit longer than this is an end that was forgotten, not a visit.
LONGEST_MINUTES = 480.0


@dataclass(frozen=True, slots=True)
class VisitMinutes:
    """``visit`` (k,): ids with a known duration, sorted; ``minutes`` (k,); ``began`` (k,): minute of the first start; ``left_out``: how many visits
    for which reason (``no-end``, ``no-start``, ``end-before-start``, ``too-long``): nothing is repaired.
    """

    visit: NDArray[np.int64]
    minutes: Floats
    began: Floats
    left_out: dict[str, int]


def visit_minutes(
    visit: ArrayLike, event: ArrayLike, at_minute: ArrayLike, longest: float = LONGEST_MINUTES
) -> VisitMinutes:
    """Durations from events: ``visit`` (m,) ids, ``event`` (m,) `START` or `END`, ``at_minute`` (m,) on one clock.

    A visit with pauses counts the time between each start and the end that follows it. Raises `CannotTell` ``not-events``.

    >>> found = visit_minutes([7, 7, 8, 7, 7], [START, END, START, START, END], [0, 5, 6, 20, 27.5])
    >>> found.visit.tolist(), found.minutes.tolist(), found.left_out
    ([7], [12.5], {'no-end': 1})
    """
    who, what = np.asarray(visit, dtype=np.int64), np.asarray(event, dtype=np.int64)
    when = np.asarray(at_minute, dtype=np.float64)
    if not who.shape == what.shape == when.shape or who.ndim != 1 or not np.isin(what, (START, END)).all():
        raise CannotTell(
            "not-events", {"events": who.size}, "give a visit, START or END, and a minute for each"
        )
    if not np.isfinite(when).all():
        raise CannotTell("not-finite", {"what": "at_minute"}, "leave out events without a time")
    # At one moment an end comes before the next start, unless the visit has not begun.
    order = np.lexsort((1 - what, when, who))
    out: Counter[str] = Counter()
    found: list[tuple[int, float, float]] = []
    starts = np.flatnonzero(np.diff(who[order], prepend=-(2**62)))
    for rows in np.split(order, starts[1:]) if who.size else []:
        kinds, times = what[rows], when[rows]
        if (kinds == START).sum() == (kinds == END).sum() == 1:
            kinds, times = (
                np.array([START, END]),
                np.array([times[kinds == START][0], times[kinds == END][0]]),
            )
        if kinds[0] == END:
            out["no-start"] += 1
        elif kinds.size % 2 or (kinds[::2] != START).any() or (kinds[1::2] != END).any():
            out["no-end"] += 1
        elif (times[1::2] < times[::2]).any():
            out["end-before-start"] += 1
        elif (length := float((times[1::2] - times[::2]).sum())) > longest:
            out["too-long"] += 1
        else:
            found.append((int(who[rows[0]]), length, float(times[0])))
    return VisitMinutes(
        np.array([f[0] for f in found], dtype=np.int64),
        np.array([f[1] for f in found]),
        np.array([f[2] for f in found]),
        dict(out),
    )
