"""Putting a visit into the book and moving it within: rules first, then the locks, then what the locks protect."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from django.db.models import Q

from carewheel.practice.access import Actor, Conflict, Forbidden, NotFound, Permission, Refused
from carewheel.practice.models import Location, Occupancy, Patient, Visit, VisitSeries
from carewheel.practice.patients import bookable
from carewheel.spokes.operations.calendars import Named
from carewheel.spokes.operations.changes import changed
from carewheel.spokes.operations.contracts import Foreseen
from carewheel.spokes.operations.contracts_booking import BookingRequest
from carewheel.spokes.operations.foreseeing import foresee, note
from carewheel.spokes.operations.freeing import keep_group, open_gap
from carewheel.spokes.operations.needs import TypeWithNeeds, named_by_kind, place, type_with_needs
from carewheel.spokes.operations.occupying import (
    TAKEN,
    Wanted,
    candidates,
    had,
    lock,
    people,
    place_visit,
    plainly_taken,
    take,
)
from carewheel.spokes.operations.rules.booking import (
    NeedLine,
    check_moment,
    check_move_alone,
    check_patient_side,
    interval,
)
from carewheel.spokes.operations.transactions import already_answered, slot_taken

S = Visit.Status
# The channel of visits that came from an offer.
FROM_WAITLIST = "waitlist"
# Staff note a visit that has just begun; whatever lies further back is history.
BACK = timedelta(hours=12)


@dataclass(frozen=True, slots=True)
class _Place:
    """Where and when a visit is to be, and whether staff insist."""

    location: Location
    kind: TypeWithNeeds
    needs: tuple[NeedLine, ...]
    starts_at: datetime
    ends_at: datetime
    only: Named
    prefer: tuple[int, ...]
    override: str


@dataclass(frozen=True, slots=True)
class Asked:
    """A request, whether the rules for patients hold, where and when it is, and (`foretold`) whether its patient will come."""

    request: BookingRequest
    patient_side: bool
    spot: _Place
    foreseen: Foreseen | None = None


def look(actor: Actor, request: BookingRequest) -> Asked:
    """What a request comes to, before any lock. Raises `NotFound`, `Forbidden`, and `Refused` for what is no time or length at all."""
    location = place(actor.organisation_id, request.location_id)
    patient_side = _side(actor, request)
    override = _override(actor, location.pk, request.override_reason, patient_side)
    kind = type_with_needs(actor.organisation_id, request.visit_type_id)
    spot = _spot(
        actor, location, kind, request.starts_at, request.minutes, request.resource_ids, (), override
    )
    return Asked(request, patient_side, spot)


def refuse_early(actor: Actor, asked: Asked) -> None:
    """Raises `Conflict` ``slot-taken`` where what is needed is plainly booked already, so that the many who come too late do not queue for the
    one who writes. What it lets through is decided under lock."""
    spot, request = asked.spot, asked.request
    if spot.override or request.hold_id is not None or spot.kind.type.seats > 1:
        return
    wanted = Wanted(spot.location, spot.needs, spot.starts_at, spot.ends_at, spot.only)
    if plainly_taken(actor, wanted) and not already_answered(actor, request.key):
        raise slot_taken()


def foretold(actor: Actor, asked: Asked) -> Asked:
    """The request with what is foreseen of it: worked out before the transaction, in which others wait."""
    spot, request = asked.spot, asked.request
    visit = Visit(
        organisation_id=actor.organisation_id, location=spot.location, patient_id=request.patient_id, starts_at=spot.starts_at,
        booked_at=actor.at, channel=request.channel[:20],
    )  # fmt: skip
    return replace(asked, foreseen=foresee(actor, visit))


def put(
    actor: Actor, asked: Asked, hold_until: datetime | None = None, series: VisitSeries | None = None
) -> Visit:
    """Book, or hold until a moment, in the transaction of the caller."""
    request, patient_side, spot = asked.request, asked.patient_side, asked.spot
    location, kind, override = spot.location, spot.kind, spot.override
    if not location.active or not kind.type.active:
        raise Refused("not-active", "This place or visit type is not in use any more.", "Choose another one.")
    patient = _patient(actor, request.patient_id, lock_it=patient_side)
    held = _held(actor, request, spot) if request.hold_id is not None else None
    if held is not None:
        spot = replace(spot, prefer=tuple(had(held)))
    new = patient is not None and not _known(patient)
    if patient_side:
        _check_patient(actor, spot, patient, new, held, holding=hold_until is not None)
    if patient is None and hold_until is None:
        raise Refused("no-patient", "A visit is somebody's.", "Choose the patient.")
    status = S.PROPOSED if hold_until else S.BOOKED
    # What nobody of the practice has decided is asked for where the practice system holds the book.
    alone = patient_side or request.channel == FROM_WAITLIST
    if status == S.BOOKED and (
        (patient_side and kind.rules.online == "request") or (alone and location.mode == Location.Mode.BESIDE)
    ):
        status = S.PENDING
    visit = held or Visit(organisation_id=actor.organisation_id, location=location, visit_type=kind.type)
    visit.patient, visit.status, visit.hold_until = patient, status, hold_until
    visit.starts_at, visit.ends_at = spot.starts_at, spot.ends_at
    visit.is_new_patient = new if patient else None
    visit.channel, visit.override_reason = request.channel[:20], override[:200]
    visit.series = series
    visit.booked_by_id = actor.user_id
    visit.booked_at = None if hold_until else actor.at
    if visit.pk:
        visit.version += 1
    foreseen = None if hold_until else asked.foreseen or foresee(actor, visit)
    visit.no_show_risk = foreseen.missed.value if foreseen else None
    used, overridden = _settle(actor, visit, spot)
    if foreseen:
        note(visit, foreseen, actor.at)
    changed(
        actor, visit, "hold" if hold_until else "book", used, reason=override, type=kind.type.pk, overridden=overridden
    )  # fmt: skip
    return visit


def move(
    actor: Actor,
    visit: Visit,
    starts_at: datetime,
    resource_ids: tuple[int, ...],
    minutes: int | None,
    override_reason: str,
) -> None:
    """Put a locked visit elsewhere, in the transaction of the caller."""
    patient_side = not actor.may(Permission.SCHEDULE_WRITE, visit.location_id)
    if visit.status not in (S.PROPOSED, S.PENDING, S.BOOKED):
        raise Refused(
            "wrong-state", "The visit is under way or over.", "Undo its steps first.", status=visit.status
        )
    if visit.visit_type_id is None:
        raise Refused(
            "no-type", "The visit has no type, so nobody knows what it needs.", "Cancel it and book anew."
        )
    override = _override(actor, visit.location_id, override_reason, patient_side)
    kind = type_with_needs(actor.organisation_id, visit.visit_type_id)
    length = int((visit.ends_at - visit.starts_at).total_seconds() // 60) if minutes is None else minutes
    before = had(visit)
    named = resource_ids or people(before)
    location = visit.location
    spot = _spot(actor, location, kind, starts_at, length, named, tuple(before), override)
    if patient_side:
        if minutes is not None or resource_ids:
            raise Forbidden(Permission.SCHEDULE_WRITE.value)
        check_move_alone(kind.rules, kind.type.late_cancel_minutes, visit.starts_at, actor.at)
        _check_patient(actor, spot, visit.patient, bool(visit.is_new_patient), visit, holding=False)
        if kind.rules.online == "request" or location.mode == Location.Mode.BESIDE:
            visit.status = S.PENDING
    was, until = visit.starts_at, visit.ends_at
    visit.starts_at, visit.ends_at = spot.starts_at, spot.ends_at
    visit.version += 1
    if override:
        visit.override_reason = override[:200]
    foreseen = foresee(actor, visit)
    visit.no_show_risk = foreseen.missed.value if foreseen else None
    used, overridden = _settle(actor, visit, spot, before)
    if foreseen:
        note(visit, foreseen, actor.at)
    Visit.objects.filter(group=visit, status__in=Visit.OCCUPYING).update(
        starts_at=spot.starts_at, ends_at=spot.ends_at
    )
    away = spot.starts_at >= until or spot.ends_at <= was
    action = "resize" if was == spot.starts_at else "move"
    changed(actor, visit, action, used, was=was, reason=override, overridden=overridden)
    if away and visit.status != S.PROPOSED:
        left = Visit(
            pk=visit.pk,
            organisation_id=visit.organisation_id,
            location_id=visit.location_id,
            visit_type=visit.visit_type,
            starts_at=was,
            ends_at=until,
        )
        open_gap(actor, left)


def put_again(actor: Actor, visit: Visit, resource_ids: tuple[int, ...]) -> list[int]:
    """Give a locked visit that was cancelled its own time again, with whom and what it had; returns the resources touched. Hours and rules do not stand
    against it: it was there a moment ago. Raises `Conflict` ``slot-taken`` where somebody else has the time meanwhile, `Refused` ``no-type``."""
    if visit.visit_type_id is None:
        raise Refused("no-type", "The visit has no type, so nobody knows what it needs.", "Book it anew.")
    kind = type_with_needs(actor.organisation_id, visit.visit_type_id)
    length = int((visit.ends_at - visit.starts_at).total_seconds() // 60)
    spot = _spot(
        actor, visit.location, kind, visit.starts_at, length, resource_ids, resource_ids, "taken back"
    )
    visit.group = None
    used, overridden = _settle(actor, visit, spot, [])
    if TAKEN in overridden and not visit.override_reason:
        raise slot_taken()
    return used


def _settle(
    actor: Actor, visit: Visit, spot: _Place, before: list[int] | None = None
) -> tuple[list[int], list[str]]:
    """Lock, look, take: the resources touched, and what was overridden."""
    old = before if before is not None else had(visit) if visit.pk else []
    wanted = Wanted(
        spot.location,
        spot.needs,
        spot.starts_at,
        spot.ends_at,
        spot.only,
        spot.prefer,
        visit.pk,
        bool(spot.override),
    )
    able = candidates(wanted)
    lock({*able, *old})
    if spot.kind.type.seats > 1 and not is_group(visit):
        return _join(actor, visit, spot, wanted, able, old)
    placed = place_visit(actor, wanted, able)
    visit.save()
    take(visit, placed)
    return sorted({*old, *(row.resource_id for row in placed.rows)}), list(placed.overridden)


def is_group(visit: Visit) -> bool:
    """Whether it is the group itself, that has the people and rooms, and none of its members. Held seats are members: alone they hold nothing."""
    seats = visit.visit_type.seats if visit.visit_type else 1
    alone = visit.group_id is None and visit.patient_id is None
    return bool(visit.pk) and alone and (visit.status != S.PROPOSED or seats > 1)


def _join(
    actor: Actor, visit: Visit, spot: _Place, wanted: Wanted, able: dict[int, str], old: list[int]
) -> tuple[list[int], list[str]]:
    """A seat in a group at this time, or a new group with one."""
    seats, left = spot.kind.type.seats, visit.group_id
    there = Visit.objects.select_for_update(no_key=True, of=("self",)).filter(
        location=spot.location, visit_type=spot.kind.type, starts_at=spot.starts_at, group=None, patient=None
    )  # fmt: skip
    standing = Q(status=S.BOOKED) | Q(status=S.PROPOSED, hold_until__gt=actor.at)
    groups = list(there.filter(standing).order_by("pk"))
    overridden: list[str] = []
    for group in groups:
        others = Visit.objects.filter(group=group, status__in=Visit.OCCUPYING).exclude(pk=visit.pk or 0)
        taken = others.exclude(status=S.PROPOSED, hold_until__lte=actor.at).count()
        used = set(had(group))
        if taken < seats and all(ids & used for ids in spot.only.values()):
            break
    else:
        try:
            placed = place_visit(actor, replace(wanted, visit_id=None), able)
        except Conflict as refusal:
            if groups and refusal.code == "slot-taken":
                raise Conflict(
                    "group-full", "No seat is left in this group.", "Choose another time."
                ) from refusal
            raise
        group = Visit.objects.create(
            organisation_id=actor.organisation_id,
            location=spot.location,
            visit_type=spot.kind.type,
            status=S.BOOKED,
            starts_at=spot.starts_at,
            ends_at=spot.ends_at,
            booked_at=actor.at,
            channel=visit.channel,
        )
        take(group, placed)
        used, overridden = {row.resource_id for row in placed.rows}, list(placed.overridden)
    visit.group, visit.ends_at = group, group.ends_at
    visit.save()
    Occupancy.objects.filter(visit=visit).delete()
    for one in {one for one in (left, group.pk) if one}:
        keep_group(actor, one)
    return sorted({*old, *used}), overridden


def _side(actor: Actor, request: BookingRequest) -> bool:
    """Whether the rules for patients hold. Raises `Forbidden`."""
    if actor.may(Permission.SCHEDULE_WRITE, request.location_id):
        return request.patient_side
    mine = (
        request.patient_id in actor.patient_ids if request.patient_id is not None else bool(actor.patient_ids)
    )
    if not (request.patient_side and mine):
        raise Forbidden(Permission.SCHEDULE_WRITE.value)
    return True


def _override(actor: Actor, location_id: int, reason: str, patient_side: bool) -> str:
    reason = reason.strip()
    if reason and (patient_side or not actor.may(Permission.SCHEDULE_OVERRIDE, location_id)):
        raise Forbidden(Permission.SCHEDULE_OVERRIDE.value)
    return reason


def _spot(
    actor: Actor,
    location: Location,
    kind: TypeWithNeeds,
    starts_at: datetime,
    minutes: int | None,
    resource_ids: tuple[int, ...],
    prefer: tuple[int, ...],
    override: str,
) -> _Place:
    check_moment(starts_at)
    start = starts_at.astimezone(UTC)
    if start < actor.at - BACK and not override:
        raise Refused("in-the-past", "This time has gone by.", "Choose a later one.")
    length, needs = kind.lasting(minutes)
    only = named_by_kind(actor.organisation_id, resource_ids)
    end = start + timedelta(minutes=length)
    return _Place(location, kind, needs, start, end, only, prefer, override)


def _patient(actor: Actor, patient_id: int | None, *, lock_it: bool) -> Patient | None:
    if patient_id is None:
        return None
    rows = bookable(actor, patient_id)
    # Where the rules count visits of the patient, two bookings at once wait for each other.
    found = (rows.select_for_update(no_key=True) if lock_it else rows).first()
    if found is None:
        raise NotFound("There is no such patient.")
    return found


def _known(patient: Patient) -> bool:
    """Whether somebody has seen the patient before."""
    return Visit.objects.filter(patient=patient, status__in=(S.ARRIVED, S.CHECKED_IN, S.FULFILLED)).exists()


def _held(actor: Actor, request: BookingRequest, spot: _Place) -> Visit:
    """The hold that is to become the visit, locked."""
    rows = Visit.objects.select_for_update(no_key=True, of=("self",)).select_related("location")
    held = rows.filter(organisation=actor.organisation_id, pk=request.hold_id or 0).first()
    if held is None:
        raise NotFound("There is no such hold.")
    if held.status != S.PROPOSED or held.hold_until is None or held.hold_until <= actor.at:
        raise Conflict(
            "hold-expired", "The time was kept for you, but not for so long.", "Choose a time again."
        )
    same = (held.location_id, held.visit_type_id, held.starts_at) == (
        spot.location.pk,
        spot.kind.type.pk,
        spot.starts_at,
    )
    if not same or (held.patient_id is not None and held.patient_id != request.patient_id):
        raise Refused(
            "hold-differs", "Another time or visit was kept.", "Book what was kept, or choose again."
        )
    return held


def _check_patient(
    actor: Actor, spot: _Place, patient: Patient | None, new: bool, mine: Visit | None, *, holding: bool
) -> None:
    """The rules for patients; the visit that is moved, or the hold, does not count against itself."""
    step = interval(spot.kind.type.minutes)
    local = spot.starts_at.astimezone(ZoneInfo(spot.location.zone))
    if local.minute % step:
        raise Refused("bad-time", "Visits do not start at this minute.", "Choose one of the times offered.")
    count = 0
    if patient is not None:
        others = Visit.objects.filter(
            patient=patient, visit_type=spot.kind.type, ends_at__gt=actor.at
        ).exclude(pk=mine.pk if mine else 0)
        held = Q(status=S.PROPOSED, hold_until__gt=actor.at)
        count = others.filter(Q(status__in=(S.PENDING, S.BOOKED)) | held).count()
    elif not holding:
        raise Refused("no-patient", "A visit is somebody's.", "Say who comes.")
    check_patient_side(spot.kind.rules, spot.starts_at, actor.at, new_patient=new, open_visits=count)
