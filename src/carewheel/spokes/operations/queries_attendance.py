"""What is foreseen of a visit, for whoever works with the schedule."""

from __future__ import annotations

from carewheel.practice.access import Actor, Permission
from carewheel.practice.models import Visit
from carewheel.spokes.operations.contracts import Chance, Foreseen
from carewheel.spokes.operations.models import Foresight


def foreseen(actor: Actor, visit_id: int) -> Foreseen | None:
    """What was foreseen of a visit that is still to come, and when; None where nothing was. Patients do not see it: it is for offering help.

    Raises `Forbidden`.
    """
    row = (
        Foresight.objects.filter(
            visit=visit_id, visit__organisation=actor.organisation_id, visit__no_show_risk__isnull=False,
            visit__status__in=(Visit.Status.BOOKED, Visit.Status.PENDING),
        )
        .select_related("visit")
        .first()
    )  # fmt: skip
    if row is None:
        return None
    actor.need(Permission.SCHEDULE_READ, row.visit.location_id)
    return Foreseen(
        Chance(row.missed, row.low, row.high), row.late_cancel, row.why, row.action, row.foreseen_at
    )
