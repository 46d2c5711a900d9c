"""The picture of a template: waiting against idling and overtime, and both lists of times, as one SVG for light and dark."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from carewheel.spokes.operations.contracts_template import TemplateOption, TemplateReport

WIDE, LEFT, RIGHT, TOP, FLOOR = 360, 44, 340, 68, 226
STYLE = """
svg{--paper:#fff;--ink:#1c2430;--soft:#5a6472;--grid:#e3e7ec;--today:#b3400e;--best:#0f6b5c;background:var(--paper);
font:12px system-ui,-apple-system,'Segoe UI',sans-serif}
@media (prefers-color-scheme:dark){svg{--paper:#14181d;--ink:#e8ecf1;--soft:#a2adba;--grid:#2c343d;--today:#ff9a66;--best:#5fd0b8}}
text{fill:var(--ink)}.soft{fill:var(--soft);font-size:11px}.head{font-size:14px;font-weight:600}.grid{stroke:var(--grid)}
.axis{stroke:var(--soft)}.line{fill:none;stroke:var(--best);stroke-width:2}.dot{fill:var(--best)}.today{fill:var(--today)}.best{fill:var(--best);stroke:var(--paper)}
.rule{fill:none;stroke:var(--soft);stroke-width:1.6}.t{stroke:var(--today);stroke-width:3}.b{stroke:var(--best);stroke-width:3}
"""


def template_picture(found: TemplateReport) -> str:
    """The report as an SVG that stands alone; all that it shows is in its description as well."""
    options = (found.today, found.best, found.individual, found.bailey_welch)
    lost = [o.idle + o.overtime for o in options] + [p.idle + p.overtime for p in found.frontier]
    waits = [o.wait for o in options] + [p.wait for p in found.frontier]
    x_ticks, y_ticks = _ticks(min(lost), max(lost)), _ticks(0.0, max(waits))

    def x(value: float) -> float:
        return LEFT + (value - x_ticks[0]) / (x_ticks[-1] - x_ticks[0]) * (RIGHT - LEFT)

    def y(value: float) -> float:
        return FLOOR - (value - y_ticks[0]) / (y_ticks[-1] - y_ticks[0]) * (FLOOR - TOP)

    parts = [
        f'<text class="head" x="12" y="22">Waiting against idling and overtime</text><text class="soft" x="12" y="39">{escape(_who(found))}</text>',
        f'<text class="soft" x="12" y="55">minutes that a patient waits</text><text class="soft" x="{RIGHT}" y="258" text-anchor="end">minutes of idling and overtime, axis from {x_ticks[0]:g}</text>',
    ]
    for tick in y_ticks:
        parts.append(f'<line class="grid" x1="{LEFT}" x2="{RIGHT}" y1="{y(tick):.1f}" y2="{y(tick):.1f}"/><text class="soft" x="{LEFT - 6}" y="{y(tick) + 4:.1f}" text-anchor="end">{tick:g}</text>')  # fmt: skip
    for tick in x_ticks:
        parts.append(f'<line class="axis" x1="{x(tick):.1f}" x2="{x(tick):.1f}" y1="{FLOOR}" y2="{FLOOR + 4}"/><text class="soft" x="{x(tick):.1f}" y="{FLOOR + 17}" text-anchor="middle">{tick:g}</text>')  # fmt: skip
    path = " ".join(f"{x(p.idle + p.overtime):.1f},{y(p.wait):.1f}" for p in found.frontier)
    parts.append(
        f'<line class="axis" x1="{LEFT}" x2="{RIGHT}" y1="{FLOOR}" y2="{FLOOR}"/><polyline class="line" points="{path}"/>'
    )
    parts += [
        f'<circle class="dot" cx="{x(p.idle + p.overtime):.1f}" cy="{y(p.wait):.1f}" r="2.5"/>'
        for p in found.frontier
    ]
    named = list(zip((_circle, _diamond, _square, _triangle), options, strict=True))
    # The hollow marks of the rules come last, so that none hides another.
    parts += [draw(x(o.idle + o.overtime), y(o.wait)) for draw, o in named]
    row = 284
    for draw, option in named:
        parts.append(
            f'{draw(18, row - 4)}<text x="32" y="{row}">{_NAMES[option.name]}</text>'
            f'<text class="soft" x="{RIGHT}" y="{row}" text-anchor="end">waits {option.wait:.1f}, idle {option.idle:.1f}, over {option.overtime:.1f}</text>'
        )
        row += 20
    parts.append(f'<line class="line" x1="11" x2="25" y1="{row - 4}" y2="{row - 4}"/><text x="32" y="{row}">best times as idling grows dearer, upward</text>')  # fmt: skip
    parts += _strips(found, row + 30)
    high = row + 124
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDE} {high}" width="100%" preserveAspectRatio="xMinYMin" style="max-width:760px" role="img" aria-labelledby="t d">'
        f'<title id="t">Waiting against idling and overtime: {escape(_who(found))}</title><desc id="d">{escape(_said(found, options))}</desc>'
        f'<style>{STYLE}</style><rect width="{WIDE}" height="{high}" fill="var(--paper)"/>{"".join(parts)}</svg>\n'
    )


_NAMES = {"today": "today", "best": "best at your prices", "individual": "one every so often", "Bailey–Welch": "two first (Bailey–Welch)"}  # fmt: skip


def _circle(x: float, y: float) -> str:
    return f'<circle class="today" cx="{x:.1f}" cy="{y:.1f}" r="6"/>'


def _diamond(x: float, y: float) -> str:
    return f'<path class="best" d="M{x:.1f} {y - 7:.1f}l7 7l-7 7l-7 -7z"/>'


def _square(x: float, y: float) -> str:
    return f'<rect class="rule" x="{x - 4.5:.1f}" y="{y - 4.5:.1f}" width="9" height="9"/>'


def _triangle(x: float, y: float) -> str:
    return f'<path class="rule" d="M{x:.1f} {y - 6:.1f}l6 10h-12z"/>'


def _strips(found: TemplateReport, top: int) -> list[str]:
    """Both lists of times as marks on a line from opening to close; two at one moment stand one above the other."""
    length = found.known.length
    scale = (RIGHT - LEFT) / length
    parts = []
    for k, (word, kind, option) in enumerate((("today", "t", found.today), ("best", "b", found.best))):
        base = top + 34 * k
        parts.append(f'<text class="soft" x="{LEFT - 6}" y="{base + 4}" text-anchor="end">{word}</text><line class="axis" x1="{LEFT}" x2="{RIGHT}" y1="{base + 6}" y2="{base + 6}"/>')  # fmt: skip
        again: dict[float, int] = {}
        for time in option.times:
            again[time] = again.get(time, 0) + 1
            low = base + 6 - 15 * (again[time] - 1)
            parts.append(
                f'<line class="{kind}" x1="{LEFT + time * scale:.1f}" x2="{LEFT + time * scale:.1f}" y1="{low - 12}" y2="{low - 2}"/>'
            )
    step = next(s for s in (30, 60, 120, 240, 480, 1440) if length / s <= 8)
    parts += [
        f'<text class="soft" x="{LEFT + t * scale:.1f}" y="{top + 58}" text-anchor="middle">{t // 60}:{t % 60:02d}</text>'
        for t in range(0, length + 1, step)
    ]
    parts.append(
        f'<text class="soft" x="{RIGHT}" y="{top + 76}" text-anchor="end">hours from the opening</text>'
    )
    return parts


def _who(found: TemplateReport) -> str:
    known = found.known
    kind = f", {known.visit_type}" if known.visit_type else ""
    return f"{known.location}, practitioner {known.practitioner[:8]}{kind}; {known.sessions} half-days"


def _said(found: TemplateReport, options: Sequence[TemplateOption]) -> str:
    words = [
        f"{_NAMES[o.name]}: waits {o.wait:.1f}, idle {o.idle:.1f}, overtime {o.overtime:.1f} minutes, appointments at minutes {', '.join(f'{t:g}' for t in o.times)}"
        for o in options
    ]
    words += [
        f"best times where idling costs {p.idle_price:g}: waits {p.wait:.1f}, idle {p.idle:.1f}, overtime {p.overtime:.1f}"
        for p in found.frontier
    ]
    return "; ".join(words) + "."


def _ticks(low: float, high: float) -> list[float]:
    """Round numbers that hold all values, four to seven of them."""
    span = max(high - low, 1.0)
    step = next(s for s in (0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000) if span / s <= 5)
    first = np.floor(low / step - 1e-9) * step
    count = int(np.ceil((high - first) / step + 1e-9))
    return [float(max(first, 0.0) + step * k) for k in range(max(count, 1) + 1)]
