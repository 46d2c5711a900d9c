"""Who stays, refers, reviews and comes anew, and what that costs: measures against answers worked out by hand."""

import pytest
from tests.warehouse.facts_in_memory import at, facts, on

from carewheel.catalog.measures import measure
from carewheel.warehouse.measures import DuckDbEngine, evaluate

AS_OF = on("2026-06-30")


def result(name, as_of=AS_OF, **tables):
    return evaluate(measure(name), DuckDbEngine(facts(**tables)), as_of)


def visit(patient, day, location="L1", status="fulfilled", **more):
    return {
        "basis": "appointment",
        "patient_key": patient,
        "starts_at": at(day),
        "location_id": location,
        "status": status,
        **more,
    }


def people(count, *days, prefix="p", **more):
    return [visit(f"{prefix}{k}", day, **more) for k in range(count) for day in days]


# Earlier window for June 2026: July 2024 to June 2025; later window: July 2025 to June 2026. Records begin in July 2024.
RETENTION = [
    *people(20, "2024-07-10", "2025-07-01", prefix="came"),  # came again on the first day of the later window
    *people(10, "2025-06-30", "2026-06-30", prefix="late"),  # last day and last day
    *people(8, "2025-05-05", prefix="gone"),  # never again
    *people(5, "2025-02-02", prefix="after")
    + people(5, "2026-07-01", prefix="after"),  # only after the as-of date
    *people(4, "2025-03-03", prefix="missed") + people(4, "2026-03-03", prefix="missed", status="noshow"),
    *people(9, "2025-09-09", prefix="young"),  # not in the earlier window
    *people(3, "2025-01-01", prefix="dead"),
    *people(2, "2025-01-01", "2026-01-01", prefix="test"),
]
NOT_COUNTED = [{"patient_key": f"dead{k}", "deceased": True} for k in range(3)]
NOT_COUNTED += [{"patient_key": f"test{k}", "is_test": True} for k in range(2)]


def test_retention_is_the_share_of_last_years_patients_who_came_again() -> None:
    r = result("growth.retention", appointment=RETENTION, patient=NOT_COUNTED)
    # 20 + 10 of 20 + 10 + 8 + 5 + 4.
    assert (r.total.value, r.total.n) == (pytest.approx(30 / 47), 47)


def test_retention_needs_two_years_of_visits() -> None:
    r = result("growth.retention", as_of=on("2026-05-31"), appointment=RETENTION, patient=NOT_COUNTED)
    assert r.total.status == "unmeasured"


def test_a_patient_counts_once_at_the_place_of_the_latest_earlier_visit() -> None:
    rows = [
        visit(f"p{k}", day, place)
        for k in range(40)
        for day, place in (("2024-07-01", "L1"), ("2025-01-01", "L2"), ("2026-01-01", "L1"))
    ]
    rows += people(1, "2024-07-01", prefix="x", location="L2")
    r = result("growth.retention", appointment=rows)
    assert (r.total.value, r.total.n) == (pytest.approx(40 / 41), 41)
    assert r.by_location["L2"].n == 41
    assert "L1" not in r.by_location


def test_retention_agrees_with_a_plain_count_in_every_month() -> None:
    import random

    draw = random.Random(7)
    seen = {f"p{k}": sorted({draw.randrange(48) for _ in range(draw.randrange(1, 7))}) for k in range(300)}
    rows = [visit(p, f"{2022 + m // 12}-{m % 12 + 1:02d}-11") for p, months in seen.items() for m in months]
    r = result("growth.retention", as_of=on("2025-12-31"), appointment=rows)
    start = min(m for months in seen.values() for m in months)
    for i, month in enumerate(r.months):
        m = (month.year - 2022) * 12 + month.month - 1
        assert m >= start + 23
        earlier = [p for p, months in seen.items() if any(m - 23 <= x <= m - 12 for x in months)]
        again = [p for p in earlier if any(m - 11 <= x <= m for x in seen[p])]
        assert r.monthly.n[i] == len(earlier)
        assert r.monthly.value[i] == pytest.approx(len(again) / len(earlier))
    active = result("growth.active_patients", as_of=on("2025-12-31"), appointment=rows)
    assert active.total.value == sum(any(36 <= x <= 47 for x in months) for months in seen.values())


def test_active_patients_had_a_kept_visit_in_twelve_months() -> None:
    # came 20 (2025-07), late 10 (2026-06), young 9 (2025-09); missed, after and the not counted are out.
    assert result("growth.active_patients", appointment=RETENTION, patient=NOT_COUNTED).total.value == 39


def test_new_patients_by_the_flag_else_the_recorded_date_else_the_record() -> None:
    rows = [
        visit("flag", "2026-02-01", is_new_patient=True),
        visit("flag", "2026-03-01", is_new_patient=True),  # flagged twice: once
        visit("kept-later", "2026-02-01", is_new_patient=True, status="noshow"),
        visit("kept-later", "2026-04-01", is_new_patient=True),
        visit("old", "2026-02-02", is_new_patient=False),  # the flag says no, whatever the record says
        visit("dated", "2026-05-05"),
        visit("first-seen", "2026-01-01"),  # the 13th month of the record
        visit("too-early", "2025-12-31"),
        visit("opens", "2025-01-15"),
        visit("tester", "2026-02-02", is_new_patient=True),
        visit("", "2026-02-02", is_new_patient=True),
    ]
    who = [
        {"patient_key": "dated", "first_visit_date": on("2026-05-05")},
        {"patient_key": "old", "first_visit_date": on("2026-02-02")},
        {"patient_key": "unseen", "first_visit_date": on("2026-06-01"), "location_id": "L9"},
        {"patient_key": "ahead", "first_visit_date": on("2026-07-01")},
        {"patient_key": "tester", "is_test": True},
    ]
    r = result("growth.new_patients", appointment=rows, patient=who)
    # flag (February), kept-later (April), dated (May), first-seen (January), unseen (June).
    assert r.total.value == 5
    by_month = {month.month: n for month, n in zip(r.months, r.monthly.n, strict=True)}
    assert by_month == {1: 1, 2: 1, 3: 0, 4: 1, 5: 1, 6: 1}
    assert r.by_location["L9"].value == 1


def newcomers(count, day, prefix, location="L1"):
    return [visit(f"{prefix}{k}", day, location, is_new_patient=True) for k in range(count)]


NEW = (
    newcomers(12, "2026-04-10", "ad")
    + newcomers(6, "2026-04-20", "friend")
    + newcomers(6, "2026-05-03", "web")
    + newcomers(2, "2026-05-03", "none")
)
CHANNELS = [{"patient_key": f"ad{k}", "channel": " Google Ads"} for k in range(12)] + [
    {"patient_key": f"web{k}", "channel": "website"} for k in range(6)
]
REFERRALS = [
    {
        "patient_key": f"friend{k}",
        "direction": "in",
        "referrer_kind": "patient",
        "referred_date": on("2026-04-02"),
        "kept_date": on("2026-04-20"),
    }
    for k in range(6)
]
SPEND = [
    {
        "channel": "google ads",
        "kind": "marketing",
        "amount": 900,
        "currency": "USD",
        "starts_date": on("2026-04-01"),
        "ends_date": on("2026-04-30"),
    },
    {
        "channel": "",
        "kind": "sales",
        "amount": 610,
        "currency": "USD",
        "starts_date": on("2026-04-01"),
        "ends_date": on("2026-05-31"),
    },
]
GROWTH = {"appointment": NEW, "contact": CHANNELS, "referral": REFERRALS, "marketing_spend": SPEND}


def test_new_patients_are_split_by_channel() -> None:
    r = result("growth.new_patients_by_channel", **GROWTH)
    assert {row.label: row.value.value for row in r.dimension} == {
        "google ads": 12,
        "patient referral": 6,
        "website": 6,
        "unknown": 2,
    }
    assert r.dimension[0].label == "google ads"
    assert r.total.value == 26


def test_organic_are_those_whose_channel_nobody_paid_for() -> None:
    r = result("growth.organic_share", **GROWTH)
    assert (r.total.value, r.total.n) == (pytest.approx(12 / 24), 24)
    assert result("growth.organic_share", **{**GROWTH, "marketing_spend": []}).total.status == "unmeasured"


def test_acquisition_cost_divides_all_spend_by_all_new_patients() -> None:
    r = result("growth.acquisition_cost", **GROWTH)
    # No place is named by the spend: 1,510 over 26 in total, and no value by place.
    assert (r.total.value, r.total.n, r.currency) == (pytest.approx(1510 / 26), 26, "USD")
    assert r.by_location["L1"].status == "unmeasured"
    assert [f.code for f in r.findings] == ["measure.not-split-by-place"]


def test_patients_of_months_without_spend_do_not_dilute_the_cost() -> None:
    rows = {**GROWTH, "appointment": NEW + newcomers(50, "2026-01-10", "january")}
    assert result("growth.acquisition_cost", **rows).total.value == pytest.approx(1510 / 26)


def test_spend_is_spread_over_its_days() -> None:
    r = result("growth.marketing_spend", **GROWTH)
    # April 900 + 610 × 30 / 61 = 1,200; May 610 × 31 / 61 = 310.
    assert r.monthly.value.tolist()[:2] == [pytest.approx(1200), pytest.approx(310)]
    assert r.total.value == pytest.approx(1510)


def test_acquisition_cost_by_channel_knows_only_paid_channels() -> None:
    r = result("growth.acquisition_cost_by_channel", **GROWTH)
    assert {row.label: row.value.value for row in r.dimension if row.value.status == "ok"} == {
        "google ads": pytest.approx(75)
    }


def test_marketing_share_uses_months_that_have_both() -> None:
    paid = [
        {"amount": 20000, "currency": "USD", "posted_date": on(day)}
        for day in ("2026-03-05", "2026-04-05", "2026-05-05")
    ]
    r = result("growth.marketing_share", **GROWTH, payment=paid)
    assert r.total.value == pytest.approx(1510 / 40000)  # March has no spend


def test_two_currencies_are_never_added() -> None:
    spend = [*SPEND, {**SPEND[0], "currency": "CAD", "amount": 5}]
    r = result("growth.marketing_spend", marketing_spend=spend)
    assert (r.currency, r.total.value) == ("USD", pytest.approx(1510))
    assert [f.code for f in r.findings] == ["measure.several-currencies"]


def test_referrals_by_patients_and_their_reproduction_number() -> None:
    more = [
        {
            "direction": "in",
            "referrer_kind": "professional",
            "referred_date": on("2026-04-02"),
            "kept_date": on("2026-04-02"),
        }
    ]
    more += [{"direction": "out", "referrer_kind": "patient", "referred_date": on("2026-04-02")}]
    more += [
        {"direction": "in", "referrer_kind": "patient", "referred_date": on("2026-04-03")}
    ]  # not kept yet
    rows = {**GROWTH, "referral": REFERRALS + more}
    assert result("growth.referrals", **rows).total.value == 7
    r = result("growth.referral_reproduction", **rows)
    assert (r.total.value, r.total.n) == (pytest.approx(6 / 26), 26)


def test_ratings_are_put_on_five_stars() -> None:
    rows = [{"rating": x, "scale_max": 5.0, "posted_at": at("2026-02-01")} for x in (5.0, 5.0, 4.0, 1.0)]
    rows += [
        {"rating": 9.0, "scale_max": 10.0, "posted_at": at("2026-02-01")},
        {"rating": None, "scale_max": 5.0, "posted_at": at("2026-02-01")},
    ]
    assert result("growth.review_rating", review=rows).total.value == pytest.approx((5 + 5 + 4 + 1 + 4.5) / 5)


def test_treatment_acceptance_gives_each_plan_ninety_days() -> None:
    def plan(count, status, done=None, fee=100, planned="2026-01-01"):
        return [
            {
                "status": status,
                "planned_date": on(planned),
                "performed_date": on(done) if done else None,
                "fee": fee,
                "patient_key": "p",
            }
        ] * count

    rows = (
        plan(15, "completed", "2026-01-01")
        + plan(3, "completed", "2026-04-01")
        + plan(2, "completed", "2026-04-02")
        + plan(20, "planned")
    )
    rows += (
        plan(5, "completed", "2026-01-02", fee=0)
        + plan(5, "referred")
        + plan(5, "existing")
        + plan(9, "completed", "2026-04-05", planned="2026-04-03")
    )
    r = result("growth.treatment_acceptance", procedure=rows)
    assert (r.total.value, r.total.n) == (pytest.approx(18 / 40), 40)


def test_hygiene_reappointment_is_made_within_thirty_days() -> None:
    def hygiene(patient, day, booked=None, status="fulfilled"):
        return visit(patient, day, status=status, is_hygiene=True, booked_at=at(booked) if booked else None)

    rows = []
    for k in range(20):
        rows += [hygiene(f"yes{k}", "2026-01-05"), hygiene(f"yes{k}", "2026-07-05", "2026-01-05", "booked")]
    for k in range(6):
        rows += [hygiene(f"slow{k}", "2026-01-05"), hygiene(f"slow{k}", "2026-07-05", "2026-02-05", "booked")]
    for k in range(4):
        rows += [
            hygiene(f"broke{k}", "2026-01-05"),
            hygiene(f"broke{k}", "2026-05-05", "2026-01-06", "cancelled"),
        ]
    for k in range(5):  # the booking date is unknown, the next one starts within a year
        rows += [hygiene(f"unknown{k}", "2026-01-05"), hygiene(f"unknown{k}", "2026-07-05", None, "booked")]
    rows += [hygiene(f"none{k}", "2026-01-05") for k in range(5)] + [hygiene("unripe", "2026-06-20")]
    r = result("growth.hygiene_reappointment", appointment=rows)
    assert (r.total.value, r.total.n) == (pytest.approx((20 + 4 + 5) / 40), 40)
