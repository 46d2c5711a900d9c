"""People of HL7 feeds, OpenEMR exports and lists by mapping; and visits that a later export no longer has. All invented."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from tests.interop.tables_on_disk import write_tables
from tests.interop.test_persons import LIST, MESSAGES, PATIENT_DATA, USERS
from tests.practice.test_imports import NOW, PATIENT, VISITS, everything, export, fill

from carewheel.interop.files import ReadSettings
from carewheel.journeys.fill_the_practice import Filled, fill_the_practice
from carewheel.journeys.import_sources import GivenSource
from carewheel.practice.access import Actor, Forbidden, Grant, NotFound
from carewheel.practice.models import Consent, Message, Occupancy, Organisation, Patient, Resource, Visit
from carewheel.spokes.operations.commands_missing import end_missing, keep_missing
from carewheel.spokes.operations.models import Gap, MissingVisit, OutboundChange
from carewheel.spokes.operations.queries_missing import missing_visits
from carewheel.warehouse.workspace import Workspace

pytestmark = pytest.mark.django_db
EVENTS = "pc_eid,pc_catid,pc_aid,pc_pid,pc_title,pc_eventDate,pc_endDate,pc_duration,pc_recurrtype,pc_startTime,pc_endTime,pc_apptstatus,pc_facility\n5,5,3,7,Check,2026-03-03,,1800,0,10:00:00,10:30:00,-,1"
FACILITY = "id,name,facility_npi\n1,North,1234567893"


def take(*folders: Path, at: datetime = NOW) -> Filled:
    settings = ReadSettings(today=at.date(), zone="America/Chicago")
    return fill_the_practice(
        Workspace(folders[0].parent / "workspace"), [GivenSource(one) for one in folders], settings, at
    )


def names() -> dict[str, tuple[str, str]]:
    return {p.source_id: (p.display_name, p.phone) for p in Patient.objects.all()}


def test_an_hl7_feed_fills_the_people_and_a_later_message_wins(tmp_path: Path) -> None:
    folder = tmp_path / "hl7"
    folder.mkdir()
    later = MESSAGES.replace("20260301120000", "20260301130000").replace("Example^Pat^Q", "Married^Pat^Q")
    # The earlier message comes last: when it was sent decides.
    (folder / "a.hl7").write_text(later)
    (folder / "b.hl7").write_text(MESSAGES)
    assert take(folder).patients_made == 2
    assert names() == {"7": ("Pat Q Married", "5555550107"), "8": ("Sam Sample", "5550108")}
    assert Patient.objects.get(source_id="7").birth_date is not None
    assert Visit.objects.get().patient == Patient.objects.get(source_id="7")
    before = everything()
    assert take(folder, at=NOW + timedelta(hours=1)).patients_changed == 0
    assert everything() == before
    # A feed tells of what changed: a visit that it does not tell of stands.
    (folder / "a.hl7").unlink()
    (folder / "b.hl7").write_text(MESSAGES.replace("SCH|11|11", "SCH|12|12"))
    assert take(folder).missing == 0


def test_an_openemr_export_fills_people_and_practitioners(tmp_path: Path) -> None:
    folder = write_tables(
        tmp_path / "emr", patient_data=PATIENT_DATA, users=USERS, facility=FACILITY, events=EVENTS
    )
    take(folder)
    assert names() == {"7": ("Pat Example", "5550107"), "8": ("Sam Sample", "5550108")}
    assert Resource.objects.get(kind="practitioner", source_id="3").name == "Ada Adler"
    assert {c.patient.source_id: c.given for c in Consent.objects.all()} == {"7": True, "8": False}
    before = everything()
    again = take(folder, at=NOW + timedelta(hours=1))
    assert (again.patients_made, again.patients_changed) == (0, 0)
    assert everything() == before


def test_a_list_says_who_the_people_of_a_system_are_where_it_does_not(tmp_path: Path) -> None:
    nameless = "\n".join(
        ",".join([a, "", "", *rest])
        for a, _, _, *rest in (line.split(",") for line in PATIENT.splitlines()[1:3])
    )
    folder = export(
        tmp_path / "od",
        patient=f"{PATIENT.splitlines()[0]}\n{nameless.replace('sam@example.com', '').replace('pat@example.com', '')}",
    )
    (tmp_path / "list").mkdir()
    (tmp_path / "list" / "people.csv").write_text(LIST)
    take(folder, tmp_path / "list")
    found = names()
    assert found["7"][0] == "Pat Example"
    assert found["8"][0] == "Sam Sample"
    assert Patient.objects.get(source_id="7").email == "pat@example.com"
    assert set(Patient.objects.values_list("source", flat=True)) == {"opendental"}
    before = everything()
    take(folder, tmp_path / "list", at=NOW + timedelta(hours=1))
    assert everything() == before
    # What the practice system says itself is not taken back by the list.
    (tmp_path / "list" / "people.csv").write_text(LIST.replace("Example", "Wrong"))
    assert take(folder, tmp_path / "list").patients_changed == 0


def test_a_list_alone_fills_the_patients(tmp_path: Path) -> None:
    (tmp_path / "list").mkdir()
    (tmp_path / "list" / "people.csv").write_text(LIST)
    assert take(tmp_path / "list").patients_made == 3
    assert take(tmp_path / "list").patients_made == 0


# --- what a later export does not have

LINES = VISITS.splitlines()
WITHOUT_13 = "\n".join(line for line in LINES if not line.startswith("13,"))


def actor(**words: object) -> Actor:
    return Actor(Organisation.objects.get().pk, NOW, grants=(Grant("front_desk"),), **words)  # type: ignore[arg-type]


def test_a_visit_that_the_export_has_no_more_is_marked_and_stays(tmp_path: Path) -> None:
    fill(export(tmp_path / "od"))
    assert fill(export(tmp_path / "od", WITHOUT_13)).missing == 1
    (line,) = missing_visits(actor())
    assert (line.visit.patient_name, line.visit.status, line.since) == ("Sam Example", "booked", NOW)
    assert Occupancy.objects.filter(visit=line.visit.id).exists()
    # The same export again marks nothing new; one that has it again takes the mark back.
    assert fill(export(tmp_path / "od", WITHOUT_13)).missing == 0
    assert len(missing_visits(actor())) == 1
    assert fill(export(tmp_path / "od")).missing == 0
    assert missing_visits(actor()) == ()
    assert fill(export(tmp_path / "od", WITHOUT_13)).missing == 1


def test_the_desk_keeps_it_or_takes_it_off_and_the_patient_is_not_told(tmp_path: Path) -> None:
    fill(export(tmp_path / "od"))
    fill(export(tmp_path / "od", WITHOUT_13))
    (line,) = missing_visits(actor())
    with pytest.raises(NotFound):
        keep_missing(replace(actor(), organisation_id=line.id + 99), line.id)
    with pytest.raises(Forbidden):
        keep_missing(replace(actor(), grants=(Grant("staff"),)), line.id)
    keep_missing(actor(), line.id)
    assert missing_visits(actor()) == ()
    assert fill(export(tmp_path / "od", WITHOUT_13)).missing == 0, "it was decided"
    assert Visit.objects.get(source_id="13").status == "booked"
    MissingVisit.objects.update(state="open")
    end_missing(actor(), line.id)
    end_missing(actor(), line.id)
    visit = Visit.objects.get(source_id="13")
    assert (visit.status, visit.cancel_reason) == ("cancelled", "not in the practice system any more")
    assert not Occupancy.objects.filter(visit=visit).exists()
    assert Gap.objects.filter(from_visit=visit).count() == 1
    assert not OutboundChange.objects.exists()
    assert not Message.objects.exists()
    # It comes back all the same.
    fill(export(tmp_path / "od"))
    assert Visit.objects.get(source_id="13").status == "booked"


def test_a_part_of_a_book_marks_nothing(tmp_path: Path) -> None:
    fill(export(tmp_path / "od"))
    part = "\n".join([LINES[0], LINES[-1]])
    filled = fill(export(tmp_path / "od", part))
    assert filled.missing == 0, "it ends before them"
    few = fill(export(tmp_path / "od", "\n".join([LINES[0], LINES[3].replace("10:15", "16:15")])))
    assert few.missing == 0
    assert any("part of the book" in note for note in few.notes)
    assert Visit.objects.filter(status="booked").count() == 3


def test_put_on_the_list_of_the_unscheduled_it_is_not_on_the_book(tmp_path: Path) -> None:
    fill(export(tmp_path / "od"))
    filled = fill(export(tmp_path / "od", VISITS.replace("13,8,1,", "13,8,3,")))
    assert filled.missing == 1
    assert [line.visit.patient_name for line in missing_visits(actor())] == ["Sam Example"]
