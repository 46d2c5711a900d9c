"""Locations: which an actor has to do with, when each is open, and changing both."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, time
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.db import transaction
from django.db.models import F
from django.utils.text import slugify

from carewheel.practice.access import Actor, NotFound, Permission, Refused
from carewheel.practice.audit import record
from carewheel.practice.models import Closure, Location, OpeningHours, Organisation

EDITABLE = frozenset({"name", "zone", "mode", "phone", "address", "active"})


@dataclass(frozen=True, slots=True)
class Place:
    """A location as pages name it. ``beside``: the practice system holds its book."""

    id: int
    name: str
    zone: str
    slug: str
    beside: bool
    phone: str
    address: str
    active: bool


@dataclass(frozen=True, slots=True)
class PlaceDetail:
    """A location with its hours (weekday, opens, closes) and the days on which it is closed."""

    place: Place
    hours: tuple[tuple[int, time, time], ...]
    closures: tuple[tuple[int, date, str], ...]


def places(actor: Actor, *, also_closed: bool = False) -> tuple[Place, ...]:
    """The locations of the organisation at which the actor has a role, by name. No permission beyond that is needed."""
    rows = Location.objects.filter(organisation_id=actor.organisation_id)
    held = {grant.location_id for grant in actor.grants}
    if not actor.system and None not in held:
        rows = rows.filter(pk__in=[one for one in held if one is not None])
    if not also_closed:
        rows = rows.filter(active=True)
    return tuple(_place(row) for row in rows.order_by("name", "id"))


def public_place(slug: str) -> tuple[int, Place]:
    """Organisation and location of a booking page, for anybody. Raises `NotFound`, also where the same name stands for two."""
    found = list(Location.objects.filter(slug=slug, active=True)[:2])
    if len(found) != 1:
        raise NotFound("There is no such booking page.")
    return found[0].organisation_id, _place(found[0])


def names_in_facts(actor: Actor, permission: Permission) -> frozenset[str] | None:
    """What the facts of the wheel call the locations at which something is allowed; None where it is allowed at all of the organisation."""
    actor.need(permission)
    allowed = actor.locations(permission)
    if allowed is None:
        return None
    rows = Location.objects.filter(organisation_id=actor.organisation_id, pk__in=allowed)
    return frozenset(source or f"CW{pk}" for pk, source in rows.values_list("pk", "source_id"))


def place_of_visit(actor: Actor, location_id: int) -> Place:
    """The location at which a patient has a visit: name, telephone, address. For whoever may see the visit."""
    return _place(_own(actor, location_id))


def place_detail(actor: Actor, location_id: int) -> PlaceDetail:
    """One location with hours and closed days from a year ago on."""
    actor.need(Permission.SETTINGS_READ, location_id)
    row = _own(actor, location_id)
    first = actor.at.date().replace(day=1)
    return PlaceDetail(
        _place(row),
        tuple(row.opening_hours.order_by("weekday", "opens").values_list("weekday", "opens", "closes")),
        tuple(row.closures.filter(date__gte=first.replace(year=first.year - 1)).order_by("date").values_list("id", "date", "name")),
    )  # fmt: skip


def add_place(actor: Actor, *, name: str, zone: str) -> Place:
    """A new location, open Monday to Friday from 8 to 17 until somebody says otherwise. Raises `Refused` (bad-name, bad-zone)."""
    actor.need(Permission.SETTINGS_WRITE)
    if actor.locations(Permission.SETTINGS_WRITE) is not None:
        raise Refused("forbidden", "Your role does not reach beyond your location.", "Ask an owner.")
    values = _checked({"name": name, "zone": zone})
    slug = slugify(str(values["name"]))[:70] or "location"
    taken = set(Location.objects.filter(slug__startswith=slug).values_list("slug", flat=True))
    slug = next(s for s in (slug, *(f"{slug}-{i}" for i in range(2, len(taken) + 3))) if s not in taken)
    with transaction.atomic():
        made = Location.objects.create(organisation_id=actor.organisation_id, slug=slug, **values)
        OpeningHours.objects.bulk_create(
            OpeningHours(location=made, weekday=day, opens=time(8), closes=time(17)) for day in range(5)
        )
        record(actor, "place-added", "location", made.pk, location_id=made.pk)
    return _place(made)


def change_place(actor: Actor, location_id: int, **changes: object) -> Place:
    """Change what is `EDITABLE` of a location."""
    actor.need(Permission.SETTINGS_WRITE, location_id)
    if unknown := set(changes) - EDITABLE:
        raise Refused("bad-fields", "This cannot be changed.", fields=sorted(unknown))
    row = _own(actor, location_id)
    values = _checked(changes)
    with transaction.atomic():
        Location.objects.filter(pk=row.pk).update(**values, calendar_version=F("calendar_version") + 1)
        record(actor, "place-changed", "location", row.pk, location_id=row.pk, fields=sorted(values))
    row.refresh_from_db()
    return _place(row)


def set_hours(actor: Actor, location_id: int, hours: Sequence[tuple[int, time, time]]) -> None:
    """Replace the opening hours: weekday (Monday 0), opens, closes. Raises `Refused` bad-hours for spans that end before they begin or overlap."""
    actor.need(Permission.SETTINGS_WRITE, location_id)
    row = _own(actor, location_id)
    spans = sorted(hours)
    overlap = any(a[0] == b[0] and b[1] < a[2] for a, b in itertools.pairwise(spans))
    if overlap or any(not 0 <= day <= 6 or closes <= opens for day, opens, closes in spans):
        raise Refused(
            "bad-hours",
            "Some hours end before they begin, or overlap.",
            "Correct them; leave a day empty when closed.",
        )
    with transaction.atomic():
        row.opening_hours.all().delete()
        OpeningHours.objects.bulk_create(
            OpeningHours(location=row, weekday=day, opens=opens, closes=closes)
            for day, opens, closes in spans
        )
        hours_moved([row.pk])
        record(actor, "hours-changed", "location", row.pk, location_id=row.pk)


def add_closure(actor: Actor, location_id: int, day: date, name: str) -> None:
    """Close a location on a day. Closing it twice changes nothing."""
    actor.need(Permission.SETTINGS_WRITE, location_id)
    row = _own(actor, location_id)
    with transaction.atomic():
        Closure.objects.get_or_create(location=row, date=day, defaults={"name": name.strip()[:120]})
        hours_moved([row.pk])
        record(actor, "closure-added", "location", row.pk, location_id=row.pk, date=day.isoformat())


def remove_closure(actor: Actor, location_id: int, closure_id: int) -> None:
    """Open a location again on a day on which it would have been closed."""
    actor.need(Permission.SETTINGS_WRITE, location_id)
    row = _own(actor, location_id)
    with transaction.atomic():
        gone, _ = row.closures.filter(pk=closure_id).delete()
        if not gone:
            raise NotFound
        hours_moved([row.pk])
        record(actor, "closure-removed", "location", row.pk, location_id=row.pk)


def organisation(actor: Actor) -> Organisation:
    """The actor's organisation: name, currency, whether it asks everybody for a second factor."""
    actor.need(Permission.SETTINGS_READ)
    return Organisation.objects.get(pk=actor.organisation_id)


def change_organisation(
    actor: Actor, *, name: str, currency: str, requires_mfa: bool, clock: str = Organisation.Clock.HOURS_24
) -> None:
    """Owners and managers of the whole organisation only. Raises `Refused` (bad-name, bad-currency, bad-fields)."""
    actor.need(Permission.SETTINGS_WRITE)
    if actor.locations(Permission.SETTINGS_WRITE) is not None:
        raise Refused("forbidden", "Your role does not reach beyond your location.", "Ask an owner.")
    currency = currency.strip().upper()
    if currency and not (len(currency) == 3 and currency.isalpha() and currency.isascii()):
        raise Refused("bad-currency", "A currency has three letters.", "Write USD, EUR …")
    if clock not in Organisation.Clock.values:
        raise Refused("bad-fields", "There is no such clock.", "Choose one of those shown.")
    values = _checked({"name": name})
    with transaction.atomic():
        Organisation.objects.filter(pk=actor.organisation_id).update(
            name=values["name"], currency=currency, requires_mfa=requires_mfa, clock=clock
        )
        record(
            actor, "organisation-changed", "organisation", actor.organisation_id, requires_mfa=requires_mfa
        )


def _own(actor: Actor, location_id: int) -> Location:
    row = Location.objects.filter(pk=location_id, organisation_id=actor.organisation_id).first()
    if row is None:
        raise NotFound
    return row


def hours_moved(location_ids: Collection[int]) -> None:
    """Hours, leave or resources of locations changed: calendars in memory are built anew."""
    Location.objects.filter(pk__in=location_ids).update(calendar_version=F("calendar_version") + 1)


def _checked(given: dict[str, object]) -> dict[str, object]:
    values = {k: v.strip() if isinstance(v, str) else v for k, v in given.items()}
    if "name" in values and not 1 <= len(str(values["name"])) <= 200:
        raise Refused("bad-name", "The name is empty or too long.", "Give a name of at most 200 signs.")
    if "zone" in values:
        try:
            ZoneInfo(str(values["zone"]))
        except (ZoneInfoNotFoundError, ValueError) as error:
            raise Refused(
                "bad-zone", "There is no such time zone.", "Use a name such as America/New_York."
            ) from error
    if values.get("mode", Location.Mode.MASTER) not in Location.Mode.values:
        raise Refused("bad-mode", "There is no such mode.", "Choose one of those shown.")
    return values


def _place(row: Location) -> Place:
    return Place(row.pk, row.name, row.zone, row.slug, row.mode == Location.Mode.BESIDE, row.phone, row.address, row.active)  # fmt: skip


def board_numbers(location_ids: Collection[int]) -> dict[int, int]:
    """The number of each location that moves with every change of its book, for live updates; whoever asks has asked for permission."""
    rows = Location.objects.filter(pk__in=location_ids)
    return dict(rows.values_list("pk", "calendar_version"))
