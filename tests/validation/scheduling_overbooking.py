"""Overbooking at length: against enumeration, and what fair waiting costs on the no-show set."""

from __future__ import annotations

import csv
import gzip
import itertools
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from tests.validation.scheduling_templates import Row

from carewheel.science.refusal import CannotTell
from carewheel.science.scheduling import (
    FairPlan,
    Patient,
    Session,
    Weights,
    best_overbooking,
    fair_plan,
    fixed,
    lognormal,
)

SEED, SESSIONS = 20261128, 8


def enumerated_overbooking(slots: int, show: float, weights: Weights, most: int) -> float:
    """Least cost over every number from 0 to ``most`` in every slot; service one slot. A recursion of its own."""
    best = np.inf
    for plan in itertools.product(range(most + 1), repeat=slots):
        state, wait = np.array([1.0]), 0.0
        for booked in plan:
            for _ in range(booked):
                wait += show * float(np.arange(state.size) @ state)
                state = np.convolve(state, [1 - show, show])
            state = np.concatenate([[state[0] + state[1]], state[2:]]) if state.size > 1 else state
        over = float(np.arange(state.size) @ state)
        idle = slots + over - show * sum(plan)
        best = min(best, weights.waiting * wait + weights.idle * idle + weights.overtime * over)
    return best


def overbooking_rows(folder: Path | None) -> Iterator[Row]:
    """Against enumeration; fair waiting on drawn groups, and on the no-show set."""
    weights = Weights(0.2, 1, 1.5)
    ratios = []
    for show in (0.5, 0.6, 0.7, 0.8, 0.9):
        found = best_overbooking(Patient(fixed(1), show), slots=7, slot=1, weights=weights)
        ratios.append(found.evaluation.cost / enumerated_overbooking(7, show, weights, 3))
    yield Row(
        "7 unit slots, show rates 0.5 to 0.9: largest cost / enumerated optimum",
        "1.000",
        f"{max(ratios):.9f}",
        max(ratios) <= 1 + 1e-6,
    )
    if folder is None:
        return
    for attribute in ("Scholarship", "age band"):
        found: list[FairPlan] = []
        single: list[float] = []
        for session, groups in vitoria_sessions(folder, attribute, SESSIONS):
            found.append(fair_plan(session, groups, slot=20, by_lot=True))
            try:
                single.append(fair_plan(session, groups, slot=20).price)
            except CannotTell:  # no single plan: the lot alone can do it
                single.append(np.nan)
        gaps, free, prices = (
            np.array([getattr(f, name) for f in found]) for name in ("gap", "free_gap", "price")
        )
        what = f"{SESSIONS} sessions of the no-show set, groups by {attribute}, plans drawn by lot: largest gap (best plan alone: {free.mean():.0%} on average, {free.max():.0%} at most)"
        yield Row(what, "5 %", f"{gaps.max():.1%}", bool(gaps.max() <= 0.05 + 1e-9))
        yield Row(
            "the same: what the constraint costs, on average and at most",
            "shown",
            f"+ {prices.mean():.2%}, + {prices.max():.2%}",
            True,
        )
        one = np.array(single)
        yield Row(
            "the same with one plan a session",
            "shown",
            f"+ {np.nanmean(one):.2%}, + {np.nanmax(one):.2%}; none found for {np.isnan(one).sum()}",
            True,
        )


def vitoria_sessions(folder: Path, attribute: str, count: int) -> Iterator[tuple[Session, list[str]]]:
    """Sessions of 12 booked into 10 slots of 20 minutes from the test days, with show rates by lead and age of the training days.

    Both groups are there in every session. Durations are not in the set: lognormal, mean 18 minutes, cv 0.4.
    """
    with gzip.open(folder / "noshow_vitoria_2016_kaggle_v2.csv.gz", "rt") as stream:
        rows = [
            (r["AppointmentDay"][:10], (np.datetime64(r["AppointmentDay"][:10]) - np.datetime64(r["ScheduledDay"][:10])).astype(int), int(r["Age"]), r["Scholarship"], r["No-show"] == "No")
            for r in csv.DictReader(stream)
        ]  # fmt: skip
    rows = [r for r in rows if r[1] >= 0 and r[2] >= 0]

    def band(age: int) -> str:
        return "under 18" if age < 18 else "18 to 59" if age < 60 else "60 and over"

    cells: dict[tuple[int, str], list[bool]] = {}
    for day, lead, age, _, came in rows:
        if day < "2016-05-25":
            cells.setdefault(
                (int(np.searchsorted([1, 3, 8, 15, 31], lead, side="right")), band(age)), []
            ).append(came)
    rates = {cell: (sum(c) + 8) / (len(c) + 10) for cell, c in cells.items()}
    test = [r for r in rows if r[0] >= "2016-05-25" and r[1] > 0]
    rng, law, found = np.random.default_rng(SEED), lognormal(18, 0.4, 5.0), 0
    while found < count:
        chosen = [test[i] for i in rng.choice(len(test), 12, replace=False)]
        groups = [
            (f"scholarship {s}" if attribute == "Scholarship" else band(age)) for _, _, age, s, _ in chosen
        ]
        if len(set(groups)) < (2 if attribute == "Scholarship" else 3):
            continue
        shows = [
            rates[int(np.searchsorted([1, 3, 8, 15, 31], lead, side="right")), band(age)]
            for _, lead, age, _, _ in chosen
        ]
        found += 1
        yield Session(tuple(Patient(law, p) for p in shows), Weights(0.3, 1, 1.5), closes=200), groups
