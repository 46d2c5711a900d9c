"""Who stands on the claims of an invented place: the practice, its clinicians, the insured, the payers. All are invented."""

from __future__ import annotations

from carewheel.interop.x12.writing import Clinician, Insured, Organisation, Payer
from carewheel.invented.book import ROLES, Book
from carewheel.invented.exports.beside import rows
from carewheel.invented.exports.names import invented_address, invented_person, invented_provider, member_id
from carewheel.invented.places import luhn_npi

# Health care provider taxonomy (NUCC).
CLINIC = {"dental": "261QD0000X", "medical": "261QP2300X"}
CLINICIAN = {
    "dentist": "122300000X",
    "hygienist": "124Q00000X",
    "physician": "207Q00000X",
    "nurse": "163W00000X",
    "assistant": "126800000X",
    "front-desk": "246YR1600X",
}
# ICD-10-CM without the point; what ails a patient goes on from visit to visit.
DIAGNOSES = (
    ("I10",),
    ("J069",),
    ("E119", "I10"),
    ("M5450",),
    ("Z0000",),
    ("J449", "I10"),
    ("E785",),
    ("N390",),
    ("F411",),
)
PHONE = "8005550100"


def provider_npi(book: Book, row: int) -> str:
    """The NPI of somebody who works there (row of ``staff``), with its check digit."""
    return luhn_npi(f"18{book.location.number:04}{row:03}")


def diagnoses_of(patient: int) -> tuple[str, ...]:
    """The diagnoses of a patient (row of ``patient``), the main one first.

    >>> diagnoses_of(2)
    ('E119', 'I10')
    """
    return DIAGNOSES[patient % len(DIAGNOSES)]


def practice_of(book: Book) -> Organisation:
    """The place as the one who bills and is paid."""
    place = book.location
    return Organisation(
        place.name, place.npi, place.tax_id, "1 Invented Avenue", place.city, place.state, f"{place.zips[0]}0001",
        CLINIC[place.kind], PHONE,
    )  # fmt: skip


def clinicians_of(book: Book) -> list[Clinician]:
    """Everybody who works there, by row of ``staff``."""
    return [
        Clinician(*invented_provider(book, row), provider_npi(book, row), CLINICIAN[ROLES[role]])
        for row, role in rows(book["staff"], "staff role")
    ]


def insured_of(book: Book) -> list[Insured]:
    """Every patient as subscriber of the own cover, by row of ``patient``."""
    return [
        Insured(
            *invented_person(book, row), birth, "M" if sex else "F", member_id(book, row), *invented_address(book, row)
        )
        for row, birth, sex in rows(book["patient"], "patient birth_day sex")
    ]  # fmt: skip


def payers_of(book: Book) -> list[Payer]:
    """The payers, with the address and number that a remittance needs."""
    return [
        Payer(
            one.payer_id, one.name, one.filing, f"{number} Payer Street", "Exampleton", "NY", "10099", f"98{number:07}",
            "8005550101",
        )
        for number, one in enumerate(book.words.payers, 1)
    ]  # fmt: skip
