"""Booking on both engines: free times of a large place and over many places, and bookings a second; each engine in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys

from benchmarks.tables import ROOT, Scale, Table
from tests.postgres import binaries, server

PRACTITIONERS, RULES, PLACES, BOOKINGS = 50, 200, 2_000, 400
WEEK_MS, PLACES_MS = 5.0, 50.0
ENGINES = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}


def bench(scale: Scale) -> list[Table]:
    sizes = (
        scale.of(PRACTITIONERS, 2),
        max(scale.of(RULES, 5) // 5 * 5, 5),
        scale.of(PLACES, 10),
        scale.of(BOOKINGS, 16),
    )
    slots = Table(
        "Free times from the book",
        f"a week over {PRACTITIONERS} practitioners × {RULES} rules in under {WEEK_MS:.0f} ms, the first ten among {PLACES:,} places in under {PLACES_MS:.0f} ms",
        (
            "engine",
            "question",
            "free times",
            "in memory, ms",
            "after a booking, ms",
            "nothing in memory, ms",
            "met",
        ),
        remarks="Whole queries with their reads of the database, medians of 20. In memory: the calendars are as new as the book, which is asked each time. After a booking: what "
        "moved is read anew. Nothing in memory: the first question after a start, once. The target is that of calendars in memory.",
    )
    rates = Table(
        "Bookings a second",
        "none is set",
        ("engine", "at once", "bookings a second"),
        remarks="Whole transactions at one place: rules, locks, occupancy, facts, message, audit trail. Threads of one process; SQLite with synchronous FULL, PostgreSQL without fsync.",
    )
    for engine, found in _engines(sizes).items():
        for part, words, most in (
            ("week", f"a week, {sizes[0]} practitioners × {sizes[1]} rules", WEEK_MS),
            ("places", f"first ten, {sizes[2]:,} places", PLACES_MS),
        ):
            row = found[part]
            slots.add(
                ENGINES[engine], words, f"{row['slots']:.0f}", *(f"{row[k]:.1f}" for k in ("warm", "after", "cold")), met=row["warm"] < most
            )  # fmt: skip
        for part, row in found.items():
            if part.startswith("bookings"):
                rates.add(ENGINES[engine], part.split()[1], f"{row['rate']:.0f}")
    return [slots, rates]


def _engines(sizes: tuple[int, ...]) -> dict[str, dict[str, dict[str, float]]]:
    found = {"sqlite": _run(sizes, "")}
    if binaries() is not None:
        with server() as url:
            found["postgresql"] = _run(sizes, url)
    return found


def _run(sizes: tuple[int, ...], url: str) -> dict[str, dict[str, float]]:
    command = [sys.executable, "-m", "benchmarks.booking.measure", *map(str, sizes)]
    done = subprocess.run(
        command,
        env=os.environ | {"DATABASE_URL": url},
        check=True,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )
    answer: dict[str, dict[str, float]] = json.loads(done.stdout.splitlines()[-1])
    return answer
