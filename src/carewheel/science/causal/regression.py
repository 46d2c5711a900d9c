"""The posterior of a series with regressors and walking, autocorrelated noise: summed over the grid, conjugate in the rest."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from carewheel.science.causal.mixtures import StudentMixture
from carewheel.science.causal.noise import Filtered, Flags, Floats, Prior, ahead, filtered

# An effect, a trend or a season is not held back: its coefficient counts as a millionth of an observation.
FREE = 1e-6
FIXED_POINTS = 3


class Coefficients(NamedTuple):
    """On the grid: weights (series, g), coefficients (series, g, k), their covariance over s² (…, k, k), s² and its df."""

    weights: Floats
    beta: Floats
    inverse: Floats
    scale: Floats
    df: float


@dataclass(frozen=True, slots=True)
class Design:
    """What is given to the filter, in standard units: ``columns`` (series, months, 1 + k), ``seen`` (months,), precisions.

    ``precision`` (series, k, k): of the coefficients, in units of 1/s². ``start``: the first month after the change.
    """

    columns: Floats
    seen: Flags
    precision: Floats
    start: int
    prior: Prior
    known_variance: Floats | None = None


@dataclass(frozen=True, slots=True)
class Fit:
    """A design that has been filtered on the grid."""

    design: Design
    phi: Floats
    squares: Floats
    log_prior: Floats
    passed: Filtered

    @classmethod
    def of(cls, design: Design) -> Fit:
        """Filter the design. Known sampling variances are held against the s² that the fit itself finds (three rounds)."""
        phi, squares, weights = design.prior.grid()
        known = design.known_variance
        variance = 1.0 if known is not None else 0.0
        extra = None
        for _ in range(FIXED_POINTS if known is not None else 1):
            if known is not None:
                # Below a hundredth of the sampling variance the own noise no longer matters, and s² would run to nought.
                variance = max(variance, 0.01 * float(np.median(known)), 1e-9)
                extra = known / variance
            passed = filtered(
                design.columns, design.seen, phi, squares, design.prior.start, extra, design.start
            )
            fit = cls(design, phi, squares, weights, passed)
            if known is not None:
                found = fit.coefficients(design.seen.size)
                variance = float(np.mean(np.sum(found.weights * found.scale, axis=1)))
        return fit

    def coefficients(self, months: int, width: int | None = None) -> Coefficients:
        """The posterior from the first ``months`` months, with the first ``width`` regressors only.

        Source: normal-gamma regression on the whitened columns (Gelman et al. 2013, Bayesian Data Analysis, section 14.2),
        its marginal likelihood giving the weight of each point of the grid.
        """
        design = self.design
        k = design.precision.shape[-1] if width is None else width
        white = self.passed.white[:months, :, :, : k + 1]
        moments = np.einsum("tsgi,tsgj->sgij", white, white, optimize=True)
        precision = moments[..., 1:, 1:] + design.precision[:, None, :k, :k]
        inverse = np.linalg.inv(precision)
        right = moments[..., 1:, :1]
        beta = (inverse @ right)[..., 0]
        squares = np.maximum(moments[..., 0, 0] - np.sum(beta * right[..., 0], axis=-1), 1e-300)
        shape, rate = design.prior.added(self.squares)
        shape += float(design.seen[:months].sum()) / 2
        rate = rate + squares / 2
        log_weight = (
            self.log_prior
            - 0.5 * self.passed.log_variance[:months].sum(axis=0)
            + 0.5 * np.linalg.slogdet(inverse)[1]
            - shape * np.log(rate)
        )
        weight = np.exp(log_weight - log_weight.max(axis=1, keepdims=True))
        weight /= weight.sum(axis=1, keepdims=True)
        return Coefficients(weight, beta, inverse, rate / shape, 2 * shape)

    def forecast(self, controls: int) -> Forecast:
        """What the months from the start on would have been, from the months before alone and ``controls`` regressors."""
        found = self.coefficients(self.design.start, controls)
        months = self.design.columns.shape[1] - self.design.start
        power = self.phi[:, None] ** np.arange(months)
        mean = (
            self.passed.mean[..., 0, None, : controls + 1]
            + power[:, :, None] * self.passed.mean[..., 1, None, : controls + 1]
        )
        left = self.design.columns[:, None, self.design.start :, 1 : controls + 1] - mean[..., 1:]
        middle = mean[..., 0] + (left @ found.beta[..., None])[..., 0]
        return Forecast(found, middle, left, ahead(self.passed.cov, self.phi, self.squares, months))


class Forecast(NamedTuple):
    """On the grid: means (series, g, m), what the controls add (series, g, m, k), and the noise's covariance (g, m, m)."""

    found: Coefficients
    mean: Floats
    left: Floats
    noise: Floats

    def sums(self, series: int, weights: NDArray[np.float64]) -> StudentMixture:
        """The mixture of weighted sums of the months' values; ``weights`` (sums, m)."""
        left = weights @ self.left[series]
        own = np.einsum("am,gmn,an->ga", weights, self.noise, weights, optimize=True)
        spread = own + np.sum((left @ self.found.inverse[series]) * left, axis=-1)
        return StudentMixture(
            self.found.weights[series],
            weights @ self.mean[series].T,
            np.sqrt(self.found.scale[series][:, None] * spread).T,
            self.found.df,
        )


def combination(found: Coefficients, series: int, weights: Floats) -> StudentMixture:
    """The mixture of linear combinations of coefficients; ``weights`` (combinations, k)."""
    spread = np.einsum("ak,gkl,al->ga", weights, found.inverse[series], weights, optimize=True)
    return StudentMixture(
        found.weights[series],
        weights @ found.beta[series].T,
        np.sqrt(found.scale[series][:, None] * spread).T,
        found.df,
    )


def zellner(controls: Floats, seen: Flags, prior: Prior) -> Floats:
    """Prior precision (k, k) of the controls' coefficients: ``controls_n`` months of them, half kept on the diagonal."""
    used = controls[seen]
    moments = used.T @ used / max(len(used), 1)
    return np.asarray(prior.controls_n * (0.5 * moments + 0.5 * np.diag(np.diag(moments))), dtype=np.float64)
