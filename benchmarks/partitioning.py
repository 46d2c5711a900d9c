"""Two layouts of a fact table held against each other: one Parquet file sorted by month, and hive partitions by month.

    python benchmarks/partitioning.py

Rows are made up by a fixed rule. Prints, for a sparse practice of 70 years and for 2 M rows of 36 months, how many files
and bytes each layout has, how long it takes to write, and how long two queries take (median of 20): the count and sum
of every month, and of the last 12 months only. Decision 0002 quotes what it printed.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import duckdb

CASES = {"sparse: 70 years, 5,000 rows": (5_000, 840), "dense: 36 months, 2,000,000 rows": (2_000_000, 36)}
RUNS = 20
ROWS = """
CREATE OR REPLACE TABLE facts AS SELECT
  'system' AS source, 'practice' AS source_kind, i::VARCHAR AS source_id,
  md5((hash(i) % {people})::VARCHAR) AS patient_key, 'place-' || (hash(i, 7) % 3) AS location_id,
  (hash(i, 3) % 400)::DECIMAL(18,4) AS amount,
  (DATE '2025-12-01' - to_months((hash(i, 5) % {months})::INTEGER))::DATE AS local_month
FROM range({rows}) AS r(i)
"""
QUERIES = {
    "every month": "SELECT location_id, local_month, count(*), sum(amount) FROM {facts} GROUP BY ALL",
    "last 12 months": "SELECT location_id, local_month, count(*), sum(amount) FROM {facts} "
    "WHERE local_month >= DATE '2025-01-01' GROUP BY ALL",
}


def seconds(work: Callable[[], object], runs: int = RUNS) -> float:
    """Median wall time of ``runs`` runs in seconds."""
    taken = []
    for _ in range(runs):
        start = time.perf_counter()
        work()
        taken.append(time.perf_counter() - start)
    return statistics.median(taken)


def measure(connection: duckdb.DuckDBPyConnection, folder: Path) -> None:
    """Write both layouts of the table ``facts`` and print what each costs."""
    one, many = folder / "one.parquet", folder / "hive"
    layouts = {
        "one sorted file": (
            f"COPY (SELECT * FROM facts ORDER BY local_month, location_id) TO '{one}' (FORMAT parquet, COMPRESSION zstd)",
            f"read_parquet('{one}')",
        ),
        "hive by month": (
            f"COPY facts TO '{many}' (FORMAT parquet, COMPRESSION zstd, PARTITION_BY (local_month), OVERWRITE)",
            f"read_parquet('{many}/*/*.parquet', hive_partitioning = true)",
        ),
    }
    answers = []
    for name, (write, facts) in layouts.items():
        writing = seconds(lambda write=write: connection.execute(write), 3)
        files = [one] if name == "one sorted file" else list(many.rglob("*.parquet"))
        size = sum(path.stat().st_size for path in files)
        times = []
        for query in QUERIES.values():
            sql = query.format(facts=facts)
            times.append(seconds(lambda sql=sql: connection.execute(sql).fetchall()))
            answers.append(sorted(connection.execute(sql).fetchall(), key=str))
        asked = "; ".join(f"{q} {t * 1000:.1f} ms" for q, t in zip(QUERIES, times, strict=True))
        print(f"  {name:16} {len(files):4} files {size:12,} bytes  write {writing:.2f} s  {asked}")
    assert answers[0] == answers[2]
    assert answers[1] == answers[3]


def main() -> None:
    for title, (rows, months) in CASES.items():
        connection = duckdb.connect(config={"threads": 2, "memory_limit": "1GB"})
        connection.execute(ROWS.format(rows=rows, months=months, people=max(rows // 5, 1)))
        print(title)
        with tempfile.TemporaryDirectory() as folder:
            measure(connection, Path(folder))


if __name__ == "__main__":
    main()
