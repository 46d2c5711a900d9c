"""The queue: what is to be sent to whom, by which channel, not before when and not after when."""

from __future__ import annotations

import re
from datetime import datetime

from django.db import connection

from carewheel.practice.access import Actor, Refused
from carewheel.practice.consents import channels
from carewheel.practice.models import Message, Patient, Visit

# One address, nothing that could begin another header or another recipient.
_EMAIL = re.compile(r"[^\s@,;:<>()\[\]\\\"\x00-\x1f\x7f]+@[^\s@,;:<>()\[\]\\\"\x00-\x1f\x7f]+")
_PHONE = re.compile(r"\+?[0-9][0-9 ()./-]{4,30}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f\x85\u2028\u2029]")


def queue_message(
    actor: Actor,
    *,
    patient: Patient,
    purpose: str,
    kind: str,
    key: str,
    subject: str,
    body: str,
    due_at: datetime,
    visit: Visit | None = None,
    expires_at: datetime | None = None,
    ignore_quiet_hours: bool = False,
) -> Message:
    """Queue a message in the transaction of the caller; the same ``key`` again gives the message that there is.

    ``purpose``: visits, surveys or marketing, for which consent is looked up now and once more before sending; without it the message is
    kept as suppressed. ``kind``: reminder, confirmation, offer … ``expires_at``: later it is of no use and is not sent.
    Raises `Refused` (message.header) for a subject or address that would forge headers.
    """
    if not connection.in_atomic_block:
        raise RuntimeError("a message is queued in the transaction that causes it")
    if patient.organisation_id != actor.organisation_id:
        raise Refused("message.patient", "The patient belongs to another organisation.")
    if _CONTROL.search(subject):
        raise Refused("message.header", "The subject holds a line break.", "Write it on one line.")
    allowed = channels(patient, purpose)
    channel, address = allowed[0] if allowed else ("", "")
    if allowed and not fits(channel, address):
        raise Refused(
            "message.header", "The patient's address is none.", "Correct phone or e-mail of the patient."
        )
    message, _ = Message.objects.get_or_create(
        key=f"{actor.organisation_id}:{key}",
        defaults={
            "organisation_id": actor.organisation_id,
            "location_id": visit.location_id if visit else patient.home_location_id,
            "patient": patient,
            "visit": visit,
            "purpose": purpose,
            "kind": kind,
            "channel": channel,
            "to": address,
            "subject": subject[:200],
            "body": body,
            "status": Message.Status.WAITING if allowed else Message.Status.SUPPRESSED,
            "due_at": due_at,
            "expires_at": expires_at,
            "ignore_quiet_hours": ignore_quiet_hours,
            "created_at": actor.at,
        },
    )
    return message


def withdraw_messages(actor: Actor, visit_id: int, *kinds: str) -> int:
    """Cancel what waits for a visit (of these kinds, or all): it was cancelled or moved. Returns how many."""
    waiting = Message.objects.filter(
        organisation_id=actor.organisation_id, visit_id=visit_id, status=Message.Status.WAITING
    )
    if kinds:
        waiting = waiting.filter(kind__in=kinds)
    return waiting.update(status=Message.Status.CANCELLED)


def fits(channel: str, address: str) -> bool:
    """Whether an address is exactly one of its channel.

    >>> fits("email", "pat@example.com"), fits("email", "pat@example.com\\nBcc: all@example.com"), fits("sms", "+1 202 555 0101")
    (True, False, True)
    """
    pattern = _EMAIL if channel == Patient.Channel.EMAIL else _PHONE
    return pattern.fullmatch(address) is not None
