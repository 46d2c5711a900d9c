"""Visits, waits, access, capacity and supply: measures against answers worked out by hand."""

import math
from dataclasses import replace

import pytest
from tests.warehouse.facts_in_memory import at, facts, on

from carewheel.catalog.measures import measure
from carewheel.warehouse.measures import DuckDbEngine, evaluate

AS_OF = on("2026-06-30")


def result(name, **tables):
    return evaluate(measure(name), DuckDbEngine(facts(**tables)), AS_OF)


def visits(count, status, day="2026-03-02", **more):
    return [
        {
            "basis": "appointment",
            "status": status,
            "starts_at": at(day),
            "location_id": "L1",
            "patient_key": f"p{k}",
            **more,
        }
        for k in range(count)
    ]


TEST_PATIENT = [{"patient_key": "tester", "is_test": True}]
MARCH = (
    visits(30, "fulfilled")
    + visits(2, "arrived")
    + visits(4, "noshow")
    + visits(1, "cancelled", late_cancel=True)
    + visits(1, "cancelled", cancelled_at=at("2026-03-01", "10:00"))  # 23 hours ahead
    + visits(3, "cancelled", cancelled_at=at("2026-03-01", "08:00"))  # 25 hours ahead: in good time
    + visits(2, "cancelled")  # nobody knows when
    + visits(5, "booked")  # past and still booked: unknown
    + visits(3, "fulfilled", basis="encounter")  # walked in
    + visits(2, "noshow", patient_key="tester")
    + visits(2, "fulfilled", day="2026-07-01")  # after the as-of date
)


def test_no_show_and_late_cancel_rates_share_one_denominator() -> None:
    # Denominator: 32 kept + 4 no-shows + 2 late cancels = 38.
    missed = result("operations.no_show_rate", appointment=MARCH, patient=TEST_PATIENT)
    late = result("operations.late_cancel_rate", appointment=MARCH, patient=TEST_PATIENT)
    assert (missed.total.value, missed.total.n) == (pytest.approx(4 / 38), 38)
    assert (late.total.value, late.total.n) == (pytest.approx(2 / 38), 38)
    assert result("operations.no_shows", appointment=MARCH, patient=TEST_PATIENT).total.value == 4


def test_kept_visits_count_walk_ins_and_not_test_patients() -> None:
    assert result("operations.kept_visits", appointment=MARCH, patient=TEST_PATIENT).total.value == 35


def test_months_without_a_no_show_are_zero_and_not_unmeasured() -> None:
    r = result("operations.no_shows", appointment=visits(3, "fulfilled"))
    assert (r.total.value, r.total.status, r.total.low) == (0, "ok", 0)


def stamps(appointment, **moments):
    return [
        {"appointment_id": appointment, "event": event, "happened_at": moment}
        for event, moment in moments.items()
    ]


def test_the_wait_is_from_arrival_to_room_and_wrong_stamps_are_left_out() -> None:
    day = "2026-03-02"
    rows = []
    for k in range(20):  # ten wait 10 minutes, ten wait 20
        rows += stamps(f"a{k}", arrived=at(day, "09:00"), roomed=at(day, "09:10" if k % 2 else "09:20"))
    rows += stamps("negative", arrived=at(day, "09:10"), roomed=at(day, "09:00"))
    rows += stamps("long", arrived=at(day, "09:00"), roomed=at(day, "13:01"))
    rows += stamps("next-day", arrived=at(day, "23:50"), roomed=at("2026-03-03", "00:10"))
    rows += stamps("after", arrived=at(day, "09:00"), done=at(day, "09:30"), roomed=at(day, "10:00"))
    rows += stamps("half", arrived=at(day, "09:00"))
    r = result("operations.wait_minutes", visit_event=rows)
    assert (r.total.value, r.total.n) == (pytest.approx(15), 20)


def test_third_next_available_counts_free_half_hours() -> None:
    # P: 1 July one free half hour (60 open, 30 booked), 3 July one, 10 July two: the third is on 10 July, 10 days on.
    # Q: three on 2 July: 2 days. Mean 6. R has only two half hours and is left out; closed hours do not count.
    def hours(provider, day, minutes, kind="open"):
        return {"provider_key": provider, "starts_at": at(day), "minutes": minutes, "kind": kind}

    rows = [hours("P", "2026-07-01", 60.0), hours("P", "2026-07-03", 45.0), hours("P", "2026-07-10", 60.0)]
    rows += [
        hours("Q", "2026-07-02", 90.0),
        hours("R", "2026-07-01", 60.0),
        hours("P", "2026-07-01", 480.0, "leave"),
    ]
    booked = [{"provider_key": "P", "starts_at": at("2026-07-01"), "minutes": 30.0, "status": "booked"}]
    booked += [{"provider_key": "Q", "starts_at": at("2026-07-02"), "minutes": 90.0, "status": "cancelled"}]
    r = result("operations.third_next_available", availability=rows, appointment=booked)
    assert (r.total.value, r.total.n) == (pytest.approx(6), 2)
    # Of 2 and 10 Student's interval would begin 19 days in the past: it ends at nought, its other end is where it was.
    assert r.total.low == r.monthly.low[-1] == 0
    assert r.total.high == pytest.approx(6 + 6.314 * 4, abs=0.01)


def test_a_cut_takes_nothing_from_a_comparison_or_from_what_lies_beyond() -> None:
    rows = []
    for day, waits in (("2025-06-02", (0, 0, 170)), ("2026-06-02", (0, 0, 230))):
        for k in range(21):
            rows += stamps(f"{day}{k}", arrived=at(day, "09:00"), roomed=at(day, f"{9 + waits[k % 3] // 60:02d}:{waits[k % 3] % 60:02d}"))  # fmt: skip
    card = replace(measure("operations.wait_minutes"), minimum_n=3)
    whole = evaluate(replace(card, least=-math.inf), DuckDbEngine(facts(visit_event=rows)), AS_OF)
    cut = evaluate(replace(card, least=60.0), DuckDbEngine(facts(visit_event=rows)), AS_OF)
    assert whole.total.low is not None
    assert whole.total.low < cut.total.low == 60.0
    assert (whole.change_per_year, whole.total.high) == (cut.change_per_year, cut.total.high)
    beyond = evaluate(replace(card, least=100.0), DuckDbEngine(facts(visit_event=rows)), AS_OF)
    assert beyond.total == whole.total


def test_utilisation_is_kept_minutes_over_open_minutes_of_providers() -> None:
    # 30 kept visits of 20 minutes in 1,000 open minutes; the other place has visits and no open hours.
    rows = (
        visits(30, "fulfilled", minutes=20.0)
        + visits(4, "noshow", minutes=20.0)
        + visits(9, "fulfilled", minutes=60.0, location_id="L2")
    )
    hours = [
        {
            "provider_key": "P",
            "kind": "open",
            "minutes": 1000.0,
            "starts_at": at("2026-03-02"),
            "location_id": "L1",
        }
    ]
    hours += [
        {
            "resource_id": "chair",
            "kind": "open",
            "minutes": 5000.0,
            "starts_at": at("2026-03-02"),
            "location_id": "L1",
        }
    ]
    r = result("operations.utilisation", appointment=rows, availability=hours)
    assert (r.total.value, r.total.n) == (pytest.approx(0.6), 30)


def test_stock_outs_are_counted_where_stock_is_recorded() -> None:
    rows = [
        {"kind": kind, "moved_at": at("2026-02-03")} for kind in ("stock_out", "used", "stock_out", "counted")
    ]
    assert result("operations.stock_outs", stock_move=rows).total.value == 2


def test_online_booking_is_a_share_of_known_channels() -> None:
    rows = (
        visits(8, "fulfilled", channel="Online")
        + visits(2, "noshow", channel="portal")
        + visits(30, "booked", channel="phone")
    )
    rows += visits(5, "fulfilled") + visits(3, "entered-in-error", channel="online")
    r = result("technology.online_booking", appointment=rows)
    assert (r.total.value, r.total.n) == (pytest.approx(10 / 40), 40)


def test_where_nobody_records_when_visits_are_cancelled_the_late_cancel_rate_is_unknown() -> None:
    kept = visits(40, "fulfilled")
    assert result("operations.late_cancel_rate", appointment=kept).total.status == "unmeasured"
