"""What patients are worth: expected visits, times what a visit brings, discounted, over a stated time."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtri

from carewheel.science.intervals import LEVEL, Estimate
from carewheel.science.lifetime_value.histories import Histories, histories
from carewheel.science.lifetime_value.likelihood import delta_sd, slopes_by_logs
from carewheel.science.lifetime_value.spend import SpendFit, spend_given
from carewheel.science.lifetime_value.visits import DRAWS, VisitFit, between, check_time
from carewheel.science.refusal import CannotTell

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Terms:
    """Over what time value is counted, and what later money is worth.

    ``horizon``: time to come, in the unit of the histories; ``unit_per_year``: 52.18 for weeks, 12 for months, 1 for years;
    ``discount``: a year's rate (0.1: 10 %); ``margin``: the share of a payment that is left after what the visit costs;
    ``slices``: into how many equal pieces the horizon is cut; money of a piece is taken to come in its middle.
    """

    horizon: float
    unit_per_year: float
    discount: float = 0.10
    margin: float = 1.0
    slices: int = 12

    def check(self) -> None:
        """Refuse a horizon, rate or number of slices that is none."""
        check_time(self.horizon)
        fine = self.unit_per_year > 0 and self.discount > -1 and 1 <= self.slices <= 120
        if not (fine and np.isfinite([self.unit_per_year, self.discount, self.margin]).all()):
            raise CannotTell(
                "impossible-terms",
                {"discount": self.discount, "unit_per_year": self.unit_per_year, "slices": self.slices},
                "the unit is positive, the discount above -1, and there are 1 to 120 slices",
            )

    @property
    def ends(self) -> Floats:
        """Ends of the slices."""
        return np.linspace(0, self.horizon, self.slices + 1)[1:]

    @property
    def weights(self) -> Floats:
        """What one unit of money in each slice is worth today, with the margin."""
        middle = (self.ends - self.horizon / self.slices / 2) / self.unit_per_year
        return np.asarray(self.margin * (1 + self.discount) ** -middle)


@dataclass(frozen=True, slots=True)
class Worth:
    """Discounted value. ``each`` (patients,): expectation, interval of the parameters' doubt; ``total`` and ``mean``: with chance as well."""

    each: Estimate
    total: Estimate
    mean: Estimate
    terms: Terms


def lifetime_value(
    visits: VisitFit,
    spend: SpendFit,
    h: Histories,
    payments: ArrayLike,
    mean_payment: ArrayLike,
    terms: Terms,
    level: float = LEVEL,
    seed: int = 0,
) -> Worth:
    """Discounted expected value of the visits to come of each patient, and of all together.

    ``payments``, ``mean_payment`` (patients,): as in `mean_spend`. The money of past visits is not in it. Assumes that spending and
    frequency are independent (see ``spend.frequency_correlation``) and that both fits are. Source: Fader, Hardie & Lee 2005, J Mark Res
    42:415, with a finite horizon. Raises `CannotTell` for terms or shapes that cannot be.
    """
    terms.check()
    x, z = np.asarray(payments, dtype=np.float64), np.asarray(mean_payment, dtype=np.float64)
    if x.shape != (h.count,) or z.shape != x.shape or not (np.isfinite(x) & np.isfinite(z)).all():
        raise CannotTell(
            "not-histories", {"shapes": f"{x.shape} {z.shape}", "patients": h.count}, "give one a patient"
        )
    if ((x < 0) | (z < 0)).any():
        raise CannotTell("impossible-spend", {"patients": h.count}, "numbers and means are not negative")
    g = h.group_of

    def discounted(theta: Floats) -> Floats:
        upto = np.array([visits.model.expected(theta, h, float(t)) for t in terms.ends])
        return np.asarray(terms.weights @ np.diff(upto, axis=0, prepend=0.0))

    visit_worth = discounted(visits.theta)
    payment = spend_given(spend.theta, x, z)
    value = visit_worth[g] * payment
    # One set of slopes of every patient's visits tells the doubt of each and of all together.
    slopes = slopes_by_logs(discounted, visits.theta)
    shares = slopes / np.where(visit_worth == 0, 1.0, visit_worth)
    # Relative errors of two independent fits: for one patient the squares add on the logarithm.
    by_visits = np.sqrt(np.einsum("ig,ij,jg->g", shares, visits.covariance, shares))
    by_spend = delta_sd(lambda theta: np.log(spend_given(theta, x, z)), spend.theta, spend.covariance)
    half = np.minimum(float(ndtri(0.5 + level / 2)) * np.hypot(by_visits[g], by_spend), 500.0)
    ends = value * np.exp(-half), value * np.exp(half)
    each = Estimate(value, np.minimum(*ends), np.maximum(*ends))
    of_all = slopes @ np.bincount(g, payment, h.repeats.size)
    doubt = np.sqrt(of_all @ visits.covariance @ of_all)
    doubt2 = delta_sd(
        lambda theta: np.asarray(visit_worth[g] @ spend_given(theta, x, z)), spend.theta, spend.covariance
    )
    variance = float(doubt) ** 2 + float(doubt2) ** 2 + _chance(visits, spend, h, x, z, terms, seed)
    sign = -1.0 if terms.margin < 0 else 1.0
    total = between(sign * float(value.sum()), variance, level)
    if sign < 0:
        total = Estimate(-total.value, -total.high, -total.low)
    return Worth(each, total, Estimate(*(part / h.count for part in total)), terms)


def value_of_new(visits: VisitFit, spend: SpendFit, terms: Terms, level: float = LEVEL) -> Estimate:
    """Discounted expected value of a new patient's visits after the first, with the parameters' doubt. Raises as `lifetime_value`.

    Per patient; for what so many new patients will bring, chance comes on top.
    """
    new = replace(histories([0], [0.0], [1.0]), observed=np.zeros(1))
    each = lifetime_value(visits, spend, new, [0.0], [0.0], terms, level).each
    return Estimate(*(part[0] for part in each))


def _chance(
    visits: VisitFit, spend: SpendFit, h: Histories, x: Floats, z: Floats, terms: Terms, seed: int
) -> float:
    """Variance of the total by chance: who comes, how often and when, and what is paid."""
    rng = np.random.default_rng(seed)
    p, q, v = spend.theta
    # A patient's spread is drawn a few times; over thousands of patients the sum is well known. Of more, a random part stands for all.
    most = DRAWS // 12
    chosen = np.arange(h.count) if h.count <= most else rng.choice(h.count, most, replace=False)
    g = h.group_of[chosen]
    part = Histories(
        h.repeats[g], h.last[g], h.observed[g], np.ones(g.size), np.arange(g.size, dtype=np.int64), h.log_gaps
    )
    draws = max(DRAWS // g.size, 12)
    counts = np.diff(visits.model.drawn(visits.theta, part, terms.ends, rng, draws), axis=-1, prepend=0.0)
    nu = rng.gamma(q + p * x[chosen], size=(draws, g.size)) / (v + x[chosen] * z[chosen])
    paid = rng.gamma(p * counts) / np.maximum(nu, 1e-12)[..., None]
    money = np.where(counts > 0, paid, 0.0) @ terms.weights
    return float(money.var(axis=0, ddof=1).sum()) * h.count / g.size
