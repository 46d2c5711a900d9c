"""Tables of operations: the waitlist and its offers, what the practice system has still to take over or no longer has, and who may not come."""

from __future__ import annotations

from django.db import models

from carewheel.practice.models import Job, Location, Organisation, Patient, Resource, Visit, VisitType


class WaitlistEntry(models.Model):
    """Somebody who waits for an earlier time, or for any."""

    class Status(models.TextChoices):
        WAITING = "waiting", "Waiting"
        OFFERED = "offered", "Offered a time"
        BOOKED = "booked", "Booked"
        WITHDRAWN = "withdrawn", "Withdrawn"
        EXPIRED = "expired", "Past its last day"

    organisation = models.ForeignKey(Organisation, models.PROTECT, related_name="+")
    patient = models.ForeignKey(Patient, models.PROTECT, related_name="waitlist_entries")
    visit_type = models.ForeignKey(VisitType, models.PROTECT, related_name="+")
    locations = models.ManyToManyField(Location, related_name="+")
    resources = models.ManyToManyField(Resource, related_name="+", blank=True)
    instead_of = models.ForeignKey(Visit, models.SET_NULL, null=True, blank=True, related_name="+")
    urgency = models.SmallIntegerField(default=1)
    earliest = models.DateField()
    latest = models.DateField(null=True, blank=True)
    weekdays = models.JSONField(default=list, blank=True)
    not_before = models.TimeField(null=True, blank=True)
    not_after = models.TimeField(null=True, blank=True)
    status = models.CharField(max_length=9, choices=Status.choices, default=Status.WAITING)
    created_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes = (models.Index(fields=["organisation", "status", "created_at"], name="waitlist_by_status"),)


class Gap(models.Model):
    """A slot that became free and is offered round by round until somebody claims it or it is too late."""

    class Status(models.TextChoices):
        OPEN = "open", "Being offered"
        FILLED = "filled", "Filled"
        UNFILLED = "unfilled", "Nobody took it"
        CLOSED = "closed", "Taken otherwise"

    organisation = models.ForeignKey(Organisation, models.PROTECT, related_name="+")
    location = models.ForeignKey(Location, models.PROTECT, related_name="+")
    from_visit = models.ForeignKey(Visit, models.SET_NULL, null=True, blank=True, related_name="+")
    # Keeps the slot for those who were asked, as long as they may answer.
    hold = models.ForeignKey(Visit, models.SET_NULL, null=True, blank=True, related_name="+")
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    status = models.CharField(max_length=8, choices=Status.choices, default=Status.OPEN)
    round = models.SmallIntegerField(default=0)
    next_round_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField()
    filled_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes = (models.Index(fields=["status", "next_round_at"], name="gap_due"),)


class Offer(models.Model):
    """A gap offered to one who waits. The link's token is kept as a hash only; claiming is one transaction."""

    class Status(models.TextChoices):
        OPEN = "open", "Offered"
        CLAIMED = "claimed", "Claimed"
        LAPSED = "lapsed", "No answer in time"
        DECLINED = "declined", "Declined"
        TAKEN = "taken", "Somebody was faster"

    gap = models.ForeignKey(Gap, models.CASCADE, related_name="offers")
    entry = models.ForeignKey(WaitlistEntry, models.CASCADE, related_name="offers")
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    resource_ids = models.JSONField(default=list)
    accepts = models.FloatField(null=True, blank=True)
    token_hash = models.CharField(max_length=64, unique=True)
    status = models.CharField(max_length=8, choices=Status.choices, default=Status.OPEN)
    offered_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    answered_at = models.DateTimeField(null=True, blank=True)
    visit = models.ForeignKey(Visit, models.SET_NULL, null=True, blank=True, related_name="+")

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=["gap"], condition=models.Q(status="claimed"), name="offer_claimed_once"
            ),
            models.UniqueConstraint(fields=["gap", "entry"], name="offer_once_each"),
        )


class OutboundChange(models.Model):
    """A change of the book that the practice system holds: the SIU message and the task, open until an import confirms or contradicts it."""

    class State(models.TextChoices):
        OPEN = "open", "To be entered in the practice system"
        CONFIRMED = "confirmed", "Seen in the practice system"
        CONTRADICTED = "contradicted", "The practice system says otherwise"
        CLOSED = "closed", "Closed by hand"

    organisation = models.ForeignKey(Organisation, models.PROTECT, related_name="+")
    location = models.ForeignKey(Location, models.PROTECT, related_name="+")
    visit = models.ForeignKey(Visit, models.PROTECT, related_name="outbound_changes")
    # HL7 v2 trigger: S12 new, S13 moved, S14 changed, S15 cancelled, S26 did not come
    event = models.CharField(max_length=3)
    control_id = models.CharField(max_length=20, unique=True)
    message = models.TextField()
    # Where the visit stood before it was moved: an export that still has it there has not taken it over yet.
    was_at = models.DateTimeField(null=True, blank=True)
    state = models.CharField(max_length=12, choices=State.choices, default=State.OPEN)
    created_at = models.DateTimeField()
    decided_at = models.DateTimeField(null=True, blank=True)
    why = models.CharField(max_length=200, default="", blank=True)

    class Meta:
        indexes = (models.Index(fields=["location", "state"], name="outbound_by_state"),)


class MissingVisit(models.Model):
    """A visit still to come that the practice system's last whole export does not have any more. It stays on the book until somebody decides."""

    class State(models.TextChoices):
        OPEN = "open", "Not in the last export"
        BACK = "back", "In an export again"
        KEPT = "kept", "Kept by hand"
        ENDED = "ended", "Taken off the book"

    organisation = models.ForeignKey(Organisation, models.PROTECT, related_name="+")
    location = models.ForeignKey(Location, models.PROTECT, related_name="+")
    visit = models.OneToOneField(Visit, models.CASCADE, related_name="missing")
    state = models.CharField(max_length=5, choices=State.choices, default=State.OPEN)
    since = models.DateTimeField()
    decided_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes = (models.Index(fields=["location", "state"], name="missing_by_state"),)


class Foresight(models.Model):
    """What was foreseen of a visit, last: the chance that it is missed (``missed``, with a 90 % interval) or cancelled late, and why in a sentence."""

    visit = models.OneToOneField(Visit, models.CASCADE, related_name="foresight")
    missed = models.FloatField()
    low = models.FloatField()
    high = models.FloatField()
    late_cancel = models.FloatField(null=True, blank=True)
    why = models.TextField(default="", blank=True)
    # What to offer beyond the usual reminder, where the desk has a call left for it.
    action = models.CharField(max_length=60, default="", blank=True)
    foreseen_at = models.DateTimeField()


class AttendanceTerms(models.Model):
    """What the last night learnt of an organisation's attendance, small enough to score a visit while it is booked."""

    organisation = models.OneToOneField(Organisation, models.CASCADE, related_name="+")
    terms = models.JSONField()
    learnt_at = models.DateTimeField()


class LabAnswer(models.Model):
    """A question to the access lab and, once the worker has weighed it, its answer. ``key`` names the question and the state of the facts."""

    organisation = models.ForeignKey(Organisation, models.CASCADE, related_name="+")
    key = models.CharField(max_length=64)
    wish = models.JSONField()
    as_of = models.DateField()
    answer = models.JSONField(null=True, blank=True)
    # Why there is none, in words.
    why = models.TextField(default="", blank=True)
    asked_at = models.DateTimeField()
    made_at = models.DateTimeField(null=True, blank=True)
    job = models.ForeignKey(Job, models.SET_NULL, null=True, blank=True, related_name="+")

    class Meta:
        constraints = (models.UniqueConstraint(fields=["organisation", "key"], name="lab_answer_once"),)
