"""The long validation of booking: 200 book one slot at once, 100 times, on both engines, beside the pattern that looks first and then inserts.

`python -m tests.validation.booking_races` prints it. A short version stands in tests/operations/test_races.py.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections import Counter
from typing import Any

import numpy as np
from tests.postgres import binaries, server

BOOKERS, ROUNDS, PROCESSES = 200, 100, 8
WAYS = {"book": "CareWheel", "check_then_insert": "look first, then insert"}
ENGINES = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}


def one_engine(bookers: int, rounds: int) -> list[dict[str, Any]]:
    """Both ways on the engine that ``DATABASE_URL`` names, in a database of its own; a row each."""
    os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"
    import django

    django.setup()
    from django.db import connection
    from tests.operations import racing

    from carewheel.practice.audit import verify

    connection.creation.create_test_db(verbosity=0, serialize=False)
    rows = []
    for way in WAYS:
        where = racing.arena(way.replace("_", "-"))
        began = time.perf_counter()
        outcomes = racing.race(where, bookers, rounds, getattr(racing, way), PROCESSES)
        won = racing.winners(outcomes, rounds)
        seconds = np.array([one.seconds for one in outcomes])
        rows.append(
            {
                "way": way,
                "attempts": len(outcomes),
                "one": sum(n == 1 for n in won),
                "none": sum(n == 0 for n in won),
                "several": sum(n > 1 for n in won),
                "most": max(won),
                "overlaps": racing.overlaps(where),
                "told": dict(Counter(one.what for one in outcomes)),
                "p95": float(np.quantile(seconds, 0.95)),
                "longest": float(seconds.max()),
                "seconds": time.perf_counter() - began,
            }
        )
    if verify().wrong_at is not None:
        raise AssertionError("the audit trail does not hold")
    return rows


def measured(bookers: int, rounds: int) -> dict[str, list[dict[str, Any]]]:
    """Rows by engine, each engine in a process of its own; PostgreSQL where it is installed."""
    found = {"sqlite": _run(bookers, rounds, "")}
    if binaries() is not None:
        with server() as url:
            found["postgresql"] = _run(bookers, rounds, url)
    return found


def _run(bookers: int, rounds: int, url: str) -> list[dict[str, Any]]:
    command = [sys.executable, "-m", "tests.validation.booking_races", "--one", str(bookers), str(rounds)]
    done = subprocess.run(
        command, env=os.environ | {"DATABASE_URL": url}, check=True, stdout=subprocess.PIPE, text=True
    )
    rows: list[dict[str, Any]] = json.loads(done.stdout.splitlines()[-1])
    return rows


def races_section(bookers: int = BOOKERS, rounds: int = ROUNDS) -> tuple[list[str], bool]:
    """The section for the page, and whether all of it holds."""
    began = time.monotonic()
    found = measured(bookers, rounds)
    lines = [
        "",
        "## One slot, many bookers (`spokes/operations`)",
        "",
        f"By itself: `python -m tests.validation.booking_races`. {bookers} bookers in {PROCESSES} processes begin at the same moment, {rounds} times: visits of",
        "15 to 90 minutes that all hold one minute, four practitioners, one chair. Holds where each round has exactly one winner, everybody else is",
        "told that the slot is taken, nothing else comes up (no failure of the server), and no rows overlap. The other rows show the usual pattern: look",
        "whether the time is free, then insert, without lock or constraint.",
        "",
        "| Engine | Way | Attempts | Rounds with one winner | none | several | Most winners | Overlaps | Told | p95, s | Longest, s | |",
        "|---|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    holds = "postgresql" in found
    for engine, rows in found.items():
        for row in rows:
            fine = row["one"] == rounds and not row["overlaps"] and set(row["told"]) == {"won", "slot-taken"}
            ours = row["way"] == "book"
            holds &= fine or not ours
            told = ", ".join(f"{what} {count:,}" for what, count in sorted(row["told"].items()))
            mark = ("holds" if fine else "**does not hold**") if ours else "–"
            lines.append(
                f"| {ENGINES[engine]} | {WAYS[row['way']]} | {row['attempts']:,} | {row['one']} | {row['none']} | {row['several']} | {row['most']} | "
                f"{row['overlaps']} | {told} | {row['p95']:.2f} | {row['longest']:.2f} | {mark} |"
            )
    if "postgresql" not in found:
        lines += ["", "PostgreSQL: not run, it is not installed here."]
    lines += ["", f"{time.monotonic() - began:.0f} s."]
    return lines, holds


if __name__ == "__main__":
    if sys.argv[1:2] == ["--one"]:
        print(json.dumps(one_engine(int(sys.argv[2]), int(sys.argv[3]))))
        sys.exit(0)
    text, fine = races_section(*map(int, sys.argv[1:3]))
    print("\n".join(text))
    sys.exit(0 if fine else 1)
