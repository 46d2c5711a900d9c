"""FHIR R4, written: neutral records and a few plain arguments to resources (dicts), resources to NDJSON files.

Ids are the records' own. What a resource cannot say, or would say wrongly, is refused (`NotWritable`); money is never
repaired. What is written, `carewheel.interop.fhir` reads back. Who may call: `invented`, `gateway` and above.
"""

from carewheel.interop.fhir.writing.elements import Address
from carewheel.interop.fhir.writing.lines import write_ndjson
from carewheel.interop.fhir.writing.money import claim, explanation_of_benefit
from carewheel.interop.fhir.writing.people import (
    coverage,
    location,
    organisation,
    patient,
    practitioner,
    practitioner_role,
)
from carewheel.interop.fhir.writing.visits import appointment, encounter, procedure, schedule, slot
from carewheel.interop.writing import NotWritable

__all__ = [
    "Address",
    "NotWritable",
    "appointment",
    "claim",
    "coverage",
    "encounter",
    "explanation_of_benefit",
    "location",
    "organisation",
    "patient",
    "practitioner",
    "practitioner_role",
    "procedure",
    "schedule",
    "slot",
    "write_ndjson",
]
