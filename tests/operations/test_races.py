"""Twenty book one slot at once, five times; two claim one offer; one request is sent twice. The large counts: `tests.validation.booking_races`."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta

import pytest
from django.db import connections
from tests.clinic import NOW, small_clinic
from tests.operations.racing import FIRST, arena, book, overlaps, race, winners
from tests.operations.test_waitlist import LINK, full_then_gap, joined, patients, token_of

from carewheel.practice.access import Actor, Grant, Refused
from carewheel.practice.audit import verify
from carewheel.practice.models import Occupancy, Patient, Visit, VisitType
from carewheel.spokes.operations.commands_booking import book_visit, cancel_visit, move_visit
from carewheel.spokes.operations.commands_waitlist import claim_offer, offer_gap
from carewheel.spokes.operations.contracts_booking import BookingRequest

pytestmark = pytest.mark.django_db(transaction=True)
BOOKERS, ROUNDS = 20, 5


def at_once(*calls: Callable[[], object]) -> list[object]:
    """What each call answers, or the code of its refusal; a failure is what it is."""
    found: list[object] = [None] * len(calls)
    barrier = threading.Barrier(len(calls))

    def work(n: int) -> None:
        barrier.wait(60)
        try:
            found[n] = calls[n]()
        except Refused as refusal:
            found[n] = refusal.code
        except Exception as failure:
            found[n] = failure
        connections.close_all()

    crew = [threading.Thread(target=work, args=(n,)) for n in range(len(calls))]
    for one in crew:
        one.start()
    for one in crew:
        one.join()
    return found


def test_case_61_one_of_twenty_wins_and_all_others_are_told_so() -> None:
    where = arena()
    outcomes = race(where, BOOKERS, ROUNDS, book)
    assert winners(outcomes, ROUNDS) == [1] * ROUNDS
    assert Counter(one.what for one in outcomes) == {"won": ROUNDS, "slot-taken": ROUNDS * (BOOKERS - 1)}
    assert (overlaps(where), Visit.objects.count(), Occupancy.objects.count()) == (0, ROUNDS, 2 * ROUNDS)
    assert verify().wrong_at is None


def test_case_63_a_request_sent_five_times_is_one_visit() -> None:
    where = arena()
    actor = Actor(where.organisation, NOW, system="test")
    request = BookingRequest(where.location, where.types[0], FIRST, where.patient, key="same")
    answers = at_once(*[lambda: book_visit(actor, request).id] * 5)
    assert len(set(answers)) == 1
    assert Visit.objects.get().pk == answers[0]


def test_case_63_of_two_changes_at_once_one_is_stale() -> None:
    where = arena()
    actor = Actor(where.organisation, NOW, system="test")
    made = book_visit(actor, BookingRequest(where.location, where.types[0], FIRST, where.patient))
    answers = at_once(
        lambda: move_visit(actor, made.id, 1, FIRST + timedelta(hours=1)).version,
        lambda: move_visit(actor, made.id, 1, FIRST + timedelta(hours=2)).version,
    )
    assert sorted(map(str, answers)) == ["2", "changed-since"]
    # Cancelling twice is one cancelling.
    assert at_once(*[lambda: cancel_visit(actor, made.id, 2, "").status] * 3) == ["cancelled"] * 3
    assert Visit.objects.get().version == 3


def test_two_visits_change_places_with_others_without_deadlock() -> None:
    where = arena()
    actor = Actor(where.organisation, NOW, system="test")
    ids = [
        book_visit(
            actor, BookingRequest(where.location, where.types[0], FIRST + timedelta(hours=n), where.patient)
        ).id
        for n in range(4)
    ]

    def go(n: int) -> Callable[[], object]:
        def calls() -> object:
            version = 1
            for k in range(4):
                version = move_visit(actor, ids[n], version, FIRST + timedelta(hours=10 + 4 * k + n)).version
            return version

        return calls

    assert at_once(*[go(n) for n in range(4)]) == [5] * 4
    assert overlaps(where) == 0


def test_the_seats_of_a_group_are_counted_once() -> None:
    where = arena()
    VisitType.objects.filter(pk=where.types[0]).update(seats=3)
    actor = Actor(where.organisation, NOW, system="test")
    people = [
        Patient.objects.create(organisation_id=where.organisation, given_name="P", created_at=NOW).pk
        for _ in range(8)
    ]
    request = BookingRequest(where.location, where.types[0], FIRST)
    calls = [
        lambda one=one: book_visit(actor, replace(request, patient_id=one)).status  # type: ignore[misc]
        for one in people
    ]
    assert Counter(at_once(*calls)) == {"booked": 3, "group-full": 5}
    assert Visit.objects.filter(group=None).count() == 1
    assert overlaps(where) == 0


def test_a_patient_who_may_hold_one_visit_gets_one() -> None:
    clinic = small_clinic()
    VisitType.objects.filter(pk=clinic.check_up.pk).update(most_open=1)
    own = Actor(
        clinic.organisation.pk, NOW, grants=(Grant("patient"),), patient_ids=frozenset([clinic.patient.pk])
    )
    request = BookingRequest(
        clinic.location.pk, clinic.check_up.pk, NOW + timedelta(hours=3), clinic.patient.pk, patient_side=True
    )
    calls = [
        lambda n=n: book_visit(own, replace(request, starts_at=NOW + timedelta(hours=n))).status  # type: ignore[misc]
        for n in (3, 4, 5, 6)
    ]
    assert Counter(at_once(*calls)) == {"booked": 1, "most-open": 3}


@pytest.mark.parametrize("mode", ["master", "beside"])
def test_case_62_one_of_a_group_claims(mode: str) -> None:
    clinic = small_clinic(mode=mode)
    gap = full_then_gap(clinic)
    for one in patients(clinic, 3):
        joined(clinic, one)
    tokens = [token_of(one.id) for one in offer_gap(clinic.actor, gap, LINK)]
    answers = at_once(*[lambda token=token: claim_offer(token, NOW).status for token in tokens * 2])  # type: ignore[misc]
    # The winner clicked twice.
    assert Counter(answers) == {"claimed": 2, "taken": 4}
    assert Visit.objects.filter(channel="waitlist", patient__isnull=False).count() == 1
    assert (
        date(2026, 3, 3)
        == Visit.objects.get(patient__isnull=False, status__in=("booked", "pending")).starts_at.date()
    )
