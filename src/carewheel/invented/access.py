"""Getting a visit: the book of a month, who asks for a slot and when, and the slot that each one is given.

Requests take the first free slot at or after the wanted time, in the order of wanted times: s(k) = max(d(k), s(k-1) + 1).
What does not fit waits for the next month and comes first there, so a full book shows as longer delays.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from carewheel.invented.clockwork import working_days
from carewheel.invented.draws import Floats

Ints = npt.NDArray[np.int64]
MINUTES_A_DAY = 1440
SHIFTS = ((8 * 60, 12 * 60), (13 * 60, 17 * 60))


@dataclass(slots=True)
class Requests:
    """People who want a visit, as columns; ``wanted`` in minutes, ``asked`` when they asked (NONE: from the lead time)."""

    patient: Ints
    wanted: Ints
    asked: Ints
    lead_days: Floats

    @classmethod
    def none(cls) -> Requests:
        empty = np.empty(0, dtype=np.int64)
        return cls(empty, empty, empty, np.empty(0))

    def __add__(self, other: Requests) -> Requests:
        return Requests(
            np.concatenate([self.patient, other.patient]),
            np.concatenate([self.wanted, other.wanted]),
            np.concatenate([self.asked, other.asked]),
            np.concatenate([self.lead_days, other.lead_days]),
        )

    def take(self, which: npt.NDArray[Any]) -> Requests:
        return Requests(self.patient[which], self.wanted[which], self.asked[which], self.lead_days[which])


@dataclass(slots=True)
class Desk:
    """The book of one group of providers of a place. ``days_a_week``: provider-days worked a week, all together."""

    providers: tuple[int, ...]
    rooms: tuple[int, ...]
    slot_minutes: int
    days_a_week: float
    waiting: Requests = field(default_factory=Requests.none)
    # Days from wanted to given, by month: what patients meet as access.
    delays: list[float] = field(default_factory=list)

    def share_of(self, index: int) -> float:
        """How much of a full week provider ``index`` of this desk works: the first ones fully, the last one the rest."""
        return min(max(self.days_a_week - 5 * index, 0.0), 5.0) / 5

    def adapt(self) -> None:
        """Open more hours when people have waited long for three months, fewer when the book is empty."""
        recent = sum(self.delays[-3:]) / 3
        if len(self.delays) >= 3 and recent > 7.0:
            self.days_a_week = min(self.days_a_week + 0.2, 5.0 * len(self.providers))
        elif len(self.delays) >= 3 and recent < 0.8:
            self.days_a_week = max(self.days_a_week - 0.1, 1.0)

    def sessions(self, first: int, end: int) -> tuple[Ints, Ints, Ints, Ints]:
        """Provider index, room, start and end of every shift from day ``first`` up to day ``end``."""
        days = working_days(first, end)
        provider, room, starts, ends = [], [], [], []
        for index in range(len(self.providers)):
            share = 5 * self.share_of(index)
            # Weekdays are spread by an even step, so part-time days do not pile up on Mondays.
            weekday = (days + 3) % 7
            works = np.floor((weekday + 1) * share / 5 + 1e-9) > np.floor(weekday * share / 5 + 1e-9)
            for begin, finish in SHIFTS:
                begins = days[works] * MINUTES_A_DAY + begin
                provider.append(np.full(len(begins), index))
                room.append(np.full(len(begins), self.rooms[index]))
                starts.append(begins)
                ends.append(begins + finish - begin)
        return (np.concatenate(provider), np.concatenate(room), np.concatenate(starts), np.concatenate(ends))

    def slots(self, provider: Ints, room: Ints, starts: Ints, ends: Ints) -> tuple[Ints, Ints, Ints]:
        """Start, provider index and room of every slot of the sessions, by time."""
        fit = int((ends[0] - starts[0]) // self.slot_minutes) if len(starts) else 0
        offsets = np.arange(fit) * self.slot_minutes
        at = (starts[:, None] + offsets).ravel()
        order = np.lexsort((np.repeat(provider, fit), at))
        return at[order], np.repeat(provider, fit)[order], np.repeat(room, fit)[order]


def give_slots(wanted: Ints, slots: Ints) -> Ints:
    """For wanted times (sorted), the index of the slot each one gets; len(slots) where no slot is left.

    >>> give_slots(np.array([0, 0, 5, 30]), np.array([0, 10, 20, 30, 40])).tolist()
    [0, 1, 2, 3]
    """
    first = np.searchsorted(slots, wanted, side="left")
    k = np.arange(len(wanted))
    return np.asarray(np.minimum(k + np.maximum.accumulate(first - k), len(slots)), dtype=np.int64)


def third_free_half_hour(open_minutes: Floats, booked_minutes: Floats) -> Floats:
    """Days ahead (providers,) to the third free half hour of each provider; tomorrow is one day ahead.

    ``open_minutes``, ``booked_minutes`` (providers, days) of the days to come, as `operations.third_next_available` counts them. Where
    the book shows no third one it is taken to come right after these days.

    >>> third_free_half_hour(np.array([[60.0, 0.0, 60.0]]), np.array([[15.0, 0.0, 10.0]])).tolist(), third_free_half_hour(np.zeros((1, 5)), np.zeros((1, 5))).tolist()
    ([4.0], [6.0])
    """
    halves = np.cumsum(np.floor(np.maximum(open_minutes - booked_minutes, 0.0) / 30), axis=1)
    return np.asarray((halves < 3).sum(axis=1) + 1.0)


def with_fit_ins(
    at: Ints, provider: Ints, room: Ints, share: float, uniforms: Floats
) -> tuple[Ints, Ints, Ints]:
    """The slots with a second patient fitted into a share of them, in the order of time."""
    second = np.flatnonzero(uniforms[: len(at)] < share)
    which = np.sort(np.concatenate([np.arange(len(at)), second]))
    return at[which], provider[which], room[which]


def lead_days(uniforms: Floats, knots: list[float], shares: list[float]) -> Floats:
    """How long ahead people want to book, in days: linear between the knots."""
    return np.asarray(np.interp(uniforms, np.concatenate([[0.0], np.cumsum(shares)]), knots), dtype=float)
