"""Anything in any order: book, move, cancel, hold, expire, offer, claim, against a model in plain Python, in the two nights in which the clock changes.

The model knows a visit as rows of (resource, from, until) and asks of each quarter of an hour whether the wall clock is within hours; it knows
neither bits nor spans nor SQL.
"""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from tests.clinic import Clinic, small_clinic

from carewheel.practice.access import Actor, Conflict, Refused
from carewheel.practice.models import (
    Location,
    Message,
    Occupancy,
    OpeningHours,
    Patient,
    Visit,
    WorkingHours,
)
from carewheel.spokes.operations.commands_booking import (
    book_visit,
    cancel_visit,
    expire_holds,
    hold_slot,
    move_visit,
    release_hold,
)
from carewheel.spokes.operations.commands_joining import join_waitlist
from carewheel.spokes.operations.commands_waitlist import claim_offer, decline_offer, lapse_offers, offer_gap
from carewheel.spokes.operations.contracts_booking import (
    BookingRequest,
    SlotQuestion,
    VisitDetail,
    WaitlistRequest,
)
from carewheel.spokes.operations.models import Gap
from carewheel.spokes.operations.queries_booking import free_slots

NEW_YORK = ZoneInfo("America/New_York")
# Midnights before the clock springs to three and falls back to one.
NIGHTS = (datetime(2026, 3, 8, 5, tzinfo=UTC), datetime(2026, 11, 1, 4, tzinfo=UTC))
OPENS, CLOSES = time(0), time(5)
QUARTER = timedelta(minutes=15)
# Saturday, ten in the morning.
BEGIN = datetime(2026, 3, 7, 15, 0, tzinfo=UTC)
moments = st.builds(lambda night, n: night + n * QUARTER, st.sampled_from(NIGHTS), st.integers(-1, 26))
Row = tuple[int, datetime, datetime]


@dataclass
class Known:
    """A visit of the model. ``until``: a hold's end; ``for_gap``: the gap that it keeps."""

    long: bool
    start: datetime
    rows: set[Row]
    version: int = 1
    until: datetime | None = None
    for_gap: int = 0


@dataclass
class Offered:
    """An offer of the model."""

    token: str
    gap: int
    until: datetime
    status: str = "open"


@dataclass
class Model:
    """What is booked and offered, in plain Python."""

    now: datetime = BEGIN
    visits: dict[int, Known] = field(default_factory=dict)
    gaps: dict[int, tuple[datetime, datetime]] = field(default_factory=dict)
    offers: list[Offered] = field(default_factory=list)


class Book(RuleBasedStateMachine):
    """The commands beside the model."""

    mode = Location.Mode.MASTER

    def __init__(self) -> None:
        super().__init__()
        self.clinic: Clinic = small_clinic(mode=self.mode)
        OpeningHours.objects.create(location=self.clinic.location, weekday=6, opens=OPENS, closes=CLOSES)
        self.doctors = (self.clinic.practitioner.pk, self.clinic.other_practitioner.pk)
        self.chairs = (self.clinic.chair.pk, self.clinic.other_chair.pk)
        for one in self.doctors:
            WorkingHours.objects.create(
                resource_id=one, location=self.clinic.location, weekday=6, starts=OPENS, ends=CLOSES
            )
        self.model = Model()
        # Somebody waits from the beginning, so that gaps are offered.
        for long in (False, True, False):
            self.wait(long)

    # The model's own idea of what is free.

    def rows_of(self, long: bool, start: datetime, doctor: int, chair: int) -> set[Row]:
        def span(a: int, b: int) -> tuple[datetime, datetime]:
            return start + timedelta(minutes=a), start + timedelta(minutes=b)

        if long:
            return {(doctor, *span(20, 40)), (chair, *span(0, 60))}
        return {(doctor, *span(0, 30)), (chair, *span(0, 30))}

    def is_open(self, long: bool, start: datetime) -> bool:
        """Every five minutes of it are within hours by the clock on the wall."""
        for n in range(12 if long else 6):
            local = (start + timedelta(minutes=5 * n)).astimezone(NEW_YORK)
            if local.weekday() != 6 or not OPENS <= local.time() < CLOSES:
                return False
        return True

    def taken(self, besides: int | None = None) -> set[Row]:
        now = self.model.now
        return {
            row
            for key, one in self.model.visits.items()
            if key != besides and (one.until is None or one.until > now)
            for row in one.rows
        }

    def choices(
        self, long: bool, start: datetime, doctor: int | None, besides: int | None = None
    ) -> list[set[Row]]:
        """All ways to place it."""
        if not self.is_open(long, start):
            return []
        taken = self.taken(besides)
        doctors = self.doctors if doctor is None else (doctor,)
        ways = [self.rows_of(long, start, d, c) for d, c in itertools.product(doctors, self.chairs)]
        return [rows for rows in ways if not any(_meet(one, other) for one in rows for other in taken)]

    @property
    def actor(self) -> Actor:
        return self.clinic.as_role("owner", at=self.model.now)

    def request(self, long: bool, start: datetime, doctor: int | None) -> BookingRequest:
        kind = self.clinic.long_visit if long else self.clinic.check_up
        named = () if doctor is None else (doctor,)
        return BookingRequest(self.clinic.location.pk, kind.pk, start, self.clinic.patient.pk, named)

    def agreed(self, made: VisitDetail | None, possible: list[set[Row]], code: str) -> set[Row]:
        """What was booked is one of the possible ways, and what was refused is possible in none."""
        if made is None:
            assert not possible, code
            assert code in ("slot-taken", "closed", "outside-hours"), code
            return set()
        rows = rows_in_utc(made)
        assert rows in possible
        return rows

    # What happens.

    @rule(start=moments, long=st.booleans(), who=st.sampled_from([None, 0, 1]), held=st.booleans())
    def book(self, start: datetime, long: bool, who: int | None, held: bool) -> None:
        doctor = None if who is None else self.doctors[who]
        request = self.request(long, start, doctor)
        possible = self.choices(long, start, doctor)
        made, code = None, ""
        try:
            made = (
                hold_slot(self.actor, replace(request, patient_id=None))
                if held
                else book_visit(self.actor, request)
            )
        except Refused as refusal:
            code = refusal.code
        rows = self.agreed(made, possible, code)
        if made:
            until = self.model.now + timedelta(minutes=10) if held else None
            self.model.visits[made.id] = Known(long, start, rows, 1, until)

    def some(self, n: int, held: bool) -> int | None:
        ids = [
            k for k, one in self.model.visits.items() if (one.until is not None) == held and not one.for_gap
        ]
        return sorted(ids)[n % len(ids)] if ids else None

    @precondition(lambda self: self.some(0, held=True) is not None)
    @rule(n=st.integers(0, 50))
    def book_what_was_held(self, n: int) -> None:
        key = self.some(n, held=True)
        if key is None:
            return
        one = self.model.visits[key]
        assert one.until
        request = replace(self.request(one.long, one.start, None), hold_id=key)
        try:
            made = book_visit(self.actor, request)
        except Conflict as refusal:
            code = refusal.code
        else:
            code = ""
        if code:
            assert code == "hold-expired"
            assert one.until <= self.model.now
            return
        assert one.until > self.model.now
        assert made.id == key
        one.rows = rows_in_utc(made)
        one.version, one.until = one.version + 1, None

    @precondition(lambda self: self.some(0, held=False) is not None)
    @rule(n=st.integers(0, 50), start=moments, stale=st.booleans())
    def move(self, n: int, start: datetime, stale: bool) -> None:
        key = self.some(n, held=False)
        if key is None:
            return
        one = self.model.visits[key]
        doctor = next(r for r, _, _ in one.rows if r in self.doctors)
        possible = self.choices(one.long, start, doctor, key)
        before = {*Gap.objects.values_list("pk", flat=True)}
        made, code = None, ""
        try:
            made = move_visit(self.actor, key, one.version - stale, start)
        except Refused as refusal:
            code = refusal.code
        if stale:
            assert code == "changed-since"
            return
        rows = self.agreed(made, possible, code)
        if made:
            length = timedelta(minutes=60 if one.long else 30)
            away = start >= one.start + length or start + length <= one.start
            self.gap(before, one.start, length, made=away)
            one.start, one.rows, one.version = start, rows, one.version + 1

    def gap(self, before: set[int], start: datetime, length: timedelta, *, made: bool) -> None:
        new = Gap.objects.exclude(pk__in=before)
        expected = made and start >= self.model.now + timedelta(minutes=45)
        assert new.count() == expected
        if expected:
            self.model.gaps[new.get().pk] = start, start + length

    @precondition(lambda self: self.some(0, held=False) is not None)
    @rule(n=st.integers(0, 50))
    def cancel(self, n: int) -> None:
        key = self.some(n, held=False)
        if key is None:
            return
        one = self.model.visits.pop(key)
        before = {*Gap.objects.values_list("pk", flat=True)}
        gone = cancel_visit(self.actor, key, one.version, "ill")
        assert cancel_visit(self.actor, key, one.version, "ill") == gone
        self.gap(before, one.start, timedelta(minutes=60 if one.long else 30), made=True)

    @precondition(lambda self: self.some(0, held=True) is not None)
    @rule(n=st.integers(0, 50))
    def release(self, n: int) -> None:
        key = self.some(n, held=True)
        if key is not None:
            release_hold(self.actor, key)
            del self.model.visits[key]

    @rule(minutes=st.integers(1, 20))
    def time_goes_by(self, minutes: int) -> None:
        # Offers are made in waking hours only; the day of the model ends before nine in the evening.
        if self.model.now < BEGIN + timedelta(hours=10):
            self.model.now += timedelta(minutes=minutes)

    @precondition(lambda self: self.model.offers or self.some(0, held=True) is not None)
    @rule()
    def expire(self) -> None:
        over = [k for k, one in self.model.visits.items() if one.until and one.until <= self.model.now]
        lapsed = sum(one.status == "open" and one.until <= self.model.now for one in self.model.offers)
        assert lapse_offers(self.actor) == lapsed
        assert expire_holds(self.actor) == sum(not self.model.visits[k].for_gap for k in over)
        for k in over:
            del self.model.visits[k]
        for one in self.model.offers:
            if one.status == "open" and one.until <= self.model.now:
                one.status = "lapsed"

    @precondition(lambda self: len(self.model.gaps) > 1)
    @rule(long=st.booleans())
    def wait(self, long: bool) -> None:
        kind = self.clinic.long_visit if long else self.clinic.check_up
        person = Patient.objects.create(
            organisation=self.clinic.organisation, given_name="W", email="w@example.com", created_at=BEGIN
        )
        join_waitlist(
            self.actor, WaitlistRequest(person.pk, kind.pk, (self.clinic.location.pk,), date(2026, 3, 7))
        )

    @precondition(lambda self: self.model.gaps)
    @rule(n=st.integers(0, 50))
    def offer(self, n: int) -> None:
        gap = sorted(self.model.gaps)[n % len(self.model.gaps)]
        start, end = self.model.gaps[gap]
        waiting = any(
            o.gap == gap and o.status == "open" and o.until > self.model.now for o in self.model.offers
        )
        before = {*Visit.objects.values_list("pk", flat=True)}
        taken = self.taken()
        offers = offer_gap(self.actor, gap, "https://practice.example/{token}")
        # The round before is over, whether a job has noted it or not.
        over = [
            o for o in self.model.offers if o.gap == gap and o.status == "open" and o.until <= self.model.now
        ]
        for one in over:
            one.status = "lapsed"
        row = Gap.objects.get(pk=gap)
        if row.status != "open":
            del self.model.gaps[gap]
            assert not offers
        gone = Visit.objects.filter(
            pk__in=[k for k, v in self.model.visits.items() if v.for_gap], status="cancelled"
        )
        for key in gone.values_list("pk", flat=True):
            until = self.model.visits.pop(key).until
            assert until
            assert until <= self.model.now
        if not offers:
            return
        assert not waiting
        assert len(offers) <= 3
        [held] = Visit.objects.exclude(pk__in=before)
        rows = set(held.occupancies.values_list("resource_id", "starts_at", "ends_at"))
        assert not any(_meet(one, other) for one in rows for other in taken)
        self.model.visits[held.pk] = Known(False, held.starts_at, rows, 1, held.hold_until, for_gap=gap)
        for one in offers:
            assert start <= one.starts_at.astimezone(UTC) < one.ends_at.astimezone(UTC) <= end
            body = Message.objects.get(key__endswith=f":offer:{one.id}").body
            found = re.search(r"example/([\w-]+)", body)
            assert found
            self.model.offers.append(Offered(found[1], gap, one.expires_at.astimezone(UTC)))

    @precondition(lambda self: self.model.offers)
    @rule(n=st.integers(0, 50), yes=st.integers(0, 3))
    def answer(self, n: int, yes: int) -> None:
        one = self.model.offers[n % len(self.model.offers)]
        fresh = one.status == "open" and one.until > self.model.now
        if not yes:
            said = decline_offer(one.token, self.model.now)
            if fresh:
                one.status = "declined"
                assert said.status == "declined"
                if not any(o.gap == one.gap and o.status == "open" for o in self.model.offers):
                    # All have answered: the slot is not kept any longer.
                    held = next(k for k, v in self.model.visits.items() if v.for_gap == one.gap)
                    del self.model.visits[held]
            return
        before = {*Visit.objects.values_list("pk", flat=True)}
        code = ""
        try:
            claim_offer(one.token, self.model.now)
        except Conflict as refusal:
            code = refusal.code
        if code:
            assert not fresh
            expected = {"declined": "declined", "taken": "taken"}.get(one.status, "offer-expired")
            # An offer of an earlier round may be over and its gap filled as well.
            assert code in (expected, "taken")
            return
        if one.status == "claimed":
            assert {*Visit.objects.values_list("pk", flat=True)} == before
            return
        assert fresh
        [made] = Visit.objects.exclude(pk__in=before)
        assert made.status == ("booked" if self.mode == "master" else "pending")
        rows = set(made.occupancies.values_list("resource_id", "starts_at", "ends_at"))
        long = made.visit_type_id == self.clinic.long_visit.pk
        for other in self.model.offers:
            if other.gap == one.gap and other.status == "open":
                other.status = "taken"
        one.status = "claimed"
        held = next(
            k
            for k, v in self.model.visits.items()
            if v.for_gap and Visit.objects.get(pk=k).status == "cancelled"
        )
        assert rows in self.choices(long, made.starts_at, None, held)
        del self.model.visits[held], self.model.gaps[one.gap]
        self.model.visits[made.pk] = Known(long, made.starts_at, rows, made.version)

    @rule(night=st.sampled_from(NIGHTS), long=st.booleans())
    def look(self, night: datetime, long: bool) -> None:
        kind = self.clinic.long_visit if long else self.clinic.check_up
        question = SlotQuestion(kind.pk, night - timedelta(hours=1), night + timedelta(hours=8), count=500)
        offered = [one.starts_at.astimezone(UTC) for one in free_slots(self.actor, question)]
        quarters = [night + n * QUARTER for n in range(-4, 33)]
        assert offered == [one for one in quarters if one > self.model.now and self.choices(long, one, None)]

    @invariant()
    def the_database_has_what_the_model_has(self) -> None:
        rows = Occupancy.objects.filter(visit__organisation=self.clinic.organisation).exclude(
            visit__status="proposed", visit__hold_until__lte=self.model.now
        )
        found = sorted(rows.values_list("resource_id", "starts_at", "ends_at"))
        assert found == sorted(self.taken())
        for one, other in itertools.pairwise(found):
            assert one[0] != other[0] or one[2] <= other[1]


def rows_in_utc(made: VisitDetail) -> set[Row]:
    """In UTC: in one zone Python compares what the clock shows, which is the same twice in November."""
    return {
        (one.resource_id, one.starts_at.astimezone(UTC), one.ends_at.astimezone(UTC)) for one in made.occupied
    }


def _meet(one: Row, other: Row) -> bool:
    return one[0] == other[0] and one[1] < other[2] and other[1] < one[2]


class BesideBook(Book):
    """The same where the practice system holds the book."""

    mode = Location.Mode.BESIDE


@pytest.mark.django_db
@pytest.mark.parametrize("machine", [Book, BesideBook])
def test_anything_in_any_order(machine: type[Book], long_run: bool) -> None:
    run_state_machine_as_test(  # type: ignore[no-untyped-call]
        machine,
        settings=settings(
            max_examples=400 if long_run else 12,
            stateful_step_count=60 if long_run else 30,
            deadline=None,
            derandomize=not long_run,
            suppress_health_check=list(HealthCheck),
        ),
    )
