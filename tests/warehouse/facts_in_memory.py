"""Fact tables in memory, typed as in the store, out of lists of dicts: for hand-worked tests of measures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from tempfile import NamedTemporaryFile
from typing import Any

import duckdb
import orjson

from carewheel.catalog.facts import FactTable, fact_tables

Row = Mapping[str, Any]


def facts(**tables: Sequence[Row]) -> duckdb.DuckDBPyConnection:
    """A connection with every fact table; ``facts(review=[{"rating": 4.0, ...}])`` fills some.

    A row names only what matters: ids and codes are "" otherwise, everything else NULL. `local_date` and `local_month`
    follow from the table's time column unless given.
    """
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    unknown = set(tables) - set(fact_tables())
    assert not unknown, unknown
    for name, table in fact_tables().items():
        columns = ", ".join(f'"{c.name}" {c.sql_type}' for c in table.all_columns)
        connection.execute(f'CREATE TABLE "{name}" ({columns})')
        rows = [_values(table, row, i) for i, row in enumerate(tables.get(name, ()))]
        if rows:
            # Through a file of JSON lines: row by row, DuckDB takes seconds for what it reads from a file at once.
            with NamedTemporaryFile(suffix=".json") as file:
                file.write(b"\n".join(orjson.dumps(row, default=str) for row in rows))
                file.flush()
                types = ", ".join(f"'{c.name}': '{c.sql_type}'" for c in table.all_columns)
                connection.execute(
                    f"""INSERT INTO "{name}" SELECT * FROM read_json('{file.name}', format='newline_delimited', columns={{{types}}})"""
                )
    return connection


def _values(table: FactTable, row: Row, number: int) -> dict[str, Any]:
    names = {c.name for c in table.all_columns}
    assert set(row) <= names, set(row) - names
    full: dict[str, Any] = {
        c.name: "" if c.type in {"id", "person", "code", "text"} else None for c in table.all_columns
    }
    full |= {
        "source": "made-by-hand",
        "source_kind": "practice",
        "source_id": f"{table.name}-{number}",
        "zone": "UTC",
    }
    full |= row
    if table.time and full["local_date"] is None and full[table.time] is not None:
        when = full[table.time]
        full["local_date"] = when.date() if isinstance(when, datetime) else when
    if full["local_date"] is not None and full["local_month"] is None:
        full["local_month"] = full["local_date"].replace(day=1)
    return full


def at(day: str, time: str = "09:00") -> datetime:
    """A moment in UTC: ``at("2026-03-04", "14:30")``."""
    return datetime.fromisoformat(f"{day}T{time}").replace(tzinfo=UTC)


def on(day: str) -> date:
    return date.fromisoformat(day)
