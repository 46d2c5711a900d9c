"""Pictures of what is ahead and of what was verified, as places on small charts; each with the sentence and table that say the same."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from carewheel.catalog.components import components
from carewheel.catalog.measures import measures
from carewheel.catalog.plays import plays
from carewheel.wheel.numbers import about, number
from carewheel.wheel.plans import signed

# Small enough to be read as it is on a phone; several stand side by side on a desk.
WIDTH, HEIGHT = 340, 190
LEFT, RIGHT, TOP, BOTTOM = 62, 10, 14, 24
BAR = 200
INTO = {
    "staff": "Staff",
    "technology": "Technology",
    "amenities": "Rooms and comfort",
    "marketing": "Marketing",
}
HORIZON = {"quick": "Quick win", "medium": "Medium term", "long": "Long term"}
MONTHS_TOLD = (6, 12, 24)
# From this share of all push on a loop is said to push most.
MOST = 0.5


class Scale:
    """From values to places on a chart: months along, values up; with a few round ticks."""

    def __init__(self, values: Sequence[float], months: int) -> None:
        low, high = min(values), max(values)
        # Room for a name above and below the lines.
        room = (high - low) * 0.14 or abs(high) * 0.05 or 1.0
        self.low, self.high, self.months = low - room, high + room / 2, months

    def x(self, month: float) -> float:
        return round(LEFT + (WIDTH - LEFT - RIGHT) * month / max(self.months, 1), 1)

    def y(self, value: float) -> float:
        return round(HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * (value - self.low) / (self.high - self.low), 1)  # fmt: skip

    def ticks(self) -> list[float]:
        """Three to six round values within the chart."""
        step = 10 ** math.floor(math.log10((self.high - self.low) / 3))
        step *= next(factor for factor in (1, 2, 5, 10) if (self.high - self.low) / (step * factor) <= 6)
        first = math.ceil(self.low / step)
        return [k * step for k in range(first, math.floor(self.high / step) + 1)]

    def path(self, values: Sequence[float | None], first: float = 0) -> str:
        """A line through known values; a gap stays a gap."""
        text, pen = "", "M"
        for i, value in enumerate(values):
            if value is None:
                pen = "M"
                continue
            text += f"{pen}{self.x(first + i)},{self.y(value)} "
            pen = "L"
        return text.strip()

    def band(self, low: Sequence[float | None], high: Sequence[float | None], first: float = 0) -> str:
        known = [i for i in range(len(low)) if low[i] is not None and high[i] is not None]
        places = [(i, high[i]) for i in known] + [(i, low[i]) for i in reversed(known)]
        return "M" + " L".join(f"{self.x(first + i)},{self.y(value)}" for i, value in places if value is not None) + "Z" if known else ""  # fmt: skip


def label_place(places: Sequence[float], above: bool) -> float:
    """Where the name of a line stands at its right end: clear of its last third, above or below, within the chart."""
    last = places[-max(len(places) // 3, 1) :]
    return min(max(min(last) - 7 if above else max(last) + 15, TOP + 2), HEIGHT - BOTTOM - 3)


Band = tuple[Sequence[float], Sequence[float]]


def course(
    words: Callable[[float], str],
    middle: Sequence[float],
    band: Band,
    other: Sequence[float] = (),
    edges: Band | None = None,
    *,
    said: tuple[str, str] = ("", ""),
    begin: str = "now",
    nought: bool = False,
) -> dict[str, Any]:
    """A line by month with a band; with an ``other`` line it is dashed, and ``said`` names the other one and it. ``edges``: a second band,
    drawn by its two edges; ``begin``: what month 0 is called; ``nought``: whether the chart reaches to zero."""  # fmt: skip
    months = len(middle) - 1
    scale = Scale([*middle, *band[0], *band[1], *other, *(edges[0] if edges else ()), *(edges[1] if edges else ()), *([0.0] if nought else ())], months)  # fmt: skip
    places = {}
    if len(other):
        up = other[-1] >= middle[-1]
        places = {
            "actual": label_place([scale.y(x) for x in other], up),
            "planned": label_place([scale.y(x) for x in middle], not up),
        }
    shown = sorted({0, months // 2, months})
    return {
        "band": scale.band(*band),
        "edges": [scale.path(edge) for edge in edges] if edges else [],
        "middle": scale.path(middle),
        "actual": scale.path(other),
        "names": places,
        "said": said,
        "zero": scale.y(0) if scale.low < 0 < scale.high else None,
        "ticks": [{"y": scale.y(x), "text": words(x)} for x in scale.ticks()],
        "months": [{"x": scale.x(m), "text": begin if m == 0 else f"month {m}", "anchor": "start" if m == 0 else "end" if m == months else "middle"}
                   for m in shown],
    }  # fmt: skip


def chosen(outlook: Mapping[str, Any] | None) -> str:
    """The plays to begin with, by their titles.

    >>> chosen({"plays": ["Q2", "M4"]})
    'better appointment scheduling (Q2) and billing errors found and fixed (M4)'
    """
    titles = [
        f"{plays()[play].title.partition(':')[0]} ({play})" for play in (outlook["plays"] if outlook else ())
    ]
    titles = [title if title[:2].isupper() else title[:1].lower() + title[1:] for title in titles]
    return " and ".join(filter(None, [", ".join(titles[:-1]), *titles[-1:]]))


def fans(outlook: Mapping[str, Any] | None) -> list[dict[str, Any]]:
    """A chart for each line of the months ahead, with the plays to begin with and as it goes on; none without plays."""
    if outlook is None or not outlook["plays"]:
        return []
    return [_fan(line, outlook["months"]) for line in outlook["lines"]]


def _fan(line: Mapping[str, Any], months: int) -> dict[str, Any]:
    base, with_plays, scatter = line["as_it_goes_on"]["median"], line["with_plays"], line["scatter"]

    def words(value: float) -> str:
        return about(value, line["currency"]) if line["unit"] == "money" else number(value, "count")

    whisker = [] if scatter is None else [base[0] - scatter, base[0] + scatter]
    scale = Scale([*base, *with_plays["low"], *with_plays["high"], *whisker], months)
    up = with_plays["median"][-1] >= base[-1]
    names = {
        "plays": label_place([scale.y(x) for x in with_plays["median"]], up),
        "base": label_place([scale.y(x) for x in base], not up),
    }
    told = [m for m in MONTHS_TOLD if m <= months]
    rise = with_plays["median"][-1] - base[-1]
    return {
        "title": f"{line['title']}: {words(with_plays['median'][-1])} instead of {words(base[-1])} in month {months}"
        if abs(rise) > 0.001 * abs(base[-1])
        else f"{line['title']}: hardly any change",
        "band": scale.band(with_plays["low"], with_plays["high"], 1),
        "median": scale.path(with_plays["median"], 1),
        "base": scale.path([base[0], *base]),
        "whisker": None if scatter is None else {"x": scale.x(0.35), "low": scale.y(whisker[0]), "high": scale.y(whisker[1])},
        "ticks": [{"y": scale.y(x), "text": words(x)} for x in scale.ticks()],
        "zero": scale.y(0) if scale.low < 0 < scale.high else None,
        "months": [{"x": scale.x(m), "text": "now" if m == 0 else f"month {m}", "anchor": "start" if m == 0 else "end" if m == months else "middle"}
                   for m in (0, months // 2, months)],
        "names": names,
        "scatter": "" if scatter is None else f"Single months scatter by about {words(scatter)} either way by chance.",
        "rows": [[str(m), words(base[m - 1]), words(with_plays["median"][m - 1]),
                  f"{words(with_plays['low'][m - 1])} to {words(with_plays['high'][m - 1])}"] for m in told],
        "head": line["title"],
    }  # fmt: skip


def hangs(outlook: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """The tornado of the first action: bars on one common line, the widest first."""
    found = None if outlook is None else outlook["hangs_on"]
    if not found or not found["bars"]:
        return None
    made = bars(found)
    return None if made is None else {"title": found["title"], "play": found["play"], **made}


def bars(found: Mapping[str, Any]) -> dict[str, Any] | None:
    """A tornado by its ``bars`` and what it is ``as_expected``; None where no bar shows."""
    middle = float(found["as_expected"]["amount"])
    # What does not show in two figures is no news.
    shown = [
        bar for bar in found["bars"] if about(bar["at_low"]["amount"]) != about(bar["at_high"]["amount"])
    ]
    if not shown:
        return None
    ends: list[float] = [float(bar[end]["amount"]) for bar in shown for end in ("at_low", "at_high")]
    low, high = min([*ends, middle, 0.0]), max([*ends, middle, 0.0])

    def at(value: float) -> float:
        return round(4 + (BAR - 8) * (value - low) / ((high - low) or 1), 1)

    return {
        "expected": about(middle, found["as_expected"]["currency"]),
        "middle": at(middle),
        "zero": at(0.0),
        "bars": [
            {
                "what": bar["what"],
                "range": bar["range"],
                "low": about(bar["at_low"]["amount"], bar["at_low"]["currency"]),
                "high": about(bar["at_high"]["amount"], bar["at_high"]["currency"]),
                "x_low": at(float(bar["at_low"]["amount"])),
                "x_high": at(float(bar["at_high"]["amount"])),
            }
            for bar in shown
        ],
    }


def splits(outlook: Mapping[str, Any] | None) -> list[dict[str, Any]]:
    """The next unit of free cash by horizon: what it brings back in each part, all on one scale from nought."""
    found = [] if outlook is None else [one for one in outlook["reinvestment"] if one["rows"]]
    if not found:
        return []
    top: float = max([1.1, *(row["high"] for one in found for row in one["rows"])])
    low: float = min([0.0, *(row["low"] for one in found for row in one["rows"])])

    def at(value: float) -> float:
        return round(4 + (BAR - 8) * (value - low) / (top - low), 1)

    return [
        {
            "horizon": HORIZON[one["horizon"]],
            "months": one["months"],
            "zero": at(0.0),
            "even": at(1.0),
            "rows": [
                {"into": INTO[row["into"]], "component": row["component"], "value": _plain(row["value"]),
                 "between": f"{_plain(row['low'])} to {_plain(row['high'])}", "share": f"{100 * row['share']:.0f}", "x": at(row["value"]),
                 "x_low": at(row["low"]), "x_high": at(row["high"])}
                for row in sorted(one["rows"], key=lambda row: list(INTO).index(row["into"]))
            ],
        }
        for one in found
    ]  # fmt: skip


def _plain(value: float) -> str:
    """Two decimals, with a true minus and no minus nought.

    >>> _plain(-0.001), _plain(-0.3)
    ('0.00', '−0.30')
    """
    return f"{round(value, 2) + 0.0:.2f}".replace("-", "−")


def loops(outlook: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Shares of the push, month by month, for the loops that push most; below nought they brake."""
    found = None if outlook is None else outlook["loops"]
    if not found or not found["groups"]:
        return None
    months = len(found["driving"])
    scale = Scale([-1.0, 1.0], months)
    scale.low, scale.high = -1.1, 1.1
    names = {part.id: part.name.lower() for part in components().values()}
    charts = []
    for group in found["groups"]:
        parts, share = group["parts"], group["share"]
        drives = sum(share) > 0
        ring = " → ".join(parts) + (f" → {parts[0]}" if len(parts) > 1 else "")
        charts.append({
            "ring": ring if len(parts) > 1 else f"within {names[parts[0]]}",
            "words": ", ".join(names[part] for part in parts),
            "drives": drives,
            "area": f"M{scale.x(0.5)},{scale.y(0)} " + scale.path(share, 0.5).replace("M", "L") + f" L{scale.x(months - 0.5)},{scale.y(0)}Z",
            "path": scale.path(share, 0.5),
            "colour": parts[0],
            "when": _when(share),
        })  # fmt: skip
    told = sorted({1, *(m for m in (6, 12, 18, 24) if m <= months)})
    return {
        "charts": charts,
        "zero": scale.y(0),
        "marks": [
            {"y": scale.y(v), "text": text}
            for v, text in ((1.0, "all drives"), (0.0, "0"), (-1.0, "all brakes"))
        ],
        "months": [{"x": scale.x(0), "text": "now", "anchor": "start"}, {"x": scale.x(months), "text": f"month {months}", "anchor": "end"}],
        "told": told,
        "rows": [
            {"name": chart["ring"], "cells": [f"{100 * group['share'][m - 1]:+.0f} %".replace("-", "−") for m in told]}
            for chart, group in zip(charts, found["groups"], strict=True)
        ],
        "driving": [f"{100 * found['driving'][m - 1]:.0f} %" for m in told],
        "count": found["loops"],
        "all": found["all_loops"],
        "sentence": _dominance(charts, found["groups"]),
    }  # fmt: skip


def _runs(share: Sequence[float]) -> list[tuple[int, int]]:
    """Months (from, to; counted from 1) in which a loop has most of the push."""
    runs: list[tuple[int, int]] = []
    for month, value in enumerate(share, 1):
        if abs(value) >= MOST:
            if runs and runs[-1][1] == month - 1:
                runs[-1] = (runs[-1][0], month)
            else:
                runs.append((month, month))
    return runs


def _when(share: Sequence[float]) -> str:
    peak = max(share, key=abs)
    where = [f"{a}" if a == b else f"{a} to {b}" for a, b in _runs(share)]
    text = f"most of all push in month {' and '.join(where)}" if where else "never most of all push"
    return f"{text}; at its height {abs(peak):.0%}".replace("%", " %")


def _dominance(charts: Sequence[Mapping[str, Any]], groups: Sequence[Mapping[str, Any]]) -> str:
    spans = [
        (span, chart) for chart, group in zip(charts, groups, strict=True) for span in _runs(group["share"])
    ]
    if not spans:
        return "No loop has most of the push in any month."
    spans.sort(key=lambda pair: pair[0])
    said = []
    for (first, last), chart in spans:
        when = f"month {first}" if first == last else f"months {first} to {last}"
        said.append(f"in {when} the loop {chart['ring']} {'drives' if chart['drives'] else 'brakes'} most")
    text = "; ".join(said)
    return f"{text[:1].upper()}{text[1:]}."


def before_after(plan: Mapping[str, Any], place_names: Mapping[str, str]) -> dict[str, Any] | None:
    """A verified play: its measure by month where it began, and what would have been without."""
    found = plan["before_after"]
    if not found or plan["verdict"] is None or plan["verdict"]["effect"] is None:
        return None
    months, unit = found["months"], plan["unit"]
    start = next(i for i, row in enumerate(months) if row["month"] == found["start"])
    known = [
        row[key] for row in months for key in ("actual", "without", "low", "high") if row[key] is not None
    ]
    if not known or len(months) < 2:
        return None
    scale = Scale(known, len(months) - 1)
    after = months[start:]
    columns = {key: [row[key] for row in after] for key in ("actual", "without", "low", "high")}

    places_of = {
        key: [scale.y(value) for value in columns[key] if value is not None] for key in ("actual", "without")
    }
    if not (places_of["actual"] and places_of["without"]):
        return None
    up = places_of["actual"][-1] <= places_of["without"][-1]
    effect = plan["verdict"]["effect"]
    title = measures()[plan["measure"]].title
    places = [place_names.get(place) or place or "everywhere" for place in found["places"]]
    return {
        "title": f"{title} after {plan['title'].partition(':')[0].lower()}: {signed(effect['value'], unit)}",
        "sub": f"{', '.join(places)}, from {found['start']} on; mean by month, band {found['level']:.0%}".replace("%", " %"),
        "actual": scale.path([row["actual"] for row in months]),
        "without": scale.path(columns["without"], start),
        "band": scale.band(columns["low"], columns["high"], start),
        "start": scale.x(start - 0.5),
        "flip": start > 0.7 * len(months),
        "ticks": [{"y": scale.y(x), "text": number(x, unit)} for x in scale.ticks()],
        "months": [{"x": scale.x(0), "text": months[0]["month"], "anchor": "start"},
                   {"x": scale.x(len(months) - 1), "text": months[-1]["month"], "anchor": "end"}],
        "names": {"actual": label_place(places_of["actual"], up), "without": label_place(places_of["without"], not up)},
        "rows": [[row["month"], number(row["actual"], unit), number(row["without"], unit),
                  "" if row["low"] is None else f"{number(row['low'], unit)} to {number(row['high'], unit)}"] for row in after],
    }  # fmt: skip
