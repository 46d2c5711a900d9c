"""HL7 v2 files: SIU (appointments and their changes), ADT (visits, patients) and DFT (charges) as neutral records.

Own tokeniser (`messages`): any separators, line ends, MLLP frames, batches, escapes, repetitions, nulls. One message is one
row, taken whole or refused. A pure `interop` reader, called through the contract of `carewheel.interop.files`.
"""

from __future__ import annotations

import io
import re
from collections import Counter
from collections.abc import Sequence

from carewheel.interop.files import (
    FileSink,
    Finding,
    ReadSettings,
    Sample,
    Sink,
    SourceFile,
    doubt,
    note,
    refused,
)
from carewheel.interop.hl7v2.billing import transactions
from carewheel.interop.hl7v2.messages import Batch, Message, messages
from carewheel.interop.hl7v2.persons import persons
from carewheel.interop.hl7v2.visits import ADMISSION, PERSON, SCHEDULING, Unusable, appointment, encounter
from carewheel.interop.records import KEPT, AppointmentRecord, ChargeRecord, PaymentRecord, Record
from carewheel.interop.records.persons import TakesPersons

KIND = "hl7v2"
PRECEDENCE = "hl7v2"

__all__ = ["KIND", "PRECEDENCE", "read", "recognise", "source_name"]

_HEAD = re.compile(r"(?:MSH|FHS|BHS)[^A-Za-z0-9\s]")
# Moves and merges of identifiers: applying one wrongly would attach a visit to the wrong patient.
_MERGES = frozenset({"A17", "A18", "A24", "A30", "A34", "A35", "A36", "A37", "A39", "A40", "A41", "A42", "A43", "A44", "A45", "A46", "A47", "A48", "A49", "A50", "A51"})  # fmt: skip
_FINANCIAL = frozenset({"P03", "P11"})
_REFUSALS = {
    "hl7.unreadable": ("A message does not declare its separators in MSH.", "Export it again."),
    "hl7.too-long": ("A message is over 16 MB long.", "Export without embedded documents."),
    "hl7.missing-segment": (
        "A segment that the message needs (SCH, PV1 or FT1) is missing.",
        "Check the interface.",
    ),
    "hl7.no-identifier": ("A message does not identify its appointment or patient.", "Check the interface."),
    "hl7.no-date": ("A message does not say when.", "Check the interface; a date is never invented."),
    "hl7.bad-amount": ("An amount is not a number.", "Check the interface."),
    "hl7.unknown-transaction": ("A transaction's type (FT1-6) is unknown.", "Check the interface."),
}


def recognise(sample: Sample, settings: ReadSettings) -> str:
    """``messages`` for a file that begins with an HL7 v2 message or batch, else ""."""
    text = sample.text.lstrip("\ufeff\x0b \r\n\t")
    return "messages" if _HEAD.match(text) and "MSH" in text else ""


def source_name(file: SourceFile, part: str, settings: ReadSettings) -> str:
    """``hl7v2`` with the sending application and facility of the first message: ``hl7v2:schapp|ghhsfacility``."""
    text = file.sample().text.lstrip("\ufeff\x0b")
    found = re.search(r"(?:^|[\r\n\x0b])(MSH[^\r\n]*)", text)
    if not found:
        return KIND
    message = Message([found[1]], 1)
    head = message.first("MSH")
    names = [message.value(head, 3).lower(), message.value(head, 4).lower()]
    return f"{KIND}:{'|'.join(names)}" if any(names) else KIND


def read(files: Sequence[tuple[SourceFile, str]], sink: Sink, settings: ReadSettings) -> None:
    """Read the files into the sink; a row is a message."""
    for file, _ in files:
        with sink.file(file) as into:
            _read_file(file, into)


def _read_file(file: SourceFile, into: FileSink) -> None:
    unused: Counter[tuple[str, str]] = Counter()
    size, read = file.size, 0
    # A byte that the encoding does not know is marked rather than fatal: it stands in a text, which is not taken.
    raw = file.open_bytes()
    with io.TextIOWrapper(raw, encoding=file.encoding(), errors="replace", newline="") as stream:
        for item in messages(stream):
            if isinstance(item, Batch):
                _check_batch(item, into)
                continue
            read += item.size
            into.progress(min(read, size))
            _read_message(item, into, unused)
    for (code, kind), count in sorted(unused.items()):
        into.note(_unused(code, kind, count))


def _read_message(message: Message, into: FileSink, unused: Counter[tuple[str, str]]) -> None:
    try:
        if not message.is_readable:
            raise Unusable("hl7.unreadable")
        if not message.is_whole:
            raise Unusable("hl7.too-long")
        head = message.first("MSH")
        kind = message.value(head, 9).upper()
        trigger = message.value(head, 9, 2).upper() or message.value(message.first("EVN"), 1).upper()
        records: list[Record]
        if kind == "SIU" and trigger in SCHEDULING:
            records = appointment(message, trigger)
        elif kind == "ADT" and (trigger in ADMISSION or trigger in PERSON):
            records = encounter(message, trigger)
        elif kind == "DFT" and trigger in _FINANCIAL:
            records = transactions(message)
        else:
            code = "hl7.merge-not-applied" if kind == "ADT" and trigger in _MERGES else "hl7.not-used-yet"
            unused[code, f"{kind[:3]} {trigger[:3]}"] += 1
            into.ignore(code)
            return
    except Unusable as problem:
        code = str(problem)
        what, remedy = _REFUSALS[code]
        into.refuse(refused(code, what, line=message.line, remedy=remedy))
        return
    _tally(records, into)
    for record in records:
        into.add(record)
    if isinstance(into, TakesPersons):
        for person in persons(message):
            into.add_person(person)
    into.used()
    if (
        kind == "ADT"
        and trigger in ADMISSION
        and not any(isinstance(one, AppointmentRecord) for one in records)
    ):
        into.note(
            doubt(
                "hl7.no-date",
                "A visit has no date; only its patient was taken.",
                line=message.line,
                why="It cannot be placed in time, and a date is never invented.",
            )
        )


def _tally(records: Sequence[Record], into: FileSink) -> None:
    for record in records:
        if isinstance(record, AppointmentRecord) and record.status in KEPT:
            into.tally("visits", 1)
        elif isinstance(record, ChargeRecord) and record.amount is not None:
            into.tally("charges", record.amount, record.currency)
        elif isinstance(record, PaymentRecord) and record.amount is not None:
            into.tally("collections", record.amount, record.currency)


def _check_batch(batch: Batch, into: FileSink) -> None:
    if batch.stated.isdigit() and int(batch.stated) != batch.came:
        into.note(
            doubt(
                "hl7.batch-count",
                f"The batch says that it holds {int(batch.stated)} messages; {batch.came} came.",
                line=batch.line,
                why="Messages may have been lost.",
                remedy="Compare with the sender, or send the batch again.",
            )
        )


def _unused(code: str, kind: str, count: int) -> Finding:
    if code == "hl7.merge-not-applied":
        found = doubt(
            code,
            f"A merge or move of identifiers ({kind}) was not applied.",
            why="Facts stay with the number under which they came; the patient may count twice.",
            remedy="Export again from the practice system after the merge.",
        )
    else:
        found = note(code, f"Messages {kind} are not used yet.")
    return Finding(found.code, found.severity, found.what, "", None, found.why, found.remedy, count)
