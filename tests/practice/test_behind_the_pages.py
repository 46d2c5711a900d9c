"""The table of jobs, facts on their way to the wheel, and the first start with a small invented group."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from django.db import transaction
from tests.clinic import NOW, Clinic, small_clinic
from tests.practice.test_imports import export, fill

from carewheel.cli import first_start
from carewheel.journeys.draw_a_template import draw_a_template
from carewheel.journeys.take_facts import take_facts
from carewheel.journeys.work_behind_the_pages import JOBS, house, schedule, work_once
from carewheel.practice.access import Actor
from carewheel.practice.facts import tell
from carewheel.practice.members import first_owner
from carewheel.practice.messages import queue_message
from carewheel.practice.models import (
    Job,
    Location,
    Message,
    Occupancy,
    Organisation,
    Patient,
    PendingFact,
    Visit,
)
from carewheel.science.refusal import CannotTell
from carewheel.spokes.operations.commands_booking import hold_slot
from carewheel.spokes.operations.commands_lab import ask_lab
from carewheel.spokes.operations.contracts_booking import BookingRequest
from carewheel.spokes.operations.contracts_template import TemplateWish
from carewheel.warehouse.workspace import Workspace

pytestmark = pytest.mark.django_db


def ask(workspace: Workspace, sql: str) -> list[tuple[object, ...]]:
    line = workspace.connect()
    try:
        return line.execute(sql).fetchall()
    finally:
        line.close()


def book(clinic: Clinic, status: str, minutes: int = 0) -> None:
    with transaction.atomic():
        tell(
            clinic.as_role("owner", at=NOW + timedelta(minutes=minutes)), "appointment", "CW1",
            {"location_id": clinic.location.pk, "appointment_id": "CW1", "basis": "appointment", "patient_key": clinic.patient.pk,
             "provider_key": clinic.practitioner.pk, "status": status, "starts_at": NOW, "ends_at": NOW + timedelta(minutes=30)},
        )  # fmt: skip


def test_facts_reach_the_wheel_once_and_without_names(tmp_path: Path) -> None:
    clinic, workspace = small_clinic(), Workspace(tmp_path)
    book(clinic, "booked")
    assert take_facts(workspace, clinic.actor) == 1
    assert take_facts(workspace, clinic.actor) == 0
    book(clinic, "fulfilled", 60)
    # As after a crash between the load and the mark: taken again, it changes nothing.
    PendingFact.objects.update(taken_at=None)
    assert take_facts(workspace, clinic.actor) == 2
    found = ask(
        workspace, "SELECT source, source_id, status, patient_key, local_date::VARCHAR, zone FROM appointment"
    )
    assert [row[:3] for row in found] == [("carewheel", "CW1", "fulfilled")]
    assert len(str(found[0][3])) == 24
    assert found[0][4:] == ("2026-03-02", "America/New_York")


def test_where_the_practice_system_holds_the_book_its_export_tells_of_bookings(tmp_path: Path) -> None:
    fill(export(tmp_path / "od"))
    workspace = Workspace(tmp_path / "facts")
    organisation, place = Organisation.objects.get(), Location.objects.get()
    actor = Actor(organisation.pk, NOW, system="desk")
    with transaction.atomic():
        tell(
            actor,
            "appointment",
            "12",
            {"location_id": place.pk, "appointment_id": "12", "status": "cancelled"},
        )
        tell(actor, "visit_event", "12.2", {"location_id": place.pk, "appointment_id": "12", "event": "arrived", "happened_at": NOW,
                                            "patient_key": Patient.objects.get(source_id="7").pk})  # fmt: skip
    assert take_facts(workspace, actor) == 2
    assert ask(workspace, "SELECT count(*) FROM appointment") == [(0,)]
    # The pseudonym is that of the import: of the source's own number.
    from carewheel.warehouse.spool import Pseudonyms

    key = Pseudonyms(workspace.secret).of("opendental", "7")
    assert ask(workspace, "SELECT location_id, event, patient_key FROM visit_event") == [
        ("1", "arrived", key)
    ]


def test_the_worker_does_what_is_due(tmp_path: Path) -> None:
    clinic = small_clinic()
    slot = NOW + timedelta(days=1)
    held = hold_slot(clinic.actor, BookingRequest(clinic.location.pk, clinic.check_up.pk, slot), minutes=10)
    with transaction.atomic():
        queue_message(clinic.actor, patient=clinic.patient, purpose="visits", kind="reminder", key="k", subject="Your visit",
                      body="See you.", due_at=NOW)  # fmt: skip
    schedule(NOW)
    schedule(NOW)
    beating = sum(every is not None for _, every, _ in JOBS.values())
    assert Job.objects.count() == beating, "of one organisation each once"
    at_work = house(tmp_path)
    moment = NOW + timedelta(hours=4)
    assert work_once(at_work, lambda: moment) == beating - 2, (
        "the wheel turns, and visits are foreseen, at night"
    )
    assert not Occupancy.objects.filter(visit=held.id).exists()
    assert Message.objects.get().status == "sent"
    assert not Job.objects.exclude(error="").exists(), list(Job.objects.values("kind", "error"))
    night = NOW + timedelta(days=1)
    assert work_once(at_work, lambda: night) == beating
    assert set(Job.objects.values_list("status", flat=True)) == {"waiting"}


def test_the_first_start_shows_a_living_practice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(first_start, "now", lambda: NOW)
    monkeypatch.setattr(first_start, "today", NOW.date)
    monkeypatch.setattr(first_start, "LOCATIONS", 1)
    monkeypatch.setattr(first_start, "MONTHS", 3)
    password = first_start.first_start(tmp_path, "owner@example.com", empty=False, fresh=True)
    assert password
    assert Organisation.objects.get().invented
    assert Location.objects.count() == 1
    ahead = Visit.objects.filter(starts_at__gt=NOW)
    assert ahead.filter(status="booked").count() > 50
    assert not ahead.exclude(status__in=("booked", "cancelled")).exists()
    assert Visit.objects.filter(starts_at__lt=NOW - timedelta(days=1), status="fulfilled").count() > 100
    assert Occupancy.objects.filter(starts_at__gt=NOW).count() > 50
    assert (
        Patient.objects.exclude(family_name="").count()
        == Patient.objects.exclude(search_name="").count()
        > 100
    )
    assert not Patient.objects.exclude(email="").exclude(email__endswith="@example.com").exists()
    assert (tmp_path / "turns").is_dir()
    # The worker, soon after: who may not come of those who are booked, by what was known yesterday.
    assert work_once(house(tmp_path), lambda: NOW) == 1
    booked = ahead.filter(status="booked", patient__isnull=False)
    assert not booked.filter(no_show_risk__isnull=True).exists()
    assert len(set(booked.values_list("no_show_risk", flat=True))) > 20
    assert not Visit.objects.exclude(status="booked").filter(no_show_risk__isnull=False).exists()
    assert not Job.objects.exclude(error="").exists()
    # A question of the access lab, twice, is weighed once and answered as the command would.
    actor, wish = Actor(Organisation.objects.get().pk, NOW, system="lab"), TemplateWish(idle=2.0)
    as_of = NOW.date() - timedelta(days=1)
    assert ask_lab(actor, wish, as_of, "now").is_open
    assert ask_lab(actor, wish, as_of, "now").progress is None
    assert work_once(house(tmp_path), lambda: NOW) == 1
    told = ask_lab(replace(actor, at=NOW + timedelta(hours=1)), wish, as_of, "now")
    try:
        expected, why = draw_a_template(Workspace(tmp_path), as_of, as_of, wish), ""
    except CannotTell as unknown:
        expected, why = None, unknown.remedy
    assert (told.report, told.is_open) == (expected, False)
    assert why.lower() in told.why.lower()
    # Again: nothing is made anew, and no second owner.
    visits = Visit.objects.count()
    assert first_start.first_start(tmp_path, "owner@example.com", empty=False, fresh=False) == ""
    assert Visit.objects.count() == visits
    assert first_owner(Organisation.objects.get(), "other@example.com", NOW) == ""
