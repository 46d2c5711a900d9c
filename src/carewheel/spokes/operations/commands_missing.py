"""Visits that the practice system's export no longer has: marked, shown to the front desk, and never deleted.

An export may be of part of the book. It counts as whole between its first and its last visit if hardly any of the visits that were known
there is left out: a few were deleted or have another number now, and somebody has to look. Feeds of messages tell of changes alone.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

from carewheel.practice.access import Actor, NotFound, Permission
from carewheel.practice.audit import record
from carewheel.practice.messages import withdraw_messages
from carewheel.practice.models import Visit
from carewheel.spokes.operations.freeing import end_visit, visit_to_change
from carewheel.spokes.operations.models import MissingVisit
from carewheel.spokes.operations.transactions import whole

State = MissingVisit.State
AHEAD = (Visit.Status.PENDING, Visit.Status.BOOKED)
# Of the known visits so many may be left out by an export that is still taken for whole.
MOST_LEFT_OUT = 0.2


@dataclass(frozen=True, slots=True)
class ToldBook:
    """What an export told: the numbers of its visits that are on the book, and from when to when they lie."""

    source: str
    numbers: Collection[str]
    first: datetime
    last: datetime


@dataclass(frozen=True, slots=True)
class Compared:
    """``missing``: visits marked now; ``back``: marked earlier, told again; ``part``: so many of the known visits are left out that it is no whole export."""

    missing: int
    back: int
    part: bool


def known_visits(
    actor: Actor, location_ids: Collection[int], source: str, since: datetime
) -> dict[str, datetime]:
    """The visits of a source that stand on the book, by their number there, with their start: asked before its export is taken in."""
    rows = Visit.objects.filter(
        organisation=actor.organisation_id, location__in=location_ids, source=source, starts_at__gte=since
    ).exclude(source_id="")
    standing = rows.exclude(status__in=(Visit.Status.CANCELLED, Visit.Status.ERROR, Visit.Status.PROPOSED))
    return dict(standing.values_list("source_id", "starts_at"))


def compare_book(
    actor: Actor, known: Mapping[str, datetime], told: ToldBook, contested: Collection[int] = ()
) -> Compared:
    """Mark what was ``known`` and is not told any more, and take marks back from what is told again. The same export again marks nothing new.

    ``contested``: visits on which the practice system still owes an answer to a change of ours. A visit that was kept by hand stays so.
    """
    actor.need(Permission.DATA_WRITE)
    numbers = set(told.numbers)
    between = {number for number, starts in known.items() if told.first <= starts <= told.last}
    gone = between - numbers
    part = len(gone) > max(1, MOST_LEFT_OUT * len(between))

    def work() -> Compared:
        marks = MissingVisit.objects.filter(organisation=actor.organisation_id, visit__source=told.source)
        again = [
            pk
            for pk, number in marks.exclude(state__in=(State.BACK, State.ENDED)).values_list(
                "pk", "visit__source_id"
            )
            if number in numbers
        ]
        MissingVisit.objects.filter(pk__in=again).update(state=State.BACK, decided_at=actor.at)
        fresh = 0
        if gone and not part:
            rows = Visit.objects.filter(
                organisation=actor.organisation_id, source=told.source, source_id__in=gone, status__in=AHEAD, starts_at__gt=actor.at
            ).exclude(pk__in=contested)  # fmt: skip
            for visit in rows.order_by("pk"):
                mark, made = MissingVisit.objects.get_or_create(
                    visit=visit,
                    defaults={"organisation_id": actor.organisation_id, "location_id": visit.location_id, "since": actor.at},
                )  # fmt: skip
                if not made and mark.state in (State.BACK, State.ENDED):
                    mark.state, mark.since, mark.decided_at = State.OPEN, actor.at, None
                    mark.save(update_fields=["state", "since", "decided_at"])
                elif not made:
                    continue
                fresh += 1
                record(actor, "missing", "visit", visit.pk, patient_id=visit.patient_id, location_id=visit.location_id)  # fmt: skip
        return Compared(fresh, len(again), part)

    return whole(work)


def keep_missing(actor: Actor, missing_id: int) -> None:
    """Leave a marked visit on the book: the desk knows that it stands."""

    def work() -> None:
        mark = _open(actor, missing_id)
        _decide(actor, mark, State.KEPT)
        record(actor, "keep-missing", "visit", mark.visit_id, location_id=mark.location_id)

    whole(work)


def end_missing(actor: Actor, missing_id: int) -> None:
    """Take a marked visit off the book and offer its time. Nothing goes to the practice system, which has it no more, nor to the patient: the
    visit may stand there under another number. What waited to be sent for it is withdrawn. Decided already: nothing happens."""

    def work() -> None:
        mark = _open(actor, missing_id)
        visit = visit_to_change(actor, mark.visit_id)
        if visit.status in AHEAD:
            end_visit(actor, visit, "vanish", "not in the practice system any more")
            withdraw_messages(actor, visit.pk)
        _decide(actor, mark, State.ENDED)

    whole(work)


def _open(actor: Actor, missing_id: int) -> MissingVisit:
    rows = MissingVisit.objects.select_for_update(no_key=True, of=("self",))
    mark = rows.filter(organisation=actor.organisation_id, pk=missing_id).first()
    if mark is None:
        raise NotFound("There is no such visit.")
    actor.need_of(
        Permission.SCHEDULE_WRITE, mark.location_id, Permission.SCHEDULE_READ, "There is no such visit."
    )
    return mark


def _decide(actor: Actor, mark: MissingVisit, state: str) -> None:
    if mark.state == State.OPEN:
        mark.state, mark.decided_at = state, actor.at
        mark.save(update_fields=["state", "decided_at"])
