"""Reads of operations: arrays out of the facts, as contracts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import duckdb
import numpy as np
from numpy.typing import NDArray

from carewheel.science.refusal import CannotTell
from carewheel.spokes.operations.contracts import (
    AskedVisits,
    AttendanceReport,
    BookedVisits,
    DemandReport,
    ForeseenAhead,
)
from carewheel.spokes.operations.contracts_day import DayPlanReport, DayReport
from carewheel.spokes.operations.rules.attendance import attendance_report, foreseen_ahead
from carewheel.spokes.operations.rules.demand import LEADS, demand_report
from carewheel.spokes.operations.rules.live import day_report
from carewheel.spokes.operations.rules.resources import day_plan

Ints = NDArray[np.int64]
DAY = 86_400
CAME, MISSED, LATE = 0, 1, 2

VISITS = """
SELECT
  a.source, COALESCE(NULLIF(a.appointment_id, ''), a.source_id) AS visit, a.location_id AS location, a.provider_key AS provider,
  a.visit_type, a.channel, a.patient_key AS patient, CAST(EPOCH(a.starts_at) AS BIGINT) AS starts_at, CAST(EPOCH(a.booked_at) AS BIGINT) AS booked_at,
  COALESCE(CAST(EPOCH(a.cancelled_at) AS BIGINT), -1) AS cancelled_at, a.zone, a.status,
  COALESCE(a.late_cancel, FALSE) AS late, COALESCE(a.minutes, 0) AS minutes, COALESCE(p.birth_year, 0) AS birth_year,
  COALESCE(p.sex, '') AS sex
FROM appointment AS a
LEFT JOIN (
  SELECT patient_key, MAX(birth_year) AS birth_year, MAX(sex) AS sex, BOOL_OR(is_test) AS is_test FROM patient GROUP BY patient_key
) AS p ON a.patient_key = p.patient_key
WHERE a.starts_at IS NOT NULL AND a.zone <> '' AND REPLACE(a.channel, '_', '-') <> 'walk-in' AND NOT COALESCE(p.is_test, FALSE)
  AND a.status IN ('fulfilled', 'arrived', 'checked-in', 'noshow', 'cancelled', 'booked', 'pending', 'proposed')
ORDER BY a.starts_at, a.appointment_id"""


ASKED = """
SELECT
  a.location_id AS location, a.visit_type, a.local_date - DATE '1970-01-01' AS day, REPLACE(a.channel, '_', '-') AS channel, a.zone,
  CAST(EPOCH(a.starts_at) AS BIGINT) AS starts_at, COALESCE(CAST(EPOCH(a.booked_at) AS BIGINT), -1) AS booked_at,
  COALESCE(CAST(EPOCH(a.cancelled_at) AS BIGINT), -1) AS cancelled_at,
  a.status <> 'cancelled' OR COALESCE(a.late_cancel, FALSE) AS wanted
FROM appointment AS a
ANTI JOIN (SELECT patient_key FROM patient WHERE is_test) AS p ON a.patient_key = p.patient_key
WHERE a.starts_at IS NOT NULL AND a.zone <> '' AND a.local_date IS NOT NULL AND a.location_id <> ''
  AND a.status IN ('fulfilled', 'arrived', 'checked-in', 'noshow', 'cancelled', 'booked', 'pending', 'proposed')"""
OPEN = """
SELECT location_id AS location, local_date - DATE '1970-01-01' AS day
FROM availability WHERE kind = 'open' AND local_date > :as_of GROUP BY 1, 2"""


MINUTES = """
SELECT a.visit_type, e.minutes
FROM (
  SELECT
    appointment_id,
    EPOCH(MAX(happened_at) FILTER (event = 'done') - COALESCE(MIN(happened_at) FILTER (event = 'with-clinician'), MIN(happened_at) FILTER (event = 'roomed'))) / 60
      AS minutes
  FROM visit_event WHERE appointment_id <> '' GROUP BY appointment_id
) AS e
JOIN appointment AS a ON a.appointment_id = e.appointment_id
WHERE e.minutes > 0 AND a.local_date > $first AND a.local_date <= $as_of"""
YEAR = 365


def how_many_will_ask(
    connection: duckdb.DuckDBPyConnection, as_of: date, days: int, regions: Mapping[str, str] | None = None
) -> DemandReport:
    """Visits of ``days`` after ``as_of``: places, regions (by place) and the group, adding up. Raises `CannotTell`: see `rules.demand`."""
    return demand_report(asked_visits(connection, as_of, days, regions or {}), days)


def asked_visits(
    connection: duckdb.DuckDBPyConnection, as_of: date, ahead: int, regions: Mapping[str, str]
) -> AskedVisits:
    """Visits by place and day up to ``as_of``, the book before each, and the days on which a place is closed.

    Closed are days ahead without open hours, where the availability of that place is on record for longer than that; else, and in the past,
    weekdays on which hardly anybody ever came. A past day without a visit is unknown, not nought.
    """
    rows = {
        name: np.ma.filled(column, _nothing(column))
        for name, column in connection.execute(ASKED).fetchnumpy().items()
    }
    today = (as_of - date(1970, 1, 1)).days
    if not len(rows["day"]):
        raise CannotTell("no-visits", {}, "read appointments first")
    day, place, zone = rows["day"].astype(np.int64), rows["location"].astype(str), rows["zone"].astype(str)
    locations, at = np.unique(place, return_inverse=True)
    walk_in = rows["channel"].astype(str) == "walk-in"
    wanted = rows["wanted"].astype(bool)
    first = int(day.min())
    whole, past = today - first + 1, day <= today
    if whole < 1:
        raise CannotTell("no-visits", {}, "no visit lies before the as-of date")
    shape = (len(locations), whole + ahead)

    def counted(chosen: NDArray[np.bool_]) -> NDArray[np.float64]:
        made = np.zeros(shape)
        np.add.at(made, (at[chosen], day[chosen] - first), 1.0)
        return made

    inside = day - first < whole + ahead
    counts = counted(past & wanted & ~walk_in)[:, :whole]
    walked = counted(past & walk_in)[:, :whole]
    hour = local_seconds(rows["starts_at"].astype(np.int64), zone) % DAY // 3600
    hours = np.zeros((len(locations), whole, 24))
    seen = past & wanted
    np.add.at(hours, (at[seen], day[seen] - first, hour[seen]), 1.0)
    booked = local_seconds(np.maximum(rows["booked_at"].astype(np.int64), 0), zone) // DAY
    gone = np.where(
        rows["cancelled_at"] > 0,
        local_seconds(np.maximum(rows["cancelled_at"].astype(np.int64), 0), zone) // DAY,
        1 << 40,
    )
    book = np.zeros((*shape, LEADS + 1))
    for lead in range(LEADS + 1):
        eve = day - lead
        there = inside & ~walk_in & (rows["booked_at"] > 0) & (booked <= eve) & (gone > eve) & (eve <= today)
        np.add.at(book[:, :, lead], (at[there], day[there] - first), 1.0)
    types, kind = np.unique(rows["visit_type"].astype(str), return_inverse=True)
    by_type = np.zeros((len(locations), len(types)))
    newest = seen & (day > today - 91)
    np.add.at(by_type, (at[newest], kind[newest]), 1.0)
    by_type /= np.maximum(by_type.sum(axis=1, keepdims=True), 1.0)
    closed = _closed(connection, as_of, counts + walked, first, whole, ahead, locations)
    counts[(counts + walked == 0) | closed[:, :whole]] = np.nan
    opened = [np.flatnonzero(~np.isnan(row)) for row in counts]
    for row, known in zip(counts, opened, strict=True):
        row[: known[0] if known.size else whole] = np.nan
    return AskedVisits(
        as_of, first, tuple(map(str, locations)), tuple(regions.get(str(name), "") for name in locations), tuple(map(str, types)),
        counts, np.where(np.isnan(counts), np.nan, walked), by_type, hours, book, closed,
    )  # fmt: skip


def _closed(
    connection: duckdb.DuckDBPyConnection,
    as_of: date,
    came: NDArray[np.float64],
    first: int,
    whole: int,
    ahead: int,
    locations: NDArray[Any],
) -> NDArray[np.bool_]:
    weekday = (first + np.arange(whole + ahead)) % 7
    closed = np.zeros((len(locations), whole + ahead), dtype=bool)
    recent = slice(max(0, whole - 182), whole)
    for k in range(len(locations)):
        for d in range(7):
            mine = came[k, recent][weekday[recent] == d]
            closed[k, weekday == d] = mine.size == 0 or np.mean(mine > 0) < 0.1
    found = connection.execute(OPEN.replace(":as_of", f"DATE '{as_of.isoformat()}'")).fetchnumpy()
    place, day = np.ma.filled(found["location"], "").astype(str), np.asarray(found["day"], dtype=np.int64)
    for k, name in enumerate(locations):
        mine = day[place == name] - first
        if mine.size:
            known = np.arange(whole, min(whole + ahead, int(mine.max()) + 1))
            closed[k, known] = ~np.isin(known, mine)
    return closed


def who_may_not_come(
    connection: duckdb.DuckDBPyConnection, as_of: date, days: int, calls: int | None = None
) -> AttendanceReport:
    """Chances of the visits of ``days`` after ``as_of``, and the audit of the score. Raises `CannotTell`: see `rules.attendance`."""
    return attendance_report(
        booked_visits(connection, as_of), days, calls, measured=_measured(connection, as_of)
    )


def _measured(connection: duckdb.DuckDBPyConnection, as_of: date) -> dict[str, NDArray[np.float64]]:
    """By type of visit, minutes from the clinician's coming in (else the room) to the end, of the last year's log."""
    rows = connection.execute(MINUTES, {"first": as_of - timedelta(days=YEAR), "as_of": as_of}).fetchnumpy()
    kinds = np.ma.filled(rows["visit_type"], "").astype(str)
    minutes = np.asarray(np.ma.filled(rows["minutes"], np.nan), dtype=np.float64)
    return {str(kind): minutes[kinds == kind] for kind in np.unique(kinds[kinds != ""])}


def foreseen_of_the_book(connection: duckdb.DuckDBPyConnection, as_of: date) -> ForeseenAhead:
    """Every booked visit after ``as_of`` with its chance, by what was known that evening. Raises `CannotTell`: see `rules.attendance`."""
    return foreseen_ahead(booked_visits(connection, as_of))


def booked_visits(connection: duckdb.DuckDBPyConnection, as_of: date) -> BookedVisits:
    """Every booked visit that was known on ``as_of`` (inclusive), by the time of the visit. Test patients and walk-ins are left out."""
    rows = {
        name: np.ma.filled(column, _nothing(column))
        for name, column in connection.execute(VISITS).fetchnumpy().items()
    }
    n = len(rows["visit"])
    zone = rows["zone"].astype(str)
    starts = local_seconds(rows["starts_at"].astype(np.int64), zone)
    booked = local_seconds(np.where(rows["booked_at"] > 0, rows["booked_at"], 0).astype(np.int64), zone)
    today = (as_of - date(1970, 1, 1)).days
    status = rows["status"].astype(str)
    came = np.isin(status, ("fulfilled", "arrived", "checked-in"))
    late = (status == "cancelled") & rows["late"].astype(bool)
    outcome = np.select([came, status == "noshow", late], [CAME, MISSED, LATE], -1).astype(np.int64)
    cancelled = local_seconds(np.maximum(rows["cancelled_at"].astype(np.int64), 0), zone) // DAY
    known = np.where(late & (rows["cancelled_at"] > 0), np.maximum(cancelled, booked // DAY), starts // DAY)
    outcome = np.where(known > today, -1, outcome)
    # What became of it after the as-of date was not known then: it was still booked.
    waits = np.isin(status, ("booked", "pending", "proposed", "noshow")) | came
    gone_later = (status == "cancelled") & (rows["cancelled_at"] > 0) & (cancelled > today)
    ahead = (starts // DAY > today) & (waits | gone_later)
    usable = (rows["booked_at"] > 0) & (booked // DAY <= starts // DAY) & (booked // DAY <= today)
    kept = np.flatnonzero(usable & ((outcome >= 0) | ahead | (starts // DAY <= today)))
    words = {
        name: rows[name].astype(str)[kept]
        for name in ("source", "visit", "location", "provider", "visit_type", "channel", "patient", "sex")
    }
    return BookedVisits(
        as_of=as_of, **words, starts_at=rows["starts_at"].astype(np.int64)[kept], booked=booked[kept], starts=starts[kept],
        outcome=outcome[kept], outcome_day=known[kept], ahead=ahead[kept], birth_year=rows["birth_year"].astype(np.int64)[kept],
        minutes=rows["minutes"].astype(np.float64)[kept], left_out=int(n - usable.sum()),
    )  # fmt: skip


def _nothing(column: Any) -> Any:
    return "" if np.ma.getdata(column).dtype.kind == "O" else 0


def local_seconds(moments: Ints, zones: NDArray[Any]) -> Ints:
    """Seconds of local wall time for moments (n,) in seconds UTC, by zone; the offset of a day is that of its noon in UTC.

    >>> local_seconds(np.array([1_735_750_800]), np.array(["America/New_York"])).tolist() == [1_735_750_800 - 5 * 3600]
    True
    """
    if not len(moments):
        return np.zeros(0, dtype=np.int64)
    names, code = np.unique(zones, return_inverse=True)
    day = moments // DAY
    pairs, at = np.unique(np.stack([code, day]), axis=1, return_inverse=True)
    offsets = [
        datetime.fromtimestamp(int(noon) * DAY + DAY // 2, UTC)
        .astimezone(ZoneInfo(str(names[which])))
        .utcoffset()
        for which, noon in pairs.T
    ]
    seconds = np.array([int(offset.total_seconds()) if offset else 0 for offset in offsets], dtype=np.int64)
    return np.asarray(moments + seconds[at.reshape(-1)], dtype=np.int64)


def plan_of_the_day(given: Mapping[str, object], seconds: float, clock: Callable[[], float]) -> DayPlanReport:
    """Who does what, of what a day file asks and has. Raises `CannotTell`: see `rules.resources`."""
    return day_plan(given, seconds, clock)


def how_the_day_goes(given: Mapping[str, object]) -> DayReport:
    """Who waits, where it runs over and what to do, of the events of a day so far. Raises `CannotTell`: see `rules.live`."""
    return day_report(given)
