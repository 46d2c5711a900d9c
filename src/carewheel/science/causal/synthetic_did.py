"""Synthetic difference in differences: a double by weights on units and on months, then a difference in differences.

Source: Arkhangelsky, Athey, Hirshberg, Imbens & Wager 2021, Am Econ Rev 111:4088, Algorithm 1 (estimate), 3 (jackknife) and 4
(placebo). Weights are the exact optimum instead of an early end of Frank and Wolfe's steps. Staggered starts: one estimate
a cohort against the never treated, averaged by treated months (their appendix; Clarke et al. 2023).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.special import stdtrit

from carewheel.science.causal.panel import NEVER, Panel, completed
from carewheel.science.causal.refusal import Effect, Floats
from carewheel.science.causal.simplex import simplex_weights
from carewheel.science.refusal import CannotTell

LEAST_BEFORE = 4
# The paper's ridge on the months' weights: only there to make them unique.
TINY = 1e-6
PLACEBOS = 200


@dataclass(frozen=True, slots=True)
class SyntheticDid:
    """``average``: effect a treated unit and month. ``variance``: how its sd was found, by placebo or jackknife.

    ``unit_weights`` (units,) and ``month_weights`` (months,) of the earliest cohort, nought for treated units and later months;
    ``left_out`` units and ``filled`` months: what `completed` did to make the panel whole.
    """

    average: Effect
    variance: Literal["placebo", "jackknife"]
    unit_weights: Floats
    month_weights: Floats
    left_out: int
    filled: int


def synthetic_did(
    panel: Panel,
    *,
    variance: Literal["placebo", "jackknife"] = "placebo",
    level: float = 0.95,
    seed: int = 0,
    draws: int = PLACEBOS,
) -> SyntheticDid:
    """The average effect over treated units and months, with an interval of Student's t.

    Placebo: the same cohorts put on units without the change (each of them in turn if there is one treated unit, else
    ``draws`` draws from ``seed``); assumes that units with the change vary like the others. Jackknife: leaves out one unit at a time;
    needs two treated units in each cohort. Assumes that no other unit is touched by the change and nothing else happened.
    Raises `CannotTell`: fewer than 4 months before a start, fewer controls than treated units + 2.

    >>> rng = np.random.default_rng(1)
    >>> y = rng.normal(0, 1, (20, 1)) + np.sin(np.arange(30) / 4) * rng.normal(1, 0.3, (20, 1)) + rng.normal(0, 0.2, (20, 30))
    >>> y[:3, 24:] += 1.5
    >>> found = synthetic_did(Panel.of(y, [24.0] * 3 + [NEVER] * 17))
    >>> [round(x, 1) for x in found.average[:3]]
    [1.5, 1.3, 1.6]
    """
    whole, left_out, filled = completed(panel)
    y, starts = whole.outcomes, whole.starts
    treated = int(whole.treated.sum())
    controls = len(y) - treated
    first = min(whole.cohorts())
    if first < LEAST_BEFORE:
        raise CannotTell(
            "too-few-months",
            {"months": first, "needed": LEAST_BEFORE},
            "more months before the start are needed",
        )
    if controls < treated + 2:
        raise CannotTell(
            "too-few-units",
            {"controls": controls, "needed": treated + 2},
            "an interval needs at least two more units without the change than with it",
        )
    value = _average(y, starts)
    if variance == "placebo":
        found = _placebos(y, starts, seed, draws)
        sd = float(np.std(found, ddof=1))
    else:
        found = _jackknife(y, starts)
        sd = float(np.sqrt((len(found) - 1) / len(found) * np.sum((found - found.mean()) ** 2)))
    if sd <= 0:
        raise CannotTell(
            "no-variation", {}, "units without the change move alike to the last digit: no chance to judge by"
        )
    half = float(stdtrit(min(len(found), controls) - 1, 0.5 + level / 2)) * sd
    units, months = _weights(y[starts == first], y[~whole.treated], first)
    unit_weights, month_weights = np.zeros(len(y)), np.zeros(y.shape[1])
    unit_weights[~whole.treated], month_weights[:first] = units, months
    return SyntheticDid(
        Effect(value, value - half, value + half, sd), variance, unit_weights, month_weights, left_out, filled
    )


def _average(y: Floats, starts: Floats) -> float:
    """The estimate: cohorts averaged by their treated months."""
    controls = y[~np.isfinite(starts)]
    total = weight = 0.0
    for start in sorted({int(s) for s in starts[np.isfinite(starts)]}):
        own = y[starts == start]
        units, months = _weights(own, controls, start)
        after = y.shape[1] - start
        double = own.mean(axis=0) - units @ controls
        share = len(own) * after
        total += share * float(double[start:].mean() - months @ double[:start])
        weight += share
    return total / weight


def _weights(own: Floats, controls: Floats, start: int) -> tuple[Floats, Floats]:
    """Weights on units (controls,) and on months before the start (start,): eq. (4) and (6), zeta of eq. (5)."""
    before = controls[:, :start]
    noise = float(np.diff(before, axis=1).std(ddof=1))
    after = controls.shape[1] - start
    zeta = (len(own) * after) ** 0.25 * noise
    units = simplex_weights(before.T, own[:, :start].mean(axis=0), ridge=zeta**2 * start, intercept=True)
    months = simplex_weights(
        before, controls[:, start:].mean(axis=1), ridge=(TINY * noise) ** 2 * len(controls), intercept=True
    )
    return units, months


def _placebos(y: Floats, starts: Floats, seed: int, draws: int) -> Floats:
    """Estimates with the cohorts put on units without the change; the treated ones left out (Algorithm 4)."""
    controls = y[~np.isfinite(starts)]
    own = starts[np.isfinite(starts)]
    found = []
    if own.size == 1:
        for unit in range(len(controls)):
            fake = np.full(len(controls), NEVER)
            fake[unit] = own[0]
            found.append(_average(controls, fake))
        return np.array(found)
    rng = np.random.default_rng(seed)
    for _ in range(draws):
        fake = np.full(len(controls), NEVER)
        fake[rng.choice(len(controls), own.size, replace=False)] = own
        found.append(_average(controls, fake))
    return np.array(found)


def _jackknife(y: Floats, starts: Floats) -> Floats:
    """Estimates without each unit in turn (Algorithm 3, weights found anew: wider, and right when units are few)."""
    treated = np.isfinite(starts)
    sizes = [int(np.sum(starts == start)) for start in np.unique(starts[treated])]
    if min(sizes) < 2:
        raise CannotTell(
            "too-few-units",
            {"treated": min(sizes), "needed": 2},
            "a jackknife needs two units a cohort: use placebos",
        )
    everyone = np.arange(len(y))
    return np.array([_average(y[everyone != unit], starts[everyone != unit]) for unit in everyone])
