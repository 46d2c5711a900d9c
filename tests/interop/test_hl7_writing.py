"""What is written as HL7 v2 SIU is read back as the same appointment, by our reader and by plain splitting."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from tests.interop.collecting import Collected, CollectingSink

from carewheel.interop import hl7v2
from carewheel.interop.files import ReadSettings, SourceFile
from carewheel.interop.hl7v2.writing import (
    Endpoints,
    NotWritable,
    Person,
    escaped,
    siu_message,
    stamp,
    write_batch,
)
from carewheel.interop.records import AppointmentRecord, VisitEventRecord

SETTINGS = ReadSettings(today=date(2026, 1, 31))
NEW_YORK = ZoneInfo("America/New_York")
DESK = Endpoints("DESK", "NORTH", "EHR", "GROUP")
PAT = Person("Example", "Pat", date(1971, 2, 3), "female")
SENT = datetime(2025, 2, 1, 17, 0, tzinfo=UTC)


def visit(**more: Any) -> AppointmentRecord:
    record = AppointmentRecord(
        source_id="A1", recorded_at=SENT, location_id="SITE A", appointment_id="A1", basis="appointment",
        patient_key="P1", provider_key="D9", resource_id="CLINIC|R1", visit_type="CHECKUP", status="booked",
        raw_status="Booked", starts_at=datetime(2025, 3, 3, 14, 0, tzinfo=UTC),
        ends_at=datetime(2025, 3, 3, 14, 30, tzinfo=UTC), minutes=30.0,
    )  # fmt: skip
    return record._replace(**more)


def message(event: str = "S12", of: AppointmentRecord | None = None, **more: Any) -> str:
    arguments: dict[str, Any] = {
        "control_id": "M1", "sent_at": SENT, "zone": NEW_YORK, "endpoints": DESK, "patient": PAT,
        "provider": Person("Invented", "Ada"),
    }  # fmt: skip
    return siu_message(event, of or visit(), **arguments | more)


def read(folder: Path, *messages: str) -> Collected:
    path = folder / "batch.hl7"
    n = write_batch(path, messages, batch_id="B1", sent_at=SENT, zone=NEW_YORK, endpoints=DESK)
    assert n == len(messages)
    file, sink = SourceFile(path, path.name), CollectingSink()
    part = hl7v2.recognise(file.sample(), SETTINGS)
    assert part == "messages"
    assert hl7v2.source_name(file, part, SETTINGS) == "hl7v2:desk|north"
    hl7v2.read([(file, part)], sink, SETTINGS)
    (found,) = sink.files
    # No findings: in particular the batch's number is that of its messages.
    assert not found.findings
    assert found.rows_used == n
    return found


def fields(text: str, segment: str) -> list[str]:
    """A second reader: the fields of a segment, by plain splitting; index is HL7's number (MSH counts its separator)."""
    (line,) = [line for line in text.split("\r") if line.startswith(segment + "|")]
    return line.split("|") if segment != "MSH" else ["MSH", *line[3:].split("|")]


def test_a_message_by_hand() -> None:
    # 14:00 UTC is 9:00 in New York in winter; sent at noon there.
    assert message(reason=("NEW", "By phone"), visit_text="Check-up").split("\r") == [
        "MSH|^~\\&|DESK|NORTH|EHR|GROUP|20250201120000-0500||SIU^S12^SIU_S12|M1|P|2.5.1||||||UNICODE UTF-8",
        "SCH||A1||||NEW^By phone|CHECKUP^Check-up|Normal|30|min|^^M30^20250303090000-0500^20250303093000-0500|||||SYSTEM||||SYSTEM|||||Booked",
        "PID|1||P1^^^NORTH^MR||Example^Pat||19710203|F",
        "RGS|1|A",
        "AIL|1|A|CLINIC^R1^^SITE A",
        "AIP|1|A|D9^Invented^Ada",
        "",
    ]


def test_fields_stand_where_the_standard_puts_them() -> None:
    text = message("S13", entered_by="C7")
    head, schedule = fields(text, "MSH"), fields(text, "SCH")
    assert (head[2], head[3], head[4], head[7], head[9], head[10], head[11], head[12], head[18]) == (
        "^~\\&", "DESK", "NORTH", "20250201120000-0500", "SIU^S13^SIU_S12", "M1", "P", "2.5.1", "UNICODE UTF-8",
    )  # fmt: skip
    assert (schedule[2], schedule[6], schedule[7], schedule[8], schedule[9], schedule[10]) == (
        "A1", "RESCHEDULED", "CHECKUP", "Normal", "30", "min",
    )  # fmt: skip
    assert schedule[11].split("^")[3:] == ["20250303090000-0500", "20250303093000-0500"]
    assert (schedule[16], schedule[20], schedule[25], len(schedule)) == ("C7", "C7", "Booked", 26)
    person = fields(text, "PID")
    assert (person[3].split("^"), person[5], person[7], person[8]) == (
        ["P1", "", "", "NORTH", "MR"], "Example^Pat", "19710203", "F",
    )  # fmt: skip
    assert fields(text, "RGS")[1:] == ["1", "U"]
    assert (fields(text, "AIL")[3], fields(text, "AIP")[3]) == ("CLINIC^R1^^SITE A", "D9^Invented^Ada")


def test_booked_moved_and_kept_is_one_appointment_in_four_versions(tmp_path: Path) -> None:
    moved = visit(starts_at=datetime(2025, 7, 1, 13, tzinfo=UTC), ends_at=datetime(2025, 7, 1, 13, 45, tzinfo=UTC), minutes=45.0)  # fmt: skip
    kept = moved._replace(status="fulfilled", raw_status="Complete")
    later = [SENT + timedelta(days=n) for n in range(4)]
    found = read(
        tmp_path,
        message("S12", visit()),
        message("S13", moved, sent_at=later[1], control_id="M2"),
        message("S14", moved, sent_at=later[2], control_id="M3"),
        message("S14", kept, sent_at=later[3], control_id="M4"),
    )
    appointments = [r for r in found.records if isinstance(r, AppointmentRecord)]
    expected = (visit(), moved, moved, kept)
    assert appointments == [
        one._replace(recorded_at=sent, booked_at=booked)
        for one, sent, booked in zip(expected, later, (SENT, None, None, None), strict=True)
    ]
    steps = [r for r in found.records if isinstance(r, VisitEventRecord)]
    assert [(s.event, s.raw_event, s.happened_at, s.appointment_id) for s in steps] == [
        ("booked", "S12", later[0], "A1"),
        ("rescheduled", "S13", later[1], "A1"),
        ("other", "S14", later[2], "A1"),
        ("other", "S14", later[3], "A1"),
    ]
    assert found.tallies["visits"] == 1


def test_cancelled_and_missed_come_back_with_their_moment(tmp_path: Path) -> None:
    cancelled = visit(status="cancelled", raw_status="Cancelled", cancelled_at=SENT)
    missed = visit(source_id="A2", appointment_id="A2", status="noshow", raw_status="Noshow")
    found = read(tmp_path, message("S15", cancelled), message("S26", missed, control_id="M2"))
    assert [r for r in found.records if isinstance(r, AppointmentRecord)] == [cancelled, missed]
    assert [r.event for r in found.records if isinstance(r, VisitEventRecord)] == ["cancelled", "noshow"]


@pytest.mark.parametrize(
    ("status", "raw", "back"),
    [
        ("pending", "Pending", "pending"), ("waitlist", "Waitlist", "waitlist"), ("booked", "OVERBOOK", "booked"),
        ("arrived", "Started", "arrived"), ("checked-in", "Started", "arrived"), ("fulfilled", "Complete", "fulfilled"),
        ("entered-in-error", "Deleted", "entered-in-error"), ("cancelled", "dc", "cancelled"),
    ],
)  # fmt: skip
def test_every_status_that_hl7_has_comes_back(tmp_path: Path, status: str, raw: str, back: str) -> None:
    record = visit(status=status, raw_status=raw)
    (found,) = [r for r in read(tmp_path, message("S14", record)).records if isinstance(r, AppointmentRecord)]
    assert found == record._replace(status=back)


@pytest.mark.parametrize(
    "record",
    [
        visit(ends_at=None, minutes=None),
        visit(ends_at=None, minutes=12.5),
        visit(resource_id="", visit_type="", provider_key=""),
        visit(resource_id="ROOM 4", location_id="Nörd & Süd"),
    ],
)
def test_what_is_not_known_is_not_invented(tmp_path: Path, record: AppointmentRecord) -> None:
    (found,) = [r for r in read(tmp_path, message("S14", record)).records if isinstance(r, AppointmentRecord)]
    assert found == record


def test_without_a_place_the_sender_is_the_place(tmp_path: Path) -> None:
    record = visit(location_id="", resource_id="")
    (found,) = [r for r in read(tmp_path, message("S14", record)).records if isinstance(r, AppointmentRecord)]
    assert found == record._replace(location_id="NORTH")


# Each mark of the encoding, alone, doubled and as what could be taken for an escape.
AWKWARD = ["A|B", "A^B", "A&B", "A~B", "A\\B", "\\F\\", "\\\\", "|^~\\&", "Ünal-Ōe", "a \\E\\ b", "\\X0D\\"]


@pytest.mark.parametrize("text", AWKWARD)
def test_awkward_texts_come_back_as_they_were(tmp_path: Path, text: str) -> None:
    record = visit(
        source_id=text, appointment_id=text, patient_key=text, provider_key=text, location_id=text,
        resource_id=f"{text}|{text}" if "|" not in text else "", visit_type=text,
    )  # fmt: skip
    people = {"patient": Person(text, text), "provider": Person(text, text)}
    written = message("S14", record, control_id=text, reason=(text, text), visit_text=text, **people)
    assert all(line[:3] in ("MSH", "SCH", "PID", "RGS", "AIL", "AIP", "") for line in written.split("\r"))
    found = read(tmp_path, written)
    assert [r for r in found.records if isinstance(r, AppointmentRecord)] == [record]
    # The second reader: split on the marks first, then put the escaped ones back, left to right.
    marks = {"F": "|", "S": "^", "T": "&", "R": "~", "E": "\\"}
    parts = fields(written, "PID")[5].split("^")
    assert len(parts) == 2
    for part in parts:
        pieces = part.split("\\")
        assert "".join(marks[p] if i % 2 else p for i, p in enumerate(pieces)) == text


def test_line_ends_in_a_text_end_no_segment(tmp_path: Path) -> None:
    written = message(reason=("R", "one\r\ntwo\tthree\x7f"))
    assert fields(written, "SCH")[6] == "R^one\\X0D\\\\X0A\\two\\X09\\three\\X7F\\"
    assert written.count("\r") == 6
    read(tmp_path, written)
    assert escaped("plain") == "plain"


def test_moments_carry_the_offset_of_the_place_and_local_times_are_taken_there() -> None:
    assert stamp(datetime(2025, 3, 3, 9, 0), NEW_YORK) == "20250303090000-0500"
    assert stamp(datetime(2025, 7, 3, 9, 0, 0, 999_999), NEW_YORK) == "20250703090000-0400"
    assert stamp(datetime(2025, 7, 3, 9, 0, tzinfo=UTC), ZoneInfo("Asia/Kolkata")) == "20250703143000+0530"
    # The night in which the clock is put back has two half past ones.
    for fold, offset in ((0, "-0400"), (1, "-0500")):
        assert stamp(datetime(2025, 11, 2, 1, 30, tzinfo=NEW_YORK, fold=fold), NEW_YORK).endswith(offset)
    over_the_jump = visit(
        starts_at=datetime(2025, 3, 9, 1, 30), ends_at=datetime(2025, 3, 9, 3, 30), minutes=60.0
    )
    assert fields(message(of=over_the_jump), "SCH")[9] == "60"


@pytest.mark.parametrize(
    ("code", "wrong"),
    [
        ("bad-event", lambda: message("S99")),
        ("missing", lambda: message(control_id="")),
        ("missing", lambda: message(of=visit(appointment_id=""))),
        ("missing", lambda: message(of=visit(patient_key=""))),
        ("missing", lambda: message(of=visit(starts_at=None))),
        ("contradiction", lambda: message("S15")),
        ("contradiction", lambda: message("S26", visit(status="cancelled"))),
        ("contradiction", lambda: message(of=visit(minutes=20.0))),
        ("contradiction", lambda: message(of=visit(ends_at=visit().starts_at, minutes=None))),
        ("bad-length", lambda: message(of=visit(ends_at=None, minutes=0.0))),
        ("bad-status", lambda: message(of=visit(status="proposed"))),
        ("bad-code", lambda: message(patient=Person("Example", sex="F"))),
        ("bad-moment", lambda: stamp(datetime(1960, 1, 1), ZoneInfo("Africa/Monrovia"))),
    ],
)
def test_what_would_be_wrong_is_refused_without_a_word_about_the_person(
    code: str, wrong: Callable[[], Any]
) -> None:
    with pytest.raises(NotWritable) as refusal:
        wrong()
    assert refusal.value.code == code
    assert refusal.value.what.endswith(".")
    assert refusal.value.remedy.endswith(".")
    assert not any(word in str(refusal.value) for word in ("A1", "P1", "Example", "2025"))


def test_a_batch_that_fails_half_way_leaves_what_stood_there(tmp_path: Path) -> None:
    read(tmp_path, message())
    before = (tmp_path / "batch.hl7").read_bytes()

    def failing() -> Any:
        yield from [message()] * 1500
        raise RuntimeError

    with pytest.raises(RuntimeError):
        write_batch(
            tmp_path / "batch.hl7", failing(), batch_id="B2", sent_at=SENT, zone=NEW_YORK, endpoints=DESK
        )
    assert [path.name for path in tmp_path.iterdir()] == ["batch.hl7"]
    assert (tmp_path / "batch.hl7").read_bytes() == before


def test_hundreds_of_drawn_appointments_come_back_as_they_were(tmp_path: Path) -> None:
    draw = random.Random(20260104)
    records, texts = [], []
    for i in range(3000):
        start = datetime(2024, 1, 1, tzinfo=UTC) + timedelta(seconds=draw.randrange(2 * 365 * 86_400))
        length = draw.randrange(1, 600)
        sent = start - timedelta(minutes=draw.randrange(100_000))
        event = draw.choice(["S13", "S14", "S15", "S26"])
        status, raw = {"S15": ("cancelled", "Cancelled"), "S26": ("noshow", "Noshow")}.get(
            event, draw.choice([("booked", "Booked"), ("fulfilled", "Complete"), ("pending", "Pending")])
        )
        has_end = draw.random() < 0.8
        record = visit(
            source_id=f"A{i}", appointment_id=f"A{i}", recorded_at=sent, patient_key=draw.choice(AWKWARD),
            visit_type=draw.choice(["", *AWKWARD]), status=status, raw_status=raw, starts_at=start,
            ends_at=start + timedelta(minutes=length) if has_end else None, minutes=float(length),
            cancelled_at=sent if event == "S15" else None,
        )  # fmt: skip
        zone = ZoneInfo(draw.choice(["America/New_York", "Asia/Kolkata", "Pacific/Auckland", "UTC"]))
        records.append(record)
        texts.append(message(event, record, control_id=f"M{i}", sent_at=sent, zone=zone))
    found = read(tmp_path, *texts)
    assert [r for r in found.records if isinstance(r, AppointmentRecord)] == records
