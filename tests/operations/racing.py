"""Many book one slot at the same moment: visits of several lengths that all hold the same minute, several practitioners, one chair.

Two ways of booking run side by side: ours, and the usual one that looks first and then inserts, without lock or constraint.
"""

from __future__ import annotations

import multiprocessing
import random
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from datetime import time as wall
from typing import Any

from django.db import connections
from tests.clinic import NOW

from carewheel.practice.access import Actor, Refused
from carewheel.practice.models import (
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
from carewheel.spokes.operations.commands_booking import book_visit
from carewheel.spokes.operations.contracts_booking import BookingRequest

LENGTHS = (15, 30, 45, 60, 90)
DOCTORS = 4
FIRST = datetime(2026, 3, 3, 12, 0, tzinfo=UTC)


@dataclass(frozen=True)
class Arena:
    """What is raced for; ids only, so that it can go to other processes."""

    organisation: int
    location: int
    patient: int
    chair: int
    doctors: tuple[int, ...]
    types: tuple[int, ...]


@dataclass(frozen=True)
class Outcome:
    """What one booker got in one round: won, the code of a refusal, or the name of a failure; and how long it took."""

    round: int
    what: str
    seconds: float


def arena(name: str = "Arena") -> Arena:
    """A place that never closes, with one chair."""
    organisation = Organisation.objects.create(name=name, created_at=NOW)
    location = Location.objects.create(organisation=organisation, name=name, slug=name.lower(), zone="UTC")
    for weekday in range(7):
        OpeningHours.objects.create(location=location, weekday=weekday, opens=wall(0), closes=wall(23, 59))
    chair = Resource.objects.create(organisation=organisation, location=location, kind="room", name="Chair")
    doctors = []
    for n in range(DOCTORS):
        doctor = Resource.objects.create(organisation=organisation, kind="practitioner", name=f"Dr {n}")
        for weekday in range(7):
            WorkingHours.objects.create(
                resource=doctor, location=location, weekday=weekday, starts=wall(0), ends=wall(23, 59)
            )
        doctors.append(doctor.pk)
    types = []
    for minutes in LENGTHS:
        kind = VisitType.objects.create(organisation=organisation, name=f"{minutes} minutes", minutes=minutes)
        VisitNeed.objects.create(visit_type=kind, kind="room", to_minute=minutes, order=0)
        VisitNeed.objects.create(
            visit_type=kind, kind="practitioner", to_minute=max(minutes - 5, 10), order=1
        )
        types.append(kind.pk)
    patient = Patient.objects.create(organisation=organisation, given_name="Pat", created_at=NOW)
    return Arena(organisation.pk, location.pk, patient.pk, chair.pk, tuple(doctors), tuple(types))


def wanted(where: Arena, booker: int, round_: int) -> tuple[int, datetime, int, int]:
    """Type, start, minutes and doctor of a booker in a round; every visit of a round holds its noon."""
    rng = random.Random(f"{booker}/{round_}")
    k = rng.randrange(len(LENGTHS))
    start = FIRST + timedelta(days=round_) - timedelta(minutes=rng.randrange(LENGTHS[k]))
    return where.types[k], start, LENGTHS[k], rng.choice(where.doctors)


def book(where: Arena, booker: int, round_: int) -> None:
    """Our way."""
    kind, start, _, doctor = wanted(where, booker, round_)
    # Half of them name the doctor, half take whoever is free.
    named = (doctor,) if booker % 2 else ()
    actor = Actor(where.organisation, NOW, system="race")
    book_visit(actor, BookingRequest(where.location, kind, start, where.patient, named))


def check_then_insert(where: Arena, booker: int, round_: int) -> None:
    """The usual way; its rows are outside of the constraint."""
    kind, start, minutes, doctor = wanted(where, booker, round_)
    end = start + timedelta(minutes=minutes)
    mine = (where.chair, doctor)
    if Occupancy.objects.filter(resource__in=mine, starts_at__lt=end, ends_at__gt=start).exists():
        raise Refused("slot-taken", "taken")
    visit = Visit.objects.create(
        organisation_id=where.organisation, location_id=where.location, visit_type_id=kind,
        patient_id=where.patient, status="booked", starts_at=start, ends_at=end,
    )  # fmt: skip
    for one in mine:
        Occupancy.objects.create(visit=visit, resource_id=one, starts_at=start, ends_at=end, overbooks=True)


def race(
    where: Arena, bookers: int, rounds: int, way: Callable[[Arena, int, int], None], processes: int = 1
) -> list[Outcome]:
    """All bookers in all rounds; each round begins for all at once. Processes share the bookers, a thread each."""
    per = bookers // processes
    if processes == 1:
        return _crowd(where, range(per), rounds, way, threading.Barrier(per))
    connections.close_all()
    context = multiprocessing.get_context("fork")
    barrier, answers = context.Barrier(per * processes), context.Queue()

    def work(k: int) -> None:
        answers.put(_crowd(where, range(k * per, (k + 1) * per), rounds, way, barrier))

    crew = [context.Process(target=work, args=(k,)) for k in range(processes)]
    for one in crew:
        one.start()
    found = [outcome for _ in crew for outcome in answers.get(timeout=3_600)]
    for one in crew:
        one.join(60)
    return found


def _crowd(
    where: Arena, bookers: range, rounds: int, way: Callable[..., None], barrier: Any
) -> list[Outcome]:
    found: list[Outcome] = []

    def work(booker: int) -> None:
        mine = []
        for round_ in range(rounds):
            barrier.wait(600)
            began = time.perf_counter()
            try:
                way(where, booker, round_)
                what = "won"
            except Refused as refusal:
                what = refusal.code
            except Exception as failure:  # what a page would answer with a 500
                what = type(failure).__name__
            mine.append(Outcome(round_, what, time.perf_counter() - began))
        connections.close_all()
        found.extend(mine)

    crew = [threading.Thread(target=work, args=(one,)) for one in bookers]
    for one in crew:
        one.start()
    for one in crew:
        one.join()
    return found


def winners(outcomes: list[Outcome], rounds: int) -> list[int]:
    """How many won, round by round."""
    count = Counter(one.round for one in outcomes if one.what == "won")
    return [count[n] for n in range(rounds)]


def overlaps(where: Arena) -> int:
    """Pairs of rows of one resource that overlap, in the database."""
    rows = Occupancy.objects.filter(visit__organisation=where.organisation).order_by(
        "resource_id", "starts_at"
    )
    found, last = 0, None
    for row in rows:
        if last and last.resource_id == row.resource_id and row.starts_at < last.ends_at:
            found += 1
        if not last or last.resource_id != row.resource_id or row.ends_at > last.ends_at:
            last = row
    return found
