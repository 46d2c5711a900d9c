"""The night's chances into the book: every booked visit to come, in parts of a thousand, each part one short transaction."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from django.db import transaction
from django.db.models import OuterRef, QuerySet, Subquery

from carewheel.practice.access import Actor, Permission
from carewheel.practice.audit import record
from carewheel.practice.facts import OWN
from carewheel.practice.models import Location, Visit
from carewheel.spokes.operations.changes import name_of
from carewheel.spokes.operations.contracts import Foreseen, ForeseenAhead
from carewheel.spokes.operations.foreseeing import foreseen_of, records, scored, write
from carewheel.spokes.operations.models import AttendanceTerms, Foresight

PART = 1_000
AHEAD = (Visit.Status.BOOKED, Visit.Status.PENDING)


def keep_foreseen(actor: Actor, ahead: ForeseenAhead, fence: Callable[[], None] = lambda: None) -> int:
    """Keep the terms for bookings to come, and write what is foreseen of every booked visit after ``actor.at``; returns of how many.

    A visit is known by its source and number, and by its start: one that was booked or moved since the facts were taken is scored by the
    terms. ``fence``: called first in each transaction, it refuses a job that has lost its lease. Versions stay: nobody's form goes stale.
    """
    actor.need(Permission.SCHEDULE_WRITE)
    with transaction.atomic():
        fence()
        AttendanceTerms.objects.update_or_create(
            organisation_id=actor.organisation_id,
            defaults={"terms": dict(ahead.terms), "learnt_at": actor.at},
        )
    told = {
        (str(source), str(visit)[:120], int(starts)): one
        for source, visit, starts, one in zip(
            ahead.source, ahead.visit, ahead.starts_at, ahead.foreseen, strict=True
        )
    }
    zones = dict(Location.objects.filter(organisation=actor.organisation_id).values_list("pk", "zone"))
    count, last = 0, 0
    while True:
        with transaction.atomic():
            fence()
            part = list(
                _ahead(actor).filter(pk__gt=last).order_by("pk").select_for_update(no_key=True)[:PART]
            )
            if not part:
                break
            count += _keep(actor, part, told, zones, ahead.terms)
            last = part[-1].pk
    with transaction.atomic():
        record(actor, "attendance-foreseen", visits=count, by=ahead.by)
    return count


def _ahead(actor: Actor) -> QuerySet[Visit]:
    return Visit.objects.filter(
        organisation=actor.organisation_id, starts_at__gt=actor.at, status__in=AHEAD, patient__isnull=False
    )


def _keep(
    actor: Actor, part: list[Visit], told: Mapping[tuple[str, str, int], Foreseen], zones: Mapping[int, str], terms: Mapping[str, Any]
) -> int:  # fmt: skip
    found = {visit.pk: _of_the_facts(visit, told) for visit in part}
    rest = [visit for visit in part if found[visit.pk] is None and scored(visit)]
    if rest:
        earlier = records(actor.organisation_id, {visit.patient_id or 0 for visit in rest})
        for visit in rest:
            found[visit.pk] = foreseen_of(
                terms, visit, zones[visit.location_id], actor.at, earlier.get(visit.patient_id or 0, ())
            )
    known = [(pk, one) for pk, one in found.items() if one is not None]
    write(known, actor.at)
    own = Foresight.objects.filter(visit=OuterRef("pk")).values("missed")[:1]
    Visit.objects.filter(pk__in=[pk for pk, _ in known]).update(no_show_risk=Subquery(own))
    unknown = [visit.pk for visit in part if found[visit.pk] is None and visit.no_show_risk is not None]
    if unknown:
        Visit.objects.filter(pk__in=unknown).update(no_show_risk=None)
    return len(known)


def _of_the_facts(visit: Visit, told: Mapping[tuple[str, str, int], Foreseen]) -> Foreseen | None:
    """What the facts' model says of it: as this house told of it, else as its source did."""
    starts = _seconds(visit.starts_at)
    return told.get((OWN, name_of(visit), starts)) or told.get((visit.source, visit.source_id, starts))


def _seconds(moment: datetime) -> int:
    return int(moment.astimezone(UTC).timestamp())
