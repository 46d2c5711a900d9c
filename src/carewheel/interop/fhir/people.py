"""Patients, practitioners, organisations, locations, coverage, and answers to questionnaires."""

from __future__ import annotations

from typing import Any

from carewheel.interop.fhir.values import Known, Resource, coding, day, moment, word
from carewheel.interop.records import (
    CoverageRecord,
    LocationRecord,
    PatientRecord,
    ProviderRecord,
    Record,
    SurveyResponseRecord,
)

# HL7's own label for resources made for testing (v3-ActReason).
TEST_LABEL = "HTEST"


def updated(resource: Resource) -> Any:
    """The server's time stamp of this version."""
    meta = resource.get("meta")
    return moment(meta.get("lastUpdated")) if meta else None


def patient(resource: Resource, known: Known) -> list[Record]:
    """Patient: year of birth, sex, whether alive, active or made for a test. Never names, addresses or contacts."""
    get = resource.get
    meta = get("meta")
    labels = (meta.get("tag") or []) + (meta.get("security") or []) if meta else ()
    managing = get("managingOrganization")
    deceased = bool(get("deceasedBoolean") or get("deceasedDateTime"))
    active = get("active")
    year = (get("birthDate") or "")[:4]
    identifier = str(resource["id"])
    return [
        PatientRecord(
            identifier,
            moment(meta.get("lastUpdated")) if meta else None,
            known.reference(managing, "Organization") if managing else "",
            patient_key=identifier,
            status="deceased" if deceased else "inactive" if active is False else "active",
            raw_status="" if active is None else str(active).lower(),
            sex=word(get("gender")),
            birth_year=int(year) if year.isdigit() else None,
            deceased=deceased,
            is_test=TEST_LABEL in [label.get("code") for label in labels],
        )
    ]


def practitioner(resource: Resource, known: Known) -> list[Record]:
    """Practitioner: that there is one, and whether active."""
    known.remember(resource)
    identifier = str(resource["id"])
    return [
        ProviderRecord(identifier, updated(resource), provider_key=identifier, active=resource.get("active"))
    ]


def practitioner_role(resource: Resource, known: Known) -> list[Record]:
    """PractitionerRole: role and location of a practitioner."""
    locations = resource.get("location") or [resource.get("organization")]
    return [
        ProviderRecord(
            source_id=f"PractitionerRole/{resource['id']}",
            recorded_at=updated(resource),
            location_id=known.reference(locations[0], "Location")
            or known.reference(resource.get("organization"), "Organization"),
            provider_key=known.reference(resource.get("practitioner"), "Practitioner"),
            role=coding(resource.get("code"))[0],
            active=resource.get("active"),
        )
    ]


# Codes of HL7's organization-type.
PAYERS = frozenset(("pay", "ins"))


def organization(resource: Resource, known: Known) -> list[Record]:
    """Organization: a place where its encounters name no location of their own; one that pays is none."""
    kind = coding(resource.get("type"))[0] or "organization"
    places = _place(resource, known, kind)
    return [] if kind in PAYERS else places


def location(resource: Resource, known: Known) -> list[Record]:
    """Location: a place, with its name."""
    return _place(resource, known, coding(resource.get("type"))[0] or "location")


def _place(resource: Resource, known: Known, kind: str) -> list[Record]:
    known.remember(resource)
    identifier = str(resource["id"])
    name = word(resource.get("name"))
    return [
        LocationRecord(
            f"{resource['resourceType']}/{identifier}", updated(resource), identifier, name=name, kind=kind
        )
    ]


def coverage(resource: Resource, known: Known) -> list[Record]:
    """Coverage: which payer, from when to when. A payer's name is kept only where the payer is an organisation."""
    payor = (resource.get("payor") or [{}])[0]
    payer_id = known.reference(payor, "Organization")
    dates = resource.get("period") or {}
    return [
        CoverageRecord(
            source_id=str(resource["id"]),
            recorded_at=updated(resource),
            patient_key=known.reference(resource.get("beneficiary"), "Patient"),
            payer_id=payer_id,
            payer_name=word(payor.get("display")) if payer_id else "",
            kind=coding(resource.get("type"))[0],
            starts_date=day(dates.get("start")),
            ends_date=day(dates.get("end")),
        )
    ]


def questionnaire_response(resource: Resource, known: Known) -> list[Record]:
    """QuestionnaireResponse: each numeric answer, its question by linkId. Texts are left out."""
    answered = moment(resource.get("authored"))
    questionnaire = str(resource.get("questionnaire", "")).rsplit("/", 1)[-1]
    records: list[Record] = []

    def walk(items: Any, path: str) -> None:
        for item in items or ():
            link = f"{path}{item.get('linkId', '')}"
            for i, answer in enumerate(item.get("answer") or ()):
                score = answer.get("valueInteger", answer.get("valueDecimal"))
                if score is not None:
                    is_nps = "nps" in f"{questionnaire} {link}".lower() or "recommend" in link.lower()
                    records.append(
                        SurveyResponseRecord(
                            source_id=f"{resource['id']}|{link}|{i}",
                            recorded_at=updated(resource),
                            patient_key=known.reference(resource.get("subject"), "Patient"),
                            appointment_id=known.reference(resource.get("encounter"), "Encounter"),
                            question="nps" if is_nps else f"{questionnaire}.{link}".strip("."),
                            raw_answer=str(score),
                            score=float(score),
                            scale_min=0 if is_nps else None,
                            scale_max=10 if is_nps else None,
                            answered_at=answered,
                        )
                    )
                walk(answer.get("item"), f"{link}/")
            walk(item.get("item"), f"{link}/")

    walk(resource.get("item"), "")
    return records
