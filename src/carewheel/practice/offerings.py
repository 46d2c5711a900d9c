"""Visit types: what can be booked, for whom, with which needs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from django.db import transaction
from django.db.models import F, QuerySet

from carewheel.practice.access import Actor, NotFound, Permission, Refused
from carewheel.practice.audit import record
from carewheel.practice.models import Location, Resource, VisitNeed, VisitType
from carewheel.practice.resources import ResourceLine, capabilities, resources_at

EDITABLE = frozenset(
    {"name", "minutes", "seats", "online", "for_new_patients", "lead_minutes", "horizon_days", "most_open", "late_cancel_minutes", "instructions", "active"}
)  # fmt: skip
# The columns of an `Offering` before its needs.
SHOWN = (
    "id", "name", "minutes", "seats", "online", "for_new_patients", "lead_minutes", "horizon_days", "most_open", "late_cancel_minutes",
    "instructions", "active",
)  # fmt: skip
MOST_NEEDS = 8


@dataclass(frozen=True, slots=True)
class NeedLine:
    """One thing a visit needs for some of its minutes."""

    kind: str
    from_minute: int
    to_minute: int
    able: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Offering:
    """A visit type as pages show it."""

    id: int
    name: str
    minutes: int
    seats: int
    online: str
    for_new_patients: bool
    lead_minutes: int
    horizon_days: int
    most_open: int
    late_cancel_minutes: int
    instructions: str
    active: bool
    needs: tuple[NeedLine, ...] = ()


def offerings(actor: Actor, *, also_inactive: bool = False) -> tuple[Offering, ...]:
    """The visit types of the organisation, by name. For everybody with a role in it: they are on the booking page anyway."""
    rows = VisitType.objects.filter(organisation_id=actor.organisation_id)
    return _with_needs(rows if also_inactive else rows.filter(active=True))


def public_offerings(organisation_id: int, location_id: int) -> tuple[Offering, ...]:
    """What patients see on the booking page of a location: the types that it has all for."""
    rows = VisitType.objects.filter(organisation_id=organisation_id, active=True)
    there = resources_at(organisation_id, location_id)
    shown = _with_needs(rows.exclude(online=VisitType.Online.HIDDEN))
    return tuple(one for one in shown if is_offered(one, there))


def is_offered(offering: Offering, there: Sequence[ResourceLine]) -> bool:
    """Whether for each need somebody or something that is able to serve it is among those of a location, whenever they are there."""
    return all(
        any(one.kind == need.kind and set(need.able) <= set(one.able) for one in there if one.active)
        for need in offering.needs
    )


def offering(actor: Actor, type_id: int) -> Offering:
    """One visit type with its needs."""
    actor.need(Permission.SETTINGS_READ)
    found = _with_needs(VisitType.objects.filter(pk=type_id, organisation_id=actor.organisation_id))
    if not found:
        raise NotFound
    return found[0]


def save_offering(actor: Actor, type_id: int | None, values: Mapping[str, Any], needs: Sequence[NeedLine]) -> Offering:  # fmt: skip
    """Make (None) or change a visit type with all its needs; visits that are booked keep what they have.

    Raises `Refused`: bad-fields, bad-name, bad-minutes, bad-needs, name-taken.
    """
    actor.need(Permission.SETTINGS_WRITE)
    if actor.locations(Permission.SETTINGS_WRITE) is not None:
        raise Refused("forbidden", "Your role does not reach beyond your location.", "Ask an owner.")
    if unknown := set(values) - EDITABLE:
        raise Refused("bad-fields", "This cannot be changed.", fields=sorted(unknown))
    row = VisitType(organisation_id=actor.organisation_id) if type_id is None else _own(actor, type_id)
    for name, value in values.items():
        setattr(row, name, value.strip() if isinstance(value, str) else value)
    _check(row, needs)
    taken = VisitType.objects.filter(organisation_id=actor.organisation_id, name=row.name).exclude(pk=row.pk)
    if taken.exists():
        raise Refused("name-taken", "There is a visit type of this name.", "Choose another name.")
    with transaction.atomic():
        row.save()
        row.needs.all().delete()
        for order, need in enumerate(needs):
            made = VisitNeed.objects.create(
                visit_type=row,
                kind=need.kind,
                from_minute=need.from_minute,
                to_minute=need.to_minute,
                order=order,
            )
            made.capabilities.set(capabilities(actor, need.able))
        Location.objects.filter(organisation_id=actor.organisation_id).update(
            calendar_version=F("calendar_version") + 1
        )
        record(actor, "visit-type-saved", "visit-type", row.pk, fields=sorted(values))
    return _line(row, tuple(needs))


def _check(row: VisitType, needs: Sequence[NeedLine]) -> None:
    if not 1 <= len(row.name) <= 120:
        raise Refused("bad-name", "The name is empty or too long.", "Give a name of at most 120 signs.")
    if not 1 <= row.minutes <= 1440 or not 1 <= row.seats <= 100:
        raise Refused("bad-minutes", "The length or the number of seats cannot be.", "Give 1 to 1440 minutes, 1 to 100 seats.")  # fmt: skip
    if row.online not in VisitType.Online.values or min(row.lead_minutes, row.horizon_days, row.most_open, row.late_cancel_minutes) < 0:  # fmt: skip
        raise Refused("bad-fields", "Some value cannot be.", "Correct the rules for patients.")
    if not 1 <= len(needs) <= MOST_NEEDS:
        raise Refused("bad-needs", "A visit needs somebody or something.", f"Name one to {MOST_NEEDS} needs.")
    for need in needs:
        if need.kind not in Resource.Kind.values or not 0 <= need.from_minute < need.to_minute <= row.minutes:
            raise Refused("bad-needs", "A need lies outside of the visit.", "Give minutes from 0 to its length.")  # fmt: skip


def _own(actor: Actor, type_id: int) -> VisitType:
    row = VisitType.objects.filter(pk=type_id, organisation_id=actor.organisation_id).first()
    if row is None:
        raise NotFound
    return row


def _with_needs(rows: QuerySet[VisitType]) -> tuple[Offering, ...]:
    """By name, in one query: a row for each need and what it asks to be able to do."""
    needs = "needs__pk", "needs__kind", "needs__from_minute", "needs__to_minute", "needs__capabilities__name"
    ordered = rows.order_by("name", "pk", "needs__order", "needs__pk", "needs__capabilities__name")
    found: dict[int, Offering] = {}
    lines: dict[int, dict[int, NeedLine]] = {}
    for *values, need, kind, start, end, able in ordered.values_list(*SHOWN, *needs):
        one = found.setdefault(values[0], Offering(*values))
        if need is not None:
            known = lines.setdefault(one.id, {}).get(need) or NeedLine(kind, start, end)
            lines[one.id][need] = replace(known, able=(*known.able, able)) if able else known
    return tuple(replace(one, needs=tuple(lines.get(one.id, {}).values())) for one in found.values())


def _line(row: VisitType, needs: tuple[NeedLine, ...] = ()) -> Offering:
    return replace(Offering(*(getattr(row, name) for name in SHOWN)), needs=needs)
