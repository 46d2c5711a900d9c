"""Reads of operations: arrays out of the facts, as contracts."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import duckdb
import numpy as np
from numpy.typing import NDArray

from carewheel.spokes.operations.contracts import AttendanceReport, BookedVisits
from carewheel.spokes.operations.rules.attendance import attendance_report

Ints = NDArray[np.int64]
DAY = 86_400
CAME, MISSED, LATE = 0, 1, 2

VISITS = """
SELECT
  a.appointment_id AS visit, a.location_id AS location, a.provider_key AS provider, a.visit_type, a.channel,
  a.patient_key AS patient, CAST(EPOCH(a.starts_at) AS BIGINT) AS starts_at, CAST(EPOCH(a.booked_at) AS BIGINT) AS booked_at,
  COALESCE(CAST(EPOCH(a.cancelled_at) AS BIGINT), -1) AS cancelled_at, a.zone, a.status,
  COALESCE(a.late_cancel, FALSE) AS late, COALESCE(a.minutes, 0) AS minutes, COALESCE(p.birth_year, 0) AS birth_year,
  COALESCE(p.sex, '') AS sex
FROM appointment AS a
LEFT JOIN (
  SELECT patient_key, MAX(birth_year) AS birth_year, MAX(sex) AS sex, BOOL_OR(is_test) AS is_test FROM patient GROUP BY patient_key
) AS p ON a.patient_key = p.patient_key
WHERE a.starts_at IS NOT NULL AND a.zone <> '' AND a.channel <> 'walk_in' AND NOT COALESCE(p.is_test, FALSE)
  AND a.status IN ('fulfilled', 'arrived', 'checked-in', 'noshow', 'cancelled', 'booked', 'pending', 'proposed')
ORDER BY a.starts_at, a.appointment_id"""


def who_may_not_come(
    connection: duckdb.DuckDBPyConnection, as_of: date, days: int, calls: int | None = None
) -> AttendanceReport:
    """Chances of the visits of ``days`` after ``as_of``, and the audit of the score. Raises `CannotTell`: see `rules.attendance`."""
    return attendance_report(booked_visits(connection, as_of), days, calls)


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
    ahead = (starts // DAY > today) & np.isin(status, ("booked", "pending", "proposed"))
    usable = (rows["booked_at"] > 0) & (booked // DAY <= starts // DAY) & (booked // DAY <= today)
    kept = np.flatnonzero(usable & ((outcome >= 0) | ahead | (starts // DAY <= today)))
    words = {
        name: rows[name].astype(str)[kept]
        for name in ("visit", "location", "provider", "visit_type", "channel", "patient", "sex")
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
