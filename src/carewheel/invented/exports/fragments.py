"""Pieces of SQL over a book's columns: words behind indexes, days, moments, money, keys and pseudonyms."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


def words(column: str, words: tuple[str, ...]) -> str:
    """SQL: the word behind an index."""
    listed = ", ".join("'" + word.replace("'", "''") + "'" for word in words)
    return f"list_extract([{listed}], CAST({column} + 1 AS INT))"


def copied(query: str, to: Path) -> str:
    """SQL: a query's rows into a Parquet file, whatever the folders are called."""
    path = str(to).replace("'", "''")
    return f"COPY ({query}) TO '{path}' (FORMAT parquet, COMPRESSION zstd)"


def day(column: str) -> str:
    return f"CASE WHEN {column} >= 0 THEN DATE '1970-01-01' + CAST({column} AS INT) END"


def past(column: str) -> str:
    """A day that may lie before 1970 (a birth) or be unknown."""
    return f"DATE '1970-01-01' + CAST({column} AS INT)"


def moment(column: str) -> str:
    """SQL: wall-clock minutes of the place as a moment; the view has the zone's offset by day as `off`."""
    return f"CASE WHEN {column} >= 0 THEN CAST(make_timestamp(({column} - {column}_off) * 60000000) AS TIMESTAMPTZ) END"


def local(column: str) -> str:
    return f"DATE '1970-01-01' + CAST({column} // 1440 AS INT)"


def money(column: str) -> str:
    return f"CAST({column} AS DECIMAL(18,4)) / 100"


@dataclass(frozen=True, slots=True)
class Keys:
    """Identifiers of one place's rows as SQL."""

    seed: int
    location_id: str

    def person(self, kind: str, column: str) -> str:
        """A pseudonym; ``kind`` p for patients, s for staff, c for contacts; "" where the row is unknown."""
        return (
            f"CASE WHEN {column} >= 0 THEN substr(md5('invented|{self.seed}|{self.location_id}|{kind}|' || {column}), 1, 24) "
            "ELSE '' END"
        )

    def visit(self, column: str) -> str:
        return f"'{self.location_id}-v' || ({column} + 1)"

    def claim(self, column: str) -> str:
        return f"CASE WHEN {column} >= 0 THEN '{self.location_id}-' || ({column} + 1) ELSE '' END"

    def row(self, table: str) -> str:
        """The key of a row ``t`` of a table of the book."""
        return f"'{self.location_id}-{table}-' || t.{table}"
