"""Tables: patients, who may act for them, and what they consented to."""

from __future__ import annotations

from django.db import models

from carewheel.practice.models.organisation import Location, Organisation
from carewheel.practice.models.people import User


def shown_name(given: str, family: str, source_id: str, number: int) -> str:
    """As staff read it; a patient known by number only is called by it."""
    return f"{given} {family}".strip() or f"Patient {source_id or number}"


class Patient(models.Model):
    """A person who is cared for. Names and contacts live here only; facts carry pseudonyms."""

    class Channel(models.TextChoices):
        NONE = "", "No choice yet"
        EMAIL = "email", "E-mail"
        SMS = "sms", "SMS"
        PHONE = "phone", "Phone call"
        PORTAL = "portal", "Portal"

    organisation = models.ForeignKey(Organisation, models.PROTECT, related_name="patients")
    home_location = models.ForeignKey(
        Location, models.PROTECT, null=True, blank=True, related_name="patients"
    )
    given_name = models.CharField(max_length=120, default="", blank=True)
    family_name = models.CharField(max_length=120, default="", blank=True)
    # Lower case, "family given": search as you type goes by its beginning.
    search_name = models.CharField(max_length=250, default="", blank=True)
    birth_date = models.DateField(null=True, blank=True)
    sex = models.CharField(max_length=10, default="", blank=True)
    phone = models.CharField(max_length=40, default="", blank=True)
    email = models.EmailField(max_length=254, default="", blank=True)
    language = models.CharField(max_length=35, default="", blank=True)
    preferred_channel = models.CharField(
        max_length=6, choices=Channel.choices, default=Channel.NONE, blank=True
    )
    deceased_on = models.DateField(null=True, blank=True)
    is_test = models.BooleanField(default=False)
    active = models.BooleanField(default=True)
    source = models.CharField(max_length=120, default="", blank=True)
    source_id = models.CharField(max_length=120, default="", blank=True)
    created_at = models.DateTimeField()
    version = models.IntegerField(default=1)
    # Raised to end the links that were sent to the patient.
    links = models.IntegerField(default=0)

    class Meta:
        indexes = (
            models.Index(
                fields=["organisation", "search_name"],
                name="patient_by_name",
                opclasses=["int8_ops", "varchar_pattern_ops"],
            ),
            models.Index(fields=["organisation", "birth_date"], name="patient_by_birth"),
            models.Index(
                fields=["organisation", "phone"],
                name="patient_by_phone",
                opclasses=["int8_ops", "varchar_pattern_ops"],
            ),
            models.Index(fields=["organisation", "email"], name="patient_by_email"),
            models.Index(fields=["organisation", "source_id"], name="patient_by_number"),
        )
        constraints = (
            models.UniqueConstraint(
                fields=["organisation", "source", "source_id"],
                condition=~models.Q(source_id=""),
                name="patient_source_once",
            ),
        )

    @property
    def display_name(self) -> str:
        """As staff read it; a patient known by number only is called by it."""
        return shown_name(self.given_name, self.family_name, self.source_id, self.pk)


class Proxy(models.Model):
    """Somebody who may act for a patient: guardian, parent, carer. Access ends on its day."""

    patient = models.ForeignKey(Patient, models.CASCADE, related_name="proxies")
    user = models.ForeignKey(User, models.CASCADE, null=True, blank=True, related_name="proxy_for")
    name = models.CharField(max_length=200)
    relation = models.CharField(max_length=40)
    phone = models.CharField(max_length=40, default="", blank=True)
    email = models.EmailField(max_length=254, default="", blank=True)
    starts_on = models.DateField()
    ends_on = models.DateField(null=True, blank=True)


class Consent(models.Model):
    """A patient's yes or no to a purpose by a channel; the latest counts, earlier ones stay as evidence."""

    class Purpose(models.TextChoices):
        VISITS = "visits", "About my visits"
        SURVEYS = "surveys", "Asking how it was"
        MARKETING = "marketing", "News and offers"

    patient = models.ForeignKey(Patient, models.CASCADE, related_name="consents")
    purpose = models.CharField(max_length=9, choices=Purpose.choices)
    channel = models.CharField(max_length=6, choices=Patient.Channel.choices)
    given = models.BooleanField()
    recorded_at = models.DateTimeField()
    how = models.CharField(max_length=120, default="", blank=True)

    class Meta:
        indexes = (models.Index(fields=["patient", "purpose", "channel"], name="consent_by_purpose"),)
