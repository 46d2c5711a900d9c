"""How many will ask: a series with a known truth, closed days, the book, sums that agree, and the same from facts by the command line."""

from __future__ import annotations

import csv
import io
import json
from datetime import date
from pathlib import Path

import numpy as np
import pytest
from tests.forked import carewheel

from carewheel.invented.demo import Order, make_demo
from carewheel.invented.group import Group
from carewheel.science.refusal import CannotTell
from carewheel.spokes.operations.contracts import AskedVisits
from carewheel.spokes.operations.queries import asked_visits
from carewheel.spokes.operations.rules.demand import LEADS, demand_report
from carewheel.warehouse.adoption import adopt_facts
from carewheel.warehouse.workspace import Workspace

WEEK = np.array([30.0, 24, 26, 24, 30, 0, 0])
AHEAD, WHOLE = 28, 7 * 60
TODAY = date(2025, 6, 29)
FIRST = (TODAY - date(1970, 1, 1)).days - WHOLE + 1


def asked(
    scale: tuple[float, ...] = (1.0, 2.0, 0.5), seed: int = 1, extra: float = 0.0
) -> tuple[AskedVisits, np.ndarray]:
    """Places with a weekly rhythm; half of the visits are on the book a week ahead. ``extra``: more visits than usual in the coming fortnight, on
    the book in the same proportion. Gives the truth of the days ahead as well."""
    rng = np.random.default_rng(seed)
    shape = (len(scale), WHOLE + AHEAD)
    mean = np.array(scale)[:, None] * np.tile(WEEK, 64)[: WHOLE + AHEAD]
    mean[:, WHOLE : WHOLE + 14] *= 1 + extra
    came = rng.poisson(mean).astype(np.float64)
    book = np.zeros((*shape, LEADS + 1))
    left = came.copy()
    for lead in range(LEADS + 1):
        share = 1.0 if lead == 0 else 0.93
        left = rng.binomial(left.astype(int), share).astype(np.float64)
        book[:, :, lead] = left
    ahead = np.arange(WHOLE + AHEAD)[:, None] - np.arange(LEADS + 1)[None, :] > WHOLE - 1
    book[:, ahead] = 0.0
    closed = np.broadcast_to(np.tile(WEEK, 64)[: WHOLE + AHEAD] == 0, shape).copy()
    counts = np.where(closed[:, :WHOLE], np.nan, came[:, :WHOLE])
    hours = np.zeros((len(scale), WHOLE, 24))
    hours[:, :, 9], hours[:, :, 14] = np.nan_to_num(counts) / 2, np.nan_to_num(counts) / 2
    types = np.tile([0.75, 0.25], (len(scale), 1))
    return AskedVisits(
        TODAY, FIRST, tuple(f"loc{k}" for k in range(len(scale))), ("north", "north", "south")[: len(scale)], ("check", "urgent"), counts,
        np.zeros_like(counts), types, hours, book, closed,
    ), mean[:, WHOLE:]  # fmt: skip


def test_days_and_weeks_hold_what_is_true_and_add_up() -> None:
    made, true = asked()
    found = demand_report(made, AHEAD)
    by = {(d.where, d.day): d for d in found.days}
    days = sorted({d.day for d in found.days})
    for day in days:
        parts = [by[f"loc{k}", day].expected for k in range(3)]
        assert by["group", day].expected == pytest.approx(sum(parts))
        assert by["north", day].expected == pytest.approx(sum(parts[:2]))
        assert by["south", day].expected == pytest.approx(parts[2])
        assert by["group", day].closed == (day.weekday() >= 5)
    total = sum(w.expected for w in found.weeks if w.where == "group")
    assert total == pytest.approx(true.sum(), rel=0.04)
    weeks = [w for w in found.weeks if w.where.startswith("loc")]
    truth = true.reshape(3, 4, 7).sum(axis=2).ravel()
    assert np.mean([w.low <= t <= w.high for w, t in zip(weeks, truth, strict=True)]) >= 0.75
    assert found.shares["loc0"] == {"check": 0.75, "urgent": 0.25}
    monday = found.hours["loc0"][0]
    assert monday[9] == pytest.approx(0.5, abs=0.01)


def test_what_is_on_the_book_moves_the_forecast() -> None:
    plain, _ = asked(seed=4)
    busy, true = asked(seed=4, extra=0.5)
    one, other = (demand_report(x, 14) for x in (plain, busy))
    first = (
        [d.expected for d in other.days if d.where == "group"][:5],
        [d.expected for d in one.days if d.where == "group"][:5],
    )
    assert sum(first[0]) > 1.3 * sum(first[1])
    assert sum(first[0]) == pytest.approx(true[:, :5].sum(), rel=0.12)


def test_a_place_of_which_too_little_is_known_is_named_and_left_out() -> None:
    made, _ = asked()
    made.counts[1, :-30] = np.nan
    found = demand_report(made, AHEAD)
    assert set(found.silent) == {"loc1"}
    assert "too-few-days" in found.silent["loc1"]
    assert {d.where for d in found.days} == {"group", "north", "south", "loc0", "loc2"}
    made.counts[:] = np.nan
    with pytest.raises(CannotTell, match="56 open days"):
        demand_report(made, AHEAD)


@pytest.fixture(scope="module")
def group(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    folder = tmp_path_factory.mktemp("group") / "demo"
    make_demo(Order(Group(12, 2, 18), folder, writes="facts"))
    space = Workspace(folder)
    adopt_facts(space, folder / "facts", source="invented", invented=True)
    return space


def test_the_facts_are_counted_as_by_hand(group: Workspace) -> None:
    connection = group.connect(["invented"])
    day = date(2025, 9, 30)
    made = asked_visits(connection, day, 14, {"loc1": "east"})
    (kept,) = connection.execute(
        "SELECT COUNT(*) FROM appointment WHERE local_date <= DATE '2025-09-30' AND channel <> 'walk-in' "
        "AND (status <> 'cancelled' OR late_cancel)"
    ).fetchone()
    assert np.nansum(made.counts) == pytest.approx(kept, rel=0.01)
    assert made.regions == ("east", "")
    # The book of the next day, as it stood on the evening of the as-of date.
    (booked,) = connection.execute(
        "SELECT COUNT(*) FROM appointment WHERE location_id = 'loc1' AND channel <> 'walk-in' AND local_date = DATE '2025-10-01' "
        "AND booked_at < TIMESTAMPTZ '2025-10-01 05:00:00+00' AND (cancelled_at IS NULL OR cancelled_at >= TIMESTAMPTZ '2025-10-01 05:00:00+00')"
    ).fetchone()
    assert made.book[0, made.counts.shape[1], 1] == pytest.approx(booked, abs=2)


def test_what_was_foretold_in_autumn_came_about(group: Workspace) -> None:
    connection = group.connect(["invented"])
    made = asked_visits(connection, date(2025, 9, 30), 28, {})
    found = demand_report(made, 28)
    (came,) = connection.execute(
        "SELECT COUNT(*) FROM appointment WHERE local_date BETWEEN DATE '2025-10-01' AND DATE '2025-10-28' AND channel <> 'walk-in' "
        "AND (status <> 'cancelled' OR late_cancel)"
    ).fetchone()
    weeks = [w for w in found.weeks if w.where == "group"]
    assert sum(w.low for w in weeks) < came < sum(w.high for w in weeks)


def test_the_command_says_it_in_words_json_and_csv(group: Workspace, tmp_path: Path) -> None:
    def run(*words: str, code: int = 0) -> str:
        done = carewheel(["access", "demand", *words], environment={"CAREWHEEL_WORKSPACE": str(group.root)})
        assert done.returncode == code, done.stdout + done.stderr
        assert "Traceback" not in done.stderr
        return done.stdout if not code else done.stderr

    told = json.loads(run("--json"))
    rows = list(csv.DictReader(io.StringIO(run("--csv"))))
    assert len(rows) == len(told["days"]) == 28 * 3
    assert "week from" in run()
    wrong = tmp_path / "regions.csv"
    wrong.write_text("a,b\n1,2\n")
    assert "columns location and region" in run("--regions", str(wrong), code=3)
