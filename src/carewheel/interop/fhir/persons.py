"""Names and contacts of FHIR Patients and Practitioners, for sinks that ask for them (`records.persons`)."""

from __future__ import annotations

from datetime import date
from typing import Any

from carewheel.interop.fhir.values import WrongShape, word
from carewheel.interop.records.persons import PersonRecord

_KINDS = {"Patient": "patient", "Practitioner": "provider"}
# Which name is used, and which telephone: the first of these that there is.
_NAMES = ("usual", "official", "")
_PHONES = ("mobile", "home", "work", "")


def person(resource: Any) -> PersonRecord | None:
    """The person of a Patient or Practitioner; None for other resources, and where its elements are not R4's."""
    kind = _KINDS.get(str(resource.get("resourceType"))) if isinstance(resource, dict) else None
    if kind is None:
        return None
    try:
        name = _first(resource.get("name"), _NAMES)
        telecom = [one for one in resource.get("telecom") or () if one.get("use") != "old"]
        born = str(resource.get("birthDate") or "")
        spoken = (resource.get("communication") or [{}])[0].get("language") or {}
        return PersonRecord(
            kind,
            str(resource["id"]),
            " ".join(word(part) for part in name.get("given") or ()),
            word(name.get("family")),
            date.fromisoformat(born) if len(born) == 10 else None,
            word(_first([t for t in telecom if t.get("system") in ("phone", "sms")], _PHONES).get("value")),
            word(_first([t for t in telecom if t.get("system") == "email"], ("",)).get("value")),
            word((spoken.get("coding") or [{}])[0].get("code")),
        )
    except (WrongShape, AttributeError, TypeError, ValueError, KeyError, IndexError):
        # The reader's own mapper says what is wrong with the resource.
        return None


def _first(found: Any, order: tuple[str, ...]) -> Any:
    """The element with the first use in the order, else the first at all."""
    given = list(found or ())
    return next(
        (one for use in order for one in given if (one.get("use") or "") == use), given[0] if given else {}
    )
