"""FHIR R4 data types to plain values: dates, references, codings, money. Wrong shapes raise `WrongShape`."""

from __future__ import annotations

import re
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from carewheel.interop.files import Held

Resource = dict[str, Any]
# A year, or a year and month: the day is not stated.
FIRST_YEAR, LAST_YEAR = 1900, 2199
# R4 has no element for the moment of cancellation; R5's, as HL7's extension for use in R4.
CANCELLED_AT = "http://hl7.org/fhir/5.0/StructureDefinition/extension-Appointment.cancellationDate"
_PARTIAL = re.compile(r"\d{4}(-\d{2})?")


class WrongShape(ValueError):
    """An element has another type than R4 gives it; the resource is refused. ``args[0]`` names the element."""


class Known:
    """What references need: logical ids by identifier, actors of schedules. Filled from the resources read first."""

    def __init__(self) -> None:
        self.by_identifier: dict[tuple[str, str], str] = {}
        self.schedule_actors: Held[str, tuple[str, str]] = Held()
        self.claims_present = False

    def remember(self, resource: Resource) -> None:
        """Learn the identifiers of a resource, for conditional and logical references to it."""
        for identifier in resource.get("identifier") or ():
            if value := identifier.get("value"):
                self.by_identifier[resource["resourceType"], str(value)] = str(resource.get("id") or value)

    def reference(self, value: Any, kind: str) -> str:
        """The logical id that a Reference to a ``kind`` means: literal, urn:uuid, conditional or by identifier; "" if none.

        >>> Known().reference({"reference": "Patient/17"}, "Patient")
        '17'
        >>> Known().reference({"reference": "Practitioner?identifier=http://hl7.org/fhir/sid/us-npi|9999974493"}, "Practitioner")
        '9999974493'
        """
        if not value:
            return ""
        if not isinstance(value, dict):
            raise WrongShape("Reference")
        literal = value.get("reference")
        if literal and literal.startswith(kind):
            # Nearly every reference is "Kind/id": told by two comparisons before any other form is thought of.
            stated, _, identifier = literal.partition("/")
            if stated == kind and identifier and "/" not in identifier and "?" not in literal:
                return str(identifier)
        if not literal:
            identifier = str((value.get("identifier") or {}).get("value", ""))
            return self.by_identifier.get((kind, identifier), identifier)
        if literal.startswith("urn:uuid:"):
            return str(literal[9:])
        if "?identifier=" in literal:
            stated, _, query = literal.partition("?identifier=")
            identifier = query.rpartition("|")[2]
            return self.by_identifier.get((stated, identifier), identifier) if stated == kind else ""
        parts = literal.split("/_history/")[0].rsplit("/", 2)
        if len(parts) == 1:
            return str(literal[1:]) if literal.startswith("#") else ""
        return str(parts[-1]) if parts[-2] == kind else ""


def moment(value: Any) -> datetime | None:
    """A dateTime or instant; a bare date is its midnight, a partial date (year, month) and nothing are None.

    >>> moment("2017-01-17T16:41:16Z").isoformat()
    '2017-01-17T16:41:16+00:00'
    """
    if value is None:
        return None
    if not isinstance(value, str):
        raise WrongShape("dateTime")
    if len(value) < 8 and _PARTIAL.fullmatch(value):
        return None
    try:
        found = datetime.fromisoformat(value)
    except ValueError as error:
        raise WrongShape("dateTime") from error
    return found if _plausible(found) else None


def day(value: Any) -> date | None:
    """The date as written in a date or dateTime; None where the day is not stated (a year or a month only).

    >>> day("2015-02"), day("2015-02-07T11:28:17-05:00")
    (None, datetime.date(2015, 2, 7))
    """
    if value is None:
        return None
    if not isinstance(value, str):
        raise WrongShape("date")
    if len(value) < 8 and _PARTIAL.fullmatch(value):
        return None
    try:
        found = date.fromisoformat(value[:10])
    except ValueError as error:
        raise WrongShape("date") from error
    return found if _plausible(found) else None


def _plausible(when: date) -> bool:
    """Whether it is a date at all: 0001-01-01, 9999-12-31 and their like stand for "unknown"."""
    return FIRST_YEAR <= when.year <= LAST_YEAR


def period(value: Any) -> tuple[datetime | None, datetime | None]:
    """Start and end of a Period."""
    if not value:
        return None, None
    return moment(value.get("start")), moment(value.get("end"))


def minutes(start: datetime | None, end: datetime | None) -> float | None:
    """Length in minutes, None where unknown or where the end is before the start."""
    if start is None or end is None or (start.tzinfo is None) != (end.tzinfo is None) or end < start:
        return None
    return (end - start).total_seconds() / 60


def word(value: Any) -> str:
    """A code or a name as written, "" where there is none.

    Raises `WrongShape` for anything but text: printed, a structure in its place could tell of a person.
    """
    if value is None:
        return ""
    if not isinstance(value, str):
        raise WrongShape("code")
    return value


def coding(value: Any) -> tuple[str, str]:
    """(code, system) of a CodeableConcept's first coding with a code; of a list, of its first concept; ("", "") if none."""
    if isinstance(value, list):
        value = value[0] if value else None
    if not value:
        return "", ""
    if not isinstance(value, dict):
        raise WrongShape("CodeableConcept")
    for entry in value.get("coding") or ():
        if entry.get("code"):
            return word(entry["code"]), word(entry.get("system"))
    return "", ""


def codes(value: Any) -> set[str]:
    """All codes of a CodeableConcept."""
    return {word(entry.get("code")) for entry in (value or {}).get("coding") or ()}


def money(value: Any) -> tuple[Decimal | None, str]:
    """(amount, currency) of a Money; the amount is exactly what the JSON number says in its shortest form."""
    if not value or value.get("value") is None:
        return None, ""
    amount = value["value"]
    if isinstance(amount, bool) or not isinstance(amount, int | float):
        raise WrongShape("Money.value")
    return Decimal(repr(amount)), word(value.get("currency"))
