"""Visits as pages show them, many in three queries: with all that is known (`details`), or as the schedule shows them (`scheduled`)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import QuerySet

from carewheel.practice.models import Occupancy, Resource, Visit
from carewheel.practice.models.patients import shown_name
from carewheel.spokes.operations.calendars import EpochSeconds
from carewheel.spokes.operations.contracts_booking import Occupied, ScheduledVisit, VisitDetail
from carewheel.spokes.operations.models import OutboundChange

# Plain values: a week of a large place would spend its time on making rows into objects.
COLUMNS = (
    "pk", "version", "location_id", "location__name", "location__zone", "location__mode", "status", "starts_at", "ends_at", "visit_type_id",
    "visit_type__name", "visit_type__seats", "patient_id", "patient__given_name", "patient__family_name", "patient__source_id", "group_id",
    "hold_until", "arrived_at", "roomed_at", "with_clinician_at", "done_at", "cancelled_at", "cancel_reason", "late_cancel", "is_new_patient",
    "no_show_risk", "override_reason", "channel", "series_id",
)  # fmt: skip
# Of the schedule fewer, and moments as seconds: a week of a large place is read in a third of the time.
SCHEDULED = (
    "pk", "version", "status", "patient_id", "patient__given_name", "patient__family_name", "patient__source_id", "visit_type__name",
    "visit_type__seats", "no_show_risk", "starts", "ends",
)  # fmt: skip
TAKEN = ("visit_id", "resource_id", "resource__name", "resource__kind", "starts", "ends", "overbooks")
Row = Mapping[str, Any]
Taken = Mapping[int, Sequence[tuple[Any, ...]]]


def details(visits: QuerySet[Visit]) -> tuple[VisitDetail, ...]:
    """In the order of the query. A group is shown once, with how many are in it; its members have its people and rooms."""
    rows: list[Row] = [dict(zip(COLUMNS, row, strict=True)) for row in visits.values_list(*COLUMNS)]
    occupied = _taken({row["group_id"] or row["pk"] for row in rows})
    states = _states([row["pk"] for row in rows if row["location__mode"] == "beside"])
    seated = _seated([row["pk"] for row in rows if _is_group(row)])
    return tuple(
        _detail(row, occupied.get(row["group_id"] or row["pk"], ()), states.get(row["pk"], ""), seated)
        for row in rows
    )


def scheduled(
    visits: QuerySet[Visit], zone: ZoneInfo, kinds: Collection[str], *, beside: bool
) -> tuple[ScheduledVisit, ...]:
    """Visits of one place that are no members of groups, in order of their start, with the resources of some kinds that they have."""
    timed = visits.annotate(starts=EpochSeconds("starts_at"), ends=EpochSeconds("ends_at"))
    rows = list(timed.order_by("starts", "pk").values_list(*SCHEDULED))
    occupied = _taken(visits.order_by().values("pk"), kinds)
    states = _states([row[0] for row in rows]) if beside else {}
    seated = _seated([row[0] for row in rows if row[3] is None and (row[8] or 1) > 1])
    at = datetime.fromtimestamp
    return tuple(
        ScheduledVisit(
            pk, version, status, at(starts, zone), at(ends, zone), kind or "", patient,
            _name(patient, given, family, source, (seated.get(pk, 0), seats or 1)), _occupied(occupied.get(pk, ()), zone), risk, states.get(pk, ""),
        )
        for pk, version, status, patient, given, family, source, kind, seats, risk, starts, ends in rows
    )  # fmt: skip


def _taken(
    holders: Collection[int] | QuerySet[Visit, Any], kinds: Collection[str] = Resource.Kind.values
) -> Taken:
    """The rows of `TAKEN` by the visit that has them."""
    found: dict[int, list[tuple[Any, ...]]] = defaultdict(list)
    rows = Occupancy.objects.filter(visit__in=holders).order_by("need_order", "pk")
    if set(kinds) != set(Resource.Kind.values):
        rows = rows.filter(resource__kind__in=kinds)
    timed = rows.annotate(starts=EpochSeconds("starts_at"), ends=EpochSeconds("ends_at"))
    for row in timed.values_list(*TAKEN):
        found[row[0]].append(row)
    return found


def _occupied(rows: Sequence[tuple[Any, ...]], zone: ZoneInfo) -> tuple[Occupied, ...]:
    at = datetime.fromtimestamp
    return tuple(
        [
            Occupied(resource, title, kind, at(starts, zone), at(ends, zone), over)
            for _, resource, title, kind, starts, ends, over in rows
        ]
    )


def _states(visit_ids: Sequence[int]) -> dict[int, str]:
    """What the practice system has said to the last change of each visit; nothing where the change was closed by hand."""
    if not visit_ids:
        return {}
    changes = (
        OutboundChange.objects.filter(visit__in=visit_ids).order_by("pk").values_list("visit_id", "state")
    )
    return {visit: "" if state == OutboundChange.State.CLOSED else state for visit, state in changes}


def _seated(groups: Sequence[int]) -> dict[int, int]:
    found: dict[int, int] = defaultdict(int)
    if groups:
        members = Visit.objects.filter(group__in=groups, status__in=Visit.OCCUPYING)
        for group in members.values_list("group_id", flat=True):
            found[group or 0] += 1
    return found


def _name(patient_id: int | None, given: str, family: str, source_id: str, seats: tuple[int, int]) -> str:
    """Whose visit it is; of a group how many seats are taken of how many."""
    if patient_id:
        return shown_name(given, family, source_id, patient_id)
    return f"Group: {seats[0]} of {seats[1]}" if seats[1] > 1 else ""


def _is_group(row: Row) -> bool:
    return (row["visit_type__seats"] or 1) > 1 and row["group_id"] is None


def _detail(
    row: Row, occupied: Sequence[tuple[Any, ...]], state: str, seated: Mapping[int, int]
) -> VisitDetail:
    zone = ZoneInfo(row["location__zone"])

    def local(when: datetime | None) -> datetime | None:
        return when.astimezone(zone) if when else None

    seats = (seated.get(row["pk"], 0), row["visit_type__seats"] if _is_group(row) else 1)
    name = _name(
        row["patient_id"], row["patient__given_name"], row["patient__family_name"], row["patient__source_id"], seats
    )  # fmt: skip
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
        occupied=_occupied(occupied, zone),
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
        request_state=state,
    )
