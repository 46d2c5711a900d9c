"""The reader of OpenEMR: gathers what tables say about each other, then streams each into the sink."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from carewheel.interop.files import FileSink, ReadSettings, Sink, SourceFile
from carewheel.interop.records import CoverageRecord, LocationRecord, PatientRecord, ProviderRecord
from carewheel.interop.tabular.cells import Cells, Outcome, each_row, look_through
from carewheel.interop.tabular.openemr import money, visits
from carewheel.interop.tabular.openemr.persons import PERSON_OF
from carewheel.interop.tabular.persons import with_person

PRECEDENCE = "practice"

_ORDER = (
    "openemr_postcalendar_categories",
    "insurance_companies",
    "facility",
    "users",
    "patient_data",
    "insurance_data",
    "patient_tracker",
    "openemr_postcalendar_events",
    "patient_tracker_element",
    "form_encounter",
    "ar_session",
    "billing",
    "ar_activity",
    "claims",
)
_KEYS = {
    "openemr_postcalendar_events": "pc_eid",
    "form_encounter": "encounter",
    "billing": "id",
    "patient_data": "pid",
}


def source_name(file: SourceFile, part: str, settings: ReadSettings) -> str:
    """The originating system: as the operator named it, else ``openemr``."""
    return file.given_source or "openemr"


def read(files: Sequence[tuple[SourceFile, str]], sink: Sink, settings: ReadSettings) -> None:
    """Read the tables of one export into ``sink``, whatever subset there is."""
    flow, ledger = visits.Flow(), money.Ledger()
    gather: dict[str, Callable[[Cells], Outcome]] = {
        "patient_tracker": flow.take_tracker,
        "patient_tracker_element": flow.take_step,
        "form_encounter": flow.take_encounter,
        "openemr_postcalendar_events": flow.take_event,
    }
    for file, part in files:
        if part in gather:
            look_through(file, settings, gather[part])
    ranked = sorted(files, key=lambda pair: _ORDER.index(pair[1]))
    last_claims = next((file for file, part in reversed(ranked) if part == "claims"), None)
    for file, part in ranked:
        with sink.file(file) as taker:
            each_row(file, taker, settings, _taker(part, flow, ledger, taker, settings), _KEYS.get(part, ""))
            if file is last_claims:
                for record in money.claims(flow, ledger):
                    taker.add(record)


def _taker(
    part: str, flow: visits.Flow, ledger: money.Ledger, sink: FileSink, settings: ReadSettings
) -> Callable[[Cells], Outcome]:
    takers: dict[str, Callable[[Cells], Outcome]] = {
        "openemr_postcalendar_categories": partial(_category, flow=flow),
        "insurance_companies": ledger.take_company,
        "facility": _facility,
        "users": _user,
        "patient_data": _patient,
        "insurance_data": partial(_coverage, ledger=ledger),
        "patient_tracker": lambda cells: (),
        "openemr_postcalendar_events": partial(visits.event, flow=flow, sink=sink, today=settings.today),
        "patient_tracker_element": partial(visits.step, flow=flow),
        "form_encounter": partial(visits.encounter, flow=flow, sink=sink),
        "ar_session": ledger.take_session,
        "billing": partial(money.billing, flow=flow, ledger=ledger, sink=sink),
        "ar_activity": partial(money.posting, flow=flow, ledger=ledger, sink=sink),
        "claims": ledger.take_claim,
    }
    return with_person(takers[part], PERSON_OF.get(part), sink)


def _category(cells: Cells, flow: visits.Flow) -> Outcome:
    flow.categories[cells.needed("pc_catid")] = cells.text("pc_catname")
    return ()


def _facility(cells: Cells) -> Outcome:
    number = cells.needed("id")
    return (LocationRecord(source_id=number, location_id=number, name=cells.text("name"), kind="medical"),)


def _user(cells: Cells) -> Outcome:
    if cells.text("authorized") != "1":
        return "user who is no provider"
    number = cells.needed("id")
    return (
        ProviderRecord(
            source_id=number,
            location_id=cells.key("facility_id"),
            provider_key=number,
            role=cells.text("physician_type"),
            active=cells.flag("active"),
        ),
    )


def _patient(cells: Cells) -> Outcome:
    number, birth, died = cells.needed("pid"), cells.date("DOB"), cells.date("deceased_date")
    return (
        PatientRecord(
            source_id=number,
            recorded_at=cells.moment("last_updated"),
            patient_key=number,
            status="deceased" if died else "",
            sex=cells.text("sex").lower(),
            birth_year=birth.year if birth else None,
            deceased=died is not None if cells.has("deceased_date") else None,
        ),
    )


def _coverage(cells: Cells, ledger: money.Ledger) -> Outcome:
    starts, payer = cells.date("date"), cells.key("provider")
    if not payer:
        return "cover without a payer"
    if starts is None:
        return "cover without a first day"
    return (
        CoverageRecord(
            source_id=cells.key("id"),
            patient_key=cells.key("pid"),
            payer_id=payer,
            payer_name=ledger.companies.get(payer, ""),
            kind=cells.text("type"),
            starts_date=starts,
            ends_date=cells.date("date_end"),
        ),
    )
