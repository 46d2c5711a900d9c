"""What a score is for: help first. Who is called, and what is offered. Booking two people into one slot is not among the answers.

Overbooking by score makes those wait who are already badly served; it is only open behind `fairness.check_overbooking`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from carewheel.science.refusal import CannotTell

Floats = NDArray[np.float64]

NOTHING, CONFIRM_TWICE, OFFER_TRANSPORT, OFFER_TELEHEALTH = 0, 1, 2, 3
ACTIONS = ("nothing beyond the usual reminder", "confirm twice", "offer transport", "offer telehealth")


@dataclass(frozen=True, slots=True)
class Outreach:
    """``action`` (n,): number in `ACTIONS`; ``order``: visits to reach out to, first first; ``kept``: expected misses that this turns into visits."""

    action: NDArray[np.int64]
    order: NDArray[np.int64]
    kept: float


def outreach(
    chance: ArrayLike,
    calls: int,
    far_away: ArrayLike | None = None,
    telehealth_fits: ArrayLike | None = None,
    effects: tuple[float, float, float] = (0.25, 0.25, 0.35),
) -> Outreach:
    """Up to ``calls`` visits get the action that keeps most: each visit's chance times the share of misses that the action turns into visits.

    ``effects``: that share for confirming, transport and telehealth. The defaults are guesses of a usual size; a practice should measure its own, as a
    change with a verification plan. Transport needs ``far_away`` (n,), telehealth ``telehealth_fits`` (n,). Raises `CannotTell`.

    >>> plan = outreach([0.1, 0.6, 0.4], 2, far_away=[False, False, True], effects=(0.2, 0.3, 0.3))
    >>> [ACTIONS[a] for a in plan.action], plan.order.tolist(), round(plan.kept, 2)
    (['nothing beyond the usual reminder', 'confirm twice', 'offer transport'], [1, 2], 0.24)
    """
    p = np.asarray(chance, dtype=np.float64)
    if p.ndim != 1 or not ((p >= 0) & (p <= 1)).all():
        raise CannotTell("not-chances", {"visits": p.size}, "chances are from 0 to 1")
    if calls < 0 or not all(0 <= effect <= 1 for effect in effects):
        raise CannotTell("impossible-outreach", {"calls": calls}, "calls are 0 or more, effects are shares")
    possible = np.zeros((3, p.size))
    possible[0] = effects[0]
    for row, where in ((1, far_away), (2, telehealth_fits)):
        if where is not None:
            fits = np.asarray(where, dtype=bool)
            if fits.shape != p.shape:
                raise CannotTell("not-visits", {"visits": p.size, "given": fits.size}, "one for each visit")
            possible[row] = np.where(fits, effects[row], 0.0)
    worth = p * possible.max(axis=0)
    order = np.argsort(-worth, kind="stable")[:calls]
    order = order[worth[order] > 0]
    action = np.zeros(p.size, dtype=np.int64)
    action[order] = 1 + possible[:, order].argmax(axis=0)
    return Outreach(action, order, float(worth[order].sum()))
