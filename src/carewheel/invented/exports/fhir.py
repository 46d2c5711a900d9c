"""An invented medical place as the FHIR server of its practice system exports it: R4 in NDJSON, one file a type.

Ids are those of `names`; an Encounter has the id of its Appointment. What patients paid and what was given up has no
resource here: it stands in the practice's ledger (`ledger`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from zoneinfo import ZoneInfo

from carewheel.interop.fhir.values import Resource
from carewheel.interop.fhir.writing import (
    Address,
    appointment,
    claim,
    coverage,
    encounter,
    explanation_of_benefit,
    location,
    organisation,
    patient,
    practitioner,
    practitioner_role,
    schedule,
    slot,
    write_ndjson,
)
from carewheel.interop.fhir.writing.elements import money, reference, service
from carewheel.interop.records import (
    AdjustmentRecord,
    AppointmentRecord,
    AvailabilityRecord,
    ChargeRecord,
    ClaimRecord,
    CoverageRecord,
    LocationRecord,
    PatientRecord,
    ProviderRecord,
)
from carewheel.invented.book import NONE, ROLES, VISIT_STATUS, Book
from carewheel.invented.exports.beside import rows, write_beside
from carewheel.invented.exports.names import (
    claim_id,
    invented_address,
    invented_email,
    invented_person,
    invented_phone,
    invented_provider,
    member_id,
    patient_id,
    provider_id,
    visit_id,
)
from carewheel.invented.exports.parties import provider_npi

USD = "USD"
STATUS = {"booked": "booked", "kept": "fulfilled", "noshow": "noshow", "cancelled": "cancelled"}
KEPT = VISIT_STATUS.index("kept")


def ehr_source(book: Book) -> str:
    """The name of the system that knows a medical place's patients: what other sources say as ``people_of``."""
    return f"ehr-{book.location.location_id}"


def write_fhir(book: Book, folder: Path) -> None:
    """Write ``folder/fhir/*.ndjson`` and its ``carewheel.toml``. Raises `ValueError` for a place that is not medical.

    Patients are those who came or have a booking. Appointments stand as on the last day; kept visits have an Encounter
    with their steps (arrived, triaged: in the room, in-progress, finished). A Slot is a session, however much of it is
    booked. Charges to insurers are the items of Claims, all others ChargeItems. Each decision of a payer is an
    ExplanationOfBenefit of its own, a reversal with its signs turned, so that every payment keeps its day; interest is no
    part of it.
    """
    if book.location.kind == "dental":
        raise ValueError("FHIR is written for places that are not dental.")
    write_beside(folder / "fhir", book, source=ehr_source(book))
    write_ndjson(
        folder / "fhir",
        {
            "Organization": _organisations(book),
            "Location": _locations(book),
            "Practitioner": _practitioners(book),
            "PractitionerRole": _roles(book),
            "Patient": _patients(book),
            "Coverage": _coverages(book),
            "Schedule": _schedules(book),
            "Slot": _slots(book),
            "Appointment": _appointments(book),
            "Encounter": _encounters(book),
            "Claim": _claims(book),
            "ExplanationOfBenefit": _answers(book),
            "ChargeItem": _charge_items(book),
        },
    )


def _organisations(book: Book) -> Iterator[Resource]:
    place = book.location
    here = LocationRecord(location_id=place.location_id, name=place.name, kind=place.kind)
    yield organisation(here, npi=place.npi, phone="555-0100", address=_address(book))
    for payer in book.words.payers:
        yield organisation(LocationRecord(location_id=payer.payer_id, name=payer.name, kind="pay"))


def _locations(book: Book) -> Iterator[Resource]:
    place = book.location
    here = LocationRecord(location_id=place.location_id, name=place.name, kind=place.kind, zone=place.zone)
    yield location(here, organisation=place.location_id, phone="555-0100", address=_address(book))


def _address(book: Book) -> Address:
    place = book.location
    return Address(("1 Invented Avenue",), place.city, place.state, place.zips[0])


def _providers(book: Book) -> Iterator[tuple[int, ProviderRecord]]:
    for row, role, ended, is_provider in rows(book["staff"], "staff role ended_day is_provider"):
        if is_provider:
            key = provider_id(book, row)
            place = book.location.location_id
            yield (
                row,
                ProviderRecord(key, None, place, provider_key=key, role=ROLES[role], active=ended is None),
            )


def _practitioners(book: Book) -> Iterator[Resource]:
    for row, record in _providers(book):
        family, given = invented_provider(book, row)
        yield practitioner(record, family=family, given=given, npi=provider_npi(book, row))


def _roles(book: Book) -> Iterator[Resource]:
    for _, record in _providers(book):
        yield practitioner_role(record)


def _patients(book: Book) -> Iterator[Resource]:
    booked = set(book["visit"]["patient"].tolist())
    place = book.location.location_id
    for row, birth, sex, first, deceased in rows(
        book["patient"], "patient birth_day sex first_visit_day deceased_day"
    ):
        if first is None and row not in booked:
            continue
        record = PatientRecord(
            location_id=place, patient_key=patient_id(book, row), status="deceased" if deceased else "active",
            raw_status="true", sex="male" if sex else "female", birth_year=birth.year, deceased=deceased is not None,
        )  # fmt: skip
        family, given = invented_person(book, row)
        street, city, state, zip_code = invented_address(book, row)
        yield patient(
            record, family=family, given=given, birth_date=birth, phone=invented_phone(row), email=invented_email(book, row),
            address=Address((street,), city, state, zip_code),
        )  # fmt: skip


def _coverage_id(book: Book, row: int) -> str:
    return f"{patient_id(book, row)}-cover"


def _coverages(book: Book) -> Iterator[Resource]:
    booked = set(book["visit"]["patient"].tolist())
    for row, payer, joined, first in rows(book["patient"], "patient payer joined_day first_visit_day"):
        if payer == NONE or (first is None and row not in booked):
            continue
        pays = book.words.payers[payer]
        record = CoverageRecord(
            _coverage_id(book, row), patient_key=patient_id(book, row), payer_id=pays.payer_id, payer_name=pays.name,
            kind="primary", starts_date=joined,
        )  # fmt: skip
        yield coverage(record, subscriber_id=member_id(book, row))


def _schedules(book: Book) -> Iterator[Resource]:
    place = book.location.location_id
    for provider in sorted(set(book["session"]["provider"].tolist())):
        key = provider_id(book, provider)
        yield schedule(f"{key}-hours", provider_key=key, location_id=place)


def _slots(book: Book) -> Iterator[Resource]:
    zone, place = ZoneInfo(book.location.zone), book.location.location_id
    for row, provider, starts, ends in rows(book["session"], "session provider starts ends"):
        record = AvailabilityRecord(f"{place}-h{row + 1}", kind="open", starts_at=starts, ends_at=ends)
        yield slot(record, f"{provider_id(book, provider)}-hours", zone)


def _appointments(book: Book) -> Iterator[Resource]:
    zone, place = ZoneInfo(book.location.zone), book.location.location_id
    kinds = [kind.name for kind in book.location.visit_kinds]
    columns = "visit patient provider kind booked_at starts minutes status cancelled_at"
    for row, who, provider, kind, booked, starts, minutes, status, cancelled in rows(book["visit"], columns):
        yield appointment(
            AppointmentRecord(
                location_id=place, appointment_id=visit_id(book, row), patient_key=patient_id(book, who),
                provider_key=provider_id(book, provider), visit_type=kinds[kind], status=STATUS[VISIT_STATUS[status]],
                starts_at=starts, minutes=minutes, booked_at=booked, cancelled_at=cancelled,
            ),
            zone,
        )  # fmt: skip


def _encounters(book: Book) -> Iterator[Resource]:
    zone, place = ZoneInfo(book.location.zone), book.location.location_id
    kinds = [kind.name for kind in book.location.visit_kinds]
    columns = "visit patient provider kind status arrived_at roomed_at started_at done_at"
    for row, who, provider, kind, status, arrived, roomed, started, done in rows(book["visit"], columns):
        if status == KEPT:
            record = AppointmentRecord(
                location_id=place, appointment_id=visit_id(book, row), patient_key=patient_id(book, who),
                provider_key=provider_id(book, provider), visit_type=kinds[kind], status="fulfilled",
            )  # fmt: skip
            yield encounter(
                record, zone, arrived_at=arrived, roomed_at=roomed, started_at=started, done_at=done
            )


def _claims(book: Book) -> Iterator[Resource]:
    asked = _asked(book)
    lines: dict[int, list[ChargeRecord]] = defaultdict(list)
    for line, of in zip(_charges(book), book["line"]["claim"].tolist(), strict=True):
        if of != NONE:
            lines[of].append(line)
    for row, who in rows(book["claim"], "claim patient"):
        yield claim(asked[row], lines[row], coverage=_coverage_id(book, who))


def _answers(book: Book) -> Iterator[Resource]:
    """What payers decided, each decision with its lines."""
    asked, charges = _asked(book), _charges(book)
    patients = book["claim"]["patient"].tolist()
    reasons = [code for _, code in book.words.denial_reasons]
    lines: dict[int, list[tuple[ChargeRecord, list[AdjustmentRecord]]]] = defaultdict(list)
    for decision, line, charge, contractual, deductible, coinsurance, denied, reason in rows(
        book["decision_line"], "decision line charge contractual deductible coinsurance denied reason"
    ):
        parts = (
            ("contractual", "45", contractual), ("patient_share", "1", deductible), ("patient_share", "2", coinsurance),
            ("denial", reasons[reason], denied),
        )  # fmt: skip
        taken_off = [
            AdjustmentRecord(kind=kind, reason_code=code, amount=dollars(cents))
            for kind, code, cents in parts
            if cents
        ]
        lines[decision].append((charges[line]._replace(amount=dollars(charge)), taken_off))
    for row, of, day, paid in rows(book["decision"], "decision claim day paid"):
        yield explanation_of_benefit(
            f"{claim_id(book, of)}-d{row + 1}", asked[of], lines[row], paid=dollars(paid), created=day,
            coverage=_coverage_id(book, patients[of]),
        )  # fmt: skip


def _charge_items(book: Book) -> Iterator[Resource]:
    """What no insurer was asked for."""
    place, visits = book.location.location_id, book["visit"]["patient"].tolist()
    for row, (line, visit, of) in enumerate(
        zip(_charges(book), book["line"]["visit"].tolist(), book["line"]["claim"].tolist(), strict=True)
    ):
        if of == NONE and line.amount is not None and line.quantity:
            yield {
                "resourceType": "ChargeItem",
                "id": f"{place}-l{row + 1}",
                "status": "billed",
                "code": service(line.code, line.code_system),
                "subject": reference("Patient", patient_id(book, visits[visit])),
                "context": reference("Encounter", line.appointment_id),
                "occurrenceDateTime": f"{line.service_date}",
                "performingOrganization": reference("Organization", place),
                "quantity": {"value": line.quantity},
                "priceOverride": money(line.amount / int(line.quantity), USD),
            }


def _charges(book: Book) -> list[ChargeRecord]:
    """Every line as a charge, by row of ``line``."""
    served = _served(book)
    codes = book.location.codes
    return [
        ChargeRecord(
            appointment_id=visit_id(book, visit), code=codes[code].code, code_system=codes[code].system, currency=USD,
            amount=dollars(cents), quantity=units, service_date=served[visit],
        )
        for visit, code, cents, units in rows(book["line"], "visit code cents units")
    ]  # fmt: skip


def _asked(book: Book) -> list[ClaimRecord]:
    """Every claim without its lines, by row of ``claim``."""
    served, place = _served(book), book.location.location_id
    payers = book.words.payers
    return [
        ClaimRecord(
            location_id=place, currency=USD, claim_id=claim_id(book, row), patient_key=patient_id(book, who),
            provider_key=provider_id(book, provider), payer_id=payers[payer].payer_id, payer_name=payers[payer].name,
            kind="professional", status="submitted", amount=dollars(cents), service_date=served[visit],
            submitted_date=submitted,
        )
        for row, visit, who, payer, provider, submitted, cents in rows(
            book["claim"], "claim visit patient payer provider submitted_day cents"
        )
    ]  # fmt: skip


def _served(book: Book) -> list[date]:
    return [starts.date() for (starts,) in rows(book["visit"], "starts")]


@lru_cache(maxsize=100_000)
def dollars(cents: int) -> Decimal:
    """An amount of cents, exactly.

    >>> dollars(-1205)
    Decimal('-12.05')
    """
    return Decimal(cents).scaleb(-2)
