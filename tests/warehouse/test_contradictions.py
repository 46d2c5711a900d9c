"""Facts that contradict one another, each with a case and with its like that is none. All people are invented."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from tests.warehouse.loading import load_records

from carewheel.interop.records import (
    AppointmentRecord,
    ChargeRecord,
    ClaimRecord,
    PaymentRecord,
    ProcedureRecord,
    SurveyResponseRecord,
    VisitEventRecord,
)
from carewheel.warehouse.contradictions import contradicting, contradictions
from carewheel.warehouse.workspace import Workspace

AS_OF = date(2025, 12, 31)
AT = datetime(2025, 3, 4, 9)


@pytest.fixture
def space(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "space")


def cases(space: Workspace, code: str) -> tuple[list[tuple[str, str]], list[tuple[int, int]]]:
    """The cases by key, and how many of how many are said."""
    connection = space.connect()
    try:
        said = [(one.cases, one.of) for one in contradictions(connection, AS_OF) if one.code == code]
        return contradicting(connection, AS_OF, code), said
    finally:
        connection.close()


def step(visit: str, event: str, minutes: int) -> VisitEventRecord:
    return VisitEventRecord(
        f"{visit}-{event}", appointment_id=visit, event=event, happened_at=AT + timedelta(minutes=minutes)
    )


def test_a_visit_that_was_done_before_it_began(space: Workspace) -> None:
    good = [step("1", "arrived", 0), step("1", "roomed", 5), step("1", "done", 20)]
    early = [step("2", "arrived", -5), step("2", "roomed", 5), step("2", "done", -2)]
    load_records(space, *good, *early, step("3", "done", 0), step("4", "arrived", 0))
    assert cases(space, "done-before-begun") == ([("pms", "2")], [(1, 2)])


def test_a_payment_for_a_claim_that_nobody_knows(space: Workspace) -> None:
    def paid(claim: str, day: date, who: str = "insurer") -> PaymentRecord:
        return PaymentRecord(
            f"p{claim}{who}",
            claim_id=claim,
            payer_kind=who,
            amount=Decimal(5),
            posted_date=day,
            service_date=day,
        )

    claims = [
        ClaimRecord(n, claim_id=n, service_date=date(2025, m, 1), amount=Decimal(9))
        for n, m in (("a", 3), ("b", 5))
    ]
    # Before the first claim that is known, nothing can be told.
    older, patients = paid("x", date(2025, 2, 1)), paid("z", date(2025, 4, 1), "patient")
    load_records(space, *claims, paid("a", date(2025, 3, 1)), paid("y", date(2025, 4, 1)), older, patients)
    assert cases(space, "paid-unknown-claim") == ([("pms", "y")], [(1, 2)])


def test_a_treatment_without_the_fee_that_others_have(space: Workspace) -> None:
    def done(
        key: str, code: str, amount: int, status: str = "completed"
    ) -> list[ChargeRecord | ProcedureRecord]:
        day = date(2025, 3, 4)
        return [
            ProcedureRecord(key, procedure_id=key, code=code, status=status, performed_date=day),
            ChargeRecord(key, code=code, amount=Decimal(amount), service_date=day),
        ]

    rows = [
        *done("1", "D1110", 90), *done("2", "D1110", 0), *done("3", "D9310", 0), *done("4", "D1110", 0, "entered-in-error"),
    ]  # fmt: skip
    load_records(space, *rows)
    assert cases(space, "done-without-fee") == ([("pms", "2")], [(1, 2)])


def test_a_month_without_answers_between_others(space: Workspace) -> None:
    answers = [
        SurveyResponseRecord(f"{place}{month}-{n}", location_id=place, question="nps", answered_at=datetime(2025, month, n + 1))
        for place, months, each in (("busy", (1, 2, 4), 12), ("quiet", (1, 4), 2))
        for month in months
        for n in range(each)
    ]  # fmt: skip
    load_records(space, *answers)
    assert cases(space, "month-without-answers") == ([("pms", "busy 2025-03")], [(1, 4)])


def test_two_systems_that_put_a_visit_at_different_times(space: Workspace) -> None:
    def booked(visit: str, hour: int) -> AppointmentRecord:
        return AppointmentRecord(
            visit,
            appointment_id=visit,
            basis="appointment",
            status="booked",
            starts_at=datetime(2025, 3, 4, hour),
        )

    load_records(space, booked("1", 9), booked("2", 9), booked("3", 9))
    load_records(space, booked("1", 9), booked("2", 14), booked("4", 9), source="siu", kind="hl7v2")
    found = [(one["code"], one["count"]) for one in space.manifest()["findings"]]
    assert found == [("facts.times-differ", 1)]
    connection = space.connect()
    try:
        hours = "SELECT source, hour(starts_at AT TIME ZONE 'America/New_York') FROM appointment WHERE appointment_id = '2'"
        assert connection.execute(hours).fetchall() == [("pms", 9)]
    finally:
        connection.close()
