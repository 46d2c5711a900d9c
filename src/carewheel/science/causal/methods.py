"""The five methods under one face: a panel in, the average effect a treated unit and month out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.special import stdtrit

from carewheel.science.causal.impact import average_impact
from carewheel.science.causal.interrupted import interrupted
from carewheel.science.causal.panel import NEVER, Panel, completed
from carewheel.science.causal.refusal import Effect, Floats
from carewheel.science.causal.staggered import staggered_did
from carewheel.science.causal.synthetic_control import mean_gap
from carewheel.science.causal.synthetic_did import synthetic_did
from carewheel.science.refusal import CannotTell

Method = Literal[
    "structural", "interrupted", "difference_in_differences", "synthetic_control", "synthetic_did"
]
METHODS: tuple[Method, ...] = (
    "structural",
    "interrupted",
    "difference_in_differences",
    "synthetic_control",
    "synthetic_did",
)


@dataclass(frozen=True, slots=True)
class Settings:
    """How a method is run. ``ramp``: months until an effect has its size (1: at once); None: any shape. ``season``: for
    interrupted series alone. ``draws``: placebos behind an interval of synthetic DiD with several treated units."""

    level: float = 0.95
    ramp: int | None = 1
    season: int | None = 12
    seed: int = 0
    draws: int = 200


SETTINGS = Settings()


def estimate(panel: Panel, method: Method, settings: Settings = SETTINGS) -> Effect:
    """The average effect by one method. Raises `CannotTell` as that method does.

    >>> rng = np.random.default_rng(1)
    >>> y = 10 + rng.normal(0, 0.5, (12, 30)) + rng.normal(0, 1, 30)
    >>> y[:2, 24:] += 2
    >>> panel = Panel.of(y, [24.0] * 2 + [NEVER] * 10)
    >>> all(estimate(panel, method).low < 2 < estimate(panel, method).high for method in METHODS)
    True
    """
    return _RUN[method](panel, settings)


def _structural(panel: Panel, settings: Settings) -> Effect:
    if panel.treated.all():
        raise CannotTell(
            "too-few-units", {"controls": 0, "needed": 1}, "without controls: interrupted series"
        )
    beside = control_series(panel)

    def one(y: Floats, start: int, variances: Floats | None) -> Effect:
        profile = None if settings.ramp is None else _ramp(settings.ramp, y.size - start)
        return average_impact(y, start, beside, profile=profile, variances=variances, level=settings.level)

    return _by_cohort(panel, one)


def _interrupted(panel: Panel, settings: Settings) -> Effect:
    def one(y: Floats, start: int, variances: Floats | None) -> Effect:
        # A straight line is asked of a series only where it is long enough to show one.
        trend = int(np.isfinite(y[:start]).sum()) >= 18
        found = interrupted(
            y, start, season=settings.season, trend=trend, variances=variances, level=settings.level
        )
        return found.average

    return _by_cohort(panel, one)


def _difference(panel: Panel, settings: Settings) -> Effect:
    return staggered_did(panel, level=settings.level).average


def _synthetic_did(panel: Panel, settings: Settings) -> Effect:
    return synthetic_did(panel, level=settings.level, seed=settings.seed, draws=settings.draws).average


def _synthetic_control(panel: Panel, settings: Settings) -> Effect:
    """Its spread: the same starts put on as many units without the change, by turns or drawn (placebos in space)."""
    value, _ = mean_gap(panel)
    found = np.array([mean_gap(fake)[0] for fake in fakes(panel, settings.seed, min(settings.draws, 50))])
    if found.size < 5:
        raise CannotTell(
            "too-few-units", {"placebos": found.size, "needed": 5}, "more units without the change are needed"
        )
    sd = float(np.sqrt(np.mean(found**2)))
    half = float(stdtrit(found.size - 1, 0.5 + settings.level / 2)) * sd
    return Effect(value, value - half, value + half, sd)


_RUN: dict[Method, Callable[[Panel, Settings], Effect]] = {
    "structural": _structural,
    "interrupted": _interrupted,
    "difference_in_differences": _difference,
    "synthetic_control": _synthetic_control,
    "synthetic_did": _synthetic_did,
}


def fakes(panel: Panel, seed: int, most: int) -> list[Panel]:
    """Placebos in space: the treated units taken out, their starts put on units without the change.

    Each of them in turn (evenly spaced ones if there are more than ``most``) for one treated unit; else sets drawn from ``seed``,
    as many units as were treated or half of the others, whichever is less. None where fewer than three would be left.
    """
    rest = panel.only(~panel.treated)
    own = np.sort(panel.starts[panel.treated])
    count = len(rest.outcomes)
    size = min(own.size, count // 2, count - 3)
    if size < 1:
        return []
    own = own[np.linspace(0, own.size - 1, size).round().astype(int)]
    if size == 1:
        places = np.unique(np.linspace(0, count - 1, min(most, count)).round().astype(int))[:, None]
    else:
        rng = np.random.default_rng(seed)
        places = np.array([rng.choice(count, size, replace=False) for _ in range(most)])
    found = []
    for place in places:
        starts = np.full(count, NEVER)
        starts[place] = own
        found.append(rest.with_starts(starts))
    return found


def control_series(panel: Panel) -> Floats:
    """(months, k): what a treated series is held against: up to three controls themselves, else their mean and main movement.

    The movement (first principal component of the standardised controls) is chosen without looking at the treated units, so
    that the fit before the start stays honest.
    """
    whole, _, _ = completed(panel)
    controls = whole.outcomes[~whole.treated]
    first = min(panel.cohorts())
    if len(controls) <= 3 and first >= 8 + 4 * len(controls):
        return np.asarray(controls.T, dtype=np.float64)
    mean = controls.mean(axis=0)
    if len(controls) <= 3 or first < 16:
        return np.asarray(mean[:, None], dtype=np.float64)
    apart = controls - mean
    spread = apart.std(axis=1, keepdims=True)
    scaled = (apart - apart.mean(axis=1, keepdims=True)) / np.where(spread > 0, spread, 1.0)
    _, _, movements = np.linalg.svd(scaled, full_matrices=False)
    return np.column_stack([mean, movements[0] * np.sign(movements[0][int(np.abs(movements[0]).argmax())])])


def treated_series(panel: Panel, start: int) -> tuple[Floats, Floats | None]:
    """The mean (months,) of the units that started in ``start``, and its known sampling variance.

    A unit's own level is taken off before the mean and put back after, so that a missing month does not shift it.
    """
    own = panel.starts == start
    y = panel.outcomes[own]
    known = np.isfinite(y)
    if not known[:, :start].any(axis=1).all():
        y, known = y[known[:, :start].any(axis=1)], known[known[:, :start].any(axis=1)]
    if y.size == 0:
        raise CannotTell(
            "too-few-months", {"months": 0, "needed": 1}, "no unit with the change has a month before it"
        )
    count = np.maximum(known.sum(axis=0), 1)
    levels = np.array([row[:start][seen[:start]].mean() for row, seen in zip(y, known, strict=True)])
    mean = np.where(known, y - levels[:, None], 0).sum(axis=0) / count + levels.mean()
    series = np.where(known.any(axis=0), mean, np.nan)
    if panel.variances is None or len(y) != int(own.sum()):
        return series, None
    variances = np.where(known, panel.variances[own], 0).sum(axis=0) / count**2
    return series, variances


def _by_cohort(panel: Panel, one: Callable[[Floats, int, Floats | None], Effect]) -> Effect:
    """Cohorts averaged by treated months. They share controls and seasons: their errors are taken to add up in full."""
    effects, weights = [], []
    for start in panel.cohorts():
        series, variances = treated_series(panel, start)
        effects.append(one(series, start, variances))
        weights.append(float(np.sum(panel.starts == start)) * (panel.outcomes.shape[1] - start))
    if not effects:
        raise CannotTell("too-few-units", {"treated": 0, "needed": 1}, "no unit has the change")
    share = np.array(weights) / sum(weights)
    value, low, high, sd = (float(share @ np.array([part[k] for part in effects])) for k in range(4))
    return Effect(value, low, high, sd)


def _ramp(months: int, after: int) -> Floats:
    """Rising evenly to 1 in so many months."""
    return np.asarray(np.minimum((np.arange(after) + 1) / max(months, 1), 1.0), dtype=np.float64)
