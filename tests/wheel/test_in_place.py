"""Where a play is at work: by changes on record and by plans, and what that does to the list of actions."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import duckdb
import numpy as np
import pytest
from tests.wheel.made_plans import AFTER, BEFORE, START, looked, rates, reminders

from carewheel.catalog.measures import measures
from carewheel.journeys.work_a_plan import accept, propose, start, stop
from carewheel.warehouse.workspace import Workspace
from carewheel.wheel.actions import actions
from carewheel.wheel.in_place import in_place
from carewheel.wheel.measured import Measured
from carewheel.wheel.plans import Ledger
from carewheel.wheel.roadmap import PlayWorth

PLACES = ["loc1", "loc2", "loc3", "loc4"]


def changes(*rows: tuple[str, str, str, str | None]) -> duckdb.DuckDBPyConnection:
    """(play, place, start, end) on record."""
    connection = duckdb.connect()
    connection.execute(
        "CREATE TABLE change (play VARCHAR, location_id VARCHAR, starts_date DATE, ends_date DATE)"
    )
    for row in rows:
        connection.execute("INSERT INTO change VALUES (?, ?, ?, ?)", list(row))
    return connection


def test_a_change_counts_from_its_start_to_its_end_at_its_place_or_everywhere() -> None:
    connection = changes(
        ("Q2", "loc1", "2025-01-01", None), ("Q2", "loc2", "2026-01-01", None), ("Q2", "loc9", "2025-01-01", None),
        ("Q3", "", "2025-01-01", None), ("Q4", "loc1", "2024-01-01", "2025-12-31"), ("M1", "loc3", "2024-01-01", "2026-01-01"),
        ("", "loc1", "2025-01-01", None),
    )  # fmt: skip
    found = in_place(connection, [], PLACES, AFTER, AFTER)
    assert found == {"Q2": frozenset({"loc1"}), "Q3": frozenset(PLACES), "M1": frozenset({"loc3"})}


def test_a_plan_counts_from_its_months_on_once_it_started_and_until_it_is_stopped(tmp_path: Path) -> None:
    space = Workspace(tmp_path)
    terms = reminders("loc1", "loc2")
    staggered = {**terms.places, "loc2": date(2025, 4, 1)}
    propose(looked(tmp_path, rates(), BEFORE), type(terms)("Q2", staggered), BEFORE)
    name = "Q2-2025-01"

    def on(day: date) -> dict[str, frozenset[str]]:
        return dict(in_place(changes(), Ledger(space).plans(day), PLACES, day, day))

    accept(space, name, "lead", BEFORE, BEFORE, {})
    assert on(BEFORE) == {}
    start(space, name, BEFORE, BEFORE, {})
    assert on(BEFORE) == {}
    assert on(START) == {"Q2": frozenset({"loc1"})}
    assert on(date(2025, 4, 1)) == {"Q2": frozenset({"loc1", "loc2"})}
    stop(space, name, date(2025, 6, 1), date(2025, 6, 1), {})
    assert on(date(2025, 6, 1)) == {}


def test_a_play_that_is_at_work_everywhere_says_so_instead_of_a_number() -> None:
    blind = {name: Measured(card, None, "unmeasured") for name, card in measures().items()}
    there = PlayWorth(
        "Q3",
        np.ones(200),
        0.0,
        1.0,
        1.0,
        1.0,
        (),
        (),
        1,
        ("loc1", "loc2", "loc3"),
        "verdict here on some day",
    )
    found = {
        a["play"]: a
        for a in actions(blind, AFTER, [there], "USD", {"Q2": frozenset(PLACES), "Q3": frozenset(PLACES[:3])})
    }
    assert found["Q2"]["why_no_number"] == "It is at work at all places already."
    lines = [line["what"] for line in found["Q3"]["arithmetic"]]
    assert "Counted at 1 of 4 places: loc1, loc2, loc3 have it already" in lines
    assert any("verdict here on some day" in line for line in lines)
    assert "was verified here" in found["Q3"]["expected_value"]["assumes"]
    assert pytest.approx(1.0) == float(found["Q3"]["expected_value"]["mean"]["amount"])
