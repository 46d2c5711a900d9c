"""Free times: hours, leave, partial needs, clock changes, groups, the rules for patients, and calendars that follow the book."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta

import pytest
from django.db.models import F
from tests.clinic import NOW, Clinic, small_clinic

from carewheel.practice.access import Actor, Forbidden, Grant, Refused
from carewheel.practice.models import (
    Capability,
    Closure,
    Leave,
    Location,
    OpeningHours,
    VisitType,
    WorkingHours,
)
from carewheel.spokes.operations.calendars import as_they_are, books, window_of
from carewheel.spokes.operations.commands_booking import book_visit, cancel_visit, hold_slot, move_visit
from carewheel.spokes.operations.contracts_booking import BookingRequest, FreeSlot, SlotQuestion
from carewheel.spokes.operations.queries_booking import free_slots

DAY = date(2026, 3, 3)
MIDNIGHT = datetime(2026, 3, 3, 5, tzinfo=UTC)  # of Tuesday, in New York


@pytest.fixture
def clinic(db: None) -> Clinic:
    return small_clinic()


def on(
    clinic: Clinic, first: datetime = MIDNIGHT, hours: float = 24, **other: object
) -> tuple[FreeSlot, ...]:
    question = SlotQuestion(
        clinic.check_up.pk, first, first + timedelta(hours=hours) - timedelta(minutes=1), count=500
    )
    return free_slots(clinic.actor, replace(question, **other))  # type: ignore[arg-type]


def times(slots: tuple[FreeSlot, ...]) -> list[str]:
    return [one.starts_at.strftime("%H:%M") for one in slots]


def test_a_day_has_its_quarters_within_hours_leave_and_closures(clinic: Clinic) -> None:
    assert times(on(clinic))[:2] + times(on(clinic))[-1:] == ["08:00", "08:15", "16:30"]
    assert len(on(clinic)) == 35
    for doctor in (clinic.practitioner, clinic.other_practitioner):
        noon = datetime(2026, 3, 3, 17, tzinfo=UTC)
        Leave.objects.create(resource=doctor, starts_at=noon, ends_at=noon + timedelta(hours=1))
    _moved(clinic)
    assert len(on(clinic)) == 30
    Closure.objects.create(location=clinic.location, date=DAY, name="Founders' day")
    _moved(clinic)
    assert on(clinic) == ()


def test_hours_rotate_between_weeks_and_end_on_their_day(clinic: Clinic) -> None:
    WorkingHours.objects.all().delete()
    WorkingHours.objects.create(
        resource=clinic.practitioner, location=clinic.location, weekday=1, starts=time(9), ends=time(10),
        valid_from=DAY, valid_until=DAY + timedelta(weeks=4), every_weeks=2,
    )  # fmt: skip
    _moved(clinic)
    found = {one.starts_at.date() for one in on(clinic, hours=24 * 60)}
    assert found == {DAY, DAY + timedelta(weeks=2), DAY + timedelta(weeks=4)}


def test_needs_of_a_part_and_of_what_somebody_can(clinic: Clinic) -> None:
    kind = replace(SlotQuestion(clinic.long_visit.pk, MIDNIGHT), count=500)
    spanish = Capability.objects.create(organisation=clinic.organisation, name="Spanish")
    need = clinic.long_visit.needs.get(kind="practitioner")
    need.capabilities.add(spanish)
    assert free_slots(clinic.actor, replace(kind, latest=MIDNIGHT + timedelta(days=1))) == ()
    clinic.other_practitioner.capabilities.add(spanish)
    _moved(clinic)
    found = free_slots(clinic.actor, replace(kind, latest=MIDNIGHT + timedelta(days=1)))
    assert {one.resource_ids[0] for one in found} == {clinic.other_practitioner.pk}
    # Ben is needed from 20 to 40 of 60 minutes: at 10:15 he is taken while a visit of half an hour at 10:30 lasts.
    ben = (clinic.other_practitioner.pk,)
    ten = datetime(2026, 3, 3, 15, 30, tzinfo=UTC)
    book_visit(
        clinic.actor, BookingRequest(clinic.location.pk, clinic.check_up.pk, ten, clinic.patient.pk, ben)
    )
    left = times(free_slots(clinic.actor, replace(kind, latest=MIDNIGHT + timedelta(days=1))))
    assert {"09:45", "10:45"} <= set(left)
    assert not {"10:00", "10:15", "10:30"} & set(left)


@pytest.mark.parametrize(
    ("day", "count"), [(date(2026, 3, 7), 24), (date(2026, 3, 8), 20), (date(2026, 11, 1), 28)]
)
def test_case_64_a_night_of_a_clock_change_has_as_many_quarters_as_it_lasts(
    clinic: Clinic, day: date, count: int
) -> None:
    clinic.check_up.minutes = 15
    clinic.check_up.save()
    clinic.check_up.needs.update(to_minute=15)
    for model, of in ((OpeningHours, {}), (WorkingHours, {"resource": clinic.practitioner})):
        begin, end = ("opens", "closes") if model is OpeningHours else ("starts", "ends")
        model.objects.create(
            location=clinic.location, weekday=day.weekday(), **{begin: time(0), end: time(6)}, **of
        )
    _moved(clinic)
    first = datetime(day.year, day.month, day.day, 4 if day.month == 11 else 5, tzinfo=UTC)
    found = on(clinic, first, hours=12)
    moments = [one.starts_at.astimezone(UTC) for one in found]
    assert len(moments) == len(set(moments)) == count
    assert moments == [first + timedelta(minutes=15 * n) for n in range(count)]
    shown = times(found)
    assert shown.count("02:15") == (0 if day == date(2026, 3, 8) else 1)
    assert shown.count("01:15") == (2 if day == date(2026, 11, 1) else 1)
    # Each of them can be booked, and is not offered again.
    for one in found:
        ada = (clinic.practitioner.pk,)
        book_visit(
            clinic.actor,
            BookingRequest(clinic.location.pk, clinic.check_up.pk, one.starts_at, clinic.patient.pk, ada),
        )
    assert on(clinic, first, hours=12) == ()


def test_wishes_for_days_times_and_people(clinic: Clinic) -> None:
    found = on(clinic, hours=24 * 7, weekdays=(3,), between=(time(9), time(10)))
    assert [one.starts_at.strftime("%a %H:%M") for one in found] == ["Thu 09:00", "Thu 09:15", "Thu 09:30"]
    both = (clinic.other_practitioner.pk, clinic.other_chair.pk)
    assert {one.resource_ids for one in on(clinic, resource_ids=both)} == {both}


def test_calendars_follow_the_book_and_each_place_has_its_own(clinic: Clinic) -> None:
    both = (clinic.practitioner.pk, clinic.chair.pk)
    elsewhere = Location.objects.create(
        organisation=clinic.organisation, name="Hill", slug="hill", zone="America/Los_Angeles"
    )
    before = len(on(clinic, resource_ids=both))
    request = BookingRequest(
        clinic.location.pk, clinic.check_up.pk, MIDNIGHT + timedelta(hours=10), clinic.patient.pk, both
    )
    made = book_visit(clinic.actor, request)
    assert len(on(clinic, resource_ids=both)) == before - 3
    moved = move_visit(clinic.actor, made.id, 1, MIDNIGHT + timedelta(hours=8))
    assert len(on(clinic, resource_ids=both)) == before - 2
    cancel_visit(clinic.actor, made.id, moved.version, "")
    assert len(on(clinic, resource_ids=both)) == before
    hold_slot(clinic.actor, replace(request, patient_id=None))
    assert len(on(clinic, resource_ids=both)) == before - 3
    later = clinic.as_role("owner", at=NOW + timedelta(minutes=10))
    question = SlotQuestion(
        clinic.check_up.pk, MIDNIGHT, MIDNIGHT + timedelta(days=1), resource_ids=both, count=500
    )
    assert len(free_slots(later, question)) == before
    # Ada works on the hill as well: what she has there is taken here.
    WorkingHours.objects.create(
        resource=clinic.practitioner, location=elsewhere, weekday=1, starts=time(5), ends=time(17)
    )
    OpeningHours.objects.create(location=elsewhere, weekday=1, opens=time(5), closes=time(17))
    talk = VisitType.objects.create(organisation=clinic.organisation, name="Talk", minutes=30)
    talk.needs.create(kind="practitioner", to_minute=30)
    ada = (clinic.practitioner.pk,)
    _moved(clinic)
    at_noon = MIDNIGHT + timedelta(hours=12)
    book_visit(clinic.actor, BookingRequest(elsewhere.pk, talk.pk, at_noon, clinic.patient.pk, ada))
    assert len(on(clinic, resource_ids=both)) == before - 6
    shown = free_slots(clinic.actor, SlotQuestion(talk.pk, MIDNIGHT, resource_ids=ada, count=4))
    assert [one.location_id for one in shown] == [clinic.location.pk, elsewhere.pk] * 2
    assert shown[0].starts_at == shown[1].starts_at
    assert shown[1].starts_at.hour == 5
    here = Actor(clinic.organisation.pk, NOW, grants=(Grant("front_desk", clinic.location.pk),))
    assert {one.location_id for one in free_slots(here, SlotQuestion(talk.pk, MIDNIGHT, count=4))} == {
        clinic.location.pk
    }
    with pytest.raises(Forbidden):
        free_slots(clinic.as_role("auditor"), SlotQuestion(talk.pk, MIDNIGHT))


def test_a_booking_has_only_its_resources_read_anew(clinic: Clinic) -> None:
    window = window_of(MIDNIGHT)
    place = (clinic.location.pk,)
    [book] = books(as_they_are(clinic.organisation.pk, place), window, NOW)
    both = (clinic.practitioner.pk, clinic.chair.pk)
    free = dict(book.calendar.free)
    book_visit(
        clinic.actor,
        BookingRequest(
            clinic.location.pk, clinic.check_up.pk, MIDNIGHT + timedelta(hours=10), clinic.patient.pk, both
        ),
    )
    [again] = books(as_they_are(clinic.organisation.pk, place), window, NOW)
    assert again is book
    assert {name for name in free if book.calendar.free[name] is not free[name]} == set(map(str, both))


def test_patients_see_what_they_may_book(clinic: Clinic) -> None:
    own = Actor(
        clinic.organisation.pk, NOW, grants=(Grant("patient"),), patient_ids=frozenset([clinic.patient.pk])
    )
    question = SlotQuestion(clinic.check_up.pk, NOW, patient_side=True, new_patient=True)
    assert free_slots(own, question)[0].starts_at == NOW + timedelta(hours=2)
    far = replace(question, earliest=NOW + timedelta(days=85), latest=NOW + timedelta(days=300), count=500)
    assert max(one.starts_at for one in free_slots(own, far)) <= NOW + timedelta(days=90)
    with pytest.raises(Forbidden):
        free_slots(own, replace(question, patient_side=False))
    for online, known_only, code in (("hidden", True, "not-online"), ("view", False, "not-for-new-patients")):
        VisitType.objects.filter(pk=clinic.check_up.pk).update(online=online, for_new_patients=known_only)
        with pytest.raises(Refused) as refusal:
            free_slots(own, question)
        assert refusal.value.code == code


def test_groups_with_a_seat_left_are_offered(clinic: Clinic) -> None:
    clinic.check_up.seats = 2
    clinic.check_up.save()
    both = (clinic.practitioner.pk, clinic.chair.pk)
    at = MIDNIGHT + timedelta(hours=10)
    request = BookingRequest(clinic.location.pk, clinic.check_up.pk, at, clinic.patient.pk, both)
    book_visit(clinic.actor, request)
    assert times(on(clinic, resource_ids=both)).count("10:00") == 1
    book_visit(clinic.actor, replace(request, patient_id=clinic.other_patient.pk))
    assert times(on(clinic, resource_ids=both)).count("10:00") == 0


def _moved(clinic: Clinic) -> None:
    """As whoever changes hours does."""
    places = Location.objects.filter(organisation=clinic.organisation)
    places.update(calendar_version=F("calendar_version") + 1)
