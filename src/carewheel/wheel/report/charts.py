"""Small charts of the report: a strip (value, interval, target) and a line over months with its band. Plain SVG."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

STRIP_WIDTH, STRIP_HEIGHT = 240, 28
LINE_WIDTH, LINE_HEIGHT = 240, 56


def strip(measure: Mapping[str, Any]) -> dict[str, float] | None:
    """Places of value, interval and target on a line that begins at zero where zero belongs to the unit's scale."""
    value = measure["value"]
    if value is None:
        return None
    target = (
        measure["target"]["value"] if measure["target"] and measure["target"]["kind"] == "level" else None
    )
    known = [x for x in (value, measure["low"], measure["high"], target) if x is not None]
    if measure["unit"] == "points":
        first, last = -100.0, 100.0
    elif measure["unit"] == "points of 100":
        first, last = 0.0, 100.0
    elif measure["unit"] == "stars":
        first, last = 1.0, 5.0
    elif measure["unit"] == "share":
        first, last = 0.0, 1.0
    else:
        first, last = min(0.0, *known), max(known) * 1.15
    if last <= first:
        return None

    def at(x: float) -> float:
        return 6 + (STRIP_WIDTH - 12) * (min(max(x, first), last) - first) / (last - first)

    places = {"value": at(value)}
    for name, x in (("low", measure["low"]), ("high", measure["high"]), ("target", target)):
        if x is not None:
            places[name] = at(x)
    return places


def line(monthly: Sequence[Mapping[str, Any]]) -> dict[str, Any] | None:
    """Path and band of a measure by month; None with fewer than three months that have a number.

    Months without a number leave a gap: nothing is joined over them.
    """
    shown = [row for row in monthly if row["value"] is not None]
    if len(shown) < 3:
        return None
    bounds = [x for row in shown for x in (row["value"], row["low"], row["high"]) if x is not None]
    first, last = min(0.0, *bounds), max(bounds)
    if last <= first:
        return None

    def place(i: int, value: float) -> str:
        x = 2 + (LINE_WIDTH - 4) * i / max(len(monthly) - 1, 1)
        return f"{x:.1f},{LINE_HEIGHT - 4 - (LINE_HEIGHT - 8) * (value - first) / (last - first):.1f}"

    paths, bands, run = [], [], list[int]()
    for i, row in [*enumerate(monthly), (len(monthly), {"value": None})]:
        if row["value"] is not None:
            run.append(i)
            continue
        if run:
            paths.append("M" + " L".join(place(j, monthly[j]["value"]) for j in run))
            banded = [j for j in run if monthly[j]["low"] is not None and monthly[j]["high"] is not None]
            if len(banded) > 1:
                upper = [place(j, monthly[j]["high"]) for j in banded]
                lower = [place(j, monthly[j]["low"]) for j in reversed(banded)]
                bands.append("M" + " L".join(upper + lower) + "Z")
            run = []
    return {"paths": paths, "bands": bands, "first": monthly[0]["month"], "last": monthly[-1]["month"]}


FOREST_WIDTH = 180


def forest(links: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Places of estimate, interval and guess of each arrow on one common line, by link id."""
    ends = [
        x for link in links for x in (link["low"], link["high"], link["assumed"]["mean"]) if x is not None
    ]
    reach = max(0.1, *(abs(x) for x in ends)) * 1.05 if ends else 1.0

    def at(x: float | None) -> float | None:
        return None if x is None else round(6 + (FOREST_WIDTH - 12) * (x + reach) / (2 * reach), 1)

    rows = {
        link["id"]: {
            "guess": at(link["assumed"]["mean"]),
            "point": at(link["strength"]),
            "low": at(link["low"]),
            "high": at(link["high"]),
        }
        for link in links
    }
    return {"rows": rows, "zero": at(0.0), "low": f"{-reach:.1f}", "high": f"+{reach:.1f}"}
