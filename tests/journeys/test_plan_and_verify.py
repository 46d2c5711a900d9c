"""From a turn to a plan to a verdict to the next turn, on an invented group in which a play really works, by the command line."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from tests.docs.test_examples_in_pages import ROOT, blocks
from tests.docs.test_tutorial import fits
from tests.forked import carewheel
from tests.remembered import remembered

from carewheel.catalog.play_guesses import play_guesses
from carewheel.invented.demo import Order, make_demo
from carewheel.invented.group import Group, PlannedPlay
from carewheel.invented.truth import change_truth
from carewheel.journeys.look_at_the_wheel import Looked, look
from carewheel.journeys.simulate_the_wheel import simulate_the_wheel
from carewheel.science.causal import Belief
from carewheel.warehouse.adoption import adopt_facts
from carewheel.warehouse.workspace import Workspace
from carewheel.wheel.document import check
from carewheel.wheel.report import render
from carewheel.wheel.roadmap import worth_of_plays
from carewheel.wheel.turn import turn
from carewheel.wheel.verification import beliefs

# Nine places, three years; from January of the third three of them remind everybody by text.
GROUP = Group(7, 9, 36, plays=(PlannedPlay("Q2", 24, (1, 2, 3)),))
MEASURE = "operations.no_show_rate"
BEFORE, AFTER = date(2024, 12, 31), date(2025, 12, 31)
NAME = "Q2-2025-01"


@dataclass
class Practice:
    """An invented group in a workspace, and `carewheel wheel` in it."""

    space: Workspace
    proposed: str = ""

    def __call__(self, words: str, code: int = 0) -> str:
        done = carewheel(["wheel", *words.split()], environment={"CAREWHEEL_WORKSPACE": str(self.space.root)})
        assert done.returncode == code, done.stdout + done.stderr
        assert "Traceback" not in done.stderr
        return done.stdout if code == 0 else done.stdout + done.stderr

    def json(self, words: str) -> Any:
        return json.loads(self(f"{words} --json"))


@pytest.fixture(scope="module")
def group(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Practice]:
    """The group, with its plan proposed, accepted and started at the end of 2024 and verified at the end of 2025."""
    folder = tmp_path_factory.mktemp("group") / "demo"
    make_demo(Order(GROUP, folder, writes="facts"))
    space = Workspace(folder)
    adopt_facts(space, folder / "facts", source="invented", invented=True)
    practice = Practice(space)
    with remembered():
        assert look(space, AFTER, BEFORE).learnt
        at = f"--as-of {BEFORE}"
        practice.proposed = practice(
            f"plan propose Q2 {at} --place loc1 --place loc2 --place loc3 --note everybody"
        )
        practice(f"plan accept {NAME} --owner desk {at}")
        practice(f"plan start {NAME} {at}")
        assert "too early" in practice(f"verify {NAME} --as-of 2025-06-30", 3)
        # From here on commands at the end start from what is learnt here.
        assert look(space, AFTER, AFTER).learnt
        yield practice


@pytest.fixture(scope="module")
def judged(group: Practice) -> str:
    """The first verdict, as it is printed."""
    return group(f"verify {NAME}")


@pytest.fixture(scope="module")
def verdict(group: Practice, judged: str) -> dict[str, Any]:
    found: dict[str, Any] = group.json(f"verify {NAME}")
    return found


@pytest.fixture(scope="module")
def seen(group: Practice, verdict: dict[str, Any]) -> Looked:
    """The wheel at the end, after the verdict."""
    return look(group.space, AFTER, AFTER)


def test_the_verdict_finds_what_the_play_truly_did(verdict: dict[str, Any]) -> None:
    # Truth by intervention: the same people and the same luck, with and without the play, in its first twelve months.
    truth = np.mean([row["mean_effect"][MEASURE] for row in change_truth(GROUP)])
    effect = verdict["verdict"]["effect"]
    assert verdict["verdict"]["conclusion"] == "changed"
    assert verdict["verdict"]["quality"] in ("strong", "moderate")
    assert effect["low"] < truth < effect["high"] < 0
    assert verdict["verdict"]["registered"]


@pytest.fixture
def doubted() -> Iterator[None]:
    """A house that guessed far too little of the play: a tenth fewer no-shows instead of a third."""
    guess = play_guesses()["Q2"]
    play_guesses()["Q2"] = replace(guess, moves=(replace(guess.moves[0], mean=0.9, sd=0.09),))
    yield
    play_guesses()["Q2"] = guess


def worth_of_q2(seen: Looked, sizes: dict[tuple[str, str], tuple[float, float]]) -> Any:
    return next(worth for worth in worth_of_plays(seen.learnt, sizes) if worth.play == "Q2")


def test_the_next_turns_worth_moves_towards_what_is_true(
    seen: Looked, verdict: dict[str, Any], doubted: None
) -> None:
    # In this world the play leaves .66 of the no-shows; the house doubts it, and the verdict teaches it.
    moved = beliefs([verdict["verdict"]])[("Q2", MEASURE)]
    before, after = worth_of_q2(seen, {}), worth_of_q2(seen, {("Q2", MEASURE): (moved.mean, moved.sd)})
    true = worth_of_q2(seen, {("Q2", MEASURE): (0.66, 1e-6)})
    assert abs(after.mean - true.mean) < 0.5 * abs(before.mean - true.mean)
    assert before.mean < after.mean
    assert np.std(after.draws) < np.std(before.draws)


def test_the_turn_itself_carries_plan_verdict_owner_and_the_moved_worth(
    group: Practice, seen: Looked, verdict: dict[str, Any]
) -> None:
    early = turn(group.space, AFTER, BEFORE)
    late = turn(group.space, AFTER, AFTER)
    for document in (early, late):
        as_json = json.loads(json.dumps(document, default=str))
        check(as_json)
    (plan,) = late["plans"]
    assert (plan["id"], plan["state"], plan["owner"]) == (NAME, "started", "desk")
    assert plan["verdict"]["effect"] == verdict["verdict"]["effect"]
    assert early["plans"][0]["verdict"] is None
    assert {a["owner"] for a in late["actions"] if a["play"] == "Q2"} == {"desk"}
    assert {a["owner"] for a in late["actions"] if a["play"] != "Q2"} == {None}
    told = next(play for play in late["roadmap"]["plays"] if play["play"] == "Q2")
    belief = Belief(**verdict["belief"]["after"])
    expected = worth_of_q2(seen, {("Q2", MEASURE): (belief.mean, belief.sd)})
    unmoved = worth_of_q2(seen, {})
    # Three of the nine places have it already: it is valued at the others.
    assert (told["places"], told["in_place"]) == (6, ["loc1", "loc2", "loc3"])
    assert "verdict here on" in told["source"]
    assert float(told["worth"]["mean"]["amount"]) == pytest.approx(expected.mean * 6 / 9, rel=1e-6)
    assert abs(float(told["worth"]["mean"]["amount"]) - unmoved.mean * 6 / 9) > 100
    # Nobody has looked at the plan since it started: that is an alarm.
    alarm = {pitfall["id"]: pitfall for pitfall in late["pitfalls"]}
    assert alarm["no_leadership"]["state"] == "raised"
    assert NAME in alarm["no_leadership"]["evidence"]
    assert alarm["unmeasured_changes"]["state"] == "clear"
    assert {p["id"]: p["state"] for p in early["pitfalls"]}["no_leadership"] == "clear"
    page = render(json.loads(json.dumps(late, default=str)))
    assert "▲ overdue" in page
    assert "desk" in page
    assert "changed: " in page


def test_the_guide_quotes_what_is_printed(group: Practice, judged: str) -> None:
    """Its group is this one: where a number moves, `docs/guides/plan-and-verify.md` is to be put right."""
    proposed, verdict = blocks(ROOT / "docs" / "guides" / "plan-and-verify.md", "text")
    assert fits(f"{proposed}…", group.proposed), group.proposed
    assert fits(f"{verdict}…", judged), judged


def test_the_commands_say_it_too(group: Practice, verdict: dict[str, Any]) -> None:
    (plan,) = group.json("plan list")
    assert (plan["id"], plan["overdue"], plan["verdict"]["conclusion"]) == (NAME, True, "changed")
    assert "overdue" in group("plan list")
    shown = group(f"plan show {NAME}")
    assert "everybody" in shown
    assert f"{BEFORE}  started" in shown
    assert f"is plan {NAME}" in group("verify Q2", 2)
    assert "has started" in group(f"plan propose Q2 --plan {NAME} --place loc1 --start 2026-02", 2)


def test_the_arrows_and_their_worth(group: Practice, seen: Looked) -> None:
    arrows = group("links").splitlines()[2:-2]
    assert len(arrows) == len(seen.learnt.estimates)
    value = group.json("value")
    worths = [float(row["worth"]["mean"]["amount"]) for row in value["links"]]
    assert worths == sorted(worths, reverse=True)
    assert value["drag"]["link"] == value["links"][0]["id"]
    assert {row["into"] for row in value["roadmap"]["reinvestment"]} <= {
        "staff",
        "technology",
        "amenities",
        "marketing",
    }


def test_a_play_alone_is_worth_in_the_simulation_what_it_is_worth_on_the_roadmap(seen: Looked) -> None:
    found = simulate_the_wheel(seen, ["Q2"])
    worth = worth_of_q2(seen, seen.standing.sizes)
    assert found.net_cash[1] == pytest.approx(np.median(worth.draws), rel=1e-9)
    assert found.chance_of_loss == worth.chance_of_loss
    cash = next(line for line in found.lines if line.name == "cash")
    # At the start both runs are one; at the end the play has brought money.
    assert cash.difference[1][0] == 0
    assert cash.difference[1][-1] > 0
    rate = next(line for line in found.lines if line.name == MEASURE)
    assert rate.with_it[1][-1] == pytest.approx(rate.without[1][-1] * 0.66, rel=0.05)


def test_nothing_asked_for_changes_nothing(seen: Looked) -> None:
    found = simulate_the_wheel(seen, [], 12)
    assert found.net_cash == (0.0, 0.0, 0.0)
    for line in found.lines:
        assert len(line.without[1]) == 13
        assert all((band == 0).all() for band in line.difference)
        assert (line.without[0] <= line.without[2]).all()


def test_simulations_are_printed_for_programs_and_spreadsheets(group: Practice) -> None:
    words = "simulate --play Q2 --policy technology=.1 --months 6"
    rows = list(csv.DictReader(io.StringIO(group(f"{words} --csv"))))
    told = group.json(words)
    assert len(rows) == len(told["rows"]) == 7 * len(told["lines"])
    assert float(rows[-1]["with_median"]) == told["rows"][-1]["with_median"]
    low, median, high = (told["net_cash"][key] for key in ("low", "median", "high"))
    assert low < median < high


def test_the_model_is_written_as_xmile(group: Practice, tmp_path: Path) -> None:
    file = tmp_path / "wheel.xmile"
    group(f"export-xmile {file} --play Q2")
    spent = tmp_path / "spent.xmile"
    group(f"export-xmile {spent} --play Q2 --policy staff=.2")
    assert spent.read_text("utf-8") != file.read_text("utf-8")
    root = ET.fromstring(file.read_text("utf-8"))
    space = {"x": "http://docs.oasis-open.org/xmile/ns/XMILE/v1.0"}
    names = {stock.get("name") for stock in root.findall(".//x:stock", space)}
    assert {"active_patients", "staff", "cash", "receivables"} <= names
    assert "is there already" in group(f"export-xmile {file}", 2)


@pytest.mark.parametrize(
    ("words", "saying"),
    [
        ("simulate --play Q9", "There is no play 'Q9'"),
        ("simulate --play F5", "cannot be guessed"),
        ("simulate --months 0", "1 to 120 months"),
        ("simulate --policy technology", "PART=SHARE"),
        ("simulate --policy staff=.1 --policy staff=.2", "staff is given twice"),
        ("simulate --policy moon=.1", "There is no part 'moon'"),
        ("simulate --policy staff=.8 --policy technology=.8", "together"),
        ("verify moon", "no plan and no change"),
        ("plan propose Q2 --place loc99 --start 2026-02", "There is no place loc99"),
        ("plan propose Q2 --start soon", "is no month"),
        ("plan propose Q2 --start 2026-02 --budget lots", "write a number"),
        ("plan accept nope --owner me", "There is no plan 'nope'"),
        ("export-xmile /proc/none/here", "cannot be written"),
        ("export-xmile wheel.xmile --policy moon=.1", "There is no part 'moon'"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(group: Practice, words: str, saying: str) -> None:
    said = group(words, 2)
    assert saying in said.strip().splitlines()[-1], said
