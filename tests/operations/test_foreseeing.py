"""Chances in the book: while a visit is booked or moved, and of the whole book by night; nothing is read that was not known then."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from tests.clinic import NOW, Clinic, small_clinic
from tests.spokes.operations.test_attendance import visits

from carewheel.practice.access import Forbidden
from carewheel.practice.models import Visit
from carewheel.spokes.operations.commands_attendance import keep_foreseen
from carewheel.spokes.operations.commands_booking import book_visit, hold_slot, move_visit
from carewheel.spokes.operations.contracts import ForeseenAhead
from carewheel.spokes.operations.contracts_booking import BookingRequest
from carewheel.spokes.operations.models import AttendanceTerms, Foresight
from carewheel.spokes.operations.queries_attendance import foreseen
from carewheel.spokes.operations.rules.attendance import foreseen_ahead
from carewheel.spokes.operations.rules.attendance_at_booking import foreseen_at_booking

NINE = datetime(2026, 3, 10, 13, 0, tzinfo=UTC)  # a Tuesday, 9:00 in New York
DAY = timedelta(days=1)


@pytest.fixture(scope="module")
def ahead() -> ForeseenAhead:
    found = foreseen_ahead(visits(1_500)[0])
    assert found.by == "prior"
    assert len(found.foreseen) > 20
    return found


@pytest.fixture
def clinic(db: None) -> Clinic:
    return small_clinic()


def kept(clinic: Clinic, ahead: ForeseenAhead) -> Clinic:
    AttendanceTerms.objects.create(organisation=clinic.organisation, terms=dict(ahead.terms), learnt_at=NOW)
    return clinic


def past(clinic: Clinic, days_ago: Iterable[int], status: str, *, of: int | None = None) -> list[Visit]:
    return [
        Visit.objects.create(
            organisation=clinic.organisation, location=clinic.location, patient_id=of or clinic.patient.pk, status=status,
            starts_at=NOW - days * DAY, ends_at=NOW - days * DAY + timedelta(minutes=30), booked_at=NOW - (days + 10) * DAY,
        )
        for days in days_ago
    ]  # fmt: skip


def request(clinic: Clinic, at: datetime = NINE, patient: int | None = None) -> BookingRequest:
    return BookingRequest(clinic.location.pk, clinic.check_up.pk, at, patient or clinic.patient.pk)


def test_without_anything_learnt_nothing_is_foreseen(clinic: Clinic) -> None:
    made = book_visit(clinic.actor, request(clinic))
    assert made.no_show_risk is None
    assert foreseen(clinic.actor, made.id) is None


def test_a_visit_is_foreseen_while_it_is_booked_and_moved(clinic: Clinic, ahead: ForeseenAhead) -> None:
    kept(clinic, ahead)
    past(clinic, (20, 40, 60, 80), "noshow")
    past(clinic, (25, 45, 65, 85), "fulfilled", of=clinic.other_patient.pk)
    one = book_visit(clinic.actor, request(clinic))
    other = book_visit(clinic.actor, request(clinic, patient=clinic.other_patient.pk))
    assert one.no_show_risk is not None
    assert other.no_show_risk is not None
    assert one.no_show_risk > 1.5 * other.no_show_risk
    told = foreseen(clinic.actor, one.id)
    assert told is not None
    assert told.missed.low < told.missed.value == one.no_show_risk < told.missed.high
    assert "own record (4 of 4 earlier visits missed)" in told.why
    assert told.at == NOW
    later = move_visit(clinic.actor, one.id, one.version, NINE + 28 * DAY)
    assert later.no_show_risk is not None
    assert later.no_show_risk > one.no_show_risk, "more lead time, more misses"
    assert Foresight.objects.get(visit=one.id).missed == later.no_show_risk
    assert hold_slot(clinic.actor, request(clinic, NINE + DAY)).no_show_risk is None
    with pytest.raises(Forbidden):
        foreseen(clinic.as_role("auditor"), one.id)
    assert foreseen(small_clinic("Other").actor, one.id) is None


def test_what_became_known_today_or_later_moves_nothing(clinic: Clinic, ahead: ForeseenAhead) -> None:
    kept(clinic, ahead)
    past(clinic, (30, 60), "fulfilled")
    plain = book_visit(clinic.actor, request(clinic))
    # Of this morning, and (wrongly, or after a restart) of days to come: neither was known when the day began.
    past(clinic, (0, -3, -5), "noshow")
    again = book_visit(clinic.actor, request(clinic, NINE + timedelta(hours=1)))
    assert again.no_show_risk == plain.no_show_risk
    past(clinic, (1,), "noshow")
    third = book_visit(clinic.actor, request(clinic, NINE + timedelta(hours=2)))
    assert third.no_show_risk is not None
    assert plain.no_show_risk is not None
    assert third.no_show_risk > plain.no_show_risk, "yesterday's was"


def test_the_terms_say_the_same_as_the_model_they_were_taken_from(ahead: ForeseenAhead) -> None:
    """A patient without a record: what the night says and what the desk says differ by nothing but the day."""
    v, _ = visits(1_500)
    day = (v.as_of - datetime(1970, 1, 1, tzinfo=UTC).date()).days
    seen = set(v.patient[v.outcome >= 0])
    new = [(i, k) for k, i in enumerate(np.flatnonzero(v.ahead)) if v.patient[i] not in seen]
    assert new
    for i, k in new:
        told = foreseen_at_booking(
            ahead.terms, int(v.booked[i] // 86_400), int(v.starts[i] // 86_400), day + 1, ()
        )
        assert told.missed.value == pytest.approx(ahead.foreseen[k].missed.value, rel=1e-12)
        assert told.why == ahead.foreseen[k].why


def imported(clinic: Clinic, ahead: ForeseenAhead, count: int) -> tuple[list[Visit], ForeseenAhead]:
    """Visits of the book that the facts tell of, each under its source's number."""
    start = NINE + 7 * DAY
    made = Visit.objects.bulk_create(
        Visit(
            organisation=clinic.organisation, location=clinic.location, patient=clinic.patient, status="booked", starts_at=start + k * DAY,
            ends_at=start + k * DAY + timedelta(minutes=30), booked_at=NOW - DAY, source="od", source_id=str(ahead.visit[k]),
        )
        for k in range(count)
    )  # fmt: skip
    moments = np.array([int(v.starts_at.timestamp()) for v in made] + [0] * (len(ahead.foreseen) - count))
    return made, replace(ahead, starts_at=moments)


def test_the_night_foresees_the_whole_book(clinic: Clinic, ahead: ForeseenAhead) -> None:
    made, told = imported(clinic, ahead, 12)
    # One was moved since the facts were taken, one has no moment of booking, one is over, one is somebody else's.
    Visit.objects.filter(pk=made[0].pk).update(
        starts_at=made[0].starts_at + timedelta(hours=1), ends_at=made[0].ends_at + timedelta(hours=1)
    )
    Visit.objects.filter(pk=made[1].pk).update(source_id="unknown", booked_at=None, no_show_risk=0.9)
    (over,) = past(clinic, (3,), "fulfilled")
    stranger = small_clinic("Other")
    Visit.objects.filter(pk=made[2].pk).update(organisation=stranger.organisation, location=stranger.location)
    versions = dict(Visit.objects.values_list("pk", "version"))
    assert keep_foreseen(clinic.actor, told) == 10
    risks = dict(Visit.objects.values_list("pk", "no_show_risk"))
    assert [risks[v.pk] for v in made[3:]] == [one.missed.value for one in ahead.foreseen[3:12]]
    assert risks[made[0].pk] not in (None, ahead.foreseen[0].missed.value)
    assert [risks[v.pk] for v in (made[1], made[2], over)] == [None, None, None]
    assert dict(Visit.objects.values_list("pk", "version")) == versions
    told_of = foreseen(clinic.actor, made[5].pk)
    assert told_of is not None
    assert (told_of.why, told_of.action) == (ahead.foreseen[5].why, ahead.foreseen[5].action)
    # The same again changes nothing; fewer visits are no fewer queries.
    with CaptureQueriesContext(connection) as few:
        assert keep_foreseen(clinic.actor, told) == 10
    assert dict(Visit.objects.values_list("pk", "no_show_risk")) == risks
    Visit.objects.filter(pk__in=[v.pk for v in made[6:]]).delete()
    with CaptureQueriesContext(connection) as fewer:
        keep_foreseen(clinic.actor, told)
    assert len(few) == len(fewer)


def test_a_job_that_lost_its_lease_writes_nothing(clinic: Clinic, ahead: ForeseenAhead) -> None:
    class Lost(Exception):
        pass

    def fence() -> None:
        raise Lost

    made, told = imported(clinic, ahead, 2)
    with pytest.raises(Lost):
        keep_foreseen(clinic.actor, told, fence)
    assert not Foresight.objects.exists()
    assert not AttendanceTerms.objects.exists()
    assert not Visit.objects.filter(pk__in=[v.pk for v in made], no_show_risk__isnull=False).exists()
