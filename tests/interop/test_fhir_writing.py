"""What is written as FHIR R4 is read back as the same records, follows HL7's schema, and stands in its file."""

from __future__ import annotations

import json
import random
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from tests.interop.fhir_writing import CHICAGO, STAMP, at, booked, check, written_and_read

from carewheel.interop import fhir
from carewheel.interop.fhir import writing as w
from carewheel.interop.records import (
    AppointmentRecord,
    AvailabilityRecord,
    ChargeRecord,
    ClaimRecord,
    CoverageRecord,
    LocationRecord,
    PatientRecord,
    ProcedureRecord,
    ProviderRecord,
)


@pytest.mark.parametrize(
    "wrong",
    [{"cancellationDate": "2025-03-02"}, {"status": "broken"}, {"start": "2025-03-03"}, {"comment": ""}],
)
def test_the_check_itself_refuses_what_r4_does_not_have(wrong: dict[str, Any]) -> None:
    good = w.appointment(booked(), CHICAGO)
    check(good)
    with pytest.raises(AssertionError):
        check(good | wrong)
    for name in ("status", "participant"):
        with pytest.raises(AssertionError):
            check({key: value for key, value in good.items() if key != name})


# --- by hand, every field


ADDRESS = w.Address(("1 Example Street", ""), "Springfield", "IL", "62701")


def test_places_people_and_cover_come_back_as_they_were(tmp_path: Path) -> None:
    group = LocationRecord("Organization/G", STAMP, "G", name="Invented Dental Group", kind="prov")
    place = LocationRecord("Location/L1", STAMP, "L1", name="North", kind="DENT", zone="America/Chicago")
    doctor = ProviderRecord("D1", STAMP, provider_key="D1", active=True)
    role = ProviderRecord("PractitionerRole/r1", STAMP, "L1", "D1", "dentist", False)
    person = PatientRecord(
        "p1", STAMP, "G", patient_key="p1", status="active", raw_status="true", sex="female", birth_year=1971,
        deceased=False, is_test=False,
    )  # fmt: skip
    cover = CoverageRecord(
        "c1", STAMP, "", "p1", "PAY1", "Invented Health", "DENTPRG", date(2025, 1, 1), date(2025, 12, 31)
    )
    resources = [
        w.organisation(group, npi="1999999984", phone="217-555-0100", address=ADDRESS),
        w.location(place, organisation="G", phone="217-555-0101", address=ADDRESS),
        w.practitioner(doctor, family="Invented", given="Ada Maria", npi="1999999984"),
        w.practitioner_role(role),
        w.patient(
            person, family="Example", given="Pat", birth_date=date(1971, 2, 3), phone="217-555-0102",
            email="pat@example.com", address=ADDRESS,
        ),
        w.coverage(cover, subscriber_id="INV123"),
    ]  # fmt: skip
    sink = written_and_read(tmp_path, *resources)
    # The zone is in the file (below); our reader takes a location's zone from its settings.
    assert sink.table("location") == [group, place._replace(zone="")]
    assert sink.table("provider") == [doctor, role]
    assert sink.table("patient") == [person]
    assert sink.table("coverage") == [cover]
    assert resources[1]["extension"] == [{"url": w.people.ZONE, "valueCode": "America/Chicago"}]
    assert resources[2]["name"] == [{"family": "Invented", "given": ["Ada", "Maria"]}]
    assert resources[4]["birthDate"] == "1971-02-03"
    assert resources[4]["address"] == [
        {"line": ["1 Example Street"], "city": "Springfield", "state": "IL", "postalCode": "62701", "country": "US"}
    ]  # fmt: skip
    assert resources[4]["telecom"] == [
        {"system": "phone", "value": "217-555-0102"},
        {"system": "email", "value": "pat@example.com"},
    ]


@pytest.mark.parametrize(
    "person",
    [
        PatientRecord("p1", None, "", patient_key="p1", status="active", deceased=False, is_test=False),
        PatientRecord(
            "p1", None, "", patient_key="p1", status="inactive", raw_status="false", birth_year=1950,
            deceased=False, is_test=False,
        ),
        PatientRecord(
            "p1", STAMP, "G", patient_key="p1", status="deceased", raw_status="true", deceased=True, is_test=True
        ),
    ],
)  # fmt: skip
def test_patients_of_every_status_come_back(tmp_path: Path, person: PatientRecord) -> None:
    assert written_and_read(tmp_path, w.patient(person)).table("patient") == [person]


def test_an_inactive_patient_is_so_whatever_the_source_called_it(tmp_path: Path) -> None:
    person = PatientRecord(
        "p1", patient_key="p1", status="inactive", raw_status="Archived", deceased=False, is_test=False
    )
    (found,) = written_and_read(tmp_path, w.patient(person)).table("patient")
    assert found == person._replace(raw_status="false")


def test_an_appointment_comes_back_with_the_offset_of_its_place(tmp_path: Path) -> None:
    record = booked()
    utc = record._replace(
        starts_at=record.starts_at.astimezone(UTC) if record.starts_at else None,
        ends_at=datetime(2025, 3, 3, 9, 30),
    )
    resource = w.appointment(utc, CHICAGO)
    assert (resource["start"], resource["end"]) == ("2025-03-03T09:00:00-06:00", "2025-03-03T09:30:00-06:00")
    assert resource["created"] == "2025-02-01T12:00:00-06:00"
    assert "minutesDuration" not in resource
    assert written_and_read(tmp_path, resource).table("appointment") == [record]


def test_a_cancelled_appointment_says_when_by_the_extension_for_r5s_element(tmp_path: Path) -> None:
    when = at("2025-03-02T10:00:00-06:00")
    record = booked(status="cancelled", raw_status="cancelled", cancelled_at=when)
    resource = w.appointment(record, CHICAGO)
    assert resource["extension"] == [
        {
            "url": "http://hl7.org/fhir/5.0/StructureDefinition/extension-Appointment.cancellationDate",
            "valueDateTime": "2025-03-02T10:00:00-06:00",
        }
    ]
    (found,) = written_and_read(tmp_path, resource).table("appointment")
    assert found._replace(cancelled_at=when) == record


def test_minutes_that_are_not_the_time_booked_are_said_so(tmp_path: Path) -> None:
    assert w.appointment(booked(minutes=45.0), CHICAGO)["minutesDuration"] == 45
    read = written_and_read(tmp_path, w.appointment(booked(minutes=45.0), CHICAGO)).table("appointment")
    assert read == [booked(minutes=45.0)]
    # Over the night in which the clock jumps, an hour is an hour: 1:30 to 3:30 on the wall.
    night = booked(starts_at=datetime(2025, 3, 9, 1, 30, tzinfo=CHICAGO), ends_at=None, minutes=60.0)
    assert w.appointment(night, CHICAGO)["end"] == "2025-03-09T03:30:00-05:00"
    assert "minutesDuration" not in w.appointment(
        night._replace(ends_at=datetime(2025, 3, 9, 3, 30, tzinfo=CHICAGO)), CHICAGO
    )


def test_a_visit_comes_back_with_its_steps(tmp_path: Path) -> None:
    steps = {
        "arrived_at": at("2025-03-03T08:52:00-06:00"),
        "roomed_at": at("2025-03-03T09:05:00-06:00"),
        "started_at": at("2025-03-03T15:07:00+00:00"),
        "done_at": at("2025-03-03T09:31:00-06:00"),
    }
    resource = w.encounter(booked(), CHICAGO, **steps)
    assert resource["statusHistory"][2] == {
        "status": "in-progress",
        "period": {"start": "2025-03-03T09:07:00-06:00", "end": "2025-03-03T09:31:00-06:00"},
    }
    sink = written_and_read(tmp_path, resource)
    assert sink.table("appointment") == [
        booked(
            source_id="Encounter/a1", basis="encounter", raw_status="finished", starts_at=steps["arrived_at"],
            ends_at=steps["done_at"], minutes=39.0, booked_at=None,
        )
    ]  # fmt: skip
    assert [(e.appointment_id, e.event, e.happened_at) for e in sink.table("visit_event")] == [
        ("a1", event, moment)
        for event, moment in zip(("arrived", "roomed", "with-clinician", "done"), steps.values(), strict=True)
    ]


def test_a_visit_without_a_booking_refers_to_none(tmp_path: Path) -> None:
    walk_in = booked(source_id="Encounter/a1", basis="encounter", raw_status="finished", booked_at=None)
    resource = w.encounter(walk_in, CHICAGO)
    assert "appointment" not in resource
    assert written_and_read(tmp_path, resource).table("appointment") == [walk_in]
    assert w.encounter(booked(), CHICAGO)["appointment"] == [{"reference": "Appointment/a1"}]
    # What is planned says nothing about the end of a visit that is still going on.
    open_ended = w.encounter(booked(), CHICAGO, arrived_at=at("2025-03-03T10:00:00-06:00"))
    assert open_ended["period"] == {"start": "2025-03-03T10:00:00-06:00"}


def test_hours_come_back_with_who_and_where(tmp_path: Path) -> None:
    start, end = at("2025-03-03T08:00:00-06:00"), at("2025-03-03T12:00:00-06:00")
    free = AvailabilityRecord("h1", STAMP, "L1", "D1", "", "open", "free", start, end, 240.0)
    busy = free._replace(source_id="h2", raw_kind="busy")
    leave = free._replace(source_id="h3", kind="leave", raw_kind="annual")
    resources = [w.schedule("s1", provider_key="D1", location_id="L1")]
    resources += [w.slot(one, "s1", CHICAGO) for one in (free, busy, leave)]
    assert resources[3]["comment"] == "leave"
    assert written_and_read(tmp_path, *resources).table("availability") == [
        free,
        busy,
        leave._replace(kind="closed", raw_kind="busy-unavailable"),
    ]


def test_a_procedure_comes_back(tmp_path: Path) -> None:
    record = ProcedureRecord(
        source_id="x1", recorded_at=STAMP, location_id="L1", procedure_id="x1", patient_key="p1", provider_key="D1",
        appointment_id="a1", code="D0120", code_system="cdt", status="completed", raw_status="completed",
        performed_date=date(2025, 3, 3),
    )  # fmt: skip
    planned = record._replace(
        source_id="x2", procedure_id="x2", status="planned", raw_status="preparation", performed_date=None,
        code="", code_system="",
    )  # fmt: skip
    sink = written_and_read(tmp_path, w.procedure(record), w.procedure(planned))
    assert sink.table("procedure") == [record, planned]


def test_a_file_that_fails_half_way_leaves_what_stood_there(tmp_path: Path) -> None:
    good = w.schedule("s1", location_id="L1")
    w.write_ndjson(tmp_path, {"Schedule": [good]})
    before = (tmp_path / "Schedule.ndjson").read_bytes()
    with pytest.raises(w.NotWritable, match="Schedule"):
        w.write_ndjson(
            tmp_path, {"Schedule": [good] * 1500 + [w.practitioner(ProviderRecord(provider_key="D"))]}
        )
    assert [path.name for path in tmp_path.iterdir()] == ["Schedule.ndjson"]
    assert (tmp_path / "Schedule.ndjson").read_bytes() == before


def test_lines_and_files_stand_in_the_given_order(tmp_path: Path) -> None:
    many = [w.schedule(f"s{i}", location_id="L1") for i in range(2500)]
    assert list(w.write_ndjson(tmp_path, {"Schedule": iter(many), "Slot": ()})) == ["Schedule", "Slot"]
    lines = (tmp_path / "Schedule.ndjson").read_text().splitlines()
    assert [json.loads(line) for line in lines] == many
    assert not (tmp_path / "Slot.ndjson").exists()
    # Nor does a file of an earlier time stay and pass for what was written now.
    w.write_ndjson(tmp_path, {"Schedule": ()})
    assert not list(tmp_path.iterdir())


# --- many, drawn


def _drawn(
    draw: random.Random, i: int
) -> tuple[AppointmentRecord, ClaimRecord, list[ChargeRecord], PatientRecord]:
    def maybe(value: Any, otherwise: Any) -> Any:
        return value if draw.random() < 0.7 else otherwise

    status = draw.choice(sorted(fhir.visits.APPOINTMENT_STATUS))
    start = datetime(2024, 1, 1, tzinfo=UTC) + timedelta(minutes=draw.randrange(2 * 525_600))
    length = draw.randrange(5, 240, 5)
    visit = AppointmentRecord(
        source_id=f"Appointment/a{i}", recorded_at=maybe(start, None), location_id=maybe("L-1", ""),
        appointment_id=f"a{i}", basis="appointment", patient_key=f"p.{i}", provider_key=maybe("D1", ""),
        visit_type=maybe(draw.choice(["CHECKUP", "New patient", "é-1"]), ""), status=status, raw_status=status,
        starts_at=start, ends_at=start + timedelta(minutes=length), minutes=float(maybe(length, length + 7)),
        booked_at=maybe(start - timedelta(days=draw.randrange(1, 90), seconds=draw.random()), None),
    )  # fmt: skip
    number, day = f"c{i}", start.date()
    charges = [
        ChargeRecord(
            source_id=f"{number}|{k}", recorded_at=None, location_id="L-1", currency="USD", claim_id=number,
            appointment_id=maybe(f"a{i}", ""), patient_key=f"p.{i}", code="99213", code_system="cpt",
            amount=Decimal(draw.randrange(-500, 100_000_000)) / 100, service_date=day,
        )
        for k in range(1, draw.randrange(2, 6))
    ]  # fmt: skip
    claim = ClaimRecord(
        source_id=number, location_id="L-1", currency="USD", claim_id=number, patient_key=f"p.{i}",
        payer_id="PAY", payer_name=maybe("Invented Health", ""), kind="professional", status="submitted",
        raw_status="active", amount=sum((c.amount or Decimal(0) for c in charges), Decimal(0)),
        service_date=day, submitted_date=day, is_predetermination=False,
    )  # fmt: skip
    raw = draw.choice(["", "true", "false"])
    dead = draw.random() < 0.1
    person = PatientRecord(
        f"p.{i}", None, maybe("L-1", ""), patient_key=f"p.{i}",
        status="deceased" if dead else "inactive" if raw == "false" else "active", raw_status=raw,
        sex=draw.choice(["male", "female", "other", "unknown", ""]), birth_year=maybe(draw.randrange(1900, 2025), None),
        deceased=dead, is_test=draw.random() < 0.1,
    )  # fmt: skip
    return visit, claim, charges, person


def test_hundreds_of_drawn_records_come_back_as_they_were(tmp_path: Path) -> None:
    draw = random.Random(20260103)
    drawn = [_drawn(draw, i) for i in range(400)]
    resources: list[dict[str, Any]] = []
    for visit, claim, charges, person in drawn:
        zone = ZoneInfo(draw.choice(["America/New_York", "Asia/Kolkata", "Pacific/Auckland", "UTC"]))
        resources += [w.appointment(visit, zone), w.claim(claim, charges, coverage="k1")]
        resources += [w.patient(person, family="Example", given="Pat")]
    sink = written_and_read(tmp_path, *resources)
    assert sink.table("appointment") == [visit for visit, *_ in drawn]
    assert sink.table("claim") == [claim for _, claim, *_ in drawn]
    assert sink.table("charge") == [charge for _, _, charges, _ in drawn for charge in charges]
    assert sink.table("patient") == [person for *_, person in drawn]
