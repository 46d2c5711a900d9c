"""Visits of an import: made, and brought to what the source says now.

Who and what a visit takes up is noted from a week back on: earlier visits cannot clash with anything that is still to be booked. These rows
``overbook``: a book that is kept elsewhere may hold two visits at once, and it is shown as it is.
A step of a visit never goes back: who was marked arrived here stays so until the source says more.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.db import transaction
from django.db.models import F

from carewheel.practice.imports.ground import Ground, moment
from carewheel.practice.imports.hours import HoursSeen
from carewheel.practice.imports.people import patients_of
from carewheel.practice.imports.rewound import as_seen
from carewheel.practice.imports.spool import ToldVisit
from carewheel.practice.models import Location, Occupancy, Resource, Visit

RECENT = timedelta(days=7)
LATE = timedelta(hours=24)
USUAL = timedelta(minutes=30)
_STEPS = {"proposed": 0, "pending": 0, "booked": 0, "arrived": 1, "checked-in": 2, "fulfilled": 3}
_STATUSES = frozenset(Visit.Status.values)
_FIELDS = (
    "location_id", "patient_id", "visit_type_id", "status", "starts_at", "ends_at", "booked_at", "arrived_at", "roomed_at",
    "with_clinician_at", "done_at", "cancelled_at", "late_cancel", "is_new_patient", "channel", "raw_status",
)  # fmt: skip
# Where the source leaves these open, what is there stays.
_KEPT = frozenset(
    {"patient_id", "booked_at", "arrived_at", "roomed_at", "with_clinician_at", "done_at", "visit_type_id"}
)


@dataclass(frozen=True, slots=True)
class Told:
    """A visit as its source has it now, in our rows' words: for whoever compares it with what the source was asked to take over."""

    source: str
    source_id: str
    location_id: int
    patient_id: int | None
    starts_at: datetime
    ends_at: datetime
    status: str
    resource_ids: tuple[int, ...]


@dataclass
class Book:
    """Takes the visits of one source, batch by batch. ``rewind``: an invented world is shown as it stands at ``at``.

    ``contested``: visits that are left as they are, because a change of ours still waits for the source.
    """

    ground: Ground
    people_of: str
    at: datetime
    rewind: bool
    hours: HoursSeen
    contested: Collection[int] = ()
    made: int = 0
    changed: int = 0
    held_here: int = 0
    # Numbers of the visits that are on the source's book, and from when to when they lie.
    numbers: set[str] = field(default_factory=set)
    first: datetime | None = None
    last: datetime | None = None

    def take(self, told: Iterable[ToldVisit]) -> None:
        """One batch in one transaction."""
        with transaction.atomic():
            wanted = self._wanted(told)
            self._write(wanted)
        starts = [values["starts_at"] for values, _ in wanted.values()]
        self.numbers |= wanted.keys()
        self.first = min([*starts, *([self.first] if self.first else [])], default=None)
        self.last = max([*starts, *([self.last] if self.last else [])], default=None)

    def told(self, told: Iterable[ToldVisit], since: datetime) -> list[Told]:
        """What one batch says of visits from ``since`` on; no visit is written."""
        with transaction.atomic():
            wanted = self._wanted(told)
        return [
            Told(self.ground.source, key, v["location_id"], v["patient_id"], v["starts_at"], v["ends_at"], v["status"], resources)
            for key, (v, resources) in wanted.items()
            if v["starts_at"] >= since
        ]  # fmt: skip

    def _wanted(self, told: Iterable[ToldVisit]) -> dict[str, tuple[dict[str, Any], tuple[int, ...]]]:
        """Fields and resources of each visit, by its number in the source."""
        batch = [one for one in told if one.record.location_id in self.ground.locations]
        patients = patients_of(
            self.ground, self.people_of, {one.record.patient_key for one in batch}, self.at
        )
        valued = ((one.key[:120], self._values(one, patients)) for one in batch)
        return {key: values for key, values in valued if values is not None}

    def _values(
        self, one: ToldVisit, patients: dict[str, int]
    ) -> tuple[dict[str, Any], tuple[int, ...]] | None:
        place = self.ground.locations[one.record.location_id]
        if place.mode == Location.Mode.MASTER:
            self.held_here += 1
            return None
        zone = ZoneInfo(place.zone)
        record, events = one.record, {name: moment(at, zone) for name, at in one.events.items()}
        starts = moment(record.starts_at, zone)
        if starts is None or record.status == "waitlist":
            return None
        length = timedelta(minutes=record.minutes) if record.minutes and record.minutes > 0 else USUAL
        ends = moment(record.ends_at, zone)
        kind = self.ground.types.get(record.visit_type)
        cancelled = moment(record.cancelled_at, zone) or (events.get("cancelled") if record.status == "cancelled" else None)  # fmt: skip
        values: dict[str, Any] = {
            "location_id": place.pk,
            "patient_id": patients.get(record.patient_key),
            "visit_type_id": kind.pk if kind else None,
            "status": record.status if record.status in _STATUSES else "booked",
            "starts_at": starts,
            "ends_at": ends if ends and ends > starts else starts + length,
            "booked_at": moment(record.booked_at, zone) or events.get("booked"),
            "arrived_at": events.get("arrived"),
            "roomed_at": events.get("roomed"),
            "with_clinician_at": events.get("with-clinician"),
            "done_at": events.get("done"),
            "cancelled_at": cancelled,
            "late_cancel": bool(record.late_cancel)
            or (record.status == "cancelled" and cancelled is not None and starts - cancelled < LATE),
            "is_new_patient": record.is_new_patient,
            "channel": record.channel[:20],
            "raw_status": record.raw_status[:60],
        }
        if self.rewind and not as_seen(values, self.at):
            return None
        self.hours.add_visit(
            record.provider_key, record.location_id, values["starts_at"], values["ends_at"], zone
        )
        resources = (
            self.ground.practitioner(record.provider_key),
            self.ground.room(record.resource_id, place),
        )
        return values, tuple(pk for pk in resources if pk is not None)

    def _write(self, wanted: dict[str, tuple[dict[str, Any], tuple[int, ...]]]) -> None:
        known = {
            visit.source_id: visit
            for visit in Visit.objects.filter(
                organisation=self.ground.organisation, source=self.ground.source, source_id__in=list(wanted)
            )
        }
        fresh, changed, occupied = [], [], []
        for key, (values, resources) in wanted.items():
            visit = known.get(key)
            if visit is None:
                visit = Visit(
                    organisation=self.ground.organisation, source=self.ground.source, source_id=key, **values
                )
                fresh.append(visit)
            elif visit.pk in self.contested:
                continue
            elif _change(visit, values):
                changed.append(visit)
            if visit.ends_at > self.at - RECENT:
                occupied.append((visit, resources))
        Visit.objects.bulk_create(fresh)
        if changed:
            Visit.objects.bulk_update(changed, [name.removesuffix("_id") for name in _FIELDS] + ["version"])
        self._occupy(occupied)
        if moved := {visit.location_id for visit in (*fresh, *changed)}:
            Location.objects.filter(pk__in=moved).update(calendar_version=F("calendar_version") + 1)
        self.made += len(fresh)
        self.changed += len(changed)

    def _occupy(self, visits: list[tuple[Visit, tuple[int, ...]]]) -> None:
        """Bring what recent visits take up to what they say; rows that are right stay."""
        before: dict[int, dict[tuple[int, datetime, datetime], int]] = {}
        for row in Occupancy.objects.filter(visit__in=[visit.pk for visit, _ in visits]):
            before.setdefault(row.visit_id, {})[row.resource_id, row.starts_at, row.ends_at] = row.pk
        fresh, gone, touched = [], [], set()
        for visit, resources in visits:
            takes = visit.status in Visit.OCCUPYING
            want = (
                {(one, visit.starts_at, visit.ends_at): n for n, one in enumerate(resources)} if takes else {}
            )
            there = before.get(visit.pk, {})
            for key, order in want.items():
                if key not in there:
                    fresh.append(Occupancy(visit=visit, resource_id=key[0], starts_at=key[1], ends_at=key[2], need_order=order, overbooks=True))  # fmt: skip
                    touched.add(key[0])
            for key, pk in there.items():
                if key not in want:
                    gone.append(pk)
                    touched.add(key[0])
        Occupancy.objects.filter(pk__in=gone).delete()
        Occupancy.objects.bulk_create(fresh)
        if touched:
            Resource.objects.filter(pk__in=touched).update(bookings_version=F("bookings_version") + 1)


def _change(visit: Visit, values: dict[str, Any]) -> bool:
    """Write what differs into the row; whether anything does."""
    back = (
        values["status"] in _STEPS
        and _STEPS.get(visit.status, -1) > _STEPS[values["status"]]
        and values["starts_at"] == visit.starts_at
    )
    if back:
        values = values | {"status": visit.status}
    differs = False
    for name, value in values.items():
        if value is None and name in _KEPT:
            continue
        if getattr(visit, name) != value:
            setattr(visit, name, value)
            differs = True
    if differs:
        visit.version += 1
    return differs
