"""Walks a transaction set along its guide: checks order, repeats, elements and codes, and hands segments to a reader."""

from __future__ import annotations

import re
from typing import Any

from carewheel.interop.x12.faults import Faults
from carewheel.interop.x12.guides import QUALIFIER, Guide, Node, Step
from carewheel.interop.x12.interchange import Separators
from carewheel.interop.x12.values import element

ENVELOPE = frozenset({"ISA", "GS", "ST", "SE", "GE", "IEA", "TA1"})
_NOTHING = [""] * 24
_NAME = re.compile(r"[A-Z][A-Z0-9]{1,2}")
# Segments that begin a claim, a line, a level: where one of them is lost, everything after it would be misread.
_STRUCTURE = frozenset(
    {"HL", "CLM", "LX", "CLP", "SVC", "NM1", "N1", "SBR", "SV1", "SV2", "SV3", "BPR", "TRN", "BHT"}
)


class Walker:
    """The walk of one set. ``reader`` is what the guide's handlers are called with; ``line`` its present segment."""

    def __init__(self, guide: Guide, separators: Separators, reader: Any, faults: Faults) -> None:
        self.guide = guide
        self.separators = separators
        self.reader = reader
        self.faults = faults
        self.node = guide.first
        self.counts = [0] * len(guide.nodes)
        self.counts[guide.first.number] = 1

    def feed(self, segments: list[str], index: int, first: int) -> int:
        """Walk from ``index`` to the next envelope segment or the end; ``first`` is the number of ``segments[0]``.

        Returns the index reached. This is the loop in which reading spends its time.
        """
        node, counts, reader = self.node, self.counts, self.reader
        separator = self.separators.element
        qualifiers = QUALIFIER
        size = len(segments)
        while index < size:
            segment = segments[index]
            elements = segment.split(separator)
            tag = elements[0]
            if tag in qualifiers:
                place = qualifiers[tag]
                key = f"{tag}*{elements[place]}" if place < len(elements) else f"{tag}*"
            else:
                key = tag
            step = node.steps.get(key)
            if step is None:
                if tag in ENVELOPE:
                    break
                step = self._find(node, key, first + index)
                if step is None:
                    index += 1
                    continue
            node, left, reset = step
            for loop in left:
                if loop.any_missing is not None and 0 in loop.any_missing(counts):
                    self._missing(loop.required, first + index)
            if reset is not None:
                counts[reset[0] : reset[1]] = reset[2]
            number = node.number
            counts[number] += 1
            if counts[number] > node.limit:
                self._too_many(node, first + index)
            if not node.fits(segment):
                self._elements(node, elements, first + index)
                # Handlers take elements by number: what a short segment lacks is empty, not an error.
                elements += _NOTHING
            if node.handle is not None:
                reader.line = first + index
                node.handle(reader, elements)
            index += 1
        self.node = node
        return index

    def finish(self, line: int) -> None:
        """The set ends here: what is still missing?"""
        loop = self.node.loop
        while True:
            self._missing(loop.required, line)
            if loop.parent is None:
                return
            loop = loop.parent

    def _find(self, node: Node, key: str, line: int) -> Step | None:
        tag, _, qualifier = key.partition("*")
        step = self.guide.step(node, tag, qualifier)
        if step is not None:
            # Known codes only: a hostile file must not fill the memory with invented ones.
            if len(node.steps) < 500:
                node.steps[key] = step
            return step
        if not _NAME.fullmatch(tag):
            self.faults.refuse("x12.unknown-segment", line, "malformed name")
            return None
        if tag not in self.guide.tags:
            self.faults.refuse("x12.unknown-segment", line, tag)
            return None
        elsewhere = self.guide.anywhere(tag, qualifier)
        if elsewhere is None:
            self.faults.refuse(
                "x12.bad-code", line, f"{tag}{QUALIFIER[tag]:02d}" if tag in QUALIFIER else tag
            )
            return None
        # Known, but not here. Of the segments that begin something the walk takes up the thread again.
        self.faults.refuse("x12.segment-order", line, tag)
        return elsewhere if tag in _STRUCTURE and tag != "NM1" else None

    def _missing(self, required: list[Node], line: int) -> None:
        for node in required:
            if self.counts[node.number]:
                continue
            begins = node.loop.header is node
            code = "x12.missing-loop" if begins else "x12.missing-segment"
            place = node.loop.id if begins else f"{node.tag} in {node.loop.id or 'the set'}"
            (self.faults.refuse if node.usage == "R" else self.faults.doubt)(code, line, place)

    def _too_many(self, node: Node, line: int) -> None:
        begins = node.loop.header is node
        place = f"loop {node.loop.id}" if begins else f"{node.tag} in {node.loop.id or 'the set'}"
        hard = begins or node.tag in _STRUCTURE
        (self.faults.refuse if hard else self.faults.doubt)("x12.too-many", line, place)

    def _elements(self, node: Node, elements: list[str], line: int) -> None:
        """Name what the pattern of the whole segment did not accept."""
        component = self.separators.component
        found = False

        def value(name: str) -> str:
            number, _, part = name.partition("-")
            text = element(elements, int(number))
            return element(["", *text.split(component)], int(part)) if part else text

        for names, report in ((node.need, self.faults.refuse), (node.want, self.faults.doubt)):
            for name in names:
                if value(name) == "" and ("-" not in name or value(name.partition("-")[0])):
                    found = True
                    report("x12.missing-element", line, _name(node.tag, name))
        for codes, report in ((node.codes, self.faults.refuse), (node.doubted_codes, self.faults.doubt)):
            for name, known in codes.items():
                text = value(name)
                if text and text not in known:
                    found = True
                    report("x12.bad-code", line, _name(node.tag, name))
        if not found and elements[-1] == "":
            self.faults.doubt("x12.trailing-separators", line, node.tag)


def _name(tag: str, name: str) -> str:
    number, _, part = name.partition("-")
    return f"{tag}{int(number):02d}" + (f"-{part}" if part else "")
