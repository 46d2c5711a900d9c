"""Visits still to come that the practice system's last whole export does not have."""

from __future__ import annotations

from django.db.models import QuerySet

from carewheel.practice.access import Actor, Permission
from carewheel.practice.models import Visit
from carewheel.spokes.operations.contracts_missing import MissingLine
from carewheel.spokes.operations.details import details
from carewheel.spokes.operations.models import MissingVisit


def missing_visits(actor: Actor) -> tuple[MissingLine, ...]:
    """Those that nobody has decided on, the nearest first, of the places that may be seen."""
    rows = list(_open(actor).order_by("visit__starts_at", "pk").values_list("pk", "visit_id", "since"))
    found = {one.id: one for one in details(Visit.objects.filter(pk__in=[visit for _, visit, _ in rows]))} if rows else {}  # fmt: skip
    return tuple(MissingLine(pk, found[visit], since) for pk, visit, since in rows)


def missing_count(actor: Actor) -> int:
    """How many there are."""
    return _open(actor).count()


def _open(actor: Actor) -> QuerySet[MissingVisit]:
    actor.need(Permission.SCHEDULE_READ)
    marks = MissingVisit.objects.filter(
        organisation=actor.organisation_id, state=MissingVisit.State.OPEN, visit__starts_at__gt=actor.at,
        visit__status__in=(Visit.Status.BOOKED, Visit.Status.PENDING),
    )  # fmt: skip
    places = actor.locations(Permission.SCHEDULE_READ)
    return marks if places is None else marks.filter(location__in=places)
