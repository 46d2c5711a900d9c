"""Guides: which segments may stand where in a transaction set, as a graph compiled from the tables in `guides/`."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from operator import itemgetter
from typing import Any, NamedTuple

from carewheel.interop.x12.interchange import Separators

UNLIMITED = 1 << 60
# The element whose code tells variants of one segment apart (and begins a loop of one kind or another).
QUALIFIER = {"HL": 3, "NM1": 1, "REF": 1, "DTP": 1, "DTM": 1, "N1": 1, "AMT": 1, "QTY": 1, "CRC": 1}
Handler = Callable[[Any, list[str]], None]


@dataclass(slots=True, eq=False)
class Loop:
    """A loop: its children in order; a child's position is the number of its group (equal tags may stand in any order)."""

    id: str
    usage: str
    limit: int
    parent: Loop | None
    position: int = 0
    children: list[Node | Loop] = field(default_factory=list)
    header: Node | None = None
    start: int = 0
    stop: int = 0
    required: list[Node] = field(default_factory=list)
    any_missing: Callable[[list[int]], tuple[int, ...]] | None = None


@dataclass(slots=True, eq=False)
class Node:
    """One kind of segment at one place; ``number`` is its counter's index (a loop's counters are contiguous)."""

    tag: str
    usage: str
    limit: int
    loop: Loop
    need: tuple[str, ...]
    want: tuple[str, ...]
    codes: Mapping[str, frozenset[str]]
    doubted_codes: Mapping[str, frozenset[str]]
    position: int = 0
    number: int = 0
    fits: Callable[[str], Any] = bool
    handle: Handler | None = None
    steps: dict[str, Step | None] = field(default_factory=dict)

    @property
    def qualifiers(self) -> frozenset[str] | None:
        """The codes that mark this variant; None where any will do."""
        return self.codes.get(str(QUALIFIER.get(self.tag, "")))


class Step(NamedTuple):
    """The way from one segment to the next: loops left (to be checked), counters to reset, and the place reached."""

    node: Node
    left: tuple[Loop, ...]
    reset: tuple[int, int, list[int]] | None


@dataclass(slots=True, eq=False)
class Guide:
    """A compiled guide. ``first`` stands for the ST that precedes all."""

    name: str
    first: Node
    nodes: list[Node]
    by_key: dict[str, Node]
    tags: frozenset[str]

    def step(self, node: Node, tag: str, qualifier: str) -> Step | None:
        """Where a segment leads from ``node``, or None where the guide has no place for it."""
        loop: Loop | None = node.loop
        position = node.position
        left: list[Loop] = []
        while loop is not None:
            for child in loop.children:
                if child.position < position:
                    continue
                target = child.header if isinstance(child, Loop) else child
                if target is None or target is loop.header or not _matches(target, tag, qualifier):
                    continue
                return _step(target, tuple(left), child if isinstance(child, Loop) else None)
            left.append(loop)
            if loop.header is not None and _matches(loop.header, tag, qualifier):
                return _step(loop.header, tuple(left), loop)
            position, loop = loop.position, loop.parent
        return None

    def anywhere(self, tag: str, qualifier: str) -> Step | None:
        """The first place of the whole guide where the segment could stand, after a fault lost the thread."""
        for node in self.nodes:
            if node is not self.first and _matches(node, tag, qualifier):
                return _step(node, (), node.loop if node.loop.header is node else None)
        return None


def _matches(node: Node, tag: str, qualifier: str) -> bool:
    return node.tag == tag and (node.qualifiers is None or qualifier in node.qualifiers)


def _step(node: Node, left: tuple[Loop, ...], entered: Loop | None) -> Step:
    if entered is None:
        return Step(node, left, None)
    start, stop = entered.start + 1, entered.stop
    return Step(node, left, (start, stop, [0] * (stop - start)) if stop > start else None)


def load(name: str, separators: Separators, handlers: Mapping[tuple[str, str], Handler]) -> Guide:
    """The guide ``837p``, ``837i``, ``837d`` or ``835``, compiled for an interchange's separators.

    ``handlers`` maps (loop id, segment tag or ``NM1*82``) to what a reader does with that segment.
    """
    text = resources.files("carewheel.interop.x12").joinpath(f"guides/{name}.txt").read_text("utf-8")
    root = _parse(text.splitlines())
    nodes: list[Node] = []
    _number(root, nodes)
    by_key: dict[str, Node] = {}
    for node in nodes:
        node.fits = _pattern(node, separators)
        by_key.setdefault(node.tag, node)
        for qualifier in sorted(node.qualifiers or ()) or [""]:
            handler = handlers.get((node.loop.id, f"{node.tag}*{qualifier}")) or handlers.get(
                (node.loop.id, node.tag)
            )
            node.handle = node.handle or handler
    first = root.children[0]
    assert isinstance(first, Node)
    return Guide(name, first, nodes, by_key, frozenset(node.tag for node in nodes))


def _parse(lines: Sequence[str]) -> Loop:
    root = Loop("", "R", 1, None)
    root.children.append(Node("ST", "R", 1, root, (), (), {}, {}))
    open_loops = [root]
    known: dict[str, Loop] = {}
    for line in lines:
        if not line.strip() or line.startswith("#"):
            continue
        depth = (len(line) - len(line.lstrip())) // 2
        del open_loops[depth + 1 :]
        parent = open_loops[-1]
        words = line.split()
        if words[0] == "loop":
            loop = Loop(words[1], words[2], _limit(words[3]), parent)
            if len(words) > 4:
                _copy(known[words[5]], loop)
            parent.children.append(loop)
            known.setdefault(loop.id, loop)
            open_loops.append(loop)
        else:
            parent.children.append(_node(words, parent))
    return root


def _node(words: Sequence[str], loop: Loop) -> Node:
    need: tuple[str, ...] = ()
    want: tuple[str, ...] = ()
    codes: dict[str, frozenset[str]] = {}
    doubted: dict[str, frozenset[str]] = {}
    for word in words[3:]:
        name, mark, values = re.split("([=~])", word, maxsplit=1)
        if name == "need":
            need = tuple(values.split(","))
        elif name == "want":
            want = tuple(values.split(","))
        else:
            (codes if mark == "=" else doubted)[name] = frozenset(values.split(","))
    return Node(words[0], words[1], _limit(words[2]), loop, need, want, codes, doubted)


def _copy(source: Loop, target: Loop) -> None:
    for child in source.children:
        if isinstance(child, Loop):
            copied = Loop(child.id, child.usage, child.limit, target)
            _copy(child, copied)
            target.children.append(copied)
        else:
            target.children.append(
                Node(
                    child.tag,
                    child.usage,
                    child.limit,
                    target,
                    child.need,
                    child.want,
                    child.codes,
                    child.doubted_codes,
                )
            )


def _limit(word: str) -> int:
    return UNLIMITED if word == "*" else int(word)


def _number(loop: Loop, nodes: list[Node]) -> None:
    """Number the segments depth first, so that a loop's counters are one slice; group equal tags; gather the required."""
    position, previous = 0, ""
    loop.start = len(nodes)
    for index, child in enumerate(loop.children):
        tag = child.children[0].tag if isinstance(child, Loop) else child.tag  # type: ignore[union-attr]
        position += tag != previous
        previous, child.position = tag, position
        if isinstance(child, Node):
            child.number = len(nodes)
            nodes.append(child)
            if index == 0 and loop.parent is not None:
                loop.header, child.limit = child, loop.limit
            elif child.usage in "Rr":
                loop.required.append(child)
        else:
            _number(child, nodes)
            if child.usage in "Rr" and child.header is not None:
                child.header.usage = child.usage
                loop.required.append(child.header)
    loop.stop = len(nodes)
    numbers = [node.number for node in loop.required]
    if len(numbers) > 1:
        loop.any_missing = itemgetter(*numbers)
    elif numbers:
        only = numbers[0]
        loop.any_missing = lambda counts: (counts[only],)


@cache
def _escaped(codes: frozenset[str]) -> str:
    return "(?:" + "|".join(re.escape(code) for code in sorted(codes)) + ")"


def _pattern(node: Node, separators: Separators) -> Callable[[str], Any]:
    """A test of a whole segment's text: needed and wanted elements there, codes known, no trailing separator.

    One regular expression instead of element by element: this is where most of the time would go.
    """
    element, component = re.escape(separators.element), re.escape(separators.component)
    known = {**node.doubted_codes, **node.codes}
    asked = {*node.need, *node.want}
    last = max((int(name.split("-")[0]) for name in (*asked, *known)), default=0)
    pattern = re.escape(node.tag)
    optional: list[str] = []
    for number in range(1, last + 1):
        name = str(number)
        components = [int(n.split("-")[1]) for n in (*asked, *known) if n.startswith(f"{name}-")]
        if components:
            parts = []
            for part in range(1, max(components) + 1):
                key = f"{name}-{part}"
                text = _escaped(known[key]) if key in known else f"[^{element}{component}]+"
                parts.append(text if key in asked else f"(?:{text})?")
            text = component.join(parts) + f"(?:{component}[^{element}]*)?"
        elif name in known:
            text = _escaped(known[name])
        else:
            text = f"[^{element}]+"
        if name in asked:
            pattern += "".join(f"{element}(?:{before})?" for before in optional) + f"{element}(?:{text})"
            optional.clear()
        else:
            optional.append(text)
    for text in optional:
        pattern += f"(?:{element}(?:{text})?"
    # What follows is free, but the segment must not end in an empty element.
    pattern += f"(?:{element}.*)?" + ")?" * len(optional) + f"(?<!{element})"
    return re.compile(pattern, re.DOTALL).fullmatch
