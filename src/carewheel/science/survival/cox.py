"""Cox's regression: what makes leaving more or less likely, whatever the tenure; small teams are pulled towards the others.

Sources: Cox 1972, JRSS B 34:187; Efron 1977, JASA 72:557 (ties); Therneau & Grambsch 2000, Modeling Survival Data, sections 3.1 and 3.3.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import csr_array
from scipy.special import ndtri

from carewheel.science.intervals import LEVEL, Estimate
from carewheel.science.refusal import CannotTell
from carewheel.science.survival.tenures import Tenures, tenures

Floats = NDArray[np.float64]
Whole = NDArray[np.int64]

LEAST_LEFT = 5
# Sizes that a pooled spread of coefficients may have (log hazard, per sd or per kind): from none to a factor of 20.
LEAST_SPREAD, MOST_SPREAD = 1e-3, 3.0


@dataclass(frozen=True, slots=True)
class CoxFit:
    """Coefficients (columns,) of the logarithm of the hazard, for each unit of a column.

    ``covariance`` of the coefficients; ``log_likelihood``: partial, Efron's, without what pooling costs; ``spreads``: the learnt sd of the coefficients
    of each pooled factor, by its number. ``names`` of the columns.
    """

    names: tuple[str, ...]
    beta: Floats
    covariance: Floats
    log_likelihood: float
    spreads: dict[int, float]
    people: Tenures
    columns: Floats

    def coefficients(self, level: float = LEVEL) -> dict[str, Estimate]:
        """Each coefficient with its interval."""
        half = float(ndtri(0.5 + level / 2)) * np.sqrt(np.diag(self.covariance))
        return {
            name: Estimate(self.beta[i], self.beta[i] - half[i], self.beta[i] + half[i])
            for i, name in enumerate(self.names)
        }


def cox(
    until: ArrayLike,
    left: ArrayLike,
    columns: ArrayLike,
    *,
    names: tuple[str, ...] | None = None,
    entry: ArrayLike | None = None,
    pool: ArrayLike | None = None,
) -> CoxFit:
    """Fit Cox's regression. ``columns`` (people, columns), perhaps none; tenures as in `tenures`.

    ``pool`` (columns,): columns with the same number of 0 or more have coefficients that are normal around nought with one spread, learnt
    from the data (the marginal likelihood by Laplace's method: MacKay 1992, Neural Comput 4:415, for each factor); -1, or no
    ``pool``: no pull. Assumes proportional hazards, and that why people go out of sight says nothing of leaving.
    Raises `CannotTell` as `tenures`, for columns that are not finite or do not fit, fewer than 5 leavers, and coefficients that run away or
    cannot be told apart without pooling.

    >>> rng = np.random.default_rng(3)
    >>> x = rng.normal(0, 1, (400, 1))
    >>> t = rng.exponential(20 * np.exp(-0.5 * x[:, 0]))
    >>> found = cox(np.minimum(t, 30), t < 30, x, names=("workload",)).coefficients()["workload"]
    >>> [round(float(part), 2) for part in found]
    [0.44, 0.34, 0.53]
    """
    people = tenures(until, left, entry)
    x = np.asarray(columns, dtype=np.float64)
    if x.ndim != 2 or x.shape[0] != people.count or not np.isfinite(x).all():
        raise CannotTell(
            "not-features", {"shape": str(x.shape), "people": people.count}, "give known columns"
        )
    if int(people.left.sum()) < LEAST_LEFT:
        raise CannotTell(
            "not-enough-data",
            {"left": int(people.left.sum()), "needed": LEAST_LEFT},
            "wait until more people have left, or put more teams together",
        )
    kind = np.full(x.shape[1], -1) if pool is None else np.asarray(pool, dtype=np.int64)
    if kind.shape != (x.shape[1],):
        raise CannotTell("not-features", {"pool": str(kind.shape)}, "give one number a column")
    labels = names if names is not None else tuple(f"column {i}" for i in range(x.shape[1]))
    centred = x - x.mean(axis=0)
    order = _Order.of(people)
    free = kind < 0
    if free.any() and np.linalg.matrix_rank(centred[:, free]) < int(free.sum()):
        raise CannotTell(
            "no-variation", {"columns": int(free.sum())}, "drop columns that say the same, or pool"
        )
    spreads = dict.fromkeys((int(k) for k in np.unique(kind[~free])), 0.3)
    beta = np.zeros(x.shape[1])
    for _ in range(200):
        held = np.array([0.0 if k < 0 else spreads[int(k)] ** -2 for k in kind])
        beta, height, information = _climb(order, centred, held, beta)
        covariance = np.zeros((0, 0)) if not beta.size else np.asarray(np.linalg.inv(information), np.float64)
        new = {}
        for k in spreads:
            of = kind == k
            # Well-determined parameters: as many as the data, not the pull, decide.
            own = float(of.sum()) - float(np.diag(covariance)[of].sum()) / spreads[k] ** 2
            size = float(beta[of] @ beta[of])
            new[k] = float(np.clip(np.sqrt(size / max(own, 1e-9)), LEAST_SPREAD, MOST_SPREAD))
        # A spread of a hundredth is none to speak of: its slow way to nought is not waited for.
        still = all(abs(np.log(new[k] / spreads[k])) < 1e-3 or new[k] < 0.01 for k in spreads)
        spreads = new
        if still:
            break
    return CoxFit(labels, beta, covariance, height, spreads, people, x)


@dataclass(frozen=True, slots=True)
class _Order:
    """Places of people among the tenures at which somebody left, worked out once.

    A leaver's ``part`` l / d is the share of the tied leavers that Efron takes out of those at risk, for l = 0 to d - 1.
    """

    at: Floats
    first: Whole
    last: Whole
    leaver_at: Whole
    leaver: Whole
    part: Floats
    changes: Any
    leaving: Any

    @classmethod
    def of(cls, people: Tenures) -> _Order:
        """The order of these people."""
        at = np.unique(people.until[people.left])
        leaver = np.flatnonzero(people.left)
        where = at.searchsorted(people.until[leaver])
        sort = np.argsort(where, kind="stable")
        leaver, where = leaver[sort], where[sort]
        ties = np.bincount(where)
        number = np.arange(where.size) - (np.cumsum(ties) - ties)[where]
        first, last = (at.searchsorted(t, side="right") for t in (people.entry, people.until))
        who, one = np.arange(people.count), np.ones(people.count)
        changes = csr_array(
            (np.concatenate([one, -one]), (np.concatenate([first, last]), np.concatenate([who, who]))),
            shape=(at.size + 1, people.count),
        )
        leaving = csr_array((np.ones(leaver.size), (where, leaver)), shape=(at.size, people.count))
        return cls(at, first, last, where, leaver, number / ties[where], changes, leaving)

    def at_risk(self, values: Floats) -> Floats:
        """Sums of ``values`` (people, columns) over who is at risk at each time: first <= time < last."""
        return np.asarray(np.cumsum(self.changes @ values, axis=0)[:-1])

    def leavers(self, values: Floats) -> Floats:
        """Sums of ``values`` (people, columns) over the leavers of each time."""
        return np.asarray(self.leaving @ values)


def _height(order: _Order, x: Floats, beta: Floats) -> tuple[float, Floats, Floats]:
    """Efron's partial log-likelihood, its gradient and information. Therneau & Grambsch 2000, sections 3.1 and 3.3."""
    score = x @ beta
    top = float(score.max(initial=0.0))
    risk = np.exp(score - top)
    weighted = risk[:, None] * x
    risk_sum, risk_leave = order.at_risk(risk), order.leavers(risk)
    x_sum, x_leave = order.at_risk(weighted), order.leavers(weighted)
    w, part = order.leaver_at, order.part
    below = risk_sum[w] - part * risk_leave[w]
    mean = (x_sum[w] - part[:, None] * x_leave[w]) / below[:, None]
    height = float(score[order.leaver].sum() - np.log(below).sum() - top * w.size)
    slope = x[order.leaver].sum(axis=0) - mean.sum(axis=0)
    # The sum over leavers of second moments, person by person: the hazard that each lived through.
    each = np.bincount(w, 1 / below, order.at.size)
    less = np.bincount(w, part / below, order.at.size)
    passed = np.concatenate([[0.0], np.cumsum(each)])
    lived = passed[order.last] - passed[order.first]
    lived[order.leaver] -= less[w]
    return height, slope, x.T @ (x * (risk * lived)[:, None]) - mean.T @ mean


def _climb(order: _Order, x: Floats, held: Floats, start: Floats) -> tuple[Floats, float, Floats]:
    """Newton's steps, halved where they go down. Returns coefficients, the likelihood without the pull, and the information with it."""
    beta = start
    height, slope, information = _height(order, x, beta)
    for _ in range(60):
        if not beta.size:
            break
        try:
            move = np.linalg.solve(information + np.diag(held), slope - held * beta)
        except np.linalg.LinAlgError:
            move = np.full(beta.size, np.inf)
        if not np.isfinite(move).all() or np.abs(beta).max() > 50:
            raise CannotTell(
                "coefficients-run-away", {"columns": beta.size}, "pool the columns, or drop some"
            )
        goal, step = height - float(held @ beta**2) / 2, 1.0
        while True:
            new = beta + step * move
            found = _height(order, x, new)
            if found[0] - float(held @ new**2) / 2 >= goal - 1e-9 * abs(goal) or step < 1e-4:
                break
            step /= 2
        beta, (height, slope, information) = new, found
        if float(np.abs(step * move).max()) < 1e-9:
            break
    else:
        raise CannotTell("coefficients-run-away", {"columns": beta.size}, "pool the columns, or drop some")
    # A column whose one sd multiplies the hazard by more than e^10 has no peak: the climb ended where the likelihood is flat.
    if beta.size and np.any(np.abs(beta) * x.std(axis=0) > 10):
        raise CannotTell("coefficients-run-away", {"columns": beta.size}, "pool the columns, or drop some")
    return beta, height, information + np.diag(held)
