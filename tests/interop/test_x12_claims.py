"""837 claims become claims, charges and events; what is doubtful is said, and stays."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from tests.interop.x12_reading import EXCERPTS, PROFESSIONAL, interchange, read_file, read_files, read_text

P = "005010X222A1"


def doubts(folder: Path, text: str) -> set[str]:
    read = read_text(folder, interchange(P, text))
    assert (read.rows_used, read.rows_refused) == (1, 0)
    return {finding.code for finding in read.findings}


def test_a_claim_becomes_a_claim_an_event_and_a_charge_for_each_line(tmp_path: Path) -> None:
    read = read_text(tmp_path, interchange(P, PROFESSIONAL))
    claim, event, first, second = read.records
    assert read.findings == []
    assert (read.rows_used, read.tallies) == (1, {"charges": Decimal(150)})
    assert claim.source_id == "1234567893|A1"
    assert (claim.claim_id, claim.kind, claim.frequency, claim.status) == (
        "A1",
        "professional",
        "1",
        "submitted",
    )
    assert (claim.amount, claim.payer_id, claim.payer_name) == (Decimal(150), "PAY1", "SOME PAYER")
    assert (claim.patient_key, claim.provider_key) == ("M1", "1234567893")
    assert (claim.service_date, claim.submitted_date) == (date(2024, 2, 28), date(2024, 3, 1))
    assert claim.recorded_at == datetime(2024, 3, 1, 12, 0)
    assert (event.event, event.payer_sequence, event.event_date) == ("submitted", "P", date(2024, 3, 1))
    assert (first.code, first.code_system, first.amount, first.quantity) == (
        "99213",
        "HCPCS",
        Decimal(100),
        1.0,
    )
    assert (second.source_id, second.service_date) == ("1234567893|A1|2", date(2024, 2, 29))


def test_a_claim_sent_to_a_second_payer_is_one_claim_with_two_events() -> None:
    # Worked out by hand from the two files: CLM*26407789*79.04 with lines of 43, 15 and 21.04 in both.
    sink = read_files([EXCERPTS / "837p-cob-payer-a.edi", EXCERPTS / "837p-cob-payer-b.edi"])
    claims, charges, events = sink.table("claim"), sink.table("charge"), sink.table("claim_event")
    assert len({claim.source_id for claim in claims}) == 1
    assert {claim.payer_name for claim in claims} == {"KEY INSURANCE COMPANY"}
    once = {charge.source_id: charge.amount for charge in charges}
    assert sorted(once.values()) == [Decimal("15"), Decimal("21.04"), Decimal("43")]
    assert len({event.source_id for event in events}) == 2
    assert {(event.payer_sequence, event.payer_id) for event in events} == {
        ("P", "999996666"),
        ("S", "567890"),
    }


def test_a_dependent_is_told_from_the_subscriber() -> None:
    claim = read_file(EXCERPTS / "837p-dependent.edi").records[0]
    assert claim.patient_key == "JS00111223333|19730501"


def test_a_dental_claim_has_cdt_codes_and_its_date_from_the_claim() -> None:
    read = read_file(EXCERPTS / "837d-quantity.edi")
    claim, _, charge = read.records
    assert (claim.kind, claim.service_date) == ("dental", date(2014, 3, 3))
    assert (charge.code, charge.code_system, charge.amount, charge.quantity) == (
        "D0230",
        "CDT",
        Decimal(44),
        4.0,
    )
    assert charge.service_date == date(2014, 3, 3)


def test_a_predetermination_is_an_event_and_never_a_charge() -> None:
    read = read_file(EXCERPTS / "837d-predetermination.edi")
    assert [type(record).__name__ for record in read.records] == ["ClaimRecord", "ClaimEventRecord"]
    assert all(record.is_predetermination for record in read.records)
    assert (read.rows_used, dict(read.tallies)) == (1, {})


def test_an_institutional_file_has_two_claims_with_hcpcs_lines() -> None:
    # CLM*756048Q*89.95 (13.39 + 76.56) and CLM*756049Q*50.
    read = read_file(EXCERPTS / "837i-two-claims.edi")
    amounts = {
        record.claim_id: record.amount for record in read.records if type(record).__name__ == "ClaimRecord"
    }
    assert amounts == {"756048Q": Decimal("89.95"), "756049Q": Decimal("50.00")}
    codes = [record.code for record in read.records if type(record).__name__ == "ChargeRecord"]
    assert codes == ["85025", "93010", "85087"]


def test_a_replacement_is_a_resubmission_and_a_void_charges_nothing(tmp_path: Path) -> None:
    replaced = PROFESSIONAL.replace("11:B:1", "11:B:7").replace("    HI*", "    REF*F8*ICN1\n    HI*", 1)
    read = read_text(tmp_path, interchange(P, replaced))
    assert [record.event for record in read.records if hasattr(record, "event")] == ["resubmitted"]
    assert read.findings == []
    void = read_text(tmp_path, interchange(P, replaced.replace("11:B:7", "11:B:8")), "void.edi")
    assert [type(record).__name__ for record in void.records] == ["ClaimRecord", "ClaimEventRecord"]
    assert (void.records[0].status, dict(void.tallies)) == ("cancelled", {})


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ("1234567893", "1234567890", "x12.npi-check-digit"),
        ("UN*1***1:2", "UN*1***1:3", "x12.diagnosis-pointer"),
        ("CLM*A1*150", "CLM*A1*151", "x12.claim-total"),
        ("D8*20240228", "D8*20940228", "x12.future-date"),
        ("D8*20240228", "D8*20240230", "x12.bad-date"),
        ("11:B:1", "11:B:7", "x12.no-payer-reference"),
        ("DMG*D8*19710101*F", "DMG*D8*19710101", "x12.missing-element"),
        ("REF*EI*000000001", "REF*G5*000000001", "x12.bad-code"),
        ("N4*ANYTOWN*FL*327147244\n", "", "x12.missing-segment"),
        ("SBR*P*18*******CI", "SBR*P*18*******CI***", "x12.trailing-separators"),
    ],
)
def test_a_business_fault_is_a_doubt_and_the_claim_stays(
    tmp_path: Path, old: str, new: str, code: str
) -> None:
    assert old in PROFESSIONAL
    assert code in doubts(tmp_path, PROFESSIONAL.replace(old, new))


def test_the_same_claim_number_twice_in_a_set_is_a_doubt(tmp_path: Path) -> None:
    twice = PROFESSIONAL + PROFESSIONAL[PROFESSIONAL.index("    CLM*") :]
    read = read_text(tmp_path, interchange(P, twice))
    assert (read.rows_used, read.tallies["charges"]) == (2, Decimal(300))
    assert [finding.code for finding in read.findings] == ["x12.duplicate-claim"]


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ("NM1*85*2", "NM1*117*2", "x12.bad-code"),
        ("PER*IC*OFFICE", "P*IC*OFFICE", "x12.unknown-segment"),
        ("LX*2", "XYZ*2", "x12.unknown-segment"),
        ("CLM*A1*150***11:B:1", "CLM*A1*150***", "x12.missing-element"),
        ("CLM*A1*150", "CLM*A1*1,50", "x12.bad-amount"),
        ("SV1*HC:99213*100*", "SV1*HC:99213*1OO*", "x12.bad-amount"),
        ("    LX*1\n    SV1*HC:99213*100*UN*1***1:2\n", "    SV1*HC:99213*100*UN*1***1:2\n    LX*1\n", "x12.segment-order"),
        ("    NM1*IL*1*INVENTED*PERSON****MI*M1\n", "", "x12.segment-order"),
        ("    NM1*PR*2*SOME PAYER*****PI*PAY1\n", "", "x12.missing-loop"),
        ("    SBR*P*18*******CI\n", "", "x12.missing-segment"),
        ("    HL*2*1*22*0\n", "    HL*2*1*99*0\n", "x12.bad-code"),
    ],
)  # fmt: skip
def test_a_syntax_fault_refuses_the_set_and_names_the_fault(
    tmp_path: Path, old: str, new: str, code: str
) -> None:
    assert old in PROFESSIONAL
    good = PROFESSIONAL.replace("*0001", "*0002").replace("CLM*A1", "CLM*A2")
    read = read_text(tmp_path, interchange(P, PROFESSIONAL.replace(old, new), good))
    assert (read.rows_used, read.rows_refused) == (1, 1)
    assert {record.claim_id for record in read.records} == {"A2"}
    assert code in {finding.code for finding in read.findings if finding.severity == "refused"}


def test_no_finding_shows_anything_of_a_person(tmp_path: Path) -> None:
    broken = (
        PROFESSIONAL.replace("SBR*P", "NM1*P").replace("CLM*A1*150", "CLM*A1*x").replace("MI*M1", "MI*MEMBER")
    )
    read = read_text(tmp_path, interchange(P, broken))
    told = " ".join(f"{finding.what} {finding.why} {finding.remedy}" for finding in read.findings)
    assert read.findings
    assert not any(word in told for word in ("INVENTED", "PERSON", "MEMBER", "19710101"))
