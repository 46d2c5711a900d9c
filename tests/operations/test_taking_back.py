"""A cancellation by mistake is taken back: without a trace at first, honestly later, never over somebody else."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from tests.clinic import NOW, Clinic, small_clinic

from carewheel.practice.access import Actor, Conflict, Forbidden, NotFound, Refused
from carewheel.practice.models import Location, Message, Occupancy, Visit
from carewheel.spokes.operations.commands_booking import book_visit, cancel_visit
from carewheel.spokes.operations.commands_taking_back import take_back_cancellation
from carewheel.spokes.operations.commands_waitlist import work_waitlist
from carewheel.spokes.operations.contracts_booking import BookingRequest, TakenBack
from carewheel.spokes.operations.models import Gap, OutboundChange

TEN = datetime(2026, 3, 3, 15, 0, tzinfo=UTC)  # Tuesday, 10:00 in New York


@pytest.fixture(params=["master", "beside"])
def clinic(db: None, request: pytest.FixtureRequest) -> Clinic:
    return small_clinic(mode=request.param)


@pytest.fixture
def asked(clinic: Clinic) -> BookingRequest:
    both = (clinic.other_practitioner.pk, clinic.other_chair.pk)
    return BookingRequest(clinic.location.pk, clinic.check_up.pk, TEN, clinic.patient.pk, both)


def later(clinic: Clinic, **words: float) -> Actor:
    return replace(clinic.actor, at=NOW + timedelta(**words))


def cancelled(clinic: Clinic, asked: BookingRequest) -> Callable[[Actor], TakenBack]:
    """Booked and cancelled; what is returned takes it back."""
    made = book_visit(clinic.actor, asked)
    Message.objects.update(status="sent")
    gone = cancel_visit(clinic.actor, made.id, made.version, "by mistake")
    return lambda actor: take_back_cancellation(
        actor, made.id, gone.version, status=made.status, resource_ids=asked.resource_ids
    )


def test_within_a_minute_nobody_notices(clinic: Clinic, asked: BookingRequest) -> None:
    back = cancelled(clinic, asked)
    # The cancellation waits for a minute, and nobody is asked whether they want the time.
    waiting = Message.objects.get(kind="cancellation")
    assert (waiting.status, waiting.due_at) == ("waiting", NOW + timedelta(minutes=1))
    assert Gap.objects.get().next_round_at == NOW + timedelta(minutes=1)
    found = back(later(clinic, seconds=30))
    assert not found.told
    assert (found.visit.status, found.visit.cancelled_at, found.visit.late_cancel) == ("booked", None, False)
    assert [one.resource_id for one in found.visit.occupied] == list(asked.resource_ids)
    assert Message.objects.get(kind="cancellation").status == "cancelled"
    assert Message.objects.filter(kind="confirmation").count() == 1, "the one of the booking"
    assert Gap.objects.get().status == "closed"
    assert work_waitlist(later(clinic, hours=1), "/offer/{token}") == 0
    if clinic.location.mode == Location.Mode.BESIDE:
        assert list(OutboundChange.objects.order_by("pk").values_list("event", "state")) == [
            ("S12", "open"), ("S15", "closed"), ("S12", "open")
        ]  # fmt: skip


def test_who_was_told_already_is_told_that_it_stands(clinic: Clinic, asked: BookingRequest) -> None:
    back = cancelled(clinic, asked)
    Message.objects.filter(kind="cancellation").update(status="sent")
    assert back(later(clinic, minutes=5)).told
    assert Message.objects.latest("pk").kind in ("confirmation", "reminder")
    assert Message.objects.filter(kind="confirmation", subject="Your visit stands", status="waiting").exists()


def test_nobody_else_loses_the_time_by_it(clinic: Clinic, asked: BookingRequest) -> None:
    back = cancelled(clinic, asked)
    book_visit(clinic.actor, replace(asked, patient_id=clinic.other_patient.pk))
    with pytest.raises(Conflict) as refusal:
        back(later(clinic, seconds=30))
    assert refusal.value.code == "slot-taken"
    assert Occupancy.objects.filter(overbooks=True).count() == 0
    assert Visit.objects.filter(status="cancelled").count() == 1
    assert Gap.objects.get().status == "open", "nothing of it happened"


def test_a_seat_of_a_group_is_taken_back(clinic: Clinic, asked: BookingRequest) -> None:
    clinic.check_up.seats = 3
    clinic.check_up.save()
    back = cancelled(clinic, asked)
    assert back(later(clinic, seconds=30)).visit.status == "booked"
    group = Visit.objects.get(group=None, status="booked")
    assert Visit.objects.get(patient=clinic.patient).group_id == group.pk
    assert group.occupancies.count() == 2


def test_it_is_taken_back_by_who_may_and_in_time(clinic: Clinic, asked: BookingRequest) -> None:
    back = cancelled(clinic, asked)
    for actor, refusal in (
        (later(clinic, minutes=11), Refused),
        (clinic.as_role("clinician"), Forbidden),
        (small_clinic("Hillside").actor, NotFound),
    ):
        with pytest.raises(refusal):
            back(actor)
    assert back(clinic.actor).visit.status == "booked"
    with pytest.raises(Conflict):
        back(clinic.actor)
