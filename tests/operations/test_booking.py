"""Booking, moving, cancelling, holding: what is taken, what is refused and why; in both modes of a location."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta

import pytest
from django.db import IntegrityError, transaction
from tests.clinic import NOW, Clinic, small_clinic

from carewheel.practice.access import Actor, Conflict, Forbidden, Grant, NotFound, Refused
from carewheel.practice.models import (
    Answered,
    AuditEvent,
    Leave,
    Occupancy,
    PendingFact,
    Visit,
    VisitType,
)
from carewheel.spokes.operations.commands_booking import (
    book_series,
    book_visit,
    cancel_visit,
    confirm_visit,
    expire_holds,
    hold_slot,
    move_visit,
    release_hold,
)
from carewheel.spokes.operations.contracts_booking import BookingRequest, SlotQuestion, VisitDetail
from carewheel.spokes.operations.models import Gap, OutboundChange
from carewheel.spokes.operations.queries_booking import free_slots, schedule, visit, visits_of

TEN = datetime(2026, 3, 3, 15, 0, tzinfo=UTC)  # Tuesday, 10:00 in New York


@pytest.fixture(params=["master", "beside"])
def clinic(db: None, request: pytest.FixtureRequest) -> Clinic:
    return small_clinic(mode=request.param)


def asked(clinic: Clinic, at: datetime = TEN, **other: object) -> BookingRequest:
    return replace(
        BookingRequest(clinic.location.pk, clinic.check_up.pk, at, clinic.patient.pk),
        **other,  # type: ignore[arg-type]
    )


def code_of(refusal: pytest.ExceptionInfo[Refused]) -> str:
    return refusal.value.code


def names(detail: VisitDetail) -> list[str]:
    return [one.resource_name for one in detail.occupied]


def test_a_visit_is_booked_with_what_it_needs(clinic: Clinic) -> None:
    made = book_visit(clinic.actor, asked(clinic))
    assert (made.status, made.version, names(made)) == ("booked", 1, ["Dr Ada Example", "Chair 1"])
    assert made.starts_at.isoformat() == "2026-03-03T10:00:00-05:00"
    assert visit(clinic.actor, made.id) == made
    line = visits_of(clinic.actor, clinic.patient.pk)[0]
    assert (line.id, line.status, line.starts_at, line.visit_type) == (
        made.id,
        made.status,
        made.starts_at,
        made.visit_type,
    )
    assert AuditEvent.objects.get(action="book").subject_id == str(made.id)
    if clinic.location.mode == "master":
        assert [f.table for f in PendingFact.objects.order_by("pk")] == ["appointment", "visit_event"]
        assert not OutboundChange.objects.exists()
    else:
        # The export of the practice system will tell these facts; telling them twice would count the visit twice.
        assert not PendingFact.objects.exists()
        change = OutboundChange.objects.get()
        assert (change.event, change.state, made.request_state) == ("S12", "open", "open")
        assert "SIU^S12^SIU_S12" in change.message
        assert f"CW{made.id}" in change.message


def test_the_third_at_one_time_is_refused(clinic: Clinic) -> None:
    first, second = (book_visit(clinic.actor, asked(clinic)) for _ in range(2))
    assert names(first) + names(second) == ["Dr Ada Example", "Chair 1", "Dr Ben Example", "Chair 2"]
    with pytest.raises(Conflict) as refusal:
        book_visit(clinic.actor, asked(clinic, TEN + timedelta(minutes=15)))
    assert code_of(refusal) == "slot-taken"
    assert Visit.objects.count() == 2


def test_a_practitioner_who_is_needed_for_a_part_serves_two_chairs(clinic: Clinic) -> None:
    ada = (clinic.practitioner.pk,)
    long = asked(clinic, visit_type_id=clinic.long_visit.pk, resource_ids=ada)
    book_visit(clinic.actor, long)
    made = book_visit(clinic.actor, replace(long, starts_at=TEN + timedelta(minutes=20)))
    assert names(made) == ["Dr Ada Example", "Chair 2"]
    with pytest.raises(Conflict):
        book_visit(clinic.actor, replace(long, starts_at=TEN + timedelta(minutes=5)))


@pytest.mark.parametrize(
    ("local", "code"),
    [("07:30", "closed"), ("16:45", "closed"), ("12:00", "on-leave"), ("13:30", "outside-hours")],
)
def test_hours_and_leave_stand_against_it(clinic: Clinic, local: str, code: str) -> None:
    for doctor in (clinic.practitioner, clinic.other_practitioner):
        doctor.working_hours.filter(weekday=1).update(ends=time(13, 30))
        Leave.objects.create(
            resource=doctor, starts_at=TEN + timedelta(hours=2), ends_at=TEN + timedelta(hours=2.5)
        )
    hour, minute = map(int, local.split(":"))
    at = datetime(2026, 3, 3, hour + 5, minute, tzinfo=UTC)
    with pytest.raises(Refused) as refusal:
        book_visit(clinic.actor, asked(clinic, at))
    assert code_of(refusal) == code
    made = book_visit(clinic.as_role("front_desk"), asked(clinic, at, override_reason="her only free hour"))
    assert made.override_reason == "her only free hour"
    assert not any(one.overbooks for one in made.occupied)
    trail = AuditEvent.objects.get(action="book")
    assert trail.reason == "her only free hour"
    assert code in trail.detail["overridden"]


def test_overriding_needs_the_permission_and_is_marked(clinic: Clinic) -> None:
    both = (clinic.practitioner.pk, clinic.chair.pk)
    book_visit(clinic.actor, asked(clinic, resource_ids=both))
    once_more = asked(clinic, resource_ids=both, override_reason="in pain")
    with pytest.raises(Forbidden):
        book_visit(
            Actor(clinic.organisation.pk, NOW, patient_ids=frozenset([clinic.patient.pk])),
            replace(once_more, patient_side=True),
        )
    with pytest.raises(Forbidden):
        book_visit(clinic.as_role("clinician"), once_more)
    made = book_visit(clinic.actor, once_more)
    assert [one.overbooks for one in made.occupied] == [True, True]
    # Who overbooks is in nobody's way, and nobody comes between by chance.
    with pytest.raises(Conflict):
        book_visit(clinic.actor, asked(clinic, TEN + timedelta(minutes=15), resource_ids=both))


def test_case_69_the_same_key_gets_the_same_answer(clinic: Clinic) -> None:
    request = asked(clinic, key="k1")
    first = book_visit(clinic.actor, request)
    assert book_visit(clinic.actor, request) == first
    assert (Visit.objects.count(), Answered.objects.count()) == (1, 1)
    with pytest.raises(Conflict) as refusal:
        book_visit(clinic.actor, replace(request, starts_at=TEN + timedelta(hours=1)))
    assert code_of(refusal) == "key-reused"


def test_case_69_a_refused_request_leaves_its_key_free(clinic: Clinic) -> None:
    closed = asked(clinic, TEN + timedelta(hours=10), key="k1")
    with pytest.raises(Refused):
        book_visit(clinic.actor, closed)
    assert book_visit(clinic.actor, replace(closed, starts_at=TEN)).status == "booked"


def test_moving_keeps_the_person_and_frees_the_old_time(clinic: Clinic) -> None:
    ada = (clinic.practitioner.pk,)
    made = book_visit(clinic.actor, asked(clinic, resource_ids=ada))
    # Onto its own old time.
    moved = move_visit(clinic.actor, made.id, made.version, TEN + timedelta(minutes=15))
    assert (names(moved), moved.version) == (["Dr Ada Example", "Chair 1"], 2)
    with pytest.raises(Conflict) as refusal:
        move_visit(clinic.actor, made.id, made.version, TEN)
    assert code_of(refusal) == "changed-since"
    assert not Gap.objects.exists()
    moved = move_visit(clinic.actor, made.id, 2, TEN + timedelta(days=1))
    assert Gap.objects.get().starts_at == TEN + timedelta(minutes=15)
    book_visit(clinic.actor, asked(clinic, resource_ids=ada))
    with pytest.raises(Conflict):
        move_visit(clinic.actor, made.id, moved.version, TEN)
    if clinic.location.mode == "beside":
        assert [one.event for one in OutboundChange.objects.order_by("pk")] == ["S12", "S13", "S13", "S12"]


def test_a_visit_is_made_longer_and_handed_over(clinic: Clinic) -> None:
    made = book_visit(clinic.actor, asked(clinic, resource_ids=(clinic.practitioner.pk,)))
    longer = move_visit(clinic.actor, made.id, 1, TEN, minutes=60)
    assert longer.ends_at - longer.starts_at == timedelta(hours=1)
    assert {one.ends_at for one in longer.occupied} == {longer.ends_at}
    other = move_visit(clinic.actor, made.id, 2, TEN, resource_ids=(clinic.other_practitioner.pk,))
    assert names(other) == ["Dr Ben Example", "Chair 1"]
    assert other.ends_at == longer.ends_at


def test_cancelling_is_never_refused_but_may_be_late(clinic: Clinic) -> None:
    clinic.check_up.online = VisitType.Online.HIDDEN
    clinic.check_up.save()
    own = Actor(
        clinic.organisation.pk,
        TEN - timedelta(hours=2),
        (Grant("patient"),),
        patient_ids=frozenset([clinic.patient.pk]),
    )  # type: ignore[arg-type]
    own = replace(own, user_id=None, grants=(Grant("patient"),))
    made = book_visit(clinic.actor, asked(clinic))
    gone = cancel_visit(own, made.id, made.version, "ill")
    assert (gone.status, gone.late_cancel, gone.cancel_reason) == ("cancelled", True, "ill")
    assert not Occupancy.objects.exists()
    assert cancel_visit(own, made.id, made.version, "ill") == gone
    assert Gap.objects.get().from_visit_id == made.id
    with pytest.raises(NotFound):
        cancel_visit(replace(own, patient_ids=frozenset([clinic.other_patient.pk])), made.id, 1, "")


def test_case_66_a_hold_keeps_the_time_until_it_runs_out(clinic: Clinic) -> None:
    everything = (clinic.practitioner.pk, clinic.chair.pk)
    held = hold_slot(clinic.actor, asked(clinic, patient_id=None, resource_ids=everything))
    assert (held.status, held.hold_until) == ("proposed", NOW + timedelta(minutes=10))
    with pytest.raises(Conflict):
        book_visit(clinic.actor, asked(clinic, resource_ids=everything))
    made = book_visit(clinic.actor, asked(clinic, hold_id=held.id, key="k"))
    assert (made.id, made.status, names(made)) == (held.id, "booked", names(held))
    second = hold_slot(
        clinic.actor, asked(clinic, TEN + timedelta(hours=1), patient_id=None, resource_ids=everything)
    )
    later = clinic.as_role("owner", at=NOW + timedelta(minutes=10))
    with pytest.raises(Conflict) as refusal:
        book_visit(later, asked(clinic, second.starts_at, hold_id=second.id))
    assert code_of(refusal) == "hold-expired"
    # Whoever comes first takes it, without waiting for a job.
    book_visit(later, asked(clinic, second.starts_at, resource_ids=everything))
    assert expire_holds(later) == 1
    assert visit(later, second.id).status == "cancelled"
    third = hold_slot(later, asked(clinic, TEN + timedelta(hours=2), patient_id=None))
    release_hold(later, third.id)
    release_hold(later, third.id)
    assert not Occupancy.objects.filter(visit=third.id).exists()
    assert not Gap.objects.exists()


def test_a_series_is_booked_whole_or_not_at_all(clinic: Clinic) -> None:
    weekly = [asked(clinic, TEN + timedelta(weeks=n), key="s" if n == 0 else "") for n in range(4)]
    made = book_series(clinic.actor, weekly, "Physiotherapy")
    assert len({one.series_id for one in made}) == 1
    assert book_series(clinic.actor, weekly, "Physiotherapy") == made
    with pytest.raises(Refused):
        book_series(
            clinic.actor,
            [asked(clinic, TEN + timedelta(weeks=5)), asked(clinic, TEN + timedelta(hours=9))],
            "Not so",
        )
    assert Visit.objects.count() == 4


def test_the_seats_of_a_group_are_shared_and_counted(clinic: Clinic) -> None:
    clinic.check_up.seats = 2
    clinic.check_up.save()
    first = book_visit(clinic.actor, asked(clinic))
    second = book_visit(clinic.actor, asked(clinic, patient_id=clinic.other_patient.pk))
    assert names(first) == names(second)
    assert Occupancy.objects.count() == 2
    third = book_visit(clinic.actor, asked(clinic))  # the other practitioner's group
    assert names(third) == ["Dr Ben Example", "Chair 2"]
    book_visit(clinic.actor, asked(clinic))
    with pytest.raises(Conflict) as refusal:
        book_visit(clinic.actor, asked(clinic))
    assert code_of(refusal) == "group-full"
    shown = schedule(clinic.actor, clinic.location.pk, date(2026, 3, 3), 1).visits
    assert [one.patient_name for one in shown] == ["Group: 2 of 2", "Group: 2 of 2"]
    cancel_visit(clinic.actor, first.id, 1, "")
    moved = move_visit(clinic.actor, second.id, 1, TEN + timedelta(hours=1))
    assert names(moved) == ["Dr Ada Example", "Chair 1"]
    assert Occupancy.objects.filter(starts_at=TEN).count() == 2


def test_a_group_of_held_seats_gives_its_time_back_when_they_run_out(clinic: Clinic) -> None:
    clinic.check_up.seats = 3
    clinic.check_up.save()
    both = (clinic.practitioner.pk, clinic.chair.pk)
    seat, other = (
        asked(clinic, resource_ids=both),
        BookingRequest(clinic.location.pk, clinic.long_visit.pk, TEN, clinic.other_patient.pk, both),
    )
    later, last = (replace(clinic.actor, at=NOW + timedelta(minutes=n)) for n in (11, 31))

    def free(actor: Actor) -> bool:
        slot = SlotQuestion(clinic.long_visit.pk, TEN, TEN, resource_ids=both)
        return len(free_slots(actor, slot)) == 1

    held = hold_slot(clinic.actor, replace(seat, patient_id=None))
    hold_slot(clinic.actor, replace(seat, patient_id=None), minutes=30)
    # As long as one of the seats is held, and nobody has to lapse the others first.
    assert (free(clinic.actor), free(later), free(last)) == (False, False, True)
    with pytest.raises(Conflict):
        book_visit(later, other)
    booked = book_visit(clinic.actor, replace(seat, hold_id=held.id))
    assert not free(last), "somebody is in it now"
    cancel_visit(clinic.actor, booked.id, booked.version, "")
    assert (free(later), free(last)) == (False, True)
    assert names(book_visit(last, other)) == ["Dr Ada Example", "Chair 1"]
    assert expire_holds(last) == 1
    assert set(Visit.objects.filter(visit_type=clinic.check_up).values_list("status", flat=True)) == {
        "cancelled"
    }
    assert expire_holds(last) == 0


def test_patients_book_under_the_rules(clinic: Clinic) -> None:
    own = Actor(
        clinic.organisation.pk, NOW, grants=(Grant("patient"),), patient_ids=frozenset([clinic.patient.pk])
    )
    mine = asked(clinic, patient_side=True)

    def refused(**other: object) -> str:
        with pytest.raises(Refused) as refusal:
            book_visit(own, replace(mine, **other))  # type: ignore[arg-type]
        return code_of(refusal)

    assert refused(patient_side=False) == "forbidden"
    assert refused(patient_id=clinic.other_patient.pk) == "forbidden"
    assert refused(starts_at=NOW + timedelta(minutes=60)) == "too-soon"
    assert refused(starts_at=TEN + timedelta(days=91)) == "too-far"
    assert refused(starts_at=TEN + timedelta(minutes=5)) == "bad-time"
    made = book_visit(own, mine)
    assert made.status == ("booked" if clinic.location.mode == "master" else "pending")
    book_visit(own, replace(mine, starts_at=TEN + timedelta(days=1)))
    assert refused(starts_at=TEN + timedelta(days=2)) == "most-open"
    for online, code in (("view", "not-online"), ("hidden", "not-online")):
        VisitType.objects.filter(pk=clinic.check_up.pk).update(online=online)
        assert refused(starts_at=TEN + timedelta(days=2)) == code
    VisitType.objects.filter(pk=clinic.check_up.pk).update(
        online="request", for_new_patients=False, most_open=9
    )
    assert refused(starts_at=TEN + timedelta(days=2)) == "not-for-new-patients"
    VisitType.objects.filter(pk=clinic.check_up.pk).update(for_new_patients=True)
    pending = book_visit(own, replace(mine, starts_at=TEN + timedelta(days=2)))
    assert pending.status == "pending"
    with pytest.raises(Forbidden):
        confirm_visit(clinic.as_role("clinician"), pending.id, 1)
    assert confirm_visit(clinic.actor, pending.id, 1).status == "booked"
    late = replace(own, at=TEN - timedelta(hours=3))
    with pytest.raises(Refused) as refusal:
        move_visit(late, made.id, 1, TEN + timedelta(days=7))
    assert code_of(refusal) == "too-late"
    assert move_visit(own, made.id, 1, TEN + timedelta(days=7)).version == 2


def test_another_organisation_sees_nothing(clinic: Clinic) -> None:
    stranger = small_clinic("Hillside")
    made = book_visit(clinic.actor, asked(clinic))
    for call in (
        lambda: visit(stranger.actor, made.id),
        lambda: cancel_visit(stranger.actor, made.id, 1, ""),
        lambda: move_visit(stranger.actor, made.id, 1, TEN),
        lambda: book_visit(stranger.actor, asked(clinic)),
        lambda: book_visit(stranger.actor, asked(stranger, patient_id=clinic.patient.pk)),
        lambda: book_visit(stranger.actor, asked(stranger, resource_ids=(clinic.chair.pk,))),
        lambda: schedule(stranger.actor, clinic.location.pk, date(2026, 3, 3), 1),
        lambda: visits_of(stranger.actor, clinic.patient.pk),
    ):
        with pytest.raises(NotFound):
            call()


def test_a_role_at_another_place_does_not_reach_here(clinic: Clinic) -> None:
    elsewhere = Actor(clinic.organisation.pk, NOW, grants=(Grant("owner", clinic.location.pk + 1),))
    with pytest.raises(Forbidden):
        book_visit(elsewhere, asked(clinic))
    made = book_visit(clinic.actor, asked(clinic))
    with pytest.raises(NotFound):
        visit(elsewhere, made.id)


def test_imported_visits_are_not_booked_over(clinic: Clinic) -> None:
    imported = Visit.objects.create(
        organisation=clinic.organisation, location=clinic.location, patient=clinic.other_patient, status="booked",
        starts_at=TEN, ends_at=TEN + timedelta(minutes=45), source="export", source_id="A1",
    )  # fmt: skip
    for one in (clinic.practitioner, clinic.chair, clinic.other_chair):
        Occupancy.objects.create(
            visit=imported, resource=one, starts_at=TEN, ends_at=imported.ends_at, overbooks=True
        )
    with pytest.raises(Conflict):
        book_visit(clinic.actor, asked(clinic))
    assert book_visit(clinic.actor, asked(clinic, TEN + timedelta(minutes=45))).status == "booked"


@pytest.fixture(autouse=True)
def _sealed(db: None) -> Iterator[None]:
    yield
    from carewheel.practice.audit import verify

    assert verify().wrong_at is None


@pytest.mark.django_db
def test_the_database_refuses_overlap_of_any_age_and_length() -> None:
    """Rows beside, within, around and days long; whatever the program asked before."""
    clinic = small_clinic("Oaks")
    visit = Visit.objects.create(
        organisation=clinic.organisation, location=clinic.location, status="booked", starts_at=NOW, ends_at=NOW + timedelta(hours=1)
    )  # fmt: skip

    def row(start: float, end: float) -> None:
        with transaction.atomic():
            Occupancy.objects.create(
                visit=visit, resource=clinic.chair, starts_at=NOW + timedelta(hours=start), ends_at=NOW + timedelta(hours=end)
            )  # fmt: skip

    row(0, 150)
    row(-2, 0)
    row(150, 151)
    for start, end in ((149, 150.5), (1, 2), (-1, 151), (0, 150), (-3, -1)):
        with pytest.raises(IntegrityError, match="occupancy_no_overlap"):
            row(start, end)
