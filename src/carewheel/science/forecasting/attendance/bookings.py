"""Booked visits as they were known when they were booked, and what became of them, each with its day."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray

from carewheel.science.refusal import CannotTell

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]

DAY_SECONDS = 86_400
ATTENDED, MISSED, LATE_CANCEL = 0, 1, 2
# A day number beyond this is a slip of the unit (seconds for days); the ledger packs key and day into one whole number.
LAST_DAY = 1 << 20


@dataclass(frozen=True, slots=True)
class Bookings:
    """Booked visits (n,), everything as known at the moment of booking. Made by `bookings`, which checks it.

    ``booked_at``: seconds of local wall time since the start of day 0 of any fixed calendar (midnight where the time is unknown); ``visit_day``: day number
    in the same calendar; ``visit_minute``: minutes after midnight, NaN unknown; ``patient``: number of the patient, -1 unknown;
    ``numbers``: any known quantity by name (age, distance band, reminders planned …), NaN unknown; ``kinds``: any known kind by name as codes from 0,
    -1 unknown (type, channel, practitioner …; ``place`` also tells whose calendar fills up).
    """

    booked_at: Ints
    visit_day: Ints
    visit_minute: Floats
    patient: Ints
    numbers: Mapping[str, Floats] = field(default_factory=dict)
    kinds: Mapping[str, Ints] = field(default_factory=dict)

    def __len__(self) -> int:
        return int(self.booked_at.size)

    @property
    def booked_day(self) -> Ints:
        """Day number of the booking."""
        return self.booked_at // DAY_SECONDS

    @property
    def lead_days(self) -> Ints:
        """Days from booking to visit."""
        return self.visit_day - self.booked_day

    def only(self, chosen: NDArray[np.bool_] | Ints) -> Bookings:
        """The chosen visits."""
        return Bookings(
            self.booked_at[chosen],
            self.visit_day[chosen],
            self.visit_minute[chosen],
            self.patient[chosen],
            {name: values[chosen] for name, values in self.numbers.items()},
            {name: codes[chosen] for name, codes in self.kinds.items()},
        )


@dataclass(frozen=True, slots=True)
class Outcomes:
    """What became of some of the bookings. ``visit`` (m,): row in the bookings; ``day``: when it became known (day of the visit, or of the late
    cancellation); ``kind``: `ATTENDED`, `MISSED` or `LATE_CANCEL`. A visit cancelled in good time has no outcome. Made by `outcomes`.
    """

    visit: Ints
    day: Ints
    kind: Ints

    def __len__(self) -> int:
        return int(self.visit.size)

    def before(self, day: int) -> Outcomes:
        """Those known before this day."""
        earlier = self.day < day
        return Outcomes(self.visit[earlier], self.day[earlier], self.kind[earlier])


def bookings(
    booked_at: ArrayLike,
    visit_day: ArrayLike,
    patient: ArrayLike,
    visit_minute: ArrayLike | None = None,
    numbers: Mapping[str, ArrayLike] | None = None,
    kinds: Mapping[str, ArrayLike] | None = None,
) -> Bookings:
    """Checked bookings; `Bookings` says what each array is. ``patient`` and ``kinds`` may be words or numbers; "" and -1 are unknown.

    Raises `CannotTell`: ``no-visits``, ``not-visits`` (lengths), ``not-finite``, ``negative-lead`` (booked after the day of the visit),
    ``impossible-day``, ``impossible-minute``.

    >>> seen = bookings([9 * 3600, 86_400], [0, 8], ["ann", "bo"], kinds={"channel": ["phone", ""]})
    >>> seen.lead_days.tolist(), seen.kinds["channel"].tolist()
    ([0, 7], [0, -1])
    >>> bookings([3 * 86_400], [2], [1])
    Traceback (most recent call last):
    carewheel.science.refusal.CannotTell: negative-lead (visits 1): booked after the day of the visit: leave these rows out
    """
    moment, day = _whole(booked_at, "booked_at"), _whole(visit_day, "visit_day")
    n = moment.size
    if n == 0:
        raise CannotTell("no-visits", {}, "give at least one booked visit")
    minute = np.full(n, np.nan) if visit_minute is None else np.asarray(visit_minute, dtype=np.float64).copy()
    given = {name: np.asarray(values, dtype=np.float64).copy() for name, values in (numbers or {}).items()}
    sorts = {name: _codes(values) for name, values in (kinds or {}).items()}
    who = _codes(patient)
    sizes = {a.shape for a in (moment, day, who, minute, *given.values(), *sorts.values())}
    if sizes != {(n,)}:
        raise CannotTell("not-visits", {"shapes": str(sorted(sizes))}, "give one value for each visit")
    if any(np.isinf(values).any() for values in (minute, *given.values())):
        raise CannotTell("not-finite", {"what": "numbers"}, "give NaN where a number is unknown")
    if (moment < 0).any() or (day < 0).any() or (day >= LAST_DAY).any():
        raise CannotTell(
            "impossible-day",
            {"first": int(min(moment.min() // DAY_SECONDS, day.min())), "last": int(day.max())},
            "count days from a fixed day 0 on; booked_at is in seconds, visit_day in days",
        )
    late = int((moment // DAY_SECONDS > day).sum())
    if late:
        raise CannotTell(
            "negative-lead", {"visits": late}, "booked after the day of the visit: leave these rows out"
        )
    known = minute[~np.isnan(minute)]
    if ((known < 0) | (known >= 1440)).any():
        raise CannotTell(
            "impossible-minute", {"least": float(known.min())}, "minutes after midnight, 0 to 1439"
        )
    return Bookings(moment, day, minute, who, given, sorts)


def outcomes(of: Bookings, visit: ArrayLike, kind: ArrayLike, day: ArrayLike | None = None) -> Outcomes:
    """Checked outcomes; ``day`` is that of the visit if not given.

    Raises `CannotTell`: ``not-outcomes`` (lengths, unknown visits or kinds), ``outcome-before-booking``, ``two-outcomes`` for one visit.

    >>> seen = bookings([0, 0], [3, 4], [1, 1])
    >>> outcomes(seen, [0, 1], [ATTENDED, MISSED]).day.tolist()
    [3, 4]
    """
    rows, what = _whole(visit, "visit"), _whole(kind, "kind")
    if rows.shape != what.shape or ((rows < 0) | (rows >= len(of))).any() or ((what < 0) | (what > 2)).any():
        raise CannotTell(
            "not-outcomes",
            {"outcomes": rows.size, "visits": len(of)},
            "name a visit and a kind (0, 1, 2) for each",
        )
    when = of.visit_day[rows] if day is None else _whole(day, "day")
    if when.shape != rows.shape:
        raise CannotTell("not-outcomes", {"outcomes": rows.size, "days": when.size}, "give one day for each")
    if (when < of.booked_day[rows]).any() or (when >= LAST_DAY).any():
        raise CannotTell("outcome-before-booking", {}, "an outcome becomes known after the visit is booked")
    if np.unique(rows).size != rows.size:
        raise CannotTell(
            "two-outcomes", {"visits": int(rows.size - np.unique(rows).size)}, "one for each visit"
        )
    return Outcomes(rows, when, what)


def _whole(values: ArrayLike, what: str) -> Ints:
    given = np.asarray(values)
    if given.size == 0:
        return np.zeros(0, dtype=np.int64)
    if given.ndim != 1 or given.dtype.kind not in "iufb":
        raise CannotTell("not-visits", {"what": what}, "give one number for each visit")
    if given.dtype.kind == "f" and not np.isfinite(given).all():
        raise CannotTell("not-finite", {"what": what}, "leave out visits of which it is unknown")
    return given.astype(np.int64)


def _codes(values: ArrayLike) -> Ints:
    """Codes from 0 by sorted word; -1 for "" (words) and for negative numbers."""
    given = np.asarray(values)
    if given.size == 0:
        return np.zeros(0, dtype=np.int64)
    if given.dtype.kind in "iub":
        unknown = given < 0
    elif given.dtype.kind == "f":
        unknown = ~(given >= 0)
    else:
        given = given.astype(str)
        unknown = given == ""
    _, codes = np.unique(given, return_inverse=True)
    # Sorting puts the unknown first or (NaN) last; what is left keeps its order.
    codes = codes.reshape(given.shape).astype(np.int64)
    codes[unknown] = -1
    kept = np.unique(codes[codes >= 0])
    found: Ints = np.where(codes >= 0, np.searchsorted(kept, codes), -1)
    return found
