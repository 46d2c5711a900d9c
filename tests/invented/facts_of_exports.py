"""A book's exports read back into facts, as `carewheel turn` reads them, and asked at the end of the little window."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from carewheel.catalog.measures import measure
from carewheel.interop.files import ReadSettings
from carewheel.journeys.import_sources import GivenSource, import_sources
from carewheel.warehouse.load import SourceReport
from carewheel.warehouse.measures import bind
from carewheel.warehouse.workspace import Workspace

AS_OF = date(2025, 6, 30)


@dataclass(frozen=True)
class ReadBack:
    """What became of the sources, and the facts."""

    reports: list[SourceReport]
    space: Workspace

    def ask(self, sql: str) -> list[tuple[Any, ...]]:
        connection = self.space.connect()
        try:
            return connection.execute(sql).fetchall()
        finally:
            connection.close()

    def statistics(self, name: str) -> list[dict[str, Any]]:
        """The rows of a card's SQL at the end of the window."""
        connection = self.space.connect()
        try:
            found = connection.execute(bind(measure(name).sql, AS_OF))
            names = [column[0] for column in found.description]
            return [dict(zip(names, row, strict=True)) for row in found.fetchall()]
        finally:
            connection.close()

    def summed(self, name: str, *columns: str) -> tuple[float, ...]:
        """Sums of columns of a card's SQL over places and months."""
        rows = self.statistics(name)
        return tuple(sum(row[column] or 0 for row in rows) for column in columns)

    def assert_nothing_refused(self) -> None:
        """No row was refused, and nothing is in doubt."""
        assert [r.rows_refused for r in self.reports] == [0] * len(self.reports)
        assert [f for r in self.reports for f in r.findings if f["severity"] != "note"] == []


def read_back(space: Path, *folders: Path) -> ReadBack:
    """Import the folders into the workspace ``space``."""
    workspace = Workspace(space)
    given = [GivenSource(folder) for folder in folders]
    return ReadBack(import_sources(workspace, given, ReadSettings(today=date(2026, 1, 31))), workspace)
