"""Patients of an import: made, and kept up to date while the practice system holds the book of their location."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import F

from carewheel.practice.imports.ground import Ground
from carewheel.practice.imports.spool import ToldPerson
from carewheel.practice.messages.queue import fits
from carewheel.practice.models import Consent, Location, Patient
from carewheel.practice.patients import phone_form, search_name

_GONE = frozenset({"inactive", "archived", "deceased", "entered-in-error"})
_FIELDS = ("given_name", "family_name", "search_name", "birth_date", "sex", "phone", "email", "language",
           "preferred_channel", "is_test", "active", "home_location_id")  # fmt: skip
# What a second list may fill in.
_OPEN = frozenset({*_FIELDS} - {"is_test", "active", "sex"})
HOW = "practice system"


def take_patients(ground: Ground, source: str, told: Iterable[ToldPerson], at: datetime) -> tuple[int, int]:
    """One batch; returns how many were made and how many changed. What the source leaves open stays as it is.

    ``source``: whose numbers these are. Another one that tells of its people (a list by mapping) fills only what is not known yet: else each
    import would bring back and forth what the two say differently.
    """
    foreign = source != ground.source
    with transaction.atomic():
        batch = list(told)
        mine = Patient.objects.filter(
            organisation=ground.organisation, source=source, source_id__in=[one.key for one in batch]
        )
        known = {p.source_id: p for p in mine.select_related("home_location")}
        fresh, changed = [], []
        for one in batch:
            patient = known.get(one.key)
            values = _values(ground, one)
            if foreign and patient is not None:
                values = {name: value for name, value in values.items() if name in _OPEN and getattr(patient, name) in (None, "")}  # fmt: skip
            if patient is None:
                fresh.append(
                    Patient(
                        organisation=ground.organisation,
                        source=source,
                        source_id=one.key,
                        created_at=at,
                        **values,
                    )
                )
            elif _held_elsewhere(patient) and any(getattr(patient, k) != v for k, v in values.items()):
                for name, value in values.items():
                    setattr(patient, name, value)
                patient.version = F("version") + 1
                changed.append(patient)
        Patient.objects.bulk_create(fresh)
        if changed:
            Patient.objects.bulk_update(changed, [f.removesuffix("_id") for f in _FIELDS] + ["version"])
        _take_consents(known | {p.source_id: p for p in fresh}, batch, at)
    return len(fresh), len(changed)


def patients_of(ground: Ground, source: str, keys: set[str], at: datetime) -> dict[str, int]:
    """Primary keys by the source's own; who is named by a visit only is made, known by number."""
    keys = keys - {""}
    mine = Patient.objects.filter(organisation=ground.organisation, source=source, source_id__in=keys)
    found = dict(mine.values_list("source_id", "pk"))
    missing = [
        Patient(organisation=ground.organisation, source=source, source_id=key, created_at=at)
        for key in sorted(keys - set(found))
    ]
    Patient.objects.bulk_create(missing)
    return found | {p.source_id: p.pk for p in missing}


def _held_elsewhere(patient: Patient) -> bool:
    return patient.home_location is None or patient.home_location.mode == Location.Mode.BESIDE


def _values(ground: Ground, told: ToldPerson) -> dict[str, Any]:
    """What the source says, and nothing that it leaves open."""
    said: dict[str, Any] = {}
    if told.patient is not None:
        one = told.patient
        said |= {"sex": one.sex[:10], "is_test": one.is_test}
        if one.status:
            said["active"] = one.status not in _GONE
        home = ground.locations.get(one.location_id)
        said["home_location_id"] = home.pk if home else None
    if told.person is not None:
        person = told.person
        phone = phone_form(person.phone)
        said |= {
            "given_name": person.given_name[:120],
            "family_name": person.family_name[:120],
            "birth_date": person.birth_date,
            "phone": phone if fits("sms", phone) else "",
            "email": person.email if fits("email", person.email) else "",
            "language": person.language[:35],
            "preferred_channel": person.preferred_channel,
            "search_name": search_name(person.given_name, person.family_name),
        }
    return {name: value for name, value in said.items() if value not in (None, "")}


def _take_consents(known: dict[str, Patient], batch: list[ToldPerson], at: datetime) -> None:
    """A yes or no to text messages, where it is another than the last one."""
    told = {
        known[one.key].pk: one.person.texting
        for one in batch
        if one.person and one.person.texting is not None
    }
    last: dict[int, bool] = {}
    rows = Consent.objects.filter(
        patient_id__in=told, purpose=Consent.Purpose.VISITS, channel=Patient.Channel.SMS
    )
    for row in rows.order_by("recorded_at", "id"):
        last[row.patient_id] = row.given
    Consent.objects.bulk_create(
        Consent(patient_id=pk, purpose=Consent.Purpose.VISITS, channel=Patient.Channel.SMS, given=given, recorded_at=at, how=HOW)
        for pk, given in told.items()
        if last.get(pk) != given
    )  # fmt: skip
