"""The chance that a visit is missed, and that it is cancelled late: a prior moved by data, and boosted trees on top where there are enough."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit
from scipy.stats import norm

from carewheel.science.causal.refusal import CannotTell
from carewheel.science.forecasting.attendance.bookings import LATE_CANCEL, MISSED, Bookings, Outcomes
from carewheel.science.forecasting.attendance.features import RISING, Features, features
from carewheel.science.forecasting.attendance.forest import DEPTH, LEAVES, NO_FOREST, Forest, laid_out, plain
from carewheel.science.forecasting.attendance.prior import (
    LATE_PRIOR,
    MISS_PRIOR,
    Believed,
    Prior,
    believed,
    terms,
)
from carewheel.science.forecasting.attendance.recalibration import Recalibration
from carewheel.science.forecasting.extras import module
from carewheel.science.intervals import LEVEL, Estimate

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
class ChanceModel:
    """Chance of one kind of outcome. ``names``: the columns; ``believed``: the prior's terms after the data; ``forest``: what trees add;
    ``boosters``: LightGBM's text of them, for `explanation`; ``rounds``: trees a member, chosen on held-out days of training;
    ``centre``: mean log-odds, ``typical`` (5,): mean of the terms in training.
    """

    names: tuple[str, ...]
    believed: Believed
    forest: Forest
    boosters: tuple[str, ...]
    rounds: int
    centre: float
    typical: Floats

    def log_odds(self, of: Features, compiled: bool | None = None) -> Floats:
        """Log-odds (n,) as trained."""
        found: Floats = self.believed.log_odds(of)
        if self.forest.trees:
            found = found + self.forest.log_odds(of.as_named(self.names), compiled)
        return found

    def chance(self, of: Features, state: Recalibration | None = None, level: float = LEVEL) -> Estimate:
        """Chance (n,) with interval, recalibrated by ``state``.

        The interval is of the share among visits like this one: doubt in the prior's terms (Laplace) and of the recalibration. That
        trees could have fallen out otherwise is not in it, and whether this one visit falls is 0 or 1 in any case.
        """
        z = self.log_odds(of)
        use = state or Recalibration.fresh(self.centre)
        lead = of.column("lead_days")
        sd = np.sqrt(self.believed.variance(of) + use.variance(z, lead))
        middle, far = use.log_odds(z, lead), norm.ppf(0.5 + level / 2)
        return Estimate(expit(middle), expit(middle - far * sd), expit(middle + far * sd))


@dataclass(frozen=True, slots=True)
class Chances:
    """Chances of a missed visit and of a late cancellation, (n,) each, with intervals."""

    missed: Estimate
    late_cancel: Estimate | None


@dataclass(frozen=True, slots=True)
class AttendanceModel:
    """``missed``: of visits that are not cancelled late; ``late_cancel``: None where a practice does not record them."""

    missed: ChanceModel
    late_cancel: ChanceModel | None

    def chances(
        self,
        of: Features,
        missed_state: Recalibration | None = None,
        late_state: Recalibration | None = None,
        level: float = LEVEL,
    ) -> Chances:
        """Chances of visits at the moment that their features stand for."""
        miss = self.missed.chance(of, missed_state, level)
        if self.late_cancel is None:
            return Chances(miss, None)
        late = self.late_cancel.chance(of, late_state, level)
        # A visit that is cancelled late cannot be missed as well. Ends of the product: each with the other at its middle.
        stays = 1 - late.value
        return Chances(Estimate(miss.value * stays, miss.low * stays, miss.high * stays), late)


def attendance_model(
    of: Bookings,
    known: Outcomes,
    seed: int,
    late_cancels: bool = True,
    trees: bool = True,
    miss_prior: Prior = MISS_PRIOR,
    late_prior: Prior = LATE_PRIOR,
) -> AttendanceModel:
    """Trained on the visits with an outcome, each with the features of its moment of booking.

    ``late_cancels=False``: the practice does not record them, and nothing is said. Without any outcome the answer is the prior, with its
    interval. ``trees=False`` works without the extra ``learn``. Raises `CannotTell` ``missing-extra``.
    """
    made = features(of, known)
    rows, day = known.visit, known.day
    fell = (known.kind == MISSED).astype(np.float64)
    late = known.kind == LATE_CANCEL
    if not late_cancels and late.any():
        raise CannotTell(
            "late-cancels", {"outcomes": int(late.sum())}, "outcomes hold late cancellations: use them"
        )
    kept = made.only(rows[~late])
    return AttendanceModel(
        fitted(kept, fell[~late], day[~late], miss_prior, seed, trees),
        fitted(made.only(rows), late.astype(np.float64), day, late_prior, seed + 1, trees)
        if late_cancels
        else None,
    )


def fitted(
    of: Features, fell: ArrayLike, day: ArrayLike, prior: Prior, seed: int, trees: bool = True
) -> ChanceModel:
    """One kind of outcome. ``fell`` (n,): 0 or 1; ``day`` (n,): day of the outcome, for the split in time that chooses the number of trees.

    The prior's terms are fitted first and stand as a start of the trees, so that trees only add what the terms do not say. The number of trees is
    that with the smallest log loss on the last quarter of the training days, all of it inside what is given; nought is among the choices.
    """
    y, when = np.asarray(fell, dtype=np.float64), np.asarray(day, dtype=np.int64)
    start = believed(prior, of, y)
    centre = float(start.log_odds(of).mean()) if y.size else float(prior.mean[0])
    typical = terms(of).mean(axis=0) if y.size else np.array([1.0, np.log1p(7.0), 0.0, 0.0, 0.0])
    events = int(min(y.sum(), y.size - y.sum()))
    if not trees or y.size < LEAST_VISITS or events < LEAST_EVENTS:
        return ChanceModel(of.names, start, NO_FOREST, (), 0, centre, typical)
    lightgbm = module("lightgbm", "fit with trees=False")
    cut = np.quantile(when, 1 - HELD_OUT, method="lower")
    early = when < cut
    rounds = 0
    if y[early].sum() >= LEAST_EVENTS / 2 and y[~early].sum() >= LEAST_EVENTS / 10:
        base = believed(prior, of.only(early), y[early]).log_odds(of)
        tried = _boosters(lightgbm, of, y, base, early, seed, max(ROUNDS), members=2)
        x = plain(of.values[~early])
        losses = [
            _log_loss(
                y[~early],
                base[~early]
                + np.mean([b.predict(x, raw_score=True, num_iteration=r) for b in tried], axis=0),
            )
            if r
            else _log_loss(y[~early], base[~early])
            for r in ROUNDS
        ]
        rounds = ROUNDS[int(np.argmin(losses))]
    if rounds == 0:
        return ChanceModel(of.names, start, NO_FOREST, (), 0, centre, typical)
    grown = _boosters(lightgbm, of, y, start.log_odds(of), np.ones(y.size, dtype=bool), seed, rounds, MEMBERS)
    forest = laid_out(grown, rounds)
    return ChanceModel(
        of.names, start, forest, tuple(b.model_to_string() for b in grown), rounds, centre, typical
    )


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
