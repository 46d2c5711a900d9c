"""How many of a group will leave in the next months. Of a group: nobody is ever named, and small groups get no answer."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import betaincinv

from carewheel.science.intervals import LEVEL, Estimate
from carewheel.science.refusal import CannotTell
from carewheel.science.survival.cox import CoxFit, _Order
from carewheel.science.survival.tenures import Tenures

Floats = NDArray[np.float64]

# A sum over fewer people says something of each of them.
LEAST_GROUP = 5


@dataclass(frozen=True, slots=True)
class Leavers:
    """How many of a group will leave: a count with interval. ``people`` in the group; ``beyond``: how many have been there longer than anybody
    whose leaving was seen, and are taken to leave as those with the longest tenures did.
    """

    count: Estimate
    people: int
    months: float
    beyond: int


def expected_leavers(
    fit: CoxFit, tenure: ArrayLike, columns: ArrayLike, months: float, level: float = LEVEL
) -> Leavers:
    """Leavers of one group within ``months`` (the unit of the tenures). ``tenure`` (people,): how long each has been there; ``columns`` as fitted.

    Each person's chance is 1 - exp(-hazard of those months), Breslow's hazard times the person's ratio. The interval adds the doubt of
    coefficients and hazard (delta method; Therneau & Grambsch 2000, section 10.2) to chance (whether each leaves), on a scale that
    keeps the count between 0 and the size of the group. There is no function for one person, and asking for two groups that
    differ by a person is against the purpose: whoever shows these counts must not let groups be chosen freely.
    Raises `CannotTell` for groups under 5, and for what cannot be.

    >>> from carewheel.science.survival.cox import cox
    >>> t = np.random.default_rng(3).exponential(40, 3000)
    >>> fit = cox(np.minimum(t, 60), t < 60, np.zeros((3000, 0)))
    >>> found = expected_leavers(fit, [3, 8, 20, 25, 30, 41], np.zeros((6, 0)), 12)
    >>> true = 6 * (1 - np.exp(-12 / 40))
    >>> bool(abs(found.count.value - true) < 0.1), bool(found.count.low < true < found.count.high)
    (True, True)
    >>> expected_leavers(fit, [3], np.zeros((1, 0)), 12)
    Traceback (most recent call last):
    carewheel.science.refusal.CannotTell: group-too-small (people 1, needed 5): put teams together: a count over so few would point at persons
    """
    there = np.asarray(tenure, dtype=np.float64)
    x = np.asarray(columns, dtype=np.float64)
    if there.ndim != 1 or x.ndim != 2 or x.shape != (there.size, fit.beta.size):
        raise CannotTell("not-features", {"shapes": f"{there.shape} {x.shape}"}, "give the fitted columns")
    if there.size < LEAST_GROUP:
        raise CannotTell(
            "group-too-small",
            {"people": int(there.size), "needed": LEAST_GROUP},
            "put teams together: a count over so few would point at persons",
        )
    if not (np.isfinite(there).all() and np.isfinite(x).all() and (there >= 0).all()):
        raise CannotTell("impossible-tenure", {"people": int(there.size)}, "tenures and columns are known")
    if not (np.isfinite(months) and months > 0):
        raise CannotTell("no-time", {"months": float(months)}, "give a time to come above nought")
    order = _Order.of(fit.people)
    latest = float(order.at[-1])
    if months > latest:
        raise CannotTell("beyond-experience", {"months": months, "longest": latest}, "ask for fewer months")
    begin = np.minimum(there, latest - months)
    beyond = int((there > latest).sum())

    def foretold(beta: Floats) -> tuple[float, float, float]:
        """Expected count, its variance by chance, and that of the hazard."""
        hazard, variance = _hazard_steps(order, fit.people, fit.columns, beta)
        ratio = np.exp(np.clip((x - fit.columns.mean(axis=0)) @ beta, -50, 50))
        cumulated = np.concatenate([[0.0], np.cumsum(hazard)])
        low, high = (order.at.searchsorted(t, side="right") for t in (begin, begin + months))
        leave = -np.expm1(-ratio * (cumulated[high] - cumulated[low]))
        # By how much the count changes with the hazard at each time: who is in it then, times the ratio and the chance of staying.
        change = np.zeros(order.at.size + 1)
        np.add.at(change, low, ratio * (1 - leave))
        np.subtract.at(change, high, ratio * (1 - leave))
        reach = np.cumsum(change)[:-1]
        return float(leave.sum()), float((leave * (1 - leave)).sum()), float(reach**2 @ variance)

    mean, chance, of_hazard = foretold(fit.beta)
    sd = np.sqrt(np.diag(fit.covariance))
    slopes = np.array(
        [
            (foretold(fit.beta + 1e-3 * s * e)[0] - foretold(fit.beta - 1e-3 * s * e)[0]) / (2e-3 * s)
            for s, e in zip(sd, np.eye(sd.size), strict=True)
        ]
    )
    of_beta = float(slopes @ fit.covariance @ slopes) if slopes.size else 0.0
    return Leavers(
        _count_between(mean, chance + of_hazard + of_beta, there.size, level),
        int(there.size),
        float(months),
        beyond,
    )


def _hazard_steps(order: _Order, people: Tenures, columns: Floats, beta: Floats) -> tuple[Floats, Floats]:
    """Steps of the hazard of an average person, and their variances: Efron's form of Breslow's estimate. Therneau & Grambsch 2000, chapter 10."""
    risk = np.exp(np.clip((columns - columns.mean(axis=0)) @ beta, -50, 50))
    below = order.at_risk(risk)[order.leaver_at] - order.part * order.leavers(risk)[order.leaver_at]
    steps, variances = (
        np.asarray(np.bincount(order.leaver_at, 1 / below**power, order.at.size), dtype=np.float64)
        for power in (1, 2)
    )
    return steps, variances


def _count_between(mean: float, variance: float, people: int, level: float) -> Estimate:
    """Ends of a count between 0 and ``people``: quantiles of the beta distribution with that mean and variance."""
    share = min(max(mean / people, 1e-9), 1 - 1e-9)
    spread = min(variance / people**2, share * (1 - share) * 0.999)
    size = share * (1 - share) / max(spread, 1e-15) - 1
    tail = (1 - level) / 2
    low, high = (people * float(betaincinv(share * size, (1 - share) * size, q)) for q in (tail, 1 - tail))
    return Estimate(np.asarray(mean), np.asarray(min(low, mean)), np.asarray(max(high, mean)))
