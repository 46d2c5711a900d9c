"""How many will ask: days and weeks of places, regions and the group, which add up, with what is on the book taken in."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
from numpy.typing import NDArray

from carewheel.science.forecasting.demand import (
    BookingCurve,
    Calendar,
    Forecast,
    Hierarchy,
    booking_curve,
    calendar,
    daily_forecast,
    hierarchy,
    profile,
    reconciled,
)
from carewheel.science.intervals import Estimate
from carewheel.science.refusal import CannotTell
from carewheel.spokes.operations.contracts import AskedVisits, DemandDay, DemandReport

Floats = NDArray[np.float64]

# As far ahead as the book is looked at, and how many past days teach what is still added.
LEADS, CURVE_DAYS = 28, 182
LEAST_ORIGINS = 8
GROUP = "group"


def demand_report(visits: AskedVisits, days: int) -> DemandReport:
    """Visits of the coming ``days``. Each place, region and the group are foretold by themselves, joined with the book, and made to add up.

    Raises `CannotTell` where no place has 56 open days with visits.
    """
    told: list[_Place] = []
    silent: dict[str, str] = {}
    for k, name in enumerate(visits.locations):
        try:
            told.append(_Place(visits, k, days))
        except CannotTell as error:
            silent[name] = str(error)
    if not told:
        raise CannotTell(
            "too-few-days", {"places": len(visits.locations)}, "wait until a place has 56 open days"
        )
    nodes = _summed(visits, told, days)
    start = date(1970, 1, 1) + timedelta(days=visits.first_day + visits.counts.shape[1])
    rows = [
        DemandDay(where, start + timedelta(days=i), float(mean[i]), float(low[i]), float(high[i]), int(book[i]), float(walks[i]), bool(shut[i]))
        for where, mean, low, high, book, walks, shut, _ in nodes
        for i in range(days)
    ]  # fmt: skip
    weeks = [
        DemandDay(where, start + timedelta(days=i), *week, int(book[i : i + 7].sum()), float(walks[i : i + 7].sum()), False)
        for where, _, _, _, book, walks, _, of_weeks in nodes
        for i, week in zip(range(0, days - 6, 7), of_weeks, strict=True)
    ]  # fmt: skip
    shares = {
        p.name: {kind or "not named": float(x) for kind, x in zip(visits.types, visits.by_type[p.row], strict=True) if x > 0} for p in told
    }  # fmt: skip
    hours = {p.name: tuple(tuple(map(float, row)) for row in p.hours) for p in told if p.hours is not None}
    return DemandReport(visits.as_of, tuple(rows), tuple(weeks), shares, hours, silent)


class _Place:
    """One place's own forecast: the calendar's, and that joined with the book."""

    def __init__(self, visits: AskedVisits, row: int, days: int) -> None:
        self.name, self.row = visits.locations[row], row
        counts = visits.counts[row]
        # Years before the first visit are no noughts: the series begins with it.
        begins = int(np.flatnonzero(~np.isnan(counts))[0]) if (~np.isnan(counts)).any() else 0
        self.first = visits.first_day + begins
        self.counts, self.closed = counts[begins:], visits.closed[row][begins:]
        self.walks = visits.walk_ins[row][begins:]
        self.book = visits.book[row][begins:]
        self.calendar = _calendar(self.first, self.closed)
        self.own = daily_forecast(self.counts, self.calendar, days)
        self.joined = _with_the_book(self, days)
        self.walk_ins = _few(self.walks, self.calendar, days)
        weekday = (self.first + 3 + np.arange(self.counts.size)) % 7  # day 0 was a Thursday; 0 is Monday
        try:
            known = np.where(np.isnan(self.counts)[:, None], np.nan, visits.hours[row][begins:])
            self.hours: Floats | None = profile(known, weekday).share
        except CannotTell:
            self.hours = None


def _calendar(first: int, closed: NDArray[np.bool_]) -> Calendar:
    return calendar(first, closed.size, closed=first + np.flatnonzero(closed))


def _few(counts: Floats, days: Calendar, horizon: int) -> Floats:
    """Walk-ins a day; where nobody walks in, none."""
    try:
        return daily_forecast(counts, days, horizon).mean
    except CannotTell:
        return np.zeros(horizon)


def _with_the_book(place: _Place, days: int) -> Estimate:
    """Visits (days,) with interval: for the days within reach of the book, what pick-up and calendar say together; then the calendar alone."""
    whole = place.counts.size
    value, low, high = (np.asarray(end, dtype=np.float64).copy() for end in place.own.interval())
    reach = min(days, LEADS)
    curve = _curve(place)
    if curve is None or not reach:
        return Estimate(value, low, high)
    lead = np.arange(1, reach + 1)
    now = place.book[whole + lead - 1, lead]
    weekday = (place.first + whole + lead - 1) % 7
    joined = curve.forecast(now, lead, weekday, value[:reach])
    shut = place.closed[whole : whole + reach]
    for mine, theirs in zip((value, low, high), joined, strict=True):
        mine[:reach] = np.where(shut, 0.0, theirs)
    return Estimate(value, low, high)


def _curve(place: _Place) -> BookingCurve | None:
    """Pick-up, learnt on the days of the last half year; the calendar's word on them comes from before that half year."""
    whole = place.counts.size
    first = max(whole - CURVE_DAYS, LEADS)
    past = np.arange(first, whole)
    past = past[~np.isnan(place.counts[past])]
    if past.size < 28:
        return None
    try:
        before = daily_forecast(place.counts[:first], place.calendar, whole - first)
        book = place.book[past].copy()
        book[:, 0] = place.counts[past]
        return booking_curve(book, (place.first + past) % 7, before.mean[past - first])
    except CannotTell:
        return None


_Node = tuple[
    str, Floats, Floats, Floats, Floats, Floats, NDArray[np.bool_], list[tuple[float, float, float]]
]


def _summed(visits: AskedVisits, told: list[_Place], days: int) -> list[_Node]:
    """Places, regions and the group, adding up; intervals are those of each by itself, moved to the reconciled mean."""
    regions = [visits.regions[p.row] or GROUP for p in told]
    tree = hierarchy(regions)
    whole = visits.counts.shape[1]
    books = np.array([p.book[p.counts.size : p.counts.size + days] for p in told])
    lead = np.minimum(np.arange(1, days + 1), LEADS)
    on_book = np.array([[place[i, lead[i]] if i < LEADS else 0.0 for i in range(days)] for place in books])
    joined = np.array([p.joined.value for p in told])
    walks = np.array([p.walk_ins for p in told])
    shut = np.array([p.closed[p.counts.size : p.counts.size + days] for p in told])
    own: list[Forecast] = []
    for sums in tree.sums:
        mine = [p for p, member in zip(told, sums, strict=True) if member]
        if len(mine) == 1:
            own.append(mine[0].own)
            continue
        counts = np.full((len(mine), whole), np.nan)
        for i, p in enumerate(mine):
            counts[i, whole - p.counts.size :] = np.where(p.closed[: p.counts.size], 0.0, p.counts)
        total = np.where(np.isnan(counts).all(axis=0), np.nan, np.nansum(counts, axis=0))
        all_shut = np.concatenate(
            [np.zeros(whole, dtype=bool), shut[[told.index(p) for p in mine]].all(axis=0)]
        )
        quiet = total == 0
        total[quiet], all_shut[:whole] = np.nan, quiet
        own.append(daily_forecast(total, _calendar(visits.first_day, all_shut), days))
    base = np.array([f.mean for f in own])
    base[-len(told) :] = joined
    # A node's sum over its places, book included, where it is no place itself: the calendar's word moved by what the book has told the places.
    moved = tree.sums @ (joined - np.array([p.own.mean for p in told]))
    base[: -len(told)] += moved[: -len(told)]
    final = _adding_up(tree, base, own, len(told))
    names = [GROUP, *tree.names[1 : len(tree.names) - len(told)], *[p.name for p in told]]
    nodes: list[_Node] = []
    for k, (name, sums) in enumerate(zip(names, tree.sums, strict=True)):
        if k and name == GROUP:  # places without a region are only part of the group
            continue
        # A place is told with its book, a sum of places by its own past errors.
        place = k - len(tree.sums) + len(told)
        span, mean = told[place].joined if place >= 0 else own[k].interval(), final[k]
        factor = mean / np.maximum(span.value, 1e-9)
        low, high = (np.where(span.value > 0, np.asarray(end) * factor, 0.0) for end in (span.low, span.high))
        weeks = []
        for i in range(0, days - 6, 7):
            sum_of = own[k].total(np.arange(i, i + 7))
            scale = float(mean[i : i + 7].sum()) / max(float(sum_of.value), 1e-9)
            weeks.append((float(sum_of.value) * scale, float(sum_of.low) * scale, float(sum_of.high) * scale))
        member = sums > 0
        nodes.append(
            (
                name,
                mean,
                low,
                high,
                on_book[member].sum(axis=0),
                walks[member].sum(axis=0),
                shut[member].all(axis=0),
                weeks,
            )
        )
    return nodes


def _adding_up(tree: Hierarchy, base: Floats, own: list[Forecast], places: int) -> Floats:
    """Reconciled means by the covariance of the nodes' past errors; with too few of them, the sums of the places."""
    found = base
    if places > 1:
        origins = min(f.errors.shape[0] for f in own)
        past = np.array([[_error(f, i) for f in own] for i in range(origins)])
        past = past[np.isfinite(past).all(axis=1)]
        if past.shape[0] >= LEAST_ORIGINS:
            found = reconciled(tree, base, past).mean
    return np.asarray(tree.sums @ np.maximum(found[-places:], 0.0))


def _error(of: Forecast, origin: int) -> float:
    """Mean error of a forecast made at a past day, in visits a day."""
    logs = of.errors[origin]
    known = ~np.isnan(logs) & (of.mean > 0)
    return float((of.mean[known] * np.expm1(logs[known])).mean()) if known.any() else float("nan")
