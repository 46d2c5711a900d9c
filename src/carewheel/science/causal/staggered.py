"""Difference in differences where units start at different times, without comparing the changed with the changed.

Every cohort (units with one start) is compared month by month with units that have not changed; only then are cohorts put
together. A two-way regression would use the already changed as controls and may turn the sign (Goodman-Bacon 2021).
Source: Callaway & Sant'Anna 2021, J Econom 225:200: eq. (2.6)-(2.7) without covariates, section 3 for the aggregates, and their
influence functions; ``base="all"`` is the imputation of Borusyak, Jaravel & Spiess 2024, Rev Econ Stud 91:3253, for this case.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import fdtrc, stdtrit

from carewheel.science.causal.panel import Panel
from carewheel.science.causal.refusal import Effect, Flags, Floats, flat
from carewheel.science.refusal import CannotTell

Controls = Literal["never", "not_yet"]
Base = Literal["last", "all"]
# Blocks of months before the start whose differences make the pre-trend test.
MOST_BLOCKS = 6


class Cell(NamedTuple):
    """The effect on the cohort that started in ``start``, in ``month``, by so many units with and without the change."""

    start: int
    month: int
    effect: Effect
    treated: int
    controls: int


class PreTrend(NamedTuple):
    """Did both sides run alike before? Hotelling's test that all ``blocks`` of earlier months differ as the last one does."""

    statistic: float
    blocks: int
    df: int
    p: float


@dataclass(frozen=True, slots=True)
class StaggeredDid:
    """``average``: over treated units and months. ``events``: (months since the start, effect), before it too.

    ``cohorts``: (start, average effect of that cohort). ``pre_trend``: None where fewer than three units on a side forbid it.
    """

    average: Effect
    cells: tuple[Cell, ...]
    events: tuple[tuple[int, Effect], ...]
    cohorts: tuple[tuple[int, Effect], ...]
    pre_trend: PreTrend | None
    treated: int
    controls: int


class _Parts(NamedTuple):
    """Cells with their influence (cells, units), scaled so that squares add up to the variance."""

    keys: list[tuple[int, int]]
    values: Floats
    influence: Floats
    sizes: list[tuple[int, int]]


def staggered_did(
    panel: Panel, *, controls: Controls = "not_yet", base: Base = "all", level: float = 0.95
) -> StaggeredDid:
    """Effects by cohort and month, their event study and average; intervals robust to any dependence within a unit.

    ``controls``: units that never change, or also those that have not changed yet. ``base``: the mean of all months before the
    start (efficient; needs parallel trends throughout) or the last month alone (Callaway & Sant'Anna). Student's t with
    Welch & Satterthwaite's degrees of freedom over cohorts and controls. Assumes that both sides would have run in parallel.
    Raises `CannotTell`: under two treated units or two controls, no month before the first start, no variation.

    >>> y = [[1.0, 2, 3, 6], [2, 3, 4, 9], [0, 1, 2, 3], [5, 6, 7, 8], [3, 4, 6, 6]]
    >>> found = staggered_did(Panel.of(y, [3, 3] + [np.inf] * 3))
    >>> round(found.average.value, 3), [lag for lag, _ in found.events]
    (3.111, [-3, -2, -1, 0])
    """
    treated, never = int(panel.treated.sum()), int((~panel.treated).sum())
    for name, count in (("treated", treated), ("controls", never)):
        if count < 2:
            raise CannotTell(
                "too-few-units", {name: count, "needed": 2}, "with one unit on a side use a synthetic control"
            )
    if flat(panel.outcomes.ravel()):
        raise CannotTell("no-variation", {}, "no unit ever moved")
    parts = _parts(panel, controls, base)
    after = [k for k, (start, month) in enumerate(parts.keys) if month >= start]
    if not after:
        raise CannotTell("all-missing", {"cells": 0}, "no treated month has a value beside its controls")

    def joined(cells: list[int]) -> Effect:
        counts = np.array([parts.sizes[k][0] for k in cells], dtype=np.float64)
        return _effect(parts, np.asarray(cells), counts / counts.sum(), panel, level)

    lags = sorted({month - start for start, month in parts.keys})
    return StaggeredDid(
        joined(after),
        tuple(Cell(*key, joined([k]), *parts.sizes[k]) for k, key in enumerate(parts.keys)),
        tuple(
            (lag, joined([k for k, (start, month) in enumerate(parts.keys) if month - start == lag]))
            for lag in lags
        ),
        tuple(
            (start, joined([k for k in after if parts.keys[k][0] == start])) for start in _kept(parts, after)
        ),
        pre_trend(panel),
        treated,
        never,
    )


def average_effect(panel: Panel, controls: Controls = "not_yet", base: Base = "all") -> float:
    """The average of `staggered_did` alone, without interval: for placebos, which need it often."""
    parts = _parts(panel, controls, base, only_after=True)
    if not parts.keys:
        raise CannotTell("all-missing", {"cells": 0}, "no treated month has a value beside its controls")
    counts = np.array([size for size, _ in parts.sizes], dtype=np.float64)
    return float(counts @ parts.values / counts.sum())


def pre_trend(panel: Panel) -> PreTrend | None:
    """Hotelling's test over blocks of the months before each start, against units that had not changed by then.

    As many blocks as units allow (half of the smaller side, at most 6); a drift apart shows as blocks that differ. A high p
    is no proof of parallel trends: with few units hardly anything can be seen.
    """
    smaller = min(int(panel.treated.sum()), int((~panel.treated).sum()))
    blocks = min(MOST_BLOCKS, (smaller - 1) // 2)
    total = np.zeros((blocks, len(panel.outcomes)))
    values, weight = np.zeros(blocks), 0.0
    for start in panel.cohorts():
        if blocks < 1 or start < blocks + 1:
            continue
        own, others = panel.starts == start, panel.starts > start
        edges = np.linspace(0, start, blocks + 2).round().astype(int)
        means = np.stack([_mean(panel.outcomes[:, a:b]) for a, b in pairwise(edges)])
        apart = means[:-1] - means[-1]
        known = np.isfinite(apart).all(axis=0)
        if (own & known).sum() < 2 or (others & known).sum() < 2:
            continue
        count = float((own & known).sum())
        for block in range(blocks):
            value, influence = _difference(apart[block], own & known, others & known)
            values[block] += count * value
            total[block] += count * influence
        weight += count
    if weight == 0 or blocks < 1:
        return None
    covariance = total @ total.T / weight**2
    values = values / weight
    if np.linalg.matrix_rank(covariance) < blocks:
        return None
    squared = float(values @ np.linalg.solve(covariance, values))
    df = smaller - blocks
    statistic = squared * df / (blocks * (smaller - 1))
    return PreTrend(statistic, blocks, df, float(fdtrc(blocks, df, statistic)))


def _parts(panel: Panel, controls: Controls, base: Base, only_after: bool = False) -> _Parts:
    y, starts = panel.outcomes, panel.starts
    months = y.shape[1]
    keys, values, influence, sizes = [], [], [], []
    for start in panel.cohorts():
        own = starts == start
        for month in range(start if only_after else 0, months):
            before = _base(start, month, base)
            if not before:
                continue
            at = [*before, month]
            others = ~panel.treated if controls == "never" else (starts > max(at)) & ~own
            # Month by month against the controls first, so that a missing month does not bring its season with it.
            apart = y[:, at] - _mean(y[others][:, at].T)
            change = apart[:, -1] - _mean(apart[:, :-1])
            known = np.isfinite(change)
            a, b = own & known, others & known
            if not a.any() or b.sum() < 2:
                continue
            value, pull = _difference(change, a, b)
            keys.append((start, month))
            values.append(value)
            influence.append(pull)
            sizes.append((int(a.sum()), int(b.sum())))
    return _Parts(keys, np.array(values), np.array(influence).reshape(len(keys), len(y)), sizes)


def _base(start: int, month: int, base: Base) -> list[int]:
    """The months that a month is compared with: before the start; a month before it with the one before itself, or the others."""
    if base == "last":
        return [start - 1] if month >= start else ([month - 1] if month > 0 else [])
    return [m for m in range(start) if m != month]


def _difference(values: Floats, own: Flags, others: Flags) -> tuple[float, Floats]:
    """Mean of the ones less mean of the others, and each unit's part in its error (small samples: n / (n - 1))."""
    influence = np.zeros(values.size)
    means = []
    for side, sign in ((own, 1.0), (others, -1.0)):
        n, mean = int(side.sum()), float(values[side].mean())
        influence[side] = sign * (values[side] - mean) / np.sqrt(n * max(n - 1, 1))
        means.append(mean)
    return means[0] - means[1], influence


def _effect(parts: _Parts, cells: NDArray[np.int64], weights: Floats, panel: Panel, level: float) -> Effect:
    """A weighted mean of cells; a cohort of one has no spread of its own and borrows the controls'."""
    value = float(weights @ parts.values[cells])
    influence = weights @ parts.influence[cells]
    groups = [panel.starts == start for start in (*panel.cohorts(), np.inf)]
    spread = float(np.sum(influence[groups[-1]] ** 2)) * float(groups[-1].sum())
    variances, dfs = [], []
    for group in groups:
        n = int(group.sum())
        own = float(np.sum(influence[group] ** 2))
        starts = {int(s) for s in panel.starts[group] if np.isfinite(s)}
        if n == 1 and any(parts.keys[k][0] in starts for k in cells):
            share = float(sum(w for k, w in zip(cells, weights, strict=True) if parts.keys[k][0] in starts))
            own = max(own, share**2 * spread)
        if own > 0:
            variances.append(own)
            dfs.append(max(n - 1, 1) if n > 1 else max(int(groups[-1].sum()) - 1, 1))
    total = sum(variances)
    if total <= 0:
        raise CannotTell(
            "no-variation", {}, "units on each side move alike to the last digit: no chance to judge by"
        )
    df = total**2 / sum(v * v / d for v, d in zip(variances, dfs, strict=True))
    half = float(stdtrit(df, 0.5 + level / 2)) * float(np.sqrt(total))
    return Effect(value, value - half, value + half, float(np.sqrt(total)))


def _kept(parts: _Parts, cells: Iterable[int]) -> list[int]:
    return sorted({parts.keys[k][0] for k in cells})


def _mean(values: Floats) -> Floats:
    """Mean along the last axis over known values, NaN where there is none."""
    known = np.isfinite(values)
    count = known.sum(axis=-1)
    total = np.where(known, values, 0.0).sum(axis=-1)
    return np.asarray(np.where(count > 0, total / np.maximum(count, 1), np.nan), dtype=np.float64)
