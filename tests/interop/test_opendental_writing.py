"""What the writer of Open Dental tables writes, the reader reads back: every field of every record, over any values."""

from __future__ import annotations

import csv
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.interop.collecting import CollectingSink
from tests.interop.tables_on_disk import read_all

from carewheel.interop.records import (
    AdjustmentRecord,
    AppointmentRecord,
    AvailabilityRecord,
    ChargeRecord,
    ClaimEventRecord,
    ClaimRecord,
    CoverageRecord,
    LocationRecord,
    PatientRecord,
    PaymentRecord,
    ProcedureRecord,
    ProviderRecord,
    ReferralRecord,
    ResourceRecord,
    VisitEventRecord,
)
from carewheel.interop.tabular import opendental
from carewheel.interop.tabular.opendental.columns import COLUMNS
from carewheel.interop.tabular.opendental.writing import (
    NotWritable,
    OpenDentalWriter,
    packed_interval,
    pattern,
)

DAY = date(2025, 3, 4)
AT = datetime(2025, 3, 4, 9, 30)


def read(folder: Path) -> CollectingSink:
    sink = read_all(opendental, folder)
    assert sink.findings == []
    assert sum(file.rows_refused for file in sink.files) == 0
    return sink


def test_every_table_is_read_back_field_by_field(tmp_path: Path) -> None:
    with OpenDentalWriter(tmp_path) as w:
        w.clinic(1, name='Invented, "Dental"', zone="America/Denver", city="Exampleton")
        w.provider(2, role="hygienist", active=False, family="Sample", given="Ada")
        w.operatory(3, name="Chair", clinic=1)
        w.definition(4, category="adjustment type", name="Bad Debt Write-off")
        w.definition(5, category="payment type", name="Card")
        w.patient(
            6, guarantor=6, status="deceased", sex="female", birth_date=date(1950, 1, 2), clinic=1, first_visit=DAY,
            balances=(100, -5, 0, 99999999), total=123, family="Sample", phone="555-0100", email="a@example.com",
        )  # fmt: skip
        w.insurance_plan(7, payer_id="INV01", payer_name="EXAMPLE PLAN")
        w.coverage(8, patient=6, plan=7, member_id="M1", starts_date=DAY, ends_date=date(2025, 12, 31))
        w.appointment_type(9, name="hygiene", minutes=40)
        what = {
            "patient": 6,
            "minutes": 40,
            "provider": 1,
            "hygienist": 2,
            "clinic": 1,
            "kind": 9,
            "chair": 3,
            "booked_at": AT - timedelta(days=9),
        }
        w.appointment(
            10,
            status="fulfilled",
            starts_at=AT,
            arrived_at=AT,
            seated_at=AT,
            dismissed_at=AT,
            changed_at=AT,
            is_new=True,
            **what,
        )
        w.appointment(11, status="cancelled", starts_at=AT + timedelta(days=1), wants_sooner=True, **what)
        w.history(1, action="created", happened_at=AT, appointment=11, status="booked", starts_at=AT, **what)
        w.history(
            2,
            action="cancelled",
            happened_at=AT,
            appointment=11,
            status="cancelled",
            starts_at=AT + timedelta(days=1),
            **what,
        )
        w.procedure_code(12, code="D2391", title="filling")
        w.procedure(
            13, patient=6, code=12, status="completed", day=DAY, fee=11001, units=2, provider=2, clinic=1, appointment=10,
            tooth=14, planned_date=date(2025, 2, 1),
        )  # fmt: skip
        w.claim(
            14, claim_id="loc1-14", patient=6, plan=7, status="adjudicated", service_date=DAY, fee=22002, provider=2, clinic=1,
            subscription=8, created_date=DAY, sent_date=date(2025, 3, 5), resent_date=date(2025, 3, 25),
            received_date=date(2025, 4, 1), paid=12000, deductible=1000, write_off=4002,
        )  # fmt: skip
        w.claim_procedure(
            15, procedure=13, claim=14, patient=6, status="received", provider=2, clinic=1, plan=7, fee=22002, posted_date=DAY,
            service_date=DAY, paid=-12000, write_off=4002, deductible=1000, reasons="45,1", check=16,
        )  # fmt: skip
        w.claim_payment(16, paid_date=DAY, cents=-12000, clinic=1)
        w.payment(17, patient=6, kind=5, paid_date=DAY, cents=-505, clinic=1)
        w.paysplit(
            18, patient=6, payment=17, cents=-505, paid_date=DAY, provider=2, clinic=1, service_date=DAY
        )
        w.adjustment(
            19, patient=6, kind=4, day=DAY, cents=-1, provider=2, clinic=1, procedure=13, service_date=DAY
        )
        w.recall(20, patient=6, due=DAY, previous=DAY, interval=packed_interval(months=6), scheduled=None)
        w.schedule(
            21,
            provider=2,
            starts_at=datetime(2025, 3, 4, 8),
            ends_at=datetime(2025, 3, 4, 12, 30),
            chair=3,
            clinic=1,
        )
        w.referrer(22, name="Example Orthodontics", is_doctor=True)
        w.referrer(23, patient=6)
        w.referral(24, referrer=22, patient=6, day=DAY)
        w.referral(25, referrer=23, patient=6, day=DAY)
    assert {path.stem for path in tmp_path.iterdir()} == set(COLUMNS)
    expected = [
        LocationRecord("1", None, "1", "America/Denver", "", 'Invented, "Dental"', "dental"),
        ProviderRecord("2", None, "", "2", "hygienist", False),
        ResourceRecord("3", None, "1", "3", "chair", True),
        PatientRecord(
            "6", None, "1", "", "6", "6", "deceased", "5", "female", 1950, DAY, True, None, Decimal("1.23"), Decimal("1.00"),
            Decimal("-0.05"), Decimal("0.00"), Decimal("999999.99"),
        ),
        CoverageRecord("8", None, "", "6", "INV01", "EXAMPLE PLAN", "p", DAY, date(2025, 12, 31)),
        AppointmentRecord(
            "10", AT, "1", "10", "appointment", "6", "2", "3", "hygiene", "fulfilled", "2", AT, AT + timedelta(minutes=40), 40.0,
            AT - timedelta(days=9), None, None, True, True, False, "",
        ),
        *(VisitEventRecord(f"10-{event}", AT, "1", "10", "6", "2", event, raw, AT) for event, raw in (
            ("arrived", "DateTimeArrived"), ("roomed", "DateTimeSeated"), ("done", "DateTimeDismissed"))),
        AppointmentRecord(
            "11", None, "1", "11", "appointment", "6", "2", "3", "hygiene", "cancelled", "history 3", AT + timedelta(days=1),
            AT + timedelta(days=1, minutes=40), 40.0, AT - timedelta(days=9), AT, None, False, True, True, "",
        ),
        ProcedureRecord(
            "13", None, "1", "", "13", "6", "2", "10", "loc1-14", "D2391", "CDT", "completed", "2", date(2025, 2, 1), DAY,
            Decimal("220.02"), 2.0,
        ),
        ChargeRecord("13", None, "1", "", "loc1-14", "10", "6", "2", "INV01", "D2391", "CDT", Decimal("220.02"), 2.0, DAY),
        ClaimRecord(
            "14", None, "1", "", "loc1-14", "6", "2", "INV01", "EXAMPLE PLAN", "dental", "1", "adjudicated", "R", Decimal("220.02"),
            Decimal("120.00"), DAY, date(2025, 3, 5), date(2025, 4, 1), False,
        ),
        *(ClaimEventRecord(
            f"14-{event}", None, "1", "", "loc1-14", event, raw, "INV01", "EXAMPLE PLAN", "P", "", Decimal("220.02"), paid, None,
            denied, False, when, DAY,
        ) for event, raw, when, paid, denied in (
            ("created", "SecDateEntry", DAY, None, None), ("submitted", "DateSent", date(2025, 3, 5), None, None),
            ("resubmitted", "DateResent", date(2025, 3, 25), None, None),
            ("adjudicated", "R", date(2025, 4, 1), Decimal("120.00"), False))),
        PaymentRecord(
            "claimproc:15", None, "1", "", "loc1-14", "", "6", "2", "INV01", "EXAMPLE PLAN", "insurer", "", Decimal("-120.00"), DAY,
            DAY, True, "16",
        ),
        AdjustmentRecord(
            "claimproc:15", None, "1", "", "loc1-14", "6", "INV01", "EXAMPLE PLAN", "contractual", "", "45,1", "", "",
            Decimal("40.02"), DAY, DAY,
        ),
        PaymentRecord(
            "paysplit:18", None, "1", "", "", "", "6", "2", "", "", "patient", "", Decimal("-5.05"), DAY, DAY, True, "17"
        ),
        AdjustmentRecord(
            "adjustment:19", None, "1", "", "loc1-14", "6", "", "", "writeoff", "", "", "", "4", Decimal("0.01"), DAY, DAY
        ),
        AvailabilityRecord(
            "21", None, "1", "2", "", "open", "1/0", datetime(2025, 3, 4, 8), datetime(2025, 3, 4, 12, 30), 270.0
        ),
        ReferralRecord("24", None, "", "in", "professional", "referral:22", "6", "", "", "professional", DAY),
        ReferralRecord("25", None, "", "in", "patient", "6", "6", "", "", "patient", DAY),
    ]  # fmt: skip
    assert sorted(map(repr, read(tmp_path).records)) == sorted(map(repr, expected))


KEYS = st.integers(1, 2**40)
CENTS = st.integers(-(10**12), 10**12)
DAYS = st.dates(date(1900, 1, 2), date(2199, 12, 31))
MOMENTS = st.datetimes(datetime(1950, 1, 1), datetime(2100, 1, 1)).map(lambda m: m.replace(microsecond=0))
SLOW = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@SLOW
@given(st.lists(st.tuples(KEYS, CENTS, DAYS), unique_by=lambda row: row[0], min_size=1))
def test_any_amount_and_day_of_a_payment_comes_back(
    tmp_path: Path, rows: list[tuple[int, int, date]]
) -> None:
    with OpenDentalWriter(tmp_path) as w:
        for key, cents, day in rows:
            w.paysplit(key, patient=key, payment=key, cents=cents, paid_date=day)
    found = [(r.batch_id, r.amount * 100, r.posted_date) for r in read(tmp_path).records]
    assert found == [(str(key), cents, day) for key, cents, day in rows]


@SLOW
@given(KEYS, MOMENTS, st.integers(0, 96), st.booleans(), st.sampled_from(["booked", "fulfilled", "waitlist"]))
def test_any_appointment_comes_back(
    tmp_path: Path, key: int, at: datetime, fives: int, new: bool, status: str
) -> None:
    with OpenDentalWriter(tmp_path) as w:
        w.appointment(
            key, patient=key, status=status, starts_at=at, minutes=5 * fives, provider=1, clinic=1, is_new=new
        )
    records = read(tmp_path).records
    if status == "waitlist":
        assert records[0].status == "waitlist"
        return
    (record,) = records
    assert (record.appointment_id, record.starts_at, record.minutes or 0, record.is_new_patient, record.status) == (
        str(key), at, 5 * fives, new, status,
    )  # fmt: skip


@given(*[st.integers(0, 255)] * 4)
def test_a_packed_interval_unpacks(years: int, months: int, weeks: int, days: int) -> None:
    packed = packed_interval(years=years, months=months, weeks=weeks, days=days)
    assert list(packed.to_bytes(4, "little")) == [days, weeks, months, years]


def test_what_has_no_code_is_refused(tmp_path: Path) -> None:
    appointment = {"patient": 1, "minutes": 30, "provider": 1, "clinic": 1}
    procedure = {
        "patient": 1,
        "code": 1,
        "status": "completed",
        "day": DAY,
        "fee": 1,
        "provider": 1,
        "clinic": 1,
    }
    with OpenDentalWriter(tmp_path) as w:
        with pytest.raises(NotWritable, match="proposed"):
            w.appointment(1, status="proposed", starts_at=AT, **appointment)
        with pytest.raises(NotWritable, match="five minutes"):
            w.appointment(1, status="booked", starts_at=AT, **{**appointment, "minutes": 7})
        with pytest.raises(NotWritable, match="Midnight"):
            w.appointment(1, status="fulfilled", starts_at=AT, arrived_at=datetime(2025, 3, 4), **appointment)
        with pytest.raises(NotWritable, match="offset"):
            w.appointment(1, status="booked", starts_at=AT.replace(tzinfo=ZoneInfo("UTC")), **appointment)
        with pytest.raises(NotWritable, match="1900"):
            w.procedure(1, **{**procedure, "day": date(1899, 12, 31)})
        with pytest.raises(NotWritable, match="once"):
            w.procedure(1, units=0, **procedure)
        with pytest.raises(NotWritable, match="midnight"):
            w.schedule(1, provider=1, starts_at=AT, ends_at=AT + timedelta(days=1), chair=1, clinic=1)
    with pytest.raises(NotWritable, match="0 to 255"):
        packed_interval(days=256)
    with pytest.raises(NotWritable):
        pattern(-5)
    # Nothing refused has left half a row behind.
    assert all(len(list(csv.reader(path.open()))) == 1 for path in tmp_path.iterdir())
