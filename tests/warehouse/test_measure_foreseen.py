"""What a patient will still pay, and who will leave: measures of a model against what is true of the people drawn for them."""

from datetime import date, timedelta

import numpy as np
import pytest
from tests.warehouse.facts_in_memory import facts, on

from carewheel.catalog.measures import measure
from carewheel.warehouse.measures import DuckDbEngine, evaluate

AS_OF = on("2026-06-30")
FIRST = date(2023, 7, 1)


def result(name, **tables):
    return evaluate(measure(name), DuckDbEngine(facts(**tables)), AS_OF)


def visits_of(patients, monthly, price, seed=5, currency="USD"):
    """People who come at random, for ever, and pay the same on average each time."""
    rng = np.random.default_rng(seed)
    whole = (AS_OF - FIRST).days
    came, paid = [], []
    for n in range(patients):
        began = int(rng.integers(0, whole - 200))
        gaps = rng.exponential(365.25 / 12 / monthly, 200)
        days = [began, *(began + np.cumsum(gaps)).astype(int)]
        for day in sorted({d for d in days if d <= whole}):
            when = FIRST + timedelta(days=int(day))
            who = {"patient_key": f"p{n:03}", "location_id": "L1"}
            came.append({**who, "local_date": when, "status": "fulfilled"})
            paid.append({**who, "local_date": when, "posted_date": when, "service_date": when, "amount": float(rng.gamma(4, price / 4)),
                         "currency": currency})  # fmt: skip
    return {"appointment": came, "payment": paid}


def test_of_patients_who_never_leave_five_years_of_visits_are_foreseen() -> None:
    found = result("finance.lifetime_value_foreseen", **visits_of(400, 0.5, 120.0))
    # Six visits a year at 120, each year's money discounted from its middle.
    true = 6 * 120 * sum(1.1 ** -(year + 0.5) for year in range(5))
    assert found.currency == "USD"
    assert found.total.n > 390
    assert found.total.value == pytest.approx(true, rel=0.06)
    assert found.total.low < true < found.total.high
    assert found.by_location == {}


def test_money_in_another_currency_is_left_out_and_named() -> None:
    own, other = visits_of(120, 0.5, 120.0), visits_of(2, 0.5, 500.0, seed=6, currency="CAD")
    mixed = {"appointment": own["appointment"], "payment": own["payment"] + other["payment"]}
    found, alone = (result("finance.lifetime_value_foreseen", **t) for t in (mixed, own))
    assert [f.code for f in found.findings] == ["measure.several-currencies"]
    # The order in which an engine adds up moves the fit's last digits.
    assert found.total.value == pytest.approx(alone.total.value, rel=1e-6)


@pytest.mark.parametrize(("patients", "monthly"), [(20, 0.5), (60, 0.0005)])
def test_too_few_patients_or_returns_give_no_number(patients: int, monthly: float) -> None:
    found = result("finance.lifetime_value_foreseen", **visits_of(patients, monthly, 120.0))
    assert (found.total.value, found.total.status) == (None, "not_enough_data")


def test_visits_without_any_money_are_unmeasured() -> None:
    found = result("finance.lifetime_value_foreseen", appointment=visits_of(50, 0.5, 120.0)["appointment"])
    assert found.total.status == "unmeasured"


def staff_of(people, monthly, places=4, seed=3):
    """People who leave at random at a constant rate, each replaced at once."""
    rng = np.random.default_rng(seed)
    rows = []
    for n in range(people):
        start = FIRST - timedelta(days=int(rng.integers(0, 1500)))
        while start <= AS_OF:
            end = start + timedelta(days=int(rng.exponential(365.25 / 12 / monthly)) + 1)
            if end >= FIRST:  # the list knows leavers from its first day on
                gone = end <= AS_OF
                rows.append({"staff_key": f"s{len(rows)}", "role": "nurse" if n % 2 else "desk", "location_id": f"L{n % places}",
                             "started_date": start, "ended_date": end if gone else None, "end_kind": "resigned" if gone else ""})  # fmt: skip
            start = end + timedelta(days=1)
    return {"staff_spell": rows}


def test_the_share_that_will_leave_is_foreseen_for_all_and_for_places_of_five_or_more() -> None:
    found = result("people.turnover_foreseen", **staff_of(240, 0.02))
    true = 1 - np.exp(-12 * 0.02)
    assert found.total.n == 240
    assert found.total.low < true < found.total.high
    assert found.total.value == pytest.approx(true, abs=0.05)
    assert {v.status for v in found.by_location.values()} == {"ok"}
    few = result("people.turnover_foreseen", **staff_of(24, 0.04, places=6))
    assert {v.status for v in few.by_location.values()} == {"not_enough_data"}
    assert few.total.status == "ok"


def test_nobody_who_left_or_hardly_anybody_gives_no_number() -> None:
    stayed = [row | {"ended_date": None, "end_kind": ""} for row in staff_of(30, 0.02)["staff_spell"]]
    assert result("people.turnover_foreseen", staff_spell=stayed).total.status == "unmeasured"
    stayed[0] |= {"ended_date": AS_OF, "end_kind": "resigned"}
    found = result("people.turnover_foreseen", staff_spell=stayed)
    assert found.total.status == "not_enough_data"
    assert [f.code for f in found.findings] == ["measure.model-cannot-tell"]
