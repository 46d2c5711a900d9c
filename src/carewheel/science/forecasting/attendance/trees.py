"""Boosted trees on top of the prior's terms: grown where there are enough visits, and no more than held-out days bear."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from carewheel.science.forecasting.attendance.features import RISING, Features
from carewheel.science.forecasting.attendance.forest import DEPTH, LEAVES, NO_FOREST, Forest, laid_out, plain
from carewheel.science.forecasting.attendance.prior import Prior, believed
from carewheel.science.forecasting.extras import module

Floats = NDArray[np.float64]

# Trees are tried from this many visits and events on; with fewer the prior and the five terms say all there is to say.
LEAST_VISITS, LEAST_EVENTS = 2_000, 200
# Numbers of trees a member that are tried on the last days of training, and how many members with seeds of their own.
ROUNDS, MEMBERS = (0, 40, 80, 120, 160, 200), 4
HELD_OUT = 0.25
SETTINGS: dict[str, Any] = {
    "objective": "binary",
    "num_leaves": LEAVES,
    "max_depth": DEPTH,
    "learning_rate": 0.05,
    "min_data_in_leaf": 60,
    "feature_fraction": 0.8,
    "bagging_fraction": 0.7,
    "bagging_freq": 1,
    "lambda_l2": 10.0,
    "use_missing": False,
    "monotone_constraints_method": "basic",
    "verbosity": -1,
    "num_threads": 1,  # with more the threads of two libraries wait for one another, and sums depend on their number
    "deterministic": True,
    "force_row_wise": True,
}


@dataclass(frozen=True, slots=True)
class Trees:
    """``names``: the columns; ``forest``: what the trees add to the log-odds; ``boosters``: LightGBM's text of them, for `explanation`; ``rounds``: trees
    a member.
    """

    names: tuple[str, ...]
    forest: Forest
    boosters: tuple[str, ...]
    rounds: int

    def log_odds(
        self, of: Features, compiled: bool | None = None, rows: NDArray[np.int64] | None = None
    ) -> Floats:
        """What the trees add (n,), or to the ``rows`` (m,) alone."""
        if not self.rounds:
            return np.zeros(len(of) if rows is None else rows.size)
        return self.forest.log_odds(of.as_named(self.names), compiled, rows)


def grown(
    of: Features,
    fell: Floats,
    day: NDArray[np.int64],
    prior: Prior,
    start: Floats,
    seed: int,
    rounds: int | None = None,
) -> Trees:
    """``rounds`` trees a member that start from the log-odds ``start`` (n,). By default their number is that with the smallest log loss on the last quarter of the days
    given, learnt on the days before; nought is among the choices, and the only one under 2,000 visits or 200 events. Raises `CannotTell` ``missing-extra``.
    """
    none = Trees(of.names, NO_FOREST, (), 0)
    if fell.size < LEAST_VISITS or min(fell.sum(), fell.size - fell.sum()) < LEAST_EVENTS:
        return none
    lightgbm = module("lightgbm", "fit with trees=False")
    if rounds is None:
        rounds = _best_rounds(lightgbm, of, fell, day, prior, seed)
    if rounds == 0:
        return none
    members = _boosters(lightgbm, of, fell, start, np.ones(fell.size, dtype=bool), seed, rounds, MEMBERS)
    return Trees(of.names, laid_out(members, rounds), tuple(b.model_to_string() for b in members), rounds)


def _best_rounds(
    lightgbm: Any, of: Features, fell: Floats, day: NDArray[np.int64], prior: Prior, seed: int
) -> int:
    """How many trees a member the last quarter of the days bears."""
    early = day < np.quantile(day, 1 - HELD_OUT, method="lower")
    if fell[early].sum() < LEAST_EVENTS / 2 or fell[~early].sum() < LEAST_EVENTS / 10:
        return 0
    base = believed(prior, of.only(early), fell[early]).log_odds(of)
    tried = _boosters(lightgbm, of, fell, base, early, seed, max(ROUNDS), members=2)
    x, told = plain(of.values[~early]), base[~early]
    losses = []
    for tried_rounds in ROUNDS:
        added = (
            [b.predict(x, raw_score=True, num_iteration=tried_rounds) for b in tried]
            if tried_rounds
            else [0.0]
        )
        losses.append(_log_loss(fell[~early], told + np.mean(added, axis=0)))
    return ROUNDS[int(np.argmin(losses))]


def _boosters(
    lightgbm: Any,
    of: Features,
    y: Floats,
    base: Floats,
    rows: NDArray[np.bool_],
    seed: int,
    rounds: int,
    members: int,
) -> list[Any]:
    """Members with seeds of their own, on the rows, starting from ``base``."""
    rising = [1 if name in RISING else 0 for name in of.names]
    data = lightgbm.Dataset(
        plain(of.values[rows]),
        label=y[rows],
        init_score=base[rows],
        params={"verbosity": -1},
        free_raw_data=False,
    )
    return [
        lightgbm.train(
            SETTINGS | {"monotone_constraints": rising, "seed": (seed * 1_000 + member) % 2**31}, data, rounds
        )
        for member in range(members)
    ]


def _log_loss(y: Floats, z: Floats) -> float:
    return float(np.mean(np.logaddexp(0, z) - y * z))
