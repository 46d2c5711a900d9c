"""Fact tables: their columns and types, what dates a row, and by what several sources are joined."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, cast, get_args

from carewheel.catalog.dictionary import DictionaryError, load

ColumnType = Literal["id", "person", "code", "text", "int", "number", "money", "moment", "date", "flag"]

SQL_TYPES: dict[ColumnType, str] = {
    "id": "VARCHAR",
    "person": "VARCHAR",
    "code": "VARCHAR",
    "text": "VARCHAR",
    "int": "BIGINT",
    "number": "DOUBLE",
    "money": "DECIMAL(18,4)",
    "moment": "TIMESTAMPTZ",
    "date": "DATE",
    "flag": "BOOLEAN",
}


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its name and its type (see the head of ``data/facts.toml``)."""

    name: str
    type: ColumnType

    @property
    def sql_type(self) -> str:
        """The type in DuckDB and in Parquet.

        >>> Column("amount", "money").sql_type
        'DECIMAL(18,4)'
        """
        return SQL_TYPES[self.type]


# Carried by every table, before its own columns. `currency` is "" where a row has no money.
COMMON_COLUMNS: tuple[Column, ...] = (
    Column("source", "code"),
    Column("source_kind", "code"),
    Column("source_id", "id"),
    Column("recorded_at", "moment"),
    Column("location_id", "id"),
    Column("zone", "code"),
    Column("currency", "code"),
    Column("local_date", "date"),
    Column("local_month", "date"),
)


@dataclass(frozen=True, slots=True)
class FactTable:
    """One fact table.

    ``time``: the column that dates a row ("" = none); ``join``: the identifiers that sources share (none = no joining);
    ``precedence``: kinds of source, best first.
    """

    name: str
    what: str
    time: str
    join: tuple[str, ...]
    precedence: tuple[str, ...]
    columns: tuple[Column, ...]

    @property
    def all_columns(self) -> tuple[Column, ...]:
        """The common columns and then the table's own."""
        return COMMON_COLUMNS + self.columns

    def column(self, name: str) -> Column:
        """The column of that name; `KeyError` if the table has none.

        >>> fact_tables()["payment"].column("amount").type
        'money'
        """
        for column in self.all_columns:
            if column.name == name:
                return column
        raise KeyError(f"{self.name}.{name}")


@lru_cache(maxsize=1)
def fact_tables() -> dict[str, FactTable]:
    """Every fact table by name, in the order of the data file.

    >>> [c.name for c in fact_tables()["recognition"].columns]
    ['staff_key', 'kind', 'given_date']
    """
    tables: dict[str, FactTable] = {}
    for name, row in load("facts.toml")["tables"].items():
        columns = tuple(Column(column, _column_type(name, kind)) for column, kind in row["columns"])
        names = [column.name for column in COMMON_COLUMNS + columns]
        if len(set(names)) != len(names):
            raise DictionaryError(f"facts.toml: table {name} has a column twice")
        join = tuple(row.get("join", ()))
        for key in (*filter(None, [row["time"]]), *join):
            if key not in names:
                raise DictionaryError(
                    f"facts.toml: {name} is dated or joined by {key}, which is no column of it"
                )
        precedence = tuple(row.get("precedence", precedence_kinds()))
        tables[name] = FactTable(name, row["what"], row["time"], join, precedence, columns)
    return tables


@lru_cache(maxsize=1)
def precedence_kinds() -> tuple[str, ...]:
    """Kinds of source, best first: a thing that several describe is taken from the first that knows it.

    >>> precedence_kinds()
    ('practice', 'fhir', 'hl7v2', 'x12')
    """
    return tuple(load("facts.toml")["precedence"]["kinds"])


def _column_type(table: str, name: str) -> ColumnType:
    if name not in get_args(ColumnType):
        raise DictionaryError(f"facts.toml: table {table} has a column of the unknown type {name}")
    return cast(ColumnType, name)
