"""Forecasts that add up: locations to regions to the group, by minimum trace reconciliation."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from carewheel.science.refusal import CannotTell

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Hierarchy:
    """``sums`` (nodes, locations): 1 where a location belongs to a node; first the group, then regions, then the locations."""

    sums: Floats
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Reconciled:
    """``mean`` (nodes, h): adds up exactly; ``variance`` (nodes, h or 1): of its error, from the same covariance."""

    mean: Floats
    variance: Floats


def hierarchy(region: ArrayLike) -> Hierarchy:
    """Group, regions, locations, from each location's region. Raises `CannotTell` ``no-locations``.

    >>> tree = hierarchy(["north", "south", "south"])
    >>> tree.names, tree.sums[:3].tolist()
    (('group', 'north', 'south', '0', '1', '2'), [[1.0, 1.0, 1.0], [1.0, 0.0, 0.0], [0.0, 1.0, 1.0]])
    """
    of = np.asarray(region).astype(str)
    if of.ndim != 1 or of.size == 0:
        raise CannotTell("no-locations", {"locations": of.size}, "give a region for each location")
    regions = np.unique(of)
    sums = np.vstack(
        [np.ones((1, of.size)), (regions[:, None] == of[None, :]).astype(np.float64), np.eye(of.size)]
    )
    return Hierarchy(sums, ("group", *map(str, regions), *(str(i) for i in range(of.size))))


def reconciled(tree: Hierarchy, forecasts: ArrayLike, errors: ArrayLike) -> Reconciled:
    """The nearest forecasts that add up, in the measure of the errors' covariance: y = S (S' W^-1 S)^-1 S' W^-1 y-hat (Wickramasuriya, Athanasopoulos &
    Hyndman 2019, JASA 114, 804, MinT). W is the covariance of past errors, its correlations drawn to nought as Schäfer & Strimmer 2005 do.

    ``forecasts`` (nodes, h) of every node by itself; ``errors`` (origins, nodes) of past one-step forecasts. Negative sums are not repaired.
    Raises `CannotTell`: ``not-forecasts``, ``too-few-errors`` (under 4 origins).

    >>> tree = hierarchy(["a", "a"])
    >>> found = reconciled(tree, [[10.0], [10.0], [4.0], [5.0]], np.random.default_rng(1).normal(size=(40, 4)))
    >>> bool(np.isclose(found.mean[0, 0], found.mean[2:, 0].sum())), bool(9 < found.mean[0, 0] < 10)
    (True, True)
    """
    told, past = np.asarray(forecasts, dtype=np.float64), np.asarray(errors, dtype=np.float64)
    nodes = tree.sums.shape[0]
    if told.ndim != 2 or told.shape[0] != nodes or not np.isfinite(told).all():
        raise CannotTell(
            "not-forecasts", {"nodes": nodes, "shape": str(told.shape)}, "give one row for each node"
        )
    if past.ndim != 2 or past.shape[1] != nodes or past.shape[0] < 4 or not np.isfinite(past).all():
        raise CannotTell(
            "too-few-errors", {"shape": str(past.shape), "needed": 4}, "give past errors of every node"
        )
    w = shrunk_covariance(past)
    weighed = np.linalg.solve(w, tree.sums)  # W^-1 S
    inner = tree.sums.T @ weighed
    base = np.linalg.solve(inner, weighed.T @ told)
    covariance = tree.sums @ np.linalg.solve(inner, tree.sums.T)
    mean: Floats = tree.sums @ base
    return Reconciled(mean, np.diag(covariance)[:, None].copy())


def shrunk_covariance(errors: Floats) -> Floats:
    """Second moments of errors about nought, correlations shrunk towards nought by the share that makes the expected squared error least
    (Schäfer & Strimmer 2005, Stat. Appl. Genet. Mol. Biol. 4, 32, equation of lambda* for correlations).
    """
    n = errors.shape[0]
    variance = np.maximum(np.mean(errors**2, axis=0), 1e-12 * max(float(np.mean(errors**2)), 1e-300))
    z = errors / np.sqrt(variance)
    r = z.T @ z / n
    spread = ((z**2).T @ z**2 / n - r**2) * n / (n - 1.0) ** 3 * n  # variance of each correlation
    off = ~np.eye(r.shape[0], dtype=bool)
    total = float((r[off] ** 2).sum())
    share = min(1.0, max(0.0, float(spread[off].sum()) / total)) if total > 0 else 1.0
    # Fewer origins than nodes leave directions without any error: some shrinkage is always needed to invert.
    share = max(share, 1e-3)
    shrunk = np.where(off, (1 - share) * r, 1.0)
    scale = np.sqrt(variance)
    found: Floats = shrunk * np.outer(scale, scale)
    return found
