"""The X12 files of an invented place: to the cent those of its book, balanced, and legal to an independent validator."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from tests.interop.x12_written import assert_balanced, cents, segments
from tests.invented import exported as e
from tests.invented.small_book import CONTRACTUAL, INSURER_PAID, INTEREST, small_book

from carewheel.interop.records import AdjustmentRecord, ChargeRecord, ClaimEventRecord, PaymentRecord
from carewheel.invented.book import NONE, Book, to_clock, to_date
from carewheel.invented.exports.claims import write_claims


@pytest.fixture(params=["medical", "dental"])
def small(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Book, Path]:
    book = small_book(request.param)
    write_claims(book, tmp_path)
    return book, tmp_path / "claims"


@pytest.fixture(scope="module", params=[e.MEDICAL, e.DENTAL])
def real(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Book, Path]:
    book, folder = e.half_a_year(request.param), tmp_path_factory.mktemp("claims")
    write_claims(book, folder)
    return book, folder / "claims"


def test_the_small_place_as_worked_out_by_hand(small: tuple[Book, Path]) -> None:
    sink = e.read(small[1])
    e.nothing_wrong(sink)
    payments: list[PaymentRecord] = e.table(sink, "payment")
    by_claim = [one for one in payments if one.claim_id]
    paid = e.summed((one.posted_date.month, e.cents(one.amount)) for one in by_claim if one.posted_date)
    assert paid == INSURER_PAID
    (interest,) = [one for one in payments if not one.claim_id]
    assert (e.cents(interest.amount), f"{interest.posted_date}") == (INTEREST, "2025-03-24")
    taken: list[AdjustmentRecord] = e.table(sink, "adjustment")
    contractual = [
        (one.posted_date.month, e.cents(one.amount))
        for one in taken
        if one.reason_code == "45" and one.posted_date
    ]
    assert e.summed(contractual) == CONTRACTUAL
    assert e.summed(((one.group_code, one.reason_code), e.cents(one.amount)) for one in taken) == {
        ("CO", "45"): 101000, ("PR", "1"): 10000, ("PR", "2"): 77000, ("CO", "16"): 142000, ("CO", "197"): 8000,
    }  # fmt: skip
    # A claim that is sent again charges once.
    charges: dict[str, ChargeRecord] = {one.source_id: one for one in e.table(sink, "charge")}
    assert sum(e.cents(one.amount) for one in charges.values()) == 613000
    events: list[ClaimEventRecord] = e.table(sink, "claim_event")
    assert Counter(one.event for one in events) == {
        "submitted": 24, "resubmitted": 2, "adjudicated": 23, "reversed": 1, "corrected": 1,
    }  # fmt: skip
    told = [
        (one.event, f"{one.event_date}", e.cents(one.paid_amount or one.amount), one.is_denial)
        for one in events
        if one.claim_id == "loc1-8"
    ]
    assert sorted(told, key=lambda one: one[1]) == [
        ("submitted", "2025-01-18", 120000, None), ("adjudicated", "2025-01-30", 120000, True),
        ("resubmitted", "2025-02-10", 120000, None), ("adjudicated", "2025-02-24", 70000, False),
    ]  # fmt: skip


def test_the_files_of_the_small_place(small: tuple[Book, Path]) -> None:
    book, folder = small
    kind = "837d" if book.location.kind == "dental" else "837p"
    names = [f"{kind}-2025-{month:02}.edi" for month in (1, 2, 3, 4, 6)]
    names += [f"835-2025-{month:02}.edi" for month in (1, 2, 3, 4, 6)]
    assert sorted(path.name for path in folder.glob("*.edi")) == sorted(names)
    assert (folder / "carewheel.toml").read_text().splitlines()[1:] == [
        "invented = true", 'source = "clearinghouse-loc1"', 'zone = "America/New_York"', 'currency = "USD"', "", "[locations]",
        '"" = "loc1"',
    ]  # fmt: skip
    rows = ["*".join(row) for row in segments((folder / "835-2025-03.edi").read_text())]
    # c12: 140 paid in February, taken back and corrected to 150; c15 came with 1.25 interest.
    first = next(at for at, row in enumerate(rows) if row.startswith("CLP*loc1-13*22*"))
    assert rows[first].split("*")[2:6] == ["22", "-170", "-140", "0"]
    assert [row for row in rows[first + 1 : first + 24] if row[:3] in ("CLP", "SVC", "CAS")][:7] == [
        f"SVC*{'AD' if kind == '837d' else 'HC'}:{book.location.codes[0].code}*-60*-50**1", "CAS*CO*45*-10",
        f"SVC*{'AD' if kind == '837d' else 'HC'}:{book.location.codes[1].code}*-110*-90**1", "CAS*CO*45*-20",
        "CLP*loc1-13*1*170*150*0*12*PC00010000013*11*1",
        f"SVC*{'AD' if kind == '837d' else 'HC'}:{book.location.codes[0].code}*60*55**1", "CAS*CO*45*5",
    ]  # fmt: skip
    assert "PLB*1234567893*20251231*L6:EFT00010000006*-1.25" in rows
    assert "AMT*I*1.25" in rows
    sent = ["*".join(row) for row in segments((folder / f"{kind}-2025-02.edi").read_text())]
    again = sent.index("CLM*loc1-8*1200***11:B:7*Y*A*Y*Y")
    assert sent[again + 1] == "REF*F8*PC00010000008"


def blocks(folder: Path, name: str, begins: str) -> Iterator[tuple[str, list[list[str]]]]:
    """(month of the file, segments) from each ``begins`` to the next or the end of its set: nothing but splitting."""
    for path in sorted(folder.glob(f"{name}-*.edi")):
        block: list[list[str]] = []
        for row in segments(path.read_text()):
            if row[0] in (begins, "SE", "HL", "PLB", "LX") and (row[0] != "LX" or begins == "CLP"):
                if block:
                    yield path.stem[-7:], block
                block = []
            if row[0] == begins or block:
                block.append(row)


def test_what_a_plain_splitter_sees_is_the_book(real: tuple[Book, Path]) -> None:
    book, folder = real
    name = "837d" if book.location.kind == "dental" else "837p"
    files = {path.stem: path.read_text() for path in folder.glob("*.edi")}
    paid: dict[str, list[int]] = defaultdict(list)
    for stem, text in files.items():
        assert_balanced(text)
        rows = segments(text)
        assert {row[15] for row in rows if row[0] == "ISA"} == {"P"}
        for row in rows:
            if row[0] == "BPR":
                paid[stem[-7:]].append(cents(row[2]))
                assert f"{row[16][:4]}-{row[16][4:6]}" == stem[-7:]
            if row[0] == "BHT":
                assert f"{row[4][:4]}-{row[4][4:6]}" == stem[-7:]
    controls = [
        row[13]
        for text in files.values()
        for row in segments(text)
        if row[0] == "ISA" and row[6].strip() == "CLEARHOUSE"
    ]
    assert len(set(controls)) == len(controls)
    remittance = book["remittance"]
    assert {month: sum(those) for month, those in paid.items()} == e.months(
        remittance["day"], remittance["cents"]
    )
    assert sum(map(len, paid.values())) == len(remittance["day"])

    claims, again = book["claim"], book["resubmission"]
    sent = [(month, block[0]) for month, block in blocks(folder, name, "CLM")]
    first = [(month, row) for month, row in sent if row[5].endswith(":1")]
    assert len(first) == len(claims["claim"])
    assert e.summed((month, cents(row[2])) for month, row in first) == e.months(
        claims["submitted_day"], claims["cents"]
    )
    mended = {
        block[0][1]: (month, block[1])
        for month, block in blocks(folder, name, "CLM")
        if block[0][5].endswith(":7")
    }
    assert len(mended) == len(again["claim"]) > 10
    control = {block[0][1]: block[0][7] for _, block in blocks(folder, "835", "CLP")}
    for row, day in zip(again["claim"].tolist(), again["day"].tolist(), strict=True):
        month, reference = mended[f"{book.location.location_id}-{row + 1}"]
        assert month == f"{to_date(day):%Y-%m}"
        assert reference == ["REF", "F8", control[f"{book.location.location_id}-{row + 1}"]]


def test_a_reversal_is_the_mirror_of_what_was_paid(real: tuple[Book, Path]) -> None:
    book, folder = real
    history: dict[str, list[list[list[str]]]] = defaultdict(list)
    for _, block in blocks(folder, "835", "CLP"):
        history[block[0][1]].append(block)
    reversals = 0
    for decisions in history.values():
        for before, block in pairwise(decisions):
            if block[0][2] == "22":
                reversals += 1
                assert [cents(x) for x in block[0][3:5]] == [-cents(x) for x in before[0][3:5]]
                money = [[row for row in one if row[0] in ("SVC", "CAS")] for one in (before, block)]
                for old, new in zip(*money, strict=True):
                    if new[0] == "SVC":
                        assert [cents(x) for x in new[2:4]] == [-cents(x) for x in old[2:4]]
                    if new[0] == "CAS":
                        assert new[1:3] == old[1:3]
                        assert [cents(x) for x in new[3::3]] == [-cents(x) for x in old[3::3]]
                after = decisions[decisions.index(block) + 1]
                assert after[0][2] == "1"
    assert reversals == sum(book["decision"]["kind"] == 2) > 0


def test_our_reader_finds_the_book(real: tuple[Book, Path]) -> None:
    book, folder = real
    sink = e.read(folder)
    e.nothing_wrong(sink)
    place, claims, decided = book.location.location_id, book["claim"], book["decision"]
    assert sum(file.rows_used for file in sink.files) == sum(
        len(book[name]["claim"]) for name in ("claim", "resubmission", "decision")
    )

    def name(row: Any) -> str:
        return f"{place}-{int(row) + 1}"

    line, visit = book["line"], book["visit"]
    here = line["claim"] != NONE
    charged = Counter(
        (name(c), book.location.codes[k].code, int(x), to_clock(int(visit["starts"][v])).date())
        for c, k, x, v in zip(
            line["claim"][here], line["code"][here], line["cents"][here], line["visit"][here], strict=True
        )
    )
    charges: dict[str, ChargeRecord] = {one.source_id: one for one in e.table(sink, "charge")}
    assert (
        Counter((c.claim_id, c.code, e.cents(c.amount), c.service_date) for c in charges.values()) == charged
    )

    payments: list[PaymentRecord] = e.table(sink, "payment")
    assert Counter(
        (p.claim_id, p.posted_date, e.cents(p.amount), p.is_reversal) for p in payments if p.claim_id
    ) == Counter(
        (name(c), to_date(int(d)), int(x), int(k) == 2)
        for c, d, x, k in zip(decided["claim"], decided["day"], decided["paid"], decided["kind"], strict=True)
    )
    assert e.summed((p.posted_date, e.cents(p.amount)) for p in payments if not p.claim_id) == e.summed(
        (to_date(int(d)), int(x)) for d, x in zip(decided["day"], decided["interest"], strict=True)
    )

    parts = book["decision_line"]
    expected: list[tuple[Any, int]] = []
    for column, group, code in (
        ("contractual", "CO", "45"),
        ("deductible", "PR", "1"),
        ("coinsurance", "PR", "2"),
        ("denied", "", ""),
    ):
        for at, x, reason in zip(parts["decision"], parts[column], parts["reason"], strict=True):
            why = (group, code) if group else book.words.denial_reasons[reason]
            expected.append(((name(decided["claim"][at]), to_date(int(decided["day"][at])), *why), int(x)))
    taken: list[AdjustmentRecord] = e.table(sink, "adjustment")
    assert e.summed(
        ((a.claim_id, a.posted_date, a.group_code, a.reason_code), e.cents(a.amount)) for a in taken
    ) == e.summed(expected)

    events: list[ClaimEventRecord] = e.table(sink, "claim_event")
    assert Counter((v.claim_id, v.event_date) for v in events if v.event == "submitted") == Counter(
        (name(c), to_date(int(d))) for c, d in zip(claims["claim"], claims["submitted_day"], strict=True)
    )
    assert sum(bool(v.is_denial) for v in events) == sum(decided["kind"] == 1) > 50
    assert Counter(v.event for v in events)["corrected"] == sum(decided["kind"] == 3)


def test_a_remittance_without_money_is_legal(tmp_path: Path) -> None:
    """Only a denial: nothing is paid, and the payment says so."""
    book = small_book("medical")
    # The last remittance paid c24 (decision 24) beside the denial of c22 (decision 23).
    for name in ("decision", "decision_line"):
        keep = book[name]["decision"] != 24
        book.tables[name] = {column: values[keep] for column, values in book[name].items()}
    book["remittance"]["cents"][-1] = 0
    write_claims(book, tmp_path)
    sink = e.read(tmp_path / "claims")
    e.nothing_wrong(sink)
    text = (tmp_path / "claims" / "835-2025-06.edi").read_text()
    assert [row[1:5] for row in segments(text) if row[0] == "BPR"] == [["H", "0", "C", "NON"]]


def test_pyx12_accepts_what_a_medical_place_sends_and_gets(
    tmp_path: Path, x12valid: Callable[[Path], str]
) -> None:
    book = e.half_a_year(e.MEDICAL)
    write_claims(book, tmp_path)
    for name in ("837p-2025-09.edi", "835-2025-11.edi"):
        assert x12valid(tmp_path / "claims" / name) == "OK", name
