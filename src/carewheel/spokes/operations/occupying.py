"""Taking and giving back time: the rows are locked in order, hours, leave and what is booked asked again, and only then is something taken.

Whoever takes or frees holds the locks of the resources (PostgreSQL: rows in order of their ids; SQLite: one writer at a time), so that what is
read after them stays so until the end of the transaction. The constraint ``occupancy_no_overlap`` holds even where a program forgets this.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import F, Q

from carewheel.practice.access import Actor, Refused
from carewheel.practice.models import Location, Occupancy, Resource, Visit, WorkingHours
from carewheel.practice.no_overlap import LONGEST
from carewheel.spokes.operations.calendars import Named
from carewheel.spokes.operations.hours import STANDING, place_hours
from carewheel.spokes.operations.rules.booking import NeedLine, chosen
from carewheel.spokes.operations.rules.hours import covers, meets, minute
from carewheel.spokes.operations.transactions import slot_taken

# What can stand against a resource, the lightest first: with an override the lighter is taken.
TAKEN, OUTSIDE, LEAVE, NOT_ABLE = "slot-taken", "outside-hours", "on-leave", "not-able"
WEIGHT = {TAKEN: 1, OUTSIDE: 2, LEAVE: 4, NOT_ABLE: 8}


@dataclass(frozen=True, slots=True)
class Wanted:
    """A visit to be placed. ``only``: kinds with the resources among which theirs must be; ``prefer``: taken where free; ``visit_id``: whose
    own time does not stand against it; ``override``: staff say that nothing does."""

    location: Location
    needs: tuple[NeedLine, ...]
    starts_at: datetime
    ends_at: datetime
    only: Named
    prefer: tuple[int, ...] = ()
    visit_id: int | None = None
    override: bool = False


@dataclass(frozen=True, slots=True)
class Placed:
    """The rows to be taken, and what was overridden for them."""

    rows: tuple[Occupancy, ...]
    overridden: tuple[str, ...]


def candidates(wanted: Wanted) -> dict[int, str]:
    """Who and what could serve, with the kind of each, in order of their ids: the named ones that belong to the place or are had already, else
    all of the kind that are ever there. So nobody takes another place's time, whatever reason they give."""
    kinds = {need.kind for need in wanted.needs}
    works = Q(pk__in=WorkingHours.objects.filter(location=wanted.location).values("resource"))
    here = Q(location=wanted.location, kind__in=STANDING) | works
    named = {one for kind in kinds & set(wanted.only) for one in wanted.only[kind]}
    belongs = Q(location=wanted.location) | works | Q(pk__in=wanted.prefer)
    asked = (Q(pk__in=named) & belongs) | (Q(kind__in=kinds - set(wanted.only)) & here)
    rows = Resource.objects.filter(asked, organisation=wanted.location.organisation_id, active=True)
    return dict(rows.order_by("pk").values_list("pk", "kind"))


def plainly_taken(actor: Actor, wanted: Wanted) -> bool:
    """Whether for some need everybody who could serve is booked, as far as can be seen without lock."""
    able = candidates(wanted)
    return _all_taken(wanted, able, _taken(actor, wanted, able))


def _taken(actor: Actor, wanted: Wanted, able: Collection[int]) -> dict[int, list[tuple[datetime, datetime]]]:
    """What is booked of resources while the visit lasts; its own time and run-out holds do not count."""
    rows = Occupancy.objects.filter(
        resource__in=able,
        starts_at__lt=wanted.ends_at,
        starts_at__gte=wanted.starts_at - LONGEST,
        ends_at__gt=wanted.starts_at,
    ).exclude(visit__status=Visit.Status.PROPOSED, visit__hold_until__lte=actor.at)
    found: dict[int, list[tuple[datetime, datetime]]] = defaultdict(list)
    for resource, a, b in rows.exclude(visit=wanted.visit_id).values_list(
        "resource_id", "starts_at", "ends_at"
    ):
        found[resource].append((a, b))
    return found


def _all_taken(
    wanted: Wanted, able: Mapping[int, str], taken: dict[int, list[tuple[datetime, datetime]]]
) -> bool:
    for need in wanted.needs:
        start = wanted.starts_at + timedelta(minutes=need.from_minute)
        end = wanted.starts_at + timedelta(minutes=need.to_minute)
        serving = [one for one, kind in able.items() if kind == need.kind]
        if serving and all(any(a < end and start < b for a, b in taken.get(one, ())) for one in serving):
            return True
    return False


def lock(resource_ids: Collection[int]) -> None:
    """Hold the rows of resources, in order of their ids, until the end of the transaction."""
    rows = Resource.objects.select_for_update(no_key=True, of=("self",))
    list(rows.filter(pk__in=resource_ids).order_by("pk").values_list("pk", flat=True))


def place_visit(actor: Actor, wanted: Wanted, able: Mapping[int, str]) -> Placed:
    """A resource for each need, among those that are locked. Raises `Conflict` ``slot-taken``, or `Refused` with what stands against it:
    ``closed``, ``outside-hours``, ``on-leave``, ``not-able``, ``no-resource``."""
    start, end = wanted.starts_at, wanted.ends_at
    taken = _taken(actor, wanted, able)
    if not wanted.override and _all_taken(wanted, able, taken):
        # Most of many who want the same end here, so that the next need not wait long.
        raise slot_taken()
    lapse(actor, able, start, end)
    near = start - timedelta(hours=1), end + timedelta(hours=1)
    hours = place_hours({wanted.location.pk: wanted.location.zone}, *near, only=able)[wanted.location.pk]
    there = {one.id: one for one in hours.resources}
    order = {one.id: n for n, one in enumerate(hours.resources)}
    skills = _skills(able) if any(need.capabilities for need in wanted.needs) else {}
    against: dict[int, dict[int, set[str]]] = {}
    for need in wanted.needs:
        a, b = start + timedelta(minutes=need.from_minute), start + timedelta(minutes=need.to_minute)
        low, high = minute(a), minute(b)
        against[need.order] = {}
        for one, kind in able.items():
            if kind != need.kind:
                continue
            found = set()
            if not need.capabilities <= skills.get(one, frozenset()):
                found.add(NOT_ABLE)
            if one not in there or not covers(there[one].spans, low, high):
                found.add(OUTSIDE)
            elif meets(there[one].away, low, high):
                found.add(LEAVE)
            if any(x < b and a < y for x, y in taken.get(one, ())):
                found.add(TAKEN)
            against[need.order][one] = found
    overridden: set[str] = set()
    if not covers(hours.open, minute(start), minute(end)):
        if not wanted.override:
            raise Refused("closed", "The practice is closed then.", "Choose another time.")
        overridden.add("closed")
    free = {
        k: sorted(
            (one for one, found in options.items() if not found), key=lambda r: (order.get(r, len(order)), r)
        )
        for k, options in against.items()
    }
    who = chosen(wanted.needs, free, wanted.prefer)
    if who is None:
        if not wanted.override:
            raise _refusal(against, free)
        who = _in_spite(wanted, against)
    made = []
    for need, one in zip(wanted.needs, who, strict=True):
        found = against[need.order][one]
        overridden |= found
        made.append(
            Occupancy(
                resource_id=one,
                starts_at=start + timedelta(minutes=need.from_minute),
                ends_at=start + timedelta(minutes=need.to_minute),
                need_order=need.order,
                overbooks=TAKEN in found,
            )
        )
    return Placed(tuple(made), tuple(sorted(overridden)))


def _in_spite(wanted: Wanted, against: dict[int, dict[int, set[str]]]) -> tuple[int, ...]:
    """Whoever has the least against it."""
    options = {
        k: sorted(found, key=lambda r: (sum(WEIGHT[what] for what in found[r]), r not in wanted.prefer, r))
        for k, found in against.items()
    }
    who = chosen(wanted.needs, options)
    if who is None:
        raise _missing()
    return who


def _refusal(against: dict[int, dict[int, set[str]]], free: dict[int, list[int]]) -> Refused:
    """What to say: of the first need that nobody is free for, what stands against the one who came nearest."""
    for k, options in against.items():
        if free[k]:
            continue
        if not options:
            return _missing()
        nearest = min(options.values(), key=lambda found: sum(WEIGHT[what] for what in found))
        worst = max(nearest, key=lambda what: WEIGHT[what])
        if worst == OUTSIDE:
            return Refused(
                OUTSIDE, "Nobody who is needed is there at this time.", "Choose another time or person."
            )
        if worst == LEAVE:
            return Refused(LEAVE, "Who is needed is away at this time.", "Choose another time or person.")
        if worst == NOT_ABLE:
            return Refused(
                NOT_ABLE, "This person, room or device is not for this visit.", "Choose another one."
            )
        break
    return slot_taken()


def _missing() -> Refused:
    return Refused(
        "no-resource", "The place has not all that this visit needs.", "Add the person, room or device, or change the visit type."
    )  # fmt: skip


def _skills(able: Collection[int]) -> dict[int, frozenset[int]]:
    found: dict[int, set[int]] = defaultdict(set)
    through = Resource.capabilities.through.objects
    for resource, one in through.filter(resource__in=able).values_list("resource_id", "capability_id"):
        found[resource].add(one)
    return {resource: frozenset(ids) for resource, ids in found.items()}


def take(visit: Visit, placed: Placed) -> None:
    """Write the rows for a visit in the place of those that it had."""
    Occupancy.objects.filter(visit=visit).delete()
    for row in placed.rows:
        row.visit = visit
    Occupancy.objects.bulk_create(placed.rows)


def lapse(actor: Actor, resource_ids: Collection[int], start: datetime, end: datetime) -> None:
    """Take the time of run-out holds from locked resources, between two moments. The visits themselves end by `expire_holds`."""
    Occupancy.objects.filter(
        resource__in=resource_ids,
        starts_at__lt=end,
        starts_at__gte=start - LONGEST,
        ends_at__gt=start,
        visit__status=Visit.Status.PROPOSED,
        visit__hold_until__lte=actor.at,
    ).delete()


def touched(location_id: int, resource_ids: Collection[int]) -> None:
    """Say that what is booked of locked resources has moved: calendars and boards of every place where they are read it anew."""
    places = {location_id}
    if resource_ids:
        Resource.objects.filter(pk__in=resource_ids).update(bookings_version=F("bookings_version") + 1)
        places.update(
            WorkingHours.objects.filter(resource__in=resource_ids)
            .values_list("location_id", flat=True)
            .distinct()
        )
    rows = Location.objects.filter(pk__in=places)
    if len(places) > 1:
        # In order, as the resources: an UPDATE takes them as it likes.
        list(rows.select_for_update(no_key=True).order_by("pk").values_list("pk", flat=True))
    rows.update(calendar_version=F("calendar_version") + 1, bookings_version=F("bookings_version") + 1)


def had(visit: Visit) -> list[int]:
    """The resources that a visit has, or its group."""
    rows = Occupancy.objects.filter(visit=visit.group_id or visit.pk)
    return sorted(set(rows.values_list("resource_id", flat=True)))


def people(resource_ids: Collection[int]) -> tuple[int, ...]:
    """The persons among resources: whoever is seen by somebody stays with them, while a room is as good as another."""
    kinds = (Resource.Kind.PRACTITIONER, Resource.Kind.ASSISTANT)
    return tuple(Resource.objects.filter(pk__in=resource_ids, kind__in=kinds).values_list("pk", flat=True))
