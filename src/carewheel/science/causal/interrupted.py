"""One location, no controls: the series before and after its own interruption (segmented regression).

Level, slope, season and the step at the start are regressors; the noise walks and repeats as in `noise`, so that a drift is
not taken for an effect. Intervals are mixtures of Student's t, which is what few months deserve.
Source: Wagner et al. 2002, J Clin Pharm Ther 27:299, eq. (1); Bernal et al. 2017, Int J Epidemiol 46:348.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from carewheel.science.causal.impact import (
    LEAST_BEFORE,
    LEVEL,
    Standard,
    effect_of,
    known_variances,
    standard,
)
from carewheel.science.causal.noise import PRIOR, Floats, Prior
from carewheel.science.causal.refusal import Effect
from carewheel.science.causal.regression import FREE, Design, Fit, combination
from carewheel.science.intervals import Estimate
from carewheel.science.refusal import CannotTell

# A season's waves are held back a little, so that two years can carry them: each counts as a tenth of an observation.
SEASON_N = 0.1
PAIRS = 2


@dataclass(frozen=True, slots=True)
class Interruption:
    """What changed at the start, in the outcome's unit.

    ``step``: the jump at the start; ``slope``: the change of slope a month, None unless asked for; ``average``: of the
    months after; ``at_end``: in the last month. ``effect`` (months after,): step and slope, month by month.
    ``tail``: posterior probability that the average lies on the other side of nought.
    """

    step: Effect
    slope: Effect | None
    average: Effect
    at_end: Effect
    effect: Estimate
    tail: float
    autocorrelation: float
    drift: float
    months_before: int
    months_after: int
    level: float


def interrupted(
    y: ArrayLike,
    start: int,
    *,
    season: int | None = 12,
    trend: bool = True,
    slope: bool = False,
    variances: ArrayLike | None = None,
    prior: Prior = PRIOR,
    level: float = LEVEL,
) -> Interruption:
    """The interruption of ``y`` (months,) at month ``start``, by its own past.

    ``season``: months in a year's wave (two pairs of sine and cosine; taken only where 1.5 years or more are known before
    the start), or None. ``trend``: a straight line through all months; ``slope``: the line may bend at the start.
    ``variances`` (months,): known sampling variances. Assumes that the trend would have gone on and that nothing else
    happened at the start: without controls this cannot be checked, so a verdict from it is never strong.
    Raises `CannotTell` as `impact` does; a trend needs 4 months more, a season 4.

    >>> rng = np.random.default_rng(3)
    >>> y = 20 + 0.1 * np.arange(48) + rng.normal(0, 0.4, 48) - 3.0 * (np.arange(48) >= 36)
    >>> found = interrupted(y, 36)
    >>> [round(x, 1) for x in found.average[:3]], found.slope
    ([-3.3, -3.9, -2.7], None)
    """
    one = standard(y, start, None, level)
    months = np.arange(one.y.size, dtype=np.float64)
    known = int(one.seen[:start].sum())
    columns, held = [], []
    if trend:
        columns.append((months - start) / one.y.size)
        held.append(FREE)
    if season is not None and start >= 1.5 * season:
        for pair in range(1, PAIRS + 1):
            if 2 * pair < season:
                angle = 2 * np.pi * pair * months / season
                columns += [np.sin(angle), np.cos(angle)]
                held += [SEASON_N, SEASON_N]
    needed = LEAST_BEFORE + 4 * trend + 4 * (len(columns) > trend)
    if known < needed:
        raise CannotTell(
            "too-few-months",
            {"months": known, "needed": needed},
            "wait for more months, or plan without a trend",
        )
    after = (months >= start).astype(np.float64)
    columns.append(after)
    held.append(FREE)
    if slope:
        columns.append(after * (months - start) / one.y.size)
        held.append(FREE)
    return _read(one, start, np.column_stack(columns), np.asarray(held), slope, variances, prior, level)


def _read(
    one: Standard,
    start: int,
    design: Floats,
    held: Floats,
    slope: bool,
    variances: ArrayLike | None,
    prior: Prior,
    level: float,
) -> Interruption:
    known = None if variances is None else known_variances(variances, one)
    columns = np.where(one.seen[:, None], np.column_stack([one.y, design]), 0.0)[None]
    fit = Fit.of(Design(columns, one.seen, np.diag(held)[None], start, prior, known))
    found = fit.coefficients(one.y.size)
    after = one.seen[start:]
    each = design[start:].copy()
    each[:, : design.shape[1] - 1 - slope] = 0.0
    wanted = [each[after].mean(axis=0), each[0], each[-1]]
    if slope:
        bend = np.zeros(design.shape[1])
        bend[-1] = 1 / one.y.size
        wanted.append(bend)
    average, step, at_end, *bent = (
        effect_of(combination(found, 0, row[None]), level).scaled(one.sd) for row in wanted
    )
    tail = (1 - level) / 2
    path = combination(found, 0, each)
    side = float(combination(found, 0, wanted[0][None]).below(0.0)[0])
    return Interruption(
        step,
        bent[0] if bent else None,
        average,
        at_end,
        Estimate(*(one.sd * part for part in (path.mean, path.quantile(tail), path.quantile(1 - tail)))),
        min(side, 1 - side),
        float(found.weights[0] @ fit.phi),
        float(found.weights[0] @ fit.squares),
        int(one.seen[:start].sum()),
        int(after.sum()),
        level,
    )
