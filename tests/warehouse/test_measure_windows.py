"""Windows, comparable years, places and months: the same for all measures."""

import pytest
from tests.warehouse.facts_in_memory import at, facts, on

from carewheel.catalog.measures import measure
from carewheel.warehouse.measures import DuckDbEngine, bind, evaluate, evaluate_all


def visits(counts, first="2024-01"):
    """So many no-shows and nine times as many kept visits in each month from ``first`` on."""
    year, month = map(int, first.split("-"))
    rows = []
    for i, k in enumerate(counts):
        m = month - 1 + i
        day = f"{year + m // 12}-{m % 12 + 1:02d}-15"
        rows += [
            {"status": s, "starts_at": at(day), "location_id": "L1", "patient_key": "p"}
            for s in ["noshow"] * k + ["fulfilled"] * 9 * k
        ]
    return facts(appointment=rows)


NO_SHOWS = measure("operations.no_shows")


def test_the_window_is_the_last_twelve_full_months() -> None:
    engine = DuckDbEngine(visits(range(1, 25)))  # January 2024: 1 … December 2025: 24
    full = evaluate(NO_SHOWS, engine, on("2025-12-31"))
    assert full.total.value == sum(range(13, 25))
    assert full.months_covered == 12
    not_yet = evaluate(NO_SHOWS, engine, on("2025-12-30"))  # December is not full
    assert not_yet.total.value == sum(range(12, 24))
    assert not_yet.months[-1] == on("2025-11-01")


def test_the_change_compares_the_same_calendar_months() -> None:
    engine = DuckDbEngine(visits(range(1, 25)))
    whole = evaluate(NO_SHOWS, engine, on("2025-12-31"))
    assert (whole.change_per_year.value, whole.months_compared) == (pytest.approx(144), 12)
    assert whole.change_per_year.low < 144 < whole.change_per_year.high
    part = evaluate(NO_SHOWS, engine, on("2025-04-30"))  # January to April against January to April
    assert (part.change_per_year.value, part.months_compared) == (pytest.approx((13 + 14 + 15 + 16) - 10), 4)
    assert part.relative_change_per_year.value == pytest.approx(58 / 10 - 1)


def test_two_months_of_a_year_before_are_too_few_to_compare() -> None:
    r = evaluate(NO_SHOWS, DuckDbEngine(visits(range(1, 25))), on("2025-02-28"))
    assert r.change_per_year is None


def test_a_season_is_not_a_change() -> None:
    seasonal = [5, 5, 5, 5, 5, 20, 20, 5, 5, 5, 5, 5] * 2
    r = evaluate(measure("operations.no_show_rate"), DuckDbEngine(visits(seasonal)), on("2025-07-31"))
    assert r.change_per_year.value == pytest.approx(0)


def test_months_and_places_are_given_and_can_be_chosen() -> None:
    rows = [
        {"status": "noshow", "starts_at": at(day), "location_id": place}
        for day, place in (("2026-01-02", "A"), ("2026-03-02", "A"), ("2026-03-02", "B"))
    ]
    engine = DuckDbEngine(facts(appointment=rows))
    r = evaluate(NO_SHOWS, engine, on("2026-03-31"))
    assert r.monthly.value.tolist() == pytest.approx([1, 0, 2], nan_ok=True) or r.monthly.value[
        [0, 2]
    ].tolist() == [1, 2]
    assert {place: value.value for place, value in r.by_location.items()} == {"A": 2, "B": 1}
    assert evaluate(NO_SHOWS, engine, on("2026-03-31"), locations={"B"}).total.value == 1
    assert evaluate(NO_SHOWS, engine, on("2026-03-31"), locations={"C"}).total.status == "unmeasured"


def test_data_of_an_unfinished_first_month_are_not_yet_a_value() -> None:
    rows = [{"status": "noshow", "starts_at": at("2026-03-02")}]
    r = evaluate(NO_SHOWS, DuckDbEngine(facts(appointment=rows)), on("2026-03-15"))
    assert r.total.status == "not_enough_data"
    assert [f.code for f in r.findings] == ["measure.no-full-month"]


def test_freshness_is_the_last_date_with_data() -> None:
    rows = [{"status": "noshow", "starts_at": at(day)} for day in ("2026-02-03", "2026-03-09", "2026-05-01")]
    r = evaluate_all([NO_SHOWS], DuckDbEngine(facts(appointment=rows)), on("2026-03-31"))[
        "operations.no_shows"
    ]
    assert r.freshness == on("2026-03-09")


def test_data_that_ended_long_ago_give_no_number() -> None:
    rows = [{"status": "noshow", "starts_at": at("2020-02-03")}]
    r = evaluate(measure("operations.no_show_rate"), DuckDbEngine(facts(appointment=rows)), on("2026-03-31"))
    assert (r.total.status, r.total.value) == ("not_enough_data", None)
    assert r.freshness == on("2020-02-03")


def test_only_the_as_of_date_is_a_parameter() -> None:
    with pytest.raises(ValueError, match="today"):
        bind("SELECT 1 AS n WHERE 1 <= :today", on("2026-01-01"))
