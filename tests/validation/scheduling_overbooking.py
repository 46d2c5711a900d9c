"""Overbooking at length: against enumeration, and what fair waiting costs on the no-show set."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tests.validation.forecasts import learnt
from tests.validation.forecasts_data import vitoria
from tests.validation.scheduling_templates import Row

from carewheel.science.forecasting.attendance import features
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

Floats = NDArray[np.float64]
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
        what = f"{SESSIONS} sessions of the no-show set with the scores of the attendance model, groups by {attribute}, plans drawn by lot: largest gap (best plan alone: {free.mean():.0%} on average, {free.max():.0%} at most)"
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


@cache
def scored_test_days(folder: Path) -> tuple[Floats, dict[str, np.ndarray]]:
    """Of the test days' visits with a lead: the chance of a miss as it was told when each was booked, by the attendance model of the training days, and the
    groups. Whether a reminder was sent is left out: it is not known at booking."""
    v = vitoria(folder.parent, reminders=False)
    made = features(v.bookings, v.outcomes)
    model = learnt(v, made)
    rows = np.flatnonzero(v.test & (v.bookings.lead_days > 0))
    groups = {name: words[rows] for name, words in v.groups.items()}
    # Adults of working age are one band: four bands are seldom all there among twelve patients.
    groups["age band"] = np.where(
        np.isin(groups["age band"], ("18-39", "40-59")), "18-59", groups["age band"]
    )
    return np.asarray(model.chance(made.only(rows)).value), groups


def vitoria_sessions(folder: Path, attribute: str, count: int) -> Iterator[tuple[Session, list[str]]]:
    """Sessions of 12 booked into 10 slots of 20 minutes from the test days, each patient with the score of the attendance model.

    All groups are there in every session. Durations are not in the set: lognormal, mean 18 minutes, cv 0.4.
    """
    chance, by = scored_test_days(folder)
    words = by[attribute]
    kinds = len(np.unique(words))
    rng, law, found = np.random.default_rng(SEED), lognormal(18, 0.4, 5.0), 0
    while found < count:
        chosen = rng.choice(chance.size, 12, replace=False)
        groups = [str(words[i]) for i in chosen]
        if len(set(groups)) < kinds:
            continue
        found += 1
        # To the half per cent: patients who are as good as alike are exchanged for nothing.
        shows = np.rint(200 * (1 - chance[chosen])) / 200
        yield Session(tuple(Patient(law, float(p)) for p in shows), Weights(0.3, 1, 1.5), closes=200), groups
