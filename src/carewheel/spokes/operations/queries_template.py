"""Reads of half-days: who came to a practitioner's sessions when, how long it took, and when the sessions open and close."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, timedelta
from typing import Any

import duckdb
import numpy as np
from numpy.typing import NDArray

from carewheel.science.forecasting.durations import END, START, visit_minutes
from carewheel.science.refusal import CannotTell
from carewheel.spokes.operations.contracts import Ints, Words
from carewheel.spokes.operations.contracts_simulation import SimulationReport, SimulationWish
from carewheel.spokes.operations.contracts_template import (
    SeasonReport,
    SessionFacts,
    TemplateReport,
    TemplateWish,
)
from carewheel.spokes.operations.queries import CAME, DAY, LATE, MISSED, local_seconds
from carewheel.spokes.operations.rules.season import season_report
from carewheel.spokes.operations.rules.simulation import simulation_report
from carewheel.spokes.operations.rules.template import template_report

# A year holds all seasons; what lies further back may be another practice.
WEEKS_BACK = 52
# Hours on record that are longer than this are a whole day, cut at this hour into two halves.
HALF_DAY, NOON = 6 * 3600, 13 * 3600

VISITS = """
WITH p AS (
  SELECT patient_key, MAX(birth_year) AS birth_year, MAX(sex) AS sex, BOOL_OR(is_test) AS is_test FROM patient GROUP BY patient_key
),
e AS (
  SELECT
    appointment_id, MIN(happened_at) FILTER (event = 'arrived') AS arrived, MIN(happened_at) FILTER (event = 'roomed') AS roomed,
    MIN(happened_at) FILTER (event = 'with-clinician') AS began, MAX(happened_at) FILTER (event = 'done') AS done
  FROM visit_event GROUP BY appointment_id
)
SELECT
  a.appointment_id AS visit, a.location_id AS location, a.provider_key AS provider, a.visit_type, a.zone, a.status,
  CAST(EPOCH(a.starts_at) AS BIGINT) AS starts, COALESCE(CAST(EPOCH(a.booked_at) AS BIGINT), -1) AS booked,
  REPLACE(a.channel, '_', '-') = 'walk-in' AS walk_in, COALESCE(a.minutes, 0) AS planned, COALESCE(p.birth_year, 0) AS birth_year,
  COALESCE(p.sex, '') AS sex, a.resource_id AS resource,
  COALESCE(CAST(EPOCH(e.arrived) AS BIGINT), -1) AS arrived, COALESCE(CAST(EPOCH(e.roomed) AS BIGINT), -1) AS roomed,
  COALESCE(CAST(EPOCH(e.began) AS BIGINT), -1) AS began, COALESCE(CAST(EPOCH(e.done) AS BIGINT), -1) AS done
FROM appointment AS a
LEFT JOIN p ON a.patient_key = p.patient_key
LEFT JOIN e ON a.appointment_id = e.appointment_id
WHERE a.starts_at IS NOT NULL AND a.zone <> '' AND a.provider_key <> '' AND a.location_id <> '' AND NOT COALESCE(p.is_test, FALSE)
  AND a.local_date > $first AND a.local_date <= $as_of
  AND (a.status IN ('fulfilled', 'arrived', 'checked-in', 'noshow') OR (a.status = 'cancelled' AND a.late_cancel))
ORDER BY a.starts_at, a.appointment_id"""
STEPS = """
SELECT appointment_id AS visit, event, EPOCH(happened_at) / 60 AS minute
FROM visit_event
WHERE appointment_id <> '' AND happened_at IS NOT NULL AND (
  event IN ('with-clinician', 'done')
  OR (event = 'roomed' AND appointment_id NOT IN (SELECT appointment_id FROM visit_event WHERE event = 'with-clinician'))
)"""
HOURS = """
SELECT DISTINCT
  provider_key AS provider, location_id AS location, zone, CAST(EPOCH(starts_at) AS BIGINT) AS opens, CAST(EPOCH(ends_at) AS BIGINT) AS closes
FROM availability
WHERE kind = 'open' AND provider_key <> '' AND location_id <> '' AND zone <> '' AND ends_at > starts_at
  AND local_date > $first AND local_date <= $as_of"""


def better_template(
    connection: duckdb.DuckDBPyConnection,
    as_of: date,
    wish: TemplateWish,
    told: Callable[[float], None] = lambda share: None,
) -> TemplateReport:
    """The half-day of a practitioner and times that serve it better. Raises `CannotTell`: see `rules.template`."""
    return template_report(session_facts(connection, as_of), wish, told)


def places_in_the_season(given: Mapping[str, object]) -> SeasonReport:
    """Requests of a file in the slots of a season's template. Raises `CannotTell`: see `rules.season`."""
    return season_report(given)


def simulated_change(
    connection: duckdb.DuckDBPyConnection, as_of: date, wish: SimulationWish
) -> SimulationReport:
    """The clinic of a place with and without a change, on the same luck. Raises `CannotTell`: see `rules.simulation`."""
    return simulation_report(session_facts(connection, as_of), wish)


def session_facts(connection: duckdb.DuckDBPyConnection, as_of: date) -> SessionFacts:
    """The visits of the last year up to ``as_of`` with an outcome, and the half-days they belong to. Test patients are left out, and visits
    outside a practitioner's hours where these are on record. Raises `CannotTell` ``no-visits``."""
    first = as_of - timedelta(weeks=WEEKS_BACK)
    span = {"first": first, "as_of": as_of}
    rows = _rows(connection, VISITS, span)
    if not len(rows["visit"]):
        raise CannotTell(
            "no-visits", {"since": first.isoformat()}, "read appointments with practitioner and outcome first"
        )
    zone = rows["zone"].astype(str)
    local: dict[str, Ints] = {}
    for name in ("starts", "booked", "arrived", "roomed", "began", "done"):
        moments = rows[name].astype(np.int64)
        local[name] = np.where(moments > 0, local_seconds(np.maximum(moments, 0), zone), -1)
    status = rows["status"].astype(str)
    outcome = np.select([status == "noshow", status == "cancelled"], [MISSED, LATE], CAME).astype(np.int64)
    provider, location = rows["provider"].astype(str), rows["location"].astype(str)
    planned = rows["planned"].astype(np.float64)
    sessions, session = _sessions(
        _rows(connection, HOURS, span), provider, location, local["starts"], planned
    )
    kept = np.flatnonzero(session >= 0)
    if not kept.size:
        raise CannotTell(
            "no-sessions", {"visits": len(session)}, "no visit lies within the hours that are on record"
        )
    lead = np.where(local["booked"] > 0, local["starts"] // DAY - local["booked"] // DAY, -1)
    minutes = _minutes(connection, rows["visit"].astype(str))
    in_room = (local["began"] < 0) & (local["roomed"] > 0)
    return SessionFacts(
        as_of=as_of, first=first + timedelta(days=1), session=session[kept], provider=provider[kept], location=location[kept],
        visit_type=rows["visit_type"].astype(str)[kept], sex=rows["sex"].astype(str)[kept], starts=local["starts"][kept], outcome=outcome[kept],
        walk_in=rows["walk_in"].astype(bool)[kept], lead_days=np.maximum(lead, -1)[kept], planned=planned[kept],
        birth_year=rows["birth_year"].astype(np.int64)[kept], arrived=local["arrived"][kept], roomed=local["roomed"][kept],
        began=np.where(in_room, local["roomed"], local["began"])[kept], in_room=in_room[kept], done=local["done"][kept], minutes=minutes[kept], **sessions, rooms=_rooms(location, rows["resource"].astype(str)),
    )  # fmt: skip


def _sessions(
    hours: Mapping[str, NDArray[Any]],
    provider: Words,
    location: Words,
    starts: Ints,
    planned: NDArray[np.float64],
) -> tuple[dict[str, Any], Ints]:
    """Half-days by column, and of each visit the row of its own: by hours on record, else the halves of the day in which there were visits."""
    found: list[tuple[str, str, int, int, bool]] = []
    session = np.full(starts.size, -1, dtype=np.int64)
    on_record: dict[tuple[str, str], list[tuple[int, int]]] = {}
    if len(hours["provider"]):
        zone = hours["zone"].astype(str)
        opens, closes = (local_seconds(hours[name].astype(np.int64), zone) for name in ("opens", "closes"))
        for who, where, begin, end in zip(
            hours["provider"].astype(str), hours["location"].astype(str), opens, closes, strict=True
        ):
            for part in _halves(int(begin), int(end)):
                on_record.setdefault((str(who), str(where)), []).append(part)
    place: dict[tuple[str, str], list[int]] = {}
    for i, key in enumerate(zip(provider.tolist(), location.tolist(), strict=True)):
        place.setdefault(key, []).append(i)
    for key, own in place.items():
        mine = np.array(own)
        parts = np.array(sorted(set(on_record.get(key, []))), dtype=np.int64).reshape(-1, 2)
        at = np.searchsorted(parts[:, 0], starts[mine], side="right") - 1
        inside = (at >= 0) & (starts[mine] < parts[at, 1]) if len(parts) else np.zeros(mine.size, dtype=bool)
        for which in np.unique(at[inside]):
            session[mine[inside & (at == which)]] = len(found)
            found.append((*key, int(parts[which, 0]), int(parts[which, 1]), True))
        known_days = np.unique(parts[:, 0] // DAY)
        free = mine[~inside & ~np.isin(starts[mine] // DAY, known_days)]
        half = starts[free] // DAY * 2 + (starts[free] % DAY >= NOON)
        for which in np.unique(half):
            rows = free[half == which]
            session[rows] = len(found)
            end = int((starts[rows] + 60 * planned[rows]).max())
            found.append((*key, int(starts[rows].min()), end, False))
    columns = list(zip(*found, strict=True)) or [(), (), (), (), ()]
    return {
        "of_provider": np.array(columns[0], dtype=str), "of_location": np.array(columns[1], dtype=str),
        "opens": np.array(columns[2], dtype=np.int64), "closes": np.array(columns[3], dtype=np.int64),
        "from_hours": np.array(columns[4], dtype=bool),
    }, session  # fmt: skip


def _halves(opens: int, closes: int) -> list[tuple[int, int]]:
    noon = opens // DAY * DAY + NOON
    if closes - opens <= HALF_DAY or not opens < noon < closes:
        return [(opens, closes)]
    return [(opens, noon), (noon, closes)]


def _minutes(connection: duckdb.DuckDBPyConnection, visit: Words) -> NDArray[np.float64]:
    """Minutes with the practitioner by the log of each visit; NaN where it does not tell."""
    steps = _rows(connection, STEPS, {})
    minutes = np.full(visit.size, np.nan)
    names, code = np.unique(visit, return_inverse=True)
    where = np.searchsorted(names, steps["visit"].astype(str))
    where = np.minimum(where, names.size - 1)
    mine = names[where] == steps["visit"].astype(str)
    if not mine.any():
        return minutes
    event = np.where(steps["event"].astype(str) == "done", END, START)
    found = visit_minutes(where[mine], event[mine], steps["minute"].astype(np.float64)[mine])
    known = np.full(names.size, np.nan)
    known[found.visit] = found.minutes
    minutes = known[code]
    return np.asarray(np.where(minutes > 0, minutes, np.nan), dtype=np.float64)


def _rooms(location: Words, resource: Words) -> dict[str, int]:
    """Rooms or chairs in which somebody was seen, by place."""
    named = resource != ""
    pairs = {(str(a), str(b)) for a, b in zip(location[named], resource[named], strict=True)}
    places = {place for place, _ in pairs}
    return {place: sum(where == place for where, _ in pairs) for place in sorted(places)}


def _rows(
    connection: duckdb.DuckDBPyConnection, asked: str, given: Mapping[str, date]
) -> dict[str, NDArray[Any]]:
    found = connection.execute(asked, given).fetchnumpy()
    return {
        name: np.ma.filled(column, "" if np.ma.getdata(column).dtype.kind == "O" else 0)
        for name, column in found.items()
    }
