"""A group with a large book, made in the operational database by a few statements: ten places, eighty practitioners, as many visits as asked.

Each practitioner has a room and sixteen half-hours a day, seven days a week, from the past to two months ahead. People are letters.
"""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta

from django.db import connection, transaction

from carewheel.practice.models import (
    Location,
    Membership,
    OpeningHours,
    Organisation,
    Resource,
    User,
    VisitNeed,
    VisitType,
    WorkingHours,
)

PLACES, EACH, A_DAY, AHEAD = 10, 8, 16, 60
PATIENTS_A_VISIT = 10
# Numbers 0 to n - 1, on both engines.
NUMBERS = "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < {count})"


def sql_moment(first: datetime, minutes: str) -> str:
    """SQL of a moment so many minutes after ``first``, as Django writes moments."""
    if connection.vendor == "postgresql":
        return f"TIMESTAMPTZ '{first.isoformat()}' + ({minutes}) * INTERVAL '1 minute'"
    return f"datetime('{first:%Y-%m-%d %H:%M:%S}', ({minutes}) || ' minutes')"


def fill(visits: int, now: datetime) -> tuple[Organisation, User]:
    """The group with an owner; ``visits`` is met to the day."""
    organisation = Organisation.objects.create(
        name="Large Group", currency="USD", invented=True, created_at=now
    )
    owner = User.objects.create(email="owner@example.com", name="Owner")
    Membership.objects.create(user=owner, organisation=organisation, role="owner")
    kind = VisitType.objects.create(organisation=organisation, name="Check-up", minutes=30, online="book")
    for order, need in enumerate(("practitioner", "room")):
        VisitNeed.objects.create(visit_type=kind, kind=need, to_minute=30, order=order)
    people: list[tuple[int, int, int]] = []
    for p in range(PLACES):
        place = Location.objects.create(
            organisation=organisation, name=f"Place {p}", zone="UTC", slug=f"place-{p}"
        )
        for weekday in range(7):
            OpeningHours.objects.create(location=place, weekday=weekday, opens=time(8), closes=time(18))
        for k in range(EACH):
            person = Resource.objects.create(
                organisation=organisation, location=place, kind="practitioner", name=f"Dr {p}-{k}", order=k
            )
            room = Resource.objects.create(
                organisation=organisation, location=place, kind="room", name=f"Room {p}-{k}", order=k
            )
            WorkingHours.objects.bulk_create(
                WorkingHours(resource=person, location=place, weekday=w, starts=time(8), ends=time(18))
                for w in range(7)
            )
            people.append((place.pk, person.pk, room.pk))
    days = max(visits // (len(people) * A_DAY), 2)
    ahead = min(AHEAD, days // 2)
    first = datetime.combine(now.date() - timedelta(days=days - ahead), time(8), UTC)
    patients = max(visits // PATIENTS_A_VISIT, 1)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            f"""{NUMBERS.format(count=patients)} INSERT INTO practice_patient
            (id, organisation_id, given_name, family_name, search_name, sex, phone, email, language, preferred_channel, is_test, active, source,
             source_id, created_at, version, links)
            SELECT i + 1, {organisation.pk}, 'Person' || {_letters()}, 'Example' || {_letters()}, 'example' || {_letters()} || ' person' || {_letters()}, '', '+1 202 555 0100', '',
             '', '', {_false()}, {_true()}, '', '', {sql_moment(first, "0")}, 1, 0 FROM n"""
        )
        for number, (place, person, room) in enumerate(people):
            count = days * A_DAY
            start = number * count
            begins = f"(i / {A_DAY}) * 1440 + (i % {A_DAY}) * 30"
            # The past is done, save one in twenty that did not come; what is ahead is booked.
            cursor.execute(
                f"""{NUMBERS.format(count=count)} INSERT INTO practice_visit
                (id, organisation_id, location_id, patient_id, visit_type_id, status, starts_at, ends_at, booked_at, cancel_reason, late_cancel, channel,
                 override_reason, source, source_id, raw_status, version)
                SELECT {start} + i + 1, {organisation.pk}, {place}, ({start} + i * 7919) % {patients} + 1, {kind.pk},
                 CASE WHEN i / {A_DAY} >= {days - ahead} THEN 'booked' WHEN i % 20 = 3 THEN 'noshow' ELSE 'fulfilled' END,
                 {sql_moment(first, begins)}, {sql_moment(first, begins + " + 30")}, {sql_moment(first, begins + " - 20000")}, '', {_false()}, 'desk',
                 '', '', '', '', 1 FROM n"""
            )
            for order, resource in enumerate((person, room)):
                cursor.execute(
                    f"""INSERT INTO practice_occupancy (visit_id, resource_id, starts_at, ends_at, need_order, overbooks)
                    SELECT id, {resource}, starts_at, ends_at, {order}, {_false()} FROM practice_visit
                    WHERE id > {start} AND id <= {start + count} AND status <> 'noshow'"""
                )
        if connection.vendor == "postgresql":
            for table in ("patient", "visit"):
                cursor.execute(
                    f"SELECT setval(pg_get_serial_sequence('practice_{table}', 'id'), (SELECT max(id) FROM practice_{table}))"
                )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    return organisation, owner


def _letters() -> str:
    """SQL of three letters for a number: names are looked for by letters."""
    char = "chr" if connection.vendor == "postgresql" else "char"
    return " || ".join(
        f"{char}((97 + (i / {power}) % 26)::int)" if char == "chr" else f"{char}(97 + (i / {power}) % 26)"
        for power in (1, 26, 676)
    )


def _false() -> str:
    return "false" if connection.vendor == "postgresql" else "0"


def _true() -> str:
    return "true" if connection.vendor == "postgresql" else "1"
