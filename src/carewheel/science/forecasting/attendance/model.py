"""The chance that a visit is missed, and that it is cancelled late: a prior moved by data, and boosted trees on top where there are enough."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit, ndtri

from carewheel.science.forecasting.attendance.bookings import LATE_CANCEL, MISSED, Bookings, Outcomes
from carewheel.science.forecasting.attendance.features import Features, features
from carewheel.science.forecasting.attendance.forest import NO_FOREST
from carewheel.science.forecasting.attendance.prior import (
    LATE_PRIOR,
    MISS_PRIOR,
    Believed,
    Prior,
    believed,
    terms,
)
from carewheel.science.forecasting.attendance.recalibration import Recalibration
from carewheel.science.forecasting.attendance.trees import Trees, grown
from carewheel.science.intervals import LEVEL, Estimate
from carewheel.science.refusal import CannotTell

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class ChanceModel:
    """Chance of one kind of outcome. ``believed``: the prior's terms after the data; ``trees``: what trees add, ``later``: trees of those visits alone
    that are not booked for the same day: these get half of both; ``centre``: mean log-odds, ``typical`` (5,): mean of the terms in training.
    """

    believed: Believed
    trees: Trees
    later: Trees
    centre: float
    typical: Floats

    @property
    def rounds(self) -> int:
        """Trees a member; 0 where the prior's terms say all there is to say."""
        return self.trees.rounds

    def log_odds(self, of: Features, compiled: bool | None = None) -> Floats:
        """Log-odds (n,) as trained."""
        added = self.trees.log_odds(of, compiled)
        if self.later.rounds:
            ahead = np.flatnonzero(of.column("lead_days") > 0)
            added[ahead] = 0.5 * (added[ahead] + self.later.log_odds(of, compiled, ahead))
        return self.believed.log_odds(of) + added

    def chance(self, of: Features, state: Recalibration | None = None, level: float = LEVEL) -> Estimate:
        """Chance (n,) with interval, recalibrated by ``state``.

        The interval is of the share among visits like this one: doubt in the prior's terms (Laplace) and of the recalibration. That
        trees could have fallen out otherwise is not in it, and whether this one visit falls is 0 or 1 in any case.
        """
        z = self.log_odds(of)
        use = state or Recalibration.fresh(self.centre)
        lead = of.column("lead_days")
        sd = np.sqrt(self.believed.variance(of) + use.variance(z, lead))
        middle, far = use.log_odds(z, lead), ndtri(0.5 + level / 2)
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

    The prior's terms are fitted first and stand as a start of the trees, so that trees only add what the terms do not say. Same-day visits are nearly
    always kept: trees of all visits are busy with telling the two sorts apart, so visits with a lead have trees of their own besides.
    """
    y, when = np.asarray(fell, dtype=np.float64), np.asarray(day, dtype=np.int64)
    start = believed(prior, of, y)
    log_odds = start.log_odds(of)
    centre = float(log_odds.mean()) if y.size else float(prior.mean[0])
    typical = terms(of).mean(axis=0) if y.size else np.array([1.0, np.log1p(7.0), 0.0, 0.0, 0.0])
    if not trees:
        nothing = Trees(of.names, NO_FOREST, (), 0)
        return ChanceModel(start, nothing, nothing, centre, typical)
    ahead = of.column("lead_days") > 0
    every = grown(of, y, when, prior, log_odds, seed)
    later = grown(of.only(ahead), y[ahead], when[ahead], prior, log_odds[ahead], seed + 500_000, every.rounds)
    return ChanceModel(start, every, later, centre, typical)
