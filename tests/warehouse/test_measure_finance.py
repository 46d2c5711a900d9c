"""What comes in, what is owed, what payers decide: measures against answers worked out by hand."""

from decimal import Decimal

import pytest
from tests.warehouse.facts_in_memory import at, facts, on

from carewheel.catalog.measures import measure
from carewheel.warehouse.measures import DuckDbEngine, evaluate

AS_OF = on("2026-06-30")
USD = {"currency": "USD", "location_id": "L1"}


def result(name, as_of=AS_OF, **tables):
    return evaluate(measure(name), DuckDbEngine(facts(**tables)), as_of)


def charge(amount, day, **more):
    return {"amount": Decimal(str(amount)), "service_date": on(day), **USD, **more}


def posted(amount, day, **more):
    return {"amount": Decimal(str(amount)), "posted_date": on(day), **USD, **more}


def test_charges_and_collections_are_sums_to_the_cent() -> None:
    charges = [
        charge("100.10", "2026-06-30"),
        charge("-0.05", "2025-07-01"),
        charge(7, "2025-06-30"),
        charge(9, "2026-07-01"),
    ]
    charges.append(charge(500, "2026-06-01", claim_id="ask"))
    claims = [{"claim_id": "ask", "is_predetermination": True, **USD}]
    assert result("finance.charges", charge=charges, claim=claims).total.value == pytest.approx(100.05)
    payments = [posted("80.00", "2026-01-02"), posted("-42.58", "2026-02-02", is_reversal=True)]
    r = result("finance.collections", payment=payments)
    assert r.total.value == pytest.approx(37.42)
    assert r.total.low is None


def test_revenue_a_visit_divides_receipts_by_kept_visits() -> None:
    visits = [
        {"status": s, "starts_at": at("2026-03-02"), "location_id": "L1", "patient_key": f"p{k}"}
        for k, s in enumerate(["fulfilled"] * 30 + ["noshow"] * 9)
    ]
    payments = [posted(4500, "2026-03-31"), posted(999, "2026-01-31")]  # January has no visits
    r = result("finance.revenue_per_visit", appointment=visits, payment=payments)
    assert (r.total.value, r.total.n, r.currency) == (pytest.approx(150), 30, "USD")


def test_net_collection_is_receipts_over_charges_less_the_contract() -> None:
    charges = [charge(100, "2026-03-01")] * 40
    adjustments = [
        posted(1000, "2026-04-01", kind="contractual"),
        posted(300, "2026-04-01", kind="writeoff"),
        posted(200, "2026-04-01", kind="patient_share"),
    ]
    r = result(
        "finance.net_collection", charge=charges, adjustment=adjustments, payment=[posted(2400, "2026-05-01")]
    )
    assert (r.total.value, r.total.n) == (pytest.approx(2400 / 3000), 40)


def ledger(months=18):
    """From January 2025: each month 31 charges of 100 on the 10th; 80 % of them paid on the same day."""
    days = [f"{2025 + m // 12}-{m % 12 + 1:02d}-10" for m in range(months)]
    return [charge(100, day, claim_id="") for day in days for _ in range(31)], [
        posted(2480, day) for day in days
    ]


def test_days_in_ar_is_the_balance_over_charges_a_day() -> None:
    charges, payments = ledger()
    adjustments = [
        posted(160, "2025-03-03", kind="contractual"),
        posted(99, "2025-03-03", kind="patient_share"),
        posted(77, "2025-03-03", kind="denial"),
    ]
    r = result("finance.days_in_ar", charge=charges, payment=payments, adjustment=adjustments)
    # Balance 18 × (3,100 − 2,480) − 160 = 11,000; April to June 91 days, 9,300 charged.
    assert r.total.value == pytest.approx(11000 / (9300 / 91))
    assert r.total.n == 93
    # The same month a year before: 6 × 620 − 160 = 3,560, the same charges and days.
    assert r.change_per_year.value == pytest.approx((11000 - 3560) / (9300 / 91))
    assert r.relative_change_per_year.value == pytest.approx(11000 / 3560 - 1)
    assert r.months[0] == on("2025-03-01")


def test_days_in_ar_of_two_places_add_balances_and_charges() -> None:
    charges, payments = ledger()
    other = [{**c, "location_id": "L2"} for c in charges]
    r = result("finance.days_in_ar", charge=charges + other, payment=payments)
    day = 9300 / 91
    assert r.by_location["L1"].value == pytest.approx(18 * 620 / day)
    assert r.by_location["L2"].value == pytest.approx(18 * 3100 / day)
    assert r.total.value == pytest.approx(18 * 3720 / (2 * day))


def test_charges_alone_say_nothing_about_what_is_open() -> None:
    charges, _ = ledger()
    assert result("finance.days_in_ar", charge=charges).total.status == "unmeasured"
    assert result("finance.open_receivables_by_age", charge=charges).total.status == "unmeasured"


def test_open_receivables_settle_the_oldest_charges_first() -> None:
    charges = [
        charge(100, "2026-01-01", patient_key="a"),  # over 90
        charge(50, "2026-04-15", patient_key="a"),  # 76 days
        charge(30, "2026-06-01", patient_key="a"),  # 29 days
        charge(40, "2026-05-31", patient_key="b"),  # 30 days
        charge(20, "2026-05-30", patient_key="b"),  # 31 days
        charge(60, "2026-06-01", patient_key="c", claim_id="c1", source_kind="x12"),
    ]
    payments = [
        posted(110, "2026-06-02", patient_key="a"),  # settles the 100 and 10 of the 50
        posted(75, "2026-06-02", patient_key="b"),  # 15 more than owed
        posted(
            25, "2026-06-02", patient_key="c", claim_id="c1", source_kind="x12"
        ),  # the patient of the claim, by the warehouse
    ]
    r = result("finance.open_receivables_by_age", charge=charges, payment=payments)
    got = {row.label: (row.value.value, row.value.n) for row in r.dimension}
    # Recent: 30 of a and 35 of claim c1. Over 30: nothing left of b. Credit: b's 15.
    assert {label: pair for label, pair in got.items() if pair != (0, 0)} == {
        "0-30": (65, 2),
        "61-90": (40, 1),
        "credit": (-15, 1),
    }
    assert r.total.value == pytest.approx(300 - 210)


def test_stated_receivables_are_those_of_the_practice_system() -> None:
    rows = [
        {"patient_key": "a", "balance_0_30": 10, "balance_over_90": 5, **USD},
        {"patient_key": "b", "balance_0_30": 2, **USD},
    ]
    rows += [{"patient_key": "t", "balance_0_30": 99, "is_test": True, **USD}]
    got = {
        row.label: row.value.value
        for row in result("finance.stated_receivables_by_age", patient=rows).dimension
    }
    assert (got["0-30"], got["90+"]) == (12, 5)


def test_open_claims_by_payer_are_what_the_payer_still_owes() -> None:
    def claim(name, amount, payer, **more):
        return {
            "claim_id": name,
            "amount": amount,
            "payer_name": payer,
            "service_date": on("2026-05-01"),
            **USD,
            **more,
        }

    claims = [
        claim("1", 100, "Alpha"),
        claim("2", 200, "Beta"),
        claim("3", 50, "Alpha"),
        claim("4", 70, "Beta", closed_date=on("2026-06-01")),
    ]
    claims += [claim("5", 999, "Beta", is_predetermination=True)]
    payments = [posted(60, "2026-06-01", claim_id="1"), posted(30, "2026-06-01", claim_id="3")]
    adjustments = [
        posted(20, "2026-06-01", claim_id="3", kind="patient_share"),
        posted(5, "2026-06-01", claim_id="1", kind="contractual"),
    ]
    r = result("finance.open_receivables_by_payer", claim=claims, payment=payments, adjustment=adjustments)
    assert [(row.label, row.value.value, row.value.n) for row in r.dimension] == [
        ("Beta", 200, 1),
        ("Alpha", 35, 1),
    ]


def event(claim, what, day, **more):
    said = {"is_denial": False} if what == "adjudicated" else {}
    return {"claim_id": claim, "event": what, "event_date": on(day), "location_id": "L1", **said, **more}


def claims_with_decisions():
    rows = []
    for k in range(30):
        rows += [event(f"paid{k}", "submitted", "2026-01-01"), event(f"paid{k}", "adjudicated", "2026-02-01")]
    for k in range(6):  # denied, then paid: one initial denial each
        rows += [
            event(f"denied{k}", "denied", "2026-02-01"),
            event(f"denied{k}", "adjudicated", "2026-03-01"),
        ]
    rows += [event("flagged", "adjudicated", "2026-02-01", is_denial=True)]
    rows += [
        event("later", "adjudicated", "2026-02-01"),
        event("later", "denied", "2026-04-01"),
    ]  # the first decision counts
    for k in range(2):  # rejected, sent again, paid: not clean and not denied
        rows += [
            event(f"sent{k}", "rejected", "2026-01-05"),
            event(f"sent{k}", "resubmitted", "2026-01-06"),
            event(f"sent{k}", "adjudicated", "2026-02-01"),
        ]
    rows += [
        event("ask", "adjudicated", "2026-02-01", is_predetermination=True),
        event("open", "submitted", "2026-02-01"),
    ]
    return rows


def test_denial_and_clean_claim_rates_look_at_the_first_decision() -> None:
    # 30 + 6 + 1 + 1 + 2 = 40 claims decided on; 7 denied at first; clean: 30 and the one denied later.
    denied = result("finance.denial_rate", claim_event=claims_with_decisions())
    clean = result("finance.clean_claim_rate", claim_event=claims_with_decisions())
    assert (denied.total.value, denied.total.n) == (pytest.approx(7 / 40), 40)
    assert (clean.total.value, clean.total.n) == (pytest.approx(31 / 40), 40)


def test_decisions_that_do_not_say_whether_they_deny_make_no_rate() -> None:
    silent = [event(f"c{k}", "adjudicated", "2026-02-01", is_denial=None) for k in range(40)]
    assert result("finance.denial_rate", claim_event=silent).total.status == "unmeasured"
    assert result("finance.clean_claim_rate", claim_event=silent).total.status == "unmeasured"


def test_denied_amounts_are_summed_by_reason() -> None:
    rows = [posted(100, "2026-03-01", kind="denial", group_code="CO", reason_code="16")] * 2
    rows += [
        posted(-100, "2026-04-01", kind="denial", group_code="CO", reason_code="16"),
        posted(70, "2026-03-01", kind="denial"),
    ]
    rows += [posted(999, "2026-03-01", kind="contractual", group_code="CO", reason_code="45")]
    # An ExplanationOfBenefit states the reason without its group; together they cost more than the 150 of 197.
    rows += [posted(80, "2026-03-01", kind="denial", group_code="", reason_code="16")]
    rows += [posted(150, "2026-03-01", kind="denial", group_code="PI", reason_code="197")]
    r = result("finance.denied_amount_by_reason", adjustment=rows)
    assert [(row.label, row.value.value) for row in r.dimension] == [
        ("16", 180),
        ("197", 150),
        ("unknown", 70),
    ]


def test_lifetime_value_is_yearly_revenue_times_discounted_years() -> None:
    # 40 patients, each seen in every January and July from July 2023 on; 10 stop after January 2025.
    rows = []
    for k in range(40):
        for day in ("2023-07-05", "2024-01-05", "2024-07-05", "2025-01-05", "2025-07-05", "2026-01-05"):
            if k >= 10 or day < "2025-07":
                rows.append(
                    {"patient_key": f"p{k}", "status": "fulfilled", "starts_at": at(day), "location_id": "L1"}
                )
    payments = [posted(1000, f"{2025 if m > 6 else 2026}-{m:02d}-20") for m in range(1, 13)]
    r = result("finance.lifetime_value", appointment=rows, payment=payments)
    # Retention in June 2026: of the 40 with a visit in July 2024 to June 2025, 30 came again: 0.75.
    # Active at the ends of July to December 2025: 40 (January 2025 is within 12 months); of January to June 2026: 30.
    # Mean 35; 12,000 / 35 a patient and year; times 1.1 / (1.1 − 0.75).
    assert r.total.value == pytest.approx(12000 / 35 * 1.1 / 0.35)
    assert r.total.n == 40
    assert r.total.low < r.total.value < r.total.high


def test_the_reinvestment_share_is_investment_over_receipts() -> None:
    invested = [
        {"amount": 900, "invested_date": on("2026-02-02"), **USD},
        {"amount": 100, "invested_date": on("2025-06-30"), **USD},
    ]
    r = result(
        "technology.investment_share",
        investment=invested,
        payment=[posted(5000, "2026-01-05"), posted(10000, "2026-03-05")],
    )
    assert r.total.value == pytest.approx(0.06)
    assert (
        result("technology.investment_share", payment=[posted(5000, "2026-01-05")]).total.status
        == "unmeasured"
    )


def test_the_lifetime_margin_is_marked_as_not_computed() -> None:
    card = measure("finance.lifetime_margin")
    assert (card.status, bool(card.why)) == ("not_yet", True)
    assert result("finance.lifetime_margin").total.status == "unmeasured"
