"""Draws the pictures of docs/why/invented-world.md anew, as SVG.

    CAREWHEEL_DATA=… python -m docs.pictures.invented_world

Needs the development install, the shared data and the page that `make validate` writes.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
from tests.validation.face_validity import KEPT, LEAD_NAMES, by_lead, lives_of, shared_data, vitoria

HERE = Path(__file__).parent
VALIDATION = HERE.parent / "reference" / "validation.md"
WIDTH, HEIGHT, LEFT, TOP, RIGHT, BOTTOM = 640, 340, 62, 46, 20, 52
INVENTED, REAL, QUIET = "#0f6b5c", "#c2571a", "#6b7280"


class Plot:
    """Axes with a linear scale each, and what is drawn into them."""

    def __init__(self, title: str, across: tuple[float, float], up: tuple[float, float]) -> None:
        self.across, self.up = across, up
        self.parts = [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
            f'font-family="system-ui, sans-serif" font-size="12"><title>{title}</title>',
            f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>',
        ]
        self.text(LEFT, 20, title, size=14, anchor="start")

    def x(self, value: float) -> float:
        low, high = self.across
        return LEFT + (value - low) / (high - low) * (WIDTH - LEFT - RIGHT)

    def y(self, value: float) -> float:
        low, high = self.up
        return HEIGHT - BOTTOM - (value - low) / (high - low) * (HEIGHT - TOP - BOTTOM)

    def text(self, x: float, y: float, words: str, size: int = 12, anchor: str = "middle", colour: str = "#1f2937") -> None:  # fmt: skip
        self.parts.append(
            f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" text-anchor="{anchor}" fill="{colour}">{words}</text>'
        )

    def line(
        self, x1: float, y1: float, x2: float, y2: float, colour: str = "#d1d5db", dash: str = ""
    ) -> None:
        dashed = f' stroke-dasharray="{dash}"' if dash else ""
        self.parts.append(
            f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{colour}" stroke-width="1.5"{dashed}/>'
        )

    def curve(self, points: list[tuple[float, float]], colour: str) -> None:
        at = " ".join(f"{self.x(x):.1f},{self.y(y):.1f}" for x, y in points)
        self.parts.append(f'<polyline points="{at}" fill="none" stroke="{colour}" stroke-width="2.5"/>')
        for x, y in points:
            self.dot(x, y, colour)

    def dot(self, x: float, y: float, colour: str) -> None:
        self.parts.append(f'<circle cx="{self.x(x):.1f}" cy="{self.y(y):.1f}" r="4" fill="{colour}"/>')

    def grid(self, values: list[float], label: str, ticks: dict[float, str], under: str) -> None:
        for value in values:
            self.line(LEFT, self.y(value), WIDTH - RIGHT, self.y(value))
            self.text(LEFT - 8, self.y(value) + 4, f"{value:g}", anchor="end")
        self.text(LEFT, TOP - 10, label, anchor="start", colour=QUIET)
        for at, words in ticks.items():
            self.text(self.x(at), HEIGHT - BOTTOM + 18, words)
        self.text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 12, under, colour=QUIET)

    def save(self, name: str) -> None:
        (HERE / name).write_text("\n".join([*self.parts, "</svg>"]) + "\n", "utf-8")


def main() -> None:
    data = shared_data()
    assert data is not None, "set CAREWHEEL_DATA: one picture stands beside the set of Vitoria"
    lives = lives_of(7, 24, 36)
    missed, _ = by_lead(lives)
    plot = Plot("Missed visits by lead time: invented world and Vitoria 2016", (-0.4, 6.4), (0, 40))
    plot.grid(
        [0, 10, 20, 30, 40], "% of kept and missed", dict(enumerate(LEAD_NAMES)), "days from booking to visit"
    )
    for values, colour, words in (
        (vitoria(data), REAL, "Vitoria, real"),
        (missed, INVENTED, "invented world"),
    ):
        points = [(float(i), float(100 * v)) for i, v in enumerate(values)]
        plot.curve(points, colour)
        plot.text(plot.x(6.3), plot.y(points[-1][1]) - 12, words, anchor="end", colour=colour)
    plot.save("invented-missed.svg")

    plot = Plot("Waits over the day, invented world", (7.6, 17), (0, 24))
    plot.grid([0, 6, 12, 18, 24], "mean minutes from arrival to room", {float(h): f"{h}:00" for h in range(8, 17)}, "time of the visit as booked")  # fmt: skip
    for kind, colour in (("dental", INVENTED), ("medical", REAL)):
        hours, waits = [], []
        for life in lives:
            visit = life.book["visit"]
            if life.book.location.kind == kind:
                kept = visit["status"] == KEPT
                hours.append((visit["starts"] % 1440)[kept] // 60)
                waits.append((visit["roomed_at"] - visit["arrived_at"])[kept])
        hour, wait = np.concatenate(hours), np.concatenate(waits)
        points = [(float(h), float(wait[hour == h].mean())) for h in np.unique(hour)]
        plot.curve(points, colour)
        plot.text(plot.x(16.9), plot.y(points[-1][1]) - 12, kind, anchor="end", colour=colour)
    plot.save("invented-waits.svg")

    rows = re.findall(
        r"^\| (C\S+) \| \w+ \| (-?[\d.]+) \| (-?[\d.]+) \| ([\d.]+) \|",
        VALIDATION.read_text("utf-8"),
        re.MULTILINE,
    )
    assert len(rows) > 20, "run `make validate` first"
    plot = Plot("Strength of every link: drawn and measured, with two errors", (-0.6, 0.6), (-0.6, 0.6))
    plot.grid([-0.5, -0.25, 0, 0.25, 0.5], "measured by pushing the source", {v: f"{v:g}" for v in (-0.5, -0.25, 0.0, 0.25, 0.5)}, "drawn")  # fmt: skip
    plot.line(plot.x(-0.6), plot.y(-0.6), plot.x(0.6), plot.y(0.6), QUIET, "4 4")
    for name, *numbers in rows:
        drawn, measured, error = map(float, numbers)
        colour = REAL if abs(measured - drawn) > 2 * error + 0.02 else INVENTED
        plot.line(
            plot.x(drawn), plot.y(measured - 2 * error), plot.x(drawn), plot.y(measured + 2 * error), colour
        )
        plot.dot(drawn, measured, colour)
        if colour == REAL:
            plot.text(plot.x(drawn) + 8, plot.y(measured) - 6, name, size=10, anchor="start", colour=colour)
    plot.save("invented-strengths.svg")


if __name__ == "__main__":
    main()
