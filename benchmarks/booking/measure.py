"""Booking in a database of its own, measured: ``python -m benchmarks.booking.measure PRACTITIONERS RULES PLACES BOOKINGS``, one JSON line.

Times in milliseconds, medians of `TIMES`; the engine is the one that ``DATABASE_URL`` names.
"""

from __future__ import annotations

import json
import os
import statistics
import sys
import threading
import time
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from datetime import time as wall

os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"
import django

django.setup()

from django.db import connection, connections, transaction  # noqa: E402
from tests.clinic import NOW  # noqa: E402

from carewheel.practice.access import Actor, Refused  # noqa: E402
from carewheel.practice.models import (  # noqa: E402
    Location,
    Occupancy,
    OpeningHours,
    Organisation,
    Patient,
    Resource,
    Visit,
    VisitNeed,
    VisitType,
    WorkingHours,
)
from carewheel.spokes.operations import calendars  # noqa: E402
from carewheel.spokes.operations.commands_booking import book_visit, cancel_visit  # noqa: E402
from carewheel.spokes.operations.contracts_booking import BookingRequest, SlotQuestion  # noqa: E402
from carewheel.spokes.operations.queries_booking import free_slots  # noqa: E402

TIMES = 20
MONDAY = datetime(2026, 3, 9, 4, 0, tzinfo=UTC)  # midnight in New York
WORKERS = 8


def median(work: Callable[[], object], before: Callable[[], object] = lambda: None) -> float:
    taken = []
    for _ in range(TIMES):
        before()
        began = time.perf_counter()
        work()
        taken.append((time.perf_counter() - began) * 1e3)
    return statistics.median(taken)


def group(name: str, places: int, practitioners: int, rooms: int, rules: int, *, booked: bool) -> Actor:
    """Places with practitioners whose hours are ``rules`` rows each: a quarter of a year by weekday, long past ones as well."""
    organisation = Organisation.objects.create(name=name, created_at=NOW)
    kind = VisitType.objects.create(organisation=organisation, name="Visit", minutes=30)
    VisitNeed.objects.create(visit_type=kind, kind="practitioner", to_minute=30, order=0)
    VisitNeed.objects.create(visit_type=kind, kind="room", to_minute=30, order=1)
    Patient.objects.create(organisation=organisation, given_name="Pat", created_at=NOW)
    made = Location.objects.bulk_create(
        Location(organisation=organisation, name=f"{name} {n}", slug=f"p{n}", zone="America/New_York")
        for n in range(places)
    )
    OpeningHours.objects.bulk_create(
        OpeningHours(location=one, weekday=day, opens=wall(8), closes=wall(18))
        for one in made
        for day in range(5)
    )
    people = Resource.objects.bulk_create(
        Resource(organisation=organisation, location=one, kind="practitioner", name=f"Dr {n}", order=n)
        for one in made for n in range(practitioners)
    )  # fmt: skip
    chairs = Resource.objects.bulk_create(
        Resource(organisation=organisation, location=one, kind="room", name=f"Room {n}", order=n)
        for one in made for n in range(rooms)
    )  # fmt: skip
    first = date(2026, 3, 31) - timedelta(days=91 * (rules // 5))
    WorkingHours.objects.bulk_create(
        (
            WorkingHours(
                resource=one, location_id=one.location_id, weekday=n % 5, starts=wall(8), ends=wall(17, 5 * (n % 12)),
                valid_from=first + timedelta(days=91 * (n // 5) + 1),
                valid_until=None if n >= rules - 5 else first + timedelta(days=91 * (n // 5 + 1)),
            )
            for one in people for n in range(rules)
        ),
        batch_size=5_000,
    )  # fmt: skip
    if booked:
        _fill(organisation, made[0], kind, people, chairs)
    return Actor(organisation.pk, NOW, system="benchmark")


def _fill(
    organisation: Organisation,
    place: Location,
    kind: VisitType,
    people: list[Resource],
    chairs: list[Resource],
) -> None:
    """Four weeks in which every practitioner has nine visits a day, a room each."""
    visits, rows = [], []
    for day in (n for n in range(28) if n % 7 < 5):
        for k, one in enumerate(people):
            for n in range(12):
                if (7 * k + 3 * n + day) % 4 == 0:
                    continue
                start = MONDAY + timedelta(days=day, hours=8, minutes=45 * n)
                end = start + timedelta(minutes=30)
                visits.append(
                    Visit(organisation=organisation, location=place, visit_type=kind, status="booked", starts_at=start, ends_at=end)
                )  # fmt: skip
                rows.append((one, chairs[k], start, end))
    visits = Visit.objects.bulk_create(visits, batch_size=5_000)
    Occupancy.objects.bulk_create(
        (
            Occupancy(visit=visit, resource=what, starts_at=start, ends_at=end)
            for visit, (one, chair, start, end) in zip(visits, rows, strict=True)
            for what in (one, chair)
        ),
        batch_size=5_000,
    )


def searches(actor: Actor, question: SlotQuestion) -> dict[str, float]:
    """A question with calendars in memory, after a booking elsewhere in the book, and with none in memory."""
    found = free_slots(actor, question)
    if not found:
        raise AssertionError("nothing is free")
    patient = Patient.objects.get(organisation=actor.organisation_id).pk
    spare = found[-1]

    def book_and_cancel() -> None:
        made = book_visit(
            actor,
            BookingRequest(
                spare.location_id, spare.visit_type_id, spare.starts_at, patient, spare.resource_ids
            ),
        )
        cancel_visit(actor, made.id, 1, "")

    warm = median(lambda: free_slots(actor, question))
    after = median(lambda: free_slots(actor, question), book_and_cancel)
    began = time.perf_counter()
    calendars.forget()
    free_slots(actor, question)
    return {"warm": warm, "after": after, "cold": (time.perf_counter() - began) * 1e3, "slots": len(found)}


def bookings(actor: Actor, count: int, workers: int) -> tuple[float, dict[str, int]]:
    """Bookings a second by so many threads at once, each at its own times; and what was refused."""
    kind = VisitType.objects.get(organisation=actor.organisation_id).pk
    place = Location.objects.filter(organisation=actor.organisation_id).order_by("pk")[workers].pk
    patient = Patient.objects.get(organisation=actor.organisation_id).pk
    told: dict[str, int] = {}

    def work(k: int) -> None:
        for n in range(k, count, workers):
            at = MONDAY + timedelta(days=n // 18 // 5 * 7 + n // 18 % 5, hours=8, minutes=30 * (n % 18))
            try:
                book_visit(actor, BookingRequest(place, kind, at, patient))
                what = "booked"
            except Refused as refusal:
                what = refusal.code
            told[what] = told.get(what, 0) + 1
        connections.close_all()

    crew = [threading.Thread(target=work, args=(k,)) for k in range(workers)]
    began = time.perf_counter()
    for one in crew:
        one.start()
    for one in crew:
        one.join()
    return count / (time.perf_counter() - began), told


def main(practitioners: int, rules: int, places: int, count: int) -> None:
    connection.creation.create_test_db(verbosity=0, serialize=False)
    with transaction.atomic():
        one = group("Hospital", 1, practitioners, practitioners, rules, booked=True)
        many = group("Group", places, 2, 2, 5, booked=False)
    kind = VisitType.objects.get(organisation=one.organisation_id).pk
    week = SlotQuestion(kind, MONDAY, MONDAY + timedelta(days=7), count=2_000)
    found = {"week": searches(one, week)}
    kind = VisitType.objects.get(organisation=many.organisation_id).pk
    found["places"] = searches(many, SlotQuestion(kind, MONDAY, count=10))
    for workers in (1, WORKERS):
        rate, told = bookings(many, count, workers)
        if set(told) != {"booked"}:
            raise AssertionError(f"refused: {told}")
        found[f"bookings {workers}"] = {"rate": rate}
    print(json.dumps(found))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
