"""Whatever stands in the cells of a known table: no crash, and every row is used, refused or ignored exactly once."""

from __future__ import annotations

import csv
import io
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.interop import tables_on_disk
from tests.interop.collecting import CollectingSink
from tests.interop.tables_on_disk import files_under

from carewheel.interop.tabular import mapped, opendental, openemr

OPEN_DENTAL = {
    "appointment": "AptNum,PatNum,AptStatus,AptDateTime,Pattern,ClinicNum,IsHygiene,DateTimeArrived,SecDateTEntry",
    "histappointment": "HistApptNum,AptNum,PatNum,HistApptAction,HistDateTStamp,AptDateTime",
    "procedurelog": "ProcNum,PatNum,AptNum,ProcDate,ProcFee,ProcStatus,CodeNum,ProcCode,UnitQty,BaseUnits,Discount,DateComplete",
    "claim": "ClaimNum,PatNum,ClaimStatus,ClaimType,DateService,DateReceived,ClaimFee,InsPayAmt,DedApplied,PlanNum",
    "claimproc": "ClaimProcNum,ProcNum,ClaimNum,Status,InsPayAmt,WriteOff,DateCP,ClaimPaymentNum,IsTransfer",
    "schedule": "ScheduleNum,SchedDate,StartTime,StopTime,SchedType,ProvNum,Status",
    "patient": "PatNum,PatStatus,Gender,Birthdate,Guarantor,BalTotal",
    "refattach": "RefAttachNum,ReferralNum,RefType,RefDate,PatNum",
    "adjustment": "AdjNum,AdjAmt,AdjDate,AdjType,ProcNum",
    "referral": "ReferralNum,IsDoctor,NotPerson,PatNum",
}
OPENEMR = {
    "openemr_postcalendar_events": "pc_eid,pc_catid,pc_pid,pc_eventDate,pc_endDate,pc_duration,pc_recurrtype,pc_recurrspec,pc_startTime,pc_apptstatus",
    "patient_tracker": "id,eid,apptdate,encounter,pid",
    "patient_tracker_element": "pt_tracker_id,start_datetime,status,seq",
    "form_encounter": "encounter,pid,date,facility_id",
    "billing": "id,pid,encounter,code_type,fee,units,activity,date",
    "ar_activity": "pid,encounter,sequence_no,pay_amount,adj_amount,payer_type,reason_code,post_time",
    "claims": "patient_id,encounter_id,version,status,bill_time",
}
CELLS = st.one_of(
    st.sampled_from(
        [
            *(
                "0",
                "1",
                "2",
                "3",
                "4",
                "5",
                "6",
                "7",
                "8",
                "99",
                "-1",
                "",
                "NULL",
                "S",
                "R",
                "U",
                "P",
                "PreAuth",
            ),
            *(
                "2025-03-04",
                "2025-03-04 09:00:00",
                "0001-01-01",
                "9999-12-31",
                "2199-12-31 23:59:59",
                "0000-00-00",
            ),
            *(
                "12.50",
                "-3.10",
                "1e9",
                "99999999999999999999",
                "D9986",
                "D9987",
                "D1110",
                "COPAY",
                "ICD10",
                "CO 45",
            ),
            *("09:00:00", "24:00:00", "@", ">", "?", "%", "x", "-", "XX/X"),
            's:17:"event_repeat_freq";s:1:"1";s:22:"event_repeat_freq_type";s:1:"1";',
        ]
    ),
    st.text(max_size=8),
)


def check(reader: object, table: str, header: str, rows: list[list[str]]) -> None:
    names = header.split(",")
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(names)
    cut = [[cell.replace("\x00", "").replace("\r", "") for cell in row[: len(names)]] for row in rows]
    writer.writerows(cut)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "table.csv"
        path.write_text(text.getvalue(), encoding="utf-8", errors="replace", newline="")
        (file,) = files_under(path)
        given_settings = tables_on_disk.settings()
        part = reader.recognise(file.sample(), given_settings)
        assert part == table
        sink = CollectingSink()
        reader.read([(file, part)], sink, given_settings)
    (collected,) = sink.files
    assert collected.rows_used + collected.rows_refused + collected.rows_ignored == len(cut)
    for finding in sink.findings:
        assert finding.severity != "refused" or finding.remedy


ROWS = st.lists(st.lists(CELLS, min_size=12, max_size=12), max_size=6)


@pytest.mark.parametrize("table", sorted(OPEN_DENTAL))
@settings(max_examples=60, deadline=None)
@given(rows=ROWS)
def test_open_dental(table: str, rows: list[list[str]]) -> None:
    check(opendental, table, OPEN_DENTAL[table], rows)


@pytest.mark.parametrize("table", sorted(OPENEMR))
@settings(max_examples=60, deadline=None)
@given(rows=ROWS)
def test_openemr(table: str, rows: list[list[str]]) -> None:
    check(openemr, table, OPENEMR[table], rows)


@pytest.mark.parametrize("table", ["surveys", "spend", "staff", "training", "referrals"])
@settings(max_examples=60, deadline=None)
@given(rows=ROWS)
def test_shipped_mappings(table: str, rows: list[list[str]]) -> None:
    check(mapped, table, mapped.template(table).splitlines()[0], [[*row, "", ""] for row in rows])
