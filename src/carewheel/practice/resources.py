"""Practitioners, rooms and devices: which there are, when each is there, when away."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, time

from django.db import transaction
from django.db.models import Q

from carewheel.practice.access import Actor, NotFound, Permission, Refused
from carewheel.practice.audit import record
from carewheel.practice.models import Capability, Leave, Location, OpeningHours, Resource, WorkingHours
from carewheel.practice.places import hours_moved

# A span of a week: weekday (Monday 0), from, to.
Span = tuple[int, time, time]
# Working hours that hold every week, for good: from, until, every how many weeks.
PLAIN = [None, None, 1]


@dataclass(frozen=True, slots=True)
class ResourceLine:
    """A practitioner, assistant, room or device. ``able``: names of what it can do or is for."""

    id: int
    name: str
    kind: str
    location_id: int | None
    active: bool
    able: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class LeaveLine:
    """A time at which a resource is away or blocked."""

    id: int
    kind: str
    starts_at: datetime
    ends_at: datetime


@dataclass(frozen=True, slots=True)
class ResourceDetail:
    """A resource with its week at one location and its leave from now on. ``rotates``: has hours that hold on some weeks or dates only."""

    line: ResourceLine
    week: tuple[Span, ...]
    rotates: bool
    leaves: tuple[LeaveLine, ...]


def resources(
    actor: Actor, location_id: int | None = None, *, also_inactive: bool = False
) -> tuple[ResourceLine, ...]:
    """Those of a location (its own, and who works there), people first; without one those of the organisation."""
    if not actor.may(Permission.SETTINGS_READ, location_id):
        actor.need(Permission.SCHEDULE_READ, location_id)
    return resources_at(actor.organisation_id, location_id, also_inactive=also_inactive)


def resources_at(
    organisation_id: int, location_id: int | None = None, *, also_inactive: bool = False
) -> tuple[ResourceLine, ...]:
    """As `resources`, for whoever may already know: the booking page of a location, say."""
    rows = Resource.objects.filter(organisation_id=organisation_id)
    if location_id is not None:
        there = WorkingHours.objects.filter(location_id=location_id).values("resource_id")
        rows = rows.filter(Q(location_id=location_id) | Q(pk__in=there))
    if not also_inactive:
        rows = rows.filter(active=True)
    # A row for each that it is able to do, read at once.
    columns = "pk", "kind", "order", "name", "location_id", "active", "capabilities__name"
    able: dict[int, list[str]] = {}
    lines: dict[int, tuple[int, int, str, ResourceLine]] = {}
    kinds = {kind: i for i, kind in enumerate(Resource.Kind.values)}
    for pk, kind, order, name, home, active, one in rows.order_by("capabilities__name").values_list(*columns):
        lines[pk] = kinds[kind], order, name, ResourceLine(pk, name, kind, home, active)
        able.setdefault(pk, []).extend([one] if one is not None else [])
    found = sorted(lines.items(), key=lambda one: (*one[1][:3], one[0]))
    return tuple(replace(line, able=tuple(able[pk])) for pk, (*_, line) in found)


def names_of(actor: Actor, resource_ids: Collection[int]) -> dict[int, str]:
    """Names of some people, rooms and devices of the organisation, for whoever may see a schedule."""
    actor.need(Permission.SCHEDULE_READ)
    rows = Resource.objects.filter(organisation_id=actor.organisation_id, pk__in=resource_ids)
    return dict(rows.values_list("pk", "name"))


def resource_detail(actor: Actor, resource_id: int, location_id: int) -> ResourceDetail:
    """One resource as it is at a location: one that belongs there, or to a location whose settings the actor may read as well."""
    actor.need(Permission.SETTINGS_READ, location_id)
    row = _own(actor, resource_id)
    columns = "location_id", "weekday", "starts", "ends", "valid_from", "valid_until", "every_weeks"
    hours = list(row.working_hours.order_by("weekday", "starts").values_list(*columns))
    _may_lend(actor, row, {place for place, *_ in hours}, location_id, Permission.SETTINGS_READ)
    here = [(day, starts, ends, every) for place, day, starts, ends, *every in hours if place == location_id]
    return ResourceDetail(
        _line(row),
        tuple((day, starts, ends) for day, starts, ends, every in here if every == PLAIN),
        any(every != PLAIN for *_, every in here),
        tuple(
            LeaveLine(one.pk, one.kind, one.starts_at, one.ends_at)
            for one in row.leaves.filter(ends_at__gt=actor.at).order_by("starts_at")
        ),
    )


def add_resource(actor: Actor, *, name: str, kind: str, location_id: int) -> ResourceLine:
    """A new practitioner, room or device at a location. People are there whenever it is open, until their week is set."""
    actor.need(Permission.SETTINGS_WRITE, location_id)
    if not Location.objects.filter(pk=location_id, organisation_id=actor.organisation_id).exists():
        raise NotFound
    if kind not in Resource.Kind.values or not 1 <= len(name.strip()) <= 200:
        raise Refused("bad-name", "The name is empty or too long, or the kind unknown.", "Give both.")
    with transaction.atomic():
        made = Resource.objects.create(
            organisation_id=actor.organisation_id, location_id=location_id, kind=kind, name=name.strip()
        )
        if kind in (Resource.Kind.PRACTITIONER, Resource.Kind.ASSISTANT):
            open_ = OpeningHours.objects.filter(location_id=location_id)
            WorkingHours.objects.bulk_create(
                WorkingHours(
                    resource=made, location_id=location_id, weekday=o.weekday, starts=o.opens, ends=o.closes
                )
                for o in open_
            )
        hours_moved([location_id])
        record(actor, "resource-added", "resource", made.pk, location_id=location_id, kind=kind)
    return _line(made)


def change_resource(
    actor: Actor, resource_id: int, *, name: str, active: bool, able: Collection[str]
) -> None:
    """Rename it, say what it can do or is for, or take it out of booking (its visits stay)."""
    row = _writable(actor, resource_id)
    names = sorted({one.strip()[:80] for one in able if one.strip()})
    if not 1 <= len(name.strip()) <= 200:
        raise Refused("bad-name", "The name is empty or too long.", "Give a name of at most 200 signs.")
    with transaction.atomic():
        row.name, row.active = name.strip(), active
        row.save(update_fields=["name", "active"])
        row.capabilities.set(capabilities(actor, names))
        hours_moved(_places_of(row))
        record(actor, "resource-changed", "resource", row.pk, location_id=row.location_id, active=active)


def set_week(actor: Actor, resource_id: int, location_id: int, week: Sequence[Span]) -> None:
    """Replace the plain week of a resource at a location; hours on some dates or weeks only stay. Raises `Refused` bad-hours."""
    actor.need(Permission.SETTINGS_WRITE, location_id)
    row = _at(actor, resource_id, location_id, Permission.SETTINGS_WRITE)
    if not Location.objects.filter(pk=location_id, organisation_id=actor.organisation_id).exists():
        raise NotFound
    if any(not 0 <= day <= 6 or ends <= starts for day, starts, ends in week):
        raise Refused(
            "bad-hours",
            "Some hours end before they begin.",
            "Correct them; leave a day empty when not there.",
        )
    with transaction.atomic():
        row.working_hours.filter(
            location_id=location_id, valid_from=None, valid_until=None, every_weeks=1
        ).delete()
        WorkingHours.objects.bulk_create(
            WorkingHours(resource=row, location_id=location_id, weekday=day, starts=starts, ends=ends)
            for day, starts, ends in week
        )
        hours_moved({location_id, *_places_of(row)})
        record(actor, "week-changed", "resource", row.pk, location_id=location_id)


def add_leave(actor: Actor, resource_id: int, *, kind: str, starts_at: datetime, ends_at: datetime) -> None:
    """Note that a resource is away or blocked. Visits already booked stay; the schedule shows them on closed ground."""
    row = _writable(actor, resource_id)
    if kind not in Leave.Kind.values or ends_at <= starts_at:
        raise Refused("bad-leave", "It ends before it begins.", "Correct the times.")
    with transaction.atomic():
        made = Leave.objects.create(resource=row, kind=kind, starts_at=starts_at, ends_at=ends_at)
        hours_moved(_places_of(row))
        record(actor, "leave-added", "leave", made.pk, location_id=row.location_id, resource=row.pk)


def remove_leave(actor: Actor, resource_id: int, leave_id: int) -> None:
    """The resource is there after all."""
    row = _writable(actor, resource_id)
    with transaction.atomic():
        gone, _ = row.leaves.filter(pk=leave_id).delete()
        if not gone:
            raise NotFound
        hours_moved(_places_of(row))
        record(actor, "leave-removed", "leave", leave_id, location_id=row.location_id, resource=row.pk)


def capabilities(actor: Actor, names: Collection[str]) -> list[Capability]:
    """Capabilities of the organisation by name, made where there is none yet. In the transaction of the caller."""
    return [
        Capability.objects.get_or_create(organisation_id=actor.organisation_id, name=name)[0]
        for name in names
    ]


def _own(actor: Actor, resource_id: int) -> Resource:
    row = Resource.objects.filter(pk=resource_id, organisation_id=actor.organisation_id).first()
    if row is None:
        raise NotFound
    return row


def _at(actor: Actor, resource_id: int, location_id: int, permission: Permission) -> Resource:
    """One that stands or works at the location, or that the actor may lend to it."""
    row = _own(actor, resource_id)
    _may_lend(actor, row, _places_of(row), location_id, permission)
    return row


def _may_lend(
    actor: Actor, row: Resource, works_at: Collection[int], location_id: int, permission: Permission
) -> None:
    if location_id in {row.location_id, *works_at} or row.location_id is None:
        return
    if not actor.may(permission, row.location_id):
        raise NotFound


def _writable(actor: Actor, resource_id: int) -> Resource:
    row = _own(actor, resource_id)
    everywhere = actor.locations(Permission.SETTINGS_WRITE) is None
    if row.location_id is None and not everywhere:
        # Who belongs to no location is changed by managers of where they work.
        if any(actor.may(Permission.SETTINGS_WRITE, one) for one in _places_of(row)):
            return row
        raise NotFound
    actor.need(Permission.SETTINGS_WRITE, row.location_id)
    return row


def _places_of(row: Resource) -> set[int]:
    found = set(row.working_hours.values_list("location_id", flat=True).distinct())
    return found | ({row.location_id} if row.location_id else set())


def _line(row: Resource) -> ResourceLine:
    able = tuple(sorted(one.name for one in row.capabilities.all()))
    return ResourceLine(row.pk, row.name, row.kind, row.location_id, row.active, able)
