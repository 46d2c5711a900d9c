"""How well a score tells who leaves first."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from carewheel.science.refusal import CannotTell
from carewheel.science.survival.tenures import tenures

Floats = NDArray[np.float64]
BLOCK = 512


def concordance(until: ArrayLike, left: ArrayLike, score: ArrayLike) -> float:
    """Share of the pairs whose order is known in which the higher ``score`` left first; ties of the score count half.

    A pair's order is known where the shorter tenure ended by leaving; at equal tenures, where one left and the other did not.
    Source: Harrell et al. 1982, JAMA 247:2543. It describes a ranking and is no estimate that needs an interval by itself; repeat it over
    folds. Raises `CannotTell` as `tenures`, and where no pair can be compared.

    >>> concordance([1, 2, 3], [1, 1, 0], [3, 2, 1])
    1.0
    """
    t = tenures(until, left)
    s = np.asarray(score, dtype=np.float64)
    if s.shape != t.until.shape or not np.isfinite(s).all():
        raise CannotTell("not-features", {"shape": str(s.shape)}, "give one known score a person")
    pairs, right = 0, 0.0
    who = np.flatnonzero(t.left)
    for begin in range(0, who.size, BLOCK):
        part = who[begin : begin + BLOCK, None]
        later = (t.until[part] < t.until) | ((t.until[part] == t.until) & ~t.left)
        pairs += int(later.sum())
        right += float((later & (s[part] > s)).sum()) + 0.5 * float((later & (s[part] == s)).sum())
    if pairs == 0:
        raise CannotTell("nobody-left-yet", {"people": t.count}, "no two tenures can be compared")
    return right / pairs
