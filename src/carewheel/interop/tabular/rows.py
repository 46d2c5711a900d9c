"""Rows of a CSV or XLSX file, streamed in bounded memory; broken rows are refused with their line, the rest goes on.

A CSV's delimiter comes from its first line, its encoding from its content. A row whose number of fields is not the
header's is refused, and so is what a never-closed quote swallows (at most 128 kB of it, then reading goes on after it).
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence

from carewheel.interop.files import FileRefused, FileSink, Finding, SourceFile, doubt, note, refused
from carewheel.interop.files.opening import DELIMITERS

LONGEST_LINE = 1 << 20
PROGRESS_ROWS = 20_000
# Ids that are watched for repetition in one file; beyond this many, repetition is no longer looked for (memory).
WATCHED = 1_000_000


class Rows:
    """The data rows of one file as lists of strings, with ``header`` and the ``line`` of the row just given.

    Raises `FileRefused` for a file that is no table. Iterating reports broken rows to ``sink`` as refused; each row that
    is yielded is the caller's to report.
    """

    def __init__(self, file: SourceFile, sink: FileSink, sheet: str = "") -> None:
        self.file = file
        self.sink = sink
        self.line = 0
        self.count = 0
        if file.sample().is_xlsx:
            # openpyxl costs a fifth of a second: only workbooks pay for it.
            from carewheel.interop.tabular.workbooks import workbook_rows

            self._rows = self._from_sheet(workbook_rows(file, sheet))
        else:
            self._rows = self._from_text()
        self.header = tuple(next(self._rows, []))
        if not any(self.header):
            raise FileRefused(
                refused(
                    "csv.no-header", "The file has no header line.", remedy="Export it with column names."
                )
            )

    def __iter__(self) -> Iterator[list[str]]:
        yield from self._rows
        if not self.count:
            self.sink.note(
                note(
                    "csv.header-only", "The file has a header and no rows.", remedy="Was the export complete?"
                )
            )

    def position(self, *names: str) -> int | None:
        """The index of the first of ``names`` that the header has (case does not matter); None if it has none.

        Raises `FileRefused` if the header has that name twice: nobody can say which one is meant.
        """
        lowered = [name.lower() for name in self.header]
        for name in names:
            hits = lowered.count(name.lower())
            if hits > 1:
                raise FileRefused(
                    refused(
                        "csv.duplicate-column",
                        f"The column {name} occurs {hits} times.",
                        line=1,
                        remedy="Rename or remove one of them.",
                    )
                )
            if hits:
                return lowered.index(name.lower())
        return None

    def _from_sheet(self, rows: Iterator[list[str]]) -> Iterator[list[str]]:
        header = next(rows, [])
        while header and not header[-1]:
            header.pop()
        self.line = 1
        yield [name.strip() for name in header]
        width = len(header)
        for cells in rows:
            self.line += 1
            if not any(cells):
                continue
            self.count += 1
            if any(cells[width:]):
                self.sink.refuse(_wrong_width(self.line, width, len(cells), ""))
                continue
            yield cells[:width] + [""] * (width - len(cells))

    def _from_text(self) -> Iterator[list[str]]:
        encoding = self.file.encoding()
        if encoding == "cp1252":
            self.sink.note(
                doubt(
                    "csv.encoding",
                    "The file is not UTF-8; it was read as Windows-1252.",
                    why="Accents in codes may be wrong.",
                    remedy="Export it as UTF-8.",
                )
            )
        delimiter = self.file.sample().delimiter or ","
        # A byte without a meaning in the encoding becomes a replacement sign, not a crash.
        with io.TextIOWrapper(
            self.file.open_bytes(), encoding=encoding, errors="replace", newline=""
        ) as stream:
            lines = _Lines(stream)
            yield from self._checked(lines, delimiter)
        if lines.undecodable:
            self.sink.note(
                doubt(
                    "csv.undecodable",
                    "Some lines hold bytes without a meaning in the file's encoding.",
                    line=lines.undecodable_at,
                    why=f"{lines.undecodable} line(s) have a replacement sign in their place.",
                    remedy="Export it as UTF-8.",
                )
            )

    def _checked(self, lines: _Lines, delimiter: str) -> Iterator[list[str]]:
        reader = csv.reader(lines, delimiter=delimiter, strict=True)
        size, scale = self.file.size, 0.2 if self.file.member or self.file.name.endswith(".gz") else 1.0
        width = 0
        while True:
            before = reader.line_num
            try:
                cells = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                spanned = max(1, reader.line_num - before)
                self.count += spanned
                self.sink.refuse(_broken_quotes(before + 1, spanned, str(error)), spanned)
                continue
            self.line = before + 1
            if not cells:
                continue
            if not width:
                width = len(cells)
                self.line = 1
                yield [name.strip().strip("\ufeff") for name in cells]
                continue
            self.count += 1
            if self.count % PROGRESS_ROWS == 0:
                self.sink.progress(min(size, int(lines.characters * scale)))
            if lines.nul_at > before:
                self.sink.refuse(
                    refused(
                        "csv.nul", "The row holds NUL bytes.", line=self.line, remedy="Export the file again."
                    )
                )
            elif len(cells) == width:
                if cells[0] or any(cells):
                    yield cells
                else:
                    self.sink.ignore("empty row")
            else:
                ended = lines.last_has_end
                self.sink.refuse(_wrong_width(self.line, width, len(cells), delimiter, ended, cells))


class _Lines:
    """Lines of a stream, none longer than `LONGEST_LINE`; remembers position, NULs and how the last line ended."""

    def __init__(self, stream: io.TextIOBase) -> None:
        self._stream = stream
        self.number = 0
        self.characters = 0
        self.nul_at = 0
        self.undecodable = self.undecodable_at = 0
        self.last_has_end = True

    def __iter__(self) -> Iterator[str]:
        readline = self._stream.readline
        while line := readline(LONGEST_LINE):
            self.number += 1
            self.characters += len(line)
            self.last_has_end = line[-1] in "\r\n"
            if not self.last_has_end and len(line) >= LONGEST_LINE:
                raise FileRefused(
                    refused(
                        "csv.line-too-long",
                        f"A line is longer than {LONGEST_LINE} characters.",
                        line=self.number,
                        why="This is no table, or its line ends were lost.",
                        remedy="Export it again.",
                    )
                )
            if "\x00" in line:
                self.nul_at = self.number
            if "\ufffd" in line:
                self.undecodable += 1
                self.undecodable_at = self.undecodable_at or self.number
            yield line


class Keys:
    """Watches the keys of one file's rows: tells a row that is repeated word for word from one that contradicts."""

    def __init__(self, sink: FileSink) -> None:
        self._sink = sink
        self._seen: dict[int, int] = {}

    def repeated(self, key: str, cells: Sequence[str], line: int) -> bool:
        """True for a row that occurred before, word for word (it is reported as ignored).

        The same key with other content is a doubt: both rows are kept as versions, and the later one counts.
        """
        if not key:
            return False
        mark, content = hash(key), hash(tuple(cells))
        earlier = self._seen.get(mark)
        if earlier is None:
            if len(self._seen) < WATCHED:
                self._seen[mark] = content
            return False
        if earlier == content:
            self._sink.ignore("repeated row")
            return True
        self._seen[mark] = content
        self._sink.note(
            doubt(
                "csv.duplicate-key",
                "A key occurs twice with different content.",
                line=line,
                why="Only one of the rows can be true; the later one counts.",
                remedy="Check the export.",
            )
        )
        return False


def _broken_quotes(line: int, spanned: int, error: str) -> Finding:
    if "field larger" in error:
        code, what = "csv.huge-field", "A field is longer than 131072 characters."
    elif "unexpected end" in error:
        code, what = "csv.quote-never-closed", "A quoted field is never closed."
    else:
        code, what = "csv.bad-quotes", "The quotes of a row are broken."
    return refused(
        code,
        what,
        line=line,
        why=f"{spanned} line(s) from here cannot be told apart.",
        remedy="Export it again with quotes doubled inside fields.",
    )


def _wrong_width(
    line: int, width: int, found: int, delimiter: str, ended: bool = True, cells: Sequence[str] = ()
) -> Finding:
    if not ended and found <= width:
        return refused(
            "csv.truncated-row",
            "The last row is cut off.",
            line=line,
            why=f"It has {found} of {width} fields and no line end.",
            remedy="Export or copy the file again.",
        )
    if len(cells) == 1 and any(cells[0].count(d) + 1 == width for d in DELIMITERS if d != delimiter):
        return refused(
            "csv.wrong-delimiter",
            "The row is separated by another sign than the header.",
            line=line,
            remedy="Use one delimiter in the whole file.",
        )
    return refused(
        "csv.wrong-width",
        f"The row has {'too few' if found < width else 'too many'} fields.",
        line=line,
        why=f"It has {found}, the header has {width}.",
        remedy="Quote fields that hold the delimiter.",
    )
