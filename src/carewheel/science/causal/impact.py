"""A series beside its controls before and after a change: what would have happened without it (structural time series).

The model of Brodersen et al. 2015 (Ann Appl Stat 9:247, eq. (2.1)-(2.5): local level and static regression) without
drawing: the variance ratios are summed over a grid, the rest is conjugate. Two things are added, because the original
finds effects where nothing happened once residuals drift or repeat: AR(1) noise and a weak prior of the level's step.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from carewheel.science.causal.mixtures import StudentMixture
from carewheel.science.causal.noise import PRIOR, Flags, Floats, Prior
from carewheel.science.causal.refusal import Effect, check_before, check_outliers, flat, series_of
from carewheel.science.causal.regression import FREE, Design, Fit, Forecast, combination, zellner
from carewheel.science.intervals import Estimate
from carewheel.science.refusal import CannotTell

LEVEL = 0.95
LEAST_BEFORE = 8


@dataclass(frozen=True, slots=True)
class Impact:
    """What the change did, in the outcome's unit. ``average`` a month, ``cumulative`` over the known months after the start.

    ``relative``: the average over the counterfactual's mean (1 = 100 %), None where that mean is not clearly off nought.
    ``counterfactual``, ``pointwise``, ``running`` (months after,): without the change, the difference, and its sum so far;
    from the months before alone, whatever the profile, NaN where a month is missing. ``tail``: posterior probability of
    an effect on the other side of nought. ``autocorrelation`` and ``drift``: posterior means of phi and of r² (see `noise`).
    """

    average: Effect
    cumulative: Effect
    relative: Effect | None
    counterfactual: Estimate
    pointwise: Estimate
    running: Estimate
    tail: float
    autocorrelation: float
    drift: float
    months_before: int
    months_after: int
    level: float


class Standard(NamedTuple):
    """A series and its controls in standard units of the months before the start, and the units."""

    y: Floats
    controls: Floats
    seen: Flags
    middle: float
    sd: float


def impact(
    y: ArrayLike,
    start: int,
    controls: ArrayLike | None = None,
    *,
    profile: ArrayLike | None = 1.0,
    variances: ArrayLike | None = None,
    prior: Prior = PRIOR,
    level: float = LEVEL,
) -> Impact:
    """The effect of a change at month ``start`` on ``y`` (months,), given ``controls`` (months, k) that it cannot have moved.

    ``profile``: how an effect unfolds over the months after the start, up to its size; 1.0 at once and lasting; an array
    (months after,) for example a ramp; None any way at all, as in CausalImpact: the mean gap to the counterfactual.
    A profile uses the months after as well and finds smaller effects; it is part of the plan. ``variances`` (months,): known
    sampling variances of ``y``, in its unit squared. A month where y or a control is missing takes no part.
    Assumes that the relation to the controls stays, and that nothing else happened at the start.
    Raises `CannotTell`: too few months (8, and 2 more for each control), no variation, nothing after, absurd outliers.

    >>> rng = np.random.default_rng(5)
    >>> control = 50 + 5 * np.sin(np.arange(36) / 3)
    >>> y = 2 * control + rng.normal(0, 0.5, 36) + 4.0 * (np.arange(36) >= 24)
    >>> found = impact(y, 24, control)
    >>> [round(x, 1) for x in found.average[:3]], found.months_after
    ([4.1, 3.5, 4.8], 12)
    """
    ran = _run(y, start, controls, profile, variances, prior, level)
    one, used = ran.one, ran.one.seen[start:]
    m = int(used.sum())
    effect = effect_of(ran.average, level).scaled(one.sd)
    at_nought = float(ran.average.below(0.0)[0])
    forecast = ran.fit.forecast(one.controls.shape[1])
    counterfactual, pointwise, running = _months(one, start, forecast, used, level)
    weights = ran.average.weights
    return Impact(
        effect,
        effect.scaled(m),
        _relative(effect, counterfactual, used),
        counterfactual,
        pointwise,
        running,
        min(at_nought, 1 - at_nought),
        float(weights @ ran.fit.phi),
        float(weights @ ran.fit.squares),
        int(one.seen[:start].sum()),
        m,
        level,
    )


def average_impact(
    y: ArrayLike,
    start: int,
    controls: ArrayLike | None = None,
    *,
    profile: ArrayLike | None = 1.0,
    variances: ArrayLike | None = None,
    prior: Prior = PRIOR,
    level: float = LEVEL,
) -> Effect:
    """The average of `impact` alone: for placebos, which need it often and no bands.

    >>> y = np.random.default_rng(5).normal(0, 1, 30)
    >>> average_impact(y, 20) == impact(y, 20).average
    True
    """
    ran = _run(y, start, controls, profile, variances, prior, level)
    return effect_of(ran.average, level).scaled(ran.one.sd)


def average_impacts(
    series: ArrayLike,
    start: int,
    controls: ArrayLike,
    *,
    profile: ArrayLike | None = 1.0,
    prior: Prior = PRIOR,
    level: float = LEVEL,
) -> list[Effect]:
    """The average of `impact` for many complete series (series, months), each with its own controls (series, months, k).

    They pass the filter side by side, which costs a fraction of one after the other. Raises `CannotTell` as `impact` does, and
    "all-missing" where a month is missing somewhere.

    >>> y = np.random.default_rng(5).normal(0, 1, (2, 30))
    >>> many = average_impacts(y, 20, np.empty((2, 30, 0)))
    >>> [round(one.value - average_impact(row, 20).value, 9) for one, row in zip(many, y)]
    [0.0, 0.0]
    """
    ys, beside = np.asarray(series, dtype=np.float64), np.asarray(controls, dtype=np.float64)
    ones = [standard(y, start, x, level) for y, x in zip(ys, beside, strict=True)]
    if not all(one.seen.all() for one in ones) or len({one.controls.shape[1] for one in ones}) > 1:
        raise CannotTell("all-missing", {"series": len(ones)}, "judge series with missing months one by one")
    mixtures = _averages(ones, start, profile, None, prior)[1]
    return [effect_of(mixture, level).scaled(one.sd) for one, mixture in zip(ones, mixtures, strict=True)]


class _Ran(NamedTuple):
    """A fit and the mixture of the average effect, in standard units."""

    one: Standard
    fit: Fit
    average: StudentMixture


def _run(
    y: ArrayLike,
    start: int,
    controls: ArrayLike | None,
    profile: ArrayLike | None,
    variances: ArrayLike | None,
    prior: Prior,
    level: float,
) -> _Ran:
    one = standard(y, start, controls, level)
    known = None if variances is None else known_variances(variances, one)
    fit, (average,) = _averages([one], start, profile, known, prior)
    return _Ran(one, fit, average)


def _averages(
    ones: list[Standard], start: int, profile: ArrayLike | None, known: Floats | None, prior: Prior
) -> tuple[Fit, list[StudentMixture]]:
    """One fit of series that are seen in the same months, and each one's average effect."""
    first = ones[0]
    months, width, seen = first.y.size, first.controls.shape[1], first.seen
    used = seen[start:]
    shape = None if profile is None else _profile(profile, months - start)
    step = [] if shape is None else [np.concatenate([np.zeros(start), shape])[:, None]]
    before = seen & (np.arange(months) < start)
    precision = np.zeros((len(ones), width + len(step), width + len(step)))
    for k, one in enumerate(ones):
        precision[k, :width, :width] = zellner(one.controls, before, prior)
    if shape is not None:
        precision[:, -1, -1] = FREE
    columns = np.stack([np.concatenate([one.y[:, None], one.controls, *step], axis=1) for one in ones])
    fit = Fit.of(Design(columns, seen, precision, start, prior, known))
    if shape is None:
        share = used[None].astype(np.float64) / int(used.sum())
        forecast = fit.forecast(width)
        return fit, [_against(one.y[start:], share, forecast.sums(k, share)) for k, one in enumerate(ones)]
    size = np.zeros((1, width + 1))
    size[0, -1] = float(np.mean(shape[used]))
    if size[0, -1] == 0:
        raise CannotTell(
            "nothing-after", {"start": start}, "no month in which the profile expects an effect is known"
        )
    found = fit.coefficients(months)
    return fit, [combination(found, k, size) for k in range(len(ones))]


def standard(y: ArrayLike, start: int, controls: ArrayLike | None, level: float) -> Standard:
    """Checked, and in units of the mean and standard deviation before the start; a control that never moves is left out."""
    if not 0 < level < 1:
        raise CannotTell("level-outside", {"level": level}, "give a level between 0 and 1")
    series = series_of(y, "outcome")
    beside = np.empty((series.size, 0)) if controls is None else np.asarray(controls, dtype=np.float64)
    beside = beside[:, None] if beside.ndim == 1 else beside
    if beside.ndim != 2 or len(beside) != series.size:
        raise CannotTell("controls-shape", {"shape": str(beside.shape)}, "give (months, controls)")
    for column in range(beside.shape[1]):
        check_outliers(beside[:, column], f"control {column}")
    beside = beside[:, [not flat(beside[:start, column]) for column in range(beside.shape[1])]]
    seen = np.isfinite(series) & np.isfinite(beside).all(axis=1)
    check_before(np.where(seen, series, np.nan), start, LEAST_BEFORE + 2 * beside.shape[1])
    before = seen & (np.arange(series.size) < start)
    middle, sd = float(series[before].mean()), float(series[before].std(ddof=1))
    own = beside[before]
    with np.errstate(invalid="ignore"):
        scaled = (beside - own.mean(axis=0)) / own.std(axis=0, ddof=1)
    return Standard(
        np.where(seen, (series - middle) / sd, 0.0), np.where(seen[:, None], scaled, 0.0), seen, middle, sd
    )


def effect_of(mixture: StudentMixture, level: float) -> Effect:
    """The first quantity of a mixture as an effect with its central interval."""
    tail = (1 - level) / 2
    low, high = (float(mixture.quantile(p)[0]) for p in (tail, 1 - tail))
    return Effect(float(mixture.mean[0]), low, high, float(mixture.sd[0]))


def known_variances(variances: ArrayLike, one: Standard) -> Floats:
    """Known sampling variances in standard units; a seen month needs one."""
    given = np.asarray(variances, dtype=np.float64)
    if (
        given.shape != one.y.shape
        or not np.all(given[one.seen] >= 0)
        or not np.isfinite(given[one.seen]).all()
    ):
        raise CannotTell(
            "variances-shape", {}, "give a variance of nought or more for each month with a value"
        )
    return np.asarray(np.where(one.seen, given, 0.0) / one.sd**2, dtype=np.float64)


def _profile(profile: ArrayLike, after: int) -> Floats:
    try:
        shape = np.array(np.broadcast_to(np.asarray(profile, dtype=np.float64), (after,)))
    except ValueError:
        raise CannotTell(
            "profile-shape", {"months": after}, "give one number a month after the start"
        ) from None
    if not np.isfinite(shape).all() or not np.any(shape != 0):
        raise CannotTell("profile-shape", {"months": after}, "a profile is finite and not nought throughout")
    return shape


def _against(y: Floats, weights: Floats, without: StudentMixture) -> StudentMixture:
    """What was, less what would have been."""
    return StudentMixture(without.weights, (weights @ y)[:, None] - without.loc, without.scale, without.df)


def _months(
    one: Standard, start: int, forecast: Forecast, used: Flags, level: float
) -> tuple[Estimate, Estimate, Estimate]:
    """Counterfactual, gap, and running sum of gaps, month by month, in the outcome's unit."""
    each = np.eye(used.size)[used]
    so_far = (np.tril(np.ones((used.size, used.size))) * used)[used]
    weights = np.concatenate([each, so_far])
    tail = (1 - level) / 2
    mixture = forecast.sums(0, weights)
    parts = (mixture.mean, mixture.quantile(tail), mixture.quantile(1 - tail))
    observed = weights @ one.y[start:]
    m = len(each)
    without = [one.middle + one.sd * part[:m] for part in parts]
    gap = [one.sd * (observed - parts[i]) for i in (0, 2, 1)]
    return (
        Estimate(*(_spread(part, used) for part in without)),
        Estimate(*(_spread(part[:m], used) for part in gap)),
        Estimate(*(_spread(part[m:], used) for part in gap)),
    )


def _spread(values: Floats, used: Flags) -> Floats:
    """Values of the used months in their places, NaN in the others."""
    wide = np.full(used.size, np.nan)
    wide[used] = values
    return wide


def _relative(effect: Effect, without: Estimate, used: Flags) -> Effect | None:
    """The effect over the counterfactual's mean, if that is clearly away from nought (its bands all on one side)."""
    middle = float(np.mean(without.value[used]))
    one_side = np.all(without.low[used] > 0) or np.all(without.high[used] < 0)
    return effect.scaled(1 / middle) if one_side else None
