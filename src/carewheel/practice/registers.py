"""What pages list and never change: the audit trail, jobs, and the messages of a patient."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Count, Exists, Q

from carewheel.practice.access import Actor, Permission
from carewheel.practice.emergency import running
from carewheel.practice.models import AuditEvent, Job, Message, User

PAGE = 100
# What follows is the secret of its patient, with which anybody could move, cancel or accept.
_LINK = re.compile(r"(/(?:my-visit|offer)/)[^\s/]+")


@dataclass(frozen=True, slots=True)
class AuditLine:
    """A row of the trail as it is read: who did or saw what."""

    number: int
    at: datetime
    who: str
    action: str
    subject: str
    patient_id: int | None
    reason: str
    detail: Mapping[str, Any]
    address: str


@dataclass(frozen=True, slots=True)
class JobLine:
    """A job: what, when, how often tried."""

    id: int
    kind: str
    status: str
    run_at: datetime
    tries: int
    most_tries: int
    progress: float | None
    error: str
    every_seconds: int | None
    ended_at: datetime | None


@dataclass(frozen=True, slots=True)
class MessageLine:
    """A message to a patient and what became of it. ``body`` is what the patient reads."""

    id: int
    kind: str
    channel: str
    subject: str
    body: str
    status: str
    due_at: datetime
    sent_at: datetime | None


def audit_rows(actor: Actor, *, action: str = "", user_id: int | None = None, patient_id: int | None = None, before: int | None = None, count: int = PAGE) -> tuple[AuditLine, ...]:  # fmt: skip
    """The newest rows of the organisation's trail, those before a number where one is given."""
    actor.need(Permission.AUDIT_READ)
    rows = AuditEvent.objects.filter(organisation_id=actor.organisation_id)
    places = actor.locations(Permission.AUDIT_READ)
    if places is not None:
        rows = rows.filter(location_id_seen__in=places)
    if action:
        rows = rows.filter(action=action)
    if user_id:
        rows = rows.filter(user_id_seen=user_id)
    if patient_id:
        rows = rows.filter(patient_id_seen=patient_id)
    if before:
        rows = rows.filter(number__lt=before)
    found = list(rows.order_by("-number")[:count])
    names = User.objects.in_bulk({row.user_id_seen for row in found if row.user_id_seen})
    return tuple(
        AuditLine(
            row.number, row.happened_at, _who(row, names), row.action, f"{row.subject_kind} {row.subject_id}".strip(),
            row.patient_id_seen, row.reason, {k: v for k, v in row.detail.items() if k != "system" and v not in (None, "", [])}, row.address,
        )
        for row in found
    )  # fmt: skip


def job_rows(
    actor: Actor, status: str = "", count: int = PAGE
) -> tuple[tuple[JobLine, ...], Mapping[str, int]]:
    """Jobs, those given up first, then running, waiting, done; and how many there are of each status."""
    actor.need(Permission.JOBS_READ)
    rows = Job.objects.filter(Q(organisation_id=actor.organisation_id) | Q(organisation__isnull=True))
    counts = dict(rows.values_list("status").annotate(count=Count("id")))
    order = ["dead", "running", "waiting", "done"]
    found: list[Job] = []
    for one in [status] if status in order else order:
        ordering = "run_at" if one == "waiting" else "-run_at"
        found += rows.filter(status=one).order_by(ordering)[: count - len(found)]
    return tuple(
        JobLine(
            job.pk, job.kind, job.status, job.run_at, job.tries, job.most_tries, job.progress, job.error,
            job.every_seconds, job.ended_at,
        )
        for job in found
    ), counts  # fmt: skip


def messages_of(actor: Actor, patient_id: int, count: int = 50) -> tuple[MessageLine, ...]:
    """The newest messages of a patient, after `patients.patient` has let the actor see that patient: those about the actor's locations and about none.
    Links that let in whoever has them are cut. In an emergency all are shown."""
    if patient_id not in actor.patient_ids:
        actor.need(Permission.PATIENT_READ)
    rows = Message.objects.filter(organisation_id=actor.organisation_id, patient_id=patient_id)
    places = actor.locations(Permission.PATIENT_READ)
    if places is not None and patient_id not in actor.patient_ids:
        emergency = Exists(running(actor, patient_id))
        rows = rows.filter(Q(location__in=places) | Q(location=None) | emergency)
    return tuple(
        MessageLine(
            m.pk, m.kind, m.channel, m.subject, _LINK.sub(r"\1…", m.body), m.status, m.due_at, m.sent_at
        )
        for m in rows.order_by("-created_at", "-id")[:count]
    )


def _who(row: AuditEvent, names: Mapping[int, User]) -> str:
    if row.user_id_seen:
        known = names.get(row.user_id_seen)
        return known.get_full_name() if known else f"account {row.user_id_seen}"
    return str(row.detail.get("system") or "nobody signed in")
