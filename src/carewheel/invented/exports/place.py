"""All that one invented place exports: its practice system, its clearing house, and the lists that it keeps beside."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from carewheel.invented.book import Book
from carewheel.invented.exports.claims import write_claims
from carewheel.invented.exports.fhir import write_fhir
from carewheel.invented.exports.hl7 import write_siu
from carewheel.invented.exports.ledger import write_ledger
from carewheel.invented.exports.opendental import write_opendental
from carewheel.invented.exports.tables import write_tables
from carewheel.invented.faults import plant


def export_place(book: Book, folder: Path, faults: str) -> list[dict[str, Any]]:
    """Write everything into ``folder``; returns the faults that were planted (see `carewheel.invented.faults`)."""
    folder.mkdir(parents=True)
    place = book.location
    if place.kind == "dental":
        write_opendental(book, folder)
        system = f"opendental-{place.location_id}"
    else:
        write_fhir(book, folder)
        write_siu(book, folder)
        write_ledger(book, folder)
        system = f"ehr-{place.location_id}"
    write_claims(book, folder)
    write_tables(book, folder, system)
    if faults == "none":
        return []
    return plant(folder, place.location_id, book.seed, faults)
