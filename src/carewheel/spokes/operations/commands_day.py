"""The day of a visit: arrived, in the room, with the clinician, done; did not come; and one step back."""

from __future__ import annotations

from carewheel.practice.access import Actor, Permission, Refused
from carewheel.practice.models import Occupancy, Visit
from carewheel.spokes.operations.changes import changed
from carewheel.spokes.operations.contracts_booking import STEPS, VisitDetail
from carewheel.spokes.operations.details import details
from carewheel.spokes.operations.freeing import visit_to_change
from carewheel.spokes.operations.needs import named_by_kind, type_with_needs
from carewheel.spokes.operations.occupying import Wanted, candidates, had, lock, people, place_visit, take
from carewheel.spokes.operations.rules.visit_steps import MADE, Standing, after
from carewheel.spokes.operations.transactions import whole


def mark_visit(actor: Actor, visit_id: int, version: int, step: str) -> VisitDetail:
    """Take a visit one step on (`STEPS`), or back by ``undo``, and note when.

    ``noshow`` gives back what is left of its time; undoing it takes that again. Raises `Conflict` ``changed-since``, ``slot-taken``; `Refused`
    ``wrong-step``, ``too-early``.
    """
    if step not in STEPS:
        raise Refused("wrong-step", "There is no such step.", f"Use one of {', '.join(STEPS)}.")

    def work() -> None:
        visit = visit_to_change(actor, visit_id, version, Permission.FLOW_WRITE)
        before = visit.status
        moments = tuple(getattr(visit, field) for _, field in MADE.values())
        visit.status, made = after(Standing(before, visit.starts_at, moments), step, actor.at)
        for field, when in made.items():
            setattr(visit, field, when)
        visit.version += 1
        visit.save()
        used: list[int] = []
        action = "restore" if before == Visit.Status.NOSHOW else step
        alone = visit.group_id is None
        if alone and step == "noshow":
            used = had(visit)
            lock(used)
        elif alone and before == Visit.Status.NOSHOW:
            used = _take_again(actor, visit)
        # Facts and messages say with whom it would have been: they are written while the rows are there.
        changed(actor, visit, action, used)
        if alone and step == "noshow":
            _give_back(actor, visit)

    whole(work)
    return details(Visit.objects.filter(pk=visit_id))[0]


def _give_back(actor: Actor, visit: Visit) -> None:
    """What is left of the time of somebody who did not come. What has gone by stays: it says with whom it was."""
    rows = Occupancy.objects.filter(visit=visit, ends_at__gt=actor.at)
    rows.filter(starts_at__gte=actor.at).delete()
    rows.update(ends_at=actor.at)


def _take_again(actor: Actor, visit: Visit) -> list[int]:
    """The whole time again, with the same people, and the same room where it is free."""
    if visit.visit_type_id is None:
        return []
    minutes = int((visit.ends_at - visit.starts_at).total_seconds() // 60)
    needs = type_with_needs(actor.organisation_id, visit.visit_type_id).lasting(minutes)[1]
    old = had(visit)
    only = named_by_kind(actor.organisation_id, people(old))
    insist = bool(visit.override_reason)
    wanted = Wanted(visit.location, needs, visit.starts_at, visit.ends_at, only, tuple(old), visit.pk, insist)
    able = candidates(wanted)
    lock({*able, *old})
    placed = place_visit(actor, wanted, able)
    take(visit, placed)
    return sorted({*old, *(row.resource_id for row in placed.rows)})
