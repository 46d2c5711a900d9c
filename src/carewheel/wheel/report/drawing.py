"""The wheel as a drawing: C1 at the top, the main ring clockwise, all other arrows inside it. Plain SVG."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

SIZE = 640
CENTRE = SIZE / 2
RING = 244
NODE = 58
ORDER = ("C1", "C2a", "C2b", "C3", "C4", "C5", "C6")
MAIN = frozenset({"C1-C2a", "C2a-C2b", "C2b-C3", "C3-C5", "C3-C6", "C4-C1", "C5-C1", "C6-C1"})
STYLE = {"data": "evidence", "prior": "prior", "none": "unmeasured"}


@dataclass(frozen=True, slots=True)
class Arrow:
    """One arrow: its path, where its head points, its classes (how it is drawn), and what it says to a screen reader."""

    id: str
    path: str
    classes: str
    title: str
    width: float


@dataclass(frozen=True, slots=True)
class Node:
    """One component: where it stands, its two-line label, its state."""

    id: str
    x: float
    y: float
    label: tuple[str, ...]
    status: str
    title: str


def nodes(components: Sequence[Mapping[str, Any]], names: Mapping[str, str]) -> list[Node]:
    """The components at their places on the ring."""
    by_id = {state["id"]: state for state in components}
    found = []
    for i, component in enumerate(ORDER):
        x, y = _place(i)
        status = str(by_id[component]["status"])
        found.append(Node(component, x, y, _lines(names[component]), status, f"{names[component]}: {status}"))
    return found


def arrows(links: Sequence[Mapping[str, Any]], names: Mapping[str, str], drag: str = "") -> list[Arrow]:
    """The links as curves. Ring neighbours follow the ring; the others bend away from their way back. ``drag``: its id."""
    return [_arrow(link, names, drag) for link in sorted(links, key=lambda link: link["id"] in MAIN)]


def _arrow(link: Mapping[str, Any], names: Mapping[str, str], drag: str) -> Arrow:
    start, end = ORDER.index(link["from"]), ORDER.index(link["to"])
    (x0, y0), (x1, y1) = _place(start), _place(end)
    step = (end - start) % len(ORDER)
    if step == 1:
        # Along the ring: the circle itself between the two nodes.
        a0, a1 = _angle(start) + _clearance(), _angle(end) - _clearance() - 0.035
        (x0, y0), (x1, y1) = _on_ring(a0), _on_ring(a1)
        path = f"M{x0:.1f},{y0:.1f} A{RING},{RING} 0 0 1 {x1:.1f},{y1:.1f}"
    else:
        # A chord, bent to its right by a share of its length, so that the two directions of a pair part.
        length = math.hypot(x1 - x0, y1 - y0)
        nx, ny = -(y1 - y0) / length, (x1 - x0) / length
        # The way back to the neighbour bends inwards, away from the ring; others by a share of their length.
        bend = -0.32 * length if step == len(ORDER) - 1 else 0.16 * length
        mx, my = (x0 + x1) / 2 + nx * bend, (y0 + y1) / 2 + ny * bend
        x0, y0 = _towards(x0, y0, mx, my, NODE + 3)
        x1, y1 = _towards(x1, y1, mx, my, NODE + 12)
        path = f"M{x0:.1f},{y0:.1f} Q{mx:.1f},{my:.1f} {x1:.1f},{y1:.1f}"
    kind, evidence = str(link["kind"]), str(link["evidence"])
    drawn = "policy" if kind == "policy" else STYLE[evidence]
    main = (" main" if link["id"] in MAIN else "") + (" drags" if link["id"] == drag else "")
    strength = link.get("strength")
    width = (3.6 if main else 1.8) if strength is None else min(1.5 + 8 * abs(strength), 9)
    words = {
        "policy": "a decision of the practice",
        "evidence": "shown by your data",
        "prior": "a guess before your data say more",
    }
    title = f"{names[link['from']]} to {names[link['to']]}: {kind}, {words.get(drawn, 'not measured')}"
    return Arrow(str(link["id"]), path, f"arrow {drawn}{main} from-{link['from']}", title, width)


def _angle(i: int) -> float:
    return -math.pi / 2 + 2 * math.pi * i / len(ORDER)


def _clearance() -> float:
    return (NODE + 4) / RING


def _on_ring(angle: float) -> tuple[float, float]:
    return CENTRE + RING * math.cos(angle), CENTRE + RING * math.sin(angle)


def _place(i: int) -> tuple[float, float]:
    return _on_ring(_angle(i))


def _towards(x: float, y: float, tx: float, ty: float, by: float) -> tuple[float, float]:
    length = math.hypot(tx - x, ty - y)
    return x + (tx - x) * by / length, y + (ty - y) * by / length


def _lines(name: str) -> tuple[str, ...]:
    """A name in at most two lines.

    >>> _lines("Patient experience"), _lines("Growth")
    (('Patient', 'experience'), ('Growth',))
    """
    words = name.split()
    if len(words) == 1:
        return (name,)
    cut = min(range(1, len(words)), key=lambda i: abs(len(" ".join(words[:i])) - len(" ".join(words[i:]))))
    return " ".join(words[:cut]), " ".join(words[cut:])
