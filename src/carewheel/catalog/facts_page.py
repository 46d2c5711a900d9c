"""The reference page of the fact tables, written from ``facts.toml``: ``python -m carewheel.catalog.facts_page > FILE``."""

from __future__ import annotations

import sys
from collections.abc import Iterator

from carewheel.catalog.facts import COMMON_COLUMNS, SQL_TYPES, FactTable, fact_tables, precedence_kinds

TYPES = {
    "id": "An opaque identifier of the source.",
    "person": "An identifier of a person, stored as a keyed pseudonym.",
    "code": "A code or a short word of a closed or open list.",
    "text": "A short text that names a thing; never the words of a person.",
    "int": "A whole number.",
    "number": "A number.",
    "money": "An amount with four decimal places, in the row's currency.",
    "moment": "A moment, kept in UTC.",
    "date": "A day in the zone of the place.",
    "flag": "True, false or unknown.",
}
COMMON = {
    "source": "The system that told it.",
    "source_kind": f"How well that kind of system knows it: {', '.join(precedence_kinds())}.",
    "source_id": "The row's own key in that system (a pseudonym where it is a person's); a hash of the content where it has none.",
    "recorded_at": "When the system last changed the row, if it says so.",
    "location_id": "The place.",
    "zone": "The zone of the place.",
    "currency": "The currency of the row's money.",
    "local_date": "The day on which it happened, in the zone of the place.",
    "local_month": "The first day of that month.",
}

HEAD = """# Facts

Written from `src/carewheel/catalog/data/facts.toml` by `python -m carewheel.catalog.facts_page`; do not edit.

Everything that CareWheel measures is a row of one of these tables. They are Parquet files in the
[workspace](../guides/workspace.md); any tool that reads Parquet can open them. Unknown text is empty; every other unknown
value is null. No names of patients or staff, no contacts and no free texts are in them.
"""


def page() -> str:
    """The page as Markdown, ending with a newline."""
    return "\n".join(_lines())


def _lines() -> Iterator[str]:
    yield HEAD
    yield "## Types\n"
    yield "| type | in Parquet | what |\n|---|---|---|"
    for name, sql in SQL_TYPES.items():
        yield f"| {name} | {sql} | {TYPES[name]} |"
    yield "\n## Columns of every table\n"
    yield "| column | type | what |\n|---|---|---|"
    for column in COMMON_COLUMNS:
        yield f"| {column.name} | {column.type} | {COMMON[column.name]} |"
    yield ""
    for table in fact_tables().values():
        yield from _table(table)


def _table(table: FactTable) -> Iterator[str]:
    yield f"## {table.name}\n"
    yield f"{table.what}\n"
    yield f"- Dated by: {table.time or 'nothing; the row has no date of its own'}"
    if table.join:
        yield f"- Joined across sources by: {', '.join(table.join)}; best source first: {', '.join(table.precedence)}"
    yield f"- Columns: {', '.join(f'{column.name} ({column.type})' for column in table.columns)}\n"


if __name__ == "__main__":
    sys.stdout.write(page())
