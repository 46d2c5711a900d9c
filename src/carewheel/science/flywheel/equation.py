"""One target of the wheel and the sources that push it: a panel of sites and months, partially pooled, without sampling chains.

For site i and month t:   y_it = a_i + season_t + c_t + sum_j b_ij x_jit + u_it + e_it

- ``y``: the target, ``x_j``: what is felt of source j (already lagged), both in reference standard deviations;
- ``a_i``: whatever a site is for lasting reasons (free, so that only changes within a site count), with a trend of its own;
- season (two harmonics and a trend) and ``c_t`` (a shock that all sites share) are common to the group;
- ``b_ij`` = b_j + d_ij, d_ij ~ N(0, tau^2): a link is much the same at all sites, how much is learnt; b_j has a prior;
- ``u``: AR(1) noise of a site; ``e``: sampling noise of known variance (an NPS from 12 answers is noisy).

All that is linear is integrated exactly; (sigma, phi) by a two-dimensional Gauss-Hermite rule around their mode, tau on a grid,
the size of the common shocks at its mode. Sources: Gelman & Hill 2007, ch. 12-13 (partial pooling); Harville 1974, Biometrika 61:383
(restricted likelihood); Rue & Martino 2007, JSPI 137:3177 (quadrature over few variances).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from carewheel.science.flywheel.whitening import gains, whiten

Floats = NDArray[np.float64]
# How far apart the sites' links are, as multiples of `Assumptions.site_spread`, and their prior weights below.
_TAU = np.array([0.02, 0.3, 0.6, 0.9, 1.2, 1.6, 2.1, 2.8])
# Prior of tau: gamma-like, so that "the same everywhere" is likely but not presumed.
_TAU_WEIGHT = np.sqrt(_TAU) * np.exp(-(_TAU**2) / 2) * np.gradient(_TAU)
_HERMITE = np.array([-np.sqrt(3.0), 0.0, np.sqrt(3.0)])
_HERMITE_WEIGHT = np.array([1 / 6, 2 / 3, 1 / 6])
_SHOCKS = (0.02, 0.08, 0.15, 0.25, 0.4, 0.6, 0.9)
# No practice is steadier than that; a smaller noise is a field that hardly ever changes, and divides by nought.
LEAST_LOG_SIGMA = float(np.log(0.01))
MONTHS_A_YEAR = 12
SEASON_COLUMNS = 4


@dataclass(frozen=True, slots=True)
class Assumptions:
    """What is taken before the data speak, in reference standard deviations.

    ``site_spread``: scale of the half-normal of tau. ``site_trend``: standard deviation of a site's own trend a year.
    ``season``: standard deviation of each harmonic of the season and of the common trend a year.
    ``persistence``: mean and standard deviation of atanh(phi). ``hyper_sites``: variances are found on at most this many sites
    (evenly chosen); with more they are known well enough.
    """

    site_spread: float = 0.18
    site_trend: float = 0.3
    season: float = 0.3
    persistence: tuple[float, float] = (0.3, 0.4)
    hyper_sites: int = 60


@dataclass(frozen=True, slots=True)
class EquationFit:
    """Posterior of one equation. ``p`` sources, ``N`` sites.

    ``mean``, ``covariance``: of the group's links b, then of the columns ``beside``. ``site_mean``, ``site_sd``: of each site's links (N × p).
    ``sigma``, ``phi``: noise of a site; ``tau``: spread of the links between sites (posterior means); ``shock``: common shocks.
    ``cells``: site-months used. ``beyond``: season, shocks and trends, without the site's level (N, T).
    """

    mean: Floats
    covariance: Floats
    site_mean: Floats
    site_sd: Floats
    sigma: float
    phi: float
    tau: float
    shock: float
    cells: int
    beyond: Floats


class _Cells(NamedTuple):
    """The panel as (months, sites, columns): target, sources, intercept, season, months; and where it is seen."""

    columns: Floats
    noise: Floats
    seen: NDArray[np.bool_]
    sources: int


class _Sums(NamedTuple):
    """Sufficient statistics of the sites at one (sigma, phi), their intercepts projected out."""

    gram: Floats  # sites × m × m over [sources, nuisance]
    cross: Floats  # sites × m
    square: float
    logdet: float


class _Answer(NamedTuple):
    """Log marginal likelihood and posterior of (b, nuisance) at one (sigma, phi, shock) and several tau (first axis)."""

    evidence: Floats
    mean: Floats
    covariance: Floats
    spread: Floats  # tau × sites × p × p: covariance of a site's own deviation, given the rest


def fit_equation(
    target: Floats,
    noise: Floats,
    sources: Floats,
    prior_mean: Floats,
    prior_sd: Floats,
    months_of_year: NDArray[np.intp] | None = None,
    assume: Assumptions | None = None,
    beside: Floats | None = None,
    beside_sd: Floats | None = None,
) -> EquationFit:
    """Fit one equation. ``target``, ``noise`` (known sampling variances): (N sites, T months); ``sources``: (p, N, T).

    ``beside`` (r, N, T): further columns whose coefficients are the same at all sites, with mean 0 and ``beside_sd`` before
    the data speak: what is to be held equal. Their coefficients follow those of the sources in ``mean`` and ``covariance``. NaN in the target, its noise or a source: the cell is missing. ``months_of_year`` 0 to 11 for each of the T months; without
    it there is no season. Raises `ValueError` where shapes disagree; fewer than 6 cells give the prior back.

    >>> rng = np.random.default_rng(1)
    >>> x = rng.normal(size=(1, 20, 30)); y = 0.4 * x[0] + rng.normal(size=(20, 30))
    >>> fit = fit_equation(y, np.zeros((20, 30)), x, np.array([0.0]), np.array([1.0]))
    >>> abs(float(fit.mean[0]) - 0.4) < 0.1
    True
    """
    assume = assume or Assumptions()
    links, sites, months = sources.shape
    if target.shape != (sites, months) or noise.shape != target.shape or prior_mean.shape != (links,):
        raise ValueError(
            "Target, noise and sources must have the same sites and months, priors one entry a source."
        )
    # A site's own trend is one more slope that differs between sites, with a spread that is not learnt.
    years = np.broadcast_to(_years(months), (1, sites, months))
    sources, prior_mean = np.concatenate([sources, years]), np.append(prior_mean, 0.0)
    prior_sd, p = np.append(prior_sd, assume.season), links + 1
    held = np.empty((0, sites, months)) if beside is None else beside
    held_sd = np.empty(0) if beside_sd is None else beside_sd
    cells = _cells(target, noise, sources, held, months_of_year)
    used = int(cells.seen.sum())
    priors = _priors(
        prior_mean, prior_sd, held_sd, cells.columns.shape[2] - 2 - p, months_of_year is not None, assume
    )
    if used < 6:
        which = np.r_[:links, p : p + len(held)]
        return EquationFit(
            priors.mean[which], np.diag(1 / priors.precision[which]), np.tile(prior_mean[:-1], (sites, 1)),
            np.tile(prior_sd[:-1], (sites, 1)),
            float("nan"), float("nan"), assume.site_spread, 0.0, used, np.zeros((sites, months)),
        )  # fmt: skip
    few = cells
    # Sites without a cell say nothing of the noise.
    telling = np.flatnonzero(cells.seen.any(axis=0))
    many = len(telling) > assume.hyper_sites
    if many:
        chosen = telling[np.linspace(0, len(telling) - 1, assume.hyper_sites).astype(np.intp)]
        few = _Cells(cells.columns[:, chosen], cells.noise[:, chosen], cells.seen[:, chosen], p)
    start = _start(few, assume)
    shock = _common_shock(few, priors, start, assume, _SHOCKS[::3])
    if shock == 0.0:
        # No common shocks to be seen: their columns are most of the work.
        kept = slice(0, 2 + priors.shocks.start)
        cells, few = (_Cells(c.columns[:, :, kept].copy(), *c[1:]) for c in (cells, few))
        priors = _Priors(
            priors.mean[: kept.stop - 2], priors.precision[: kept.stop - 2], slice(0, 0), assume.site_trend
        )
    mode, curvature = _mode(lambda z: _height(few, priors, z, start, shock, assume), start)
    if shock:
        shock = _common_shock(few, priors, mode, assume, _SHOCKS[1:])
    points = _hyper_points(mode, curvature, start, assume)
    if many:
        best = max(points, key=lambda point: point[2])
        points = [(best[0], best[1], 0.0)]
    return _mixture(cells, points, shock, priors, p + len(held), assume)


def _years(months: int) -> Floats:
    return (np.arange(months) - (months - 1) / 2) / MONTHS_A_YEAR


def _cells(
    target: Floats, noise: Floats, sources: Floats, held: Floats, months_of_year: NDArray[np.intp] | None
) -> _Cells:
    p, sites, months = sources.shape
    seen = (
        np.isfinite(target)
        & np.isfinite(noise)
        & np.isfinite(sources).all(axis=0)
        & np.isfinite(held).all(axis=0)
    )
    parts = [np.where(seen, target, 0.0)[..., None], np.where(seen, sources, 0.0).transpose(1, 2, 0)]
    common = [np.ones((months, 1))]
    if months_of_year is not None:
        angle = 2 * np.pi * (np.asarray(months_of_year)[:, None] + 0.5) / MONTHS_A_YEAR * np.array([1, 2])
        common += [np.cos(angle), np.sin(angle)]
    if sites > 2:
        common.append(np.eye(months))
    block = np.broadcast_to(np.concatenate(common, axis=1), (sites, months, sum(c.shape[1] for c in common)))
    equal = np.where(seen, held, 0.0).transpose(1, 2, 0)
    columns = np.concatenate([*parts, block[:, :, :1], equal, block[:, :, 1:]], axis=2).transpose(1, 0, 2)
    variance = np.where(seen, np.maximum(noise, 0.0), 0.0)
    return _Cells(np.ascontiguousarray(columns), np.ascontiguousarray(variance.T), seen.T.copy(), p)


class _Priors(NamedTuple):
    mean: Floats  # of [sources, nuisance]
    precision: Floats
    shocks: slice  # which of them are the month's shocks
    site_trend: float


def _priors(
    mean: Floats, sd: Floats, held: Floats, nuisance: int, season: bool, assume: Assumptions
) -> _Priors:
    p, fixed = len(mean), len(held) + (SEASON_COLUMNS if season else 0)
    precision = np.concatenate([sd**-2.0, held**-2.0, np.full(nuisance - len(held), assume.season**-2)])
    return _Priors(
        np.concatenate([mean, np.zeros(nuisance)]),
        precision,
        slice(p + fixed, p + nuisance),
        assume.site_trend,
    )


def _sums(cells: _Cells, sigma: float, phi: float) -> _Sums:
    by = gains(cells.noise, cells.seen, sigma, phi)
    white = whiten(cells.columns, by, phi).transpose(1, 0, 2)
    p = cells.sources
    order = np.r_[1 : p + 1, p + 2 : white.shape[2], p + 1, 0]
    z = np.ascontiguousarray(white[:, :, order])
    gram = z.transpose(0, 2, 1) @ z
    one = gram[:, -2, -2]
    # A site without cells has no intercept to project out.
    inverse = np.divide(1.0, one, out=np.zeros_like(one), where=one > 0)
    gram = gram - gram[:, :, -2:-1] * gram[:, -2:-1, :] * inverse[:, None, None]
    logdet = -2 * float(np.log(by.scale[cells.seen]).sum()) + float(np.log(one[one > 0]).sum())
    m = gram.shape[1] - 2
    return _Sums(gram[:, :m, :m], gram[:, :m, -1], float(gram[:, -1, -1].sum()), logdet)


def _answer(sums: _Sums, taus: Floats, shock: float, priors: _Priors, p: int) -> _Answer:
    """The answer at each of ``taus`` at once."""
    within, g = sums.gram[:, :p, :p], sums.gram[:, :p, :]
    between = np.concatenate(
        [np.repeat(taus[:, None], p - 1, axis=1), np.full((len(taus), 1), priors.site_trend)], axis=1
    )
    sites, m = g.shape[0], g.shape[2]
    spread = np.linalg.inv(within + np.eye(p) / between[:, None, None, :] ** 2)
    pulled = (spread @ g).reshape(len(taus), sites * p, m)
    gram = sums.gram.sum(axis=0) - g.reshape(sites * p, m).T @ pulled
    own = sums.cross[:, :p].reshape(-1)
    cross = sums.cross.sum(axis=0) - own @ pulled
    explained = ((spread @ sums.cross[:, :p, None])[..., 0].reshape(len(taus), -1) * own).sum(axis=1)
    # det(I + B W) with B the spread of the slopes and W what the site says of them.
    logdet = sums.logdet - np.linalg.slogdet(spread)[1].sum(axis=1) + 2 * sites * np.log(between).sum(axis=1)
    precision = priors.precision.copy()
    if shock:
        precision[priors.shocks] = shock**-2
    full = gram + np.diag(precision)
    covariance = np.linalg.inv(full)
    right = cross + precision * priors.mean
    mean = (covariance @ right[..., None])[..., 0]
    quadratic = sums.square - explained + float(precision @ priors.mean**2) - (mean * right).sum(axis=1)
    logdet += np.linalg.slogdet(full)[1] - float(np.log(precision).sum())
    return _Answer(-0.5 * (logdet + quadratic), mean, covariance, spread)


def _log_prior(z: Floats, start: Floats, assume: Assumptions) -> float:
    centre, width = assume.persistence
    return float(-0.5 * (((z[0] - start[0]) / 1.5) ** 2 + ((z[1] - centre) / width) ** 2))


def _start(cells: _Cells, assume: Assumptions) -> Floats:
    """A first guess of log sigma and atanh phi, from the variance of the target within sites less that of its noise."""
    weight = cells.seen.sum(axis=0)
    y = cells.columns[:, :, 0]
    mean = y.sum(axis=0) / np.maximum(weight, 1)
    total = float((np.where(cells.seen, y - mean, 0.0) ** 2).sum()) / cells.seen.sum()
    own = total - float(cells.noise[cells.seen].mean())
    return np.array([0.5 * np.log(max(own, 0.02 * total, 1e-8)), assume.persistence[0]])


def _height(
    cells: _Cells, priors: _Priors, z: Floats, start: Floats, shock: float, assume: Assumptions
) -> float:
    """Log posterior of (log sigma, atanh phi), at a middling spread of the links between sites."""
    sums = _sums(cells, float(np.exp(z[0])), float(np.tanh(z[1])))
    at = np.array([assume.site_spread / 2])
    return float(_answer(sums, at, shock, priors, cells.sources).evidence[0]) + _log_prior(z, start, assume)


def _common_shock(
    cells: _Cells, priors: _Priors, z: Floats, assume: Assumptions, sizes: tuple[float, ...]
) -> float:
    """The most likely size of the months' common shocks among ``sizes`` (multiples of sigma); 0 where there are none."""
    if priors.shocks.stop == priors.shocks.start:
        return 0.0
    sigma = float(np.exp(z[0]))
    sums = _sums(cells, sigma, float(np.tanh(z[1])))
    at = np.array([assume.site_spread / 2])
    best = max(sizes, key=lambda s: float(_answer(sums, at, s * sigma, priors, cells.sources).evidence[0]))
    return 0.0 if best == _SHOCKS[0] else best * sigma


def _hyper_points(
    mode: Floats, curvature: Floats, start: Floats, assume: Assumptions
) -> list[tuple[float, float, float]]:
    """Quadrature points (sigma, phi, log weight) around the mode."""
    axes = np.linalg.cholesky(np.linalg.inv(curvature))
    points = []
    for i, a in enumerate(_HERMITE):
        for j, b in enumerate(_HERMITE):
            step = np.array([a, b])
            z = mode + axes @ step
            # The rule's weight over the Gaussian's density: what is left is corrected by the true height in `_mixture`.
            weight = np.log(_HERMITE_WEIGHT[i] * _HERMITE_WEIGHT[j]) + 0.5 * float(step @ step)
            points.append((float(np.exp(z[0])), float(np.tanh(z[1])), weight + _log_prior(z, start, assume)))
    return points


def _mode(height: Callable[[Floats], float], start: Floats) -> tuple[Floats, Floats]:
    """Mode and negative Hessian of a smooth function of two variables, by quadratics through nine points.

    The nine points are drawn together as the peak turns out to be narrow: about a standard deviation apart in the end.
    """
    centre, steps = start.copy(), np.array([0.5, 0.25])
    grid = np.array([(a, b) for a in (-1.0, 0.0, 1.0) for b in (-1.0, 0.0, 1.0)])
    fitted = np.linalg.pinv(np.column_stack([np.ones(9), grid, 0.5 * grid**2, grid[:, 0] * grid[:, 1]]))
    curvature = np.eye(2)
    for _ in range(12):
        heights = np.array([height(centre + steps * g) for g in grid])
        _, g0, g1, h00, h11, h01 = fitted @ heights
        values, vectors = np.linalg.eigh(-np.array([[h00, h01], [h01, h11]]))
        local = (vectors * np.maximum(values, 0.05)) @ vectors.T
        move = np.clip(np.linalg.solve(local, np.array([g0, g1])), -2.0, 2.0)
        centre = centre + steps * move
        centre = np.clip(centre, (LEAST_LOG_SIGMA, -1.2), (np.inf, 2.2))
        curvature = local / np.outer(steps, steps)
        wanted = np.clip(1 / np.sqrt(np.diag(curvature)), 0.01, 0.5)
        settled = np.abs(move).max() < 0.5 and bool((steps < 2 * wanted).all())
        steps = np.maximum(wanted, steps / 4)
        if settled:
            break
    return centre, curvature


def _mixture(
    cells: _Cells,
    points: list[tuple[float, float, float]],
    shock: float,
    priors: _Priors,
    kept: int,
    assume: Assumptions,
) -> EquationFit:
    """Posterior moments over all points and all tau."""
    p = cells.sources
    taus = assume.site_spread * _TAU
    logs, means, covariances, site_means, site_variances = [], [], [], [], []
    for sigma, phi, weight in points:
        sums = _sums(cells, sigma, phi)
        a = _answer(sums, taus, shock, priors, p)
        logs.append(a.evidence + weight + np.log(_TAU_WEIGHT))
        # A site's links: its own deviation given the group's, and what the group's uncertainty adds.
        jacobian = -(a.spread @ sums.gram[:, :p, :])
        jacobian[..., :p] += np.eye(p)
        means.append(a.mean)
        covariances.append(a.covariance)
        site_means.append((a.spread @ sums.cross[:, :p, None] + jacobian @ a.mean[:, None, :, None])[..., 0])
        passed = ((jacobian @ a.covariance[:, None]) * jacobian).sum(axis=-1)
        site_variances.append(np.diagonal(a.spread, axis1=-2, axis2=-1) + passed)
    height = np.concatenate(logs)
    w = np.exp(height - height.max())
    w /= w.sum()

    def averaged(parts: list[Floats]) -> Floats:
        return np.asarray(np.tensordot(w, np.concatenate(parts), axes=1))

    mean, site_mean = averaged(means), averaged(site_means)
    deviation = np.concatenate(means) - mean
    covariance = averaged(covariances) + (deviation * w[:, None]).T @ deviation
    site_variance = averaged(site_variances) + np.tensordot(
        w, (np.concatenate(site_means) - site_mean) ** 2, axes=1
    )
    by_point = w.reshape(len(points), -1).sum(axis=1)
    sigma, phi = (float(by_point @ np.array([point[i] for point in points])) for i in (0, 1))
    tau = float(w.reshape(len(points), -1).sum(axis=0) @ taus)
    which = np.r_[: p - 1, p:kept]
    # What all sites share: the same columns at each of them, so those of any one will do.
    common = cells.columns[:, 0, kept + 2 :] @ mean[kept:]
    trend = site_mean[:, -1:] * _years(cells.columns.shape[0])
    return EquationFit(
        mean[which], covariance[np.ix_(which, which)], site_mean[:, :-1], np.sqrt(site_variance[:, :-1]),
        sigma, phi, tau, shock, int(cells.seen.sum()), common + trend,
    )  # fmt: skip
