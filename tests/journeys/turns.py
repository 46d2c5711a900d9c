"""Turns in workspaces of their own, kept for the session; asking their facts; writing small files to turn."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from importlib.resources import files as package_files
from pathlib import Path
from typing import Any

from carewheel.interop.files import ReadSettings
from carewheel.journeys.import_sources import GivenSource
from carewheel.journeys.turn_the_wheel import TurnOutcome, turn_the_wheel
from carewheel.warehouse.workspace import Workspace

TODAY = date(2026, 1, 31)
EXAMPLES = Path(str(package_files("carewheel.interop.tabular") / "mappings" / "examples"))
MAPPINGS = tuple(sorted(EXAMPLES.glob("*.toml")))


@dataclass(frozen=True)
class Turned:
    """A turn, and the workspace that it left."""

    outcome: TurnOutcome
    space: Workspace

    def ask(self, sql: str) -> list[tuple[Any, ...]]:
        connection = self.space.connect()
        try:
            return connection.execute(sql).fetchall()
        finally:
            connection.close()

    def count(self, table: str) -> int:
        return int(self.ask(f"SELECT count(*) FROM {table}")[0][0])

    @property
    def findings(self) -> list[dict[str, Any]]:
        return [finding for report in self.outcome.sources for finding in report.findings]

    def refusals(self) -> set[tuple[str, str]]:
        """(file name without folders, code) of everything refused."""
        return {
            (f["file"].rsplit("/", 1)[-1], f["code"]) for f in self.findings if f["severity"] == "refused"
        }


def turn(
    workspace: Path,
    *sources: Path,
    mappings: Sequence[Path] = MAPPINGS,
    zone: str = "",
    currency: str = "",
) -> Turned:
    """One turn over the sources, by the same journey as `carewheel turn`."""
    space = Workspace(workspace)
    settings = ReadSettings(today=TODAY, zone=zone, currency=currency, mappings=mappings)
    return Turned(turn_the_wheel(space, [GivenSource(path) for path in sources], settings), space)


def texts_below(folder: Path) -> Iterable[tuple[Path, bytes]]:
    """Every file that a turn left, with its bytes."""
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            yield path, path.read_bytes()
