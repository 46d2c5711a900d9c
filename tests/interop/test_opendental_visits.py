"""Open Dental appointments: each missed visit once, whatever places tell of it. All people are invented."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from pathlib import Path

from tests.interop.tables_on_disk import codes, files_under, read_all, settings, write_tables

from carewheel.interop.tabular import opendental

APPOINTMENTS = """
    AptNum,PatNum,AptStatus,AptDateTime,Pattern,Op,ProvNum,ProvHyg,ClinicNum,IsNewPatient,IsHygiene,Priority,DateTimeArrived,DateTimeSeated,DateTimeDismissed,SecDateTEntry,DateTStamp
    1,101,2,2025-03-03 09:00:00,/XX/XX,3,7,0,1,1,0,0,2025-03-03 08:55:00,2025-03-03 09:05:00,2025-03-03 09:28:00,2025-02-01 10:00:00,2025-03-03 09:28:00
    2,102,1,2025-03-04 10:00:00,XXXX,3,7,8,1,0,1,1,2025-03-04 00:00:00,0001-01-01 00:00:00,0001-01-01 00:00:00,2025-02-02 10:00:00,2025-02-02 10:00:00
    3,103,5,2025-03-05 09:00:00,XX,3,7,0,0,0,0,0,0001-01-01 00:00:00,0001-01-01 00:00:00,0001-01-01 00:00:00,2025-02-03 10:00:00,2025-03-05 12:00:00
    4,104,5,2025-03-06 09:00:00,XX,3,7,0,0,0,0,0,0001-01-01 00:00:00,0001-01-01 00:00:00,0001-01-01 00:00:00,2025-02-03 10:00:00,2025-03-06 12:00:00
    5,105,5,2025-03-07 09:00:00,XX,3,7,0,0,0,0,0,0001-01-01 00:00:00,0001-01-01 00:00:00,0001-01-01 00:00:00,2025-02-03 10:00:00,2025-03-07 12:00:00
    6,106,5,2025-03-08 09:00:00,XX,3,7,0,0,0,0,0,0001-01-01 00:00:00,0001-01-01 00:00:00,0001-01-01 00:00:00,2025-02-03 10:00:00,2025-03-08 12:00:00
    7,107,1,2025-03-20 09:00:00,XX,3,7,0,0,0,0,0,0001-01-01 00:00:00,0001-01-01 00:00:00,0001-01-01 00:00:00,2025-02-03 10:00:00,2025-03-10 12:00:00
    8,108,3,0001-01-01 00:00:00,XX,0,7,0,0,0,0,0,0001-01-01 00:00:00,0001-01-01 00:00:00,0001-01-01 00:00:00,2025-02-03 10:00:00,2025-03-10 12:00:00
    9,109,6,0001-01-01 00:00:00,XX,0,7,0,0,0,0,0,0001-01-01 00:00:00,0001-01-01 00:00:00,0001-01-01 00:00:00,2025-02-03 10:00:00,2025-03-10 12:00:00
    10,110,7,2025-03-10 00:00:00,XX,0,7,0,0,0,0,0,0001-01-01 00:00:00,0001-01-01 00:00:00,0001-01-01 00:00:00,2025-02-03 10:00:00,2025-03-10 12:00:00
    11,111,99,2025-03-10 00:00:00,XX,0,7,0,0,0,0,0,0001-01-01 00:00:00,0001-01-01 00:00:00,0001-01-01 00:00:00,2025-02-03 10:00:00,2025-03-10 12:00:00
    12,112,3,2025-03-11 15:00:00,XX,0,7,0,0,0,0,0,0001-01-01 00:00:00,0001-01-01 00:00:00,0001-01-01 00:00:00,2025-02-03 10:00:00,2025-03-10 12:00:00
"""
# 3: missed in history, code and status. 4: cancelled in history, four days before. 6: nothing says why.
# 7: missed on 10 March, booked anew on the 20th. 20: deleted after it was missed. 21: deleted, never missed.
HISTORY = """
    HistApptNum,AptNum,PatNum,HistApptAction,HistDateTStamp,AptDateTime,ClinicNum,ProvNum
    1,3,103,0,2025-02-03 10:00:00,2025-03-05 09:00:00,0,7
    2,3,103,2,2025-03-05 12:00:00,2025-03-05 09:00:00,0,7
    3,4,104,3,2025-03-02 08:00:00,2025-03-06 09:00:00,0,7
    4,7,107,2,2025-03-10 12:00:00,2025-03-10 09:00:00,0,7
    5,20,120,2,2025-03-12 12:00:00,2025-03-12 11:00:00,1,7
    6,20,120,4,2025-03-13 12:00:00,2025-03-12 11:00:00,1,7
    7,21,121,4,2025-03-13 12:00:00,2025-03-14 11:00:00,1,7
"""
CODES = "CodeNum,ProcCode\n1,D1110\n86,D9986\n87,D9987"
# 86 of patient 103: the same visit as above. 87 of 105: joins by patient and day. 86 of 130: told nowhere else.
PROCEDURES = """
    ProcNum,PatNum,AptNum,ProcDate,ProcFee,ProcStatus,ProvNum,ClinicNum,CodeNum,UnitQty,BaseUnits
    501,103,3,2025-03-05,0,2,7,0,86,1,0
    502,105,0,2025-03-07,0,2,7,0,87,1,0
    503,130,0,2025-03-15,0,2,7,0,86,1,0
    504,103,3,2025-03-05,0,2,7,0,86,1,0
"""


def read(folder: Path, **tables: str):
    return read_all(opendental, write_tables(folder, **tables))


def test_every_appointment_has_its_status_and_every_missed_visit_is_there_once(tmp_path: Path) -> None:
    sink = read(tmp_path, a=APPOINTMENTS, h=HISTORY, c=CODES, p=PROCEDURES)
    visits = {row.appointment_id: (row.status, row.raw_status) for row in sink.table("appointment")}
    assert visits == {
        "1": ("fulfilled", "2"),
        "2": ("booked", "1"),
        "3": ("noshow", "D9986"),
        "4": ("cancelled", "history 3"),
        "5": ("cancelled", "D9987"),
        "6": ("cancelled", "5"),
        "7": ("booked", "1"),
        "7@2025-03-10": ("noshow", "history 2"),
        "12": ("waitlist", "3"),
        "20": ("noshow", "history 2"),
        "21": ("entered-in-error", "history 4"),
        "proc:503": ("noshow", "D9986"),
    }
    assert len(sink.table("appointment")) == 12
    assert sink.tallies["visits"] == 1


def test_the_reasons_missing_are_counted_and_a_bad_status_is_refused_with_its_line(tmp_path: Path) -> None:
    sink = read(tmp_path, a=APPOINTMENTS, h=HISTORY, c=CODES, p=PROCEDURES)
    found = Counter(codes(sink))
    assert found["opendental.broken-without-reason"] == 1
    (bad,) = [f for f in sink.findings if f.code == "opendental.bad-status"]
    assert bad.line == 12
    appointments = next(f for f in sink.files if f.rows_used + f.rows_ignored + f.rows_refused == 12)
    assert (appointments.rows_used, appointments.rows_ignored, appointments.rows_refused) == (8, 3, 1)


def test_minutes_count_every_character_of_the_pattern_and_midnight_is_no_stamp(tmp_path: Path) -> None:
    sink = read(tmp_path, a=APPOINTMENTS)
    visits = {row.appointment_id: row for row in sink.table("appointment")}
    first, second = visits["1"], visits["2"]
    assert first.minutes == 30
    assert first.ends_at == datetime(2025, 3, 3, 9, 30)
    assert first.booked_at == datetime(2025, 2, 1, 10)
    assert (first.location_id, first.provider_key, first.resource_id) == ("1", "7", "3")
    assert (first.is_new_patient, first.is_hygiene, first.wants_sooner) == (True, False, False)
    assert (second.provider_key, second.is_hygiene, second.wants_sooner) == ("8", True, True)
    assert visits["3"].location_id == ""
    events = [(e.appointment_id, e.event, e.happened_at) for e in sink.table("visit_event")]
    assert events == [
        ("1", "arrived", datetime(2025, 3, 3, 8, 55)),
        ("1", "roomed", datetime(2025, 3, 3, 9, 5)),
        ("1", "done", datetime(2025, 3, 3, 9, 28)),
    ]


def test_a_cancellation_is_dated_by_history_and_left_to_the_sink_to_call_late(tmp_path: Path) -> None:
    sink = read(tmp_path, a=APPOINTMENTS, h=HISTORY)
    visits = {row.appointment_id: row for row in sink.table("appointment")}
    assert visits["4"].cancelled_at == datetime(2025, 3, 2, 8)
    assert visits["4"].late_cancel is None
    assert visits["3"].cancelled_at is None


def test_when_history_and_code_disagree_the_code_counts_and_it_is_said(tmp_path: Path) -> None:
    appointments = "AptNum,PatNum,AptStatus,AptDateTime\n3,103,5,2025-03-05 09:00:00"
    history = "HistApptNum,AptNum,PatNum,HistApptAction,HistDateTStamp,AptDateTime\n1,3,103,3,2025-03-05 08:00:00,2025-03-05 09:00:00"
    sink = read(tmp_path, a=appointments, h=history, c=CODES, p=PROCEDURES)
    (visit,) = [v for v in sink.table("appointment") if v.appointment_id == "3"]
    assert (visit.status, visit.raw_status) == ("noshow", "D9986")
    assert "opendental.missed-contradiction" in codes(sink)


def test_a_missed_mark_is_withdrawn_when_the_visit_took_place_that_day(tmp_path: Path) -> None:
    appointments = "AptNum,PatNum,AptStatus,AptDateTime\n3,103,2,2025-03-05 14:00:00"
    sink = read(tmp_path, a=appointments, h=HISTORY.replace("20,120", "3,103").replace("21,121", "3,103"))
    by_status = Counter(row.status for row in sink.table("appointment") if row.patient_key == "103")
    # Missed on the 12th under the same number; the mark of the 5th is withdrawn.
    assert by_status == {"fulfilled": 1, "noshow": 1}


def test_a_later_export_keeps_the_identity_of_a_visit(tmp_path: Path) -> None:
    header = "AptNum,PatNum,AptStatus,AptDateTime,DateTStamp\n"
    before = read(tmp_path / "1", a=header + "1,101,1,2025-03-03 09:00:00,2025-02-01 08:00:00")
    after = read(tmp_path / "2", a=header + "1,101,2,2025-03-03 09:00:00,2025-03-03 10:00:00")
    (first,), (second,) = before.table("appointment"), after.table("appointment")
    assert (first.status, second.status) == ("booked", "fulfilled")
    assert first.source_id == second.source_id
    assert first.recorded_at < second.recorded_at


def test_history_alone_tells_its_missed_visits(tmp_path: Path) -> None:
    sink = read(tmp_path, h=HISTORY)
    visits = {row.appointment_id: row.status for row in sink.table("appointment")}
    assert visits == {
        "3": "noshow",
        "4": "cancelled",
        "7": "noshow",
        "20": "noshow",
        "21": "entered-in-error",
    }


def test_nothing_is_concluded_from_an_appointment_table_that_could_not_be_read(tmp_path: Path) -> None:
    broken = "AptNum,PatNum,PatNum,AptStatus,AptDateTime\n3,103,103,2,2025-03-05 14:00:00"
    sink = read(tmp_path, a=broken, h=HISTORY)
    assert sink.table("appointment") == []
    assert codes(sink) == ["csv.duplicate-column"]


def test_tables_are_known_by_their_columns_whatever_the_file_is_called(tmp_path: Path) -> None:
    write_tables(tmp_path, a=APPOINTMENTS, h=HISTORY, c=CODES, p=PROCEDURES, other="a,b\n1,2")
    parts = [opendental.recognise(file.sample(), settings()) for file in files_under(tmp_path)]
    assert parts == ["appointment", "histappointment", "procedurecode", "procedurelog", ""]
    assert opendental.source_name(files_under(tmp_path)[0], "appointment", settings()) == "opendental"


def test_appointments_that_survive_only_in_the_history_are_said(tmp_path: Path) -> None:
    tables = {
        "appointment": APPOINTMENTS,
        "histappointment": HISTORY,
        "procedurecode": CODES,
        "procedurelog": PROCEDURES,
    }
    read = read_all(opendental, write_tables(tmp_path, **tables))
    # 20 was missed and has no appointment; 21 was deleted and never missed.
    assert [found.count for found in read.findings if found.code == "opendental.history-only"] == [1]
