"""Tables: who signs in, which role they have where, and who works here."""

from __future__ import annotations

from typing import ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.db import models
from django.db.models.functions import Lower

from carewheel.practice.models.organisation import Location, Organisation, Resource


class Accounts(BaseUserManager["User"]):
    """Makes accounts; addresses are kept as typed and found without regard to case."""

    def get_by_natural_key(self, username: str | None) -> User:
        return self.get(email__iexact=username)


class User(AbstractBaseUser):
    """A person who signs in. What they may do is in their memberships, never here."""

    email = models.EmailField(max_length=254)
    name = models.CharField(max_length=200, default="", blank=True)
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField(auto_now_add=True)
    # Raised when a role, password or second factor changes: older sessions end at their next request.
    session_epoch = models.IntegerField(default=0)

    USERNAME_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []
    objects: ClassVar[Accounts] = Accounts()

    class Meta:
        constraints = (models.UniqueConstraint(Lower("email"), name="user_email_once"),)

    def get_full_name(self) -> str:
        return self.name or self.email

    # There is no admin site; Django asks these two of any user.
    is_staff = False
    is_superuser = False


class Role(models.TextChoices):
    OWNER = "owner", "Owner"
    MANAGER = "manager", "Manager"
    FRONT_DESK = "front_desk", "Front desk"
    CLINICIAN = "clinician", "Clinician"
    BILLER = "biller", "Biller"
    STAFF = "staff", "Staff"
    PATIENT = "patient", "Patient"
    AUDITOR = "auditor", "Auditor"


class Membership(models.Model):
    """A role of a user in an organisation, at one location or (null) at all."""

    user = models.ForeignKey(User, models.CASCADE, related_name="memberships")
    organisation = models.ForeignKey(Organisation, models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=10, choices=Role.choices)
    location = models.ForeignKey(Location, models.CASCADE, null=True, blank=True, related_name="memberships")
    # A patient's own record.
    patient = models.ForeignKey("Patient", models.CASCADE, null=True, blank=True, related_name="memberships")
    ends_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=["user", "organisation", "role", "location"],
                condition=models.Q(location__isnull=False),
                name="membership_at_once",
            ),
            models.UniqueConstraint(
                fields=["user", "organisation", "role"],
                condition=models.Q(location__isnull=True),
                name="membership_everywhere_once",
            ),
        )


class StaffMember(models.Model):
    """Somebody who works here; ``resource`` if visits are booked with them, ``user`` if they sign in."""

    organisation = models.ForeignKey(Organisation, models.PROTECT, related_name="staff")
    location = models.ForeignKey(Location, models.PROTECT, null=True, blank=True, related_name="staff")
    name = models.CharField(max_length=200)
    job = models.CharField(max_length=80, default="", blank=True)
    user = models.OneToOneField(User, models.SET_NULL, null=True, blank=True, related_name="staff_member")
    resource = models.OneToOneField(
        Resource, models.SET_NULL, null=True, blank=True, related_name="staff_member"
    )
    started_on = models.DateField(null=True, blank=True)
    ended_on = models.DateField(null=True, blank=True)
    source = models.CharField(max_length=120, default="", blank=True)
    source_id = models.CharField(max_length=120, default="", blank=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=["organisation", "source", "source_id"],
                condition=~models.Q(source_id=""),
                name="staff_source_once",
            ),
        )
