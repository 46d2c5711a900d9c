"""The tokeniser: a stream of HL7 v2 messages, one at a time, whatever the line ends, framing or batch around them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from functools import lru_cache
from typing import TextIO

CHUNK = 1 << 19
# Embedded documents make messages large. Beyond 16 MB of text a message is not held.
MAX_MESSAGE = 16 << 20
_SEGMENT = re.compile(r"[A-Z][A-Z0-9]{2}")
_TIME = re.compile(r"(\d{4})(\d\d)(\d\d)(?:(\d\d)(?:(\d\d)(?:(\d\d)(?:\.\d+)?)?)?)?([+-]\d{4})?")
_LINE_END = re.compile("[\\r\\n\\x1c]")
_BATCH = frozenset({"FHS", "BHS", "BTS", "FTS"})


class Message:
    """One message: its segments as lists of raw fields, with the separators that its MSH declares.

    ``line`` is where its MSH stands in the file; ``is_whole`` is false for one over `MAX_MESSAGE`.
    """

    def __init__(self, lines: list[str], line: int, is_whole: bool = True) -> None:
        head = lines[0]
        self.line = line
        self.is_whole = is_whole
        self.field_separator = head[3:4]
        marks = head[4:].split(self.field_separator, 1)[0] if self.field_separator else ""
        # NUL stands for a separator that was not declared: it occurs in no text.
        self.component, self.repetition, self.escape, self.subcomponent = list((marks + "\0\0\0\0")[:4])
        self.is_readable = (
            bool(self.field_separator) and len(marks) >= 1 and not self.field_separator.isalnum()
        )
        self.size = sum(map(len, lines))
        self._lines: dict[str, list[str]] = {}
        for text in lines:
            self._lines.setdefault(text[:3], []).append(text)
        self._split: dict[str, list[list[str]]] = {}

    def all(self, name: str) -> list[list[str]]:
        """The segments of this name, in order; split when they are first asked for (most never are)."""
        known = self._split.get(name)
        if known is None:
            mark = self.field_separator
            known = [line.split(mark) if mark else [line] for line in self._lines.get(name, ())]
            if name == "MSH":
                # MSH-1 is the separator itself: put it in its place so that field n is at index n.
                known[0].insert(1, mark)
            self._split[name] = known
        return known

    def first(self, name: str) -> list[str]:
        """The first segment of this name; an empty one where there is none."""
        found = self.all(name)
        return found[0] if found else [name]

    def raw(self, segment: list[str], field: int) -> str:
        """A field as it stands; "" where absent or HL7's null (two quotation marks: deleted)."""
        text = segment[field] if field < len(segment) else ""
        return "" if text == '""' else text

    def repetitions(self, segment: list[str], field: int) -> list[str]:
        """The repetitions of a field."""
        text = self.raw(segment, field)
        return text.split(self.repetition) if text else []

    def part(self, text: str, component: int = 1, subcomponent: int = 1) -> str:
        """A component's subcomponent of one repetition, unescaped, stripped; "" where absent or null."""
        # Most fields have one component and no escape: asking is cheaper than splitting.
        for mark, place in ((self.component, component), (self.subcomponent, subcomponent)):
            if mark in text:
                parts = text.split(mark)
                text = parts[place - 1] if place <= len(parts) else ""
            elif place > 1:
                return ""
        text = (self._unescape(text) if self.escape in text else text).strip()
        return "" if text == '""' else text

    def value(self, segment: list[str], field: int, component: int = 1, subcomponent: int = 1) -> str:
        """A component of a field's first repetition, unescaped."""
        text = segment[field] if field < len(segment) else ""
        if not text or text == '""':
            return ""
        return self.part(text.split(self.repetition, 1)[0], component, subcomponent)

    def _unescape(self, text: str) -> str:
        if self.escape == "\0":
            return text
        marks = {
            "F": self.field_separator,
            "S": self.component,
            "T": self.subcomponent,
            "R": self.repetition,
            "E": self.escape,
        }
        escape = re.escape(self.escape)
        return re.sub(
            f"{escape}([^{escape}]*){escape}",
            lambda match: marks.get(match[1], "" if match[1][:1] in ("H", "N", ".") else match[0]),
            text,
        )


class Batch:
    """What a batch trailer (BTS) says: the number of messages in it, and how many came."""

    def __init__(self, line: int, stated: str, came: int) -> None:
        self.line, self.stated, self.came = line, stated, came


def messages(stream: TextIO) -> Iterator[Message | Batch]:
    """Every message of a file; MLLP frames and batch headers are taken off, batch trailers are handed on.

    A line that begins no segment belongs to a text field of the segment before it, and is dropped.
    """
    held: list[str] = []
    start, size, came = 0, 0, 0
    for number, line in _lines(stream):
        name = line[:3]
        if name == "MSH":
            if held:
                yield Message(held, start, size <= MAX_MESSAGE)
            came += 1
            held, start, size = [line], number, len(line)
        elif name in _BATCH:
            if held:
                yield Message(held, start, size <= MAX_MESSAGE)
            held = []
            if name == "BHS":
                came = 0
            elif name == "BTS":
                yield Batch(number, line[4:].split(line[3:4] or "|")[0].strip(), came)
        elif held and _SEGMENT.fullmatch(name):
            size += len(line)
            if size <= MAX_MESSAGE:
                held.append(line)
    if held:
        yield Message(held, start, size <= MAX_MESSAGE)


def _lines(stream: TextIO) -> Iterator[tuple[int, str]]:
    rest, number = "", 0
    while chunk := stream.read(CHUNK):
        if len(rest) > MAX_MESSAGE and not rest.endswith("\r") and not _LINE_END.search(chunk):
            # One endless line: its beginning is kept so that it counts as a message too long.
            continue
        # A chunk may end between the two characters of a line end: keep the last one for the next.
        text = rest + chunk
        keep = text[-1] if text[-1] in "\r" else ""
        text = text[: len(text) - len(keep)].replace("\r\n", "\n").replace("\r", "\n")
        text = text.replace("\x0b", "").replace("\x1c", "\n")
        lines = text.split("\n")
        rest = lines.pop() + keep
        for line in lines:
            number += 1
            if line.strip():
                yield number, line.lstrip(" \ufeff")
        if len(rest) > MAX_MESSAGE and not rest.endswith("\r"):
            rest = rest[: MAX_MESSAGE + 1]
    if rest.strip():
        yield number + 1, rest.strip("\r\n \ufeff")


@lru_cache(maxsize=4096)
def moment(text: str) -> datetime | None:
    """A point in time from YYYYMMDD[HH[MM[SS[.S]]]][±ZZZZ]; aware where the offset is given; None where it is none.

    >>> moment("202109141120+0215").isoformat(), moment("20210924").isoformat(), moment("2021"), moment("00010101")
    ('2021-09-14T11:20:00+02:15', '2021-09-24T00:00:00', None, None)
    """
    match = _TIME.fullmatch(text.strip())
    if not match or not 1900 <= int(match[1]) <= 2199:
        return None
    zone = None
    if match[7]:
        minutes = int(match[7][1:3]) * 60 + int(match[7][3:])
        if minutes > 14 * 60:
            return None
        zone = timezone(timedelta(minutes=minutes if match[7][0] == "+" else -minutes))
    try:
        year, month, day, hour, minute, second = (int(match[place] or 0) for place in range(1, 7))
        return datetime(year, month, day, hour, minute, second, tzinfo=zone)
    except ValueError:
        return None
