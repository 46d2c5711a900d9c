"""The reader of Open Dental: tables in the order in which they explain each other, each streamed once or twice."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal

from carewheel.interop.files import FileSink, ReadSettings, Sink, SourceFile, doubt, note
from carewheel.interop.tabular.cells import Cells, Outcome, each_row, look_through
from carewheel.interop.tabular.opendental import money, people, visits
from carewheel.interop.tabular.opendental.lookups import READ_FIRST, Lookups
from carewheel.interop.tabular.opendental.missed import Missed
from carewheel.interop.tabular.opendental.persons import PERSON_OF
from carewheel.interop.tabular.persons import with_person

PRECEDENCE = "practice"

# Small tables first; claims before what refers to them; history and procedures after the appointments.
_ORDER = (
    *sorted(READ_FIRST),
    "clinic",
    "provider",
    "operatory",
    "patient",
    "claim",
    "claimproc",
    "appointment",
    "histappointment",
    "procedurelog",
)
_KEYS = {
    "appointment": "AptNum",
    "histappointment": "HistApptNum",
    "procedurelog": "ProcNum",
    "claim": "ClaimNum",
    "claimproc": "ClaimProcNum",
    "paysplit": "SplitNum",
    "payment": "PayNum",
    "adjustment": "AdjNum",
    "patient": "PatNum",
    "refattach": "RefAttachNum",
    "commlog": "CommlogNum",
    "schedule": "ScheduleNum",
}
_UNUSED = {
    "recall": "a due recall is not an event",
    "clockevent": "clock events, not used yet",
    "etrans835": "remittances are read from the 835 files themselves",
    "asapcomm": "offers to the ASAP list, not used yet",
}


def source_name(file: SourceFile, part: str, settings: ReadSettings) -> str:
    """The originating system: as the operator named it, else ``opendental``."""
    return file.given_source or "opendental"


def read(files: Sequence[tuple[SourceFile, str]], sink: Sink, settings: ReadSettings) -> None:
    """Read the tables of one export into ``sink``, whatever subset there is."""
    lookups, missed = Lookups(), Missed()
    parts = {part for _, part in files}
    ranked = sorted(files, key=lambda pair: _ORDER.index(pair[1]) if pair[1] in _ORDER else len(_ORDER))
    last_history = next((file for file, part in reversed(ranked) if part == "histappointment"), None)
    gathered = False
    for file, part in ranked:
        if not gathered and part in ("appointment", "histappointment", "procedurelog"):
            gathered = True
            _gather(ranked, lookups, missed, settings)
        read_through = False
        with sink.file(file) as taker:
            if part == "procedurelog" and not lookups.codes:
                _say_codes_missing(taker)
            each_row(file, taker, settings, _taker(part, parts, lookups, missed, taker), _KEYS.get(part, ""))
            if file is last_history:
                for record in visits.history_only(missed, taker):
                    taker.add(record)
            if part == "claimproc":
                _compare_checks(lookups, taker)
            read_through = True
        if part == "appointment" and not read_through:
            missed.complete = False


def _gather(
    ranked: Sequence[tuple[SourceFile, str]], lookups: Lookups, missed: Missed, settings: ReadSettings
) -> None:
    for file, part in ranked:
        if part == "histappointment":
            look_through(file, settings, lambda cells: visits.gather_history(cells, missed))
        elif part == "procedurelog":
            look_through(file, settings, lambda cells: visits.gather_code(cells, lookups, missed))


def _taker(
    part: str, parts: set[str], lookups: Lookups, missed: Missed, sink: FileSink
) -> Callable[[Cells], Outcome]:
    if part in READ_FIRST:
        return lambda cells: lookups.take(part, cells)
    if part in _UNUSED:
        return lambda cells: _UNUSED[part]
    takers: dict[str, Callable[[Cells], Outcome]] = {
        "appointment": lambda cells: visits.appointment(cells, lookups, missed, sink),
        "histappointment": visits.history,
        "procedurelog": lambda cells: money.procedure(cells, lookups, missed, sink, "adjustment" in parts),
        "claim": lambda cells: money.claim(cells, lookups),
        "claimproc": lambda cells: money.claimproc(cells, lookups, sink),
        "paysplit": lambda cells: money.paysplit(cells, sink),
        "payment": lambda cells: money.payment(cells, sink, "paysplit" in parts),
        "adjustment": lambda cells: money.adjustment(cells, lookups),
        "patient": people.patient,
        "clinic": people.clinic,
        "provider": people.provider,
        "operatory": people.operatory,
        "patplan": lambda cells: people.patplan(cells, lookups),
        "refattach": lambda cells: people.refattach(cells, lookups),
        "commlog": lambda cells: people.commlog(cells, lookups),
        "schedule": lambda cells: people.schedule(cells, lookups),
        "supply": people.supply,
    }
    return with_person(takers[part], PERSON_OF.get(part), sink)


def _say_codes_missing(sink: FileSink) -> None:
    sink.note(
        note(
            "opendental.no-codes",
            "The export has no procedurecode table.",
            why="Procedures stay without code, and D9986 and D9987 cannot be seen.",
            remedy="Export procedurecode too.",
        )
    )


def _compare_checks(lookups: Lookups, sink: FileSink) -> None:
    """Insurance checks whose splits do not add up to the check: doubtful, and counted by their splits."""
    for number, paid in lookups.paid_by_check.items():
        check = lookups.checks.get(number)
        if check is not None and check != paid and paid != Decimal(0):
            sink.note(
                doubt(
                    "opendental.check-unbalanced",
                    "The payments of an insurance check do not add up to it.",
                    why="Money is counted by the payments on procedures.",
                    remedy="Compare the check with its claims, or export both for the same dates.",
                )
            )
