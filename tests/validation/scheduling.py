"""Appointment sessions at length: exact evaluation against simulation, best times against published optima, enumeration and samples.

    python -m tests.validation.scheduling [exactness | templates | overbooking | simulator]

The sections of the validation page. Data that are not in the repository come from the folder that CAREWHEEL_DATA names; what
needs them is left out, and said to be, without.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from tests.validation.scheduling_overbooking import overbooking_rows
from tests.validation.scheduling_templates import template_rows
from tests.validation.scheduling_theory import simulator_rows

from carewheel.science.scheduling import (
    Minutes,
    Patient,
    Session,
    WalkIns,
    Weights,
    empirical,
    evaluate,
    exponential,
    fixed,
    lognormal,
    mixture,
    poisson,
    simulated,
)

SEED = 20261126
INSTANCES, DAYS = 200, 1_000_000


class Row(NamedTuple):
    """One line of the page."""

    what: str
    bar: str
    found: str
    holds: bool


def random_session(rng: np.random.Generator) -> tuple[Session, np.ndarray]:
    """Any session on a grid: unlike patients, no-shows, early and late arrivals, walk-ins, a close or none; and times for it."""
    step, n = float(rng.choice([1.0, 2.0, 5.0])), int(rng.integers(3, 17))

    def law() -> Minutes:
        mean = float(rng.uniform(8, 25))
        return (
            lognormal(mean, float(rng.uniform(0.2, 1.0)), step),
            exponential(mean, step),
            poisson(mean, step),
            fixed(mean, step),
            empirical(rng.gamma(2, mean / 2, 30), step),
            mixture([fixed(mean, step), lognormal(2 * mean, 0.4, step)], [0.7, 0.3]),
        )[rng.integers(6)]

    laws = [law() for _ in range(3)]
    early = empirical(rng.normal(float(rng.uniform(-6, 3)), float(rng.uniform(1, 8)), 40), step)
    patients = tuple(
        Patient(
            laws[rng.integers(3)],
            float(rng.uniform(0.5, 1)) if rng.random() < 0.8 else 1.0,
            early if rng.random() < 0.5 else None,
            float(rng.uniform(0.5, 2)),
        )
        for _ in range(n)
    )
    gaps = rng.uniform(0, 1.6, n) * 14 / step
    gaps[rng.random(n) < 0.15] = 0
    times = np.floor(np.cumsum(gaps) - gaps[0]) * step
    closes = float(np.ceil((times[-1] + rng.uniform(0, 30)) / step) * step) if rng.random() < 0.7 else None
    walking: tuple[WalkIns, ...] = ()
    if rng.random() < 0.5:
        start = float(np.floor(rng.uniform(0, 0.5) * times[-1] / step) * step)
        walking = (WalkIns(float(rng.uniform(0.005, 0.03)), start, float(times[-1]), law(), 1.3),)
    return Session(patients, Weights(*rng.uniform(0.1, 2, 3).tolist()), closes, walking), times


def differences(
    session: Session, times: np.ndarray, days: int, seed: int
) -> Iterator[tuple[float, float, float]]:
    """Exact, simulated and error of every output, in minutes, of those that are not the same by necessity."""
    exact = evaluate(session, times)
    met = simulated(session, times, days=days, seed=seed)
    d = session.step
    pairs: list[tuple[float, float, float]] = [
        (e, d * m, d * s) for e, m, s in zip(exact.waits, met.waits, met.waits_error, strict=True)
    ]
    for e, (m, s) in (
        (exact.waiting, met.waiting),
        (exact.walk_in_waiting, met.walk_in_waiting),
        (exact.idle, met.idle),
        (exact.overtime, met.overtime),
    ):
        pairs.append((e, d * m, d * s))
    yield from pairs


def z_scores(instances: int, days: int, seed: int = SEED) -> tuple[np.ndarray, int]:
    """(simulated - exact) / error over all outputs of random sessions, and how many were left out.

    Left out: what happens on fewer than about a hundred of the days (mean under ten errors), where no error can be told. What is
    the same on all days, as the first patient's wait, must be that in fact, or stands as a z of 99.
    """
    found, rare = [], 0
    for number in range(instances):
        rng = np.random.default_rng([seed, number])
        session, times = random_session(rng)
        for exact, mean, error in differences(session, times, days, seed + number):
            if not error > 0:
                if abs(exact - mean) >= 30 / days:
                    found.append(99.0)
            elif mean < 10 * error:
                rare += 1
            else:
                found.append((mean - exact) / error)
    return np.array(found), rare


def exactness_rows(instances: int = INSTANCES, days: int = DAYS) -> list[Row]:
    """Exact evaluation against simulation."""
    z, rare = z_scores(instances, days)
    most, beyond = float(np.abs(z).max()), float(np.mean(np.abs(z) > 3))
    what = f"{instances} random sessions, {days:,} days each, {z.size:,} outputs ({rare} too rare to judge)"
    return [
        Row(f"exact against simulated: {what}: largest z, either way", "4.5", f"{most:.2f}", most <= 4.5),
        Row("the same: share of z beyond 3, either way", "0.02", f"{beyond:.4f}", beyond <= 0.02),
        Row("the same: standard deviation of z", "0.9 to 1.1", f"{z.std():.3f}", 0.9 <= z.std() <= 1.1),
    ]


def data_folder() -> Path | None:
    """The scheduling sets among the shared data, if they are there."""
    folder = Path(os.environ.get("CAREWHEEL_DATA") or "/nonexistent") / "scheduling"
    return folder if folder.is_dir() else None


def _section(title: str, words: list[str], rows: list[Any], began: float) -> tuple[list[str], bool]:
    lines = [
        "", f"## {title}", "", *words, "", f"Seed {SEED}, {time.monotonic() - began:.0f} s. By itself: `python -m tests.validation.scheduling`.", "",
        "| What | Bar | Found | |", "|---|---|---|---|",
        *(f"| {r.what} | {r.bar} | {r.found} | {'holds' if r.holds else '**does not hold**'} |" for r in rows),
    ]  # fmt: skip
    return lines, all(r.holds for r in rows)


def exactness_section(instances: int = INSTANCES, days: int = DAYS) -> tuple[list[str], bool]:
    """Exact evaluation of sessions."""
    began = time.monotonic()
    words = [
        "The expected waits, idle time and overtime of a session by recursion, against the same session simulated. The two share the",
        "session's description and nothing else.",
    ]
    return _section("Appointment sessions: exact evaluation", words, exactness_rows(instances, days), began)


def templates_section(folder: Path | None = None) -> tuple[list[str], bool]:
    """Best times against published optima, enumeration, sample averages, rules, and multistart."""
    began = time.monotonic()
    words = ["What the limits mean stands in [templates](../why/templates.md)."]
    folder = folder or data_folder()
    if folder is None:
        words.append("Left out: the published optima and the Hangu durations, `CAREWHEEL_DATA` is not set.")
    return _section("Appointment templates", words, [*template_rows(folder)], began)


def overbooking_section(folder: Path | None = None) -> tuple[list[str], bool]:
    """Overbooking against enumeration, and what fair waiting costs."""
    began = time.monotonic()
    return _section("Overbooking", ["Fair: the gap between groups' expected waits is 5 % at most."], [*overbooking_rows(folder or data_folder())], began)  # fmt: skip


def simulator_section() -> tuple[list[str], bool]:
    """The clinic simulator against queueing theory."""
    began = time.monotonic()
    words = ["Long runs against formulas: the bar is four standard errors, by batch means."]
    return _section("Clinic simulator", words, [*simulator_rows()], began)


if __name__ == "__main__":
    wanted = sys.argv[1:] or ["exactness", "templates", "overbooking", "simulator"]
    for name in wanted:
        print("\n".join(globals()[f"{name}_section"]()[0]), flush=True)
