"""The contract between readers and whoever takes what they read (the warehouse, or a test)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Literal, Protocol

from carewheel.interop.files.findings import Finding
from carewheel.interop.files.opening import Sample, SourceFile
from carewheel.interop.records import Record

Tally = Literal["visits", "charges", "collections"]


class FileSink(Protocol):
    """Takes what one file yields. All of it is kept, or (after `FileRefused` or a crash) none of it.

    Each row of the file (a CSV data row, a FHIR resource, an X12 claim, an HL7 message) is reported exactly once:
    ``used``, ``refuse`` or ``ignore``. ``tally`` is called as the row is seen, before anything can refuse it: it is
    the source's side of the tie-out (kept visits, charges and collections as the source states them).
    """

    def add(self, record: Record) -> None: ...
    def used(self, rows: int = 1) -> None: ...
    def refuse(self, finding: Finding, rows: int = 1) -> None: ...
    def ignore(self, reason: str, rows: int = 1) -> None: ...
    def note(self, finding: Finding) -> None: ...
    def tally(self, what: Tally, amount: int | Decimal, currency: str = "") -> None: ...
    def progress(self, bytes_read: int) -> None: ...


class Sink(Protocol):
    def file(self, file: SourceFile) -> AbstractContextManager[FileSink]: ...


@dataclass(frozen=True, slots=True)
class ReadSettings:
    """What the operator said about the sources; nothing here comes from the machine.

    ``zone`` and ``currency`` are used only where the content does not say. ``mappings`` are extra mapping files for
    CSV and XLSX, before the shipped ones. ``today`` bounds plausible dates (the import's date, injected).
    """

    today: date
    zone: str = ""
    currency: str = ""
    mappings: Sequence[Path] = ()
    options: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Recognition:
    """What a file is: ``kind`` (the reader's), ``part`` (which table or type in it), ``reader`` of the contract below."""

    kind: str
    part: str


class Reader(Protocol):
    """A module of `interop` that reads one kind of source.

    ``recognise`` decides by content alone (the sample), never by name or folder, and returns the part's name or "".
    ``source_name`` names the originating system from the content (never a path): files with equal kind and equal
    source name in one folder or archive are read together. ``read`` streams them into the sink in any order it needs.
    """

    KIND: str
    PRECEDENCE: str  # practice | fhir | hl7v2 | x12

    def recognise(self, sample: Sample, settings: ReadSettings) -> str: ...
    def source_name(self, file: SourceFile, part: str, settings: ReadSettings) -> str: ...
    def read(self, files: Sequence[tuple[SourceFile, str]], sink: Sink, settings: ReadSettings) -> None: ...


Progress = Callable[[str, int, int], None]
