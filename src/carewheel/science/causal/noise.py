"""The noise of a series: a level that walks at random plus AR(1) noise, on a grid of their two free numbers.

y_t = level_t + u_t + x_t' beta;  level_t = level_(t-1) + r s e_t;  u_t = phi u_(t-1) + s sqrt(1 - phi²) v_t

The grid holds phi and the ratio r of the walk's step to the noise's standard deviation s; s and beta are conjugate, so
that nothing has to be drawn. Columns (the series and its regressors) pass the same Kalman filter side by side: filtered
regressors are the whitened ones of generalised least squares (Harvey 1989, Forecasting, Structural Time Series Models
and the Kalman Filter, section 3.4.2).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Prior:
    """What is thought of the noise before the data, in units of the series' own standard deviation before the start.

    phis: AR(1) coefficients, each as likely. Ratios: the walk's step over the noise sd; half-normal with sd
    ``ratio_sd``, or, if ``step_df`` > 0, the step itself is inverse-gamma with ``step_df`` observations' worth of
    ``step_guess``. The noise variance is inverse-gamma with ``noise_df`` observations' worth of ``noise_share``.
    Coefficients of controls count as ``controls_n`` observations that saw none (Zellner's g, half of it on the diagonal).
    ``start``: variance of the first level in noise variances; its mean is the first reading.
    """

    phis: tuple[float, ...] = (0.0, 0.15, 0.3, 0.45, 0.6, 0.75, 0.9)
    ratio_sd: float = 0.5
    step_df: float = 0.0
    step_guess: float = 0.01
    noise_df: float = 1.0
    noise_share: float = 0.01
    controls_n: float = 0.01
    start: float = 25.0

    def grid(self) -> tuple[Floats, Floats, Floats]:
        """(phi, r², log prior weight) of each point, all (g,)."""
        if self.step_df > 0:
            squares = np.geomspace(1e-6, 1e2, 33)
            # The inverse-gamma density of the step, on a grid of even logarithms; its part in 1/s² is in `added`.
            weights = -self.step_df / 2 * np.log(squares)
        else:
            # Denser near nought, where the likelihood changes fastest: even in the square root of r.
            edges = np.linspace(0.0, 1.0, 17) ** 2 * 4 * self.ratio_sd
            ratios = (edges[1:] + edges[:-1]) / 2
            squares = ratios**2
            weights = np.log(np.diff(edges)) - ratios**2 / (2 * self.ratio_sd**2)
        phi = np.repeat(np.asarray(self.phis, dtype=np.float64), squares.size)
        return phi, np.tile(squares, len(self.phis)), np.tile(weights, len(self.phis))

    def added(self, squares: Floats) -> tuple[float, Floats]:
        """What the priors add to (shape, rate) of 1/s²: a number and an array over the grid's r²."""
        shape = self.noise_df / 2
        rate = np.full(squares.shape, self.noise_df * self.noise_share / 2)
        if self.step_df > 0:
            shape += self.step_df / 2
            rate = rate + self.step_df * self.step_guess**2 / 2 / squares
        return shape, rate


PRIOR = Prior()
# What R's CausalImpact 1.2 and its bsts use: a nearly still level, no autocorrelation, 80 % explained by the controls.
R_PRIOR = Prior(phis=(0.0,), step_df=32.0, step_guess=0.01, noise_df=50.0, noise_share=0.2, start=5.0)


class Filtered(NamedTuple):
    """Whitened columns (months, series, g, columns), log variances (months, g), and the state before a month.

    ``mean`` (series, g, 2, columns) and ``cov`` (g, 2, 2), in units of s², of (level, u) before month ``at``.
    """

    white: Floats
    log_variance: Floats
    mean: Floats
    cov: Floats
    at: int


def filtered(
    columns: Floats, seen: Flags, phi: Floats, squares: Floats, start: float, extra: Floats | None, at: int
) -> Filtered:
    """The Kalman filter on the whole grid, for all series and columns at once.

    ``columns`` (series, months, columns), the first being the outcome; ``seen`` (months,): months that are known in all
    columns. ``start``: variance of the first level in units of s²; its mean is the first seen outcome, which makes a
    column's origin unimportant. ``extra`` (months,): known sampling variance in units of s², or None.
    """
    count, months, width = columns.shape
    g = phi.size
    mean = np.zeros((count, g, 2, width))
    first = int(np.argmax(seen))
    mean[:, :, 0, 0] = columns[:, first, :1]
    cov = np.zeros((g, 2, 2))
    cov[:, 0, 0], cov[:, 1, 1] = start, 1.0
    white = np.zeros((months, count, g, width))
    log_variance = np.zeros((months, g))
    kept = (mean, cov)
    fresh = 1 - phi**2
    for t in range(months):
        if t == at:
            kept = (mean.copy(), cov.copy())
        if seen[t]:
            gain = cov.sum(axis=1)
            variance = gain.sum(axis=1)
            if extra is not None:
                variance = variance + extra[t]
            miss = columns[:, t, None, :] - mean.sum(axis=2)
            weight = gain / variance[:, None]
            white[t] = miss / np.sqrt(variance)[:, None]
            log_variance[t] = np.log(variance)
            mean += weight[:, :, None] * miss[:, :, None, :]
            cov -= weight[:, :, None] * gain[:, None, :]
        mean[:, :, 1] *= phi[:, None]
        cov[:, 0, 1] *= phi
        cov[:, 1, 0] *= phi
        cov[:, 1, 1] = cov[:, 1, 1] * phi**2 + fresh
        cov[:, 0, 0] += squares
    if at >= months:
        kept = (mean, cov)
    return Filtered(white, log_variance, *kept, at)


def ahead(cov: Floats, phi: Floats, squares: Floats, months: int) -> Floats:
    """Covariance (g, months, months), in s², of the noise in the months from the state's on."""
    h = np.arange(months)
    power = phi[:, None] ** h
    reach = np.stack([np.ones_like(power), power], axis=-1)
    known = reach @ cov @ np.swapaxes(reach, 1, 2)
    walk = squares[:, None, None] * np.minimum(h[:, None], h)
    own = phi[:, None, None] ** np.abs(h[:, None] - h) - power[:, :, None] * power[:, None, :]
    return np.asarray(known + walk + own, dtype=np.float64)
