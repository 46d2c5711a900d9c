"""HL7 v2 files become appointments, visits, their steps, patients and charges; whatever clothes the messages come in."""

from __future__ import annotations

from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path

import pytest
from tests.interop.collecting import Collected, CollectingSink

from carewheel.interop import hl7v2
from carewheel.interop.files import ReadSettings, SourceFile
from carewheel.interop.hl7v2.messages import CHUNK

EXCERPTS = Path(__file__).parent / "excerpts" / "hl7v2"
SETTINGS = ReadSettings(today=date(2026, 1, 31))
OFFSET = timezone(timedelta(hours=2, minutes=15))

BOOKED = (
    "MSH|^~\\&|APP|FAC|X|Y|20240105093000-0500||SIU^S12^SIU_S12|M1|P|2.5\r"
    "SCH|P1|F1|||||CHECKUP^Check-up|Normal|30|min|^^30^20240120100000-0500^20240120103000-0500||||||||||||||Booked\r"
    "PID|1||123456789^^^USSSA^SS~MRN7^^^FAC^MR||Invented^Person||19710203|F\r"
    "AIL|1||CLINIC^R1^^SITE A\rAIP|1||D9^Doctor\r"
)
REGISTERED = (
    "MSH|^~\\&|APP|FAC|X|Y|20240120100500||ADT^A04|M2|P|2.3\r"
    "EVN|A04|20240120100500\r"
    "PID|1||MRN7^^^FAC^MR||Invented^Person||19710203|F\r"
    "PV1|1|O|CLINIC^R1^^SITE A||||D9^Doctor||||||||||||V100|||||||||||||||||||||||||20240120100200\r"
)
CHARGED = (
    "MSH|^~\\&|APP|FAC|X|Y|20240121080000||DFT^P03|M4|P|2.3\r"
    "PID|1||MRN7^^^FAC^MR\rPV1|1|O\r"
    "FT1|1|T1||20240120|20240121|CG|99213^Visit^C4|||2||60.25&USD\r"
    "FT1|2|T2||20240120|20240121|PY|COPAY|||1|20\r"
    "FT1|3|T3||20240120|20240121|AJ|COURTESY|||1|5.50\r"
)


def read(folder: Path, text: str) -> Collected:
    path = folder / "it.hl7"
    path.write_bytes(text.encode())
    return read_paths([path]).files[0]


def read_paths(paths: list[Path]) -> CollectingSink:
    sink = CollectingSink()
    files = [SourceFile(path, path.name) for path in paths]
    hl7v2.read([(file, hl7v2.recognise(file.sample(), SETTINGS)) for file in files], sink, SETTINGS)
    return sink


def test_a_booking_is_an_appointment_and_a_step(tmp_path: Path) -> None:
    got = read(tmp_path, BOOKED)
    appointment, step = got.records
    zone = timezone(timedelta(hours=-5))
    assert (got.rows_used, got.findings) == (1, [])
    assert (appointment.source_id, appointment.appointment_id, appointment.basis) == (
        "F1",
        "F1",
        "appointment",
    )
    assert (appointment.status, appointment.raw_status, appointment.visit_type) == (
        "booked",
        "Booked",
        "CHECKUP",
    )
    assert appointment.starts_at == datetime(2024, 1, 20, 10, 0, tzinfo=zone)
    assert appointment.minutes == 30
    assert appointment.booked_at == appointment.recorded_at == datetime(2024, 1, 5, 9, 30, tzinfo=zone)
    # The medical record number, never the social security number that stands before it.
    assert (appointment.patient_key, appointment.provider_key) == ("MRN7", "D9")
    assert (appointment.location_id, appointment.resource_id) == ("SITE A", "CLINIC|R1")
    assert (step.event, step.raw_event, step.happened_at) == ("booked", "S12", appointment.recorded_at)


def test_the_story_of_a_published_appointment() -> None:
    names = ("SIU-S12-01.hl7", "SIU-S13-01.hl7", "SIU-S15-01.hl7", "SIU-S26-01.hl7")
    sink = read_paths([EXCERPTS / name for name in names])
    versions = sink.table("appointment")
    assert {version.source_id for version in versions} == {"36996"}
    assert [version.status for version in versions] == ["booked", "booked", "cancelled", "noshow"]
    assert [version.recorded_at.day for version in versions] == [14, 20, 23, 24]
    # Only the booking itself says when that was; the facts keep it (tests/warehouse/test_said_once.py).
    assert [version.booked_at for version in versions] == [
        datetime(2021, 9, 14, 11, 20, tzinfo=OFFSET), None, None, None,
    ]  # fmt: skip
    assert versions[2].cancelled_at == datetime(2021, 9, 23, 11, 26, tzinfo=OFFSET)
    assert {version.starts_at for version in versions} == {datetime(2021, 9, 24, 9, 30, tzinfo=OFFSET)}
    assert {version.minutes for version in versions} == {50}
    steps = [record.event for record in sink.table("visit_event")]
    assert steps == ["booked", "rescheduled", "cancelled", "noshow"]


def test_a_visit_is_an_encounter_with_its_patient(tmp_path: Path) -> None:
    patient, visit, step = read(tmp_path, REGISTERED).records
    assert (patient.patient_key, patient.birth_year, patient.sex, patient.deceased) == (
        "MRN7",
        1971,
        "female",
        None,
    )
    assert "MRN7" not in patient.source_id
    assert (visit.source_id, visit.appointment_id, visit.basis) == ("visit|V100", "V100", "encounter")
    assert (visit.status, visit.starts_at) == ("arrived", datetime(2024, 1, 20, 10, 2))
    assert (step.event, step.happened_at) == ("arrived", datetime(2024, 1, 20, 10, 2))


def test_a_discharge_ends_the_visit_and_counts_it() -> None:
    got = read_paths([EXCERPTS / "ADT-A03-01.hl7"]).files[0]
    visit = got.records[1]
    assert (visit.status, visit.minutes, got.tallies) == ("fulfilled", 1440, {"visits": Decimal(1)})
    assert got.records[2].happened_at == visit.ends_at


def test_charges_payments_and_adjustments_of_a_message(tmp_path: Path) -> None:
    got = read(tmp_path, CHARGED)
    charge, payment, adjustment = got.records
    assert (charge.amount, charge.currency, charge.quantity) == (Decimal("120.50"), "USD", 2.0)
    assert (charge.code, charge.code_system, charge.service_date) == ("99213", "HCPCS", date(2024, 1, 20))
    assert (payment.amount, payment.posted_date) == (Decimal(20), date(2024, 1, 21))
    assert (adjustment.amount, adjustment.kind) == (Decimal("5.50"), "other")
    assert got.tallies == {"charges": Decimal("120.50"), "collections": Decimal(20)}


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("unix line ends", lambda text: text.replace("\r", "\n")),
        ("windows line ends", lambda text: text.replace("\r", "\r\n")),
        ("MLLP frames", lambda text: "".join(f"\x0bMSH{part}\x1c\r" for part in text.split("MSH")[1:])),
        ("a batch", lambda text: f"FHS|^~\\&|A\rBHS|^~\\&|A\r{text}BTS|3\rFTS|1\r"),
        ("byte-order mark", lambda text: "\ufeff" + text),
        ("other separators", lambda text: text.translate(str.maketrans("|^~&\\", "!@%*/"))),
        ("free text with line ends", lambda text: text + "NTE|1||first line\nsecond line\n"),
    ],
)
def test_the_same_messages_in_other_clothes_are_the_same(tmp_path: Path, name: str, change) -> None:
    plain = BOOKED + REGISTERED + CHARGED
    expected, got = read(tmp_path, plain), read(tmp_path, change(plain))
    assert (got.rows_used, got.findings) == (3, []), name
    assert got.records == expected.records


def test_escapes_repetitions_and_nulls_are_understood(tmp_path: Path) -> None:
    text = BOOKED.replace("|D9^Doctor", "|D\\T\\9\\S\\x^Doctor").replace("|F\r", '|""\r').replace("F1", '""')
    appointment = read(tmp_path, text).records[0]
    assert (appointment.provider_key, appointment.source_id) == ("D&9^x", "P1")


def test_a_merge_is_not_applied_and_said_so() -> None:
    got = read_paths([EXCERPTS / "ADT-A40-01.hl7"]).files[0]
    assert (got.rows_ignored, got.records) == (1, [])
    assert [(finding.code, finding.severity) for finding in got.findings] == [
        ("hl7.merge-not-applied", "doubt")
    ]


def test_messages_of_other_kinds_are_one_finding(tmp_path: Path) -> None:
    text = (EXCERPTS / "BAR-P02-01.hl7").read_text()
    got = read(tmp_path, text + "\r" + text)
    assert (got.rows_ignored, got.rows_used) == (2, 0)
    assert [(finding.code, finding.count) for finding in got.findings] == [("hl7.not-used-yet", 2)]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (BOOKED.replace("SCH|", "ZCH|"), "hl7.missing-segment"),
        (BOOKED.replace("P1|F1", "|"), "hl7.no-identifier"),
        (BOOKED.replace("20240120", "00010120"), "hl7.no-date"),
        (CHARGED.replace("60.25", "sixty"), "hl7.bad-amount"),
        (CHARGED.replace("|20240120|", "||"), "hl7.no-date"),
        (CHARGED.replace("|AJ|", "|ZZ|"), "hl7.unknown-transaction"),
        ("MSH\rPID|1\r", "hl7.unreadable"),
    ],
)
def test_a_message_that_cannot_be_used_is_refused_whole_and_the_next_stays(
    tmp_path: Path, text: str, code: str
) -> None:
    path = tmp_path / "it.hl7"
    path.write_text(REGISTERED + text)
    got = read_paths([path]).files[0]
    assert (got.rows_used, got.rows_refused, len(got.records)) == (1, 1, 3)
    assert [finding.code for finding in got.findings] == [code]
    assert got.findings[0].line == 5


def test_a_file_cut_off_at_any_byte_never_crashes(tmp_path: Path) -> None:
    text = BOOKED + REGISTERED + CHARGED
    for cut in range(8, len(text), 3):
        got = read(tmp_path, text[:cut])
        assert 1 <= got.rows_used + got.rows_refused + got.rows_ignored <= 3, cut


def test_a_batch_that_lost_a_message_is_a_doubt(tmp_path: Path) -> None:
    got = read(tmp_path, f"BHS|^~\\&|A\r{BOOKED}BTS|2\r")
    assert (got.rows_used, [finding.code for finding in got.findings]) == (1, ["hl7.batch-count"])


def test_a_message_too_long_is_refused(tmp_path: Path) -> None:
    got = read(tmp_path, BOOKED + "OBX|1|ED|||" + "A" * (17 << 20) + "\r" + REGISTERED)
    assert (got.rows_used, got.rows_refused) == (1, 1)
    assert got.findings[0].code == "hl7.too-long"


def test_a_message_sent_again_says_the_same(tmp_path: Path) -> None:
    text = BOOKED + REGISTERED + CHARGED
    once, twice = read(tmp_path, text), read(tmp_path, text + text)
    assert twice.records == once.records * 2


def test_the_source_is_named_by_its_sender(tmp_path: Path) -> None:
    path = EXCERPTS / "SIU-S12-01.hl7"
    assert hl7v2.source_name(SourceFile(path, path.name), "messages", SETTINGS) == "hl7v2:schapp|ghhsfacility"


@pytest.mark.parametrize(
    ("content", "part"),
    [(BOOKED, "messages"), ("\x0b" + BOOKED, "messages"), ("\ufeffBHS|^~\\&|A\r" + BOOKED, "messages"), ("MSHA,B\n", ""), ("a,b\n", "")],
)  # fmt: skip
def test_hl7_is_recognised_by_content(tmp_path: Path, content: str, part: str) -> None:
    path = tmp_path / "file.dat"
    path.write_bytes(content.encode())
    assert hl7v2.recognise(SourceFile(path, "file.dat").sample(), SETTINGS) == part


def test_no_finding_shows_anything_of_a_person(tmp_path: Path) -> None:
    got = read(tmp_path, BOOKED.replace("20240120", "00010120") + CHARGED.replace("60.25", "MRN7"))
    told = " ".join(f"{finding.what} {finding.why} {finding.remedy}" for finding in got.findings)
    assert len(got.findings) == 2
    assert not any(word in told for word in ("MRN7", "Invented", "123456789"))


@pytest.mark.parametrize("beyond", [-1, 0, 1, 7])
def test_an_endless_line_ends_where_it_ends(tmp_path: Path, beyond: int) -> None:
    """Its end may be the last sign of what is read at once; the message after it stays whole."""
    begins = "MSH|^~\\&|A|F|X|Y|20250101||SIU^S12|1|P|2.5\rSCH|"
    length = 40 * CHUNK + beyond - len(begins) - 1
    got = read(tmp_path, f"{begins}{'x' * length}\r{BOOKED}")
    assert (got.rows_used, [finding.code for finding in got.findings]) == (1, ["hl7.too-long"])
