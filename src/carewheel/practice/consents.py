"""By which channels a patient may be written to, for which purpose: the latest yes or no counts.

About visits: allowed unless the patient said no. Surveys and marketing: only after a yes.
"""

from __future__ import annotations

from collections.abc import Sequence

from django.db import transaction

from carewheel.practice.access import Actor, NotFound, Permission, Refused
from carewheel.practice.audit import record
from carewheel.practice.models import Consent, Patient

# Written messages, in the order in which they are tried for who made no choice.
WRITTEN = (Patient.Channel.SMS, Patient.Channel.EMAIL)
ALLOWED_UNLESS_NO = frozenset({Consent.Purpose.VISITS.value})


def record_consent(
    actor: Actor, patient_id: int, purpose: str, channel: str, given: bool, how: str = ""
) -> None:
    """Note a patient's yes or no. Earlier answers stay as evidence. ``how``: form, phone, keyword …

    Patients and their proxies answer for themselves; staff need the permission to change patients.
    """
    patient = Patient.objects.filter(pk=patient_id, organisation_id=actor.organisation_id).first()
    if patient is None:
        raise NotFound
    if patient_id not in actor.patient_ids:
        actor.need(Permission.PATIENT_WRITE, patient.home_location_id)
    if purpose not in Consent.Purpose.values or channel not in Patient.Channel.values or not channel:
        raise Refused("consent.unknown", "There is no such purpose or channel.", "Choose one of those shown.")
    with transaction.atomic():
        Consent.objects.create(
            patient=patient,
            purpose=purpose,
            channel=channel,
            given=given,
            recorded_at=actor.at,
            how=how[:120],
        )
        record(actor, "consent-given" if given else "consent-refused", "patient", patient_id,
               patient_id=patient_id, purpose=purpose, channel=channel)  # fmt: skip


def consents(patient_id: int) -> dict[tuple[str, str], bool]:
    """The latest answer by purpose and channel."""
    rows = Consent.objects.filter(patient_id=patient_id).order_by("recorded_at", "id")
    return {(row.purpose, row.channel): row.given for row in rows}


def channels(patient: Patient, purpose: str) -> Sequence[tuple[str, str]]:
    """Channel and address by which the patient may be written to for this purpose, the preferred one first."""
    if patient.deceased_on or not patient.active:
        return ()
    answers = consents(patient.pk)
    by_default = purpose in ALLOWED_UNLESS_NO
    addresses = {Patient.Channel.SMS: patient.phone, Patient.Channel.EMAIL: patient.email}
    order = sorted(WRITTEN, key=lambda channel: channel != patient.preferred_channel)
    return [
        (channel.value, addresses[channel])
        for channel in order
        if addresses[channel] and answers.get((purpose, channel.value), by_default)
    ]
