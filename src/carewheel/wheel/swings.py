"""What a worth hangs on most: every figure and arrow moved to its low and high end alone, all of them in one batch of runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from carewheel.science.finance import Swing, tornado

Floats = NDArray[np.float64]
Ranges = Mapping[str, tuple[float, float, float]]
LOW, HIGH = 0.05, 0.95


def range_of(draws: Floats) -> tuple[float, float, float]:
    """The 5 % point, the mean and the 95 % point of draws, in order (the mean of a skewed one may lie beyond a point).

    >>> [round(x, 2) for x in range_of(np.linspace(0, 1, 101))]
    [0.05, 0.5, 0.95]
    """
    mean = float(draws.mean())
    low, high = (float(x) for x in np.quantile(draws, (LOW, HIGH)))
    return min(low, mean), mean, max(high, mean)


def swings(
    ranges: Ranges, worth_of: Callable[[Mapping[str, Floats]], Floats], most: int = 10, least: float = 0.005
) -> list[Swing]:
    """The ``most`` widest swings, those below ``least`` of the widest left out. ``worth_of``: rows of figures (n,) to their worths (n,).

    >>> found = swings({"a": (0, 1, 2), "b": (4, 5, 9), "c": (1, 1, 1)}, lambda rows: 2 * rows["a"] + rows["b"])
    >>> [(swing.name, swing.low, swing.high) for swing in found]
    [('b', 6.0, 11.0), ('a', 5.0, 9.0)]
    """
    names = list(ranges)
    count = 1 + 2 * len(names)
    rows = {name: np.full(count, float(ranges[name][1])) for name in names}
    for i, name in enumerate(names):
        rows[name][1 + 2 * i], rows[name][2 + 2 * i] = ranges[name][0], ranges[name][2]
    values = worth_of(rows)
    known = {
        (name, float(ranges[name][end])): float(values[1 + 2 * i + end // 2])
        for i, name in enumerate(names)
        for end in (0, 2)
    }

    def value_of(at: Mapping[str, float]) -> float:
        moved = [(name, float(x)) for name, x in at.items() if x != ranges[name][1]]
        return known[moved[0]] if moved else float(values[0])

    found = tornado(value_of, ranges)
    return [swing for swing in found if swing.width > least * max(found[0].width, 1e-300)][:most]
