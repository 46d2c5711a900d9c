"""Claims and answers are read back to the cent; what R4 cannot say, or would say wrongly, is refused."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from tests.interop.fhir_writing import CHICAGO, LINES, answer, asked, booked, charge, less, written_and_read

from carewheel.interop.fhir import writing as w
from carewheel.interop.records import (
    AvailabilityRecord,
    CoverageRecord,
    LocationRecord,
    PatientRecord,
    ProcedureRecord,
    ProviderRecord,
)


def test_a_claim_comes_back_with_its_charges(tmp_path: Path) -> None:
    sink = written_and_read(tmp_path, w.claim(asked(), LINES, coverage="k1"))
    assert sink.table("claim") == [asked()]
    assert sink.table("charge") == LINES
    (event,) = sink.table("claim_event")
    assert (event.event, event.event_date, event.amount) == ("submitted", date(2025, 3, 4), Decimal("200.2"))
    assert sink.tallies["charges"] == Decimal("200.20")


def test_a_claim_without_a_place_comes_from_its_practitioner(tmp_path: Path) -> None:
    record = asked(location_id="", provider_key="D1", is_predetermination=True)
    sink = written_and_read(tmp_path, w.claim(record, [], coverage="k1", replaces="c0"))
    assert sink.table("claim") == [record]
    assert [event.event for event in sink.table("claim_event")] == ["resubmitted"]
    with_both = w.claim(asked(provider_key="D1"), LINES, coverage="k1")
    assert with_both["provider"] == {"reference": "Organization/L1"}
    assert with_both["careTeam"] == [{"sequence": 1, "provider": {"reference": "Practitioner/D1"}}]


@pytest.mark.parametrize(
    ("status", "raw"), [("draft", "draft"), ("cancelled", "cancelled"), ("cancelled", "entered-in-error")]
)
def test_drafts_and_void_claims_come_back_as_such(tmp_path: Path, status: str, raw: str) -> None:
    record = asked(status=status, raw_status=raw)
    sink = written_and_read(tmp_path, w.claim(record, LINES, coverage="k1"))
    assert sink.table("claim") == [record]
    assert sum(c.amount for c in sink.table("charge")) == (0 if status == "cancelled" else Decimal("200.2"))


def test_short_names_of_code_systems_are_written_as_their_addresses() -> None:
    for short, address in (("CDT", "http://www.ada.org/cdt"), ("CPT", "http://www.ama-assn.org/go/cpt"), ("urn:oid:1.2", "urn:oid:1.2")):  # fmt: skip
        claim = w.claim(asked(amount=None), [charge(1, "5", code_system=short)], coverage="k1")
        assert claim["item"][0]["productOrService"]["coding"][0]["system"] == address
    assert w.claim(asked(kind="dental"), LINES, coverage="k1")["type"]["coding"][0]["code"] == "oral"


def test_an_adjudicated_claim_comes_back_with_payment_and_adjustments(tmp_path: Path) -> None:
    first = [less("contractual", "45", "20.05"), less("patient_share", "2", "10.05")]
    second = [
        less("patient_share", "1", "30"),
        less("denial", "119", "0.10"),
        less("patient_share", "3", "5"),
    ]
    resource = answer("135", first, second, paid_date=date(2025, 3, 22))
    sink = written_and_read(tmp_path, resource)
    (payment,) = sink.table("payment")
    assert (payment.amount, payment.posted_date, payment.payer_name) == (
        135,
        date(2025, 3, 22),
        "Invented Health",
    )
    assert (payment.claim_id, payment.patient_key, payment.payer_id, payment.currency) == (
        "c1", "p1", "PAY1", "USD",
    )  # fmt: skip
    assert [(a.kind, a.reason_code, a.amount, a.code) for a in sink.table("adjustment")] == [
        ("contractual", "45", Decimal("20.05"), "D0120"),
        ("patient_share", "2", Decimal("10.05"), "D0120"),
        ("patient_share", "1", Decimal("30"), "D1110"),
        ("denial", "119", Decimal("0.1"), "D1110"),
        ("patient_share", "3", Decimal("5"), "D1110"),
    ]
    (event,) = sink.table("claim_event")
    assert (event.event, event.paid_amount, event.is_denial) == ("adjudicated", 135, False)
    assert event.event_date == date(2025, 3, 20)
    words = [entry["category"]["coding"][0]["code"] for entry in resource["item"][1]["adjudication"]]
    assert words == ["submitted", "deductible", "noncovered", "copay", "benefit"]
    assert [entry["amount"]["value"] for entry in resource["item"][0]["adjudication"]] == [
        120.1,
        20.05,
        10.05,
        90,
    ]
    assert [entry["amount"]["value"] for entry in resource["total"]] == [200.2, 135]


def test_a_claim_refused_whole_comes_back_as_denied(tmp_path: Path) -> None:
    sink = written_and_read(
        tmp_path, answer("0", [less("denial", "29", "120.1")], [less("denial", "29", "80.1")])
    )
    (event,) = sink.table("claim_event")
    assert event.is_denial is True
    assert sum(a.amount for a in sink.table("adjustment")) == Decimal("200.2")


# --- what cannot be written


def refusals() -> list[tuple[str, Callable[[], Any]]]:
    place, person = LocationRecord(location_id="L1"), PatientRecord(patient_key="p1")
    cases: list[tuple[str, Callable[[], Any]]] = [
        ("bad-id", lambda: w.patient(person._replace(patient_key="p|1"))),
        ("bad-id", lambda: w.patient(person._replace(patient_key="x" * 65))),
        ("bad-id", lambda: w.appointment(booked(provider_key="d/1"), CHICAGO)),
        ("missing", lambda: w.organisation(place)),
        ("missing", lambda: w.practitioner_role(ProviderRecord("r1"))),
        ("missing", lambda: w.coverage(CoverageRecord("c1", patient_key="p1"))),
        ("missing", lambda: w.patient(person._replace(recorded_at=datetime(2025, 1, 1)))),
        ("bad-code", lambda: w.patient(person._replace(sex="F"))),
        ("bad-code", lambda: w.location(place._replace(kind="two  blanks"))),
        (
            "contradiction",
            lambda: w.patient(person._replace(birth_year=1970), birth_date=date(1971, 1, 1)),
        ),
        ("bad-status", lambda: w.appointment(booked(status="broken"), CHICAGO)),
        ("missing", lambda: w.appointment(booked(starts_at=None), CHICAGO)),
        ("missing", lambda: w.appointment(booked(ends_at=None, minutes=None), CHICAGO)),
        (
            "missing",
            lambda: w.appointment(booked(patient_key="", provider_key="", location_id=""), CHICAGO),
        ),
        ("bad-length", lambda: w.appointment(booked(minutes=12.5), CHICAGO)),
        ("ends-first", lambda: w.appointment(booked(ends_at=booked().booked_at), CHICAGO)),
        ("bad-moment", old),
        ("bad-status", lambda: w.encounter(booked(status="noshow", raw_status=""), CHICAGO)),
        ("missing", lambda: w.encounter(booked(starts_at=None), CHICAGO)),
        (
            "ends-first",
            lambda: w.encounter(
                booked(), CHICAGO, arrived_at=booked().ends_at, started_at=booked().starts_at
            ),
        ),
        ("missing", lambda: w.schedule("s1")),
        ("missing", lambda: w.slot(AvailabilityRecord("h1", kind="open"), "s1", CHICAGO)),
        ("missing", lambda: w.slot(AvailabilityRecord("h1"), "s1", CHICAGO)),
        (
            "bad-status",
            lambda: w.procedure(ProcedureRecord(procedure_id="x", patient_key="p1", status="referred")),
        ),
        (
            "unknown-code-system",
            lambda: w.procedure(
                ProcedureRecord(
                    procedure_id="x", patient_key="p1", status="completed", code="1", code_system="own"
                )
            ),
        ),
        ("not-balanced", lambda: w.claim(asked(amount=Decimal(200)), LINES, coverage="k1")),
        ("not-balanced", lambda: w.claim(asked(currency="CAD"), LINES, coverage="k1")),
        (
            "bad-amount",
            lambda: w.claim(asked(amount=Decimal("0.1234567890123456789")), [], coverage="k1"),
        ),
        ("bad-amount", lambda: w.claim(asked(amount=Decimal("NaN")), [], coverage="k1")),
        ("bad-amount", lambda: w.claim(asked(), [LINES[0]._replace(amount=None)], coverage="k1")),
        ("missing", lambda: answer("200", [], [less("contractual", "45", "1")._replace(amount=None)])),
        ("missing", lambda: w.claim(asked(submitted_date=None), LINES, coverage="k1")),
        ("missing", lambda: w.claim(asked(kind=""), LINES, coverage="k1")),
        ("missing", lambda: w.claim(asked(location_id=""), LINES, coverage="k1")),
        ("not-balanced", lambda: answer("200", [], [less("contractual", "45", "0.21")])),
        ("unknown-adjustment", lambda: answer("200", [], [less("writeoff", "", "0.2")])),
    ]
    return cases


def old() -> Any:
    # Liberia's offset was -0:44:30 until 1972.
    return w.appointment(
        booked(starts_at=datetime(1960, 1, 1, 9), ends_at=datetime(1960, 1, 1, 10), minutes=60.0),
        ZoneInfo("Africa/Monrovia"),
    )


@pytest.mark.parametrize(("code", "wrong"), refusals())
def test_what_would_be_wrong_is_refused_without_a_word_about_the_person(
    code: str, wrong: Callable[[], Any]
) -> None:
    with pytest.raises(w.NotWritable) as refusal:
        wrong()
    assert refusal.value.code == code
    assert refusal.value.what.endswith(".")
    assert refusal.value.remedy.endswith(".")
    assert not re.search(r"p\|1|d/1|1971|Invented", str(refusal.value))
