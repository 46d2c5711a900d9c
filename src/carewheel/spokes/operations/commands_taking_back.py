"""Taking back what was done by mistake a moment ago: a cancelled visit stands again."""

from __future__ import annotations

from datetime import timedelta

from carewheel.practice.access import Actor, Permission, Refused
from carewheel.practice.models import Visit
from carewheel.spokes.operations.changes import changed
from carewheel.spokes.operations.commands_outbound import close_taken_back
from carewheel.spokes.operations.contracts_booking import TakenBack
from carewheel.spokes.operations.details import details
from carewheel.spokes.operations.freeing import visit_to_change
from carewheel.spokes.operations.models import Gap
from carewheel.spokes.operations.notices import was_told_of_cancellation
from carewheel.spokes.operations.placing import put_again
from carewheel.spokes.operations.transactions import whole

# How long after it a cancellation can be taken back. Patients and those who wait are told `notices.UNTOLD` after it.
WITHIN = timedelta(minutes=10)


def take_back_cancellation(
    actor: Actor, visit_id: int, version: int, *, status: str, resource_ids: tuple[int, ...]
) -> TakenBack:
    """Let a visit stand again as it did before it was cancelled: with its ``status`` and ``resource_ids`` of then, if its time is still free.

    A patient who was not told yet is not told at all; one who was is told that the visit stands. Raises `Conflict` ``changed-since``, ``slot-taken``
    (also while the time is offered to those who wait), `Refused` ``wrong-state``, ``undo-over`` more than ten minutes later.
    """
    stood = (Visit.Status.PENDING, Visit.Status.BOOKED, Visit.Status.ARRIVED)

    def work() -> bool:
        visit = visit_to_change(actor, visit_id, version)
        actor.need(Permission.SCHEDULE_WRITE, visit.location_id)
        if visit.status != Visit.Status.CANCELLED or visit.cancelled_at is None or status not in stood:
            raise Refused(
                "wrong-state", "The visit is not cancelled.", "Look at it anew.", status=visit.status
            )
        if actor.at > visit.cancelled_at + WITHIN:
            raise Refused("undo-over", "It is too late to take this back.", "Book the visit anew.")
        # Those who wait were not asked yet, else the time is held for them and taken.
        Gap.objects.filter(from_visit=visit, status=Gap.Status.OPEN, hold=None).update(
            status=Gap.Status.CLOSED, next_round_at=None
        )
        visit.status = Visit.Status(status)
        visit.cancelled_at, visit.cancel_reason, visit.late_cancel = None, "", False
        visit.version += 1
        used = put_again(actor, visit, resource_ids)
        close_taken_back(actor, visit.pk)
        told = was_told_of_cancellation(visit.pk)
        changed(actor, visit, "take-back", used)
        return told

    told = whole(work)
    return TakenBack(details(Visit.objects.filter(organisation=actor.organisation_id, pk=visit_id))[0], told)
