"""835 remittances balance at three levels or are refused; the same payment posts once; reversals stay signed entries."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from tests.interop.collecting import CollectingSink
from tests.interop.x12_reading import EXCERPTS, REMITTANCE, interchange, read_file, read_files, read_text

R = "005010X221A1"

# A payer takes back what it paid for claim A1 (80 of 150: 20 patient, 50 bundled) and pays it anew: 110, patient 20, 20 bundled.
CORRECTION = (
    REMITTANCE[: REMITTANCE.index("    CLP*")]
    .replace("BPR*I*80", "BPR*I*30")
    .replace("TRN*1*EFT1", "TRN*1*EFT2")
    .replace("20240315", "20240415")
    + """
    CLP*A1*22*-150*-80*-20*12*ICN1*11*1
    NM1*QC*1*INVENTED*PERSON****MI*M1
    SVC*HC:99213*-100*-80**-1
    DTM*472*20240228
    CAS*PR*2*-20
    SVC*HC:87880*-50*0**0
    DTM*472*20240229
    CAS*CO*97*-50
    CLP*A1*1*150*110*20*12*ICN2*11*1
    NM1*QC*1*INVENTED*PERSON****MI*M1
    SVC*HC:99213*100*80**1
    DTM*472*20240228
    CAS*PR*2*20
    SVC*HC:87880*50*30**1
    DTM*472*20240229
    CAS*CO*45*20
"""
)


def of(sink: CollectingSink, table: str) -> list:
    return sink.table(table)


def test_a_payment_becomes_an_event_a_payment_and_its_adjustments(tmp_path: Path) -> None:
    read = read_text(tmp_path, interchange(R, REMITTANCE))
    event, payment, share, bundled = read.records
    assert read.findings == []
    assert (read.rows_used, read.tallies) == (1, {"collections": Decimal(80)})
    assert (event.event, event.raw_event, event.payer_sequence) == ("adjudicated", "1", "P")
    assert (event.amount, event.paid_amount, event.patient_amount) == (Decimal(150), Decimal(80), Decimal(20))
    assert (event.payer_claim_id, event.is_denial, event.event_date) == ("ICN1", False, date(2024, 3, 15))
    assert (payment.claim_id, payment.amount, payment.posted_date) == ("A1", Decimal(80), date(2024, 3, 15))
    assert (payment.payer_id, payment.payer_kind, payment.batch_id) == ("PAY1", "insurer", "EFT1")
    assert (payment.method, payment.provider_key, payment.is_reversal) == ("ach", "1234567893", False)
    assert (share.kind, share.group_code, share.reason_code, share.amount) == (
        "patient_share",
        "PR",
        "2",
        Decimal(20),
    )
    assert (bundled.kind, bundled.code, bundled.remark_codes) == ("denial", "87880", "N19")
    assert bundled.service_date == date(2024, 2, 29)


def test_a_reversal_and_its_correction_leave_what_was_paid_in_the_end(tmp_path: Path) -> None:
    for name, text in (("one.835", REMITTANCE), ("two.835", CORRECTION)):
        (tmp_path / name).write_text(interchange(R, text))
    sink = read_files([tmp_path / "one.835", tmp_path / "two.835"])
    assert sink.findings == []
    assert [payment.amount for payment in of(sink, "payment")] == [Decimal(80), Decimal(-80), Decimal(110)]
    assert [payment.is_reversal for payment in of(sink, "payment")] == [False, True, False]
    assert sink.tallies["collections"] == Decimal(110)
    assert [event.event for event in of(sink, "claim_event")] == ["adjudicated", "reversed", "corrected"]
    # By hand: 20 of the patient; of the bundled 50 and its reversal nothing is left, 20 are contractual.
    left: dict[str, Decimal] = {}
    for adjustment in of(sink, "adjustment"):
        left[adjustment.kind] = left.get(adjustment.kind, Decimal(0)) + adjustment.amount
    assert left == {"patient_share": Decimal(20), "denial": Decimal(0), "contractual": Decimal(20)}


def test_a_reversal_in_a_set_of_its_own_before_the_original_is_kept_as_it_is(tmp_path: Path) -> None:
    start = CORRECTION.index("    CLP*A1*1*")
    alone = CORRECTION[:start].replace("BPR*I*30*C", "BPR*I*80*D")
    read = read_text(tmp_path, interchange(R, alone))
    assert [record.amount for record in read.records if type(record).__name__ == "PaymentRecord"] == [
        Decimal(-80)
    ]
    assert read.tallies["collections"] == Decimal(-80)


def test_the_same_payment_in_another_envelope_or_file_has_the_same_keys(tmp_path: Path) -> None:
    first = read_text(tmp_path, interchange(R, REMITTANCE))
    other = REMITTANCE.replace("ST*835*0001", "ST*835*0077")
    second = read_text(
        tmp_path, interchange(R, other, control="991").replace("SENDER ", "OTHER  "), "again.edi"
    )
    assert [record.source_id for record in first.records] == [record.source_id for record in second.records]
    assert [tuple(record) for record in first.records] == [tuple(record) for record in second.records]


def test_nine_claims_with_one_number_are_nine_payments() -> None:
    # The published file: BPR02 = 810.8, nine CLP segments that share CLP01 and CLP07.
    read = read_file(EXCERPTS / "835-nine-claims.edi")
    payments = [record for record in read.records if type(record).__name__ == "PaymentRecord"]
    assert (read.rows_used, len({payment.source_id for payment in payments})) == (9, 9)
    assert sum(payment.amount for payment in payments) == Decimal("810.8") == read.tallies["collections"]


def test_a_provider_level_adjustment_is_a_payment_with_its_sign_turned() -> None:
    # The published file: 138018.40 + 11980.33 - (-1.27) = 150000.00
    read = read_file(EXCERPTS / "835-plb.edi")
    payments = [record for record in read.records if type(record).__name__ == "PaymentRecord"]
    assert [payment.amount for payment in payments] == [
        Decimal("138018.4"),
        Decimal("11980.33"),
        Decimal("1.27"),
    ]
    assert payments[-1].method == "provider_level"
    assert payments[-1].source_id.endswith("|PLB|CV|1")
    remarks = [record.remark_codes for record in read.records if type(record).__name__ == "AdjustmentRecord"]
    assert remarks == ["", "MA02"]


def test_zero_payment_with_a_denial_reason_is_a_denial() -> None:
    event = read_file(EXCERPTS / "835-denied.txt").records[0]
    assert (event.is_denial, event.raw_event, event.paid_amount) == (True, "4", Decimal(0))


@pytest.mark.parametrize(
    ("reason", "is_denial"), [("CO*45*150", False), ("PR*1*150", False), ("CO*50*150", True)]
)
def test_status_four_alone_is_no_denial(tmp_path: Path, reason: str, is_denial: bool) -> None:
    start = REMITTANCE[: REMITTANCE.index("    CLP*")].replace("BPR*I*80", "BPR*I*0")
    share = "150" if reason.startswith("PR") else "0"
    text = f"{start}    CLP*A1*4*150*0*{share}*12*ICN1\n    CAS*{reason}\n    NM1*QC*1*X*Y\n"
    read = read_text(tmp_path, interchange(R, text))
    assert read.findings == []
    assert read.records[0].is_denial is is_denial


def test_a_predetermination_is_an_event_and_never_a_payment(tmp_path: Path) -> None:
    start = REMITTANCE[: REMITTANCE.index("    CLP*")].replace("BPR*I*80", "BPR*I*0")
    text = f"{start}    CLP*A1*25*750*0*300*12*ICN1\n    CAS*OA*101*750\n    NM1*QC*1*X*Y\n"
    read = read_text(tmp_path, interchange(R, text))
    assert [type(record).__name__ for record in read.records] == ["ClaimEventRecord"]
    assert read.records[0].is_predetermination is True


@pytest.mark.parametrize(
    ("old", "new", "level"),
    [
        ("BPR*I*80", "BPR*I*81", "payment:"),
        ("CLP*A1*1*150*80", "CLP*A1*1*151*80", "claim:"),
        ("SVC*HC:99213*100*80", "SVC*HC:99213*100*79", "line:"),
        ("CAS*CO*97*50", "CAS*CO*97*50.01", "line:"),
    ],
)
def test_what_does_not_balance_is_refused_whole(tmp_path: Path, old: str, new: str, level: str) -> None:
    assert old in REMITTANCE
    read = read_text(tmp_path, interchange(R, REMITTANCE.replace(old, new)))
    assert (read.rows_used, read.rows_refused, read.records) == (0, 1, [])
    assert any(finding.code == "x12.unbalanced" and level in finding.what for finding in read.findings)


def test_a_payment_without_a_valid_date_is_refused() -> None:
    read = read_file(EXCERPTS / "835-bad-date.835")
    assert (read.rows_refused, read.records) == (2, [])
    assert read.findings[0].code == "x12.bad-date"


def test_the_patients_share_that_differs_from_the_adjustments_is_a_doubt(tmp_path: Path) -> None:
    read = read_text(tmp_path, interchange(R, REMITTANCE.replace("*80*20*12", "*80*30*12")))
    assert (read.rows_used, [finding.code for finding in read.findings]) == (1, ["x12.patient-share"])


def test_six_adjustments_in_one_segment_are_six_rows(tmp_path: Path) -> None:
    many = "CAS*CO*45*10**97*10**4*10**16*10**18*5**29*5"
    read = read_text(tmp_path, interchange(R, REMITTANCE.replace("CAS*CO*97*50", many)))
    reasons = [record.reason_code for record in read.records if type(record).__name__ == "AdjustmentRecord"]
    assert reasons == ["2", "45", "97", "4", "16", "18", "29"]
