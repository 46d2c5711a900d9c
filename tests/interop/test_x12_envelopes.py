"""Envelopes: separators, line ends, several interchanges; a set that is not whole is never half loaded."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest
from tests.interop.collecting import CollectingSink
from tests.interop.x12_reading import (
    EXCERPTS,
    PROFESSIONAL,
    REMITTANCE,
    SETTINGS,
    interchange,
    read_file,
    read_text,
)

from carewheel.interop import x12
from carewheel.interop.files import SourceFile
from carewheel.interop.x12 import envelope

P, R = "005010X222A1", "005010X221A1"


def test_a_file_cut_off_at_any_byte_is_never_half_loaded(tmp_path: Path) -> None:
    second = PROFESSIONAL.replace("*0001", "*0002").replace("CLM*A1", "CLM*A2")
    text = interchange(P, PROFESSIONAL, second)
    ends = [text.index("SE*", start) for start in (0, text.index("ST*837*0002"))]
    # A set is whole when its SE can be read: its count and control number are there.
    whole = [text.index("*000", end) + 5 for end in ends]
    for cut in range(4, len(text), 3):
        read = read_text(tmp_path, text[:cut])
        complete = sum(cut >= end for end in whole)
        assert read.rows_used == complete, cut
        assert len(read.records) == 4 * complete
        begun = text[:cut].count("~\nCLM*A")
        assert read.rows_used + read.rows_refused in (begun, begun + 1)


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("windows line ends", lambda text: text.replace("\n", "\r\n")),
        ("no line ends", lambda text: text.replace("\n", "")),
        ("line end as terminator", lambda text: text.replace("~", "")),
        ("byte-order mark", lambda text: "\ufeff" + text),
        ("blank beginning", lambda text: "\r\n  \n" + text),
        ("other separators", lambda text: text.replace("*", "|").replace(":", ">").replace("~", "'")),
        ("control signs", lambda text: text.replace("*", "\x1d").replace(":", "\x1f").replace("^", "\x1e").replace("~\n", "\x1c")),
        ("wrapped at 80", lambda text: "\n".join(text.replace("\n", "")[i : i + 80] for i in range(0, len(text), 80))),
        ("end-of-file mark", lambda text: text + "\x1a"),
    ],
)  # fmt: skip
def test_the_same_content_in_other_clothes_is_the_same(tmp_path: Path, name: str, change) -> None:
    plain = read_text(tmp_path, interchange(P, PROFESSIONAL))
    other = read_text(tmp_path, change(interchange(P, PROFESSIONAL)), "other.edi")
    assert other.records == plain.records, name
    assert other.findings == []


def test_interchanges_one_after_another_each_have_their_separators(tmp_path: Path) -> None:
    second = interchange(R, REMITTANCE).replace("*", "|").replace("~\n", "\n")
    read = read_text(tmp_path, interchange(P, PROFESSIONAL) + second + interchange(R, REMITTANCE))
    # The same remittance twice: it is said, and it is no fault of the envelopes.
    assert (read.rows_used, [found.code for found in read.findings]) == (3, ["x12.delivered-twice"])
    assert read.tallies == {"charges": Decimal(150), "collections": Decimal(160)}


def test_of_two_interchanges_the_good_one_stays(tmp_path: Path) -> None:
    bad = interchange(R, REMITTANCE).replace("SE*20", "SE*19")
    assert bad != interchange(R, REMITTANCE)
    read = read_text(tmp_path, bad + interchange(P, PROFESSIONAL))
    assert (read.rows_used, read.rows_refused) == (1, 1)
    assert [finding.code for finding in read.findings] == ["x12.segment-count"]


@pytest.mark.parametrize(
    ("old", "new", "code", "used"),
    [
        ("SE*26*0001", "SE*27*0001", "x12.segment-count", 0),
        ("SE*26*0001", "SE*26*0009", "x12.control-number", 0),
        ("GE*1*1", "GE*2*1", "x12.trailer-count", 1),
        ("GE*1*1", "GE*1*9", "x12.control-number", 1),
        ("IEA*1*000000001", "IEA*2*000000001", "x12.trailer-count", 1),
        ("IEA*1*000000001", "IEA*1*000000009", "x12.control-number", 1),
        ("GE*1*1~\n", "", "x12.missing-trailer", 1),
        ("IEA*1*000000001~\n", "", "x12.missing-trailer", 1),
        ("*00*          *ZZ", "*00*         *ZZ", "x12.bad-interchange-header", 0),
        ("005010X222A1~\nST", "004010X098A1~\nST", "x12.unsupported-version", None),
    ],
)
def test_faults_of_the_envelope(tmp_path: Path, old: str, new: str, code: str, used: int | None) -> None:
    text = interchange(P, PROFESSIONAL)
    assert old in text
    text = text.replace(old, new)
    if used is None:
        text, used = text.replace("005010X222A1", "004010X098A1"), 0
    read = read_text(tmp_path, text)
    assert (read.rows_used, read.rows_refused) == (used, 1 - used)
    assert code in {finding.code for finding in read.findings}


def test_text_before_the_interchange_refuses_it_and_text_after_it_does_not(tmp_path: Path) -> None:
    before = read_text(tmp_path, "Dear colleague, here it is:\n" + interchange(P, PROFESSIONAL))
    assert (before.rows_refused, before.findings[0].code) == (1, "x12.text-before-interchange")
    after = read_text(tmp_path, interchange(P, PROFESSIONAL) + "Kind regards", "after.edi")
    assert (after.rows_used, after.findings[0].code) == (1, "x12.text-after-interchange")


def test_sets_of_other_kinds_are_one_finding() -> None:
    read = read_file(EXCERPTS / "276.edi")
    assert (read.rows_used, read.rows_refused, read.rows_ignored) == (0, 0, 1)
    assert [(finding.code, finding.severity) for finding in read.findings] == [("x12.not-used-yet", "note")]


def test_a_segment_of_ten_megabytes_is_refused_in_bounded_memory(tmp_path: Path) -> None:
    text = interchange(P, PROFESSIONAL)
    read = read_text(tmp_path, text.replace("NM1*IL", "NM1*IL" + "X" * 10_000_000))
    assert (read.records, read.findings[-1].code) == ([], "x12.segment-too-long")


def test_a_set_too_large_to_hold_is_read_a_second_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    parts = [PROFESSIONAL] + [
        PROFESSIONAL[PROFESSIONAL.index("    CLM*") :].replace("CLM*A1", f"CLM*B{number}")
        for number in range(50)
    ]
    good, bad = interchange(P, "".join(parts)), interchange(P, "".join(parts)).replace("SE*", "SE*1")
    held = read_text(tmp_path, good).records
    monkeypatch.setattr(envelope, "MOST_HELD", 10)
    again = read_text(tmp_path, good)
    assert (again.rows_used, len(held)) == (51, 204)
    assert again.records == held
    assert again.tallies["charges"] == Decimal(51 * 150)
    refused = read_text(tmp_path, bad)
    assert (refused.rows_used, refused.rows_refused, refused.records) == (0, 51, [])


@pytest.mark.parametrize(
    ("content", "part"),
    [
        (interchange(P, PROFESSIONAL), "interchange"),
        ("\ufeff\n" + interchange(P, PROFESSIONAL), "interchange"),
        ("Some words first. " + interchange(P, PROFESSIONAL), "interchange"),
        ("ISA*00*   ", "interchange"),
        (REMITTANCE.strip().replace("\n", "~"), "fragment"),
        ("GS*HC*A*B*20240301*1200*1*X*005010X222A1~ST*837*0001~", "fragment"),
        ("PatNum,LName\n1,ST*835*\n", ""),
        ("MSH|^~\\&|A|B\n", ""),
        ("STATUS;ISA\n1;2\n", ""),
        ("", ""),
    ],
)
def test_x12_is_recognised_by_content(tmp_path: Path, content: str, part: str) -> None:
    path = tmp_path / "file.dat"
    path.write_bytes(content.encode())
    assert x12.recognise(SourceFile(path, "file.dat").sample(), SETTINGS) == part


def test_a_fragment_without_isa_is_refused_with_its_claims_counted(tmp_path: Path) -> None:
    text = interchange(R, REMITTANCE)
    read = read_text(tmp_path, text[text.index("ST*835") : text.index("GE*")])
    assert (read.rows_refused, read.findings[0].code) == (1, "x12.no-interchange-header")


def test_junk_is_refused_and_never_a_crash(tmp_path: Path) -> None:
    text = interchange(P, PROFESSIONAL)
    junk = [text[:106] + "~" * 500, text[:106] + "\x00\xff" * 900, text.replace("SE*", "ST*")]
    junk += [
        text.replace(f"{tag}*", "") for tag in ("CLM", "HL", "NM1", "SV1", "BHT", "ST", "GS", "DTP", "REF")
    ]
    for one in junk:
        read = read_text(tmp_path, one)
        assert read.rows_used == 0 or read.findings
        assert read.rows_used == 0 or len(read.records) in (4, 0)


def test_progress_never_exceeds_the_size_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "it.edi"
    path.write_text(interchange(P, PROFESSIONAL))
    seen: list[int] = []
    sink = CollectingSink()
    with sink.file(SourceFile(path, "it.edi")) as into:
        into.progress = seen.append  # type: ignore[method-assign]
        envelope.FileReader(SourceFile(path, "it.edi"), into, SETTINGS.today, set()).read()
    assert all(0 <= value <= path.stat().st_size for value in seen)


def test_a_test_interchange_is_used_with_a_doubt(tmp_path: Path) -> None:
    read = read_text(tmp_path, interchange(P, PROFESSIONAL).replace("*0*P*:", "*0*T*:"))
    assert (read.rows_used, [finding.code for finding in read.findings]) == (1, ["x12.test-interchange"])
