"""Templates from half-days whose truth is known, refusals, and the same from facts by the command line, in words, numbers and as a picture."""

from __future__ import annotations

import csv
import io
import json
import xml.etree.ElementTree as ET
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pytest
from tests.forked import carewheel

from carewheel.catalog.facts import fact_tables
from carewheel.invented.demo import Order, make_demo
from carewheel.invented.group import Group
from carewheel.science.refusal import CannotTell
from carewheel.spokes.operations.contracts_template import SessionFacts, TemplateWish
from carewheel.spokes.operations.queries_template import session_facts
from carewheel.spokes.operations.rules.sessions import half_days
from carewheel.spokes.operations.rules.template import template_report
from carewheel.warehouse.adoption import adopt_facts
from carewheel.warehouse.workspace import Workspace, select_table

DAY, EIGHT = 86_400, 8 * 3600
PLAIN = TemplateWish(idle=1.0, overtime=1.5)


def halfdays(
    apart: int = 15, slots: int = 6, days: int = 60, length: int = 120, took: float = 20.0, **other: Any
) -> SessionFacts:
    """Half-days of one practitioner, each with ``slots`` visits every ``apart`` minutes that take ``took`` minutes; all come and are punctual."""
    n = days * slots
    session, place = np.repeat(np.arange(days), slots), np.tile(np.arange(slots), days)
    opens = (20_000 + np.arange(days)) * DAY + EIGHT
    starts = opens[session] + place * apart * 60
    began = opens[session] + (np.maximum(place * apart, place * took) * 60).astype(np.int64)
    made: dict[str, Any] = {
        "session": session, "provider": np.full(n, "dr"), "location": np.full(n, "L1"), "visit_type": np.full(n, "check"), "sex": np.full(n, ""),
        "starts": starts, "outcome": np.zeros(n, dtype=np.int64), "walk_in": np.zeros(n, dtype=bool), "lead_days": np.full(n, 5), "planned": np.full(n, 20.0),
        "birth_year": np.zeros(n, dtype=np.int64), "arrived": starts.copy(), "roomed": starts.copy(), "began": began, "in_room": np.zeros(n, dtype=bool), "done": began + int(took * 60),
        "minutes": np.full(n, took), "of_provider": np.full(days, "dr"), "of_location": np.full(days, "L1"), "opens": opens,
        "closes": opens + length * 60, "from_hours": np.ones(days, dtype=bool), "rooms": {"L1": 1},
    }  # fmt: skip
    return SessionFacts(date(2024, 12, 31), date(2024, 1, 1), **{**made, **other})


def test_what_is_sure_to_happen_is_told_to_the_minute() -> None:
    found = template_report(halfdays(), PLAIN)
    assert found.known.slots == 6
    assert found.known.times == (0, 15, 30, 45, 60, 75)
    assert found.known.comes == 1.0
    # Every visit takes five minutes longer than the time to the next.
    assert found.today.wait_at == pytest.approx((0, 5, 10, 15, 20, 25))
    assert found.known.seen_wait is not None
    assert found.known.seen_wait.value == pytest.approx(found.today.wait)
    assert found.best.times == (0, 20, 40, 60, 80, 100)
    assert (found.best.cost, found.best.gap) == pytest.approx((0, 0), abs=1e-6)
    assert found.individual.times == found.best.times
    assert found.bailey_welch.wait_at[:2] == pytest.approx((0, 20))
    assert found.same_idle == pytest.approx(0, abs=1e-9)


def test_the_best_is_no_dearer_than_today_or_a_rule_and_the_frontier_falls() -> None:
    rng = np.random.default_rng(3)
    n = 360
    facts = halfdays(
        apart=20, minutes=np.maximum(rng.gamma(4, 5, n), 2.0), outcome=(rng.random(n) < 0.2).astype(np.int64)
    )
    found = template_report(facts, TemplateWish())
    assert found.known.missed.low < 0.2 < found.known.missed.high
    assert found.best.gap is not None
    assert found.best.gap < 1e-6
    assert found.best.cost <= min(found.today.cost, found.individual.cost, found.bailey_welch.cost) + 1e-9
    lost, waits = np.array([(p.idle + p.overtime, p.wait) for p in found.frontier]).T
    assert (np.diff(lost) < 0).all()
    assert (np.diff(waits) > 0).all()
    assert found.same_idle is not None
    assert all(t % 5 == 0 for t in found.best.times)


def test_a_slot_given_back_late_and_taken_again_is_one_slot() -> None:
    facts = halfdays()
    twice = np.append(np.arange(len(facts)), np.flatnonzero(np.arange(len(facts)) % 6 == 2))
    both = replace(
        facts, **{name: getattr(facts, name)[twice] for name in SessionFacts.__dataclass_fields__
                  if isinstance(getattr(facts, name), np.ndarray) and len(getattr(facts, name)) == len(facts)}
    )  # fmt: skip
    late = both.outcome.copy()
    late[len(facts) :] = 2
    assert half_days(replace(both, outcome=late), "L1", "dr").known == half_days(facts, "L1", "dr").known


def test_without_hours_the_usual_begin_and_end_stand_in() -> None:
    facts = halfdays(apart=20)
    first_free = (
        np.arange(60) % 6 == 0
    )  # now and then the first slot is not booked: the half-day begins as usual all the same
    kept = ~(first_free[facts.session] & (np.arange(len(facts)) % 6 == 0))
    rows = {
        name: getattr(facts, name)[kept] for name in SessionFacts.__dataclass_fields__
        if isinstance(getattr(facts, name), np.ndarray) and len(getattr(facts, name)) == len(facts)
    }  # fmt: skip
    opens = facts.opens + 1200 * first_free
    guessed = replace(facts, **rows, opens=opens, from_hours=np.zeros(60, dtype=bool))
    found = half_days(guessed, "L1", "dr")
    assert found.known.length == 120
    assert found.known.times == (0, 20, 40, 60, 80, 100)
    assert "hours" in found.doubts[0]


def test_without_a_log_planned_minutes_stand_in_and_it_is_said() -> None:
    nothing = np.full(360, -1)
    facts = halfdays(
        minutes=np.full(360, np.nan), arrived=nothing, began=nothing, roomed=nothing, done=nothing
    )
    found = template_report(facts, PLAIN)
    assert (found.known.minutes_by, found.known.early, found.known.seen_wait) == ("plan", None, None)
    assert sum("planned minutes" in d or "on time" in d for d in found.doubts) == 2


def test_who_has_no_log_takes_of_planned_minutes_what_the_others_take() -> None:
    rng = np.random.default_rng(4)
    logged = halfdays(minutes=20.0 * np.exp(rng.normal(0.1, 0.3, 360)))
    nothing = np.full(360, -1)
    silent = halfdays(
        provider=np.full(360, "new"), of_provider=np.full(60, "new"), visit_type=np.full(360, "crown"), planned=np.full(360, 40.0),
        minutes=np.full(360, np.nan), arrived=nothing, began=nothing, roomed=nothing, done=nothing,
    )  # fmt: skip
    both = beside(logged, silent)
    found = half_days(both, "L1", "new").known
    assert found.minutes_by == "model"
    assert found.minutes[0] == pytest.approx(2 * half_days(both, "L1", "dr").known.minutes[0], rel=0.1)


def beside(one: SessionFacts, other: SessionFacts, rooms: int = 2) -> SessionFacts:
    """Two practitioners on the same half-days."""
    made: dict[str, Any] = {
        name: np.concatenate([getattr(one, name), getattr(other, name)])
        for name in SessionFacts.__dataclass_fields__
        if isinstance(getattr(one, name), np.ndarray)
    }
    made["session"] = np.concatenate([one.session, other.session + one.opens.size])
    return replace(one, **made, rooms={"L1": rooms})


def test_a_slot_is_kept_open_where_those_who_book_ahead_stay_away() -> None:
    n = 360
    today = np.arange(n) % 6 >= 3
    missed = ~today & (np.arange(n) % 2 == 0)
    found = template_report(halfdays(lead_days=np.where(today, 0, 9), outcome=missed.astype(np.int64)), PLAIN)
    slots = found.open_slots
    assert slots is not None
    assert (slots.asked_ahead, slots.asked_today) == (3, 3)
    assert slots.keep == 3
    unknown = template_report(halfdays(lead_days=np.full(n, -1)), PLAIN)
    assert unknown.open_slots is None
    assert unknown.why_no_open_slots


def test_overbooking_keeps_the_waits_of_groups_alike_and_shows_the_price() -> None:
    n = 600
    sex = np.where(np.arange(n) % 2 == 0, "female", "male")
    missed = np.where(sex == "male", np.arange(n) % 5 < 3, np.arange(n) % 10 == 0).astype(np.int64)
    facts = halfdays(apart=20, days=100, sex=sex, outcome=missed)
    plain = template_report(facts, TemplateWish())
    assert plain.overbooking is None
    assert plain.why_no_overbooking
    found = template_report(facts, TemplateWish(overbook="sex")).overbooking
    assert found is not None
    assert found.extra >= 1
    assert found.comes["female"] > found.comes["male"] + 0.3
    assert found.gap <= 0.05 + 1e-9
    assert found.cost >= found.free_cost - 1e-9
    assert found.cost < found.plain_cost


def test_the_type_of_well_known_length_goes_first() -> None:
    """Three places each of visits that take 20 minutes, and of such that take 5 or 35: who is sure makes nobody wait."""
    n = 360
    unsure = np.arange(n) % 2 == 1
    minutes = np.where(unsure, np.where(np.arange(n) % 4 == 1, 5.0, 35.0), 20.0)
    facts = halfdays(minutes=minutes, visit_type=np.where(unsure, "unsure", "sure"))
    found = template_report(facts, replace(PLAIN, sequence=True)).sequence
    assert found is not None
    assert [(k.visit_type, k.places, k.comes, k.minutes) for k in found.types] == [
        ("sure", 3, 1.0, (20.0, 0.0)), ("unsure", 3, 1.0, (20.0, pytest.approx(15.0)))
    ]  # fmt: skip
    assert found.order == ("sure",) * 3 + ("unsure",) * 3
    # Three of 20 minutes one after the other: nobody waits, nobody idles.
    assert found.ordered.times[:4] == (0.0, 20.0, 40.0, 60.0)
    assert found.ordered.wait_at[:3] == pytest.approx((0.0, 0.0, 0.0))
    assert found.ordered.cost < 0.9 * found.any_best.cost
    assert found.any_best.cost < found.any_today.cost + 1e-9


def test_without_two_types_no_order_is_told() -> None:
    found = template_report(halfdays(), replace(PLAIN, sequence=True))
    assert found.sequence is None
    assert "two types" in found.why_no_sequence


@pytest.mark.parametrize(
    ("facts", "wish", "code"),
    [
        (halfdays(days=10), PLAIN, "too-few-sessions"),
        (halfdays(), TemplateWish(location="nowhere"), "unknown-place"),
        (halfdays(), TemplateWish(practitioner="nobody"), "unknown-practitioner"),
        (halfdays(), TemplateWish(visit_type="crown"), "unknown-type"),
        (halfdays(), TemplateWish(waiting=0, idle=0, overtime=0), "weights"),
        (halfdays(), TemplateWish(grid=200), "grid"),
        (halfdays(), TemplateWish(overbook="sex"), "one-group"),
        (halfdays(), TemplateWish(overbook="income"), "unknown-attribute"),
        (halfdays(minutes=np.full(360, np.nan), planned=np.zeros(360)), PLAIN, "no-minutes"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused_with_a_remedy(facts: SessionFacts, wish: TemplateWish, code: str) -> None:
    with pytest.raises(CannotTell) as refused:
        template_report(facts, wish)
    assert refused.value.code == code
    assert refused.value.remedy


def test_hand_written_facts_become_half_days() -> None:
    connection = duckdb.connect()
    for table in fact_tables().values():
        connection.execute(f"CREATE TABLE {table.name} AS {select_table(table, None)}")

    def add(table: str, **row: Any) -> None:
        connection.execute(
            f"INSERT INTO {table} BY NAME SELECT {', '.join(f'? AS {name}' for name in row)}",
            list(row.values()),
        )

    def at(clock: str) -> str:
        return f"2025-06-03 {clock}:00+00"

    usual = {
        "provider_key": "dr",
        "location_id": "L1",
        "zone": "Europe/London",
        "local_date": "2025-06-03",
        "patient_key": "p",
        "channel": "phone",
    }
    for visit, clock, status, more in (
        ("a", "08:00", "fulfilled", {"booked_at": "2025-06-01 09:00:00+00"}),
        ("b", "08:30", "noshow", {}),
        ("c", "12:30", "fulfilled", {"channel": "walk_in"}),
        ("d", "09:00", "cancelled", {"late_cancel": True}),
        ("e", "09:30", "cancelled", {"late_cancel": False}),
    ):
        add(
            "appointment",
            **{
                **usual,
                "appointment_id": visit,
                "starts_at": at(clock),
                "status": status,
                "minutes": 30.0,
                **more,
            },
        )
    for visit, event, clock in (
        ("a", "arrived", "07:50"), ("a", "roomed", "08:00"), ("a", "with-clinician", "08:05"), ("a", "done", "08:25"),
        ("c", "arrived", "12:30"), ("c", "roomed", "12:40"), ("c", "done", "13:00"),
    ):  # fmt: skip
        add(
            "visit_event",
            appointment_id=visit,
            event=event,
            happened_at=at(clock),
            location_id="L1",
            zone="Europe/London",
        )
    found = session_facts(connection, date(2025, 6, 30))
    assert found.outcome.tolist() == [0, 1, 2, 0]  # cancelled in good time is no visit
    assert found.minutes[[0, 3]].tolist() == [20.0, 20.0]
    assert np.isnan(found.minutes[[1, 2]]).all()
    assert found.in_room.tolist() == [False, False, False, True]
    assert found.walk_in.tolist() == [False, False, False, True]
    assert found.lead_days.tolist() == [2, -1, -1, -1]
    # British summer time: nine o'clock and half past one, in two halves of the day that are guessed.
    assert (found.starts % DAY // 60).tolist() == [540, 570, 600, 810]
    assert found.session.tolist() == [0, 0, 0, 1]
    assert not found.from_hours.any()
    for clock in ("08:00", "13:00"):
        hours = {
            **usual,
            "kind": "open",
            "starts_at": at(clock),
            "ends_at": at("16:00" if clock == "13:00" else "12:00"),
        }
        add(
            "availability",
            **{name: value for name, value in hours.items() if name not in ("patient_key", "channel")},
        )
    known = session_facts(connection, date(2025, 6, 30))
    assert known.from_hours.all()
    assert len(known) == 3  # the walk-in came between the sessions
    with pytest.raises(CannotTell, match="read appointments"):
        session_facts(connection, date(2020, 1, 1))


@pytest.fixture(scope="module")
def group(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    folder = tmp_path_factory.mktemp("group") / "demo"
    make_demo(Order(Group(13, 2, 14), folder, writes="facts"))
    space = Workspace(folder)
    adopt_facts(space, folder / "facts", source="invented", invented=True)
    return space


def test_the_facts_are_the_half_days_of_the_log(group: Workspace) -> None:
    connection = group.connect(["invented"])
    facts = session_facts(connection, date(2025, 12, 31))
    (came, minutes) = connection.execute(
        "SELECT COUNT(*), AVG(m) FROM (SELECT EPOCH(MAX(happened_at) FILTER (event = 'done') - MIN(happened_at) FILTER (event = 'with-clinician')) / 60 AS m "
        "FROM visit_event JOIN appointment USING (appointment_id) WHERE appointment.local_date > DATE '2025-01-01' AND appointment.local_date <= DATE '2025-12-31' "
        "AND status = 'fulfilled' GROUP BY appointment_id)"
    ).fetchone()
    assert (facts.outcome == 0).sum() == pytest.approx(came, rel=0.01)
    assert np.nanmean(facts.minutes) == pytest.approx(minutes, rel=0.01)
    assert facts.from_hours.all()
    assert (facts.starts >= facts.opens[facts.session]).all()
    assert (facts.starts < facts.closes[facts.session]).all()
    assert not np.isnan(facts.minutes[facts.outcome == 0]).any()


def test_the_command_says_it_in_words_json_csv_and_a_picture(group: Workspace, tmp_path: Path) -> None:
    def run(*words: str, code: int = 0) -> str:
        done = carewheel(["access", "template", *words], environment={"CAREWHEEL_WORKSPACE": str(group.root)})
        assert done.returncode == code, done.stdout + done.stderr
        assert "Traceback" not in done.stderr
        return done.stdout if not code else done.stderr

    picture = tmp_path / "times.svg"
    told = json.loads(run("--json", "--location", "loc1", "--picture", str(picture)))
    assert told["best"]["cost"] <= told["today"]["cost"] + 1e-9
    rows = list(csv.DictReader(io.StringIO(run("--csv", "--location", "loc1"))))
    assert [r["template"] for r in rows][:4] == ["today", "best", "individual", "Bailey–Welch"]
    assert len(rows) == 4 + len(told["frontier"])
    drawn = ET.parse(picture).getroot()
    words = "".join(drawn.itertext())
    # All that the picture shows stands in its words as well.
    for row in rows[:4]:
        assert f"waits {float(row['wait']):.1f}, idle {float(row['idle']):.1f}" in words
    assert len([e for e in drawn.iter() if e.get("class") == "dot"]) == len(told["frontier"])
    assert "prefers-color-scheme:dark" in words
    words = run("--location", "loc1", "--sequence")
    assert "Proved" in words
    assert "any order, best times" in words
    assert "places with sessions" in run("--location", "nowhere", code=3)
    assert "folder that exists" in run(
        "--location", "loc1", "--picture", str(tmp_path / "no" / "x.svg"), code=3
    )
