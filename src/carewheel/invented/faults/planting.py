"""Planting all kinds of faults in one place's exports, in an order in which no fault covers another."""

from __future__ import annotations

from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

from carewheel.invented.faults import people, remittances, tables, visits
from carewheel.invented.faults.kinds import fault_kinds
from carewheel.invented.faults.sites import Planted, Site

PLANTERS: dict[str, Callable[[Site, float], list[Planted]]] = {
    "past-still-scheduled": visits.past_still_scheduled,
    "never-checked-in": visits.never_checked_in,
    "completed-early": visits.completed_early,
    "missed-in-three-places": visits.missed_in_three_places,
    "only-in-history": visits.only_in_history,
    "wrong-offset": visits.wrong_offset,
    "test-patients": people.test_patients,
    "deleted-patients": people.deleted_patients,
    "delivered-twice": remittances.delivered_twice,
    "cut-off": remittances.cut_off,
    "modifiers-dropped": remittances.modifiers_dropped,
    "out-of-balance": remittances.out_of_balance,
    "unknown-claim": remittances.unknown_claim,
    "overpaid": remittances.overpaid,
    "without-fee": tables.without_fee,
    "missing-month": tables.missing_month,
    "sentinel-dates": tables.sentinel_dates,
    "undated-answers": tables.undated_answers,
    "rows-twice": tables.rows_twice,
    "byte-order-mark": tables.byte_order_mark,
    "semicolons": tables.semicolons,
    "mixed-line-ends": tables.mixed_line_ends,
    "windows-1252": tables.windows_1252,
}


def plant(
    folder: Path, location_id: str, seed: int, level: str, only: Collection[str] | None = None
) -> list[dict[str, Any]]:
    """Plant the faults of a level in one place's exports in ``folder``; returns what was planted, a row a kind and file.

    ``level``: "none" (nothing happens), "real" or "harsh". ``only``: these kinds alone. The same seed plants the same
    faults. Rows: kind, location, file (within the folder), count, keys (ids of what it concerns), harmless.
    """
    site = Site(folder, location_id, seed)
    found = []
    for name, put in PLANTERS.items():
        kind = fault_kinds()[name]
        share = kind.share(level)
        if share == 0 or (only is not None and name not in only):
            continue
        # A system is a folder; a kind of fault needs all that it speaks of.
        if not any((folder / system).is_dir() for system in kind.systems):
            continue
        found += [
            {
                "kind": name, "location": location_id, "file": planted.file, "count": len(planted.keys),
                "keys": list(planted.keys), "harmless": kind.harmless,
            }
            for planted in put(site, share)
        ]  # fmt: skip
    return found
