"""The audit trail: one row an action, each sealed over the one before, checked from the first to the last.

The seal of a row is SHA-256 over the seal before and the row's own content in a fixed order. Who edits, deletes, swaps or cuts rows breaks a
seal or the numbering; who cuts the tail or rebuilds the whole chain is found by an anchor kept elsewhere (`carewheel audit verify --anchor`).
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC
from typing import Any

import orjson
from django.db import connection, transaction

from carewheel.practice.access import Actor
from carewheel.practice.models import AuditEvent

FIRST = "0" * 64
# PostgreSQL: one writer of the chain at a time, until its transaction ends. SQLite has one writer anyway.
LOCK = 0x4341_5245


@dataclass(frozen=True, slots=True)
class Verdict:
    """What verifying found: rows checked, the last seal, and the first number that is wrong with why ("" where all is well)."""

    rows: int
    last_seal: str
    wrong_at: int | None = None
    why: str = ""


def record(
    actor: Actor,
    action: str,
    subject_kind: str = "",
    subject_id: object = "",
    *,
    patient_id: int | None = None,
    location_id: int | None = None,
    reason: str = "",
    **detail: Any,
) -> None:
    """Write one row in the transaction of the caller. ``detail``: plain values without names, contacts or texts of patients."""
    if not connection.in_atomic_block:
        raise RuntimeError("an audit row is written in the transaction of what it tells of")
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])
    last = AuditEvent.objects.order_by("-number").values_list("number", "seal").first() or (0, FIRST)
    row = AuditEvent(
        number=last[0] + 1,
        happened_at=actor.at,
        organisation_id=actor.organisation_id,
        user_id_seen=actor.user_id,
        action=action,
        subject_kind=subject_kind,
        subject_id=str(subject_id),
        patient_id_seen=patient_id,
        location_id_seen=location_id,
        reason=reason[:300],
        detail=dict(detail) | ({"system": actor.system} if actor.system else {}),
        address=actor.address,
        before=last[1],
    )
    row.seal = seal(row)
    row.save(force_insert=True)


def seal(row: AuditEvent) -> str:
    """SHA-256 of the seal before and the content, as JSON with sorted keys; moments in UTC to the microsecond."""
    content = (
        row.before,
        row.number,
        row.happened_at.astimezone(UTC).isoformat(timespec="microseconds"),
        row.organisation_id,
        row.user_id_seen,
        row.action,
        row.subject_kind,
        row.subject_id,
        row.patient_id_seen,
        row.location_id_seen,
        row.reason,
        row.detail,
        row.address,
    )
    return hashlib.sha256(orjson.dumps(content, option=orjson.OPT_SORT_KEYS)).hexdigest()


def verify(anchor: tuple[int, str] | None = None) -> Verdict:
    """Check every row, streaming. ``anchor``: number and seal noted earlier, elsewhere; the chain must still hold it."""
    before, number, met = FIRST, 0, anchor is None
    for row in AuditEvent.objects.order_by("number").iterator(2_000):
        if row.number != number + 1:
            return Verdict(number, before, number + 1, "a row is missing")
        if row.before != before:
            return Verdict(number, before, row.number, "it does not follow the row before")
        if row.seal != seal(row):
            return Verdict(number, before, row.number, "its content was changed")
        if anchor is not None and row.number == anchor[0]:
            met = True
            if row.seal != anchor[1]:
                return Verdict(number, before, row.number, "it is not the row that the anchor names")
        before, number = row.seal, row.number
    if not met and anchor is not None:
        return Verdict(number, before, number + 1, f"rows up to {anchor[0]} were there once")
    return Verdict(number, before)


def exported(actor: Actor, what: str, rows: int) -> None:
    """Note that somebody took a table with patients away."""
    with transaction.atomic():
        record(actor, "exported", "table", what, rows=rows)


def seen(actor: Actor, subject_kind: str, subject_id: object, *, patient_id: int | None = None) -> None:
    """Note that somebody looked at something about a patient."""
    with transaction.atomic():
        record(actor, "seen", subject_kind, subject_id, patient_id=patient_id)
