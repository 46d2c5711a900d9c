"""Writing small tables to disk and reading them with a tabular reader, for tests."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

from tests.interop.collecting import CollectingSink

from carewheel.interop.files import ReadSettings, SourceFile, find_files

TODAY = date(2025, 6, 30)


def write_tables(folder: Path, **tables: str) -> Path:
    """One CSV a table; the names of the files say nothing on purpose."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, text in enumerate(tables.values()):
        lines = [line.strip() for line in text.strip().splitlines()]
        (folder / f"export_{number}.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder


def files_under(path: Path) -> list[SourceFile]:
    return [found for found in find_files(path) if isinstance(found, SourceFile)]


def settings(*mappings: Path, **options: str) -> ReadSettings:
    return ReadSettings(today=TODAY, mappings=mappings, options=options)


def read_all(reader: Any, path: Path, given: ReadSettings | None = None) -> CollectingSink:
    """Everything under ``path`` that the reader recognises, read together."""
    given = given or settings()
    files = [(file, part) for file in files_under(path) if (part := reader.recognise(file.sample(), given))]
    sink = CollectingSink()
    reader.read(files, sink, given)
    return sink


def codes(sink: CollectingSink) -> list[str]:
    return sorted(finding.code for finding in sink.findings)
