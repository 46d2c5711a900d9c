"""All HL7 v2 messages of the shared data, held to a plain count and to the R4 Bundles of another converter."""

from __future__ import annotations

import gzip
import json
from collections import Counter
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from tests.interop.collecting import CollectingSink

from carewheel.interop import hl7v2
from carewheel.interop.files import ReadSettings, SourceFile

pytestmark = pytest.mark.needs_data
SETTINGS = ReadSettings(today=date(2026, 1, 31))
# What is not used, by trigger: a deleted person, allergies, accounts (not used yet); merges and moves (not applied).
UNUSED = {"A29", "A60", "P01", "P02", "P12"}
MERGES = {"A40", "A41", "A45", "A47"}


def files(shared_data: Path) -> list[Path]:
    found = sorted((shared_data / "interop" / "hl7v2").glob("*.hl7"))
    assert len(found) == 42
    return found


def read(path: Path) -> CollectingSink:
    sink = CollectingSink()
    hl7v2.read([(SourceFile(path, path.name), "messages")], sink, SETTINGS)
    return sink


def lines(path: Path) -> list[list[str]]:
    text = path.read_text("utf-8-sig").replace("\r\n", "\n").replace("\r", "\n")
    return [line.split("|") for line in text.split("\n") if line.strip()]


def test_every_message_is_counted_once_and_as_a_plain_count_says(shared_data: Path) -> None:
    for path in files(shared_data):
        segments = lines(path)
        kind, trigger = segments[0][8].split("^")[:2]
        sink = read(path)
        got = sink.files[0]
        assert (
            got.rows_used + got.rows_refused + got.rows_ignored == sum(s[0] == "MSH" for s in segments) == 1
        )
        assert got.rows_refused == 0, path.name
        assert (got.rows_ignored == 1) == (trigger in UNUSED | MERGES), path.name
        counts = Counter(type(record).__name__ for record in got.records)
        if kind == "SIU":
            assert counts == {"AppointmentRecord": 1, "VisitEventRecord": 1}, path.name
        elif kind == "DFT":
            extended = [Decimal(s[11].split("^")[0].split("&")[0]) for s in segments if s[0] == "FT1"]
            assert [record.amount for record in got.records] == extended
            assert got.tallies["charges"] == sum(extended)
        elif kind == "ADT" and got.rows_used:
            visit = next(s for s in segments if s[0] == "PV1")
            planned = [s[8] for s in segments if s[0] == "PV2" and len(s) > 8]
            is_placed = trigger not in ("A28", "A31") and bool(
                (visit[44] if len(visit) > 44 else "") or any(planned)
            )
            expected = {"PatientRecord": 1} | (
                {"AppointmentRecord": 1, "VisitEventRecord": 1} if is_placed else {}
            )
            assert counts == expected, path.name


def bundle(path: Path) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {}
    with gzip.open(path.parent / "expected-fhir-r4" / f"{path.stem}-expected.json.gz") as stream:
        for entry in json.load(stream)["entry"]:
            found.setdefault(entry["resource"]["resourceType"], []).append(entry["resource"])
    return found


def moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def test_appointments_and_visits_agree_with_another_converter(shared_data: Path) -> None:
    compared: Counter[str] = Counter()
    for path in files(shared_data):
        if not (path.parent / "expected-fhir-r4" / f"{path.stem}-expected.json.gz").exists():
            continue
        theirs, sink = bundle(path), read(path)
        ours = sink.table("appointment")
        for appointment in theirs.get("Appointment", []):
            compared["appointment"] += 1
            assert ours[0].appointment_id in {one["value"] for one in appointment["identifier"]}
            assert ours[0].status == appointment["status"], path.name
            assert (ours[0].starts_at, ours[0].ends_at) == (
                moment(appointment["start"]),
                moment(appointment["end"]),
            )
        if path.name.startswith("ADT") and ours:
            encounter = theirs["Encounter"][0]
            compared["encounter"] += 1
            period = encounter.get("period", {})
            assert ours[0].starts_at == moment(period.get("start")), path.name
            # Without PV1-45 the other converter takes the expected end of PV2-9, which is no end.
            assert ours[0].ends_at in (moment(period.get("end")), None), path.name
            status = {"in-progress": "arrived", "finished": "fulfilled", "cancelled": "cancelled"}
            assert ours[0].status == status[encounter["status"]], path.name
        for patient in sink.table("patient"):
            compared["patient"] += 1
            other = theirs["Patient"][0]
            assert (patient.sex, patient.birth_year) == (other["gender"], int(other["birthDate"][:4]))
            assert patient.patient_key in {one["value"] for one in other["identifier"]}
            died = other.get("deceasedDateTime") is not None or other.get("deceasedBoolean")
            assert bool(patient.deceased) == bool(died), path.name
    assert compared == {"appointment": 7, "encounter": 8, "patient": 10}
