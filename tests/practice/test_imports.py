"""From an export to the operational tables: everything there, the same again changes nothing, later exports move what they say. All invented."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.interop.tables_on_disk import write_tables

from carewheel.interop.files import FileRefused, ReadSettings, SourceFile, refused
from carewheel.interop.records import AppointmentRecord
from carewheel.journeys.fill_the_practice import Filled, fill_the_practice
from carewheel.journeys.import_sources import GivenSource, SourceRefused
from carewheel.practice.access import Actor
from carewheel.practice.imports import spool
from carewheel.practice.imports.book import Book
from carewheel.practice.imports.spool import Spool
from carewheel.practice.models import (
    AuditEvent,
    Closure,
    Consent,
    Leave,
    Location,
    Occupancy,
    OpeningHours,
    Organisation,
    Patient,
    Resource,
    StaffMember,
    Visit,
    VisitNeed,
    VisitType,
    WorkingHours,
)
from carewheel.spokes.operations.commands_booking import cancel_visit
from carewheel.spokes.operations.queries_waitlist import outbound
from carewheel.warehouse.workspace import Workspace

pytestmark = pytest.mark.django_db
# A Monday, noon in Chicago.
NOW = datetime(2026, 3, 2, 18, 0, tzinfo=UTC)
CLINIC = "ClinicNum,Description,TimeZone\n1,North,America/Chicago"
OPERATORY = "OperatoryNum,OpName,IsHidden,ClinicNum\n1,Op 1,0,1\n2,Op 2,0,1"
PROVIDER = "ProvNum,LName,FName,IsHidden,IsSecondary\n3,Adler,Ada,0,0\n4,Baker,Ben,0,1"
TYPES = "AppointmentTypeNum,AppointmentTypeName,ItemOrder,IsHidden,Pattern\n1,hygiene,1,0,XXXXXXXXXXXX\n2,filling,2,0,XXXXXX"
PATIENT = """PatNum,LName,FName,PatStatus,Gender,Birthdate,WirelessPhone,Email,TxtMsgOk,PreferContactMethod,ClinicNum
7,Example,Pat,0,1,1980-02-03,(555) 555-0107,pat@example.com,1,8,1
8,Example,Sam,0,0,1990-01-01,555-0108,"sam@example.com, all@example.com",2,5,1
9,Sample,Old,3,0,1930-01-01,,,0,0,1"""
APPOINTMENT = (
    "AptNum,PatNum,AptStatus,Pattern,Op,ProvNum,ProvHyg,AptDateTime,IsNewPatient,ClinicNum,IsHygiene,DateTStamp,"
    "DateTimeArrived,DateTimeSeated,DateTimeDismissed,AppointmentTypeNum,SecDateTEntry"
)
VISITS = """11,7,2,XXXXXX,1,3,0,2026-02-23 09:00:00,0,1,0,2026-02-23 09:40:00,2026-02-23 08:55:00,2026-02-23 09:02:00,2026-02-23 09:40:00,2,2026-01-05 10:00:00
12,7,1,XXXXXXXXXXXX,2,3,4,2026-03-03 10:00:00,0,1,1,2026-02-20 10:00:00,,,,1,2026-02-20 10:00:00
13,8,1,XXXXXX,1,3,0,2026-03-03 10:00:00,1,1,0,2026-02-21 10:00:00,,,,2,2026-02-21 10:00:00
14,8,1,XXXXXX,1,3,0,2026-03-03 10:15:00,0,1,0,2026-02-21 10:00:00,,,,2,2026-02-21 10:00:00
15,99,2,XXXXXX,1,3,0,2025-06-02 10:00:00,0,1,0,2025-06-02 10:40:00,,,,2,2025-05-21 10:00:00"""
SESSIONS = [
    f"{n},{day},{start},{end},1,3,0,,0,0,1"
    for n, (day, start, end) in enumerate(
        ((date(2026, 1, 12) + timedelta(days=7 * week), start, end) for week in range(8) for start, end in (("08:00:00", "12:00:00"), ("13:00:00", "17:00:00"))), 1
    )
]  # fmt: skip
SCHEDULE = "ScheduleNum,SchedDate,StartTime,StopTime,SchedType,ProvNum,BlockoutType,Note,Status,EmployeeNum,ClinicNum\n" + "\n".join(
    [*SESSIONS, "90,2026-03-05,12:00:00,13:00:00,1,3,0,,1,0,1", "91,2026-07-03,00:00:00,00:00:00,0,0,0,,2,0,1"]
)  # fmt: skip


def export(folder: Path, visits: str = VISITS, **more: str) -> Path:
    tables = {
        "clinic": CLINIC, "operatory": OPERATORY, "provider": PROVIDER, "types": TYPES, "patient": PATIENT,
        "appointment": f"{APPOINTMENT}\n{visits}", "schedule": SCHEDULE,
    }  # fmt: skip
    return write_tables(folder, **(tables | more))


def fill(folder: Path, at: datetime = NOW, **words: Any) -> Filled:
    settings = ReadSettings(today=at.date())
    return fill_the_practice(
        Workspace(folder.parent / "workspace"), [GivenSource(folder)], settings, at, **words
    )


def everything() -> dict[str, list[Any]]:
    """All rows of the tables that an import fills."""
    tables = (Location, Resource, StaffMember, Patient, Consent, VisitType, VisitNeed, Visit, Occupancy, WorkingHours,
              OpeningHours, Leave, Closure)  # fmt: skip
    return {table.__name__: list(table.objects.order_by("pk").values()) for table in tables}


def test_an_export_fills_the_tables(tmp_path: Path) -> None:
    filled = fill(export(tmp_path / "od"))
    assert (filled.locations, filled.patients_made, filled.visits_made) == (1, 3, 5)
    place = Location.objects.get()
    assert (place.name, place.zone, place.mode, place.source) == (
        "North",
        "America/Chicago",
        "beside",
        "opendental",
    )
    assert list(Resource.objects.order_by("kind", "order").values_list("kind", "name")) == [
        ("practitioner", "Ada Adler"), ("practitioner", "Ben Baker"), ("room", "Chair 1"), ("room", "Chair 2"),
    ]  # fmt: skip
    by_id = {p.source_id: p for p in Patient.objects.all()}
    assert by_id["7"].display_name == "Pat Example"
    assert (by_id["7"].phone, by_id["7"].preferred_channel, by_id["7"].search_name) == (
        "5555550107",
        "sms",
        "example pat",
    )
    assert by_id["8"].email == "", "two addresses are none"
    assert by_id["9"].active is False
    assert by_id["99"].display_name == "Patient 99", "known by a visit only"
    assert {c.patient.source_id: c.given for c in Consent.objects.all()} == {"7": True, "8": False}
    done = Visit.objects.get(source_id="11")
    assert (done.status, done.raw_status, done.visit_type and done.visit_type.name) == (
        "fulfilled",
        "2",
        "filling",
    )
    assert done.starts_at == datetime(2026, 2, 23, 15, 0, tzinfo=UTC)
    assert done.done_at == datetime(2026, 2, 23, 15, 40, tzinfo=UTC)
    hygiene = VisitType.objects.get(name="hygiene")
    assert hygiene.minutes == 60
    assert [(n.kind, [c.name for c in n.capabilities.all()]) for n in hygiene.needs.order_by("order")] == [
        ("practitioner", ["hygienist"]), ("room", []),
    ]  # fmt: skip
    # Both visits of 10:00 are shown as the book has them; old ones take up nothing.
    assert set(Occupancy.objects.values_list("visit__source_id", "overbooks")) == {("12", True), ("13", True), ("14", True)}  # fmt: skip
    assert list(WorkingHours.objects.filter(resource__name="Ada Adler").order_by("starts").values_list("weekday", "starts", "ends", "assumed")) == [
        (0, time(8), time(12), True), (0, time(13), time(17), True),
    ]  # fmt: skip
    assert list(OpeningHours.objects.values_list("weekday", "opens", "closes", "assumed")) == [(0, time(8), time(17), True)]  # fmt: skip
    assert Leave.objects.get().starts_at == datetime(2026, 3, 5, 18, 0, tzinfo=UTC)
    assert Closure.objects.get().date == date(2026, 7, 3)
    assert AuditEvent.objects.get().detail["visits_made"] == 5


def test_the_same_again_changes_nothing(tmp_path: Path) -> None:
    folder = export(tmp_path / "od")
    fill(folder)
    before = everything()
    again = fill(folder, NOW + timedelta(hours=1))
    assert everything() == before
    assert (again.patients_made, again.patients_changed, again.visits_made, again.visits_changed) == (
        0,
        0,
        0,
        0,
    )


def test_a_later_export_moves_what_it_says(tmp_path: Path) -> None:
    fill(export(tmp_path / "od"))
    lines = VISITS.splitlines()
    lines[1] = lines[1].replace("2026-03-03 10:00:00", "2026-03-04 11:00:00").replace("2026-02-20 10:00:00,,,", "2026-03-01 10:00:00,,,")  # fmt: skip
    lines[2] = lines[2].replace("13,8,1", "13,8,5")
    filled = fill(export(tmp_path / "od", "\n".join(lines), patient=PATIENT.replace("0107", "0199")))
    assert (filled.visits_changed, filled.patients_changed, filled.visits_made) == (2, 1, 0)
    assert Visit.objects.get(source_id="12").starts_at == datetime(2026, 3, 4, 17, 0, tzinfo=UTC)
    assert Visit.objects.get(source_id="12").version == 2
    assert Visit.objects.get(source_id="13").status == "cancelled"
    taken = Occupancy.objects.order_by("visit__source_id", "need_order").values_list(
        "visit__source_id", "starts_at"
    )
    assert set(taken) == {
        ("12", datetime(2026, 3, 4, 17, 0, tzinfo=UTC)), ("14", datetime(2026, 3, 3, 16, 15, tzinfo=UTC)),
    }  # fmt: skip
    assert Patient.objects.get(source_id="7").phone == "5555550199"


def test_a_step_never_goes_back(tmp_path: Path) -> None:
    fill(export(tmp_path / "od"))
    Visit.objects.filter(source_id="12").update(status="arrived", arrived_at=NOW)
    fill(export(tmp_path / "od"))
    assert Visit.objects.get(source_id="12").status == "arrived"


def test_a_change_of_ours_stays_until_the_practice_system_answers(tmp_path: Path) -> None:
    fill(export(tmp_path / "od"))
    actor = Actor(Organisation.objects.get().pk, NOW, system="desk")
    visit = Visit.objects.get(source_id="13")
    cancel_visit(actor, visit.pk, visit.version, "cannot come")
    fill(export(tmp_path / "od"), NOW + timedelta(hours=1))
    assert Visit.objects.get(pk=visit.pk).status == "cancelled", "it has not taken it over yet"
    assert [line.state for line in outbound(actor)] == ["open"]
    fill(export(tmp_path / "od", VISITS.replace("13,8,1", "13,8,5")), NOW + timedelta(hours=2))
    assert outbound(actor) == (), "confirmed"
    assert Visit.objects.get(pk=visit.pk).status == "cancelled"


def test_a_place_that_keeps_its_book_here_is_left_alone(tmp_path: Path) -> None:
    fill(export(tmp_path / "od"))
    Location.objects.update(mode="master")
    before = everything()
    filled = fill(export(tmp_path / "od", VISITS.replace("2026-03-03 10", "2026-03-06 10"), patient=PATIENT.replace("0107", "0199")))  # fmt: skip
    assert everything() == before
    assert filled.held_here == 5


def test_a_killed_import_is_completed_by_the_next(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spool, "BATCH", 2)
    folder = export(tmp_path / "od")
    take, batches = Book.take, iter(range(2))

    def killed(self: Book, told: Any) -> None:
        if next(batches, None) is None:
            raise KeyboardInterrupt
        take(self, told)

    with monkeypatch.context() as patch:
        patch.setattr(Book, "take", killed)
        with pytest.raises(KeyboardInterrupt):
            fill(folder)
    part = Visit.objects.count()
    assert part == 4
    assert not WorkingHours.objects.exists()
    fill(folder)
    assert Visit.objects.count() == 5
    assert WorkingHours.objects.exists()


def test_a_refused_file_leaves_nothing_of_it(tmp_path: Path) -> None:
    taken = Spool(tmp_path)
    sink = taken.sink(0, {}, lambda name, done: None)
    file = SourceFile(tmp_path, "a.csv")
    for refusal in (None, FileRefused(refused("csv.cut", "It is cut off."))):
        with sink.file(file) as out:
            out.add(AppointmentRecord(appointment_id=str(bool(refusal)), location_id="1", visit_type="x"))
            out.flush()
            if refusal:
                raise refusal
    assert [[one.key for one in batch] for batch in taken.visits(0)] == [["False"]]
    assert taken.seen[0].places == {"1": 1}
    taken.close()


def fhir(folder: Path, *resources: dict[str, Any]) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "a.ndjson").write_text("\n".join(map(json.dumps, resources)))
    return folder


def test_fhir_encounters_complete_their_appointments_and_hours_come_from_the_book(tmp_path: Path) -> None:
    people = [
        {"resourceType": "Location", "id": "L", "name": "South"},
        {"resourceType": "Practitioner", "id": "d1", "name": [{"family": "Adler", "given": ["Ada"]}]},
        {"resourceType": "Patient", "id": "p1", "name": [{"family": "Example", "given": ["Pat"]}], "birthDate": "1980-02-03"},
    ]  # fmt: skip
    visits = [
        {
            "resourceType": "Appointment", "id": f"a{week}", "status": "booked", "appointmentType": {"coding": [{"code": "check"}]},
            "start": f"{date(2026, 1, 12) + timedelta(days=7 * week)}T09:10:00-05:00",
            "end": f"{date(2026, 1, 12) + timedelta(days=7 * week)}T09:40:00-05:00",
            "participant": [{"actor": {"reference": r}} for r in ("Patient/p1", "Practitioner/d1", "Location/L")],
        }
        for week in range(8)
    ]  # fmt: skip
    encounter = {
        "resourceType": "Encounter", "id": "e0", "status": "finished", "appointment": [{"reference": "Appointment/a0"}],
        "subject": {"reference": "Patient/p1"}, "period": {"start": "2026-01-12T09:12:00-05:00", "end": "2026-01-12T09:50:00-05:00"},
        "statusHistory": [{"status": "arrived", "period": {"start": "2026-01-12T09:00:00-05:00"}}],
    }  # fmt: skip
    folder = fhir(tmp_path / "fhir", *people, *visits, encounter)
    filled = fill_the_practice(
        Workspace(tmp_path / "workspace"), [GivenSource(folder)],
        ReadSettings(today=NOW.date(), zone="America/New_York"), NOW,
    )  # fmt: skip
    assert Visit.objects.count() == 8
    first = Visit.objects.get(source_id="a0")
    assert (first.status, first.arrived_at) == ("fulfilled", datetime(2026, 1, 12, 14, 0, tzinfo=UTC))
    assert (first.starts_at, first.done_at) == (datetime(2026, 1, 12, 14, 10, tzinfo=UTC), datetime(2026, 1, 12, 14, 50, tzinfo=UTC))  # fmt: skip
    assert list(WorkingHours.objects.values_list("weekday", "starts", "ends")) == [(0, time(9), time(9, 45))]
    assert any("worked out" in note for note in filled.notes)


def test_visit_types_are_called_as_the_source_calls_them_and_then_as_people_do(tmp_path: Path) -> None:
    def visit(n: int, code: str, **words: Any) -> dict[str, Any]:
        start = f"2026-01-{12 + n}T09:10:00-05:00"
        kind = {
            "coding": [{"system": "http://snomed.info/sct", "code": code, **words.get("coding", {})}],
            **words.get("concept", {}),
        }
        return {
            "resourceType": "Encounter", "id": f"e{n}", "status": "finished", "type": [kind], "subject": {"reference": "Patient/p1"},
            "period": {"start": start, "end": start.replace("09:10", "09:40")}, "location": [{"location": {"reference": "Location/L"}}],
        }  # fmt: skip

    def taken(*resources: dict[str, Any]) -> dict[str, str]:
        people = [{"resourceType": "Location", "id": "L", "name": "South"}, {"resourceType": "Patient", "id": "p1"}]  # fmt: skip
        settings = ReadSettings(today=NOW.date(), zone="America/New_York")
        given = [GivenSource(fhir(tmp_path / "fhir", *people, *resources))]
        fill_the_practice(Workspace(tmp_path / "workspace"), given, settings, NOW)
        return dict(VisitType.objects.values_list("code", "name"))

    shown = {"coding": {"display": "Encounter for problem (procedure)"}}
    visits = [visit(0, "185347001"), visit(1, "185347002", **shown), visit(2, "185347003", **shown)]
    named = {
        "185347001": "185347001",
        "185347002": "Encounter for problem (procedure)",
        "185347003": "Encounter for problem (procedure), 185347003",
    }
    assert taken(*visits) == named
    # A later export says it in words; meanwhile somebody has a name of their own for the other.
    VisitType.objects.filter(code="185347002").update(name="Sick visit")
    visits[0] = visit(0, "185347001", concept={"text": "Well child visit"})
    visits[2] = visit(2, "185347003", coding={"display": {"wrong": "shape"}})
    named |= {"185347001": "Well child visit", "185347002": "Sick visit"}
    assert taken(*visits) == named
    assert Visit.objects.count() == 3


def test_invented_and_real_are_never_mixed_and_organisations_never_guessed(tmp_path: Path) -> None:
    folder = export(tmp_path / "od")
    fill(folder)
    (folder / "carewheel.toml").write_text('invented = true\nsource = "od"\n')
    with pytest.raises(SourceRefused, match="never mixed"):
        fill(folder)
    (folder / "carewheel.toml").unlink()
    Organisation.objects.create(name="Other", created_at=NOW)
    with pytest.raises(SourceRefused, match="--organisation"):
        fill(folder)
    fill(folder, organisation="Other")
    assert Visit.objects.count() == 10, "another organisation has its own"


def test_an_invented_world_stands_as_it_does_now(tmp_path: Path) -> None:
    folder = export(tmp_path / "od", VISITS + "\n16,7,2,XXXXXX,1,3,0,2026-03-02 11:45:00,0,1,0,2026-03-02 12:30:00,2026-03-02 11:40:00,2026-03-02 12:05:00,2026-03-02 12:30:00,2,2026-02-01 10:00:00"
                    + "\n17,7,2,XXXXXX,1,3,0,2026-03-09 09:00:00,0,1,0,2026-03-09 09:30:00,2026-03-09 08:55:00,2026-03-09 09:00:00,2026-03-09 09:30:00,2,2026-03-04 10:00:00")  # fmt: skip
    (folder / "carewheel.toml").write_text('invented = true\nsource = "od"\n')
    fill(folder, holidays={date(2026, 12, 25): "Christmas Day"})
    assert Closure.objects.filter(name="Christmas Day").count() == Location.objects.count() == 1
    assert not Visit.objects.filter(source_id="17").exists(), "not booked yet"
    now = Visit.objects.get(source_id="16")
    assert (now.status, now.roomed_at, now.done_at) == ("arrived", None, None)
    fill(folder, NOW + timedelta(days=10))
    assert Visit.objects.get(source_id="16").status == "fulfilled"
    assert Visit.objects.get(source_id="17").status == "fulfilled"
