"""What is missing, ranked by what it would unlock, and how to get it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import duckdb

from carewheel.catalog.exports import how_to_get
from carewheel.wheel.measured import Measured

# One of the five measures of the wheel counts as much as this many others.
WHEEL_WEIGHT = 3


def without_data(m: Measured) -> bool:
    """Whether a measure that CareWheel can work out has not a single case at this date."""
    return m.card.status == "computed" and m.value is None and not (m.result and m.result.total.n)


def missing(connection: duckdb.DuckDBPyConnection, measured: Sequence[Measured]) -> list[dict[str, Any]]:
    """What would let more be measured, the one first that would let most: fact tables without a row, and rows that say too
    little.

    A table unlocks a measure that needs it and has no value; a measure that lacks several tables counts for each in part. Of a
    measure whose tables all have rows, but none that it counts, the rows that it asks for are named. So every measure that is
    `without_data` stands here.
    """
    needed = sorted({fact for m in measured for fact in m.card.facts})
    empty = {t for t in needed if not connection.execute(f"SELECT 1 FROM {t} LIMIT 1").fetchall()}
    weight: dict[str, float] = {}
    unlocks: dict[str, list[Measured]] = {}
    silent = []
    for m in measured:
        lacking = empty.intersection(m.card.facts)
        if not lacking and without_data(m):
            silent.append(m)
        if m.card.status != "computed" or m.value is not None:
            continue
        for table in lacking:
            weight[table] = weight.get(table, 0) + _weight(m) / len(lacking)
            unlocks.setdefault(table, []).append(m)
    found = []
    for table, heavy in weight.items():
        way = how_to_get().get(table)
        title = way.title if way else table.replace("_", " ")
        ways = [{"system": system, "text": text} for system, text in (way.ways if way else ())]
        found.append(_item(table, title, heavy, unlocks[table], ways))
    found += [
        _item(m.card.facts[0], f"Cases for “{m.card.title}”", _weight(m), [m], _asked(m)) for m in silent
    ]
    return sorted(
        found, key=lambda item: (-item["weight"], item["table"] not in empty, item["table"], item["unlocks"])
    )


def _weight(m: Measured) -> int:
    return WHEEL_WEIGHT if m.card.wheel else 1


def _asked(m: Measured) -> list[dict[str, str]]:
    """What the rows would have to say, in the words of the card."""
    rows = "There are rows, but none that it counts in the time that it looks at."
    of = "" if m.card.denominator.startswith("None") else f" It asks for: {m.card.denominator}"
    return [
        {"system": "Any system", "text": f"{rows}{of} Left out: {'; '.join(m.card.excluded) or 'nothing'}."}
    ]


def _item(
    table: str, title: str, weight: float, unlocks: Sequence[Measured], ways: list[dict[str, str]]
) -> dict[str, Any]:
    return {
        "table": table,
        "title": title,
        "weight": round(weight, 2),
        "unlocks": [m.card.id for m in unlocks],
        "how": ways,
    }
