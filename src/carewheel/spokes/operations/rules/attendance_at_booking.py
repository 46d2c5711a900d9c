"""The chance of a visit in the moment in which it is booked, moved, or not yet in the facts: by the kept terms and the patient's own record."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from carewheel.science.forecasting.attendance import (
    ATTENDED,
    AttendanceModel,
    Chances,
    excess,
    of_record,
    revived,
    sentences,
)
from carewheel.spokes.operations.contracts import Chance, EarlierVisit, Foreseen


def foreseen_at_booking(
    terms: Mapping[str, Any], booked_day: int, visit_day: int, today: int, earlier: Sequence[EarlierVisit]
) -> Foreseen:
    """``terms``: as `ForeseenAhead` has them; days are local day numbers; ``earlier``: of the patient, later ones too.

    Of these only such are read as were known before ``today``, and never after the day of booking or of the visit: whichever is read, it was
    known when the score was given.
    """
    day = max(booked_day, min(today, visit_day))
    seen = [one for one in earlier if one.outcome_day < day]
    fell = np.array([one.outcome != ATTENDED for one in seen], dtype=np.float64)
    record = excess(terms["shares"], np.array([one.lead_days for one in seen], dtype=np.int64), fell)
    made = of_record([max(visit_day - booked_day, 0)], [fell.size], [fell.sum()], [record])
    missed, state = revived(terms["missed"])
    late = revived(terms["late"]) if terms["late"] else None
    told: Chances = AttendanceModel(missed, late[0] if late else None).chances(
        made, state, late[1] if late else None
    )
    value, low, high = (float(np.atleast_1d(end)[0]) for end in told.missed)
    return Foreseen(
        Chance(value, low, high),
        None if told.late_cancel is None else float(np.atleast_1d(told.late_cancel.value)[0]),
        sentences(missed, made, told.missed)[0],
    )
