"""Which plays to do: the set of most value that money and staff time allow, exactly."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.special import ndtri

from carewheel.science.intervals import LEVEL, Estimate
from carewheel.science.refusal import CannotTell

Floats = NDArray[np.float64]
Rows = list[tuple[dict[int, float], float]]
MOST_PLAYS = 60


@dataclass(frozen=True, slots=True)
class Play:
    """Something that can be done: value ``mean`` and ``sd`` (money), ``uses`` of each resource (money, hours), plays that it ``needs`` first, and
    plays that it ``excludes``. ``must``: it is done anyway.
    """

    name: str
    mean: float
    sd: float
    uses: Mapping[str, float]
    needs: tuple[str, ...] = ()
    excludes: tuple[str, ...] = ()
    must: bool = False


@dataclass(frozen=True, slots=True)
class Portfolio:
    """What to do: ``plays`` in the given order; ``value``: expectation and interval of their sum (normal); ``penalty``: taken off for risk;
    ``used`` of each resource.
    """

    plays: tuple[str, ...]
    value: Estimate
    penalty: float
    used: dict[str, float]

    @property
    def certain_worth(self) -> float:
        """The certain sum that is as good: expectation less penalty. This is what was made largest."""
        return float(self.value.value) - self.penalty


def best_portfolio(
    plays: Sequence[Play],
    limits: Mapping[str, float],
    *,
    risk_tolerance: float | None = None,
    correlation: ArrayLike | None = None,
    level: float = LEVEL,
) -> Portfolio:
    """The plays with the largest expected value less the risk penalty, within ``limits`` of each resource.

    The penalty is variance / (2 ``risk_tolerance``), the certain equivalent of exponential utility for normal values (Pratt 1964,
    Econometrica 32:122); tolerance in money (about the sum that one would stake at even odds to win it or lose half of it), none: no penalty.
    ``correlation`` (plays, plays) of the values; independent if not given. Products of choices are made linear (Glover & Woolsey 1974, Oper Res
    22:180), so that the integer programme finds the true optimum. Of equal sets the solver takes one, always the same.
    Raises `CannotTell`: no plays or over 60, names twice or unknown, plays that need each other in a circle, figures that cannot be, a
    correlation that is none, resources without a limit, and musts that do not fit together.

    >>> plays = [Play("recalls", 9, 3, {"money": 4, "hours": 2}), Play("portal", 7, 2, {"money": 3, "hours": 3}),
    ...          Play("training", 5, 1, {"money": 3, "hours": 1}), Play("kiosk", 8, 1, {"money": 2, "hours": 1}, needs=("portal",))]
    >>> best_portfolio(plays, {"money": 8, "hours": 6}).plays
    ('portal', 'training', 'kiosk')
    """
    _check(plays, limits, risk_tolerance)
    n = len(plays)
    place = {play.name: i for i, play in enumerate(plays)}
    sd = np.array([play.sd for play in plays])
    spread = _covariance(sd, correlation)
    weight = 0.0 if risk_tolerance is None else 0.5 / risk_tolerance
    gain = np.array([play.mean for play in plays]) - weight * np.diag(spread)
    pairs = [(i, j) for i in range(n) for j in range(i + 1, n) if weight and spread[i, j]]
    together = np.array([-2 * weight * spread[i, j] for i, j in pairs])
    rows: Rows = []
    for name, limit in limits.items():
        use = {i: float(play.uses.get(name, 0.0)) for i, play in enumerate(plays)}
        # On a scale of 1, so that the solver's tolerance means the same for cents and millions.
        size = max((*use.values(), limit, 1e-12))
        rows.append(({i: u / size for i, u in use.items()}, limit / size))
    for i, play in enumerate(plays):
        rows += [({i: 1.0, place[need]: -1.0}, 0.0) for need in play.needs]
        rows += [({i: 1.0, place[other]: 1.0}, 1.0) for other in play.excludes]
    for k, (i, j) in enumerate(pairs, start=n):
        rows += [({k: 1.0, i: -1.0}, 0.0), ({k: 1.0, j: -1.0}, 0.0), ({i: 1.0, j: 1.0, k: -1.0}, 1.0)]
    matrix, most = np.zeros((len(rows), n + len(pairs))), np.zeros(len(rows))
    for row, (terms, limit) in enumerate(rows):
        most[row] = limit
        for column, factor in terms.items():
            matrix[row, column] = factor
    objective = -np.concatenate([gain, together])
    scale = float(np.abs(objective).max()) or 1.0
    low = np.zeros(objective.size)
    low[:n] = [float(play.must) for play in plays]
    found = milp(
        objective / scale,
        integrality=np.ones(objective.size),
        bounds=Bounds(low, np.ones(objective.size)),
        constraints=[LinearConstraint(matrix, -np.inf, most)] if rows else None,
        options={"mip_rel_gap": 0.0},
    )
    if found.x is None:
        raise CannotTell(
            "does-not-fit",
            {"must": sum(play.must for play in plays)},
            "what must be done does not fit into the limits, or excludes or needs what cannot be",
        )
    chosen = [i for i in range(n) if found.x[i] > 0.5]
    mean = float(sum(plays[i].mean for i in chosen))
    variance = float(spread[np.ix_(chosen, chosen)].sum())
    half = float(ndtri(0.5 + level / 2)) * np.sqrt(max(variance, 0.0))
    return Portfolio(
        tuple(plays[i].name for i in chosen),
        Estimate(np.asarray(mean), np.asarray(mean - half), np.asarray(mean + half)),
        weight * variance,
        {name: float(sum(plays[i].uses.get(name, 0.0) for i in chosen)) for name in limits},
    )


def _covariance(sd: Floats, correlation: ArrayLike | None) -> Floats:
    if correlation is None:
        return np.diag(sd**2)
    r = np.asarray(correlation, dtype=np.float64)
    fine = r.shape == (sd.size, sd.size) and np.isfinite(r).all() and np.allclose(r, r.T)
    if not (fine and np.allclose(np.diag(r), 1) and np.linalg.eigvalsh(r)[0] > -1e-9):
        raise CannotTell(
            "not-a-correlation", {"shape": str(r.shape)}, "give a correlation matrix of the plays"
        )
    return np.asarray(r * sd[:, None] * sd[None])


def _check(plays: Sequence[Play], limits: Mapping[str, float], risk_tolerance: float | None) -> None:
    names = [play.name for play in plays]
    if not 1 <= len(plays) <= MOST_PLAYS:
        raise CannotTell("no-plays", {"plays": len(plays), "most": MOST_PLAYS}, "give 1 to 60 plays")
    if len(set(names)) < len(names):
        raise CannotTell("name-twice", {"plays": len(plays)}, "each play has a name of its own")
    if risk_tolerance is not None and not risk_tolerance > 0:
        raise CannotTell("impossible-risk", {"risk_tolerance": risk_tolerance}, "a tolerance is above nought")
    if not all(limit >= 0 and np.isfinite(limit) for limit in limits.values()):
        raise CannotTell(
            "impossible-limit", {"limits": str(dict(limits))}, "limits are known and not negative"
        )
    for play in plays:
        known = set(names) - {play.name}
        if missing := sorted({*play.needs, *play.excludes} - known):
            raise CannotTell(
                "unknown-play", {"play": play.name, "names": ", ".join(missing)}, "correct the name"
            )
        if not (np.isfinite([play.mean, play.sd]).all() and play.sd >= 0):
            raise CannotTell("impossible-play", {"play": play.name}, "a known mean, an sd of 0 or more")
        if not all(np.isfinite(use) and use >= 0 for use in play.uses.values()):
            raise CannotTell("impossible-play", {"play": play.name}, "it uses known amounts of 0 or more")
        if without := sorted(set(play.uses) - set(limits)):
            raise CannotTell("no-limit", {"play": play.name, "resource": without[0]}, "give a limit for it")
    left = {play.name: set(play.needs) for play in plays}
    while ready := [name for name, needs in left.items() if not needs & left.keys()]:
        for name in ready:
            del left[name]
    if left:
        raise CannotTell(
            "circle", {"plays": ", ".join(sorted(left))}, "these need each other before they start"
        )
