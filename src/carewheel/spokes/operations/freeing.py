"""Ending visits: the time is given back, and a slot that is still ahead is a gap for those who wait."""

from __future__ import annotations

from datetime import timedelta

from django.db.models import Exists, OuterRef

from carewheel.practice.access import Actor, NotFound, Permission
from carewheel.practice.models import Occupancy, Visit
from carewheel.spokes.operations.changes import changed
from carewheel.spokes.operations.models import Gap
from carewheel.spokes.operations.notices import UNTOLD
from carewheel.spokes.operations.occupying import had, lock
from carewheel.spokes.operations.rules.offering import ASK_AHEAD
from carewheel.spokes.operations.transactions import changed_since

# A cancellation that an import brings later than this is no news.
NEWS = timedelta(days=2)


def visit_to_change(
    actor: Actor,
    visit_id: int,
    version: int | None = None,
    permission: Permission = Permission.SCHEDULE_WRITE,
) -> Visit:
    """A visit, locked, for staff of its place or for a patient whose own it is. Raises `NotFound`, `Forbidden`, `Conflict`."""
    rows = Visit.objects.select_for_update(no_key=True, of=("self",))
    visit = (
        rows.select_related("location", "visit_type", "patient")
        .filter(organisation=actor.organisation_id, pk=visit_id)
        .first()
    )
    if visit is None:
        raise NotFound("There is no such visit.")
    if permission == Permission.FLOW_WRITE or not own(actor, visit):
        if actor.patient_ids or actor.may(Permission.SCHEDULE_READ):
            # Somebody else's visit does not exist for a patient, nor one of another place for its staff.
            actor.need_of(permission, visit.location_id, Permission.SCHEDULE_READ, "There is no such visit.")
        actor.need(permission, visit.location_id)
    if version is not None and visit.version != version:
        raise changed_since()
    return visit


def own(actor: Actor, visit: Visit) -> bool:
    """Whether it is the actor's own visit as a patient (or of somebody whom the actor may act for)."""
    return visit.patient_id is not None and visit.patient_id in actor.patient_ids


def end_visit(actor: Actor, visit: Visit, action: str, reason: str) -> None:
    """Cancel a locked visit and give its time back; the last to leave a group ends it. ``action``: cancel, release or lapse."""
    used = had(visit)
    lock(used)
    late = visit.visit_type.late_cancel_minutes if visit.visit_type else 0
    booked = visit.status != Visit.Status.PROPOSED
    visit.status = Visit.Status.CANCELLED
    visit.cancelled_at = actor.at
    visit.cancel_reason = reason.strip()[:200]
    visit.late_cancel = booked and actor.at > visit.starts_at - timedelta(minutes=late)
    visit.hold_until = None
    visit.version += 1
    visit.save()
    # Facts and message say with whom it would have been: they are written while the rows are there.
    changed(actor, visit, action, used, late=visit.late_cancel)
    Occupancy.objects.filter(visit=visit).delete()
    if visit.group_id is not None:
        keep_group(actor, visit.group_id)
    for member in Visit.objects.filter(group=visit, status__in=Visit.OCCUPYING).select_related(
        "location", "visit_type"
    ):
        end_visit(actor, member, action, reason)
    if booked:
        open_gap(actor, visit, UNTOLD)


def keep_group(actor: Actor, group_id: int) -> None:
    """After somebody came to a group or left it, its resources locked. One whose seats are all held is itself a hold, until the last of them runs
    out, so that its time is free again then without waiting for `expire_holds`; one that nobody is in any more ends."""
    members = Visit.objects.filter(group=group_id, status__in=Visit.OCCUPYING)
    seats = list(members.values_list("status", "hold_until"))
    group = Visit.objects.filter(pk=group_id)
    if not seats:
        Occupancy.objects.filter(visit=group_id).delete()
        group.update(
            status=Visit.Status.CANCELLED, cancelled_at=actor.at, cancel_reason="nobody left", hold_until=None
        )
    elif all(status == Visit.Status.PROPOSED for status, _ in seats):
        group.update(status=Visit.Status.PROPOSED, hold_until=max(until for _, until in seats if until))
    else:
        group.update(status=Visit.Status.BOOKED, hold_until=None)


def open_gap(actor: Actor, visit: Visit, after: timedelta = timedelta(0)) -> None:
    """A slot became free: those who wait will be asked, ``after`` a while, if there is time to."""
    if visit.starts_at < actor.at + ASK_AHEAD or (visit.visit_type and visit.visit_type.seats > 1):
        return
    Gap.objects.create(
        organisation_id=visit.organisation_id,
        location_id=visit.location_id,
        from_visit=visit,
        starts_at=visit.starts_at,
        ends_at=visit.ends_at,
        next_round_at=actor.at + after,
        created_at=actor.at,
    )


def find_gaps(actor: Actor) -> int:
    """Open the gaps of visits that were cancelled elsewhere, in the practice system, and came by an import: how many."""
    known = Gap.objects.filter(from_visit=OuterRef("pk"), starts_at=OuterRef("starts_at"))
    rows = Visit.objects.filter(
        ~Exists(known),
        organisation=actor.organisation_id,
        status=Visit.Status.CANCELLED,
        starts_at__gt=actor.at + ASK_AHEAD,
        cancelled_at__gte=actor.at - NEWS,
        patient__isnull=False,
    ).exclude(source_id="")
    found = list(rows.select_related("visit_type"))
    for visit in found:
        open_gap(actor, visit)
    return len(found)
