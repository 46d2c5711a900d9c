"""Least squares with weights that are not negative and sum to one: what synthetic controls are made of."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import nnls

Floats = NDArray[np.float64]

# The sum is one equation among the others, weighted so that it binds to about 1e-9 and the rest keeps its digits.
BINDING = 1e4


def simplex_weights(matrix: Floats, target: Floats, ridge: float = 0.0, intercept: bool = False) -> Floats:
    """The ``w`` (k,) that minimises |matrix w (+ a constant) - target|² + ridge |w|², w >= 0 and sum w = 1.

    ``matrix`` (rows, k), ``target`` (rows,). Exact up to rounding: non-negative least squares (Lawson & Hanson 1974,
    chapter 23) with the sum as a heavy row (their chapter 22), instead of the steps of Frank and Wolfe.

    >>> simplex_weights(np.array([[1.0, 3.0], [2.0, 4.0]]), np.array([1.5, 2.5])).round(6).tolist()
    [0.75, 0.25]
    """
    rows, k = matrix.shape
    if intercept:
        matrix, target = matrix - matrix.mean(axis=0), target - target.mean()
    size = max(float(np.abs(matrix).max(initial=0.0)), float(np.abs(target).max(initial=0.0)), 1e-300)
    parts = [matrix / size, np.full((1, k), BINDING)]
    right = [target / size, np.array([BINDING])]
    if ridge > 0:
        parts.insert(1, np.sqrt(ridge) / size * np.eye(k))
        right.insert(1, np.zeros(k))
    found, _ = nnls(np.concatenate(parts), np.concatenate(right), maxiter=30 * (k + rows))
    total = float(found.sum())
    return np.asarray(found / total if total > 0 else np.full(k, 1 / k), dtype=np.float64)
