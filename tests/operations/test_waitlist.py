"""The loop of the waitlist: who is asked, in which order, until when; one takes it; and what the practice system says of it."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta

import pytest
from tests.clinic import NOW, Clinic, small_clinic

from carewheel.practice.access import Actor, Conflict, Forbidden, NotFound, Refused
from carewheel.practice.models import Leave, Message, Occupancy, Patient, Visit
from carewheel.spokes.operations.commands_booking import book_visit, cancel_visit, expire_holds, move_visit
from carewheel.spokes.operations.commands_joining import join_waitlist
from carewheel.spokes.operations.commands_outbound import SeenVisit, close_outbound, reconcile
from carewheel.spokes.operations.commands_waitlist import (
    claim_offer,
    decline_offer,
    lapse_offers,
    leave_waitlist,
    offer_gap,
    offer_to,
    work_waitlist,
)
from carewheel.spokes.operations.contracts_booking import BookingRequest, VisitDetail, WaitlistRequest
from carewheel.spokes.operations.models import Gap, Offer, OutboundChange, WaitlistEntry
from carewheel.spokes.operations.queries_waitlist import (
    fill_rate,
    offer_by_token,
    open_gaps,
    outbound,
    waitlist,
    who_fits,
)

TEN = datetime(2026, 3, 3, 15, 0, tzinfo=UTC)  # Tuesday, 10:00 in New York
LINK = "https://practice.example/offer/{token}"


@pytest.fixture(params=["master", "beside"])
def clinic(db: None, request: pytest.FixtureRequest) -> Clinic:
    return small_clinic(mode=request.param)


def patients(clinic: Clinic, count: int) -> list[Patient]:
    return [
        Patient.objects.create(
            organisation=clinic.organisation, given_name=f"P{n}", family_name="Example", created_at=NOW,
            email=f"p{n}@example.com",
        )
        for n in range(count)
    ]  # fmt: skip


def joined(clinic: Clinic, patient: Patient, **wishes: object) -> int:
    asked = WaitlistRequest(patient.pk, clinic.check_up.pk, (clinic.location.pk,), date(2026, 3, 2))
    return join_waitlist(clinic.actor, replace(asked, **wishes)).id  # type: ignore[arg-type]


def booked(clinic: Clinic, at: datetime = TEN) -> VisitDetail:
    return book_visit(
        clinic.actor, BookingRequest(clinic.location.pk, clinic.check_up.pk, at, clinic.patient.pk)
    )


def full_then_gap(clinic: Clinic) -> int:
    """Both practitioners are away but for Ada's half hour at ten, which becomes free."""
    for doctor in (clinic.practitioner, clinic.other_practitioner):
        Leave.objects.create(resource=doctor, starts_at=NOW - timedelta(days=1), ends_at=TEN)
        Leave.objects.create(
            resource=doctor, starts_at=TEN + timedelta(minutes=30), ends_at=NOW + timedelta(days=90)
        )
    Leave.objects.create(
        resource=clinic.other_practitioner,
        starts_at=TEN - timedelta(minutes=5),
        ends_at=TEN + timedelta(hours=1),
    )
    made = booked(clinic)
    cancel_visit(clinic.actor, made.id, 1, "")
    return Gap.objects.get().pk


def token_of(offer_id: int) -> str:
    body = Message.objects.get(key__endswith=f":offer:{offer_id}").body
    found = re.search(r"/offer/([\w-]+)", body)
    assert found
    return found[1]


def test_case_62_a_gap_goes_to_the_first_of_a_group_who_takes_it(clinic: Clinic) -> None:
    gap = full_then_gap(clinic)
    waiting = [joined(clinic, one) for one in patients(clinic, 4)]
    offers = offer_gap(clinic.actor, gap, LINK)
    assert {one.entry_id for one in offers} == set(waiting[:3])
    assert offer_gap(clinic.actor, gap, LINK) == ()  # they may still answer
    tokens = [token_of(one.id) for one in offers]
    assert all(len(token) >= 43 for token in tokens)
    assert not any(token in repr(list(Offer.objects.values())) for token in tokens)
    with pytest.raises(Conflict):
        booked(clinic)  # held for the group
    for _ in range(3):  # mail scanners
        assert offer_by_token(tokens[0], NOW).status == "open"
    at = NOW + timedelta(minutes=7)
    won = claim_offer(tokens[1], at)
    assert won.status == "claimed"
    assert claim_offer(tokens[1], at) == won  # a double click
    made = Visit.objects.get(channel="waitlist", patient__isnull=False)
    assert made.status == ("booked" if clinic.location.mode == "master" else "pending")
    assert (made.starts_at, made.patient_id) == (TEN, WaitlistEntry.objects.get(pk=won.entry_id).patient_id)
    with pytest.raises(Conflict) as refusal:
        claim_offer(tokens[0], at)
    assert refusal.value.code == "taken"
    assert offer_by_token(tokens[2], at).status == "taken"
    assert sorted(WaitlistEntry.objects.values_list("status", flat=True)) == [
        "booked",
        "waiting",
        "waiting",
        "waiting",
    ]
    rate = fill_rate(clinic.actor, NOW.date(), NOW.date())
    assert (rate.offered, rate.filled, rate.asked, rate.median_minutes) == (1, 1, 3, 7.0)
    assert not any(
        token in body for token in tokens for body in Message.objects.values_list("body", flat=True)
    )
    with pytest.raises(NotFound):
        offer_by_token("guess", at)


def test_rounds_follow_each_other_and_nobody_is_asked_at_night(clinic: Clinic) -> None:
    gap = full_then_gap(clinic)
    for one in patients(clinic, 4):
        joined(clinic, one)
    first = offer_gap(clinic.actor, gap, LINK)
    over = replace(clinic.actor, at=first[0].expires_at.astimezone(UTC))
    with pytest.raises(Conflict) as refusal:
        claim_offer(token_of(first[0].id), over.at)
    assert refusal.value.code == "offer-expired"
    assert offer_by_token(token_of(first[0].id), over.at).status == "lapsed"
    night = replace(over, at=datetime(2026, 3, 3, 3, 0, tzinfo=UTC))  # 22:00
    assert lapse_offers(night) == 3
    assert offer_gap(night, gap, LINK) == ()
    assert Gap.objects.get().next_round_at == datetime(2026, 3, 3, 13, 0, tzinfo=UTC)  # 8:00
    assert work_waitlist(night, LINK) == 0
    morning = replace(over, at=datetime(2026, 3, 3, 13, 0, tzinfo=UTC))
    assert work_waitlist(morning, LINK) == 1
    last = Offer.objects.get(status="open")
    assert last.expires_at == morning.at + timedelta(minutes=30)
    assert decline_offer(token_of(last.pk), morning.at).status == "declined"
    assert expire_holds(replace(clinic.actor, at=TEN)) in (0, 1)
    assert work_waitlist(replace(over, at=TEN - timedelta(minutes=30)), LINK) == 0
    assert Gap.objects.get().status == "unfilled"
    assert not Occupancy.objects.exists()


def test_when_all_of_a_group_decline_the_next_are_asked_at_once(clinic: Clinic) -> None:
    gap = full_then_gap(clinic)
    for one in patients(clinic, 4):
        joined(clinic, one)
    for one in offer_gap(clinic.actor, gap, LINK):
        assert work_waitlist(clinic.actor, LINK) == 0
        decline_offer(token_of(one.id), NOW)
    assert work_waitlist(clinic.actor, LINK) == 1


def test_wishes_are_kept_and_the_urgent_come_first(clinic: Clinic) -> None:
    gap = full_then_gap(clinic)
    people = patients(clinic, 7)
    joined(clinic, people[0], weekdays=(2,))
    joined(clinic, people[1], between=(time(13), time(17)))
    joined(clinic, people[2], visit_type_id=clinic.long_visit.pk)
    joined(clinic, people[3], resource_ids=(clinic.other_practitioner.pk,))
    joined(clinic, people[4], latest=date(2026, 3, 2))
    calm = joined(clinic, people[5])
    urgent = joined(clinic, people[6], urgency=3, between=(time(9), time(12)), weekdays=(1,))
    assert [one.entry_id for one in offer_gap(clinic.actor, gap, LINK)] == [urgent, calm]
    lines = waitlist(clinic.actor, clinic.location.pk)
    assert (lines[0].id, lines[0].wishes, lines[0].offers) == (urgent, "Tue · from 09:00 · until 12:00", 1)
    with pytest.raises(Forbidden):
        join_waitlist(
            clinic.as_role("clinician"),
            WaitlistRequest(people[0].pk, clinic.check_up.pk, (clinic.location.pk,), date(2026, 3, 2)),
        )
    leave_waitlist(clinic.actor, urgent)
    assert Offer.objects.get(entry=urgent).status == "declined"


def test_the_later_visit_is_given_back_in_the_same_step(clinic: Clinic) -> None:
    person = patients(clinic, 1)[0]
    gap = full_then_gap(clinic)
    Leave.objects.filter(ends_at__gt=TEN + timedelta(days=2)).update(ends_at=TEN + timedelta(days=2))
    later = book_visit(
        clinic.actor,
        BookingRequest(clinic.location.pk, clinic.check_up.pk, TEN + timedelta(days=7), person.pk),
    )
    joined(clinic, person, instead_of_id=later.id)
    offer = offer_gap(clinic.actor, gap, LINK)[0]
    claim_offer(token_of(offer.id), NOW)
    assert Visit.objects.get(pk=later.id).status == "cancelled"
    # What it gave back is offered in its turn.
    assert Gap.objects.get(status="open").starts_at == TEN + timedelta(days=7)


def test_a_refused_claim_gives_nothing_back(clinic: Clinic) -> None:
    person = patients(clinic, 1)[0]
    gap = full_then_gap(clinic)
    joined(clinic, person)
    offer = offer_gap(clinic.actor, gap, LINK)[0]
    Leave.objects.create(resource=clinic.practitioner, starts_at=TEN, ends_at=TEN + timedelta(minutes=5))
    with pytest.raises(Exception, match="away"):
        claim_offer(token_of(offer.id), NOW)
    assert Offer.objects.get().status == "open"
    assert Occupancy.objects.count() == 2  # the hold


def test_somebody_who_moves_away_makes_a_gap(clinic: Clinic) -> None:
    made = booked(clinic)
    move_visit(clinic.actor, made.id, 1, TEN + timedelta(hours=2))
    assert Gap.objects.get().starts_at == TEN
    near = replace(clinic.actor, at=TEN + timedelta(hours=1, minutes=30))
    cancel_visit(near, made.id, 2, "")  # too near to ask anybody
    assert Gap.objects.count() == 1


def seen(visit: VisitDetail, **other: object) -> SeenVisit:
    made = SeenVisit("export", f"A{visit.id}", visit.patient_id, visit.starts_at, visit.ends_at, "booked")
    return replace(made, **other)  # type: ignore[arg-type]


def test_an_export_confirms_and_contradicts(db: None) -> None:
    clinic = small_clinic(mode="beside")
    made, other = booked(clinic), booked(clinic, TEN + timedelta(hours=1))
    assert outbound(clinic.actor)[0].what_to_do == "Enter this visit in the practice system."
    chair = other.occupied[1].resource_id
    stranger = seen(other, patient_id=clinic.other_patient.pk, source_id="B", resource_ids=(chair,))
    told = reconcile(clinic.actor, clinic.location.pk, [seen(made), stranger])
    assert (told.confirmed, told.contradicted, told.open) == (1, 1, 0)
    row = Visit.objects.get(pk=made.id)
    assert (row.source, row.source_id) == ("export", f"A{made.id}")
    moved = move_visit(clinic.actor, made.id, row.version, TEN + timedelta(days=1))
    assert moved.request_state == "open"
    place = clinic.location.pk
    # Not entered yet; entered elsewhere; entered as we have it.
    assert reconcile(clinic.actor, place, [seen(made)]).open == 1
    assert (
        reconcile(
            clinic.actor, place, [seen(made, starts_at=moved.starts_at, ends_at=moved.ends_at)]
        ).confirmed
        == 1
    )
    gone = cancel_visit(clinic.actor, made.id, moved.version, "")
    assert gone.request_state == "open"
    assert reconcile(clinic.actor, place, [seen(made, status="fulfilled")]).contradicted == 1
    left = outbound(clinic.actor)
    assert [(line.event, line.state) for line in left] == [("S12", "contradicted"), ("S15", "contradicted")]
    for line in left:
        close_outbound(clinic.actor, line.id, "called the patient")
    assert outbound(clinic.actor) == ()
    assert OutboundChange.objects.filter(state="closed").count() == 2


def test_a_cancellation_that_an_import_brings_is_offered(db: None) -> None:
    clinic = small_clinic(mode="beside")
    joined(clinic, patients(clinic, 1)[0])
    words = {
        "organisation": clinic.organisation,
        "location": clinic.location,
        "patient": clinic.patient,
        "source": "export",
    }
    for n, (start, when) in enumerate(((TEN, NOW), (TEN, NOW - timedelta(days=3)), (NOW, NOW))):
        Visit.objects.create(
            status="cancelled", starts_at=start, ends_at=start + timedelta(minutes=30), cancelled_at=when, source_id=f"A{n}", **words
        )  # fmt: skip
    assert work_waitlist(clinic.actor, LINK) == 1
    assert work_waitlist(clinic.actor, LINK) == 0
    assert Gap.objects.get().from_visit == Visit.objects.get(source_id="A0")


def test_an_import_that_was_faster_stands(db: None) -> None:
    clinic = small_clinic(mode="beside")
    made = booked(clinic)
    Visit.objects.create(
        organisation=clinic.organisation, location=clinic.location, patient=clinic.patient, status="booked",
        starts_at=TEN, ends_at=made.ends_at, source="export", source_id=f"A{made.id}",
    )  # fmt: skip
    assert reconcile(clinic.actor, clinic.location.pk, [seen(made)]).confirmed == 1
    assert Visit.objects.get(pk=made.id).status == "entered-in-error"
    assert not Occupancy.objects.filter(visit=made.id).exists()


def test_staff_choose_whom_to_ask(clinic: Clinic) -> None:
    gap = full_then_gap(clinic)
    asked = [joined(clinic, one) for one in patients(clinic, 4)]
    line, fits = who_fits(clinic.actor, gap)
    assert [one.entry_id for one in fits] == asked, "all, who waits longest first"
    assert [one.id for one in open_gaps(clinic.actor)] == [line.id] == [gap]

    def refused(actor: Actor, entries: list[int]) -> str:
        with pytest.raises(Refused) as refusal:
            offer_to(actor, gap, entries, LINK)
        return refusal.value.code

    at_night = replace(clinic.actor, at=NOW.replace(hour=3) + timedelta(days=1))
    assert refused(at_night, asked[:1]) == "at-night"
    assert refused(clinic.actor, []) == refused(clinic.actor, list(range(11))) == "bad-count"
    assert refused(clinic.actor, [asked[0], asked[0] + 1000]) == "does-not-fit"
    assert refused(replace(clinic.actor, at=TEN - timedelta(minutes=30)), asked[:1]) == "gap-over"
    with pytest.raises(Forbidden):
        offer_to(clinic.as_role("clinician"), gap, asked[:1], LINK)
    assert not Offer.objects.exists()
    made = offer_to(clinic.actor, gap, asked[2:], LINK)
    assert [one.entry_id for one in made] == asked[2:]
    assert refused(clinic.actor, asked[:1]) == "being-offered"
    assert [one.entry_id for one in open_gaps(clinic.actor)[0].asked] == asked[2:]
    assert who_fits(clinic.actor, gap)[1] == ()
    # Nobody of them wants it: the loop asks the others.
    later = replace(clinic.actor, at=made[0].expires_at)
    assert work_waitlist(later, LINK) == 2
    assert set(Offer.objects.filter(status="open").values_list("entry", flat=True)) == set(asked[:2])
