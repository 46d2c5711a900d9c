"""Visit types with what they need, as booking reads them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass

from carewheel.practice.access import NotFound, Refused
from carewheel.practice.models import Location, Resource, VisitNeed, VisitType
from carewheel.spokes.operations.rules.booking import NeedLine, TypeRules, stretched


@dataclass(frozen=True, slots=True)
class TypeWithNeeds:
    """A visit type and its needs in order."""

    type: VisitType
    needs: tuple[NeedLine, ...]

    @property
    def rules(self) -> TypeRules:
        one = self.type
        return TypeRules(
            one.online, one.minutes, one.for_new_patients, one.lead_minutes, one.horizon_days, one.most_open
        )

    def lasting(self, minutes: int | None) -> tuple[int, tuple[NeedLine, ...]]:
        """Minutes and needs of a visit that lasts so long (None: as planned). Raises `Refused` ``bad-length``."""
        length = self.type.minutes if minutes is None else minutes
        if not 0 < length <= 1_440:
            raise Refused("bad-length", "A visit takes a minute to a day.", "Give its minutes.")
        return length, stretched(self.needs, self.type.minutes, length)


def type_with_needs(organisation_id: int, type_id: int) -> TypeWithNeeds:
    """A visit type of an organisation. Raises `NotFound`; a type that is not active any more is there still, for its visits."""
    found = types_with_needs(organisation_id, (type_id,)).get(type_id)
    if found is None:
        raise NotFound("There is no such visit type.")
    return found


def types_with_needs(organisation_id: int, type_ids: Collection[int]) -> dict[int, TypeWithNeeds]:
    """Visit types of an organisation by their numbers, those that there are, in two queries."""
    types = {one.pk: one for one in VisitType.objects.filter(organisation=organisation_id, pk__in=type_ids)}
    able: dict[int, set[int]] = defaultdict(set)
    rows: dict[int, dict[int, tuple[str, int, int]]] = defaultdict(dict)
    columns = "visit_type_id", "pk", "kind", "from_minute", "to_minute", "capabilities"
    needs = VisitNeed.objects.filter(visit_type__in=types).order_by("order", "pk").values_list(*columns)
    for kind, pk, what, start, end, capability in needs if types else ():
        rows[kind][pk] = what, start, end
        if capability is not None:
            able[pk].add(capability)
    return {
        pk: TypeWithNeeds(
            one,
            tuple(NeedLine(n, *row, frozenset(able[need])) for n, (need, row) in enumerate(rows[pk].items())),
        )
        for pk, one in types.items()
    }


def named_by_kind(organisation_id: int, resource_ids: Collection[int]) -> dict[str, frozenset[int]]:
    """Resources by kind. Raises `NotFound` where one does not exist in the organisation."""
    if not resource_ids:
        return {}
    found: dict[str, set[int]] = defaultdict(set)
    rows = Resource.objects.filter(organisation=organisation_id, pk__in=resource_ids).values_list(
        "pk", "kind"
    )
    for pk, kind in rows:
        found[kind].add(pk)
    if sum(map(len, found.values())) != len(set(resource_ids)):
        raise NotFound("There is no such practitioner, room or device.")
    return {kind: frozenset(ids) for kind, ids in sorted(found.items())}


def place(organisation_id: int, location_id: int) -> Location:
    """A location of an organisation. Raises `NotFound`."""
    found = Location.objects.filter(organisation=organisation_id, pk=location_id).first()
    if found is None:
        raise NotFound("There is no such place.")
    return found
