"""Patients: found as one types, within one's own places, changed without losing updates; proxies, consent, emergency access."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from django.db import transaction
from tests.clinic import NOW, Clinic, small_clinic

from carewheel.practice.access import Conflict, Forbidden, NotFound, Refused
from carewheel.practice.consents import consents, record_consent
from carewheel.practice.emergency import LASTS, break_glass, review, unreviewed
from carewheel.practice.facts import tell
from carewheel.practice.models import AuditEvent, Consent, Location, Patient, PendingFact, Proxy
from carewheel.practice.patients import (
    PatientDetail,
    acts_for,
    add_proxy,
    patient,
    register_patient,
    search_patients,
    update_patient,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def clinic() -> Clinic:
    return small_clinic()


def register(clinic: Clinic, given: str, family: str, **more: object) -> PatientDetail:
    words = {"home_location_id": clinic.location.pk} | more
    return register_patient(clinic.actor, given_name=given, family_name=family, **words)  # type: ignore[arg-type]


def found(clinic: Clinic, text: str) -> list[str]:
    return [line.name for line in search_patients(clinic.actor, text)]


def test_search_goes_by_name_phone_birth_date_and_number(clinic: Clinic) -> None:
    register(clinic, "Éva", "Müller", phone="+1 (202) 555-0199", birth_date=date(1980, 2, 3))
    register(clinic, "Ana", "Mulligan")
    Patient.objects.filter(family_name="Mulligan").update(source="opendental", source_id="4711")
    assert found(clinic, "mul") == ["Éva Müller", "Ana Mulligan"]
    assert found(clinic, "Müller, É") == ["Éva Müller"]
    assert found(clinic, "eva mul") == ["Éva Müller"]
    assert found(clinic, "ana") == ["Ana Mulligan"]
    for number in ("+1 202 555 0199", "2025550199", "202555", "1980-02-03", "2/3/1980", "3.2.1980"):
        assert found(clinic, number) == ["Éva Müller"], number
    assert found(clinic, "4711") == ["Ana Mulligan"]
    assert found(clinic, "%") == found(clinic, "") == found(clinic, "zz") == found(clinic, "31.2.1980") == []
    assert found(clinic, "m_l") == []


def test_nobody_sees_another_organisation_or_place(clinic: Clinic) -> None:
    stranger = small_clinic("Elsewhere")
    other = Location.objects.create(
        organisation=clinic.organisation, name="Uptown", zone="UTC", slug="uptown"
    )
    away = register(clinic, "Uma", "Uptown", home_location_id=other.pk)
    desk = clinic.as_role("front_desk", everywhere=False)
    assert search_patients(desk, "uptown") == ()
    assert [line.name for line in search_patients(desk, "example")] == ["Pat Example", "Sam Example"]
    for patient_id in (away.id, stranger.patient.pk, 10**9):
        with pytest.raises(NotFound):
            patient(desk, patient_id)
        with pytest.raises(NotFound):
            update_patient(desk, patient_id, 1, given_name="X")
    with pytest.raises(NotFound):
        register_patient(clinic.actor, given_name="A", family_name="B", home_location_id=stranger.location.pk)
    with pytest.raises(Forbidden):
        patient(clinic.as_role("staff"), clinic.patient.pk)
    assert not AuditEvent.objects.filter(patient_id_seen=stranger.patient.pk).exists()


def test_changes_name_what_they_read_and_only_what_may_be_changed(clinic: Clinic) -> None:
    one = register(clinic, "Pia", "Example")
    changed = update_patient(clinic.actor, one.id, one.version, family_name="Newname", phone="202 555 0111")
    assert (changed.family_name, changed.phone, changed.version) == ("Newname", "2025550111", 2)
    assert found(clinic, "newname") == ["Pia Newname"]
    with pytest.raises(Conflict):
        update_patient(clinic.actor, one.id, one.version, family_name="Other")
    for field in ("organisation_id", "id", "is_test", "source_id", "version"):
        with pytest.raises((Refused, TypeError)):
            update_patient(clinic.actor, one.id, 2, **{field: 1})
    for words in (
        {"given_name": "", "family_name": " "},
        {"email": "a@b@c"},
        {"phone": "12"},
        {"birth_date": date(2030, 1, 1)},
    ):
        with pytest.raises(Refused):
            update_patient(clinic.actor, one.id, 2, **words)


def test_the_trail_has_fields_but_no_names(clinic: Clinic) -> None:
    one = register(clinic, "Zqcanary", "Example", phone="+1 202 555 0177")
    update_patient(clinic.actor, one.id, 1, given_name="Zqcanarytwo")
    patient(clinic.actor, one.id)
    rows = AuditEvent.objects.filter(patient_id_seen=one.id).order_by("number")
    assert [row.action for row in rows] == ["patient-registered", "patient-changed", "seen"]
    assert rows[1].detail == {"fields": ["given_name"]}
    assert "zqcanary" not in str(list(AuditEvent.objects.values())).lower()


def test_the_latest_consent_counts_and_earlier_ones_stay(clinic: Clinic) -> None:
    for given in (True, False, True):
        record_consent(clinic.actor, clinic.patient.pk, "marketing", "email", given, "form")
    assert consents(clinic.patient.pk) == {("marketing", "email"): True}
    assert Consent.objects.count() == 3
    with pytest.raises(Refused):
        record_consent(clinic.actor, clinic.patient.pk, "anything", "email", True)
    with pytest.raises(Forbidden):
        record_consent(clinic.as_role("staff"), clinic.patient.pk, "marketing", "email", True)


def test_case_16_a_proxy_acts_until_the_day_ends_where_the_patient_lives(clinic: Clinic) -> None:
    user = clinic.account("patient")
    made = add_proxy(
        clinic.actor, clinic.patient.pk, name="Mo Example", relation="mother", ends_on=NOW.date()
    )
    Proxy.objects.filter(pk=made.id).update(user=user)
    # 04:59 UTC the next day is still the last day in New York.
    for hours, acts in ((0, True), (15.9, True), (16.1, False)):
        actor = clinic.as_role("owner", at=NOW + timedelta(hours=hours))
        assert acts_for(actor, user.pk) == ({clinic.patient.pk} if acts else set())
        assert bool(patient(actor, clinic.patient.pk).proxies) is acts
    with pytest.raises(Refused):
        add_proxy(clinic.actor, clinic.patient.pk, name="Mo", relation="x", ends_on=date(2020, 1, 1))


def test_case_13_emergency_access_has_a_reason_an_end_and_a_reviewer(clinic: Clinic) -> None:
    other = Location.objects.create(
        organisation=clinic.organisation, name="Uptown", zone="UTC", slug="uptown"
    )
    away = register(clinic, "Uma", "Uptown", home_location_id=other.pk)
    user = clinic.account("clinician", everywhere=False)

    def clinician(minutes: float = 0) -> object:
        return type(clinic.actor)(
            clinic.organisation.pk, NOW + timedelta(minutes=minutes), user.pk,
            grants=clinic.as_role("clinician", everywhere=False).grants,
        )  # fmt: skip

    me = clinician()
    with pytest.raises(NotFound):
        patient(me, away.id)  # type: ignore[arg-type]
    with pytest.raises(Refused):
        break_glass(me, away.id, "short")  # type: ignore[arg-type]
    with pytest.raises(Forbidden):
        break_glass(clinic.as_role("front_desk"), away.id, "bleeding in the waiting room")
    assert break_glass(me, away.id, "bleeding in the waiting room") == NOW + LASTS  # type: ignore[arg-type]
    assert patient(clinician(59), away.id).name == "Uma Uptown"  # type: ignore[arg-type]
    with pytest.raises(NotFound):
        patient(clinician(61), away.id)  # type: ignore[arg-type]
    owner = clinic.account("owner")
    reviewer = type(clinic.actor)(clinic.organisation.pk, NOW, owner.pk, grants=clinic.actor.grants)
    (line,) = unreviewed(reviewer)
    with pytest.raises(Refused, match="their own"):
        review(type(reviewer)(clinic.organisation.pk, NOW, user.pk, grants=reviewer.grants), line.id, "fine")
    review(reviewer, line.id, "right")
    assert unreviewed(reviewer) == ()
    with pytest.raises(Refused):
        review(reviewer, line.id, "again")


def test_a_fact_is_told_in_its_transaction_or_not_at_all(clinic: Clinic) -> None:
    try:
        with transaction.atomic():
            tell(clinic.actor, "appointment", 1, {"status": "booked", "starts_at": NOW})
            raise ZeroDivisionError
    except ZeroDivisionError:
        pass
    assert not PendingFact.objects.exists()
    fact = tell(clinic.actor, "appointment", 1, {"status": "booked", "starts_at": NOW, "cancelled_at": None})
    assert PendingFact.objects.get(pk=fact.pk).record == {"status": "booked", "starts_at": NOW.isoformat()}
    for wrong in ({"patient_name": "Pat"}, {"no_such": 1}):
        with pytest.raises(KeyError):
            tell(clinic.actor, "appointment", 1, wrong)
    with pytest.raises(ValueError):
        tell(clinic.actor, "appointment", 1, {"starts_at": NOW.replace(tzinfo=None)})
