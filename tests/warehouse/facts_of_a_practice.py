"""A small invented practice with rows in every fact table that a card uses, drawn from a fixed seed."""

from __future__ import annotations

import random
from datetime import UTC, date, datetime, timedelta
from typing import Any

import duckdb
from tests.warehouse.facts_in_memory import facts

START = date(2023, 1, 1)
DAYS = 1110  # to the middle of January 2026: some of it lies after the end of 2025


def practice(seed: int = 3) -> duckdb.DuckDBPyConnection:
    """Two places, 150 patients, three years; in-memory tables as `facts` makes them."""
    draw = random.Random(seed)
    tables: dict[str, list[dict[str, Any]]] = {}

    def add(table: str, **row: Any) -> None:
        tables.setdefault(table, []).append(row)

    def day() -> date:
        return START + timedelta(days=draw.randrange(DAYS))

    def moment(when: date) -> datetime:
        return datetime(
            when.year, when.month, when.day, draw.randrange(8, 18), draw.randrange(60), tzinfo=UTC
        )

    for k in range(150):
        add(
            "patient", patient_key=f"p{k}", deceased=k % 40 == 0, is_test=k % 50 == 1, location_id=f"L{k % 2}", currency="USD",
            first_visit_date=day() if k % 3 == 0 else None, balance_0_30=draw.randrange(100), balance_over_90=draw.randrange(50),
        )  # fmt: skip
        add(
            "contact",
            patient_key=f"p{k}",
            channel=draw.choice(["Website", "ads", ""]),
            created_at=moment(day()),
        )
    for k in range(900):
        when, place, patient = day(), f"L{draw.randrange(2)}", f"p{draw.randrange(150)}"
        start = moment(when)
        add(
            "appointment", appointment_id=f"a{k}", basis=draw.choice(["appointment"] * 9 + ["encounter"]), patient_key=patient,
            status=draw.choice(["fulfilled"] * 6 + ["arrived", "noshow", "cancelled", "booked"]), starts_at=start, minutes=30.0,
            location_id=place, cancelled_at=start - timedelta(hours=draw.randrange(60)), is_hygiene=k % 3 == 0, provider_key="d1",
            booked_at=start - timedelta(days=draw.randrange(200)) if k % 4 else None, channel=draw.choice(["online", "phone", ""]),
            is_new_patient=(k % 7 == 0) if int(patient[1:]) % 4 == 0 else None,
        )  # fmt: skip
        add("visit_event", appointment_id=f"a{k}", event="arrived", happened_at=start, location_id=place)
        add(
            "visit_event",
            appointment_id=f"a{k}",
            event="roomed",
            happened_at=start + timedelta(minutes=draw.randrange(-5, 60)),
            location_id=place,
        )
        claim = f"c{k}" if k % 2 else ""
        money = {"location_id": place, "currency": "USD", "claim_id": claim, "patient_key": patient}
        add("charge", **money, amount=draw.randrange(5000, 30000) / 100, service_date=when)
        add(
            "payment",
            **money,
            amount=draw.randrange(1000, 20000) / 100,
            posted_date=when + timedelta(days=draw.randrange(60)),
        )
        kind = draw.choice(["contractual", "denial", "patient_share", "writeoff"])
        add(
            "adjustment",
            **money,
            kind=kind,
            group_code="CO",
            reason_code=draw.choice(["16", "45", ""]),
            amount=10.25,
            posted_date=when + timedelta(days=20),
        )
        if claim:
            add(
                "claim",
                **money,
                payer_name=draw.choice(["Alpha", "Beta"]),
                amount=300,
                service_date=when,
                is_predetermination=k % 30 == 1,
            )
            add(
                "claim_event",
                claim_id=claim,
                location_id=place,
                event=draw.choice(["adjudicated", "denied", "rejected"]),
                event_date=when + timedelta(days=15),
            )
            add(
                "claim_event",
                claim_id=claim,
                location_id=place,
                event="adjudicated",
                event_date=when + timedelta(days=30),
            )
        add(
            "procedure",
            patient_key=patient,
            location_id=place,
            status=draw.choice(["planned", "completed"]),
            planned_date=when,
            performed_date=when + timedelta(days=draw.randrange(150)),
            fee=100,
        )
        add("survey_invitation", invitation_id=f"i{k}", sent_at=start, location_id=place)
        question, low, high = draw.choice(
            [("nps", 0, 10), ("csat", 1, 5), ("five_point", 1, 5), ("ease", 1, 7), ("wait", 1, 5)]
        )
        add(
            "survey_response",
            invitation_id=f"i{k}",
            question=question,
            score=float(draw.randint(low, high)),
            scale_min=float(low),
            scale_max=float(high),
            answered_at=start + timedelta(days=draw.randrange(25)),
            location_id=place,
        )
    for k in range(120):
        when = day()
        add(
            "review",
            rating=float(draw.randint(1, 5)),
            scale_max=5.0,
            posted_at=moment(when),
            location_id=f"L{k % 2}",
        )
        add(
            "referral",
            direction="in",
            referrer_kind=draw.choice(["patient", "professional"]),
            patient_key=f"p{k}",
            referred_date=when,
            kept_date=when + timedelta(days=9),
            location_id=f"L{k % 2}",
        )
        add(
            "marketing_spend",
            channel=draw.choice(["ads", ""]),
            kind="marketing",
            amount=250,
            currency="USD",
            starts_date=when,
            ends_date=when + timedelta(days=draw.randrange(70)),
            location_id=f"L{k % 2}",
        )
        add("stock_move", kind=draw.choice(["stock_out", "used"]), moved_at=moment(when), location_id="L0")
        question, low, high = draw.choice([("enps", 0, 10), ("engagement", 1, 5), ("burnout", 0, 100)])
        add(
            "staff_pulse",
            question=question,
            score=float(draw.randint(low, high)),
            scale_min=float(low),
            scale_max=float(high),
            answered_date=when,
            location_id="L0",
        )
        add("training", hours=draw.randrange(1, 9) * 0.5, completed_date=when, location_id=f"L{k % 2}")
        add("investment", amount=500, currency="USD", invested_date=when, location_id="L1")
        add(
            "expense",
            category=draw.choice(["Pay", "rent", ""]),
            amount=900,
            currency="USD",
            expense_date=when,
            location_id="L1",
        )
        add(
            "availability",
            kind="open",
            provider_key="d1",
            minutes=480.0,
            starts_at=moment(when),
            location_id=f"L{k % 2}",
        )
        add(
            "availability",
            kind="open",
            provider_key="d2",
            minutes=60.0,
            starts_at=moment(date(2026, 1, 1 + k % 14)),
            location_id="L0",
        )
    for k in range(20):
        ended = date(2025, 1 + k % 12, 10) if k % 5 == 0 else None
        add(
            "staff_spell",
            staff_key=f"s{k}",
            started_date=date(2020 + k % 5, 3, 1),
            ended_date=ended,
            end_kind="resigned" if ended else "",
            location_id=f"L{k % 2}",
        )
    return facts(**tables)
