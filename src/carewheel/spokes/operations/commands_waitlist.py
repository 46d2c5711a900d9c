"""The loop of the waitlist: what becomes free is offered, a group at a time, to one who takes it first.

Order of locks: the gap, then as in `commands_booking`.
"""

from __future__ import annotations

import secrets
from collections.abc import Collection
from datetime import datetime

from carewheel.practice.access import Actor, Conflict, Forbidden, NotFound, Permission, Refused
from carewheel.practice.audit import record
from carewheel.practice.messages.sending import may_be_sent
from carewheel.practice.models import Occupancy, Visit
from carewheel.spokes.operations.changes import changed
from carewheel.spokes.operations.contracts_booking import (
    BookingRequest,
    OfferDetail,
)
from carewheel.spokes.operations.freeing import end_visit, find_gaps, visit_to_change
from carewheel.spokes.operations.gaps import Fitting, fitting
from carewheel.spokes.operations.models import Gap, Offer, WaitlistEntry
from carewheel.spokes.operations.notices import forget_offer, tell_offer
from carewheel.spokes.operations.occupying import had, lapse, lock, touched
from carewheel.spokes.operations.placing import FROM_WAITLIST, look, put
from carewheel.spokes.operations.queries_waitlist import hash_of, offer_detail, offer_row
from carewheel.spokes.operations.rules.offering import AGAIN, ASK_AHEAD, answer_by
from carewheel.spokes.operations.transactions import slot_taken, whole

ES = WaitlistEntry.Status
OS = Offer.Status
SYSTEM = "waitlist"
# 256 bits; the link cannot be guessed, and only its hash is kept beside the offer.
TOKEN_BYTES = 32
# Whom staff may ask at once by hand.
MOST_ASKED = 10


def leave_waitlist(actor: Actor, entry_id: int) -> None:
    """Take somebody off. Offers that are open are declined. Gone already: nothing happens."""

    def work() -> None:
        entry = WaitlistEntry.objects.filter(organisation=actor.organisation_id, pk=entry_id).first()
        if entry is None:
            raise NotFound("There is no such entry.")
        if entry.patient_id not in actor.patient_ids:
            _need_somewhere(actor, entry)
        for offer in Offer.objects.filter(entry=entry, status=OS.OPEN).order_by("gap_id"):
            gap = _lock_gap(offer.gap_id)
            _close_offer(actor, offer, OS.DECLINED)
            _lapse_gap(actor, gap)
        if entry.status in (ES.WAITING, ES.OFFERED):
            WaitlistEntry.objects.filter(pk=entry.pk).update(status=ES.WITHDRAWN, ended_at=actor.at)
            record(actor, "leave", "waitlist", entry.pk, patient_id=entry.patient_id)

    whole(work)


def offer_gap(actor: Actor, gap_id: int, link: str = "/offer/{token}") -> tuple[OfferDetail, ...]:
    """The next round of a gap: offers to those who fit best, each with a link (``link``, with the token put in) sent to the patient, and
    the slot held until they have had time to answer. Nobody is asked at night (21:00 to 8:00 at the place), while others may still
    answer, or when it is too late; then there are no offers, and the gap says when its next round is, or that it is over."""
    gap = _to_be_offered(actor, gap_id)
    # Looked up before the transaction: calendars in memory never see what may be taken back.
    fits = fitting(actor, gap) if gap.status == Gap.Status.OPEN else []

    def work() -> tuple[OfferDetail, ...]:
        gap = _lock_gap(gap_id)
        if (
            gap.status != Gap.Status.OPEN
            or gap.offers.filter(status=OS.OPEN, expires_at__gt=actor.at).exists()
        ):
            return ()
        _lapse_gap(actor, gap)
        if gap.starts_at < actor.at + ASK_AHEAD:
            _end_gap(actor, gap, Gap.Status.UNFILLED if gap.offers.exists() else Gap.Status.CLOSED)
            return ()
        opens = may_be_sent(actor.at, gap.location.zone)
        if opens > actor.at:
            return _later(gap, opens)
        still = _still_waiting(fits)
        chosen = [fit for fit in fits if fit.entry.pk in still]
        until = answer_by(actor.at, gap.starts_at)
        if not chosen or not _hold(actor, gap, chosen, until):
            return _later(gap, actor.at + AGAIN)
        return _ask(actor, gap, chosen, until, link)

    return whole(work)


def offer_to(actor: Actor, gap_id: int, entry_ids: Collection[int], link: str) -> tuple[OfferDetail, ...]:
    """A round of a gap with those whom staff chose, at most `MOST_ASKED`, under the same rules as `offer_gap`; the loop goes on after it.

    Raises `NotFound`, `Forbidden`, `Refused` ``gap-over``, ``being-offered``, ``at-night``, ``does-not-fit``, ``bad-count``, `Conflict` ``slot-taken``."""
    gap = _to_be_offered(actor, gap_id)
    asked = set(entry_ids)
    if not 1 <= len(asked) <= MOST_ASKED:
        raise Refused(
            "bad-count", "Nobody or too many were chosen.", f"Choose 1 to {MOST_ASKED} of those who fit."
        )
    # As in `offer_gap`: before the transaction.
    fits = fitting(actor, gap, None, asked) if gap.status == Gap.Status.OPEN else []

    def work() -> tuple[OfferDetail, ...]:
        gap = _lock_gap(gap_id)
        if gap.status != Gap.Status.OPEN or gap.starts_at < actor.at + ASK_AHEAD:
            raise Refused("gap-over", "This time is not offered any more.", "Look at the waitlist anew.")
        if gap.offers.filter(status=OS.OPEN, expires_at__gt=actor.at).exists():
            raise Refused("being-offered", "Others may still answer.", "Wait until their time is over.")
        _lapse_gap(actor, gap)
        if may_be_sent(actor.at, gap.location.zone) > actor.at:
            raise Refused("at-night", "Nobody is asked at night.", "Ask in the morning, or call.")
        if _still_waiting(fits) != asked:
            raise Refused("does-not-fit", "The time does not fit all of them any more.", "Choose anew.")
        until = answer_by(actor.at, gap.starts_at)
        if not _hold(actor, gap, fits, until):
            raise slot_taken()
        return _ask(actor, gap, fits, until, link)

    return whole(work)


def claim_offer(token: str, at: datetime) -> OfferDetail:
    """Take an offered slot: one transaction, one winner. The visit that it replaces is cancelled in it. The winner may claim again and gets
    the same answer. Raises `NotFound` for a token that is none, `Conflict` ``taken``, ``offer-expired``, ``declined``."""
    offer = offer_row(token)
    actor = Actor(offer.entry.organisation_id, at, system=SYSTEM)

    def work() -> OfferDetail:
        gap = _lock_gap(offer.gap_id)
        mine = Offer.objects.select_related("entry", "entry__patient", "entry__visit_type").get(pk=offer.pk)
        if mine.status == OS.CLAIMED:
            return offer_detail(mine, at)
        if mine.status == OS.DECLINED:
            raise Conflict("declined", "You had declined this time.", "We will ask you again about others.")
        if mine.status == OS.TAKEN or gap.status != Gap.Status.OPEN:
            raise Conflict("taken", "Somebody was faster.", "We will ask you again about other times.")
        if mine.status == OS.LAPSED or mine.expires_at <= at:
            raise Conflict(
                "offer-expired", "The time to answer is over.", "We will ask you again about others."
            )
        entry = mine.entry
        before = _replaced(actor, entry)
        held = gap.hold
        lock({*mine.resource_ids, *(had(held) if held else ()), *(had(before) if before else ())})
        if held:
            _release(actor, held)
        if before:
            end_visit(actor, before, "cancel", "replaced by an earlier time")
        request = BookingRequest(
            gap.location_id,
            entry.visit_type_id,
            mine.starts_at,
            entry.patient_id,
            tuple(mine.resource_ids),
            channel=FROM_WAITLIST,
        )
        mine.visit = put(actor, look(actor, request))
        mine.status, mine.answered_at = OS.CLAIMED, at
        mine.save(update_fields=["visit", "status", "answered_at"])
        forget_offer(actor, mine.pk)
        for other in Offer.objects.filter(gap=gap, status=OS.OPEN).exclude(pk=mine.pk):
            _close_offer(actor, other, OS.TAKEN)
        WaitlistEntry.objects.filter(pk=entry.pk).update(status=ES.BOOKED, ended_at=at)
        gap.status, gap.filled_at, gap.hold, gap.next_round_at = Gap.Status.FILLED, at, None, None
        gap.save(update_fields=["status", "filled_at", "hold", "next_round_at"])
        record(actor, "claim", "offer", mine.pk, patient_id=entry.patient_id, location_id=gap.location_id)
        return offer_detail(mine, at)

    try:
        return whole(work)
    except Conflict as refusal:
        if refusal.code == "slot-taken":
            raise Conflict(
                "taken", "Somebody was faster.", "We will ask you again about other times."
            ) from refusal
        raise


def decline_offer(token: str, at: datetime) -> OfferDetail:
    """Say no. The next may be asked once all of the group have answered."""
    offer = offer_row(token)
    actor = Actor(offer.entry.organisation_id, at, system=SYSTEM)

    def work() -> OfferDetail:
        gap = _lock_gap(offer.gap_id)
        mine = Offer.objects.select_related("entry", "entry__patient", "entry__visit_type").get(pk=offer.pk)
        if mine.status == OS.OPEN and mine.expires_at > at:
            _close_offer(actor, mine, OS.DECLINED)
            mine.status = OS.DECLINED
            _lapse_gap(actor, gap)
            if gap.hold is None:
                # All have answered: the next group need not wait.
                Gap.objects.filter(pk=gap.pk).update(next_round_at=at)
            record(actor, "decline", "offer", mine.pk, patient_id=mine.entry.patient_id)
        return offer_detail(mine, at)

    return whole(work)


def lapse_offers(actor: Actor) -> int:
    """Close the offers whose time to answer is over, and entries past their last day; how many offers."""
    over = Offer.objects.filter(
        gap__organisation=actor.organisation_id, status=OS.OPEN, expires_at__lte=actor.at
    )
    count = 0
    for gap_id in sorted(set(over.values_list("gap_id", flat=True))):
        count += whole(lambda gap_id=gap_id: _lapse_gap(actor, _lock_gap(gap_id)))  # type: ignore[misc]
    WaitlistEntry.objects.filter(
        organisation=actor.organisation_id, status=ES.WAITING, latest__lt=actor.at.date()
    ).update(status=ES.EXPIRED, ended_at=actor.at)
    return count


def work_waitlist(actor: Actor, link: str) -> int:
    """One go of the loop, for a job: lapse what is over, find what an import has cancelled, then the next round of each gap that is due. How many
    offers were made."""
    lapse_offers(actor)
    whole(lambda: find_gaps(actor))
    due = Gap.objects.filter(
        organisation=actor.organisation_id, status=Gap.Status.OPEN, next_round_at__lte=actor.at
    )
    return sum(
        len(offer_gap(actor, gap, link)) for gap in due.order_by("starts_at").values_list("pk", flat=True)
    )


def _to_be_offered(actor: Actor, gap_id: int) -> Gap:
    gap = Gap.objects.select_related("location").filter(organisation=actor.organisation_id, pk=gap_id).first()
    if gap is None:
        raise NotFound("There is no such gap.")
    actor.need_of(
        Permission.WAITLIST_WRITE, gap.location_id, Permission.WAITLIST_READ, "There is no such gap."
    )
    return gap


def _need_somewhere(actor: Actor, entry: WaitlistEntry) -> None:
    """Raises `Forbidden` for staff of none of the places of an entry, `NotFound` where they may not even see it."""
    places = list(entry.locations.values_list("pk", flat=True))
    if actor.may(Permission.WAITLIST_READ) and not any(
        actor.may(Permission.WAITLIST_READ, p) for p in places
    ):
        raise NotFound("There is no such entry.")
    if not any(actor.may(Permission.WAITLIST_WRITE, place) for place in places):
        raise Forbidden(Permission.WAITLIST_WRITE.value)


def _still_waiting(fits: list[Fitting]) -> set[int]:
    rows = WaitlistEntry.objects.filter(pk__in=[fit.entry.pk for fit in fits], status=ES.WAITING)
    return set(rows.values_list("pk", flat=True))


def _lock_gap(gap_id: int) -> Gap:
    rows = Gap.objects.select_for_update(no_key=True, of=("self",))
    return rows.select_related("location", "hold", "hold__location").get(pk=gap_id)


def _ask(
    actor: Actor, gap: Gap, chosen: list[Fitting], until: datetime, link: str
) -> tuple[OfferDetail, ...]:
    """Offers to all of a round, whose time is held."""
    made = tuple(_offer(actor, gap, fit, until, link) for fit in chosen)
    gap.round += 1
    gap.next_round_at = until
    gap.save(update_fields=["round", "next_round_at", "hold"])
    record(actor, "offer", "gap", gap.pk, location_id=gap.location_id, offers=[one.id for one in made])
    return made


def _later(gap: Gap, when: datetime) -> tuple[OfferDetail, ...]:
    Gap.objects.filter(pk=gap.pk).update(next_round_at=when)
    return ()


def _lapse_gap(actor: Actor, gap: Gap) -> int:
    """Close what is open in a locked gap and over, and give the hold back that nobody may answer for any more."""
    over = list(gap.offers.filter(status=OS.OPEN, expires_at__lte=actor.at))
    for offer in over:
        _close_offer(actor, offer, OS.LAPSED)
    if gap.hold and not gap.offers.filter(status=OS.OPEN).exists():
        lock(had(gap.hold))
        _release(actor, gap.hold)
        gap.hold = None
        gap.save(update_fields=["hold"])
    return len(over)


def _end_gap(actor: Actor, gap: Gap, status: Gap.Status) -> None:
    gap.status, gap.next_round_at = status, None
    gap.save(update_fields=["status", "next_round_at"])


def _close_offer(actor: Actor, offer: Offer, status: Offer.Status) -> None:
    answered = actor.at if status == OS.DECLINED else None
    Offer.objects.filter(pk=offer.pk).update(status=status, answered_at=answered)
    WaitlistEntry.objects.filter(pk=offer.entry_id, status=ES.OFFERED).update(status=ES.WAITING)
    forget_offer(actor, offer.pk)


def _release(actor: Actor, held: Visit) -> None:
    """End the hold of a gap; its resources are locked."""
    used = had(held)
    Occupancy.objects.filter(visit=held).delete()
    Visit.objects.filter(pk=held.pk).update(
        status=Visit.Status.CANCELLED, cancelled_at=actor.at, cancel_reason="offer over", hold_until=None
    )
    touched(held.location_id, used)


def _replaced(actor: Actor, entry: WaitlistEntry) -> Visit | None:
    """The visit that is given back for the earlier one, locked, if it is still ahead."""
    if entry.instead_of_id is None:
        return None
    visit = visit_to_change(actor, entry.instead_of_id)
    return visit if visit.status in (Visit.Status.BOOKED, Visit.Status.PENDING) else None


def _hold(actor: Actor, gap: Gap, chosen: list[Fitting], until: datetime) -> bool:
    """Keep what any of the group may take until they have answered. False where somebody else has come between."""
    start, end = min(one.starts_at for one in chosen), max(one.ends_at for one in chosen)
    resources = sorted({resource for one in chosen for resource in one.resource_ids})
    lock(resources)
    lapse(actor, resources, start, end)
    if Occupancy.objects.filter(resource__in=resources, starts_at__lt=end, ends_at__gt=start).exists():
        return False
    held = Visit.objects.create(
        organisation_id=gap.organisation_id,
        location_id=gap.location_id,
        status=Visit.Status.PROPOSED,
        starts_at=start,
        ends_at=end,
        hold_until=until,
        channel=FROM_WAITLIST,
    )
    Occupancy.objects.bulk_create(
        [Occupancy(visit=held, resource_id=one, starts_at=start, ends_at=end) for one in resources]
    )
    gap.hold = held
    changed(actor, held, "hold", resources)
    return True


def _offer(actor: Actor, gap: Gap, fit: Fitting, until: datetime, link: str) -> OfferDetail:
    token = secrets.token_urlsafe(TOKEN_BYTES)
    offer = Offer.objects.create(
        gap=gap,
        entry_id=fit.entry.pk,
        starts_at=fit.starts_at,
        ends_at=fit.ends_at,
        resource_ids=list(fit.resource_ids),
        accepts=fit.accepts,
        token_hash=hash_of(token),
        offered_at=actor.at,
        expires_at=until,
    )
    WaitlistEntry.objects.filter(pk=fit.entry.pk).update(status=ES.OFFERED)
    tell_offer(actor, offer, gap.location, link.replace("{token}", token))
    return offer_detail(offer, actor.at)
