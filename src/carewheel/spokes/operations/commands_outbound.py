"""Beside a practice system: what it has taken over, what it says otherwise, and what somebody closed by hand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from carewheel.practice.access import Actor, NotFound, Permission, Refused
from carewheel.practice.audit import record
from carewheel.practice.models import Occupancy, Visit
from carewheel.spokes.operations.changes import changed
from carewheel.spokes.operations.models import OutboundChange
from carewheel.spokes.operations.needs import place
from carewheel.spokes.operations.occupying import had, lock, touched
from carewheel.spokes.operations.transactions import whole

State = OutboundChange.State
CONFIRMED, CONTRADICTED, OPEN = State.CONFIRMED.value, State.CONTRADICTED.value, State.OPEN.value
CAME = ("arrived", "checked-in", "fulfilled")


@dataclass(frozen=True, slots=True)
class SeenVisit:
    """A visit as an export of the practice system has it. ``resource_ids``: our rows of its people and rooms."""

    source: str
    source_id: str
    patient_id: int | None
    starts_at: datetime
    ends_at: datetime
    status: str
    resource_ids: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Reconciled:
    """How many open changes an export confirmed, contradicted, or said nothing about."""

    confirmed: int
    contradicted: int
    open: int


def close_outbound(actor: Actor, change_id: int, why: str) -> None:
    """Close a change by hand, with a reason. Closed already: nothing happens. Raises `Refused` ``no-reason``."""

    def work() -> None:
        rows = OutboundChange.objects.select_for_update(no_key=True, of=("self",))
        row = rows.filter(organisation=actor.organisation_id, pk=change_id).first()
        if row is None:
            raise NotFound("There is no such change.")
        actor.need_of(
            Permission.SCHEDULE_WRITE, row.location_id, Permission.SCHEDULE_READ, "There is no such change."
        )
        if not why.strip():
            raise Refused("no-reason", "Nobody will know why.", "Say why it is closed.")
        if row.state in (State.OPEN, State.CONTRADICTED):
            _decide(actor, row, State.CLOSED.value, why)
            record(actor, "close", "outbound", row.pk, location_id=row.location_id)

    whole(work)


def close_taken_back(actor: Actor, visit_id: int) -> None:
    """Close the cancellations of a visit that the practice system was to take over, in the transaction that takes them back."""
    for row in OutboundChange.objects.filter(visit=visit_id, event="S15", state=State.OPEN):
        _decide(actor, row, State.CLOSED.value, "taken back")


def reconcile(actor: Actor, location_id: int, seen: Sequence[SeenVisit]) -> Reconciled:
    """Hold the open changes of a place against an export, before its visits are put in: in one transaction.

    A new visit is confirmed where the export has the patient at that time; our visit then carries the export's number, so that the import
    finds it. It is contradicted where the export has somebody else with the same person or room then. A change of a visit that the export
    knows by number is confirmed where it stands as we have it, still open where it stands as before, else contradicted. What an export does
    not tell stays open.
    """
    place(actor.organisation_id, location_id)
    actor.need(Permission.DATA_WRITE, location_id)
    seen = [
        replace(one, starts_at=one.starts_at.astimezone(UTC), ends_at=one.ends_at.astimezone(UTC))
        for one in seen
    ]
    by_number = {(one.source, one.source_id): one for one in seen}
    by_patient = {(one.patient_id, one.starts_at): one for one in seen if one.status != "cancelled"}

    def work() -> Reconciled:
        rows = OutboundChange.objects.select_for_update(no_key=True, of=("self",)).filter(
            organisation=actor.organisation_id, location=location_id, state=State.OPEN
        )
        found = {CONFIRMED: 0, CONTRADICTED: 0, OPEN: 0}
        for row in rows.select_related(
            "visit", "visit__location", "visit__patient", "visit__visit_type"
        ).order_by("pk"):
            visit = row.visit
            visit.refresh_from_db()
            number = by_number.get((visit.source, visit.source_id)) if visit.source_id else None
            there = number or by_patient.get((visit.patient_id, visit.starts_at))
            state, why = _judge(row, visit, there) if there else _judge_unseen(row, visit, seen)
            found[state] += 1
            if state == OPEN:
                continue
            _decide(actor, row, state, why)
            if state == CONFIRMED and there is not None:
                _agree(actor, visit, there)
        if found[CONFIRMED] or found[CONTRADICTED]:
            record(actor, "reconcile", "location", location_id, location_id=location_id, found=found)
        return Reconciled(found[CONFIRMED], found[CONTRADICTED], found[OPEN])

    return whole(work)


def _judge(row: OutboundChange, visit: Visit, there: SeenVisit) -> tuple[str, str]:
    """What the export says of a change to a visit that it has."""
    same_time = there.starts_at == visit.starts_at
    gone = there.status in ("cancelled", "entered-in-error")
    if row.event == "S15":
        if gone:
            return CONFIRMED, ""
        return (CONTRADICTED, "seen as come") if there.status in CAME else (OPEN, "")
    if row.event == "S26":
        if there.status == "noshow":
            return CONFIRMED, ""
        return (CONTRADICTED, "seen as come") if there.status in CAME else (OPEN, "")
    if gone:
        return CONTRADICTED, "cancelled in the practice system"
    if row.event == "S13" and not same_time:
        return (OPEN, "") if there.starts_at == row.was_at else (CONTRADICTED, "at another time")
    if row.event == "S14" and there.ends_at != visit.ends_at:
        return OPEN, ""
    return (CONFIRMED, "") if same_time else (CONTRADICTED, "at another time")


def _judge_unseen(row: OutboundChange, visit: Visit, seen: Sequence[SeenVisit]) -> tuple[str, str]:
    """What the export says of a visit that it does not have: nothing, unless somebody else has the time."""
    if row.event == "S15" and not visit.source_id:
        # It never knew of it, and need not any more.
        return CONFIRMED, "never taken over"
    if row.event not in ("S12", "S13"):
        return OPEN, ""
    mine = {(one.resource_id, one.starts_at, one.ends_at) for one in Occupancy.objects.filter(visit=visit)}
    for other in seen:
        if (
            other.status in ("cancelled", "noshow", "entered-in-error")
            or other.patient_id == visit.patient_id
        ):
            continue
        for resource, start, end in mine:
            if resource in other.resource_ids and other.starts_at < end and start < other.ends_at:
                return CONTRADICTED, "the time is somebody else's"
    return OPEN, ""


def _agree(actor: Actor, visit: Visit, there: SeenVisit) -> None:
    """Take over the export's number; a request that it has taken over is booked. Where an import was faster, its row is the visit."""
    twin = Visit.objects.filter(
        organisation=visit.organisation_id, source=there.source, source_id=there.source_id
    ).exclude(pk=visit.pk)
    if twin.exists():
        used = had(visit)
        lock(used)
        Occupancy.objects.filter(visit=visit).delete()
        Visit.objects.filter(pk=visit.pk).update(
            status=Visit.Status.ERROR,
            cancel_reason="the practice system's own entry stands",
            version=visit.version + 1,
        )
        touched(visit.location_id, used)
        return
    asked = visit.status == Visit.Status.PENDING
    if not asked and (visit.source, visit.source_id) == (there.source, there.source_id):
        return
    visit.source, visit.source_id = there.source, there.source_id
    if asked:
        visit.status = Visit.Status.BOOKED
    visit.version += 1
    visit.save(update_fields=["source", "source_id", "status", "version"])
    changed(actor, visit, "confirm" if asked else "agree")


def _decide(actor: Actor, row: OutboundChange, state: str, why: str) -> None:
    OutboundChange.objects.filter(pk=row.pk).update(state=state, decided_at=actor.at, why=why.strip()[:200])
