"""What happened in the practice since the last time, into the facts that the wheel is measured from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from decimal import Decimal
from functools import cache
from typing import Any, get_args, get_type_hints

from carewheel.interop.files import SourceFile
from carewheel.interop.records import TABLE_OF, Record
from carewheel.practice.access import Actor
from carewheel.practice.facts import OWN
from carewheel.practice.models import Location, Patient, PendingFact, Resource
from carewheel.warehouse.load import importing
from carewheel.warehouse.spool import SourceSetting
from carewheel.warehouse.workspace import Workspace

BATCH = 2_000
_RECORDS = {table: kind for kind, table in TABLE_OF.items()}
# Columns that name rows of the operational tables, and of which.
_ROWS: dict[str, type[Patient] | type[Resource] | type[Location]] = {
    "patient_key": Patient,
    "provider_key": Resource,
    "resource_id": Resource,
    "location_id": Location,
}
# Where a practice system holds the book, its own export tells of bookings; told here too they would count twice.
_ITS_OWN = frozenset({"appointment"})


def take_facts(workspace: Workspace, actor: Actor) -> int:
    """Take the facts that wait, in one load of the warehouse; returns how many. Taken twice after a crash they change nothing.

    People get the identifiers of their source, so that their pseudonyms are those of its imports. Raises `WorkspaceRefused` while
    somebody else writes to the workspace.
    """
    waiting = PendingFact.objects.filter(
        organisation_id=actor.organisation_id, taken_at__isnull=True
    ).order_by("id")
    facts = list(waiting[:BATCH])
    if not facts:
        return 0
    places = {str(one.pk): one for one in Location.objects.filter(organisation_id=actor.organisation_id)}
    organisation = next(iter(places.values())).organisation if places else None
    by_place: dict[str, list[PendingFact]] = {}
    for fact in facts:
        by_place.setdefault(str(fact.record.get("location_id", "")), []).append(fact)
    with importing(workspace, invented=bool(organisation and organisation.invented)) as run:
        for key, told in sorted(by_place.items()):
            place = places.get(key)
            setting = SourceSetting(
                OWN, "practice", place.zone if place else "", organisation.currency if organisation else "",
                people_of=(place.source if place else "") or OWN,
            )  # fmt: skip
            sink = run.sink(f"{OWN}/{key}", OWN, setting)
            with sink.file(SourceFile(workspace.root, f"{OWN} {key}")) as out:
                names = _names(told, setting.people_of)
                for fact in told:
                    if place and place.mode == Location.Mode.BESIDE and fact.table in _ITS_OWN:
                        out.ignore("the practice system tells of its bookings itself")
                        continue
                    out.add(_record(fact, names))
                    out.used()
        run.commit()
    PendingFact.objects.filter(pk__in=[fact.pk for fact in facts]).update(taken_at=actor.at)
    return len(facts)


def _names(facts: Iterable[PendingFact], people_of: str) -> Mapping[tuple[str, str], str]:
    """By column and primary key: the identifier of the source, or one of ours for who is not of it."""
    names: dict[tuple[str, str], str] = {}
    for column, model in _ROWS.items():
        keys = {str(fact.record[column]) for fact in facts if fact.record.get(column)}
        for row in model.objects.filter(pk__in=keys):
            its_own = row.source_id and (row.source == people_of or column == "location_id")
            names[column, str(row.pk)] = row.source_id if its_own else f"CW{row.pk}"
    return names


def _record(fact: PendingFact, names: Mapping[tuple[str, str], str]) -> Record:
    kind = _RECORDS[fact.table]
    types = _types(kind)
    values = {name: _value(types[name], value) for name, value in fact.record.items()}
    for column in _ROWS:
        if values.get(column):
            values[column] = names.get((column, str(values[column])), f"CW{values[column]}")
    values |= {"source_id": fact.source_id, "recorded_at": fact.recorded_at}
    record: Record = kind(**values)
    return record


@cache
def _types(kind: type) -> dict[str, tuple[Any, ...]]:
    """The types that each column may have."""
    return {name: get_args(hint) or (hint,) for name, hint in get_type_hints(kind).items()}


def _value(types: tuple[Any, ...], value: Any) -> Any:
    """What `facts.tell` wrote as JSON, as the record has it."""
    if Decimal in types:
        return Decimal(value)
    if datetime in types:
        return datetime.fromisoformat(value)
    return date.fromisoformat(value) if date in types else value
