"""Envelopes: interchanges, groups and sets of one file; each set is handed on whole, or not at all."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import TextIO

from carewheel.interop.files import FileSink, Finding, SourceFile
from carewheel.interop.records import Record
from carewheel.interop.x12 import claims, remittances
from carewheel.interop.x12.faults import Faults, finding
from carewheel.interop.x12.guides import Guide, load
from carewheel.interop.x12.interchange import Block, Separators, blocks
from carewheel.interop.x12.values import amount, element
from carewheel.interop.x12.walker import ENVELOPE, Walker

# Records of a set that wait for its SE. A set with more is read a second time instead of being held in memory.
MOST_HELD = 200_000
_GUIDES = {"X222": "837p", "X223": "837i", "X224": "837d", "X221": "835"}


_UNDECODABLE = "\ufffd"


def _text(file: SourceFile) -> TextIO:
    """The file as text; a byte that its encoding does not know is marked, and doubted, rather than fatal."""
    return io.TextIOWrapper(file.open_bytes(), encoding=file.encoding(), errors="replace", newline="")


@dataclass(slots=True)
class Set:
    """A set that is being read. ``walker`` is None for sets that are not used or not supported."""

    code: str
    control: str
    guide: str
    start: int
    walker: Walker | None
    reader: claims.Claims | remittances.Remittance | None
    faults: Faults
    held: list[Record] | None
    segments: int = 1
    rows: int = 0


class FileReader:
    """Reads one file into ``sink``. ``delivered``: the payments that the files before it brought; its own are added.

    They are known by hashes (a file may hold millions): what they lead to is a note or a doubt, never a refusal.
    """

    def __init__(self, file: SourceFile, sink: FileSink, today: date, delivered: set[int]) -> None:
        self.file = file
        self.delivered = delivered
        self.delivered_twice = 0
        self.sink = sink
        self.today = today
        self.faults = Faults()
        self.unused: Counter[str] = Counter()
        self.interchange_fault = ""
        self.separators = Separators("*", ":", "~")
        self.guides: dict[tuple[str, Separators], Guide] = {}
        self.set: Set | None = None
        self.interchange_control = self.group_control = self.version = ""
        self.in_group = self.is_test = False
        self.groups = self.sets = 0
        self.controls: set[int] = set()
        self.line = 0

    def read(self) -> None:
        """Read the whole file. Raises `FileRefused` where it cannot be taken apart at all."""
        size = self.file.size
        with _text(self.file) as stream:
            for block in blocks(stream, lambda read: self.sink.progress(min(read, size))):
                self._block(block)
        self._close_set("x12.truncated")
        if self.interchange_control:
            self.faults.doubt("x12.missing-trailer", self.line, "GE" if self.in_group else "IEA")
        for found in self.faults.findings():
            self.sink.note(found)
        if self.delivered_twice:
            self.sink.note(finding("x12.delivered-twice", "note", None, count=self.delivered_twice))
        for code, count in sorted(self.unused.items()):
            self.sink.note(
                Finding(
                    "x12.not-used-yet",
                    "note",
                    f"Transaction set {code} is not used yet.",
                    why="CareWheel reads 837 claims and 835 remittances.",
                    count=count,
                )
            )

    def _block(self, block: Block) -> None:
        self.separators = block.separators
        if block.starts:
            self._close_set("x12.truncated")
            if self.interchange_control:
                self.faults.doubt("x12.missing-trailer", block.first, "IEA")
            self.interchange_control = self.group_control = ""
            self.in_group = False
            self.interchange_fault = block.fault
            if block.fault and block.segments:
                self.faults.doubt(block.fault, block.first)
            elif block.fault:
                # Not even the separators can be told: nothing of the file is read.
                self.faults.refuse(block.fault, block.first)
        segments, index = block.segments, 0
        for place, segment in enumerate(segments):
            if _UNDECODABLE in segment:
                self.faults.doubt("x12.undecodable", block.first + place)
        while index < len(segments):
            self.line = block.first + index
            current = self.set
            if current is not None and current.walker is not None:
                reached = current.walker.feed(segments, index, block.first)
                current.segments += reached - index
                if reached >= len(segments):
                    return
                index = reached
                self.line = block.first + index
            elements = segments[index].split(self.separators.element)
            if elements[0] in ENVELOPE:
                self._envelope(elements)
            elif current is not None:
                current.segments += 1
                current.rows += elements[0] in ("CLM", "CLP")
            else:
                self.faults.doubt("x12.misplaced-envelope", self.line)
            index += 1

    def _envelope(self, e: list[str]) -> None:
        tag = e[0]
        if tag == "SE":
            if self.set is None:
                self.faults.doubt("x12.misplaced-envelope", self.line, "SE")
            else:
                self._end_set(e)
            return
        if self.set is not None and tag != "TA1":
            self._close_set("x12.truncated")
        if tag == "ST":
            self._begin_set(e)
        elif tag == "ISA":
            self.interchange_control, self.groups = element(e, 13) or "?", 0
            self.is_test = element(e, 15) == "T"
        elif tag == "GS":
            if self.in_group:
                self.faults.doubt("x12.missing-trailer", self.line, "GE")
            self.in_group, self.groups, self.sets = True, self.groups + 1, 0
            self.group_control, self.version = element(e, 6), element(e, 8)
            self.controls.clear()
        elif tag == "GE":
            if not self.in_group:
                self.faults.doubt("x12.misplaced-envelope", self.line, "GE")
            elif element(e, 2) != self.group_control:
                self.faults.doubt("x12.control-number", self.line, "GE02")
            if self.in_group and element(e, 1).lstrip("0") != (str(self.sets) if self.sets else ""):
                self.faults.doubt("x12.trailer-count", self.line, "GE01")
            self.in_group = False
        elif tag == "IEA":
            if self.in_group:
                self.faults.doubt("x12.missing-trailer", self.line, "GE")
            if self.interchange_control and element(e, 2) != self.interchange_control:
                self.faults.doubt("x12.control-number", self.line, "IEA02")
            if self.interchange_control and element(e, 1).lstrip("0") != (
                str(self.groups) if self.groups else ""
            ):
                self.faults.doubt("x12.trailer-count", self.line, "IEA01")
            self.interchange_control = ""
            self.in_group = False

    def _begin_set(self, e: list[str]) -> None:
        code, control = element(e, 1), element(e, 2)
        self.sets += 1
        mark = hash(control)
        if mark in self.controls:
            self.faults.doubt("x12.duplicate-control", self.line, "ST02")
        self.controls.add(mark)
        version = element(e, 3) or self.version
        guide = next((name for part, name in _GUIDES.items() if part in version), "")
        if not guide and code == "835":
            guide = "835"
        faults = Faults()
        self.set = Set(code, control, "", self.line, None, None, faults, None)
        if code not in ("837", "835"):
            return
        if version and not version.startswith("005010"):
            faults.refuse("x12.unsupported-version", self.line, "GS08")
            return
        if not guide or guide[:3] != code:
            faults.refuse("x12.unsupported-version", self.line, "ST03")
            return
        self.set.guide, self.set.held = guide, []
        self.set.reader = self._reader(guide, faults, self._hold)
        self.set.walker = Walker(self._guide(guide), self.separators, self.set.reader, faults)

    def _guide(self, name: str) -> Guide:
        key = (name, self.separators)
        if key not in self.guides:
            handlers = remittances.HANDLERS if name == "835" else claims.HANDLERS
            self.guides[key] = load(name, self.separators, handlers)
        return self.guides[key]

    def _reader(
        self, guide: str, faults: Faults, emit: Callable[[Record], None], counts: bool = True
    ) -> claims.Claims | remittances.Remittance:
        if guide == "835":
            paid: Callable[[Decimal, str], None] = self._paid if counts else lambda *_: None
            return remittances.Remittance(self.separators, faults, emit, paid)
        seen: Callable[[Decimal, str], None] = self._charged if counts else lambda *_: None
        return claims.Claims(guide, self.separators, faults, emit, seen, self.today)

    def _paid(self, paid: Decimal, currency: str) -> None:
        self.sink.tally("collections", paid, currency)

    def _charged(self, charged: Decimal, currency: str) -> None:
        self.sink.tally("charges", charged, currency)

    def _hold(self, record: Record) -> None:
        current = self.set
        if current is None or current.held is None:
            return
        if len(current.held) >= MOST_HELD:
            current.held = None
        else:
            current.held.append(record)

    def _end_set(self, e: list[str]) -> None:
        current = self.set
        assert current is not None
        current.segments += 1
        if current.walker is not None:
            stated = amount(element(e, 1))
            if stated is None or stated != current.segments:
                current.faults.refuse("x12.segment-count", self.line, "SE01")
            if element(e, 2) != current.control:
                current.faults.refuse("x12.control-number", self.line, "SE02")
        self._close_set("")

    def _close_set(self, fault: str) -> None:
        """The set is over: hand on what it yielded, or refuse it whole. ``fault``: it has no SE."""
        current = self.set
        if current is None:
            return
        if current.reader is not None and current.walker is not None:
            current.reader.finish()
            current.walker.finish(self.line)
            current.rows = current.reader.rows
        self.set = None
        if current.code not in ("837", "835"):
            self.unused[current.code if len(current.code) == 3 else "?"] += 1
            self.sink.ignore("x12.not-used-yet")
            return
        if fault:
            # Of course the half of a remittance does not balance.
            current.faults.drop("x12.unbalanced")
            current.faults.refuse(fault, self.line, f"ST of segment {current.start}")
        if self.interchange_fault:
            place = f"ST of segment {current.start}"
            worst: Finding | None = finding(self.interchange_fault, "refused", current.start, place)
        else:
            worst = current.faults.take_worst()
        # What else is said of many sets is said once for the file, with its count.
        self.faults.add(current.faults)
        if worst is not None:
            if current.rows:
                self.sink.refuse(worst, current.rows)
            else:
                self.sink.note(worst)
            return
        self.sink.used(current.rows)
        if isinstance(current.reader, remittances.Remittance):
            payment = hash(current.reader.identity)
            self.delivered_twice += payment in self.delivered
            self.delivered.add(payment)
        if self.is_test:
            self.faults.doubt("x12.test-interchange", current.start)
        if current.held is not None:
            for record in current.held:
                self.sink.add(record)
        else:
            self._again(current)

    def _again(self, current: Set) -> None:
        """Read a large set, found good, a second time and hand on its records as they come."""
        reader = self._reader(current.guide, Faults(), self.sink.add, counts=False)
        walker = Walker(self._guide(current.guide), self.separators, reader, Faults())
        for segments, first in self._segments_of(current):
            walker.feed(segments, 0, first)
        reader.finish()

    def _segments_of(self, current: Set) -> Iterator[tuple[list[str], int]]:
        start, stop = current.start + 1, current.start + current.segments - 1
        with _text(self.file) as stream:
            for block in blocks(stream):
                if block.first >= stop:
                    return
                skip = max(0, start - block.first)
                segments = block.segments[skip : stop - block.first]
                if segments:
                    yield segments, block.first + skip
