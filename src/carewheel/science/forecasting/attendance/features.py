"""What is known of a booked visit, as columns: of the booking itself, of how the calendar fills, and of the patient's past.

Three parts. *The booking*: what came with it, and lead time, weekdays, minutes. *The calendar*: bookings made earlier, counted up to this one.
*The past*: outcomes, read from a `Ledger` before the day of booking (or before a later day, for the daily refresh). Nothing else is read.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from carewheel.science.forecasting.attendance.bookings import (
    DAY_SECONDS,
    LATE_CANCEL,
    MISSED,
    Bookings,
    Outcomes,
)
from carewheel.science.forecasting.attendance.ledger import Ledger
from carewheel.science.refusal import CannotTell

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

# Within these bands of lead time the chance of a miss changes little; the past of a patient is judged against the band.
LEAD_BANDS = np.array([1, 2, 4, 8, 15, 31])
# Half of a patient's own record is believed after this many visits, of a kind's after this many; a band starts from one miss in five, twice.
PATIENT_WEIGHT, KIND_WEIGHT = 1.5, 50.0
BAND_START, BAND_WEIGHT = 0.2, 2.0
GAP_LIMIT = 1.0e6

HISTORY = (
    "past_visits",
    "past_bad",
    "past_kept",
    "past_excess",
    "past_later_visits",
    "past_later_bad",
    "last_bad",
    "days_since_last",
)
# More lead time never lowers the chance.
RISING = frozenset({"lead_days"})


@dataclass(frozen=True, slots=True)
class Features:
    """Columns (n, k) with their names; NaN is unknown."""

    values: Floats
    names: tuple[str, ...]

    def __len__(self) -> int:
        return int(self.values.shape[0])

    def column(self, name: str) -> Floats:
        """One column; NaN throughout where a practice does not have it."""
        if name not in self.names:
            return np.full(len(self), np.nan)
        found: Floats = self.values[:, self.names.index(name)]
        return found

    def as_named(self, names: tuple[str, ...]) -> Floats:
        """The columns in the order that a model was trained with; unknown ones are NaN, others are left out."""
        if names == self.names:
            return self.values
        return np.column_stack([self.column(name) for name in names])

    def only(self, chosen: NDArray[np.bool_] | Ints) -> Features:
        """The chosen visits."""
        return Features(self.values[chosen], self.names)


def features(
    of: Bookings,
    known: Outcomes,
    as_of: ArrayLike | None = None,
    bad: tuple[int, ...] = (MISSED, LATE_CANCEL),
) -> Features:
    """Columns of all bookings. ``known``: any outcomes, later ones too; of these only such are read as are dated before ``as_of`` (n,): day numbers,
    by default the day of booking, at most the day of the visit (refreshed daily). ``bad``: the kinds of outcome that count as bad.

    Facts of the booking and of the calendar are those of the moment of booking in either case. Ties in the moment of booking go by row.
    Raises `CannotTell` ``impossible-as-of``.

    >>> from carewheel.science.forecasting.attendance.bookings import bookings, outcomes
    >>> seen = bookings([0, 20 * 86_400], [7, 27], ["ann", "ann"])
    >>> made = features(seen, outcomes(seen, [0, 1], [1, 1]))
    >>> made.column("lead_days").tolist(), made.column("past_bad").tolist(), made.column("days_since_last").tolist()
    ([7.0, 7.0], [0.0, 1.0], [nan, 13.0])
    """
    day = of.booked_day if as_of is None else np.asarray(as_of, dtype=np.int64)
    if day.shape != of.booked_day.shape or (day < of.booked_day).any() or (day > of.visit_day).any():
        raise CannotTell(
            "impossible-as-of", {"visits": len(of)}, "give for each visit a day from its booking to its visit"
        )
    columns = _of_the_booking(of) | _of_the_calendar(of) | _of_the_past(of, known, day, bad)
    return Features(np.column_stack(list(columns.values())).astype(np.float64), tuple(columns))


def lead_band(lead_days: ArrayLike) -> Ints:
    """Number of the band of lead time: 0 the same day, then from 1, 2, 4, 8, 15 and 31 days on."""
    band: Ints = np.searchsorted(LEAD_BANDS, np.asarray(lead_days), side="right").astype(np.int64)
    return band


def _of_the_booking(of: Bookings) -> dict[str, Floats]:
    columns: dict[str, Floats] = {
        "lead_days": of.lead_days.astype(np.float64),
        "booked_weekday": (of.booked_day % 7).astype(np.float64),
        "visit_weekday": (of.visit_day % 7).astype(np.float64),
        "booked_minute": (of.booked_at % DAY_SECONDS) / 60.0,
    }
    if not np.isnan(of.visit_minute).all():
        columns["visit_minute"] = of.visit_minute
    return columns | {f"number {name}": values for name, values in of.numbers.items()}


def _of_the_calendar(of: Bookings) -> dict[str, Floats]:
    """Earlier bookings: of the patient, of the place, of the practice. No outcome is read here."""
    n = len(of)
    rank = np.empty(n, dtype=np.int64)
    rank[np.lexsort((np.arange(n), of.booked_at))] = np.arange(n)
    moment = of.booked_at.astype(np.float64)  # whole seconds: exact
    place = of.kinds.get("place", np.zeros(n, dtype=np.int64))
    one = np.zeros(n, dtype=np.int64)

    def earlier(*key: Ints) -> Ints:
        joined = _joined(*key)
        return Ledger(joined, rank).count_before(joined, rank)

    def gap(back: int, *key: Ints) -> Floats:
        """Seconds since the ``back``-th last booking under the key."""
        joined = _joined(*key)
        order = np.lexsort((rank, joined))
        found = np.full(n, np.nan)
        same = (joined[order][back:] == joined[order][:-back]) & (joined[order][back:] >= 0)
        sorted_moment = moment[order]
        found[order[back:]] = np.where(same, sorted_moment[back:] - sorted_moment[:-back], np.nan)
        limited: Floats = np.minimum(found, GAP_LIMIT)
        return limited

    # Booked before this one, for the day on which this one is booked: the patient is (or was) here on that day.
    there, here = _joined_pair((of.patient, of.visit_day), (of.patient, of.booked_day))
    own = earlier(of.patient)
    over = Ledger(of.patient, of.visit_day).count_before(of.patient, of.booked_day)
    counts = {
        "own_bookings": own,
        "own_pending": own - over,
        "own_same_visit_day": earlier(of.patient, of.visit_day),
        "own_visit_on_booking_day": Ledger(there, rank).count_before(here, rank),
        "own_booked_today": earlier(of.patient, of.booked_day),
        "place_booked_for_day": earlier(place, of.visit_day),
        "practice_booked_for_day": earlier(one, of.visit_day),
        "place_booked_today": earlier(place, of.booked_day),
        "place_booked_this_minute": earlier(place, of.booked_at // 60),
        "place_booked_today_for_day": earlier(place, of.booked_day, of.visit_day),
        "practice_booked_this_second": earlier(one, of.booked_at),
    }
    return {name: values.astype(np.float64) for name, values in counts.items()} | {
        "own_last_booking_seconds": gap(1, of.patient),
        "place_last_for_day_seconds": gap(1, place, of.visit_day),
        # How busy the desk is: the time that its last bookings took.
        **{f"place_last_{back}_bookings_seconds": gap(back, place) for back in (1, 3, 10)},
        **{f"practice_last_{back}_bookings_seconds": gap(back, one) for back in (5, 20, 100)},
    }


def _of_the_past(of: Bookings, known: Outcomes, day: Ints, bad: tuple[int, ...]) -> dict[str, Floats]:
    """The patient's outcomes and those of the kinds, before ``day``, beyond what the lead time let expect at the time."""
    fell = np.isin(known.kind, bad).astype(np.float64)
    rows = known.visit
    band = lead_band(of.lead_days)[rows]
    by_band = Ledger(band, known.day, {"bad": fell})
    # What was to be expected of a visit when its outcome came: the share in its band on earlier days.
    expected = (by_band.total_before("bad", band, known.day) + BAND_START * BAND_WEIGHT) / (
        by_band.count_before(band, known.day) + BAND_WEIGHT
    )
    excess = fell - expected
    later = (of.lead_days[rows] > 0).astype(np.float64)
    amounts = {"bad": fell, "excess": excess, "later": later, "later_bad": later * fell}
    own = Ledger(of.patient[rows], known.day, amounts)
    count = own.count_before(of.patient, day).astype(np.float64)
    fallen = own.total_before("bad", of.patient, day)
    last, since = own.last_before("bad", of.patient, day)
    columns = {
        "past_visits": count,
        "past_bad": fallen,
        "past_kept": count - fallen,
        "past_excess": own.total_before("excess", of.patient, day) / (count + PATIENT_WEIGHT),
        "past_later_visits": own.total_before("later", of.patient, day),
        "past_later_bad": own.total_before("later_bad", of.patient, day),
        "last_bad": last,
        "days_since_last": since,
    }
    for name, codes in of.kinds.items():
        for title, extra in ((f"kind {name}", ()), (f"kind {name} and lead", (lead_band(of.lead_days),))):
            key = _joined(codes, *extra)
            book = Ledger(key[rows], known.day, {"excess": excess})
            columns[title] = book.total_before("excess", key, day) / (
                book.count_before(key, day) + KIND_WEIGHT
            )
    return columns


def _joined(*key: Ints) -> Ints:
    """One code for several; -1 where any is unknown."""
    found = key[0]
    for part in key[1:]:
        unknown = (found < 0) | (part < 0)
        _, small = np.unique(part, return_inverse=True)
        _, found = np.unique(found * (small.max(initial=0) + 1) + small, return_inverse=True)
        found = np.where(unknown, -1, found)
    return found.astype(np.int64)


def _joined_pair(first: tuple[Ints, Ints], second: tuple[Ints, Ints]) -> tuple[Ints, Ints]:
    """Codes of two lists of pairs in one numbering."""
    n = first[0].size
    both = _joined(*(np.concatenate(parts) for parts in zip(first, second, strict=True)))
    return both[:n], both[n:]
