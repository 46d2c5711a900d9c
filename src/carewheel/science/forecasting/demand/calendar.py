"""The calendar of a location: weekdays, the time of year, closed days, and special days that come again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray

from carewheel.science.refusal import CannotTell

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

YEAR_DAYS = 365.2425


@dataclass(frozen=True, slots=True)
class Calendar:
    """Days one after another. ``first_day``: number of the first (day % 7 is the weekday, any fixed day 0); ``closed`` (days,): nobody can come;
    ``special``: by name, days (days,) of one kind (a holiday on which it is open, the day after, a match). Made by `calendar`.
    """

    first_day: int
    closed: Flags
    special: Mapping[str, Flags] = field(default_factory=dict)

    def __len__(self) -> int:
        return int(self.closed.size)

    @property
    def weekday(self) -> NDArray[np.int64]:
        """0 to 6 for each day."""
        return (self.first_day + np.arange(len(self))) % 7

    def columns(self, waves: int) -> Floats:
        """What a day's demand may hang on (days, 7 + 2 waves + special days): weekday, waves of the year, special days."""
        angle = 2 * np.pi * (self.first_day + np.arange(len(self))) / YEAR_DAYS
        parts = [(self.weekday == day).astype(np.float64) for day in range(7)]
        for k in range(1, waves + 1):
            parts += [np.sin(k * angle), np.cos(k * angle)]
        return np.column_stack([*parts, *(flag.astype(np.float64) for flag in self.special.values())])


def calendar(
    first_day: int,
    days: int,
    closed: ArrayLike = (),
    closed_weekdays: tuple[int, ...] = (),
    special: Mapping[str, ArrayLike] | None = None,
) -> Calendar:
    """A calendar of ``days`` days. ``closed`` and ``special`` are day numbers; those outside are left out. Raises `CannotTell` ``no-days``, ``never-open``.

    >>> year = calendar(0, 14, closed=[3], closed_weekdays=(5, 6), special={"bridge": [4]})
    >>> np.flatnonzero(year.closed).tolist(), np.flatnonzero(year.special["bridge"]).tolist()
    ([3, 5, 6, 12, 13], [4])
    """
    if days <= 0:
        raise CannotTell("no-days", {"days": days}, "give at least one day")
    number = first_day + np.arange(days)
    shut = np.isin(number, np.asarray(closed)) | np.isin(number % 7, np.asarray(closed_weekdays))
    if shut.all():
        raise CannotTell("never-open", {"days": days}, "give a calendar with at least one open day")
    flags = {name: np.isin(number, np.asarray(given)) for name, given in (special or {}).items()}
    return Calendar(first_day, shut, flags)
