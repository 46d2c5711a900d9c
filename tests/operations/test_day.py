"""A visit's day: its steps and the way back, the board, the schedule."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from tests.clinic import NOW, Clinic, small_clinic

from carewheel.practice.access import Conflict, Forbidden, Refused
from carewheel.practice.models import Closure, Leave, Occupancy
from carewheel.spokes.operations.commands_booking import book_visit, cancel_visit, hold_slot
from carewheel.spokes.operations.commands_day import mark_visit
from carewheel.spokes.operations.contracts_booking import BookingRequest, VisitDetail
from carewheel.spokes.operations.models import OutboundChange
from carewheel.spokes.operations.queries_booking import moment_at, schedule
from carewheel.spokes.operations.queries_day import board

NINE = datetime(2026, 3, 2, 14, 0, tzinfo=UTC)  # Monday, 9:00 in New York
DAY = date(2026, 3, 2)


@pytest.fixture(params=["master", "beside"])
def clinic(db: None, request: pytest.FixtureRequest) -> Clinic:
    return small_clinic(mode=request.param)


def booked(clinic: Clinic, at: datetime = NINE) -> VisitDetail:
    ada = (clinic.practitioner.pk,)
    return book_visit(
        clinic.actor,
        BookingRequest(clinic.location.pk, clinic.check_up.pk, at, clinic.patient.pk, resource_ids=ada),
    )


def test_the_steps_of_a_day_and_the_way_back(clinic: Clinic) -> None:
    made = booked(clinic)
    staff = clinic.as_role("clinician")
    one = made
    for n, (step, status, lane) in enumerate(
        (
            ("arrived", "arrived", "arrived"),
            ("roomed", "checked-in", "roomed"),
            ("with-clinician", "checked-in", "with-clinician"),
            ("done", "fulfilled", "done"),
        )
    ):
        at = NINE + timedelta(minutes=10 * n)
        one = mark_visit(replace(staff, at=at), made.id, n + 1, step)
        assert (one.status, one.version) == (status, n + 2)
        assert board(clinic.actor, clinic.location.pk, DAY).cards[0].lane == lane
    assert (one.arrived_at, one.done_at) == (NINE, NINE + timedelta(minutes=30))
    with pytest.raises(Refused) as refusal:
        mark_visit(staff, made.id, 5, "arrived")
    assert refusal.value.code == "wrong-step"
    for n, status in enumerate(("checked-in", "checked-in", "arrived", "booked")):
        one = mark_visit(staff, made.id, 5 + n, "undo")
        assert one.status == status
    assert (one.arrived_at, one.done_at) == (None, None)
    with pytest.raises(Refused):
        mark_visit(staff, made.id, 9, "undo")
    with pytest.raises(Conflict):
        mark_visit(staff, made.id, 1, "arrived")
    with pytest.raises(Forbidden):
        mark_visit(clinic.as_role("biller"), made.id, 9, "arrived")


def test_a_step_may_be_left_out(clinic: Clinic) -> None:
    made = booked(clinic)
    done = mark_visit(replace(clinic.actor, at=NINE + timedelta(minutes=20)), made.id, 1, "done")
    assert (done.status, done.arrived_at) == ("fulfilled", None)
    assert mark_visit(clinic.actor, made.id, 2, "undo").status == "booked"


def test_nobody_arrives_for_a_visit_of_another_day(clinic: Clinic) -> None:
    made = booked(clinic)
    with pytest.raises(Refused) as refusal:
        mark_visit(replace(clinic.actor, at=NINE - timedelta(days=1)), made.id, 1, "arrived")
    assert refusal.value.code == "too-early"
    assert (
        mark_visit(replace(clinic.actor, at=NINE - timedelta(hours=1)), made.id, 1, "arrived").status
        == "arrived"
    )


def test_who_did_not_come_gives_the_rest_back_and_may_come_after_all(clinic: Clinic) -> None:
    made = booked(clinic)
    with pytest.raises(Refused) as refusal:
        mark_visit(clinic.actor, made.id, 1, "noshow")
    assert refusal.value.code == "too-early"
    late = replace(clinic.actor, at=NINE + timedelta(minutes=15))
    gone = mark_visit(late, made.id, 1, "noshow")
    assert {one.ends_at for one in gone.occupied} == {late.at}
    back = mark_visit(late, made.id, 2, "undo")
    assert {one.ends_at for one in back.occupied} == {made.ends_at}
    mark_visit(late, made.id, 3, "noshow")
    booked(clinic, NINE + timedelta(minutes=15))
    with pytest.raises(Conflict):
        mark_visit(late, made.id, 4, "undo")
    if clinic.location.mode == "beside":
        assert [one.event for one in OutboundChange.objects.order_by("pk")] == [
            "S12",
            "S26",
            "S14",
            "S26",
            "S12",
        ]


def test_the_board_says_who_waits_and_how_late_it_runs(clinic: Clinic) -> None:
    first, second, third = (booked(clinic, NINE + timedelta(minutes=30 * n)) for n in range(3))
    cancel_visit(clinic.actor, third.id, 1, "")
    mark_visit(replace(clinic.actor, at=NINE), second.id, 1, "arrived")
    begun = replace(clinic.actor, at=NINE + timedelta(minutes=20))
    before = board(begun, clinic.location.pk, DAY)
    mark_visit(begun, first.id, 1, "with-clinician")
    shown = board(replace(clinic.actor, at=NINE + timedelta(minutes=25)), clinic.location.pk, DAY)
    assert shown.changed > before.changed
    assert [(card.lane, card.waiting_minutes, card.late_minutes) for card in shown.cards] == [
        ("with-clinician", None, 20),
        ("arrived", 25, 20),
    ]
    assert shown.cards[1].foreseen_at == NINE + timedelta(minutes=50)


def test_the_schedule_shows_who_is_there_and_what_is_booked(clinic: Clinic) -> None:
    made = booked(clinic)
    Leave.objects.create(
        resource=clinic.practitioner, starts_at=NINE + timedelta(hours=3), ends_at=NINE + timedelta(hours=4)
    )
    Closure.objects.create(location=clinic.location, date=date(2026, 3, 3), name="Founders' day")
    shown = schedule(clinic.actor, clinic.location.pk, DAY, 2)
    assert [one.id for one in shown.visits] == [made.id]
    assert shown.closed == ((date(2026, 3, 3), "Founders' day"),)
    ada = shown.columns[0]
    assert (ada.name, len(shown.columns)) == ("Dr Ada Example", 4)
    assert [(a.isoformat()[11:16], b.isoformat()[11:16]) for a, b in ada.open] == [
        ("08:00", "12:00"),
        ("13:00", "17:00"),
    ]
    hold_slot(
        clinic.actor,
        BookingRequest(clinic.location.pk, clinic.check_up.pk, NINE + timedelta(hours=1)),
    )
    assert len(schedule(clinic.actor, clinic.location.pk, DAY, 1).visits) == 2
    later = clinic.as_role("owner", at=NOW + timedelta(minutes=11))
    assert len(schedule(later, clinic.location.pk, DAY, 1).visits) == 1
    assert Occupancy.objects.count() == 4


def test_a_local_time_is_a_moment_or_none(clinic: Clinic) -> None:
    spot = clinic.location.pk
    with pytest.raises(Refused) as refusal:
        moment_at(clinic.actor, spot, datetime(2026, 3, 8, 2, 30))
    assert refusal.value.code == "no-such-time"
    twice = datetime(2026, 11, 1, 1, 30)
    first, second = (moment_at(clinic.actor, spot, twice.replace(fold=fold)) for fold in (0, 1))
    assert second.astimezone(UTC) - first.astimezone(UTC) == timedelta(hours=1)
