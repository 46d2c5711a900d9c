"""The placebo series of the causal validation: weekly series in which nothing happened, and one control each.

The design is fixed before any method was tuned to it. `wheel.md` names the kinds (small drift, AR(1) .5, random walk; 104 + 26
weeks, one control) and what ordinary least squares makes of them (false alarms of 7, 22 and 69 % at a nominal 5 %), not their
scales. Here a week's own noise is 1 % of the level in all three kinds; the drift of A and the steps of C are chosen so
that least squares, with a straight trend, comes to about those figures; that anchors the design to the table.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from scipy import stats
from scipy.signal import lfilter

Floats = NDArray[np.float64]

BEFORE, AFTER = 104, 26
SEED = 20_261_125
SERIES = 2_000
LEVEL = 100.0
EFFECT = 3.0  # 3 % of the level
BETA = 0.8  # how much of the control's movement the series shares


class Kind(NamedTuple):
    """A kind of residual: own noise of a week (sd), its autoregression, and the step of a random walk under it (sd)."""

    title: str
    noise: float
    phi: float
    step: float
    # What least squares claims at a nominal 5 %, and what a method must find of +3 % (both from wheel.md).
    least_squares: float
    power: float


KINDS = {
    "A": Kind("small drift", 1.0, 0.0, 0.02, 0.07, 0.95),
    "B": Kind("AR(1) .5", 1.0, 0.5, 0.0, 0.22, 0.80),
    "C": Kind("random walk", 1.0, 0.0, 0.4, 0.69, 0.60),
}


def placebos(kind: str, count: int = SERIES, seed: int = SEED) -> tuple[Floats, Floats]:
    """``count`` series and their controls, each (count, 130): nothing happens at week 104.

    The control is 100, a yearly wave of 4 and AR(1) .7 with steps of 1.5; the series is 100 + .8 (control - 100) + residual.
    """
    rng = np.random.default_rng([seed, ord(kind)])
    control = _controls(rng, count)
    k = KINDS[kind]
    weeks = BEFORE + AFTER
    residual = _autoregressive(rng, (count, weeks), k.phi, k.noise)
    if k.step:
        residual += np.cumsum(rng.normal(0, k.step, (count, weeks)), axis=1)
    return LEVEL + BETA * (control - LEVEL) + residual, control


def _controls(rng: Generator, count: int) -> Floats:
    week = np.arange(BEFORE + AFTER)
    wave = 4 * np.sin(2 * np.pi * week / 52 + rng.uniform(0, 2 * np.pi, (count, 1)))
    return np.asarray(LEVEL + wave + _autoregressive(rng, (count, week.size), 0.7, 1.5), dtype=np.float64)


def _autoregressive(rng: Generator, shape: tuple[int, int], phi: float, sd: float) -> Floats:
    """An AR(1) that has run for 50 weeks before it is looked at."""
    steps = rng.normal(0, sd, (shape[0], shape[1] + 50))
    return np.asarray(lfilter([1.0], [1.0, -phi], steps, axis=1)[:, 50:], dtype=np.float64)


def least_squares_claims(series: Floats, control: Floats) -> bool:
    """Whether an interrupted series by ordinary least squares (level, trend, control, step) is significant at 5 %."""
    weeks = series.size
    design = np.column_stack(
        [np.ones(weeks), np.arange(weeks) / weeks, control, np.arange(weeks) >= BEFORE]
    ).astype(np.float64)
    inverse = np.linalg.inv(design.T @ design)
    beta = inverse @ design.T @ series
    residual = series - design @ beta
    variance = float(residual @ residual) / (weeks - 4)
    t = float(beta[3] / np.sqrt(variance * inverse[3, 3]))
    return abs(t) > float(stats.t.ppf(0.975, weeks - 4))


def oracle_sd(kind: str) -> float:
    """The sd of the mean effect if the residual's covariance were known: no method can know more (no control, flat level)."""
    k, weeks = KINDS[kind], BEFORE + AFTER
    t = np.arange(weeks)
    cov = k.noise**2 / (1 - k.phi**2) * k.phi ** np.abs(t[:, None] - t) + k.step**2 * (
        np.minimum(t[:, None], t) + 1
    )
    design = np.column_stack([np.ones(weeks), t >= BEFORE]).astype(np.float64)
    return float(np.sqrt(np.linalg.inv(design.T @ np.linalg.solve(cov, design))[1, 1]))


if __name__ == "__main__":
    for name, found in KINDS.items():
        y, x = placebos(name)
        share = np.mean([least_squares_claims(a, b) for a, b in zip(y, x, strict=True)])
        best = float(stats.norm.sf(1.96 - EFFECT / oracle_sd(name)))
        print(
            f"{name} {found.title}: least squares claims {share:.3f} (table: {found.least_squares}), oracle power {best:.3f}"
        )
