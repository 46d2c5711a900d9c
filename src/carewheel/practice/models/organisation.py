"""Tables: the organisation, its locations, their hours, and what can be booked there."""

from __future__ import annotations

import secrets

from django.db import models


def first_version() -> int:
    """Where a place's calendar version begins: drawn, so that calendars in memory never pass for those of a restored or another database."""
    return secrets.randbits(40)


class Organisation(models.Model):
    """One practice or group. Everything else belongs to exactly one; nobody sees across."""

    class Clock(models.TextChoices):
        HOURS_24 = "24", "14:30"
        HOURS_12 = "12", "2:30 pm"

    name = models.CharField(max_length=200)
    currency = models.CharField(max_length=3, default="", blank=True)
    invented = models.BooleanField(default=False)
    requires_mfa = models.BooleanField(default=False)
    # How times are written to staff and patients; what is typed follows the browser.
    clock = models.CharField(max_length=2, choices=Clock.choices, default=Clock.HOURS_24)
    created_at = models.DateTimeField()


class Location(models.Model):
    """A place where patients are seen, with a zone of its own."""

    class Mode(models.TextChoices):
        MASTER = "master", "CareWheel holds the book"
        BESIDE = "beside", "The practice system holds the book"

    organisation = models.ForeignKey(Organisation, models.PROTECT, related_name="locations")
    name = models.CharField(max_length=200)
    zone = models.CharField(max_length=64)
    mode = models.CharField(max_length=6, choices=Mode.choices, default=Mode.MASTER)
    source = models.CharField(max_length=120, default="", blank=True)
    source_id = models.CharField(max_length=120, default="", blank=True)
    phone = models.CharField(max_length=40, default="", blank=True)
    address = models.CharField(max_length=300, default="", blank=True)
    slug = models.SlugField(max_length=80)
    active = models.BooleanField(default=True)
    # Raised by whatever changes hours, leave, bookings: calendars in memory are built anew when it moves.
    calendar_version = models.BigIntegerField(default=first_version)
    # Raised along with it by bookings alone: a calendar whose difference of the two stands still keeps its hours.
    bookings_version = models.BigIntegerField(default=0)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=["organisation", "slug"], name="location_slug_once"),
            models.UniqueConstraint(
                fields=["organisation", "source", "source_id"],
                condition=~models.Q(source_id=""),
                name="location_source_once",
            ),
        )


class OpeningHours(models.Model):
    """When a location is open: local wall-clock times of a weekday (Monday 0)."""

    location = models.ForeignKey(Location, models.CASCADE, related_name="opening_hours")
    weekday = models.SmallIntegerField()
    opens = models.TimeField()
    closes = models.TimeField()
    # Worked out from the imported book, and nobody has confirmed it yet.
    assumed = models.BooleanField(default=False)

    class Meta:
        constraints = (
            models.CheckConstraint(
                condition=models.Q(weekday__gte=0, weekday__lte=6), name="opening_weekday"
            ),
            models.CheckConstraint(
                condition=models.Q(closes__gt=models.F("opens")), name="opening_ends_after_start"
            ),
        )


class Closure(models.Model):
    """A holiday or another local day on which a location is closed."""

    location = models.ForeignKey(Location, models.CASCADE, related_name="closures")
    date = models.DateField()
    name = models.CharField(max_length=120)

    class Meta:
        constraints = (models.UniqueConstraint(fields=["location", "date"], name="closure_once"),)


class Capability(models.Model):
    """What a person can do or a room or device is for: hygiene, Spanish, x-ray. Visit types ask for it."""

    organisation = models.ForeignKey(Organisation, models.CASCADE, related_name="capabilities")
    name = models.CharField(max_length=80)

    class Meta:
        constraints = (models.UniqueConstraint(fields=["organisation", "name"], name="capability_once"),)


class Resource(models.Model):
    """A practitioner, assistant, room or chair, or device: whatever two visits cannot have at once."""

    class Kind(models.TextChoices):
        PRACTITIONER = "practitioner", "Practitioner"
        ASSISTANT = "assistant", "Assistant"
        ROOM = "room", "Room or chair"
        EQUIPMENT = "equipment", "Equipment"

    organisation = models.ForeignKey(Organisation, models.PROTECT, related_name="resources")
    # Where it stands; a practitioner's hours say where that person is on which day.
    location = models.ForeignKey(Location, models.PROTECT, related_name="resources", null=True, blank=True)
    kind = models.CharField(max_length=12, choices=Kind.choices)
    name = models.CharField(max_length=200)
    capabilities = models.ManyToManyField(Capability, related_name="resources", blank=True)
    source = models.CharField(max_length=120, default="", blank=True)
    source_id = models.CharField(max_length=120, default="", blank=True)
    order = models.SmallIntegerField(default=0)
    active = models.BooleanField(default=True)
    # Raised by every booking of it: calendars in memory read anew what this one has, not what all have.
    bookings_version = models.BigIntegerField(default=0)

    class Meta:
        indexes = (models.Index(fields=["organisation", "kind", "active"], name="resource_by_kind"),)
        constraints = (
            models.UniqueConstraint(
                fields=["organisation", "source", "kind", "source_id"],
                condition=~models.Q(source_id=""),
                name="resource_source_once",
            ),
        )


class WorkingHours(models.Model):
    """When a resource is there: local wall-clock times of a weekday at a location, from a day to a day (inclusive).

    A room or device without any is there whenever its location is open.
    """

    resource = models.ForeignKey(Resource, models.CASCADE, related_name="working_hours")
    location = models.ForeignKey(Location, models.CASCADE, related_name="working_hours")
    weekday = models.SmallIntegerField()
    starts = models.TimeField()
    ends = models.TimeField()
    valid_from = models.DateField(null=True, blank=True)
    valid_until = models.DateField(null=True, blank=True)
    # Every n-th week counted from the week of valid_from: dated rotation between sites.
    every_weeks = models.SmallIntegerField(default=1)
    assumed = models.BooleanField(default=False)

    class Meta:
        constraints = (
            models.CheckConstraint(
                condition=models.Q(weekday__gte=0, weekday__lte=6), name="working_weekday"
            ),
            models.CheckConstraint(
                condition=models.Q(ends__gt=models.F("starts")), name="working_ends_after_start"
            ),
            models.CheckConstraint(condition=models.Q(every_weeks__gte=1), name="working_every_weeks"),
        )


class Leave(models.Model):
    """When a resource is away or blocked although its hours say otherwise. Never booked over, not even from a pool."""

    class Kind(models.TextChoices):
        LEAVE = "leave", "Leave"
        SICK = "sick", "Sick"
        BLOCK = "block", "Blocked"
        BREAK = "break", "Break"

    resource = models.ForeignKey(Resource, models.CASCADE, related_name="leaves")
    kind = models.CharField(max_length=6, choices=Kind.choices, default=Kind.LEAVE)
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    source = models.CharField(max_length=120, default="", blank=True)
    source_id = models.CharField(max_length=120, default="", blank=True)

    class Meta:
        indexes = (models.Index(fields=["resource", "ends_at"], name="leave_by_resource"),)
        constraints = (
            models.CheckConstraint(
                condition=models.Q(ends_at__gt=models.F("starts_at")), name="leave_ends_after_start"
            ),
        )
