"""Will they come: the chance that a booked visit is missed or cancelled late, at booking and every day until the visit.

`bookings` and `outcomes` check what a practice has; `features` reads it without ever seeing an outcome that came later; `attendance_model` learns; `rolled`
follows the practice from day to day; `pooled` lets practices learn from one another; `accuracy`, `drift`, `fairness_audit` watch; `sentence` explains;
`outreach` says what a score is for; `kept` and `revived` keep the terms for the moment of booking. Who may call: spokes, journeys.
"""

from carewheel.science.forecasting.attendance.accuracy import Accuracy, accuracy, auc, brier, ece
from carewheel.science.forecasting.attendance.bookings import (
    ATTENDED,
    LATE_CANCEL,
    MISSED,
    Bookings,
    Outcomes,
    bookings,
    outcomes,
)
from carewheel.science.forecasting.attendance.drift import Drift, drift, stability_index
from carewheel.science.forecasting.attendance.explanation import parts, sentence, sentences
from carewheel.science.forecasting.attendance.fairness import (
    FairnessAudit,
    GroupAudit,
    check_overbooking,
    fairness_audit,
)
from carewheel.science.forecasting.attendance.features import Features, features
from carewheel.science.forecasting.attendance.kept import band_shares, excess, kept, of_record, revived
from carewheel.science.forecasting.attendance.model import (
    AttendanceModel,
    ChanceModel,
    Chances,
    attendance_model,
    fitted,
)
from carewheel.science.forecasting.attendance.outreach import ACTIONS, Outreach, outreach
from carewheel.science.forecasting.attendance.practices import Practices, pooled
from carewheel.science.forecasting.attendance.prior import LATE_PRIOR, MISS_PRIOR, Believed, Prior, believed
from carewheel.science.forecasting.attendance.recalibration import Recalibration, Rolled, rolled

__all__ = [
    "ACTIONS",
    "ATTENDED",
    "LATE_CANCEL",
    "LATE_PRIOR",
    "MISSED",
    "MISS_PRIOR",
    "Accuracy",
    "AttendanceModel",
    "Believed",
    "Bookings",
    "ChanceModel",
    "Chances",
    "Drift",
    "FairnessAudit",
    "Features",
    "GroupAudit",
    "Outcomes",
    "Outreach",
    "Practices",
    "Prior",
    "Recalibration",
    "Rolled",
    "accuracy",
    "attendance_model",
    "auc",
    "band_shares",
    "believed",
    "bookings",
    "brier",
    "check_overbooking",
    "drift",
    "ece",
    "excess",
    "fairness_audit",
    "features",
    "fitted",
    "kept",
    "of_record",
    "outcomes",
    "outreach",
    "parts",
    "pooled",
    "revived",
    "rolled",
    "sentence",
    "sentences",
    "stability_index",
]
