"""The day itself, played: moves against doing nothing and against first come, first served, on the same people and the same luck.

    python -m tests.validation.scheduling_day [DAYS]

The clinic here is a loop over minutes with its own rules; it shares nothing with the forecasts but the types. Days are drawn with a seed of the
commit's id. What the front desk knows is what has happened, and the laws, never what will come.
"""

from __future__ import annotations

import subprocess
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from carewheel.science.queueing.clinic import Estimate, difference
from carewheel.science.scheduling import empirical, lognormal
from carewheel.science.scheduling.live import LiveDay, LiveVisit, OnDuty, Values, best_move, done_move

DAYS, SCENARIOS, EVERY, END = 1_000, 40, 10, 480
ROOT = Path(__file__).parents[2]
LATE = empirical([-15, -12, -10, -8, -5, -5, -3, 0, 0, 2, 5, 8, 12, 20])
LAWS = {20: lognormal(19.0, 0.46), 30: lognormal(28.0, 0.46), 40: lognormal(37.0, 0.4)}
LAST_MINUTE = 1_500


@dataclass(frozen=True, slots=True)
class Truth:
    """What only the day itself shows: arrival less the time told (None: does not come), minutes of work, whether a move is agreed to."""

    late: tuple[int | None, ...]
    minutes: tuple[int, ...]
    agrees: tuple[bool, ...]


@dataclass(frozen=True, slots=True)
class DayResult:
    """Minutes of a day: waiting of all after the time told, overtime of all, delay of starts after the booked time, times told anew; moves done."""

    waiting: float
    overtime: float
    delay: float
    moved: float
    moves: int


def drawn(number: int, seed: int) -> tuple[LiveDay, Truth]:
    """A day of two to four practitioners, each booked for about the mean, taking turns between two rooms."""
    rng = np.random.default_rng([seed, number])
    staff = [OnDuty(f"Dr {k}", 0, END) for k in range(int(rng.integers(2, 5)))]
    rooms = tuple(f"room {k}" for k in range(2 * len(staff)))
    visits, late, minutes, agrees = [], [], [], []
    for k, p in enumerate(staff):
        at, number_of = 0, 0
        while at < END - 20:
            booked = int(rng.choice([20, 30, 40]))
            shows = float(rng.uniform(0.75, 1.0))
            others = frozenset(q.name for q in staff if q is not p and rng.random() < 0.4)
            visits.append(LiveVisit(
                f"{p.name}-{at}", p.name, at, LAWS[booked], rooms[(2 * k + number_of % 2) % len(rooms)], shows, LATE, others=others, telehealth=bool(rng.random() < 0.2),
            ))  # fmt: skip
            late.append(int(rng.choice(LATE.values, p=LATE.mass)) if rng.random() < shows else None)
            minutes.append(int(rng.choice(LAWS[booked].values, p=LAWS[booked].mass)))
            agrees.append(bool(rng.random() < 0.6))
            at, number_of = at + booked, number_of + 1
    return LiveDay(0, tuple(visits), tuple(staff), rooms, turnover=5), Truth(
        tuple(late), tuple(minutes), tuple(agrees)
    )


def played(day: LiveDay, truth: Truth, rule: str, *, seed: int = 0, scenarios: int = SCENARIOS) -> DayResult:
    """The day minute by minute under "nothing" (the book), "arrival" (first come, first served) or "moves" (the book and what is proposed)."""
    index = {v.name: i for i, v in enumerate(day.visits)}
    until: dict[str, float] = {p.name: p.start for p in day.practitioners}
    ready: dict[str, float] = dict.fromkeys(day.rooms, 0.0)
    late = list(truth.late)
    asked: set[tuple[str, str]] = set()
    moves = 0
    visits = list(day.visits)
    for now in range(LAST_MINUTE):
        for i, v in enumerate(visits):
            if v.started is not None and v.done is None and v.started + truth.minutes[i] <= now:
                visits[i] = replace(v, done=float(now))
            elif v.arrived is None and (offset := late[i]) is not None and max(v.due + offset, 0) <= now:
                visits[i] = replace(v, arrived=float(now))
        if rule == "moves" and now % EVERY == 0:
            for _ in range(4):
                day = replace(day, now=float(now), visits=tuple(visits))
                found = best_move(day, scenarios=scenarios, seed=seed + 2 * now, values=Values())
                if found is None or (found.move.kind, found.move.visit) in asked:
                    break
                move, i = found.move, index[found.move.visit]
                if move.kind in ("earlier", "telehealth"):
                    asked.add((move.kind, move.visit))
                    if not truth.agrees[i]:
                        continue
                if move.kind == "telehealth" and late[i] is not None:
                    late[i] = 0
                visits, moves = list(done_move(day, move).visits), moves + 1
        _begin(visits, now, rule, until, ready, truth, day.turnover)
        if now > END and all(v.done is not None or late[i] is None for i, v in enumerate(visits)):
            break
    day = replace(day, now=float(LAST_MINUTE), visits=tuple(visits))
    waiting = delay = moved = 0.0
    for v in day.visits:
        moved += abs(v.due - v.booked) if v.told is not None and v.started != v.told else 0.0
        if v.started is not None and v.arrived is not None:
            waiting += max(v.started - max(v.arrived, v.due), 0.0)
            delay += max(v.started - max(v.booked, v.arrived if v.told is None else 0.0), 0.0)
    last = {
        p.name: max([v.done or 0.0 for v in day.visits if v.practitioner == p.name], default=0.0)
        for p in day.practitioners
    }
    return DayResult(
        waiting, sum(max(last[p.name] - p.end, 0.0) for p in day.practitioners), delay, moved, moves
    )


def _begin(
    visits: list[LiveVisit], now: int, rule: str, until: dict[str, float], ready: dict[str, float], truth: Truth, turnover: float
) -> None:  # fmt: skip
    """Start everybody who can be: by the book not before the time told, or whoever came first."""
    waiting = [i for i, v in enumerate(visits) if v.arrived is not None and v.started is None]
    if rule == "arrival":
        waiting.sort(key=lambda i: (visits[i].arrived, visits[i].booked, i))
    else:
        waiting = sorted((i for i in waiting if visits[i].due <= now), key=lambda i: (visits[i].booked, i))
    for i in waiting:
        v = visits[i]
        if until[v.practitioner] <= now and (not v.room or ready[v.room] <= now):
            visits[i] = replace(v, started=float(now), roomed=float(now) if v.room else None)
            until[v.practitioner] = now + truth.minutes[i]
            if v.room:
                ready[v.room] = now + truth.minutes[i] + turnover


def commit_seed() -> int:
    told = subprocess.run(["git", "rev-parse", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False)
    return int(told.stdout[:8] or "0", 16)


def compared(days: int, seed: int, scenarios: int = SCENARIOS) -> dict[str, list[DayResult]]:
    """Every rule on the same days."""
    found: dict[str, list[DayResult]] = {"nothing": [], "arrival": [], "moves": []}
    for number in range(days):
        day, truth = drawn(number, seed)
        for rule, results in found.items():
            results.append(played(day, truth, rule, seed=2 * number * LAST_MINUTE, scenarios=scenarios))
    return found


def less(found: dict[str, list[DayResult]], than: str, what: str) -> Estimate:
    """How many minutes a day less under moves than under another rule, with 90 % interval of the mean."""
    return difference([getattr(r, what) for r in found[than]], [getattr(r, what) for r in found["moves"]])


def scheduling_day_section(days: int = DAYS, seed: int | None = None) -> tuple[list[str], bool]:
    """The table of the validation page."""
    began, used = time.monotonic(), commit_seed() if seed is None else seed
    found = compared(days, used)
    lines = [
        "", "## The day itself", "",
        "Invented days of two to four practitioners, played minute by minute under the book alone, under first come, first served, and with the moves that are",
        "proposed, on the same people and the same luck. Minutes a day, all patients and practitioners together; intervals of the mean 90 %.",
        "Waiting counts from the arrival or the time told, whichever is later. Times told anew are shown, and so is the delay after the",
        "booked time, which no telling anew makes less. It holds if waiting is less for sure and overtime is not more: its mean is not above.", "",
        f"{days:,} days, seed {used} of the commit's id, {SCENARIOS} scenarios every {EVERY} minutes, {time.monotonic() - began:.0f} s.", "",
        "| Rule | Waiting | Overtime | Delay after the booked time | Told anew | Moves |", "|---|---|---|---|---|---|",
    ]  # fmt: skip
    for rule, words in (
        ("nothing", "nothing done"),
        ("arrival", "first come, first served"),
        ("moves", "moves"),
    ):
        mean = [
            np.mean([getattr(r, f) for r in found[rule]])
            for f in ("waiting", "overtime", "delay", "moved", "moves")
        ]
        lines.append(f"| {words} | " + " | ".join(f"{x:.1f}" for x in mean) + " |")
    lines += ["", "| Moves save, minutes a day | Waiting | Overtime | |", "|---|---|---|---|"]
    holds = True
    for than, words in (("nothing", "than doing nothing"), ("arrival", "than first come, first served")):
        w, o = less(found, than, "waiting"), less(found, than, "overtime")
        fine = w.low > 0 and o.mean >= 0
        holds &= fine
        lines.append(
            f"| {words} | {w.mean:.1f} ({w.low:.1f} to {w.high:.1f}) | {o.mean:.2f} ({o.low:.2f} to {o.high:.2f}) | "
            f"{'holds' if fine else '**does not hold**'} |"
        )
    return lines, holds


if __name__ == "__main__":
    section, fine = scheduling_day_section(int(sys.argv[1]) if len(sys.argv) > 1 else DAYS)
    print("\n".join(section))
    sys.exit(0 if fine else 1)
