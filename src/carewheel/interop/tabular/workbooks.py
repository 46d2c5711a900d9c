"""Rows of an XLSX workbook, streamed: the first sheet or the one named, formulas by their last calculated value."""

from __future__ import annotations

import zipfile
from array import array
from collections.abc import Iterator
from datetime import date, datetime, time
from itertools import chain
from typing import IO, Any
from xml.etree.ElementTree import Element, ParseError, iterparse

from carewheel.interop.files import FileRefused, SourceFile, refused
from carewheel.interop.files.opening import ARCHIVE_FAULTS

# A workbook is a ZIP of XML. A sheet is streamed; its strings, which stand apart, are held, so their size is capped.
LARGEST_WHOLE = 2 << 30
LARGEST_STRINGS = 200 << 20
LARGEST_RATIO = 500
# As many as a sheet can have. One that claims row 2,000,000,000 would otherwise be filled up with empty rows.
MOST_ROWS = 1_048_576
_MAIN = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"


def workbook_rows(file: SourceFile, sheet: str = "") -> Iterator[list[str]]:
    """Every row of the sheet as text: dates in ISO, numbers with the 15 digits that a workbook keeps.

    Raises `FileRefused` if the workbook is damaged, too large unpacked, or lacks the sheet.
    """
    # Imported here: a fifth of a second that only workbooks pay for.
    from openpyxl.reader.excel import ExcelReader
    from openpyxl.utils.exceptions import InvalidFileException
    from openpyxl.xml.constants import SHARED_STRINGS

    class Reader(ExcelReader):
        def read_strings(self) -> None:
            part: Any = self.package.find(SHARED_STRINGS)  # type: ignore[no-untyped-call]
            if part is not None:
                with self.archive.open(part.PartName[1:]) as stream:
                    self.shared_strings = _Strings(stream)  # type: ignore[assignment]

    with file.open_seekable() as stream:
        try:
            _guard(stream)
            reader = Reader(stream, read_only=True, data_only=True, keep_links=False)
            reader.read()
            book = reader.wb
            try:
                if sheet and sheet not in book.sheetnames:
                    raise FileRefused(
                        refused(
                            "xlsx.no-sheet",
                            "The workbook lacks the sheet of the mapping.",
                            remedy="Check sheet in the mapping.",
                        )
                    )
                page = book[sheet] if sheet else book[book.sheetnames[0]]
                # What a sheet says of its own size is often wrong: rows beyond it would be lost without a word.
                page.reset_dimensions()
                rows = page.iter_rows(values_only=True)
                for number, row in enumerate(chain([next(rows, ())], rows)):
                    if number >= MOST_ROWS:
                        raise FileRefused(
                            refused(
                                "xlsx.damaged",
                                "The workbook is damaged.",
                                why=f"A sheet has at most {MOST_ROWS:,} rows; this one goes on.",
                                remedy="Save it again, or export CSV.",
                            )
                        )
                    yield [_text(cell) for cell in row]
            finally:
                book.close()
        except (
            *ARCHIVE_FAULTS,
            InvalidFileException,
            ParseError,
            TypeError,
            AttributeError,
        ) as error:
            raise FileRefused(
                refused(
                    "xlsx.damaged",
                    "The workbook is damaged.",
                    why=f"Reading stopped with {type(error).__name__}.",
                    remedy="Save it again, or export CSV.",
                )
            ) from error


class _Strings:
    """The shared strings of a workbook, in their bytes and 8 more each: a full sheet has millions."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._bytes = bytearray()
        self._ends = array("Q")
        root: Element | None = None
        for event, node in iterparse(stream, ("start", "end")):
            if root is None:
                root = node
            elif event == "end" and node.tag == f"{_MAIN}si":
                plain = [node.find(f"{_MAIN}t"), *node.findall(f"{_MAIN}r/{_MAIN}t")]
                text = "".join(part.text or "" for part in plain if part is not None)
                # A literal underscore before x…_ is written _x005F_.
                self._bytes += text.replace("x005F_", "").encode()
                self._ends.append(len(self._bytes))
                root.clear()

    def __getitem__(self, place: int) -> str:
        end = self._ends[place]
        return self._bytes[self._ends[place - 1] if place else 0 : end].decode()


def _guard(stream: IO[bytes]) -> None:
    with zipfile.ZipFile(stream) as archive:
        members = archive.infolist()
    whole = sum(member.file_size for member in members)
    packed = max(1, sum(member.compress_size for member in members))
    strings = sum(member.file_size for member in members if member.filename.endswith("sharedStrings.xml"))
    if (
        whole > LARGEST_WHOLE
        or strings > LARGEST_STRINGS
        or (whole > 100 << 20 and whole > LARGEST_RATIO * packed)
    ):
        raise FileRefused(
            refused("file.bomb", "The workbook unpacks to more than can be read.", remedy="Export it as CSV.")
        )


def _text(cell: object) -> str:
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, float):
        return str(int(cell)) if cell.is_integer() and abs(cell) < 1e15 else format(cell, ".15g")
    if isinstance(cell, datetime):
        return cell.date().isoformat() if cell.time() == time() else cell.isoformat(" ", "seconds")
    if isinstance(cell, date | time):
        return cell.isoformat()
    return str(cell)
