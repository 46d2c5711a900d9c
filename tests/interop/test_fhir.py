"""FHIR: counts and sums against plain Python over the raw files, and what becomes of each resource type."""

from __future__ import annotations

import gzip
import json
from collections import Counter
from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from tests.interop.collecting import CollectingSink

from carewheel.interop import fhir
from carewheel.interop.files import Finding, ReadSettings, SourceFile, find_files

SETTINGS = ReadSettings(today=date(2026, 1, 1))
EXAMPLE = Path(__file__).parents[2] / "examples" / "practice" / "fhir"


def read(*paths: Path) -> CollectingSink:
    sink = CollectingSink()
    files = []
    for path in paths:
        for found in find_files(path):
            assert not isinstance(found, Finding)
            if part := fhir.recognise(found.sample(), SETTINGS):
                files.append((found, part))
    fhir.read(files, sink, SETTINGS)
    return sink


def written(tmp_path: Path, *resources: Any, name: str = "file.ndjson") -> Path:
    path = tmp_path / name
    path.write_text("\n".join(json.dumps(r) if not isinstance(r, str) else r for r in resources) + "\n")
    return path


def raw(folder: Path, pattern: str) -> Iterator[dict[str, Any]]:
    """Resources by plain Python, without the product's reader."""
    for path in sorted(folder.glob(pattern)):
        with gzip.open(path, "rt", encoding="utf-8") as stream:
            for line in stream:
                yield json.loads(line, parse_float=Decimal, parse_int=Decimal)


def counted_in_full(folder: Path, pattern: str) -> None:
    resources = list(raw(folder, pattern))
    sink = read(folder)
    kinds = Counter(r.get("resourceType", "the export's own log") for r in resources)
    used = sum(n for kind, n in kinds.items() if kind in fhir.MAPPERS)
    assert sum(f.rows_used for f in sink.files) == used
    assert sum(f.rows_ignored for f in sink.files) == sum(kinds.values()) - used
    assert sum(f.rows_refused for f in sink.files) == 0
    finished = sum(r["status"] == "finished" for r in resources if r.get("resourceType") == "Encounter")
    assert sink.tallies["visits"] == finished
    assert sum(r.status == "fulfilled" for r in sink.table("appointment")) == finished
    claims = [r for r in resources if r.get("resourceType") == "Claim"]
    assert sum((r.amount for r in sink.table("charge")), Decimal(0)) == sum(
        (c["total"]["value"] for c in claims), Decimal(0)
    )
    eobs = [r for r in resources if r.get("resourceType") == "ExplanationOfBenefit"]
    paid = sum((e["payment"]["amount"]["value"] for e in eobs if "payment" in e), Decimal(0))
    assert round(sum((r.amount for r in sink.table("payment")), Decimal(0)), 6) == round(paid, 6)
    assert len(sink.table("patient")) == kinds["Patient"]


def test_the_bundled_excerpt_is_counted_in_full() -> None:
    counted_in_full(EXAMPLE, "*.ndjson.gz")


@pytest.mark.needs_data
def test_a_hundred_synthetic_patients_are_counted_in_full(shared_data: Path) -> None:
    counted_in_full(shared_data / "interop" / "fhir" / "synthea2019-100pts", "*.ndjson.gz")


@pytest.mark.needs_data
def test_a_us_core_bulk_export_with_conditional_references_is_counted_in_full(shared_data: Path) -> None:
    folder = shared_data / "interop" / "fhir" / "bulk-uscore-10pts"
    counted_in_full(folder, "*.ndjson.gz")
    sink = read(folder)
    places = {r.location_id for r in sink.table("location")}
    visits = sink.table("appointment")
    assert all(visit.location_id in places for visit in visits), "conditional references to locations resolve"
    providers = {r.provider_key for r in sink.table("provider")}
    assert all(visit.provider_key in providers for visit in visits)


@pytest.mark.needs_data
def test_transaction_bundles_hold_the_same_facts_as_the_bulk_files(shared_data: Path) -> None:
    folder = shared_data / "interop" / "fhir"
    bundles, bulk = read(folder / "transaction-bundles"), read(folder / "synthea2019-100pts")
    mine = {r.source_id: r for r in bundles.table("appointment")}
    theirs = {r.source_id: r for r in bulk.table("appointment")}
    assert len(mine) == 74
    for key, record in mine.items():
        assert theirs[key] == record


@pytest.mark.needs_data
def test_explanations_of_benefit_without_a_claim_bring_the_claim_themselves(shared_data: Path) -> None:
    folder = shared_data / "interop" / "fhir" / "cms-bfd-carin-bb"
    sink = read(folder)
    charged = paid = Decimal(0)
    for path in folder.glob("ExplanationOfBenefit*.json"):
        resource = json.loads(path.read_text(), parse_float=Decimal)
        for total in resource["total"]:
            if "submitted" in [c["code"] for c in total["category"]["coding"]]:
                charged += total["amount"]["value"]
        paid += resource.get("payment", {}).get("amount", {}).get("value", Decimal(0))
    assert sum(r.amount for r in sink.table("charge")) == charged == Decimal("45007.75") + Decimal("45.50")
    assert sum(r.amount for r in sink.table("payment")) == paid
    assert len(sink.table("coverage")) == 3


def appointment(number: str = "a1", **more: Any) -> dict[str, Any]:
    participants = [
        {"actor": {"reference": "Patient/p1"}}, {"actor": {"reference": "https://ehr.example.com/fhir/Practitioner/d1/_history/2"}},
        {"actor": {"reference": "Location/l1"}},
    ]  # fmt: skip
    return {
        "resourceType": "Appointment", "id": number, "status": "booked", "created": "2025-02-01T09:00:00-05:00",
        "start": "2025-03-03T09:00:00-05:00", "end": "2025-03-03T09:20:00-05:00", "participant": participants, **more,
    }  # fmt: skip


def test_an_appointment_keeps_who_where_when_and_its_status(tmp_path: Path) -> None:
    stamped = appointment(meta={"lastUpdated": "2025-03-04T00:00:00Z"}, status="noshow")
    (record,) = read(written(tmp_path, stamped)).table("appointment")
    assert (record.patient_key, record.provider_key, record.location_id) == ("p1", "d1", "l1")
    assert (record.status, record.minutes, record.basis) == ("noshow", 20, "appointment")
    assert record.starts_at == datetime.fromisoformat("2025-03-03T09:00:00-05:00")
    assert record.recorded_at == datetime.fromisoformat("2025-03-04T00:00:00+00:00")
    assert record.late_cancel is None


def test_an_encounter_of_an_appointment_is_the_same_visit(tmp_path: Path) -> None:
    encounter = {
        "resourceType": "Encounter", "id": "e1", "status": "finished", "class": {"code": "AMB"},
        "appointment": [{"reference": "Appointment/a1"}], "period": {"start": "2025-03-03T09:05:00-05:00"},
        "statusHistory": [{"status": "arrived", "period": {"start": "2025-03-03T08:55:00-05:00"}},
                          {"status": "in-progress", "period": {"start": "2025-03-03T09:05:00-05:00"}}],
    }  # fmt: skip
    sink = read(written(tmp_path, appointment(status="fulfilled"), encounter))
    assert {r.appointment_id for r in sink.table("appointment")} == {"a1"}
    assert [(e.event, e.appointment_id) for e in sink.table("visit_event")] == [
        ("arrived", "a1"),
        ("with-clinician", "a1"),
    ]


def test_slots_take_their_practitioner_from_the_schedule_whatever_the_order_in_the_bundle(
    tmp_path: Path,
) -> None:
    slot = {"resourceType": "Slot", "id": "s1", "schedule": {"reference": "Schedule/c1"}, "status": "busy",
            "start": "2025-03-03T09:00:00Z", "end": "2025-03-03T09:30:00Z"}  # fmt: skip
    schedule = {
        "resourceType": "Schedule",
        "id": "c1",
        "actor": [{"reference": "Practitioner/d1"}, {"reference": "Location/l1"}],
    }
    bundle = {
        "resourceType": "Bundle",
        "type": "collection",
        "entry": [{"resource": slot}, {"resource": schedule}],
    }
    path = tmp_path / "bundle.json"
    path.write_text(json.dumps(bundle, indent=2))
    (record,) = read(path).table("availability")
    assert (record.provider_key, record.location_id, record.kind, record.minutes) == ("d1", "l1", "open", 30)


def test_lines_that_add_up_are_charges_of_their_own_and_others_are_one(tmp_path: Path) -> None:
    def claim(number: str, total: str, *nets: str) -> dict[str, Any]:
        items = [
            {"sequence": i, "net": {"value": float(net), "currency": "USD"}} for i, net in enumerate(nets, 1)
        ]
        return {"resourceType": "Claim", "id": number, "status": "active", "use": "claim", "item": items,
                "billablePeriod": {"start": "2025-03-03"}, "total": {"value": float(total), "currency": "USD"}}  # fmt: skip

    sink = read(
        written(tmp_path, claim("1", "30.3", "10.1", "20.2"), claim("2", "99", "10"), claim("3", "5"))
    )
    amounts = {r.source_id: r.amount for r in sink.table("charge")}
    assert amounts == {
        "1|1": Decimal("10.1"),
        "1|2": Decimal("20.2"),
        "2|total": Decimal("99.0"),
        "3|total": Decimal("5.0"),
    }
    assert sink.tallies["charges"] == Decimal("134.3")


def test_a_predetermination_is_no_charge_and_no_payment(tmp_path: Path) -> None:
    estimate = {"resourceType": "Claim", "id": "1", "status": "active", "use": "predetermination",
                "total": {"value": 400, "currency": "USD"}, "item": []}  # fmt: skip
    answer = {"resourceType": "ClaimResponse", "id": "r", "status": "active", "use": "predetermination",
              "request": {"reference": "Claim/1"}, "payment": {"amount": {"value": 300}}}  # fmt: skip
    sink = read(written(tmp_path, estimate, answer))
    assert not sink.table("charge")
    assert not sink.table("payment")
    assert sink.table("claim")[0].is_predetermination


def test_a_zero_payment_with_a_non_covered_amount_is_a_denial(tmp_path: Path) -> None:
    answer = {
        "resourceType": "ClaimResponse", "id": "r", "status": "active", "use": "claim", "created": "2025-04-01",
        "request": {"reference": "Claim/1"}, "payment": {"amount": {"value": 0, "currency": "USD"}},
        "item": [{"itemSequence": 1, "adjudication": [{"category": {"coding": [{"code": "noncovered"}]},
                                                       "amount": {"value": 80, "currency": "USD"}}]}],
    }  # fmt: skip
    sink = read(written(tmp_path, answer))
    assert sink.table("claim_event")[0].is_denial
    assert sink.table("adjustment")[0].kind == "denial"


def test_survey_answers_keep_scores_and_never_texts(tmp_path: Path) -> None:
    answer = {
        "resourceType": "QuestionnaireResponse", "id": "q", "status": "completed", "authored": "2025-03-03T10:00:00Z",
        "questionnaire": "https://practice.example.com/Questionnaire/nps", "subject": {"reference": "Patient/p1"},
        "item": [{"linkId": "recommend", "answer": [{"valueInteger": 9}]},
                 {"linkId": "why", "answer": [{"valueString": "Dr Example was kind"}]}],
    }  # fmt: skip
    sink = read(written(tmp_path, answer))
    (record,) = sink.table("survey_response")
    assert (record.question, record.score, record.scale_min, record.scale_max) == ("nps", 9, 0, 10)
    assert "kind" not in str(sink.records)


def test_names_contacts_and_texts_never_enter_a_record(tmp_path: Path) -> None:
    patient = {"resourceType": "Patient", "id": "p1", "name": [{"family": "Example"}], "birthDate": "1980-05-17",
               "telecom": [{"value": "555-0100"}], "address": [{"line": ["1 Sample Street"]}], "deceasedBoolean": False}  # fmt: skip
    sink = read(written(tmp_path, patient))
    (record,) = sink.table("patient")
    assert (record.birth_year, record.deceased) == (1980, False)
    for secret in ("Example", "555-0100", "Sample", "05-17"):
        assert secret not in str(sink.records)


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ('{"resourceType": "Patient", "id": "x"', "fhir.not-json"),
        ('{"id": "x"}', "fhir.bad-shape"),
        ('["Patient"]', "fhir.bad-shape"),
        ('{"resourceType": "Patient", "id": "x", "meta": 5}', "fhir.bad-shape"),
        ('{"resourceType": "Claim", "id": "x", "total": {"value": "12"}}', "fhir.bad-shape"),
        (
            '{"resourceType": "Encounter", "id": "x", "status": "finished", "period": {"start": "soon"}}',
            "fhir.bad-shape",
        ),
        ('{"resourceType": "Encounter", "id": "x", "status": "finished"}', "fhir.no-date"),
        ('{"a":' * 5000 + "1" + "}" * 5000, "fhir.not-json"),
    ],
)
def test_a_faulty_line_is_refused_with_its_number_and_the_others_stay(
    tmp_path: Path, line: str, code: str
) -> None:
    sink = read(written(tmp_path, appointment("a1"), line, appointment("a2")))
    assert [(f.code, f.line) for f in sink.findings] == [(code, 2)]
    assert len(sink.table("appointment")) == 2
    assert (sink.files[0].rows_used, sink.files[0].rows_refused) == (2, 1)


def test_a_cut_off_document_is_refused_as_a_whole(tmp_path: Path) -> None:
    path = tmp_path / "bundle.json"
    text = json.dumps({"resourceType": "Bundle", "entry": [{"resource": appointment()}]}, indent=1)
    path.write_text(text[: len(text) // 2])
    sink = read(path)
    assert [f.code for f in sink.findings] == ["fhir.not-json"]
    assert not sink.records


def test_a_cut_off_gzip_is_refused_and_leaves_nothing(tmp_path: Path) -> None:
    path = tmp_path / "a.ndjson.gz"
    lines = "\n".join(json.dumps(appointment(str(i), note=f"{i * 7919}")) for i in range(9000))
    path.write_bytes(gzip.compress(lines.encode())[:-2000])
    sink = CollectingSink()
    fhir.read([(SourceFile(path, path.name), "Appointment")], sink, SETTINGS)
    assert [f.code for f in sink.findings] == ["file.damaged"]
    assert not sink.records


def test_a_resource_without_an_id_is_told_from_others_by_its_content(tmp_path: Path) -> None:
    one, other = appointment(), appointment(start="2025-03-04T09:00:00-05:00")
    del one["id"], other["id"]
    sink = read(written(tmp_path, one, other, one))
    assert len({r.source_id for r in sink.table("appointment")}) == 2


def test_the_log_of_a_bulk_export_is_read_past_and_nothing_is_refused(tmp_path: Path) -> None:
    events = [
        {"exportId": "e", "timestamp": "2025-01-01T00:00:00Z", "eventId": name}
        for name in ("kickoff", "status_complete")
    ]
    sink = read(written(tmp_path, *events, name="log.ndjson"))
    assert (sink.files[0].rows_ignored, sink.files[0].rows_refused, sink.records) == (2, 0, [])
