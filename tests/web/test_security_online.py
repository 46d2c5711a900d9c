"""Attacks on online booking: codes by the hundred, times kept for nobody, one contact with many names, links in wrong hands."""

from __future__ import annotations

import re
import threading
from collections import Counter
from datetime import UTC, date, datetime, timedelta

import pytest
from django.db import connections, transaction
from django.test import Client
from django.utils import timezone
from tests.clinic import NOW, Clinic, small_clinic

from carewheel.journeys import book_online
from carewheel.journeys.book_online import Newcomer, door, keep_time, own_visit, take_time, token_of
from carewheel.practice.access import Actor, NotFound, Refused
from carewheel.practice.messages.codes import MOST_BY_ADDRESS, MOST_BY_SENDER, send_code
from carewheel.practice.models import AuditEvent, Message, Patient, ThrottledTry, Visit, VisitType
from carewheel.practice.patients import end_links, update_patient
from carewheel.practice.tries import begin_try
from carewheel.spokes.operations.commands_booking import expire_holds
from carewheel.spokes.operations.contracts_booking import BookingRequest

LINK = "https://console.example.com/my-visit/{token}/"


@pytest.fixture
def clinic(db: None) -> Clinic:
    return online(small_clinic())


def online(clinic: Clinic) -> Clinic:
    VisitType.objects.filter(pk=clinic.check_up.pk).update(online="book", most_open=20)
    return clinic


def at(n: int) -> datetime:
    """The n-th half hour from Tuesday at nine in the morning, sixteen a day."""
    day, slot = divmod(n, 16)
    return datetime(2026, 3, 3, 14, 0, tzinfo=UTC) + timedelta(days=day, minutes=30 * slot)


def kept(clinic: Clinic, n: int, contact: str, *, name: str = "Example", moment: datetime = NOW, address: str = "") -> str:  # fmt: skip
    asked = BookingRequest(clinic.location.pk, clinic.check_up.pk, at(n), channel="online", patient_side=True)
    who = Newcomer("Pat", name, date(1990, 1, 1), contact)
    return keep_time(door(clinic.organisation.pk, moment, address or f"192.0.2.{n}"), asked, who)


def taken(clinic: Clinic, sealed: str, moment: datetime = NOW) -> int:
    text = Message.objects.filter(kind="code").latest("pk").body
    code = re.search(r"\d{6}", text)
    assert code
    return take_time(door(clinic.organisation.pk, moment, ""), sealed, code[0], LINK).id


@pytest.mark.django_db(transaction=True)
def test_case_10_codes_asked_for_at_once_are_no_more_than_in_a_row() -> None:
    clinic = small_clinic()
    gate = threading.Barrier(12)
    said: Counter[str] = Counter()

    def ask(number: int) -> None:
        actor = Actor(clinic.organisation.pk, NOW, system="online booking", address=f"192.0.2.{number % 3}")
        gate.wait()
        try:
            send_code(actor, "victim@example.com", dict)
            said["sent"] += 1
        except Refused as refusal:
            said[refusal.code] += 1
        finally:
            connections.close_all()

    threads = [threading.Thread(target=ask, args=(n,)) for n in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert said == {"sent": MOST_BY_ADDRESS, "too-many-codes": 12 - MOST_BY_ADDRESS}
    assert Message.objects.filter(kind="code").count() == MOST_BY_ADDRESS
    assert ThrottledTry.objects.filter(key__startswith="code-to").count() == MOST_BY_ADDRESS


@pytest.mark.django_db(transaction=True)
def test_case_11_of_two_who_use_one_code_at_once_one_gets_in() -> None:
    gate, won = threading.Barrier(8), []

    def use() -> None:
        gate.wait()
        try:
            if begin_try("used-code:1:123456", NOW, NOW - timedelta(minutes=2), 1):
                won.append(1)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=use) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(won) == 1


def test_case_66_nobody_keeps_all_the_times(clinic: Clinic, monkeypatch: pytest.MonkeyPatch) -> None:
    for n in range(3):
        kept(clinic, n, "hoarder@example.com")
    with pytest.raises(Refused) as refusal:
        kept(clinic, 3, "Hoarder@example.com")
    assert refusal.value.code == "too-many-holds"
    assert Message.objects.filter(kind="code").count() == 3, "what is refused sends no code"
    monkeypatch.setattr(book_online, "MOST_HELD_AT_ONE", 5)
    for n in (4, 5):
        kept(clinic, n, f"pat{n}@example.com")
    with pytest.raises(Refused) as refusal:
        kept(clinic, 6, "pat6@example.com")
    assert refusal.value.code == "too-many-holds"
    assert Visit.objects.filter(status="proposed").count() == 5
    # What is kept runs out, and the place is free again.
    later = NOW + timedelta(minutes=16)
    kept(clinic, 6, "pat6@example.com", moment=later)
    assert expire_holds(door(clinic.organisation.pk, later, "")) == 5
    assert MOST_BY_SENDER >= 20


def test_one_contact_stands_for_a_family_and_not_for_a_crowd(clinic: Clinic) -> None:
    moment = NOW
    for n in range(book_online.MOST_PEOPLE_OF_ONE):
        taken(clinic, kept(clinic, n, f"pat+{n}@example.com", name=f"Name{n}", moment=moment), moment)
        moment += timedelta(minutes=20)
    before = Patient.objects.count()
    sealed = kept(clinic, 8, "PAT@example.com", name="Another", moment=moment)
    with pytest.raises(Refused) as refusal:
        taken(clinic, sealed, moment)
    assert refusal.value.code == "contact-shared"
    assert Patient.objects.count() == before
    # One of the family may still book, up to so many visits of all together; the same sent twice is still one.
    for n in range(9, 14):
        moment += timedelta(minutes=20)
        sealed = kept(clinic, n, "pat+1@example.com", name="Name1", moment=moment)
        if n < 13:
            first = taken(clinic, sealed, moment)
            assert taken(clinic, sealed, moment) == first
    with pytest.raises(Refused) as refusal:
        taken(clinic, sealed, moment)
    assert refusal.value.code == "contact-booked"
    assert Visit.objects.filter(status="booked").count() == book_online.MOST_AHEAD_OF_ONE


def test_case_31_a_link_ends_with_the_contact_it_went_to_or_when_staff_end_it(clinic: Clinic) -> None:
    visit_id = taken(clinic, kept(clinic, 1, "pat@example.com"))
    patient = Visit.objects.get(pk=visit_id).patient
    assert patient
    assert "my-visit" in Message.objects.get(kind="manage").body
    first = token_of(visit_id)
    assert own_visit(first, NOW, "")[1].id == visit_id
    update_patient(clinic.actor, patient.pk, 1, language="de")
    assert own_visit(first, NOW, "")[1].id == visit_id
    update_patient(clinic.actor, patient.pk, 2, email="new@example.com")
    with pytest.raises(NotFound):
        own_visit(first, NOW, "")
    second = token_of(visit_id)
    end_links(clinic.as_role("front_desk"), patient.pk)
    with pytest.raises(NotFound):
        own_visit(second, NOW, "")
    assert AuditEvent.objects.filter(action="links-ended", patient_id_seen=patient.pk).count() == 1
    assert Message.objects.get(kind="manage").status == "cancelled", "its link would lead nowhere"
    assert own_visit(token_of(visit_id), NOW, "")[1].id == visit_id


def test_case_31_a_link_cannot_be_guessed_and_opening_it_changes_nothing(clinic: Clinic) -> None:
    visit_id = taken(clinic, kept(clinic, 1, "pat@example.com"))
    Visit.objects.filter(pk=visit_id).update(
        starts_at=timezone.now() + timedelta(days=9), ends_at=timezone.now() + timedelta(days=9, minutes=30)
    )
    token = token_of(visit_id)
    others = Visit.objects.exclude(pk=visit_id).count()
    # A mail scanner opens every link, again and again.
    before = list(Visit.objects.values()), AuditEvent.objects.exclude(action="seen").count()
    for _ in range(3):
        assert Client().get(f"/my-visit/{token}/").status_code == 200
        assert Client().head(f"/my-visit/{token}/").status_code == 200
    assert (list(Visit.objects.values()), AuditEvent.objects.exclude(action="seen").count()) == before
    payload, stamp, seal = token.split(":")
    forged = [f"{visit_id}", f"{payload}:{stamp}", f"{payload}:{stamp}:{seal[::-1]}", f"x{payload}:{stamp}:{seal}", "x" * 400]  # fmt: skip
    # The whole of a SHA-256: nobody guesses it.
    assert len(seal) == 43
    for one in forged:
        assert Client().get(f"/my-visit/{one}/").status_code == 404, one
        assert Client().post(f"/my-visit/{one}/", {"version": 1}).status_code == 404, one
    assert Visit.objects.exclude(pk=visit_id).count() == others


def test_a_desk_ends_links_on_the_page_and_others_do_not(clinic: Clinic) -> None:
    visit_id = taken(clinic, kept(clinic, 1, "pat@example.com"))
    patient_id = Visit.objects.get(pk=visit_id).patient_id
    for role, status in (("biller", 403), ("front_desk", 302)):
        client = Client()
        client.force_login(clinic.account(role))
        assert client.post(f"/patients/{patient_id}/links/").status_code == status
        assert ("End all links" in client.get(f"/patients/{patient_id}/").content.decode()) == (status == 302)
    with transaction.atomic(), pytest.raises(NotFound):
        end_links(small_clinic("Hillside").actor, int(patient_id or 0))
