"""Series of many sites made independent: an AR(1) process seen through known sampling noise, by a scalar Kalman filter.

Each site and month has value = process + noise, with a stationary AR(1) process (standard deviation ``sigma``,
autocorrelation ``phi`` from month to month) and noise of known variance. The filter turns any column of such series into
uncorrelated innovations of variance 1, which is generalised least squares without a matrix of months by months. A missing
month is stepped over. Source: Durbin & Koopman 2012, Time Series Analysis by State Space Methods, ch. 4 (filter, smoother).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


class Gains(NamedTuple):
    """What the filter does in each month, the same for all columns: (months, sites) each.

    ``before``: process variance before the month is seen; ``gain``: weight of the month's surprise (0 where missing);
    ``scale``: 1 / standard deviation of the surprise (0 where missing).
    """

    before: Floats
    gain: Floats
    scale: Floats


def gains(noise: Floats, seen: NDArray[np.bool_], sigma: float, phi: float) -> Gains:
    """The filter's gains. ``noise``: variances (months, sites); ``seen``: where there is a value."""
    months, _ = noise.shape
    before, gain = np.empty_like(noise), np.empty_like(noise)
    p = np.full(noise.shape[1], sigma**2)
    fresh = sigma**2 * (1 - phi**2)
    for t in range(months):
        before[t] = p
        gain[t] = seen[t] * (p / (p + noise[t]))
        p = phi**2 * p * (1 - gain[t]) + fresh
    scale = seen * (before + noise) ** -0.5
    return Gains(before, gain, scale)


def whiten(columns: Floats, by: Gains, phi: float) -> Floats:
    """Innovations of variance 1 of each column, zero where missing. ``columns``: (months, sites, columns), finite.

    >>> y = np.array([[[1.0]], [[0.5]], [[2.0]]])
    >>> seen = np.ones((3, 1), dtype=bool)
    >>> w = whiten(y, gains(np.zeros((3, 1)), seen, 1.0, 0.5), 0.5)
    >>> [round(float(x), 3) for x in w.ravel()]  # y1, (y2 - .5 y1) / sqrt(.75), (y3 - .5 y2) / sqrt(.75)
    [1.0, 0.0, 2.021]
    """
    out = np.empty_like(columns)
    expected = np.zeros(columns.shape[1:])
    gain = phi * by.gain[..., None]
    for t in range(columns.shape[0]):
        np.subtract(columns[t], expected, out=out[t])
        expected = phi * expected + gain[t] * out[t]
    out *= by.scale[..., None]
    return out


def smooth(values: Floats, by: Gains, phi: float) -> Floats:
    """The process given all months, (months, sites): fixed-interval smoothing of ``values`` (finite; missing ones unused)."""
    months = values.shape[0]
    filtered = np.empty_like(values)
    expected = np.zeros(values.shape[1])
    for t in range(months):
        filtered[t] = expected + by.gain[t] * (values[t] - expected)
        expected = phi * filtered[t]
    out = filtered.copy()
    for t in range(months - 2, -1, -1):
        after = by.before[t] * (1 - by.gain[t])
        back = np.divide(phi * after, by.before[t + 1], out=np.zeros_like(after), where=by.before[t + 1] > 0)
        out[t] = filtered[t] + back * (out[t + 1] - phi * filtered[t])
    return out
