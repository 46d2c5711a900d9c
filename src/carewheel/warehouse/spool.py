"""The sink of an import: records in, one spooled CSV a fact table out, all of a file or none of it.

Here people become keyed pseudonyms, wall clocks get their zone, money its currency, and each row its local date.
"""

from __future__ import annotations

import csv
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_HALF_EVEN, Decimal
from hashlib import blake2b
from pathlib import Path
from typing import IO, Any
from zoneinfo import ZoneInfo

from carewheel.catalog.facts import Column, FactTable, fact_tables
from carewheel.interop.files import FileRefused, Finding, SourceFile, note, refused
from carewheel.interop.records import TABLE_OF, AppointmentRecord, Record
from carewheel.warehouse.plausible import (
    FIRST_YEAR,
    LAST_YEAR,
    currency_code,
    is_possible_amount,
    known_zone,
    offset_name,
    plain_text,
    plausible_day,
    row_key,
)

SPOOL_IN_MEMORY = 1 << 20
FINDINGS_A_CODE = 5
CENTS = Decimal("0.0001")
FLOAT_NOISE = Decimal("0.0000001")
LATE = timedelta(hours=24)
# Here a row's own id is the id of the person whom it tells of: it becomes a pseudonym too.
ROWS_OF_PERSONS = frozenset({"patient", "provider", "contact"})
# What the spool knows of a row beside its fact columns.
SPOOL_COLUMNS = ("file_no", "pos")


@dataclass
class FileReport:
    """What became of one file: rows by fate, the source's own totals, what was found."""

    name: str
    kind: str = ""
    part: str = ""
    rows_used: int = 0
    rows_refused: int = 0
    rows_ignored: int = 0
    ignored: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    tallies: dict[tuple[str, str], Decimal] = field(default_factory=lambda: defaultdict(Decimal))
    findings: list[Finding] = field(default_factory=list)
    taken: bool = True

    @property
    def rows_read(self) -> int:
        return self.rows_used + self.rows_refused + self.rows_ignored

    def keep(self, finding: Finding, rows: int = 1) -> None:
        """Keep a finding; after a few of one code only count on, so that a bad file cannot fill the memory."""
        same = [i for i, kept in enumerate(self.findings) if kept.code == finding.code]
        if len(same) < FINDINGS_A_CODE:
            self.findings.append(replace(finding, file=finding.file or self.name, count=rows))
        else:
            last = self.findings[same[-1]]
            self.findings[same[-1]] = replace(last, count=last.count + rows)


@dataclass(frozen=True, slots=True)
class SourceSetting:
    """What holds for every row of one source: its name, its kind in the order of precedence, zone, currency, aliases.

    ``people_of``: the system whose ids of people the source uses ("" = its own), so that an answer to a survey finds
    the patient of the practice system.
    """

    source: str
    source_kind: str
    zone: str = ""
    currency: str = ""
    locations: dict[str, str] = field(default_factory=dict)
    people_of: str = ""


class SpoolingSink:
    """The `Sink` of one source during an import; `file()` hands out the `FileSink`s."""

    def __init__(
        self,
        folder: Path,
        setting: SourceSetting,
        secret: bytes,
        counter: Iterator[int],
        on_progress: Callable[[str, int], None] | None = None,
    ) -> None:
        self.folder = folder
        self.setting = setting
        self.reports: list[FileReport] = []
        self.people = Pseudonyms(secret)
        self.counter = counter
        self.on_progress = on_progress
        self.zone = ZoneInfo(setting.zone) if setting.zone else None
        self.spools: dict[str, Path] = {}

    @contextmanager
    def file(self, file: SourceFile) -> Iterator[_FileSpool]:
        report = FileReport(file.name)
        self.reports.append(report)
        spool = _FileSpool(self, report, next(self.counter))
        try:
            yield spool
            spool.keep_rows()
        except FileRefused as refusal:
            report.rows_refused = max(report.rows_read, 1)
            report.rows_used = report.rows_ignored = 0
            report.ignored.clear()
            report.tallies.clear()
            report.taken = False
            report.keep(refusal.finding, report.rows_refused)
        finally:
            spool.close()


class _FileSpool:
    """Takes the records of one file; they reach the source's spools only when the whole file was read."""

    def __init__(self, sink: SpoolingSink, report: FileReport, file_no: int) -> None:
        self.sink = sink
        self.report = report
        self.file_no = file_no
        self.position = 0
        self.impossible = 0
        self.zoneless = self.currencyless = self.rounded = 0
        self.people_of = sink.setting.people_of or sink.setting.source
        self._streams: dict[str, IO[str]] = {}
        self._writers: dict[type, tuple[Callable[[list[Any]], Any], _Encoder]] = {}

    def add(self, record: Record) -> None:
        kind = type(record)
        try:
            write, encode = self._writers[kind]
        except KeyError:
            write, encode = self._open(kind)
        try:
            row = encode(record)
        except _ImpossibleAmount:
            self.impossible += 1
            return
        self.position += 1
        write([self.file_no, self.position, *row])

    def used(self, rows: int = 1) -> None:
        if self.impossible:
            impossible, self.impossible = min(rows, self.impossible), 0
            self.refuse(_IMPOSSIBLE, impossible)
            rows -= impossible
        self.report.rows_used += rows

    def refuse(self, finding: Finding, rows: int = 1) -> None:
        self.report.rows_refused += rows
        self.report.keep(finding, rows)

    def ignore(self, reason: str, rows: int = 1) -> None:
        self.report.rows_ignored += rows
        self.report.ignored[reason] += rows

    def note(self, finding: Finding) -> None:
        self.report.keep(finding, finding.count)

    def tally(self, what: str, amount: int | Decimal, currency: str = "") -> None:
        money = what != "visits"
        amount = Decimal(amount)
        if is_possible_amount(amount):
            currency = currency_code(currency) or self.sink.setting.currency
            self.report.tallies[what, currency if money else ""] += amount

    def progress(self, bytes_read: int) -> None:
        if self.sink.on_progress:
            self.sink.on_progress(self.report.name, bytes_read)

    def keep_rows(self) -> None:
        """The file was read to its end: append its rows to the spools of the source."""
        for table, stream in self._streams.items():
            if not stream.tell():
                continue
            path = self.sink.spools.setdefault(table, self.sink.folder / f"{table}.csv")
            stream.seek(0)
            with path.open("a", encoding="utf-8", newline="") as spool:
                while chunk := stream.read(1 << 20):
                    spool.write(chunk)
        for count, finding in (
            (self.zoneless, _NO_ZONE),
            (self.currencyless, _NO_CURRENCY),
            (self.rounded, _ROUNDED),
        ):
            if count:
                self.report.keep(finding, count)

    def close(self) -> None:
        for stream in self._streams.values():
            stream.close()

    def _open(self, kind: type) -> tuple[Callable[[list[Any]], Any], _Encoder]:
        table = fact_tables()[TABLE_OF[kind]]
        stream = tempfile.SpooledTemporaryFile(  # noqa: SIM115 - closed with the file
            SPOOL_IN_MEMORY, "w+", encoding="utf-8", newline="", dir=str(self.sink.folder)
        )
        self._streams[table.name] = stream
        writer = csv.writer(stream, lineterminator="\n")
        entry = (writer.writerow, _Encoder(self, table, kind))
        self._writers[kind] = entry
        return entry


class _Encoder:
    """Turns a record into the columns of its table, in the table's order."""

    def __init__(self, spool: _FileSpool, table: FactTable, kind: type) -> None:
        fields: tuple[str, ...] = kind._fields  # type: ignore[attr-defined]
        index = {name: i for i, name in enumerate(fields)}
        setting = spool.sink.setting
        self.spool = spool
        self.head = [setting.source, setting.source_kind]
        self.zone = spool.sink.zone
        self.zone_name = setting.zone
        self.currency = setting.currency
        self.locations = setting.locations
        self.people = spool.sink.people
        self.is_of_person = table.name in ROWS_OF_PERSONS
        self.time = index.get(table.time)
        self.source_id, self.recorded_at, self.location_id = (
            index["source_id"],
            index["recorded_at"],
            index["location_id"],
        )
        self.stated_currency = index.get("currency")
        self.stated_zone = index.get("zone")
        self.columns = [(index[column.name], self._converter(column)) for column in table.columns]
        self.moneys = [index[column.name] for column in table.columns if column.type == "money"]
        self.moments = [index[column.name] for column in table.columns if column.type == "moment"]
        self.late = kind is AppointmentRecord
        self.late_index = [
            index[name] for name in ("status", "late_cancel", "starts_at", "cancelled_at") if self.late
        ]

    def __call__(self, record: Record) -> list[Any]:
        values: list[Any] = list(record)
        zone_name = self.zone_name
        local: date | None = None
        if self.time is not None and values[self.time] is not None:
            when = values[self.time]
            if not FIRST_YEAR <= when.year <= LAST_YEAR:
                local = None
            elif isinstance(when, datetime):
                if when.tzinfo is not None:
                    if self.zone is not None:
                        when = when.astimezone(self.zone)
                    else:
                        zone_name = offset_name(when)
                local = when.date()
            else:
                local = when
        if not zone_name and any(
            isinstance(values[i], datetime) and values[i].tzinfo is None for i in self.moments
        ):
            self.spool.zoneless += 1
        if self.late:
            self._derive_late_cancel(values)
        currency = values[self.stated_currency] if self.stated_currency is not None else ""
        if self.moneys and any(values[i] is not None for i in self.moneys):
            currency = currency_code(currency) or self.currency
            if not currency:
                self.spool.currencyless += 1
        place = values[self.location_id]
        row = [
            *self.head,
            self._row_id(values[self.source_id]),
            self._moment(values[self.recorded_at]),
            plain_text(self.locations.get(place, place)),
            known_zone(values[self.stated_zone] if self.stated_zone is not None else "") or zone_name,
            currency or "",
            local,
            local.replace(day=1) if local is not None else None,
        ]
        row.extend([convert(values[i]) for i, convert in self.columns])
        return row

    def _row_id(self, value: str) -> str:
        if self.is_of_person and value:
            return self.people.of(self.spool.sink.setting.source, value)
        return row_key(value)

    def _derive_late_cancel(self, values: list[Any]) -> None:
        status, late, starts, cancelled = self.late_index
        if values[late] is None and values[status] == "cancelled" and values[starts] and values[cancelled]:
            start, end = values[starts], values[cancelled]
            if (start.tzinfo is None) == (end.tzinfo is None):
                values[late] = start - end < LATE

    def _converter(self, column: Column) -> Callable[[Any], Any]:
        if column.type == "person":
            return lambda value: self.people.of(self.spool.people_of, value) if value else ""
        if column.type == "moment":
            return self._moment
        if column.type == "money":
            return self._money
        if column.type in ("id", "code", "text"):
            return plain_text
        if column.type == "date":
            return plausible_day
        return lambda value: value

    def _moment(self, value: datetime | None) -> datetime | None:
        if value is None or not FIRST_YEAR <= value.year <= LAST_YEAR:
            return None
        if value.tzinfo is None:
            return (
                value
                if self.zone is None
                else value.replace(tzinfo=self.zone).astimezone(UTC).replace(tzinfo=None)
            )
        return value.astimezone(UTC).replace(tzinfo=None)

    def _money(self, value: Decimal | None) -> str | None:
        if value is None:
            return None
        if not is_possible_amount(value):
            raise _ImpossibleAmount
        exponent = value.as_tuple().exponent
        if isinstance(exponent, int) and exponent < -4:
            rounded = value.quantize(CENTS, ROUND_HALF_EVEN)
            if abs(rounded - value) > FLOAT_NOISE:
                self.spool.rounded += 1
            value = rounded
        return format(value, "f")


class Pseudonyms:
    """Keyed pseudonyms: the same person of the same source gets the same one, and nobody without the key can go back."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret
        self._known: dict[tuple[str, str], str] = {}

    def of(self, namespace: str, identifier: str) -> str:
        key = (namespace, identifier)
        known = self._known.get(key)
        if known is None:
            if len(self._known) > 200_000:
                self._known.clear()
            message = f"{namespace}\x1f{identifier}".encode()
            known = self._known[key] = blake2b(message, key=self._secret, digest_size=12).hexdigest()
        return known


class _ImpossibleAmount(Exception):
    """A record has an amount that is none."""


_IMPOSSIBLE = refused(
    "money.impossible",
    "An amount has over 14 digits before the point, or is no number.",
    why="No practice has such an amount; the row was left out.",
    remedy="Correct it in the source and export again.",
)
_NO_ZONE = note(
    "source.no-zone",
    "The source does not say in which time zone its clock times are.",
    why="They are kept as written; spans over a change to or from summer time may be an hour off.",
    remedy="Give --zone, for example --zone America/New_York.",
)
_NO_CURRENCY = note(
    "source.no-currency",
    "The source does not say in which currency its amounts are.",
    why="They are never added to amounts of another currency.",
    remedy="Give --currency, for example --currency USD.",
)
_ROUNDED = note(
    "money.rounded",
    "Amounts with more than four decimal places were rounded to four.",
    remedy="Compare the tie-out; amounts of money have cents.",
)
