"""The facts of a workspace on Spark, for groups (extra ``carewheel[spark]``)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from carewheel.catalog.facts import fact_tables
from carewheel.warehouse.measures.engines import SparkEngine
from carewheel.warehouse.workspace import Workspace, quoted, readable


def spark_engine(
    master: str, workspace: Workspace, sources: Sequence[str], settings: Mapping[str, str] | None = None
) -> SparkEngine:
    """A Spark session on ``master`` that sees the current facts of ``sources``. Raises `EngineMissing` without the extra.

    Where a table holds only these sources Spark reads the workspace's own files; else a filtered copy in the staging
    folder, which every worker must be able to read (a shared file system, as for the workspace itself).
    """
    current = workspace.manifest()["current"]
    files: dict[str, Path] = {}
    copies = workspace.root / "staging" / "spark"
    copies.mkdir(parents=True, exist_ok=True)
    connection = workspace.connect(sources)
    try:
        for name in fact_tables():
            path = workspace.root / current[name] if name in current else None
            if path is not None:
                inside = connection.execute(
                    f"SELECT count(*) = (SELECT count(*) FROM {name}) FROM read_parquet({readable(path)})"
                ).fetchall()[0][0]
                if inside:
                    files[name] = path
                    continue
            files[name] = copies / f"{name}.parquet"
            connection.execute(f"COPY (SELECT * FROM {name}) TO {quoted(files[name])} (FORMAT parquet)")
    finally:
        connection.close()
    return SparkEngine.connect(master, files, settings)
