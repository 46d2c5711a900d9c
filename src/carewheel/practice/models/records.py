"""Tables that only grow or are worked off: audit trail, jobs, messages, facts to come, answers to repeated requests."""

from __future__ import annotations

from django.db import models

from carewheel.practice.append_only import AppendOnly
from carewheel.practice.models.organisation import Location, Organisation
from carewheel.practice.models.patients import Patient
from carewheel.practice.models.people import User
from carewheel.practice.models.visits import Visit


class AuditEvent(models.Model):
    """Who did or saw what, when. Each row seals the one before it; the database refuses changes and deletions."""

    number = models.BigIntegerField(unique=True)
    happened_at = models.DateTimeField()
    organisation = models.ForeignKey(Organisation, models.DO_NOTHING, null=True, db_constraint=False)
    user_id_seen = models.BigIntegerField(null=True)
    action = models.CharField(max_length=60)
    subject_kind = models.CharField(max_length=40, default="")
    subject_id = models.CharField(max_length=60, default="")
    patient_id_seen = models.BigIntegerField(null=True)
    location_id_seen = models.BigIntegerField(null=True)
    reason = models.CharField(max_length=300, default="")
    # What changed: names of fields and plain values, never names, contacts or texts of patients.
    detail = models.JSONField(default=dict)
    address = models.CharField(max_length=45, default="")
    before = models.CharField(max_length=64)
    seal = models.CharField(max_length=64)

    class Meta:
        indexes = (
            models.Index(fields=["organisation", "happened_at"], name="audit_by_time"),
            models.Index(fields=["organisation", "patient_id_seen"], name="audit_by_patient"),
            models.Index(fields=["subject_kind", "subject_id"], name="audit_by_subject"),
        )
        constraints = (AppendOnly(name="audit_append_only", table="practice_auditevent"),)


class EmergencyAccess(models.Model):
    """Access beyond one's role for a time, with a reason; somebody else reviews it afterwards."""

    organisation = models.ForeignKey(Organisation, models.PROTECT)
    user = models.ForeignKey(User, models.PROTECT, related_name="emergencies")
    patient = models.ForeignKey(Patient, models.PROTECT, related_name="emergencies")
    reason = models.CharField(max_length=300)
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    reviewed_by = models.ForeignKey(User, models.PROTECT, null=True, blank=True, related_name="+")
    reviewed_at = models.DateTimeField(null=True, blank=True)
    verdict = models.CharField(max_length=300, default="", blank=True)


class Job(models.Model):
    """Work to be done behind the pages. A worker leases it; an expired lease is taken back; after so many tries it is dead."""

    class Status(models.TextChoices):
        WAITING = "waiting", "Waiting"
        RUNNING = "running", "Running"
        DONE = "done", "Done"
        DEAD = "dead", "Given up"

    kind = models.CharField(max_length=60)
    # Numbers of rows, never data of patients.
    payload = models.JSONField(default=dict)
    organisation = models.ForeignKey(Organisation, models.CASCADE, null=True, blank=True)
    status = models.CharField(max_length=7, choices=Status.choices, default=Status.WAITING)
    run_at = models.DateTimeField()
    # At most one waiting or running job of a key.
    key = models.CharField(max_length=120, default="", blank=True)
    tries = models.SmallIntegerField(default=0)
    most_tries = models.SmallIntegerField(default=5)
    lease = models.CharField(max_length=32, default="", blank=True)
    lease_until = models.DateTimeField(null=True, blank=True)
    every_seconds = models.IntegerField(null=True, blank=True)
    progress = models.FloatField(null=True, blank=True)
    error = models.CharField(max_length=500, default="", blank=True)
    created_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes = (models.Index(fields=["status", "run_at"], name="job_due"),)
        constraints = (
            models.UniqueConstraint(
                fields=["key"],
                condition=models.Q(status__in=("waiting", "running")) & ~models.Q(key=""),
                name="job_key_once",
            ),
        )


class Message(models.Model):
    """A message on its way to a patient. Written in the transaction that causes it; sent exactly once as far as the channel tells."""

    class Status(models.TextChoices):
        WAITING = "waiting", "Waiting"
        SENDING = "sending", "Being sent"
        SENT = "sent", "Sent"
        UNKNOWN = "unknown", "Outcome unknown"
        SUPPRESSED = "suppressed", "Not sent: no consent"
        FAILED = "failed", "Failed"
        CANCELLED = "cancelled", "No longer needed"

    organisation = models.ForeignKey(Organisation, models.PROTECT, related_name="messages")
    location = models.ForeignKey(Location, models.PROTECT, null=True, blank=True)
    patient = models.ForeignKey(Patient, models.PROTECT, null=True, blank=True, related_name="messages")
    visit = models.ForeignKey(Visit, models.PROTECT, null=True, blank=True, related_name="messages")
    purpose = models.CharField(max_length=9)
    kind = models.CharField(max_length=40)
    channel = models.CharField(max_length=6)
    to = models.CharField(max_length=254)
    subject = models.CharField(max_length=200, default="", blank=True)
    body = models.TextField()
    # The same key is never queued twice.
    key = models.CharField(max_length=160, unique=True)
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.WAITING)
    due_at = models.DateTimeField()
    expires_at = models.DateTimeField(null=True, blank=True)
    ignore_quiet_hours = models.BooleanField(default=False)
    tries = models.SmallIntegerField(default=0)
    lease = models.CharField(max_length=32, default="", blank=True)
    lease_until = models.DateTimeField(null=True, blank=True)
    sent_at = models.DateTimeField(null=True, blank=True)
    error = models.CharField(max_length=300, default="", blank=True)
    created_at = models.DateTimeField()

    class Meta:
        indexes = (
            models.Index(fields=["status", "due_at"], name="message_due"),
            models.Index(fields=["patient", "created_at"], name="message_by_patient"),
        )


class PendingFact(models.Model):
    """A fact of the wheel, written in the transaction of the row that it describes; a job takes it to the warehouse."""

    organisation = models.ForeignKey(Organisation, models.CASCADE)
    table = models.CharField(max_length=40)
    source_id = models.CharField(max_length=120)
    record = models.JSONField()
    recorded_at = models.DateTimeField()
    taken_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes = (models.Index(fields=["taken_at", "id"], name="pending_fact_order"),)


class Answered(models.Model):
    """The answer that a request with a key got. The same key again gets it again; with other words it is refused."""

    organisation = models.ForeignKey(Organisation, models.CASCADE)
    key = models.CharField(max_length=120)
    fingerprint = models.CharField(max_length=64)
    answer = models.JSONField()
    answered_at = models.DateTimeField()

    class Meta:
        constraints = (models.UniqueConstraint(fields=["organisation", "key"], name="answered_once"),)


class ThrottledTry(models.Model):
    """A failed sign-in or code, by address or account, for as long as it counts."""

    key = models.CharField(max_length=120)
    at = models.DateTimeField()

    class Meta:
        indexes = (models.Index(fields=["key", "at"], name="throttled_by_key"),)
