"""A sink that only counts: what is timed is reading, from bytes to records."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal

from carewheel.interop.files import Finding, SourceFile
from carewheel.interop.records import Record


class Counting:
    """Counts rows used and records; keeps findings, to say what went wrong."""

    def __init__(self) -> None:
        self.rows = self.records = 0
        self.findings: list[Finding] = []

    @contextmanager
    def file(self, file: SourceFile) -> Iterator[Counting]:
        yield self

    def add(self, record: Record) -> None:
        self.records += 1

    def used(self, rows: int = 1) -> None:
        self.rows += rows

    def refuse(self, finding: Finding, rows: int = 1) -> None:
        self.findings.append(finding)

    def ignore(self, reason: str, rows: int = 1) -> None: ...
    def note(self, finding: Finding) -> None: ...
    def tally(self, what: str, amount: int | Decimal, currency: str = "") -> None: ...
    def progress(self, bytes_read: int) -> None: ...
