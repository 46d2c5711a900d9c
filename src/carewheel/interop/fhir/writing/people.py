"""Places, practitioners, patients and their cover as R4 resources."""

from __future__ import annotations

from datetime import date

from carewheel.interop.fhir.people import TEST_LABEL
from carewheel.interop.fhir.values import Resource
from carewheel.interop.fhir.writing.elements import (
    TERMINOLOGY,
    Address,
    codeable,
    contact,
    head,
    missing,
    payer,
    postal,
    reference,
)
from carewheel.interop.records import CoverageRecord, LocationRecord, PatientRecord, ProviderRecord
from carewheel.interop.writing import NotWritable

NPI = "http://hl7.org/fhir/sid/us-npi"
# HL7's extension for an IANA zone; our reader takes a location's zone from its settings.
ZONE = "http://hl7.org/fhir/StructureDefinition/timezone"
_SEX = ("male", "female", "other", "unknown")


def organisation(
    place: LocationRecord, *, npi: str = "", phone: str = "", address: Address | None = None
) -> Resource:
    """Organization with the id ``location_id``: what patients belong to and claims come from. A name is required.

    >>> organisation(LocationRecord(location_id="L1", name="Invented Dental"))["id"]
    'L1'
    """
    if not place.name:
        raise missing("Organization", "a name")
    return _place("Organization", place, "organization", npi, phone, address)


def location(
    place: LocationRecord, *, organisation: str = "", phone: str = "", address: Address | None = None
) -> Resource:
    """Location with the id ``location_id``, its zone as HL7's extension; ``organisation``: the id of who runs it.

    >>> location(LocationRecord(location_id="L1", name="North", zone="America/Chicago"))["extension"][0]["valueCode"]
    'America/Chicago'
    """
    resource = _place("Location", place, "location", "", phone, address)
    resource["status"] = "active"
    if place.zone:
        resource["extension"] = [{"url": ZONE, "valueCode": place.zone}]
    if organisation:
        resource["managingOrganization"] = reference("Organization", organisation)
    return resource


def _place(
    kind: str, place: LocationRecord, plain: str, npi: str, phone: str, address: Address | None
) -> Resource:
    resource = head(kind, place.location_id, place.recorded_at)
    if npi:
        resource["identifier"] = [{"system": NPI, "value": npi}]
    if place.name:
        resource["name"] = place.name
    # Our reader calls a place without a type by the resource's name.
    if place.kind not in ("", plain):
        concept = codeable(place.kind)
        resource["type"] = [concept]
    if phone:
        resource["telecom"] = contact(phone)
    if address:
        # An Organization has several addresses, a Location one.
        resource["address"] = [postal(address)] if kind == "Organization" else postal(address)
    return resource


def practitioner(record: ProviderRecord, *, family: str = "", given: str = "", npi: str = "") -> Resource:
    """Practitioner with the id ``provider_key``; the role and the place stand in a PractitionerRole.

    >>> practitioner(ProviderRecord(provider_key="D1"), family="Invented", given="Ada")["name"]
    [{'family': 'Invented', 'given': ['Ada']}]
    """
    resource = head("Practitioner", record.provider_key, record.recorded_at)
    if record.active is not None:
        resource["active"] = record.active
    if npi:
        resource["identifier"] = [{"system": NPI, "value": npi}]
    return _named(resource, family, given)


def practitioner_role(record: ProviderRecord) -> Resource:
    """PractitionerRole: role and location of a practitioner; its id is ``source_id`` without the type in front.

    >>> practitioner_role(ProviderRecord("PractitionerRole/r1", location_id="L1", provider_key="D1"))["id"]
    'r1'
    """
    if not record.provider_key:
        raise missing("PractitionerRole", "a practitioner")
    resource = head(
        "PractitionerRole", record.source_id.removeprefix("PractitionerRole/"), record.recorded_at
    )
    if record.active is not None:
        resource["active"] = record.active
    resource["practitioner"] = reference("Practitioner", record.provider_key)
    if record.role:
        resource["code"] = [codeable(record.role)]
    if record.location_id:
        resource["location"] = [reference("Location", record.location_id)]
    return resource


def patient(
    record: PatientRecord,
    *,
    family: str = "",
    given: str = "",
    birth_date: date | None = None,
    phone: str = "",
    email: str = "",
    address: Address | None = None,
) -> Resource:
    """Patient with the id ``patient_key``, of the Organization ``location_id``.

    ``birth_date`` must lie in the record's ``birth_year`` (`NotWritable` otherwise); without it the year alone is written.
    Household, balances and first visit have no place here and are left out.

    >>> patient(PatientRecord(patient_key="p1", sex="female", birth_year=1971, status="active"), family="Invented")
    {'resourceType': 'Patient', 'id': 'p1', 'name': [{'family': 'Invented'}], 'gender': 'female', 'birthDate': '1971'}
    """
    resource = head("Patient", record.patient_key, record.recorded_at)
    if record.is_test:
        label = {"system": f"{TERMINOLOGY}v3-ActReason", "code": TEST_LABEL}
        resource.setdefault("meta", {})["security"] = [label]
    # R4 says inactive; that a patient is active it may say (then the raw status is "true") or leave unsaid.
    if record.status == "inactive" or record.raw_status in ("true", "false"):
        resource["active"] = record.status != "inactive" and record.raw_status != "false"
    _named(resource, family, given)
    if telecom := contact(phone, email):
        resource["telecom"] = telecom
    if record.sex:
        if record.sex not in _SEX:
            raise NotWritable("bad-code", "A patient's sex is no FHIR code.", f"Use {', '.join(_SEX)}.")
        resource["gender"] = record.sex
    if birth_date is not None:
        if record.birth_year is not None and birth_date.year != record.birth_year:
            raise NotWritable(
                "contradiction", "A patient's date and year of birth differ.", "Correct the record."
            )
        resource["birthDate"] = birth_date.isoformat()
    elif record.birth_year is not None:
        resource["birthDate"] = f"{record.birth_year:04}"
    if record.deceased or record.status == "deceased":
        resource["deceasedBoolean"] = True
    if address:
        resource["address"] = [postal(address)]
    if record.location_id:
        resource["managingOrganization"] = reference("Organization", record.location_id)
    return resource


def coverage(record: CoverageRecord, *, subscriber_id: str = "") -> Resource:
    """Coverage with the id ``source_id``: a patient's cover with a payer (an Organization, by id or by name).

    >>> coverage(CoverageRecord("c1", patient_key="p1", payer_id="PAY1", payer_name="Invented Health"))["payor"]
    [{'reference': 'Organization/PAY1', 'display': 'Invented Health'}]
    """
    resource = head("Coverage", record.source_id, record.recorded_at)
    resource["status"] = "active"
    if record.kind:
        resource["type"] = codeable(record.kind)
    if subscriber_id:
        resource["subscriberId"] = subscriber_id
    resource["beneficiary"] = reference("Patient", record.patient_key)
    if dates := {
        name: day.isoformat()
        for name, day in (("start", record.starts_date), ("end", record.ends_date))
        if day
    }:
        resource["period"] = dates
    resource["payor"] = [payer(record.payer_id, record.payer_name, "Coverage")]
    return resource


def _named(resource: Resource, family: str, given: str) -> Resource:
    name: Resource = {"family": family} if family else {}
    if given:
        name["given"] = given.split()
    if name:
        resource["name"] = [name]
    return resource
