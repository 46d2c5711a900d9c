"""Neutral records: what every reader yields, whatever the format it read.

One named tuple a fact table, same column names (a test holds them to the catalog). Identifiers are as the source wrote
them; the warehouse makes pseudonyms of people. `None` and "" both mean unknown. Readers never invent a value.
"""

from __future__ import annotations

from carewheel.interop.records.growth import (
    MarketingSpendRecord,
    ReferralRecord,
    ReviewRecord,
    SurveyInvitationRecord,
    SurveyResponseRecord,
)
from carewheel.interop.records.money import (
    AdjustmentRecord,
    ChargeRecord,
    ClaimEventRecord,
    ClaimRecord,
    PaymentRecord,
)
from carewheel.interop.records.people import (
    ContactRecord,
    CoverageRecord,
    MessageRecord,
    PatientRecord,
)
from carewheel.interop.records.places import (
    AvailabilityRecord,
    LocationRecord,
    ProviderRecord,
    ResourceRecord,
)
from carewheel.interop.records.practice import (
    ChangeRecord,
    ExpenseRecord,
    InvestmentRecord,
    RecognitionRecord,
    StaffPulseRecord,
    StaffSpellRecord,
    StockMoveRecord,
    TrainingRecord,
)
from carewheel.interop.records.visits import (
    APPOINTMENT_STATUS,
    KEPT,
    AppointmentRecord,
    ProcedureRecord,
    VisitEventRecord,
)

Record = (
    LocationRecord
    | ResourceRecord
    | ProviderRecord
    | AvailabilityRecord
    | PatientRecord
    | CoverageRecord
    | ContactRecord
    | MessageRecord
    | AppointmentRecord
    | VisitEventRecord
    | ProcedureRecord
    | ChargeRecord
    | PaymentRecord
    | AdjustmentRecord
    | ClaimRecord
    | ClaimEventRecord
    | SurveyInvitationRecord
    | SurveyResponseRecord
    | ReviewRecord
    | ReferralRecord
    | MarketingSpendRecord
    | ExpenseRecord
    | StaffSpellRecord
    | StaffPulseRecord
    | TrainingRecord
    | RecognitionRecord
    | StockMoveRecord
    | InvestmentRecord
    | ChangeRecord
)

TABLE_OF: dict[type, str] = {
    LocationRecord: "location",
    ResourceRecord: "resource",
    ProviderRecord: "provider",
    AvailabilityRecord: "availability",
    PatientRecord: "patient",
    CoverageRecord: "coverage",
    ContactRecord: "contact",
    MessageRecord: "message",
    AppointmentRecord: "appointment",
    VisitEventRecord: "visit_event",
    ProcedureRecord: "procedure",
    ChargeRecord: "charge",
    PaymentRecord: "payment",
    AdjustmentRecord: "adjustment",
    ClaimRecord: "claim",
    ClaimEventRecord: "claim_event",
    SurveyInvitationRecord: "survey_invitation",
    SurveyResponseRecord: "survey_response",
    ReviewRecord: "review",
    ReferralRecord: "referral",
    MarketingSpendRecord: "marketing_spend",
    ExpenseRecord: "expense",
    StaffSpellRecord: "staff_spell",
    StaffPulseRecord: "staff_pulse",
    TrainingRecord: "training",
    RecognitionRecord: "recognition",
    StockMoveRecord: "stock_move",
    InvestmentRecord: "investment",
    ChangeRecord: "change",
}

__all__ = [
    "APPOINTMENT_STATUS",
    "KEPT",
    "TABLE_OF",
    "AdjustmentRecord",
    "AppointmentRecord",
    "AvailabilityRecord",
    "ChangeRecord",
    "ChargeRecord",
    "ClaimEventRecord",
    "ClaimRecord",
    "ContactRecord",
    "CoverageRecord",
    "ExpenseRecord",
    "InvestmentRecord",
    "LocationRecord",
    "MarketingSpendRecord",
    "MessageRecord",
    "PatientRecord",
    "PaymentRecord",
    "ProcedureRecord",
    "ProviderRecord",
    "RecognitionRecord",
    "Record",
    "ReferralRecord",
    "ResourceRecord",
    "ReviewRecord",
    "StaffPulseRecord",
    "StaffSpellRecord",
    "StockMoveRecord",
    "SurveyInvitationRecord",
    "SurveyResponseRecord",
    "TrainingRecord",
    "VisitEventRecord",
]
