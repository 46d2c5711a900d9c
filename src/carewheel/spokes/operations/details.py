"""Visits as pages show them, many in three queries."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import QuerySet

from carewheel.practice.models import Occupancy, Visit
from carewheel.practice.models.patients import shown_name
from carewheel.spokes.operations.contracts_booking import Occupied, VisitDetail
from carewheel.spokes.operations.models import OutboundChange

# Plain values: a week of a large place would spend its time on making rows into objects.
COLUMNS = (
    "pk", "version", "location_id", "location__name", "location__zone", "location__mode", "status", "starts_at", "ends_at", "visit_type_id",
    "visit_type__name", "visit_type__seats", "patient_id", "patient__given_name", "patient__family_name", "patient__source_id", "group_id",
    "hold_until", "arrived_at", "roomed_at", "with_clinician_at", "done_at", "cancelled_at", "cancel_reason", "late_cancel", "is_new_patient",
    "no_show_risk", "override_reason", "channel", "series_id",
)  # fmt: skip
TAKEN = ("visit_id", "resource_id", "resource__name", "resource__kind", "starts_at", "ends_at", "overbooks")
Row = Mapping[str, Any]


def details(visits: QuerySet[Visit]) -> tuple[VisitDetail, ...]:
    """In the order of the query. A group is shown once, with how many are in it; its members have its people and rooms."""
    rows: list[Row] = [dict(zip(COLUMNS, row, strict=True)) for row in visits.values_list(*COLUMNS)]
    holders = {row["group_id"] or row["pk"] for row in rows}
    occupied: dict[int, list[tuple[Any, ...]]] = defaultdict(list)
    found = Occupancy.objects.filter(visit__in=holders).order_by("need_order", "pk")
    for visit_id, *one in found.values_list(*TAKEN):
        occupied[visit_id].append(tuple(one))
    outside = [row["pk"] for row in rows if row["location__mode"] == "beside"]
    states = {}
    if outside:
        changes = OutboundChange.objects.filter(visit__in=outside).order_by("pk")
        states = dict(changes.values_list("visit_id", "state"))
    groups = [row["pk"] for row in rows if _is_group(row)]
    seated: dict[int, int] = defaultdict(int)
    if groups:
        members = Visit.objects.filter(group__in=groups, status__in=Visit.OCCUPYING)
        for group in members.values_list("group_id", flat=True):
            seated[group or 0] += 1
    return tuple(
        _detail(row, occupied[row["group_id"] or row["pk"]], states.get(row["pk"], ""), seated)
        for row in rows
    )


def _is_group(row: Row) -> bool:
    return (row["visit_type__seats"] or 1) > 1 and row["group_id"] is None


def _detail(row: Row, occupied: Sequence[tuple[Any, ...]], state: str, seated: dict[int, int]) -> VisitDetail:
    zone = ZoneInfo(row["location__zone"])

    def local(when: datetime | None) -> datetime | None:
        return when.astimezone(zone) if when else None

    name = ""
    if row["patient_id"]:
        name = shown_name(
            row["patient__given_name"],
            row["patient__family_name"],
            row["patient__source_id"],
            row["patient_id"],
        )
    elif _is_group(row):
        name = f"Group: {seated[row['pk']]} of {row['visit_type__seats']}"
    return VisitDetail(
        id=row["pk"],
        version=row["version"],
        location_id=row["location_id"],
        location_name=row["location__name"],
        status=row["status"],
        starts_at=row["starts_at"].astimezone(zone),
        ends_at=row["ends_at"].astimezone(zone),
        visit_type_id=row["visit_type_id"],
        visit_type=row["visit_type__name"] or "",
        patient_id=row["patient_id"],
        patient_name=name,
        occupied=tuple(
            Occupied(resource, title, kind, starts.astimezone(zone), ends.astimezone(zone), over)
            for resource, title, kind, starts, ends, over in occupied
        ),
        hold_until=local(row["hold_until"]),
        arrived_at=local(row["arrived_at"]),
        roomed_at=local(row["roomed_at"]),
        with_clinician_at=local(row["with_clinician_at"]),
        done_at=local(row["done_at"]),
        cancelled_at=local(row["cancelled_at"]),
        cancel_reason=row["cancel_reason"],
        late_cancel=row["late_cancel"],
        is_new_patient=row["is_new_patient"],
        no_show_risk=row["no_show_risk"],
        override_reason=row["override_reason"],
        channel=row["channel"],
        series_id=row["series_id"],
        request_state="" if state == OutboundChange.State.CLOSED else state,
    )
