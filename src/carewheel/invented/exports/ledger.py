"""What patients of an invented medical place paid, what was given up, and when they first came: lists as CSV in the
shape of our mappings.

No FHIR resource that we read holds them. A dental place has them in Open Dental.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from carewheel.interop.tabular.opendental.writing import amount
from carewheel.invented.book import METHODS, NONE, WRITE_OFF_KINDS, Book
from carewheel.invented.exports.beside import rows, write_beside
from carewheel.invented.exports.fhir import ehr_source
from carewheel.invented.exports.names import claim_id, patient_id, visit_id

PAYMENTS = (
    "payment_id posted_date patient_id appointment_id payer_kind method amount service_date location_id"
)
PATIENTS = "patient_id first_visit_date patient_status location_id"
ADJUSTMENTS = "adjustment_id posted_date patient_id claim_id kind amount service_date location_id"


def write_ledger(book: Book, folder: Path) -> None:
    """Write ``folder/ledger/payments.csv``, ``adjustments.csv`` and ``patients.csv``, and a ``carewheel.toml``.

    Payments are the patients' only (refunds are negative); what insurers paid is told by their answers. Raises
    `ValueError` for a dental place.
    """
    if book.location.kind == "dental":
        raise ValueError("The ledger of a dental place is Open Dental.")
    target = folder / "ledger"
    write_beside(target, book, source=f"ledger-{book.location.location_id}", people_of=ehr_source(book))
    _write(target / "payments.csv", PAYMENTS, _payments(book))
    _write(target / "adjustments.csv", ADJUSTMENTS, _adjustments(book))
    _write(target / "patients.csv", PATIENTS, _patients(book))


def _write(path: Path, header: str, cells: Iterable[tuple[Any, ...]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(header.split())
        writer.writerows(cells)


def _patients(book: Book) -> Iterable[tuple[Any, ...]]:
    place, seen = book.location.location_id, set(book["visit"]["patient"].tolist())
    for row, first, deceased in rows(book["patient"], "patient first_visit_day deceased_day"):
        if row in seen:
            yield (
                patient_id(book, row),
                first or "",
                "active" if deceased in (None, NONE) else "deceased",
                place,
            )


def _payments(book: Book) -> Iterable[tuple[Any, ...]]:
    place, served = book.location.location_id, [starts.date() for (starts,) in rows(book["visit"], "starts")]
    for row, who, visit, day, cents, method in rows(
        book["receipt"], "receipt patient visit day cents method"
    ):
        yield (
            f"{place}-r{row + 1}", day, patient_id(book, who), visit_id(book, visit), "patient", METHODS[method], amount(cents),
            served[visit], place,
        )  # fmt: skip


def _adjustments(book: Book) -> Iterable[tuple[Any, ...]]:
    place, served = book.location.location_id, [starts.date() for (starts,) in rows(book["visit"], "starts")]
    columns = "write_off patient visit claim day cents kind"
    for row, who, visit, claim, day, cents, kind in rows(book["write_off"], columns):
        yield (
            f"{place}-w{row + 1}", day, patient_id(book, who), claim_id(book, claim) if claim != NONE else "",
            WRITE_OFF_KINDS[kind], amount(cents), served[visit], place,
        )  # fmt: skip
