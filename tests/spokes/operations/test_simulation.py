"""A simulated clinic against half-days whose truth is known and against exact evaluation, and the same from facts by the command line."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tests.forked import carewheel
from tests.spokes.operations.test_template import beside, halfdays

from carewheel.invented.demo import Order, make_demo
from carewheel.invented.group import Group
from carewheel.science.refusal import CannotTell
from carewheel.spokes.operations.contracts import Chance
from carewheel.spokes.operations.contracts_simulation import Compared, SimulationReport, SimulationWish
from carewheel.spokes.operations.contracts_template import TemplateWish
from carewheel.spokes.operations.rules.clinic_log import clinic_log
from carewheel.spokes.operations.rules.simulation import simulation_report
from carewheel.spokes.operations.rules.template import template_report
from carewheel.warehouse.adoption import adopt_facts
from carewheel.warehouse.workspace import Workspace


def figure(report: SimulationReport, name: str) -> Compared:
    return next(c for c in report.compared if c.name == name)


def test_what_is_sure_to_happen_is_simulated_to_the_minute() -> None:
    found = simulation_report(halfdays(), SimulationWish(halfdays=40, waiting=1, idle=1, overtime=1.5))
    assert figure(found, "waiting").today.value == pytest.approx(12.5)
    assert figure(found, "waiting").changed.value == pytest.approx(0)
    assert figure(found, "idle").today.value == figure(found, "overtime").today.value == 0
    assert figure(found, "visits kept").today.value == 6
    assert [stage.name for stage in found.stages] == ["visit"]
    assert found.log_wait is not None
    assert found.log_wait.value == pytest.approx(12.5)


def test_the_simulated_half_day_is_the_exact_one_where_both_know_the_same() -> None:
    rng = np.random.default_rng(8)
    n = 600
    missed = (rng.random(n) < 0.25).astype(np.int64)
    # No arrivals on record: punctual, no desk, and the list in its order.
    nothing = np.full(n, -1)
    facts = halfdays(
        apart=20, days=100, minutes=np.maximum(np.rint(rng.gamma(4, 5, n)), 1.0), outcome=missed, arrived=nothing, began=nothing
    )  # fmt: skip
    exact = template_report(facts, TemplateWish())
    found = simulation_report(facts, SimulationWish(halfdays=4000, seed=5))
    for name, today, best in (
        ("waiting", exact.today.wait, exact.best.wait),
        ("idle", exact.today.idle, exact.best.idle),
        ("overtime", exact.today.overtime, exact.best.overtime),
    ):
        seen = figure(found, name)
        for told, simulated in ((today, seen.today), (best, seen.changed), (best - today, seen.difference)):
            error = (simulated.high - simulated.value) / 1.645
            assert abs(simulated.value - told) < 4 * error + 1e-9, name
    assert [times for _, _, option in found.templates for times in option.times] == list(exact.best.times)


def test_the_desk_is_found_in_the_log_and_waited_for() -> None:
    facts = halfdays(apart=30, slots=4)
    at = facts.starts + 180
    facts = replace(facts, roomed=at, began=at, done=at + 1200)
    assert clinic_log(facts, "L1", np.arange(len(facts))).desk == pytest.approx(np.full(180, 3.0))
    found = simulation_report(facts, SimulationWish(halfdays=40))
    assert [(s.name, s.minutes) for s in found.stages] == [
        ("desk", 3.0),
        ("into the room", 0.0),
        ("visit", 20.0),
    ]
    assert figure(found, "waiting").today.value == pytest.approx(3.0)
    assert any("--desks" in doubt for doubt in found.doubts)


def test_a_practitioner_who_begins_late_lets_the_first_wait() -> None:
    facts = halfdays(apart=30, slots=4)
    early = facts.starts - 900
    first = np.arange(len(facts)) % 4 == 0
    began = np.where(first, facts.starts + 480, facts.starts)
    facts = replace(facts, arrived=early, roomed=began, began=began, done=began + 1200)
    found = simulation_report(
        facts, SimulationWish(halfdays=40, change="missed", missed_ratio=Chance(1, 1, 1))
    )
    assert found.late_start == pytest.approx(8.0)
    assert figure(found, "waiting").today.value == pytest.approx(2.0)
    assert figure(found, "waiting").difference == Chance(0, 0, 0)


def test_one_room_for_two_practitioners_makes_patients_wait_and_a_desk_more_cannot_help() -> None:
    one = halfdays(apart=20)
    other = replace(one, provider=np.full(360, "nurse"), of_provider=np.full(60, "nurse"))
    wish = SimulationWish(halfdays=40, change="missed", missed_ratio=Chance(1, 1, 1))
    enough, scarce = (simulation_report(beside(one, other, rooms), wish) for rooms in (2, 1))
    assert (enough.rooms, scarce.rooms) == (2, 1)
    assert figure(enough, "waiting").today.value == pytest.approx(0)
    # Twelve visits of twenty minutes through one room: 240 minutes of work, two by two 20 minutes apart.
    assert figure(scarce, "waiting").today.value == pytest.approx(
        np.mean([20 * (k - k // 2) for k in range(12)])
    )
    assert simulation_report(beside(one, other, 1), replace(wish, rooms=2)).compared == enough.compared


def test_fewer_missed_visits_are_visits_kept() -> None:
    n = 600
    missed = (np.arange(n) % 5 == 0).astype(np.int64)
    facts = halfdays(apart=20, days=100, outcome=missed)
    wish = SimulationWish(halfdays=3000, change="missed", missed_ratio=Chance(0.5, 0.3, 0.7))
    found = simulation_report(facts, wish)
    more = figure(found, "visits kept")
    assert more.difference.low < 6 * 0.2 * 0.5 < more.difference.high
    assert more.by_guess is not None
    assert more.by_guess[0] == pytest.approx(6 * 0.2 * 0.3, rel=0.1)
    assert more.by_guess[1] == pytest.approx(6 * 0.2 * 0.7, rel=0.1)
    assert found.visits_a_month.low < found.visits_a_month.value < found.visits_a_month.high
    assert found.visits_a_month.value == pytest.approx(more.difference.value * found.halfdays_a_month)
    assert simulation_report(facts, wish) == found


@pytest.mark.parametrize(
    ("wish", "code"),
    [
        (SimulationWish(location="nowhere"), "unknown-place"),
        (SimulationWish(change="magic"), "change"),
        (SimulationWish(change="missed"), "change"),
        (SimulationWish(halfdays=3), "too-few-days"),
        (SimulationWish(rooms=0), "no-capacity"),
        (SimulationWish(desks=0), "no-capacity"),
    ],
)
def test_what_cannot_be_is_refused_with_a_remedy(wish: SimulationWish, code: str) -> None:
    with pytest.raises(CannotTell) as refused:
        simulation_report(halfdays(), wish)
    assert refused.value.code == code
    assert refused.value.remedy
    with pytest.raises(CannotTell, match="more of the past"):
        simulation_report(halfdays(days=9), SimulationWish())


@pytest.fixture(scope="module")
def group(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    folder = tmp_path_factory.mktemp("group") / "demo"
    make_demo(Order(Group(13, 2, 16), folder, writes="facts"))
    space = Workspace(folder)
    adopt_facts(space, folder / "facts", source="invented", invented=True)
    return space


def test_the_command_says_it_and_proposes_the_plan(group: Workspace) -> None:
    def run(*words: str, code: int = 0) -> str:
        done = carewheel(["access", *words], environment={"CAREWHEEL_WORKSPACE": str(group.root)})
        assert done.returncode == code, done.stdout + done.stderr
        assert "Traceback" not in done.stderr
        return done.stdout if not code else done.stderr

    told = json.loads(run("simulate", "--json", "--location", "loc1", "--days", "200"))
    report = told["report"]
    seen = {c["name"]: c for c in report["compared"]}
    assert seen["visits kept"]["difference"]["value"] > 0
    assert report["visits_a_month"]["low"] > 0
    assert told["money_a_month"]["low"] > 0
    assert told["currency"]
    # The invented world has desks and late starts of its own: what is simulated is near what its log says.
    assert seen["waiting"]["today"]["value"] == pytest.approx(report["log_wait"]["value"], rel=0.25)
    rows = list(csv.DictReader(io.StringIO(run("simulate", "--csv", "--location", "loc1", "--days", "200"))))
    assert [r["figure"] for r in rows] == list(seen)
    words = run("simulate", "--location", "loc1", "--play", "template", "--days", "200")
    assert "carewheel wheel plan propose F2 --place loc1" in words
    command = told["command"].split()[1:]
    assert command[:3] == ["wheel", "plan", "propose"]
    proposed = run("simulate", "--location", "loc1", "--days", "100", "--propose")
    assert "is written down" in proposed
    again = carewheel(command, environment={"CAREWHEEL_WORKSPACE": str(group.root)})
    assert again.returncode != 0
    assert "Traceback" not in again.stderr
    assert "places with sessions" in run("simulate", "--location", "nowhere", code=3)


def test_an_empty_workspace_is_told_what_to_do(tmp_path: Path) -> None:
    for name in ("template", "simulate"):
        done = carewheel(["access", name, "--workspace", tmp_path / "none"])
        assert done.returncode in (2, 3)
        assert "Traceback" not in done.stderr
        assert done.stderr.strip()
