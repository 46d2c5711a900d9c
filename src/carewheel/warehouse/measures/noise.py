"""How noisy one month at one place is: the sampling variance of a value, for models that learn from many small cells.

An interval of few cases says what a reader may believe of that one cell; its width is no variance (five answers have Student's
tails, no events an interval of one side). Here the spread of single cases is pooled over a place's months (of answers: over
all places), so that cells differ by their number of cases only.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from carewheel.catalog.measures import MeasureCard
from carewheel.warehouse.measures.estimates import Statistics

Floats = NDArray[np.float64]


def sampling_variance(card: MeasureCard, s: Statistics) -> Floats:
    """Variance of each month's value in the card's unit squared; 0 where all is counted in full, NaN without cases.

    ``s``: sufficient statistics, places × months. Sums and ratios of ledgers ("none", "ratio_months", "lifetime") have no
    sampling noise.
    """
    n = np.nan_to_num(s["n"])
    with np.errstate(divide="ignore", invalid="ignore"):
        match card.interval:
            case "wilson":
                share = _pooled(s["k"], n, 0.5, 1.0)
                found = share * (1 - share) / n
            case "t_mean":
                within = np.nansum(s["total_sq"]) - np.nansum(s["total"] ** 2 / n)
                cells = int(((n > 0) & np.isfinite(s["total"])).sum())
                single = within / max(float(n.sum()) - cells, 1.0)
                found = max(single, 0.0) / n
            case "nps":
                p, d = _pooled(s["promoters"], n, 0.75, 3.0), _pooled(s["detractors"], n, 0.75, 3.0)
                found = 1e4 * (p + d - (p - d) ** 2) / n
            case "poisson_count":
                found = np.where(
                    n > 0,
                    n.sum(axis=-1, keepdims=True) / np.maximum((n > 0).sum(-1, keepdims=True), 1),
                    np.nan,
                )
            case "poisson_rate":
                exposure = np.nan_to_num(s["exposure"])
                found = _pooled(s["events"], exposure, 0.5, 0.0) / exposure
            case "cost_per_count":
                found = _pooled(s["cost"], n, 0.0, 0.0) ** 2 / n
            case _:
                return np.where(n > 0, 0.0, np.nan)
    return np.where(np.isfinite(found), found, np.nan)


def _pooled(part: Floats, whole: Floats, add: float, to: float) -> Floats:
    """The ratio of a place over all its months, (places × 1), a little drawn away from 0 and 1."""
    part_sum, whole_sum = np.nansum(part, axis=-1, keepdims=True), whole.sum(axis=-1, keepdims=True)
    return np.asarray((part_sum + add) / (whole_sum + to))
