"""The sources of a workspace: which there are, and taking one out again with everything that came from it."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from carewheel.warehouse.load import rebuild_current
from carewheel.warehouse.workspace import Workspace, WorkspaceRefused, open_duckdb, quoted, readable


def list_sources(workspace: Workspace) -> list[dict[str, Any]]:
    """A report a source and path, as of its last import."""
    return list(workspace.manifest()["sources"].values())


def remove_source(workspace: Workspace, name: str) -> int:
    """Remove a source: every version of every fact that it brought, from disk too. Returns the number of versions.

    Raises `WorkspaceRefused` if the workspace has no such source.
    """
    with workspace.writing():
        manifest = workspace.manifest()
        kept = {key: report for key, report in manifest["sources"].items() if report["source"] != name}
        if len(kept) == len(manifest["sources"]):
            raise WorkspaceRefused(
                "source.unknown", f"There is no source {name!r} here.", "See `carewheel sources list`."
            )
        connection = open_duckdb(workspace.root / "staging" / "spill")
        try:
            removed = _remove(workspace, connection, manifest, name)
        finally:
            connection.close()
        manifest["sources"] = kept
        if not kept:
            manifest["invented"] = None
        workspace.commit(manifest)
        workspace.sweep()
        return removed


def _remove(workspace: Workspace, connection: Any, manifest: dict[str, Any], name: str) -> int:
    """Write the loads anew without the source (old files stay until the commit), then the current facts."""
    removed = 0
    number = manifest["next"]
    touched: set[str] = set()
    loads = []
    for load in manifest["loads"]:
        counts = {
            table: connection.execute(
                f"SELECT count(*) FILTER (source = ?), count(*) FROM read_parquet({readable(_path(workspace, load, table))})",
                [name],
            ).fetchall()[0]
            for table in load["tables"]
        }
        if not any(mine for mine, _ in counts.values()):
            loads.append(load)
            continue
        fresh = {
            "id": number,
            "tables": [table for table in load["tables"] if counts[table][0] < counts[table][1]],
        }
        number += 1
        folder = workspace.root / "loads" / str(fresh["id"])
        folder.mkdir(parents=True)
        for table in load["tables"]:
            removed += counts[table][0]
            touched.add(table)
            if table not in fresh["tables"]:
                continue
            old, new = _path(workspace, load, table), folder / f"{table}.parquet"
            if not counts[table][0]:
                shutil.copyfile(old, new)
                continue
            connection.execute(
                f"COPY (SELECT * FROM read_parquet({readable(old)}) WHERE source <> ?) TO {quoted(new)} "
                "(FORMAT parquet, COMPRESSION zstd)",
                [name],
            )
        if fresh["tables"]:
            loads.append(fresh)
    manifest["loads"] = loads
    manifest["next"] = number + 1
    left = {table for load in loads for table in load["tables"]}
    for table in touched - left:
        manifest["current"].pop(table, None)
    if touched & left:
        rebuild_current(workspace, connection, manifest, number, sorted(touched & left))
    return removed


def _path(workspace: Workspace, load: dict[str, Any], table: str) -> Path:
    return workspace.root / "loads" / str(load["id"]) / f"{table}.parquet"
