"""Sending what is due, exactly once as far as the way out tells.

A message is marked as being sent, and that is committed, before anything leaves the house. Who dies between there and the answer leaves a
message whose outcome is unknown; it is shown to staff and never sent again by itself. Only what certainly did not leave is tried again.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Mapping
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from django.db import transaction

from carewheel.practice.access import Actor, NotFound, Permission
from carewheel.practice.audit import record
from carewheel.practice.consents import channels
from carewheel.practice.messages.ways import NeverSent, NotSent, Outgoing, Unclear, Way
from carewheel.practice.models import Location, Message

QUIET_FROM, QUIET_UNTIL = time(21), time(8)
# Longer than the slowest server may take for one message.
LEASE = timedelta(minutes=10)
MOST_TRIES = 6
FIRST_PAUSE = timedelta(minutes=1)

_log = logging.getLogger(__name__)


def send_due(ways: Mapping[str, Way], at: datetime, *, most: int = 200) -> int:
    """Send what is due at ``at``, by the way of its channel; returns how many were sent. What hangs since earlier becomes unknown."""
    mark_unknown(at)
    sent = 0
    for _ in range(most):
        message = _take(ways, at)
        if message is None:
            break
        sent += _send(ways[message.channel], message, at)
    return sent


def mark_unknown(at: datetime) -> int:
    """Messages whose sender did not come back: their outcome is unknown. Returns how many."""
    hanging = Message.objects.filter(status=Message.Status.SENDING, lease_until__lt=at)
    return hanging.update(status=Message.Status.UNKNOWN, error="the sender did not come back", lease="")


def send_again(actor: Actor, message_id: int) -> None:
    """Queue a message anew whose outcome is unknown or that failed: a person decided so."""
    actor.need(Permission.PATIENT_WRITE)
    with transaction.atomic():
        held = Message.objects.select_for_update().filter(
            pk=message_id, organisation_id=actor.organisation_id,
            status__in=(Message.Status.UNKNOWN, Message.Status.FAILED),
        ).first()  # fmt: skip
        if held is None:
            raise NotFound
        actor.need(Permission.PATIENT_WRITE, held.location_id)
        held.status, held.tries, held.due_at, held.error = Message.Status.WAITING, 0, actor.at, ""
        held.save(update_fields=["status", "tries", "due_at", "error"])
        record(actor, "message-sent-again", "message", message_id, patient_id=held.patient_id)


def may_be_sent(at: datetime, zone: str) -> datetime:
    """The moment itself, or the end of the quiet hours (21:00 to 08:00 on the clock of the zone) that it falls into.

    >>> from datetime import UTC
    >>> may_be_sent(datetime(2026, 3, 3, 3, 0, tzinfo=UTC), "America/New_York").isoformat()
    '2026-03-03T08:00:00-05:00'
    """
    local = at.astimezone(ZoneInfo(zone))
    if QUIET_UNTIL <= local.time() < QUIET_FROM:
        return at
    day = local.date() + timedelta(days=local.time() >= QUIET_FROM)
    return datetime.combine(day, QUIET_UNTIL, ZoneInfo(zone))


def _take(ways: Mapping[str, Way], at: datetime) -> Message | None:
    """The next message that may be sent now, leased; those that may not are settled or put off on the way."""
    while True:
        with transaction.atomic():
            due = Message.objects.filter(
                status=Message.Status.WAITING, due_at__lte=at, channel__in=list(ways)
            )
            message = due.order_by("due_at", "id").select_for_update(skip_locked=True).first()
            if message is None:
                return None
            if _settled(message, at):
                message.save(update_fields=["status", "error", "due_at", "channel", "to"])
                continue
            message.status, message.lease, message.lease_until = Message.Status.SENDING, secrets.token_hex(16), at + LEASE  # fmt: skip
            message.tries += 1
            message.save(update_fields=["status", "lease", "lease_until", "tries", "channel", "to"])
            return message


def _settled(message: Message, at: datetime) -> bool:
    """Whether it is not to be sent now: too late, no consent any more, quiet hours."""
    if message.expires_at and message.expires_at <= at:
        message.status, message.error = Message.Status.CANCELLED, "too late"
        return True
    if message.patient is not None:
        allowed = dict(channels(message.patient, message.purpose))
        if message.channel not in allowed:
            message.status, message.error = Message.Status.SUPPRESSED, "no consent or no address any more"
            return True
        message.to = allowed[message.channel]
    if message.ignore_quiet_hours:
        return False
    opens = may_be_sent(at, _zone(message))
    message.due_at = max(message.due_at, opens) if opens > at else message.due_at
    return opens > at


def _zone(message: Message) -> str:
    place = (
        message.location
        or Location.objects.filter(organisation=message.organisation_id).order_by("id").first()
    )
    return place.zone if place else "UTC"


def _send(way: Way, message: Message, at: datetime) -> bool:
    outgoing = Outgoing(
        message.pk, message.key, message.channel, message.to, message.subject, message.body, message.organisation.name
    )  # fmt: skip
    error = ""
    try:
        way.send(outgoing)
        status = Message.Status.SENT
    except NotSent as failure:
        error = str(failure)
        status = Message.Status.WAITING if message.tries < MOST_TRIES else Message.Status.FAILED
    except NeverSent as failure:
        error, status = str(failure), Message.Status.FAILED
    except Unclear as failure:
        error, status = str(failure), Message.Status.UNKNOWN
    except Exception as failure:
        error, status = type(failure).__name__, Message.Status.UNKNOWN
    if error:
        _log.warning("message %s: %s, %s", message.pk, status.value, error)
    mine = Message.objects.filter(pk=message.pk, status=Message.Status.SENDING, lease=message.lease)
    kept = mine.update(
        status=status,
        error=error[:300],
        lease="",
        lease_until=None,
        sent_at=at if status == Message.Status.SENT else None,
        due_at=at + FIRST_PAUSE * 4 ** (message.tries - 1) if status == Message.Status.WAITING else message.due_at,
    )  # fmt: skip
    return bool(kept) and status == Message.Status.SENT
