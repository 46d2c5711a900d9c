"""The shared tables, one file a subject."""

from carewheel.practice.models.organisation import (
    Capability,
    Closure,
    Leave,
    Location,
    OpeningHours,
    Organisation,
    Resource,
    WorkingHours,
)
from carewheel.practice.models.patients import Consent, Patient, Proxy
from carewheel.practice.models.people import Membership, Role, StaffMember, User
from carewheel.practice.models.records import (
    Answered,
    AuditEvent,
    EmergencyAccess,
    Job,
    Message,
    PendingFact,
    ThrottledTry,
)
from carewheel.practice.models.visits import Occupancy, Visit, VisitNeed, VisitSeries, VisitType

__all__ = [
    "Answered",
    "AuditEvent",
    "Capability",
    "Closure",
    "Consent",
    "EmergencyAccess",
    "Job",
    "Leave",
    "Location",
    "Membership",
    "Message",
    "Occupancy",
    "OpeningHours",
    "Organisation",
    "Patient",
    "PendingFact",
    "Proxy",
    "Resource",
    "Role",
    "StaffMember",
    "ThrottledTry",
    "User",
    "Visit",
    "VisitNeed",
    "VisitSeries",
    "VisitType",
    "WorkingHours",
]
