"""A small invented clinic in the operational database, for tests of practice, operations and web."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, time

from carewheel.practice.access import Actor, Grant
from carewheel.practice.models import (
    Location,
    Membership,
    OpeningHours,
    Organisation,
    Patient,
    Resource,
    User,
    VisitNeed,
    VisitType,
    WorkingHours,
)

# A Monday, 08:00 in New York.
NOW = datetime(2026, 3, 2, 13, 0, tzinfo=UTC)
PASSWORD = "invented horse battery"


@dataclass
class Clinic:
    """What `small_clinic` made. ``actor``: everything within the organisation; others by `as_role`."""

    organisation: Organisation
    location: Location
    practitioner: Resource
    other_practitioner: Resource
    chair: Resource
    other_chair: Resource
    check_up: VisitType
    long_visit: VisitType
    patient: Patient
    other_patient: Patient

    @property
    def actor(self) -> Actor:
        return self.as_role("owner")

    def as_role(self, role: str, *, at: datetime = NOW, everywhere: bool = True) -> Actor:
        return Actor(
            self.organisation.pk, at, grants=(Grant(role, None if everywhere else self.location.pk),)
        )

    def account(self, role: str, email: str = "", *, everywhere: bool = True) -> User:
        """An account with a role; it signs in with `PASSWORD`."""
        user = User(email=email or f"{role}{self.organisation.pk}@example.com", name=role.title())
        user.set_password(PASSWORD)
        user.save()
        Membership.objects.create(
            user=user,
            organisation=self.organisation,
            role=role,
            location=None if everywhere else self.location,
        )
        return user


def small_clinic(
    name: str = "Lakeside", zone: str = "America/New_York", mode: str = Location.Mode.MASTER
) -> Clinic:
    """Two practitioners and two chairs, Monday to Friday 8 to 17; a check-up of 30 minutes, and a long visit of 60 in which the
    practitioner is needed for minutes 20 to 40 only."""
    organisation = Organisation.objects.create(name=f"{name} Dental", currency="USD", created_at=NOW)
    location = Location.objects.create(
        organisation=organisation, name=name, zone=zone, slug=name.lower(), mode=mode
    )
    made = {
        title: Resource.objects.create(organisation=organisation, location=location, kind=kind, name=title)
        for title, kind in (
            ("Dr Ada Example", Resource.Kind.PRACTITIONER),
            ("Dr Ben Example", Resource.Kind.PRACTITIONER),
            ("Chair 1", Resource.Kind.ROOM),
            ("Chair 2", Resource.Kind.ROOM),
        )
    }
    for weekday in range(5):
        OpeningHours.objects.create(location=location, weekday=weekday, opens=time(8), closes=time(17))
        for resource in made.values():
            if resource.kind == Resource.Kind.PRACTITIONER:
                WorkingHours.objects.create(
                    resource=resource, location=location, weekday=weekday, starts=time(8), ends=time(17)
                )
    types = []
    for title, minutes, needs in (
        ("Check-up", 30, (("practitioner", 0, 30), ("room", 0, 30))),
        ("Long visit", 60, (("practitioner", 20, 40), ("room", 0, 60))),
    ):
        one = VisitType.objects.create(
            organisation=organisation,
            name=title,
            minutes=minutes,
            online=VisitType.Online.BOOK,
            most_open=2,
        )
        for order, (kind, start, end) in enumerate(needs):
            VisitNeed.objects.create(visit_type=one, kind=kind, from_minute=start, to_minute=end, order=order)
        types.append(one)
    patients = [
        Patient.objects.create(
            organisation=organisation,
            home_location=location,
            given_name=given,
            family_name="Example",
            search_name=f"example {given.lower()}",
            phone=phone,
            email=f"{given.lower()}{organisation.pk}@example.com",
            created_at=NOW,
        )
        for given, phone in (("Pat", "+1 202 555 0101"), ("Sam", "+1 202 555 0102"))
    ]
    return Clinic(
        organisation,
        location,
        made["Dr Ada Example"],
        made["Dr Ben Example"],
        made["Chair 1"],
        made["Chair 2"],
        types[0],
        types[1],
        patients[0],
        patients[1],
    )
