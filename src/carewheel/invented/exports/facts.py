"""The book of an invented place as fact tables in Parquet, without a detour over exports: for large groups.

The rows are those that reading the place's exports gives, under one source (`invented`), with pseudonyms made here.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import duckdb
import numpy as np

from carewheel.catalog.facts import fact_tables
from carewheel.invented import book as b
from carewheel.invented.book import Book
from carewheel.invented.exports.fragments import Keys, copied, day, local, moment, money, past, words
from carewheel.invented.exports.further_facts import further_selects

TEXT_TYPES = frozenset(("id", "person", "code", "text"))

MOMENTS = {
    "visit": (
        "starts",
        "booked_at",
        "cancelled_at",
        "arrived_at",
        "roomed_at",
        "started_at",
        "done_at",
        "moved_at",
    ),
    "session": ("starts", "ends"),
    "invitation": ("sent_at",),
    "answer": ("answered_at",),
    "review": ("posted_at", "replied_at"),
    "contact": ("created_at",),
    "stock_move": ("moved_at",),
}


def _offsets(
    zone: str, minutes: np.ndarray[tuple[int], np.dtype[np.int64]]
) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Minutes east of UTC for wall-clock minutes; places are closed when clocks change, so a day has one offset."""
    info = ZoneInfo(zone)
    days, back = np.unique(minutes // 1440, return_inverse=True)
    noon = datetime(1970, 1, 1, 12)  # noqa: DTZ001 - the place's own wall clock
    offsets = []
    for number in days:
        offset = (noon + timedelta(days=int(number))).replace(tzinfo=info).utcoffset()
        assert offset is not None
        offsets.append(int(offset.total_seconds()) // 60)
    return np.array(offsets, dtype=np.int64)[back] if len(days) else minutes


def selects(book: Book) -> dict[str, tuple[str, str, dict[str, str]]]:
    """Fact table → (FROM clause, SQL of its local date, its columns as SQL)."""
    place = book.location
    loc = place.location_id
    known = book.words
    keys = Keys(book.seed, loc)
    person, visit_id, claim_id, key = keys.person, keys.visit, keys.claim, keys.row
    payer_id = words("{}", tuple(p.payer_id for p in known.payers))
    payer_name = words("{}", tuple(p.name for p in known.payers))
    codes = words("t.code", tuple(c.code for c in place.codes))
    system = place.codes[0].system
    status = words("t.status", ("booked", "fulfilled", "noshow", "cancelled"))
    visit = {
        "source_id": visit_id("t.visit"), "appointment_id": visit_id("t.visit"), "basis": "'appointment'",
        "patient_key": person("p", "t.patient"), "provider_key": person("s", "t.provider"),
        "resource_id": f"'{loc}-room' || t.room", "visit_type": words("t.kind", tuple(k.name for k in place.visit_kinds)),
        "status": status, "raw_status": status, "starts_at": moment("t.starts"), "minutes": "CAST(t.minutes AS DOUBLE)",
        "booked_at": moment("t.booked_at"), "cancelled_at": moment("t.cancelled_at"),
        "late_cancel": "CASE WHEN t.status = 3 THEN t.late = 1 END", "is_new_patient": "t.is_new = 1",
        "is_hygiene": words("t.kind", tuple("1" if k.is_hygiene else "0" for k in place.visit_kinds)) + " = '1'",
        "channel": words("t.channel", b.BOOKING_CHANNELS),
    }  # fmt: skip
    steps = (
        ("booked", "t.booked_at", "TRUE"), ("rescheduled", "t.moved_at", "t.moved_at >= 0"),
        ("cancelled", "t.cancelled_at", "t.status = 3"), ("noshow", "t.starts", "t.status = 2"),
        ("arrived", "t.arrived_at", "t.status = 1"), ("roomed", "t.roomed_at", "t.status = 1"),
        ("with-clinician", "t.started_at", "t.status = 1"), ("done", "t.done_at", "t.status = 1"),
    )  # fmt: skip
    events = " UNION ALL ".join(
        f"SELECT t.*, '{name}' AS step, {column} AS at, {column}_off AS at_off FROM visit AS t WHERE {where}"
        for name, column, where in steps
    )
    by_claim = "JOIN claim AS c ON t.claim = c.claim JOIN visit AS v ON c.visit = v.visit"
    decision = f"decision AS t {by_claim}"
    reason = f"list_extract([{', '.join(repr(code) for _, code in known.denial_reasons)}], CAST(d.reason + 1 AS INT))"
    adjusted = " UNION ALL ".join(
        f"SELECT d.decision, d.decision_line, d.line, '{kind}' AS kind, '{group}' AS grp, {code} AS code, d.{column} AS cents, '{column}' AS part "
        f"FROM decision_line AS d WHERE d.{column} <> 0"
        for column, kind, group, code in (
            ("contractual", "contractual", "CO", "'45'"), ("deductible", "patient_share", "PR", "'1'"),
            ("coinsurance", "patient_share", "PR", "'2'"), ("denied", "denial", "CO", reason),
        )
    )  # fmt: skip
    claim_events = (
        "SELECT claim, -1 AS decision, 'submitted' AS event, submitted_day AS day, cents, CAST(0 AS BIGINT) AS paid FROM claim "
        "UNION ALL SELECT claim, decision, CASE kind WHEN 2 THEN 'reversed' WHEN 1 THEN 'denied' ELSE 'adjudicated' END, day, 0, paid FROM decision "
        "UNION ALL SELECT claim, resubmission, 'resubmitted', day, 0, 0 FROM resubmission"
    )
    return {
        "location": ("(SELECT 1)", "NULL", {"source_id": f"'{loc}'", "name": f"'{place.name}'", "kind": f"'{place.kind}'"}),
        "provider": ("staff AS t", "NULL", {
            "source_id": person("s", "t.staff"), "provider_key": person("s", "t.staff"), "role": words("t.role", b.ROLES),
            "active": "t.ended_day < 0", "_where": "t.is_provider = 1"}),
        "availability": ("session AS t", local("t.starts"), {
            "source_id": key("session"), "provider_key": person("s", "t.provider"), "kind": "'open'",
            "starts_at": moment("t.starts"), "ends_at": moment("t.ends"), "minutes": "CAST(t.ends - t.starts AS DOUBLE)"}),
        "patient": ("patient AS t", "NULL", {
            "source_id": person("p", "t.patient"), "patient_key": person("p", "t.patient"),
            "household_key": person("p", "t.household"), "status": "CASE WHEN t.deceased_day >= 0 THEN 'deceased' ELSE 'active' END",
            "sex": "CASE t.sex WHEN 0 THEN 'female' ELSE 'male' END", "birth_year": f"YEAR({past('t.birth_day')})",
            "first_visit_date": f"CASE WHEN t.first_visit_day <> -1 THEN {past('t.first_visit_day')} END",
            "deceased": "t.deceased_day >= 0", "is_test": "FALSE",
            "_where": "t.patient IN (SELECT patient FROM visit)"}),
        "coverage": ("patient AS t", "NULL", {
            "source_id": key("patient"), "patient_key": person("p", "t.patient"), "payer_id": payer_id.format("t.payer"),
            "payer_name": payer_name.format("t.payer"), "kind": "'primary'",
            "_where": "t.payer >= 0 AND t.patient IN (SELECT patient FROM visit)"}),
        "appointment": ("visit AS t", local("t.starts"), visit),
        "visit_event": (f"({events}) AS t", local("t.at"), {
            "source_id": f"'{loc}-v' || (t.visit + 1) || '-' || t.step", "appointment_id": visit_id("t.visit"),
            "patient_key": person("p", "t.patient"), "provider_key": person("s", "t.provider"), "event": "t.step",
            "raw_event": "t.step", "happened_at": moment("t.at")}),
        "procedure": ("proposal AS t JOIN visit AS v ON t.visit = v.visit LEFT JOIN line AS l ON t.done_line = l.line "
                      "LEFT JOIN visit AS w ON l.visit = w.visit", day("coalesce(w.starts // 1440, t.day)"), {
            "source_id": key("proposal"), "procedure_id": key("proposal"), "patient_key": person("p", "v.patient"),
            "provider_key": person("s", "v.provider"), "code": codes, "code_system": f"'{system}'",
            "status": "CASE WHEN t.done_line >= 0 THEN 'completed' ELSE 'planned' END", "planned_date": day("t.day"),
            "performed_date": day("coalesce(w.starts // 1440, -1)"), "fee": money("t.cents"), "quantity": "1.0"}),
        "charge": ("line AS t JOIN visit AS v ON t.visit = v.visit LEFT JOIN patient AS p ON v.patient = p.patient",
                   local("v.starts"), {
            "source_id": key("line"), "claim_id": claim_id("t.claim"), "appointment_id": visit_id("t.visit"),
            "patient_key": person("p", "v.patient"), "provider_key": person("s", "v.provider"),
            "payer_id": f"CASE WHEN t.claim >= 0 THEN {payer_id.format('p.payer')} ELSE '' END", "code": codes,
            "code_system": f"'{system}'", "amount": money("t.cents"), "quantity": "CAST(t.units AS DOUBLE)",
            "service_date": local("v.starts")}),
        "payment": (
            "(SELECT 'r' || receipt AS id, patient, visit, -1 AS claim, -1 AS payer, day, cents, FALSE AS back, "
            f"{words('method', b.METHODS)} AS method FROM receipt UNION ALL "
            "SELECT 'd' || t.decision, c.patient, c.visit, t.claim, c.payer, t.day, t.paid, t.kind = 2, 'eft' "
            f"FROM {decision} WHERE t.paid <> 0 UNION ALL "
            "SELECT 'i' || remittance, -1, -1, -1, payer, day, interest, FALSE, 'eft' FROM remittance WHERE interest <> 0) AS t "
            "LEFT JOIN visit AS v ON t.visit = v.visit", day("t.day"), {
            "source_id": f"'{loc}-payment-' || t.id", "claim_id": claim_id("t.claim"), "appointment_id": visit_id("t.visit"),
            "patient_key": person("p", "t.patient"), "provider_key": person("s", "v.provider"),
            "payer_id": f"CASE WHEN t.payer >= 0 THEN {payer_id.format('t.payer')} ELSE '' END",
            "payer_name": f"CASE WHEN t.payer >= 0 THEN {payer_name.format('t.payer')} ELSE '' END",
            "payer_kind": "CASE WHEN t.payer >= 0 THEN 'insurer' ELSE 'patient' END", "method": "t.method",
            "amount": money("t.cents"), "posted_date": day("t.day"), "service_date": local("v.starts"), "is_reversal": "t.back"}),
        "adjustment": (
            "(SELECT 'a' || a.decision_line || a.part AS id, x.claim, c.patient, c.visit, c.payer, a.kind, a.grp, a.code, a.cents, x.day "
            f"FROM ({adjusted}) AS a JOIN decision AS x ON a.decision = x.decision JOIN claim AS c ON x.claim = c.claim "
            f"UNION ALL SELECT 'w' || write_off, claim, patient, visit, -1, {words('kind', b.WRITE_OFF_KINDS)}, '', '', cents, day "
            "FROM write_off) AS t JOIN visit AS v ON t.visit = v.visit", day("t.day"), {
            "source_id": f"'{loc}-adjustment-' || t.id", "claim_id": claim_id("t.claim"), "patient_key": person("p", "t.patient"),
            "payer_id": f"CASE WHEN t.payer >= 0 THEN {payer_id.format('t.payer')} ELSE '' END",
            "payer_name": f"CASE WHEN t.payer >= 0 THEN {payer_name.format('t.payer')} ELSE '' END", "kind": "t.kind",
            "group_code": "t.grp", "reason_code": "t.code", "amount": money("t.cents"), "posted_date": day("t.day"),
            "service_date": local("v.starts")}),
        "claim": ("claim AS t JOIN visit AS v ON t.visit = v.visit", local("v.starts"), {
            "source_id": claim_id("t.claim"), "claim_id": claim_id("t.claim"), "patient_key": person("p", "t.patient"),
            "provider_key": person("s", "t.provider"), "payer_id": payer_id.format("t.payer"),
            "payer_name": payer_name.format("t.payer"), "kind": f"'{'dental' if place.kind == 'dental' else 'professional'}'",
            "frequency": "'1'", "status": "CASE WHEN t.closed_day >= 0 THEN 'closed' ELSE 'submitted' END", "amount": money("t.cents"),
            "service_date": local("v.starts"), "submitted_date": day("t.submitted_day"), "closed_date": day("t.closed_day"),
            "is_predetermination": "FALSE"}),
        "claim_event": (f"({claim_events}) AS t JOIN claim AS c ON t.claim = c.claim JOIN visit AS v ON c.visit = v.visit",
                        day("t.day"), {
            "source_id": f"'{loc}-event-' || t.claim || '-' || t.event || t.decision", "claim_id": claim_id("t.claim"),
            "event": "t.event", "raw_event": "t.event", "payer_id": payer_id.format("c.payer"),
            "payer_name": payer_name.format("c.payer"), "amount": money("c.cents"), "paid_amount": money("t.paid"),
            "is_denial": "CASE t.event WHEN 'denied' THEN TRUE WHEN 'adjudicated' THEN FALSE END", "is_predetermination": "FALSE",
            "event_date": day("t.day"), "service_date": local("v.starts")}),
        **further_selects(book, keys),
    }  # fmt: skip


def write_facts(book: Book, folder: Path, part: str) -> None:
    """Write ``folder/<table>/<part>.parquet`` for every fact table that has rows."""
    connection = duckdb.connect(":memory:", config={"threads": 1, "autoinstall_known_extensions": False})
    try:
        connection.execute("SET TimeZone = 'UTC'")
        for name, table in book.tables.items():
            columns = dict(table)
            for column in MOMENTS.get(name, ()):
                columns[f"{column}_off"] = _offsets(book.location.zone, table[column].astype(np.int64))
            connection.register(f"{name}_columns", columns)
            connection.execute(f"CREATE TEMP TABLE {name} AS SELECT * FROM {name}_columns")
        for name, (source, dated, given) in selects(book).items():
            _write(connection, book, folder, part, name, source, dated, given)
    finally:
        connection.close()


def _write(
    connection: duckdb.DuckDBPyConnection,
    book: Book,
    folder: Path,
    part: str,
    name: str,
    source: str,
    dated: str,
    given: dict[str, str],
) -> None:
    columns = dict(given)
    where = columns.pop("_where", "TRUE")
    table = fact_tables()[name]
    has_money = any(column.type == "money" for column in table.columns)
    common = {
        "source": "'invented'", "source_kind": "'practice'", "location_id": f"'{book.location.location_id}'",
        "zone": f"'{book.location.zone}'", "currency": "'USD'" if has_money or name == "location" else "''",
        "local_date": dated, "local_month": f"CAST(date_trunc('month', CAST({dated} AS DATE)) AS DATE)",
    }  # fmt: skip
    parts = []
    for column in table.all_columns:
        sql = columns.get(column.name, common.get(column.name, "''" if column.type in TEXT_TYPES else "NULL"))
        parts.append(f'CAST({sql} AS {column.sql_type}) AS "{column.name}"')
    query = f"SELECT {', '.join(parts)} FROM {source} WHERE {where}"
    to = folder / name
    to.mkdir(parents=True, exist_ok=True)
    connection.execute(copied(query, to / f"{part}.parquet"))
