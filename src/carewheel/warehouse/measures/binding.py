"""The SQL of a card with its one parameter put in, for an engine's dialect."""

from __future__ import annotations

import re
from datetime import date
from functools import lru_cache

# A parameter, and not the second half of a cast (::DATE).
_PARAMETER = re.compile(r"(?<!:):([A-Za-z_]\w*)")


def bind(sql: str, as_of: date, dialect: str = "duckdb") -> str:
    """``sql`` (DuckDB dialect) with ``:as_of`` as a date literal, written for ``dialect``.

    The parameter is a date, whose text has digits and dashes only, so that it can be put in as text; cards are written in
    DuckDB's dialect, so that only another one needs the seconds that translating all of them takes.
    Raises `ValueError` on any other parameter.

    >>> bind("SELECT COUNT(*) AS n FROM review WHERE local_date <= :as_of", date(2026, 1, 31))
    "SELECT COUNT(*) AS n FROM review WHERE local_date <= CAST('2026-01-31' AS DATE)"
    """

    def literal(match: re.Match[str]) -> str:
        if match[1] != "as_of":
            raise ValueError(f"a card has the parameter {match[1]}; only :as_of is known")
        return f"CAST('{as_of.isoformat()}' AS DATE)"

    bound = _PARAMETER.sub(literal, sql)
    return bound if dialect == "duckdb" else _translated(bound, dialect)


@lru_cache(maxsize=256)
def _translated(sql: str, dialect: str) -> str:
    import sqlglot

    return sqlglot.parse_one(sql, read="duckdb").sql(dialect=dialect)
