"""Emergency access: a patient's record beyond one's locations for an hour, with a reason, seen by everybody who audits, reviewed by another."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import QuerySet

from carewheel.practice.access import Actor, NotFound, Permission, Refused
from carewheel.practice.audit import record
from carewheel.practice.models import EmergencyAccess, Patient

LASTS = timedelta(hours=1)
SHORTEST_REASON = 10


@dataclass(frozen=True, slots=True)
class EmergencyLine:
    """One emergency access, for whoever reviews it."""

    id: int
    user: str
    patient_id: int
    reason: str
    starts_at: datetime
    ends_at: datetime
    reviewed_at: datetime | None
    verdict: str


def break_glass(actor: Actor, patient_id: int, reason: str) -> datetime:
    """Open a patient's record for an hour; returns when it ends. Raises `Refused` without a reason of at least ten signs."""
    actor.need(Permission.EMERGENCY)
    if actor.user_id is None:
        raise Refused("emergency.nobody", "Only a person who signed in can do this.")
    if len(reason.strip()) < SHORTEST_REASON:
        raise Refused("emergency.reason", "A reason is needed.", "Say in a sentence why you need the record.")
    if not Patient.objects.filter(pk=patient_id, organisation_id=actor.organisation_id).exists():
        raise NotFound
    with transaction.atomic():
        made = EmergencyAccess.objects.create(
            organisation_id=actor.organisation_id, user_id=actor.user_id, patient_id=patient_id, reason=reason.strip()[:300],
            starts_at=actor.at, ends_at=actor.at + LASTS,
        )  # fmt: skip
        # The words of the reason stay with the access; the trail, which is never erased, has the fact only.
        record(actor, "emergency-opened", "emergency", made.pk, patient_id=patient_id)
    return made.ends_at


def open_for(actor: Actor, patient_id: int) -> bool:
    """Whether this person has an emergency access to the patient that still runs."""
    return actor.user_id is not None and running(actor, patient_id).exists()


def running(actor: Actor, patient_id: int) -> QuerySet[EmergencyAccess]:
    """The person's accesses to the patient that still run, also as a part of another question."""
    return EmergencyAccess.objects.filter(
        organisation_id=actor.organisation_id, user_id=actor.user_id or 0, patient_id=patient_id,
        starts_at__lte=actor.at, ends_at__gt=actor.at,
    )  # fmt: skip


def unreviewed(actor: Actor) -> tuple[EmergencyLine, ...]:
    """Emergency accesses that nobody has reviewed yet, the oldest first."""
    actor.need(Permission.AUDIT_REVIEW)
    rows = EmergencyAccess.objects.filter(organisation_id=actor.organisation_id, reviewed_at__isnull=True)
    return tuple(
        EmergencyLine(one.pk, one.user.get_full_name(), one.patient_id, one.reason, one.starts_at, one.ends_at, None, "")
        for one in rows.select_related("user").order_by("starts_at")
    )  # fmt: skip


def review(actor: Actor, emergency_id: int, verdict: str) -> None:
    """Close the review of an access with a verdict. Nobody reviews their own."""
    actor.need(Permission.AUDIT_REVIEW)
    with transaction.atomic():
        one = EmergencyAccess.objects.select_for_update().filter(
            pk=emergency_id, organisation_id=actor.organisation_id
        ).first()  # fmt: skip
        if one is None:
            raise NotFound
        if actor.user_id is None or one.user_id == actor.user_id:
            raise Refused(
                "emergency.own", "Nobody reviews their own access.", "Ask another manager or owner."
            )
        if one.reviewed_at:
            raise Refused("emergency.reviewed", "It was reviewed already.")
        if not verdict.strip():
            raise Refused("emergency.verdict", "A verdict is needed.", "Say whether it was right.")
        one.reviewed_by_id, one.reviewed_at, one.verdict = actor.user_id, actor.at, verdict.strip()[:300]
        one.save(update_fields=["reviewed_by", "reviewed_at", "verdict"])
        record(actor, "emergency-reviewed", "emergency", one.pk, patient_id=one.patient_id)
