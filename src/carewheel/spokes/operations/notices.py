"""Messages that bookings and offers cause, queued in their transaction. They name the time and the place, never what the visit is for."""

from __future__ import annotations

import contextlib
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from carewheel.practice.access import Actor, Refused
from carewheel.practice.clocks import clock_of, clock_time
from carewheel.practice.messages import queue_message, withdraw_messages
from carewheel.practice.models import Location, Message, Patient, Visit
from carewheel.spokes.operations.models import Offer

REMIND = timedelta(hours=24)
# So long nobody is told that staff cancelled a visit, nor asked whether they want its time: a mistake can be taken back without a trace.
UNTOLD = timedelta(minutes=1)
VISITS = "visits"


def told_of(actor: Actor, visit: Visit, action: str) -> None:
    """Confirm a booking, a move or a cancellation to the patient, and remind a day before; what waited for the earlier time is withdrawn. Whose visit
    stands again after it was cancelled by mistake is told so only if they had been told otherwise."""
    patient = visit.patient
    if patient is None or action not in ("book", "move", "cancel", "confirm", "take-back"):
        return
    withdraw_messages(actor, visit.pk)
    if visit.starts_at <= actor.at:
        return
    when, due = _when(visit.starts_at, visit.location), actor.at
    if action == "cancel":
        kind, subject, body = "cancellation", "Your visit is cancelled", f"Your visit on {when} is cancelled."
        due += timedelta(0) if patient.pk in actor.patient_ids else UNTOLD
    elif action == "take-back":
        kind, subject = "confirmation", "Your visit stands"
        body = f"Your visit on {when} stands after all. We are sorry that we told you otherwise."
    elif visit.status == Visit.Status.PENDING:
        kind, subject = "request", "We have your request"
        body = f"You asked for a visit on {when}. We will tell you soon."
    else:
        kind, subject, body = "confirmation", "Your visit is booked", f"Your visit is booked for {when}."
    key = f"{visit.pk}:{visit.version}"
    if action != "take-back" or was_told_of_cancellation(visit.pk):
        _queue(actor, patient, visit, kind, f"{kind}:{key}", subject, body, due, visit.starts_at)
    remind = visit.starts_at - REMIND
    if kind == "confirmation" and visit.status != Visit.Status.PENDING and remind > actor.at:
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


def was_told_of_cancellation(visit_id: int) -> bool:
    """Whether a message that a visit is cancelled has left, or may have."""
    left = (Message.Status.SENDING, Message.Status.SENT, Message.Status.UNKNOWN)
    return Message.objects.filter(visit=visit_id, kind="cancellation", status__in=left).exists()


def tell_offer(actor: Actor, offer: Offer, location: Location, link: str) -> None:
    """Offer a time to one who waits; the link alone tells whose it is."""
    last = offer.expires_at.astimezone(ZoneInfo(location.zone))
    body = (
        f"A time has become free on {_when(offer.starts_at, location)}. Others are asked as well; the first to take it has it, "
        f"until {clock_time(last, clock_of(location.organisation_id))}: {link}"
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
    at = clock_time(local, clock_of(location.organisation_id))
    return f"{local:%A} {local.day} {local:%B}, {at}, {location.name}"
