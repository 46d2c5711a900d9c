"""The bookings of an invented place as the messages that its scheduling system sent: HL7 v2 SIU, one file a month."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import groupby
from pathlib import Path
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from carewheel.interop.hl7v2.writing import Endpoints, Person, siu_message, write_batch
from carewheel.interop.records import AppointmentRecord
from carewheel.invented.book import VISIT_STATUS, Book
from carewheel.invented.exports.beside import rows, write_beside
from carewheel.invented.exports.fhir import ehr_source
from carewheel.invented.exports.names import (
    invented_person,
    invented_provider,
    patient_id,
    provider_id,
    visit_id,
)


class _Event(NamedTuple):
    """What happened to a visit (row of ``visit``) when; ``starts``: when the visit is to begin from then on."""

    at: datetime
    visit: int
    trigger: str
    status: str
    starts: datetime


def write_siu(book: Book, folder: Path) -> None:
    """Write ``folder/hl7/siu-YYYY-MM.hl7`` and its ``carewheel.toml``: the messages of each month in order of time.

    S12 when a visit was booked (for the start first agreed on), S13 when it was moved, S15 when it was cancelled, S26 when
    the time of a visit was over and nobody had come. That a visit was kept is told by none: the Appointment of the same
    id in FHIR knows it. Patients and clinicians are those of the practice system.
    """
    place, zone = book.location, ZoneInfo(book.location.zone)
    target = folder / "hl7"
    write_beside(target, book, source=f"scheduling-{place.location_id}", people_of=ehr_source(book))
    endpoints = Endpoints("SCHEDULING", place.location_id, "CAREWHEEL", "GROUP")
    write = _Messages(book, zone, endpoints)
    for month, those in groupby(sorted(_events(book)), key=lambda event: f"{event.at:%Y-%m}"):
        events = list(those)
        write_batch(
            target / f"siu-{month}.hl7", map(write.message, events), batch_id=month, sent_at=events[-1].at, zone=zone,
            endpoints=endpoints,
        )  # fmt: skip


def _events(book: Book) -> Iterator[_Event]:
    columns = "visit booked_at first_starts moved_at starts minutes status cancelled_at"
    for row, booked, first, moved, starts, minutes, status, cancelled in rows(book["visit"], columns):
        yield _Event(booked, row, "S12", "booked", first)
        if moved is not None:
            yield _Event(moved, row, "S13", "booked", starts)
        if cancelled is not None:
            yield _Event(cancelled, row, "S15", "cancelled", starts)
        if VISIT_STATUS[status] == "noshow":
            yield _Event(starts + timedelta(minutes=minutes), row, "S26", "noshow", starts)


class _Messages:
    """Words events as messages, numbered one after the other."""

    def __init__(self, book: Book, zone: ZoneInfo, endpoints: Endpoints) -> None:
        self.book, self.zone, self.endpoints = book, zone, endpoints
        self.number = 0
        self.visits: list[tuple[Any, ...]] = list(rows(book["visit"], "patient provider room kind minutes"))
        self.patients = [
            Person(*invented_person(book, row), birth, "male" if sex else "female")
            for row, birth, sex in rows(book["patient"], "patient birth_day sex")
        ]
        self.clinicians = [
            Person(*invented_provider(book, row)) for row in range(len(book["staff"]["staff"]))
        ]

    def message(self, event: _Event) -> str:
        book = self.book
        who, provider, room, kind, minutes = self.visits[event.visit]
        self.number += 1
        visit = AppointmentRecord(
            location_id=book.location.location_id, appointment_id=visit_id(book, event.visit), patient_key=patient_id(book, who),
            provider_key=provider_id(book, provider), resource_id=f"room{room + 1}",
            visit_type=book.location.visit_kinds[kind].name, status=event.status, starts_at=event.starts, minutes=minutes,
        )  # fmt: skip
        return siu_message(
            event.trigger, visit, control_id=f"{book.location.location_id}-{self.number}", sent_at=event.at, zone=self.zone,
            endpoints=self.endpoints, patient=self.patients[who], provider=self.clinicians[provider],
        )  # fmt: skip
