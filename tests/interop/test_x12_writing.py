"""What is written is legal, balances and comes back: against pyx12, plain splitting, and our own reader."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from tests.interop.x12_written import (
    CLAIM,
    DAY,
    DENTAL,
    DOCTOR,
    ENVELOPE,
    OTHER,
    PAID,
    PAYER,
    PERSON,
    PRACTICE,
    REMITTANCE,
    assert_balanced,
    read_back,
    records,
    segments,
    written,
)

from carewheel.interop.x12 import writing as x12
from carewheel.interop.x12.writing import Adjustment, NotBalanced, NotWritable, PaidLine


def test_a_professional_claim_as_worked_out_by_hand() -> None:
    expected = """ISA*00*          *00*          *ZZ*SENDER         *ZZ*RECEIVER       *250301*0905*^*00501*000000007*0*P*:
GS*HC*SENDER*RECEIVER*20250301*0905*7*X*005010X222A1
ST*837*0001*005010X222A1
BHT*0019*00*000000007-0001*20250301*0905*CH
NM1*41*2*INVENTED PRACTICE*****46*SENDER
PER*IC*INVENTED PRACTICE*TE*8005550100
NM1*40*2*RECEIVER*****46*RECEIVER
HL*1**20*1
PRV*BI*PXC*207Q00000X
NM1*85*2*INVENTED PRACTICE*****XX*1234567893
N3*1 MAIN ST
N4*ANYTOWN*FL*327147244
REF*EI*000000001
PER*IC*INVENTED PRACTICE*TE*8005550100
HL*2*1*22*0
SBR*P*18*******CI
NM1*IL*1*INVENTED*PERSON****MI*M1
N3*2 MAIN ST
N4*ANYTOWN*FL*32714
DMG*D8*19710102*F
NM1*PR*2*SOME PAYER*****PI*PAY1
CLM*A1*150.50***11:B:7*Y*A*Y*Y
REF*F8*ICN1
HI*ABK:J020*ABF:R509
NM1*82*1*INVENTED*DOCTOR****XX*1679576722
PRV*PE*PXC*207Q00000X
LX*1
SV1*HC:99213:25*100.50*UN*1***1:2
DTP*472*D8*20250227
REF*6R*1
LX*2
SV1*HC:87880*50*UN*2***1
DTP*472*D8*20250227
REF*6R*2
SE*33*0001
GE*1*7
IEA*1*000000007
"""
    claim = CLAIM._replace(frequency="7", payer_claim_id="ICN1")
    assert written(x12.write_837p, claim) == expected.replace("\n", "~\n")


def test_dental_lines_as_worked_out_by_hand() -> None:
    rows = ["*".join(row) for row in segments(written(x12.write_837d, DENTAL))]
    assert rows[2] == "ST*837*0001*005010X224A2"
    assert rows[rows.index("LX*1") : -3] == [
        "LX*1", "SV3*AD:D2392*240****1", "TOO*JP*3*M:O", "DTP*472*D8*20250227", "REF*6R*1",
        "LX*2", "SV3*AD:D0120*50.05****1", "DTP*472*D8*20250227",
        "LX*3", "SV3*AD:D7140*0.01****1", "TOO*JP*AS", "DTP*472*D8*20250227", "REF*6R*3",
    ]  # fmt: skip
    assert not any(row.startswith("HI*") for row in rows)
    pointed = written(x12.write_837d, DENTAL._replace(diagnoses=("K021",)))
    assert "SV3*AD:D0120*50.05****1*****1~\n" in pointed
    assert "HI*ABK:K021~\n" in pointed


def test_a_remittance_as_worked_out_by_hand() -> None:
    rows = ["*".join(row) for row in segments(written(x12.write_835, REMITTANCE))]
    assert rows[2:-2] == [
        "ST*835*0001", "BPR*I*90*C*ACH*CCP***********20250303", "TRN*1*EFT1*1999999999", "REF*EV*RECEIVER",
        "DTM*405*20250301", "N1*PR*SOME PAYER", "N3*1 PAYER ST", "N4*ANYTOWN*FL*32714", "REF*2U*PAY1",
        "PER*BL*SOME PAYER*TE*8005550101", "N1*PE*INVENTED PRACTICE*XX*1234567893", "N3*1 MAIN ST",
        "N4*ANYTOWN*FL*327147244", "REF*TJ*000000001", "LX*1", "CLP*A1*1*200.50*90.50*20*12*ICN1*11*1",
        "NM1*QC*1*INVENTED*PERSON****MI*M1", "NM1*82*1******XX*1679576722", "DTM*050*20250228", "AMT*I*0.07",
        "SVC*HC:99213:25*100.50*80.50**1", "DTM*472*20250227", "CAS*PR*2*20", "REF*6R*1", "AMT*B6*100.50",
        "SVC*HC:87880*50*0**0", "DTM*472*20250227", "CAS*CO*97*50", "REF*6R*2", "LQ*HE*N19", "LQ*HE*MA130",
        "SVC*AD:D0120*50*10**1", "DTM*472*20250227", "CAS*CO*45*40", "AMT*B6*10",
        "PLB*1234567893*20251231*L6:EFT1*-0.07*WO*0.57", "SE*37*0001",
    ]  # fmt: skip


def many_adjustments() -> x12.Remittance:
    """Seven CO and one PR adjustment of one line, one of the whole claim, and seven provider adjustments."""
    reasons = tuple(Adjustment("CO", str(reason), 100) for reason in range(1, 8))
    line = PaidLine(
        "99213", 2000, 1000, 1, DAY, "1", (), (*reasons[:3], Adjustment("PR", "3", 300), *reasons[3:])
    )
    claim = PAID._replace(
        charge=2000, paid=900, patient_share=300, lines=(line,), adjustments=(Adjustment("PI", "94", 100),)
    )
    taken = tuple(x12.ProviderAdjustment("72", f"R{at}", 10) for at in range(7))
    return REMITTANCE._replace(claims=(claim,), amount=830, provider_adjustments=taken, method="CHK")


def test_over_six_adjustments_take_several_segments() -> None:
    text = written(x12.write_835, many_adjustments())
    rows = segments(text)
    assert [len(row) for row in rows if row[0] == "CAS"] == [4, 19, 4, 4]
    assert [row[1] for row in rows if row[0] == "CAS"] == ["PI", "CO", "CO", "PR"]
    assert [len(row) for row in rows if row[0] == "PLB"] == [15, 5]
    assert_balanced(text)
    read = read_back(text)
    assert read.findings == []
    assert [one.reason_code for one in records(read, "AdjustmentRecord")] == ["94", *"1234567", "3"]


def test_pyx12_accepts_professional_claims_and_remittances(
    tmp_path: Path, x12valid: Callable[[Path], str]
) -> None:
    replaced = CLAIM._replace(claim_id="A2", frequency="7", payer_claim_id="ICN1", billing=OTHER)
    reversal = PAID._replace(
        status="22", charge=-100, paid=-100, patient_share=0, lines=(PaidLine("99213", -100, -100, -1, DAY, "1"),),
        adjustments=(), interest=0,
    )  # fmt: skip
    good = (PAID, reversal)
    # A second PLB is legal (it repeats without limit), but pyx12's map takes it for a second footer.
    few = many_adjustments()
    few = few._replace(
        trace="EFT2", provider_adjustments=few.provider_adjustments[:6], amount=few.amount + 10
    )
    files = {
        "p.837": written(x12.write_837p, CLAIM, replaced, CLAIM._replace(claim_id="A3")),
        "one.835": written(x12.write_835, REMITTANCE._replace(claims=good, amount=8900)),
        "two.835": written(x12.write_835, REMITTANCE, few),
    }
    for name, text in files.items():
        (tmp_path / name).write_text(text)
        assert x12valid(tmp_path / name) == "OK", name
    # The judge can say no.
    for name, good_part, bad in (("p.837", "SBR*P*18", "SBR*P*99"), ("one.835", "CLP*A1*1*", "CLP*A1*99*")):
        (tmp_path / name).write_text(files[name].replace(good_part, bad))
        assert x12valid(tmp_path / name) == "Failure", name


@pytest.mark.parametrize("write", [x12.write_837p, x12.write_837d])
def test_large_batches_are_split_and_levels_count(write: Callable[..., None]) -> None:
    one = CLAIM if write is x12.write_837p else DENTAL
    claims = [one._replace(claim_id=f"A{at}", billing=(PRACTICE, OTHER)[at % 2]) for at in range(5_003)]
    text = written(write, *claims)
    rows = segments(text)
    starts = [at for at, row in enumerate(rows) if row[0] == "ST"]
    ends = [at for at, row in enumerate(rows) if row[0] == "SE"]
    assert [rows[at][1:] for at in ends] == [
        [str(end - start + 1), rows[start][2]] for start, end in zip(starts, ends, strict=True)
    ]
    assert [sum(row[0] == "CLM" for row in rows[a:b]) for a, b in zip(starts, ends, strict=True)] == [
        5_000,
        3,
    ]
    assert rows[-2][1] == "2"
    for start, end in zip(starts, ends, strict=True):
        levels = [row for row in rows[start:end] if row[0] == "HL"]
        assert [row[1] for row in levels] == [str(at) for at in range(1, len(levels) + 1)]
        billing = ""
        for row in levels:
            billing = row[1] if row[3] == "20" else billing
            assert row[2:] == (["", "20", "1"] if row[3] == "20" else [billing, "22", "0"])
    assert sum(row[0] == "HL" and row[3] == "20" for row in rows) == 3
    read = read_back(text)
    assert (read.rows_used, read.rows_refused, read.findings) == (5_003, 0, [])


# Refused before a byte is written.


def fails(write: Callable[..., None], *things: Any, envelope: x12.Envelope = ENVELOPE) -> NotWritable:
    stream = io.StringIO()
    with pytest.raises(NotWritable) as refusal:
        write(stream, envelope, things)
    assert stream.getvalue() == ""
    assert "INVENTED" not in str(refusal.value)
    return refusal.value


# The payer's address and number stand only in a remittance, where its filing code and what tells a person apart do not.
_PAYER_ONLY = {*PAYER[3:], ""}
NOT_WRITTEN: dict[Any, set[str]] = {
    x12.write_837p: _PAYER_ONLY,
    x12.write_837d: _PAYER_ONLY,
    x12.write_835: {PAYER.filing, PERSON.sex, *PERSON[5:]},
}


def texts_of(value: Any) -> Iterator[tuple[str, Callable[[str], Any]]]:
    """Every text anywhere in a value, with a function that gives the value with another text in its place."""
    if isinstance(value, str):
        yield value, lambda text: text
    elif isinstance(value, tuple):
        for at, part in enumerate(value):
            for text, put in texts_of(part):
                yield text, partial(_put, value, at, put)


def _put(value: Any, at: int, put: Callable[[str], Any], text: str) -> Any:
    parts = [*value[:at], put(text), *value[at + 1 :]]
    return type(value)(*parts) if hasattr(value, "_fields") else tuple(parts)


@pytest.mark.parametrize(
    ("write", "thing"),
    [
        (x12.write_837p, CLAIM),
        (x12.write_837d, DENTAL._replace(diagnoses=("K021",))),
        (x12.write_835, REMITTANCE),
    ],
)
def test_no_text_may_hold_a_separator_wherever_it_stands(write: Callable[..., None], thing: Any) -> None:
    unchanged, refused, unwritten = written(write, thing), 0, []
    for text, put in texts_of(thing):
        for mark in ("*", "~", ":", "^", "\n", "\x1f"):
            stream = io.StringIO()
            try:
                write(stream, ENVELOPE, [put(text[:1] + mark + text[1:])])
            except NotWritable:
                refused += 1
                assert stream.getvalue() == ""
            else:
                # Only what is not written at all may pass.
                assert stream.getvalue() == unchanged, (text, mark)
                unwritten.append(text)
    assert refused > 150
    assert set(unwritten) <= NOT_WRITTEN[write]


LINE, SECOND = CLAIM.lines


@pytest.mark.parametrize(
    ("code", "claim"),
    [
        ("number-of-lines", CLAIM._replace(lines=())),
        ("number-of-lines", CLAIM._replace(lines=(LINE,) * 51)),
        ("no-payer-reference", CLAIM._replace(frequency="7")),
        ("no-payer-reference", CLAIM._replace(frequency="8")),
        ("diagnoses", CLAIM._replace(diagnoses=())),
        ("diagnoses", CLAIM._replace(diagnoses=("J020",) * 13)),
        ("bad-element", CLAIM._replace(diagnoses=("J02.0", "R509"))),
        ("diagnosis-pointer", CLAIM._replace(diagnoses=("J020",))),
        ("diagnosis-pointer", CLAIM._replace(lines=(LINE._replace(pointers=(0,)),))),
        ("bad-amount", CLAIM._replace(lines=(LINE._replace(amount=-1), SECOND))),
        ("bad-amount", CLAIM._replace(lines=(LINE._replace(amount=100.5), SECOND))),
        ("bad-amount", CLAIM._replace(lines=(LINE._replace(amount=10**10),))),
        ("npi-check-digit", CLAIM._replace(billing=PRACTICE._replace(npi="1234567890"))),
        ("npi-check-digit", CLAIM._replace(rendering=DOCTOR._replace(npi="1679576721"))),
        ("bad-element", CLAIM._replace(billing=PRACTICE._replace(zip="32714"))),
        ("bad-element", CLAIM._replace(insured=PERSON._replace(family="INVENTED "))),
        ("bad-element", CLAIM._replace(insured=PERSON._replace(family="INVENTÉD"))),
        ("bad-element", CLAIM._replace(insured=PERSON._replace(birth_date=date(1850, 1, 1)))),
        ("missing-element", CLAIM._replace(insured=PERSON._replace(member_id=""))),
        ("bad-element", CLAIM._replace(claim_id="A" * 21)),
        ("bad-element", CLAIM._replace(lines=(LINE._replace(tooth="3"),))),
        ("bad-element", CLAIM._replace(lines=(LINE._replace(units=0),))),
    ],
)
def test_claims_that_a_payer_would_reject_are_refused(code: str, claim: x12.OutgoingClaim) -> None:
    refusal = fails(x12.write_837p, CLAIM._replace(claim_id="A0"), claim)
    assert (refusal.code, isinstance(refusal, NotBalanced)) == (code, code == "bad-amount")
    assert refusal.remedy
    assert "claim 2" in refusal.what


@pytest.mark.parametrize(
    ("tooth", "surfaces"), [("33", ""), ("0", ""), ("U", ""), ("", "M"), ("3", "MM"), ("3", "X"), ("83", "")]
)
def test_teeth_and_surfaces_are_those_of_the_standard(tooth: str, surfaces: str) -> None:
    line = DENTAL.lines[0]._replace(tooth=tooth, surfaces=surfaces)
    assert fails(x12.write_837d, DENTAL._replace(lines=(line,))).code in (
        "bad-element",
        "missing-element",
    )


@pytest.mark.parametrize(
    ("code", "remittance"),
    [
        ("unbalanced", REMITTANCE._replace(amount=9001)),
        ("unbalanced", many_adjustments()._replace(provider_adjustments=())),
        ("negative-payment", REMITTANCE._replace(claims=(), amount=-1, provider_adjustments=(x12.ProviderAdjustment("WO", "", 1),))),
        ("number-of-lines", REMITTANCE._replace(claims=(PAID._replace(lines=()),))),
        ("missing-element", REMITTANCE._replace(payer=PAYER._replace(address=""))),
        ("bad-element", REMITTANCE._replace(method="CASH")),
        ("bad-element", REMITTANCE._replace(claims=(PAID._replace(filing="CI"),))),
    ],
)  # fmt: skip
def test_remittances_that_cannot_be_posted_are_refused(code: str, remittance: x12.Remittance) -> None:
    assert fails(x12.write_835, remittance).code == code


LINE_1 = PAID.lines[0]


@pytest.mark.parametrize(
    ("rule", "claim", "amount"),
    [
        ("the claim's charge is the sum of its lines'", PAID._replace(charge=20051, paid=9051), 9001),
        ("the claim's charge less its", PAID._replace(paid=9051), 9001),
        ("the line's charge less", PAID._replace(lines=(LINE_1._replace(paid=8051), *PAID.lines[1:])), 9000),
        ("a predetermination pays nothing", PAID._replace(status="25"), 9000),
        ("the patient's share", PAID._replace(patient_share=0), 9000),
        ("the payment is", PAID, 9001),
    ],
)
def test_each_level_is_held_although_the_others_agree(rule: str, claim: x12.PaidClaim, amount: int) -> None:
    refusal = fails(x12.write_835, REMITTANCE._replace(claims=(claim,), amount=amount))
    assert (refusal.code, isinstance(refusal, NotBalanced)) == ("unbalanced", True)
    assert rule in refusal.what


def test_nothing_twice_nothing_at_all_and_no_bad_envelope() -> None:
    assert fails(x12.write_837p, CLAIM, CLAIM).code == "duplicate-claim"
    assert fails(x12.write_835, REMITTANCE, REMITTANCE).code == "duplicate-trace"
    assert fails(x12.write_835).code == "nothing-to-write"
    for envelope in (
        ENVELOPE._replace(sender="S" * 16),
        ENVELOPE._replace(control=0),
        ENVELOPE._replace(usage="X"),
    ):
        assert fails(x12.write_837d, DENTAL, envelope=envelope).code == "bad-element"
