"""Calendar events, the flow board and encounters of OpenEMR → appointments, availability and visit events.

An encounter and an appointment are one visit if the flow board (patient_tracker) joins them; without it, if it is the
patient's only appointment of that day. A booked appointment that has an encounter took place: it is fulfilled, its raw
status says ``encounter``. What the calendar calls cancelled or missed stays so, with a doubt. An encounter that joins
nothing is a visit of basis ``encounter``. Status ``%`` (cancelled within 24 hours) is a late cancellation by the source's
own word; ``!`` (left without being seen) is cancelled. The list of statuses can be edited: an unknown one stays booked
with a doubt. The status of one day of a repeating event is the last that the flow board has for that day.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta

from carewheel.interop.files import FileSink, Held, doubt
from carewheel.interop.records import KEPT, AppointmentRecord, AvailabilityRecord, Record, VisitEventRecord
from carewheel.interop.tabular.cells import Cells, Outcome
from carewheel.interop.tabular.openemr.recurrence import days
from carewheel.interop.tabular.values import ValueRefused

_STATUS = {
    "": "booked",
    "-": "booked",
    "*": "booked",
    "+": "booked",
    "#": "booked",
    "^": "pending",
    "x": "cancelled",
    "%": "cancelled",
    "!": "cancelled",
    "&": "cancelled",
    "?": "noshow",
    "@": "arrived",
    "~": "arrived",
    "<": "checked-in",
    ">": "fulfilled",
    "$": "fulfilled",
}
_STEPS = {
    "@": "arrived",
    "~": "arrived",
    "<": "roomed",
    ">": "done",
    "x": "cancelled",
    "%": "cancelled",
    "?": "noshow",
}
# Categories as installed, of events without a patient.
_HOURS = {
    "2": "open",
    "3": "closed",
    "4": "leave",
    "6": "holiday",
    "7": "closed",
    "8": "blockout",
    "11": "blockout",
}


@dataclass
class Flow:
    """What the flow board and the encounters say, gathered before the calendar is read."""

    trackers: Held[str, tuple[str, date | None, str]] = field(default_factory=Held)
    last_status: Held[str, tuple[int, str]] = field(default_factory=Held)
    tracker_of: Held[tuple[str, date | None], str] = field(default_factory=Held)
    event_of: Held[str, tuple[str, date | None]] = field(default_factory=Held)
    encounter_days: Held[tuple[str, date], bool] = field(default_factory=Held)
    encounters: Held[str, tuple[date | None, str, str]] = field(default_factory=Held)
    repeating: Held[str, bool] = field(default_factory=Held)
    booked_days: Held[tuple[str, date], list[str]] = field(default_factory=Held)
    linked: Held[tuple[str, date | None], bool] = field(default_factory=Held)
    categories: dict[str, str] = field(default_factory=dict)
    visit_of: Held[str, str] = field(default_factory=Held)

    def appointment_id(self, event: str, day: date | None) -> str:
        """The id of an event's visit on a day."""
        return f"{event}@{day}" if event in self.repeating else event

    def take_tracker(self, cells: Cells) -> Outcome:
        """A row of patient_tracker joins an event, a day and an encounter."""
        number, event, day = cells.needed("id"), cells.key("eid"), cells.date("apptdate")
        self.trackers[number] = (event, day, cells.key("pid"))
        self.tracker_of[event, day] = number
        encounter = cells.key("encounter")
        if encounter and event:
            self.event_of[encounter] = (event, day)
            self.linked[event, day] = True
        return ()

    def take_step(self, cells: Cells) -> Outcome:
        """A row of patient_tracker_element: remember the last status."""
        number, order = cells.key("pt_tracker_id"), int(cells.number("seq") or 0)
        if order >= self.last_status.get(number, (-1, ""))[0]:
            self.last_status[number] = (order, cells.text("status"))
        return ()

    def take_encounter(self, cells: Cells) -> Outcome:
        """A row of form_encounter: its day and place, for the calendar and for billing."""
        day, patient = cells.date("date"), cells.key("pid")
        if day is not None:
            self.encounter_days[patient, day] = True
            self.encounters[cells.key("encounter")] = (
                day,
                cells.key("facility_id"),
                cells.key("provider_id"),
            )
        return ()

    def take_event(self, cells: Cells) -> Outcome:
        """A row of the calendar: remember which events repeat."""
        if cells.text("pc_recurrtype") not in ("", "0"):
            self.repeating[cells.key("pc_eid")] = True
        return ()


def event(cells: Cells, flow: Flow, sink: FileSink, today: date) -> Outcome:
    """One row of the calendar: a visit, or hours; a repeating one comes to a record for each of its days."""
    number, patient, category = cells.needed("pc_eid"), cells.key("pc_pid"), cells.text("pc_catid")
    raw = cells.text("pc_apptstatus")
    if not patient and category not in _HOURS:
        return "event without a patient"
    first = cells.date("pc_eventDate")
    if first is None:
        raise ValueRefused("openemr.no-date", "pc_eventDate is empty.", "Check the event.")
    repeats = cells.text("pc_recurrtype")
    try:
        dates = days(first, repeats, cells.text("pc_recurrspec"), cells.date("pc_endDate"), today)
    except (ValueError, KeyError) as error:
        raise ValueRefused(
            "openemr.bad-recurrence", "The rule of repetition is not known.", "Check the event."
        ) from error
    minutes = (cells.number("pc_duration") or 0) / 60
    if not 0 <= minutes <= 7 * 24 * 60:
        raise ValueRefused(
            "openemr.bad-duration", "pc_duration is negative or longer than a week.", "Check the event."
        )
    clock = _clock(cells)
    if not patient:
        return _hours(cells, number, _HOURS[category], category, dates, clock, minutes, repeats)
    records: list[Record] = []
    for day in dates:
        identifier = flow.appointment_id(number, day)
        own = flow.last_status.get(flow.tracker_of.get((number, day), ""), (0, ""))[1]
        said = own if own and repeats not in ("", "0") else raw
        status, raw_status = _status(said, flow, patient, number, day, sink)
        if status in KEPT:
            sink.tally("visits", 1)
        flow.booked_days[patient, day] = [*flow.booked_days.get((patient, day), []), identifier]
        starts = datetime.combine(day, clock)
        name = flow.categories.get(category, "")
        records.append(
            AppointmentRecord(
                source_id=identifier,
                recorded_at=cells.moment("pc_time"),
                location_id=cells.key("pc_facility"),
                appointment_id=identifier,
                basis="appointment",
                patient_key=patient,
                provider_key=cells.key("pc_aid"),
                resource_id=cells.text("pc_room"),
                visit_type=name or category,
                status=status,
                raw_status=raw_status,
                starts_at=starts,
                ends_at=starts + timedelta(minutes=minutes) if minutes else None,
                minutes=minutes or None,
                late_cancel=True if said == "%" else None,
                is_new_patient=True if name.lower() == "new patient" else None,
            )
        )
    return records or "repeating event without a day"


def encounter(cells: Cells, flow: Flow, sink: FileSink) -> Outcome:
    """One row of form_encounter: part of an appointment's visit, or a visit of its own."""
    number, patient, starts = cells.needed("encounter"), cells.key("pid"), cells.moment("date")
    if starts is None:
        raise ValueRefused("openemr.no-date", "The encounter has no date.", "Check the encounter.")
    joined = _joined(number, patient, starts.date(), flow)
    if joined:
        flow.visit_of[number] = joined
        return ()
    sink.tally("visits", 1)
    identifier = f"enc:{number}"
    flow.visit_of[number] = identifier
    return (
        AppointmentRecord(
            source_id=identifier,
            recorded_at=cells.moment("last_update"),
            location_id=cells.key("facility_id"),
            appointment_id=identifier,
            basis="encounter",
            patient_key=patient,
            provider_key=cells.key("provider_id"),
            visit_type=flow.categories.get(cells.text("pc_catid"), cells.text("pc_catid")),
            status="fulfilled",
            raw_status="encounter",
            starts_at=starts,
        ),
    )


def step(cells: Cells, flow: Flow) -> Outcome:
    """One row of patient_tracker_element: a step of a visit."""
    tracker, raw, at = cells.needed("pt_tracker_id"), cells.text("status"), cells.moment("start_datetime")
    if raw not in _STEPS:
        return "status that is no step of a visit"
    if at is None:
        raise ValueRefused("openemr.no-date", "start_datetime is empty.", "Check the flow board.")
    event_number, day, patient = flow.trackers.get(tracker, ("", None, ""))
    if not event_number:
        return "step without its patient_tracker"
    return (
        VisitEventRecord(
            source_id=f"{tracker}-{cells.text('seq')}",
            appointment_id=flow.appointment_id(event_number, day),
            patient_key=patient,
            event=_STEPS[raw],
            raw_event=raw,
            happened_at=at,
        ),
    )


def _status(raw: str, flow: Flow, patient: str, number: str, day: date, sink: FileSink) -> tuple[str, str]:
    if raw not in _STATUS:
        sink.note(
            doubt(
                "openemr.unknown-status",
                "An appointment status is not in the standard list; the visit stays booked.",
                why="The list of statuses was edited.",
                remedy="Set visits to > (checked out) when they are over.",
            )
        )
    status = _STATUS.get(raw, "booked")
    seen = (number, day) in flow.linked or (patient, day) in flow.encounter_days
    if status == "booked" and seen:
        return "fulfilled", f"{raw} encounter".strip()
    if status in ("cancelled", "noshow") and (number, day) in flow.linked:
        sink.note(
            doubt(
                "openemr.missed-with-encounter",
                "A visit is called missed or cancelled, and has an encounter.",
                remedy="Mend the status or the encounter.",
            )
        )
    return status, raw


def _joined(number: str, patient: str, day: date, flow: Flow) -> str:
    identifiers = flow.booked_days.get((patient, day), [])
    event_number, event_day = flow.event_of.get(number, ("", None))
    if event_number:
        identifier = flow.appointment_id(event_number, event_day)
        on_day = flow.booked_days.get((patient, event_day), []) if event_day else identifiers
        return identifier if identifier in on_day else ""
    return identifiers[0] if len(identifiers) == 1 else ""


def _hours(
    cells: Cells,
    number: str,
    kind: str,
    category: str,
    dates: list[date],
    clock: time,
    minutes: float,
    repeats: str,
) -> Outcome:
    if kind == "open" and not minutes:
        return "hours without a duration"
    return [
        AvailabilityRecord(
            source_id=f"{number}@{day}" if repeats not in ("", "0") else number,
            recorded_at=cells.moment("pc_time"),
            location_id=cells.key("pc_facility"),
            provider_key=cells.key("pc_aid"),
            kind=kind,
            raw_kind=category,
            starts_at=datetime.combine(day, clock),
            ends_at=datetime.combine(day, clock) + timedelta(minutes=minutes) if minutes else None,
            minutes=minutes or None,
        )
        for day in dates
    ] or "repeating event without a day"


def _clock(cells: Cells) -> time:
    text = cells.text("pc_startTime")
    try:
        return time.fromisoformat(text) if text else time()
    except ValueError as error:
        raise ValueRefused("csv.bad-date", "pc_startTime: It is no time.", "Check the event.") from error
