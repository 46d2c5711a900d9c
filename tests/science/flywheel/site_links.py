"""The design on which partial pooling of links is judged: 12 sites with 12 to 36 months each, and the truth of each.

Links of the sites: mean .4, standard deviation .15; noise of standard deviation 1, autocorrelated .3 from month to month.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from carewheel.science.flywheel.equation import EquationFit, fit_equation

Floats = NDArray[np.float64]
SITES, MEAN, SPREAD, PERSISTENCE = 12, 0.4, 0.15, 0.3
Z = float(ndtri(0.95))


@dataclass(frozen=True)
class Design:
    """One draw of the design: links of the sites (N), source and target (N × 36, NaN after a site's last month)."""

    links: Floats
    source: Floats
    target: Floats


def draw(seed: int) -> Design:
    rng = np.random.default_rng(seed)
    last, months = rng.integers(12, 37, SITES), 36
    links = rng.normal(MEAN, SPREAD, SITES)
    source = rng.normal(size=(SITES, months))
    noise = np.empty((SITES, months))
    noise[:, 0] = rng.normal(size=SITES)
    for t in range(1, months):
        noise[:, t] = PERSISTENCE * noise[:, t - 1] + np.sqrt(1 - PERSISTENCE**2) * rng.normal(size=SITES)
    target = links[:, None] * source + noise
    target[np.arange(months)[None] >= last[:, None]] = np.nan
    return Design(links, source, target)


def fit(design: Design) -> EquationFit:
    """The equation with a wide prior (mean 0, sd 1), so that the data speak."""
    none = np.zeros_like(design.target)
    return fit_equation(design.target, none, design.source[None], np.array([0.0]), np.array([1.0]))


@dataclass(frozen=True)
class Score:
    """Over repeats: RMSE and coverage of the sites' links, bias and coverage of the mean link (nominal .90)."""

    rmse: float
    covered: float
    bias: float
    mean_covered: float
    repeats: int


def score(first_seed: int, repeats: int) -> Score:
    errors, covered, means, mean_covered = [], [], [], []
    for seed in range(first_seed, first_seed + repeats):
        design = draw(seed)
        found = fit(design)
        off = found.site_mean[:, 0] - design.links
        errors.append(float(np.mean(off**2)))
        covered.append(float(np.mean(np.abs(off) < Z * found.site_sd[:, 0])))
        means.append(float(found.mean[0]) - MEAN)
        mean_covered.append(abs(means[-1]) < Z * float(found.covariance[0, 0]) ** 0.5)
    return Score(
        float(np.mean(errors)) ** 0.5,
        float(np.mean(covered)),
        float(np.mean(means)),
        float(np.mean(mean_covered)),
        repeats,
    )
