"""Appointments, their history, and the codes of missed visits → appointments and visit events."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, time, timedelta

from carewheel.interop.files import FileSink, doubt
from carewheel.interop.records import AppointmentRecord, Record, VisitEventRecord
from carewheel.interop.tabular.cells import Cells, Outcome
from carewheel.interop.tabular.opendental.lookups import Lookups
from carewheel.interop.tabular.opendental.missed import (
    REASON_OF_ACTION,
    REASON_OF_CODE,
    Missed,
    Occasion,
    written,
)
from carewheel.interop.tabular.values import ValueRefused

PATTERN_MINUTES = 5
_STAMPS = (("DateTimeArrived", "arrived"), ("DateTimeSeated", "roomed"), ("DateTimeDismissed", "done"))
_NOT_VISITS = {"6": "planned, not booked", "7": "note, not a visit", "8": "note, not a visit"}


def gather_history(cells: Cells, missed: Missed) -> Outcome:
    """Remember the Missed, Cancelled and Deleted actions of histappointment."""
    action, number = cells.text("HistApptAction"), cells.key("AptNum")
    if number and action in ("2", "3", "4"):
        starts = cells.moment("AptDateTime")
        occasion = Occasion(
            number,
            cells.key("PatNum"),
            starts.date() if starts else None,
            REASON_OF_ACTION.get(action, "entered-in-error"),
            f"history {action}",
            cells.moment("HistDateTStamp"),
            starts,
            cells.key("ClinicNum"),
            cells.key("ProvNum"),
        )
        if action == "4":
            missed.deleted[number] = occasion
        else:
            missed.add_history(occasion)
    return ()


def gather_code(cells: Cells, lookups: Lookups, missed: Missed) -> Outcome:
    """Remember the completed D9986 and D9987 of procedurelog."""
    code = lookups.code(cells)
    if code in REASON_OF_CODE and cells.text("ProcStatus") == "2":
        day = cells.date("ProcDate")
        occasion = Occasion(
            cells.key("AptNum"),
            cells.key("PatNum"),
            day,
            REASON_OF_CODE[code],
            code,
            starts_at=datetime.combine(day, time()) if day else None,
            location=cells.key("ClinicNum"),
            provider=cells.key("ProvNum"),
            procedure=cells.needed("ProcNum"),
        )
        missed.add_code(occasion)
    return ()


def appointment(cells: Cells, lookups: Lookups, missed: Missed, sink: FileSink) -> Outcome:
    """One row of the appointment table."""
    status = cells.text("AptStatus")
    if status == "2":
        sink.tally("visits", 1)
    number = cells.needed("AptNum")
    if status in _NOT_VISITS:
        return _NOT_VISITS[status]
    if status not in ("1", "2", "3", "4", "5"):
        raise ValueRefused("opendental.bad-status", "AptStatus is not a known code.", "Export the raw code.")
    starts = cells.moment("AptDateTime")
    day = starts.date() if starts else None
    if missed.concerns(number):
        missed.standing[number] = (day, status)
    if starts is None:
        if status == "3":
            return "on the unscheduled list"
        raise ValueRefused("opendental.no-date", "AptDateTime is empty.", "Check the appointment.")
    patient, location = cells.key("PatNum"), cells.key("ClinicNum")
    cancelled_at = None
    if status == "5":
        verdict = missed.broken(number, patient, day)
        canonical, raw, cancelled_at = verdict.status, verdict.raw_status, verdict.cancelled_at
        if verdict.no_reason:
            sink.note(
                doubt(
                    "opendental.broken-without-reason",
                    "A broken appointment has no reason; it counts as cancelled.",
                    why="Neither its history nor a D9986 or D9987 says missed or cancelled.",
                    remedy="Export histappointment and procedurelog; break appointments with a code.",
                )
            )
        if verdict.contradicted:
            sink.note(
                doubt(
                    "opendental.missed-contradiction",
                    "History and procedure code disagree on why a visit was missed; the code counts.",
                    remedy="Look at how appointments are broken at the front desk.",
                )
            )
    else:
        # On the unscheduled list it is no visit, but an earlier export may have had it booked: that is superseded.
        canonical = {"2": "fulfilled", "3": "waitlist"}.get(status, "booked")
        raw = status
    hygiene = cells.flag("IsHygiene")
    minutes = PATTERN_MINUTES * len(cells.text("Pattern"))
    provider = (cells.key("ProvHyg") if hygiene else "") or cells.key("ProvNum")
    recorded = cells.moment("DateTStamp")
    kind = cells.key("AppointmentTypeNum")
    records: list[Record] = [
        AppointmentRecord(
            source_id=number,
            recorded_at=recorded,
            location_id=location,
            appointment_id=number,
            basis="appointment",
            patient_key=patient,
            provider_key=provider,
            resource_id=cells.key("Op"),
            visit_type=lookups.appointment_types.get(kind, kind),
            status=canonical,
            raw_status=raw,
            starts_at=starts,
            ends_at=starts + timedelta(minutes=minutes) if minutes else None,
            minutes=float(minutes) if minutes else None,
            booked_at=cells.moment("SecDateTEntry"),
            cancelled_at=cancelled_at,
            is_new_patient=cells.flag("IsNewPatient"),
            is_hygiene=hygiene,
            wants_sooner=cells.text("Priority") == "1" or status == "4" if cells.has("Priority") else None,
        )
    ]
    for column, event in _STAMPS:
        at = cells.moment(column)
        # Midnight is Open Dental's mark for "not stamped".
        if at is not None and at.time() != time():
            records.append(
                VisitEventRecord(
                    f"{number}-{event}", recorded, location, number, patient, provider, event, column, at
                )
            )
    return records


def history(cells: Cells) -> Outcome:
    """One row of histappointment: what it says was gathered before."""
    if cells.text("HistApptAction") in ("2", "3", "4"):
        return ()
    return "history of a booking or change, not used yet"


def history_only(missed: Missed, sink: FileSink) -> Iterator[Record]:
    """The occasions of histappointment that no row of the appointment table stands for."""
    if not missed.complete:
        return
    alone = sum(number not in missed.standing for number, _ in missed.history.items())
    if alone:
        found = doubt(
            "opendental.history-only",
            "Missed or cancelled appointments survive only in the history; they were taken from there.",
            why="The history tells less of them: nobody knows what was planned.",
            remedy="Export the whole appointment table. If they were deleted, break appointments instead.",
        )
        sink.note(replace(found, count=alone))
    for number, occasions in missed.history.items():
        present = number in missed.standing
        left = [o for o in occasions if not o.claimed and not missed.withdrawn(o)]
        left.sort(key=written)
        for occasion in left:
            last = occasion is left[-1] and not present
            if occasion.starts_at is None:
                continue
            verdict = missed.broken(number, occasion.patient, occasion.day)
            suffix = "" if last else f"@{occasion.day}"
            yield _occasion_record(occasion, f"{number}{suffix}", verdict.status, verdict.raw_status)
    for number, occasion in missed.deleted.items():
        if number not in missed.standing and number not in missed.history and occasion.starts_at is not None:
            yield _occasion_record(occasion, number, "entered-in-error", occasion.raw)


def code_only(procedure: str, missed: Missed) -> Record | None:
    """The missed visit that only a procedure code tells of, if it does."""
    occasion = missed.by_procedure.get(procedure)
    if (
        not missed.complete
        or occasion is None
        or occasion.starts_at is None
        or not missed.uncounted(occasion)
    ):
        return None
    missed.broken(occasion.appointment, occasion.patient, occasion.day)
    return _occasion_record(occasion, f"proc:{procedure}", occasion.reason, occasion.raw)


def _occasion_record(occasion: Occasion, identifier: str, status: str, raw: str) -> AppointmentRecord:
    return AppointmentRecord(
        source_id=identifier,
        recorded_at=occasion.stamp,
        location_id=occasion.location,
        appointment_id=identifier,
        basis="appointment",
        patient_key=occasion.patient,
        provider_key=occasion.provider,
        status=status,
        raw_status=raw,
        starts_at=occasion.starts_at,
        cancelled_at=occasion.stamp if status == "cancelled" else None,
    )
