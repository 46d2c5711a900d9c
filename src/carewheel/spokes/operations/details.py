"""Visits as pages show them, many in three queries."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from django.db.models import QuerySet

from carewheel.practice.models import Occupancy, Visit
from carewheel.spokes.operations.contracts_booking import Occupied, VisitDetail
from carewheel.spokes.operations.models import OutboundChange


def details(visits: QuerySet[Visit]) -> tuple[VisitDetail, ...]:
    """In the order of the query. A group is shown once, with how many are in it; its members have its people and rooms."""
    rows = list(visits.select_related("location", "visit_type", "patient"))
    holders = {row.group_id or row.pk for row in rows}
    occupied: dict[int, list[Occupancy]] = defaultdict(list)
    found = Occupancy.objects.filter(visit__in=holders).select_related("resource")
    for one in found.order_by("need_order", "pk"):
        occupied[one.visit_id].append(one)
    outside = [row.pk for row in rows if row.location.mode == "beside"]
    states = {}
    if outside:
        changes = OutboundChange.objects.filter(visit__in=outside).order_by("pk")
        states = dict(changes.values_list("visit_id", "state"))
    groups = [row.pk for row in rows if row.visit_type and row.visit_type.seats > 1 and row.group_id is None]
    seated: dict[int, int] = defaultdict(int)
    if groups:
        members = Visit.objects.filter(group__in=groups, status__in=Visit.OCCUPYING)
        for group in members.values_list("group_id", flat=True):
            seated[group or 0] += 1
    return tuple(
        _detail(row, occupied[row.group_id or row.pk], states.get(row.pk, ""), seated) for row in rows
    )


def _detail(row: Visit, occupied: Sequence[Occupancy], state: str, seated: dict[int, int]) -> VisitDetail:
    zone = ZoneInfo(row.location.zone)

    def local(when: datetime | None) -> datetime | None:
        return when.astimezone(zone) if when else None

    kind = row.visit_type
    name = row.patient.display_name if row.patient else ""
    if kind and kind.seats > 1 and row.group_id is None and row.patient is None:
        name = f"Group: {seated[row.pk]} of {kind.seats}"
    return VisitDetail(
        id=row.pk,
        version=row.version,
        location_id=row.location_id,
        location_name=row.location.name,
        status=row.status,
        starts_at=row.starts_at.astimezone(zone),
        ends_at=row.ends_at.astimezone(zone),
        visit_type_id=row.visit_type_id,
        visit_type=kind.name if kind else "",
        patient_id=row.patient_id,
        patient_name=name,
        occupied=tuple(
            Occupied(
                one.resource_id,
                one.resource.name,
                one.resource.kind,
                one.starts_at.astimezone(zone),
                one.ends_at.astimezone(zone),
                one.overbooks,
            )
            for one in occupied
        ),
        hold_until=local(row.hold_until),
        arrived_at=local(row.arrived_at),
        roomed_at=local(row.roomed_at),
        with_clinician_at=local(row.with_clinician_at),
        done_at=local(row.done_at),
        cancelled_at=local(row.cancelled_at),
        cancel_reason=row.cancel_reason,
        late_cancel=row.late_cancel,
        is_new_patient=row.is_new_patient,
        no_show_risk=row.no_show_risk,
        override_reason=row.override_reason,
        channel=row.channel,
        series_id=row.series_id,
        request_state="" if state == OutboundChange.State.CLOSED else state,
    )
