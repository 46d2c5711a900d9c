"""OpenEMR's EHI export, hand-made, with answers worked out by hand. All people are invented."""

from __future__ import annotations

import zipfile
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from tests.interop.tables_on_disk import TODAY, codes, files_under, read_all, settings, write_tables

from carewheel.interop.tabular import openemr
from carewheel.interop.tabular.openemr.recurrence import HORIZON_DAYS, days

HEADER = "pc_eid,pc_catid,pc_aid,pc_pid,pc_time,pc_eventDate,pc_endDate,pc_duration,pc_recurrtype,pc_recurrspec,pc_startTime,pc_apptstatus,pc_facility,pc_room\n"
EVENTS = (
    HEADER
    + """
    1,9,5,101,2025-03-01 08:00:00,2025-03-03,0000-00-00,1800,0,,09:00:00,>,3,R1
    2,9,5,102,2025-03-01 08:00:00,2025-03-03,0000-00-00,900,0,,10:00:00,-,3,
    3,9,5,103,2025-03-01 08:00:00,2025-03-03,0000-00-00,900,0,,11:00:00,%,3,
    4,10,5,104,2025-03-01 08:00:00,2025-03-04,0000-00-00,900,0,,09:00:00,?,3,
    5,9,5,105,2025-03-01 08:00:00,2025-03-04,0000-00-00,900,0,,10:00:00,@,3,
    6,9,5,106,2025-03-01 08:00:00,2025-03-04,0000-00-00,900,0,,11:00:00,ZZ,3,
    7,2,5,,2025-03-01 08:00:00,2025-03-03,2025-03-07,14400,1,"a:3:{s:17:""event_repeat_freq"";s:1:""1"";s:22:""event_repeat_freq_type"";s:1:""4"";s:6:""exdate"";s:8:""20250305"";}",08:00:00,,3,
    8,1,5,,2025-03-01 08:00:00,2025-03-03,0000-00-00,0,0,,08:00:00,,3,
    9,9,5,107,2025-03-01 08:00:00,2025-03-03,2025-03-17,900,1,"a:2:{s:17:""event_repeat_freq"";s:1:""1"";s:22:""event_repeat_freq_type"";s:1:""1"";}",14:00:00,-,3,
    10,9,5,108,2025-03-01 08:00:00,2025-03-06,0000-00-00,900,0,,09:00:00,-,3,
"""
)
TRACKERS = """
    id,date,apptdate,appttime,eid,pid,encounter,lastseq
    51,2025-03-03 08:50:00,2025-03-03,09:00:00,1,101,901,3
    52,2025-03-10 13:50:00,2025-03-10,14:00:00,9,107,903,2
"""
STEPS = """
    pt_tracker_id,start_datetime,room,status,seq,user
    51,2025-03-03 08:50:00,,@,1,x
    51,2025-03-03 09:04:00,R1,<,2,x
    51,2025-03-03 09:30:00,R1,>,3,x
    52,2025-03-10 13:50:00,,@,1,x
    52,2025-03-10 14:30:00,,>,2,x
    51,2025-03-03 09:31:00,R1,*,4,x
"""
# 901 and 903 join by the flow board, 902 (event 2) by the only appointment of that patient and day, 904 joins nothing.
ENCOUNTERS = """
    id,date,encounter,pid,facility_id,provider_id,pc_catid,last_update,reason
    1,2025-03-03 09:00:00,901,101,3,5,9,2025-03-03 12:00:00,cough
    2,2025-03-03 10:00:00,902,102,3,5,9,2025-03-03 12:00:00,cough
    3,2025-03-10 14:00:00,903,107,3,5,9,2025-03-10 15:00:00,cough
    4,2025-03-11 09:00:00,904,109,3,5,9,2025-03-11 15:00:00,walked in
"""
CATEGORIES = "pc_catid,pc_catname\n9,Established Patient\n10,New Patient"
# 901: 100.00 + 2 × 20.00 (the line's fee is 40.00) = 140.00; a deleted line; a diagnosis. 902: 75.50.
BILLING = """
    id,date,code_type,code,pid,provider_id,user,encounter,fee,units,activity,payer_id,bill_date,billed
    11,2025-03-03 12:00:00,CPT4,99213,101,5,1,901,100.00,1,1,21,,1
    12,2025-03-03 12:00:00,CPT4,81002,101,5,1,901,40.00,2,1,21,,1
    13,2025-03-03 12:00:00,CPT4,36415,101,5,1,901,9.00,1,0,21,,0
    14,2025-03-03 12:00:00,ICD10,R05,101,5,1,901,0.00,1,1,,,0
    15,2025-03-03 12:00:00,CPT4,99212,102,5,1,902,75.50,1,1,21,,1
"""
# Received: 90.00 insurer, 25.00 patient, −5.00 taken back; 33.00 was deleted.
ACTIVITY = """
    pid,encounter,sequence_no,code_type,code,payer_type,post_time,session_id,memo,pay_amount,adj_amount,reason_code,deleted,post_date
    101,901,1,CPT4,99213,1,2025-03-20 10:00:00,61,,90.00,10.00,CO 45,,2025-03-19
    101,901,2,,,0,2025-03-21 10:00:00,62,,25.00,0.00,,,2025-03-21
    101,901,3,CPT4,99213,1,2025-03-22 10:00:00,61,,-5.00,0.00,,,2025-03-22
    101,901,4,CPT4,81002,1,2025-03-22 10:00:00,61,,33.00,0.00,,2025-03-23 09:00:00,2025-03-22
    102,902,1,CPT4,99212,0,2025-03-22 10:00:00,0,,0.00,12.50,courtesy,,
"""
SESSIONS = """
    session_id,payer_id,user_id,closed,reference,check_date,deposit_date,pay_total,payment_type
    61,21,1,0,X1,2025-03-18,2025-03-19,85.00,insurance
    62,0,1,0,X2,2025-03-21,2025-03-21,25.00,patient
"""
CLAIMS = """
    patient_id,encounter_id,version,payer_id,status,payer_type,bill_process,bill_time,process_time,process_file
    101,901,1,21,2,1,2,2025-03-05 09:00:00,2025-03-05 09:10:00,f1
    101,901,2,21,2,1,2,2025-03-12 09:00:00,2025-03-12 09:10:00,f2
    102,902,1,21,7,1,2,2025-03-06 09:00:00,2025-03-16 09:10:00,f1
    109,904,1,21,1,1,0,,,
"""
COMPANIES = "id,name,attn,cms_id\n21,Example Health Plan,,EX"


def tables() -> dict[str, str]:
    return {
        "events": EVENTS,
        "trackers": TRACKERS,
        "steps": STEPS,
        "encounters": ENCOUNTERS,
        "categories": CATEGORIES,
        "billing": BILLING,
        "activity": ACTIVITY,
        "sessions": SESSIONS,
        "claims": CLAIMS,
        "companies": COMPANIES,
    }


def test_an_appointment_and_its_encounter_are_one_visit(tmp_path: Path) -> None:
    sink = read_all(openemr, write_tables(tmp_path, **tables()))
    visits = {row.appointment_id: (row.status, row.basis) for row in sink.table("appointment")}
    assert visits == {
        "1": ("fulfilled", "appointment"),
        "2": ("fulfilled", "appointment"),
        "3": ("cancelled", "appointment"),
        "4": ("noshow", "appointment"),
        "5": ("arrived", "appointment"),
        "6": ("booked", "appointment"),
        "9@2025-03-03": ("booked", "appointment"),
        "9@2025-03-10": ("fulfilled", "appointment"),
        "9@2025-03-17": ("booked", "appointment"),
        "10": ("booked", "appointment"),
        "enc:904": ("fulfilled", "encounter"),
    }
    assert len(sink.table("appointment")) == 11
    # Kept: 1, 2, 5, the tenth of March of 9, and the walk-in.
    assert sink.tallies["visits"] == 5
    assert codes(sink) == ["openemr.unknown-status"]


def test_visits_have_their_places_times_and_raw_status(tmp_path: Path) -> None:
    sink = read_all(openemr, write_tables(tmp_path, **tables()))
    visits = {row.appointment_id: row for row in sink.table("appointment")}
    first = visits["1"]
    assert (first.starts_at, first.minutes) == (datetime(2025, 3, 3, 9), 30.0)
    assert (first.location_id, first.provider_key, first.resource_id) == ("3", "5", "R1")
    assert visits["2"].raw_status == "- encounter"
    assert visits["3"].late_cancel is True
    assert visits["4"].is_new_patient is True
    steps = [(e.appointment_id, e.event) for e in sink.table("visit_event")]
    assert steps == [
        ("1", "arrived"),
        ("1", "roomed"),
        ("1", "done"),
        ("9@2025-03-10", "arrived"),
        ("9@2025-03-10", "done"),
    ]


def test_availability_repeats_on_working_days_without_the_excepted_one(tmp_path: Path) -> None:
    sink = read_all(openemr, write_tables(tmp_path, events=EVENTS))
    hours = [(row.starts_at, row.minutes, row.kind) for row in sink.table("availability")]
    assert hours == [(datetime(2025, 3, day, 8), 240.0, "open") for day in (3, 4, 6, 7)]
    assert sink.files[0].ignored["event without a patient"] == 1


def test_money_agrees_to_the_cent_and_deleted_lines_become_zero(tmp_path: Path) -> None:
    sink = read_all(openemr, write_tables(tmp_path, **tables()))
    charges = {row.source_id: row.amount for row in sink.table("charge")}
    assert charges == {
        "11": Decimal("100.00"),
        "12": Decimal("40.00"),
        "13": Decimal(0),
        "15": Decimal("75.50"),
    }
    assert sink.tallies["charges"] == Decimal("215.50")
    payments = {row.source_id: (row.payer_kind, row.amount) for row in sink.table("payment")}
    assert payments == {
        "101-901-1": ("insurer", Decimal("90.00")),
        "101-901-2": ("patient", Decimal("25.00")),
        "101-901-3": ("insurer", Decimal("-5.00")),
        "101-901-4": ("insurer", Decimal(0)),
    }
    assert sink.tallies["collections"] == Decimal("110.00")
    adjustments = [(a.kind, a.group_code, a.reason_code, a.amount) for a in sink.table("adjustment")]
    assert adjustments == [
        ("contractual", "CO", "45", Decimal("10.00")),
        ("other", "", "", Decimal("12.50")),
    ]
    first = next(row for row in sink.table("payment") if row.source_id == "101-901-1")
    assert (first.posted_date, first.payer_name) == (date(2025, 3, 19), "Example Health Plan")
    assert {row.appointment_id for row in sink.table("charge") if row.claim_id == "101-901"} == {"1"}


def test_the_latest_version_of_a_claim_counts_and_each_billing_is_an_event(tmp_path: Path) -> None:
    sink = read_all(openemr, write_tables(tmp_path, **tables()))
    claims = {row.claim_id: (row.status, row.amount, row.submitted_date) for row in sink.table("claim")}
    assert claims == {
        "101-901": ("submitted", Decimal("140.00"), date(2025, 3, 5)),
        "102-902": ("denied", Decimal("75.50"), date(2025, 3, 6)),
        "109-904": ("created", None, None),
    }
    events = [(row.claim_id, row.event, row.event_date) for row in sink.table("claim_event")]
    assert events == [
        ("101-901", "submitted", date(2025, 3, 5)),
        ("101-901", "resubmitted", date(2025, 3, 12)),
        ("102-902", "submitted", date(2025, 3, 6)),
        ("102-902", "denied", date(2025, 3, 16)),
    ]


def test_an_archive_reads_like_its_folder_and_every_row_is_accounted_for(tmp_path: Path) -> None:
    folder = write_tables(tmp_path / "folder", **tables())
    archive = tmp_path / "export.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as packed:
        for path in sorted(folder.iterdir()):
            packed.write(path, path.name)
    one, other = read_all(openemr, folder), read_all(openemr, archive)
    assert one.records == other.records
    assert len(one.records) > 30
    rows = sum(f.rows_used + f.rows_ignored + f.rows_refused for f in one.files)
    lines = [line for text in tables().values() for line in text.splitlines() if line.strip()]
    assert rows == len(lines) - len(tables())


def test_people_come_by_the_allow_list_only(tmp_path: Path) -> None:
    sink = read_all(
        openemr,
        write_tables(
            tmp_path,
            patients="""
                id,pid,fname,lname,DOB,ss,sex,phone_home,email,deceased_date
                1,101,Ada,Exampleson,1980-05-05,000000000,Female,555-0100,ada@example.com,
                2,102,Bo,Sampler,0000-00-00,000000000,Male,555-0101,bo@example.com,2024-01-02 00:00:00
            """,
            users="id,username,password,authorized,fname,facility_id,active\n5,doc,secret,1,Cy,3,1\n6,desk,secret,0,Di,3,1",
            facility="id,name,phone,facility_npi\n3,Example Clinic,555-0102,0000000000",
            cover="id,type,provider,plan_name,policy_number,pid,date,date_end,subscriber_relationship\n1,primary,21,,P1,101,2024-01-01,,self",
            companies=COMPANIES,
        ),
    )
    people = [(p.patient_key, p.sex, p.birth_year, p.deceased) for p in sink.table("patient")]
    assert people == [("101", "female", 1980, False), ("102", "male", None, True)]
    assert [p.provider_key for p in sink.table("provider")] == ["5"]
    assert [(p.location_id, p.name) for p in sink.table("location")] == [("3", "Example Clinic")]
    assert [c.payer_name for c in sink.table("coverage")] == ["Example Health Plan"]
    seen = repr(sink.records) + repr(sink.findings)
    assert not any(
        w in seen for w in ("Exampleson", "Sampler", "Ada", "555-", "secret", "example.com", "000000000")
    )


def spec(**pairs: str) -> str:
    body = "".join(f's:{len(k)}:"{k}";s:{len(v)}:"{v}";' for k, v in pairs.items())
    return f"a:{len(pairs)}:{{{body}}}"


def test_the_second_tuesday_of_every_other_month() -> None:
    rule = spec(event_repeat_on_num="2", event_repeat_on_day="2", event_repeat_on_freq="2")
    found = days(date(2025, 1, 14), "2", rule, date(2025, 6, 30), TODAY)
    assert found == [date(2025, 1, 14), date(2025, 3, 11), date(2025, 5, 13)]


def test_the_last_friday_of_every_month() -> None:
    rule = spec(event_repeat_on_num="5", event_repeat_on_day="5", event_repeat_on_freq="1")
    found = days(date(2025, 1, 31), "2", rule, date(2025, 4, 1), TODAY)
    assert found == [date(2025, 1, 31), date(2025, 2, 28), date(2025, 3, 28)]


def test_mondays_and_thursdays_of_every_week() -> None:
    rule = spec(event_repeat_freq="2,5", event_repeat_freq_type="6")
    found = days(date(2025, 3, 3), "3", rule, date(2025, 3, 13), TODAY)
    assert found == [date(2025, 3, 3), date(2025, 3, 6), date(2025, 3, 10), date(2025, 3, 13)]


def test_the_29th_of_february_comes_in_leap_years_only() -> None:
    rule = spec(event_repeat_freq="1", event_repeat_freq_type="3")
    found = days(date(2016, 2, 29), "1", rule, None, date(2025, 1, 1))
    assert found == [date(2016, 2, 29), date(2020, 2, 29), date(2024, 2, 29)]


def test_an_event_without_an_end_stops_at_the_horizon() -> None:
    rule = spec(event_repeat_freq="1", event_repeat_freq_type="0")
    found = days(date(2025, 6, 29), "1", rule, None, TODAY)
    assert len(found) == HORIZON_DAYS + 2
    assert (found[-1] - TODAY).days == HORIZON_DAYS


@pytest.mark.parametrize(
    ("kind", "rule"),
    [
        ("1", spec(event_repeat_freq="1", event_repeat_freq_type="9")),
        ("2", spec(event_repeat_on_num="7", event_repeat_on_day="2", event_repeat_on_freq="1")),
        ("2", ""),
        ("3", spec(event_repeat_freq="9")),
        ("8", spec(event_repeat_freq="1")),
    ],
)
def test_a_rule_that_is_not_known_refuses_the_row(tmp_path: Path, kind: str, rule: str) -> None:
    quoted = '"' + rule.replace('"', '""') + '"'
    row = f"1,9,5,101,2025-03-01 08:00:00,2025-03-03,2025-03-10,900,{kind},{quoted},09:00:00,-,3,"
    sink = read_all(openemr, write_tables(tmp_path, events=HEADER + row))
    assert codes(sink) == ["openemr.bad-recurrence"]
    assert sink.records == []


def test_tables_of_openemr_are_known_by_their_columns(tmp_path: Path) -> None:
    write_tables(tmp_path, a=EVENTS, b=BILLING, c="AptNum,PatNum,AptStatus,AptDateTime\n1,2,3,4")
    files = files_under(tmp_path)
    parts = [openemr.recognise(file.sample(), settings()) for file in files]
    assert parts == ["openemr_postcalendar_events", "billing", ""]
    assert openemr.source_name(files[0], parts[0], settings()) == "openemr"


@pytest.mark.parametrize("seconds", ["99999999999999", "-60", "9" * 400])
def test_a_duration_that_cannot_be_is_refused(tmp_path: Path, seconds: str) -> None:
    row = f"1,9,5,101,2025-03-01 08:00:00,2025-03-03,0000-00-00,{seconds},0,,09:00:00,-,3,"
    sink = read_all(openemr, write_tables(tmp_path, events=HEADER + row))
    assert sink.records == []
    assert sink.files[0].rows_refused == 1
