"""A day allocated: ours in two seconds beside the plain CP-SAT model after sixty, on drawn dental days and on days of this commit.

Wall time on both sides; CP-SAT has a worker a core, ours one thread. Plans of ours are walked over minute by minute and their cost is counted
again; every plan of the peer must cost at least our bound. Reading of libraries is left out on both sides.
"""

from __future__ import annotations

import os
import subprocess
import time

import numpy as np
from benchmarks.scheduling.drawn_days import DAYS, SEED, SIZES, drawn_day
from benchmarks.scheduling.plain_model import faults, plain
from benchmarks.tables import ROOT, Scale, Table

from carewheel.science.scheduling.allocation import DayPlan, DayProblem, allocate

GIVEN, PEER_SECONDS, MOST_SECONDS, MOST_GAP = 1.8, 60.0, 2.0, 0.05
PROVED_SIZE, PROVED_SECONDS, GAP_SIZE = 20, 0.2, 40


def commit_seed() -> int:
    """A seed that nobody could tune to: the first digits of the commit's id."""
    told = subprocess.run(["git", "rev-parse", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False)
    return int(told.stdout[:8] or "0", 16)


def planned(problem: DayProblem, rounds: int) -> tuple[DayPlan, float]:
    """The plan and its seconds, the quickest of some runs."""
    best = np.inf
    for _ in range(rounds):
        began = time.perf_counter()
        plan = allocate(problem, seconds=GIVEN, clock=time.monotonic)
        best = min(best, time.perf_counter() - began)
    if wrong := faults(problem, plan):
        raise AssertionError(wrong[0])
    return plan, best


def bench(scale: Scale) -> list[Table]:
    full = scale.share == 1.0
    table = Table(
        "A day allocated",
        f"same or lower cost in {MOST_SECONDS:.0f} s than plain CP-SAT after {PEER_SECONDS:.0f} s; gap at {GAP_SIZE} visits at most "
        f"{MOST_GAP:.0%}; {PROVED_SIZE} visits proved in {PROVED_SECONDS} s",
        ("visits, day", "cost", "bound", "seconds", "CP-SAT: cost", "its bound", "its seconds", "met"),
        remarks=f"Days 0 and 1 are drawn with seed {SEED}, fixed before anything was tuned; the third is drawn with a seed of the commit's id. "
        "Cost: weighted steps of delay. A bound that equals the cost is a proof.",
    )  # fmt: skip
    peer_seconds = max(PEER_SECONDS * scale.share, 2.0)
    allocate(drawn_day(40, 3), seconds=GIVEN, clock=time.monotonic)  # reads the libraries
    for visits in SIZES if full else SIZES[:2]:
        for name, seed, day in (("0", SEED, 0), ("1", SEED, 1), ("commit", commit_seed(), 0))[
            : 3 if full else 1
        ]:
            problem = drawn_day(visits, day, seed)
            plan, seconds = planned(problem, scale.rounds)
            peer = plain(problem, peer_seconds, workers=os.cpu_count() or 1)
            if peer.cost < plan.bound:
                raise AssertionError(f"CP-SAT has a plan of {peer.cost}, below the bound {plan.bound}")
            met = plan.cost <= peer.cost and seconds <= MOST_SECONDS
            met &= visits > GAP_SIZE or plan.gap <= MOST_GAP
            met &= visits > PROVED_SIZE or (plan.proved and seconds <= PROVED_SECONDS)
            table.add(
                f"{visits}, {name}", f"{plan.cost}", f"{plan.bound}", f"{seconds:.2f}", f"{peer.cost:.0f}", f"{peer.bound:.0f}",
                f"{peer.seconds:.1f}", met=met if full else None,
            )  # fmt: skip
            if not full:
                table.rows[-1] = (*table.rows[-1], "not judged")
    return [table, seeds(scale)]


def seeds(scale: Scale) -> Table:
    """Ours alone on many more days: how often it is proved, and how long it takes."""
    count = scale.of(20, 1)
    table = Table(
        f"The same on {count} days more of each size, drawn with the commit's id",
        f"gap at {GAP_SIZE} visits at most {MOST_GAP:.0%}; {PROVED_SIZE} visits proved in {PROVED_SECONDS} s; {MOST_SECONDS:.0f} s always",
        ("visits", "proved", "largest gap", "seconds: median", "most", "met"),
    )
    seed = commit_seed()
    for visits in SIZES if scale.share == 1.0 else SIZES[:2]:
        found = [planned(drawn_day(visits, len(DAYS) + k, seed), 1) for k in range(count)]
        gaps, times = [p.gap for p, _ in found], [s for _, s in found]
        most = PROVED_SECONDS if visits == PROVED_SIZE else MOST_SECONDS
        proved = sum(p.proved for p, _ in found)
        met = max(times) <= most and (visits != GAP_SIZE or max(gaps) <= MOST_GAP)
        met &= visits != PROVED_SIZE or proved == count
        table.add(
            str(visits), f"{proved} of {count}", f"{max(gaps):.1%}", f"{np.median(times):.2f}", f"{max(times):.2f}",
            met=met if scale.share == 1.0 else None,
        )  # fmt: skip
        if scale.share != 1.0:
            table.rows[-1] = (*table.rows[-1], "not judged")
    return table
