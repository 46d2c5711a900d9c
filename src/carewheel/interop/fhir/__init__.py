"""FHIR R4: NDJSON of a bulk export, Bundles and single resources (also gzipped) into neutral records.

Fast structural reading (orjson), not validation against the profiles. A line is read at a time; a Bundle or a single
resource is one JSON document and therefore bounded in size. Who may call: through `interop.readers`.
"""

from __future__ import annotations

import codecs
from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from hashlib import blake2b
from typing import Any

import orjson

from carewheel.interop.fhir import money, people, visits
from carewheel.interop.fhir.persons import person
from carewheel.interop.fhir.type_names import type_name
from carewheel.interop.fhir.values import Known, Resource, WrongShape
from carewheel.interop.files import FileRefused, FileSink, ReadSettings, Sample, Sink, SourceFile, refused
from carewheel.interop.records import KEPT, AppointmentRecord, ChargeRecord, PaymentRecord, Record
from carewheel.interop.records.persons import TakesPersons
from carewheel.interop.records.type_names import TakesTypeNames

KIND = "fhir"
PRECEDENCE = "fhir"
# The log that a bulk export writes about itself: nothing about patients, nothing that a measure uses.
EXPORT_LOG = "ExportLog"
MAX_DOCUMENT = 256 * 1024 * 1024

Mapper = Callable[[Resource, Known], list[Record]]
# In the order in which they are read: what others refer to comes first.
MAPPERS: dict[str, Mapper] = {
    "Organization": people.organization,
    "Location": people.location,
    "Practitioner": people.practitioner,
    "PractitionerRole": people.practitioner_role,
    "Patient": people.patient,
    "Coverage": people.coverage,
    "Schedule": visits.schedule,
    "Slot": visits.slot,
    "Appointment": visits.appointment,
    "Encounter": visits.encounter,
    "Procedure": visits.procedure,
    "Claim": money.claim,
    "ClaimResponse": money.claim_response,
    "ExplanationOfBenefit": money.explanation_of_benefit,
    "ChargeItem": money.charge_item,
    "Invoice": money.invoice,
    "QuestionnaireResponse": people.questionnaire_response,
}
# A resource of these types cannot be placed in time without this.
DATED = {"Appointment": "start", "Encounter": "period", "Slot": "start"}
# Of these types can come what the tie-out compares: visits, charges, collections.
TALLIED = {
    "Appointment",
    "Encounter",
    "Claim",
    "ClaimResponse",
    "ExplanationOfBenefit",
    "ChargeItem",
    "Invoice",
}


def recognise(sample: Sample, settings: ReadSettings) -> str:
    """The resource type of the first resource, "ExportLog" for a bulk export's own log, or "" if this is no FHIR JSON."""
    text = sample.text.lstrip()
    first = text[:400].partition("\n")[0]
    if first.startswith("{") and '"exportId"' in first and '"eventId"' in first:
        return EXPORT_LOG
    if not text.startswith("{") or '"resourceType"' not in text:
        return ""
    start = text.index('"resourceType"') + len('"resourceType"')
    return text[start : start + 80].lstrip(" :\r\n\t").partition('"')[2].partition('"')[0]


def source_name(file: SourceFile, part: str, settings: ReadSettings) -> str:
    """FHIR does not name the server that exported it: all FHIR is one source unless --source says otherwise."""
    return "fhir"


def read(files: Sequence[tuple[SourceFile, str]], sink: Sink, settings: ReadSettings) -> None:
    """Read the files, those with resources that others refer to first. Rows are resources."""
    order = {name: i for i, name in enumerate(MAPPERS)}
    # Bundles hold everything; those of a transaction series with places and practitioners are loaded first.
    known = Known()
    for file, part in sorted(files, key=lambda pair: (order.get(pair[1], len(order)), pair[0].name)):
        with sink.file(file) as out:
            if part not in MAPPERS and part not in ("Bundle", "Parameters") and _only_lines(file):
                _skip(file, part, out)
                continue
            takes_persons = out if isinstance(out, TakesPersons) else None
            takes_names = out if isinstance(out, TakesTypeNames) else None
            for number, resource in _resources(file, out):
                _take(number, resource, known, out)
                if takes_persons and (named := person(resource)):
                    takes_persons.add_person(named)
                if takes_names and (called := type_name(resource)):
                    takes_names.add_type_name(called)


def _take(number: int, resource: Any, known: Known, out: FileSink) -> None:
    kind = resource.get("resourceType") if isinstance(resource, dict) else None
    if not isinstance(kind, str):
        out.refuse(_wrong(number, "It is no FHIR resource: it has no resourceType."))
        return
    mapper = MAPPERS.get(kind)
    if mapper is None:
        out.ignore(f"{_type_name(kind)}: not used by any measure")
        return
    if not resource.get("id"):
        # Told from others by its content, as every row without an id is.
        resource["id"] = blake2b(
            orjson.dumps(resource, option=orjson.OPT_SORT_KEYS), digest_size=12
        ).hexdigest()
    try:
        records = mapper(resource, known)
    except (
        WrongShape,
        AttributeError,
        TypeError,
        KeyError,
        ValueError,
        IndexError,
        ArithmeticError,
    ) as error:
        # An element of another type than R4 gives it surfaces here, whichever access met it first.
        out.refuse(_wrong(number, f"A {kind} has an element of the wrong type ({type(error).__name__})."))
        return
    if kind in TALLIED:
        for record in records:
            _tally(record, out)
    if kind in DATED and any(isinstance(r, AppointmentRecord) and r.starts_at is None for r in records):
        out.refuse(
            refused(
                "fhir.no-date",
                f"A {kind} without {DATED[kind]} cannot be placed in time.",
                line=number,
                remedy="Complete it in the source and export again.",
            )
        )
        return
    for record in records:
        out.add(record)
    out.used()


def _tally(record: Record, out: FileSink) -> None:
    if isinstance(record, ChargeRecord):
        out.tally("charges", record.amount or Decimal(0), record.currency)
    elif isinstance(record, PaymentRecord):
        out.tally("collections", record.amount or Decimal(0), record.currency)
    elif isinstance(record, AppointmentRecord) and record.status in KEPT:
        out.tally("visits", 1)


def _only_lines(file: SourceFile) -> bool:
    return file.sample().text.lstrip().partition("\n")[0].rstrip().endswith("}")


def _skip(file: SourceFile, part: str, out: FileSink) -> None:
    """Count the lines of a file of one unused type without parsing them."""
    rows = 0
    with file.open_bytes() as stream:
        for line in stream:
            rows += not line.isspace()
    out.ignore(f"{_type_name(part)}: not used by any measure", rows)


def _type_name(kind: str) -> str:
    """A resource type as a report may show it: any other words in its place are not repeated."""
    return kind if kind.isascii() and kind.isalpha() and len(kind) <= 40 else "Another type"


def _resources(file: SourceFile, out: FileSink) -> Iterator[tuple[int, Any]]:
    """(line, resource) of NDJSON; (entry, resource) of a Bundle; (1, resource) of a single one."""
    read_bytes = 0
    with file.open_bytes() as stream:
        number, is_first = 0, True
        while line := stream.readline(MAX_DOCUMENT + 1):
            number += 1
            if number == 1:
                line = line.removeprefix(codecs.BOM_UTF8)
            read_bytes += len(line)
            if len(line) > MAX_DOCUMENT:
                raise _too_large()
            if line.isspace():
                continue
            begins, is_first = is_first, False
            try:
                resource = orjson.loads(line)
            except orjson.JSONDecodeError:
                # A document over several lines; a first line that closes what it opened is one broken row.
                if begins and not line.rstrip().endswith(b"}"):
                    yield from _document(line + stream.read(MAX_DOCUMENT + 1 - len(line)))
                    return
                out.refuse(
                    refused(
                        "fhir.not-json",
                        "A line is not a complete JSON object.",
                        line=number,
                        why="The file was cut off or edited, or is not UTF-8.",
                        remedy="Export the file again.",
                    )
                )
                continue
            if type(resource) is dict and resource.get("resourceType") != "Bundle":
                yield number, resource
            else:
                yield from _unbundled(number, resource)
            if number % 1000 == 0:
                out.progress(read_bytes)


def _document(content: bytes) -> Iterator[tuple[int, Any]]:
    if len(content) > MAX_DOCUMENT:
        raise _too_large()
    try:
        resource = orjson.loads(content)
    except orjson.JSONDecodeError as error:
        raise FileRefused(
            refused(
                "fhir.not-json",
                "The file is not complete JSON.",
                why="It was cut off, edited, or is not JSON in UTF-8.",
                remedy="Export the file again.",
            )
        ) from error
    yield from _unbundled(1, resource)


def _unbundled(number: int, resource: Any) -> Iterator[tuple[int, Any]]:
    if not isinstance(resource, dict) or resource.get("resourceType") != "Bundle":
        yield number, resource
        return
    entries = resource.get("entry") or []
    if not isinstance(entries, list):
        yield number, None
        return
    order = {name: i for i, name in enumerate(MAPPERS)}
    found: list[tuple[int, Any]] = []
    for i, entry in enumerate(entries, 1):
        inner = entry.get("resource") if isinstance(entry, dict) else None
        if isinstance(inner, dict) and not inner.get("id"):
            full = str(entry.get("fullUrl", ""))
            if full.startswith("urn:uuid:"):
                inner["id"] = full[9:]
        found.append((i, inner))
    found.sort(
        key=lambda pair: (
            order.get(str(pair[1].get("resourceType", "")), 99) if isinstance(pair[1], dict) else 99
        )
    )
    yield from found


def _too_large() -> FileRefused:
    return FileRefused(
        refused(
            "fhir.too-large",
            f"A single JSON document over {MAX_DOCUMENT // 2**20} MB is not read.",
            why="It would have to be held in memory as a whole.",
            remedy="Export NDJSON (one resource a line), or split the Bundle.",
        )
    )


def _wrong(number: int, what: str) -> Any:
    return refused("fhir.bad-shape", what, line=number, remedy="Validate the resource and export it again.")
