"""The main job: read what the practice gave, turn the wheel, write `wheel.json` and `report.html`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import orjson

from carewheel.interop.files import ReadSettings
from carewheel.journeys.import_sources import GivenSource, Progress, SourceRefused, import_sources
from carewheel.warehouse.load import SourceReport
from carewheel.warehouse.workspace import Workspace
from carewheel.wheel.document import check
from carewheel.wheel.report import render
from carewheel.wheel.turn import EngineFor, NothingToTurn, turn


@dataclass(frozen=True)
class TurnOutcome:
    """What a turn left: the document (None if nothing could be measured), its files, and a report a source."""

    document: dict[str, Any] | None
    json_path: Path | None
    report_path: Path | None
    sources: Sequence[SourceReport]
    why_nothing: str = ""

    @property
    def measured(self) -> int:
        """How many measures have a value."""
        if self.document is None:
            return 0
        views = [self.document, *self.document["beside"]]
        return sum(m["value"] is not None for view in views for m in view["measures"])

    @property
    def refused(self) -> bool:
        """Whether any row or file was refused in this run."""
        return any(
            report.rows_refused or any(finding["severity"] == "refused" for finding in report.findings)
            for report in self.sources
        )


def turn_the_wheel(
    workspace: Workspace,
    given: Sequence[GivenSource],
    settings: ReadSettings,
    *,
    as_of: date | None = None,
    out: Path | None = None,
    engine: EngineFor | None = None,
    progress: Progress | None = None,
) -> TurnOutcome:
    """Import the sources (none: take what the workspace holds), look at the wheel at ``as_of``, write both files to ``out`` (default: turns/<as_of>).

    The files are replaced only when both are complete. Findings about files that no reader knows are in the document too.
    """
    reports = import_sources(workspace, given, settings, progress) if given else []
    try:
        document = turn(workspace, settings.today, as_of, engine)
    except NothingToTurn as nothing:
        return TurnOutcome(None, None, None, reports, str(nothing))
    strangers = [report for report in reports if not report.source]
    document["sources"] += [vars(report) for report in strangers]
    # What is checked and shown is what is written: the document as JSON has it.
    content = orjson.dumps(document, option=orjson.OPT_INDENT_2)
    document = orjson.loads(content)
    check(document)
    folder = out or workspace.root / "turns" / document["as_of"]
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SourceRefused(
            "out.unwritable",
            f"The folder for the report cannot be made ({error.strerror}).",
            "Choose another with --out. The facts are loaded.",
        ) from error
    json_path, report_path = folder / "wheel.json", folder / "report.html"
    _write(json_path, content)
    _write(report_path, render(document).encode())
    return TurnOutcome(document, json_path, report_path, reports)


def _write(path: Path, content: bytes) -> None:
    """Write a file so that whoever opens it sees the old one or the new one, never half of it."""
    temporary = path.with_name(path.name + ".new")
    temporary.write_bytes(content)
    temporary.replace(path)
