"""Facts as they stand: of every row the latest version, of every thing the account of the best source that knows it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import duckdb

from carewheel.catalog.facts import FactTable, fact_tables
from carewheel.interop.files import Finding
from carewheel.warehouse.workspace import quoted, readable

# Two accounts of one claim or visit agree on its date; the same number on dates further apart is another claim or visit.
SAME_THING_DAYS = 31
DATED_BY = {
    "claim_id": (("claim", "service_date"), ("claim_event", "service_date"), ("charge", "service_date")),
    "appointment_id": (("appointment", "local_date"),),
    "procedure_id": (("procedure", "local_date"),),
}


# A remittance names a claim, and seldom the place or the practice's own number of the patient: the claim knows both.
CLAIM_SIDE = ("claim", "charge")
MONEY_SIDE = ("payment", "adjustment", "claim_event")
# What a row may leave unsaid once it was said: an interface tells when a visit was booked in the message of the booking
# alone. What the source said last holds.
SAID_ONCE = {"appointment": ("booked_at",)}
# Rows that are joined at once. Strings in the states of a GROUP BY are not in DuckDB's own account of its memory.
ROWS_A_PART = 1_000_000
MINE = "/* this part */"


def latest_sql(table: FactTable, ledgers: Sequence[Path]) -> str:
    """A SELECT of the latest version of each row (source, source_id) over the load files of a table.

    Later is who has the later time stamp of the source itself; without one, who was loaded later. Where it leaves a
    column of `SAID_ONCE` open, it takes that from the latest version that does not.
    """
    files = "[" + ", ".join(readable(path) for path in ledgers) + "]"
    return last_of_each_sql(
        f"read_parquet({files})",
        "source, source_id",
        "recorded_at DESC NULLS LAST, load DESC, file_no DESC, pos DESC",
        SAID_ONCE.get(table.name, ()),
    )


def last_of_each_sql(rows: str, key: str, order: str, said_once: Sequence[str] = ()) -> str:
    """A SELECT of the first row of each ``key`` in ``order`` from the relation ``rows``.

    Of the columns ``said_once`` it has the first value that is known, in the same order.

    Only keys that come twice are put in order: ordering the versions of every row would need memory for all of them.
    Which do is found by hashes, for which less memory is needed than for the keys; a key too many does no harm.
    """
    whole = (
        f"OVER (PARTITION BY {key} ORDER BY {order} ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING)"
    )
    filled = ", ".join(f"first_value({column} IGNORE NULLS) {whole} AS {column}" for column in said_once)
    columns = f"* REPLACE ({filled})" if filled else "*"
    return (
        f"WITH twice AS MATERIALIZED (SELECT hash({key}) AS h FROM {rows} GROUP BY h HAVING count(*) > 1) "
        f"SELECT * FROM {rows} WHERE hash({key}) NOT IN (SELECT h FROM twice) UNION ALL BY NAME "
        f"(SELECT {columns} FROM {rows} WHERE hash({key}) IN (SELECT h FROM twice) "
        f"QUALIFY row_number() OVER (PARTITION BY {key} ORDER BY {order}) = 1)"
    )


def build_current(
    connection: duckdb.DuckDBPyConnection, ledgers: dict[str, list[Path]], tables: Sequence[str], folder: Path
) -> tuple[dict[str, Path], list[Finding]]:
    """Write the current facts of ``tables`` to ``folder``; returns the files and what could not be joined."""
    folder.mkdir(parents=True)
    findings: list[Finding] = []
    for identifier, places in DATED_BY.items():
        connection.execute(f"CREATE OR REPLACE TEMP TABLE apart_{identifier} ({identifier} VARCHAR)")
        dated = [
            f"SELECT source_kind, {identifier}, {column} AS d FROM ({latest_sql(fact_tables()[name], ledgers[name])})"
            for name, column in places
            if ledgers.get(name)
        ]
        # Systems of one kind are never joined to one another: two practice systems both count from 1.
        kinds: set[str] = set()
        for name, _ in places:
            if ledgers.get(name):
                kinds |= _kinds(connection, ledgers[name])
        if not dated or len(kinds) < 2:
            continue
        connection.execute(
            f"INSERT INTO apart_{identifier} SELECT {identifier} FROM ("
            f"SELECT source_kind, {identifier}, min(d) AS d FROM ({' UNION ALL '.join(dated)}) "
            f"WHERE {identifier} <> '' AND d IS NOT NULL GROUP BY 1, 2) "
            f"GROUP BY 1 HAVING date_diff('day', min(d), max(d)) > {SAME_THING_DAYS}"
        )
        count = connection.execute(f"SELECT count(*) FROM apart_{identifier}").fetchall()[0][0]
        if count:
            findings.append(
                Finding(
                    "facts.kept-apart",
                    "doubt",
                    f"Sources use the same {identifier.replace('_id', '')} number for things of different dates.",
                    why=f"{count} numbers are more than {SAME_THING_DAYS} days apart, so they were not joined.",
                    remedy="If they are the same, correct the dates in one source and load it again.",
                    count=count,
                )
            )
    if "appointment" in tables and len(_kinds(connection, ledgers["appointment"])) > 1:
        findings += _times_differ(
            connection, latest_sql(fact_tables()["appointment"], ledgers["appointment"])
        )
    written: dict[str, Path] = {}
    # Claims and charges first: what was paid takes its place and patient from them.
    for name in sorted(tables, key=lambda name: name not in CLAIM_SIDE):
        path = folder / f"{name}.parquet"
        names = ", ".join(f'"{column.name}"' for column in fact_tables()[name].all_columns)
        # Step by step through files, claims in parts and sorting by one thread: so each step stays within its memory,
        # whatever the number of rows.
        latest = folder / f"{name}.latest.parquet"
        connection.execute(
            f"COPY ({latest_sql(fact_tables()[name], ledgers[name])}) TO {quoted(latest)} (FORMAT parquet)"
        )
        parts = _counted(
            connection, fact_tables()[name], latest, [written[s] for s in CLAIM_SIDE if s in written]
        )
        connection.execute("SET threads = 1")
        connection.execute(
            f"COPY (SELECT {names} FROM read_parquet([{', '.join(map(readable, parts))}]) "
            f"ORDER BY local_month, location_id, source, source_id) "
            f"TO {quoted(path)} (FORMAT parquet, COMPRESSION zstd)"
        )
        connection.execute("RESET threads")
        for part in {latest, *parts}:
            part.unlink()
        written[name] = path
    return written, findings


def _times_differ(connection: duckdb.DuckDBPyConnection, latest: str) -> list[Finding]:
    """Bookings that sources of different kinds put at different times (those of other dates altogether aside)."""
    count = connection.execute(
        f"SELECT count(*) FROM (SELECT appointment_id FROM ({latest}) "
        "WHERE basis = 'appointment' AND appointment_id <> '' AND starts_at IS NOT NULL "
        "AND appointment_id NOT IN (SELECT appointment_id FROM apart_appointment_id) GROUP BY 1 "
        "HAVING min(source_kind) <> max(source_kind) AND min(starts_at) <> max(starts_at))"
    ).fetchall()[0][0]
    if not count:
        return []
    found = Finding(
        "facts.times-differ",
        "doubt",
        "Sources tell different times for the same visit; the better source's counts.",
        why=f"{count} visits: an interface may send a wrong offset from UTC, or was not told that a visit was moved.",
        remedy="Compare some of these visits in both systems.",
        count=count,
    )
    return [found]


def _counted(
    connection: duckdb.DuckDBPyConnection, table: FactTable, latest: Path, claim_side: Sequence[Path]
) -> list[Path]:
    """Of the latest rows those that count, where several sources tell one thing, with what only the claim knows.

    Worked out in parts by the shared identifier: what belongs together lies in one part. Returns the files.
    """
    select = _best_sql(connection, table, f"read_parquet({readable(latest)})") if table.join else None
    completed = table.name in MONEY_SIDE and bool(claim_side)
    if select is None and not completed:
        return [latest]
    rows = sum(_rows(connection, path) for path in (latest, *(claim_side if completed else ())))
    count = 1 + rows // ROWS_A_PART
    parts = []
    for number in range(count):
        mine = f"hash({table.join[0]}) % {count} = {number}"
        query = select or f"SELECT * FROM read_parquet({readable(latest)}) AS f WHERE {MINE}"
        query = query.replace(MINE, mine)
        if completed:
            query = _of_the_claim(query, claim_side, table.name, mine)
        part = latest.with_name(f"{table.name}.part-{number}.parquet")
        connection.execute(f"COPY ({query}) TO {quoted(part)} (FORMAT parquet)")
        parts.append(part)
    return parts


def _rows(connection: duckdb.DuckDBPyConnection, path: Path) -> int:
    rows: int = connection.execute(f"SELECT count(*) FROM read_parquet({readable(path)})").fetchall()[0][0]
    return rows


def _best_sql(connection: duckdb.DuckDBPyConnection, table: FactTable, latest: str) -> str | None:
    """The accounts of the best source for each thing, as SQL with a place for `MINE`; None if one kind tells all."""
    basis = "encounter" if any(column.name == "basis" for column in table.columns) else ""
    accounts = "source_kind, basis" if basis else "source_kind"
    kinds = connection.execute(f"SELECT DISTINCT {accounts} FROM {latest}").fetchall()
    if len(kinds) < 2:
        return None
    order = " ".join(f"WHEN {quoted(kind)} THEN {2 * i}" for i, kind in enumerate(table.precedence))
    rank = f"(CASE source_kind {order} ELSE {2 * len(table.precedence)} END"
    # A visit's booking says more than the encounter that followed it.
    rank += " + CASE WHEN basis = 'encounter' THEN 1 ELSE 0 END)" if basis else ")"
    joined_by = ", ".join(table.join)
    known = " OR ".join(f"{name} = ''" for name in table.join)
    return (
        f"SELECT * FROM {latest} AS f WHERE {MINE} QUALIFY {known} "
        f"OR {table.join[0]} IN (SELECT {table.join[0]} FROM apart_{table.join[0]}) "
        f"OR {rank} = min({rank}) OVER (PARTITION BY {joined_by})"
    )


def _of_the_claim(select: str, claim_side: Sequence[Path], name: str, mine: str) -> str:
    """Payments, adjustments and events of a claim with its place (where they name none) and its patient."""
    known = " UNION ALL ".join(
        f"SELECT claim_id, location_id, patient_key FROM read_parquet({readable(path)}) WHERE claim_id <> '' AND {mine}"
        for path in claim_side
    )
    # One value and no other; least and greatest need less memory than counting the different ones.
    one = "CASE WHEN min(nullif({0}, '')) = max({0}) THEN max({0}) END AS {1}"
    person = "" if name == "claim_event" else ", coalesce(c.person, f.patient_key) AS patient_key"
    return (
        f"SELECT f.* REPLACE (coalesce(nullif(f.location_id, ''), c.place, '') AS location_id{person}) "
        f"FROM ({select}) AS f LEFT JOIN (SELECT claim_id, {one.format('location_id', 'place')}, "
        f"{one.format('patient_key', 'person')} FROM ({known}) "
        "WHERE claim_id NOT IN (SELECT claim_id FROM apart_claim_id) GROUP BY claim_id) AS c ON f.claim_id = c.claim_id"
    )


def _kinds(connection: duckdb.DuckDBPyConnection, ledgers: Sequence[Path]) -> set[str]:
    files = "[" + ", ".join(readable(path) for path in ledgers) + "]"
    return {
        row[0]
        for row in connection.execute(f"SELECT DISTINCT source_kind FROM read_parquet({files})").fetchall()
    }
