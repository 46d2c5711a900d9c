"""The highest likelihood of a model with positive parameters, and how surely they are known."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from carewheel.science.refusal import CannotTell

Floats = NDArray[np.float64]

# A parameter that the data do not know is not called unknown without end: its logarithm has an sd of at most this. It enters
# the uncertainty alone, never the estimate.
WIDEST = 5.0
# Logarithms of parameters beyond this are taken for an end of the range, where the likelihood is flat.
FARTHEST = 15.0
STEP = 1e-4


@dataclass(frozen=True, slots=True)
class Peak:
    """Where the likelihood is highest: parameters, its logarithm, the covariance of the parameters' logarithms, and who hangs loose.

    ``loose``: places of parameters whose logarithm has an sd above 2: the data hardly speak of them.
    """

    theta: Floats
    log_likelihood: float
    covariance: Floats
    loose: tuple[int, ...]


def peak(
    slope_of: Callable[[Floats], tuple[float, Floats]],
    start: Floats,
    weight: float,
    spread: Floats | None = None,
) -> Peak:
    """Climb from ``start``. ``slope_of(theta)``: log-likelihood and its gradient; ``weight``: how many patients it sums over;
    ``spread``: a guess of the covariance that the peak will have, where one is known.

    Quasi-Newton steps on the logarithms, then Newton's with the curvature from differences of the analytic gradient; that
    curvature is the observed information. Source: Nocedal & Wright 2006, Numerical Optimization, algorithm 6.1 and section 3.3.
    Raises `CannotTell` where no peak is found.
    """

    def downhill(logs: Floats) -> tuple[float, Floats]:
        inside = np.clip(logs, -FARTHEST, FARTHEST)
        theta = np.exp(inside)
        height, slope = slope_of(theta)
        if not (np.isfinite(height) and np.isfinite(slope).all()):
            return 1e10, np.zeros_like(logs)
        outside = logs - inside
        return -height / weight + float(outside @ outside), -slope * theta / weight + 2 * outside

    def curvature_at(logs: Floats) -> Floats:
        rows = [
            (downhill(logs + STEP * unit)[1] - downhill(logs - STEP * unit)[1]) / (2 * STEP)
            for unit in np.eye(logs.size)
        ]
        matrix = np.array(rows)
        return (matrix + matrix.T) / 2

    found = minimize(
        downhill,
        np.log(start),
        jac=True,
        method="BFGS",
        options={
            "gtol": 3e-5,
            "maxiter": 400,
            "hess_inv0": None if spread is None else weight * (spread + spread.T) / 2,
        },
    )
    logs = np.asarray(found.x, dtype=np.float64)
    if not found.fun < 1e9:
        raise CannotTell("no-peak", {}, "the likelihood has no value for these data")
    curvature = curvature_at(logs)
    for _ in range(3):
        # On a flat ridge (an eigenvalue of nought) there is nothing to gain; elsewhere one or two steps end it.
        size, axes = np.linalg.eigh(curvature)
        height, slope = downhill(logs)
        move = -axes @ np.where(size > 1e-6, (axes.T @ slope) / np.maximum(size, 1e-6), 0.0)
        if not np.abs(move).max() < 0.5 or downhill(logs + move)[0] >= height:
            break
        logs = logs + move
        if np.abs(move).max() < 1e-7:
            break
    size, axes = np.linalg.eigh(weight * curvature)
    covariance = (axes / (np.maximum(size, 0.0) + WIDEST**-2)) @ axes.T
    loose = tuple(int(k) for k in np.flatnonzero(np.diag(covariance) > 4.0))
    return Peak(np.exp(logs), float(slope_of(np.exp(logs))[0]), covariance, loose)


def delta_sd(value_of: Callable[[Floats], Floats], theta: Floats, covariance: Floats) -> Floats:
    """Standard deviation of ``value_of(theta)`` (any shape) from that of the parameters' logarithms, by the delta method.

    Source: Casella & Berger 2002, Statistical Inference, section 5.5.4; differences of one per mille.
    """
    slopes = slopes_by_logs(value_of, theta)
    return np.asarray(np.sqrt(np.einsum("i...,ij,j...->...", slopes, covariance, slopes)), dtype=np.float64)


def slopes_by_logs(value_of: Callable[[Floats], Floats], theta: Floats) -> Floats:
    """Slopes (parameters, ...) of ``value_of(theta)`` by the logarithm of each parameter: central differences of one per mille."""
    return np.array(
        [
            (value_of(theta * np.exp(1e-3 * unit)) - value_of(theta * np.exp(-1e-3 * unit))) / 2e-3
            for unit in np.eye(theta.size)
        ]
    )
