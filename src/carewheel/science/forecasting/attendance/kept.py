"""The terms of a model as plain numbers: small enough to keep beside a book, and to score a visit in the moment in which it is booked.

The calendar's columns and the trees that read them need the whole book. The five terms need the lead time and the patient's own record,
which one look at that patient's visits tells. So a practice keeps the terms, fitted by themselves, and the night brings the rest.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from carewheel.science.forecasting.attendance.bookings import LATE_CANCEL, MISSED, Bookings, Outcomes
from carewheel.science.forecasting.attendance.features import (
    BAND_START,
    BAND_WEIGHT,
    LEAD_BANDS,
    PATIENT_WEIGHT,
    Features,
    lead_band,
)
from carewheel.science.forecasting.attendance.forest import NO_FOREST
from carewheel.science.forecasting.attendance.model import ChanceModel
from carewheel.science.forecasting.attendance.prior import Believed
from carewheel.science.forecasting.attendance.recalibration import Recalibration
from carewheel.science.forecasting.attendance.trees import Trees
from carewheel.science.refusal import CannotTell

Floats = NDArray[np.float64]
COLUMNS = ("lead_days", "past_visits", "past_bad", "past_excess")


def kept(model: ChanceModel, state: Recalibration) -> dict[str, Any]:
    """A model of terms and its filter as plain numbers. Raises `CannotTell` ``has-trees``: their columns are not known at the desk."""
    if model.rounds:
        raise CannotTell("has-trees", {"rounds": model.rounds}, "fit with trees=False what is to be kept")
    return {
        "mean": model.believed.mean.tolist(),
        "covariance": model.believed.covariance.tolist(),
        "visits": model.believed.visits,
        "events": model.believed.events,
        "centre": model.centre,
        "typical": np.asarray(model.typical).tolist(),
        "filter": {
            "mean": state.mean.tolist(),
            "covariance": state.covariance.tolist(),
            "centre": state.centre,
        },
    }


def revived(numbers: Mapping[str, Any]) -> tuple[ChanceModel, Recalibration]:
    """What `kept` took apart.

    >>> from carewheel.science.forecasting.attendance.prior import MISS_PRIOR, believed
    >>> none = Trees(COLUMNS, NO_FOREST, (), 0)
    >>> model = ChanceModel(believed(MISS_PRIOR), none, none, -1.5, np.array([1.0, 2.0, 0.0, 0.0, 0.0]))
    >>> again, state = revived(kept(model, Recalibration.fresh(-1.5)))
    >>> one = of_record([7], [3], [1], [0.1])
    >>> bool(again.chance(one, state).value[0] == model.chance(one).value[0])
    True
    """
    believed = Believed(
        np.array(numbers["mean"]),
        np.array(numbers["covariance"]),
        int(numbers["visits"]),
        int(numbers["events"]),
    )
    none = Trees(COLUMNS, NO_FOREST, (), 0)
    state = numbers["filter"]
    return (
        ChanceModel(believed, none, none, float(numbers["centre"]), np.array(numbers["typical"])),
        Recalibration(np.array(state["mean"]), np.array(state["covariance"]), float(state["centre"])),
    )


def band_shares(of: Bookings, known: Outcomes) -> Floats:
    """The share that fell (missed or cancelled late) in each band of lead time, (7,), as features judge a record against it."""
    band = lead_band(of.lead_days)[known.visit]
    fell = np.isin(known.kind, (MISSED, LATE_CANCEL)).astype(np.float64)
    bands = LEAD_BANDS.size + 1
    total, bad = np.bincount(band, minlength=bands), np.bincount(band, fell, bands)
    found: Floats = (bad + BAND_START * BAND_WEIGHT) / (total + BAND_WEIGHT)
    return found


def excess(shares: ArrayLike, lead_days: ArrayLike, fell: ArrayLike) -> float:
    """A patient's record beyond what the lead times let expect: of earlier visits the ``lead_days`` (k,) and whether each ``fell`` (k,).

    A night's features judge each outcome by the shares that were known when it came, this by those of the last night.
    """
    seen = np.asarray(fell, dtype=np.float64)
    expected = np.asarray(shares, dtype=np.float64)[lead_band(lead_days)]
    return float((seen - expected).sum() / (seen.size + PATIENT_WEIGHT))


def of_record(
    lead_days: ArrayLike, past_visits: ArrayLike, past_bad: ArrayLike, past_excess: ArrayLike
) -> Features:
    """What the terms read of visits (n,): days of lead, how many earlier visits have an outcome, how many fell, and the `excess`."""
    columns = [np.asarray(c, dtype=np.float64) for c in (lead_days, past_visits, past_bad, past_excess)]
    return Features(np.column_stack(columns), COLUMNS)
