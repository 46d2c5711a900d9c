"""A sink that keeps everything in memory, for tests of readers."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from decimal import Decimal

from carewheel.interop.files import FileRefused, Finding, SourceFile
from carewheel.interop.records import TABLE_OF, Record


@dataclass
class Collected:
    """What one file yielded; dropped records of a refused file never reach the parent."""

    name: str
    records: list[Record] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    ignored: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    tallies: dict[str, Decimal] = field(default_factory=lambda: defaultdict(Decimal))
    rows_used: int = 0
    rows_refused: int = 0
    rows_ignored: int = 0

    def add(self, record: Record) -> None:
        self.records.append(record)

    def used(self, rows: int = 1) -> None:
        self.rows_used += rows

    def refuse(self, finding: Finding, rows: int = 1) -> None:
        self.rows_refused += rows
        self.findings.append(replace(finding, file=self.name))

    def ignore(self, reason: str, rows: int = 1) -> None:
        self.rows_ignored += rows
        self.ignored[reason] += rows

    def note(self, finding: Finding) -> None:
        self.findings.append(replace(finding, file=self.name))

    def tally(self, what: str, amount: int | Decimal, currency: str = "") -> None:
        self.tallies[what] += Decimal(amount)

    def progress(self, bytes_read: int) -> None:
        pass


@dataclass
class CollectingSink:
    files: list[Collected] = field(default_factory=list)

    @contextmanager
    def file(self, file: SourceFile) -> Iterator[Collected]:
        collected = Collected(file.name)
        self.files.append(collected)
        try:
            yield collected
        except FileRefused as refusal:
            rows = collected.rows_used + collected.rows_refused + collected.rows_ignored
            collected.records.clear()
            collected.tallies.clear()
            collected.rows_used = collected.rows_ignored = 0
            collected.rows_refused = rows
            collected.findings.append(replace(refusal.finding, file=file.name))

    @property
    def records(self) -> list[Record]:
        return [record for file in self.files for record in file.records]

    def table(self, name: str) -> list[Record]:
        return [record for record in self.records if TABLE_OF[type(record)] == name]

    @property
    def findings(self) -> list[Finding]:
        return [finding for file in self.files for finding in file.findings]

    @property
    def tallies(self) -> dict[str, Decimal]:
        total: dict[str, Decimal] = defaultdict(Decimal)
        for file in self.files:
            for what, amount in file.tallies.items():
                total[what] += amount
        return total
