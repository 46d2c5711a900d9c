"""Tables: visit types with what they need, visits, and what each visit occupies."""

from __future__ import annotations

from django.db import models

from carewheel.practice.models.organisation import Capability, Location, Organisation, Resource
from carewheel.practice.models.patients import Patient
from carewheel.practice.models.people import User
from carewheel.practice.no_overlap import NoOverlap


class VisitType(models.Model):
    """What can be booked: how long, what it needs, and what patients may do by themselves."""

    class Online(models.TextChoices):
        HIDDEN = "hidden", "Not shown to patients"
        VIEW = "view", "Patients see free times"
        REQUEST = "request", "Patients ask for a time"
        BOOK = "book", "Patients book by themselves"

    organisation = models.ForeignKey(Organisation, models.PROTECT, related_name="visit_types")
    name = models.CharField(max_length=120)
    code = models.CharField(max_length=60, default="", blank=True)
    minutes = models.SmallIntegerField()
    # How many patients one visit takes; above 1 it is a group.
    seats = models.SmallIntegerField(default=1)
    online = models.CharField(max_length=7, choices=Online.choices, default=Online.HIDDEN)
    for_new_patients = models.BooleanField(default=True)
    lead_minutes = models.IntegerField(default=120)
    horizon_days = models.IntegerField(default=90)
    # Open visits of this type that a patient may hold at once when booking alone.
    most_open = models.SmallIntegerField(default=1)
    # Lets patients cancel and move alone until so many minutes before; cancelling itself is never refused, it is then late.
    late_cancel_minutes = models.IntegerField(default=1440)
    instructions = models.TextField(default="", blank=True)
    active = models.BooleanField(default=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=["organisation", "name"], name="visit_type_name_once"),
            models.CheckConstraint(
                condition=models.Q(minutes__gt=0, minutes__lte=1440), name="visit_type_minutes"
            ),
            models.CheckConstraint(condition=models.Q(seats__gte=1), name="visit_type_seats"),
        )


class VisitNeed(models.Model):
    """One thing a visit type needs, for part of it: a dentist from minute 10 to 30, a chair from 0 to 60."""

    visit_type = models.ForeignKey(VisitType, models.CASCADE, related_name="needs")
    kind = models.CharField(max_length=12, choices=Resource.Kind.choices)
    capabilities = models.ManyToManyField(Capability, blank=True, related_name="needs")
    from_minute = models.SmallIntegerField(default=0)
    to_minute = models.SmallIntegerField()
    order = models.SmallIntegerField(default=0)

    class Meta:
        constraints = (
            models.CheckConstraint(
                condition=models.Q(from_minute__gte=0, to_minute__gt=models.F("from_minute")),
                name="need_minutes",
            ),
        )


class VisitSeries(models.Model):
    """Visits that were booked together: six physiotherapy sessions, a crown in two steps."""

    organisation = models.ForeignKey(Organisation, models.CASCADE)
    patient = models.ForeignKey(Patient, models.PROTECT, null=True, blank=True)
    title = models.CharField(max_length=120)
    created_at = models.DateTimeField()


class Visit(models.Model):
    """A visit of a patient; ``proposed`` with ``hold_until`` while it is only held. Status as FHIR's Appointment."""

    class Status(models.TextChoices):
        PROPOSED = "proposed", "Held"
        PENDING = "pending", "Asked for"
        BOOKED = "booked", "Booked"
        ARRIVED = "arrived", "Arrived"
        CHECKED_IN = "checked-in", "In room"
        FULFILLED = "fulfilled", "Done"
        CANCELLED = "cancelled", "Cancelled"
        NOSHOW = "noshow", "Did not come"
        ERROR = "entered-in-error", "Entered in error"

    # Takes its time and resources; whatever else gives them back.
    OCCUPYING = (Status.PROPOSED, Status.PENDING, Status.BOOKED, Status.ARRIVED, Status.CHECKED_IN, Status.FULFILLED)  # fmt: skip

    organisation = models.ForeignKey(Organisation, models.PROTECT, related_name="visits")
    location = models.ForeignKey(Location, models.PROTECT, related_name="visits")
    patient = models.ForeignKey(Patient, models.PROTECT, null=True, blank=True, related_name="visits")
    visit_type = models.ForeignKey(VisitType, models.PROTECT, null=True, blank=True, related_name="visits")
    series = models.ForeignKey(VisitSeries, models.PROTECT, null=True, blank=True, related_name="visits")
    # The visit whose seats this one shares, in a group.
    group = models.ForeignKey("self", models.PROTECT, null=True, blank=True, related_name="members")
    status = models.CharField(max_length=16, choices=Status.choices)
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    hold_until = models.DateTimeField(null=True, blank=True)
    booked_at = models.DateTimeField(null=True, blank=True)
    arrived_at = models.DateTimeField(null=True, blank=True)
    roomed_at = models.DateTimeField(null=True, blank=True)
    with_clinician_at = models.DateTimeField(null=True, blank=True)
    done_at = models.DateTimeField(null=True, blank=True)
    cancelled_at = models.DateTimeField(null=True, blank=True)
    cancel_reason = models.CharField(max_length=200, default="", blank=True)
    late_cancel = models.BooleanField(default=False)
    is_new_patient = models.BooleanField(null=True, blank=True)
    channel = models.CharField(max_length=20, default="", blank=True)
    # Chance of not coming, as foreseen at the last turn or booking; null where nobody foresaw.
    no_show_risk = models.FloatField(null=True, blank=True)
    override_reason = models.CharField(max_length=200, default="", blank=True)
    booked_by = models.ForeignKey(User, models.SET_NULL, null=True, blank=True, related_name="+")
    source = models.CharField(max_length=120, default="", blank=True)
    source_id = models.CharField(max_length=120, default="", blank=True)
    raw_status = models.CharField(max_length=60, default="", blank=True)
    # Raised by every change; who writes must name the one read (lost updates become refusals).
    version = models.IntegerField(default=1)

    class Meta:
        indexes = (
            models.Index(fields=["location", "starts_at"], name="visit_by_place_and_time"),
            models.Index(fields=["patient", "starts_at"], name="visit_by_patient"),
            models.Index(fields=["organisation", "starts_at"], name="visit_by_time"),
            models.Index(
                fields=["hold_until"], condition=models.Q(hold_until__isnull=False), name="visit_held"
            ),
        )
        constraints = (
            models.UniqueConstraint(
                fields=["organisation", "source", "source_id"],
                condition=~models.Q(source_id=""),
                name="visit_source_once",
            ),
            models.CheckConstraint(
                condition=models.Q(ends_at__gt=models.F("starts_at")), name="visit_ends_after_start"
            ),
        )


class Occupancy(models.Model):
    """That a visit has a resource from a moment to a moment. The database refuses two at once unless one ``overbooks`` on purpose."""

    visit = models.ForeignKey(Visit, models.CASCADE, related_name="occupancies")
    resource = models.ForeignKey(Resource, models.PROTECT, related_name="occupancies")
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    # Which need of the visit type it serves.
    need_order = models.SmallIntegerField(default=0)
    # Staff with permission and reason, or an imported book that has it so.
    overbooks = models.BooleanField(default=False)

    class Meta:
        indexes = (models.Index(fields=["resource", "starts_at", "ends_at"], name="occupancy_by_resource"),)
        constraints = (
            models.CheckConstraint(
                condition=models.Q(ends_at__gt=models.F("starts_at")), name="occupancy_ends_after_start"
            ),
            NoOverlap(name="occupancy_no_overlap"),
        )
