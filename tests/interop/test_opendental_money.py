"""Open Dental money, claims and people: hand-made exports with answers worked out by hand. All people are invented."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

from tests.interop.tables_on_disk import codes, read_all, settings, write_tables

from carewheel.interop.records import Record
from carewheel.interop.tabular import opendental

CODES = "CodeNum,ProcCode\n1,D1110\n2,D2740\n86,D9986"
# 501: 1 unit of 120.00. 502: (1 + 2) units of 50.25 = 150.75. 503: planned. 504: deleted. 505: was complete, planned again.
# 506: a fee for a missed visit. 507: a condition. Charges: 120.00 + 150.75 + 25.00 = 295.75
PROCEDURES = """
    ProcNum,PatNum,AptNum,PlannedAptNum,ProcDate,ProcFee,ProcStatus,ProvNum,ClinicNum,CodeNum,UnitQty,BaseUnits,Discount,DateTP,DateComplete,DateTStamp
    501,101,1,0,2025-03-03,120.00,2,7,1,1,1,0,10.00,2025-02-01,2025-03-03,2025-03-03 10:00:00
    502,101,1,0,2025-03-03,50.25,2,7,1,2,1,2,0,2025-02-01,2025-03-03,2025-03-03 10:00:00
    503,102,0,9,2025-03-04,900.00,1,7,0,2,1,0,0,2025-03-04,0001-01-01,2025-03-04 10:00:00
    504,102,0,0,2025-03-04,80.00,6,7,0,1,1,0,0,2025-03-04,2025-03-04,2025-03-05 10:00:00
    505,103,0,0,2025-03-04,70.00,1,7,0,1,1,0,0,2025-03-04,2025-03-04,2025-03-05 10:00:00
    506,104,0,0,2025-03-06,25.00,2,7,0,86,1,0,0,2025-03-06,2025-03-06,2025-03-06 10:00:00
    507,104,0,0,2025-03-06,0,7,7,0,1,1,0,0,2025-03-06,0001-01-01,2025-03-06 10:00:00
"""
CLAIMS = """
    ClaimNum,PatNum,ClaimStatus,ClaimType,DateService,DateSentOrig,DateSent,DateResent,DateReceived,ClaimFee,InsPayAmt,WriteOff,DedApplied,PlanNum,ClaimIdentifier,ClinicNum,ProvTreat
    901,101,R,P,2025-03-03,2025-03-04,2025-03-10,0001-01-01,2025-03-20,270.75,200.00,30.75,40.00,31,EX-901/7,1,7
    902,101,S,S,2025-03-03,2025-03-21,2025-03-21,0001-01-01,0001-01-01,270.75,0,0,0,32,,1,7
    903,102,R,PreAuth,2025-03-04,2025-03-05,2025-03-05,0001-01-01,2025-03-15,900.00,450.00,0,0,31,PRE-903,0,7
    904,104,R,P,2025-03-06,2025-03-07,2025-03-07,0001-01-01,2025-03-22,25.00,0,0,0,31,EX-904/7,0,7
    905,105,U,P,2025-03-08,0001-01-01,0001-01-01,0001-01-01,0001-01-01,60.00,0,0,0,31,EX-905/7,0,7
"""
# Received 120.00 + 80.00; a supplemental reversal of −5.00; a preauthorisation, an estimate: no money.
CLAIMPROCS = """
    ClaimProcNum,ProcNum,ClaimNum,PatNum,Status,InsPayAmt,WriteOff,DateCP,ProcDate,ClaimPaymentNum,ClinicNum,ProvNum,IsTransfer
    1,501,901,101,1,120.00,0,2025-03-20,2025-03-03,41,1,7,0
    2,502,901,101,1,80.00,30.75,2025-03-20,2025-03-03,41,1,7,0
    3,501,901,101,4,-5.00,0,2025-04-01,2025-03-03,42,1,7,0
    4,501,902,101,0,0,0,0001-01-01,2025-03-03,0,1,7,0
    5,503,903,102,2,450.00,0,2025-03-15,2025-03-04,0,0,7,0
    6,503,0,102,6,300.00,0,0001-01-01,2025-03-04,0,0,7,0
    7,506,904,104,1,0,0,2025-03-22,2025-03-06,0,0,7,0
"""
SPLITS = """
    SplitNum,SplitAmt,PatNum,ProcDate,PayNum,ProvNum,ClinicNum,DatePay
    71,40.00,101,2025-03-03,61,7,1,2025-03-25
    72,-15.00,101,2025-03-03,62,7,1,2025-03-26
"""
ADJUSTMENTS = """
    AdjNum,AdjDate,AdjAmt,PatNum,AdjType,ProvNum,ProcDate,ProcNum,ClinicNum
    81,2025-03-25,-10.00,101,11,7,2025-03-03,501,1
    82,2025-03-25,-20.00,101,12,7,2025-03-03,0,1
    83,2025-03-25,3.00,101,13,7,2025-03-03,0,1
"""
DEFINITIONS = (
    "DefNum,Category,ItemName,ItemValue\n11,1,Courtesy,-\n12,1,Bad debt write-off,-\n13,1,Finance charge,+"
)
INSURERS = {
    "carrier": "CarrierNum,CarrierName,ElectID\n21,Example Dental Plan,EX001\n22,Second Example,",
    "plan": "PlanNum,CarrierNum,PlanType\n31,21,p\n32,22,",
}
CHECKS = "ClaimPaymentNum,CheckAmt,CheckDate\n41,200.00,2025-03-20\n42,-9.00,2025-04-01"


def total(rows: list[Record], **wanted: object) -> Decimal:
    return sum(
        (row.amount for row in rows if all(getattr(row, k) == v for k, v in wanted.items())), Decimal(0)
    )


def everything(folder: Path):
    tables = {
        "codes": CODES,
        "procedures": PROCEDURES,
        "claims": CLAIMS,
        "claimprocs": CLAIMPROCS,
        "splits": SPLITS,
        "adjustments": ADJUSTMENTS,
        "definitions": DEFINITIONS,
        "checks": CHECKS,
        **INSURERS,
    }
    return read_all(opendental, write_tables(folder, **tables))


def test_charges_are_completed_procedures_by_their_units(tmp_path: Path) -> None:
    sink = everything(tmp_path)
    charges = {row.source_id: row.amount for row in sink.table("charge")}
    assert charges == {
        "501": Decimal("120.00"),
        "502": Decimal("150.75"),
        "504": Decimal(0),
        "505": Decimal(0),
        "506": Decimal("25.00"),
    }
    assert sink.tallies["charges"] == sum(charges.values()) == Decimal("295.75")


def test_collections_are_splits_and_received_insurance_to_the_cent(tmp_path: Path) -> None:
    sink = everything(tmp_path)
    payments = sink.table("payment")
    assert total(payments, payer_kind="patient") == Decimal("25.00")
    assert total(payments, payer_kind="insurer") == Decimal("195.00")
    assert sink.tallies["collections"] == Decimal("220.00")
    reversal = next(row for row in payments if row.amount == Decimal("-5.00"))
    assert reversal.is_reversal
    assert reversal.batch_id == "42"
    assert {row.payer_id for row in payments if row.payer_kind == "insurer"} == {"EX001"}


def test_a_check_that_its_payments_do_not_add_up_to_is_doubtful(tmp_path: Path) -> None:
    sink = everything(tmp_path)
    assert codes(sink) == ["opendental.check-unbalanced"]


def test_adjustments_lower_the_balance_and_a_discount_is_counted_once(tmp_path: Path) -> None:
    sink = everything(tmp_path)
    found = sorted((row.kind, row.amount) for row in sink.table("adjustment") if row.amount)
    assert found == [
        ("contractual", Decimal("30.75")),
        ("discount", Decimal("10.00")),
        ("interest", Decimal("-3.00")),
        ("writeoff", Decimal("20.00")),
    ]
    alone = read_all(opendental, write_tables(tmp_path / "alone", codes=CODES, procedures=PROCEDURES))
    assert [(row.kind, row.amount) for row in alone.table("adjustment")] == [("discount", Decimal("10.00"))]


def test_a_claim_bears_the_id_that_x12_calls_clm01(tmp_path: Path) -> None:
    sink = everything(tmp_path)
    claims = {row.source_id: row for row in sink.table("claim")}
    sent, paid = "CLM*EX-901/7*270.75***11:B:1*Y*A*Y*Y~", "CLP*EX-901/7*1*270.75*200*40*12*PAYER1~"
    assert claims["901"].claim_id == sent.split("*")[1] == paid.split("*")[1]
    assert claims["902"].claim_id == "od:902"
    assert {row.claim_id for row in sink.table("charge") if row.source_id in ("501", "502")} == {"EX-901/7"}
    assert {row.claim_id for row in sink.table("payment") if row.payer_kind == "insurer"} == {
        "EX-901/7",
        "EX-904/7",
    }


def test_claims_have_their_status_their_dates_and_their_events(tmp_path: Path) -> None:
    sink = everything(tmp_path)
    claims = {row.source_id: row for row in sink.table("claim")}
    assert {key: row.status for key, row in claims.items()} == {
        "901": "adjudicated",
        "902": "submitted",
        "903": "adjudicated",
        "904": "adjudicated",
        "905": "created",
    }
    first = claims["901"]
    assert (first.submitted_date, first.closed_date) == (date(2025, 3, 4), date(2025, 3, 20))
    assert (first.payer_id, first.payer_name) == ("EX001", "Example Dental Plan")
    assert claims["902"].payer_id == "carrier:22"
    assert claims["903"].is_predetermination
    assert not first.is_predetermination
    events = {row.source_id: row for row in sink.table("claim_event")}
    assert sorted(events) == [
        "901-adjudicated",
        "901-submitted",
        "902-submitted",
        "903-adjudicated",
        "903-submitted",
        "904-adjudicated",
        "904-submitted",
    ]
    assert events["901-adjudicated"].is_denial is False
    assert events["904-adjudicated"].is_denial is True
    assert events["903-adjudicated"].is_denial is None


def test_a_predetermination_and_an_estimate_are_never_money(tmp_path: Path) -> None:
    sink = everything(tmp_path)
    assert not [row for row in sink.table("payment") if row.amount == Decimal("450.00")]
    planned = next(row for row in sink.table("procedure") if row.source_id == "503")
    assert (planned.status, planned.planned_date, planned.performed_date) == (
        "planned",
        date(2025, 3, 4),
        None,
    )
    assert (planned.claim_id, planned.appointment_id, planned.fee) == ("", "9", Decimal("900.00"))


def test_a_deleted_procedure_supersedes_what_an_earlier_export_said(tmp_path: Path) -> None:
    header = "ProcNum,PatNum,ProcDate,ProcFee,ProcStatus,DateTStamp\n"
    before = read_all(
        opendental, write_tables(tmp_path / "1", p=header + "1,101,2025-03-03,80.00,2,2025-03-03 10:00:00")
    )
    after = read_all(
        opendental, write_tables(tmp_path / "2", p=header + "1,101,2025-03-03,80.00,6,2025-03-09 10:00:00")
    )
    (first,), (second,) = before.table("charge"), after.table("charge")
    assert first.source_id == second.source_id
    assert (first.amount, second.amount) == (Decimal("80.00"), Decimal(0))
    assert after.table("procedure")[0].status == "entered-in-error"
    assert "opendental.no-codes" in codes(after)


def test_without_splits_the_payments_themselves_count_and_with_them_they_do_not(tmp_path: Path) -> None:
    payments = "PayNum,PayAmt,PayDate,PatNum\n61,40.00,2025-03-25,101"
    alone = read_all(opendental, write_tables(tmp_path / "1", p=payments))
    both = read_all(opendental, write_tables(tmp_path / "2", p=payments, s=SPLITS))
    assert alone.tallies["collections"] == Decimal("40.00")
    assert both.tallies["collections"] == Decimal("25.00")
    assert len(both.table("payment")) == 2


def test_balances_stand_on_the_guarantor_only_and_no_name_comes_through(tmp_path: Path) -> None:
    patients = """
        PatNum,LName,FName,PatStatus,Gender,Birthdate,SSN,HmPhone,Guarantor,BalTotal,Bal_0_30,Bal_31_60,Bal_61_90,BalOver90,DateFirstVisit,ClinicNum
        101,Exampleson,Ada,0,1,1980-05-05,000000000,555-0100,101,100.00,60.00,40.00,0,0,2020-01-02,1
        102,Exampleson,Bo,0,0,2012-05-05,000000000,555-0100,101,100.00,60.00,40.00,0,0,0001-01-01,1
        103,Sampler,Cy,5,2,0001-01-01,000000000,555-0101,103,0,0,0,0,0,2019-01-02,1
    """
    sink = read_all(opendental, write_tables(tmp_path, p=patients))
    people = {row.patient_key: row for row in sink.table("patient")}
    assert (people["101"].balance, people["102"].balance) == (Decimal("100.00"), None)
    assert people["102"].household_key == "101"
    assert (people["101"].sex, people["101"].birth_year) == ("female", 1980)
    assert people["101"].first_visit_date == date(2020, 1, 2)
    assert people["102"].first_visit_date is None
    assert (people["103"].status, people["103"].deceased, people["103"].birth_year) == (
        "deceased",
        True,
        None,
    )
    everything_read = repr(sink.records) + repr(sink.findings)
    assert not any(
        word in everything_read for word in ("Exampleson", "Sampler", "Ada", "555-01", "000000000")
    )


def test_calendars_referrals_messages_and_chairs_are_read(tmp_path: Path) -> None:
    sink = read_all(
        opendental,
        write_tables(
            tmp_path,
            schedule="""
                ScheduleNum,SchedDate,StartTime,StopTime,SchedType,ProvNum,BlockoutType,Status,ClinicNum
                1,2025-03-03,08:00:00,12:30:00,1,7,0,0,1
                2,2025-03-03,12:00:00,13:00:00,2,0,5,0,1
                3,2025-12-25,00:00:00,00:00:00,0,0,0,2,0
                4,2025-03-03,08:00:00,12:00:00,3,0,0,0,1
                5,2025-03-03,00:00:00,00:00:00,1,7,0,0,1
            """,
            ops="ScheduleOpNum,ScheduleNum,OperatoryNum\n1,1,3\n2,1,4\n3,2,3\n4,2,4",
            referral="""
                ReferralNum,PatNum,IsDoctor,NotPerson,LName
                1,101,0,0,Exampleson
                2,0,1,0,Sampler
                3,0,0,1,Search engine
            """,
            refattach="""
                RefAttachNum,ReferralNum,PatNum,RefType,RefDate
                1,1,110,1,2025-03-01
                2,2,111,1,2025-03-02
                3,3,112,1,2025-03-03
                4,2,113,0,2025-03-04
                5,2,113,2,2025-03-04
                6,2,114,1,0001-01-01
            """,
            commlog="CommlogNum,PatNum,CommDateTime,CommType,Mode_,SentOrReceived,Note\n1,101,2025-03-01 10:00:00,9,5,1,Call Ada",
            clinic="ClinicNum,Abbr,TimeZone\n1,North,America/Chicago\n2,South,Elsewhere/Nowhere",
            operatory="OperatoryNum,OpName,IsHidden,ClinicNum\n3,Op 3,0,1\n4,Op 4,1,1",
            provider="ProvNum,Abbr,IsHidden,IsSecondary\n7,D1,0,0\n8,H1,1,1",
            supply="SupplyNum,LevelDesired,LevelOnHand\n1,10,4",
            recall="RecallNum,PatNum,DateDue,RecallInterval\n1,101,2025-09-01,393216",
        ),
    )
    hours = {
        row.source_id: (row.kind, row.provider_key, row.resource_id, row.minutes)
        for row in sink.table("availability")
    }
    assert hours == {
        "1": ("open", "7", "", 270.0),
        "2-3": ("blockout", "", "3", 60.0),
        "2-4": ("blockout", "", "4", 60.0),
        "3": ("holiday", "", "", None),
    }
    referrals = [(r.direction, r.referrer_kind, r.referrer_key, r.channel) for r in sink.table("referral")]
    assert referrals == [
        ("in", "patient", "101", "patient"),
        ("in", "professional", "referral:2", "professional"),
        ("in", "other", "referral:3", "Search engine"),
        ("out", "", "", ""),
    ]
    (message,) = sink.table("message")
    assert (message.channel, message.direction, message.sent_at) == ("sms", "out", datetime(2025, 3, 1, 10))
    assert [(r.location_id, r.zone, r.name) for r in sink.table("location")] == [
        ("1", "America/Chicago", "North"),
        ("2", "", "South"),
    ]
    assert [(r.resource_id, r.active) for r in sink.table("resource")] == [("3", True), ("4", False)]
    assert [(r.role, r.active) for r in sink.table("provider")] == [("dentist", True), ("hygienist", False)]
    assert codes(sink) == ["opendental.no-date", "opendental.undated-stock"]
    assert sum(file.ignored["a due recall is not an event"] for file in sink.files) == 1
    assert "Call Ada" not in repr(sink.records)


def test_dates_written_in_the_local_way_are_refused_until_their_format_is_said(tmp_path: Path) -> None:
    folder = write_tables(tmp_path, a="AptNum,PatNum,AptStatus,AptDateTime\n1,101,2,3/4/2025 9:00")
    refused = read_all(opendental, folder)
    assert codes(refused) == ["csv.ambiguous-date"]
    read = read_all(opendental, folder, settings(date_formats="%m/%d/%Y %H:%M"))
    assert read.table("appointment")[0].starts_at == datetime(2025, 3, 4, 9)
    # Both times the source states one kept visit.
    assert refused.tallies["visits"] == read.tallies["visits"] == 1
