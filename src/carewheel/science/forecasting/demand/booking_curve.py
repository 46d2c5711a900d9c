"""What is on the book tells what will come: pick-up from each lead time to the day itself, joined with what the calendar foretells.

At lead l a day has b_l visits on the book and in the end y. Added pick-up takes y = b_l + mean of what was still added; the calendar's forecast
knows nothing of the book. The two are joined by a regression through past days at the same lead, drawn to the better of both.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from carewheel.science.forecasting.demand.daily import past_quantile
from carewheel.science.intervals import LEVEL, Estimate
from carewheel.science.refusal import CannotTell

Floats = NDArray[np.float64]

LEAST_PAST = 8
# The pick-up of a weekday counts as much as that of all days after so many days of it.
WEEKDAY_WEIGHT = 4.0


@dataclass(frozen=True, slots=True)
class BookingCurve:
    """``added`` (7, leads): visits still added from each lead to the end, by weekday, drawn to all days; ``errors`` (past, leads): what pick-up missed,
    each day left out of its own mean; ``share`` (leads,): how much pick-up is believed against the calendar.
    """

    added: Floats
    errors: Floats
    share: Floats

    def forecast(
        self,
        on_book: ArrayLike,
        lead: ArrayLike,
        weekday: ArrayLike,
        calendar_mean: ArrayLike,
        level: float = LEVEL,
    ) -> Estimate:
        """Counts (h,) of coming days: ``on_book`` now, ``lead`` days ahead, ``weekday``, and the calendar's forecast for each.

        Never fewer than nought; a day can lose visits, so fewer than on the book is possible. Raises `CannotTell` ``not-a-book``.
        """
        now, ahead = np.asarray(on_book, dtype=np.float64), np.asarray(lead, dtype=np.int64)
        day, told = np.asarray(weekday, dtype=np.int64), np.asarray(calendar_mean, dtype=np.float64)
        if not now.shape == ahead.shape == day.shape == told.shape or (now < 0).any() or (told < 0).any():
            raise CannotTell(
                "not-a-book", {"days": now.size}, "give book, lead, weekday and forecast of each day"
            )
        if (ahead < 0).any() or (ahead >= self.share.size).any() or (day < 0).any() or (day > 6).any():
            raise CannotTell("not-a-book", {"most": self.share.size - 1}, "leads and weekdays as in the past")
        picked = now + self.added[day, ahead]
        value = np.maximum(self.share[ahead] * picked + (1 - self.share[ahead]) * told, 0.0)
        width = np.array([past_quantile(np.abs(self.errors[:, k]), level) for k in ahead])
        return Estimate(value, np.maximum(value - width, 0.0), value + width)


def booking_curve(book: ArrayLike, weekday: ArrayLike, calendar_mean: ArrayLike) -> BookingCurve:
    """Learnt from past days. ``book`` (past, leads): visits on the book l days before, lead 0 last known before the day's end = the final count;
    ``weekday`` (past,); ``calendar_mean`` (past,): what was foretold for the day without the book (from before the longest lead).

    Raises `CannotTell`: ``not-a-book``, ``too-few-days`` (under 8).

    >>> rng = np.random.default_rng(1)
    >>> final = rng.poisson(40, 60)
    >>> curve = booking_curve(np.column_stack([final, rng.binomial(final, 0.9)]), np.arange(60) % 7, np.full(60, 40.0))
    >>> found = curve.forecast([45], [1], [0], [40.0])
    >>> bool(46 < found.value[0] < 51), bool(found.low[0] < found.value[0] < found.high[0])
    (True, True)
    """
    b, day = np.asarray(book, dtype=np.float64), np.asarray(weekday, dtype=np.int64)
    told = np.asarray(calendar_mean, dtype=np.float64)
    if b.ndim != 2 or day.shape != b.shape[:1] or told.shape != day.shape or not np.isfinite(b).all():
        raise CannotTell("not-a-book", {"shape": str(b.shape)}, "give the book of each past day by lead")
    if (b < 0).any() or not np.isfinite(told).all() or (day < 0).any() or (day > 6).any():
        raise CannotTell("not-a-book", {"days": day.size}, "counts are 0 or more, weekdays 0 to 6")
    if day.size < LEAST_PAST:
        raise CannotTell("too-few-days", {"days": day.size, "needed": LEAST_PAST}, "wait for more days")
    extra = b[:, :1] - b
    added = np.array([_drawn(extra, day == k, np.zeros(day.size, dtype=bool)) for k in range(7)])
    # Each day is foretold without itself.
    left_out = np.array([_drawn(extra, day == day[i], np.arange(day.size) == i) for i in range(day.size)])
    picked = b + left_out
    share = np.ones(b.shape[1])
    for lead in range(b.shape[1]):
        # The least-squares share between both, drawn towards one half by four days' worth of what they differ by.
        apart = picked[:, lead] - told
        gain = float(apart @ (b[:, 0] - told)) + 2.0 * float(np.mean(apart**2))
        share[lead] = np.clip(
            gain / max(float(apart @ apart) + 4.0 * float(np.mean(apart**2)), 1e-12), 0.0, 1.0
        )
    share[0] = 1.0
    joined = share * picked + (1 - share) * told[:, None]
    return BookingCurve(added, b[:, :1] - joined, share)


def _drawn(extra: Floats, same: NDArray[np.bool_], out: NDArray[np.bool_]) -> Floats:
    """Mean of what was added on such days, drawn to that of all days."""
    every = extra[~out].mean(axis=0)
    some = extra[same & ~out]
    found: Floats = (some.sum(axis=0) + WEEKDAY_WEIGHT * every) / (some.shape[0] + WEEKDAY_WEIGHT)
    return found
