"""Who may do what: the actor of every command and query, the permissions, and which role has which.

One table for all three doors. A command or query calls `Actor.need` once, with the location that it touches; lists are narrowed by
`Actor.locations`. What belongs to another organisation does not exist (`NotFound`), what the role does not allow is `Forbidden`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Refused(Exception):
    """A command or query that was refused: ``code`` (dotted), ``what`` happened and what to do (``remedy``), ``data`` to act on."""

    code = "refused"

    def __init__(self, code: str, what: str, remedy: str = "", **data: object) -> None:
        super().__init__(f"{what} {remedy}".strip())
        self.code, self.what, self.remedy, self.data = code, what, remedy, data


class NotFound(Refused):
    """There is no such thing, as far as this actor can tell."""

    def __init__(self, what: str = "There is nothing here.") -> None:
        super().__init__("not-found", what, "Check the address, or look for it anew.")


class Forbidden(Refused):
    """The role does not allow it."""

    def __init__(self, permission: str) -> None:
        super().__init__(
            "forbidden", "Your role does not allow this.", "Ask an owner or manager.", permission=permission
        )


class Conflict(Refused):
    """Somebody was faster, or what was read has changed since."""


class Permission(StrEnum):
    """What can be allowed. Reading and writing apart, one word a subject."""

    WHEEL_READ = "wheel.read"
    PLAN_WRITE = "plan.write"
    SCHEDULE_READ = "schedule.read"
    SCHEDULE_WRITE = "schedule.write"
    SCHEDULE_OVERRIDE = "schedule.override"
    FLOW_WRITE = "flow.write"
    WAITLIST_READ = "waitlist.read"
    WAITLIST_WRITE = "waitlist.write"
    PATIENT_READ = "patient.read"
    PATIENT_WRITE = "patient.write"
    EMERGENCY = "patient.emergency"
    MONEY_READ = "money.read"
    ACCESS_READ = "access.read"
    DATA_READ = "data.read"
    DATA_WRITE = "data.write"
    SETTINGS_READ = "settings.read"
    SETTINGS_WRITE = "settings.write"
    PEOPLE_WRITE = "people.write"
    AUDIT_READ = "audit.read"
    AUDIT_REVIEW = "audit.review"
    JOBS_READ = "jobs.read"
    JOBS_WRITE = "jobs.write"


P = Permission
_DESK = {P.SCHEDULE_READ, P.SCHEDULE_WRITE, P.FLOW_WRITE, P.WAITLIST_READ, P.WAITLIST_WRITE, P.PATIENT_READ, P.PATIENT_WRITE, P.ACCESS_READ}  # fmt: skip
_MANAGER = _DESK | {P.WHEEL_READ, P.PLAN_WRITE, P.SCHEDULE_OVERRIDE, P.MONEY_READ, P.DATA_READ, P.DATA_WRITE, P.SETTINGS_READ, P.SETTINGS_WRITE, P.JOBS_READ, P.JOBS_WRITE, P.EMERGENCY, P.AUDIT_READ, P.AUDIT_REVIEW}  # fmt: skip
PERMISSIONS: dict[str, frozenset[Permission]] = {
    "owner": frozenset(_MANAGER | {P.PEOPLE_WRITE}),
    "manager": frozenset(_MANAGER),
    "front_desk": frozenset(_DESK | {P.SCHEDULE_OVERRIDE}),
    "clinician": frozenset({P.SCHEDULE_READ, P.FLOW_WRITE, P.PATIENT_READ, P.WAITLIST_READ, P.EMERGENCY, P.ACCESS_READ}),
    "biller": frozenset({P.SCHEDULE_READ, P.PATIENT_READ, P.MONEY_READ, P.WHEEL_READ}),
    "staff": frozenset({P.SCHEDULE_READ}),
    "patient": frozenset(),
    "auditor": frozenset({P.AUDIT_READ, P.SETTINGS_READ, P.DATA_READ, P.WHEEL_READ}),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Grant:
    """A role at one location, or (None) at all of the organisation."""

    role: str
    location_id: int | None = None


@dataclass(frozen=True, slots=True)
class Actor:
    """Who asks. ``at``: the moment of the request, the only clock that commands know.

    A ``system`` actor is a job or an import acting for the organisation; it may everything within it and is named in the audit trail.
    """

    organisation_id: int
    at: datetime
    user_id: int | None = None
    grants: tuple[Grant, ...] = ()
    patient_ids: frozenset[int] = frozenset()
    system: str = ""
    address: str = ""

    def may(self, permission: Permission, location_id: int | None = None) -> bool:
        """Whether it is allowed at a location, or (None) at any at all."""
        if self.system:
            return True
        return any(
            permission in PERMISSIONS[grant.role]
            and (location_id is None or grant.location_id is None or grant.location_id == location_id)
            for grant in self.grants
        )

    def need(self, permission: Permission, location_id: int | None = None) -> None:
        """Raises `Forbidden` where it is not allowed."""
        if not self.may(permission, location_id):
            raise Forbidden(permission.value)

    def need_of(self, permission: Permission, location_id: int | None, sees: Permission, what: str) -> None:
        """`need` for something that belongs to a location, found by its number: where the actor may not ``sees`` there, it does not exist.

        Raises `NotFound` with ``what``, else `Forbidden`."""
        if not self.may(sees, location_id):
            raise NotFound(what)
        self.need(permission, location_id)

    def locations(self, permission: Permission) -> frozenset[int] | None:
        """The locations at which it is allowed; None for all of the organisation."""
        allowed = [g.location_id for g in self.grants if permission in PERMISSIONS[g.role]]
        if self.system or None in allowed:
            return None
        return frozenset(one for one in allowed if one is not None)
