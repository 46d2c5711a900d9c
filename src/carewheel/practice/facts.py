"""Facts of the wheel as operations make them: noted in the transaction of the row that they describe, taken to the warehouse by a job.

A fact names rows of this database (patient, practitioner, location by their number); what takes it to the warehouse puts the identifiers
of the source there, so that pseudonyms are those of the imports.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.db import connection

from carewheel.interop.records import TABLE_OF, Record
from carewheel.practice.access import Actor
from carewheel.practice.models import PendingFact

# The name of this house among the sources of the facts.
OWN = "carewheel"
COLUMNS: dict[str, frozenset[str]] = {
    table: frozenset(kind._fields)  # type: ignore[attr-defined]
    for kind, table in TABLE_OF.items()
}


def tell(actor: Actor, table: str, source_id: object, record: Mapping[str, Any] | Record) -> PendingFact:
    """Note a fact in the transaction of the caller. ``record``: columns of the table's neutral record; unknown ones are a bug.

    ``patient_key``, ``provider_key``, ``resource_id`` and ``location_id`` are primary keys of Patient, Resource and Location. Money is
    exact, moments are aware.
    """
    if not connection.in_atomic_block:
        raise RuntimeError("a fact is noted in the transaction of what it tells of")
    values = record if isinstance(record, Mapping) else record._asdict()
    unknown = set(values) - COLUMNS[table]
    if unknown:
        raise KeyError(f"{table} has no columns {sorted(unknown)}")
    return PendingFact.objects.create(
        organisation_id=actor.organisation_id,
        table=table,
        source_id=str(source_id),
        record={name: _plain(value) for name, value in values.items() if value not in (None, "")},
        recorded_at=actor.at,
    )


def _plain(value: Any) -> Any:
    """As JSON holds it without loss: moments with their offset, money as text."""
    if isinstance(value, datetime) and value.tzinfo is None:
        raise ValueError("a moment without a zone")
    if isinstance(value, (date, datetime)):
        return value.isoformat()
    if isinstance(value, Decimal):
        return str(value)
    return value if isinstance(value, (bool, int, float)) else str(value)
