"""What Appointments and Encounters call their visit type, for sinks that ask for it (`records.type_names`)."""

from __future__ import annotations

from typing import Any

from carewheel.interop.fhir.values import WrongShape, coding, word
from carewheel.interop.records.type_names import VisitTypeName


def type_name(resource: Any) -> VisitTypeName | None:
    """Code and words of a visit type; None for other resources, without words, and where the elements are not R4's.

    >>> kind = {"coding": [{"code": "185345009", "display": "Encounter for symptom"}]}
    >>> type_name({"resourceType": "Encounter", "type": [kind]})
    VisitTypeName(code='185345009', name='Encounter for symptom')
    """
    kind = resource.get("resourceType") if isinstance(resource, dict) else None
    if kind == "Appointment":
        concepts = [resource.get("appointmentType"), resource.get("serviceType")]
    elif kind == "Encounter":
        concepts = [resource.get("type"), {"coding": [resource.get("class") or {}]}]
    else:
        return None
    try:
        concept = next((one for one in concepts if coding(one)[0]), None)
        code, name = coding(concept)[0], _called(concept)
    except (WrongShape, AttributeError, TypeError, KeyError):
        # The reader's own mapper says what is wrong with the resource.
        return None
    return VisitTypeName(code, name) if name else None


def _called(concept: Any) -> str:
    """The text of a CodeableConcept, else the display of its first coding with a code; of a list, of its first."""
    first = (concept[0] if concept else None) if isinstance(concept, list) else concept
    if not first:
        return ""
    shown = (entry.get("display") for entry in first.get("coding") or () if entry.get("code"))
    return " ".join(word(first.get("text") or next(shown, "")).split())
