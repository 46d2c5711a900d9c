"""Rows of an XLSX workbook, streamed: the first sheet or the one named, formulas by their last calculated value."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from datetime import date, datetime, time
from itertools import chain
from typing import IO
from xml.etree.ElementTree import ParseError

from carewheel.interop.files import FileRefused, SourceFile, refused
from carewheel.interop.files.opening import ARCHIVE_FAULTS

# A workbook is a ZIP of XML. A sheet is streamed; the strings are held in memory, so their size is capped.
LARGEST_WHOLE = 2 << 30
LARGEST_STRINGS = 200 << 20
LARGEST_RATIO = 500


def workbook_rows(file: SourceFile, sheet: str = "") -> Iterator[list[str]]:
    """Every row of the sheet as text: dates in ISO, numbers with the 15 digits that a workbook keeps.

    Raises `FileRefused` if the workbook is damaged, too large unpacked, or lacks the sheet.
    """
    # Imported here: a fifth of a second that only workbooks pay for.
    from openpyxl import load_workbook
    from openpyxl.utils.exceptions import InvalidFileException

    with file.open_seekable() as stream:
        try:
            _guard(stream)
            book = load_workbook(stream, read_only=True, data_only=True, keep_links=False)
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
                rows = page.iter_rows(values_only=True)
                for row in chain([next(rows, ())], rows):
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
