"""The cells of a table export by column name, with the conventions of database exports, and the loop over its rows.

In such exports a missing column reads as empty, so that a subset of columns works; 0 is the key of nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import cast

from carewheel.interop.files import FileRefused, FileSink, Finding, ReadSettings, SourceFile, refused
from carewheel.interop.files.reading import Tally
from carewheel.interop.records import Record
from carewheel.interop.tabular.rows import Keys, Rows
from carewheel.interop.tabular.values import (
    Remembered,
    ValueRefused,
    read_flag,
    read_moment,
    read_money,
    read_number,
    read_text,
)

# What a row comes to: its records (the row is used), or the reason why it is ignored.
Outcome = Sequence[Record] | str


class Cells:
    """One row after the other, by column name (case does not matter). Unreadable values raise `ValueRefused`."""

    def __init__(self, header: Sequence[str], formats: Sequence[str] = ()) -> None:
        names = [name.lower() for name in header]
        twice = next((name for name in names if name and names.count(name) > 1), "")
        if twice:
            raise FileRefused(
                refused(
                    "csv.duplicate-column",
                    f"The column {twice} occurs twice.",
                    line=1,
                    remedy="Export each column once.",
                )
            )
        self._at = _Positions(names)
        self._moments = Remembered(lambda text: read_moment(text, formats))
        self._amounts = Remembered(read_money)
        self._numbers = Remembered(read_number)
        self._flags = Remembered(read_flag)
        self.row: Sequence[str] = ()

    def has(self, name: str) -> bool:
        """Whether the export has the column."""
        return self._at[name] >= 0

    def text(self, name: str) -> str:
        """The trimmed text; "" for a missing column or a mark of nothing."""
        at = self._at[name]
        return "" if at < 0 else read_text(self.row[at])

    def key(self, name: str) -> str:
        """A foreign key; "" for 0, which is the key of nothing."""
        found = self.text(name)
        return "" if found == "0" else found

    def needed(self, name: str) -> str:
        """A key that the row cannot do without."""
        found = self.key(name)
        if not found:
            raise ValueRefused(
                "export.missing-key", f"{name} is empty or missing.", "Export that column too."
            )
        return found

    def money(self, name: str) -> Decimal | None:
        """An amount, exactly as written."""
        return cast("Decimal | None", self._read(self._amounts, name))

    def number(self, name: str) -> float | None:
        """A number."""
        return cast("float | None", self._read(self._numbers, name))

    def flag(self, name: str) -> bool | None:
        """Yes or no."""
        return cast("bool | None", self._read(self._flags, name))

    def moment(self, name: str) -> datetime | None:
        """A moment as the source writes it (naive: wall-clock of the location)."""
        return cast("datetime | None", self._read(self._moments, name))

    def date(self, name: str) -> date | None:
        """The day of a moment."""
        found = self.moment(name)
        return None if found is None else found.date()

    def _read(self, values: Remembered, name: str) -> object:
        at = self._at[name]
        if at < 0:
            return None
        try:
            return values[self.row[at]]
        except ValueRefused as refusal:
            raise ValueRefused(refusal.code, f"{name}: {refusal.why}", refusal.remedy) from refusal


class _Positions(dict[str, int]):
    """Column → index, whatever its case; −1 for a column that is not there."""

    def __init__(self, names: Sequence[str]) -> None:
        super().__init__()
        self._lowered = {name: index for index, name in enumerate(names)}

    def __missing__(self, name: str) -> int:
        self[name] = self._lowered.get(name.lower(), -1)
        return self[name]


def each_row(
    file: SourceFile,
    sink: FileSink,
    settings: ReadSettings,
    take: Callable[[Cells], Outcome],
    key: str = "",
) -> None:
    """Give every row of ``file`` to ``take`` and report what comes of it: used, ignored, refused, or repeated by ``key``.

    Dates are ISO, or in the formats of the option ``date_formats`` (separated by ``;``).
    """
    rows = Rows(file, sink)
    formats = tuple(f for f in settings.options.get("date_formats", "").split(";") if f)
    cells = Cells(rows.header, formats)
    keys = Keys(sink)
    for row in rows:
        cells.row = row
        if key and keys.repeated(cells.text(key), row, rows.line):
            continue
        try:
            outcome = take(cells)
        except ValueRefused as refusal:
            sink.refuse(
                refused(
                    refusal.code,
                    "A value that the row needs cannot be read.",
                    line=rows.line,
                    why=refusal.why,
                    remedy=refusal.remedy,
                )
            )
            continue
        if isinstance(outcome, str):
            sink.ignore(outcome)
            continue
        for record in outcome:
            sink.add(record)
        sink.used()


class Silent:
    """A sink that keeps nothing: for looking through a file before it is read and reported."""

    def add(self, record: Record) -> None: ...
    def used(self, rows: int = 1) -> None: ...
    def refuse(self, finding: Finding, rows: int = 1) -> None: ...
    def ignore(self, reason: str, rows: int = 1) -> None: ...
    def note(self, finding: Finding) -> None: ...
    def tally(self, what: Tally, amount: int | Decimal, currency: str = "") -> None: ...
    def progress(self, bytes_read: int) -> None: ...


def look_through(file: SourceFile, settings: ReadSettings, take: Callable[[Cells], Outcome]) -> None:
    """Give every row to ``take`` without reporting: what is wrong with the file is reported when it is read."""
    try:
        each_row(file, Silent(), settings, take)
    except FileRefused:
        return
