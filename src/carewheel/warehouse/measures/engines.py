"""Engines that answer the SQL of cards: DuckDB in the process, or Spark for groups."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import duckdb
import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

Columns = dict[str, list[Any]]
# Numbers as float64 (NaN for NULL), dates as datetime64[D] (NaT), everything else as objects ("" for NULL).
Arrays = dict[str, NDArray[Any]]


class Engine(Protocol):
    """Answers a query over views named like the fact tables. ``dialect`` is sqlglot's name of its SQL."""

    @property
    def dialect(self) -> str: ...

    def query(self, sql: str) -> Columns:
        """The answer by column. ``sql`` is already in the engine's dialect."""
        ...

    def arrays(self, sql: str) -> Arrays:
        """The answer as arrays, for many rows: see `Arrays`."""
        ...


class EngineMissing(RuntimeError):
    """The engine asked for is not installed or does not answer; the message says what to do."""


class DuckDbEngine:
    """Answers from a DuckDB connection that has the fact tables as tables or views."""

    dialect = "duckdb"

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection

    def query(self, sql: str) -> Columns:
        """The answer by column name, as Python values (None for NULL)."""
        cursor = self._connection.execute(sql)
        names = [column[0] for column in cursor.description or ()]
        rows = cursor.fetchall()
        return {name: [row[i] for row in rows] for i, name in enumerate(names)}

    def arrays(self, sql: str) -> Arrays:
        """The answer as arrays, without a Python object for every number."""
        return {name: _filled(column) for name, column in self._connection.execute(sql).fetchnumpy().items()}


def _filled(column: Any) -> NDArray[Any]:
    """A column as DuckDB gives it (masked where something is NULL) as one of `Arrays`.

    >>> _filled(np.ma.masked_array([1, 2], [False, True])).tolist()
    [1.0, nan]
    """
    missing = np.ma.getmaskarray(column)
    values: NDArray[Any] = np.ma.getdata(column)
    unknown: Any = np.nan
    if values.dtype.kind == "M":
        # By whole numbers: NumPy's own change of unit goes through the calendar for each value.
        days = values.astype("datetime64[us]").view(np.int64) // 86_400_000_000
        filled, unknown = days.view("datetime64[D]"), np.datetime64("NaT")
    elif values.dtype.kind == "O":
        filled, unknown = values, ""
    else:
        filled = values.astype(np.float64, copy=False)
    if not missing.any():
        return filled
    filled = filled.copy()
    filled[missing] = unknown
    return filled


class SparkEngine:
    """Answers from a Spark session over the same Parquet facts (extra ``carewheel[spark]``).

    Each fact table becomes a temporary view of its files. The session's time zone is set to UTC: facts carry their
    local dates, and nothing may depend on where Spark runs.
    """

    dialect = "spark"

    def __init__(self, session: SparkSession, tables: Mapping[str, Path]) -> None:
        self._session = session
        session.conf.set("spark.sql.session.timeZone", "UTC")
        for name, path in tables.items():
            session.read.parquet(str(path)).createOrReplaceTempView(name)

    @classmethod
    def connect(
        cls, master: str, tables: Mapping[str, Path], settings: Mapping[str, str] | None = None
    ) -> SparkEngine:
        """A session on ``master`` (``spark://…``). Raises `EngineMissing` without the extra, Java or an answer."""
        try:
            from pyspark.sql import SparkSession
        except ImportError as error:
            raise EngineMissing(
                "Spark is not installed: pip install 'carewheel[spark]' (needs Java 17)"
            ) from error
        builder = SparkSession.builder.master(master).appName("carewheel")
        for key, value in (settings or {}).items():
            builder = builder.config(key, value)
        try:
            session = builder.getOrCreate()
        except Exception as error:  # whatever Java, its bridge or the master raise
            raise EngineMissing(
                f"No Spark session on {master} ({type(error).__name__}). Check that the master runs there, that its version is "
                "that of the installed pyspark, and that Java 17 is installed here."
            ) from error
        return cls(session, tables)

    def query(self, sql: str) -> Columns:
        """The answer by column name, as Python values (None for NULL)."""
        frame = self._session.sql(sql)
        rows = frame.collect()
        return {name: [row[i] for row in rows] for i, name in enumerate(frame.columns)}

    def arrays(self, sql: str) -> Arrays:
        """The answer as arrays."""
        return {name: _array(values) for name, values in self.query(sql).items()}

    def close(self) -> None:
        """Stop the session."""
        self._session.stop()


def _array(values: list[Any]) -> NDArray[Any]:
    """Python values of one column as one of `Arrays`."""
    known = next((value for value in values if value is not None), 0.0)
    if isinstance(known, date):
        return np.array(values, dtype="datetime64[D]")
    if isinstance(known, str):
        return np.array(["" if value is None else value for value in values], dtype=object)
    return np.array([np.nan if value is None else float(value) for value in values])
