"""What is missing, ranked by what it would unlock, and how to get it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import duckdb

from carewheel.catalog.exports import how_to_get
from carewheel.wheel.measured import Measured

# One of the five measures of the wheel counts as much as this many others.
WHEEL_WEIGHT = 3


def missing(connection: duckdb.DuckDBPyConnection, measured: Sequence[Measured]) -> list[dict[str, Any]]:
    """The fact tables without a row, the one first whose facts would let most be measured.

    A table unlocks a measure that needs it and has no value; a measure that lacks several tables counts for each in part.
    """
    needed = sorted({fact for m in measured for fact in m.card.facts})
    empty = {t for t in needed if not connection.execute(f"SELECT 1 FROM {t} LIMIT 1").fetchall()}
    weight: dict[str, float] = {}
    unlocks: dict[str, list[Measured]] = {}
    for m in measured:
        lacking = empty.intersection(m.card.facts)
        if m.card.status != "computed" or m.value is not None or not lacking:
            continue
        for table in lacking:
            weight[table] = weight.get(table, 0) + (WHEEL_WEIGHT if m.card.wheel else 1) / len(lacking)
            unlocks.setdefault(table, []).append(m)
    found = []
    for table in sorted(weight, key=lambda t: (-weight[t], t)):
        way = how_to_get().get(table)
        found.append(
            {
                "table": table,
                "title": way.title if way else table.replace("_", " "),
                "weight": round(weight[table], 2),
                "unlocks": [m.card.id for m in unlocks[table]],
                "how": [{"system": system, "text": text} for system, text in (way.ways if way else ())],
            }
        )
    return found
