"""What visits stand on: the locations of an import, their rooms and practitioners, and the visit types with what they need.

Made once; what staff changed since is theirs. New rooms and people of a later export are added, and who left is put out of use.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from django.db import transaction
from django.utils.text import slugify

from carewheel.interop.records import LocationRecord, ProviderRecord, ResourceRecord
from carewheel.interop.records.persons import PersonRecord
from carewheel.practice.imports.spool import SourceSeen, Spool, TypeSeen
from carewheel.practice.models import (
    Capability,
    Location,
    Organisation,
    Resource,
    StaffMember,
    VisitNeed,
    VisitType,
)

USUAL_MINUTES = 30
# A type needs a room, or somebody of one role, if so many of its visits had it.
MOST = 0.8
# Kinds of resource that two visits cannot share, by the readers' words; the rest are devices.
_ROOMS = frozenset({"chair", "room", "operatory", ""})


@dataclass
class Ground:
    """What the visits of one source refer to, by the source's own words. ``zone_unknown``: a location without a zone was made."""

    organisation: Organisation
    source: str
    locations: dict[str, Location] = field(default_factory=dict)
    rooms: dict[str, int] = field(default_factory=dict)
    practitioners: dict[str, int] = field(default_factory=dict)
    types: dict[str, VisitType] = field(default_factory=dict)
    zone_unknown: bool = False

    def place(self, key: str) -> Location | None:
        """The location of that name, or the only one that there is."""
        only = next(iter(self.locations.values())) if len(self.locations) == 1 else None
        return self.locations.get(key) or only

    def practitioner(self, key: str) -> int | None:
        """The resource of a provider; one that no list names is made by its number."""
        if not key:
            return None
        if key not in self.practitioners:
            self.practitioners[key] = _resource(
                self, Resource.Kind.PRACTITIONER, key, f"Practitioner {key}", None
            ).pk
        return self.practitioners[key]

    def room(self, key: str, place: Location) -> int | None:
        """The resource of a room or chair."""
        if not key:
            return None
        if key not in self.rooms:
            self.rooms[key] = _resource(self, Resource.Kind.ROOM, key, _room_name("room", key), place).pk
        return self.rooms[key]


def lay(
    organisation: Organisation, source: str, number: int, spool: Spool, known: dict[str, LocationRecord], zone: str
) -> Ground:  # fmt: skip
    """Locations, rooms, people and visit types of one source. ``known``: what all sources say of locations."""
    ground = Ground(organisation, source)
    seen = spool.seen[number]
    with transaction.atomic():
        for key in seen.places:
            _claim(ground, key, known.get(key), zone)
        if not ground.locations:
            return ground
        for room in spool.of_kind(number, "resource"):
            _take_room(ground, room)
        _take_people(ground, spool.of_kind(number, "provider"))
        _take_types(ground, seen)
    return ground


def elsewhere(ground: Ground) -> Ground:
    """For a source that keeps no book: the locations of the others, by their own ids, so that its people find their home."""
    places = Location.objects.filter(organisation=ground.organisation).exclude(source_id="")
    return Ground(ground.organisation, ground.source, {place.source_id: place for place in places})


def _claim(ground: Ground, key: str, told: LocationRecord | None, zone: str) -> None:
    """The location if its book is this source's, or nobody's yet."""
    organisation = ground.organisation
    source_id = key or ground.source
    found = (
        Location.objects.select_for_update().filter(organisation=organisation, source_id=source_id).exclude(source="").first()
    )  # fmt: skip
    if found is None:
        named = told.zone if told else ""
        ground.zone_unknown |= not (named or zone)
        title = (told.name if told else "") or key or organisation.name
        found = Location.objects.create(
            organisation=organisation, name=title[:200], zone=named or zone or "UTC", mode=Location.Mode.BESIDE,
            source=ground.source, source_id=source_id, slug=_slug(title),
        )  # fmt: skip
    if found.source == ground.source:
        ground.locations[key] = found


def _slug(title: str) -> str:
    stem = slugify(title)[:70] or "place"
    # Of all organisations: the address of a booking page names the location alone.
    taken = set(Location.objects.filter(slug__startswith=stem).values_list("slug", flat=True))
    return next(
        name for name in (stem, *(f"{stem}-{n}" for n in range(2, len(taken) + 3))) if name not in taken
    )


def _take_room(ground: Ground, told: ResourceRecord) -> None:
    place = ground.place(told.location_id)
    kind = Resource.Kind.ROOM if told.kind in _ROOMS else Resource.Kind.EQUIPMENT
    made = _resource(ground, kind, told.resource_id, _room_name(told.kind, told.resource_id), place, told.active is not False)  # fmt: skip
    if kind == Resource.Kind.ROOM:
        ground.rooms[told.resource_id] = made.pk


def _room_name(kind: str, key: str) -> str:
    return f"{kind or 'room'} {key}".capitalize()


def _take_people(ground: Ground, told: Iterable[ProviderRecord | PersonRecord]) -> None:
    roles: dict[str, ProviderRecord] = {}
    names: dict[str, PersonRecord] = {}
    for one in told:
        if isinstance(one, ProviderRecord):
            roles[one.provider_key] = one
        else:
            names[one.source_id] = one
    for key, provider in roles.items():
        person = names.get(key)
        name = f"{person.given_name} {person.family_name}".strip() if person else ""
        place = ground.place(provider.location_id)
        active = provider.active is not False
        made = _resource(
            ground, Resource.Kind.PRACTITIONER, key, name or f"Practitioner {key}", place, active
        )
        ground.practitioners[key] = made.pk
        if provider.role:
            able, _ = Capability.objects.get_or_create(
                organisation=ground.organisation, name=provider.role[:80]
            )
            made.capabilities.add(able)
        StaffMember.objects.get_or_create(
            organisation=ground.organisation, source=ground.source, source_id=key,
            defaults={"name": made.name, "job": provider.role[:80], "resource": made, "location": place},
        )  # fmt: skip


def _resource(
    ground: Ground, kind: str, key: str, name: str, place: Location | None, active: bool = True
) -> Resource:
    found, made = Resource.objects.get_or_create(
        organisation=ground.organisation, source=ground.source, kind=kind, source_id=key[:120],
        defaults={"name": name[:200], "location": place, "active": active, "order": _order(key)},
    )  # fmt: skip
    if not made and found.active and not active:
        found.active = False
        found.save(update_fields=["active"])
    return found


def _order(key: str) -> int:
    """Chair 10 stands after chair 9."""
    return int(key) if key.isdigit() and len(key) < 5 else 0


def _take_types(ground: Ground, seen: SourceSeen) -> None:
    able = Resource.capabilities.through.objects.filter(resource_id__in=ground.practitioners.values())
    roles = dict(able.values_list("resource_id", "capability_id"))
    for name, told in sorted(seen.types.items()):
        if not name or not told.visits:
            continue
        one, made = _type(ground, name, told)
        ground.types[name] = one
        if made:
            _need(ground, one, told, roles)


def _type(ground: Ground, code: str, told: TypeSeen) -> tuple[VisitType, bool]:
    """The visit type of a code, and whether it is new. It is known by its code, so that people may call it what they like; one that is still called by its
    code gets the name that the source has for it."""
    types = VisitType.objects.filter(organisation=ground.organisation)
    one = types.filter(code=code[:60]).first() or types.filter(name=code[:120]).first()
    name = told.names.most_common(1)[0][0][:120] if told.names else code[:120]
    if types.filter(name=name).exclude(pk=one.pk if one else 0).exists():
        # Two codes that the source calls alike.
        name = f"{name[:55]}, {code[:60]}"
    if one is None:
        minutes = told.minutes.most_common(1)[0][0] if told.minutes else USUAL_MINUTES
        one = VisitType.objects.create(
            organisation=ground.organisation, name=name, minutes=minutes, code=code[:60]
        )
        return one, True
    if one.name == code[:120] != name:
        one.name = name
        one.save(update_fields=["name"])
    return one, False


def _need(ground: Ground, one: VisitType, told: TypeSeen, roles: dict[int, int]) -> None:
    """Somebody of the role that nearly all of its visits had, and a room if they had one; the whole time, as imports know no better."""
    by_role: dict[int | None, int] = {}
    for key, visits in told.providers.items():
        role = roles.get(ground.practitioners.get(key, 0))
        by_role[role] = by_role.get(role, 0) + visits
    order = 0
    if told.providers:
        need = VisitNeed.objects.create(
            visit_type=one, kind=Resource.Kind.PRACTITIONER, to_minute=one.minutes, order=order
        )
        role, visits = max(by_role.items(), key=lambda pair: pair[1])
        if role is not None and visits >= MOST * sum(by_role.values()):
            need.capabilities.add(role)
        order += 1
    if told.in_rooms >= MOST * told.visits:
        VisitNeed.objects.create(visit_type=one, kind=Resource.Kind.ROOM, to_minute=one.minutes, order=order)


def newest(locations: Iterable[LocationRecord], into: dict[str, LocationRecord]) -> None:
    """Add what a source says of locations: name and zone where no better source has said them."""
    for told in locations:
        known = into.get(told.location_id)
        if known is None:
            into[told.location_id] = told
        else:
            into[told.location_id] = known._replace(
                name=known.name or told.name, zone=known.zone or told.zone
            )


def moment(value: datetime | None, zone: ZoneInfo) -> datetime | None:
    """A moment of a source in UTC; a wall clock gets the zone of its location.

    In UTC at once: clock times that a change to summer time skips are equal to nothing, not even to themselves read back.
    """
    if value is None:
        return None
    return (value if value.tzinfo else value.replace(tzinfo=zone)).astimezone(UTC)
