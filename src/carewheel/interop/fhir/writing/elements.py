"""Plain values to FHIR R4 data types: ids, references, codes, moments, money. What has no such form is refused."""

from __future__ import annotations

import re
from datetime import datetime, tzinfo
from decimal import Decimal
from functools import lru_cache
from typing import Any, NamedTuple

from carewheel.interop.fhir.values import Resource
from carewheel.interop.writing import NotWritable

_ID = re.compile(r"[A-Za-z0-9\-.]{1,64}").fullmatch
_CODE = re.compile(r"\S+( \S+)*").fullmatch
# Code systems by the names that records give them, and by what our reader makes of the address.
CODE_SYSTEM = {
    "CDT": "http://www.ada.org/cdt",
    "cdt": "http://www.ada.org/cdt",
    "CPT": "http://www.ama-assn.org/go/cpt",
    "cpt": "http://www.ama-assn.org/go/cpt",
    "HCPCS": "http://www.cms.gov/Medicare/Coding/HCPCSReleaseCodeSets",
    "HCPCSReleaseCodeSets": "http://www.cms.gov/Medicare/Coding/HCPCSReleaseCodeSets",
    "NDC": "http://hl7.org/fhir/sid/ndc",
    "ndc": "http://hl7.org/fhir/sid/ndc",
    "sct": "http://snomed.info/sct",
}
TERMINOLOGY = "http://terminology.hl7.org/CodeSystem/"


class Address(NamedTuple):
    """A postal address; ``country`` as two letters."""

    lines: tuple[str, ...]
    city: str
    state: str
    postal_code: str
    country: str = "US"


def missing(kind: str, what: str) -> NotWritable:
    """The refusal of a resource of this kind that lacks what R4 requires."""
    return NotWritable("missing", f"A {kind} needs {what}.", "Complete the record.")


def logical_id(value: str, kind: str) -> str:
    """The value, where it may be the id of a resource: 1 to 64 letters, digits, hyphens, points.

    >>> logical_id("a-17", "Patient")
    'a-17'
    >>> logical_id("a|17", "Patient")
    Traceback (most recent call last):
    ...
    carewheel.interop.writing.NotWritable: The id of a Patient is no FHIR id. It must be 1 to 64 letters, digits, hyphens or points.
    """
    if not _ID(value):
        raise NotWritable(
            "bad-id",
            f"The id of a {kind} is no FHIR id.",
            "It must be 1 to 64 letters, digits, hyphens or points.",
        )
    return value


def head(kind: str, identifier: str, recorded_at: datetime | None) -> Resource:
    """The beginning of every resource; ``recorded_at`` (aware) is the time stamp of its version."""
    resource: Resource = {"resourceType": kind, "id": logical_id(identifier, kind)}
    if recorded_at is not None:
        if recorded_at.tzinfo is None:
            raise missing(kind, "the offset of the moment at which it was recorded")
        resource["meta"] = {"lastUpdated": moment(recorded_at, recorded_at.tzinfo)}
    return resource


def reference(kind: str, identifier: str) -> dict[str, str]:
    """A literal Reference.

    >>> reference("Patient", "17")
    {'reference': 'Patient/17'}
    """
    return {"reference": f"{kind}/{logical_id(identifier, kind)}"}


def payer(identifier: str, name: str, kind: str) -> dict[str, str]:
    """A Reference to the Organization that pays, with its name; by name only where it has no id."""
    found = reference("Organization", identifier) if identifier else {}
    if name:
        found["display"] = name
    if not found:
        raise missing(kind, "a payer, by id or by name")
    return found


def codeable(code: str, system: str = "") -> Resource:
    """A CodeableConcept of one code; ``system`` is an address, "" where the code is the practice's own."""
    if not _is_code(code):
        raise NotWritable(
            "bad-code",
            "A code is empty or has blanks where FHIR allows none.",
            "Take off blanks at its ends and double blanks.",
        )
    return {"coding": [{"system": system, "code": code} if system else {"code": code}]}


@lru_cache(maxsize=4096)
def _is_code(code: str) -> bool:
    # A practice uses few codes many times.
    return _CODE(code) is not None


def service(code: str, code_system: str) -> Resource:
    """A coded service; the system by its short name (`CODE_SYSTEM`) or its address; without a code it says so in words.

    >>> service("D0120", "CDT")
    {'coding': [{'system': 'http://www.ada.org/cdt', 'code': 'D0120'}]}
    """
    if not code:
        return {"text": "not coded"}
    system = CODE_SYSTEM.get(code_system, code_system)
    if system and ":" not in system:
        raise NotWritable(
            "unknown-code-system",
            "A code system has no known address.",
            "Give the system's own address (a URI) as its name.",
        )
    return codeable(code, system)


def local(when: datetime, zone: tzinfo) -> datetime:
    """The moment on the clock of ``zone``; without a zone of its own, ``when`` is local time there."""
    if when.tzinfo is zone:
        return when
    return when.replace(tzinfo=zone) if when.tzinfo is None else when.astimezone(zone)


def moment(when: datetime, zone: tzinfo) -> str:
    """A dateTime or instant with the offset of ``zone`` (see `local`).

    >>> from zoneinfo import ZoneInfo
    >>> moment(datetime.fromisoformat("2025-03-03T14:00:00+00:00"), ZoneInfo("America/New_York"))
    '2025-03-03T09:00:00-05:00'
    """
    text = local(when, zone).isoformat()
    # With or without microseconds; anything longer has an offset with seconds (before about 1940).
    if len(text) not in (25, 32):
        raise NotWritable(
            "bad-moment", "A moment's offset is not in whole minutes.", "Give the moment in UTC."
        )
    return text


def minutes_between(start: datetime, end: datetime) -> float:
    """Minutes from one aware moment to another, by the sun and not by the wall clock (which jumps twice a year)."""
    return (end.timestamp() - start.timestamp()) / 60


def span(start: datetime, end: datetime | None, zone: tzinfo, kind: str) -> dict[str, str]:
    """A Period; refused where it ends before it starts."""
    first = local(start, zone)
    if end is None:
        return {"start": moment(first, zone)}
    last = local(end, zone)
    if minutes_between(first, last) < 0:
        raise NotWritable("ends-first", f"A {kind} ends before it starts.", "Correct its moments.")
    return {"start": moment(first, zone), "end": moment(last, zone)}


def money(amount: Decimal | None, currency: str) -> Resource:
    """A Money; refused where the amount is unknown or a JSON number would not give the same amount back.

    >>> money(Decimal("60.20"), "USD")
    {'value': 60.2, 'currency': 'USD'}
    """
    value = float(amount) if amount is not None and amount.is_finite() else None
    if value is None or Decimal(repr(value)) != amount:
        raise NotWritable(
            "bad-amount",
            "An amount is unknown, or has more digits than a JSON number holds.",
            "Give at most 15 digits.",
        )
    return {"value": value, "currency": currency} if currency else {"value": value}


def contact(phone: str, email: str = "") -> list[dict[str, Any]]:
    """ContactPoints of those given."""
    pairs = (("phone", phone), ("email", email))
    return [{"system": system, "value": value} for system, value in pairs if value]


def postal(address: Address) -> Resource:
    """An Address without its empty parts."""
    parts = {
        "line": [line for line in address.lines if line],
        "city": address.city,
        "state": address.state,
        "postalCode": address.postal_code,
        "country": address.country,
    }
    return {name: part for name, part in parts.items() if part}
