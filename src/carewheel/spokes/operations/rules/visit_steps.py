"""The steps of a visit on its day: which may follow which, and what undoing one means."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from carewheel.practice.access import Refused

# Step → status that it makes, moment that it sets.
MADE = {
    "arrived": ("arrived", "arrived_at"),
    "roomed": ("checked-in", "roomed_at"),
    "with-clinician": ("checked-in", "with_clinician_at"),
    "done": ("fulfilled", "done_at"),
}
ORDER = tuple(MADE)
# Before its start a visit is marked at most so long ahead.
SOONEST = timedelta(hours=12)


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a visit stands."""

    status: str
    starts_at: datetime
    moments: tuple[datetime | None, ...]

    @property
    def reached(self) -> int:
        """How many of arrived, roomed, with-clinician, done it has behind it."""
        return _reached(self.moments)


def lane(moments: tuple[datetime | None, ...]) -> str:
    """The column of the board: booked, arrived, roomed, with-clinician or done.

    >>> lane((None, None, None, None))
    'booked'
    """
    reached = _reached(moments)
    return "booked" if not reached else ORDER[reached - 1]


def _reached(moments: tuple[datetime | None, ...]) -> int:
    return max((n + 1 for n, when in enumerate(moments) if when is not None), default=0)


def after(standing: Standing, step: str, at: datetime) -> tuple[str, dict[str, datetime | None]]:
    """Status and moments after a step. A step may be left out (a practice that does not mark rooms), never gone back but by ``undo``.

    Raises `Refused` ``wrong-step`` for one that does not follow, ``too-early`` for a no-show before the visit's start
    and for a step of one that begins in more than `SOONEST`: a mark on the board of another day is a slip.
    """
    status, reached = standing.status, standing.reached
    if step == "undo":
        if status == "noshow":
            return "booked", {}
        if not reached:
            raise _wrong(status, step)
        left = _reached(standing.moments[: reached - 1])
        return (MADE[ORDER[left - 1]][0] if left else "booked"), {MADE[ORDER[reached - 1]][1]: None}
    if step == "noshow":
        if status not in ("booked", "pending"):
            raise _wrong(status, step)
        if at < standing.starts_at:
            raise Refused("too-early", "The visit has not begun yet.", "Wait until its time, or cancel it.")
        return "noshow", {}
    if step not in ORDER or status not in ("booked", "pending", "arrived", "checked-in"):
        raise _wrong(status, step)
    if ORDER.index(step) < reached:
        raise _wrong(status, step)
    if standing.starts_at - at > SOONEST:
        raise Refused(
            "too-early", "The visit is on another day.", "Look at the board of today, or move the visit."
        )
    made, field = MADE[step]
    return made, {field: at}


def _wrong(status: str, step: str) -> Refused:
    return Refused(
        "wrong-step", "The visit does not stand where this step follows.", "Look at it anew.", status=status, step=step
    )  # fmt: skip
