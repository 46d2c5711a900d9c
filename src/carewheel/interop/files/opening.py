"""Opening what practices really send: plain, gzip, inside a ZIP; with caps against bombs and a decided encoding."""

from __future__ import annotations

import codecs
import csv
import gzip
import io
import lzma
import os
import struct
import tempfile
import zipfile
import zlib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import IO, BinaryIO, cast

from carewheel.interop.files.findings import FileRefused, refused

SAMPLE_BYTES = 64 * 1024
# So much of a file's beginning tells UTF-16 without a byte-order mark.
WIDE_BYTES = 64
# A CSV of a practice compresses 5 to 30 times. Beyond 200 times and 200 MB it is a bomb, not an export.
BOMB_RATIO = 200
BOMB_BYTES = 200 * 1024 * 1024
UNPACKED_IN_MEMORY = 16 * 1024 * 1024
DELIMITERS = ",;\t|"
# What a damaged or odd archive makes the standard library raise, besides OSError.
ARCHIVE_FAULTS = (
    zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, ValueError, KeyError, IndexError, OverflowError,
    RuntimeError, struct.error,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class SourceFile:
    """One readable file: on disk (``path``) or a member of a ZIP (``path`` + ``member``); ``name`` is for people."""

    path: Path
    name: str
    member: str = ""
    given_source: str = ""

    @property
    def container(self) -> str:
        """The folder or archive that holds it: files of one export lie together."""
        return str(self.path) if self.member else str(self.path.parent)

    @property
    def size(self) -> int:
        """Bytes to be read on disk (compressed size where compressed); 0 where that cannot be told any more."""
        try:
            if self.member:
                with zipfile.ZipFile(self.path) as archive:
                    return archive.getinfo(self.member).compress_size
            return self.path.stat().st_size
        except (OSError, *ARCHIVE_FAULTS):
            return 0

    def open_bytes(self) -> BinaryIO:
        """The content as bytes, decompressed, guarded: `FileRefused` on a bomb, damage or where it may not be read."""
        try:
            return self._open()
        except (OSError, *ARCHIVE_FAULTS) as error:
            raise _broken(error, 0) from error

    def open_seekable(self) -> IO[bytes]:
        """The content as bytes in which one may go back and forth (a workbook): what is packed is unpacked first."""
        with self.open_bytes() as stream:
            unpacked = tempfile.SpooledTemporaryFile(UNPACKED_IN_MEMORY)  # noqa: SIM115 - the caller closes it
            try:
                while chunk := stream.read(1 << 20):
                    unpacked.write(chunk)
            except BaseException:
                unpacked.close()
                raise
        unpacked.seek(0)
        return cast(IO[bytes], unpacked)

    def _open(self) -> BinaryIO:
        if self.member:
            archive = zipfile.ZipFile(self.path)
            info = archive.getinfo(self.member)
            if info.flag_bits & 1:
                raise FileRefused(
                    refused(
                        "zip.encrypted", "The archive is encrypted.", remedy="Unpack it and give the folder."
                    )
                )
            raw: IO[bytes] = archive.open(info)
            packed = info.compress_size
        else:
            raw = self.path.open("rb")
            packed = self.path.stat().st_size
        head = raw.read(2)
        raw.seek(0)
        compressed = bool(self.member)
        if head == b"\x1f\x8b":
            raw = cast(IO[bytes], gzip.GzipFile(fileobj=raw))
            compressed = True
        guarded = _Guarded(raw, packed if compressed else None)
        return io.BufferedReader(guarded, 1 << 16)

    def open_text(self) -> io.TextIOWrapper:
        """The content as text, ``newline=""``. Encoding: byte-order mark, else UTF-16 if it begins so, else UTF-8 if
        all of it is, else Windows-1252.

        Bytes without a meaning in that encoding become U+FFFD: who reads the text says so in a finding.
        """
        return io.TextIOWrapper(self.open_bytes(), encoding=self.encoding(), errors="replace", newline="")

    def encoding(self) -> str:
        """The encoding of the whole file (it is scanned once, in constant memory)."""
        with self.open_bytes() as stream:
            head = stream.read(WIDE_BYTES)
            for mark, name in (
                (codecs.BOM_UTF8, "utf-8-sig"),
                (codecs.BOM_UTF32_LE, "utf-32"),
                (codecs.BOM_UTF16_LE, "utf-16"),
                (codecs.BOM_UTF16_BE, "utf-16"),
            ):
                if head.startswith(mark):
                    return name
            if wide := _unmarked_utf16(head):
                return wide
            decoder = codecs.getincrementaldecoder("utf-8")()
            try:
                decoder.decode(head)
                while chunk := stream.read(1 << 20):
                    decoder.decode(chunk)
                decoder.decode(b"", True)
            except UnicodeDecodeError:
                return "cp1252"
            return "utf-8"

    def sample(self) -> Sample:
        """The first 64 kB, for recognition."""
        with self.open_bytes() as stream:
            return Sample(self, stream.read(SAMPLE_BYTES))


@dataclass(frozen=True)
class Sample:
    """The beginning of a file. Text is decoded leniently here: recognition must not fail on one bad byte."""

    file: SourceFile
    head: bytes

    @cached_property
    def text(self) -> str:
        for mark, name in ((codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16")):
            if self.head.startswith(mark):
                return self.head.decode(name, errors="ignore")
        if wide := _unmarked_utf16(self.head):
            return self.head.decode(wide, errors="ignore")
        # The sample may end inside a character: that alone does not make it Windows-1252.
        decoder = codecs.getincrementaldecoder("utf-8-sig")()
        try:
            return decoder.decode(self.head)
        except UnicodeDecodeError:
            if self.head.startswith(codecs.BOM_UTF8):
                return self.head.decode("utf-8-sig", errors="replace")
            return self.head.decode("cp1252", errors="replace")

    @cached_property
    def delimiter(self) -> str:
        """The delimiter of the first line if it looks like a table's header, else ""."""
        line = self.text.splitlines()[0] if self.text.strip() else ""
        counts = {d: line.count(d) for d in DELIMITERS}
        best = max(DELIMITERS, key=lambda d: counts[d])
        return best if counts[best] else ""

    @cached_property
    def header(self) -> tuple[str, ...]:
        """Column names of the first line, stripped of spaces and quotes; empty where the file is no table."""
        first = self.text.splitlines()[:1] if self.text.strip() else []
        # A NUL further down spoils its row, not the table.
        if not first or "\x00" in first[0]:
            return ()
        try:
            row = next(csv.reader(first, delimiter=self.delimiter or ","))
        except (csv.Error, StopIteration):
            return ()
        return tuple(name.strip().strip("\ufeff") for name in row)

    @cached_property
    def is_archive(self) -> bool:
        """Whether the content is a ZIP; one that is found inside another container is either a workbook or too deep."""
        return self.head.startswith(b"PK\x03\x04")

    @cached_property
    def is_xlsx(self) -> bool:
        """Whether the content is a workbook (also inside a ZIP, or gzipped)."""
        if not self.is_archive:
            return False
        try:
            with self.file.open_seekable() as stream, zipfile.ZipFile(stream) as archive:
                return "xl/workbook.xml" in archive.namelist()
        except (OSError, *ARCHIVE_FAULTS):
            return False


class _Guarded(io.RawIOBase):
    """Counts what comes out of a decompressor and stops a bomb; turns damage into a typed refusal."""

    def __init__(self, raw: IO[bytes], packed: int | None) -> None:
        self._raw = raw
        self._packed = packed
        self._out = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: object) -> int:
        view = memoryview(cast(bytearray, buffer)).cast("B")
        try:
            data = self._raw.read(len(view))
        except (OSError, *ARCHIVE_FAULTS) as error:
            raise _broken(error, self._out) from error
        self._out += len(data)
        if (
            self._packed is not None
            and self._out > BOMB_BYTES
            and self._out > BOMB_RATIO * max(self._packed, 1)
        ):
            raise FileRefused(
                refused(
                    "file.bomb",
                    "The file unpacks to far more than an export would.",
                    why=f"Over {BOMB_RATIO} times its size and over {BOMB_BYTES // 2**20} MB.",
                    remedy="If it is genuine, unpack it yourself and give the plain file.",
                )
            )
        view[: len(data)] = data
        return len(data)

    def close(self) -> None:
        self._raw.close()
        super().close()


def _unmarked_utf16(head: bytes) -> str:
    """``utf-16-le`` or ``utf-16-be`` where every other byte of the beginning is zero, which no other text is; else ""."""
    start = head[:WIDE_BYTES]
    even, odd = start[0::2], start[1::2]
    if len(start) < 8:
        return ""
    if all(even) and not any(odd):
        return "utf-16-le"
    return "utf-16-be" if all(odd) and not any(even) else ""


def _broken(error: Exception, after: int) -> FileRefused:
    """The refusal for what opening or reading raised, ``after`` so many bytes."""
    if isinstance(error, OSError) and not isinstance(error, gzip.BadGzipFile):
        return FileRefused(
            refused(
                "file.unreadable",
                "The file cannot be read." if after else "The file cannot be opened.",
                why=os.strerror(error.errno) if error.errno else type(error).__name__,
                remedy="Check that it is there, whole, and that you may read it.",
            )
        )
    if isinstance(error, NotImplementedError):
        return FileRefused(
            refused(
                "zip.unsupported",
                "The archive is packed in a way that is not known here.",
                remedy="Unpack it and give the folder.",
            )
        )
    return FileRefused(
        refused(
            "file.damaged",
            "The compressed file is damaged or cut off.",
            why=f"Unpacking stopped after {after} bytes ({type(error).__name__}).",
            remedy="Export or copy the file again.",
        )
    )


def printable(name: str) -> str:
    """A file's name fit for messages and reports: what cannot be printed (control signs, broken bytes) becomes U+FFFD.

    >>> printable("a\\nb.csv")
    'a\ufffdb.csv'
    """
    return name if name.isprintable() else "".join(c if c.isprintable() else "\ufffd" for c in name)
