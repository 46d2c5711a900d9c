"""A purchase from the gate to what became of it, on an invented group in which it really works, by the command line."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from tests.forked import carewheel
from tests.remembered import remembered

from carewheel.invented.demo import Order, make_demo
from carewheel.invented.group import Group, PlannedPlay
from carewheel.journeys.look_at_the_wheel import look
from carewheel.warehouse.adoption import adopt_facts
from carewheel.warehouse.workspace import Workspace

RUN = [sys.executable, "-c", "from carewheel.cli import main; main()"]
# Four places, two and a half years; for the last year two of them remind everybody by text.
GROUP = Group(7, 4, 30, plays=(PlannedPlay("Q2", 18, (1, 2)),))
BEFORE, AFTER = date(2024, 12, 31), date(2025, 12, 31)
PURCHASE = """
title = "Reminders by text"
places = ["loc1", "loc2"]
bought = "2025-01"
months = 36
play = "Q2"

[price]
amount = [4000, 5000, 8000]

[introduction]
adoption = [0.6, 0.9, 1.0]
uptake_months = 1

[upkeep]
a_month = [400, 450, 600]

[facts]
component = "C6"
"""


@dataclass
class Practice:
    """An invented group in a workspace, and `carewheel wheel invest` in it."""

    space: Workspace
    file: Path

    def __call__(self, words: str, code: int = 0) -> str:
        done = carewheel(
            ["wheel", "invest", self.file, *words.split()],
            environment={"CAREWHEEL_WORKSPACE": str(self.space.root)},
        )
        assert done.returncode == code, done.stdout + done.stderr
        assert "Traceback" not in done.stderr
        return done.stdout if code == 0 else done.stderr


@pytest.fixture(scope="module")
def practice(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Practice]:
    folder = tmp_path_factory.mktemp("purchase") / "demo"
    make_demo(Order(GROUP, folder, writes="facts"))
    space = Workspace(folder)
    adopt_facts(space, folder / "facts", source="invented", invented=True)
    file = folder.parent / "reminders.toml"
    file.write_text(PURCHASE, "utf-8")
    with remembered():
        # From here on commands start from these.
        assert all(look(space, AFTER, day).learnt for day in (BEFORE, AFTER))
        yield Practice(space, file)


@pytest.fixture(scope="module")
def actual(practice: Practice) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(practice("--actual --json"))
    return found


def test_the_gate_says_what_it_is_worth_and_to_whom(practice: Practice) -> None:
    text = practice(f"--as-of {BEFORE}")
    for words in (
        "It is worth its money",
        "Probability of loss",
        "Kept visits",
        "What its worth hangs on most",
        "Effect on no-show rate",
    ):
        assert words in text
    assert "\x1b" not in text
    assert text.splitlines()[-2:] == [
        "Next: when months have passed, hold it against the plan.",
        f"carewheel wheel invest {practice.file} --actual",
    ]


def test_the_next_step_of_what_is_not_bought_is_to_say_when_it_is(practice: Practice) -> None:
    file = practice.file.with_name("wished.toml")
    file.write_text(PURCHASE.replace('bought = "2025-01"\n', "").partition("[facts]")[0], "utf-8")
    wished = Practice(practice.space, file)
    assert (
        wished("")
        .splitlines()[-2]
        .startswith('Next: once it is bought, write bought = "YEAR-MONTH" and [facts] into the file; ')
    )
    assert "does not say when it was bought" in wished("--actual", 2)


def test_planned_stands_against_what_the_books_and_the_measures_say(
    practice: Practice, actual: dict[str, Any]
) -> None:
    assert actual["weighed_as_of"] == BEFORE.isoformat()
    found = actual["actual"]
    assert found["months"] == 12
    with closing(practice.space.connect()) as connection:
        ((paid,),) = connection.execute(
            "SELECT sum(amount) FROM investment WHERE component = 'C6' AND location_id IN ('loc1', 'loc2') "
            "AND invested_date BETWEEN DATE '2025-01-01' AND DATE '2025-12-31'"
        ).fetchall()
    assert found["spending"]["actual"] == pytest.approx(-float(paid))
    (seen,) = found["measures"]
    # The change on record is the purchase itself, so it is judged, and in this world it took a third of the missed visits.
    assert seen["found"] is not None, seen["why"]
    assert seen["found"]["low"] < seen["found"]["middle"] < seen["found"]["high"] < 0.02
    assert seen["planned"]["high"] < 0
    by_month = found["money"]["by_month"]
    assert len(by_month) == 13
    assert found["money"]["standing"] in ("below", "within", "above")
    now = found["now"]["present_value"]
    assert now["low"] < now["value"] < now["high"]


def test_before_a_month_has_passed_there_is_nothing_to_hold_against(practice: Practice) -> None:
    assert "no month since then is over" in practice("--actual --as-of 2025-01-20", 2)


def test_a_practice_too_young_to_have_a_before_is_planned_as_it_is_now(practice: Practice) -> None:
    file = practice.file.with_name("early.toml")
    file.write_text(PURCHASE.replace('"2025-01"', '"2023-08"'), "utf-8")
    text = Practice(practice.space, file)("--actual")
    assert "not known well enough" in text
    assert "Spent and brought in" in text
