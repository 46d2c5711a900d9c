"""Draws the pictures of docs/why/stock-and-flow.md anew, as SVG.

    python -m docs.pictures.stock_and_flow

Needs the development install. The fan is a run of the model on the invented practice of the tests.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from docs.pictures.invented_world import INVENTED, QUIET, REAL, Plot
from tests.science.flywheel.balanced_practice import assumed_strengths, practice, scales, wheel_links

from carewheel.science.flywheel.practice_model import Move, practice_model
from carewheel.science.flywheel.practice_model.forecast import values_of
from carewheel.science.flywheel.stocks import simulate

HERE = Path(__file__).parent
BOXES = {
    "active patients": (250, 80), "advocates": (250, 180), "backlog of visits": (470, 80), "receivables": (690, 80),
    "cash": (690, 180), "staff": (470, 210), "skill": (470, 300), "technology in use": (690, 300),
}  # fmt: skip
WIDE, HIGH, INK, FLOW, PULL = 130, 44, "#1f2937", "#0f6b5c", "#c2571a"
# Flows: from, to, words and where they stand.
FLOWS = (
    ((60, 80), (183, 80), "new patients", (120, 70)),
    ((250, 58), (250, 18), "leave", (278, 32)),
    ((470, 58), (470, 18), "kept, missed, given up", (548, 32)),
    ((820, 80), (757, 80), "billed", (800, 70)),
    ((690, 102), (690, 156), "collected", (726, 132)),
    ((755, 180), (830, 180), "spent", (795, 170)),
    ((350, 210), (403, 210), "hired", (366, 200)),
    ((535, 210), (590, 210), "quit", (564, 200)),
    ((820, 300), (757, 300), "taken up", (798, 290)),
    ((580, 300), (537, 300), "learnt", (572, 290)),
)
# What acts on what: from, to, the point that bends it, words and where they stand.
PULLS = (
    ((185, 180), (120, 88), (120, 170), "word of mouth", (100, 152)),
    ((315, 80), (403, 80), (359, 80), "wishes", (358, 72)),
    ((535, 80), (623, 80), (580, 80), "kept visits", (580, 72)),
    ((405, 300), (420, 104), (300, 200), "capacity", (322, 240)),
    ((470, 232), (470, 276), (470, 254), "", (0, 0)),
    ((690, 202), (690, 276), (690, 240), "reinvested", (724, 244)),
    ((640, 202), (500, 276), (590, 250), "", (0, 0)),
)


def diagram() -> str:
    """The eight stocks with their flows."""
    parts = [
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 860 340" role="img" font-family="system-ui, sans-serif" font-size="12">'
        "<title>Eight stocks of a practice, the flows between them and what acts on them</title>",
        '<rect width="860" height="340" fill="#ffffff"/>',
        *(
            f'<defs><marker id="{name}" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="{size}" markerHeight="{size}" orient="auto">'
            f'<path d="M0 0 L8 4 L0 8 Z" fill="{colour}"/></marker></defs>'
            for name, colour, size in (("flow", FLOW, 4), ("pull", PULL, 7))
        ),
    ]
    straight = [(start, end, end, words, at) for start, end, words, at in FLOWS]
    for kind, colour, width, dash, rows in (
        ("flow", FLOW, 4, "", straight),
        ("pull", PULL, 1.6, "5 4", PULLS),
    ):
        for (x1, y1), (x2, y2), (bx, by), words, (x, y) in rows:
            dashed = f' stroke-dasharray="{dash}"' if dash else ""
            parts.append(
                f'<path d="M{x1} {y1} Q{bx} {by} {x2} {y2}" fill="none" stroke="{colour}" stroke-width="{width}"{dashed} '
                f'marker-end="url(#{kind})"/>'
            )
            parts.append(
                f'<text x="{x}" y="{y}" text-anchor="middle" fill="{colour}">{words}</text>' if words else ""
            )
    for name, (x, y) in BOXES.items():
        parts.append(
            f'<rect x="{x - WIDE / 2}" y="{y - HIGH / 2}" width="{WIDE}" height="{HIGH}" rx="4" fill="#eef7f4" stroke="{FLOW}" stroke-width="1.5"/>'
            f'<text x="{x}" y="{y + 4}" text-anchor="middle" fill="{INK}" font-size="13">{name}</text>'
        )
    return "\n".join([*filter(None, parts), "</svg>"]) + "\n"


def fan() -> str:
    """What a play is worth, with its interval: fewer missed visits, month by month, costs taken off."""
    rng, n = np.random.default_rng(7), 1_000
    strengths = {link: value + 0.05 * rng.standard_normal(n) for link, value in assumed_strengths().items()}
    move = Move("operations.no_show_rate", -0.03, 3, 3, 4_000, 150)
    sizes = -0.03 * np.exp(0.35 * rng.standard_normal(n))
    earned = []
    for moves in ((), (move,)):
        pm = practice_model(practice(), scales(), wheel_links(), moves=moves)
        drawn = {"move_1_size": sizes} if moves else {}
        earned.append(
            simulate(pm.model, {**values_of(pm, strengths), **drawn}, record=["earned"], every=16)["earned"]
        )
    gain = (earned[1] - earned[0]) / 1_000
    low, middle, high = np.quantile(gain, [0.05, 0.5, 0.95], axis=1)
    plot = Plot(
        "What fewer missed visits are worth, in thousands, costs taken off (invented)",
        (0, 24),
        (-10, 10 * np.ceil(high.max() / 10)),
    )
    months = range(25)
    edge = (
        " ".join(f"{plot.x(m):.1f},{plot.y(high[m]):.1f}" for m in months)
        + " "
        + " ".join(f"{plot.x(m):.1f},{plot.y(low[m]):.1f}" for m in reversed(months))
    )
    for value in np.arange(-10, plot.up[1] + 1, 10):
        plot.line(plot.x(0), plot.y(value), plot.x(24), plot.y(value))
        plot.text(plot.x(0) - 8, plot.y(value) + 4, f"{value:.0f}", anchor="end", colour=QUIET)
    for month in (0, 6, 12, 18, 24):
        plot.text(
            plot.x(month),
            plot.y(-10) + 20,
            f"month {month}",
            colour=QUIET,
            anchor="end" if month == 24 else "middle",
        )
    plot.parts.append(f'<polygon points="{edge}" fill="{INVENTED}" fill-opacity="0.18"/>')
    plot.parts.append(
        '<polyline points="'
        + " ".join(f"{plot.x(m):.1f},{plot.y(middle[m]):.1f}" for m in months)
        + f'" fill="none" stroke="{INVENTED}" stroke-width="2.5"/>'
    )
    plot.line(plot.x(3), plot.y(-10), plot.x(3), plot.y(plot.up[1]), REAL, "4 4")
    plot.text(plot.x(3) + 6, plot.y(plot.up[1]) + 14, "the play begins", anchor="start", colour=REAL)
    plot.text(plot.x(24) - 4, plot.y(low[24]) - 12, "90 % of draws", anchor="end", colour=INVENTED)
    return "\n".join([*plot.parts, "</svg>"]) + "\n"


if __name__ == "__main__":
    (HERE / "stock-and-flow.svg").write_text(diagram(), "utf-8")
    (HERE / "stock-and-flow-fan.svg").write_text(fan(), "utf-8")
