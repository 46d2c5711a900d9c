"""Booking: hold, book, move, cancel. Each is one transaction that ends whole or not at all.

Order of locks, always: the patient (only where rules count that patient's visits), the visit, resources by id, places by id, the audit trail.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from carewheel.practice.access import Actor, Permission, Refused
from carewheel.practice.models import Visit, VisitSeries
from carewheel.spokes.operations.changes import changed
from carewheel.spokes.operations.contracts_booking import BookingRequest, VisitDetail
from carewheel.spokes.operations.details import details
from carewheel.spokes.operations.freeing import end_visit, visit_to_change
from carewheel.spokes.operations.placing import foretold, look, move, put, refuse_early
from carewheel.spokes.operations.transactions import once, whole

# A hold longer than this would be a booking without a patient.
LONGEST_HOLD = 60
MOST_IN_SERIES = 60


def hold_slot(actor: Actor, request: BookingRequest, minutes: int = 10) -> VisitDetail:
    """Keep a time free for somebody who is still typing. It gives itself back after so many minutes (1 to 60)."""
    if not 1 <= minutes <= LONGEST_HOLD:
        raise Refused("bad-length", "A hold lasts 1 to 60 minutes.", "Give its minutes.")
    until = actor.at + timedelta(minutes=minutes)
    asked = look(actor, request)
    refuse_early(actor, asked)
    words = ("hold", request, minutes)
    return _one(actor, once(actor, request.key, words, lambda: (put(actor, asked, until).pk,)))


def release_hold(actor: Actor, visit_id: int) -> None:
    """Give a hold back before its time. One that is gone already is no error."""

    def work() -> None:
        visit = visit_to_change(actor, visit_id)
        if visit.status == Visit.Status.PROPOSED:
            end_visit(actor, visit, "release", "released")

    whole(work)


def expire_holds(actor: Actor) -> int:
    """End the holds of the organisation that have run out; how many. A job calls it; booking does not wait for it."""
    over = Visit.objects.filter(
        organisation=actor.organisation_id, status=Visit.Status.PROPOSED, hold_until__lte=actor.at
    )
    # A held group ends with the last of its seats.
    over = over.exclude(group=None, patient=None, visit_type__seats__gt=1)

    def work(visit_id: int) -> int:
        visit = Visit.objects.select_for_update(no_key=True, of=("self",)).get(pk=visit_id)
        if visit.status != Visit.Status.PROPOSED or not visit.hold_until or visit.hold_until > actor.at:
            return 0
        end_visit(actor, visit, "lapse", "hold ran out")
        return 1

    def one(visit_id: int) -> Callable[[], int]:
        return lambda: work(visit_id)

    return sum(whole(one(visit_id)) for visit_id in over.values_list("pk", flat=True))


def book_visit(actor: Actor, request: BookingRequest) -> VisitDetail:
    """Book a visit; see `BookingRequest`. Raises `Conflict` (``slot-taken``, ``group-full``, ``hold-expired``, ``key-reused``, ``busy``) where
    somebody was faster, `Refused` where hours, leave or the rules for patients stand against it, `Forbidden` for the role."""
    asked = look(actor, request)
    refuse_early(actor, asked)
    asked = foretold(actor, asked)
    return _one(actor, once(actor, request.key, ("book", request), lambda: (put(actor, asked).pk,)))


def book_series(actor: Actor, requests: Sequence[BookingRequest], title: str) -> tuple[VisitDetail, ...]:
    """Book several visits of one patient, all or none. The first request's key stands for the whole series."""
    if not 1 <= len(requests) <= MOST_IN_SERIES:
        raise Refused("bad-count", "A series has 1 to 60 visits.", "Give their times.")
    if len({one.patient_id for one in requests}) != 1:
        raise Refused("one-patient", "A series is of one patient.", "Book the others apart.")

    asked = [look(actor, one) for one in requests]

    def work() -> tuple[int, ...]:
        series = VisitSeries.objects.create(
            organisation_id=actor.organisation_id,
            title=title.strip()[:120],
            created_at=actor.at,
        )
        ids = tuple(put(actor, one, series=series).pk for one in asked)
        series.patient_id = requests[0].patient_id
        series.save(update_fields=["patient"])
        return ids

    ids = once(actor, requests[0].key, ("series", tuple(requests), title), work)
    return details(Visit.objects.filter(pk__in=ids).order_by("starts_at", "pk"))


def move_visit(
    actor: Actor,
    visit_id: int,
    version: int,
    starts_at: datetime,
    *,
    resource_ids: Sequence[int] = (),
    minutes: int | None = None,
    override_reason: str = "",
    key: str = "",
) -> VisitDetail:
    """Put a visit to another time, length (``minutes``) or other people and rooms. Without ``resource_ids`` it keeps its people, and its
    room where that is free. Its own old time does not stand against it. Raises as `book_visit`, `Conflict` ``changed-since`` for a stale
    ``version``, `Refused` ``too-late`` for a patient within the time for late changes, ``wrong-state`` for a visit that has begun or ended."""
    asked = ("move", visit_id, version, starts_at, tuple(resource_ids), minutes, override_reason)

    def work() -> tuple[int, ...]:
        visit = visit_to_change(actor, visit_id, version)
        move(actor, visit, starts_at, tuple(resource_ids), minutes, override_reason)
        return (visit.pk,)

    return _one(actor, once(actor, key, asked, work))


def cancel_visit(actor: Actor, visit_id: int, version: int, reason: str, *, key: str = "") -> VisitDetail:
    """Cancel a visit. No rule of booking stands against it; within the time for late changes it is marked late. Cancelled already: nothing
    happens. Raises `Conflict` ``changed-since``, `Refused` ``wrong-state`` for a visit that is under way or over."""

    def work() -> tuple[int, ...]:
        visit = visit_to_change(actor, visit_id)
        if visit.status == Visit.Status.CANCELLED:
            return (visit.pk,)
        visit_to_change(actor, visit_id, version)
        if visit.status not in (
            Visit.Status.PENDING,
            Visit.Status.BOOKED,
            Visit.Status.ARRIVED,
            Visit.Status.PROPOSED,
        ):
            raise Refused(
                "wrong-state", "The visit is under way or over.", "Undo its steps first.", status=visit.status
            )
        held = visit.status == Visit.Status.PROPOSED
        end_visit(actor, visit, "release" if held else "cancel", reason)
        return (visit.pk,)

    return _one(actor, once(actor, key, ("cancel", visit_id, version, reason), work))


def confirm_visit(actor: Actor, visit_id: int, version: int) -> VisitDetail:
    """Say yes to a visit that a patient asked for. The answer no is `cancel_visit`."""

    def work() -> tuple[int, ...]:
        visit = visit_to_change(actor, visit_id, version)
        actor.need(Permission.SCHEDULE_WRITE, visit.location_id)
        if visit.status != Visit.Status.PENDING:
            raise Refused(
                "wrong-state", "Nobody asks for this visit.", "Look at it anew.", status=visit.status
            )
        visit.status = Visit.Status.BOOKED
        visit.version += 1
        visit.save(update_fields=["status", "version"])
        changed(actor, visit, "confirm")
        return (visit.pk,)

    return _one(actor, whole(work))


def _one(actor: Actor, ids: tuple[int, ...]) -> VisitDetail:
    return details(Visit.objects.filter(organisation=actor.organisation_id, pk=ids[0]))[0]
