"""What a change of the book causes in its transaction: messages, facts, SIU messages that our own reader reads back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.db import OperationalError
from tests.clinic import NOW, Clinic, small_clinic
from tests.interop.collecting import CollectingSink

from carewheel.interop import hl7v2
from carewheel.interop.files import ReadSettings, SourceFile
from carewheel.interop.records import AppointmentRecord
from carewheel.practice.access import Conflict
from carewheel.practice.models import Message, PendingFact
from carewheel.spokes.operations.commands_booking import book_visit, cancel_visit, hold_slot, move_visit
from carewheel.spokes.operations.commands_day import mark_visit
from carewheel.spokes.operations.contracts_booking import BookingRequest, VisitDetail
from carewheel.spokes.operations.models import OutboundChange
from carewheel.spokes.operations.transactions import whole

TEN = datetime(2026, 3, 4, 15, 0, tzinfo=UTC)  # Wednesday, 10:00 in New York


def booked(clinic: Clinic) -> VisitDetail:
    return book_visit(
        clinic.actor, BookingRequest(clinic.location.pk, clinic.check_up.pk, TEN, clinic.patient.pk)
    )


@pytest.mark.django_db
@pytest.mark.parametrize("mode", ["master", "beside"])
def test_the_patient_is_told_and_what_is_outdated_is_withdrawn(mode: str) -> None:
    clinic = small_clinic(mode=mode)
    made = booked(clinic)
    first, reminder = Message.objects.order_by("pk")
    assert (first.kind, first.due_at) == ("confirmation", NOW)
    assert first.body == "Your visit is booked for Wednesday 4 March, 10:00, Lakeside."
    assert (reminder.kind, reminder.due_at) == ("reminder", TEN - timedelta(hours=24))
    assert "Check-up" not in first.body + reminder.body
    moved = move_visit(clinic.actor, made.id, 1, TEN + timedelta(hours=1))
    cancel_visit(clinic.actor, made.id, moved.version, "ill")
    kinds = Message.objects.order_by("pk").values_list("kind", "status")
    assert list(kinds) == [
        ("confirmation", "cancelled"),
        ("reminder", "cancelled"),
        ("confirmation", "cancelled"),
        ("reminder", "cancelled"),
        ("cancellation", "waiting"),
    ]
    hold_slot(clinic.actor, BookingRequest(clinic.location.pk, clinic.check_up.pk, TEN, clinic.patient.pk))
    assert Message.objects.count() == 5


@pytest.mark.django_db
def test_facts_follow_each_step() -> None:
    clinic = small_clinic()
    made = booked(clinic)
    at = clinic.as_role("owner", at=TEN)
    mark_visit(at, made.id, 1, "arrived")
    mark_visit(at, made.id, 2, "undo")
    mark_visit(at, made.id, 3, "noshow")
    steps = PendingFact.objects.filter(table="visit_event").order_by("pk")
    assert [one.record["event"] for one in steps] == ["booked", "arrived", "noshow"]
    told = PendingFact.objects.filter(table="appointment").order_by("pk")
    assert [one.record["status"] for one in told] == ["booked", "arrived", "booked", "noshow"]
    assert {one.source_id for one in told} == {f"CW{made.id}"}
    last = told.reverse()[0].record
    assert last["provider_key"] == clinic.practitioner.pk
    assert (last["basis"], last["minutes"], last["starts_at"]) == ("appointment", 30, TEN.isoformat())


@pytest.mark.django_db
def test_messages_to_the_practice_system_are_read_back(tmp_path: Path) -> None:
    clinic = small_clinic(mode="beside")
    made = booked(clinic)
    moved = move_visit(clinic.actor, made.id, 1, TEN + timedelta(hours=1))
    cancel_visit(clinic.actor, made.id, moved.version, "ill")
    messages = OutboundChange.objects.order_by("pk")
    assert [one.event for one in messages] == ["S12", "S13", "S15"]
    assert messages[1].was_at == TEN
    path = tmp_path / "out.hl7"
    path.write_text("".join(one.message for one in messages), "utf-8")
    sink = CollectingSink()
    hl7v2.read([(SourceFile(path, path.name), "messages")], sink, ReadSettings(today=NOW.date()))
    assert not sink.files[0].findings
    told = [one for one in sink.records if isinstance(one, AppointmentRecord)]
    assert [(one.status, one.starts_at) for one in told] == [
        ("booked", TEN),
        ("booked", TEN + timedelta(hours=1)),
        ("cancelled", TEN + timedelta(hours=1)),
    ]
    assert {one.appointment_id for one in told} == {f"CW{made.id}"}
    assert {one.provider_key for one in told} == {f"CW{clinic.practitioner.pk}"}


@pytest.mark.django_db
def test_a_database_that_stays_locked_is_a_refusal() -> None:
    def fails(words: str) -> None:
        raise OperationalError(words)

    with pytest.raises(Conflict) as refusal:
        whole(lambda: fails("database is locked"))
    assert refusal.value.code == "busy"
    with pytest.raises(OperationalError):
        whole(lambda: fails("disk I/O error"))
