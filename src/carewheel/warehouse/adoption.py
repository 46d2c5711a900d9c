"""Facts that were written without readers, in the tables' own columns, become the current facts of a workspace."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

from carewheel.catalog.facts import fact_tables
from carewheel.warehouse.load import SourceReport
from carewheel.warehouse.workspace import ALL_PARTS, Workspace, WorkspaceRefused, open_duckdb, readable


def adopt_facts(workspace: Workspace, folder: Path, *, source: str, invented: bool) -> None:
    """Move ``folder/<table>/*.parquet`` into an empty workspace on the same disk as its current facts.

    All of one ``source``, in the tables' columns and types. Errors: `WorkspaceRefused` where the workspace holds facts.
    """
    with workspace.writing():
        manifest = workspace.manifest()
        if manifest["current"]:
            raise WorkspaceRefused(
                "workspace.not-empty",
                "The workspace holds facts already.",
                "Give an empty one with --workspace.",
            )
        number = str(manifest["next"])
        place = workspace.root / "current" / number
        place.parent.mkdir(exist_ok=True)
        folder.rename(place)
        report = SourceReport(
            path=str(workspace.root), source=source, kind="facts", source_kind="practice", invented=invented
        )
        with open_duckdb(workspace.root / "staging") as connection:
            for name in fact_tables():
                files = sorted((place / name).glob(ALL_PARTS))
                if not files:
                    continue
                manifest["current"][name] = str(Path("current") / number / name / ALL_PARTS)
                counted = f"SELECT count(*) FROM read_parquet([{', '.join(map(readable, files))}])"
                rows: int = connection.execute(counted).fetchall()[0][0]
                report.facts[name] = rows
                report.rows_read += rows
                report.rows_used += rows
                report.files += len(files)
        manifest["next"] += 1
        manifest["invented"] = invented
        manifest["sources"][f"{source} {workspace.root}"] = asdict(report)
        workspace.commit(manifest)
