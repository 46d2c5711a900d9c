"""Messages that bookings and offers cause, queued in their transaction. They name the time and the place, never what the visit is for."""

from __future__ import annotations

import contextlib
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from carewheel.practice.access import Actor, Refused
from carewheel.practice.messages import queue_message, withdraw_messages
from carewheel.practice.models import Location, Message, Patient, Visit
from carewheel.spokes.operations.models import Offer

REMIND = timedelta(hours=24)
VISITS = "visits"


def told_of(actor: Actor, visit: Visit, action: str) -> None:
    """Confirm a booking, a move or a cancellation to the patient, and remind a day before; what waited for the earlier time is withdrawn."""
    patient = visit.patient
    if patient is None or action not in ("book", "move", "cancel", "confirm"):
        return
    withdraw_messages(actor, visit.pk)
    if visit.starts_at <= actor.at:
        return
    when = _when(visit.starts_at, visit.location)
    if action == "cancel":
        kind, subject, body = "cancellation", "Your visit is cancelled", f"Your visit on {when} is cancelled."
    elif visit.status == Visit.Status.PENDING:
        kind, subject = "request", "We have your request"
        body = f"You asked for a visit on {when}. We will tell you soon."
    else:
        kind, subject, body = "confirmation", "Your visit is booked", f"Your visit is booked for {when}."
    key = f"{visit.pk}:{visit.version}"
    _queue(actor, patient, visit, kind, f"{kind}:{key}", subject, body, actor.at, visit.starts_at)
    remind = visit.starts_at - REMIND
    if kind == "confirmation" and remind > actor.at:
        body = f"Your visit is tomorrow, {when}. If you cannot come, please tell us."
        _queue(
            actor,
            patient,
            visit,
            "reminder",
            f"reminder:{key}",
            "Your visit tomorrow",
            body,
            remind,
            visit.starts_at,
        )


def tell_offer(actor: Actor, offer: Offer, location: Location, link: str) -> None:
    """Offer a time to one who waits; the link alone tells whose it is."""
    last = offer.expires_at.astimezone(ZoneInfo(location.zone))
    body = (
        f"A time has become free on {_when(offer.starts_at, location)}. Others are asked as well; the first to take it has it, "
        f"until {last:%H:%M}: {link}"
    )
    _queue(
        actor, offer.entry.patient, None, "offer", f"offer:{offer.pk}", "An earlier time has become free", body,
        actor.at, offer.expires_at,
    )  # fmt: skip


def _queue(
    actor: Actor, patient: Patient, visit: Visit | None, kind: str, key: str, subject: str, body: str, due: datetime, until: datetime
) -> None:  # fmt: skip
    # An address that cannot be written to is no reason not to book.
    with contextlib.suppress(Refused):
        queue_message(
            actor,
            patient=patient,
            purpose=VISITS,
            kind=kind,
            key=key,
            subject=subject,
            body=body,
            due_at=due,
            visit=visit,
            expires_at=until,
        )


def forget_offer(actor: Actor, offer_id: int) -> None:
    """An offer is over: its message is not sent any more, and the link in it is forgotten."""
    rows = Message.objects.filter(key=f"{actor.organisation_id}:offer:{offer_id}")
    rows.filter(status=Message.Status.WAITING).update(status=Message.Status.CANCELLED)
    rows.exclude(status=Message.Status.SENDING).update(body="A time had become free; the offer is over.")


def _when(moment: datetime, location: Location) -> str:
    local = moment.astimezone(ZoneInfo(location.zone))
    return f"{local:%A} {local.day} {local:%B}, {local:%H:%M}, {location.name}"
