"""What the readers told, on disk, until all of it is there: sorted by key when it is read, bounded in memory, a file as a whole or not at all.

The same visit or person may be told several times (each message of a feed, appointment and encounter): later ones win field by field.
"""

from __future__ import annotations

import pickle
import sqlite3
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from itertools import groupby
from pathlib import Path
from typing import Any

from carewheel.interop.files import FileRefused, Finding, SourceFile
from carewheel.interop.records import (
    AppointmentRecord,
    AvailabilityRecord,
    LocationRecord,
    PatientRecord,
    ProviderRecord,
    Record,
    ResourceRecord,
    VisitEventRecord,
)
from carewheel.interop.records.persons import PersonRecord
from carewheel.interop.records.type_names import VisitTypeName

BATCH = 500
_TABLE = "CREATE TABLE record (source INTEGER, kind TEXT, key TEXT, recorded TEXT, content BLOB)"
_INDEX = "CREATE INDEX IF NOT EXISTS by_key ON record (source, kind, key, recorded)"
# Which field keys a record, by its kind.
_KEYS: dict[type, tuple[str, str]] = {
    LocationRecord: ("location", "location_id"),
    ResourceRecord: ("resource", "resource_id"),
    ProviderRecord: ("provider", "provider_key"),
    AvailabilityRecord: ("availability", "source_id"),
    PatientRecord: ("person", "patient_key"),
    AppointmentRecord: ("visit", "appointment_id"),
    VisitEventRecord: ("visit", "appointment_id"),
}
_DONE_BY = {
    "booked": 0,
    "pending": 0,
    "proposed": 0,
    "": 0,
    "arrived": 1,
    "checked-in": 2,
    "fulfilled": 3,
    "cancelled": 3,
}


@dataclass
class TypeSeen:
    """What the visits of one type tell of it: how often how many minutes, by whom, with a room, and what it is called."""

    minutes: Counter[int] = field(default_factory=Counter)
    names: Counter[str] = field(default_factory=Counter)
    providers: Counter[str] = field(default_factory=Counter)
    visits: int = 0
    in_rooms: int = 0


@dataclass
class SourceSeen:
    """What one source tells of: how many visits at which location, and its visit types."""

    places: Counter[str] = field(default_factory=Counter)
    types: dict[str, TypeSeen] = field(default_factory=lambda: defaultdict(TypeSeen))

    def add(self, record: AppointmentRecord) -> None:
        self.places[record.location_id] += 1
        seen = self.types[record.visit_type]
        seen.visits += 1
        if record.minutes and 0 < record.minutes <= 1440:
            seen.minutes[round(record.minutes)] += 1
        if record.provider_key:
            seen.providers[record.provider_key] += 1
        seen.in_rooms += bool(record.resource_id)

    def merge(self, other: SourceSeen) -> None:
        self.places += other.places
        for name, seen in other.types.items():
            mine = self.types[name]
            mine.minutes += seen.minutes
            mine.names += seen.names
            mine.providers += seen.providers
            mine.visits += seen.visits
            mine.in_rooms += seen.in_rooms


@dataclass(frozen=True, slots=True)
class ToldVisit:
    """A visit as its source tells it at the end: booking and encounter in one, and when which step was."""

    key: str
    record: AppointmentRecord
    events: dict[str, datetime]


@dataclass(frozen=True, slots=True)
class ToldPerson:
    """A patient: what is a fact about them, and (where the reader tells) who they are."""

    key: str
    patient: PatientRecord | None
    person: PersonRecord | None


class Spool:
    """The records of one import, by source (a number)."""

    def __init__(self, folder: Path) -> None:
        self._db = sqlite3.connect(folder / "records", isolation_level=None)
        self._db.execute("PRAGMA journal_mode=MEMORY")
        self._db.execute("PRAGMA synchronous=OFF")
        self._db.execute(_TABLE)
        self.seen: dict[int, SourceSeen] = defaultdict(SourceSeen)

    def close(self) -> None:
        self._db.close()

    def sink(self, source: int, places: dict[str, str], on_progress: Callable[[str, int], None]) -> SpoolSink:
        """A `Sink` for one source; ``places``: its own ids of locations to those used across sources."""
        return SpoolSink(self, source, places, on_progress)

    def write(self, rows: list[tuple[Any, ...]]) -> None:
        self._db.executemany("INSERT INTO record VALUES (?, ?, ?, ?, ?)", rows)

    @contextmanager
    def whole(self) -> Iterator[None]:
        """All that is written within, or nothing."""
        self._db.execute("BEGIN")
        try:
            yield
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")

    def of_kind(self, source: int, kind: str) -> Iterator[Any]:
        """Each record of a kind once: those of one key as one, later fields before earlier ones."""
        for _, group in self._groups(source, kind):
            kinds: dict[type, Any] = {}
            for record in group:
                _fold(kinds, record)
            yield from kinds.values()

    def people(self, source: int) -> Iterator[list[ToldPerson]]:
        """Patients in batches."""
        yield from _batches(self._person(key, group) for key, group in self._groups(source, "person"))

    def visits(self, source: int) -> Iterator[list[ToldVisit]]:
        """Visits in batches."""
        told = (_visit(key, group) for key, group in self._groups(source, "visit"))
        yield from _batches(one for one in told if one is not None)

    def _groups(self, source: int, kind: str) -> Iterator[tuple[str, Iterator[Any]]]:
        self._db.execute(_INDEX)
        rows = self._db.execute(
            "SELECT key, content FROM record WHERE source = ? AND kind = ? ORDER BY key, recorded, rowid",
            (source, kind),
        )
        for key, group in groupby(rows, key=lambda row: row[0]):
            # What is unpickled here was pickled by this process a moment ago, in a folder of its own.
            yield key, (pickle.loads(content) for _, content in group)

    @staticmethod
    def _person(key: str, group: Iterator[Any]) -> ToldPerson:
        kinds: dict[type, Any] = {}
        for record in group:
            _fold(kinds, record)
        return ToldPerson(key, kinds.get(PatientRecord), kinds.get(PersonRecord))


class SpoolSink:
    """The `Sink` of one source; a file that is refused, or that broke off, leaves nothing."""

    def __init__(
        self, spool: Spool, source: int, places: dict[str, str], on_progress: Callable[[str, int], None]
    ) -> None:
        self.spool, self.source, self.places, self.on_progress = spool, source, places, on_progress

    @contextmanager
    def file(self, file: SourceFile) -> Iterator[_FileTaker]:
        taker = _FileTaker(self, file.name)
        try:
            with self.spool.whole():
                yield taker
                taker.flush()
        except FileRefused:
            return
        self.spool.seen[self.source].merge(taker.seen)


class _FileTaker:
    """Takes the records of one file that the operational tables have a place for, and names and contacts with them."""

    def __init__(self, sink: SpoolSink, name: str) -> None:
        self.sink, self.name = sink, name
        self.seen = SourceSeen()
        self._rows: list[tuple[Any, ...]] = []

    def add(self, record: Record) -> None:
        found = _KEYS.get(type(record))
        if found is None:
            return
        kind, name = found
        record = record._replace(location_id=self.sink.places.get(record.location_id, record.location_id))
        key = getattr(record, name) or record.source_id
        if isinstance(record, AppointmentRecord):
            self.seen.add(record)
        if key:
            self._keep(kind, key, record.recorded_at, record)

    def add_person(self, person: PersonRecord) -> None:
        if person.source_id:
            kind = "person" if person.kind == "patient" else "provider"
            self._keep(kind, person.source_id, person.recorded_at, person)

    def add_type_name(self, named: VisitTypeName) -> None:
        self.seen.types[named.code].names[named.name] += 1

    def used(self, rows: int = 1) -> None: ...
    def refuse(self, finding: Finding, rows: int = 1) -> None: ...
    def ignore(self, reason: str, rows: int = 1) -> None: ...
    def note(self, finding: Finding) -> None: ...
    def tally(self, what: str, amount: int | Decimal, currency: str = "") -> None: ...

    def progress(self, bytes_read: int) -> None:
        self.sink.on_progress(self.name, bytes_read)

    def flush(self) -> None:
        self.sink.spool.write(self._rows)
        self._rows = []

    def _keep(self, kind: str, key: str, recorded: datetime | None, record: Any) -> None:
        content = pickle.dumps(record, pickle.HIGHEST_PROTOCOL)
        self._rows.append((self.sink.source, kind, key, recorded.isoformat() if recorded else "", content))
        if len(self._rows) >= BATCH:
            self.flush()


def _fold(kinds: dict[type, Any], record: Any) -> None:
    """Later values before earlier ones; what a later record leaves open stays as it was."""
    before = kinds.get(type(record))
    if before is not None:
        record = type(record)(
            *(old if new in (None, "") else new for old, new in zip(before, record, strict=True))
        )
    kinds[type(record)] = record


def _visit(key: str, group: Iterator[Any]) -> ToldVisit | None:
    booked: dict[type, Any] = {}
    met: dict[type, Any] = {}
    events: dict[str, datetime] = {}
    for record in group:
        if isinstance(record, VisitEventRecord):
            if record.happened_at:
                events[record.event] = record.happened_at
            continue
        told = met if record.basis == "encounter" else booked
        if record.status != "cancelled" and told:
            # Booked again after a cancellation: its moment does not stay.
            told[AppointmentRecord] = told[AppointmentRecord]._replace(cancelled_at=None)
        _fold(told, record)
    booking: AppointmentRecord | None = booked.get(AppointmentRecord)
    encounter: AppointmentRecord | None = met.get(AppointmentRecord)
    if booking is None or encounter is None:
        only = booking or encounter
        return ToldVisit(key, only, events) if only is not None else None
    if _DONE_BY.get(encounter.status, -1) > _DONE_BY.get(booking.status, 9):
        booking = booking._replace(status=encounter.status, raw_status=encounter.raw_status)
    if encounter.status == "fulfilled" and encounter.ends_at:
        events.setdefault("done", encounter.ends_at)
    return ToldVisit(key, booking, events)


def _batches(items: Iterator[Any]) -> Iterator[list[Any]]:
    batch = []
    for item in items:
        batch.append(item)
        if len(batch) == BATCH:
            yield batch
            batch = []
    if batch:
        yield batch
