"""Synthetic control: a weighted mix of units without the change that was the treated one's double before it.

Source: Abadie, Diamond & Hainmueller 2010, JASA 105:493, section 2.3; the nested choice of the predictors' weights V as
there, its search as Becker & Klößner 2018, Econom Stat 5:1 (many starts, weights down to 1e-8): a single descent from one
start ends in one of several wrong optima.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import minimize

from carewheel.science.causal.panel import Panel, completed
from carewheel.science.causal.refusal import Floats
from carewheel.science.causal.simplex import simplex_weights
from carewheel.science.refusal import CannotTell

LEAST_BEFORE = 8
LEAST_DONORS = 3
# Search of V, in powers of ten: so many points of a Sobol sequence, the best few refined, each in so many rounds.
POINTS, DEEPEST, BEST, ROUNDS, STEPS = 512, -8.0, 4, 6, 300


@dataclass(frozen=True, slots=True)
class SyntheticControl:
    """``weights`` (donors,), in the order given; ``predictor_weights`` (predictors,) sum to 1, None without predictors.

    ``gap`` (months,): treated less synthetic; ``before_error``: mean squared gap over the months that were fitted;
    ``average``: mean gap after the start. Its interval and probability come from placebos in space: see `placebos`.
    """

    weights: Floats
    predictor_weights: Floats | None
    gap: Floats
    before_error: float
    average: float


def synthetic_control(
    treated: ArrayLike,
    donors: ArrayLike,
    start: int,
    predictors: tuple[ArrayLike, ArrayLike] | None = None,
) -> SyntheticControl:
    """The double of ``treated`` (months,) among ``donors`` (units, months), fitted on the months before ``start``.

    ``predictors``: what the double should be like, as (treated's (k,), donors' (units, k)); scaled here to unit variance
    over all units; their weights are chosen so that the outcomes before the start fit best. Without predictors the
    outcomes before the start are fitted themselves. Complete series; nothing else may have happened to the donors.
    Raises `CannotTell`: fewer than 8 months before, fewer than 3 donors, missing values, predictors that do not vary.

    >>> donors = np.array([[1.0, 2, 3, 4, 5, 6, 7, 8, 9, 9], [3, 1, 4, 1, 5, 9, 2, 6, 5, 3], [2, 7, 1, 8, 2, 8, 1, 8, 2, 8]])
    >>> found = synthetic_control(np.array([0.5, 0.5, 0]) @ donors + 2.0 * (np.arange(10) >= 8), donors, 8)
    >>> found.weights.round(4).tolist(), round(found.average, 6)
    ([0.5, 0.5, 0.0], 2.0)
    """
    y, beside = np.asarray(treated, dtype=np.float64), np.asarray(donors, dtype=np.float64)
    if y.ndim != 1 or beside.ndim != 2 or beside.shape[1] != y.size:
        raise CannotTell("not-a-panel", {"shape": str(beside.shape)}, "give (months,) and (donors, months)")
    if not (np.isfinite(y).all() and np.isfinite(beside).all()):
        raise CannotTell("all-missing", {}, "give complete series; `completed` fills single months")
    if not LEAST_BEFORE <= start < y.size:
        raise CannotTell(
            "too-few-months", {"months": start, "needed": LEAST_BEFORE}, "a double needs a past to be like"
        )
    if len(beside) < LEAST_DONORS:
        raise CannotTell(
            "too-few-units", {"donors": len(beside), "needed": LEAST_DONORS}, "use a method without donors"
        )
    past, own = beside[:, :start].T, y[:start]
    if predictors is None:
        weights, chosen = simplex_weights(past, own), None
    else:
        weights, chosen = _nested(past, own, *_scaled(predictors, len(beside)))
    gap = y - weights @ beside
    return SyntheticControl(
        weights, chosen, gap, float(np.mean(gap[:start] ** 2)), float(np.mean(gap[start:]))
    )


def mean_gap(panel: Panel) -> tuple[float, float]:
    """The mean gap after the start over units with the change, each beside its double; and the root mean square before.

    Cohorts and units are averaged by their months after the start; only units that never change are donors.
    """
    whole, _, _ = completed(panel)
    donors = whole.outcomes[~whole.treated]
    total = before = weight = 0.0
    for unit in np.flatnonzero(whole.treated):
        start = int(whole.starts[unit])
        found = synthetic_control(whole.outcomes[unit], donors, start)
        months = whole.outcomes.shape[1] - start
        total += months * found.average
        before += months * found.before_error
        weight += months
    return total / weight, float(np.sqrt(before / weight))


def _scaled(predictors: tuple[ArrayLike, ArrayLike], donors: int) -> tuple[Floats, Floats]:
    own, others = (np.asarray(part, dtype=np.float64) for part in predictors)
    if own.ndim != 1 or others.shape != (donors, own.size):
        raise CannotTell("predictors-shape", {"shape": str(others.shape)}, "give (k,) and (donors, k)")
    every = np.concatenate([own[None], others])
    spread = every.std(axis=0, ddof=1)
    if not np.isfinite(every).all() or not np.all(spread > 0):
        raise CannotTell(
            "no-variation", {"predictors": own.size}, "leave out predictors that are missing or constant"
        )
    return own / spread, others / spread


def _nested(past: Floats, own: Floats, x1: Floats, x0: Floats) -> tuple[Floats, Floats]:
    """The weights whose outcomes before the start fit best, among those that some V makes optimal for the predictors."""
    # With weights that sum to one the target can be moved to nought, which keeps the digits of near doubles.
    apart = (x0 - x1).T
    zeros = np.zeros(apart.shape[0])

    def weights(powers: Floats) -> Floats:
        root = 10 ** (np.clip(powers, DEEPEST, 0) / 2)
        return simplex_weights(root[:, None] * apart, zeros)

    def loss(powers: Floats) -> float:
        return float(np.mean((past @ weights(powers) - own) ** 2))

    from scipy.stats import qmc  # half a second, which only this search needs

    k = x1.size
    points = qmc.Sobol(k, scramble=False).random(POINTS) * DEEPEST * 0.75
    losses = np.array([loss(point) for point in points])
    best, lowest = points[int(losses.argmin())], float(losses.min())
    for index in np.argsort(losses, kind="stable")[:BEST]:
        at, reached = points[index], float(losses[index])
        for attempt in range(ROUNDS):
            # A simplex that is laid anew, to either side in turn, gets out of the flat corners where the last one stuck.
            around = np.vstack([at, at + (1.0 if attempt % 2 == 0 else -0.5) * np.eye(k)])
            found = minimize(
                loss,
                at,
                method="Nelder-Mead",
                options={"maxfev": STEPS, "xatol": 1e-4, "fatol": 1e-7, "initial_simplex": around},
            )
            gained, at, reached = reached - float(found.fun), found.x, float(found.fun)
            if gained < 1e-6 * reached:
                break
        if reached < lowest:
            best, lowest = at, reached
    chosen = 10 ** np.clip(best, DEEPEST, 0)
    return weights(best), np.asarray(chosen / chosen.sum(), dtype=np.float64)
