"""One import: what the readers spooled becomes versions of facts, all of it at once or nothing.

Until `Import.commit` renames the manifest, nothing that an import did counts. So a run may be killed at any moment.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import duckdb

from carewheel.catalog.facts import FactTable, fact_tables
from carewheel.interop.files import Finding
from carewheel.warehouse.current import build_current, last_of_each_sql
from carewheel.warehouse.spool import SPOOL_COLUMNS, FileReport, SourceSetting, SpoolingSink
from carewheel.warehouse.tie_out import Places, facts_of, tie_out
from carewheel.warehouse.workspace import Workspace, WorkspaceRefused, open_duckdb, quoted, readable

FINDINGS_A_SOURCE = 100
# Beside the reader's own: an import of any file stays within 1 GB.
IMPORT_MEMORY = "400MB"


@dataclass
class SourceReport:
    """What one source brought: rows by fate, findings, and the tie-out of its totals against the facts."""

    path: str
    source: str
    kind: str
    source_kind: str
    invented: bool
    files: int = 0
    rows_read: int = 0
    rows_used: int = 0
    rows_refused: int = 0
    rows_ignored: int = 0
    ignored: dict[str, int] = field(default_factory=dict)
    findings: list[dict[str, Any]] = field(default_factory=list)
    tie_out: list[dict[str, str]] = field(default_factory=list)
    facts: dict[str, int] = field(default_factory=dict)


@dataclass
class _Taken:
    path: str
    kind: str
    sink: SpoolingSink


class Import:
    """An import in progress. Use `importing()`; take a `sink()` a source, read into it, then `commit()`."""

    def __init__(
        self, workspace: Workspace, invented: bool, on_progress: Callable[[str, int], None] | None
    ) -> None:
        self.workspace = workspace
        self.invented = invented
        self.on_progress = on_progress
        self.manifest = workspace.manifest()
        self.staging = workspace.root / "staging" / "import"
        self.staging.mkdir(parents=True)
        self._files = itertools.count(1)
        self._taken: list[_Taken] = []
        if self.manifest["invented"] not in (None, invented):
            raise WorkspaceRefused(
                "workspace.mixed",
                "This workspace holds "
                + ("invented" if self.manifest["invented"] else "real")
                + " data; these are not.",
                "Give another folder with --workspace: invented and real data are never mixed.",
            )

        if any(report["kind"] == "facts" for report in self.manifest["sources"].values()):
            raise WorkspaceRefused(
                "workspace.adopted",
                "This workspace holds facts that no reader wrote (a demo); nothing can be read into it.",
                "Give another folder with --workspace.",
            )

    def sink(self, path: str, kind: str, setting: SourceSetting) -> SpoolingSink:
        """A sink for one source; ``path`` and ``kind`` are for the report."""
        folder = self.staging / f"source-{len(self._taken)}"
        folder.mkdir()
        sink = SpoolingSink(folder, setting, self.workspace.secret, self._files, self.on_progress)
        self._taken.append(_Taken(path, kind, sink))
        return sink

    def commit(self) -> list[SourceReport]:
        """Turn spools into facts. Returns a report a source; the workspace holds all of them or none."""
        number = self.manifest["next"]
        connection = open_duckdb(self.workspace.root / "staging" / "spill", IMPORT_MEMORY)
        try:
            ledgers = self._ledgers()
            fresh: dict[str, Path] = {}
            for name, spools in self._spools().items():
                table = fact_tables()[name]
                staged = self.staging / f"{name}.staged.parquet"
                _stage(connection, table, spools, staged)
                new = self.staging / f"{name}.parquet"
                if _keep_new(connection, number, staged, ledgers.get(name, []), new):
                    fresh[name] = new
            reports = [self._report(taken) for taken in self._taken]
            self._commit_versions(connection, number, fresh)
            ledgers = self._ledgers()
            for number, (taken, report) in enumerate(zip(self._taken, reports, strict=True)):
                places = Places(self.staging, ledgers, self.workspace.root, self.manifest["current"])
                report.facts = facts_of(connection, places, number, list(taken.sink.spools))
                report.tie_out = tie_out(connection, places, number, taken.sink)
        finally:
            connection.close()
        for report in reports:
            # By the place itself: the same files under another name are the same files.
            self.manifest["sources"][f"{report.source} {os.path.realpath(report.path)}"] = asdict(report)
        if reports:
            self.manifest["invented"] = self.invented
        self.workspace.commit(self.manifest)
        self.workspace.sweep()
        return reports

    def _spools(self) -> dict[str, list[Path]]:
        spools: dict[str, list[Path]] = {}
        for taken in self._taken:
            for name, path in taken.sink.spools.items():
                spools.setdefault(name, []).append(path)
        return spools

    def _ledgers(self) -> dict[str, list[Path]]:
        ledgers: dict[str, list[Path]] = {}
        for load in self.manifest["loads"]:
            for name in load["tables"]:
                ledgers.setdefault(name, []).append(
                    self.workspace.root / "loads" / str(load["id"]) / f"{name}.parquet"
                )
        return ledgers

    def _commit_versions(
        self, connection: duckdb.DuckDBPyConnection, number: int, fresh: dict[str, Path]
    ) -> None:
        """Move the new versions into place and build the current facts of the tables that they touch."""
        if not fresh:
            return
        folder = self.workspace.root / "loads" / str(number)
        folder.mkdir(parents=True)
        for name, path in fresh.items():
            path.rename(folder / f"{name}.parquet")
        self.manifest["loads"].append({"id": number, "tables": sorted(fresh)})
        self.manifest["next"] = number + 1
        rebuild_current(self.workspace, connection, self.manifest, number, sorted(fresh))

    def _report(self, taken: _Taken) -> SourceReport:
        setting = taken.sink.setting
        report = SourceReport(taken.path, setting.source, taken.kind, setting.source_kind, self.invented)
        findings: list[Finding] = []
        for file in taken.sink.reports:
            report.files += 1
            report.rows_read += file.rows_read
            report.rows_used += file.rows_used
            report.rows_refused += file.rows_refused
            report.rows_ignored += file.rows_ignored
            for reason, rows in file.ignored.items():
                report.ignored[reason] = report.ignored.get(reason, 0) + rows
            findings += file.findings
        findings.sort(key=lambda f: ("refused", "doubt", "note").index(f.severity))
        report.findings = [asdict(finding) for finding in findings[:FINDINGS_A_SOURCE]]
        if len(findings) > FINDINGS_A_SOURCE:
            more = Finding(
                "findings.more",
                "note",
                f"{len(findings) - FINDINGS_A_SOURCE} further findings are not listed.",
            )
            report.findings.append(asdict(more))
        return report


@contextmanager
def importing(
    workspace: Workspace, *, invented: bool = False, on_progress: Callable[[str, int], None] | None = None
) -> Iterator[Import]:
    """The one import that may write to the workspace now; everything uncommitted is swept away at the end."""
    with workspace.writing():
        try:
            yield Import(workspace, invented, on_progress)
        finally:
            workspace.sweep()


def rebuild_current(
    workspace: Workspace,
    connection: duckdb.DuckDBPyConnection,
    manifest: dict[str, Any],
    number: int,
    touched: Sequence[str],
) -> None:
    """Build the current facts of the touched tables, and of those joined by the same identifiers, into ``manifest``."""
    ledgers: dict[str, list[Path]] = {}
    for load in manifest["loads"]:
        for name in load["tables"]:
            ledgers.setdefault(name, []).append(
                workspace.root / "loads" / str(load["id"]) / f"{name}.parquet"
            )
    identifiers = {fact_tables()[name].join[:1] for name in touched} - {()}
    tables = [
        name
        for name, table in fact_tables().items()
        if name in ledgers and (name in touched or table.join[:1] in identifiers)
    ]
    written, findings = build_current(connection, ledgers, tables, workspace.root / "current" / str(number))
    for name, path in written.items():
        manifest["current"][name] = str(path.relative_to(workspace.root))
    manifest["findings"] = [asdict(finding) for finding in findings]


def _stage(connection: duckdb.DuckDBPyConnection, table: FactTable, spools: Sequence[Path], to: Path) -> None:
    """Type the spooled rows and give each its key: the source's own, else a hash of its content and an occurrence number.

    Rows of one file that are equal are counted (occurrence 1, 2, …); a row that stands in two files is one row, because
    exports overlap more often than two files share an identical row by chance.
    """
    own = list(table.all_columns)
    types = (
        ", ".join(f"'{name}': 'BIGINT'" for name in SPOOL_COLUMNS)
        + ", "
        + ", ".join(f"'{column.name}': '{column.sql_type}'" for column in own)
    )
    text = {"id", "person", "code", "text"}
    typed = ", ".join(
        f'coalesce("{c.name}", \'\') AS "{c.name}"' if c.type in text else f'"{c.name}"' for c in own
    )
    content = ", ".join(
        f"coalesce(\"{c.name}\"::VARCHAR, '')"
        for c in own
        if c.name not in ("source", "source_kind", "source_id", "recorded_at")
    )
    relations = " UNION ALL ".join(
        f"SELECT {path.parent.name.split('-')[1]} AS path_no, * FROM read_csv({readable(path)}, header=false, "
        f"auto_detect=false, delim=',', quote='\"', escape='\"', nullstr='', parallel=false, columns={{{types}}})"
        for path in spools
    )
    occurrence = "row_number() OVER (PARTITION BY source, file_no, content ORDER BY pos)"
    connection.execute(
        f"COPY (WITH typed AS (SELECT path_no, {', '.join(SPOOL_COLUMNS)}, {typed}, "
        f"md5(concat_ws(chr(31), {content})) AS content FROM ({relations})) "
        f"SELECT * FROM typed WHERE source_id <> '' UNION ALL "
        f"SELECT * REPLACE (content || '-' || {occurrence} AS source_id) FROM typed WHERE source_id = '') "
        f"TO {quoted(to)} (FORMAT parquet, COMPRESSION zstd)"
    )


def _keep_new(
    connection: duckdb.DuckDBPyConnection, number: int, staged: Path, ledgers: Sequence[Path], to: Path
) -> bool:
    """Write the versions that the ledger does not know yet; False if there are none.

    A version is known if the same key already had this content, unless the source's own time stamp says that the row
    came back to it later.
    """
    known = ""
    if ledgers:
        files = "[" + ", ".join(readable(path) for path in ledgers) + "]"
        known = (
            f"WHERE NOT EXISTS (SELECT 1 FROM read_parquet({files}) AS k WHERE k.source = s.source "
            "AND k.source_id = s.source_id AND k.content = s.content "
            "AND (s.recorded_at IS NULL OR k.recorded_at IS NULL OR k.recorded_at >= s.recorded_at))"
        )
    connection.execute(
        f"CREATE OR REPLACE TEMP VIEW fresh AS SELECT * EXCLUDE (path_no), {number} AS load "
        f"FROM read_parquet({readable(staged)}) AS s {known}"
    )
    last = last_of_each_sql(
        "fresh", "source, source_id, content", "recorded_at DESC NULLS LAST, file_no DESC, pos DESC"
    )
    connection.execute(f"COPY ({last}) TO {quoted(to)} (FORMAT parquet, COMPRESSION zstd)")
    rows: int = connection.execute(f"SELECT count(*) FROM read_parquet({readable(to)})").fetchall()[0][0]
    if not rows:
        to.unlink()
    return rows > 0


__all__ = ["FileReport", "Import", "SourceReport", "importing", "rebuild_current"]
