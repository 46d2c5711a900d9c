"""What is known of a visit beside the book: what was foreseen of it, and whether the practice system's last export still has it."""

from __future__ import annotations

from carewheel.practice.access import Actor, Permission
from carewheel.practice.models import Visit
from carewheel.spokes.operations.contracts import BesideTheBook, Chance, Foreseen
from carewheel.spokes.operations.models import MissingVisit

AHEAD = (Visit.Status.BOOKED, Visit.Status.PENDING)
COLUMNS = (
    "location_id", "no_show_risk", "missing__state", "foresight__missed", "foresight__low", "foresight__high", "foresight__late_cancel",
    "foresight__why", "foresight__action", "foresight__foreseen_at",
)  # fmt: skip


def beside_the_book(actor: Actor, visit_id: int) -> BesideTheBook:
    """Of a visit that is still to come, in one query; nothing of any other. Patients do not see it: chances are for offering help.

    Raises `Forbidden`.
    """
    rows = Visit.objects.filter(organisation=actor.organisation_id, pk=visit_id, status__in=AHEAD)
    row = rows.values_list(*COLUMNS).first()
    if row is None:
        return BesideTheBook(None, False)
    location, risk, state, missed, low, high, late, why, action, at = row
    actor.need(Permission.SCHEDULE_READ, location)
    told = (
        None if risk is None or missed is None else Foreseen(Chance(missed, low, high), late, why, action, at)
    )
    return BesideTheBook(told, state == MissingVisit.State.OPEN)


def foreseen(actor: Actor, visit_id: int) -> Foreseen | None:
    """What was foreseen of a visit that is still to come, and when; None where nothing was. Raises `Forbidden`."""
    return beside_the_book(actor, visit_id).foreseen
