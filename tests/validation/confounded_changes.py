"""Invented changes with known truth, each planned and judged: what the verdict says of nothing, of effects, and of confounding.

36 months of 15 locations with a shared drift that each follows to its own degree, AR(1) .3 noise of 1; one location changes in
month 24, its effect is 4 (a planned one of about 2.5 would be found).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from scipy.signal import lfilter

from carewheel.science.causal import Panel, Verdict, planned, verdict

Floats = NDArray[np.float64]

UNITS, MONTHS, START = 15, 36, 24
EFFECT = 4.0
SEED = 4_711


class Case(NamedTuple):
    """What happened in truth, and which share of verdicts must be at least or at most ``bar``; None: shown, not held to."""

    title: str
    share: str
    at_least: bool
    bar: float | None


CASES = {
    "nothing": Case("nothing happened", "changed", False, 0.05),
    "effect": Case("the change worked", "changed", True, 0.70),
    "known": Case("another change in the same month, known", "refused", True, 1.0),
    "before": Case("hidden shock 5 months before, no effect", "refused or flagged, or not seen", True, 0.90),
    "after": Case("hidden shock 5 months after, no effect", "refused or flagged, or not seen", True, 0.80),
    "same": Case(
        "hidden shock in the start's month, with a measure that cannot move",
        "refused or flagged, or not seen",
        True,
        0.90,
    ),
    "blind": Case("hidden shock in the start's month, nothing to tell it by", "changed", True, None),
}


def world(rng: Generator) -> Floats:
    """(15, 36): levels, a shared drift with own loadings, own noise."""
    drift = np.cumsum(rng.normal(0, 0.4, MONTHS)) + np.sin(2 * np.pi * np.arange(MONTHS) / 12)
    noise = lfilter([1.0], [1.0, -0.3], rng.normal(0, 0.95, (UNITS, MONTHS + 30)), axis=1)[:, 30:]
    return np.asarray(50 + rng.normal(0, 3, (UNITS, 1)) + rng.normal(1, 0.3, (UNITS, 1)) * drift + noise)


def judged(case: str, number: int) -> Verdict:
    """One world of a case: planned on 24 months, then judged on 36."""
    rng = np.random.default_rng([SEED, number])
    y, beside = world(rng), world(rng)
    starts = [float(START), *([np.inf] * (UNITS - 1))]
    if case != "nothing":
        shock = START + {"before": -5, "after": 5}.get(case, 0)
        y[0, shock:] += EFFECT
    plan = planned(
        Panel.of(y[:, :START], [np.inf] * UNITS), starts, MONTHS - START, measure="invented", unit="points"
    )
    unaffected = None
    if case == "same":
        beside[0, START:] += EFFECT
        unaffected = beside
    changes = [(0, START)] if case == "known" else []
    return verdict(plan, Panel.of(y, starts, other_changes=changes, unaffected=unaffected))


class Row(NamedTuple):
    """Shares of a case's verdicts."""

    case: str
    count: int
    changed: float
    not_seen: float
    flagged: float
    refused: float

    @property
    def share(self) -> float:
        """The share that the bar is about."""
        wanted = CASES[self.case].share
        if wanted == "changed":
            return self.changed
        if wanted == "refused":
            return self.refused
        return 1 - (self.changed - self.flagged)

    @property
    def holds(self) -> bool:
        """Give or take two sampling errors."""
        case = CASES[self.case]
        if case.bar is None:
            return True
        error = 2 * float(np.sqrt(max(case.bar * (1 - case.bar), 0.0) / self.count))
        return self.share >= case.bar - error if case.at_least else self.share <= case.bar + error


def row(case: str, found: list[Verdict]) -> Row:
    """``flagged``: found to be changed, but not strong."""
    n = len(found)
    return Row(
        case,
        n,
        sum(v.conclusion == "changed" for v in found) / n,
        sum(v.conclusion == "not_seen" for v in found) / n,
        sum(v.conclusion == "changed" and v.quality != "strong" for v in found) / n,
        sum(v.conclusion == "refused" for v in found) / n,
    )
