"""How long people stayed, checked: the arrays that every method of this room takes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from carewheel.science.refusal import CannotTell

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Tenures:
    """Tenures of people (people,), in one unit: watched from ``entry`` to ``until``, and ``left`` there or still employed then."""

    until: Floats
    left: Flags
    entry: Floats

    @property
    def count(self) -> int:
        """How many people there are."""
        return int(self.until.size)


def tenures(until: ArrayLike, left: ArrayLike, entry: ArrayLike | None = None) -> Tenures:
    """Check tenures. ``entry``: how long somebody had been there already when the records begin (left truncation); nought if not given.

    Raises `CannotTell` for nobody, shapes that differ, unknown or negative times, ``left`` that is neither 0 nor 1, and an end that is not
    after the entry.

    >>> tenures([3, 12], [1, 0]).left.tolist()
    [True, False]
    """
    end = np.asarray(until, dtype=np.float64)
    gone = np.asarray(left, dtype=np.float64)
    begin = np.zeros_like(end) if entry is None else np.asarray(entry, dtype=np.float64)
    if end.ndim != 1 or end.shape != gone.shape or end.shape != begin.shape:
        raise CannotTell(
            "not-tenures", {"shapes": f"{end.shape} {gone.shape} {begin.shape}"}, "give one of each a person"
        )
    if end.size == 0:
        raise CannotTell("nobody", {"people": 0}, "give at least one tenure")
    right = np.isfinite(end) & np.isfinite(begin) & (begin >= 0) & (end > begin) & np.isin(gone, (0, 1))
    if not right.all():
        raise CannotTell(
            "impossible-tenure",
            {"people": int((~right).sum()), "first_place": int(np.argmin(right))},
            "a tenure ends after it begins, at a known time, and its person left (1) or not (0)",
        )
    return Tenures(end, gone == 1, begin)
